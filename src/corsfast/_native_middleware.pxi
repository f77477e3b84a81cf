# The hot half of middleware/asgi.py and middleware/wsgi.py, compiled: the call of the
# application and the call of what is put around `send` and `start_response`.
#
# Place in the flow: a part of _native.pyx, which includes it; Decision -> a response's headers.
# Never: do what those files do not do; their docstrings are the contract.
#
# What an application calls is called as a "vectorcall": arguments on the stack, no tuple.
# Cython makes none for `__call__`, so these types' slots are set by hand at the end.

from libc.string cimport memcmp

cdef extern from "Python.h":
    ctypedef PyObject *(*ternaryfunc)(PyObject *, PyObject *, PyObject *)
    Py_ssize_t PyVectorcall_NARGS(size_t nargsf) noexcept
    PyObject *PyVectorcall_Call(PyObject *, PyObject *, PyObject *)
    PyObject *PyObject_Vectorcall(
        PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *kwnames
    ) except NULL
    unsigned long Py_TPFLAGS_HAVE_VECTORCALL

    ctypedef struct CallSlots "PyTypeObject":
        ternaryfunc tp_call
        Py_ssize_t tp_vectorcall_offset
        unsigned long tp_flags


cdef class ASGICall:
    """An ASGI application around another one; `middleware/_calls.py` has its contract."""

    cdef readonly object app
    cdef readonly object policy
    cdef Policy native  # None => the policy is of the pure engine
    cdef bytes body
    cdef object on_all
    cdef object on_handshake
    cdef object on_refused_preflight
    cdef object on_refused

    def __init__(
        self,
        app,
        policy,
        /,
        *,
        body=b"",
        on_all=None,
        on_handshake=None,
        on_refused_preflight=None,
        on_refused=None,
    ):
        self.app = app
        self.policy = policy
        self.native = policy if isinstance(policy, Policy) else None
        self.body = body
        self.on_all = on_all
        self.on_handshake = on_handshake
        self.on_refused_preflight = on_refused_preflight
        self.on_refused = on_refused

    def __reduce__(self):
        return type(self), (self.app, self.policy)

    def __call__(self, scope, receive, send, /):
        cdef ASGISend changed
        cdef str start
        if self.on_all is not None:
            return self.on_all(scope, receive, send)
        kind = scope["type"]
        if is_text(kind, "http"):
            start = "http.response.start"
        elif is_text(kind, "websocket"):
            if self.on_handshake is not None:
                return self.on_handshake(scope, receive, send)
            start = "websocket.http.response.start"
        else:
            return self.app(scope, receive, send)
        if self.native is None:
            decision = self.policy.asgi(scope)
        else:
            decision = decide_scope(self.native, scope)
        detour = detour_of(decision, self.on_refused_preflight, self.on_refused)
        if detour is not None:
            return detour(decision, scope, receive, send)
        if is_preflight(decision):
            from .middleware._calls import answer_asgi

            return answer_asgi(decision, self.body, send)
        changed = ASGISend.__new__(ASGISend)
        changed.vectorcall = <vectorcallfunc> <void *> call_send
        changed.policy = self.policy
        changed.native = self.native
        changed.decision = decision
        changed.send = send
        changed.start = start
        return self.app(scope, receive, changed)


cdef inline object detour_of(object decision, object on_refused_preflight, object on_refused):
    """Where a refused request goes, if it does not go on."""
    if on_refused_preflight is None and on_refused is None:
        return None
    if decision.allowed:
        return None
    if decision.is_preflight:
        return on_refused_preflight
    return on_refused if decision.outcome.name != "NO_ORIGIN" else None


@cython.final
@cython.internal
@cython.freelist(64)
cdef class ASGISend:
    """What the application is given as `send`."""

    cdef vectorcallfunc vectorcall
    cdef object policy
    cdef Policy native
    cdef object decision
    cdef object send
    cdef str start


cdef PyObject *call_send(
    PyObject *called, PyObject *const *args, size_t nargsf, PyObject *names
) except NULL:
    if PyVectorcall_NARGS(nargsf) != 1 or names != NULL:
        raise TypeError("send is called with one message")
    cdef ASGISend self = <ASGISend> <object> called
    cdef PyObject *changed[1]
    message = <object> args[0]
    if not is_text(message["type"], self.start):
        return PyObject_Vectorcall(<PyObject *> self.send, args, 1, NULL)
    # Both are copied: a Response object that is sent twice owns the list.
    cdef dict copy = (<dict> message).copy() if type(message) is dict else dict(message)
    headers = copy.get("headers", ())
    if self.native is None:
        copy["headers"] = self.policy.apply_asgi(self.decision, headers)
    else:
        copy["headers"] = apply(self.native, self.decision, headers, False)
    changed[0] = <PyObject *> copy
    return PyObject_Vectorcall(<PyObject *> self.send, changed, 1, NULL)


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


cdef inline bint is_preflight(object decision) except -1:
    if type(decision) is Decision:
        return (<Decision> decision).answer.status is not None
    return decision.is_preflight


cdef class WSGICall:
    """A WSGI application around another one; `middleware/_calls.py` has its contract."""

    cdef readonly object app
    cdef readonly object policy
    cdef Policy native  # None => the policy is of the pure engine
    cdef bytes body
    cdef object on_all
    cdef object on_refused_preflight
    cdef object on_refused

    def __init__(
        self, app, policy, /, *, body=b"", on_all=None, on_refused_preflight=None, on_refused=None
    ):
        self.app = app
        self.policy = policy
        self.native = policy if isinstance(policy, Policy) else None
        self.body = body
        self.on_all = on_all
        self.on_refused_preflight = on_refused_preflight
        self.on_refused = on_refused

    def __reduce__(self):
        return type(self), (self.app, self.policy)

    def __call__(self, environ, start_response, /):
        cdef WSGIStart changed
        if self.on_all is not None:
            return self.on_all(environ, start_response)
        if self.native is None:
            decision = self.policy.wsgi(environ)
        else:
            decision = decide_environ(self.native, environ)
        detour = detour_of(decision, self.on_refused_preflight, self.on_refused)
        if detour is not None:
            return detour(decision, environ, start_response)
        if is_preflight(decision):
            from .middleware._calls import answer_wsgi

            return answer_wsgi(decision, self.body, start_response)
        changed = WSGIStart.__new__(WSGIStart)
        changed.vectorcall = <vectorcallfunc> <void *> call_start
        changed.policy = self.policy
        changed.native = self.native
        changed.decision = decision
        changed.start_response = start_response
        return self.app(environ, changed)


@cython.final
@cython.internal
@cython.freelist(64)
cdef class WSGIStart:
    """What the application is given as `start_response`."""

    cdef vectorcallfunc vectorcall
    cdef object policy
    cdef Policy native
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
    cdef WSGIStart self = <WSGIStart> <object> called
    cdef PyObject *changed[3]
    if self.native is None:
        headers = self.policy.apply_wsgi(self.decision, <object> args[1])
    else:
        headers = apply(self.native, self.decision, <object> args[1], True)
    changed[0] = args[0]
    changed[1] = <PyObject *> headers
    # The server gets as many arguments as the application gave.
    if given == 3 and <object> args[2] is not None:
        changed[2] = args[2]
    else:
        given = 2
    return PyObject_Vectorcall(<PyObject *> self.start_response, changed, <size_t> given, NULL)


cdef make_callable(kind, Py_ssize_t offset):
    """Set the slots of a vectorcall on a type whose instances hold the function there."""
    cdef CallSlots *slots = <CallSlots *> <PyObject *> kind
    slots.tp_vectorcall_offset = offset
    slots.tp_call = PyVectorcall_Call
    slots.tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL


cdef find_offsets():
    cdef ASGISend send = ASGISend.__new__(ASGISend)
    cdef WSGIStart start = WSGIStart.__new__(WSGIStart)
    make_callable(ASGISend, <char *> &send.vectorcall - <char *> <PyObject *> send)
    make_callable(WSGIStart, <char *> &start.vectorcall - <char *> <PyObject *> start)


find_offsets()
