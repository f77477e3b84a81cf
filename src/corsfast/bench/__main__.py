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
    rounds, calls   how many samples a figure has, of how many calls at most; figures of whole
                    applications have four times as many
    rows            a list of objects, one per figure:
        table       "decisions", "import", or the name of a stand ("asgi", "flask", ...)
        name        the case, or the kind of request
        who         "native", "pure", "python" (floors), "without", "drop-in", "least",
                    or a library
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
import importlib.util
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__
from .._backend import IMPLEMENTATION
from . import peers, report
from .cases import cases
from .decisions import FLOORS, measure_decisions
from .engines import Engine, installed_engines
from .machine import details, machine
from .peers import Stand, asgi, wsgi
from .plot import FORMATS, plot
from .rows import Row
from .scale import measure_scale, scale_table
from .stands import measure_stand, names
from .start import NAME as IMPORT, measure_start

# Calls per round: few enough for their arguments to stay in the processor's caches, as a
# request's do that has just been read, and enough for the clock not to matter.
CALLS = 200
ROUNDS, QUICK_ROUNDS = 101, 25
# How the extras are had.
BRINGS = "pip install '.[{}]' in a clone of the repository"


def main(argv: list[str] | None = None) -> int:
    parser = arguments()
    given = parser.parse_args(argv)
    if given.plot and given.scale:
        parser.error("--scale has no rows that --plot could draw")
    if given.plot and importlib.util.find_spec("matplotlib") is None:
        # Said before anything is measured.
        parser.error(f"--plot needs matplotlib: {BRINGS.format('bench')}")
    rounds = QUICK_ROUNDS if given.quick else ROUNDS
    here, lacking = peers.installed()
    if given.scale:
        here, lacking = {}, {}
    rows: list[Row] = []
    sizes: list[dict[str, Any]] = []
    about: dict[str, str] = {}
    if given.scale:
        say("scale: from one origin to as many as asked for")
        sizes = measure_scale(quick=given.quick, progress=progress)
        progress("")
        tables = [scale_table(sizes)]
    else:
        rows, about = measure_all(given.cases, rounds, here, middleware=given.middleware)
        if not rows:
            print(why_no_row(given.cases, lacking), file=sys.stderr)
            return 2
        tables = list(report.tables(rows, about))
    found = report.as_json(
        rows,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=details(),
        versions={"corsfast": __version__, **versions(here)},
        implementation=IMPLEMENTATION,
        not_installed=lacking,
        rounds=rounds,
        calls=CALLS,
        scale=sizes,
    )
    print_tables(tables, found, about, markdown=given.markdown)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", "utf-8")
    if given.plot:
        plot(rows, given.plot, f"corsfast {__version__}, {machine()}; shorter is better")
    return 0


def measure_all(
    wanted: str, rounds: int, here: Iterable[str], *, middleware: bool
) -> tuple[list[Row], dict[str, str]]:
    """The rows whose names hold `wanted`, and what the stands among them are about."""
    rows: list[Row] = []
    about: dict[str, str] = {}
    engines = installed_engines()
    chosen = [case for case in cases() if wanted in case.name and not middleware]
    floors = not middleware and any(wanted in name for name in FLOORS)
    if chosen or floors:
        say(f"decisions: {len(chosen)} cases" if chosen else "decisions: the floors alone")
        rows += measure_decisions(chosen, engines, rounds, CALLS, progress)
    if wanted in IMPORT and not middleware:
        rows.append(measure_start(rounds // 5, progress))
    for stand in every_stand(here, engines):
        if any(wanted in name for name in names(stand)):
            say(f"{stand.name}: {stand.about}")
            about[stand.name] = stand.about
            rows += measure_stand(stand, rounds, CALLS, wanted, progress)
    progress("")
    return rows, about


def why_no_row(wanted: str, lacking: dict[str, list[str]]) -> str:
    """What to say where no row's name holds `wanted`: that its library is missing, perhaps."""
    word = wanted.partition(":")[0].strip().replace("-", "_")
    for name, lacks in lacking.items():
        if word and word in name:
            missing = " and ".join(lacks)
            verb = "is" if len(lacks) == 1 else "are"
            return (
                f"{name} is not measured: {missing} {verb} not installed;"
                f" {BRINGS.format('bench-peers')}"
            )
    return f"no row holds {wanted!r}"


def versions(here: dict[str, dict[str, str]]) -> dict[str, str]:
    return {dist: version for of in here.values() for dist, version in of.items()}


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
    which.add_argument(
        "--scale", action="store_true", help="1 to 1 000 000 origins: time, memory, build"
    )
    parser.add_argument("--markdown", action="store_true", help="tables in Markdown")
    parser.add_argument("--json", metavar="FILE", type=target, help="write all figures there, too")
    parser.add_argument(
        "--plot", metavar="FILE", type=picture, help="draw the main rows into an .svg or .png"
    )
    return parser


def target(text: str) -> Path:
    """A file that can be written, as far as that shows before anything is measured."""
    file = Path(text)
    if not file.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {str(file.parent)!r}")
    if file.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder")
    return file


def picture(text: str) -> Path:
    file = target(text)
    if file.suffix not in FORMATS:
        raise argparse.ArgumentTypeError(f"{text!r} ends in neither of {', '.join(FORMATS)}")
    return file


def every_stand(here: Iterable[str], engines: dict[str, Engine]) -> Iterator[Stand]:
    yield from asgi.stands(engines)
    yield from wsgi.stands(engines)
    for name in here:
        yield from peers.stands(name, engines)


def print_tables(
    tables: list[report.Table], found: dict[str, Any], about: dict[str, str], *, markdown: bool
) -> None:
    """Print the tables, and what a reader has to know of the run that `found` describes."""
    print(
        f"corsfast {__version__} on {machine()}; {found['rounds']} rounds of {CALLS} calls at most"
    )
    others = [f"{dist} {version}" for dist, version in found["versions"].items()]
    if others[1:]:
        print("beside " + ", ".join(others[1:]))
    for table in tables:
        print()
        for line in report.as_markdown(table) if markdown else report.as_text(table):
            print(line)
    print()
    print(report.LEGEND)
    if about:
        print(report.LEGEND_DELTA)
    print("Every call had its own fresh arguments, and every answer was checked before.")
    rows = found["rows"]
    noisy = sum(row["noisy"] for row in rows)
    if noisy:
        print(f"{noisy} of {len(rows)} figures are noisy.")
    lacking = found["not_installed"]
    if lacking:
        print(
            "Not installed, so not measured: "
            + "; ".join(f"{name} ({', '.join(lacks)})" for name, lacks in lacking.items())
            + f". They come with {BRINGS.format('bench-peers')}."
        )
    if "native" not in installed_engines():
        print("The native engine is not installed: this is the pure fallback alone.")


def say(text: str) -> None:
    """One line of progress that stays."""
    progress("")
    print(text, file=sys.stderr, flush=True)


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
