# The compiled Decision, the Answer that many decisions share, and their header fields. Decisions
# are immutable, because one decision may answer many requests.

cdef extern from *:
    """
    typedef struct {
        PyObject_HEAD
        PyObject *answer;
        PyObject *origin;
        PyObject *method;
        PyObject *names;
    } corsfast_decision;

    static corsfast_kept corsfast_kept_decisions;

    static inline PyObject *
    corsfast_fill_decision(PyTypeObject *type, PyObject *answer, PyObject *origin)
    {
        PyObject *taken = corsfast_take(&corsfast_kept_decisions);
        corsfast_decision *made = (corsfast_decision *)taken;
        if (made == NULL && (made = PyObject_New(corsfast_decision, type)) == NULL) {
            return NULL;
        }
        Py_INCREF(answer);
        Py_INCREF(origin);
        Py_INCREF(Py_None);
        Py_INCREF(Py_None);
        made->answer = answer;
        made->origin = origin;
        made->method = Py_None;
        made->names = Py_None;
        return (PyObject *)made;
    }

    static void
    corsfast_free_decision(PyObject *object)
    {
        corsfast_decision *dead = (corsfast_decision *)object;
        Py_DECREF(dead->answer);
        Py_DECREF(dead->origin);
        Py_DECREF(dead->method);
        Py_DECREF(dead->names);
        corsfast_keep(&corsfast_kept_decisions, object);
    }
    """
    PyObject *fill_decision "corsfast_fill_decision"(
        PyTypeObject *type, PyObject *answer, PyObject *origin
    ) except NULL
    void free_decision "corsfast_free_decision"(PyObject *) noexcept
    Py_ssize_t SIZE_OF_DECISION "sizeof(corsfast_decision)"


@cython.final
@cython.no_gc
cdef class Decision:
    """The answer of a policy to one request. Immutable; only a :class:`Policy` creates one.

    Attributes:
        allowed: whether this is a CORS request and its origin (for a preflight also its
            method and header names) is allowed. ``False`` without an Origin.
        outcome: the reason, as one :class:`~corsfast.Outcome`.
        is_preflight: whether this is a preflight, which the server answers directly.
        status: the status of the answer to a preflight; ``None`` for any other request,
            because the application chooses its status.
        headers: the fields to send, as ``(str, str)`` pairs in their usual spelling. ``Vary``
            is the last of them if it is needed. Merge it with the application's ``Vary``, as
            ``Policy.apply_asgi`` and ``apply_wsgi`` do.
        raw_headers: the same as ``(bytes, bytes)`` pairs with lower-case names.
        vary: the field names in ``Vary``, as a tuple.
    """

    # `answer` is shared by many decisions. The other fields are the echoed origin and, for a
    # preflight, the echoed method and header names. Each is an exact str or bytes, or None.
    # The order must match the struct `corsfast_decision`.
    cdef Answer answer
    cdef object origin
    cdef object method
    cdef object names

    @property
    def allowed(self):
        return self.answer.allowed

    @property
    def outcome(self):
        return self.answer.outcome

    @property
    def is_preflight(self):
        return self.answer.status is not None

    @property
    def status(self):
        return self.answer.status

    @property
    def vary(self):
        return self.answer.vary

    @property
    def headers(self):
        return headers_of(self)

    @property
    def raw_headers(self):
        return raw_headers_of(self)

    def __setattr__(self, name, value):
        raise AttributeError(f"Decision is immutable: {name!r} cannot be set")

    def __delattr__(self, name):
        raise AttributeError(f"Decision is immutable: {name!r} cannot be deleted")

    def __eq__(self, other):
        if not isinstance(other, Decision):
            return NotImplemented
        from ..decision import decision_key

        return decision_key(self) == decision_key(other)

    def __hash__(self):
        from ..decision import decision_key

        return hash(decision_key(self))

    def __repr__(self):
        from ..decision import decision_repr

        return decision_repr(self)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo, /):
        return self

    def __reduce__(self):
        raise TypeError("a Decision cannot be pickled; pickle the Policy")


cdef PyObject *refuse_new(PyTypeObject *kind, PyObject *args, PyObject *kwargs) except NULL:
    raise TypeError("a Decision is made by a Policy")


# Only this module creates decisions. `Decision()` calls `refuse_new`.
(<TypeSlots *> Decision).tp_vectorcall = NULL
(<TypeSlots *> Decision).tp_new = <newfunc> <void *> refuse_new
(<TypeSlots *> Decision).tp_dealloc = free_decision
assert Decision.__basicsize__ == SIZE_OF_DECISION


cdef inline Decision new_decision(PyObject *answer, PyObject *origin):
    """Return a new decision. The caller must hold a reference to both arguments."""
    return <Decision> owned(fill_decision(<PyTypeObject *> Decision, answer, origin))


@cython.final
@cython.internal
@cython.no_gc
cdef class Answer:
    """The part of a decision that does not depend on the request.

    `headers` and `raw_headers` are complete if the decision echoes nothing. Otherwise they are
    the fields that follow the echoed ones.
    """

    cdef object outcome
    cdef bint allowed
    cdef bint no_origin
    cdef object status  # None => not a preflight
    cdef tuple vary
    cdef unsigned vary_bits
    cdef tuple headers
    cdef tuple raw_headers
    cdef dict start  # the first ASGI message of a preflight's answer; copied for each request
    cdef bint timing  # => the echoed origin is also sent as Timing-Allow-Origin


cdef tuple headers_of(Decision self):
    if self.origin is None:
        return self.answer.headers
    fields = [(ALLOW_ORIGIN, as_str(self.origin))]
    if self.answer.timing:
        fields.append((TIMING_ALLOW_ORIGIN, as_str(self.origin)))
    if self.method is not None:
        fields.append((ALLOW_METHODS, as_str(self.method)))
    if self.names is not None:
        fields.append((ALLOW_HEADERS, as_str(self.names)))
    return (*fields, *self.answer.headers)


cdef tuple raw_headers_of(Decision self):
    if self.origin is None:
        return self.answer.raw_headers
    fields = [(RAW_ALLOW_ORIGIN, as_bytes(self.origin))]
    if self.answer.timing:
        fields.append((RAW_TIMING_ALLOW_ORIGIN, as_bytes(self.origin)))
    if self.method is not None:
        fields.append((RAW_ALLOW_METHODS, as_bytes(self.method)))
    if self.names is not None:
        fields.append((RAW_ALLOW_HEADERS, as_bytes(self.names)))
    return (*fields, *self.answer.raw_headers)
