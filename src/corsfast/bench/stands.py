"""Stands -> rows: what each way to have CORS adds to the same application.

Place in the flow: peers -> measure -> rows. Never: time an answer that was not looked at.

A delta is taken within each round, from a request to the application with CORS and one to the
application without it, right after each other. A preflight is answered *instead of* by the
application, so it has no delta: its row is the whole time.
"""

from __future__ import annotations

from collections.abc import Callable

from .measure import REQUESTS, Subject, pairs, summarise
from .peers import Stand
from .rows import Aim, Row, differences, ratios

PREFLIGHT = "preflight"


def check(stand: Stand) -> None:
    """Ask every way for every answer.

    Raises:
        AssertionError: for the first wrong one.
    """
    for way in stand.ways:
        for name, answer in way.expects.items():
            for given in stand.requests[name](3):
                got = way.look(*given)
                if got != answer:
                    raise AssertionError(f"{stand.name}: {name}, {way.who}: {got}, not {answer}")


def names(stand: Stand) -> list[str]:
    """What its rows are called where rows are chosen by name."""
    return [f"{stand.name}: {name}" for name in stand.requests]


def measure_stand(
    stand: Stand, rounds: int, calls: int, wanted: str, progress: Callable[[str], None]
) -> list[Row]:
    """The rows of one stand, those whose name holds `wanted`."""
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
