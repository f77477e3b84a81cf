"""What the results say is lost, or could not be told: every row by its name, with its figure.

Place in the flow: results -> losses.py -> readme.py.
Never: leave a lost row out, or count one that is undecided as won or as lost.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from peers.ours import PROTOTYPE
from peers.report import GOAL, LOST, UNDECIDED, WON, standing

# A table's title, its rows, and the goals below it.
TITLE = re.compile(r"\*\*([a-z -]+):")
AIM = re.compile(r"- goal: (.+?) (<= .+): ([a-z ]+?)(?: \((.+)\))?$")
# A share of the original's time at the end of a cell: 1/25.0, or 1.3x.
SLOWER = re.compile(r" (\d+\.\d)x$")
# Who is not ours: the application alone, and a hook that decides nothing.
NOT_OURS = ("without", "least")


class Row(NamedTuple):
    """One row of a benchmark that misses what is wanted of it, or may."""

    name: str
    wanted: str
    found: str
    decided: bool = True

    def __str__(self) -> str:
        return f"| {self.name} | {self.wanted} | {self.found}{'' if self.decided else ' ≈'} |"


def of_bench(text: str) -> list[Row]:
    """The rows of ``python -m corsfast.bench --markdown``: goals that are not met, and what is
    slower than the library that it replaces, where that has no goal."""
    rows: dict[str, Row] = {}
    title = ""
    heads: list[str] = []
    for line in text.splitlines():
        if found := TITLE.match(line):
            title, heads = found[1], []
        elif line.startswith("| "):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if not heads or cells[0].endswith((": ns per call", ": ms")):
                heads = cells
                title = "" if "goal" in heads else title
            else:
                rows |= _of_row(title, heads, cells)
        elif (found := AIM.match(line)) and found[3] != "met":
            name = f"{title}: {found[1]}"
            rows[name] = Row(name, found[2], found[4] or found[3], found[3] != "noisy")
        elif found:
            rows.pop(f"{title}: {found[1]}", None)
    return list(rows.values())


def _of_row(title: str, heads: list[str], cells: list[str]) -> Iterator[tuple[str, Row]]:
    name = cells[0]
    if "goal" in heads:
        wanted, word = cells[heads.index("goal")], cells[-1]
        if word not in ("met", ""):
            yield name, Row(name, wanted, cells[1], word != "noisy")
        return
    for head, cell in zip(heads[2:], cells[2:], strict=True):
        found = SLOWER.search(cell)
        if found and head not in NOT_OURS and float(found[1]) >= 1:
            full = f"{title}: {head}, {name}"
            yield full, Row(full, f"<= {heads[2]}", f"{found[1]}x")


def of_peers(found: dict[str, Any]) -> Iterator[str]:
    """A line for each peer of the goal, of results/DATE-peers.json."""
    for peer in GOAL:
        by_word: dict[str, list[str]] = {WON: [], LOST: [], UNDECIDED: []}
        for row, peers in found["verdicts"].items():
            if peer in peers:
                verdict = peers[peer]
                word = standing(*(_number(verdict[key]) for key in ("least", "most")))
                measured = PROTOTYPE in found["rows"][row]
                by_word[word].append(_named(row, verdict, measured))
        total = sum(map(len, by_word.values()))
        if not total:
            yield f"- {peer}: not measured."
            continue
        lost, undecided = by_word[LOST], by_word[UNDECIDED]
        yield (
            f"- {peer}: not slower in {len(by_word[WON])} of {total} rows, lost {len(lost)},"
            f" undecided {len(undecided)} (≈)."
            + (f" Lost: {'; '.join(lost)}." if lost else "")
            + (f" Undecided: {'; '.join(undecided)}." if undecided else "")
        )


def _named(row: str, verdict: dict[str, Any], measured: bool) -> str:
    """A row with our share; and with the prototype's, if it loses, too."""
    least = _number(verdict["prototype"]) if measured else 0.0
    also = f", the C prototype {_times(least)}, too" if least > 1 else ""
    return f"*{row}* ({_times(_number(verdict['ratio']))}{also})"


def _number(value: float | None) -> float:
    """JSON has no infinity: a peer at its own floor leaves no share."""
    return math.inf if value is None else value


def _times(share: float) -> str:
    return f"{share:.2f}x" if math.isfinite(share) else "at its floor"
