"""Measure subjects: interleaved rounds, fresh inputs, the loop subtracted, pairs side by side.

A shared machine alternates between fast and slow phases, and each phase is longer than one sample.
Subjects that are compared are therefore timed side by side within one round. They are compared
round by round, not as two figures from different moments.
"""

from __future__ import annotations

import gc
import random
import statistics
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from time import perf_counter_ns
from typing import Any, NamedTuple

from .cases import Inputs

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

Key = tuple[str, str]  # the name and the variant of a row


class Subject(NamedTuple):
    """A callable, and a function that makes its inputs.

    With `run`, each call returns an awaitable. One coroutine awaits the calls one after the other,
    and `run` drives that coroutine and returns its result. One sample takes at most `most` calls.
    `by_turns` makes `turns` measure a pair of subjects, call by call.
    """

    call: Callable[..., Any]
    inputs: Callable[[int], Inputs]
    run: Callable[[Coroutine[Any, Any, int]], int] | None = None
    most: int = 1_000_000
    by_turns: bool = False


def take_samples(
    subjects: Mapping[Key, tuple[Subject, ...]],
    rounds: int,
    calls: int,
    progress: Callable[[str], None],
) -> dict[Key, list[tuple[float, ...]]]:
    """Return for each key one tuple of samples a round, of subjects timed one after the other.

    In each round a subject gets new inputs, and the order is random, because the second subject
    finds warmer caches. The garbage collector is off while the clock runs. A sample has at most
    `calls` calls.
    """
    # Subjects of one key get the same number, because consecutive calls find warmer caches.
    counts = {key: min(calls_for(it, calls) for it in group) for key, group in subjects.items()}
    samples: dict[Key, list[tuple[float, ...]]] = {key: [] for key in subjects}
    with frozen_heap():
        for done in range(rounds):
            progress(f"round {done + 1} of {rounds}")
            with collected():
                for key in random.sample(list(subjects), len(subjects)):
                    group = subjects[key]
                    if len(group) == 2 and group[0].by_turns:
                        samples[key].append(turns(group))
                    else:
                        samples[key].append(in_random_order(group, counts[key]))
    return samples


def in_random_order(group: Sequence[Subject], calls: int) -> tuple[float, ...]:
    """Return one sample of each subject, in the given order, but taken in random order."""
    took = [0.0] * len(group)
    for place in random.sample(range(len(group)), len(group)):
        took[place] = sample(group[place], calls)
    return tuple(took)


def turns(pair: Sequence[Subject]) -> tuple[float, float]:
    """Return one sample of two subjects that alternate call by call, each call timed separately.

    This is for a call that fills a block alone. Its time depends more on the load of the machine,
    and on which subject runs first, than on what is added to it. So a sample has many calls, each
    next to a call of the other subject, as often before it as after it. The sample is the median
    of all these differences.
    """
    took = []
    for order in random.sample([(0, 1), (1, 0)], 2):
        inputs = [subject.inputs(FIRST_TURNS + TURNS) for subject in pair]
        for turn in range(FIRST_TURNS + TURNS):
            times = [0, 0]
            for place in order:
                times[place] = timed(pair[place], inputs[place][turn : turn + 1])
            if turn >= FIRST_TURNS:
                took.append(times)
    alone = statistics.median(theirs for _, theirs in took)
    return alone + statistics.median(mine - theirs for mine, theirs in took), alone


def calls_for(subject: Subject, most: int) -> int:
    """Return the number of calls in one sample: as many as fit BLOCK_NS, within 1 to `most`."""
    took = min(sample(subject, 3) for _ in range(3))
    return max(1, min(most, subject.most, int(BLOCK_NS / max(took, 1.0))))


def sample(subject: Subject, calls: int) -> float:
    """Return the nanoseconds per call over one block of calls, net of the loop."""
    warm, inputs = subject.inputs(min(WARM_UP, calls)), subject.inputs(calls)
    timed(subject, warm, called=False)
    timed(subject, warm)
    empty = timed(subject, inputs, called=False)
    return (timed(subject, inputs) - empty) / calls


def timed(subject: Subject, inputs: Inputs, *, called: bool = True) -> int:
    """Return the nanoseconds of a loop that calls the subject, or that only reads the inputs."""
    loop = loop_of(len(inputs[0]), called, subject.run is not None)
    result = loop(subject.call, flat(inputs))
    return result if subject.run is None else subject.run(result)


def flat(inputs: Inputs) -> list[Any]:
    """Return inputs of one argument without their tuples, as loops of one argument take them."""
    return [only for (only,) in inputs] if len(inputs[0]) == 1 else inputs


@cache
def loop_of(arguments: int, called: bool, awaited: bool) -> Callable[..., Any]:
    """Return a loop over inputs of this many arguments."""
    names = ", ".join("abc"[:arguments])
    call = f"await call({names})" if awaited else f"call({names})"
    return make_loop(names, call if called else names.replace(", ", "; "), awaited=awaited)


# Made from text as timeit does, because a loop for any number of arguments would have to unpack
# them in the call. The clock is inside, because driving a coroutine has a cost too.
LOOP = """
{define} loop(call, inputs):
    start = now()
    for {names} in inputs:
        {statement}
    return now() - start
"""


def make_loop(
    names: str, statement: str, *, awaited: bool = False, **known: Any
) -> Callable[..., Any]:
    """Return a function of (call, inputs) that returns the nanoseconds of its loop.

    `known` are other names that the statement uses.
    """
    define = "async def" if awaited else "def"
    known["now"] = perf_counter_ns
    exec(LOOP.format(define=define, names=names, statement=statement), known)
    loop: Callable[..., Any] = known["loop"]
    return loop


@contextmanager
def frozen_heap() -> Iterator[None]:
    """Make the collector, which runs once a round, skip the objects that existed before."""
    freeze = getattr(gc, "freeze", None)  # missing in PyPy
    if freeze is None:
        yield
        return
    gc.collect()
    freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def collected() -> Iterator[None]:
    """Run the garbage collector now, and not again before the end of the block."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def step(block: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that waits for nothing, without an event loop, and return its result."""
    try:
        block.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("this coroutine waits for something: it needs an event loop")
