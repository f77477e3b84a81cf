"""Compare corsfast with the CORS libraries of Go, Rust and Node on the same requests.

    python benchmarks/compare.py [--quick] [--only WORD] [--markdown] [--add-to FILE]

Builds the programs of peers/ from their lock files, checks that each answer means the same to a
browser, then times all of them in turn. README.md says how. Rows that corsfast loses and peers
that could not run are part of the result.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Protocol

from corsfast.bench import report
from corsfast.bench.environment import machine
from corsfast.bench.figures import Goal, Row, Sampling, differences, ratios, summarize
from corsfast.bench.measure import REQUESTS, Key, frozen_heap
from peers import ours, programs
from peers.judge import PeerResponse, complaint
from peers.requests import EVERY, Request, write

BUILD = Path(__file__).resolve().parents[1] / "build" / "peers"
TABLE = "peers"
ABOUT = "what a CORS layer adds to a request, net of the bare application in the same harness"
# The goal: our middleware is not slower than these, each net of its own harness.
GOAL = ("jub0bs/cors", "tower-http")
ROUNDS, QUICK_ROUNDS = 101, 15
# Requests in a round, in blocks of REQUESTS. A block of a fast subject takes only a microsecond or
# two, so a round has several blocks. Slow subjects and large requests get fewer requests.
CALLS = 200
ROUND_NS, ROUND_BYTES = 2_000_000, 32 * 2**20
# Before the first round every subject runs this often, or this long, to warm up JIT compilers.
WARM_ROUNDS, WARM_SECONDS = 60, 0.5
LOADED = 0.5  # a load average above this before the run means that the machine was not quiet


class Peer(Protocol):
    """A harness that answers and times requests: `ours.Ours`, or a program."""

    def answer(self, subject: str, request: str, /) -> PeerResponse: ...

    def times(
        self, subject: str, request: str, calls: int, blocks: int, /
    ) -> Sequence[Sequence[float]]: ...


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python benchmarks/compare.py", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds")
    parser.add_argument("--only", metavar="WORD", default="", help="requests with this word")
    parser.add_argument("--markdown", action="store_true", help="the table in Markdown")
    parser.add_argument(
        "--add-to", metavar="FILE", type=Path, help="add to a file of corsfast.bench --json"
    )
    given = parser.parse_args(argv)
    requests = tuple(request for request in EVERY if given.only in request.name)
    if not requests:
        parser.error(f"no request has {given.only!r} in its name")
    if given.add_to is not None and not given.add_to.is_file():
        parser.error(f"there is no file {str(given.add_to)!r}")
    if os.getloadavg()[0] > LOADED:
        progress("The machine is loaded. Repeat the run on a quiet one.")
    rounds = QUICK_ROUNDS if given.quick else ROUNDS
    with contextlib.ExitStack() as stack:
        peers, cells, missing = start(requests, stack)
        stack.enter_context(frozen_heap())
        rows = list(rows_of(measure_all(requests, peers, cells, rounds)))
    sampling = Sampling(rounds, CALLS, about=ABOUT)
    versions = found_versions(set(peers))
    if given.add_to is not None:
        add_to(given.add_to, rows, sampling, versions, missing)
    print(f"{machine()}\n")
    for table in report.tables(rows, {TABLE: sampling}):
        print(*(report.as_markdown(table) if given.markdown else report.as_text(table)), sep="\n")
    print("\nVersions: " + ", ".join(f"{name} {version}" for name, version in versions.items()))
    for name, reason in missing.items():
        print(f"{name} was not measured: {reason}")
    return 0


def start(
    requests: tuple[Request, ...], stack: contextlib.ExitStack
) -> tuple[dict[str, Peer], list[Key], dict[str, str]]:
    """Build and start every program whose tools are installed, and judge every answer.

    Return the peers by subject, the cells (request, subject) to be timed, and the reason for each
    missing subject or cell.

    Raises:
        AssertionError: for a wrong answer of corsfast.
    """
    path = BUILD / "requests.json"
    write(requests, path)
    peers: dict[str, Peer] = {ours.SUBJECT: ours.Ours(requests)}
    cells, missing = judged(requests, ours.SUBJECT, peers[ours.SUBJECT])
    assert not missing, missing
    for program in programs.PROGRAMS:
        progress(f"building {program.folder}")
        try:
            running = programs.Running(programs.build(program, BUILD), path)
            stack.callback(running.close)
            for subject in program.subjects:
                its_cells, left_out = judged(requests, subject, running)
                cells += its_cells
                missing |= left_out
        except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
            output = getattr(error, "stdout", None) or b""
            progress(output.decode("utf-8", "replace") or str(error))
            cells = [cell for cell in cells if cell[1] not in program.subjects]
            reason = str(error) if "not installed" in str(error) else "it cannot be built or run"
            missing |= dict.fromkeys(program.subjects, reason)
        else:
            peers |= dict.fromkeys(program.subjects, running)
    return peers, cells, missing


def judged(
    requests: tuple[Request, ...], subject: str, peer: Peer
) -> tuple[list[Key], dict[str, str]]:
    """Return the cells of a subject with right answers, and the error in each other one."""
    wrong = {it.name: complaint(it, peer.answer(subject, it.name)) for it in requests}
    cells = [(name, subject) for name, error in wrong.items() if error is None]
    return cells, {f"{subject} in {name!r}": error for name, error in wrong.items() if error}


def measure_all(
    requests: tuple[Request, ...], peers: dict[str, Peer], cells: list[Key], rounds: int
) -> dict[Key, list[float]]:
    """Return for each cell the nanoseconds that the layer adds, one value per round.

    Every cell is in every round, in a new order each time, with the subjects of a request side by
    side. A shared machine alternates between fast and slow phases, each longer than that takes.
    """
    samples: dict[Key, list[float]] = {cell: [] for cell in cells}
    paces = {}
    for request in requests:
        progress(f"warming up: {request.name}")
        for cell in cells:
            if cell[0] == request.name:
                paces[cell] = warmed_up(peers[cell[1]], cell, request.size)
    for done in range(rounds):
        progress(f"round {done + 1} of {rounds}")
        for request in random.sample(requests, len(requests)):
            for name, subject in random.sample(cells, len(cells)):
                if name == request.name:
                    times = peers[subject].times(subject, name, *paces[name, subject])
                    samples[name, subject].append(median(differences(times)))
    return samples


def warmed_up(peer: Peer, cell: Key, size: int) -> tuple[int, int]:
    """Warm up a cell; return how many requests a block has, and how many blocks a round."""
    request, subject = cell
    calls, blocks = 1, 1
    started = perf_counter()
    for _ in range(WARM_ROUNDS):
        times = peer.times(subject, request, calls, blocks)
        calls, blocks = pace(median(gross for gross, _ in times), size)
        if perf_counter() - started > WARM_SECONDS:
            break
    return calls, blocks


def pace(gross: float, size: int) -> tuple[int, int]:
    """Return calls and blocks for a request of this many nanoseconds and bytes."""
    most = max(1, min(CALLS, int(ROUND_NS / max(gross, 1.0)), ROUND_BYTES // max(size, 1)))
    return min(most, REQUESTS), max(1, most // REQUESTS)


def rows_of(samples: dict[Key, list[float]]) -> Iterator[Row]:
    """Yield the rows of all requests: ours once for each peer of the goal, then the peers."""
    for name in dict.fromkeys(name for name, _ in samples):
        found = {subject: times for (request, subject), times in samples.items() if request == name}
        mine = found.pop(ours.SUBJECT)
        row = Row(TABLE, name, ours.SUBJECT, "delta", summarize(mine))
        compared = [peer for peer in GOAL if peer in found]
        for peer in compared:
            yield row._replace(ratio=ratios(mine, found[peer]), of=peer, goal=Goal(1, "share"))
        if not compared:
            yield row
        for subject, times in found.items():
            yield row._replace(variant=subject, figure=summarize(times))


def found_versions(subjects: set[str]) -> dict[str, str]:
    """Return the versions of all libraries and languages that took part."""
    took_part = [it for it in programs.PROGRAMS if subjects.issuperset(it.subjects)]
    libraries = {subject for program in took_part for subject in program.subjects}
    found = {name: version for name, version in programs.pinned().items() if name in libraries}
    return found | {program.folder: programs.language(program) for program in took_part}


def add_to(
    path: Path,
    rows: list[Row],
    sampling: Sampling,
    versions: dict[str, str],
    missing: dict[str, str],
) -> None:
    """Add the rows to a file of `python -m corsfast.bench --json`, or replace them there."""
    found = json.loads(path.read_text("utf-8"))
    found["versions"] |= versions
    found["not_measured"] |= missing
    found["tables"][TABLE] = sampling._asdict()
    found["rows"] = [row for row in found["rows"] if row["table"] != TABLE]
    found["rows"] += [row.as_json() for row in rows]
    report.write_json(path, found)


def progress(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
