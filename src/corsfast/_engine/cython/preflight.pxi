# The compiled answer to a preflight over ASGI: a coroutine that sends two messages. Its Python
# twin is `answer_asgi` in middleware/_generic/handlers.py.
#
# It is not an `async def`, because Cython wraps each coroutine that an `async def` awaits in
# another object. That costs as much as the rest of the answer.

cdef extern from "Python.h":
    bint PyCoro_CheckExact(object value) noexcept
    bint PyGen_CheckExact(object value) noexcept
    bint PyIter_Check(object value) noexcept
    int PyIter_Send(PyObject *iterator, PyObject *value, PyObject **result) except -1
    int PYGEN_NEXT
    int PYGEN_RETURN
    int CO_ITERABLE_COROUTINE

    ctypedef PyObject *(*unaryfunc)(PyObject *) noexcept
    ctypedef int (*sendfunc)(PyObject *, PyObject *, PyObject **) except -1
    ctypedef struct AsyncSlots "PyAsyncMethods":
        unaryfunc am_await
        sendfunc am_send
    ctypedef struct AsyncType "PyTypeObject":
        AsyncSlots *tp_as_async

    AsyncType *async_type "Py_TYPE"(object value) noexcept

cdef extern from *:
    """
    /* Report an error that is already set. */
    static inline int corsfast_is_set(void) { return -1; }
    """
    int raise_what_is_set "corsfast_is_set"() except -1


# An answer is run by one caller at a time, and only once.
cdef enum AnswerState:
    ANSWER_WAITS = 0
    ANSWER_RUNS
    ANSWER_IS_OVER


@cython.final
@cython.internal
@cython.freelist(16)
cdef class ASGIAnswer:
    """A coroutine that sends an answer and passes on everything that the server's `send` awaits."""

    cdef object give  # the server's `send`
    cdef dict message  # the next message; None => all are sent
    cdef dict last  # shared, so a copy of it is sent; None => `message` is the last one
    cdef object sending  # the iterator that `give` returned for the last message, or None
    cdef AnswerState state  # ANSWER_RUNS => only the running caller can release `sending`

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
        # The awaited iterator may lack `throw` and `close`. Awaitables written in Rust or C often
        # do. https://peps.python.org/pep-0380/#formal-semantics
        begin(self)
        try:
            if value is not None:
                error = value
            throw = getattr(self.sending, "throw", None)
            if throw is None:
                close_what(self.sending)
                raise_this_but_stop(error)
            try:
                step = throw(error)
            except StopIteration:
                self.sending = None
            else:
                self.state = ANSWER_WAITS
                return step
            self.state = ANSWER_WAITS
        finally:
            end_if_running(self)
        return self.send(None)

    def close(self):
        if self.state == ANSWER_IS_OVER:
            return
        begin(self)
        try:
            close_what(self.sending)
        finally:
            end_if_running(self)


cdef int begin(ASGIAnswer self) except -1:
    if self.state == ANSWER_RUNS:
        raise ValueError("coroutine already executing")
    if self.state == ANSWER_IS_OVER:
        raise RuntimeError("cannot reuse already awaited coroutine")
    self.state = ANSWER_RUNS
    return 0


cdef int end_if_running(ASGIAnswer self) except -1:
    if self.state == ANSWER_RUNS:
        self.state = ANSWER_IS_OVER
        self.sending = self.message = None
    return 0


cdef int close_what(object sending) except -1:
    close = getattr(sending, "close", None)
    if close is not None:
        close()
    return 0


cdef int go_on(PyObject *answer, PyObject *value, PyObject **result) except -1:
    """Run the answer up to its next wait: the slot that PyIter_Send calls.

    The result is PYGEN_NEXT and the awaited value, or PYGEN_RETURN and None.
    """
    cdef ASGIAnswer self = <ASGIAnswer> answer
    result[0] = NULL
    begin(self)
    try:
        if unlikely(value != <PyObject *> None and self.sending is None):
            self.state = ANSWER_WAITS
            raise TypeError("can't send non-None value to a just-started coroutine")
        while True:
            if self.sending is None:
                if self.message is None:
                    Py_INCREF(<PyObject *> None)
                    result[0] = <PyObject *> None
                    return PYGEN_RETURN
                send_next(self)
                value = <PyObject *> None
            if PyIter_Send(<PyObject *> self.sending, value, result) == PYGEN_NEXT:
                self.state = ANSWER_WAITS
                return PYGEN_NEXT
            Py_DECREF(result[0])
            self.sending = None
    finally:
        end_if_running(self)


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
    # Set the next message only now, because nothing more is sent after an error.
    if self.last is not None:
        self.message = self.last.copy()
        self.last = None
    return 0


cdef int raise_but_stop() except -1:
    """Raise the error that is set, and turn a StopIteration into a RuntimeError.

    A StopIteration would end the coroutine as if all messages had been sent.
    """
    try:
        raise_what_is_set()
    except StopIteration as error:
        raise RuntimeError("coroutine raised StopIteration") from error


cdef int raise_this_but_stop(object error) except -1:
    try:
        raise error
    except StopIteration as stop:
        raise RuntimeError("coroutine raised StopIteration") from stop


cdef inline object iterator_of(object awaitable):
    """Return the iterator that `await` would use.

    https://docs.python.org/3/reference/datamodel.html#awaitable-objects
    """
    return awaitable if PyCoro_CheckExact(awaitable) else iterator_of_another(awaitable)


cdef object iterator_of_another(object awaitable):
    cdef AsyncSlots *slots = async_type(awaitable).tp_as_async
    cdef PyObject *found
    if PyGen_CheckExact(awaitable) and awaitable.gi_code.co_flags & CO_ITERABLE_COROUTINE:
        return awaitable
    if slots == NULL or slots.am_await == NULL:
        raise TypeError(f"object {type(awaitable).__name__} can't be used in 'await' expression")
    found = slots.am_await(<PyObject *> awaitable)
    if unlikely(found == NULL):
        raise_but_stop()
    iterator = owned(found)
    if not PyIter_Check(iterator):
        raise TypeError(f"__await__() returned non-iterator of type '{type(iterator).__name__}'")
    return iterator


cdef vectorcallfunc make_answer = (<TypeSlots *> ASGIAnswer).tp_vectorcall
# With `am_send`, no StopIteration is created and caught at the end.
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
