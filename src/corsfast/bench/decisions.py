"""Cases -> rows: what a decision costs on each engine, as multiples of the least possible call.

Place in the flow: cases -> measure -> rows. Never: time a call whose answer was not looked at.
"""

from __future__ import annotations

from collections.abc import Callable

from .cases import APP, Case, Goal, Inputs, fresh
from .engines import Engine
from .measure import Subject, pairs, summarise
from .rows import Aim, Row, ratios

TABLE = "decisions"
FLOORS: dict[str, Callable[[str], object]] = {
    "floor: len(x)": len,
    "floor: x in frozenset": frozenset({APP}).__contains__,
    "floor: def f(x): pass": lambda _: None,
}
# What "F" is in a goal.
F = "len(x)"
PYTHON = "python"


def measure_decisions(
    cases: list[Case],
    engines: dict[str, Engine],
    rounds: int,
    calls: int,
    progress: Callable[[str], None],
) -> list[Row]:
    """The rows of these cases on these engines, below the floors.

    Each sample of a decision has one of F right after it, so that both see the same machine.
    """
    floor = Subject(len, one_origin)
    subjects = {(name, PYTHON): (Subject(call, one_origin), floor) for name, call in FLOORS.items()}
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


def one_origin(n: int) -> Inputs:
    return [(fresh(APP),) for _ in range(n)]


def engine_subject(case: Case, engine: Engine) -> Subject:
    """The case's call on this engine, once its answers are checked.

    Raises:
        AssertionError: for a wrong one.
    """
    call = getattr(engine.policy(**case.options), case.call)
    for given in case.inputs(20):
        outcome = call(*given).outcome.value
        if outcome != case.outcome:
            raise AssertionError(f"{case.name}, {engine.name}: {outcome}, not {case.outcome}")
    return Subject(call, case.inputs)
