"""Measure the decisions of each engine, as multiples of the cheapest possible call."""

from __future__ import annotations

from collections.abc import Callable

from .cases import APP, TENANT, Case, picked, texts
from .engines import Engine
from .figures import Row, ratios, summarize
from .measure import REQUESTS, Subject, take_samples

TABLE = "decisions"


def look_up(count: int) -> Subject:
    """Return a lookup in a set of this many origins, called like a policy; it decides nothing."""
    return Subject(frozenset(map(TENANT.format, range(count))).__contains__, picked(TENANT, count))


FLOORS: dict[str, Subject] = {
    "floor: len(x)": Subject(len, texts(APP)),
    "floor: def f(x): pass": Subject(lambda _: None, texts(APP)),
    "floor: frozenset.__contains__, of 1": look_up(1),
    "floor: frozenset.__contains__, of 100": look_up(100),
    "floor: frozenset.__contains__, of 10 000": look_up(10_000),
}
# The meaning of "F" in a goal.
F = "len(x)"
PYTHON = "python"
# Calls that get all headers of a request or a response, instead of one value. The headers fill the
# caches as whole requests do, so a sample has only a few of these calls.
HEADERS_GIVEN = ("asgi", "wsgi", "apply_asgi", "apply_wsgi")


def measure_decisions(
    cases: list[Case],
    engines: dict[str, Engine],
    rounds: int,
    calls: int,
    progress: Callable[[str], None],
) -> list[Row]:
    """Return the rows of these cases on these engines, below the floors.

    Each sample of a decision is followed by one of F, so that both see the same machine state.
    """
    floor = Subject(len, texts(APP))
    subjects = {(name, PYTHON): (subject, floor) for name, subject in FLOORS.items()}
    for case in cases:
        for engine in engines.values():
            subjects[case.name, engine.name] = (engine_subject(case, engine), floor)
    rows = []
    goals = {(case.name, "native"): case.goal for case in cases}
    for key, samples in take_samples(subjects, rounds, calls, progress).items():
        mine, floors = zip(*samples, strict=True)
        figure, ratio = summarize(mine), ratios(mine, floors)
        rows.append(Row(TABLE, *key, "time", figure, ratio, F, goals.get(key)))
    return rows


def engine_subject(case: Case, engine: Engine) -> Subject:
    """Return the case's call on this engine, after checking its answers.

    Raises:
        AssertionError: for a wrong answer.
    """
    policy = engine.policy(**case.options)
    if wrong := case.wrong(policy):
        raise AssertionError(f"{case.name}, {engine.name}: {wrong}")
    call, inputs = getattr(policy, case.call), case.given(policy)
    if case.call in HEADERS_GIVEN:
        return Subject(call, inputs, most=REQUESTS)
    return Subject(call, inputs)
