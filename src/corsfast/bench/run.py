"""Measure the requested rows: decisions, the import, and every available scenario.

A library is imported only if its rows are requested. Wrong answers are errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from . import decisions, importing, libraries, scale
from .cases import cases
from .decisions import FLOORS, measure_decisions
from .engines import installed_engines
from .figures import Row, Sampling
from .importing import measure_import
from .scenario import KINDS, UnableError, measure_scenario

# Calls per round: few enough for their arguments to stay in the processor's caches, as those of a
# request that was just read do, and many enough for the cost of the clock not to matter.
CALLS = 200
ROUNDS, QUICK_ROUNDS = 101, 25
# Starting interpreters is slow, so there is one round of them for this many other rounds.
ROUNDS_PER_IMPORT = 5


class Selection(NamedTuple):
    """The requested rows: those whose names contain `word`, of all tables or of one kind."""

    word: str = ""
    middleware: bool = False
    scale: bool = False
    quick: bool = False

    @property
    def rounds(self) -> int:
        return QUICK_ROUNDS if self.quick else ROUNDS

    @property
    def sizes(self) -> tuple[int, ...]:
        return scale.QUICK_SIZES if self.quick else scale.SIZES

    def has(self, scenario: str) -> bool:
        """Return whether a row of that scenario is requested."""
        return not self.scale and any(self.word in f"{scenario}: {kind}" for kind in KINDS)


class Result(NamedTuple):
    """The rows, how each of their tables was sampled, and the errors of libraries by name."""

    rows: list[Row]
    samplings: dict[str, Sampling]
    unable: dict[str, str]


def names(selection: Selection, here: Iterable[str]) -> list[str]:
    """Return the names of the requested rows that the installed libraries allow."""
    if selection.scale:
        every = [f"{scale.TABLE}: {name}" for size in selection.sizes for name in scale.names(size)]
        return [name for name in every if selection.word in name]
    alone = [*FLOORS, *(case.name for case in cases()), importing.NAME]
    scenarios = [it for name in (*libraries.OWN, *here) for it in libraries.scenario_names(name)]
    every = [] if selection.middleware else alone
    every += [f"{scenario}: {kind}" for scenario in scenarios for kind in KINDS]
    return [name for name in every if selection.word in name]


def measure_all(
    selection: Selection,
    here: Iterable[str],
    say: Callable[[str], None],
    progress: Callable[[str], None],
) -> Result:
    """Measure the requested rows.

    A library that cannot be imported, cannot be set up, or fails without corsfast loses the rest
    of its own rows.

    Raises:
        AssertionError: for a wrong answer of any subject.
    """
    rows, samplings, unable = result = Result([], {}, {})
    word, rounds = selection.word, selection.rounds
    if selection.scale:
        say("scale: from one origin to as many as requested")
        about = "policies of many origins, each built once"
        samplings[scale.TABLE] = Sampling(rounds, scale.CALLS, about=about)
        rows += scale.measure_scale(selection.sizes, rounds, word, progress)
        return result
    engines = installed_engines()
    if not selection.middleware:
        chosen = [case for case in cases() if word in case.name]
        if chosen or any(word in name for name in FLOORS):
            say(f"decisions: {len(chosen)} cases" if chosen else "decisions: the floors alone")
            samplings[decisions.TABLE] = Sampling(rounds, CALLS, about="one call of a policy")
            rows += measure_decisions(chosen, engines, rounds, CALLS, progress)
        if word in importing.NAME:
            starts = rounds // ROUNDS_PER_IMPORT
            samplings[importing.TABLE] = Sampling(starts, 1, about="the start of an interpreter")
            rows.append(measure_import(starts, progress))
    for name in (*libraries.OWN, *here):
        if not any(map(selection.has, libraries.scenario_names(name))):
            continue
        try:
            for scenario in libraries.scenarios(name, engines):
                if selection.has(scenario.name):
                    say(f"{scenario.name}: {scenario.about}")
                    rows += measure_scenario(scenario, rounds, CALLS, word, progress)
                    samplings[scenario.name] = scenario.sampling(rounds, CALLS)
        except UnableError as error:
            unable[name] = str(error)
    progress("")
    return result
