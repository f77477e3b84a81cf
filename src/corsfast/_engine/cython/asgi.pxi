# The hot half of middleware/asgi.py, compiled: the call of the application and the call of what
# is put around `send`.
#
# Nearly all requests go the short way: an exact dict with an exact list of exact pairs, a policy
# of this engine, and nothing set that lies on the way. It is written with borrowed references,
# so that little of it has to be fetched and done, and it raises nothing: at anything unusual,
# errors among it, the long way begins anew and does or raises what has to be.
#
# Place in the flow: a part of native.pyx; Decision -> a response's headers.
# Never: do what middleware/_calls.py does not do; its docstrings are the contract.

cdef extern from *:
    """
    /* dict["type"], borrowed; NULL, maybe with an error, where there is none. It nearly always
     * stands first, and to look there costs half of looking it up. */
    static inline PyObject *
    corsfast_type_in(PyObject *dict, PyObject *type)
    {
        Py_ssize_t at = 0;
        PyObject *key, *value;
        return PyDict_Next(dict, &at, &key, &value) && key == type
                   ? value
                   : PyDict_GetItemWithError(dict, type);
    }
    """
    PyObject *type_in "corsfast_type_in"(PyObject *dict, PyObject *type) noexcept


cdef class ASGICall:
    """An ASGI application around another one; `middleware/_calls.py` has its contract."""

    __signature__ = Signature()
    _is_coroutine_marker = _is_coroutine = CoroutineMark()

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
    cdef bint plain  # the policy is of this engine and decides where a request goes

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
        self.plain = self.native is not None and on_all is None
        let_vectorcall(type(self), ASGICall)

    def __reduce__(self):
        return type(self), (self.app, self.policy)

    def __call__(self, scope, receive, send):
        """Call the application, or answer in its place."""
        return handle_asgi(self, scope, receive, send)


cdef PyObject *call_asgi(
    PyObject *called, PyObject *const *args, size_t nargsf, PyObject *names
) except NULL:
    """The short way of a request."""
    cdef PyObject *headers
    cdef PyObject *found[4]
    if unlikely(
        not LISTS_ARE_OURS
        or PyVectorcall_NARGS(nargsf) != 3
        or names != NULL
        or is_patched(called, ASGICall)
        or not (<ASGICall> called).plain
        or not is_exact_dict(args[0])
        or not is_literal(type_in(args[0], <PyObject *> "type"), "http")
    ):
        return call_asgi_long(called, args, nargsf, names)
    headers = dict_item(args[0], <PyObject *> "headers")
    if unlikely(
        headers == NULL
        or not is_exact_list(headers)
        or not find_fields(headers, found)
        or not (<ASGICall> called).plain  # still: a look-up may run anything, `__init__` too
    ):
        return call_asgi_long(called, args, nargsf, names)
    cdef ASGICall self = <ASGICall> called
    cdef Decision decision = self.native.no_origin
    if found[0] != NULL:
        decision = decide_found(self.native, <dict> args[0], <list> headers, found, True)
        if decision.answer.status is not None and decision.answer.allowed and found[3] == NULL:
            # No detour is for an allowed preflight, but the one for private networks.
            return given(answer_asgi(self, decision, <object> args[2]))
        if decision.answer.status is not None or (self.detours and not decision.answer.allowed):
            answer = answered(
                self, decision, <object> args[0], <object> args[1], <object> args[2]
            )
            if answer is not None:
                return given(answer)
    return go_in(self, decision, args, False)


cdef PyObject *call_asgi_long(
    PyObject *called, PyObject *const *args, size_t nargsf, PyObject *names
) except NULL:
    PyErr_Clear()
    if names != NULL or PyVectorcall_NARGS(nargsf) != 3:
        return PyObject_CallObject(
            called, in_order(args, nargsf, names, ("scope", "receive", "send"))
        )
    if is_patched(called, ASGICall):
        return call_patched(called, (<object> args[0], <object> args[1], <object> args[2]))
    return given(
        handle_asgi(<ASGICall> called, <object> args[0], <object> args[1], <object> args[2])
    )


cdef inline PyObject *go_in(
    ASGICall self, object decision, PyObject *const *args, bint handshake
) except NULL:
    """Call the application with scope, receive, and what is put around `send`."""
    cdef PyObject *passed[4]
    app = self.app  # held while it runs: it may be replaced meanwhile
    changed = new_send(self, decision, args[2], handshake)
    passed[1] = args[0]
    passed[2] = args[1]
    passed[3] = <PyObject *> changed
    return call_app(
        <PyObject *> app, passed + 1, 3 | PY_VECTORCALL_ARGUMENTS_OFFSET, ASGICall
    )


cdef object handle_asgi(ASGICall self, object scope, object receive, object send):
    cdef PyObject *args[3]
    cdef bint handshake = False
    args[0] = <PyObject *> scope
    args[1] = <PyObject *> receive
    args[2] = <PyObject *> send
    if self.on_all is not None:
        return self.on_all(scope, receive, send)
    kind = (<dict> scope)["type"] if type(scope) is dict else scope["type"]
    if not is_text(kind, "http"):
        if not is_text(kind, "websocket"):
            app = self.app
            return owned(call_app(<PyObject *> app, args, 3, ASGICall))
        if self.on_handshake is not None:
            return self.on_handshake(scope, receive, send)
        handshake = True
    if self.native is None:
        decision = self.policy.asgi(scope)
    else:
        decision = decide_scope(self.native, scope)
    answer = answered(self, decision, scope, receive, send)
    return owned(go_in(self, decision, args, handshake)) if answer is None else answer


cdef object answered(ASGICall self, object decision, object scope, object receive, object send):
    """What is awaited where the request does not go on to the application; else None."""
    if self.detours:
        detour = detour_of(decision, self.on_refused_preflight, self.on_refused)
        if detour is not None:
            return detour(decision, scope, receive, send)
    if not is_preflight(decision):
        return None
    if self.on_private_network is not None and asks_private_network(scope["headers"]):
        return self.on_private_network(decision, scope, receive, send)
    return answer_asgi(self, decision, send)


cdef bint asks_private_network(object headers) except -1:
    """The same as in `handlers.py`; whoever has called `find_fields` knows it of nearly all."""
    for name, _ in headers:
        if name == b"access-control-request-private-network":
            return True
    return False


cdef object answer_asgi(ASGICall self, object decision, object send):
    cdef dict start
    cdef bint plain
    if type(decision) is Decision:
        plain = self.body is None or not (<Decision> decision).answer.allowed
        start = (<Decision> decision).answer.start.copy()
        start["headers"] = listed(
            <Decision> decision, content_of(self, plain, (<Decision> decision).answer.status)
        )
    else:
        plain = self.body is None or not decision.allowed
        status = decision.status
        headers = [*decision.raw_headers, *content_of(self, plain, status)]
        start = {"type": "http.response.start", "status": status, "headers": headers}
    return new_answer(send, start, NO_BODY if plain else self.last)


cdef inline tuple content_of(ASGICall self, bint plain, object status):
    return NOTHING if status == 204 else NO_CONTENT if plain else self.content


cdef inline list listed(Decision decision, tuple more):
    """`raw_headers` of a preflight's decision, and more, as a new list that is allocated once."""
    cdef tuple fields = decision.answer.raw_headers
    cdef Py_ssize_t length = tuple_size(<PyObject *> fields) + tuple_size(<PyObject *> more)
    cdef Py_ssize_t at
    cdef PyObject *whole
    origin = method = names = None
    if decision.origin is not None:
        length += 1
        origin = (RAW_ALLOW_ORIGIN, as_bytes(decision.origin))
        if decision.method is not None:
            length += 1
            method = (RAW_ALLOW_METHODS, as_bytes(decision.method))
        if decision.names is not None:
            length += 1
            names = (RAW_ALLOW_HEADERS, as_bytes(decision.names))
    # The pairs are made before it: a list that is being filled is not for others to see.
    whole = PyList_New(length)
    if unlikely(whole == NULL):
        raise MemoryError
    at = put(whole, 0, <PyObject *> origin)
    at = put(whole, at, <PyObject *> method)
    at = put(whole, at, <PyObject *> names)
    at = put_all(whole, at, <PyObject *> fields)
    put_all(whole, at, <PyObject *> more)
    return <list> owned(whole)


cdef tuple raw_content(bytes body):
    """What `_calls.content` says of a body, in raw spelling."""
    return (
        (b"content-length", str(len(body)).encode("ascii")),
        (b"content-type", b"text/plain; charset=utf-8"),
    )


cdef tuple NOTHING = ()
cdef tuple NO_CONTENT = ((b"content-length", b"0"),)
cdef dict NO_BODY = {"type": "http.response.body", "body": b""}


# -- what the application is given as `send` ---------------------------------------------------


cdef PyObject *call_send(
    PyObject *called, PyObject *const *args, size_t nargsf, PyObject *names
) except NULL:
    """The short way of a message, for an `http` request and a decision of this engine."""
    cdef PyObject *kind
    cdef PyObject *changed[2]
    cdef PyObject *result
    if unlikely(
        not LISTS_ARE_OURS
        or PyVectorcall_NARGS(nargsf) != 1
        or names != NULL
        or not is_exact_dict(args[0])
    ):
        return call_send_long(called, args, nargsf, names)
    kind = type_in(args[0], <PyObject *> "type")
    if not is_literal(kind, "http.response.start"):
        if unlikely(not is_literal(kind, "http.response.body")):
            return call_send_long(called, args, nargsf, names)
        return vectorcall(<PyObject *> (<Around> called).inner, args, nargsf, NULL)
    changed[1] = with_fields(args[0], <Decision> (<Around> called).decision)
    if unlikely(changed[1] == NULL):
        return call_send_long(called, args, nargsf, names)
    result = vectorcall(
        <PyObject *> (<Around> called).inner,
        changed + 1,
        1 | PY_VECTORCALL_ARGUMENTS_OFFSET,
        NULL,
    )
    Py_DECREF(changed[1])
    return result


cdef inline PyObject *with_fields(PyObject *message, Decision decision) except? NULL:
    """A copy of a message with a new list of headers; NULL if that takes the long way.

    Both are new: a Response object that is sent twice owns the list.
    """
    cdef PyObject *headers = dict_item(message, <PyObject *> "headers")
    cdef PyObject *whole
    cdef PyObject *copy
    if unlikely(headers == NULL or not is_exact_list(headers)):
        PyErr_Clear()
        return NULL
    Py_INCREF(headers)
    whole = one_list(headers, decision, False)
    Py_DECREF(headers)
    if unlikely(whole == NULL):
        return NULL
    copy = PyDict_Copy(message)
    if unlikely(copy == NULL or PyDict_SetItem(copy, <PyObject *> "headers", whole) != 0):
        Py_XDECREF(copy)
        PyErr_Clear()
        copy = NULL
    Py_DECREF(whole)
    return copy


cdef PyObject *call_send_long(
    PyObject *called, PyObject *const *args, size_t nargsf, PyObject *names
) except NULL:
    """The long way of any message, for an `http` request."""
    return send_long(called, args, nargsf, names, "http.response.start")


cdef PyObject *call_send_handshake(
    PyObject *called, PyObject *const *args, size_t nargsf, PyObject *names
) except NULL:
    """The way of any message, for a WebSocket handshake."""
    return send_long(called, args, nargsf, names, "websocket.http.response.start")


cdef PyObject *send_long(
    PyObject *called, PyObject *const *args, size_t nargsf, PyObject *names, str start
) except NULL:
    PyErr_Clear()
    if PyVectorcall_NARGS(nargsf) != 1 or names != NULL:
        return PyObject_CallObject(called, in_order(args, nargsf, names, ("message",)))
    cdef Around self = <Around> called
    cdef ASGICall call = <ASGICall> self.call
    cdef PyObject *changed[2]
    cdef dict copy
    message = <object> args[0]
    kind = (<dict> message)["type"] if type(message) is dict else message["type"]
    if not is_text(kind, start):
        return PyObject_Vectorcall(<PyObject *> self.inner, args, nargsf, NULL)
    # Both are copied: a Response object that is sent twice owns the list.
    copy = (<dict> message).copy() if type(message) is dict else dict(message)
    headers = item(copy, "headers")
    if headers is None:
        headers = copy.get("headers", ())
    if call.native is None:
        copy["headers"] = call.policy.apply_asgi(self.decision, headers)
    else:
        copy["headers"] = apply(call.native, self.decision, headers, False)
    changed[1] = <PyObject *> copy
    return PyObject_Vectorcall(
        <PyObject *> self.inner, changed + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL
    )


cdef inline Around new_send(ASGICall call, object decision, PyObject *send, bint handshake):
    cdef void *way = <void *> call_send_long
    if handshake:
        way = <void *> call_send_handshake
    elif call.native is not None and type(decision) is Decision:
        # Short is only what the policy's own engine decided.
        way = <void *> call_send
    return new_around(<vectorcallfunc> way, <PyObject *> call, <PyObject *> decision, send)


# -- the slots -------------------------------------------------------------------------------


cdef int set_asgi_slots() except -1:
    cdef ASGICall call = ASGICall(None, None)
    make_callable(ASGICall, <char *> &call.vectorcall - <char *> <PyObject *> call)
    return 0


set_asgi_slots()
