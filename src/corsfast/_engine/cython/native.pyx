# cython: language_level=3
# cython: binding=False, always_allow_keywords=False, auto_pickle=False, autotestdict=False
# cython: embedsignature=True, embedsignature.format=clinic
# cython: boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True
"""The native engine: makes the same decisions as `pure.py`, but faster.

Rules:
1. This file converts values and calls csrc/. csrc/ decides what is allowed, and tables.py holds
   the response headers. There are no CORS rules here.
2. Everything that does not depend on the request is built once, with the policy, and shared.
3. An object is never changed after it is built, because many threads may use it.
4. Importing this file imports only modules that the interpreter has loaded already (not enum,
   not re), because others would slow down the start.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

cimport _csrc

cdef extern from "Python.h":
    bint PyBytes_Check(object value) noexcept
    bint PyUnicode_Check(object value) noexcept
    bint PyUnicode_CheckExact(object value) noexcept
    bint PyBytes_CheckExact(object value) noexcept
    int PyUnicode_KIND(object text) noexcept
    void *PyUnicode_DATA(object text) noexcept
    Py_ssize_t PyUnicode_GET_LENGTH(object text) noexcept
    int PyUnicode_1BYTE_KIND
    void Py_INCREF(PyObject *value) noexcept
    void Py_DECREF(PyObject *value) noexcept
    void Py_XDECREF(PyObject *value) noexcept
    Py_ssize_t Py_REFCNT(PyObject *value) noexcept
    PyObject *PyList_New(Py_ssize_t length) noexcept
    void PyList_SET_ITEM(PyObject *whole, Py_ssize_t index, PyObject *item) noexcept
    int PyList_SetItem(PyObject *whole, Py_ssize_t index, PyObject *item) noexcept
    PyObject *PyTuple_Pack(Py_ssize_t length, ...) noexcept
    PyObject *PyUnicode_Concat(PyObject *one, PyObject *other) noexcept
    PyObject *new_bytes "PyBytes_FromStringAndSize"(const char *data, Py_ssize_t size) noexcept
    void PyErr_Clear() noexcept

    # Items of a list or tuple are borrowed. They must not outlive our reference to it.
    PyObject *list_item "PyList_GET_ITEM"(PyObject *value, Py_ssize_t index) noexcept
    Py_ssize_t list_size "PyList_GET_SIZE"(PyObject *value) noexcept
    PyObject *tuple_item "PyTuple_GET_ITEM"(PyObject *value, Py_ssize_t index) noexcept
    Py_ssize_t tuple_size "PyTuple_GET_SIZE"(PyObject *value) noexcept
    bint is_exact_tuple "PyTuple_CheckExact"(PyObject *value) noexcept
    bint is_exact_bytes "PyBytes_CheckExact"(PyObject *value) noexcept
    bint is_exact_str "PyUnicode_CheckExact"(PyObject *value) noexcept
    int kind_of "PyUnicode_KIND"(PyObject *text) noexcept
    void *text_data "PyUnicode_DATA"(PyObject *text) noexcept
    Py_ssize_t text_length "PyUnicode_GET_LENGTH"(PyObject *text) noexcept
    char *bytes_data "PyBytes_AS_STRING"(PyObject *value) noexcept
    Py_ssize_t bytes_size "PyBytes_GET_SIZE"(PyObject *value) noexcept

    ctypedef PyObject *(*vectorcallfunc)(PyObject *, PyObject *const *, size_t, PyObject *)

cdef extern from *:
    """
    /* Return dict[key] as a new reference, or NULL without an error if the key is missing. */
    static inline PyObject *corsfast_item(PyObject *dict, PyObject *key)
    {
    #if PY_VERSION_HEX >= 0x030D0000
        PyObject *value;
        (void)PyDict_GetItemRef(dict, key, &value);
        return value;
    #else
        PyObject *value = PyDict_GetItemWithError(dict, key);
        Py_XINCREF(value);
        return value;
    #endif
    }
    """
    PyObject *corsfast_item(PyObject *dict, PyObject *key) except? NULL
    bint unlikely(bint condition) noexcept  # a macro that Cython defines

from os import urandom

IMPLEMENTATION = "native"

# The same names as in fetch.py, which is too slow to import for them.
cdef str ALLOW_ORIGIN = "Access-Control-Allow-Origin"
cdef str TIMING_ALLOW_ORIGIN = "Timing-Allow-Origin"
cdef str ALLOW_METHODS = "Access-Control-Allow-Methods"
cdef str ALLOW_HEADERS = "Access-Control-Allow-Headers"
cdef bytes RAW_ALLOW_ORIGIN = ALLOW_ORIGIN.lower().encode("ascii")
cdef bytes RAW_TIMING_ALLOW_ORIGIN = TIMING_ALLOW_ORIGIN.lower().encode("ascii")
cdef bytes RAW_ALLOW_METHODS = ALLOW_METHODS.lower().encode("ascii")
cdef bytes RAW_ALLOW_HEADERS = ALLOW_HEADERS.lower().encode("ascii")

# The values of the same names in fetch.py.
cdef tuple SAFE_METHODS = (b"GET", b"HEAD", b"OPTIONS")
cdef tuple OWN_SITES = (b"same-origin", b"none")

# Up to this many exact origins have prebuilt decisions. With more, a prebuilt decision is often
# no longer in the CPU's nearest caches, and creating a new one costs less.
cdef Py_ssize_t MOST_PREBUILT = 32

# The names that Vary may contain, in the order in which they are written, with their bits.
cdef tuple VARY_NAMES = (
    ("Origin", _csrc.CF_VARY_ORIGIN),
    ("Access-Control-Request-Method", _csrc.CF_VARY_REQUEST_METHOD),
    ("Access-Control-Request-Headers", _csrc.CF_VARY_REQUEST_HEADERS),
)
# The text to append to a Vary value, by the bits of the missing names.
cdef tuple VARY_BEHIND = tuple(
    [
        "".join([f", {name}" for name, bit in VARY_NAMES if bits & bit])
        for bits in range(1 << len(VARY_NAMES))
    ]
)
cdef tuple RAW_VARY_BEHIND = tuple([behind.encode("ascii") for behind in VARY_BEHIND])


cdef class Policy  # declared here for threads.pxi

include "threads.pxi"
include "decision.pxi"


@cython.final
@cython.internal
cdef class Handover:
    """Tables on the way from `Policy._from_tables` to `Policy.__cinit__`, which compiles options.

    Python code cannot reach this class, so no call with options can be mistaken for it.
    """

    cdef object tables
    cdef Policy original  # None => the new policy is not a replica


@cython.final
cdef class Policy:
    """Policy(*positional, allow_origins=..., allow_methods=(), allow_headers=(), expose_headers=(), allow_credentials=False, max_age=600, preflight_status=204, existing='replace', timing_allow_origin=False, dangerously_tolerate=(), **unknown)
--

A compiled CORS policy. Immutable; safe to share between threads.

    Args:
        allow_origins: the origins that may read responses: a list of origins exactly as
            browsers send them (``"https://app.example.com"``), patterns
            (``"https://*.example.com"``, ``"http://localhost:*"``, ``"moz-extension://*"``),
            ``re.Pattern`` objects (always matched in full), ``"null"``, or ``"*"``, which
            matches any origin.
        allow_methods: methods to allow besides GET, HEAD and POST, or ``"*"`` for any.
        allow_headers: request-header names to allow besides the safelisted ones, without
            regard to case, or ``"*"`` for any except Authorization, which must be named.
        expose_headers: response-header names that pages may read, or ``"*"`` (not with
            credentials).
        allow_credentials: whether requests may use cookies and other credentials.
        max_age: how long browsers may cache a preflight, 0 to 86400 seconds; ``None`` omits
            the header (browsers then use 5 seconds).
        preflight_status: the status for preflights of allowed origins, 200 to 299.
        existing: how to treat the application's own Access-Control-Allow-Origin:
            ``"replace"`` it by the policy's, or ``"keep"`` it.
        timing_allow_origin: whether allowed actual requests also get Timing-Allow-Origin,
            with the value of Access-Control-Allow-Origin, so that pages may read timings.
        dangerously_tolerate: names of risks to accept. Each then gives a
            ``CorsfastSecurityWarning`` instead of an error: ``any-origin-with-credentials``,
            ``null-origin-with-credentials``, ``foreign-origin``, ``public-suffix``,
            ``insecure-origin``, ``any-extension``.

    Raises:
        PolicyError: with all problems of the options.
        TypeError: for an unknown option.
    """

    cdef _csrc.cf_policy *core
    cdef object tables
    cdef DecisionTemplate echoing  # shared by decisions that echo the origin
    cdef DecisionTemplate echoing_preflight
    cdef Decision no_origin
    cdef Decision spare  # the last decision of `echo_origin`
    cdef tuple actual_of  # by the exact origin's index; empty if there are too many
    cdef tuple preflight_of  # like `actual_of`; also empty if method or headers are echoed
    cdef uint32_t n_prebuilt  # the number of decisions in `actual_of`
    cdef bint echoes  # => answers to preflights echo the method or the headers
    cdef bint star  # => the only origin is "*", its index 0
    cdef bint any_origin  # => the only entry is "*"; also if origins are echoed
    cdef tuple refused  # by cf_outcome
    cdef tuple refused_preflight
    cdef tuple not_covered  # by cf_outcome: None, or (template, like `preflight_of`)
    cdef tuple regexes
    cdef bint echo_method
    cdef bint echo_headers
    cdef bint any_method
    cdef bint any_header
    cdef bint keep_existing
    cdef uint64_t counts[_csrc.CF_OUTCOMES]  # of actual requests
    cdef uint64_t preflight_counts[_csrc.CF_OUTCOMES]
    cdef uint64_t forged  # the requests that `protects` found forged
    cdef PyObject *replicas[REPLICAS]  # owned; NULL until a thread needs it

    def __cinit__(
        self,
        *positional,
        allow_origins=...,
        allow_methods=(),
        allow_headers=(),
        expose_headers=(),
        allow_credentials=False,
        max_age=600,
        preflight_status=204,
        existing="replace",
        timing_allow_origin=False,
        dangerously_tolerate=(),
        **unknown,
    ):
        if len(positional) == 1 and type(positional[0]) is Handover:
            tables = (<Handover> positional[0]).tables
        elif positional or unknown or allow_origins is ...:
            from .._proofs.ineffective import wrong_options

            raise TypeError(wrong_options(unknown, positional))
        else:
            from .tables import compile_options

            tables = compile_options(
                is_origin,
                allow_origins=allow_origins,
                allow_methods=allow_methods,
                allow_headers=allow_headers,
                expose_headers=expose_headers,
                allow_credentials=allow_credentials,
                max_age=max_age,
                preflight_status=preflight_status,
                existing=existing,
                timing_allow_origin=timing_allow_origin,
                dangerously_tolerate=dangerously_tolerate,
            )
        responses = tables.responses
        self.tables = tables
        self.regexes = tables.regexes
        self.echo_method = responses.echo_method
        self.echo_headers = responses.echo_headers
        self.any_method = tables.any_method
        self.any_header = tables.any_header
        self.keep_existing = responses.keep_existing
        self.star = tables.star
        self.any_origin = tables.takes_any
        cdef list exact = list(tables.exact)
        original = (<Handover> positional[0]).original if positional else None
        self.core = build_core(tables, exact) if original is None else share_core(original)
        build_answers(self, responses, exact)

    def __dealloc__(self):
        for i in range(REPLICAS):
            Py_XDECREF(self.replicas[i])
        _csrc.cf_policy_free(self.core)

    @classmethod
    def _from_tables(cls, tables, /):
        """Make a policy from compiled tables, for drop-ins and resolvers."""
        cdef Handover handover = Handover.__new__(Handover)
        handover.tables = tables
        return Policy.__new__(Policy, handover)

    # -- loading ------------------------------------------------------------------------------

    @classmethod
    def from_mapping(cls, mapping):
        """Make a policy from a mapping: a table of TOML, an object of JSON, a framework's settings.

        The keys are the options. An entry of ``allow_origins`` may be a table,
        ``{"regex": "..."}``, optionally with ``"within": ["example.com"]``. ``max_age`` may be
        ``"none"``, because TOML has no null.

        Raises:
            PolicyError: with all problems, including unknown keys.
            TypeError: if it is not a mapping.
        """
        from .._loading import from_mapping

        return from_mapping(cls, mapping)

    @classmethod
    def from_toml(cls, path, table="tool.corsfast"):
        """Make a policy from a table of a TOML file; see :meth:`from_mapping`.

        Args:
            path: the file, of at most 64 MiB.
            table: the dotted name of the table; ``""`` or ``None`` for the whole file.

        Raises:
            PolicyError: with all problems, each with the file, the line and the key; also if the
                file is not TOML or has no such table.
            OSError: if the file cannot be read.
            TypeError: if an argument has the wrong type.
            ValueError: if `table` is not a valid name of a table.
        """
        from .._loading import from_toml

        return from_toml(cls, path, table)

    @classmethod
    def from_env(cls, prefix="CORS_", environ=None):
        """Make a policy from environment variables such as ``CORS_ALLOW_ORIGINS``.

        The variable of an option is the prefix and the option's name in upper case. An option
        without a variable has its default. Lists are separated by commas or white space, or are
        JSON lists. An origin that begins with ``regex:`` is a regular expression. Flags are
        ``true``, ``false``, ``1``, ``0``, ``yes``, ``no``, ``on`` or ``off``; ``max_age`` may be
        ``none``.

        Args:
            prefix: the beginning of the variables' names.
            environ: the variables; ``None`` for the environment of the process.

        Raises:
            PolicyError: with all problems, each with its variable. An empty variable, or one
                whose name looks like a misspelled option, is a problem.
            TypeError: if an argument has the wrong type.

        Warns:
            CorsfastUnmatchableWarning: once for each other variable with the prefix.
        """
        from .._loading import from_env

        return from_env(cls, prefix, environ)

    # -- deciding ----------------------------------------------------------------------------

    def actual(self, origin, /):
        """Decide an actual request (not a preflight) by its Origin; ``None`` if it has none."""
        cdef PyObject *mine = own(self)
        if origin is None:
            return without_origin(<Policy> mine)
        return decide_actual(<Policy> mine, origin)

    def preflight(self, origin, request_method, request_headers=None, /):
        """Decide a preflight by its Origin and the two Access-Control-Request-* values.

        ``request_headers`` may be a list or tuple of several header lines. A request without an
        Origin is not a preflight, so the result equals ``actual(None)``.
        """
        cdef PyObject *mine = own(self)
        if origin is None:
            return without_origin(<Policy> mine)
        return decide_preflight(<Policy> mine, origin, request_method, request_headers)

    def decide(self, method, origin, request_method=None, request_headers=None, /):
        """Decide a request of either kind.

        A preflight is an OPTIONS request with both Origin and Access-Control-Request-Method.
        """
        cdef PyObject *mine = own(self)
        if origin is None:
            return without_origin(<Policy> mine)
        if request_method is None or not is_options(method):
            return decide_actual(<Policy> mine, origin)
        return decide_preflight(<Policy> mine, origin, request_method, request_headers)

    def asgi(self, scope, /):
        """Decide an ASGI ``http`` or ``websocket`` scope. A handshake has no preflight."""
        return decide_scope(self, scope)

    def wsgi(self, environ, /):
        """Decide a WSGI environ."""
        return decide_environ(self, environ)

    def allows_origin(self, origin, /):
        """Return whether ``actual(origin)`` is allowed, for WebSocket handshakes and CSRF checks.

        ``False`` for ``None``, because a request without an Origin has not proved that it is
        allowed.
        """
        cdef _csrc.cf_slice seen
        cdef uint32_t exact
        cdef PyObject *mine = own(self)
        if origin is None:
            return without_origin(<Policy> mine).template.allowed
        if not borrow_chars(origin, &seen):
            return self.allows_origin(normalize_origin(origin))
        cdef _csrc.cf_outcome outcome = match_origin(<Policy> mine, seen, &exact)
        count(&(<Policy> mine).counts[<size_t> outcome])
        return outcome == _csrc.CF_ALLOWED

    def protects(self, method, origin, sec_fetch_site, host, /):
        """Return ``True`` if a request must be refused because another site has forged it.

        A request may pass (``False``) if one of these holds:

        - the method is GET, HEAD or OPTIONS, because these change nothing;
        - ``Sec-Fetch-Site`` is ``same-origin`` or ``none``;
        - the policy allows the ``Origin`` by another entry than ``"*"``, which lets any page read
          without credentials, but not write with them;
        - ``Sec-Fetch-Site`` is missing, and ``Origin`` is missing or names the host and port of
          ``Host``. Old browsers send no ``Sec-Fetch-Site``; other programs send neither.

        Several lines of a field must be joined by commas. Each result ``True`` is counted in
        ``stats().forged``.

        Args:
            method: the method of the request.
            origin: the value of Origin, or ``None`` without one.
            sec_fetch_site: the same for Sec-Fetch-Site.
            host: the same for Host.
        """
        cdef PyObject *mine = own(self)
        return is_forged(<Policy> mine, method, origin, sec_fetch_site, host)

    def stats(self, *, reset=False):
        """Return how many decisions this policy object has made, by outcome.

        The counts are exact, also with many threads. A policy that is unpickled has its own.

        Args:
            reset: whether to set the counts to zero in the same step, so that each decision is in
                exactly one of the results.
        """
        from ..decision import stats_of

        actual, preflight = read_counts(self, False, reset), read_counts(self, True, reset)
        return stats_of(actual, preflight, read_forged(self, reset))

    def explain(
        self,
        method,
        origin,
        request_method=None,
        request_headers=None,
        credentials=None,
        *,
        sec_fetch_site=None,
        host=None,
    ):
        """Explain why a page's request is allowed or refused, and what would allow it.

        The first four arguments are those of :meth:`decide`. A request that is not a preflight is
        explained with the preflight that a browser sends for its method and headers.

        Args:
            method: the method of the page's request, or ``"OPTIONS"`` for a preflight.
            origin: the origin of the page.
            request_method: the method that a preflight asks for.
            request_headers: the header names that a preflight asks for.
            credentials: whether the page sends credentials; ``None`` if that is not known.
            sec_fetch_site: the value of Sec-Fetch-Site. With this or `host`, the check of
                :meth:`protects` is explained in place of CORS.
            host: the value of Host.
        """
        if sec_fetch_site is not None or host is not None:
            from .._explain.cross_site import explain_cross_site

            return explain_cross_site(self.tables, method, origin, sec_fetch_site, host)
        from .._explain.policy import explain

        return explain(
            self, self.tables, method, origin, request_method, request_headers, credentials
        )

    # -- response headers --------------------------------------------------------------------

    def apply_asgi(self, decision, headers, /):
        """Return a new list: an ASGI response's headers with the decision applied.

        ``headers`` holds ``(bytes, bytes)`` pairs, as tuples or lists, and is not changed. The
        application's own Access-Control-Allow-Origin and -Credentials are dropped, unless the
        policy has ``existing="keep"`` and the application sent the former. Its
        Access-Control-Expose-Headers is dropped if the decision lets no origin read the response.
        Vary is merged, and all other fields are kept.
        """
        return apply(self, decision, headers, False)

    def apply_wsgi(self, decision, headers, /):
        """Apply a decision like :meth:`apply_asgi`, to a WSGI response's ``(str, str)`` pairs."""
        return apply(self, decision, headers, True)

    # -- comparing and copying ---------------------------------------------------------------

    @property
    def _tables(self):
        """The compiled tables, for logs and explanations."""
        return self.tables

    def options(self):
        """Return the options that make an equal policy: ``Policy(**policy.options()) == policy``.

        Every option is included, even with its default. The origins are in the order in which
        they were listed. The lists are new, so the caller may change them.

        Raises:
            TypeError: for the policy of a drop-in middleware, which has other options.
        """
        return self.tables.spec.options()

    def diff(self, new, /):
        """Return what a new policy allows and this one does not, and the reverse.

        The origins are compared as sets, with an example for each difference.

        Raises:
            TypeError: if it is not a policy, or one of them is that of a drop-in middleware.
        """
        if not isinstance(new, Policy):
            raise TypeError(f"new must be a Policy, not {type(new).__name__}")
        from .._proofs.changes import diff_specs

        return diff_specs(self.tables.spec, (<Policy> new).tables.spec)

    def describe(self, /):
        """Return what the policy allows in plain sentences, one on each line.

        Raises:
            TypeError: for the policy of a drop-in middleware.
        """
        from .._proofs.sentences import describe_spec

        return describe_spec(self.tables.spec)

    def __setattr__(self, name, value):
        raise AttributeError(f"Policy is immutable: {name!r} cannot be set")

    def __delattr__(self, name):
        raise AttributeError(f"Policy is immutable: {name!r} cannot be deleted")

    def __eq__(self, other):
        if not isinstance(other, Policy):
            return NotImplemented
        return self.tables.key() == (<Policy> other).tables.key()

    def __hash__(self):
        return hash(self.tables.key())

    def __repr__(self):
        return self.tables.spec.show()

    def __copy__(self):
        return self

    def __deepcopy__(self, memo, /):
        return self

    def __reduce__(self):
        from .unpickle import restore_policy

        return restore_policy, (self.tables.spec.options(),)


def is_origin(text, /):
    """Return whether this is a serialized origin or "null", like `_options.origin.is_origin`."""
    cdef _csrc.cf_slice seen
    if not borrow_chars(text, &seen):
        return is_origin(normalize_text(text, "text", "", _csrc.CF_MAX_ORIGIN))
    return _csrc.cf_valid_origin(seen.data, seen.length) or is_literal(<PyObject *> text, "null")


# -- building --------------------------------------------------------------------------------


cdef _csrc.cf_policy *build_core(tables, list exact) except NULL:
    """Pass the tables to C. Every slice borrows from an object that outlives the call."""
    cdef _csrc.cf_tables given
    cdef _csrc.cf_policy *core = NULL
    cdef _csrc.cf_status status
    cdef list methods = list(tables.methods)
    cdef list names = list(tables.header_names)
    cdef dict by_host = {}
    for rule in tables.rules:
        # A list, because each generator leaks a reference to its type in Cython 3.3.
        by_host.setdefault(rule.host, []).extend(
            [(rule.scheme == "https", first, last) for first, last in rule.ports]
        )
    cdef list hosts = list(by_host)
    cdef list ranges = [one for host in hosts for one in by_host[host]]
    cdef _csrc.cf_slice *slices = NULL
    cdef _csrc.cf_rule *rules = NULL
    cdef _csrc.cf_port_range *range_array = NULL
    cdef uint32_t *table = NULL
    cdef size_t i
    cdef size_t at = 0
    seed = int.from_bytes(urandom(8), "little")
    try:
        slices = <_csrc.cf_slice *> allocate(
            len(exact) + len(methods) + len(names), sizeof(_csrc.cf_slice)
        )
        rules = <_csrc.cf_rule *> allocate(len(hosts), sizeof(_csrc.cf_rule))
        range_array = <_csrc.cf_port_range *> allocate(len(ranges), sizeof(_csrc.cf_port_range))
        given.exact = slices
        given.n_exact = borrow(exact, slices)
        given.methods = slices + given.n_exact
        given.n_methods = borrow(methods, slices + given.n_exact)
        given.headers = given.methods + given.n_methods
        given.n_headers = borrow(names, slices + given.n_exact + given.n_methods)
        for i, (https, first, last) in enumerate(ranges):
            range_array[i].https = https
            range_array[i].first_port = first
            range_array[i].last_port = last
        for i, host in enumerate(hosts):
            rules[i].host = borrow_one(host)
            rules[i].ranges = range_array + at
            rules[i].n_ranges = len(by_host[host])
            at += rules[i].n_ranges
        given.rules = rules
        given.n_rules = len(hosts)
        given.automaton.n_table = 0
        if tables.automaton is not None:
            table = <uint32_t *> allocate(len(tables.automaton.table), sizeof(uint32_t))
            lend_automaton(tables.automaton, table, &given.automaton)
        given.star = tables.star
        given.any_web_origin = tables.any_web_origin
        given.any_origin = tables.any_origin
        given.any_method = tables.any_method
        given.any_header = tables.any_header
        given.ask_caller = bool(tables.regexes)
        given.seed = seed
        status = _csrc.cf_policy_new(&given, &core)
    finally:
        PyMem_Free(slices)
        PyMem_Free(rules)
        PyMem_Free(range_array)
        PyMem_Free(table)
    if status == _csrc.CF_NO_MEMORY:
        raise MemoryError
    if status != _csrc.CF_OK:
        raise AssertionError("the compiled tables break a rule of corsfast.h")
    return core


cdef int lend_automaton(automaton, uint32_t *table, _csrc.cf_automaton *given) except -1:
    """Fill *given and the table. The caller keeps both and `automaton` alive while C reads them."""
    cdef tuple entries = automaton.table
    cdef bytes class_of = automaton.class_of
    cdef size_t i
    if len(class_of) != 256:
        raise AssertionError(f"class_of has {len(class_of)} columns in place of 256")
    for i in range(<size_t> len(entries)):
        table[i] = entries[i]
    given.class_of = <const uint8_t *> PyBytes_AS_STRING(class_of)
    given.table = table
    given.n_table = <size_t> len(entries)
    given.width = automaton.width
    given.start = automaton.start
    given.http = automaton.http
    given.https = automaton.https
    return 0


cdef void *allocate(size_t count, size_t size) except NULL:
    cdef void *memory = PyMem_Malloc(max(count, 1) * size)
    if memory == NULL:
        raise MemoryError
    return memory


cdef _csrc.cf_slice borrow_one(str text) noexcept:
    """Borrow the bytes of an ASCII str. They are valid as long as the str is."""
    cdef _csrc.cf_slice slice
    slice.data = <const char *> PyUnicode_DATA(text)
    slice.length = <size_t> PyUnicode_GET_LENGTH(text)
    return slice


cdef size_t borrow(list texts, _csrc.cf_slice *slices) except? 0:
    cdef size_t i
    for i in range(<size_t> len(texts)):
        slices[i] = borrow_one(texts[i])
    return <size_t> len(texts)


cdef build_answers(Policy self, responses, list exact):
    """Build the answers, and the decisions that depend only on the origin."""
    from .tables import with_origin
    from ..decision import Outcome

    allowed, status, timing = Outcome.ALLOWED, responses.preflight_status, responses.timing
    vary, preflight_vary = responses.actual_vary, responses.preflight_vary
    headers, preflight_headers = responses.actual_headers, responses.preflight_headers
    self.echoing = new_template(self, allowed, None, headers, vary)
    self.echoing.timing = timing
    self.echoing_preflight = new_template(self, allowed, status, preflight_headers, preflight_vary)
    self.no_origin = static_decision(
        new_template(self, Outcome.NO_ORIGIN, None, responses.no_origin, vary)
    )
    refused, refused_status = responses.refused, responses.refused_preflight_status
    self.refused = tuple(
        [static_decision(new_template(self, outcome, None, refused, vary)) for outcome in Outcome]
    )
    refused = responses.refused_preflight
    self.refused_preflight = tuple(
        [
            static_decision(new_template(self, outcome, refused_status, refused, preflight_vary))
            for outcome in Outcome
        ]
    )
    self.spare = Decision.__new__(Decision, self.echoing)
    self.echoes = self.echo_method or self.echo_headers
    origins = exact if len(exact) <= MOST_PREBUILT else []
    if self.star:
        origins = ["*"]
    blocks = [with_origin(origin, headers, timing) for origin in origins]
    self.actual_of = static_decisions(self, allowed, None, blocks, vary)
    blocks = [] if self.echoes else [with_origin(origin, preflight_headers) for origin in origins]
    self.preflight_of = static_decisions(self, allowed, status, blocks, preflight_vary)
    self.not_covered = (None,) * len(Outcome)
    if responses.show_permissions:
        headers = self.tables.not_covering
        if self.any_method or self.any_header:
            blocks = []
        self.not_covered = tuple(
            [
                (
                    new_template(self, outcome, status, headers, preflight_vary),
                    static_decisions(self, outcome, status, blocks, preflight_vary),
                )
                if outcome in (Outcome.METHOD_NOT_ALLOWED, Outcome.HEADER_NOT_ALLOWED)
                else None
                for outcome in Outcome
            ]
        )
    self.n_prebuilt = <uint32_t> len(self.actual_of)


cdef tuple static_decisions(Policy self, outcome, status, list blocks, tuple vary):
    return tuple(
        [static_decision(new_template(self, outcome, status, block, vary)) for block in blocks]
    )


cdef DecisionTemplate new_template(Policy self, outcome, status, block, tuple vary):
    from ..decision import Outcome

    cdef DecisionTemplate made = DecisionTemplate.__new__(DecisionTemplate)
    made.outcome = outcome
    made.allowed = outcome is Outcome.ALLOWED
    made.no_origin = outcome is Outcome.NO_ORIGIN
    made.status = status
    made.vary = vary
    made.vary_bits = bits_of(vary)
    # Without the GIL, the thread that builds a replica has to own the pairs that requests refer to.
    made.headers = block.headers if HAS_GIL else copy_pairs(block.headers)
    made.raw_headers = block.raw_headers if HAS_GIL else copy_pairs(block.raw_headers)
    made.keep_existing = self.keep_existing
    return made


cdef tuple copy_pairs(tuple pairs):
    return tuple([(name, value) for name, value in pairs])


cdef Decision static_decision(DecisionTemplate template):
    """Return a decision that echoes nothing."""
    return Decision.__new__(Decision, template)


cdef unsigned bits_of(tuple vary) except? 0:
    cdef unsigned bits = 0
    for name, bit in VARY_NAMES:
        if name in vary:
            bits |= <unsigned> bit
    return bits


# -- deciding --------------------------------------------------------------------------------


cdef inline _csrc.cf_outcome match_origin(
    Policy self, _csrc.cf_slice origin, uint32_t *exact
) except? _csrc.CF_ASK_CALLER:
    cdef _csrc.cf_outcome outcome = _csrc.cf_match_origin(
        self.core, origin.data, origin.length, exact
    )
    if outcome == _csrc.CF_ASK_CALLER:
        return ask_regexes(self, origin, exact)
    return outcome


cdef _csrc.cf_outcome ask_regexes(
    Policy self, _csrc.cf_slice origin, uint32_t *exact
) except? _csrc.CF_ASK_CALLER:
    cdef str text = origin.data[:origin.length].decode("ascii")
    cdef _csrc.cf_outcome outcome = _csrc.CF_ORIGIN_NOT_ALLOWED
    for regex in self.regexes:
        if regex.fullmatch(text):
            exact[0] = _csrc.CF_NOT_EXACT
            outcome = _csrc.CF_ALLOWED
            break
    _csrc.cf_keep_origin(self.core, origin.data, origin.length, outcome)
    return outcome


cdef inline Decision without_origin(Policy self):
    count(&self.counts[<size_t> _csrc.CF_NO_ORIGIN])
    return self.no_origin


cdef inline Decision decide_actual(Policy self, object origin):
    cdef _csrc.cf_slice seen
    cdef uint32_t exact
    if unlikely(not borrow_chars(origin, &seen)):
        return decide_odd(self, origin)
    cdef _csrc.cf_outcome outcome = match_origin(self, seen, &exact)
    count(&self.counts[<size_t> outcome])
    if outcome != _csrc.CF_ALLOWED:
        return prebuilt(<PyObject *> self.refused, outcome)
    if exact < self.n_prebuilt:
        return prebuilt(<PyObject *> self.actual_of, exact)
    return echo_origin(self, origin)


cdef Decision decide_odd(Policy self, object origin):
    """Decide for an origin that `borrow_chars` cannot read.

    This is a separate function, because a function that calls itself is not inlined.
    """
    return decide_actual(self, normalize_origin(origin))


cdef bint is_forged(
    Policy self, object method, object origin, object site, object host
) except -1:
    """Decide like `Policy.protects` in `pure.py`, and count."""
    cdef _csrc.cf_slice seen
    cdef uint32_t exact
    method = normalize_text(method, "method", "", _csrc.CF_MAX_METHOD)
    borrow_chars(method, &seen)
    if is_one_of(seen, SAFE_METHODS):
        return False
    if site is not None:
        site = normalize_text(site, "sec_fetch_site", " or None", _csrc.CF_MAX_ORIGIN)
        borrow_chars(site, &seen)
        if is_one_of(seen, OWN_SITES):
            return False
    if origin is not None:
        origin = normalize_origin(origin)
        borrow_chars(origin, &seen)
        if not self.any_origin and match_origin(self, seen, &exact) == _csrc.CF_ALLOWED:
            return False
    if host is not None:
        host = normalize_text(host, "host", " or None", _csrc.CF_MAX_ORIGIN)
    if site is None and (origin is None or is_same_origin(origin, host)):
        return False
    count(&self.forged)
    return True


cdef inline bint is_one_of(_csrc.cf_slice seen, tuple texts) noexcept:
    cdef PyObject *text
    cdef Py_ssize_t i
    for i in range(tuple_size(<PyObject *> texts)):
        text = tuple_item(<PyObject *> texts, i)
        if <size_t> bytes_size(text) == seen.length and (
            memcmp(bytes_data(text), seen.data, seen.length) == 0
        ):
            return True
    return False


cdef bint is_same_origin(object origin, object host) except -1:
    # Only old browsers, and programs that imitate browsers, send Origin without Sec-Fetch-Site.
    from .._options.same_origin import same_origin

    return same_origin(as_latin1(origin), None if host is None else as_latin1(host))


cdef Decision decide_preflight(
    Policy self, object origin, object request_method, object request_headers
):
    cdef _csrc.cf_slice origin_seen
    cdef _csrc.cf_slice method_seen
    cdef _csrc.cf_slice names_seen
    cdef uint32_t exact
    cdef _csrc.c_bool joined = True
    if unlikely(
        not borrow_chars(origin, &origin_seen)
        or not borrow_chars(request_method, &method_seen)
        or not borrow_list(request_headers, &names_seen)
    ):
        return decide_preflight(
            self,
            normalize_origin(origin),
            normalize_method(request_method),
            normalize_list(request_headers),
        )
    cdef _csrc.cf_outcome outcome = match_origin(self, origin_seen, &exact)
    if unlikely(outcome != _csrc.CF_ALLOWED):
        return refuse_preflight(self, outcome, exact, origin, request_method, request_headers)
    outcome = _csrc.cf_match_method(self.core, method_seen.data, method_seen.length)
    if unlikely(outcome != _csrc.CF_ALLOWED):
        return refuse_preflight(self, outcome, exact, origin, request_method, request_headers)
    outcome = _csrc.cf_match_headers(self.core, names_seen.data, names_seen.length, &joined)
    if unlikely(outcome != _csrc.CF_ALLOWED):
        return refuse_preflight(self, outcome, exact, origin, request_method, request_headers)
    count(&self.preflight_counts[<size_t> outcome])
    if exact < self.n_prebuilt and not self.echoes:
        return prebuilt(<PyObject *> self.preflight_of, exact)
    if self.star:
        origin = "*"
    cdef Decision decision = Decision.__new__(Decision, self.echoing_preflight)
    decision.origin = origin
    if self.echo_method:
        decision.method = request_method
    if self.echo_headers:
        decision.names = (request_headers if joined else join_names(names_seen)) or None
    return decision


cdef Decision refuse_preflight(
    Policy self,
    _csrc.cf_outcome outcome,
    uint32_t exact,
    object origin,
    object request_method,
    object request_headers,
):
    """Return the decision for an outcome that is not CF_ALLOWED, like `pure.py`.

    It has several callers, so it is not inlined and allowed requests pay nothing for it.
    """
    count(&self.preflight_counts[<size_t> outcome])
    shown = self.not_covered[<int> outcome]
    if shown is None:
        return prebuilt(<PyObject *> self.refused_preflight, outcome)
    # The origin is allowed, so `exact` is set.
    template, decisions = <tuple> shown
    if exact < <size_t> len(<tuple> decisions):
        return prebuilt(<PyObject *> decisions, exact)
    cdef Decision decision = Decision.__new__(Decision, template)
    decision.origin = "*" if self.star else origin
    if self.any_method and outcome != _csrc.CF_METHOD_NOT_ALLOWED:
        decision.method = request_method
    cdef _csrc.cf_slice names
    if self.any_header and borrow_list(request_headers, &names):
        decision.names = join_allowed(self, names) or None
    return decision


cdef inline Decision echo_origin(Policy self, object origin):
    """Return the decision for an actual request that echoes the origin.

    If only the policy refers to the last one, reuse it, as `zip` reuses its tuple. Creating an
    object costs more than matching an origin. Without the GIL, another thread could take it first.
    """
    cdef Decision decision
    if HAS_GIL and Py_REFCNT(<PyObject *> self.spare) == 1:
        decision = self.spare
    else:
        decision = Decision.__new__(Decision, self.echoing)
        if HAS_GIL:
            self.spare = decision
    decision.origin = origin
    return decision


cdef inline Decision prebuilt(PyObject *decisions, size_t index):
    return <Decision> tuple_item(decisions, <Py_ssize_t> index)


cdef bytes join_names(_csrc.cf_slice names):
    cdef bytes joined = PyBytes_FromStringAndSize(NULL, <Py_ssize_t> names.length)
    cdef size_t length = _csrc.cf_join_names(
        names.data, names.length, PyBytes_AS_STRING(joined)
    )
    return joined[: <Py_ssize_t> length]


cdef bytes join_allowed(Policy self, _csrc.cf_slice names):
    if names.length > <size_t> _csrc.CF_MAX_HEADER_LIST:
        return b""
    cdef bytes joined = PyBytes_FromStringAndSize(NULL, <Py_ssize_t> names.length)
    cdef size_t length = _csrc.cf_join_allowed(
        self.core, names.data, names.length, PyBytes_AS_STRING(joined)
    )
    return joined[: <Py_ssize_t> length]


cdef Decision decide_scope(Policy self, object scope):
    if not isinstance(scope, dict):
        raise TypeError(f"scope must be a dict, not {type(scope).__name__}")
    headers = dict_get(<dict> scope, "headers")
    if unlikely(headers is None):
        headers = (<dict> scope).get("headers", ())
    # Without the GIL, another thread could change the list while we read it, so it is copied.
    if unlikely(not HAS_GIL or type(headers) is not list):
        headers = list(headers)
    cdef PyObject *mine = own(self)
    return decide_list(<Policy> mine, <dict> scope, <list> headers)


cdef inline Decision decide_list(Policy self, dict scope, list headers):
    """Decide by a scope's headers. No other thread can change the list meanwhile."""
    cdef PyObject *found[4]
    if unlikely(not find_fields(<PyObject *> headers, found)):
        return decide_asgi(self, scope, headers)
    if found[0] == NULL:
        return without_origin(self)
    return decide_found(self, scope, headers, found, False)


cdef inline Decision decide_found(
    Policy self, dict scope, list headers, PyObject **found, bint is_http
):
    """Decide a request with an Origin by the values that `find_fields` borrowed.

    With `is_http`, the request is known not to be a WebSocket handshake.
    """
    if unlikely(not is_exact_bytes(found[0])):
        return decide_asgi(self, scope, headers)
    # Hold references from here on, because reading the scope may run any code.
    origin = <object> found[0]
    if found[1] == NULL and found[2] == NULL:
        return decide_actual(self, origin)
    if found[1] == NULL or not is_exact_bytes(found[1]) or not may_be_line(found[2]):
        return decide_asgi(self, scope, headers)
    request_method = <object> found[1]
    request_headers = None if found[2] == NULL else <object> found[2]
    if not is_preflight_scope(scope, is_http):
        return decide_actual(self, origin)
    return decide_preflight(self, origin, request_method, request_headers)


cdef inline bint find_fields(PyObject *headers, PyObject **found) noexcept:
    """Find the CORS fields of a request in a list, and borrow their values (NULL: missing).

    `found` has room for four: Origin, and Access-Control-Request-Method, -Headers and
    -Private-Network. No policy reads the last one, but some middlewares do. Return False if an
    item is not a pair with a name of exact bytes, or if a field occurs twice.
    """
    cdef Py_ssize_t i
    cdef Py_ssize_t length
    cdef PyObject *pair
    cdef PyObject *name
    cdef _csrc.cf_field field
    found[0] = found[1] = found[2] = found[3] = NULL
    for i in range(list_size(headers)):
        pair = list_item(headers, i)
        if unlikely(not is_exact_tuple(pair) or tuple_size(pair) != 2):
            return False
        name = tuple_item(pair, 0)
        if unlikely(not is_exact_bytes(name)):
            return False
        length = bytes_size(name)
        field = _csrc.cf_request_field(bytes_data(name), <size_t> length)
        if field == _csrc.CF_FIELD_OTHER:
            continue
        if unlikely(found[<int> field - <int> _csrc.CF_FIELD_ORIGIN] != NULL):
            return False
        found[<int> field - <int> _csrc.CF_FIELD_ORIGIN] = tuple_item(pair, 1)
    return True


cdef inline object dict_get(dict whole, object key):
    """Return whole.get(key), at half the cost."""
    cdef PyObject *value = corsfast_item(<PyObject *> whole, <PyObject *> key)
    return None if value == NULL else steal(value)


cdef inline object steal(PyObject *result):
    """Return a new reference as an object whose references Cython counts."""
    held = <object> result
    Py_DECREF(result)
    return held


cdef Decision decide_environ(Policy self, object environ):
    if not isinstance(environ, dict):
        raise TypeError(f"environ must be a dict, not {type(environ).__name__}")
    cdef PyObject *mine = own(self)
    origin = dict_get(<dict> environ, "HTTP_ORIGIN")
    if origin is None:
        return without_origin(<Policy> mine)
    request_method = dict_get(<dict> environ, "HTTP_ACCESS_CONTROL_REQUEST_METHOD")
    if request_method is None or not is_options((<dict> environ).get("REQUEST_METHOD", "")):
        return decide_actual(<Policy> mine, origin)
    request_headers = dict_get(<dict> environ, "HTTP_ACCESS_CONTROL_REQUEST_HEADERS")
    return decide_preflight(<Policy> mine, origin, request_method, request_headers)


# -- reading what callers pass ---------------------------------------------------------------


cdef inline bint borrow_chars(object value, _csrc.cf_slice *seen) noexcept:
    """Borrow the bytes of an exact bytes, or of an exact str with one byte per character.

    Return False for anything else. The bytes are valid as long as the value is.
    """
    cdef PyObject *text = <PyObject *> value
    return borrow_typed(text, False, seen) or borrow_typed(text, True, seen)


cdef inline bint borrow_typed(PyObject *value, bint text, _csrc.cf_slice *seen) noexcept:
    """Like `borrow_chars`, but accept only one type: str if `text`, else bytes."""
    if text:
        if not is_exact_str(value) or kind_of(value) != PyUnicode_1BYTE_KIND:
            return False
        seen.data = <const char *> text_data(value)
        seen.length = <size_t> text_length(value)
        return True
    if not is_exact_bytes(value):
        return False
    seen.data = bytes_data(value)
    seen.length = <size_t> bytes_size(value)
    return True


cdef inline bint borrow_list(object value, _csrc.cf_slice *seen) noexcept:
    if value is None:
        seen.data = NULL
        seen.length = 0
        return True
    return borrow_chars(value, seen)


cdef object normalize_text(object value, str what, str also, size_t limit):
    """Convert a str or bytes, also of a subclass, to a value that `borrow_chars` can read.

    The result may be cut off after `limit` + 1 characters, because it is then too long anyway.

    Raises:
        TypeError: if the value is neither.
    """
    cdef _csrc.cf_slice seen
    if borrow_chars(value, &seen):
        return value
    if PyUnicode_Check(value):
        text = str.__str__(value)
        if PyUnicode_KIND(text) != PyUnicode_1BYTE_KIND:
            # Other characters than latin-1 become "?", which no origin and no token contains.
            text = text[: limit + 1].encode("latin-1", "replace")
        return text
    if PyBytes_Check(value):
        return bytes.__getitem__(value, slice(0, limit + 1))
    raise TypeError(f"{what} must be str or bytes{also}, not {type(value).__name__}")


cdef object normalize_origin(object origin):
    return normalize_text(origin, "origin", " or None", _csrc.CF_MAX_ORIGIN)


cdef object normalize_method(object request_method):
    return normalize_text(request_method, "request_method", "", _csrc.CF_MAX_METHOD)


cdef object normalize_list(object lines):
    """Return the lines of a list header as one value, cut off once it is over the limit."""
    if lines is None:
        return None
    if isinstance(lines, (list, tuple)):
        return join_lines(lines)
    return normalize_text(
        lines,
        "request_headers",
        ", None, or a list or tuple of str or bytes",
        _csrc.CF_MAX_HEADER_LIST,
    )


cdef bytes join_lines(lines):
    cdef _csrc.cf_slice seen
    cdef size_t total = 0
    cdef list taken = []
    for line in lines:
        text = normalize_text(line, "each of request_headers", "", _csrc.CF_MAX_HEADER_LIST)
        borrow_chars(text, &seen)
        if taken:
            total += 1
        if seen.length > _csrc.CF_MAX_HEADER_LIST:
            seen.length = _csrc.CF_MAX_HEADER_LIST + 1
        total += seen.length
        taken.append(seen.data[: seen.length])
        if total > _csrc.CF_MAX_HEADER_LIST:
            break
    return b",".join(taken)


cdef inline bint is_options(object method) except -1:
    if isinstance(method, str):
        return is_text(method, "OPTIONS")
    if isinstance(method, bytes):
        return method == b"OPTIONS"
    raise TypeError(f"method must be str or bytes, not {type(method).__name__}")


cdef Decision decide_asgi(Policy self, dict scope, list headers):
    """Decide like `Policy.asgi`, also for repeated fields and unusual pairs."""
    # Hold a reference, because the import and reading the scope may run code that removes the list
    # from it.
    held = headers
    from .headers import joined_lines

    origin = joined_lines(held, b"origin")
    if origin is None:
        return without_origin(self)
    if not is_preflight_scope(scope, False):
        return decide_actual(self, origin)
    request_method = joined_lines(held, b"access-control-request-method")
    request_headers = joined_lines(held, b"access-control-request-headers")
    if request_method is None:
        return decide_actual(self, origin)
    return decide_preflight(self, origin, request_method, request_headers)


cdef inline bint is_preflight_scope(dict scope, bint is_http) except -1:
    """Return whether a scope may be a preflight. A WebSocket handshake never is one."""
    return is_text(dict_get(scope, "method"), "OPTIONS") and (
        is_http or not is_text(dict_get(scope, "type"), "websocket")
    )


cdef inline bint may_be_line(PyObject *value) noexcept:
    return value == NULL or is_exact_bytes(value)


cdef str as_str(object text):
    return text if isinstance(text, str) else (<bytes> text).decode("ascii")


cdef str as_latin1(object text):
    """Return a text, cut off where it is too long for an origin."""
    if isinstance(text, str):
        return text
    return (<bytes> text)[: _csrc.CF_MAX_ORIGIN + 1].decode("latin-1")


cdef bytes as_bytes(object text):
    return text if isinstance(text, bytes) else (<str> text).encode("ascii")


include "headers.pxi"
include "handlers.pxi"
include "wrappers.pxi"
include "asgi.pxi"
include "wsgi.pxi"
include "slots.pxi"
