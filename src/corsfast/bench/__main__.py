"""The command: ``python -m corsfast.bench [--quick] [--cases WORD]``.

Place in the flow: the front of the benchmark. Never: need more than corsfast itself.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from types import ModuleType

from .. import __version__
from .cases import Case, cases, fresh
from .measure import Figure, Subject, measure
from .report import machine, table

FLOORS = {
    "floor: len(x)": len,
    "floor: x in frozenset": frozenset({"https://app.example.com"}).__contains__,
    "floor: def f(x): pass": lambda _: None,
}
F = "floor: len(x)"
# Calls per round: few enough for their arguments to stay in the processor's caches, as a
# request's do that has just been read, and enough for the clock not to matter.
CALLS = 200


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m corsfast.bench",
        description="What a CORS decision costs here: every engine that is installed, beside "
        "the cost of calling anything at all.",
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds, rougher figures")
    parser.add_argument("--cases", metavar="WORD", default="", help="only rows with this word")
    given = parser.parse_args(argv)
    rounds = 25 if given.quick else 251

    engines = installed_engines()
    chosen = [case for case in cases() if given.cases in case.name]
    if not chosen:
        parser.error(f"no row holds {given.cases!r}")
    subjects = {(name, ""): floor_subject(call) for name, call in FLOORS.items()}
    for case in chosen:
        for name, engine in engines.items():
            subjects[case.name, name] = engine_subject(case, engine)
    keys = {f"{row}|{column}": (row, column) for row, column in subjects}
    figures = measure(
        {key: subjects[pair] for key, pair in keys.items()},
        rounds=rounds,
        calls=CALLS,
        progress=progress,
    )
    progress("")

    rows: dict[str, dict[str, Figure]] = {}
    first = next(iter(engines))
    for key, (row, column) in keys.items():
        rows.setdefault(row, {})[column or first] = figures[key]
    floor = figures[f"{F}|"].median
    print(f"corsfast {__version__} on {machine()}; {rounds} rounds of {CALLS} calls")
    for line in table(rows, list(engines), floor):
        print(line)
    print(
        f"F is {F.removeprefix('floor: ')}: the least that any call from Python costs. "
        "± is half of the middle half's spread; ~ marks a noisy figure.\n"
        "Every call had its own fresh arguments, and every answer was checked before."
    )
    if "native" not in engines:
        print("The native engine is not installed: this is the pure fallback alone.")
    return 0


def installed_engines() -> dict[str, ModuleType]:
    engines = {}
    for name in ("native", "pure"):
        try:
            engines[name] = importlib.import_module(f"corsfast._{name}")
        except ModuleNotFoundError as error:
            if error.name != "corsfast._native":
                raise
    return engines


def floor_subject(call: object) -> Subject:
    assert callable(call)
    return Subject(call, lambda n: [(fresh("https://app.example.com"),) for _ in range(n)])


def engine_subject(case: Case, engine: ModuleType) -> Subject:
    """The case's call on this engine, once its answers are checked."""
    call = getattr(engine.Policy(**case.options), case.call)
    for given in case.inputs(20):
        outcome = call(*given).outcome.value
        if outcome != case.outcome:
            raise AssertionError(f"{case.name}: {outcome}, not {case.outcome}")
    return Subject(call, case.inputs)


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
