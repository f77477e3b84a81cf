"""Compare corsfast with the CORS libraries of Go, Rust and Node on the same requests.

    python benchmarks/compare.py [--quick] [--only WORD] [--output FOLDER]

Builds the programs of peers/ from their lock files, checks that each answer means the same to a
browser, then times all of them in turn. README.md says how. Rows that corsfast loses and peers
that could not run are part of the result.
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

from corsfast.bench.environment import machine
from corsfast.bench.measure import frozen_heap
from peers import ours, programs, report
from peers.figures import Key, Timer, interleave
from peers.judge import complaint
from peers.rows import ROWS, Row, write_rows

BUILD = Path(__file__).resolve().parents[1] / "build" / "peers"
LOADED = 0.5  # a load average above this before the run means that the machine was not quiet


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python benchmarks/compare.py", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="15 rounds instead of 101")
    parser.add_argument("--only", metavar="WORD", default="", help="rows with this word")
    parser.add_argument("--output", metavar="FOLDER", type=Path, help="also write peers.json, .md")
    given = parser.parse_args(argv)
    rows = tuple(row for row in ROWS if given.only in row.name)
    if not rows:
        parser.error(f"no row has {given.only!r} in its name")
    loaded = hasattr(os, "getloadavg") and os.getloadavg()[0] > LOADED
    rounds = 15 if given.quick else 101
    with contextlib.ExitStack() as stack:
        running, answers, missing = start(rows, stack)
        missing |= ours.lacking()
        left_out = checked(rows, answers, missing)
        timers = timers_of(rows, running, {*missing, *left_out})
        sizes = {row.name: row.size for row in rows}
        stack.enter_context(frozen_heap())
        figures = interleave(timers, lambda key: sizes[key[0]], rounds=rounds, progress=progress)
    found: report.Table = {row.name: {} for row in rows}
    for (row_name, column), rounds_of in figures.items():
        found[row_name][column] = rounds_of
    about = {
        "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "loaded": loaded,
        "rounds": rounds,
        "versions": versions(missing),
        "missing": missing,
        "left_out": left_out,
    }
    text = "\n".join(report.markdown(found, about))
    print(text)
    if given.output is not None:
        given.output.mkdir(parents=True, exist_ok=True)
        (given.output / "peers.md").write_text(text + "\n", "utf-8")
        written = json.dumps(report.as_json(found, about), ensure_ascii=False)
        (given.output / "peers.json").write_text(written + "\n", "utf-8")
    return 0


def start(
    rows: tuple[Row, ...], stack: contextlib.ExitStack
) -> tuple[dict[str, programs.Running], programs.Answers, dict[str, str]]:
    """Build and start every program whose tools are installed, and request all its answers.

    Return the programs by subject, their answers, and the reason for each missing subject.
    """
    path = BUILD / "rows.json"
    write_rows(rows, path)
    running: dict[str, programs.Running] = {}
    answers: programs.Answers = {}
    missing: dict[str, str] = {}
    for program in programs.PROGRAMS:
        tool = programs.missing(program)
        if tool is not None:
            missing |= dict.fromkeys(program.subjects, f"{tool} is not installed")
            continue
        progress(f"building {program.folder}")
        try:
            process = programs.Running(programs.build(program, BUILD), path)
            stack.callback(process.close)
            answers |= process.check()
        except subprocess.CalledProcessError as error:
            progress(error.stdout.decode("utf-8", "replace"))
            missing |= dict.fromkeys(program.subjects, f"{program.tool} cannot build it")
        except (OSError, RuntimeError) as error:
            progress(str(error))
            missing |= dict.fromkeys(program.subjects, f"{program.folder} does not run")
        else:
            running |= dict.fromkeys(program.subjects, process)
    return running, answers, missing


def checked(
    rows: tuple[Row, ...], theirs: programs.Answers, missing: dict[str, str]
) -> dict[str, str]:
    """Judge every answer, and return the cells to leave out, each with the reason.

    Raises:
        AssertionError: for a wrong answer of corsfast.
    """
    answers = dict(theirs)
    left_out = {}
    for row in rows:
        for column in report.COLUMNS:
            if column in missing:
                continue
            if column == ours.DECISION:
                assert ours.decides_rightly(row), row.name
                continue
            if column in ours.OURS:
                answers[column, row.name] = ours.answered(ours.middleware(column, row.policy), row)
            wrong = complaint(row, answers[column, row.name])
            assert wrong is None or column != ours.NATIVE, f"{row.name}: {wrong}"
            if wrong is not None:
                left_out[f"{column} in {row.name!r}"] = wrong
    return left_out


def timers_of(
    rows: tuple[Row, ...], running: dict[str, programs.Running], absent: set[str]
) -> dict[Key, Timer]:
    """Return a timer for each cell of the table."""
    return {
        (row.name, column): (
            running[column].timer(column, row.name)
            if column in running
            else ours.timer(column, row)
        )
        for row in rows
        for column in report.COLUMNS
        if column not in absent and f"{column} in {row.name!r}" not in absent
    }


def versions(missing: dict[str, str]) -> dict[str, str]:
    """Return the versions of all libraries and languages that took part."""
    found = {"corsfast": importlib.metadata.version("corsfast")}
    if ours.STARLETTE not in missing:
        found["Starlette"] = importlib.metadata.version("starlette")
    found |= programs.pinned()
    for program in programs.PROGRAMS:
        if not missing.keys() & set(program.subjects):
            found[program.tool] = programs.language(program)
    return found


def progress(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
