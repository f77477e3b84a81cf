"""Compile options to Tables, which both engines run on, with every header prebuilt.

Runs once, while a policy is built. It does not depend on how an engine matches.
"""

from __future__ import annotations

import re
import sys
import warnings

from .._options import fetch
from .._options.fetch import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    EXPOSE_HEADERS,
    MAX_AGE,
    REQUEST_HEADERS,
    REQUEST_METHOD,
    TIMING_ALLOW_ORIGIN,
    VARY,
)
from .._options.limits import MAX_POLICY_STEPS
from .._options.origin import is_origin
from .._options.patterns import ORIGINS, write_pattern
from .._options.records import NamedTuple
from .._options.schemes import unmatchable_schemes
from .._options.spec import read_options
from .._proofs.automata import TooManyStatesError, limited
from .._proofs.languages import language_of, regex_of, run_together
from .._proofs.redundancy import redundancies
from .._proofs.risks import divided, find_risks, too_many_steps_together
from ..errors import (
    CorsfastPerformanceWarning,
    CorsfastRedundancyWarning,
    CorsfastSecurityWarning,
    CorsfastUnmatchableWarning,
    PolicyError,
    Problem,
    describe,
)
from .headers import requested_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .._options.patterns import HostRule, Within
    from .._options.spec import Spec
    from .._proofs.automata import Automaton
    from .._proofs.languages import Language

    Headers = tuple[tuple[str, str], ...]
    RawHeaders = tuple[tuple[bytes, bytes], ...]


class Block(NamedTuple):
    """Header fields in both spellings, ready to send."""

    headers: Headers
    raw_headers: RawHeaders


class _Responses(NamedTuple):
    actual_fields: Headers  # of an allowed actual request; Allow-Origin and Vary are added
    preflight_fields: Headers  # the same for preflights; echoed fields are added as well
    actual_vary: tuple[str, ...]
    preflight_vary: tuple[str, ...]
    default_origin: str | None  # the Allow-Origin that requests without an Origin get
    preflight_status: int
    refused_preflight_status: int
    show_permissions: bool
    echo_method: bool
    echo_headers: bool
    keep_existing: bool
    timing: bool


class _Tables(NamedTuple):
    spec: Spec
    exact: tuple[str, ...]  # all different
    rules: tuple[HostRule, ...]
    automaton: Automaton | None  # of all globs and regexes
    regexes: tuple[re.Pattern[str], ...]  # regexes that the automaton cannot express
    star: bool
    any_web_origin: bool
    any_origin: bool
    any_method: bool
    methods: frozenset[str]  # includes the safelisted ones
    any_header: bool
    header_names: frozenset[str]  # lower case, includes the safelisted ones
    responses: Responses


REFUSED_PREFLIGHT_STATUS = 403


class Responses(_Responses):
    """The responses of a policy. Immutable; derive others with `_replace`.

    show_permissions => an allowed origin that asks for more than is allowed is answered with what
                        is allowed, so that its browser can name the method or header
    echo_method      => the requested method is sent, so `preflight_fields` has no methods
    echo_headers     => the requested names are sent, so `preflight_fields` has no names
    timing           => not star; the origin of an allowed actual request is sent twice
    """

    __slots__ = ()

    @property
    def no_origin(self) -> Block:
        """The headers of a response to a request without an Origin."""
        if self.default_origin is None:
            return self.refused
        return with_origin(self.default_origin, self.actual_headers)

    @property
    def refused(self) -> Block:
        """The headers of a response to an actual request of an origin that is not allowed."""
        return block(_vary_field(self.actual_vary))

    @property
    def refused_preflight(self) -> Block:
        """The headers of the answer to a preflight that shows no permissions."""
        return block(_vary_field(self.preflight_vary))

    @property
    def actual_headers(self) -> Block:
        """The headers that follow Access-Control-Allow-Origin."""
        return block((*self.actual_fields, *_vary_field(self.actual_vary)))

    @property
    def preflight_headers(self) -> Block:
        """The headers that follow Access-Control-Allow-Origin and the echoed ones."""
        return block((*self.preflight_fields, *_vary_field(self.preflight_vary)))


class Tables(_Tables):
    """A compiled spec. Immutable; derive others with `_replace`.

    star            => the origin is not inspected, `*` is sent, nothing varies by origin
    any_web_origin  => credentials; every well-formed http(s) origin matches and is echoed
    any_origin      => the same for every scheme; only drop-in middlewares use it
    """

    __slots__ = ()

    def key(self) -> tuple[object, ...]:
        """Return the values by which policies are compared. The others follow from the spec."""
        return self.spec.key(), *self[_Tables._fields.index("star") :]

    @property
    def takes_any(self) -> bool:
        """Whether the only entry is ``"*"``, whatever is sent for it."""
        return self.star or self.any_web_origin or self.any_origin

    def allows_header(self, name: str) -> bool:
        """Return whether a header name in lower case is allowed."""
        return name in self.header_names or (
            self.any_header and name != fetch.NON_WILDCARD_REQUEST_HEADER
        )

    def allowed_part(self, value: str) -> str:
        """Return the names of a list that a refusal echoes: those that are allowed, without `*`.

        A malformed list has none.
        """
        names = requested_names(value) or ()
        return ",".join(n for n in names if n != "*" and self.allows_header(n.lower()))

    @property
    def not_covering(self) -> Block:
        """Like `Responses.preflight_headers`, for a request that the permissions don't cover.

        Instead of `*` the allowed part of the request is echoed, because in some browsers `*`
        covers Authorization, too.
        """
        echoed = {ALLOW_METHODS: self.any_method, ALLOW_HEADERS: self.any_header}
        fields = [field for field in self.responses.preflight_fields if not echoed.get(field[0])]
        return block((*fields, *_vary_field(self.responses.preflight_vary)))


def compile_options(is_origin: Callable[[str], bool] = is_origin, **options: object) -> Tables:
    """Compile options to tables.

    Raises:
        PolicyError: with all problems.

    Warns:
        CorsfastSecurityWarning: once per risk that is present and tolerated.
        CorsfastUnmatchableWarning: once per origin whose scheme is a slip away from http or https,
            once per regex that is a glob by mistake, once per alternative of a regex that matches
            nothing, and for an empty list of origins.
        CorsfastPerformanceWarning: once per regex that no automaton can express.
        CorsfastRedundancyWarning: once per entry that another one covers.
    """
    spec, problems = read_options(is_origin=is_origin, **options)
    try:
        with limited(MAX_POLICY_STEPS):
            return _compile(spec, problems, options[ORIGINS])
    except TooManyStatesError:
        problems.append(too_many_steps_together())
    raise PolicyError(_with_ways_out(problems, spec, {}))


def _compile(spec: Spec, problems: list[Problem], origins: object) -> Tables:
    languages = [language_of(entry) for entry in (*spec.globs, *spec.regexes)]
    tolerated: list[Problem] = []
    unlikely: list[Problem] = []
    unlikely += empty_list(ORIGINS, origins)
    # `http://192.168.x.x:*` is a valid pattern, but no page has such a host name.
    names = [write_pattern(rule) for rule in spec.rules if rule.host.endswith("x")]
    for problem in (*unmatchable_schemes(spec.exact), *unmatchable_schemes(names)):
        (problems if problem.code == "unmatchable-scheme" else unlikely).append(problem)
    steps: dict[str, int] = {}
    for risk in find_risks(spec, languages, steps):
        (tolerated if risk.code in spec.tolerated else problems).append(risk)
    if problems:
        raise PolicyError(_with_ways_out(problems, spec, steps))
    with divided(steps):
        unlikely += unmatchable_alternatives(spec.regexes)
        unlikely += globs_as_regexes(spec.regexes, tolerated)
        tables, slow = build_tables(spec, languages)
    for risk in _with_ways_out(tolerated, spec, steps):
        warn(f"tolerated: {describe(risk, acceptable=False)}", CorsfastSecurityWarning)
    for problem in _with_ways_out(unlikely, spec, steps):
        warn(str(problem), CorsfastUnmatchableWarning)
    for message in slow:
        warn(message, CorsfastPerformanceWarning)
    for message in redundancies(spec, languages):
        warn(message, CorsfastRedundancyWarning)
    return tables


def unmatchable_alternatives(regexes: Iterable[re.Pattern[str] | Within]) -> list[Problem]:
    """Return a problem for each alternative of a regex that matches nothing."""
    regexes = [entry for entry in regexes if "|" in regex_of(entry).pattern]
    if not regexes:
        return []
    from .._proofs import alternatives

    return [
        problem for entry in regexes for problem in alternatives.unmatchable_alternatives(entry)
    ]


def empty_list(option: str, value: object) -> list[Problem]:
    """Return the problem of an empty list of origins, which often comes from a configuration.

    An empty tuple is intentional, so it is not a problem.
    """
    if value or not isinstance(value, (list, set, frozenset)):
        return []
    message = (
        "an empty list allows no origin (is an environment variable not set?); in Python, write ()"
        " if that is intended."
    )
    return [Problem("empty", option, value, message)]


# Signs of a glob or of a shell's choice that are rarely meant in a regex: a star after a letter,
# a colon or a slash, a question mark after a digit at the end, brackets around names.
_GLOB = re.compile(r"(?<!\\)[\w:/*]\*|\d\?+$|:\[\d{2}|\[[\w.]+\||^http\(s\):")


def globs_as_regexes(
    entries: Iterable[re.Pattern[str] | Within], judged: Iterable[Problem]
) -> Iterator[Problem]:
    """Find regexes that are globs by mistake, such as ``re.compile("http://localhost:*")``.

    Args:
        judged: problems that were already found; their regexes are skipped.
    """
    known = {id(problem.value) for problem in judged}
    for entry in entries:
        text = regex_of(entry).pattern
        if id(entry) in known or _GLOB.search(text) is None:
            continue
        from .._proofs.suggest import meant_otherwise

        if meant_otherwise(text):
            message = (
                f"{text!r} is a regex, so it does not match the origins that it seems to mean:"
                " in a regex, '*' and '?' repeat the character before them."
            )
            yield Problem("glob-as-regex", ORIGINS, entry, message)


def _with_ways_out(problems: list[Problem], spec: Spec, steps: dict[str, int]) -> list[Problem]:
    """Add verified suggestions to the problems. A valid policy never runs the proofs for them."""
    if not problems:
        return problems
    from .._proofs.suggest import policy_suggestions

    return policy_suggestions(problems, spec, steps)


def build_tables(spec: Spec, languages: list[Language]) -> tuple[Tables, list[str]]:
    """Return the tables of a checked spec, and the reasons why some entries are left to `re`.

    Args:
        languages: the languages of the spec's globs and regexes, in the same order.
    """
    automaton, left = run_together(languages)
    star = spec.any_origin and not spec.credentials
    tables = Tables(
        spec=spec,
        exact=spec.exact,
        rules=spec.rules,
        automaton=automaton,
        regexes=tuple(regex for regex, _ in left),
        star=star,
        any_web_origin=spec.any_origin and spec.credentials,
        any_origin=False,
        any_method=spec.any_method,
        methods=fetch.SAFELISTED_METHODS | frozenset(spec.methods),
        any_header=spec.any_header,
        header_names=frozenset(name.lower() for name in _listed_headers(spec)),
        responses=_responses(spec, star),
    )
    return tables, [
        f"{regex.pattern!r} is matched by `re`, so a request can make matching slow: it cannot"
        f" be run as an automaton, because of {reason}."
        for regex, reason in left
    ]


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the line outside this package that made the policy."""
    level = 1
    frame = sys._getframe()
    package = __name__.partition(".")[0]
    while frame.f_back is not None and (
        frame.f_globals.get("__name__", "").partition(".")[0] == package
    ):
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level)


def _responses(spec: Spec, star: bool) -> Responses:
    by_origin = () if star else ("Origin",)
    timing = [(TIMING_ALLOW_ORIGIN, "*")] if spec.timing and star else []
    return Responses(
        actual_fields=(*timing, *readable(spec.credentials, spec.expose)),
        preflight_fields=(*readable(spec.credentials), *_permissions(spec)),
        actual_vary=by_origin,
        preflight_vary=(*by_origin, REQUEST_METHOD, REQUEST_HEADERS),
        # If the answer is the same for every origin, a request without an Origin gets it as well.
        # A cache may return that response to a request with an Origin.
        # https://fetch.spec.whatwg.org/#cors-protocol-and-http-caches
        default_origin="*" if star else None,
        preflight_status=spec.preflight_status,
        refused_preflight_status=REFUSED_PREFLIGHT_STATUS,
        show_permissions=True,
        echo_method=spec.any_method and spec.credentials,
        echo_headers=spec.any_header and spec.credentials,
        keep_existing=spec.existing == "keep",
        timing=spec.timing and not star,
    )


def readable(credentials: bool, exposed: Sequence[str] = ()) -> Headers:
    """Return the fields that let pages send cookies, and read these headers of a response."""
    fields = ((ALLOW_CREDENTIALS, "true"),) if credentials else ()
    return (*fields, (EXPOSE_HEADERS, ", ".join(exposed))) if exposed else fields


def _permissions(spec: Spec) -> list[tuple[str, str]]:
    """Return the fields of a preflight's answer that are the same for every allowed request.

    All allowed names are listed, not only the requested ones, so that the browser caches them and
    sends fewer preflights.
    """
    fields = []
    if not (spec.any_method and spec.credentials):
        methods = ("*",) if spec.any_method else spec.methods
        if methods:
            fields.append((ALLOW_METHODS, ", ".join(methods)))
    if not (spec.any_header and spec.credentials):
        names = ["*"] if spec.any_header else []
        if spec.any_header:
            # `*` does not cover this name.
            names += [n for n in spec.headers if n.lower() == fetch.NON_WILDCARD_REQUEST_HEADER]
        else:
            names += _listed_headers(spec)
        fields.append((ALLOW_HEADERS, ", ".join(names)))
    if spec.max_age is not None:
        fields.append((MAX_AGE, str(spec.max_age)))
    return fields


def _listed_headers(spec: Spec) -> list[str]:
    """Return the allowed names as written in the options, then the safelisted ones."""
    lower = {name.lower() for name in spec.headers}
    safelisted = (name for name in fetch.SAFELISTED_REQUEST_HEADERS if name.lower() not in lower)
    return [*spec.headers, *safelisted]


def _vary_field(names: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(VARY, ", ".join(names))] if names else []


def block(fields: Iterable[tuple[str, str]]) -> Block:
    """Return fields in both spellings: the usual one for WSGI, lower-case bytes for ASGI."""
    fields = tuple(fields)
    raw = tuple((name.lower().encode("ascii"), value.encode("ascii")) for name, value in fields)
    return Block(fields, raw)


def with_origin(origin: str, tail: Block, timing: bool = False) -> Block:
    """Return a complete answer for an allowed origin; `timing` adds Timing-Allow-Origin.

    https://w3c.github.io/resource-timing/#sec-timing-allow-origin
    """
    head = block([(ALLOW_ORIGIN, origin), *([(TIMING_ALLOW_ORIGIN, origin)] if timing else [])])
    return Block(head.headers + tail.headers, head.raw_headers + tail.raw_headers)
