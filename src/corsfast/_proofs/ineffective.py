"""Find options that have no effect, or another effect than their author expects.

For drop-ins and `check`. These problems are warnings in a drop-in, because the library that it
replaces accepts the options. Messages use the wording of :mod:`corsfast._options.spec`.
"""

from __future__ import annotations

import re
from functools import partial
from re import _constants  # type: ignore[attr-defined]

from .._options import fetch
from .._options.spec import (
    Spec,
    flag_meant,
    with_right_hint,
    wrong_exposed,
    wrong_max_age,
    wrong_method,
)
from ..errors import Problem
from .regexes import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    Wrong = Callable[[str, str], Problem | None]

BARE_STRING = "bare-string"
NOT_A_BOOL = "not-a-bool"
UNKNOWN_OPTION = "unknown-option"


# -- names of methods and headers ------------------------------------------------------------


def wrong_exact_method(option: str, method: str) -> Problem | None:
    """Return a problem if a method does not equal the bytes that a browser sends."""
    problem = wrong_method(option, method)
    upper = method.upper()
    if problem is None and method != upper and upper in fetch.NORMALIZED_METHODS:
        message = f"{method!r}: methods compare byte for byte, and browsers send {upper!r}."
        return Problem("method-case", option, method, message, hint=repr(upper))
    return problem


def wrong_exposed_with(credentials: bool) -> Wrong:
    """Return the check for response-header names, with or without credentials."""
    return partial(wrong_exposed, credentials=credentials)


def never_compared(wrong: Wrong, message: str, hint: str) -> Wrong:
    """Return a check that also rejects ``"*"``, which is not a wildcard in such a list."""

    def judge(option: str, name: str) -> Problem | None:
        if name == "*":
            return Problem("literal-star", option, name, message, hint=hint)
        return wrong(option, name)

    return judge


def wrong_names(option: str, entries: Iterable[object], wrong: Wrong) -> list[Problem]:
    """Return the problems of the entries of a list; each hint is a valid entry."""
    problems = []
    for entry in entries:
        if not isinstance(entry, str):
            message = f"{entry!r} is of type {type(entry).__name__} and matches nothing."
            text = entry.decode("latin-1") if isinstance(entry, bytes) else None
            hint = None if text is None else repr(text)
            problem: Problem | None = Problem("type", option, entry, message, hint=hint)
        else:
            problem = wrong(option, str.__str__(entry))
        if problem is not None:
            problems.append(with_right_hint(problem, wrong))
    return problems


def listed(text: str | bytes) -> list[str]:
    """Split a string that was given in place of a list into its names."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    return text.replace(",", " ").split()


def bare_string(
    option: str, value: str | bytes, hint: str | None, *, others: str, read: str = "the list"
) -> Problem:
    """Return the problem of a string that was given in place of a list.

    Args:
        others: how other libraries treat it.
        read: how corsfast reads it.
    """
    message = (
        f"{value!r} is a string where a list is expected; other libraries {others}. It is read as"
        f" {read}."
    )
    return Problem(BARE_STRING, option, value, message, hint=hint)


# -- flags and numbers -----------------------------------------------------------------------


def wrong_flags(options: Iterable[tuple[str, object]], counts: bool = True) -> list[Problem]:
    """Return a problem for each flag that is not a bool, for example ``"false"``, which is true.

    ``None``, 0 and 1 are accepted as flags.

    Args:
        options: names and values.
        counts: whether a value that is not empty counts as true.
    """
    problems = []
    for option, value in options:
        if value is None or (not isinstance(value, str) and value in (0, 1)):
            continue
        counted = counts and bool(value)
        message = f"{value!r} is of type {type(value).__name__}, not bool, and counts as {counted}."
        problems.append(Problem(NOT_A_BOOL, option, value, message, hint=flag_meant(value)))
    return problems


def wrong_seconds(option: str, value: object, sent: str | None, zero: str = "0") -> list[Problem]:
    """Return the problems of an Access-Control-Max-Age, as it is sent.

    Args:
        sent: the value of the field; ``None`` if it is not sent.
        zero: the value of the option that sends 0.
    """
    if sent is None:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value:
            return []
        message = f"{value!r} is not sent, so browsers remember a preflight for 5 seconds."
        return [Problem("not-sent", option, value, message, hint=zero)]
    # https://fetch.spec.whatwg.org/#http-access-control-max-age: delta-seconds = 1*DIGIT
    problem = wrong_max_age(option, int(sent) if re.fullmatch("[0-9]{1,18}", sent) else value)
    if value is None:
        problem = Problem("type", option, None, "", hint="5 (what browsers assume without one)")
    if problem is None:
        return []
    message = problem.message
    if problem.code == "type":
        message = f"{value!r} is sent as {sent!r}, which browsers do not read as seconds."
    hint = f"{zero} (do not cache)" if (problem.hint or "")[:2] == "0 " else problem.hint
    return [Problem(problem.code, option, value, message, hint=hint)]


# -- origins ---------------------------------------------------------------------------------


def beside_any_origin(option: str, others: Iterable[object]) -> Problem:
    """Return the problem that a list holds ``"*"`` and other entries."""
    shown = ", ".join(repr(getattr(other, "pattern", other)) for other in others)
    return Problem(
        "any-origin-beside-others",
        option,
        "*",
        f"'*' allows every origin, so {shown} has no effect.",
        hint="either '*' alone or the list without it",
    )


# -- paths -----------------------------------------------------------------------------------


def path_problems(option: str, pattern: str | re.Pattern[str]) -> list[Problem]:
    """Return a problem for a pattern that matches no path, because it begins without a slash.

    Args:
        pattern: a literal path, or a regex that has to match the beginning of a path.
    """
    text = pattern if isinstance(pattern, str) else pattern.pattern
    try:
        regex = re.compile(text) if isinstance(pattern, str) else pattern
        unmatchable = not text or _never_begins(list(parse(text, regex.flags)), "/")
    except (re.error, OverflowError):
        return []  # reported elsewhere
    if not unmatchable or not text:
        return []
    anchor = "^" if text[0] == "^" else ""
    slashed = f"{anchor}/{text.removeprefix('^')}"
    hint = None if "://" in text or "|" in text or text[:2] == r"\A" else in_source(slashed)
    message = f"{text!r} matches no path, because each path begins with a slash."
    return [Problem("unmatchable-path", option, pattern, message, hint=hint)]


def in_source(text: str) -> str:
    """Write a regex or path as Python source."""
    return f'r"{text}"' if "\\" in text and '"' not in text else repr(text)


def _never_begins(items: list[Any], first: str) -> bool:
    """Return whether every match of a parsed regex begins with another character."""
    for op, argument in items:
        if op is _constants.AT:
            continue
        if op is _constants.LITERAL:
            return bool(argument != ord(first))
        if op is _constants.SUBPATTERN:
            return _never_begins(list(argument[3]), first)
        if op is _constants.BRANCH:
            return all(_never_begins(list(branch), first) for branch in argument[1])
        return False
    return False


# -- names of options ------------------------------------------------------------------------

# The names of the same option in different libraries, without their prefixes.
_ORIGINS = (
    "origin origins allow_origin allow_origins allowed_origin allowed_origins origin_whitelist"
    " origins_whitelist whitelist allow_list origin_list access_control_allow_origin"
)
_REGEXES = (
    "origin_regex origin_regexes origins_regex allow_origin_regex allow_origin_regexes"
    " allow_origins_regex allowed_origin_regex allowed_origin_regexes allowed_origins_regex"
    " allowed_origins_regexes origin_regex_whitelist"
)
_ALL = (
    "all_origins allow_all allow_any_origin allow_all_origin allow_all_origins"
    " allowed_all_origins origin_allow_all origins_allow_all"
)
_CREDENTIALS = (
    "credentials allow_credential allow_credentials allowed_credentials supports_credentials"
    " support_credentials supports_credential with_credentials"
)
_SAME = [
    frozenset(names.split())
    for names in (
        _ORIGINS,
        _REGEXES,
        _ALL,
        # Some libraries have one option for all of these.
        f"{_ORIGINS} {_REGEXES} {_ALL}",
        "method methods allow_method allow_methods allowed_method allowed_methods",
        "header headers allow_header allow_headers allowed_header allowed_headers",
        "expose_header expose_headers exposed_header exposed_headers expose exposed",
        _CREDENTIALS,
        "max_age maxage preflight_max_age preflight_maxage max_age_seconds",
        "path paths resource resources urls_regex url_regex urls_regexes path_regex",
        "send_wildcard send_origin_wildcard origins_send_wildcard",
        "private_network allow_private_network allow_private_networks",
        "preflight_status options_success_status",
        "dangerously_tolerate tolerate",
    )
]
_PREFIX = re.compile("(?:(?:flask|quart|sanic|django)_)?cors_")


def _bare(name: str) -> str:
    """Return an option's name without its prefix, in lower case, with underscores."""
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])|[-\s.]", "_", name)
    return _PREFIX.sub("", snake.lower(), count=1)


def meant(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known option that an unknown name most likely meant, or ``None``."""
    by_bare = {_bare(option): option for option in known}
    bare = _bare(name)
    if bare in by_bare:
        return by_bare[bare]
    for names in _SAME:
        if bare in names:
            for other, option in by_bare.items():
                if other in names:
                    return option
    from difflib import get_close_matches

    close = get_close_matches(bare, by_bare, 1, cutoff)
    return by_bare[close[0]] if close else None


# The consequence of a misspelled setting for the allowed origins.
OPEN = ": every origin is allowed"

# A name in the settings of an application, or in the environment, may belong to the application
# or to other software. A name at least this similar is a slip.
SLIP = 0.8


def slips(
    settings: Iterable[object],
    known: Iterable[str],
    unset: Iterable[str],
    opens: Iterable[str] = (),
) -> list[Problem]:
    """Return a problem for each unknown setting that looks like a misspelled, unset one.

    Args:
        settings: all names that an application has set.
        known: the names of the settings that count.
        unset: the known names that are not set.
        opens: the unset names without which every origin is allowed.
    """
    known, unset, opens = list(known), set(unset), set(opens)
    problems = []
    for name in settings:
        if not isinstance(name, str) or name in known or not _PREFIX.match(name.lower()):
            continue
        option = meant(name, known, SLIP)
        if option in unset:
            problems.append(unknown_option(name, None, option, OPEN if option in opens else ""))
    return problems


def unknown_option(name: str, value: object, option: str | None, more: str = "") -> Problem:
    """Return the problem of an unknown option; `option` is the name that was most likely meant."""
    message = f"there is no such option, so it has no effect{more}."
    return Problem(UNKNOWN_OPTION, name, value, message, hint=option)


# What to do with options of other libraries that have no counterpart in `Policy`.
FOREIGN_OPTIONS = {
    "allow_origin_regex": "put re.compile(...) into allow_origins",
    "allow_private_network": "browsers have withdrawn it; leave it out",
    "block_refused": "write cross_site='refuse' as an argument of the middleware",
    "cross_site": "it is an argument of the middleware; write CORSMiddleware(cross_site=...)",
    "automatic_options": "preflights are always answered; leave it out",
    "send_wildcard": "'*' is sent as '*' without credentials; leave it out",
    "vary_header": "Vary is sent where it is needed; leave it out",
    "websockets": "it is for the CORSMiddleware of corsfast.middleware.asgi only",
}


def wrong_options(unknown: Mapping[str, object], positional: tuple[object, ...] = ()) -> str:
    """Return the message for arguments of `Policy` that are unknown, positional or missing."""
    if positional:
        return "Policy() takes keyword arguments only; write Policy(allow_origins=[...])"
    if not unknown:
        return "Policy() needs allow_origins, a list of origins or '*'"
    if len(unknown) == 1:
        return f"Policy() has no option {_with_advice(*unknown)}"
    lines = [f"  {i}. {_with_advice(name)}" for i, name in enumerate(unknown, 1)]
    return "\n".join(["Policy() has no such options:", *lines])


def _with_advice(name: str) -> str:
    advice = FOREIGN_OPTIONS.get(name)
    if advice is None and (option := meant(name, Spec.OPTIONS)):
        advice = f"write {option}"
    return repr(name) + (f"; {advice}" if advice else "")
