"""Read and compile the CORS_* settings, once until they change.

Reading one setting costs as much as deciding a hundred requests, so none is read per request.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.http import BadHeaderError, HttpResponse

from ..._engine.headers import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    EXPOSE_HEADERS,
    MAX_AGE,
)
from ..._engine.select import Policy
from ..._engine.tables import empty_list, warn
from ..._options.origin import is_origin
from ..._options.suggestions import suggest_networks, suggestions_for
from ..._proofs.dialect import Dialect
from ..._proofs.ineffective import bare_string
from ..._proofs.ineffective_django import BY_CHARACTER, OLD_NAMES, idle_settings, names_in
from ...errors import Problem
from .._dropin.messages import Unreadable, regex_from
from .._dropin.non_web_origins import FILE
from .._dropin.policy import lenient_tables
from .._generic.cross_site import CrossSiteGuard, checked, guard_of
from .._generic.refused_log import RefusedLog
from ._compat import settings_object
from .defaults import default_headers, default_methods

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._compat import Fields

NAME = "corsfast.middleware.django"

ALL_ORIGINS = "CORS_ALLOW_ALL_ORIGINS"
ORIGINS = "CORS_ALLOWED_ORIGINS"
REGEXES = "CORS_ALLOWED_ORIGIN_REGEXES"

DEFAULTS: dict[str, Any] = {
    ORIGINS: (),
    REGEXES: (),
    ALL_ORIGINS: False,
    "CORS_ALLOW_CREDENTIALS": False,
    "CORS_ALLOW_HEADERS": default_headers,
    "CORS_ALLOW_METHODS": default_methods,
    "CORS_ALLOW_PRIVATE_NETWORK": False,
    "CORS_CROSS_SITE": "allow",
    "CORS_EXPOSE_HEADERS": (),
    "CORS_PREFLIGHT_MAX_AGE": 86400,
    "CORS_STRICT": False,
    "CORS_URLS_REGEX": r"^.*$",
}

# Enough for the states of the settings that a project's tests alternate between.
_POLICIES_KEPT = 64


def name_in_use(name: str) -> str:
    """Return the newer name of a setting, or the older one if only that is set."""
    old = OLD_NAMES.get(name, name)
    return old if hasattr(settings, old) and not hasattr(settings, name) else name


def read(name: str) -> Any:
    """Return the value of a setting under either of its names, or its default."""
    return getattr(settings, name_in_use(name), DEFAULTS[name])


class CompiledSettings(NamedTuple):
    """The compiled settings."""

    covers: Callable[[str], object]  # (path) -> match, for CORS_URLS_REGEX
    allows: Callable[[str], bool]  # for an Origin that is not empty
    star: bool  # whether `*` is sent instead of the origin
    credentials: bool
    private_network: bool
    fields: Fields  # those after Access-Control-Allow-Origin
    options_fields: Fields  # the same for OPTIONS requests
    warnings: tuple[tuple[str, type[Warning]], ...]
    log: RefusedLog
    guard: CrossSiteGuard | None


# The compiled settings, with the object that they were read from. A change replaces the dict, so
# that a thread that is still compiling stores its older result where no request looks.
_cache: dict[str, tuple[object, CompiledSettings]] = {}


def current_settings(*, warn_again: bool = False) -> CompiledSettings:
    """Return the compiled settings, and compile them if they changed.

    `override_settings`, `self.settings(...)` and pytest-django's `settings` send a signal. They
    also replace the object that holds the settings. Only the latter tells that a setting was
    deleted (`with override_settings(): del settings.CORS_STRICT`).

    Args:
        warn_again: whether to emit the warnings even if the settings did not change.
    """
    cache, source = _cache, settings_object()
    latest = cache.get("latest")
    if latest is None or latest[0] is not source:
        latest = source, compile_settings()
        warn_again = True
    if warn_again:
        for warning in latest[1].warnings:
            warn(*warning)
        cache["latest"] = latest
    return latest[1]


def _forget(*, setting: str, **_: object) -> None:
    global _cache  # noqa: PLW0603
    if setting.startswith("CORS_"):
        _cache = {}


setting_changed.connect(_forget, dispatch_uid=NAME)


# -- compiling -------------------------------------------------------------------------------


def compile_settings() -> CompiledSettings:
    """Read all settings and compile them, without emitting the warnings.

    Raises:
        ImproperlyConfigured: for settings that cannot be read.
        PolicyError: for a wrong CORS_CROSS_SITE; with CORS_STRICT, for origins that are insecure
            or match nothing.
    """
    try:
        return _compile()
    except (TypeError, AttributeError, re.error, BadHeaderError) as error:
        raise ImproperlyConfigured(
            f"the CORS_* settings cannot be read ({error}); `manage.py check` says which one,"
            f" with {NAME!r} in INSTALLED_APPS"
        ) from error


def _compile() -> CompiledSettings:
    credentials = bool(read("CORS_ALLOW_CREDENTIALS"))
    allowed = read_allowed_origins()
    policy, warnings = policy_for(allowed, credentials, bool(read("CORS_STRICT")))
    star = allowed.any_origin and not credentials
    allows: Callable[[str], bool] = bool if star else policy.allows_origin
    if not star and (allowed.any_origin or FILE in allowed.origins):
        allows = lambda origin: policy.allows_origin(origin) or origin == FILE  # noqa: E731
    fields = {}
    if credentials:
        fields[ALLOW_CREDENTIALS] = "true"
    exposed = names_in(read("CORS_EXPOSE_HEADERS"))
    if len(exposed):
        fields[EXPOSE_HEADERS] = ", ".join(exposed)
    options_fields = {
        **fields,
        ALLOW_HEADERS: ", ".join(names_in(read("CORS_ALLOW_HEADERS"))),
        ALLOW_METHODS: ", ".join(names_in(read("CORS_ALLOW_METHODS"))),
    }
    max_age = read("CORS_PREFLIGHT_MAX_AGE")
    if max_age:
        options_fields[MAX_AGE] = str(max_age)
    log = RefusedLog(policy)
    return CompiledSettings(
        covers=_matcher(re.compile(read("CORS_URLS_REGEX"))),
        allows=allows,
        star=star,
        credentials=credentials,
        private_network=bool(read("CORS_ALLOW_PRIVATE_NETWORK")),
        fields=_as_stored(fields),
        options_fields=_as_stored(options_fields),
        warnings=warnings,
        log=log,
        guard=guard_of(policy, log, checked(read("CORS_CROSS_SITE"), "CORS_CROSS_SITE")),
    )


def _matcher(regex: re.Pattern[str]) -> Callable[[str], object]:
    """Return the `match` of a regex, or a faster function with the same results."""
    match = regex.match
    if regex.pattern not in ("^.*$", "^.*", ".*", ""):
        return match
    return lambda path: "\n" not in path or match(path)


def _as_stored(fields: dict[str, str]) -> Fields:
    """Return fields as a response stores them; Django encodes values that are not ASCII."""
    headers = HttpResponse(headers=fields).headers
    return {name: (name, headers[name]) for name in fields}


class AllowedOrigins(NamedTuple):
    """The values of the origin settings. Two of them are equal if the settings are equal."""

    names: tuple[str, str, str]  # in use, maybe older: of all origins, listed origins, regexes
    any_origin: bool  # True => the other settings are not read
    origins: tuple[str, ...] = ()
    regexes: tuple[re.Pattern[str] | Unreadable, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_allowed_origins() -> AllowedOrigins:
    """Read the origin settings. A str is read as a list of one entry."""
    names = (name_in_use(ALL_ORIGINS), name_in_use(ORIGINS), name_in_use(REGEXES))
    idle = idle_settings(
        {name: getattr(settings, name) for name in dir(settings) if "CORS" in name.upper()}
    )
    if read(ALL_ORIGINS):
        return AllowedOrigins(names, any_origin=True, problems=tuple(idle))
    _, for_some, for_regexes = names
    origins, problems = _read_list(for_some, read(ORIGINS))
    regexes, more = _read_list(for_regexes, read(REGEXES))
    for entry in origins:
        if not isinstance(entry, str):
            meant = ", ".join(map(repr, suggestions_for(entry)))
            advice = f"; write {meant}" if meant else ""
            if isinstance(entry, re.Pattern):
                advice = f"; a regex belongs in {for_regexes}"
            kind = type(entry).__name__
            raise TypeError(f"{for_some}: an origin is a str, not {kind}{advice}")
    compiled = tuple(_compiled(for_regexes, entry) for entry in regexes)
    if not compiled:
        problems += empty_list(for_some, read(ORIGINS))
    return AllowedOrigins(names, False, tuple(origins), compiled, (*problems, *more, *idle))


def _compiled(setting: str, entry: Any) -> re.Pattern[str] | Unreadable:
    if not isinstance(getattr(entry, "pattern", entry), str):
        raise TypeError(f"{setting}: {entry!r} is not a regex of str")
    return regex_from(setting, entry)


def _read_list(setting: str, value: Any) -> tuple[Any, list[Problem]]:
    if not isinstance(value, str):
        if not hasattr(value, "__iter__"):
            kind = type(value).__name__
            raise TypeError(f"{setting} is a list of strings, not {kind}; write {setting} = [...]")
        return value, []
    hint = repr([value] if value else [])
    problem = bare_string(setting, value, hint, others=BY_CHARACTER, read="a list of one")
    return [value], [problem]


@lru_cache(_POLICIES_KEPT)
def policy_for(
    allowed: AllowedOrigins, credentials: bool, strict: bool
) -> tuple[Policy, tuple[tuple[str, type[Warning]], ...]]:
    """Return the policy of these settings, and its warnings. The result is cached."""
    warnings: list[tuple[str, type[Warning]]] = []
    (for_all, for_some, for_regexes), any_origin, origins, regexes, found = allowed
    problems = [*found]
    exact = []
    for entry in origins:
        origin = _serialized(entry)
        if origin == "*":
            message = "'*' matches nothing as an entry of this list."
            hint = f"{ALL_ORIGINS} = True"
            problems.append(Problem("any-origin-as-entry", for_some, entry, message, hint=hint))
        elif origin != FILE:
            exact.append(origin)
    listed: dict[str, list[Any]] = {for_some: [*exact], for_regexes: [*regexes]}
    if any_origin:
        listed = {for_all: ["*"]}
    tables = lenient_tables(
        NAME,
        listed,
        credentials=credentials,
        strict=strict,
        also=problems,
        dialect=Dialect(any_origin=f"{for_all} = True", regex=f"{{}} in {for_regexes}"),
        tell=lambda *warning: warnings.append(warning),
    )
    return Policy._from_tables(tables), tuple(warnings)


def _serialized(entry: str) -> str:
    """Return an entry as a serialized origin, if it has the scheme and host of one.

    A path is ignored, because the check E014 reports it, unless the entry is a network.
    """
    try:
        url = urlsplit(entry)
    except ValueError:
        return entry
    if "/" in url.path and suggest_networks(entry):
        return entry
    origin = f"{url.scheme}://{url.netloc}"
    return origin if origin == FILE or is_origin(origin) else entry
