"""What samples say: a row holds a figure, what it is a multiple of, and whether a goal is met.

Place in the flow: measure -> rows -> report. Never: take the time, or print.

Ratios are taken round by round, from samples that were taken side by side, and only then
summarised: a machine that slows down in the middle of the run slows both sides of a ratio.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from .measure import Figure, summarise

Standing = Literal["met", "not met", "noisy"]
Verdict = Standing | Literal["not measured"]


def standing(least: float, most: float, at_most: float = 1.0) -> Standing:
    """Whether what lies between these with 95 % certainty is certainly within `at_most`,
    certainly not, or neither: another run may say otherwise, so that is no win, and no loss."""
    if most <= at_most:
        return "met"
    return "not met" if least > at_most else "noisy"


class Aim(NamedTuple):
    """A goal as it is judged: `figure` shall not be more than `at_most`.

    `text` says it to a reader. A figure of None is one that could not be measured here.
    """

    text: str
    at_most: float
    figure: Figure | None

    @property
    def verdict(self) -> Verdict:
        """Whether the figure's median is certainly within the goal, certainly not, or neither."""
        if self.figure is None:
            return "not measured"
        return standing(self.figure.least, self.figure.most, self.at_most)


class Row(NamedTuple):
    """One figure of the tables.

    Attributes:
        table: which table it stands in: "decisions", "import", or a stand's name.
        name: what was done: a case, or a kind of request.
        who: what did it: an engine, "python" (floors), "drop-in", a library,
            or "without".
        measure: "time" for a whole call; "delta" for what it adds to the application.
        figure: nanoseconds.
        ratio: how many times `of`; None where there is nothing to compare with.
        of: what the ratio is to: "len(x)", or a peer.
        aim: the goal, where the row has one.
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
        """Whether the spread is too large for the figure, or for a verdict on its goal."""
        return self.figure.noisy or (self.aim is not None and self.aim.verdict == "noisy")


class Made(NamedTuple):
    """How the figures of one table were made.

    Attributes:
        rounds: how many samples each figure has.
        calls: how many calls one sample takes at most.
        turns: how many calls a sample takes of each of two that take turns; 0 if none do.
        about: what exactly is timed; of stands alone.
        note: where the library does less than what it is compared with.
    """

    rounds: int
    calls: int
    turns: int = 0
    about: str = ""
    note: str = ""

    @property
    def is_stand(self) -> bool:
        """Whether it is a stand's table: there is no stand that does not say what is timed."""
        return bool(self.about)


def ratios(mine: Sequence[float], theirs: Sequence[float]) -> Figure:
    """mine/theirs, round by round.

    Where `theirs` is not above zero (noise ate it) the round counts as infinitely bad: a goal
    is never met because of noise in what it is measured by.
    """
    return summarise(
        mine_once / their_once if their_once > 0 else math.inf
        for mine_once, their_once in zip(mine, theirs, strict=True)
    )


def differences(samples: Iterable[tuple[float, ...]]) -> list[float]:
    """What the first of each pair took beyond the second."""
    return [full - bare for full, bare in samples]
