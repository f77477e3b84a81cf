# The object that an application gets as `send` or `start_response`, one per request. ASGICall and
# WSGICall create it and choose the function that it calls. The garbage collector must track it,
# because an application may store it in a reference cycle.

# A chain of wrappers is called and freed recursively, on a stack of maybe only 128 kB.
cdef int MOST_NESTED = 200


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
    cdef object decision  # a Decision, or a policy of the pure engine and its decision
    cdef object inner
    cdef int depth  # the number of wrappers inside


cdef inline Wrapper new_wrapper(void *vectorcall, object decision, object inner):
    cdef Wrapper made = Wrapper.__new__(Wrapper)
    made.vectorcall = <vectorcallfunc> vectorcall
    made.decision = decision
    made.inner = inner
    if unlikely(type(inner) is Wrapper):
        made.depth = depth_around(<Wrapper> inner)
    return made


cdef int depth_around(Wrapper inner) except -1:
    if inner.depth == MOST_NESTED:
        raise RecursionError(f"a chain of more than {MOST_NESTED} middlewares")
    return inner.depth + 1


cdef object merged_slowly(Wrapper self, object headers, bint text):
    """Return a response's headers with the decision applied, for a policy of either engine."""
    decision = self.decision
    if type(decision) is Decision:
        keep = (<Decision> decision).template.keep_existing
        return merge_into(<Decision> decision, headers, text, keep)
    policy, decision = decision
    return (policy.apply_wsgi if text else policy.apply_asgi)(decision, headers)
