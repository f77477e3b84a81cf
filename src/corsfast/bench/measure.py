"""How it is measured: interleaved rounds, fresh inputs, the loop subtracted, pairs side by side.

Place in the flow: cases -> measure -> rows -> report. Never: print, or know what a case means.

A machine that others share runs faster and slower by turns, each for longer than one sample
takes. Whatever is compared is therefore timed side by side within one round (`pairs`), and
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

# A figure is noisy whose median is not known to this share of itself.
NOISY = 0.25

# Calls before the clock runs, with inputs of their own.
WARM_UP = 20

# A block of calls need not last longer than this for the clock's own cost (about 40 ns) not to
# matter; slow subjects are called less often, and measured in no more time than fast ones.
BLOCK_NS = 200_000

# Whole requests in one sample. Fourteen headers fill 3 KiB, and a server hands over a request
# that it has just read: those of a sample have to fit into the nearest caches together.
REQUESTS = 15

# How often two subjects take turns in each order, and how often before the clock counts.
TURNS, FIRST_TURNS = 15, 3

# Two-sided 95 % of the normal distribution, which the ranks around a median follow.
Z = 1.96


class Figure(NamedTuple):
    """The median of the rounds, usually in nanoseconds per call, net of the loop.

    `low` and `high` are the quartiles: between them lies the middle half of the rounds.
    `least` and `most` are where the median itself lies with 95 % certainty.
    """

    median: float
    low: float
    high: float
    least: float = -math.inf
    most: float = math.inf

    @property
    def noisy(self) -> bool:
        """Whether the rounds disagree too much for the median to be stated as a fact."""
        return not self.most - self.least <= NOISY * max(abs(self.median), 1.0)


class Subject(NamedTuple):
    """Something to be called with each of the inputs.

    Where `run` is given, each call returns an awaitable, the calls are awaited one after the
    other by one coroutine, and `run` is what drives that to its end. One sample takes `most`
    calls at most. `by_turns` is for a pair of these: see `turns`.
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

    In each round a subject gets new inputs, after a few calls that bring its code into the
    caches (others ran in between), and the time of an empty loop over just these inputs is
    subtracted from its own. The collector is off while the clock runs.

    Args:
        rounds: how many samples each subject gets.
        calls: how many calls one sample takes at most; slow subjects get fewer.
    """
    found = pairs({name: (it,) for name, it in subjects.items()}, rounds, calls, progress)
    return {name: summarise(value for (value,) in samples) for name, samples in found.items()}


def pairs(
    subjects: Mapping[str, tuple[Subject, ...]],
    rounds: int,
    calls: int,
    progress: Callable[[str], None],
) -> dict[str, list[tuple[float, ...]]]:
    """For each name one tuple of samples a round, its subjects timed right after each other.

    Which of them comes first is drawn anew each time: the second one finds warmer caches.
    """
    each = {}
    for name, together in subjects.items():
        # The same number of all: calls that follow one another find warmer caches.
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
    """One sample of each, in their order, but taken in any order."""
    took = [0.0] * len(together)
    for place in random.sample(range(len(together)), len(together)):
        took[place] = sample(*together[place])
    return tuple(took)


def turns(together: Sequence[tuple[Subject, int]]) -> tuple[float, ...]:
    """One sample of two subjects that take turns, call by call, each call timed by itself.

    A call that fills a block alone is a block of one: what else runs on the machine, and which of
    two comes first, sets its time by more than what is added to it. So there are many calls to a
    sample, each right beside one of the other subject; as often before it as behind it. What the
    one takes beyond the other is the median of all these differences, and is what counts of this
    sample. One subject alone has nobody to take turns with.
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
    """The times of both, turn by turn, once their code is in the caches."""
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
    """How many calls of it make one sample: as many as BLOCK_NS needs, within 1 to `most`."""
    took = min(sample(subject, 3) for _ in range(3))
    return max(1, min(most, subject.most, int(BLOCK_NS / max(took, 1.0))))


def sample(subject: Subject, calls: int) -> float:
    """Nanoseconds per call over one block of calls, net of the loop."""
    warm, inputs = subject.inputs(min(WARM_UP, calls)), subject.inputs(calls)
    empty_block, full_block = (BLOCKS if subject.run is None else AWAITED)[len(inputs[0])]
    if len(inputs[0]) == 1:
        warm, inputs = [given for (given,) in warm], [given for (given,) in inputs]
    time_block(empty_block, subject, warm)
    time_block(full_block, subject, warm)
    empty = time_block(empty_block, subject, inputs)
    return (time_block(full_block, subject, inputs) - empty) / calls


def summarise(values: Iterable[float]) -> Figure:
    """The figure of some samples, by their ranks alone; they may be infinite.

    The interval around the median supposes nothing of how the samples are spread.
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
    """Let the collector, which runs once a round, pass over what existed before.

    A heap that the caller has frozen stays frozen.
    """
    freeze = getattr(gc, "freeze", None)  # PyPy has none
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
    """Drive a coroutine that waits for nothing to its end, without an event loop."""
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
    # The clock stands inside of the coroutine: what drives it costs something, too.
    took: list[int] = []
    subject.run(block(subject.call, inputs, took))
    return took[0]


def _empty_1(_: Callable[..., Any], inputs: list[Any]) -> None:
    for given in inputs:
        given  # noqa: B018


def _call_1(call: Callable[..., Any], inputs: list[Any]) -> None:
    for given in inputs:
        call(given)


# One statement each: a tuple of them would be built, and its cost taken from every call's.
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
    # What the clock and the unpacking cost is part of both.
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
