# Vectorcalls for our callable types: the only place that reads or writes the slots of a type.
#
# A vectorcall needs no tuple of arguments. Cython does not generate vectorcalls for `__call__`,
# so the slots are set here.

cdef extern from "Python.h":
    ctypedef PyObject *(*ternaryfunc)(PyObject *, PyObject *, PyObject *) except NULL
    ctypedef struct CallSlots "PyTypeObject":
        ternaryfunc tp_call
        Py_ssize_t tp_vectorcall_offset
        unsigned long tp_flags

    CallSlots *slots_of "Py_TYPE"(PyObject *value) noexcept
    PyObject *PyVectorcall_Call(PyObject *, PyObject *, PyObject *) except NULL
    unsigned long Py_TPFLAGS_HAVE_VECTORCALL
    int PY_VERSION_HEX


cdef int let_vectorcall(kind, base) except -1:
    """Enable vectorcall for a subclass, unless it overrides `__call__`.

    Before Python 3.12, a class written in Python does not inherit vectorcall. Later ones do, so
    this writes nothing there, where other threads may call an instance meanwhile.
    """
    if PY_VERSION_HEX >= 0x030C0000:
        return 0
    cdef CallSlots *slots = <CallSlots *> <PyObject *> kind
    cdef CallSlots *inherited = <CallSlots *> <PyObject *> base
    if slots.tp_call == inherited.tp_call:
        slots.tp_vectorcall_offset = inherited.tp_vectorcall_offset
        slots.tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL
    return 0


cdef inline bint is_patched(PyObject *called, base) noexcept:
    """Return whether `__call__` was set on the class later, which Python 3.11 does not notice."""
    return slots_of(called).tp_call != (<CallSlots *> <PyObject *> base).tp_call


cdef PyObject *call_patched(PyObject *called, tuple args) except NULL:
    return slots_of(called).tp_call(called, <PyObject *> args, NULL)


cdef int make_callable(kind, Py_ssize_t offset) except -1:
    """Set the slots of a type whose instances hold their vectorcall function at `offset`."""
    cdef CallSlots *slots = <CallSlots *> <PyObject *> kind
    slots.tp_vectorcall_offset = offset
    slots.tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL
    if slots.tp_call == NULL:
        slots.tp_call = PyVectorcall_Call
    return 0


cdef int set_slots() except -1:
    cdef Wrapper wrapper = Wrapper.__new__(Wrapper)
    cdef ASGICall asgi = ASGICall.__new__(ASGICall)
    cdef WSGICall wsgi = WSGICall.__new__(WSGICall)
    make_callable(Wrapper, <char *> &wrapper.vectorcall - <char *> <PyObject *> wrapper)
    make_callable(ASGICall, <char *> &asgi.vectorcall - <char *> <PyObject *> asgi)
    make_callable(WSGICall, <char *> &wsgi.vectorcall - <char *> <PyObject *> wsgi)
    return 0


set_slots()
