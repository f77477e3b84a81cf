"""``python benchmarks/threads.py``: how much more two threads decide than one, without the GIL.

Both threads share a policy. Each makes its own inputs, as a server's threads do, and times short
blocks of calls. Only the blocks during which the other thread ran too are compared with those of
one thread, so other programs on the machine hardly change the result. Rows of new origins and lists
scale less, because the threads write to the same cache of earlier outcomes.

    python benchmarks/threads.py [WORD]              the rows whose names contain the word
"""

from __future__ import annotations

import gc
import sys
from bisect import bisect
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from statistics import median
from time import perf_counter_ns
from typing import Any

from corsfast._engine import native
from corsfast.bench.cases import Case, cases
from corsfast.bench.measure import flat, loop_of

# A block is long enough for the clock and much shorter than a time slice of the system.
CALLS, BLOCKS = 200, 20
SECONDS = 0.5
# On a busy machine, both threads seldom run at the same time.
ATTEMPTS = 10

Spans = list[tuple[int, int]]


def run(case: Case, policy: Any, threads: int) -> list[Spans]:
    """Return when each block of each thread began and ended."""

    def work() -> Spans:
        call = getattr(policy, case.call)
        loop = loop_of(len(case.inputs(1)[0]), True, False)
        blocks = cycle([flat(case.given(policy)(CALLS)) for _ in range(BLOCKS)])
        end = perf_counter_ns() + int(SECONDS * 1e9)
        spans = []
        while (start := perf_counter_ns()) < end:
            loop(call, next(blocks))
            spans.append((start, perf_counter_ns()))
        return spans

    with ThreadPoolExecutor(threads) as pool:
        return [future.result() for future in [pool.submit(work) for _ in range(threads)]]


def length(span: tuple[int, int]) -> int:
    return span[1] - span[0]


def shared(spans: Spans, others: Spans) -> Spans:
    """Return the blocks during which the other thread ran without a pause."""
    at_most = 4 * median(map(length, others))
    found = []
    for start, end in spans:
        first = bisect(others, (start, start)) - 1
        last = bisect(others, (end, end)) - 1
        if first >= 0 and others[last][1] >= end and others[last][1] - others[first][0] <= at_most:
            found.append((start, end))
    return found


def ratio(case: Case) -> float:
    """Return how much more two threads decide than one."""
    policy = native.Policy(**case.options)
    (alone,) = run(case, policy, 1)
    together: Spans = []
    for _ in range(ATTEMPTS):
        one, other = run(case, policy, 2)
        together += [*shared(one, other), *shared(other, one)]
        if len(together) >= 10 * BLOCKS:
            break
    if not together:
        sys.exit("the two threads never ran at the same time")
    return 2 * median(map(length, alone)) / median(map(length, together))


def main(word: str = "") -> None:
    """Print the table."""
    if getattr(sys, "_is_gil_enabled", lambda: True)():
        sys.exit("this needs a free-threaded Python")
    gc.disable()
    for case in cases():
        if word in case.name and not case.name.startswith("hostile"):
            print(f"{ratio(case):5.2f}  {case.name}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
