"""How it is measured: interleaved rounds, fresh inputs, the loop subtracted.

Place in the flow: cases -> measure -> report. Never: print, or know what a case means.
"""

from __future__ import annotations

import gc
import random
import statistics
from collections.abc import Callable, Iterable
from time import perf_counter_ns
from typing import Any, NamedTuple

from .cases import Inputs

# A figure whose middle half spreads over more than this share of its median is marked.
NOISY = 0.25

# Calls before the clock runs, with inputs of their own.
WARM_UP = 20


class Figure(NamedTuple):
    """Nanoseconds per call, net of the loop around it: the median and the quartiles."""

    median: float
    low: float
    high: float

    @property
    def noisy(self) -> bool:
        return self.high - self.low > NOISY * max(self.median, 1.0)


class Subject(NamedTuple):
    """Something to be called with each of the inputs."""

    call: Callable[..., Any]
    inputs: Callable[[int], Inputs]


def measure(
    subjects: dict[str, Subject], *, rounds: int, calls: int, progress: Callable[[str], None]
) -> dict[str, Figure]:
    """Time every subject in every round, in a new order each time.

    In each round a subject gets new inputs, after a few calls that bring its code into the
    caches (others ran in between), and the time of an empty loop over just these inputs is
    subtracted from its own. The collector is off while the clock runs.
    """
    samples: dict[str, list[float]] = {name: [] for name in subjects}
    for done in range(rounds):
        progress(f"round {done + 1} of {rounds}")
        order = list(subjects)
        random.shuffle(order)
        gc.collect()
        gc.disable()
        try:
            for name in order:
                samples[name].append(sample(subjects[name], calls))
        finally:
            gc.enable()
    return {name: summarise(values) for name, values in samples.items()}


def sample(subject: Subject, calls: int) -> float:
    """Nanoseconds per call over one block of calls, net of the loop."""
    warm, inputs = subject.inputs(WARM_UP), subject.inputs(calls)
    empty_block, full_block = BLOCKS[len(inputs[0])]
    if len(inputs[0]) == 1:
        warm, inputs = [given for (given,) in warm], [given for (given,) in inputs]
    time_block(empty_block, subject.call, warm)
    time_block(full_block, subject.call, warm)
    empty = time_block(empty_block, subject.call, inputs)
    return (time_block(full_block, subject.call, inputs) - empty) / calls


def summarise(values: Iterable[float]) -> Figure:
    values = sorted(values)
    if len(values) < 4:
        return Figure(statistics.median(values), values[0], values[-1])
    low, median, high = statistics.quantiles(values, n=4)
    return Figure(median, low, high)


def time_block(block: Callable[..., None], call: Callable[..., Any], inputs: list[Any]) -> int:
    start = perf_counter_ns()
    block(call, inputs)
    return perf_counter_ns() - start


def _empty_1(_: Callable[..., Any], inputs: list[Any]) -> None:
    for given in inputs:
        given  # noqa: B018


def _call_1(call: Callable[..., Any], inputs: list[Any]) -> None:
    for given in inputs:
        call(given)


# One statement each: a tuple of them would be built, and its cost taken from every call's.
def _empty_3(_: Callable[..., Any], inputs: list[Any]) -> None:
    for first, second, third in inputs:
        first  # noqa: B018
        second  # noqa: B018
        third  # noqa: B018


def _call_3(call: Callable[..., Any], inputs: list[Any]) -> None:
    for first, second, third in inputs:
        call(first, second, third)


BLOCKS = {1: (_empty_1, _call_1), 3: (_empty_3, _call_3)}
