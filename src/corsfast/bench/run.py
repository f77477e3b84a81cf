"""What is asked for -> rows: the decisions, the import, and every stand that can be made here.

Place in the flow: decisions.py, start.py, stands.py and peers/ -> here -> __main__.py.
Never: import a peer whose rows are not asked for; pass over a wrong answer.
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

# Stands without a library: nothing may be wrong with them.
OWN = ("asgi", "wsgi")
# Starting interpreters is slow: one round of them for so many others.
ROUNDS_PER_START = 5


class Asked(NamedTuple):
    """Which rows: those whose names hold `word`, and with `middleware` no decisions."""

    word: str
    middleware: bool
    rounds: int
    calls: int

    def has(self, stand: str) -> bool:
        """Whether a row of that stand is asked for."""
        return any(self.word in name for name in rows_of(stand))


class Found(NamedTuple):
    """What came of a run.

    Attributes:
        rows: the figures.
        made: for each table among them how it was made.
        unable: for each stand that could not be measured though its libraries are here, the
            error; those that a file failed to give share one, as "a, b".
    """

    rows: list[Row]
    made: dict[str, Made]
    unable: dict[str, str]


def rows_of(stand: str) -> list[str]:
    """What the rows of a stand are called where rows are chosen by name."""
    return [f"{stand}: {kind}" for kind in libraries.KINDS]


def every_stand(here: Iterable[str]) -> list[str]:
    """The names of all stands, those of peers that are here last. Nothing is imported."""
    return [*OWN, *(stand for name in here for stand in libraries.stand_names(name))]


def names(asked: Asked, here: Iterable[str]) -> list[str]:
    """The rows that are asked for, by name, as far as the peers that are here can be measured."""
    alone = [] if asked.middleware else [*FLOORS, *(case.name for case in cases()), IMPORT]
    every = [*alone, *(name for stand in every_stand(here) for name in rows_of(stand))]
    return [name for name in every if asked.word in name]


def measure_all(
    asked: Asked, here: Iterable[str], say: Callable[[str], None], progress: Callable[[str], None]
) -> Found:
    """Measure what is asked for.

    A peer that cannot be imported, cannot be set up or fails without us costs its own rows only.

    Raises:
        AssertionError: for a wrong answer of anybody.
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
    """Add what the stands of one file give to what was found."""
    stands = libraries.stands(name, engines)
    to_come = [stand for stand in libraries.stand_names(name) if asked.has(stand)]
    while True:
        try:
            stand = next(stands, None)
        except Exception as error:  # whatever an old or broken library may raise
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
    """An error in one line, without the folder that a library lies in: it names its owner."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    path = getattr(error, "path", None)
    return text.replace(f" ({path})", "") if path else text
