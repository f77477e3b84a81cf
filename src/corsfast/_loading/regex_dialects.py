"""Translate regexes from other dialects to Python's `re`.

Only unambiguous syntax is translated. For the rest, Python's own error message is reported, with
the position in the text.

| given                      | read as                    | from                        |
|----------------------------|----------------------------|-----------------------------|
| ``\\z``                     | ``\\Z``                     | Ruby, Go, PCRE              |
| ``(?<name>...)``           | ``(?P<name>...)``          | JavaScript, Ruby, PCRE      |
| ``[[:alnum:]]``            | ``[a-zA-Z0-9]``            | POSIX, Ruby, Go, PCRE       |
| ``^(?i)...``               | ``(?i)^...``               | Go, PCRE                    |
| ``/.../i``                 | ``(?i)...``                | JavaScript, Ruby, Perl, PHP |
| ``r"..."``                 | ``...``                    | Python source               |
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .._proofs.regexes import RegexSyntaxError, compile_quietly

_POSIX = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "lower": "a-z",
    "upper": "A-Z",
    "word": r"\w",
    "xdigit": "0-9a-fA-F",
}
# An origin contains no quotes, and no slash after its host, so these are delimiters.
_QUOTED = re.compile(r"""[rR]?(["'])(?P<text>.*)\1""", re.DOTALL)
_DELIMITED = re.compile(r"/(?P<text>.+)/(?P<flags>[a-z]*)", re.DOTALL)
# These flags have no effect on a single origin: g (all), u (Unicode), m (lines), d, y, v.
_FLAGS = {"i": re.IGNORECASE, "s": re.DOTALL, "x": re.VERBOSE} | dict.fromkeys("gumdyv", 0)
_BARE_SLASH = re.compile(r"(?<!\\)/")
_LATE_FLAGS = re.compile(r"(\^|\\A)(\(\?[aimsx]+\))")


@dataclass(frozen=True)
class Reading:
    """A parsed regex, and how to write another regex in the same dialect."""

    regex: re.Pattern[str]
    ruby_end: bool = False
    delimited: str | None = None

    def write(self, pattern: str) -> str:
        text = pattern.replace(r"\Z", r"\z") if self.ruby_end else pattern
        if self.delimited is None:
            return text
        text = _BARE_SLASH.sub(r"\\/", text)
        return f"/{text}/{self.delimited}"


def read_regex(text: str, flags: int = 0) -> Reading:
    """Read a regex in any dialect that is not ambiguous.

    Raises:
        RegexSyntaxError: with the position, as Python's `re` reports it.
    """
    delimited = None
    if match := _QUOTED.fullmatch(text):
        text = match["text"]
    elif match := _DELIMITED.fullmatch(text):
        text, delimited = match["text"], match["flags"]
        for letter in delimited:
            if letter not in _FLAGS:
                raise RegexSyntaxError(f"unknown flag {letter!r} after the last slash", text, None)
            flags |= _FLAGS[letter]
    python = _LATE_FLAGS.sub(r"\2\1", translate(text), count=1)
    return Reading(compile_quietly(python, flags), r"\z" in _PARTS.findall(text), delimited)


# The parts of a regex to look at: escapes, sets, and the beginnings of named groups.
_PARTS = re.compile(r"\\.|\[\^?\]?(?:\[:\w+:\]|\\.|[^\]\\])*\]|\(\?<(?![=!])|.", re.DOTALL)
_CLASS = re.compile(r"\[:(\w+):\]")


def translate(text: str) -> str:
    """Translate a regex to the syntax of Python's `re`."""
    return "".join(map(_translate_part, _PARTS.findall(text)))


def _translate_part(part: str) -> str:
    if part == r"\z":
        return r"\Z"
    if part == "(?<":
        return "(?P<"
    if part[0] == "[" and len(part) > 1:
        return part[0] + _CLASS.sub(lambda match: _POSIX.get(match[1], match[0]), part[1:])
    return part
