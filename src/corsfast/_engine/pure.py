"""The reference engine. It is written to be read, and defines the semantics.

Rules:
1. `native.pyx` may differ only in speed. The tests give every input to both engines.
2. Several lines of one request header are joined by commas, as RFC 9110 (section 5.3) allows.
   An origin or a method cannot contain a comma, so a second Origin or
   Access-Control-Request-Method line makes the value malformed. A second
   Access-Control-Request-Headers line continues the list.
3. Lengths are compared with limits.py before any loop runs over the input.
4. An echoed value has been validated as an origin, a token, or a list of tokens.
"""

from __future__ import annotations

import re

from .._options import fetch, limits
from .._options.fetch import ALLOW_HEADERS, ALLOW_METHODS
from .._options.origin import parse_origin
from .._options.patterns import follows
from .._options.same_origin import same_origin
from .._proofs.automata import ACCEPTING_COLUMN
from ..decision import Outcome, decision_key, decision_repr
from .counts import Counts
from .headers import apply_asgi, apply_wsgi, joined_lines, requested_names
from .tables import Block, block, compile_options, with_origin
from .unpickle import restore_policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from os import PathLike
    from typing import Any, Literal, Never, NoReturn, final

    from .._explain.explanation import Explanation
    from .._options.patterns import Within
    from .._options.spec import PolicyOptions
    from .._proofs.automata import Automaton
    from .._proofs.changes import PolicyDiff
    from ..decision import Stats
    from .tables import Headers, RawHeaders, Responses, Tables

    Text = str | bytes

else:

    def final(kind: type) -> type:
        """Mark a class as final for type checkers; `__init_subclass__` enforces it."""
        return kind


IMPLEMENTATION = "pure"

# The outcomes of requests that the permissions of an allowed origin don't cover.
_NOT_COVERED = (Outcome.METHOD_NOT_ALLOWED, Outcome.HEADER_NOT_ALLOWED)

# https://www.rfc-editor.org/rfc/rfc9110#section-5.6.1.2, the lists that a recipient accepts:
#   #element => [ element ] *( OWS "," OWS [ element ] )
# This matches one element with the white space around it; the name may be empty. It never fails
# and never backtracks, because each part is greedy and the next one begins where it ends.
_ELEMENT = re.compile(f"([ \t]*)([{re.escape(fetch.TCHAR)}]*)([ \t]*)")


@final
class Decision:
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

    __slots__ = ("allowed", "headers", "is_preflight", "outcome", "raw_headers", "status", "vary")
    allowed: bool
    headers: Headers
    is_preflight: bool
    outcome: Outcome
    raw_headers: RawHeaders
    status: int | None
    vary: tuple[str, ...]

    def __new__(cls) -> Decision:
        raise TypeError("a Decision is made by a Policy")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"Decision is immutable: {name!r} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"Decision is immutable: {name!r} cannot be deleted")

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("Decision is final")

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Decision):
            return decision_key(self) == decision_key(other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(decision_key(self))

    def __repr__(self) -> str:
        return decision_repr(self)

    def __copy__(self) -> Decision:
        return self

    def __deepcopy__(self, memo: object, /) -> Decision:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Decision cannot be pickled; pickle the Policy")


def _decision(
    outcome: Outcome, status: int | None, answer: Block, vary: tuple[str, ...]
) -> Decision:
    decision = object.__new__(Decision)
    for name, value in (
        ("allowed", outcome is Outcome.ALLOWED),
        ("outcome", outcome),
        ("is_preflight", status is not None),
        ("status", status),
        ("headers", answer.headers),
        ("raw_headers", answer.raw_headers),
        ("vary", vary),
    ):
        object.__setattr__(decision, name, value)
    return decision


@final
class Policy:
    """A compiled CORS policy. Immutable; safe to share between threads.

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

    __slots__ = (
        "_actual",
        "_actual_headers",
        "_any_origin",
        "_by_raw_origin",
        "_count_allowed",
        "_count_no_origin",
        "_counts",
        "_exact",
        "_no_origin",
        "_not_covering",
        "_preflight",
        "_preflight_headers",
        "_refused",
        "_refused_preflight",
        "_responses",
        "_star",
        "_tables",
    )
    _tables: Tables
    _responses: Responses
    _counts: Counts
    # The counters of prebuilt decisions, because a look-up would cost more than the decision.
    _count_no_origin: Callable[[], int]
    _count_allowed: Callable[[], int]
    _star: bool  # read from here, because reading a field of a named tuple is slow
    _any_origin: bool  # => the only entry is "*"
    _actual_headers: Block
    _preflight_headers: Block
    _not_covering: Block
    _exact: frozenset[str]
    _no_origin: Decision
    _actual: dict[str, Decision]
    _by_raw_origin: dict[bytes | None, Decision]
    _preflight: dict[str, Decision]
    _refused: dict[Outcome, Decision]
    _refused_preflight: dict[Outcome, Decision]

    def __new__(
        cls,
        *positional: Never,
        allow_origins: Iterable[str | re.Pattern[str] | Within] = ...,  # type: ignore[assignment]
        allow_methods: Iterable[str] = (),
        allow_headers: Iterable[str] = (),
        expose_headers: Iterable[str] = (),
        allow_credentials: bool = False,
        max_age: int | None = 600,
        preflight_status: int = 204,
        existing: Literal["replace", "keep"] = "replace",
        timing_allow_origin: bool = False,
        dangerously_tolerate: Iterable[str] = (),
        **unknown: Never,
    ) -> Policy:
        missing = allow_origins is ...  # type: ignore[comparison-overlap]
        if positional or unknown or missing:
            from .._proofs.ineffective import wrong_options

            raise TypeError(wrong_options(unknown, positional))
        tables = compile_options(
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
        return cls._from_tables(tables)

    @classmethod
    def _from_tables(cls, tables: Tables, /) -> Policy:
        """Make a policy from compiled tables, for drop-ins and resolvers."""
        self = object.__new__(cls)
        for name, value in _prebuilt(tables):
            object.__setattr__(self, name, value)
        return self

    # -- other sources of options -------------------------------------------------------------

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object]) -> Policy:
        """Make a policy from a mapping: a table of TOML, an object of JSON, a framework's settings.

        The keys are the options. An entry of ``allow_origins`` may be a table,
        ``{"regex": "..."}``, optionally with ``"within": ["example.com"]``. ``max_age`` may be
        ``"none"``, because TOML has no null.

        Raises:
            PolicyError: with all problems, including unknown keys.
            TypeError: if it is not a mapping.
        """
        from .._loading import from_mapping

        policy: Policy = from_mapping(cls, mapping)
        return policy

    @classmethod
    def from_toml(cls, path: str | PathLike[str], table: str | None = "tool.corsfast") -> Policy:
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

        policy: Policy = from_toml(cls, path, table)
        return policy

    @classmethod
    def from_env(cls, prefix: str = "CORS_", environ: Mapping[str, str] | None = None) -> Policy:
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

        policy: Policy = from_env(cls, prefix, environ)
        return policy

    # -- deciding ----------------------------------------------------------------------------

    def actual(self, origin: Text | None, /) -> Decision:
        """Decide an actual request (not a preflight) by its Origin; ``None`` if it has none."""
        if origin is None:
            self._count_no_origin()
            return self._no_origin
        origin = _text("origin", origin, limits.MAX_ORIGIN, " or None")
        decision = self._actual.get("*" if self._star else origin)
        if decision is not None:
            self._count_allowed()
            return decision
        outcome = self._match_origin(origin)
        if outcome is not Outcome.ALLOWED:
            return self._counted(self._refused[outcome])
        responses = self._responses
        answer = with_origin(origin, self._actual_headers, responses.timing)
        return self._counted(_decision(outcome, None, answer, responses.actual_vary))

    def preflight(
        self,
        origin: Text | None,
        request_method: Text,
        request_headers: Text | Sequence[Text] | None = None,
        /,
    ) -> Decision:
        """Decide a preflight by its Origin and the two Access-Control-Request-* values.

        ``request_headers`` may be a list or tuple of several header lines. A request without an
        Origin is not a preflight, so the result equals ``actual(None)``.
        """
        if origin is None:
            return self._counted(self._no_origin)
        origin = _text("origin", origin, limits.MAX_ORIGIN, " or None")
        method = _text("request_method", request_method, limits.MAX_METHOD)
        names = _header_list(request_headers)
        outcome = self._match_origin(origin)
        if outcome is Outcome.ALLOWED:
            outcome = self._match_method(method)
        if outcome is Outcome.ALLOWED:
            outcome = self._match_headers(names)
        if outcome is Outcome.ALLOWED:
            decision = self._allow_preflight(origin, method, names)
        elif outcome in _NOT_COVERED and self._responses.show_permissions:
            decision = self._show_permissions(outcome, origin, method, names)
        else:
            decision = self._refused_preflight[outcome]
        return self._counted(decision)

    def decide(
        self,
        method: Text,
        origin: Text | None,
        request_method: Text | None = None,
        request_headers: Text | Sequence[Text] | None = None,
        /,
    ) -> Decision:
        """Decide a request of either kind.

        A preflight is an OPTIONS request with both Origin and Access-Control-Request-Method.
        """
        if origin is None or request_method is None or not _is_options(method):
            return self.actual(origin)
        return self.preflight(origin, request_method, request_headers)

    def asgi(self, scope: Mapping[str, Any], /) -> Decision:
        """Decide an ASGI ``http`` or ``websocket`` scope. A handshake has no preflight."""
        if not isinstance(scope, dict):
            raise TypeError(f"scope must be a dict, not {type(scope).__name__}")
        headers = scope.get("headers", ())
        if type(headers) is not list:
            headers = list(headers)  # it may be iterated three times
        origin = joined_lines(headers, b"origin")
        if origin is None or scope.get("method") != "OPTIONS" or scope.get("type") == "websocket":
            decision = self._by_raw_origin.get(origin)
            return self.actual(origin) if decision is None else self._counted(decision)
        return self.decide(
            "OPTIONS",
            origin,
            joined_lines(headers, b"access-control-request-method"),
            joined_lines(headers, b"access-control-request-headers"),
        )

    def wsgi(self, environ: dict[str, Any], /) -> Decision:
        """Decide a WSGI environ."""
        if not isinstance(environ, dict):
            raise TypeError(f"environ must be a dict, not {type(environ).__name__}")
        return self.decide(
            environ.get("REQUEST_METHOD", ""),
            environ.get("HTTP_ORIGIN"),
            environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD"),
            environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS"),
        )

    def allows_origin(self, origin: Text | None, /) -> bool:
        """Return whether ``actual(origin)`` is allowed, for WebSocket handshakes and CSRF checks.

        ``False`` for ``None``, because a request without an Origin has not proved that it is
        allowed.
        """
        return self.actual(origin).allowed

    def protects(
        self, method: Text, origin: Text | None, sec_fetch_site: Text | None, host: Text | None, /
    ) -> bool:
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
        if _text("method", method, limits.MAX_METHOD) in fetch.SAFE_METHODS:
            return False
        also = " or None"
        if sec_fetch_site is not None:
            site = _text("sec_fetch_site", sec_fetch_site, limits.MAX_ORIGIN, also)
            if site in fetch.OWN_SITES:
                return False
        if origin is not None:
            origin = _text("origin", origin, limits.MAX_ORIGIN, also)
            if not self._any_origin and self._match_origin(origin) is Outcome.ALLOWED:
                return False
        if host is not None:
            host = _text("host", host, limits.MAX_ORIGIN, also)
        if sec_fetch_site is None and (origin is None or same_origin(origin, host)):
            return False
        self._counts.forged.add()
        return True

    def explain(
        self,
        /,
        method: Text,
        origin: Text | None,
        request_method: Text | None = None,
        request_headers: Text | Sequence[Text] | None = None,
        credentials: bool | None = None,
        *,
        sec_fetch_site: Text | None = None,
        host: Text | None = None,
    ) -> Explanation:
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

            return explain_cross_site(self._tables, method, origin, sec_fetch_site, host)
        from .._explain.policy import explain

        return explain(
            self, self._tables, method, origin, request_method, request_headers, credentials
        )

    def stats(self, /, *, reset: bool = False) -> Stats:
        """Return how many decisions this policy object has made, by outcome.

        The counts are exact, also with many threads. A policy that is unpickled has its own.

        Args:
            reset: whether to set the counts to zero in the same step, so that each decision is in
                exactly one of the results.
        """
        return self._counts.read(reset)

    def _counted(self, decision: Decision) -> Decision:
        self._counts.add[decision.is_preflight][decision.outcome._value_]()
        return decision

    # -- matching ----------------------------------------------------------------------------

    def _match_origin(self, origin: str) -> Outcome:
        if self._star:
            return Outcome.ALLOWED
        if len(origin) > limits.MAX_ORIGIN:
            return Outcome.ORIGIN_TOO_LONG
        if origin in self._exact:
            return Outcome.ALLOWED
        if origin == "null":
            return Outcome.ORIGIN_NOT_ALLOWED
        parts = parse_origin(origin)
        if parts is None:
            return Outcome.ORIGIN_MALFORMED
        tables = self._tables
        if tables.any_origin:
            return Outcome.ALLOWED
        if (
            (tables.any_web_origin and parts.scheme in fetch.WEB_SCHEMES)
            or any(follows(rule, parts) for rule in tables.rules)
            or _accepted(tables.automaton, parts.scheme, origin)
            or any(regex.fullmatch(origin) for regex in tables.regexes)
        ):
            return Outcome.ALLOWED
        return Outcome.ORIGIN_NOT_ALLOWED

    def _match_method(self, method: str) -> Outcome:
        if len(method) > limits.MAX_METHOD:
            return Outcome.METHOD_TOO_LONG
        if not fetch.TOKEN.fullmatch(method):
            return Outcome.METHOD_MALFORMED
        if method in self._tables.methods:
            return Outcome.ALLOWED
        if self._tables.any_method and method not in fetch.FORBIDDEN_METHODS:
            return Outcome.ALLOWED
        return Outcome.METHOD_NOT_ALLOWED

    def _match_headers(self, names: str) -> Outcome:
        """Check a list of header names; the first element with a problem decides."""
        if len(names) > limits.MAX_HEADER_LIST:
            return Outcome.HEADER_LIST_TOO_LONG
        empty = 0
        at = 0
        while True:
            element = _ELEMENT.match(names, at)
            assert element is not None  # it always matches, because every part may be empty
            before, name, after = element.groups()
            at = element.end()
            if len(before) > limits.MAX_ELEMENT_OWS:
                return Outcome.HEADER_LIST_TOO_SPACED
            if len(name) > limits.MAX_HEADER_NAME:
                return Outcome.HEADER_TOO_LONG
            if len(before) + len(after) > limits.MAX_ELEMENT_OWS:
                return Outcome.HEADER_LIST_TOO_SPACED
            if at < len(names) and names[at] != ",":
                return Outcome.HEADER_MALFORMED
            if name:
                if not self._tables.allows_header(name.lower()):
                    return Outcome.HEADER_NOT_ALLOWED
            else:
                empty += 1
                if empty > limits.MAX_EMPTY_ELEMENTS:
                    return Outcome.HEADER_LIST_TOO_SPARSE
            if at == len(names):
                return Outcome.ALLOWED
            at += 1

    # -- answers -----------------------------------------------------------------------------

    def _allow_preflight(self, origin: str, method: str, names: str) -> Decision:
        prebuilt = self._preflight.get("*" if self._star else origin)
        if prebuilt is not None:
            return prebuilt
        responses = self._responses
        method = method if responses.echo_method else ""
        names = ",".join(requested_names(names) or ()) if responses.echo_headers else ""
        return self._answer(Outcome.ALLOWED, origin, method, names, self._preflight_headers)

    def _show_permissions(self, outcome: Outcome, origin: str, method: str, names: str) -> Decision:
        """Answer an allowed origin that asks for more than is allowed with what is allowed.

        The browser then refuses by itself, and its console names the method or header.
        """
        tables = self._tables
        if outcome is Outcome.METHOD_NOT_ALLOWED or not tables.any_method:
            method = ""
        names = tables.allowed_part(names) if tables.any_header else ""
        return self._answer(outcome, origin, method, names, self._not_covering)

    def _answer(
        self, outcome: Outcome, origin: str, method: str, names: str, tail: Block
    ) -> Decision:
        """Answer a preflight of an allowed origin; echo the method and names that are not empty."""
        responses = self._responses
        echoed = ((ALLOW_METHODS, method), (ALLOW_HEADERS, names))
        head = block(field for field in echoed if field[1])
        answer = with_origin(
            "*" if self._star else origin,
            Block(head.headers + tail.headers, head.raw_headers + tail.raw_headers),
        )
        return _decision(outcome, responses.preflight_status, answer, responses.preflight_vary)

    def apply_asgi(
        self, decision: Decision, headers: Iterable[Sequence[bytes]], /
    ) -> list[Sequence[bytes]]:
        """Return a new list: an ASGI response's headers with the decision applied.

        ``headers`` holds ``(bytes, bytes)`` pairs, as tuples or lists, and is not changed. The
        application's own Access-Control-Allow-Origin and -Credentials are dropped, unless the
        policy has ``existing="keep"`` and the application sent the former. Its
        Access-Control-Expose-Headers is dropped if the decision lets no origin read the response.
        Vary is merged, and all other fields are kept.
        """
        if type(decision) is not Decision:
            raise _wrong_decision(decision)
        return apply_asgi(decision, headers, self._responses.keep_existing)

    def apply_wsgi(
        self, decision: Decision, headers: Iterable[tuple[str, str]], /
    ) -> list[tuple[str, str]]:
        """Apply a decision like :meth:`apply_asgi`, to a WSGI response's ``(str, str)`` pairs."""
        if type(decision) is not Decision:
            raise _wrong_decision(decision)
        return apply_wsgi(decision, headers, self._responses.keep_existing)

    # -- value semantics ---------------------------------------------------------------------

    def options(self, /) -> PolicyOptions:
        """Return the options that make an equal policy: ``Policy(**policy.options()) == policy``.

        Every option is included, even with its default. The origins are in the order in which
        they were listed. The lists are new, so the caller may change them.

        Raises:
            TypeError: for the policy of a drop-in middleware, which has other options.
        """
        return self._tables.spec.options()

    def diff(self, new: Policy, /) -> PolicyDiff:
        """Return what a new policy allows and this one does not, and the reverse.

        The origins are compared as sets, with an example for each difference.

        Raises:
            TypeError: if it is not a policy, or one of them is that of a drop-in middleware.
        """
        if not isinstance(new, Policy):
            raise TypeError(f"new must be a Policy, not {type(new).__name__}")
        from .._proofs.changes import diff_specs

        return diff_specs(self._tables.spec, new._tables.spec)

    def describe(self, /) -> str:
        """Return what the policy allows in plain sentences, one on each line.

        Raises:
            TypeError: for the policy of a drop-in middleware.
        """
        from .._proofs.sentences import describe_spec

        return describe_spec(self._tables.spec)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"Policy is immutable: {name!r} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"Policy is immutable: {name!r} cannot be deleted")

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("Policy is final")

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Policy):
            return self._tables.key() == other._tables.key()
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._tables.key())

    def __repr__(self) -> str:
        return self._tables.spec.show()

    def __copy__(self) -> Policy:
        return self

    def __deepcopy__(self, memo: object, /) -> Policy:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return restore_policy, (self._tables.spec.options(),)


def _prebuilt(tables: Tables) -> Iterable[tuple[str, object]]:
    """Yield the attributes of a policy: all that depends only on the tables."""
    responses = tables.responses
    actual_headers, preflight_headers = responses.actual_headers, responses.preflight_headers
    vary, preflight_vary = responses.actual_vary, responses.preflight_vary
    yield "_tables", tables
    yield "_responses", responses
    counts = Counts()
    yield "_counts", counts
    yield "_count_no_origin", counts.add[False][Outcome.NO_ORIGIN.value]
    yield "_count_allowed", counts.add[False][Outcome.ALLOWED.value]
    yield "_star", tables.star
    yield "_any_origin", tables.takes_any
    yield "_actual_headers", actual_headers
    yield "_preflight_headers", preflight_headers
    yield "_not_covering", tables.not_covering
    yield "_exact", frozenset(tables.exact)
    no_origin = _decision(Outcome.NO_ORIGIN, None, responses.no_origin, vary)
    yield "_no_origin", no_origin
    refused, status = responses.refused, responses.refused_preflight_status
    yield "_refused", {outcome: _decision(outcome, None, refused, vary) for outcome in Outcome}
    refused = responses.refused_preflight
    yield (
        "_refused_preflight",
        {outcome: _decision(outcome, status, refused, preflight_vary) for outcome in Outcome},
    )
    origins: Iterable[str] = ("*",) if tables.star else tables.exact
    if len(tables.exact) > limits.MAX_PREBUILT_ORIGINS:
        origins = ()
    allowed, timing = Outcome.ALLOWED, responses.timing
    actual = {
        origin: _decision(allowed, None, with_origin(origin, actual_headers, timing), vary)
        for origin in origins
    }
    yield "_actual", actual
    # The fast path: most ASGI requests have an exact origin, or none.
    by_raw_origin: dict[bytes | None, Decision] = {None: no_origin}
    by_raw_origin.update((origin.encode("ascii"), answer) for origin, answer in actual.items())
    yield "_by_raw_origin", by_raw_origin
    if responses.echo_method or responses.echo_headers:
        origins = ()
    status = responses.preflight_status
    preflight = {
        origin: _decision(allowed, status, with_origin(origin, preflight_headers), preflight_vary)
        for origin in origins
    }
    yield "_preflight", preflight


# -- arguments -------------------------------------------------------------------------------


def _text(what: str, value: object, limit: int, also: str = "") -> str:
    """Return a header value as text, one character per byte, cut after the limit."""
    if type(value) is str and len(value) <= limit:
        return value
    if isinstance(value, str):
        return str.__getitem__(value, slice(limit + 1))
    if isinstance(value, bytes):
        return bytes.__getitem__(value, slice(limit + 1)).decode("latin-1")
    raise TypeError(f"{what} must be str or bytes{also}, not {type(value).__name__}")


def _header_list(value: object) -> str:
    """Join the lines of a list header; stop after the limit."""
    also = ", None, or a list or tuple of str or bytes"
    if value is None:
        return ""
    if not isinstance(value, (list, tuple)):
        return _text("request_headers", value, limits.MAX_HEADER_LIST, also)
    lines: list[str] = []
    length = -1
    for line in value:
        text = _text("each of request_headers", line, limits.MAX_HEADER_LIST)
        lines.append(text)
        length += len(text) + len(",")
        if length > limits.MAX_HEADER_LIST:
            break
    return ",".join(lines)


def _wrong_decision(decision: object) -> TypeError:
    return TypeError(f"decision must be a Decision, not {type(decision).__name__}")


def _is_options(method: object) -> bool:
    if isinstance(method, (str, bytes)):
        return method == ("OPTIONS" if isinstance(method, str) else b"OPTIONS")
    raise TypeError(f"method must be str or bytes, not {type(method).__name__}")


def _accepted(automaton: Automaton | None, scheme: str, origin: str) -> bool:
    """Run the automaton of all globs and regexes over an origin, one step per character."""
    if automaton is None:
        return False
    state, behind = automaton.start, 0
    if scheme in fetch.WEB_SCHEMES:
        state = automaton.https if scheme == "https" else automaton.http
        behind = len(scheme) + len("://")
    for character in origin[behind:]:
        state = automaton.table[state + automaton.class_of[ord(character)]]
    return automaton.table[state + ACCEPTING_COLUMN] == 1
