"""Compile the options of quart-cors to rules: a policy, and the fields for preflights.

    arguments over config over defaults --merged--> one mapping --Rules--> policy + fields

Rules are compiled at start-up, and when a request finds the config new or changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta

from ..._engine.headers import requested_names
from ..._engine.select import Policy
from ..._engine.tables import readable
from ..._options.fetch import ALLOW_HEADERS, ALLOW_METHODS, MAX_AGE
from ..._options.spec import wrong_header
from ..._proofs.dialect import Dialect
from ..._proofs.ineffective import (
    BARE_STRING,
    slips,
    wrong_exact_method,
    wrong_exposed_with,
    wrong_flags,
    wrong_seconds,
)
from ...decision import Outcome
from ...errors import Problem
from .._dropin.messages import say
from .._dropin.policy import echoing_any_origin, lenient_tables, read_names
from .._generic.cross_site import checked, guard_of
from .._generic.refused_log import Listed, Refused, RefusedLog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..._engine.select import Decision
    from .._generic.cross_site import CrossSiteGuard

NAME = "corsfast.middleware.quart"

_DIALECT = Dialect(any_origin="'*'", regex="{}", compiled=True)

DEFAULTS: Mapping[str, Any] = {
    "allow_credentials": False,
    "allow_headers": ["*"],
    "allow_methods": ["GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"],
    "allow_origin": ["*"],
    "expose_headers": [""],
    "max_age": None,
    "send_origin_wildcard": True,
    "strict": False,
    "cross_site": "allow",
}
_LISTS = ("allow_headers", "allow_methods", "allow_origin", "expose_headers")
# None as an argument leaves its option to the config. For these, any false value does.
_FALSE_IS_UNSET = ("allow_credentials", "send_origin_wildcard", "strict")


def config_name(option: str) -> str:
    return f"QUART_CORS_{option.upper()}"


def read_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options among the arguments, with iterables copied, because some are read once."""
    return {
        option: _listed(value)
        if option in _LISTS and value is not None and not isinstance(value, bytes)
        else value
        for option, value in arguments.items()
        if option in DEFAULTS
    }


def left_to_config(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the options that the arguments leave open, with their names in the config."""
    unset = {
        option: config_name(option)
        for option in DEFAULTS
        if options.get(option) is None or (option in _FALSE_IS_UNSET and not options[option])
    }
    origins = options.get("allow_origin")
    if origins is not None:
        # Strictness was settled when the arguments were given.
        unset.pop("strict", None)
        if "*" not in _listed(origins):
            unset.pop("send_origin_wildcard", None)
    return unset


def merged(config: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Merge all options: the given ones over the config over the defaults."""
    unset = left_to_config(options)
    whole = dict(DEFAULTS)
    for option, default in DEFAULTS.items():
        if option in unset:
            whole[option] = config.get(unset[option], default)
        elif options.get(option) is not None:
            whole[option] = options[option]
    return whole


def judge_config(config: Mapping[str, Any], options: Mapping[str, Any], strict: bool) -> None:
    """Report config names without effect that look like misspellings of names that are not set."""
    names = left_to_config(options).values()
    unset = [name for name in names if config.get(name) is None]
    known = map(config_name, DEFAULTS)
    say(NAME, slips(config, known, unset, [config_name("allow_origin")]), strict=strict)


def _idle(options: Mapping[str, Any]) -> list[Problem]:
    """Return a problem for each option (names aside) that does nothing, or not what it says."""
    problems = []
    for option in _LISTS:
        value = options[option]
        if isinstance(value, bytes):
            message = f"{value!r} is of type bytes; other libraries would split it."
            hint = repr(value.decode("latin-1"))
            problems.append(Problem(BARE_STRING, option, value, message, hint=hint))
    # Only True allows credentials here.
    credentials = options["allow_credentials"]
    problems += wrong_flags([("allow_credentials", credentials)], counts=False)
    others = ("send_origin_wildcard", "strict")
    problems += wrong_flags((option, options[option]) for option in others)
    return problems


def _seconds(age: Any) -> str | None:
    """Return `max_age` as it is sent, or ``None`` if it is not sent."""
    if isinstance(age, timedelta):
        age = age.total_seconds()
    return None if age is None else str(int(age))


class Rules:
    """The compiled form of one set of options. Immutable.

    Args:
        options: all of them; see :func:`merged`.

    Raises:
        ValueError: for credentials with the origin ``*``.
        PolicyError: for a wrong `cross_site`.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        origins = _listed(options["allow_origin"])
        if "*" in origins and options["allow_credentials"]:
            raise ValueError("allow_credentials cannot be used with the origin '*'; list origins")
        credentials = options["allow_credentials"] is True
        problems = _idle(options)
        names = {}
        for option, wrong in (
            ("allow_methods", wrong_exact_method),
            ("allow_headers", wrong_header),
            ("expose_headers", wrong_exposed_with(credentials)),
        ):
            names[option], found = read_names(option, _listed(options[option]), wrong)
            if options[option] != DEFAULTS[option]:
                problems += found
        self._max_age = _seconds(options["max_age"])
        problems += wrong_seconds("max_age", options["max_age"], self._max_age)

        tables = lenient_tables(
            NAME,
            {"allow_origin": origins},
            credentials=credentials,
            strict=bool(options["strict"]),
            also=problems,
            dialect=_DIALECT,
            given=options["allow_origin"],
        )
        if tables.star and not options["send_origin_wildcard"]:
            tables = echoing_any_origin(tables)
        fields = readable(credentials, [*filter(None, names["expose_headers"])])
        responses = tables.responses._replace(actual_fields=fields)
        self.policy: Policy = Policy._from_tables(tables._replace(responses=responses))
        # Bound once, because looking up a method costs more than calling it.
        self.decide: Callable[[Any], Decision] = self.policy.asgi
        self.apply: Callable[..., Any] = self.policy.apply_wsgi
        self.log: RefusedLog = RefusedLog(self.policy)
        cross_site = checked(options["cross_site"])
        self.guard: CrossSiteGuard | None = guard_of(self.policy, self.log, cross_site)
        self._any_header = "*" in names["allow_headers"]
        self._allow_headers = frozenset(name.lower() for name in names["allow_headers"])
        self._allow_methods = frozenset(names["allow_methods"])
        self._any_method = "*" in self._allow_methods
        # With credentials, browsers read "*" as the name of a method.
        self._echo_method = self._any_method and credentials
        self._methods = _joined(names["allow_methods"])

    def preflight_fields(self, method: str | None, names: str | None) -> list[tuple[str, str]]:
        """Return the fields that only OPTIONS requests of an allowed origin get.

        Methods are compared byte for byte, as in browsers. A list of header names that no browser
        sends (too long, too many empty elements, not tokens) allows nothing.
        """
        if not method or not (self._any_method or method in self._allow_methods):
            return []
        requested = requested_names(names or "")
        if requested is None or requested_names(method) != [method]:
            return []
        if self._any_header:
            allowed = requested
        else:
            lower = dict.fromkeys(map(str.lower, requested))
            allowed = [name for name in lower if name in self._allow_headers]
        fields = [
            (ALLOW_HEADERS, _joined(allowed)),
            (ALLOW_METHODS, method if self._echo_method else self._methods),
        ]
        if self._max_age is not None:
            fields.append((MAX_AGE, self._max_age))
        return fields

    def log_preflight(self, received: Any, sent: Any) -> None:
        """Log a preflight of an allowed origin if its answer makes a browser refuse the request."""
        headers = received.headers
        method = headers.get("Access-Control-Request-Method")
        is_listed = self._any_method or method in self._allow_methods
        asked = Refused(
            headers["Origin"],
            Outcome.ALLOWED if is_listed else Outcome.METHOD_NOT_ALLOWED,
            method,
            ",".join(headers.getlist("Access-Control-Request-Headers")),
        )
        methods = Listed("allow_methods", self._allow_methods)
        names = Listed("allow_headers", self._allow_headers)
        self.log.write_preflight(asked, headers.get("Host"), received.path, sent, methods, names)


def _listed(value: object) -> list[Any]:
    """Return the entries of an option that holds one or several."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, (str, re.Pattern)):
        return [value]
    entries: Iterable[Any] = value  # type: ignore[assignment]  # other types raise a TypeError
    if isinstance(entries, (set, frozenset)):
        # Sets have no fixed order, but headers should not change from one start to the next.
        return sorted(entries, key=repr)
    return list(dict.fromkeys(entries))


def _joined(names: Iterable[str]) -> str:
    return ", ".join(filter(None, names))
