"""Show the rows: as tables for a terminal or in Markdown, and as JSON.

Noisy figures are printed with a ``~``. Verdicts on goals are words. Losses are not rounded away.
"""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from .figures import Row, Sampling

SCHEMA = 1
MAX_WIDTH = 100
HEADS = ["", "variant", "cost", "ratio", "goal", ""]
# Columns of words; figures are aligned right.
WORDS = (0, 1, 4, 5)
UNITS = (("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1.0))
LEGEND = (
    "± is half of what the middle half of the rounds spans. ~ marks a noisy figure, one whose"
    " median is not known to a quarter of itself: read it as a guess. F is the cost of len(x),"
    " about the least that a call costs. 1/n is the share of what the original costs, taken round"
    " by round. A scenario's variants show what they add to the application without CORS; a"
    " preflight is answered instead of by the application, so its row is the whole time."
)


class Table(NamedTuple):
    """A table of text: a title, a line for each row, and remarks below."""

    title: str
    lines: list[list[str]]
    remarks: list[str]


def tables(rows: Sequence[Row], samplings: dict[str, Sampling]) -> Iterator[Table]:
    """Yield the tables of these rows, in order."""
    for name in dict.fromkeys(row.table for row in rows):
        sampling = samplings[name]
        lines, before = [], ""
        for row in rows:
            if row.table == name:
                shown = "" if row.name == before else row.name
                before = row.name
                goal = [row.goal_text or "", row.verdict or ""]
                lines.append([shown, row.variant, cost(row), ratio(row), *goal])
        remarks = [f"not the same work: {sampling.note}."] if sampling.note else []
        yield Table(f"{name}: {sampling.about}", lines, [*remarks, counts(sampling)])


def counts(sampling: Sampling) -> str:
    rounds, calls, turns, *_ = sampling
    if not turns:
        return f"{rounds} rounds of up to {calls} calls."
    return (
        f"{rounds} rounds of {turns} requests with CORS and {turns} without, by turns; variants"
        f" that are timed alone have up to {calls} a round."
    )


def cost(row: Row) -> str:
    """Return the figure and its spread: half of the interquartile range."""
    unit, size = "MiB", 2.0**20
    if row.measure != "memory":
        median = abs(row.figure.median)
        unit, size = next((it for it in UNITS if median >= it[1]), UNITS[-1])
    spread = (row.figure.high - row.figure.low) / 2
    median = row.figure.median / size
    digits = 0 if abs(median) >= 100 else 1 if abs(median) >= 10 else 2
    mark = "~" if row.figure.noisy else " "
    return f"{median:.{digits}f} ±{spread / size:.{digits}f} {unit:>2}{mark}"


def ratio(row: Row) -> str:
    """Return the ratio for humans: in F, or 1/25 of the original, or 3.0x for a loss."""
    if row.ratio is None:
        return ""
    median = row.ratio.median
    if not math.isfinite(median):
        return "?"
    if row.of == "len(x)":
        return f"{median:.1f} F"
    return f"1/{1 / median:.1f}" if 0 < median < 1 else f"{median:.2f}x"


def as_text(table: Table) -> Iterator[str]:
    """Yield lines for a terminal."""
    yield from wrapped(table.title)
    columns = zip(HEADS, *table.lines, strict=True)
    widths = [max(map(len, column)) for column in columns]
    for line in (HEADS, *table.lines):
        cells = [
            cell.ljust(width) if i in WORDS else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
    for remark in table.remarks:
        yield from wrapped(remark)


def as_markdown(table: Table) -> Iterator[str]:
    """Yield lines of Markdown."""
    yield from (f"**{table.title}**", "")
    yield f"| {' | '.join(HEADS)} |"
    yield "".join("|---" if i in WORDS else "|---:" for i in range(len(HEADS))) + "|"
    for line in table.lines:
        yield "| " + " | ".join(" ".join(cell.split()) for cell in line) + " |"
    yield ""
    yield from (f"- {remark}" for remark in table.remarks)


def wrapped(text: str) -> list[str]:
    """Return a text in lines of at most MAX_WIDTH, broken between words only."""
    return textwrap.wrap(text, MAX_WIDTH, break_long_words=False, break_on_hyphens=False)


def write_json(path: Path, found: dict[str, Any]) -> None:
    """Write one object, with a line for each field and for all variants of a row."""

    def text(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    head = [f"{text(key)}: {text(value)}" for key, value in found.items() if key != "rows"]
    groups = groupby(found["rows"], key=lambda row: (row["table"], row["name"]))
    rows = ",\n".join(", ".join(map(text, group)) for _, group in groups)
    path.write_text("{\n" + ",\n".join([*head, f'"rows": [\n{rows}\n]']) + "\n}\n", "utf-8")
