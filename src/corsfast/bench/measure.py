"""Measure subjects: interleaved rounds, fresh inputs, the loop subtracted, pairs side by side.

A shared machine alternates between fast and slow phases, and each phase is longer than one sample.
Subjects that are compared are therefore timed side by side within one round (`pairs`). They are
compared round by round, not as two figures from different moments.
"""

from __future__ import annotations

import gc
import math
import random
import statistics
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter_ns
from typing import Any, NamedTuple

from .cases import Inputs

# A figure is noisy if the interval of its median is wider than this share of the median.
NOISY = 0.25

# Calls before the clock runs, with separate inputs.
WARM_UP = 20

# Maximum duration of a block of calls. In a block this long the cost of the clock (about 40 ns)
# does not matter. Slow subjects get fewer calls, so they take no longer than fast ones.
BLOCK_NS = 200_000

# Whole requests in one sample. Fourteen headers fill 3 KiB, and a server passes on a request that
# it has just read. So all requests of a sample have to fit into the nearest caches together.
REQUESTS = 15

# How often two subjects alternate in each order, and how often before the clock counts.
TURNS, FIRST_TURNS = 15, 3

# Two-sided 95 % of the normal distribution, which the ranks around a median follow.
Z = 1.96


class Figure(NamedTuple):
    """The median of the rounds, usually in nanoseconds per call, net of the loop.

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


class Subject(NamedTuple):
    """A callable, and a function that makes its inputs.

    With `run`, each call returns an awaitable. One coroutine awaits the calls one after the other,
    and `run` drives that coroutine to its end. One sample takes at most `most` calls. `by_turns` is
    for a pair of these: see `turns`.
    """

    call: Callable[..., Any]
    inputs: Callable[[int], Inputs]
    run: Callable[[Coroutine[Any, Any, None]], object] | None = None
    most: int = 1_000_000
    by_turns: bool = False


def measure(
    subjects: dict[str, Subject], *, rounds: int, calls: int, progress: Callable[[str], None]
) -> dict[str, Figure]:
    """Time every subject in every round, in a new order each time.

    In each round a subject gets new inputs. A few calls first bring its code into the caches,
    because other subjects ran in between. The time of an empty loop over the same inputs is
    subtracted. The garbage collector is off while the clock runs.

    Args:
        rounds: the number of samples for each subject.
        calls: the maximum number of calls in one sample; slow subjects get fewer.
    """
    found = pairs({name: (it,) for name, it in subjects.items()}, rounds, calls, progress)
    return {name: summarise(value for (value,) in samples) for name, samples in found.items()}


def pairs(
    subjects: Mapping[str, tuple[Subject, ...]],
    rounds: int,
    calls: int,
    progress: Callable[[str], None],
) -> dict[str, list[tuple[float, ...]]]:
    """Return for each name one tuple of samples a round, of subjects timed one after the other.

    Their order is random each time, because the second subject finds warmer caches.
    """
    each = {}
    for name, together in subjects.items():
        # All get the same number, because consecutive calls find warmer caches.
        count = min(calls_for(it, calls) for it in together)
        each[name] = [(it, count) for it in together]
    samples: dict[str, list[tuple[float, ...]]] = {name: [] for name in each}
    with frozen_heap():
        for done in range(rounds):
            progress(f"round {done + 1} of {rounds}")
            order = list(each)
            random.shuffle(order)
            gc.collect()
            gc.disable()
            try:
                for name in order:
                    take = turns if each[name][0][0].by_turns else shuffled
                    samples[name].append(take(each[name]))
            finally:
                gc.enable()
    return samples


def shuffled(together: Sequence[tuple[Subject, int]]) -> tuple[float, ...]:
    """Return one sample of each subject, in the given order, but taken in random order."""
    took = [0.0] * len(together)
    for place in random.sample(range(len(together)), len(together)):
        took[place] = sample(*together[place])
    return tuple(took)


def turns(together: Sequence[tuple[Subject, int]]) -> tuple[float, ...]:
    """Return one sample of two subjects that alternate call by call, each call timed separately.

    This is for a call that fills a block alone. Its time depends more on the load of the machine,
    and on which subject runs first, than on what is added to it. So a sample has many calls, each
    next to a call of the other subject, as often before it as after it. The sample is the median
    of all these differences. A single subject has no partner, so it is timed as usual.
    """
    if len(together) == 1:
        return shuffled(together)
    (mine, _), (theirs, _) = together
    took: list[tuple[int, int]] = []
    orders = [(mine, theirs), (theirs, mine)]
    for first, second in random.sample(orders, len(orders)):
        pairs_of_calls = take_turns(first, second)
        took += pairs_of_calls if first is mine else [(b, a) for a, b in pairs_of_calls]
    alone = statistics.median(b for _, b in took)
    return alone + statistics.median(a - b for a, b in took), alone


def take_turns(first: Subject, second: Subject) -> list[tuple[int, int]]:
    """Return the times of both, turn by turn, after some turns to bring code into the caches."""
    took: list[tuple[int, int]] = []
    for count in (FIRST_TURNS, TURNS):
        took.clear()
        given = first.call, second.call, first.inputs(count), second.inputs(count), took
        if first.run is None:
            _call_by_turns(*given)
        else:
            first.run(_await_by_turns(*given))
    return took


def calls_for(subject: Subject, most: int) -> int:
    """Return the number of calls in one sample: as many as fit BLOCK_NS, within 1 to `most`."""
    took = min(sample(subject, 3) for _ in range(3))
    return max(1, min(most, subject.most, int(BLOCK_NS / max(took, 1.0))))


def sample(subject: Subject, calls: int) -> float:
    """Return the nanoseconds per call over one block of calls, net of the loop."""
    warm, inputs = subject.inputs(min(WARM_UP, calls)), subject.inputs(calls)
    empty_block, full_block = (BLOCKS if subject.run is None else AWAITED)[len(inputs[0])]
    if len(inputs[0]) == 1:
        warm, inputs = [given for (given,) in warm], [given for (given,) in inputs]
    time_block(empty_block, subject, warm)
    time_block(full_block, subject, warm)
    empty = time_block(empty_block, subject, inputs)
    return (time_block(full_block, subject, inputs) - empty) / calls


def summarise(values: Iterable[float]) -> Figure:
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


@contextmanager
def frozen_heap() -> Iterator[None]:
    """Make the collector, which runs once a round, skip the objects that existed before.

    If the caller has frozen the heap, it stays frozen.
    """
    freeze = getattr(gc, "freeze", None)  # missing in PyPy
    if freeze is None:
        yield
        return
    was_frozen = gc.get_freeze_count() > 0
    gc.collect()
    freeze()
    try:
        yield
    finally:
        if not was_frozen:
            gc.unfreeze()


def step(block: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that waits for nothing to its end, without an event loop."""
    try:
        block.send(None)
    except StopIteration:
        return
    raise RuntimeError("this coroutine waits for something: it needs an event loop")


def time_block(block: Callable[..., Any], subject: Subject, inputs: list[Any]) -> int:
    if subject.run is None:
        start = perf_counter_ns()
        block(subject.call, inputs)
        return perf_counter_ns() - start
    # The clock runs inside of the coroutine, because driving the coroutine has a cost too.
    took: list[int] = []
    subject.run(block(subject.call, inputs, took))
    return took[0]


def _empty_1(_: Callable[..., Any], inputs: list[Any]) -> None:
    for given in inputs:
        given  # noqa: B018


def _call_1(call: Callable[..., Any], inputs: list[Any]) -> None:
    for given in inputs:
        call(given)


# One statement each, because a tuple would be built, and its cost subtracted from every call.
def _empty_2(_: Callable[..., Any], inputs: list[Any]) -> None:
    for first, second in inputs:
        first  # noqa: B018
        second  # noqa: B018


def _call_2(call: Callable[..., Any], inputs: list[Any]) -> None:
    for first, second in inputs:
        call(first, second)


def _empty_3(_: Callable[..., Any], inputs: list[Any]) -> None:
    for first, second, third in inputs:
        first  # noqa: B018
        second  # noqa: B018
        third  # noqa: B018


def _call_3(call: Callable[..., Any], inputs: list[Any]) -> None:
    for first, second, third in inputs:
        call(first, second, third)


async def _empty_awaited_1(_: Callable[..., Any], inputs: list[Any], took: list[int]) -> None:
    start = perf_counter_ns()
    for given in inputs:
        given  # noqa: B018
    took.append(perf_counter_ns() - start)


async def _await_1(call: Callable[..., Any], inputs: list[Any], took: list[int]) -> None:
    start = perf_counter_ns()
    for given in inputs:
        await call(given)
    took.append(perf_counter_ns() - start)


async def _empty_awaited_3(_: Callable[..., Any], inputs: list[Any], took: list[int]) -> None:
    start = perf_counter_ns()
    for first, second, third in inputs:
        first  # noqa: B018
        second  # noqa: B018
        third  # noqa: B018
    took.append(perf_counter_ns() - start)


async def _await_3(call: Callable[..., Any], inputs: list[Any], took: list[int]) -> None:
    start = perf_counter_ns()
    for first, second, third in inputs:
        await call(first, second, third)
    took.append(perf_counter_ns() - start)


def _call_by_turns(
    first: Callable[..., Any],
    second: Callable[..., Any],
    ours: Inputs,
    theirs: Inputs,
    took: list[tuple[int, int]],
) -> None:
    # Both times include the cost of the clock and of the unpacking.
    for given, others in zip(ours, theirs, strict=True):
        start = perf_counter_ns()
        first(*given)
        between = perf_counter_ns()
        second(*others)
        took.append((between - start, perf_counter_ns() - between))


async def _await_by_turns(
    first: Callable[..., Any],
    second: Callable[..., Any],
    ours: Inputs,
    theirs: Inputs,
    took: list[tuple[int, int]],
) -> None:
    for given, others in zip(ours, theirs, strict=True):
        start = perf_counter_ns()
        await first(*given)
        between = perf_counter_ns()
        await second(*others)
        took.append((between - start, perf_counter_ns() - between))


# By the number of arguments: (the loop alone, the loop with the calls).
BLOCKS = {1: (_empty_1, _call_1), 2: (_empty_2, _call_2), 3: (_empty_3, _call_3)}
AWAITED = {1: (_empty_awaited_1, _await_1), 3: (_empty_awaited_3, _await_3)}
