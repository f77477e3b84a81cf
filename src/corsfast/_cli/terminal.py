"""Print a Report for people: one block per entry, problems first, a summary last.

    allow_origins: https://*.example.com.evil.example   (policy.toml:3; regex, fullmatch)
      One sentence about the problem.
        allows: https://attacker.example
        write:  'https://*.example.com'
        [code]

A line that a user may copy is never wrapped. Escape sequences in an entry are not printed as such,
because an entry must not control the terminal.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from itertools import groupby

from .._explain.explanation import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from .check.report import Finding, Report

# Longer lines are hard to read, even on a wide terminal.
MAX_WIDTH = 100
MIN_WIDTH = 40

# The file and the line of a place, if the line is known.
_LINE = re.compile(r".+?:[0-9]+(?=: )")

BOLD, DIM, RED, GREEN, YELLOW = "1", "2", "31", "32", "33"


class Style:
    """The maximum width of lines, and whether to use colors."""

    def __init__(self, width: int, colors: bool) -> None:
        self.width = max(MIN_WIDTH, min(width, MAX_WIDTH))
        self.colors = colors

    @classmethod
    def of(cls, stream: TextIO) -> Style:
        """Return the style for a stream: colors on a terminal only, and never with NO_COLOR.

        https://no-color.org
        """
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return cls(shutil.get_terminal_size().columns, stream.isatty() and not plain)

    def paint(self, text: str, *codes: str) -> str:
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if self.colors else text

    def sentence(self, text: str, indent: str, hanging: str | None = None) -> str:
        """Wrap text between words only, so that quoted values stay whole."""
        return textwrap.fill(
            text,
            self.width,
            initial_indent=indent,
            subsequent_indent=indent if hanging is None else hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )


def print_text(text: str) -> None:
    """Print a text that may contain characters that the terminal's encoding lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


def print_error(command: str, error: Exception) -> None:
    lines = map(printable, str(error).split("\n"))
    print(f"corsfast {command}: " + "\n".join(lines), file=sys.stderr)


def as_text(report: Report, style: Style) -> str:
    blocks = [style.paint(printable(f"corsfast check: {report.source}"), BOLD)]
    blocks += _blocks(report.problems, style, RED)
    if report.warnings:
        blocks.append(style.paint("Warnings", BOLD, YELLOW))
        blocks += _blocks(report.warnings, style, YELLOW)
    blocks.append(_summary(report, style))
    return "\n\n".join(blocks)


def _blocks(findings: list[Finding], style: Style, color: str) -> Iterator[str]:
    order = {_entry(finding): place for place, finding in reversed(list(enumerate(findings)))}
    for _, group in groupby(sorted(findings, key=lambda f: order[_entry(f)]), key=_entry):
        found = list(group)
        lines = [_head(found[0], style, color)]
        written = None
        for finding in found:
            # Print a suggestion once if it fixes several problems.
            lines += _lines(finding, style, again=finding.write == written)
            written = finding.write
        yield "\n".join(lines)


def _entry(finding: Finding) -> tuple[str, str]:
    return finding.option, finding.entry


def _head(finding: Finding, style: Style, color: str) -> str:
    head = style.paint(printable(finding.option), BOLD, color)
    if finding.entry:
        head += f": {style.paint(printable(finding.entry), BOLD)}"
    line = _LINE.match(finding.place)
    more = [line[0]] if line else []
    more += [f"regex, {finding.how}"] if finding.how else []
    return head + (style.paint(printable(f"   ({'; '.join(more)})"), DIM) if more else "")


def _lines(finding: Finding, style: Style, *, again: bool) -> Iterator[str]:
    yield style.sentence(printable(finding.message), "  ")
    if finding.example is not None:
        yield f"    allows: {style.paint(printable(finding.example), RED)}"
    if finding.write is not None and not again:
        yield f"    write:  {style.paint(printable(finding.write), GREEN)}"
    if finding.about is not None:
        yield style.sentence(finding.about, "    about:  ", " " * 12)
    yield f"    {style.paint(f'[{finding.code}]', DIM)}"


def _summary(report: Report, style: Style) -> str:
    more = f", {count(len(report.warnings), 'warning')}" if report.warnings else ""
    if not report.problems:
        text = f"no problems: {count(report.entries, 'entry')}"
        return style.paint(text, BOLD, GREEN) + more
    text = f"{count(len(report.problems), 'problem')} in {report.affected} of "
    text += count(max(report.entries, report.affected), "entry")
    return style.paint(text, BOLD, RED) + more


def count(number: int, noun: str) -> str:
    """Return a number with its noun."""
    plural = noun.removesuffix("y") + "ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"
