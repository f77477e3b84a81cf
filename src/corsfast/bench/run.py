"""Measure the requested rows: decisions, the import, and every available scenario.

A library is imported only if its rows are requested. Wrong answers are errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from . import decisions, libraries
from .cases import cases
from .decisions import FLOORS, measure_decisions
from .engines import Engine, installed_engines
from .importing import NAME as IMPORT, TABLE as START, measure_start
from .rows import Made, Row
from .scenarios import UnableError, made_of, measure_stand

# Scenarios without a library: no error is expected here.
OWN = ("asgi", "wsgi")
# Starting interpreters is slow, so there is one round of them for this many other rounds.
ROUNDS_PER_START = 5


class Asked(NamedTuple):
    """The requested rows: names that contain `word`, without decisions if `middleware` is set."""

    word: str
    middleware: bool
    rounds: int
    calls: int

    def has(self, stand: str) -> bool:
        """Return whether a row of that scenario is requested."""
        return any(self.word in name for name in rows_of(stand))


class Found(NamedTuple):
    """The result of a run.

    Attributes:
        rows: the figures.
        made: how each of their tables was made.
        unable: the error of each scenario that could not be measured with its libraries installed;
            scenarios that their file failed to provide share one error, as "a, b".
    """

    rows: list[Row]
    made: dict[str, Made]
    unable: dict[str, str]


def rows_of(stand: str) -> list[str]:
    """Return the names of a scenario's rows, as rows are chosen by name."""
    return [f"{stand}: {kind}" for kind in libraries.KINDS]


def every_stand(here: Iterable[str]) -> list[str]:
    """Return the names of all scenarios, libraries last. Nothing is imported."""
    return [*OWN, *(stand for name in here for stand in libraries.stand_names(name))]


def names(asked: Asked, here: Iterable[str]) -> list[str]:
    """Return the names of the requested rows that the installed libraries allow."""
    alone = [] if asked.middleware else [*FLOORS, *(case.name for case in cases()), IMPORT]
    every = [*alone, *(name for stand in every_stand(here) for name in rows_of(stand))]
    return [name for name in every if asked.word in name]


def measure_all(
    asked: Asked, here: Iterable[str], say: Callable[[str], None], progress: Callable[[str], None]
) -> Found:
    """Measure the requested rows.

    A library that cannot be imported, cannot be set up, or fails without corsfast costs only its
    own rows.

    Raises:
        AssertionError: for a wrong answer of any subject.
    """
    found = Found([], {}, {})
    rows, made, _ = found
    engines = installed_engines()
    if not asked.middleware:
        chosen = [case for case in cases() if asked.word in case.name]
        if chosen or any(asked.word in name for name in FLOORS):
            say(f"decisions: {len(chosen)} cases" if chosen else "decisions: the floors alone")
            rows += measure_decisions(chosen, engines, asked.rounds, asked.calls, progress)
            made[decisions.TABLE] = Made(asked.rounds, asked.calls)
        if asked.word in IMPORT:
            rounds = asked.rounds // ROUNDS_PER_START
            rows.append(measure_start(rounds, progress))
            made[START] = Made(rounds, 1)
    for name in (*OWN, *here):
        if any(map(asked.has, libraries.stand_names(name))):
            measure_peer(name, engines, asked, found, say, progress)
    progress("")
    return found


def measure_peer(
    name: str,
    engines: dict[str, Engine],
    asked: Asked,
    found: Found,
    say: Callable[[str], None],
    progress: Callable[[str], None],
) -> None:
    """Add the results of one file's scenarios."""
    stands = libraries.stands(name, engines)
    to_come = [stand for stand in libraries.stand_names(name) if asked.has(stand)]
    while True:
        try:
            stand = next(stands, None)
        except Exception as error:  # an old or broken library may raise anything
            if name in OWN:
                raise
            if to_come:
                found.unable[", ".join(to_come)] = said(error)
            else:
                say(f"{name}, after all that was asked for: {said(error)}")
            return
        if stand is None:
            return
        if not asked.has(stand.name):
            continue
        to_come.remove(stand.name)
        say(f"{stand.name}: {stand.about}")
        try:
            rows = measure_stand(stand, asked.rounds, asked.calls, asked.word, progress)
        except UnableError as error:
            found.unable[stand.name] = str(error)
            continue
        found.rows.extend(rows)
        found.made[stand.name] = made_of(stand, asked.rounds, asked.calls)


def said(error: Exception) -> str:
    """Return an error in one line, without the library's folder, which may name its owner."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    path = getattr(error, "path", None)
    return text.replace(f" ({path})", "") if path else text
