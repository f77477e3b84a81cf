"""Read a string as flask-cors does: as a regex or as a literal.

A string with one of ``* \\ ] ? $ ^ [ ( )`` is a regular expression, and any other string is a
literal. ``"*"`` matches everything. flask-cors reads origins, header names and paths this way.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Pattern = str | re.Pattern[str]

EVERYTHING = ".*"

_REGEX_CHARACTERS = frozenset("*\\]?$^[]()")


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
        raise ValueError(f"{text!r} holds characters of a regex, but is none: {error}") from error
