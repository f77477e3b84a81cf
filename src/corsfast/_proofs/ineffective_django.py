"""Find CORS_* settings of django-cors-headers without effect, or with an unexpected one.

The Django drop-in and `check` use this module, so it imports no Django.
"""

from __future__ import annotations

import re

from .._options.spec import wrong_header
from ..errors import Problem
from .ineffective import (
    bare_string,
    listed,
    never_compared,
    path_problems,
    slips,
    wrong_exact_method,
    wrong_exposed_with,
    wrong_flags,
    wrong_names,
    wrong_seconds,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from .ineffective import Wrong

# Settings that also have an older name, which counts if the newer one is missing.
OLD_NAMES = {
    "CORS_ALLOWED_ORIGINS": "CORS_ORIGIN_WHITELIST",
    "CORS_ALLOWED_ORIGIN_REGEXES": "CORS_ORIGIN_REGEX_WHITELIST",
    "CORS_ALLOW_ALL_ORIGINS": "CORS_ORIGIN_ALLOW_ALL",
}
KNOWN = (
    *OLD_NAMES,
    *OLD_NAMES.values(),
    "CORS_ALLOW_CREDENTIALS",
    "CORS_ALLOW_HEADERS",
    "CORS_ALLOW_METHODS",
    "CORS_ALLOW_PRIVATE_NETWORK",
    "CORS_CROSS_SITE",
    "CORS_EXPOSE_HEADERS",
    "CORS_PREFLIGHT_MAX_AGE",
    "CORS_STRICT",
    "CORS_URLS_REGEX",
)
# django-cors-headers reports under these numbers that the settings were removed.
REMOVED = {"CORS_MODEL": "E012", "CORS_REPLACE_HTTPS_REFERER": "E013"}

_FLAGS = (
    "CORS_ALLOW_ALL_ORIGINS",
    "CORS_ORIGIN_ALLOW_ALL",
    "CORS_ALLOW_CREDENTIALS",
    "CORS_ALLOW_PRIVATE_NETWORK",
    "CORS_STRICT",
)
# How other libraries treat a string that was given in place of a list.
BY_CHARACTER = "read each of its characters as an entry"

_STAR = "'*' is not a wildcard to browsers if credentials are allowed."


def idle_settings(found: Mapping[str, Any]) -> list[Problem]:
    """Return the problems of settings that have no effect, given all settings by name."""
    credentials = bool(found.get("CORS_ALLOW_CREDENTIALS"))
    headers: Wrong = wrong_header
    methods: Wrong = wrong_exact_method
    if credentials:
        headers = never_compared(headers, _STAR, "the names, one by one")
        methods = never_compared(methods, _STAR, "the methods, one by one")
    problems = _beside_all(found, credentials)
    for name, wrong in (
        ("CORS_ALLOW_HEADERS", headers),
        ("CORS_ALLOW_METHODS", methods),
        ("CORS_EXPOSE_HEADERS", wrong_exposed_with(credentials)),
    ):
        problems += _wrong_list(name, found.get(name, ()), wrong)
    problems += wrong_flags((name, found.get(name)) for name in _FLAGS)
    age = found.get("CORS_PREFLIGHT_MAX_AGE")
    if age:  # any other value is not sent, as the documentation of the library says
        problems += wrong_seconds("CORS_PREFLIGHT_MAX_AGE", age, str(age))
    paths = found.get("CORS_URLS_REGEX")
    if isinstance(paths, (str, re.Pattern)):
        problems += path_problems("CORS_URLS_REGEX", paths)
    older = {old: new for new, old in OLD_NAMES.items()}
    set_now = {older.get(name, name) for name in found}
    unset = [name for name in KNOWN if older.get(name, name) not in set_now]
    return problems + slips((n for n in found if n not in REMOVED), KNOWN, unset)


def names_in(value: Any) -> Any:
    """Return the names in a setting, which may be one str in place of a list."""
    return listed(value) if isinstance(value, (str, bytes)) else value


def _wrong_list(name: str, value: Any, wrong: Wrong) -> list[Problem]:
    if not hasattr(value, "__iter__"):
        return []  # an error, not a warning
    entries: Iterable[Any] = names_in(value)
    if isinstance(value, (set, frozenset)):
        entries = sorted(value, key=repr)
    problems = wrong_names(name, entries, wrong)
    if isinstance(value, (str, bytes)) and value not in ("*", ""):
        right = [entry for entry in entries if not wrong_names(name, [entry], wrong)]
        hint = repr(right) if right else None
        problems.insert(0, bare_string(name, value, hint, others=BY_CHARACTER))
    return problems


def _beside_all(found: Mapping[str, Any], credentials: bool) -> list[Problem]:
    """Return the lists that have no effect because all origins are allowed without credentials.

    With credentials it is a risk, which risks.py reports.
    """
    every = "CORS_ALLOW_ALL_ORIGINS"
    name = every if every in found else OLD_NAMES[every]
    if credentials or not found.get(name):
        return []
    problems = []
    for new in ("CORS_ALLOWED_ORIGINS", "CORS_ALLOWED_ORIGIN_REGEXES"):
        other = new if new in found else OLD_NAMES[new]
        if found.get(other):
            message = f"it has no effect with {name} = True, which allows every origin."
            hint = f"either {name} = False, or no {other}"
            problems.append(Problem("any-origin-beside-others", other, None, message, hint=hint))
    return problems
