# The object that an application gets as `send` or `start_response`, one per request. ASGICall and
# WSGICall create it and choose the function that it calls. The garbage collector must track it,
# because an application may store it in a reference cycle.

cdef extern from *:
    """
    typedef struct {
        PyObject_HEAD
        vectorcallfunc vectorcall;
        PyObject *call;
        PyObject *decision;
        PyObject *inner;
    } corsfast_around;

    static corsfast_kept corsfast_kept_arounds;

    static inline PyObject *
    corsfast_fill_around(PyTypeObject *type, vectorcallfunc vectorcall, PyObject *call,
                         PyObject *decision, PyObject *inner)
    {
        PyObject *taken = corsfast_take(&corsfast_kept_arounds);
        corsfast_around *made = (corsfast_around *)taken;
        if (made == NULL && (made = PyObject_GC_New(corsfast_around, type)) == NULL) {
            return NULL;
        }
        Py_INCREF(call);
        Py_INCREF(decision);
        Py_INCREF(inner);
        made->vectorcall = vectorcall;
        made->call = call;
        made->decision = decision;
        made->inner = inner;
        PyObject_GC_Track((PyObject *)made);
        return (PyObject *)made;
    }

    static void
    corsfast_free_around(PyObject *object)
    {
        corsfast_around *dead = (corsfast_around *)object;
        PyObject_GC_UnTrack(object);
        Py_DECREF(dead->call);
        Py_DECREF(dead->decision);
        Py_DECREF(dead->inner);
        corsfast_keep(&corsfast_kept_arounds, object);
    }
    """
    PyObject *fill_around "corsfast_fill_around"(
        PyTypeObject *type,
        vectorcallfunc vectorcall,
        PyObject *call,
        PyObject *decision,
        PyObject *inner,
    ) except NULL
    void free_around "corsfast_free_around"(PyObject *) noexcept
    Py_ssize_t SIZE_OF_AROUND "sizeof(corsfast_around)"


@cython.final
@cython.internal
@cython.no_gc_clear  # callable until it is freed; as for tuples, other objects break cycles
cdef class Around:
    """A callable that replaces `inner`, which belongs to the server."""

    __signature__ = Inspected("__signature__")
    _is_coroutine_marker = Inspected("_is_coroutine_marker")
    _is_coroutine = Inspected("_is_coroutine")

    # The order must match the struct `corsfast_around`.
    cdef vectorcallfunc vectorcall
    cdef object call  # ASGICall or WSGICall
    cdef object decision
    cdef object inner


(<TypeSlots *> Around).tp_dealloc = free_around
assert Around.__basicsize__ == SIZE_OF_AROUND


cdef inline Around new_around(
    vectorcallfunc vectorcall, PyObject *call, PyObject *decision, PyObject *inner
):
    return <Around> owned(
        fill_around(<PyTypeObject *> Around, vectorcall, call, decision, inner)
    )


# -- the slots -------------------------------------------------------------------------------


cdef int set_around_slots() except -1:
    cdef PyObject *none = <PyObject *> None
    cdef Around around = new_around(NULL, none, none, none)
    make_callable(Around, <char *> &around.vectorcall - <char *> <PyObject *> around)
    return 0


set_around_slots()
