"""Rounds of everybody in turn, and what is left of them once the floor is gone.

Place in the flow: timers -> figures -> report. Never: know what is being timed.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Hashable, Iterable
from time import perf_counter
from typing import NamedTuple, TypeVar

# One round over a number of requests: nanoseconds per request, (gross, floor).
Timer = Callable[[int], tuple[float, float]]

# Requests in a round: few enough for what was prepared to stay in the processor's caches, as a
# request's fields do that were just read, and enough for the clock not to matter.
CALLS = 200
# What is slow or large has fewer: this much time, and this much memory.
BLOCK_NS = 2_000_000
BLOCK_BYTES = 32 * 2**20
# Before the first round everybody runs this often, or this long: compilers at run time need it.
WARM_BLOCKS = 60
WARM_SECONDS = 0.25
# Who takes longer than this for a round, preparation included, is not in every round.
ROUND_SECONDS = 0.1
# A figure whose middle half spreads over more than this share of its median is marked.
NOISY = 0.25


Key = TypeVar("Key", bound=Hashable)


class Figure(NamedTuple):
    """Nanoseconds per request: the median and the quartiles over a number of rounds."""

    median: float
    low: float
    high: float
    rounds: int

    @property
    def noisy(self) -> bool:
        return self.high - self.low > NOISY * max(abs(self.median), 1.0)


class Net(NamedTuple):
    """What a layer adds to a request, beside what was measured for it."""

    net: Figure
    gross: Figure
    floor: Figure
    calls: int


class Pace(NamedTuple):
    """How a subject is timed: requests in a round, and every which round."""

    calls: int
    every: int


def summarise(values: Iterable[float]) -> Figure:
    values = sorted(values)
    if len(values) < 4:
        return Figure(statistics.median(values), values[0], values[-1], len(values))
    low, median, high = statistics.quantiles(values, n=4)
    return Figure(median, low, high, len(values))


def subtracted(samples: list[tuple[float, float]], calls: int) -> Net:
    """Subtract each round's floor from the same round's gross time, then summarise.

    A round in which the machine was slow was slow for both, so the difference of the two
    medians would be further from the truth than the median of the differences.
    """
    return Net(
        summarise(gross - floor for gross, floor in samples),
        summarise(gross for gross, _ in samples),
        summarise(floor for _, floor in samples),
        calls,
    )


def pace(gross: float, size: int) -> int:
    """How many requests a round has, each of this many nanoseconds and bytes."""
    return max(1, min(CALLS, int(BLOCK_NS / max(gross, 1.0)), BLOCK_BYTES // max(size, 1)))


def warmed(timer: Timer, size: int) -> Pace:
    """Run until it is warm, and find the pace meanwhile."""
    started = perf_counter()
    gross, _ = timer(1)
    for _ in range(WARM_BLOCKS):
        calls = pace(gross, size)
        before = perf_counter()
        gross, _ = timer(calls)
        taken = perf_counter() - before
        if perf_counter() - started > WARM_SECONDS:
            break
    return Pace(pace(gross, size), max(1, math.ceil(taken / ROUND_SECONDS)))


def interleave(
    timers: dict[Key, Timer],
    size: Callable[[Key], int],
    *,
    rounds: int,
    progress: Callable[[str], None],
) -> dict[Key, Net]:
    """Time everybody in every round, in a new order each time."""
    paces = {}
    for done, (key, timer) in enumerate(timers.items()):
        progress(f"warming up {done + 1} of {len(timers)}")
        paces[key] = warmed(timer, size(key))
    samples: dict[Key, list[tuple[float, float]]] = {key: [] for key in timers}
    for done in range(rounds):
        progress(f"round {done + 1} of {rounds}")
        order = [key for key in timers if done % paces[key].every == 0]
        random.shuffle(order)
        for key in order:
            samples[key].append(timers[key](paces[key].calls))
    return {key: subtracted(values, paces[key].calls) for key, values in samples.items()}
