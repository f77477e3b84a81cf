# The memory of dead objects, kept for the next request: what Cython makes of an object's birth
# and death costs more than matching an origin does.
#
# Place in the flow: a part of native.pyx; Decision and Around use it.
# Never: keep anything where another thread could take it at the same time.

cdef extern from *:
    """
    #ifdef Py_GIL_DISABLED
    #define CORSFAST_MOST_KEPT 0
    #else
    #define CORSFAST_MOST_KEPT 64
    #endif

    /* Objects of one type. */
    typedef struct {
        PyObject *objects[CORSFAST_MOST_KEPT + 1]; /* + 1: no array of C is empty */
        int count;
    } corsfast_kept;

    /* An object to be filled, with one reference; NULL, without an error, if none is kept. */
    static inline PyObject *
    corsfast_take(corsfast_kept *kept)
    {
        PyObject *object;
        if (kept->count == 0) {
            return NULL;
        }
        object = kept->objects[--kept->count];
    #if defined(Py_REF_DEBUG) || defined(Py_TRACE_REFS)
        _Py_NewReference(object); /* these interpreters keep count of all objects */
    #else
        Py_SET_REFCNT(object, 1); /* spares a call; tracers of memory see one long life */
    #endif
        return object;
    }

    /* The end of an object that holds nothing any more. */
    static inline void
    corsfast_keep(corsfast_kept *kept, PyObject *object)
    {
        if (kept->count < CORSFAST_MOST_KEPT) {
            kept->objects[kept->count++] = object;
        }
        else {
            PyTypeObject *type = Py_TYPE(object);
            type->tp_free(object);
            if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) {
                Py_DECREF(type);
            }
        }
    }
    """
