# The hot half of middleware/asgi.py and middleware/wsgi.py, compiled: the call of the
# application and the call of what is put around `send` and `start_response`.
#
# Place in the flow: a part of _native.pyx, which includes it; Decision -> a response's headers.
# Never: do what middleware/_calls.py does not do; its docstrings are the contract.
#
# Everything here is called as a "vectorcall": arguments on the stack, no tuple. Cython makes
# none for `__call__`, so the types' slots are set by hand at the end. It makes objects by way of
# an argument tuple, too, which the types' own vectorcall spares (see `make_decision`).

from libc.string cimport memcmp

cdef extern from "Python.h":
    ctypedef PyObject *(*ternaryfunc)(PyObject *, PyObject *, PyObject *) except NULL
    Py_ssize_t PyVectorcall_NARGS(size_t nargsf) noexcept
    PyObject *PyVectorcall_Call(PyObject *, PyObject *, PyObject *) except NULL
    PyObject *PyObject_Vectorcall(
        PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *kwnames
    ) except NULL
    PyObject *PyObject_CallObject(PyObject *callable, object args) except NULL
    size_t PY_VECTORCALL_ARGUMENTS_OFFSET
    bint PyCoro_CheckExact(object value) noexcept
    bint PyGen_CheckExact(object value) noexcept
    int PyIter_Send(PyObject *iterator, PyObject *value, PyObject **result) except -1
    int PYGEN_NEXT
    int CO_ITERABLE_COROUTINE
    unsigned long Py_TPFLAGS_HAVE_VECTORCALL

    ctypedef struct CallSlots "PyTypeObject":
        ternaryfunc tp_call
        Py_ssize_t tp_vectorcall_offset
        unsigned long tp_flags

    CallSlots *slots_of "Py_TYPE"(PyObject *value) noexcept


# -- ASGI ------------------------------------------------------------------------------------


cdef class ASGICall:
    """An ASGI application around another one; `middleware/_calls.py` has its contract."""

    cdef vectorcallfunc vectorcall
    cdef public object app
    cdef readonly object policy
    cdef Policy native  # None => the policy is of the pure engine
    cdef bytes body
    cdef tuple content  # what is said of the body of an allowed preflight's answer
    cdef dict last  # its message
    cdef object on_all
    cdef object on_handshake
    cdef object on_private_network
    cdef object on_refused_preflight
    cdef object on_refused
    cdef bint detours  # for refused requests there is one

    def __cinit__(self):
        self.vectorcall = <vectorcallfunc> <void *> call_asgi

    def __init__(
        self,
        app,
        policy,
        /,
        *,
        body=b"",
        on_all=None,
        on_handshake=None,
        on_private_network=None,
        on_refused_preflight=None,
        on_refused=None,
    ):
        self.app = app
        self.policy = policy
        self.native = policy if isinstance(policy, Policy) else None
        self.body = body or None
        self.content = raw_content(body)
        self.last = {"type": "http.response.body", "body": body}
        self.on_all = on_all
        self.on_handshake = on_handshake
        self.on_private_network = on_private_network
        self.on_refused_preflight = on_refused_preflight
        self.on_refused = on_refused
        self.detours = on_refused_preflight is not None or on_refused is not None
        let_vectorcall(type(self), ASGICall)

    def __reduce__(self):
        return type(self), (self.app, self.policy)

    def __call__(self, scope, receive, send):
        return handle_asgi(self, scope, receive, send)


cdef PyObject *call_asgi(
    PyObject *called, PyObject *const *args, size_t nargsf, PyObject *names
) except NULL:
    if names != NULL or PyVectorcall_NARGS(nargsf) != 3:
        return PyObject_CallObject(
            called, in_order(args, nargsf, names, ("scope", "receive", "send"))
        )
    if is_patched(called, ASGICall):
        return call_patched(called, (<object> args[0], <object> args[1], <object> args[2]))
    answer = handle_asgi(
        <ASGICall> called, <object> args[0], <object> args[1], <object> args[2]
    )
    Py_INCREF(<PyObject *> answer)
    return <PyObject *> answer


cdef object handle_asgi(ASGICall self, object scope, object receive, object send):
    cdef ASGISend changed
    cdef PyObject *args[4]
    cdef bint handshake = False
    cdef Decision native
    if self.on_all is not None:
        return self.on_all(scope, receive, send)
    kind = item(<dict> scope, "type") if type(scope) is dict else scope["type"]
    if not is_text(kind, "http"):
        if not is_text(kind, "websocket"):
            return self.app(scope, receive, send)
        if self.on_handshake is not None:
            return self.on_handshake(scope, receive, send)
        handshake = True
    if self.native is None:
        decision = self.policy.asgi(scope)
    else:
        decision = decide_scope(self.native, scope)
    if self.detours:
        detour = detour_of(decision, self.on_refused_preflight, self.on_refused)
        if detour is not None:
            return detour(decision, scope, receive, send)
    if is_preflight(decision):
        if self.on_private_network is not None and asks_private_network(scope["headers"]):
            return self.on_private_network(decision, scope, receive, send)
        return answer_asgi(self, decision, send)
    changed = new_send()
    changed.call = self
    changed.decision = decision
    changed.send = send
    changed.handshake = handshake
    args[1] = <PyObject *> scope
    args[2] = <PyObject *> receive
    args[3] = <PyObject *> changed
    cdef PyObject *awaitable = PyObject_Vectorcall(
        <PyObject *> self.app, args + 1, 3 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL
    )
    return owned(awaitable)


cdef inline object owned(PyObject *result):
    """A new reference as an object that Cython counts."""
    held = <object> result
    Py_DECREF(result)
    return held


cdef bint asks_private_network(object headers) except -1:
    """The same as in `_calls.py`."""
    cdef bytes wanted = b"access-control-request-private-network"
    for pair in headers:
        if type(pair) is tuple and len(<tuple> pair) == 2:
            name = (<tuple> pair)[0]
        else:
            name, _ = pair
        if type(name) is bytes and len(<bytes> name) != len(wanted):
            continue
        if name == wanted:
            return True
    return False


cdef object answer_asgi(ASGICall self, object decision, object send):
    cdef dict start
    cdef list headers
    cdef ASGIAnswer answer
    cdef bint plain
    if type(decision) is Decision:
        plain = self.body is None or not (<Decision> decision).answer.allowed
        start = (<Decision> decision).answer.start.copy()
        headers = joined(NOTHING, <Decision> decision, False, False)
        status = (<Decision> decision).answer.status
    else:
        plain = self.body is None or not decision.allowed
        status = decision.status
        start = {"type": "http.response.start", "status": status}
        headers = list(decision.raw_headers)
    if status != 204:
        headers += NO_CONTENT if plain else self.content
    start["headers"] = headers
    answer = new_answer()
    answer.give = send
    answer.message = start
    answer.last = NO_BODY if plain else self.last
    return answer


cdef tuple raw_content(bytes body):
    """What `_calls.content` says of a body, in raw spelling."""
    return (
        (b"content-length", str(len(body)).encode("ascii")),
        (b"content-type", b"text/plain; charset=utf-8"),
    )


cdef list NOTHING = []
cdef tuple NO_CONTENT = ((b"content-length", b"0"),)
cdef dict NO_BODY = {"type": "http.response.body", "body": b""}


@cython.final
@cython.internal
@cython.freelist(16)
cdef class ASGIAnswer:
    """The coroutine that sends a message, and then a copy of the last one.

    It hands through whatever the server's `send` waits for. Not an `async def`: a compiled one
    wraps each coroutine that it waits for in an object of its own, which costs as much as the
    rest of the answer.
    """

    cdef object give  # the server's `send`
    cdef dict message  # the next one; None => there is none any more
    cdef dict last  # not to be handed out, but a copy of it
    cdef object sending  # what `give` answered to the message before; None => nothing

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        cdef PyObject *step = go_on(self, None)
        if step == NULL:
            raise StopIteration
        return owned(step)

    def send(self, value, /):
        cdef PyObject *step = go_on(self, value)
        if step == NULL:
            raise StopIteration
        return owned(step)

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
        return self.__next__()

    def close(self):
        sending, self.sending, self.message = self.sending, None, None
        close = getattr(sending, "close", None)
        if close is not None:
            close()


cdef PyObject *go_on(ASGIAnswer self, object value) except? NULL:
    """The next value to hand through; NULL without an error at the end."""
    cdef PyObject *yielded
    cdef dict message
    while True:
        if self.sending is None:
            message = self.message
            if message is None:
                return NULL
            self.message = None
            try:
                self.sending = iterator_of(self.give(message))
            except StopIteration as error:
                # It would end this coroutine as if all had been sent.
                raise RuntimeError("coroutine raised StopIteration") from error
            # Only now: after an error nothing more is sent.
            if self.last is not None:
                self.message = self.last.copy()
                self.last = None
            value = None
        if PyIter_Send(<PyObject *> self.sending, <PyObject *> value, &yielded) == PYGEN_NEXT:
            return yielded
        Py_DECREF(yielded)
        self.sending = None


cdef inline object iterator_of(object awaitable):
    """What `await` drives: https://docs.python.org/3/reference/datamodel.html#awaitable-objects"""
    if PyCoro_CheckExact(awaitable):
        return awaitable
    if PyGen_CheckExact(awaitable) and awaitable.gi_code.co_flags & CO_ITERABLE_COROUTINE:
        return awaitable
    kind = type(awaitable)
    if not hasattr(kind, "__await__"):
        raise TypeError(f"object {kind.__name__} can't be used in 'await' expression")
    return kind.__await__(awaitable)


@cython.final
@cython.internal
@cython.freelist(64)
cdef class ASGISend:
    """What the application is given as `send`."""

    cdef vectorcallfunc vectorcall
    cdef ASGICall call
    cdef object decision
    cdef object send
    cdef bint handshake


cdef PyObject *call_send(
    PyObject *called, PyObject *const *args, size_t nargsf, PyObject *names
) except NULL:
    if PyVectorcall_NARGS(nargsf) != 1 or names != NULL:
        return PyObject_CallObject(called, in_order(args, nargsf, names, ("message",)))
    cdef ASGISend self = <ASGISend> called
    cdef PyObject *changed[2]
    cdef dict copy
    message = <object> args[0]
    kind = item(<dict> message, "type") if type(message) is dict else message["type"]
    if not is_text(kind, "websocket.http.response.start" if self.handshake else "http.response.start"):
        return PyObject_Vectorcall(<PyObject *> self.send, args, nargsf, NULL)
    # Both are copied: a Response object that is sent twice owns the list.
    copy = (<dict> message).copy() if type(message) is dict else dict(message)
    headers = item(copy, "headers")
    if headers is None:
        headers = copy.get("headers", ())
    if self.call.native is None:
        copy["headers"] = self.call.policy.apply_asgi(self.decision, headers)
    else:
        copy["headers"] = apply(self.call.native, self.decision, headers, False)
    changed[1] = <PyObject *> copy
    return PyObject_Vectorcall(
        <PyObject *> self.send, changed + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL
    )


# -- WSGI ------------------------------------------------------------------------------------


cdef class WSGICall:
    """A WSGI application around another one; `middleware/_calls.py` has its contract."""

    cdef vectorcallfunc vectorcall
    cdef public object app
    cdef readonly object policy
    cdef Policy native  # None => the policy is of the pure engine
    cdef bytes body
    cdef tuple content  # what is said of the body of an allowed preflight's answer
    cdef object on_all
    cdef object on_refused_preflight
    cdef object on_refused
    cdef bint detours  # for refused requests there is one

    def __cinit__(self):
        self.vectorcall = <vectorcallfunc> <void *> call_wsgi

    def __init__(
        self, app, policy, /, *, body=b"", on_all=None, on_refused_preflight=None, on_refused=None
    ):
        self.app = app
        self.policy = policy
        self.native = policy if isinstance(policy, Policy) else None
        self.body = body or None
        self.content = (
            ("Content-Length", str(len(body))), ("Content-Type", "text/plain; charset=utf-8")
        )
        self.on_all = on_all
        self.on_refused_preflight = on_refused_preflight
        self.on_refused = on_refused
        self.detours = on_refused_preflight is not None or on_refused is not None
        let_vectorcall(type(self), WSGICall)

    def __reduce__(self):
        return type(self), (self.app, self.policy)

    def __call__(self, environ, start_response):
        return handle_wsgi(self, environ, start_response)


cdef PyObject *call_wsgi(
    PyObject *called, PyObject *const *args, size_t nargsf, PyObject *names
) except NULL:
    if names != NULL or PyVectorcall_NARGS(nargsf) != 2:
        return PyObject_CallObject(
            called, in_order(args, nargsf, names, ("environ", "start_response"))
        )
    if is_patched(called, WSGICall):
        return call_patched(called, (<object> args[0], <object> args[1]))
    answer = handle_wsgi(<WSGICall> called, <object> args[0], <object> args[1])
    Py_INCREF(<PyObject *> answer)
    return <PyObject *> answer


cdef object handle_wsgi(WSGICall self, object environ, object start_response):
    cdef WSGIStart changed
    cdef PyObject *args[3]
    if self.on_all is not None:
        return self.on_all(environ, start_response)
    if self.native is None:
        decision = self.policy.wsgi(environ)
    else:
        decision = decide_environ(self.native, environ)
    if self.detours:
        detour = detour_of(decision, self.on_refused_preflight, self.on_refused)
        if detour is not None:
            return detour(decision, environ, start_response)
    if is_preflight(decision):
        return answer_wsgi(self, decision, start_response)
    changed = new_start()
    changed.call = self
    changed.decision = decision
    changed.start_response = start_response
    args[1] = <PyObject *> environ
    args[2] = <PyObject *> changed
    cdef PyObject *body = PyObject_Vectorcall(
        <PyObject *> self.app, args + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL
    )
    return owned(body)


cdef object answer_wsgi(WSGICall self, object decision, object start_response):
    cdef bint plain = self.body is None or not decision.allowed
    headers = list(decision.headers)
    if decision.status != 204:
        headers += (("Content-Length", "0"),) if plain else self.content
    start_response(status_line(decision.status), headers)
    return [] if plain else [self.body]


cdef object status_line(object status):
    if status == 204:
        return "204 No Content"
    from .middleware._calls import status_line

    return status_line(status)


@cython.final
@cython.internal
@cython.freelist(64)
cdef class WSGIStart:
    """What the application is given as `start_response`."""

    cdef vectorcallfunc vectorcall
    cdef WSGICall call
    cdef object decision
    cdef object start_response


cdef PyObject *call_start(
    PyObject *called, PyObject *const *args, size_t nargsf, PyObject *names
) except NULL:
    cdef Py_ssize_t given = PyVectorcall_NARGS(nargsf)
    if given == 2 and names != NULL and <object> names == ("exc_info",):
        given = 3
        names = NULL
    if names != NULL or given < 2 or given > 3:
        raise TypeError("start_response is called with status, headers and maybe exc_info")
    cdef WSGIStart self = <WSGIStart> called
    cdef PyObject *changed[4]
    if self.call.native is None:
        headers = self.call.policy.apply_wsgi(self.decision, <object> args[1])
    else:
        headers = apply(self.call.native, self.decision, <object> args[1], True)
    changed[1] = args[0]
    changed[2] = <PyObject *> headers
    # The server gets as many arguments as the application gave.
    if given == 3 and <object> args[2] is not None:
        changed[3] = args[2]
    else:
        given = 2
    return PyObject_Vectorcall(
        <PyObject *> self.start_response,
        changed + 1,
        <size_t> given | PY_VECTORCALL_ARGUMENTS_OFFSET,
        NULL,
    )


# -- both ------------------------------------------------------------------------------------


cdef object detour_of(object decision, object on_refused_preflight, object on_refused):
    """Where a refused request goes, if it does not go on."""
    cdef Answer answer
    if type(decision) is Decision:
        answer = (<Decision> decision).answer
        if answer.allowed or answer.no_origin:
            return None
        return on_refused if answer.status is None else on_refused_preflight
    if decision.allowed:
        return None
    if decision.is_preflight:
        return on_refused_preflight
    return on_refused if decision.outcome.name != "NO_ORIGIN" else None


cdef inline bint is_preflight(object decision) except -1:
    if type(decision) is Decision:
        return (<Decision> decision).answer.status is not None
    return decision.is_preflight


cdef inline bint is_text(object value, str text) except -1:
    """Whether a value equals an ASCII text; most are told apart by their lengths."""
    cdef Py_ssize_t length = PyUnicode_GET_LENGTH(text)
    if value is text:
        return True
    if PyUnicode_CheckExact(value) and PyUnicode_KIND(value) == PyUnicode_1BYTE_KIND:
        return PyUnicode_GET_LENGTH(value) == length and (
            memcmp(PyUnicode_DATA(value), PyUnicode_DATA(text), <size_t> length) == 0
        )
    return value == text


cdef tuple in_order(PyObject *const *args, size_t nargsf, PyObject *names, tuple wanted):
    """The arguments of a call that gives some of them by name, as it would give them without."""
    cdef Py_ssize_t n_given = PyVectorcall_NARGS(nargsf)
    cdef Py_ssize_t i
    named = () if names == NULL else <object> names
    given = dict(zip(wanted, [<object> args[i] for i in range(n_given)]))
    given.update(zip(named, [<object> args[n_given + i] for i in range(len(named))]))
    if len(given) != len(wanted) or n_given + len(named) != len(wanted) or set(given) != set(wanted):
        raise TypeError(f"the arguments are {', '.join(wanted)}")
    return tuple([given[name] for name in wanted])


# -- the slots -------------------------------------------------------------------------------


cdef vectorcallfunc make_answer = (<TypeSlots *> ASGIAnswer).tp_vectorcall
cdef vectorcallfunc make_send = (<TypeSlots *> ASGISend).tp_vectorcall
cdef vectorcallfunc make_start = (<TypeSlots *> WSGIStart).tp_vectorcall


cdef inline ASGIAnswer new_answer():
    cdef PyObject *made = make_answer(<PyObject *> ASGIAnswer, NULL, 0, NULL)
    if made == NULL:
        raise MemoryError
    return <ASGIAnswer> owned(made)


cdef inline ASGISend new_send():
    cdef PyObject *made = make_send(<PyObject *> ASGISend, NULL, 0, NULL)
    if made == NULL:
        raise MemoryError
    cdef ASGISend changed = <ASGISend> owned(made)
    changed.vectorcall = <vectorcallfunc> <void *> call_send
    return changed


cdef inline WSGIStart new_start():
    cdef PyObject *made = make_start(<PyObject *> WSGIStart, NULL, 0, NULL)
    if made == NULL:
        raise MemoryError
    cdef WSGIStart changed = <WSGIStart> owned(made)
    changed.vectorcall = <vectorcallfunc> <void *> call_start
    return changed


cdef int let_vectorcall(kind, base) except -1:
    """Let a subclass be called as its base is, unless it has a `__call__` of its own.

    Before Python 3.12 a class written in Python does not inherit that.
    """
    cdef CallSlots *slots = <CallSlots *> <PyObject *> kind
    cdef CallSlots *inherited = <CallSlots *> <PyObject *> base
    if slots.tp_call == inherited.tp_call:
        slots.tp_vectorcall_offset = inherited.tp_vectorcall_offset
        slots.tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL
    return 0


cdef inline bint is_patched(PyObject *called, base) noexcept:
    """Whether `__call__` was set on the class later on, which Python 3.11 does not notice."""
    return slots_of(called).tp_call != (<CallSlots *> <PyObject *> base).tp_call


cdef PyObject *call_patched(PyObject *called, tuple args) except NULL:
    return slots_of(called).tp_call(called, <PyObject *> args, NULL)


cdef int make_callable(kind, Py_ssize_t offset) except -1:
    """Set the slots of a type whose instances hold their vectorcall function there."""
    cdef CallSlots *slots = <CallSlots *> <PyObject *> kind
    slots.tp_vectorcall_offset = offset
    slots.tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL
    if slots.tp_call == NULL:
        slots.tp_call = PyVectorcall_Call
    return 0


cdef int set_slots() except -1:
    cdef ASGISend send = new_send()
    cdef WSGIStart start = new_start()
    cdef ASGICall asgi = ASGICall(None, None)
    cdef WSGICall wsgi = WSGICall(None, None)
    make_callable(ASGISend, <char *> &send.vectorcall - <char *> <PyObject *> send)
    make_callable(WSGIStart, <char *> &start.vectorcall - <char *> <PyObject *> start)
    make_callable(ASGICall, <char *> &asgi.vectorcall - <char *> <PyObject *> asgi)
    make_callable(WSGICall, <char *> &wsgi.vectorcall - <char *> <PyObject *> wsgi)
    return 0


set_slots()
