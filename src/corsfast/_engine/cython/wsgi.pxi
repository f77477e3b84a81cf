# The compiled part of middleware/wsgi.py: calling the application, and wrapping `start_response`.
# There is a fast path and a slow path; see asgi.pxi. The docstrings of the Python twin,
# middleware/_generic/handlers.py, are the contract.


@cython.trashcan(True)
cdef class WSGICall:
    """A WSGI application that wraps another one; see middleware/_generic/handlers.py."""

    __signature__ = Inspected("__signature__")

    cdef vectorcallfunc vectorcall
    cdef object called  # the application; see `app`
    cdef readonly object policy
    cdef Policy native  # None => the policy is of the pure engine
    cdef bytes body
    # The fields that describe the body of an allowed preflight's answer.
    cdef tuple content  # None => `__init__` has not returned
    cdef object on_all
    cdef object on_refused_preflight
    cdef object on_refused
    cdef object on_forged
    cdef bint detours  # => there is a handler for refused requests
    # => the policy is of this engine, and there is no `on_all`; with `on_forged`, the policy does
    # not allow any origin
    cdef bint is_fast

    def __cinit__(self):
        self.vectorcall = <vectorcallfunc> <void *> call_wsgi

    def __init__(
        self,
        app,
        policy,
        /,
        *,
        body=b"",
        on_all=None,
        on_refused_preflight=None,
        on_refused=None,
        on_forged=None,
    ):
        if self.content is not None:
            raise TypeError(MADE)
        self.called = app
        self.policy = policy
        self.native = policy if isinstance(policy, Policy) else None
        self.body = body or None
        self.on_all = on_all
        self.on_refused_preflight = on_refused_preflight
        self.on_refused = on_refused
        self.on_forged = on_forged
        self.detours = on_refused_preflight is not None or on_refused is not None
        self.is_fast = self.native is not None and on_all is None
        if on_forged is not None and self.is_fast:
            self.is_fast = not self.native.any_origin
        let_vectorcall(type(self), WSGICall)
        self.content = (
            ("Content-Length", str(len(body))), ("Content-Type", "text/plain; charset=utf-8")
        )

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

    def __call__(self, environ, start_response):
        """Call the application, or answer a request without it."""
        return handle_wsgi(self, environ, start_response)


cdef PyObject *call_wsgi(
    PyObject *called, PyObject *const *args, size_t nargsf, PyObject *names
) except NULL:
    """Handle a request on the fast path, or fall back to the slow path."""
    if unlikely(
        PyVectorcall_NARGS(nargsf) != 2
        or names != NULL
        or is_patched(called, WSGICall)
        or not (<WSGICall> called).is_fast
    ):
        return call_wsgi_long(called, args, nargsf, names)
    cdef WSGICall self = <WSGICall> called
    cdef Decision decision = decide_environ(self.native, <object> args[0])
    if decision.template.status is not None or (
        self.detours
        and not decision.template.allowed
        and (not decision.template.no_origin or self.on_forged is not None)
    ):
        answer = answered_wsgi(self, decision, <object> args[0], <object> args[1])
        if answer is not None:
            return new_ref(answer)
    cdef PyObject *passed[3]
    with cython.critical_section(self):
        app = self.called  # hold a reference, because it may be replaced meanwhile
    changed = new_wrapper(<void *> call_start, decision, <object> args[1])
    passed[1] = args[0]
    passed[2] = <PyObject *> changed
    return call_app(<PyObject *> app, passed + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, WSGICall)


cdef PyObject *call_wsgi_long(
    PyObject *called, PyObject *const *args, size_t nargsf, PyObject *names
) except NULL:
    if names != NULL or PyVectorcall_NARGS(nargsf) != 2:
        return PyObject_CallObject(
            called, in_order(args, nargsf, names, ("environ", "start_response"))
        )
    if is_patched(called, WSGICall):
        return call_patched(called, (<object> args[0], <object> args[1]))
    return new_ref(handle_wsgi(<WSGICall> called, <object> args[0], <object> args[1]))


cdef object handle_wsgi(WSGICall self, object environ, object start_response):
    cdef PyObject *passed[2]
    if self.on_all is not None:
        return self.on_all(environ, start_response)
    if self.native is None:
        decision = self.policy.wsgi(environ)
    else:
        decision = decide_environ(self.native, environ)
    answer = answered_wsgi(self, decision, environ, start_response)
    if answer is not None:
        return answer
    with cython.critical_section(self):
        app = self.called
    if self.native is None:
        changed = new_wrapper(<void *> call_start_long, (self.policy, decision), start_response)
    else:
        changed = new_wrapper(<void *> call_start, decision, start_response)
    passed[0] = <PyObject *> environ
    passed[1] = <PyObject *> changed
    return steal(call_app(<PyObject *> app, passed, 2, WSGICall))


cdef object answered_wsgi(WSGICall self, object decision, object environ, object start_response):
    """Return the response body, or None if the request goes on to the application."""
    if self.detours:
        detour = detour_of(decision, self.on_refused_preflight, self.on_refused)
        if detour is None and self.on_forged is not None:
            if is_unlisted(self.native, decision) and is_forged_environ(self.policy, environ):
                detour = self.on_forged
        if detour is not None:
            answer = detour(decision, environ, start_response)
            if answer is not None:
                return answer
    return answer_wsgi(self, decision, start_response) if is_preflight(decision) else None


cdef bint is_forged_environ(object policy, object environ) except -1:
    method = dict_get(<dict> environ, "REQUEST_METHOD")
    return not is_safe(<PyObject *> method) and policy.protects(
        "" if method is None else method,
        environ.get("HTTP_ORIGIN"),
        environ.get("HTTP_SEC_FETCH_SITE"),
        environ.get("HTTP_HOST"),
    )


cdef object answer_wsgi(WSGICall self, object decision, object start_response):
    cdef bint is_empty = self.body is None or not decision.allowed
    cdef list headers = list(decision.headers)
    status = decision.status
    if status != 204:
        headers += (("Content-Length", "0"),) if is_empty else self.content
    start_response(status_line(status), headers)
    return [] if is_empty else [self.body]


cdef object status_line(object status):
    if status == 204:
        return "204 No Content"
    from ..middleware._generic.handlers import status_line

    return status_line(status)


# -- the wrapped `start_response` --------------------------------------------------------------


cdef PyObject *call_start(
    PyObject *called, PyObject *const *args, size_t nargsf, PyObject *names
) except NULL:
    """Start a response on the fast path, or fall back. The decision is of this engine."""
    cdef PyObject *changed[3]
    cdef PyObject *result
    if unlikely(
        not HAS_GIL
        or PyVectorcall_NARGS(nargsf) != 2
        or names != NULL
        or not is_exact_list(args[1])
    ):
        return call_start_long(called, args, nargsf, names)
    changed[1] = args[0]
    changed[2] = one_list(args[1], <Decision> (<Wrapper> called).decision, True)
    if unlikely(changed[2] == NULL):
        return call_start_long(called, args, nargsf, names)
    result = vectorcall(
        <PyObject *> (<Wrapper> called).inner,
        changed + 1,
        2 | PY_VECTORCALL_ARGUMENTS_OFFSET,
    )
    Py_DECREF(changed[2])
    return result


cdef PyObject *call_start_long(
    PyObject *called, PyObject *const *args, size_t nargsf, PyObject *names
) except NULL:
    cdef Py_ssize_t given = PyVectorcall_NARGS(nargsf)
    if given == 2 and names != NULL and <object> names == ("exc_info",):
        given = 3
        names = NULL
    if names != NULL or given < 2 or given > 3:
        raise TypeError("start_response is called with status, headers and maybe exc_info")
    cdef Wrapper self = <Wrapper> called
    cdef PyObject *changed[4]
    headers = merged_slowly(self, <object> args[1], True)
    changed[1] = args[0]
    changed[2] = <PyObject *> headers
    # Pass exc_info on only if the application passed it.
    if given == 3 and <object> args[2] is not None:
        changed[3] = args[2]
    else:
        given = 2
    return PyObject_Vectorcall(
        <PyObject *> self.inner,
        changed + 1,
        <size_t> given | PY_VECTORCALL_ARGUMENTS_OFFSET,
        NULL,
    )
