"""The options of flask-cors -> rules, compiled once: a policy, and what a preflight is told.

    options over config over defaults --merged--> one mapping --Rules--> policy + fields

Place in the flow: _lenient.py, _flask_patterns.py -> this -> flask.py. Runs at start-up, or when
the config has changed.
Never: import Flask; keep anything of a request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from difflib import get_close_matches

from .._compile import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    EXPOSE_HEADERS,
    MAX_AGE,
    VARY,
    warn,
    with_origin,
)
from ..decision import Outcome
from ..errors import CorsfastDeadEntryWarning, PolicyError, Problem
from ..fields import requested_names
from ..origin import is_origin
from ..suggestions import suggest_networks
from ._flask_patterns import EVERYTHING, is_regex, resolved, shown_as_regex
from ._lenient import (
    Tables,
    block,
    echo_any_origin,
    lenient_policy,
)
from ._wording import UNKNOWN_OPTION, DropInProblem, Words, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypedDict

    from .._backend import Decision
    from ._flask_patterns import Pattern

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

    class AppOptions(ViewOptions, total=False):
        """The options of ``CORS``."""

        resources: Pattern | Iterable[Pattern] | Mapping[Pattern, ViewOptions]
        intercept_exceptions: bool


NAME = "corsfast.middleware.flask"

_WORDS = Words(any_origin='"*"', regex="{}", flags=re.IGNORECASE)

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
}
# What other libraries, and Policy, call these options.
_ELSEWHERE = {
    "allow_credentials": "supports_credentials",
    "allow_methods": "methods",
    "allow_origin": "origins",
    "allow_origin_regex": "origins",
    "allow_origins": "origins",
    "allowed_headers": "allow_headers",
    "allowed_methods": "methods",
    "allowed_origins": "origins",
    "credentials": "supports_credentials",
    "headers": "allow_headers",
    "origin": "origins",
    "paths": "resources",
}
# In a Flask application's config each option has this name.
CONFIG_NAMES = {option: f"CORS_{option.upper()}" for option in DEFAULTS}

_ALLOW_PRIVATE_NETWORK = "Access-Control-Allow-Private-Network"


def configured(config: Mapping[str, Any]) -> dict[str, Any]:
    """The options that an application's config sets; ``None`` there means: not set."""
    return {
        option: value
        for option, name in CONFIG_NAMES.items()
        if (value := config.get(name)) is not None
    }


def merged(config: Mapping[str, Any], *options: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults, then config, then each of the options; the last one that says something wins."""
    whole = {**DEFAULTS, **configured(config)}
    for some in options:
        whole.update(some)
    return whole


def only_known(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that there are; said now of the others, where rules are made later only.

    Raises:
        PolicyError: with ``strict``, for those that there are not.

    Warns:
        CorsfastSecurityWarning: without ``strict``.
    """
    say(NAME, _unknown(options, any_origin=False), strict=bool(options.get("strict")))
    return {option: value for option, value in options.items() if option in DEFAULTS}


def _unknown(options: Mapping[str, Any], any_origin: bool) -> list[DropInProblem]:
    """Options that flask-cors does not know either, so that what they were to limit is open."""
    problems = []
    for option, value in options.items():
        if option in DEFAULTS:
            continue
        meant = _ELSEWHERE.get(option) or next(iter(get_close_matches(option, DEFAULTS, 1)), None)
        message = "there is no such option, and it has no effect"
        if meant in ("origins", "resources") and any_origin:
            message += ": every origin is allowed"
        problems.append(DropInProblem(UNKNOWN_OPTION, option, value, f"{message}.", hint=meant))
    return problems


class Rules:
    """What one set of options says to a request. Immutable once made.

    Args:
        options: all of them; see :func:`merged`.

    Raises:
        ValueError: for a regex that does not compile, for ``*`` with credentials and
            ``send_wildcard``, for what no header field can hold.
        PolicyError: with ``strict``, for unknown options, insecure or dead entries.

    Warns:
        CorsfastSecurityWarning, CorsfastDeadEntryWarning: without ``strict``.
    """

    __slots__ = (
        "_any_header",
        "_header_names",
        "_header_regexes",
        "_methods",
        "_permissions",
        "_private_network",
        "_answers_unasked",
        "apply",
        "automatic_options",
        "decide",
        "policy",
    )

    def __init__(self, options: Mapping[str, Any]) -> None:
        origins = [shown_as_regex(entry) for entry in _listed(options["origins"])]
        any_origin = EVERYTHING in origins
        credentials = bool(options["supports_credentials"])
        strict = bool(options["strict"])
        if any_origin and credentials and options["send_wildcard"]:
            raise ValueError(
                "supports_credentials cannot be used with send_wildcard and the origin '*':"
                " browsers refuse such answers"
            )
        self.automatic_options = bool(options["automatic_options"])
        self.policy = lenient_policy(
            NAME,
            {"origins": ["*"] if any_origin else [_entry(entry, strict) for entry in origins]},
            credentials=credentials,
            strict=strict,
            answer=lambda tables: _answer(tables, options, origins, any_origin),
            also=_unknown(options, any_origin),
            words=_WORDS,
        )
        # Bound once: looking a method up per request costs more than calling it.
        self.decide = self.policy.actual
        self.apply = self.policy.apply_wsgi
        self._answers_unasked = any(name == ALLOW_ORIGIN for name, _ in self.decide(None).headers)
        self._read_preflight_options(options)

    def _read_preflight_options(self, options: Mapping[str, Any]) -> None:
        names = [shown_as_regex(entry) for entry in _listed(options["allow_headers"])]
        self._any_header = EVERYTHING in names
        patterns = [resolved(name, re.IGNORECASE) for name in names]
        self._header_names = frozenset(p.lower() for p in patterns if isinstance(p, str))
        self._header_regexes = tuple(p for p in patterns if isinstance(p, re.Pattern))
        methods = (_joined(options["methods"]) or "").upper()
        self._methods = frozenset(filter(None, map(str.strip, methods.split(","))))
        self._permissions = [(ALLOW_METHODS, _sendable("methods", methods))]
        max_age = options["max_age"]
        if isinstance(max_age, timedelta):
            max_age = str(int(max_age.total_seconds()))
        if max_age:
            self._permissions.append((MAX_AGE, _sendable("max_age", str(max_age))))
        self._private_network = "true" if options["allow_private_network"] else "false"

    def preflight_fields(
        self, decision: Decision, environ: Mapping[str, Any]
    ) -> list[tuple[str, str]]:
        """What an OPTIONS request is told beyond what every request is.

        One without an Origin, which is no browser's, is told where something always is sent.
        Methods compare byte for byte, as in browsers. A list of names that no browser sends
        (too long, too sparse, no tokens) allows nothing.
        """
        unasked = self._answers_unasked and decision.outcome is Outcome.NO_ORIGIN
        if not (decision.allowed or unasked):
            return []
        found = []
        if environ.get("HTTP_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK") == "true":
            found.append((_ALLOW_PRIVATE_NETWORK, self._private_network))
        if environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD") not in self._methods:
            return found
        names = requested_names(environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", ""))
        if names is None:
            return found
        allowed = sorted(filter(self._allows_header, names))
        if allowed:
            found.append((ALLOW_HEADERS, ", ".join(allowed)))
        return found + self._permissions

    def _allows_header(self, name: str) -> bool:
        return (
            self._any_header
            or name.lower() in self._header_names
            or any(regex.fullmatch(name) for regex in self._header_regexes)
        )


def _answer(
    tables: Tables, options: Mapping[str, Any], origins: list[Any], any_origin: bool
) -> None:
    """Send what flask-cors sends, and Vary wherever the answer differs by origin."""
    credentials = tables.spec.credentials
    always = bool(options["always_send"])
    unasked: str | None = None  # what is allowed on a response to nobody's Origin
    if any_origin:
        unasked = "*" if always and not credentials else None
        if not options["send_wildcard"]:
            echo_any_origin(tables)
    elif always:
        literal = sorted(o for o in origins if isinstance(o, str) and not is_regex(o))
        unasked = next(filter(is_origin, map(str.lower, literal)), None)
    same_for_everyone = tables.star and unasked == "*"
    tables.actual_vary = () if same_for_everyone or not options["vary_header"] else ("Origin",)
    vary = [(VARY, ", ".join(tables.actual_vary))] if tables.actual_vary else []
    tail = [(ALLOW_CREDENTIALS, "true")] if credentials else []
    expose = _joined(options["expose_headers"])
    if expose:
        tail.append((EXPOSE_HEADERS, _sendable("expose_headers", expose)))
    tables.keep_existing = True
    tables.actual_tail = block([*tail, *vary])
    tables.refused = block(vary)
    tables.no_origin = with_origin(unasked, tables.actual_tail) if unasked else tables.refused


def _listed(value: object) -> list[Any]:
    """The entries of an option that holds one or several; ``None`` is none at all."""
    several = isinstance(value, Iterable) and not isinstance(value, str)
    entries = list(value) if several else [value]  # type: ignore[call-overload]
    return [entry for entry in entries if entry is not None]


def _entry(entry: Any, strict: bool) -> Pattern:
    """An entry of `origins` for a policy. Browsers send origins in lower case."""
    found = resolved(entry, re.IGNORECASE)
    if isinstance(found, str):
        return found.lower()
    if isinstance(entry, str) and entry.endswith(":*") and not suggest_networks(entry):
        # Where a regex needs to match the beginning only, this admits any port by chance.
        problem = Problem(
            "port-wildcard",
            "origins",
            entry,
            f"{entry!r} is a regex that ends in any number of colons, and has to match a whole"
            " origin: it matches no port.",
            hint=f"{entry[:-2] + '(:[0-9]+)?'!r} (any port)",
        )
        if strict:
            raise PolicyError([problem])
        warn(f"{NAME}: {problem}", CorsfastDeadEntryWarning)
    return found


def _joined(value: object) -> str | None:
    """One field value of a string or of several, sorted."""
    if value is None:
        return None
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(str, sorted(value)))
    return str(value)


def _sendable(option: str, text: str) -> str:
    """The same text, proven to fit into a header field.

    Raises:
        ValueError: if it holds a line break or anything else but printable ASCII.
    """
    if not (text.isascii() and text.replace("\t", " ").isprintable()):
        raise ValueError(f"{option}: {text!r} cannot be sent in a header field")
    return text
