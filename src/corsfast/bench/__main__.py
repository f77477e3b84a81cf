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
    not_measured    for each scenario that failed with its libraries installed, the error;
                    several that failed together are one, as "django middleware, django"
    rounds, calls   of the decisions, and with --scale of its queries: how many samples a figure
                    has, and the maximum number of calls in a sample
    tables          the same for each table, by its name ("scale" with --scale), with
        turns       how many requests with and how many without CORS alternate in one sample of
                    a delta; 0 if they do not alternate. A plain time has `calls`
        about, note of a scenario: what is timed, and what its library leaves out; otherwise ""
    rows            a list of objects, one per figure:
        table       "decisions", "import", or the name of a scenario ("asgi", "flask", ...)
        name, who   the case or the kind of request, and its subject: "native", "pure", "python"
                    (floors), "without", "drop-in", or a library
        measure     "time" of a whole call, or "delta": what it adds to the application
        unit        "ns"
        median      of all rounds
        low, high   the quartiles: the middle half of the rounds is between them
        least, most the 95 % confidence interval of the median
        noisy       whether the spread is too large for the figure, or for its goal
        ratio       the figure as a multiple of `ratio_to` (rounds paired); null without one
        ratio_low, ratio_high, ratio_least, ratio_most
                    the ratio's quartiles and the interval of its median; null if infinite
        ratio_to    "len(x)", or the library that is compared with; null without one
        goal        for example "<= 3 F"; null without one
        met         true, false; null if there is no goal or the figure is too noisy to tell
        verdict     "met", "not met", "noisy", "not measured"; null if there is no goal
    scale           with --scale a list of objects instead of rows, see scale.py; otherwise []
"""

from __future__ import annotations

import argparse
import errno
import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__
from .._cli.console import run
from .._engine.select import IMPLEMENTATION
from . import libraries, plot, report, scale
from .engines import installed_engines
from .environment import details, machine
from .rows import Made
from .run import Asked, every_stand, measure_all, names

# Calls per round: few enough for their arguments to stay in the processor's caches, as those of a
# request that was just read do, and many enough for the cost of the clock not to matter.
CALLS = 200
ROUNDS, QUICK_ROUNDS = 101, 25
# The command that installs the extras.
BRINGS = "pip install '.[{}]' in a clone of the repository"


def main(argv: list[str] | None = None, program: str = "python -m corsfast.bench") -> int:
    parser = arguments(program)
    given = parser.parse_args(argv)
    if given.scale:
        if given.plot:
            parser.error("--scale has no rows that --plot could draw")
        if given.cases:
            parser.error("--scale has no rows that --cases could choose from")
        return show_scale(given)
    rounds = QUICK_ROUNDS if given.quick else ROUNDS
    asked = Asked(given.cases, given.middleware, rounds, CALLS)
    here, lacking = libraries.installed()
    rows = names(asked, here)
    if not rows:
        every_row = names(asked._replace(word=""), here)
        print(why_no_row(given.cases, lacking, every_row), file=sys.stderr)
        return 2
    drawn = plot.names(every_stand(here))
    if given.plot and not set(rows) & set(drawn):
        parser.error(f"no row that was chosen is in the chart of --plot: {'; '.join(drawn)}")
    if given.plot and importlib.util.find_spec("matplotlib") is None:
        # Checked before anything is measured, like all other errors.
        parser.error(f"--plot needs matplotlib: {BRINGS.format('bench')}")
    return show_rows(given, asked, here, lacking)


def show_scale(given: argparse.Namespace) -> int:
    made = scale.made_of(quick=given.quick)
    say("scale: from one origin to as many as asked for")
    sizes = scale.measure_scale(quick=given.quick, progress=progress)
    progress("")
    found = report.as_json(
        [], **about_run({}, {}, {}), **counts({"scale": made}, made), scale=sizes
    )
    write_json(given.json, found)
    print_head(found)
    print_tables([scale.scale_table(sizes, made)], markdown=given.markdown)
    print_foot(found)
    return 0


def show_rows(
    given: argparse.Namespace,
    asked: Asked,
    here: dict[str, dict[str, str]],
    lacking: dict[str, list[str]],
) -> int:
    result = measure_all(asked, here, say, progress)
    unable = [f"{name} was not measured: {error}" for name, error in result.unable.items()]
    for line in unable:
        print(line, file=sys.stderr)
    if not result.rows:
        return 2
    versions = {
        dist: which
        for name in here
        if not result.made.keys().isdisjoint(libraries.stand_names(name))
        for dist, which in here[name].items()
    }
    found = report.as_json(
        result.rows,
        **about_run(versions, lacking, result.unable),
        **counts(result.made, Made(asked.rounds, asked.calls)),
        scale=[],
    )
    # Write files first, so that a closed pipe (`| head`) does not lose the figures.
    write_json(given.json, found)
    drawn = given.plot and plot.charted(result.rows)
    if drawn:
        foot = f"corsfast {__version__}, {machine()}; shorter is better"
        plot.plot(result.rows, given.plot, foot)
    print_head(found)
    print_tables(list(report.tables(result.rows, result.made)), markdown=given.markdown)
    print_foot(found, unable, deltas=any(made.is_stand for made in result.made.values()))
    if given.plot and not drawn:
        print("--plot: what it draws could not be measured", file=sys.stderr)
        return 1
    return 0


def about_run(
    versions: dict[str, str], lacking: dict[str, list[str]], unable: dict[str, str]
) -> dict[str, Any]:
    """Return the JSON fields about the whole run."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": details(),
        "versions": {"corsfast": __version__, **versions},
        "implementation": IMPLEMENTATION,
        "not_installed": lacking,
        "not_measured": unable,
    }


def counts(made: dict[str, Made], main: Made) -> dict[str, Any]:
    """Return the JSON fields about the numbers of rounds and calls."""
    tables = {name: each._asdict() for name, each in made.items()}
    return {"rounds": main.rounds, "calls": main.calls, "tables": tables}


def why_no_row(wanted: str, lacking: dict[str, list[str]], every_row: list[str]) -> str:
    """Explain why no row matches `wanted`: a library is missing, or no row has such a name."""
    word = wanted.partition(":")[0].strip().replace("-", "_")
    for name, lacks in lacking.items():
        if word and word in name:
            missing = " and ".join(lacks)
            verb = "is" if len(lacks) == 1 else "are"
            return (
                f"{name} is not measured: {missing} {verb} not installed;"
                f" {BRINGS.format('bench-peers')}"
            )
    beginnings = dict.fromkeys(name.partition(":")[0] for name in every_row)
    return f"no row holds {wanted!r}; there are rows of {', '.join(beginnings)}"


def spelt(versions: dict[str, str]) -> str:
    return ", ".join(f"{dist} {which}" for dist, which in versions.items())


def arguments(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
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
    """Return a path that can be written; this is tried before anything is measured."""
    file = Path(text)
    try:
        if not file.parent.is_dir():
            raise argparse.ArgumentTypeError(f"there is no folder {str(file.parent)!r}")
        if file.is_dir():
            raise argparse.ArgumentTypeError(f"{text!r} is a folder")
        if not file.exists():
            file.touch()
            file.unlink()
        elif not os.access(file, os.W_OK):  # it may be a pipe, which can be opened only once
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text!r} cannot be written: {error.strerror}") from None
    return file


def picture(text: str) -> Path:
    file = target(text)
    if file.suffix not in plot.FORMATS:
        raise argparse.ArgumentTypeError(f"{text!r} ends in neither of {', '.join(plot.FORMATS)}")
    return file


def width() -> int:
    """Return the maximum line width: that of the terminal, up to what is easy to read."""
    return min(shutil.get_terminal_size((report.MAX_WIDTH, 24)).columns, report.MAX_WIDTH)


def print_wrapped(text: str) -> None:
    print(*report.wrapped(text, width()), sep="\n")


def print_head(found: dict[str, Any]) -> None:
    print_wrapped(f"corsfast {__version__} on {machine()}")
    others = {dist: which for dist, which in found["versions"].items() if dist != "corsfast"}
    if others:
        print_wrapped("beside " + spelt(others))


def print_tables(tables: list[report.Table], *, markdown: bool) -> None:
    for table in tables:
        print()
        for line in report.as_markdown(table) if markdown else report.as_text(table, width()):
            print(line)
    print()


def print_foot(found: dict[str, Any], unable: Iterable[str] = (), *, deltas: bool = False) -> None:
    """Print what a reader needs to know about the run that `found` describes."""
    print_wrapped(report.LEGEND)
    if deltas:
        print_wrapped(report.LEGEND_DELTA)
    print_wrapped("Every call had its own fresh arguments, and every answer was checked before.")
    rows = found["rows"]
    noisy = sum(row["noisy"] for row in rows)
    if noisy:
        print_wrapped(f"{noisy} of {len(rows)} figures are noisy.")
    for line in unable:
        print_wrapped(line)
    lacking = found["not_installed"]
    if lacking:
        print_wrapped(
            "Not installed, so not measured: "
            + "; ".join(f"{name} ({', '.join(lacks)})" for name, lacks in lacking.items())
            + "."
        )
        print(f"They come with {BRINGS.format('bench-peers')}.")
    if "native" not in installed_engines():
        print_wrapped("The native engine is not installed: this is the pure fallback alone.")


def write_json(file: Path | None, found: dict[str, Any]) -> None:
    if file is not None:
        file.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", "utf-8")


def say(text: str) -> None:
    """Print one line of progress that stays."""
    progress("")
    print(text, file=sys.stderr, flush=True)


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(run(main))
