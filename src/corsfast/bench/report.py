"""Show the rows: as tables for a terminal or in Markdown, and as JSON.

Noisy figures are printed with a ``~``. Verdicts on goals are words. Losses are not rounded away.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from . import decisions
from .measure import REQUESTS, Figure
from .rows import Made, Row

SCHEMA = 1

# Longer lines are hard to read, even on a wide terminal.
MAX_WIDTH = 100

# The heads of columns that hold words: the goal, and its verdict.
WORDS = ("goal", "")


class Table(NamedTuple):
    """A table of text: a title, the heads of the columns, the lines, and remarks below."""

    title: str
    heads: list[str]
    lines: list[list[str]]
    remarks: list[str]


def tables(rows: Sequence[Row], made: dict[str, Made]) -> Iterator[Table]:
    """Yield the tables of these rows, in order. `made` says how each table was made."""
    for name in dict.fromkeys(row.table for row in rows):
        mine = [row for row in rows if row.table == name]
        if name == decisions.TABLE:
            yield decision_table(mine, made[name])
        elif made[name].is_stand:
            yield stand_table(name, mine, made[name])
        else:
            yield single_table(mine, made[name])


def decision_table(rows: list[Row], made: Made) -> Table:
    """Return a table with a line per case and a column per engine; floors use the first column."""
    engines = list(dict.fromkeys(row.who for row in rows if row.who != decisions.PYTHON))
    engines = engines or [decisions.PYTHON]  # only floors
    lines = []
    for name in dict.fromkeys(row.name for row in rows):
        cells = {row.who: row for row in rows if row.name == name}
        shown = [cells.get(engine) for engine in engines]
        if decisions.PYTHON in cells:
            shown[0] = cells[decisions.PYTHON]
        line = [name, *(decision_cell(row) for row in shown)]
        if len(engines) > 1:
            fast, slow = shown
            line.append(f"{slow.figure.median / fast.figure.median:.0f}x" if slow and fast else "")
        aim = shown[0].aim if shown[0] else None
        line += [aim.text, aim.verdict] if aim else ["", ""]
        lines.append(line)
    ratio = ["/".join(reversed(engines))] if len(engines) > 1 else []
    remark = (
        f"F is {decisions.F}, about the least that a call costs. Goals are for the native engine."
    )
    counts = (
        f"{made.rounds} rounds of up to {made.calls} calls; of those with the headers of a whole"
        f" request or response, up to {min(made.calls, REQUESTS)}."
    )
    heads = ["decisions: ns per call", *engines, *ratio, "goal", ""]
    return Table("", heads, lines, [remark, counts])


def decision_cell(row: Row | None) -> str:
    if row is None:
        return ""
    ratio = f" {row.ratio.median:6.1f} F" if row.ratio else ""
    return f"{row.figure.median:.1f} ±{spread(row.figure):<5.1f}{ratio}{mark(row.figure)}"


def stand_table(name: str, rows: list[Row], made: Made) -> Table:
    """Return a table with a line per kind of request and a column per way; goals are below."""
    ways = list(dict.fromkeys(row.who for row in rows))
    lines = []
    remarks = [f"not the same work: {made.note}."] if made.note else []
    for kind in dict.fromkeys(row.name for row in rows):
        cells = {row.who: row for row in rows if row.name == kind}
        lines.append([kind, *(stand_cell(cells.get(way)) for way in ways)])
    for row in rows:
        if row.aim:
            remarks.append(
                f"goal: {row.who}, {row.name} {row.aim.text}: {row.aim.verdict}"
                + (f" ({share(row.ratio)})" if row.ratio else "")
            )
    remarks.append(stand_counts(made))
    return Table(f"{name}: {made.about}", ["µs added per request", *ways], lines, remarks)


def stand_counts(made: Made) -> str:
    if not made.turns:
        return f"{made.rounds} rounds of up to {made.calls} requests."
    return (
        f"{made.rounds} rounds of {made.turns} requests with CORS and {made.turns} without, by"
        f" turns; what is timed alone has up to {made.calls} a round."
    )


def stand_cell(row: Row | None) -> str:
    if row is None:
        return ""
    ratio = f" {share(row.ratio):>6}" if row.ratio else ""
    figure = f"{row.figure.median / 1e3:.2f} ±{spread(row.figure) / 1e3:.2f}"
    return f"{figure}{ratio}{mark(row.figure)}"


def single_table(rows: list[Row], made: Made) -> Table:
    lines = []
    for row in rows:
        figure = f"{row.figure.median / 1e6:.2f} ±{spread(row.figure) / 1e6:.2f}{mark(row.figure)}"
        aim = [row.aim.text, row.aim.verdict] if row.aim else ["", ""]
        lines.append([f"{row.name} ({row.who})", figure, *aim])
    remark = f"{made.rounds} rounds of two interpreters."
    return Table("", ["start: ms", "", "goal", ""], lines, [remark])


def spread(figure: Figure) -> float:
    """Return half of the interquartile range."""
    return (figure.high - figure.low) / 2


def mark(figure: Figure) -> str:
    return "~" if figure.noisy else " "


def share(ratio: Figure | None) -> str:
    """Return a ratio for humans: 1/25, or 3.0x for a loss."""
    if ratio is None or not math.isfinite(ratio.median):
        return "?"
    if 0 < ratio.median < 1:
        return f"1/{1 / ratio.median:.1f}"
    return f"{ratio.median:.1f}x"


def as_text(table: Table, width: int = MAX_WIDTH) -> Iterator[str]:
    """Yield lines for a terminal of this width. Columns that do not fit follow in blocks below."""
    if table.title:
        yield from wrapped(table.title, width)
    everything = [table.heads, *table.lines]
    widths = [max(map(len, column)) for column in zip(*everything, strict=True)]
    for number, block in enumerate(blocks(table.heads, widths, width)):
        if number:
            yield ""
        for cells in everything:
            if number and not any(cells[i] for i in block):
                continue  # a floor, whose figure is in the first block
            line = [cells[0].ljust(widths[0])]
            # Figures are aligned right, words (the goal and its verdict) left.
            for i in block:
                word = table.heads[i] in WORDS
                line.append(cells[i].ljust(widths[i]) if word else cells[i].rjust(widths[i]))
            yield "  ".join(line).rstrip()
    for remark in table.remarks:
        yield from wrapped(remark, width)


def blocks(heads: list[str], widths: list[int], width: int) -> list[list[int]]:
    """Return the columns after the first one, in blocks that fit into the width.

    Words belong to the first figure, so they follow it, and are never separated.
    """
    columns = range(1, len(heads))
    words = [i for i in columns if heads[i] in WORDS]
    figures = [[i] for i in columns if i not in words]
    found: list[list[int]] = []
    left = 0
    for group in filter(None, (*figures[:1], words, *figures[1:])):
        needed = sum(widths[i] + len("  ") for i in group)
        if not found or needed > left:
            found.append([])
            left = width - widths[0]
        found[-1] += group
        left -= needed
    return [sorted(block) for block in found]


def wrapped(text: str, width: int) -> list[str]:
    """Return a sentence in lines of at most this width, broken between words only."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def as_markdown(table: Table) -> Iterator[str]:
    """Yield lines of Markdown."""
    if table.title:
        yield f"**{table.title}**"
        yield ""
    yield "| " + " | ".join(table.heads) + " |"
    yield "|---|" + "---:|" * (len(table.heads) - 1)
    for line in table.lines:
        yield "| " + " | ".join(" ".join(cell.split()) for cell in line) + " |"
    yield ""
    for remark in table.remarks:
        yield f"- {remark}"


LEGEND = (
    "± is half of what the middle half of the rounds spans. ~ marks a noisy figure, one whose"
    " median is not known to a quarter of itself: read it as a guess."
)
LEGEND_DELTA = (
    "A preflight is answered instead of by the application: its row is the whole time. 1/n is"
    " the share of what the original costs, taken round by round."
)


def as_json(rows: Iterable[Row], **run: Any) -> dict[str, Any]:
    """Return the object that `--json` writes; bench/__main__.py documents it."""
    return {"schema": SCHEMA, **run, "rows": [row_as_json(row) for row in rows]}


def row_as_json(row: Row) -> dict[str, Any]:
    aim = row.aim
    ratio = row.ratio._asdict() if row.ratio else dict.fromkeys(Figure._fields)
    return {
        "table": row.table,
        "name": row.name,
        "who": row.who,
        "measure": row.measure,
        "unit": "ns",
        **row.figure._asdict(),
        "noisy": row.noisy,
        "ratio": finite(ratio["median"]),
        **{f"ratio_{name}": finite(ratio[name]) for name in ("low", "high", "least", "most")},
        "ratio_to": row.of,
        "goal": aim and aim.text,
        "met": {"met": True, "not met": False}.get(aim.verdict) if aim else None,
        "verdict": aim and aim.verdict,
    }


def finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
