# The answer to a preflight over ASGI, compiled: a coroutine that sends two messages.
#
# Place in the flow: a part of _native.pyx; Decision -> what the server awaits. Its twin is
# `answer_asgi` in middleware/_calls.py.
# Never: be an `async def`: a compiled one wraps each coroutine that it waits for in an object
# of its own, which costs as much as the rest of the answer.

cdef extern from "Python.h":
    bint PyCoro_CheckExact(object value) noexcept
    bint PyGen_CheckExact(object value) noexcept
    bint PyIter_Check(object value) noexcept
    int PyIter_Send(PyObject *iterator, PyObject *value, PyObject **result) except -1
    int PYGEN_NEXT
    int PYGEN_RETURN
    int CO_ITERABLE_COROUTINE

    ctypedef PyObject *(*unaryfunc)(PyObject *) except NULL
    ctypedef int (*sendfunc)(PyObject *, PyObject *, PyObject **) except -1
    ctypedef struct AsyncSlots "PyAsyncMethods":
        unaryfunc am_await
        sendfunc am_send
    ctypedef struct AsyncType "PyTypeObject":
        AsyncSlots *tp_as_async

    AsyncType *async_type "Py_TYPE"(object value) noexcept

cdef extern from *:
    """
    /* For an error that is set already. */
    static inline int corsfast_is_set(void) { return -1; }
    """
    int raise_what_is_set "corsfast_is_set"() except -1


@cython.final
@cython.internal
@cython.freelist(16)
cdef class ASGIAnswer:
    """It hands through whatever the server's `send` waits for."""

    cdef object give  # the server's `send`
    cdef dict message  # the next one; None => there is none any more
    cdef dict last  # not to be handed out, but a copy of it
    cdef object sending  # what `give` answered to the message before; None => nothing

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return self.send(None)

    def send(self, value, /):
        cdef PyObject *step
        if go_on(<PyObject *> self, <PyObject *> value, &step) == PYGEN_NEXT:
            return owned(step)
        Py_DECREF(step)
        raise StopIteration

    def throw(self, error, value=None, traceback=None, /):
        # https://peps.python.org/pep-0380/#formal-semantics: what is waited for need not have
        # `throw`, nor `close`; awaitables that are written in Rust or C often do not.
        sending = self.sending
        throw = getattr(sending, "throw", None)
        if throw is None:
            self.close()
            raise error if value is None else value
        try:
            return throw(error if value is None else value)
        except StopIteration:
            self.sending = None
        return self.send(None)

    def close(self):
        sending, self.sending, self.message = self.sending, None, None
        close = getattr(sending, "close", None)
        if close is not None:
            close()


cdef int go_on(PyObject *answer, PyObject *value, PyObject **result) except -1:
    """What PyIter_Send does with it: PYGEN_NEXT and what it waits for, or PYGEN_RETURN and None."""
    cdef ASGIAnswer self = <ASGIAnswer> answer
    result[0] = NULL
    while True:
        if self.sending is None:
            if self.message is None:
                Py_INCREF(<PyObject *> None)
                result[0] = <PyObject *> None
                return PYGEN_RETURN
            send_next(self)
            value = <PyObject *> None
        if PyIter_Send(<PyObject *> self.sending, value, result) == PYGEN_NEXT:
            return PYGEN_NEXT
        Py_DECREF(result[0])
        self.sending = None


cdef int send_next(ASGIAnswer self) except -1:
    cdef PyObject *given[2]
    cdef PyObject *awaitable
    message = self.message
    self.message = None
    given[1] = <PyObject *> message
    awaitable = vectorcall(
        <PyObject *> self.give, given + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL
    )
    if unlikely(awaitable == NULL):
        raise_but_stop()
    self.sending = iterator_of(owned(awaitable))
    # Only now: after an error nothing more is sent.
    if self.last is not None:
        self.message = self.last.copy()
        self.last = None
    return 0


cdef int raise_but_stop() except -1:
    """Raise what is set; but a StopIteration would end the coroutine as if all had been sent."""
    try:
        raise_what_is_set()
    except StopIteration as error:
        raise RuntimeError("coroutine raised StopIteration") from error


cdef inline object iterator_of(object awaitable):
    """What `await` drives: https://docs.python.org/3/reference/datamodel.html#awaitable-objects"""
    return awaitable if PyCoro_CheckExact(awaitable) else iterator_of_another(awaitable)


cdef object iterator_of_another(object awaitable):
    cdef AsyncSlots *slots = async_type(awaitable).tp_as_async
    if PyGen_CheckExact(awaitable) and awaitable.gi_code.co_flags & CO_ITERABLE_COROUTINE:
        return awaitable
    if slots == NULL or slots.am_await == NULL:
        raise TypeError(f"object {type(awaitable).__name__} can't be used in 'await' expression")
    iterator = owned(slots.am_await(<PyObject *> awaitable))
    if not PyIter_Check(iterator):
        raise TypeError(f"__await__() returned non-iterator of type '{type(iterator).__name__}'")
    return iterator


cdef vectorcallfunc make_answer = (<TypeSlots *> ASGIAnswer).tp_vectorcall
# With it nothing of a StopIteration is made and caught at the end.
(<AsyncType *> <PyObject *> ASGIAnswer).tp_as_async.am_send = go_on


cdef ASGIAnswer new_answer(object give, dict message, dict last):
    cdef PyObject *made = make_answer(<PyObject *> ASGIAnswer, NULL, 0, NULL)
    if made == NULL:
        raise MemoryError
    cdef ASGIAnswer answer = <ASGIAnswer> owned(made)
    answer.give = give
    answer.message = message
    answer.last = last
    return answer
