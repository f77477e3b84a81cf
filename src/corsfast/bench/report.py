"""How it is shown: one table, every figure with its ratio to the floor, noisy ones marked.

Place in the flow: the right end of the benchmark. Never: measure, or round a loss away.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator

from .measure import Figure


def table(rows: dict[str, dict[str, Figure]], columns: list[str], floor: float) -> Iterator[str]:
    """Lines of text: a row per case, a column per engine, and what the ratios are."""
    width = max(len(name) for name in rows)
    heads = "".join(f"{column:>22}" for column in columns)
    ratio = f"{'pure/native':>13}" if len(columns) > 1 else ""
    yield f"{'ns per call, net of the loop':{width}}{heads}{ratio}"
    for name, figures in rows.items():
        cells = "".join(_cell(figures.get(column), floor) for column in columns)
        yield f"{name:{width}}{cells}{_ratio(figures, columns)}".rstrip()


def _cell(figure: Figure | None, floor: float) -> str:
    if figure is None:
        return f"{'':>22}"
    mark = "~" if figure.noisy else " "
    spread = (figure.high - figure.low) / 2
    return f"{figure.median:9.1f} ±{spread:<5.1f}{figure.median / floor:4.0f}F{mark}".rjust(22)


def _ratio(figures: dict[str, Figure], columns: list[str]) -> str:
    if len(columns) < 2 or any(column not in figures for column in columns):
        return ""
    fast, slow = (figures[column].median for column in columns)
    return f"{slow / fast:12.0f}x"


def machine() -> str:
    """The interpreter and the machine, in one line."""
    version = ".".join(map(str, sys.version_info[:3]))
    build = "free-threaded " if not getattr(sys, "_is_gil_enabled", lambda: True)() else ""
    return (
        f"{build}{platform.python_implementation()} {version}, "
        f"{platform.system()} {platform.machine()}"
    )
