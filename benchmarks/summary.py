"""The short answer above the README's figures: what CORS adds to an allowed request.

Place in the flow: results -> summary.py -> readme.py.
Never: choose rows by who wins in them.
"""

from __future__ import annotations

from typing import Any

from corsfast.bench.measure import Figure
from corsfast.bench.report import share

HEAD = "| µs that CORS adds to an allowed request | instead of | drop-in | around it |"
DROP_IN, AROUND = "drop-in", "native"
REQUEST = "allowed"

Row = dict[str, Any]


def of_bench(found: dict[str, Any]) -> list[str]:
    """A table, in lines: one for each library of results/DATE-bench.json that ours replaces."""
    tables: dict[str, dict[str, Row]] = {}
    for row in found["rows"]:
        if row["name"] == REQUEST:
            tables.setdefault(row["table"], {})[row["who"]] = row
    lines = [HEAD, f"|---|{'---:|' * 3}"]
    for table, ways in tables.items():
        peers = {row["ratio_to"] for row in ways.values()} - {None}
        for peer in peers:  # one, or none where there is nothing to replace
            theirs = ways[peer]
            cells = [f"{peer} {_micro(theirs)}", _cell(ways.get(DROP_IN)), _cell(ways.get(AROUND))]
            lines.append(f"| {table} | {' | '.join(cells)} |")
    return lines


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    ratio = row["ratio"]
    return f"{_micro(row)}, {share(Figure(ratio, ratio, ratio))}"


def _micro(row: Row) -> str:
    return f"{row['median'] / 1000:.2f}{'~' if row['noisy'] else ''}"
