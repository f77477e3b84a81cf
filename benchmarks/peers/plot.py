"""The figures as a drawing: a row per request, a mark per library, on a logarithmic scale.

Place in the flow: figures -> SVG, beside report.py. Never: be needed; matplotlib is optional.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from .report import COLUMNS, Table

# What is at or below its floor has no place on a logarithmic scale; it is drawn here.
LEAST = 1.0
MARKS = "os<vDP^X*h"


def draw(rows: Table, path: Path, title: str) -> bool:
    """Write an SVG; False, and nothing is written, where matplotlib is not installed."""
    try:
        matplotlib = importlib.import_module("matplotlib")
    except ModuleNotFoundError:
        return False
    matplotlib.use("svg")
    # The same figures make the same file; text stays text.
    matplotlib.rcParams.update({"svg.hashsalt": "corsfast", "svg.fonttype": "none"})
    pyplot = importlib.import_module("matplotlib.pyplot")
    columns = [name for name in COLUMNS if any(name in found for found in rows.values())]
    figure, axes = pyplot.subplots(figsize=(10, 1.5 + 0.55 * len(rows)), layout="constrained")
    for place, name in enumerate(columns):
        shift = (place / max(1, len(columns) - 1) - 0.5) * 0.6
        points = [
            (y + shift, rows[row][name].net) for y, row in enumerate(rows) if name in rows[row]
        ]
        middles = [max(LEAST, net.median) for _, net in points]
        axes.errorbar(
            middles,
            [y for y, _ in points],
            xerr=[
                [
                    x - min(x, max(LEAST, net.low))
                    for x, (_, net) in zip(middles, points, strict=True)
                ],
                [max(0.0, net.high - x) for x, (_, net) in zip(middles, points, strict=True)],
            ],
            fmt=MARKS[place % len(MARKS)],
            markersize=5,
            elinewidth=1,
            label=name,
        )
    axes.set_xscale("log")
    axes.set_yticks(range(len(rows)), list(rows))
    axes.invert_yaxis()
    axes.grid(axis="x", which="major", alpha=0.3)
    axes.set_xlabel("ns per request that the CORS layer adds, median and quartiles; less is better")
    axes.set_title(title)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return True
