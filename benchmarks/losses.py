"""What the results say is lost, or could not be told: every row by its name, with its figure.

Place in the flow: results -> losses.py -> readme.py.
Never: leave a lost row out, or count one that is undecided as won or as lost.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from corsfast.bench import decisions, start
from corsfast.bench.measure import Figure
from corsfast.bench.report import share
from corsfast.bench.rows import standing
from peers.report import GOAL, LOST, UNDECIDED, WON, Verdict, from_json, times

# Tables whose rows are named by themselves. What these are a multiple of, they do not replace.
ALONE = (decisions.TABLE, start.TABLE)
# A hook that decides nothing.
NOT_OURS = "least"


class Row(NamedTuple):
    """One row of a benchmark that misses what is wanted of it, or may."""

    name: str
    wanted: str
    found: str
    decided: bool = True
    goal: bool = True  # else what it replaces is wanted

    def __str__(self) -> str:
        return f"| {self.name} | {self.wanted} | {self.found}{'' if self.decided else ' ≈'} |"


def of_bench(found: dict[str, Any]) -> Iterator[Row]:
    """The rows of results/DATE-bench.json: goals that are not met, and what is slower than the
    library that it replaces, where that has no goal."""
    for row in found["rows"]:
        verdict = row["verdict"] if row["goal"] else _beside(row)
        if verdict != "met":
            alone = row["table"] in ALONE
            yield Row(
                row["name"] if alone else f"{row['table']}: {row['who']}, {row['name']}",
                row["goal"] or f"<= {row['ratio_to']}",
                verdict if verdict == "not measured" else _figure(row),
                verdict != "noisy",
                row["goal"] is not None,
            )


def _beside(row: dict[str, Any]) -> str:
    """How a row without a goal stands to what it replaces; "met" if it replaces nothing."""
    if row["table"] in ALONE or row["ratio_to"] is None or row["who"] == NOT_OURS:
        return "met"
    return standing(_number(row["ratio_least"]), _number(row["ratio_most"]))


def _figure(row: dict[str, Any]) -> str:
    """The figure that the goal is for, in the goal's unit."""
    wanted, ratio = row["goal"] or "", _number(row["ratio"])
    if wanted.endswith(" F"):
        return f"{ratio:.1f} F"
    if wanted.endswith(" ns"):
        return f"{row['median']:.1f} ns"
    if wanted.endswith(" ms"):
        return f"{row['median'] / 1e6:.2f} ms"
    return share(Figure(ratio, ratio, ratio)) if 0 < ratio < 0.5 else times(ratio)


def _number(value: float | None) -> float:
    """JSON has no infinity: what it replaces cost nothing that could be measured."""
    return math.inf if value is None else value


def of_peers(found: dict[str, Any]) -> Iterator[str]:
    """A line for each peer of the goal, of results/DATE-peers.json."""
    for peer in GOAL:
        by_word: dict[str, list[str]] = {WON: [], LOST: [], UNDECIDED: []}
        for row, peers in from_json(found).items():
            if peer in peers:
                by_word[peers[peer].word].append(_named(row, peers[peer]))
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


def _named(row: str, verdict: Verdict) -> str:
    """A row with our share; and with the prototype's, if it loses, too."""
    also = f", the C prototype {verdict.possible}, too" if verdict.forbidden else ""
    return f"*{row}* ({times(verdict.share.median)}{also})"
