"""Measure the scenarios: what each kind of CORS adds to the same application.

A delta is taken within each round, from a request to the application with CORS and one to the
application without it, right after each other. A preflight is answered *instead of* by the
application, so it has no delta: its row is the whole time. Answers are checked before timing.
"""

from __future__ import annotations

from collections.abc import Callable

from .libraries import WITHOUT, Stand
from .measure import REQUESTS, TURNS, Subject, pairs, summarise
from .rows import Aim, Made, Row, differences, ratios

PREFLIGHT = "preflight"


class UnableError(Exception):
    """A library failed in code that does not involve corsfast."""


def check(stand: Stand) -> None:
    """Check every answer of every way.

    Raises:
        AssertionError: for the first wrong one.
        UnableError: if the library, or the application without CORS, raises an error itself.
    """
    theirs = (WITHOUT, stand.original) if stand.original else ()
    for way in stand.ways:
        for name, answer in way.expects.items():
            for given in stand.requests[name](3):
                try:
                    got = way.look(*given)
                except Exception as error:
                    if way.who not in theirs:
                        raise
                    raise UnableError(f"{name}, {way.who}: {error!r}") from error
                if got != answer:
                    raise AssertionError(f"{stand.name}: {name}, {way.who}: {got}, not {answer}")


def made_of(stand: Stand, rounds: int, calls: int) -> Made:
    """Return how `measure_stand` makes its figures with these arguments."""
    # `measure.turns` alternates them in both orders.
    turns = 2 * TURNS if stand.by_turns else 0
    return Made(rounds * stand.times, min(calls, REQUESTS), turns, stand.about, stand.note)


def measure_stand(
    stand: Stand, rounds: int, calls: int, wanted: str, progress: Callable[[str], None]
) -> list[Row]:
    """Return the rows of one scenario whose names contain `wanted`."""
    check(stand)
    bare, *others = stand.ways
    subjects: dict[str, tuple[Subject, ...]] = {}
    for name, inputs in stand.requests.items():
        if wanted not in f"{stand.name}: {name}":
            continue
        alone = Subject(bare.call, inputs, stand.run, REQUESTS, stand.by_turns)
        if name in bare.expects:
            subjects[f"{name}|{bare.who}"] = (alone,)
        for way in others:
            if name in way.expects:
                mine = Subject(way.call, inputs, stand.run, REQUESTS, stand.by_turns)
                subjects[f"{name}|{way.who}"] = (mine,) if name == PREFLIGHT else (mine, alone)
    samples = pairs(subjects, rounds * stand.times, calls, progress)
    costs = {
        key: [each[0] for each in found] if len(found[0]) == 1 else differences(found)
        for key, found in samples.items()
    }
    rows = []
    for key, cost in costs.items():
        name, _, who = key.partition("|")
        theirs = costs.get(f"{name}|{stand.original}")
        compared = theirs is not None and who not in (bare.who, stand.original)
        row = Row(
            stand.name,
            name,
            who,
            "time" if len(samples[key][0]) == 1 else "delta",
            summarise(cost),
            ratios(cost, theirs) if compared and theirs else None,
            stand.original if compared else None,
        )
        rows.append(row._replace(aim=aim(stand, row)))
    return rows


def aim(stand: Stand, row: Row) -> Aim | None:
    for share in stand.shares:
        if share.who == row.who and row.name in share.requests:
            part = f"1/{1 / share.at_most:.0f} of " if share.at_most < 1 else ""
            return Aim(f"<= {part}{stand.original}", share.at_most, row.ratio)
    return None
