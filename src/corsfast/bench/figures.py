"""Evaluate samples: a row holds a figure, its ratio to another one, and its goal.

A ratio is taken for each round, from samples that were taken side by side, and only then
summarized. So a machine that slows down in the middle of the run slows both sides of a ratio.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

# A figure is noisy if the interval of its median is wider than this share of the median.
NOISY = 0.25
# Two-sided 95 % of the normal distribution, which the ranks around a median follow.
Z = 1.96
NANOSECONDS = {"ns": 1.0, "ms": 1e6}

Verdict = Literal["met", "not met", "noisy", "not measured"]


class Figure(NamedTuple):
    """The median of the rounds.

    `low` and `high` are the quartiles: the middle half of the rounds is between them.
    `least` and `most` are the 95 % confidence interval of the median.
    """

    median: float
    low: float
    high: float
    least: float = -math.inf
    most: float = math.inf

    @property
    def noisy(self) -> bool:
        """Return whether the rounds vary too much to state the median as a fact."""
        return not self.most - self.least <= NOISY * max(abs(self.median), 1.0)


class Goal(NamedTuple):
    """The maximum cost of a row.

    A limit in "F" or as a "share" is compared with the row's ratio, one in "ns" or "ms" with its
    figure.
    """

    at_most: float
    unit: Literal["F", "share", "ns", "ms"] = "F"


class Row(NamedTuple):
    """One figure of the tables.

    Attributes:
        table: the name of its table: "decisions", "import", "scale", or a scenario's name.
        name: the case, or the kind of request.
        variant: an engine, "python" (floors), "without", "drop-in", or a library.
        measure: "time" of a whole call, "delta" for what it adds to the application, or "memory".
        figure: nanoseconds or bytes.
        ratio: the figure as a multiple of `of`; None without one.
        of: the denominator of the ratio: "len(x)", or a library.
    """

    table: str
    name: str
    variant: str
    measure: Literal["time", "delta", "memory"]
    figure: Figure
    ratio: Figure | None = None
    of: str | None = None
    goal: Goal | None = None

    @property
    def verdict(self) -> Verdict | None:
        """Return whether the median is certainly within the goal, certainly not, or neither.

        An uncertain result is neither a win nor a loss, because another run may decide otherwise.
        """
        if self.goal is None:
            return None
        figure = self.figure if self.goal.unit in NANOSECONDS else self.ratio
        at_most = self.goal.at_most * NANOSECONDS.get(self.goal.unit, 1.0)
        if figure is None:
            return "not measured"
        if figure.most <= at_most:
            return "met"
        return "not met" if figure.least > at_most else "noisy"

    @property
    def noisy(self) -> bool:
        """Return whether the spread is too large for the figure, or for a verdict on its goal."""
        return self.figure.noisy or self.verdict == "noisy"

    @property
    def goal_text(self) -> str | None:
        if self.goal is None:
            return None
        at_most, unit = self.goal
        if unit == "share":
            return f"<= {f'1/{1 / at_most:.0f} of ' if at_most < 1 else ''}{self.of}"
        return f"<= {at_most:g} {unit}"

    def as_json(self) -> dict[str, Any]:
        """Return the object of this row; bench/__main__.py documents it."""
        ratio = self.ratio._asdict() if self.ratio else dict.fromkeys(Figure._fields)
        return {
            "table": self.table,
            "name": self.name,
            "variant": self.variant,
            "measure": self.measure,
            "unit": "bytes" if self.measure == "memory" else "ns",
            **{key: round(value, 3) for key, value in self.figure._asdict().items()},
            "noisy": self.noisy,
            **{f"ratio_{key}".removesuffix("_median"): finite(ratio[key]) for key in ratio},
            "ratio_to": self.of,
            "goal": self.goal_text,
            "verdict": self.verdict,
        }


class Sampling(NamedTuple):
    """How the figures of one table were made.

    Attributes:
        rounds: the number of samples for each figure.
        calls: the maximum number of calls in one sample.
        turns: the number of calls in a sample of two alternating subjects; 0 if none alternate.
        about: what exactly is timed.
        note: what the library leaves out compared with the others.
    """

    rounds: int
    calls: int
    turns: int = 0
    about: str = ""
    note: str = ""


def summarize(values: Iterable[float]) -> Figure:
    """Return the figure of some samples, by their ranks alone; samples may be infinite.

    The interval around the median does not assume any distribution of the samples.
    """
    ranked = sorted(values)
    count = len(ranked)
    margin = max(0, math.floor((count - Z * math.sqrt(count)) / 2))
    return Figure(
        statistics.median(ranked),
        ranked[count // 4],
        ranked[-1 - count // 4],
        ranked[margin],
        ranked[-1 - margin],
    )


def ratios(mine: Sequence[float], theirs: Sequence[float]) -> Figure:
    """Return mine/theirs, round by round.

    If `theirs` is not above zero because of noise, the round counts as infinitely bad. So noise in
    the reference never makes a goal met.
    """
    return summarize(
        mine_once / their_once if their_once > 0 else math.inf
        for mine_once, their_once in zip(mine, theirs, strict=True)
    )


def differences(samples: Iterable[Sequence[float]]) -> list[float]:
    """Return the difference of each pair: first minus second."""
    return [full - bare for full, bare in samples]


def finite(value: float | None) -> float | None:
    return round(value, 4) if value is not None and math.isfinite(value) else None
