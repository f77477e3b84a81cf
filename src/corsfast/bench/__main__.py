"""``python -m corsfast.bench``: measure every engine and every installed peer here, now.

Place in the flow: the front of the benchmark. Never: need more than corsfast itself.

    python -m corsfast.bench               decisions, import, middleware; peers if installed
    python -m corsfast.bench --middleware  middleware alone
    python -m corsfast.bench --scale       1 to 1 000 000 origins: time, memory, build

What the columns mean, and how it is measured, stands in docs/benchmarks.md.

``--json FILE`` writes one object:

    schema          1; it is raised when a field changes its meaning or goes
    date            when the run ended, ISO 8601, UTC
    machine         python, implementation, system, architecture, processor, processors
    versions        of corsfast and of every library that was measured
    implementation  the engine that `import corsfast` chose: "native" or "pure"
    not_installed   for each peer that could not be measured, what it lacks
    rounds, calls   how many samples a figure has, of how many calls at most
    rows            a list of objects, one per figure:
        table       "decisions", "import", or the name of a stand ("asgi", "flask", ...)
        name        the case, or the kind of request
        who         "native", "pure", "python" (floors), "without", "drop-in", or a library
        measure     "time" of a whole call, or "delta": what it adds to the application
        unit        "ns"
        median      of all rounds
        low, high   the quartiles: between them lies the middle half of the rounds
        least, most where the median lies with 95 % certainty
        noisy       whether the spread is too large for the figure, or for its goal
        ratio       how many times `ratio_to` it is (rounds paired); null if there is none
        ratio_to    "len(x)", or the library that is compared with; null if there is none
        goal        for example "<= 3 F"; null if there is none
        met         true, false; null where there is no goal or noise hides the answer
        verdict     "met", "not met", "noisy", "not measured"; null if there is no goal
    scale           with --scale a list of objects instead of rows, see scale.py; else []
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__
from .._backend import IMPLEMENTATION
from . import peers, report
from .cases import cases
from .decisions import measure_decisions
from .engines import Engine, installed_engines
from .machine import details, machine
from .peers import Stand, asgi, wsgi
from .rows import Row
from .stands import measure_stand, names
from .start import NAME as IMPORT, measure_start

# Calls per round: few enough for their arguments to stay in the processor's caches, as a
# request's do that has just been read, and enough for the clock not to matter.
CALLS = 200
ROUNDS, QUICK_ROUNDS = 151, 25


def main(argv: list[str] | None = None) -> int:
    given = arguments().parse_args(argv)
    rounds = QUICK_ROUNDS if given.quick else ROUNDS
    here, lacking = peers.installed()
    rows: list[Row] = []
    about: dict[str, str] = {}
    engines = installed_engines()
    chosen = [case for case in cases() if given.cases in case.name and not given.middleware]
    if chosen:
        say(f"decisions: {len(chosen)} cases")
        rows += measure_decisions(chosen, engines, rounds, CALLS, progress)
    if given.cases in IMPORT and not given.middleware:
        rows.append(measure_start(rounds // 5, progress))
    for stand in every_stand(here, engines):
        if any(given.cases in name for name in names(stand)):
            say(f"{stand.name}: {stand.about}")
            about[stand.name] = stand.about
            rows += measure_stand(stand, rounds, CALLS, given.cases, progress)
    progress("")
    if not rows:
        print(f"no row holds {given.cases!r}", file=sys.stderr)
        return 2
    print_rows(rows, about, rounds, here, lacking, markdown=given.markdown)
    if given.json:
        found = report.as_json(
            rows,
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            machine=details(),
            versions={
                "corsfast": __version__,
                **{k: v for of in here.values() for k, v in of.items()},
            },
            implementation=IMPLEMENTATION,
            not_installed=lacking,
            rounds=rounds,
            calls=CALLS,
            scale=[],
        )
        given.json.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", "utf-8")
    return 0


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m corsfast.bench",
        description="What CORS costs here: every engine and every known library that is"
        " installed, beside the cost of calling anything at all.",
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds, rougher figures")
    parser.add_argument("--cases", metavar="WORD", default="", help="only rows with this word")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--middleware", action="store_true", help="only what middleware adds")
    parser.add_argument("--markdown", action="store_true", help="tables in Markdown")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all figures there, too")
    return parser


def every_stand(here: dict[str, Any], engines: dict[str, Engine]) -> Iterator[Stand]:
    yield from asgi.stands(engines)
    yield from wsgi.stands(engines)
    for name in here:
        yield from peers.stands(name, engines)


def print_rows(
    rows: list[Row],
    about: dict[str, str],
    rounds: int,
    here: dict[str, dict[str, str]],
    lacking: dict[str, list[str]],
    *,
    markdown: bool,
) -> None:
    print(f"corsfast {__version__} on {machine()}; {rounds} rounds of at most {CALLS} calls")
    shown = [f"{dist} {version}" for of in here.values() for dist, version in of.items()]
    if shown:
        print("beside " + ", ".join(shown))
    for table in report.tables(rows, about):
        print()
        for line in report.as_markdown(table) if markdown else report.as_text(table):
            print(line)
    print()
    print(report.LEGEND)
    if about:
        print(report.LEGEND_DELTA)
    print("Every call had its own fresh arguments, and every answer was checked before.")
    noisy = [f"{row.table}: {row.name}, {row.who}" for row in rows if row.noisy]
    if noisy:
        print(f"{len(noisy)} of {len(rows)} figures are noisy.")
    if lacking:
        print(
            "Not installed, so not measured: "
            + "; ".join(f"{name} ({', '.join(lacks)})" for name, lacks in lacking.items())
            + ". pip install 'corsfast[bench-peers]' brings them."
        )
    if IMPLEMENTATION == "pure":
        print("corsfast's own engine here is the pure one.")


def say(text: str) -> None:
    """One line of progress that stays."""
    progress("")
    print(text, file=sys.stderr, flush=True)


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
