"""Compile the options of flask-cors to rules: a policy, and the fields for preflights.

    options over config over defaults --merged--> one mapping --Rules--> policy + fields

Rules are compiled at start-up, and again when the config has changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta

from ..._engine.headers import requested_names
from ..._engine.select import Policy
from ..._engine.tables import readable
from ..._options.fetch import (
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    ALLOW_PRIVATE_NETWORK,
    DEFAULT_PORTS,
    MAX_AGE,
)
from ..._options.origin import is_origin, parse_origin
from ..._options.spec import wrong_header, wrong_method
from ..._options.suggestions import texts_of
from ..._proofs.dialect import Dialect
from ..._proofs.ineffective import (
    BARE_STRING,
    OPEN,
    beside_any_origin,
    meant,
    never_compared,
    path_problems,
    slips,
    unknown_option,
    wrong_exposed_with,
    wrong_flags,
    wrong_names,
    wrong_seconds,
)
from ..._proofs.python_source import in_python
from ...decision import Outcome
from ...errors import Problem, changed
from .._dropin.messages import Unreadable, say
from .._dropin.policy import echoing_any_origin, lenient_tables
from .._generic.cross_site import checked, guard_of
from .._generic.refused_log import Listed, RefusedLog, asked_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypedDict

    from ..._engine.select import Decision
    from ..._engine.tables import Responses, Tables
    from .._generic.cross_site import CrossSite

    Pattern = str | re.Pattern[str]

    class ViewOptions(TypedDict, total=False):
        """The options of ``cross_origin``."""

        origins: Pattern | Iterable[Pattern] | None
        methods: str | Iterable[str] | None
        expose_headers: str | Iterable[str] | None
        allow_headers: Pattern | Iterable[Pattern] | None
        supports_credentials: bool
        max_age: timedelta | int | str | None
        send_wildcard: bool
        vary_header: bool
        automatic_options: bool
        always_send: bool
        allow_private_network: bool
        strict: bool
        cross_site: CrossSite

    class AppOptions(ViewOptions, total=False):
        """The options of ``CORS``."""

        resources: Pattern | Iterable[Pattern] | Mapping[Pattern, ViewOptions]
        intercept_exceptions: bool

    from .._generic.cross_site import CrossSiteGuard


NAME = "corsfast.middleware.flask"


def _exact(origin: str) -> str:
    """Return an origin as an entry of `origins`; escape an IPv6 address, which reads as a regex."""
    return in_python(re.escape(origin)) if is_regex(origin) else repr(origin)


_DIALECT = Dialect(any_origin='"*"', regex="{}", flags=re.IGNORECASE, exact=_exact)

DEFAULTS: Mapping[str, Any] = {
    "origins": "*",
    "methods": ["GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"],
    "allow_headers": "*",
    "expose_headers": None,
    "supports_credentials": False,
    "max_age": None,
    "send_wildcard": False,
    "automatic_options": True,
    "vary_header": True,
    "resources": "/*",
    "intercept_exceptions": True,
    "always_send": True,
    "allow_private_network": False,
    "strict": False,
    "cross_site": "allow",
}
_LISTS = ("origins", "methods", "allow_headers", "expose_headers")
_FLAGS = (
    "supports_credentials",
    "send_wildcard",
    "automatic_options",
    "vary_header",
    "always_send",
    "allow_private_network",
    "strict",
)
# The name of each option in a Flask application's config.
CONFIG_NAMES = {option: f"CORS_{option.upper()}" for option in DEFAULTS}


def merged(config: Mapping[str, Any], *options: Mapping[str, Any]) -> dict[str, Any]:
    """Merge defaults, config, and each of the options in turn; later values win."""
    whole = dict(DEFAULTS)
    for option, name in CONFIG_NAMES.items():
        if config.get(name) is not None:
            whole[option] = config[name]
    for some in options:
        whole.update(some)
    return whole


def only_known(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the known options. Report the others now, because rules are compiled later."""
    say(NAME, _unknown(options), strict=bool(options.get("strict")))
    return {option: value for option, value in options.items() if option in DEFAULTS}


def judge_paths(patterns: Iterable[Pattern], flag: object, strict: bool) -> None:
    """Report path patterns that match nothing, and an `intercept_exceptions` that is not a flag."""
    patterns = list(patterns)
    problems = [problem for pattern in patterns for problem in path_problems("resources", pattern)]
    if not patterns:
        message = "it has no path, so CORS has no effect."
        problems.append(Problem("no-paths", "resources", None, message, hint=repr(r"/*")))
    problems += wrong_flags([("intercept_exceptions", flag)])
    say(NAME, problems, strict=strict)


def judge_config(config: Mapping[str, Any], given: Iterable[str], strict: bool) -> None:
    """Report config names without effect that look like misspellings of names that are not set.

    Args:
        given: the options that are set elsewhere.
    """
    given = set(given)
    unset = [
        name
        for option, name in CONFIG_NAMES.items()
        if option not in given and config.get(name) is None
    ]
    opens = [CONFIG_NAMES["origins"], CONFIG_NAMES["resources"]]
    say(NAME, slips(config, CONFIG_NAMES.values(), unset, opens), strict=strict)


def _unknown(options: Mapping[str, Any], any_origin: bool = False) -> list[Problem]:
    """Return a problem for each option unknown to flask-cors too: it limits nothing."""
    problems = []
    for option, value in options.items():
        if option not in DEFAULTS:
            known = meant(option, DEFAULTS)
            limits = any_origin and known in ("origins", "resources")
            problems.append(unknown_option(option, value, known, OPEN if limits else ""))
    return problems


def _idle(options: Mapping[str, Any], any_origin: bool) -> list[Problem]:
    """Return a problem for each option that has no effect, or another effect than it says."""
    problems = []
    others = [entry for entry in _listed(options["origins"]) if shown_as_regex(entry) != EVERYTHING]
    if any_origin and others and not options["supports_credentials"]:
        problems.append(beside_any_origin("origins", others))
    for option in _LISTS:
        value = options[option]
        if isinstance(value, bytes):
            message = f"{value!r} is of type bytes; other libraries would split it."
            text = repr([part.strip() for part in value.decode("latin-1").split(",")])
            problems.append(Problem(BARE_STRING, option, value, message, hint=text))
        elif isinstance(value, (list, tuple, set, frozenset)) and None in value:
            problems += wrong_names(option, [None], wrong_header)
    star = "'*' is not a wildcard here, so it allows no method."
    methods = never_compared(wrong_method, star, "the methods, one by one")
    # Methods are sent and compared in upper case.
    names = [name.upper() if isinstance(name, str) else name for name in _each(options["methods"])]
    problems += wrong_names("methods", names, methods)
    exposed = wrong_exposed_with(bool(options["supports_credentials"]))
    problems += wrong_names("expose_headers", _each(options["expose_headers"]), exposed)
    for entry in _listed(options["allow_headers"]):
        problems += _wrong_header(entry, entry is options["allow_headers"])
    if options["send_wildcard"] and not any_origin:
        message = "it has no effect if origins are listed."
        problems.append(Problem("idle-option", "send_wildcard", True, message, hint="False"))
    problems += wrong_flags((option, options[option]) for option in _FLAGS)
    age = options["max_age"]
    return problems + wrong_seconds("max_age", age, _seconds(age), zero="'0'")


def _wrong_header(entry: Any, alone: bool) -> list[Problem]:
    """Return the problems of an entry of `allow_headers`. `alone` => it is the whole option."""
    if isinstance(entry, re.Pattern) or entry == "*":
        return []
    if isinstance(entry, str) and is_regex(entry):
        if re.search(r"[\w-]\*", entry) is None:
            return []
        message = f"{entry!r} is a regex, in which '*' repeats the character before it."
        hint = repr(re.sub(r"([\w-])\*", r"\1.*", entry))
        return [Problem("looks-like-glob", "allow_headers", entry, message, hint=hint)]
    problems = wrong_names("allow_headers", [entry], wrong_header)
    return [
        changed(problem, hint=f"[{problem.hint}]") if alone and problem.hint else problem
        for problem in problems
    ]


def _each(value: Any) -> list[Any]:
    """Return the names in a comma-separated option; keep an empty name only if it is alone."""
    names: list[Any] = []
    for entry in _listed(value):
        names += map(str.strip, entry.split(",")) if isinstance(entry, str) else [entry]
    return [name for name in names if name != ""] or names[:1]


def _seconds(age: Any) -> str | None:
    """Return `max_age` as it is sent, or ``None`` if it is not sent."""
    if isinstance(age, timedelta):
        age = str(int(age.total_seconds()))
    return str(age) if age else None


# flask-cors reads a string of origins, header names or paths as a regex if it has one of these
# characters, and otherwise as a literal. "*" matches everything.
_REGEX_CHARACTERS = frozenset("*\\]?$^[]()")
EVERYTHING = ".*"


def shown_as_regex(entry: Any) -> Any:
    """Return the entry unchanged, or a regex that matches everything for ``*``."""
    return EVERYTHING if isinstance(entry, str) and entry == "*" else entry


def is_regex(text: str) -> bool:
    return not _REGEX_CHARACTERS.isdisjoint(text)


def resolved(entry: Any, flags: int = 0) -> Pattern:
    """Return an entry as a compiled regex or a literal."""
    if isinstance(entry, re.Pattern):
        return entry
    text = str(entry)
    if not is_regex(text):
        return text
    try:
        return re.compile(text, flags)
    except re.error as error:
        raise ValueError(f"{text!r} looks like a regex, but is not a valid one: {error}") from error


class Rules:
    """The compiled form of one set of options, which are kept for `corsfast check`. Immutable.

    Args:
        options: all of them; see :func:`merged`.

    Raises:
        ValueError: for a regex that does not compile, for ``*`` with credentials and
            ``send_wildcard``, for text that cannot be sent in a header field.
        PolicyError: for a wrong `cross_site`.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = options
        origins = [shown_as_regex(entry) for entry in _listed(options["origins"])]
        any_origin = EVERYTHING in origins
        credentials = bool(options["supports_credentials"])
        strict = bool(options["strict"])
        if any_origin and credentials and options["send_wildcard"]:
            raise ValueError(
                "supports_credentials cannot be used with send_wildcard and the origin '*':"
                " browsers refuse such answers"
            )
        self.automatic_options: bool = bool(options["automatic_options"])
        self._read_preflight_options(options)
        entries = ["*"] if any_origin else [*map(_entry, origins)]
        tables = lenient_tables(
            NAME,
            {"origins": entries},
            credentials=credentials,
            strict=strict,
            also=[*_unknown(options, any_origin), *_idle(options, any_origin)],
            dialect=_DIALECT,
            given=[] if options["origins"] is None else options["origins"],
        )
        if any_origin and not options["send_wildcard"]:
            tables = echoing_any_origin(tables)
        responses = _responses(tables, options, origins)
        self.policy: Policy = Policy._from_tables(tables._replace(responses=responses))
        # Bound once, because looking up a method costs more than calling it.
        self.decide: Callable[..., Decision] = self.policy.actual
        self.apply: Callable[..., Any] = self.policy.apply_wsgi
        self._answers_unasked = any(name == ALLOW_ORIGIN for name, _ in responses.no_origin.headers)
        self.log: RefusedLog = RefusedLog(self.policy)
        cross_site = checked(options["cross_site"])
        self.guard: CrossSiteGuard | None = guard_of(self.policy, self.log, cross_site)

    def _read_preflight_options(self, options: Mapping[str, Any]) -> None:
        names = [shown_as_regex(entry) for entry in _listed(options["allow_headers"])]
        self._any_header = EVERYTHING in names
        patterns = [resolved(name, re.IGNORECASE) for name in names]
        self._header_names = frozenset(p.lower() for p in patterns if isinstance(p, str))
        self._header_regexes = tuple(p for p in patterns if isinstance(p, re.Pattern))
        methods = (_joined(options["methods"]) or "").upper()
        self._methods = frozenset(filter(None, map(str.strip, methods.split(","))))
        self._permissions = [(ALLOW_METHODS, _sendable("methods", methods))]
        max_age = _seconds(options["max_age"])
        if max_age:
            self._permissions.append((MAX_AGE, _sendable("max_age", max_age)))
        self._private_network = "true" if options["allow_private_network"] else "false"

    def preflight_fields(
        self, decision: Decision, environ: Mapping[str, Any]
    ) -> list[tuple[str, str]]:
        """Return the fields that only OPTIONS requests get.

        A request without an Origin, which no browser sends as a preflight, gets them if responses
        without an Origin get the other CORS fields. Methods are compared byte for byte, as in
        browsers. A list of header names that no browser sends (too long, too many empty elements,
        not tokens) allows nothing.
        """
        unasked = self._answers_unasked and decision.outcome is Outcome.NO_ORIGIN
        if not (decision.allowed or unasked):
            return []
        found = []
        if environ.get("HTTP_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK") == "true":
            found.append((ALLOW_PRIVATE_NETWORK, self._private_network))
        if environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD") not in self._methods:
            return found
        names = requested_names(environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", ""))
        if names is None:
            return found
        allowed = sorted(filter(self._allows_header, names))
        if allowed:
            found.append((ALLOW_HEADERS, ", ".join(allowed)))
        return found + self._permissions

    def log_preflight(self, environ: Mapping[str, Any], sent: Any) -> None:
        """Log a preflight of an allowed origin if its answer makes a browser refuse the request."""
        is_listed = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD") in self._methods
        outcome = Outcome.ALLOWED if is_listed else Outcome.METHOD_NOT_ALLOWED
        methods = Listed("methods", self._methods)
        names = Listed("allow_headers", self._header_names)
        host, path = environ.get("HTTP_HOST"), environ.get("PATH_INFO")
        self.log.write_preflight(asked_in(environ, outcome), host, path, sent, methods, names)

    def _allows_header(self, name: str) -> bool:
        return (
            self._any_header
            or name.lower() in self._header_names
            or any(regex.fullmatch(name) for regex in self._header_regexes)
        )


def _responses(tables: Tables, options: Mapping[str, Any], origins: list[Any]) -> Responses:
    """Return the responses of flask-cors, with Vary wherever they differ by origin."""
    credentials = tables.spec.credentials
    default: str | None = None
    if options["always_send"]:
        if tables.spec.any_origin:
            default = None if credentials else "*"
        else:
            literal = sorted(o for o in origins if isinstance(o, str) and not is_regex(o))
            default = next(filter(is_origin, map(str.lower, literal)), None)
    same_for_everyone = tables.star and default == "*"
    exposed = _joined(options["expose_headers"])
    return tables.responses._replace(
        actual_fields=readable(
            credentials, [_sendable("expose_headers", exposed)] if exposed else []
        ),
        actual_vary=() if same_for_everyone or not options["vary_header"] else ("Origin",),
        default_origin=default,
    )


def _listed(value: object) -> list[Any]:
    """Return the entries of an option that holds one or several; ``None`` has no entries."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    several = isinstance(value, Iterable) and not isinstance(value, str)
    entries = list(value) if several else [value]  # type: ignore[call-overload]
    return [entry for entry in entries if entry is not None]


def _entry(entry: Any) -> Any:
    """Return an entry of `origins` for a policy, compared case-insensitively.

    Browsers send web origins in lower case, but an opaque host may contain both cases.
    """
    if not isinstance(entry, (str, re.Pattern)) and str(entry) not in texts_of(entry):
        return entry  # flask-cors takes what it shows: `Origin.APP`
    try:
        found = resolved(entry, re.IGNORECASE)
    except ValueError as error:
        return Unreadable(entry, error)
    if not isinstance(found, str):
        return found
    parts = parse_origin(found)
    if parts is None or parts.scheme in DEFAULT_PORTS:
        return found.lower()
    return re.compile(re.escape(found), re.IGNORECASE)


def _joined(value: object) -> str | None:
    """Return one field value for a string or for several, which are sorted."""
    if value is None:
        return None
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(str, sorted(value)))
    return str(value)


def _sendable(option: str, text: str) -> str:
    if not (text.isascii() and text.replace("\t", " ").isprintable()):
        raise ValueError(f"{option}: {text!r} cannot be sent in a header field")
    return text
