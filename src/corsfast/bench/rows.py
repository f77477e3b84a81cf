"""Evaluate samples: a row holds a figure, its ratio, and whether it meets its goal.

A ratio is taken for each round, from samples that were taken side by side, and only then
summarized. So a machine that slows down in the middle of the run slows both sides of a ratio.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from .measure import Figure, summarise

Standing = Literal["met", "not met", "noisy"]
Verdict = Standing | Literal["not measured"]


def standing(least: float, most: float, at_most: float = 1.0) -> Standing:
    """Return whether a median in this 95 % interval is within `at_most`, or not, or uncertain.

    An uncertain result is neither a win nor a loss, because another run may decide otherwise.
    """
    if most <= at_most:
        return "met"
    return "not met" if least > at_most else "noisy"


class Aim(NamedTuple):
    """A goal to be judged: `figure` must not be more than `at_most`.

    `text` is the goal for a reader. `figure` is None if it could not be measured here.
    """

    text: str
    at_most: float
    figure: Figure | None

    @property
    def verdict(self) -> Verdict:
        """Return whether the median is certainly within the goal, certainly not, or neither."""
        if self.figure is None:
            return "not measured"
        return standing(self.figure.least, self.figure.most, self.at_most)


class Row(NamedTuple):
    """One figure of the tables.

    Attributes:
        table: the name of its table: "decisions", "import", or a scenario's name.
        name, who: the case or the kind of request, and the subject: an engine, "python" (floors),
            "drop-in", a library, or "without".
        measure: "time" for a whole call; "delta" for what it adds to the application.
        figure: nanoseconds.
        ratio: the figure as a multiple of `of`; None without one.
        of: what the ratio is to: "len(x)", or a library.
        aim: the goal, if the row has one.
    """

    table: str
    name: str
    who: str
    measure: Literal["time", "delta"]
    figure: Figure
    ratio: Figure | None = None
    of: str | None = None
    aim: Aim | None = None

    @property
    def noisy(self) -> bool:
        """Return whether the spread is too large for the figure, or for a verdict on its goal."""
        return self.figure.noisy or (self.aim is not None and self.aim.verdict == "noisy")


class Made(NamedTuple):
    """The way in which the figures of one table were made.

    Attributes:
        rounds: the number of samples for each figure.
        calls: the maximum number of calls in one sample.
        turns: the number of calls in a sample of two alternating subjects; 0 if none alternate.
        about: what exactly is timed; for scenarios only.
        note: what the library leaves out compared with the others.
    """

    rounds: int
    calls: int
    turns: int = 0
    about: str = ""
    note: str = ""

    @property
    def is_stand(self) -> bool:
        """Return whether this is a scenario's table: every scenario has `about`."""
        return bool(self.about)


def ratios(mine: Sequence[float], theirs: Sequence[float]) -> Figure:
    """Return mine/theirs, round by round.

    If `theirs` is not above zero because of noise, the round counts as infinitely bad. So noise in
    the reference never makes a goal met.
    """
    return summarise(
        mine_once / their_once if their_once > 0 else math.inf
        for mine_once, their_once in zip(mine, theirs, strict=True)
    )


def differences(samples: Iterable[tuple[float, ...]]) -> list[float]:
    """Return the difference of each pair: first minus second."""
    return [full - bare for full, bare in samples]
