"""Rounds of everybody in turn, and what is left of them once the floor is gone.

Place in the flow: timers -> figures -> report, on corsfast.bench's own arithmetic.
Never: know what is being timed.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from statistics import median
from time import perf_counter
from typing import NamedTuple

from corsfast.bench.measure import REQUESTS, Figure, summarise
from corsfast.bench.rows import differences, ratios

# One round over a number of requests and of blocks: nanoseconds per request, (gross, floor).
Timer = Callable[[int, int], tuple[float, float]]
Key = tuple[str, str]  # row, column

# Requests in a round, in blocks of REQUESTS: those of a block are in memory together, and fit into
# the nearest caches, as a request's fields do that were just read. A block lasts a microsecond
# or two where everything is fast, so there are several to a round.
CALLS = 200
# What is slow or large has fewer: this much time, and this much memory.
BLOCK_NS = 2_000_000
BLOCK_BYTES = 32 * 2**20
# Before the first round everybody runs this often, or this long: compilers at run time need it.
WARM_ROUNDS = 60
WARM_SECONDS = 0.5
# Who takes longer than this for a round, preparation included, is not in every round.
ROUND_SECONDS = 0.1


class Rounds(NamedTuple):
    """What was measured of a subject: (gross, floor) by the number of the round."""

    samples: dict[int, tuple[float, float]]
    calls: int  # in a block
    blocks: int = 1

    @property
    def net(self) -> Figure:
        """What the layer adds: each round's floor is subtracted from the same round's gross.

        A round in which the machine was slow was slow for both, so the difference of the two
        medians would be further from the truth than the median of the differences.
        """
        return summarise(differences(self.samples.values()))

    @property
    def gross(self) -> Figure:
        return summarise(gross for gross, _ in self.samples.values())

    @property
    def floor(self) -> Figure:
        return summarise(floor for _, floor in self.samples.values())


def share(ours: Rounds, theirs: Rounds) -> Figure:
    """Our net time as a share of theirs, of the rounds that both were in.

    A round in which theirs is not above its floor counts as infinitely bad for us.
    """
    both = sorted(ours.samples.keys() & theirs.samples.keys())
    return ratios(*(differences(each.samples[i] for i in both) for each in (ours, theirs)))


class Pace(NamedTuple):
    """How a subject is timed: requests in a block, blocks in a round, and every which round."""

    calls: int
    blocks: int
    every: int


def calls_for(gross: float, size: int) -> tuple[int, int]:
    """How many requests a block has, and how many blocks a round, if a request is of this many
    nanoseconds and bytes."""
    most = max(1, min(CALLS, int(BLOCK_NS / max(gross, 1.0)), BLOCK_BYTES // max(size, 1)))
    return min(most, REQUESTS), max(1, most // REQUESTS)


def of_blocks(blocks: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """A round of its blocks, each (gross, floor): the difference is the median of theirs."""
    both = list(blocks)
    floor = median(floor for _, floor in both)
    return floor + median(gross - floor for gross, floor in both), floor


def warmed(timer: Timer, size: int) -> Pace:
    """Run until it is warm, and find the pace meanwhile."""
    started = perf_counter()
    gross, _ = timer(1, 1)
    for _ in range(WARM_ROUNDS):
        before = perf_counter()
        gross, _ = timer(*calls_for(gross, size))
        taken = perf_counter() - before
        if perf_counter() - started > WARM_SECONDS:
            break
    return Pace(*calls_for(gross, size), max(1, math.ceil(taken / ROUND_SECONDS)))


def interleave(
    timers: dict[Key, Timer],
    size: Callable[[Key], int],
    *,
    rounds: int,
    progress: Callable[[str], None],
) -> dict[Key, Rounds]:
    """Time everybody in every round, in a new order each time, a row's columns side by side.

    A machine that others share runs faster and slower by turns, each for longer than a row
    takes: what is compared has to be measured in the same of these turns.
    """
    found = {}
    paces = {}
    for done, (key, timer) in enumerate(timers.items()):
        progress(f"warming up {done + 1} of {len(timers)}")
        paces[key] = warmed(timer, size(key))
        found[key] = Rounds({}, paces[key].calls, paces[key].blocks)
    for done in range(rounds):
        progress(f"round {done + 1} of {rounds}")
        for key in shuffled(key for key in timers if done % paces[key].every == 0):
            found[key].samples[done] = timers[key](paces[key].calls, paces[key].blocks)
    return found


def shuffled(keys: Iterable[Key]) -> list[Key]:
    """Rows in any order, and within each its columns in any order."""
    rows: dict[str, list[Key]] = {}
    for key in keys:
        rows.setdefault(key[0], []).append(key)
    for columns in rows.values():
        random.shuffle(columns)
    order = list(rows.values())
    random.shuffle(order)
    return [key for columns in order for key in columns]
