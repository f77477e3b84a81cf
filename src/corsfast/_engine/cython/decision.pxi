# The compiled Decision, the DecisionTemplate that many decisions share, and their header fields.
# Decisions are immutable, because one decision may answer many requests.


@cython.final
@cython.no_gc
@cython.freelist(64)
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

    # `template` is shared by many decisions. The other fields are the echoed origin and, for a
    # preflight, the echoed method and header names. Each is an exact str or bytes, or None.
    cdef DecisionTemplate template
    cdef object origin
    cdef object method
    cdef object names

    def __cinit__(self, template=None, /):
        # An internal class, so only this module can pass one.
        if type(template) is not DecisionTemplate:
            raise TypeError("a Decision is made by a Policy")
        self.template = template

    @property
    def allowed(self):
        return self.template.allowed

    @property
    def outcome(self):
        return self.template.outcome

    @property
    def is_preflight(self):
        return self.template.status is not None

    @property
    def status(self):
        return self.template.status

    @property
    def vary(self):
        return self.template.vary

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


@cython.final
@cython.internal
@cython.no_gc
cdef class DecisionTemplate:
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
    cdef bint keep_existing
    cdef bint timing  # => the echoed origin is also sent as Timing-Allow-Origin


cdef tuple headers_of(Decision self):
    if self.origin is None:
        return self.template.headers
    fields = [(ALLOW_ORIGIN, as_str(self.origin))]
    if self.template.timing:
        fields.append((TIMING_ALLOW_ORIGIN, as_str(self.origin)))
    if self.method is not None:
        fields.append((ALLOW_METHODS, as_str(self.method)))
    if self.names is not None:
        fields.append((ALLOW_HEADERS, as_str(self.names)))
    return tuple(fields) + self.template.headers


cdef tuple raw_headers_of(Decision self):
    if self.origin is None:
        return self.template.raw_headers
    fields = [(RAW_ALLOW_ORIGIN, as_bytes(self.origin))]
    if self.template.timing:
        fields.append((RAW_TIMING_ALLOW_ORIGIN, as_bytes(self.origin)))
    if self.method is not None:
        fields.append((RAW_ALLOW_METHODS, as_bytes(self.method)))
    if self.names is not None:
        fields.append((RAW_ALLOW_HEADERS, as_bytes(self.names)))
    return tuple(fields) + self.template.raw_headers
