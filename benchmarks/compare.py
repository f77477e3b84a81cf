"""corsfast beside the CORS libraries of Go, Rust and Node, on the same requests.

    python benchmarks/compare.py [--quick] [--only WORD] [--output FOLDER]

Builds the programs of peers/ from their lock files into build/peers/, checks that everybody's
answers mean the same to a browser, then times all of them in turn, and writes results/ as
JSON, Markdown and, where matplotlib is installed, a plot. README.md says what is subtracted.

Place in the flow: the command; peers/ is what it is made of.
Never: print a figure of which the answer was not checked, or pass over who is not there.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from corsfast.bench.machine import machine
from corsfast.bench.measure import frozen_heap
from peers import ours, plot, programs, report
from peers.figures import Key, Timer, interleave
from peers.judge import complaint
from peers.rows import ROWS, Row, write_rows

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent / "build" / "peers"
# A machine on which so many others want a processor before anything was started is loaded.
LOADED = 0.5


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/compare.py",
        description="What CORS costs here and in Go, Rust and Node, net of each harness.",
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds; prints, writes nothing")
    parser.add_argument("--only", metavar="WORD", default="", help="rows with this word; the same")
    parser.add_argument("--output", metavar="FOLDER", type=Path, help="write here, in any case")
    given = parser.parse_args(argv)
    rows = tuple(row for row in ROWS if given.only in row.name)
    if not rows:
        parser.error(f"no row holds {given.only!r}")
    load = load_average()
    rounds = 15 if given.quick else 101

    with contextlib.ExitStack() as stack:
        running, answers, missing = start(rows, stack)
        missing |= ours.lacking()
        left_out = checked(rows, answers, missing)
        timers = everybody(rows, running, {*missing, *left_out})
        sizes = {row.name: row.size for row in rows}
        for name, timer in ours.floors().items():
            timers["", name] = timer
        stack.enter_context(frozen_heap())
        figures = interleave(
            timers, lambda key: sizes.get(key[0], 1), rounds=rounds, progress=progress
        )
    done()

    found: report.Table = {row.name: {} for row in rows}
    floors = {}
    for (row, column), rounds_of in figures.items():
        if row:
            found[row][column] = rounds_of
        else:
            floors[column] = rounds_of
    about = describe(rounds, load, missing, left_out)
    folder = given.output or (None if given.quick or given.only else HERE / "results")
    if folder is None:
        about["plot"] = None
        print("\n".join(report.markdown(found, floors, about)))
    else:
        write(folder, found, floors, about)
    return 0


def start(
    rows: tuple[Row, ...], stack: contextlib.ExitStack
) -> tuple[dict[str, programs.Running], programs.Answers, dict[str, str]]:
    """Build every program whose tools are here, start it and ask for its answer to each row.

    Returns the programs by subject, their answers, and who is missing with the reason.
    """
    path = BUILD / "rows.json"
    write_rows(rows, path)
    running: dict[str, programs.Running] = {}
    answers: programs.Answers = {}
    missing: dict[str, str] = {}
    for program in programs.PROGRAMS:
        tool = programs.missing(program)
        if tool is not None:
            missing |= dict.fromkeys(program.subjects, f"there is no {tool} here")
            continue
        progress(f"building {program.folder}")
        try:
            command = programs.build(program, BUILD)
        except (OSError, subprocess.CalledProcessError) as error:
            missing |= dict.fromkeys(program.subjects, not_built(program, error))
            continue
        try:
            process = programs.Running(command, path)
            stack.callback(process.close)
            answers |= process.check()
        except (OSError, RuntimeError) as error:
            progress(f"{program.folder} does not run:\n{error}")
            missing |= dict.fromkeys(program.subjects, f"what {program.tool} built does not run")
            continue
        running |= dict.fromkeys(program.subjects, process)
    return running, answers, missing


def not_built(program: programs.Program, error: OSError | subprocess.CalledProcessError) -> str:
    """Why, in a line; all that the tool has said goes to standard error."""
    said = str(error)
    if isinstance(error, subprocess.CalledProcessError):
        said = error.stdout.decode("utf-8", "replace").strip() or said
    progress(f"{program.folder} does not build:\n{said}")
    lines = [" ".join(line.split()) for line in said.splitlines()]
    reason = next((line for line in lines if "error" in line.lower()), lines[-1])
    return f"{program.tool} cannot build it: {reason.rstrip('.')}"


def checked(
    rows: tuple[Row, ...], theirs: programs.Answers, missing: dict[str, str]
) -> dict[str, str]:
    """Judge every answer to every row: the cells to leave out, each with the reason.

    A peer whose answer differs loses this cell, and the report names it. Ours may not differ,
    nor may the prototype's.
    """
    progress("checking the answers")
    answers = dict(theirs)
    for row in rows:
        for column in ours.OURS:
            if column not in missing and column != ours.DECISION:
                application = ours.middleware(column, row.policy)
                answers[column, row.name] = ours.answered(application, row)
        if ours.DECISION not in missing and not ours.decides_rightly(row):
            raise AssertionError(f"{row.name}: policy.asgi decides otherwise")
    left_out = {}
    for row in rows:
        for column in report.COLUMNS:
            if column in missing or column == ours.DECISION:
                continue
            wrong = complaint(row, answers[column, row.name])
            if wrong is None:
                continue
            if column in (ours.NATIVE, ours.PURE, ours.PROTOTYPE):
                raise AssertionError(f"{row.name}, {column}: {wrong}")
            left_out[f"{column} in {row.name!r}"] = wrong
    return left_out


def everybody(
    rows: tuple[Row, ...], running: dict[str, programs.Running], absent: set[str]
) -> dict[Key, Timer]:
    timers: dict[Key, Timer] = {}
    for row in rows:
        for column in report.COLUMNS:
            if column in absent or f"{column} in {row.name!r}" in absent:
                continue
            if column in running:
                timers[row.name, column] = running[column].timer(column, row.name)
            else:
                timers[row.name, column] = ours.timer(column, row)
    return timers


def describe(
    rounds: int,
    load: list[float],
    missing: dict[str, str],
    left_out: dict[str, str],
) -> dict[str, Any]:
    versions = {"corsfast": importlib.metadata.version("corsfast")}
    if ours.STARLETTE not in missing:
        versions["Starlette"] = importlib.metadata.version("starlette")
    versions |= programs.pinned()
    for program in programs.PROGRAMS:
        if not missing.keys() & set(program.subjects):
            versions[f"the language of {', '.join(program.subjects)}"] = programs.language(program)
    return {
        "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "load": {
            "before": load,
            "after": load_average(),
            "loaded": bool(load) and load[0] > LOADED,
        },
        "rounds": rounds,
        "versions": versions,
        "missing": missing,
        "left_out": left_out,
    }


def load_average() -> list[float]:
    """Of one, five and fifteen minutes; empty where the system keeps none."""
    if not hasattr(os, "getloadavg"):
        return []
    return [round(value, 2) for value in os.getloadavg()]


def write(folder: Path, rows: report.Table, floors: dict[str, Any], about: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"{about['made'][:10]}-peers"
    drawing = stem.with_suffix(".svg")
    drawn = plot.draw(rows, drawing, f"CORS per request, {about['machine']}, {about['made'][:10]}")
    about["plot"] = drawing.name if drawn else None
    found = json.dumps(report.as_json(rows, floors, about), indent=1, ensure_ascii=False)
    stem.with_suffix(".json").write_text(found + "\n", "utf-8")
    text = "\n".join(report.markdown(rows, floors, about))
    stem.with_suffix(".md").write_text(text + "\n", "utf-8")
    print(text)
    if not drawn:
        print("No plot: matplotlib is not installed.", file=sys.stderr)


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
    elif not text.startswith(("round", "warming")) or text.endswith(("0", " 1")):
        print(text, file=sys.stderr)


def done() -> None:
    if sys.stderr.isatty():
        print(file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
