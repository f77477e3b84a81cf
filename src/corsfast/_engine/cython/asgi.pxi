# The compiled part of middleware/asgi.py: calling the application, and wrapping `send`. The
# docstrings of the Python twin, middleware/_generic/handlers.py, are the contract.
#
# Nearly all requests take the fast path: the scope is an exact dict, its headers are an exact
# list of exact pairs, the policy is of this engine, and no handler applies. The fast path uses
# borrowed references to save instructions. On anything unusual, including errors, it falls back
# to the slow path, which starts over and raises the error if there is one.

cdef extern from *:
    """
    /* Return dict["type"] as a borrowed reference, or NULL, possibly with an error. "type" is
     * nearly always the first key, and checking that costs half as much as a lookup. */
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


@cython.trashcan(True)
cdef class ASGICall:
    """An ASGI application that wraps another one; see middleware/_generic/handlers.py."""

    __signature__ = Inspected("__signature__")
    _is_coroutine_marker = Inspected("_is_coroutine_marker")
    _is_coroutine = Inspected("_is_coroutine")

    cdef vectorcallfunc vectorcall
    cdef object called  # the application; see `app`
    cdef readonly object policy
    cdef Policy native  # None => the policy is of the pure engine
    cdef bytes body
    cdef tuple content  # the fields that describe the body of an allowed preflight's answer
    cdef dict last  # the message with that body; None => `__init__` has not returned
    cdef object on_all
    cdef object on_handshake
    cdef object on_allowed_preflight
    cdef object on_private_network
    cdef object on_refused_preflight
    cdef object on_refused
    cdef object on_forged
    cdef bint detours  # => there is a handler for refused requests
    # => the policy is of this engine, and there is no `on_all`; with `on_forged`, the policy does
    # not allow any origin
    cdef bint is_fast

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
        on_allowed_preflight=None,
        on_private_network=None,
        on_refused_preflight=None,
        on_refused=None,
        on_forged=None,
    ):
        if self.last is not None:
            raise TypeError(MADE)
        self.called = app
        self.policy = policy
        self.native = policy if isinstance(policy, Policy) else None
        self.body = body or None
        self.content = raw_content(body)
        self.on_all = on_all
        self.on_handshake = on_handshake
        self.on_allowed_preflight = on_allowed_preflight
        self.on_private_network = on_private_network
        self.on_refused_preflight = on_refused_preflight
        self.on_refused = on_refused
        self.on_forged = on_forged
        self.detours = on_refused_preflight is not None or on_refused is not None
        self.is_fast = self.native is not None and on_all is None
        if on_forged is not None and self.is_fast:
            self.is_fast = not self.native.any_origin
        global send_both
        if send_both is None:
            from ..middleware._generic import handlers

            send_both = handlers.send_both
        let_vectorcall(type(self), ASGICall)
        self.last = {"type": "http.response.body", "body": body}

    @property
    def app(self):
        """The application. Set it to replace the application, also while requests are served."""
        with cython.critical_section(self):
            return self.called

    @app.setter
    def app(self, app):
        with cython.critical_section(self):
            old = self.called  # keep it until it is replaced, because freeing it may run any code
            self.called = app

    def __reduce__(self):
        return type(self), (self.app, self.policy)

    def __call__(self, scope, receive, send):
        """Call the application, or answer a request without it."""
        return handle_asgi(self, scope, receive, send)


cdef PyObject *call_asgi(
    PyObject *called, PyObject *const *args, size_t nargsf, PyObject *names
) except NULL:
    """Handle a request on the fast path, or fall back to the slow path."""
    cdef PyObject *headers
    cdef PyObject *found[4]
    if unlikely(
        not HAS_GIL
        or PyVectorcall_NARGS(nargsf) != 3
        or names != NULL
        or is_patched(called, ASGICall)
        or not (<ASGICall> called).is_fast
        or not is_exact_dict(args[0])
        or not is_literal(type_in(args[0], <PyObject *> "type"), "http")
    ):
        return call_asgi_long(called, args, nargsf, names)
    headers = dict_item(args[0], <PyObject *> "headers")
    if unlikely(
        headers == NULL
        or not is_exact_list(headers)
        or not find_fields(headers, found)
    ):
        return call_asgi_long(called, args, nargsf, names)
    cdef ASGICall self = <ASGICall> called
    cdef Decision decision
    if found[0] == NULL:
        decision = without_origin(self.native)
        if unlikely(self.on_forged is not None) and not is_safe(
            dict_item(args[0], <PyObject *> "method")
        ):
            answer = answer_forged(
                self, decision, <object> args[0], <object> args[1], <object> args[2]
            )
            if answer is not None:
                return new_ref(answer)
    else:
        decision = decide_found(self.native, <dict> args[0], <list> headers, found, True)
        if (
            decision.template.status is not None
            and decision.template.allowed
            and found[3] == NULL
            and self.on_allowed_preflight is None
        ):
            return new_ref(answer_asgi(self, decision, <object> args[2]))
        if decision.template.status is not None or (self.detours and not decision.template.allowed):
            answer = answered(
                self, decision, <object> args[0], <object> args[1], <object> args[2]
            )
            if answer is not None:
                return new_ref(answer)
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
    return new_ref(
        handle_asgi(<ASGICall> called, <object> args[0], <object> args[1], <object> args[2])
    )


cdef inline PyObject *go_in(
    ASGICall self, object decision, PyObject *const *args, bint handshake
) except NULL:
    """Call the application with scope, receive and a wrapped `send`."""
    cdef PyObject *passed[4]
    with cython.critical_section(self):
        app = self.called  # hold a reference, because it may be replaced meanwhile
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
            with cython.critical_section(self):
                app = self.called
            return steal(call_app(<PyObject *> app, args, 3, ASGICall))
        if self.on_handshake is not None:
            return self.on_handshake(scope, receive, send)
        handshake = True
    if self.native is None:
        decision = self.policy.asgi(scope)
    else:
        decision = decide_scope(self.native, scope)
    answer = answered(self, decision, scope, receive, send)
    if answer is None and self.on_forged is not None and not handshake:
        answer = answer_forged(self, decision, scope, receive, send)
    return steal(go_in(self, decision, args, handshake)) if answer is None else answer


cdef object answered(ASGICall self, object decision, object scope, object receive, object send):
    """Return the awaitable that answers, or None if the request goes on to the application."""
    if self.detours:
        detour = detour_of(decision, self.on_refused_preflight, self.on_refused)
        if detour is not None:
            answer = detour(decision, scope, receive, send)
            if answer is not None:
                return answer
    if not is_preflight(decision):
        return None
    if self.on_allowed_preflight is not None and decision.allowed:
        return self.on_allowed_preflight(decision, scope, receive, send)
    if self.on_private_network is not None and asks_private_network(scope["headers"]):
        return self.on_private_network(decision, scope, receive, send)
    return answer_asgi(self, decision, send)


cdef object answer_forged(
    ASGICall self, object decision, object scope, object receive, object send
):
    """Return the awaitable that answers a forged request, or None if the request goes on."""
    method = scope.get("method", "")
    if is_safe(<PyObject *> method) or not is_unlisted(self.native, decision):
        return None
    headers = scope.get("headers", ())
    if not self.policy.protects(
        method,
        field_in(headers, b"origin"),
        field_in(headers, b"sec-fetch-site"),
        field_in(headers, b"host"),
    ):
        return None
    return self.on_forged(decision, scope, receive, send)


cdef object field_in(object headers, bytes name):
    """Return the value of a field like `joined_lines` in headers.py, but faster."""
    cdef PyObject *found = NULL
    cdef PyObject *pair
    cdef _csrc.cf_slice seen
    cdef Py_ssize_t i
    if not HAS_GIL or type(headers) is not list:
        return lines_in(headers, name)
    for i in range(list_size(<PyObject *> headers)):
        pair = list_item(<PyObject *> headers, i)
        if not borrow_name(pair, False, &seen):
            return lines_in(headers, name)
        if seen.length == <size_t> bytes_size(<PyObject *> name) and (
            memcmp(seen.data, bytes_data(<PyObject *> name), seen.length) == 0
        ):
            if found != NULL or not is_exact_bytes(tuple_item(pair, 1)):
                return lines_in(headers, name)
            found = tuple_item(pair, 1)
    return None if found == NULL else <object> found


cdef object lines_in(object headers, bytes name):
    from .headers import joined_lines

    return joined_lines(headers, name)


cdef bint asks_private_network(object headers) except -1:
    """Return whether a preflight asks for private network access, as `handlers.py` does.

    The fast path uses the result of `find_fields` instead.
    """
    for name, _ in headers:
        if name == b"access-control-request-private-network":
            return True
    return False


cdef object answer_asgi(ASGICall self, object decision, object send):
    """Return the coroutine that sends the whole answer to a preflight."""
    cdef bint is_empty = self.body is None or not decision.allowed
    status = decision.status
    fields = NOTHING if status == 204 else NO_CONTENT if is_empty else self.content
    start = {
        "type": "http.response.start",
        "status": status,
        "headers": [*decision.raw_headers, *fields],
    }
    return send_both(send, start, (NO_BODY if is_empty else self.last).copy())


cdef tuple raw_content(bytes body):
    """Return the fields that describe a body, like `content` in `handlers.py`, as bytes."""
    return (
        (b"content-length", str(len(body)).encode("ascii")),
        (b"content-type", b"text/plain; charset=utf-8"),
    )


cdef object send_both = None  # of handlers.py; imported for the first ASGICall
cdef tuple NOTHING = ()
cdef tuple NO_CONTENT = ((b"content-length", b"0"),)
cdef dict NO_BODY = {"type": "http.response.body", "body": b""}


# -- the wrapped `send` ------------------------------------------------------------------------


cdef PyObject *call_send(
    PyObject *called, PyObject *const *args, size_t nargsf, PyObject *names
) except NULL:
    """Send a message of an `http` request on the fast path, or fall back.

    The decision is of this engine.
    """
    cdef PyObject *kind
    cdef PyObject *changed[2]
    cdef PyObject *result
    if unlikely(
        not HAS_GIL
        or PyVectorcall_NARGS(nargsf) != 1
        or names != NULL
        or not is_exact_dict(args[0])
    ):
        return call_send_long(called, args, nargsf, names)
    kind = type_in(args[0], <PyObject *> "type")
    if not is_literal(kind, "http.response.start"):
        if unlikely(not is_literal(kind, "http.response.body")):
            return call_send_long(called, args, nargsf, names)
        return vectorcall(<PyObject *> (<Wrapper> called).inner, args, nargsf)
    changed[1] = with_fields(args[0], <Decision> (<Wrapper> called).decision)
    if unlikely(changed[1] == NULL):
        return call_send_long(called, args, nargsf, names)
    result = vectorcall(
        <PyObject *> (<Wrapper> called).inner,
        changed + 1,
        1 | PY_VECTORCALL_ARGUMENTS_OFFSET,
    )
    Py_DECREF(changed[1])
    return result


cdef inline PyObject *with_fields(PyObject *message, Decision decision) except? NULL:
    """Return a copy of a message with new headers, or NULL if the slow path is needed.

    The message and the list are both copied, because a Response object may be sent twice.
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
    """Send any message of an `http` request on the slow path."""
    return send_long(called, args, nargsf, names, "http.response.start")


cdef PyObject *call_send_handshake(
    PyObject *called, PyObject *const *args, size_t nargsf, PyObject *names
) except NULL:
    """Send any message of a WebSocket handshake."""
    return send_long(called, args, nargsf, names, "websocket.http.response.start")


cdef PyObject *send_long(
    PyObject *called, PyObject *const *args, size_t nargsf, PyObject *names, str start
) except NULL:
    PyErr_Clear()
    if PyVectorcall_NARGS(nargsf) != 1 or names != NULL:
        return PyObject_CallObject(called, in_order(args, nargsf, names, ("message",)))
    cdef Wrapper self = <Wrapper> called
    cdef PyObject *changed[2]
    cdef dict copy
    message = <object> args[0]
    kind = (<dict> message)["type"] if type(message) is dict else message["type"]
    if not is_text(kind, start):
        return PyObject_Vectorcall(<PyObject *> self.inner, args, nargsf, NULL)
    # Copy the message and the list, because a Response object may be sent twice.
    copy = (<dict> message).copy() if type(message) is dict else dict(message)
    headers = dict_get(copy, "headers")
    if headers is None:
        headers = copy.get("headers", ())
    copy["headers"] = merged_slowly(self, headers, False)
    changed[1] = <PyObject *> copy
    return PyObject_Vectorcall(
        <PyObject *> self.inner, changed + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL
    )


cdef inline Wrapper new_send(ASGICall call, object decision, PyObject *send, bint handshake):
    cdef void *entry_point = <void *> call_send
    if handshake:
        entry_point = <void *> call_send_handshake
    elif call.native is None:
        entry_point = <void *> call_send_long
    if call.native is None:
        decision = (call.policy, decision)
    return new_wrapper(entry_point, decision, <object> send)


cdef bint is_send(Wrapper self) noexcept:
    cdef void *entry_point = <void *> self.vectorcall
    return entry_point != <void *> call_start and entry_point != <void *> call_start_long
