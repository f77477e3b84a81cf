# The object that an application gets as `send` or `start_response`, one per request. ASGICall and
# WSGICall create it and choose the function that it calls. The garbage collector must track it,
# because an application may store it in a reference cycle.


@cython.final
@cython.internal
@cython.freelist(64)
# The garbage collector must not clear it, because it stays callable until it is freed. Other objects
# in a cycle can be cleared instead, as with tuples.
@cython.no_gc_clear
cdef class Wrapper:
    """A callable that replaces `inner`, which belongs to the server."""

    __signature__ = Inspected("__signature__")
    _is_coroutine_marker = Inspected("_is_coroutine_marker")
    _is_coroutine = Inspected("_is_coroutine")

    cdef vectorcallfunc vectorcall
    cdef object call  # ASGICall or WSGICall
    cdef object decision
    cdef object inner


cdef inline Wrapper new_wrapper(
    vectorcallfunc vectorcall, object call, object decision, object inner
):
    cdef Wrapper made = Wrapper.__new__(Wrapper)
    made.vectorcall = vectorcall
    made.call = call
    made.decision = decision
    made.inner = inner
    return made
