"""``python benchmarks/load.py``: requests per second and processor time, over real sockets.

Starlette and FastAPI on uvicorn (httptools, uvloop), Flask and Django on gunicorn (threads),
each without CORS, with the framework's own, with corsfast around the application, and with
corsfast's drop-in where there is one. All servers stay up; in every round each is put under
load by wrk (or autocannon), in a new order, the server on one processor and the generator on
another. The request has the fourteen headers of a browser, with an allowed Origin or without
one.

Requests per second show what CORS is among all that a server does. What it costs is shown by
the processor time of the server's processes: of each request, and what a way adds to the way
without CORS in the same round.

    pip install '.[bench-load]' && apt-get install wrk
    python benchmarks/load.py [--quick] [--frameworks starlette,flask] [--output FOLDER]

Five minutes; --quick takes two, prints, and writes nothing unless there is --output.

Place in the flow: loading/apps.py -> servers.py -> generators.py -> counts.py -> report.py -> this
command.
Never: measure an application whose answer was not looked at. Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import importlib.metadata
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

from corsfast import IMPLEMENTATION
from corsfast.bench.cases import REQUEST
from corsfast.bench.machine import machine
from loading import apps, generators, report
from loading.counts import Sample, cpu_per_request
from loading.report import Samples
from loading.servers import Server

HERE = Path(__file__).resolve().parent
# Connection and Host are the generator's own.
WITH_ORIGIN = [field for field in REQUEST if field[0] not in ("host", "connection")]
WITHOUT = [field for field in WITH_ORIGIN if field[0] != "origin"]
REQUESTS = {"no Origin": WITHOUT, "allowed Origin": WITH_ORIGIN}
UVICORN = ("uvicorn", "httptools", "uvloop", "starlette")
PACKAGES = {
    "starlette": UVICORN,
    "fastapi": (*UVICORN, "fastapi"),
    "flask": ("gunicorn", "flask", "flask-cors"),
    "django": ("gunicorn", "django", "django-cors-headers"),
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Servers under load, with and without CORS.")
    parser.add_argument("--quick", action="store_true", help="fewer rounds; prints, writes nothing")
    parser.add_argument("--rounds", type=positive, help="rounds (default: 8; quick: 3)")
    parser.add_argument("--seconds", type=positive, default=1, help="seconds of load (default: 1)")
    parser.add_argument(
        "--frameworks", default=",".join(apps.FRAMEWORKS), help="(default: %(default)s)"
    )
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="write here, in any case")
    given = parser.parse_args(argv)
    rounds = given.rounds or (3 if given.quick else 8)
    seconds = given.seconds
    frameworks = [name.strip() for name in given.frameworks.split(",")]
    if unknown := set(frameworks) - set(apps.FRAMEWORKS):
        there = ",".join(apps.FRAMEWORKS)
        parser.error(f"no such framework: {', '.join(sorted(unknown))}; there are {there}")
    # What is missing is said before anything is measured.
    try:
        generator = generators.installed()
    except OSError as error:
        parser.error(str(error))
    versions, missing = installed(frameworks)
    if missing:
        parser.error(
            f"not installed: {', '.join(missing)}. Do pip install '.[bench-load]', or leave"
            " frameworks out with --frameworks"
        )
    if IMPLEMENTATION != "native":
        parser.error("the native engine is not installed")

    server_prefix, generator_prefix = pinned()
    with tempfile.TemporaryFile("w+") as log, contextlib.ExitStack() as stack:
        servers = start(frameworks, server_prefix, log, stack)
        samples = measure(servers, generator, generator_prefix, rounds, seconds)
    about = {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "generator": f"{generator.name}, {generators.CONNECTIONS} connections",
        "pinned": bool(server_prefix),
        "rounds": rounds,
        "seconds": seconds,
        "versions": versions,
    }
    text = "\n".join(report.markdown(samples, about))
    print(text)
    folder = given.output or (None if given.quick else HERE / "results")
    if folder is not None:
        write(folder, text, samples, about)
    return 0


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def installed(frameworks: list[str]) -> tuple[dict[str, str], list[str]]:
    """The versions of what takes part with these frameworks, and what of it is not here."""
    versions: dict[str, str] = {}
    missing = []
    for name in dict.fromkeys(("corsfast", *(it for one in frameworks for it in PACKAGES[one]))):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    return versions, missing


def pinned() -> tuple[list[str], list[str]]:
    """What to put before a server's command and the generator's, to keep them apart."""
    free = sorted(os.sched_getaffinity(0))
    if len(free) < 2 or shutil.which("taskset") is None:
        return [], []
    return ["taskset", "-c", str(free[0])], ["taskset", "-c", str(free[1])]


def start(
    frameworks: list[str], prefix: list[str], log: IO[str], stack: contextlib.ExitStack
) -> dict[tuple[str, str], Server]:
    """Every framework in every way, each answering as it should."""
    servers = {}
    for framework in frameworks:
        for way in apps.ways(framework):
            server = Server(framework, way, prefix, log)
            stack.callback(server.stop)
            servers[framework, way] = server
    for (framework, way), server in servers.items():
        try:
            server.wait()
        except RuntimeError:
            log.seek(0)
            print(log.read(), file=sys.stderr)
            raise
        check(framework, way, server)
    return servers


def check(framework: str, way: str, server: Server) -> None:
    """Allowed by name and with credentials where there is CORS, and nowhere else."""
    wanted = None if way == "none" else apps.ORIGIN
    for name, headers in REQUESTS.items():
        response = server.get(headers)
        found = response.headers.get("Access-Control-Allow-Origin")
        # Some send it to everybody where there is only one; a browser does not mind.
        right = {wanted} if name == "allowed Origin" else {None, wanted}
        if response.status != 200 or found not in right:
            raise AssertionError(f"{framework}, {way}, {name}: {response.status}, {found}")


def measure(
    servers: dict[tuple[str, str], Server],
    generator: generators.Generator,
    prefix: list[str],
    rounds: int,
    seconds: int,
) -> Samples:
    """All servers, round by round; the ways of one framework right after each other."""
    hertz = os.sysconf("SC_CLK_TCK")
    samples: Samples = {}
    frameworks = list(dict.fromkeys(framework for framework, _ in servers))
    order = [(framework, name) for framework in frameworks for name in REQUESTS]
    jobs = order.copy()
    for server in servers.values():
        generator.run(prefix, server.url, 1, WITH_ORIGIN)  # warm
    for done in range(rounds):
        progress(f"round {done + 1} of {rounds}")
        random.shuffle(jobs)
        for framework, name in jobs:
            ways = apps.ways(framework)
            for way in random.sample(ways, len(ways)):
                server = servers[framework, way]
                before = server.ticks()
                load = generator.run(prefix, server.url, seconds, REQUESTS[name])
                cpu = cpu_per_request(before, server.ticks(), hertz, load.requests)
                by_way = samples.setdefault((framework, name), {it: [] for it in ways})
                by_way[way].append(Sample(load.per_second, cpu))
    progress("")
    # As they were given, not as the first round had them.
    return {key: samples[key] for key in order}


def write(folder: Path, text: str, samples: Samples, about: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    base = folder / f"{about['date']}-load"
    base.with_suffix(".md").write_text(f"{text}\n", "utf-8")
    data = json.dumps(
        {**about, "columns": Sample._fields, "rows": report.as_rows(samples)}, indent=1
    )
    base.with_suffix(".json").write_text(f"{data}\n", "utf-8")


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    # The signal alone would end this process at once, and leave its servers running.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    sys.exit(main())
