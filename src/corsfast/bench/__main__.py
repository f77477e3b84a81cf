"""``python -m corsfast.bench``: measure every engine and every installed library here, now.

    python -m corsfast.bench               decisions, import, middleware; installed libraries
    python -m corsfast.bench --middleware  only the middleware
    python -m corsfast.bench --scale       1 to 1 000 000 origins: time, memory, build

docs/performance.md explains the columns and the method. Only corsfast itself is required.

``--json FILE`` writes one object:

    schema          1; it is raised when a field changes its meaning or is removed
    date            when the run ended, ISO 8601, UTC
    machine         python, implementation, system, architecture, processor, processors
    versions        of corsfast and of every library that was measured
    implementation  the engine that `import corsfast` chose: "native" or "pure"
    not_installed   for each library that could not be measured, the missing distributions
    not_measured    for each library that failed although it is installed, the error
    tables          how the figures of each table were made, by its name:
        rounds, calls   how many samples a figure has, and the maximum number of calls in a sample
        turns       how many requests with and how many without CORS alternate in one sample of
                    a delta; 0 if they do not alternate. A plain time has `calls`
        about, note what is timed, and what a scenario's library leaves out
    rows            a list of objects, one per figure:
        table       "decisions", "import", "scale", or the name of a scenario ("asgi", "flask", ...)
        name        the case or the kind of request
        variant     "native", "pure", "python" (floors), "without", "drop-in", or a library
        measure     "time" of a whole call, "delta": what it adds to the application, or "memory"
        unit        "ns" or "bytes"
        median      of all rounds
        low, high   the quartiles: the middle half of the rounds is between them
        least, most the 95 % confidence interval of the median
        noisy       whether the spread is too large for the figure, or for its goal
        ratio       the figure as a multiple of `ratio_to` (rounds paired); null without one
        ratio_low, ratio_high, ratio_least, ratio_most
                    the ratio's quartiles and the interval of its median; null if infinite
        ratio_to    "len(x)", or the library that is compared with; null without one
        goal        for example "<= 3 F"; null without one
        verdict     "met", "not met", "noisy", "not measured"; null if there is no goal
"""

from __future__ import annotations

import argparse
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__
from .._cli.command import new_parser
from .._cli.console import run
from .._engine.select import IMPLEMENTATION
from . import libraries, report
from .engines import installed_engines
from .environment import details, machine
from .run import Result, Selection, measure_all, names

DESCRIPTION = """\
Measure what CORS costs here: every engine and every known library that is installed,
and for comparison the cost of calling anything at all.
"""
EPILOG = "Exit status: 0 measured, 2 nothing that could be measured."

# The command that installs the libraries.
INSTALL = "pip install --group bench-peers (pip 25.1 or newer) in a clone of the repository"


def main(argv: list[str] | None = None, program: str = "python -m corsfast.bench") -> int:
    parser = new_parser(program, DESCRIPTION, EPILOG)
    add_arguments(parser)
    given = parser.parse_args(argv)
    selection = Selection(given.cases, given.middleware, given.scale, given.quick)
    here, missing = libraries.installed()
    if not names(selection, here):
        print(why_no_row(selection, here, missing), file=sys.stderr)
        return 2
    # The refused requests of the cases would be logged between the figures.
    refused = logging.getLogger("corsfast.refused")
    refused.addHandler(logging.NullHandler())
    refused.propagate = False
    result = measure_all(selection, here, say, progress)
    progress("")
    for name, error in result.unable.items():
        print(f"{name} was not measured: {error}", file=sys.stderr)
    if not result.rows:
        return 2
    versions = {
        dist: which
        for name, dists in here.items()
        if not result.samplings.keys().isdisjoint(libraries.scenario_names(name))
        for dist, which in dists.items()
    }
    # Write the file first, so that a closed pipe (`| head`) does not lose the figures.
    if given.json is not None:
        report.write_json(given.json, as_json(result, versions, missing))
    print_all(result, versions, missing, markdown=given.markdown)
    return 0


def as_json(
    result: Result, versions: dict[str, str], missing: dict[str, list[str]]
) -> dict[str, Any]:
    """Return the object that `--json` writes."""
    return {
        "schema": report.SCHEMA,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": details(),
        "versions": {"corsfast": __version__, **versions},
        "implementation": IMPLEMENTATION,
        "not_installed": missing,
        "not_measured": result.unable,
        "tables": {name: sampling._asdict() for name, sampling in result.samplings.items()},
        "rows": [row.as_json() for row in result.rows],
    }


def why_no_row(
    selection: Selection, here: dict[str, dict[str, str]], missing: dict[str, list[str]]
) -> str:
    """Explain why no row is requested: a library is missing, or no row has such a name."""
    word = selection.word.partition(":")[0].strip().replace("-", "_")
    for name, absent in missing.items():
        if word and word in name:
            return f"{name} is not measured: {' and '.join(absent)} not installed; {INSTALL}"
    every_row = names(selection._replace(word=""), here)
    beginnings = dict.fromkeys(name.partition(":")[0] for name in every_row)
    return f"no row holds {selection.word!r}; there are rows of {', '.join(beginnings)}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add all arguments of the command."""
    parser.add_argument("--quick", action="store_true", help="fewer rounds, rougher figures")
    parser.add_argument("--cases", metavar="WORD", default="", help="only rows with this word")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--middleware", action="store_true", help="only what middleware adds")
    which.add_argument(
        "--scale", action="store_true", help="1 to 1 000 000 origins: time, memory, build"
    )
    parser.add_argument("--markdown", action="store_true", help="tables in Markdown")
    parser.add_argument("--json", metavar="FILE", type=writable, help="also write all figures")


def writable(text: str) -> Path:
    """Return a path that can be written; this is tried before anything is measured."""
    path = Path(text)
    try:
        existed = path.exists()
        if not path.is_fifo():  # a pipe can be opened only once
            path.open("a").close()
        if not existed:
            path.unlink()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text!r} cannot be written: {error.strerror}") from None
    return path


def print_all(
    result: Result,
    versions: dict[str, str],
    missing: dict[str, list[str]],
    *,
    markdown: bool,
) -> None:
    """Print the tables, and what a reader needs to know about the run."""
    print_wrapped(f"corsfast {__version__} on {machine()}")
    if versions:
        print_wrapped("with " + ", ".join(f"{dist} {which}" for dist, which in versions.items()))
    for table in report.tables(result.rows, result.samplings):
        print()
        print(*(report.as_markdown(table) if markdown else report.as_text(table)), sep="\n")
    print()
    print_wrapped(report.LEGEND)
    print_wrapped("Every call had its own fresh arguments, and every answer was checked before.")
    if noisy := sum(row.noisy for row in result.rows):
        print_wrapped(f"{noisy} of {len(result.rows)} figures are noisy.")
    for name, error in result.unable.items():
        print_wrapped(f"{name} was not measured: {error}")
    if missing:
        absent = "; ".join(f"{name} ({', '.join(dists)})" for name, dists in missing.items())
        print_wrapped(f"Not installed, so not measured: {absent}.")
        print(f"To install them: {INSTALL}.")
    if "native" not in installed_engines():
        print_wrapped(
            "The native engine is not installed: this is the pure fallback alone. `pip install"
            " --force-reinstall --no-binary corsfast corsfast` builds it if there is a C compiler."
            " CORSFAST_REQUIRE_NATIVE=1 makes that fail, with the reason, if it cannot."
        )


def print_wrapped(text: str) -> None:
    print(*report.wrapped(text), sep="\n")


def say(text: str) -> None:
    """Print one line of progress that stays."""
    progress("")
    print(text, file=sys.stderr, flush=True)


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(run(main))
