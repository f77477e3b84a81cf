"""How flask-cors reads a string: as a regex, or to the letter.

A string that holds one of ``* \\ ] ? $ ^ [ ( )`` is a regular expression, anything else is
literal; ``"*"`` is everything. So it reads origins, header names and paths.

Place in the flow: left of _flask_paths.py and _flask_rules.py; start-up only.
Never: match anything.
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
    """The same entry, but that ``*`` is a regex that matches everything."""
    return EVERYTHING if isinstance(entry, str) and entry == "*" else entry


def is_regex(text: str) -> bool:
    return not _REGEX_CHARACTERS.isdisjoint(text)


def resolved(entry: Any, flags: int = 0) -> Pattern:
    """A compiled regex, or a literal."""
    if isinstance(entry, re.Pattern):
        return entry
    text = str(entry)
    if not is_regex(text):
        return text
    try:
        return re.compile(text, flags)
    except re.error as error:
        raise ValueError(f"{text!r} holds characters of a regex, but is none: {error}") from error
