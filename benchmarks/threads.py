"""``python benchmarks/threads.py``: how much more two threads decide than one, without the GIL.

Both threads share a policy. Each makes its own inputs, as a server's threads do, and times short
blocks of calls. One of them runs alone and with the other in turn, and of the latter only the
blocks count during which the other ran too. The best rounds are compared, so other programs on the
machine hardly change the result. A row below the goal gets more rounds, and a mark if it stays
there, as it may on a busy machine and on two threads of one core.

    python benchmarks/threads.py [WORD]              the rows whose names contain the word
"""

from __future__ import annotations

import gc
import sys
from bisect import bisect
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from math import inf
from statistics import median
from threading import Barrier
from time import perf_counter_ns
from typing import Any

from corsfast._engine import native
from corsfast.bench.cases import Case, cases
from corsfast.bench.measure import flat, loop_of

# Two threads decide at least this much more than one.
GOAL = 1.7

# A block is long enough for the clock and much shorter than a time slice of the system.
CALLS, BLOCKS = 200, 20
SECONDS = 0.03
# A row gets 10 to 200 rounds, because on a busy machine both threads seldom run at the same time.
ROUNDS, MOST_TURNS = 10, 20
# A round counts if it has this many blocks.
LEAST_BLOCKS = 20

Spans = list[tuple[int, int]]


def rounds(case: Case, policy: Any, pool: ThreadPoolExecutor) -> Iterator[tuple[Spans, ...]]:
    """Yield when the blocks of rounds began and ended: of one thread alone, and of both."""
    ready = Barrier(2)

    def work(first: bool) -> list[Spans]:
        call = getattr(policy, case.call)
        loop = loop_of(len(case.inputs(1)[0]), True, False)
        blocks = cycle([flat(case.given(policy)(CALLS)) for _ in range(BLOCKS)])
        found = []
        for runs in (first, True) * ROUNDS:
            spans: Spans = []
            ready.wait()
            end = perf_counter_ns() + int(SECONDS * 1e9)
            while runs and (start := perf_counter_ns()) < end:
                loop(call, next(blocks))
                spans.append((start, perf_counter_ns()))
            found.append(spans)
        return found

    one, other = pool.map(work, (True, False))
    yield from zip(one[::2], one[1::2], other[1::2], strict=True)


def length(span: tuple[int, int]) -> int:
    return span[1] - span[0]


def typical(spans: Spans) -> float:
    return median(map(length, spans)) if len(spans) >= LEAST_BLOCKS else inf


def shared(spans: Spans, others: Spans) -> Spans:
    """Return the blocks during which the other thread ran without a pause."""
    at_most = 4 * typical(others)
    found = []
    for start, end in spans:
        first = bisect(others, (start, start)) - 1
        last = bisect(others, (end, end)) - 1
        if first >= 0 and others[last][1] >= end and others[last][1] - others[first][0] <= at_most:
            found.append((start, end))
    return found


def ratio(case: Case) -> float:
    """Return how much more two threads decide than one; 0 if they never ran together."""
    policy = native.Policy(**case.options)
    found = 0.0
    with ThreadPoolExecutor(2) as pool:
        for _ in range(MOST_TURNS):
            # Compare a thread with itself, because the place of its inputs in memory matters too.
            taken = list(rounds(case, policy, pool))
            alone = min(typical(spans) for spans, _, _ in taken)
            together = min(typical(shared(one, other)) for _, one, other in taken)
            found = max(found, 2 * alone / together)
            if found >= GOAL:
                break
    return found


def main(word: str = "") -> None:
    """Print the table."""
    if getattr(sys, "_is_gil_enabled", lambda: True)():
        sys.exit("this needs a free-threaded Python")
    gc.disable()
    for case in cases():
        # The calls of a hostile case share one text, so its reference count would be measured.
        if word in case.name and not case.name.startswith("hostile"):
            found = ratio(case)
            mark = "" if found >= GOAL else f", below {GOAL}"
            print(f"{found:5.2f}  {case.name}{mark}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
