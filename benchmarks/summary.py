"""The short answer above the README's figures: what CORS adds to an allowed request.

Place in the flow: results -> summary.py -> readme.py.
Never: choose rows by who wins in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from corsfast.bench.measure import Figure
from corsfast.bench.report import share

HEAD = "| an allowed request, µs | application alone | the library | drop-in | native |"
NOTE = (
    "Each row is one library and what stands in for it, over the same application, without a server"
    " or a network: what each adds to it, and which share that is of what the library adds (`2.0x`:"
    " twice as much); `~` is noisy. Other runs give other shares: those beyond 1/50 differ by half"
    " and more, as what is added there is less than what the application itself varies by."
    " `drop-in` takes that library's options, `native` is the `CORSMiddleware` of ASGI or WSGI"
    " around the application. FastAPI's is Starlette's; that and asgi-cors stand around a"
    " stub, `django middleware` is the class alone over a view that does nothing."
)
ALONE, DROP_IN, NATIVE = "without", "drop-in", "native"
REQUEST = "allowed"

Row = dict[str, Any]


def of_bench(found: dict[str, Any]) -> Iterator[str]:
    """A table, in lines: one for each application of results/DATE-bench.json with a library that
    ours replaces."""
    tables: dict[str, dict[str, Row]] = {}
    for row in found["rows"]:
        if row["name"] == REQUEST:
            tables.setdefault(row["table"], {})[row["who"]] = row
    yield HEAD
    yield f"|---|{'---:|' * 4}"
    for table, ways in tables.items():
        peer = next((row["ratio_to"] for row in ways.values() if row["ratio_to"]), None)
        if peer is not None:
            alone, theirs = _micro(ways[ALONE]), f"{peer} {_micro(ways[peer])}"
            cells = [table, alone, theirs, _cell(ways.get(DROP_IN)), _cell(ways.get(NATIVE))]
            yield f"| {' | '.join(cells)} |"


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    ratio = row["ratio"]
    # Without one, the library's own cost could not be told from nothing.
    return _micro(row) + ("" if ratio is None else f", {share(Figure(ratio, ratio, ratio))}")


def _micro(row: Row) -> str:
    return f"{row['median'] / 1000:.2f}{'~' if row['noisy'] else ''}"
