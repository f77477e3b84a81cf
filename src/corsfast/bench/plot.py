"""Draw the main rows for a README: one bar per figure, on a logarithmic scale.

This needs matplotlib (the extra `bench`). Noisy figures are marked, and losses are never left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .rows import Row

FORMATS = (".svg", ".png")
# Decisions that represent their kind. A scenario is represented by its allowed request.
MAIN = (
    "actual: no origin, of 100",
    "actual: exact, of 100",
    "actual: subdomain, again",
    "actual: regex, again",
    "actual: refused, of 100, again",
    "preflight: 3 headers, same list again",
    "asgi: 14 headers",
    "wsgi: 14 headers",
)
ALLOWED = "allowed"
# Inches: the width at which a README shows a picture without shrinking its letters.
WIDTH, BAR = 8.6, 0.21
# The space for a bar's label, as a share of the longest bar.
WORDS = 0.55
# Colors that also differ in gray and for color-blind readers. All other subjects are libraries.
COLOURS = {"native": "#0b6e4f", "drop-in": "#3aa17e", "pure": "#9bcdb5"}
PEER = "#b0532b"


def names(stands: Iterable[str]) -> list[str]:
    """Return the names of the drawn rows, as rows are chosen by name."""
    return [*MAIN, *(f"{stand}: {ALLOWED}" for stand in stands)]


def charted(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the drawn rows, by panel."""
    decisions = [row for row in rows if row.table == "decisions" and row.name in MAIN]
    deltas = [row for row in rows if row.measure == "delta" and row.name == ALLOWED]
    panels = {
        "one decision": decisions,
        "an allowed request: what CORS adds to the application": deltas,
    }
    return {title: chosen for title, chosen in panels.items() if chosen}


def plot(rows: Sequence[Row], file: Path, foot: str) -> None:
    """Draw the main rows into an SVG or PNG file.

    Raises:
        ModuleNotFoundError: without matplotlib.
        ValueError: if none of the rows is a main one.
    """
    from matplotlib.figure import Figure as Canvas

    panels = charted(rows)
    if not panels:
        raise ValueError("none of the rows that were measured is one of the chart")
    # Groups are separated by a gap of one bar.
    heights = [len(chosen) + len(groups(chosen)) for chosen in panels.values()]
    canvas = Canvas(figsize=(WIDTH, BAR * sum(heights) + 0.75 * len(panels) + 0.35))
    axes = canvas.subplots(len(panels), squeeze=False, height_ratios=heights)[:, 0]
    for ax, (title, chosen) in zip(axes, panels.items(), strict=True):
        draw(ax, title, chosen)
    canvas.supxlabel(foot, fontsize=7, color="#555555")
    canvas.tight_layout()
    # Leave out the date, so that the same figures make the same file.
    metadata: dict[str, Any] = {"Date": None} if file.suffix == ".svg" else {}
    canvas.savefig(file, dpi=150, metadata=metadata)


def groups(rows: Sequence[Row]) -> list[str]:
    """Return the groups of bars: one per case or scenario."""
    return list(dict.fromkeys(group(row) for row in rows))


def group(row: Row) -> str:
    return row.name if row.table == "decisions" else row.table


def draw(ax: Any, title: str, rows: Sequence[Row]) -> None:
    place, ticks, labels = 0, [], []
    for name in groups(rows):
        bars = [row for row in rows if group(row) == name]
        ticks.append(place + (len(bars) - 1) / 2)
        labels.append(name)
        for row in bars:
            figure = row.figure
            # Noise below zero cannot be shown on a logarithmic scale.
            length = max(figure.median, 1.0)
            ax.barh(
                place,
                length,
                height=0.9,
                color=COLOURS.get(row.who, PEER),
                alpha=0.45 if row.noisy else 1,
                hatch="///" if row.noisy else None,
            )
            noisy = " (noisy)" if row.noisy else ""
            text = f" {row.who}  {spelt(figure.median)}{noisy}"
            ax.text(length, place, text, va="center", fontsize=7)
            place += 1
        place += 1
    ax.set_title(title, loc="left", fontsize=9)
    ax.set_yticks(ticks, labels, fontsize=8)
    ax.invert_yaxis()
    ax.set_xscale("log")
    # Whole powers of ten, and space for the label of the longest bar.
    shortest, longest = (pick(max(row.figure.median, 1.0) for row in rows) for pick in (min, max))
    decades = math.ceil(math.log10(shortest)) - 1, math.log10(longest)
    span = max(1.0, decades[1] - decades[0])
    ax.set_xlim(left=10 ** decades[0], right=10 ** (decades[1] + WORDS * span))
    ax.margins(y=0.02)
    ax.tick_params(axis="x", labelsize=7)
    ax.set_xlabel("nanoseconds, logarithmic", fontsize=7)
    ax.spines[["top", "right"]].set_visible(False)


def spelt(nanoseconds: float) -> str:
    if abs(nanoseconds) < 1000:
        return f"{nanoseconds:.0f} ns"
    return f"{nanoseconds / 1000:.1f} µs"
