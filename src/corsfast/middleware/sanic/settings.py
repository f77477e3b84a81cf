"""Compile CORS_* settings, read as sanic-ext reads them, to the fields of each response.

    settings of the application, of a route --Settings--> compile_settings --> CompiledSettings

This runs at start-up, once per set of settings. Only `CompiledSettings.allow_headers` runs later:
it reads the names that a preflight asks for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from ..._engine.headers import ALLOW_CREDENTIALS, ALLOW_ORIGIN, EXPOSE_HEADERS, requested_names
from ..._engine.select import Policy
from ..._engine.tables import empty_list
from ..._options.spec import wrong_header, wrong_method
from ..._proofs.dialect import Dialect
from ..._proofs.ineffective import (
    slips,
    wrong_exposed_with,
    wrong_flags,
    wrong_names,
    wrong_seconds,
)
from ...errors import Problem
from .._dropin.messages import say
from .._dropin.policy import echoing_any_origin, lenient_tables
from .._generic.cross_site import CrossSiteGuard, checked, guard_of
from .._generic.refused_log import RefusedLog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from .._generic.cross_site import CrossSite

NAME = "corsfast.middleware.sanic"

_DIALECT = Dialect(any_origin="'*' as the whole setting", regex="{}", compiled=True)

# sanic-ext compiles "*" to this regex, and also treats the regex as "*".
_ANYTHING = re.compile(".*")


class Settings(NamedTuple):
    """The settings of one route: its own, and the application's for the rest."""

    origins: Any  # as written
    allow_headers: tuple[str, ...]  # lower case
    allow_methods: tuple[str, ...]  # upper case
    expose_headers: tuple[str, ...]  # as they are sent
    supports_credentials: bool
    max_age: str
    always_send: bool
    send_wildcard: bool
    server_name: str
    cross_site: CrossSite  # of the application


@dataclass(slots=True)
class CompiledSettings:
    """The compiled fields for one set of settings; made by `compile_settings`.

    star            => every origin is answered with `*`; never with credentials
    allows is None  => no origin is allowed: nothing is ever sent, and nothing varies
    """

    log: RefusedLog | None
    guard: CrossSiteGuard | None
    allows: Callable[[str], bool] | None
    star: bool
    varies: bool  # by Origin
    no_origin: dict[str, str]  # all fields of a response to a request without an Origin
    actual: dict[str, str]  # the fields sent with Access-Control-Allow-Origin
    max_age: str  # "" is not sent
    methods: tuple[str, ...]  # upper case; () means those of the route
    any_header: str | None  # sent to every preflight; "" echoes the requested names
    header_names: frozenset[str]  # lower case

    def allow_methods(self, of_the_route: Iterable[str]) -> str:
        """Return the methods for an allowed preflight, or "" for no field."""
        if "*" in self.methods and ALLOW_CREDENTIALS not in self.actual:
            return "*"
        there = sorted({method.upper() for method in of_the_route})
        if not self.methods or "*" in self.methods:
            return ",".join(there)
        return ",".join(method for method in there if method in self.methods)

    def allow_headers(self, asked: str | None) -> str | None:
        """Return the names for an allowed preflight, or "" for no field; ``None`` rejects them."""
        if self.any_header:
            return self.any_header
        if asked is None:
            return ""
        names = requested_names(asked)
        if names is None:
            return None
        lower = dict.fromkeys(name.lower() for name in names)
        if self.any_header is None:
            return ",".join(name for name in lower if name in self.header_names)
        return ",".join(lower)


def compile_settings(
    settings: Settings, option: str, strict: bool, also: Iterable[Problem] = ()
) -> CompiledSettings:
    """Compile settings; `option` holds the origins, and `also` problems that were found before."""
    problems = [*also]
    any_origin, entries = _entries(settings.origins, option, problems)
    credentials = settings.supports_credentials
    policy: Policy | None = None
    if any_origin or entries:
        tables = lenient_tables(
            NAME,
            {option: ["*"] if any_origin else entries},
            credentials=credentials,
            strict=strict,
            star=any_origin,
            also=problems,
            dialect=_DIALECT,
        )
        # Echo any origin, also without credentials; so the value has to be a valid origin.
        policy = Policy._from_tables(echoing_any_origin(tables) if tables.star else tables)
    else:
        say(NAME, problems, strict=strict)
    log = None if policy is None else RefusedLog(policy)
    writers = policy or Policy(allow_origins=())
    guard = guard_of(writers, log or RefusedLog(writers), settings.cross_site)
    star = any_origin and settings.send_wildcard and not credentials
    actual = {}
    if credentials:
        actual[ALLOW_CREDENTIALS] = "true"
    if settings.expose_headers:
        # Send the other names too: with credentials `*` is a plain name, without them a wildcard.
        actual[EXPOSE_HEADERS] = ",".join(settings.expose_headers)
    default = _default_origin(settings, any_origin, policy)
    any_header = None
    if "*" in settings.allow_headers:
        # In Fetch `*` is not a wildcard with credentials, and it never covers Authorization.
        any_header = "" if credentials else ",".join(settings.allow_headers)
    return CompiledSettings(
        log=log,
        guard=guard,
        allows=None if policy is None else policy.allows_origin,
        star=star,
        varies=policy is not None and not (star and settings.always_send),
        no_origin={ALLOW_ORIGIN: default, **actual} if default else {},
        actual=actual,
        max_age=settings.max_age,
        methods=settings.allow_methods,
        any_header=any_header,
        header_names=frozenset(settings.allow_headers),
    )


def _default_origin(settings: Settings, any_origin: bool, policy: Policy | None) -> str | None:
    """Return the origin sent to requests without an Origin, if one is always sent."""
    if not settings.always_send or policy is None:
        return None
    if any_origin:
        # With credentials, `*` would be wrong for every request that uses them.
        return None if settings.supports_credentials else "*"
    written = settings.origins
    one = isinstance(written, str) and "," not in written
    name: str = written if one else settings.server_name
    return name if policy.allows_origin(name) else None


def _entries(
    value: Any, option: str, problems: list[Problem]
) -> tuple[bool, list[str | re.Pattern[str]]]:
    """Return whether any origin is allowed, and the entries if not. Only a str is split."""
    problems += empty_list(option, value)
    if not value or _is_star(value):
        return bool(value), []
    if isinstance(value, str):
        return False, [entry.strip() for entry in value.split(",")]
    if isinstance(value, re.Pattern):
        value = [value]
    if not isinstance(value, list):
        message = f"a {type(value).__name__} allows no origin, as in sanic-ext. Write a list."
        problems.append(Problem("type", option, value, message))
        return False, []
    return False, value


def _is_star(value: Any) -> bool:
    """Return whether origins are "*" (which has no meaning inside a list), or the regex for it."""
    if isinstance(value, list):
        return _ANYTHING in value
    return value in ("*", _ANYTHING)


def names_in(value: Any, spelt: Callable[[str], str] = str.lower) -> tuple[str, ...]:
    """Return the names in a setting: a str with commas, or a list, tuple or set of names."""
    if not value:
        return ()
    if not isinstance(value, (list, set, frozenset, tuple)):
        value = value.split(",")
    elif isinstance(value, (set, frozenset)):
        value = sorted(value)
    return tuple(dict.fromkeys(spelt(name.strip()) for name in value))


def seconds(value: Any) -> str:
    """Return a number of seconds or a timedelta as a field value, "" for no value."""
    if isinstance(value, timedelta):
        return str(int(value.total_seconds()))
    return str(value or "")


# The decorator's name of each setting, and its name in an application's config.
_NAMES = {
    "origin": "CORS_ORIGINS",
    "allow_headers": "CORS_ALLOW_HEADERS",
    "allow_methods": "CORS_METHODS",
    "expose_headers": "CORS_EXPOSE_HEADERS",
    "supports_credentials": "CORS_SUPPORTS_CREDENTIALS",
    "max_age": "CORS_MAX_AGE",
}
CROSS_SITE = "CORS_CROSS_SITE"
_FLAGS = ("CORS_ALWAYS_SEND", "CORS_AUTOMATIC_OPTIONS", "CORS_SEND_WILDCARD")
_KNOWN = (*_NAMES.values(), *_FLAGS, "CORS_VARY_HEADER", CROSS_SITE)


def idle_settings(config: Mapping[str, Any]) -> list[Problem]:
    """Return a problem for each setting in a config that does nothing, or not what it says."""
    unset = [name for name in _KNOWN if config.get(name) is None]
    found = slips(config, _KNOWN, unset)
    found += wrong_flags((name, config.get(name)) for name in _FLAGS)
    given = {name: config[key] for name, key in _NAMES.items() if key in config}
    return found + _idle(given, _NAMES, given.get("supports_credentials"))


def idle_in_route(own: Mapping[str, Any], config: Mapping[str, Any], route: str) -> list[Problem]:
    """Return the same problems for the settings that a route has from the decorator."""
    labels = {name: f"{name} of {route}" for name in _NAMES}
    credentials = own.get("supports_credentials", config.get("CORS_SUPPORTS_CREDENTIALS"))
    return _idle(own, labels, credentials)


def _idle(
    given: Mapping[str, Any], labels: Mapping[str, str], credentials: object
) -> list[Problem]:
    problems: list[Problem] = []
    judges = {
        "allow_headers": wrong_header,
        # Methods are compared in upper case.
        "allow_methods": lambda option, name: wrong_method(option, name.upper()),
        "expose_headers": wrong_exposed_with(bool(credentials)),
    }
    for name, wrong in judges.items():
        names = names_in(given.get(name), str)
        problems += wrong_names(labels[name], filter(None, names) if any(names) else names, wrong)
    flag = "supports_credentials"
    problems += wrong_flags([(labels[flag], given.get(flag))])
    age = given.get("max_age")
    return problems + wrong_seconds(labels["max_age"], age, seconds(age) or None, zero="'0'")


def settings_of(config: Mapping[str, Any], own: Mapping[str, Any]) -> Settings:
    """Return the settings of an application, overridden by those that a route's decorator gives."""

    def value(name: str, key: str, default: Any) -> Any:
        return own[name] if name in own else config.get(key, default)

    return Settings(
        value("origin", "CORS_ORIGINS", ""),
        names_in(value("allow_headers", "CORS_ALLOW_HEADERS", "*")),
        names_in(value("allow_methods", "CORS_METHODS", ""), str.upper),
        # Names of a route are sent as they are written.
        names_in(own["expose_headers"], str)
        if "expose_headers" in own
        else names_in(config.get("CORS_EXPOSE_HEADERS", "")),
        bool(value("supports_credentials", "CORS_SUPPORTS_CREDENTIALS", False)),
        seconds(value("max_age", "CORS_MAX_AGE", 5)),
        bool(config.get("CORS_ALWAYS_SEND", True)),
        # For routes too, this depends on the origins of the application.
        bool(config.get("CORS_SEND_WILDCARD", False)) and _is_star(config.get("CORS_ORIGINS")),
        str(config.get("SERVER_NAME", "") or ""),
        checked(config.get(CROSS_SITE, "allow"), CROSS_SITE),
    )
