"""Annotations of GitHub Actions: a message at a line of a pull request.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import re

from .._explain.explanation import printable
from .terminal import count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .check.report import Report

# The place of an option or entry as `Written.placed` names it: FILE:LINE: KEY.
_PLACE = re.compile(r"(?P<file>.+?)(?::(?P<line>[0-9]+): .*|: [^:]*)")


def annotation(level: str, title: str, text: str, place: str) -> str:
    """Return a workflow command; `place` may also be a name that is not in a file."""
    match = _PLACE.fullmatch(place)
    known = {} if match is None else match.groupdict()
    properties = {name: value for name, value in known.items() if value} | {"title": title}
    listed = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in properties.items())
    return f"::{level} {listed}::{_escaped(text)}"


def unreadable(message: str) -> str:
    """Return an error at the line that a message of `UnreadableError` begins with, if any."""
    place = message.partition("\n")[0] if re.match(r".+?:[0-9]+: ", message) else ""
    return annotation("error", "CORS: unreadable", message, place)


def findings(report: Report) -> Iterator[str]:
    """Yield an error for each problem of a check, and a warning for each of its warnings."""
    for level, listed in (("error", report.problems), ("warning", report.warnings)):
        for each in listed:
            text = ": ".join(filter(None, (each.option, each.entry, each.message)))
            text += f" Allows: {each.example}." if each.example is not None else ""
            text += f" Write: {each.write}" if each.write is not None else ""
            text += f" {each.about}" if each.about is not None else ""
            yield annotation(level, f"CORS: {each.code}", text, each.place)
    counts = count(len(report.problems), "problem"), count(len(report.warnings), "warning")
    yield f"corsfast check: {', '.join(counts)}"


def _escaped(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return printable(text)
