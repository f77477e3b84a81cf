# A free list for Decision and Around. Allocating and freeing a Cython object costs more than
# matching an origin. The list has no lock, so it is disabled in interpreters without the GIL.

cdef extern from *:
    """
    #ifdef Py_GIL_DISABLED
    #define CORSFAST_MOST_KEPT 0
    #else
    #define CORSFAST_MOST_KEPT 64
    #endif

    /* Dead objects of one type. */
    typedef struct {
        PyObject *objects[CORSFAST_MOST_KEPT + 1]; /* + 1 because C has no empty arrays */
        int count;
    } corsfast_kept;

    /* Return an object to fill, with one reference. Return NULL, without an error, if the list
     * is empty. */
    static inline PyObject *
    corsfast_take(corsfast_kept *kept)
    {
        PyObject *object;
        if (kept->count == 0) {
            return NULL;
        }
        object = kept->objects[--kept->count];
    #if defined(Py_REF_DEBUG) || defined(Py_TRACE_REFS)
        _Py_NewReference(object); /* these builds track all objects */
    #else
        Py_SET_REFCNT(object, 1); /* saves a call; memory tracers see one long-lived object */
    #endif
        return object;
    }

    /* Put an object whose references are released on the list, or free it if the list is full. */
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
