"""Time all subjects in interleaved rounds, and subtract the floor of each."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from statistics import median
from time import perf_counter
from typing import NamedTuple

from corsfast.bench.measure import REQUESTS, Figure, summarise
from corsfast.bench.rows import differences, ratios

# Times one round with a number of requests and blocks: nanoseconds per request, (gross, floor).
Timer = Callable[[int, int], tuple[float, float]]
Key = tuple[str, str]  # row, column

# Requests in a round, in blocks of REQUESTS. The requests of a block are in memory together, and
# fit into the nearest caches, as the fields of a request that was just read do. A block of fast
# subjects takes only a microsecond or two, so a round has several blocks.
CALLS = 200
# Slow or large subjects get fewer requests, limited by this time and this memory.
BLOCK_NS = 2_000_000
BLOCK_BYTES = 32 * 2**20
# Before the first round every subject runs this often, or this long, to warm up JIT compilers.
WARM_ROUNDS = 60
WARM_SECONDS = 0.5
# A subject that takes longer than this for a round, with preparation, is not in every round.
ROUND_SECONDS = 0.1


class Rounds(NamedTuple):
    """The samples of a subject: (gross, floor) by the number of the round."""

    samples: dict[int, tuple[float, float]]
    calls: int  # in a block
    blocks: int = 1

    @property
    def net(self) -> Figure:
        """Return what the layer adds: the median of gross minus floor in each round.

        In a slow round both are slow. So the difference of the two medians would be less accurate
        than the median of the differences.
        """
        return summarise(differences(self.samples.values()))

    @property
    def gross(self) -> Figure:
        return summarise(gross for gross, _ in self.samples.values())

    @property
    def floor(self) -> Figure:
        return summarise(floor for _, floor in self.samples.values())


def share(ours: Rounds, theirs: Rounds) -> Figure:
    """Return our net time as a share of theirs, over the rounds that both have.

    If theirs is not above its floor, the round counts as infinitely bad for us.
    """
    both = sorted(ours.samples.keys() & theirs.samples.keys())
    return ratios(*(differences(each.samples[i] for i in both) for each in (ours, theirs)))


class Pace(NamedTuple):
    """How a subject is timed: requests per block, blocks per round, and the interval of rounds."""

    calls: int
    blocks: int
    every: int


def calls_for(gross: float, size: int) -> tuple[int, int]:
    """Return the number of requests in a block, and of blocks in a round.

    `gross` and `size` are the nanoseconds and bytes of one request.
    """
    most = max(1, min(CALLS, int(BLOCK_NS / max(gross, 1.0)), BLOCK_BYTES // max(size, 1)))
    return min(most, REQUESTS), max(1, most // REQUESTS)


def of_blocks(blocks: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Combine blocks of (gross, floor) to a round, by the median of their differences."""
    both = list(blocks)
    floor = median(floor for _, floor in both)
    return floor + median(gross - floor for gross, floor in both), floor


def warmed(timer: Timer, size: int) -> Pace:
    """Warm up a subject, and return its pace."""
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
    """Time all subjects in every round, in a new order each time, a row's columns side by side.

    A shared machine alternates between fast and slow phases, each longer than a row takes. So
    subjects that are compared have to be measured in the same phase.
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
    """Return the rows in random order, and the columns of each row in random order."""
    rows: dict[str, list[Key]] = {}
    for key in keys:
        rows.setdefault(key[0], []).append(key)
    for columns in rows.values():
        random.shuffle(columns)
    order = list(rows.values())
    random.shuffle(order)
    return [key for columns in order for key in columns]
