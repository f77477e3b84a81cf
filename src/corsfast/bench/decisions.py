"""Measure the decisions of each engine, as multiples of the cheapest possible call."""

from __future__ import annotations

from collections.abc import Callable

from .cases import APP, TENANT, Case, Goal, picked, texts
from .engines import Engine
from .measure import REQUESTS, Subject, pairs, summarise
from .rows import Aim, Row, ratios

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
    samples = pairs(
        {f"{i}": pair for i, pair in enumerate(subjects.values())}, rounds, calls, progress
    )
    rows = []
    goals = {case.name: case.goal for case in cases}
    for (name, who), found in zip(subjects, samples.values(), strict=True):
        mine, floors = zip(*found, strict=True)
        row = Row(TABLE, name, who, "time", summarise(mine), ratios(mine, floors), F)
        goal = goals.get(name) if who == "native" else None
        rows.append(row._replace(aim=aim(goal, row)))
    return rows


def aim(goal: Goal | None, row: Row) -> Aim | None:
    if goal is None:
        return None
    figure = row.ratio if goal.unit == "F" else row.figure
    return Aim(f"<= {goal.at_most:g} {goal.unit}", goal.at_most, figure)


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
