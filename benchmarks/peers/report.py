"""Write the result: a table of all figures with their spread, and a verdict for every row."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from corsfast.bench.measure import Figure
from corsfast.bench.report import finite, spread
from corsfast.bench.rows import standing

from .figures import Rounds, share
from .ours import NATIVE, OURS
from .programs import PROGRAMS

COLUMNS = (*OURS, *(subject for program in PROGRAMS for subject in program.subjects))
# The goal: our middleware is not slower than these, each net of its own harness.
GOAL = ("jub0bs/cors", "tower-http")
WORDS = {"met": "not slower", "not met": "**lost**", "noisy": "undecided"}

Table = dict[str, dict[str, Rounds]]


def verdicts(rows: Table) -> dict[str, dict[str, Figure]]:
    """Return our time as a share of the peer's, for each row and each peer of the goal."""
    return {
        row: {peer: share(found[NATIVE], found[peer]) for peer in GOAL if peer in found}
        for row, found in rows.items()
        if NATIVE in found
    }


def word(ratio: Figure) -> str:
    """Return "not slower", "**lost**" or "undecided" (the interval includes 1)."""
    return WORDS[standing(ratio.least, ratio.most)]


def as_json(rows: Table, about: dict[str, Any]) -> dict[str, Any]:
    """Return everything: nanoseconds per request, and the ratios to the peers of the goal."""
    cells = {
        row: {
            column: {key: round(value, 1) for key, value in cell.net._asdict().items()}
            for column, cell in found.items()
        }
        for row, found in rows.items()
    }
    ratios = {
        row: {
            peer: {key: finite(value) for key, value in ratio._asdict().items()}
            for peer, ratio in peers.items()
        }
        for row, peers in verdicts(rows).items()
    }
    return {**about, "unit": "ns per request", "rows": cells, "ratios": ratios}


def markdown(rows: Table, about: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of a page."""
    columns = [name for name in COLUMNS if any(name in found for found in rows.values())]
    yield f"# corsfast and CORS libraries of other languages, {about['made'][:10]}"
    yield ""
    yield f"{about['machine']}; {about['rounds']} rounds, all subjects interleaved."
    if about["loaded"]:
        yield "**The machine was loaded before the run. Repeat it on a quiet one.**"
    yield ""
    yield "Nanoseconds per request that the CORS layer adds: the median of the rounds, each net of"
    yield "the bare application in the same harness, ± half of the interquartile range. `~` marks"
    yield "a noisy figure."
    yield ""
    yield from table(
        ["request", *columns],
        [[row, *(_cell(found.get(name)) for name in columns)] for row, found in rows.items()],
    )
    yield ""
    yield "Our time as a share of the peer's, paired round by round. `undecided`: the 95 % interval"
    yield "of the median includes 1."
    yield ""
    yield from table(
        ["request", *GOAL],
        [
            [row, *(_verdict(peers.get(peer)) for peer in GOAL)]
            for row, peers in verdicts(rows).items()
        ],
    )
    yield ""
    yield "Versions: " + ", ".join(f"{name} {value}" for name, value in about["versions"].items())
    for name, reason in (about["missing"] | about["left_out"]).items():
        yield f"\n**{name} was not measured: {reason}.**"


def _verdict(ratio: Figure | None) -> str:
    if ratio is None:
        return ""
    times = f"{ratio.median:.2f}x" if math.isfinite(ratio.median) else "peer is at its floor"
    return f"{word(ratio)}, {times}"


def _cell(found: Rounds | None) -> str:
    if found is None:
        return ""
    return f"{found.net.median:,.0f} ±{spread(found.net):,.0f}{' ~' * found.net.noisy}"


def table(head: list[str], body: list[list[str]]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    yield f"| {' | '.join(head)} |"
    yield f"|---|{'---:|' * (len(head) - 1)}"
    for line in body:
        yield f"| {' | '.join(line)} |"
