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

Place in the flow: loading/apps.py -> servers.py -> generators.py -> counts.py -> this command.
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
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from corsfast import IMPLEMENTATION
from corsfast.bench.cases import REQUEST
from corsfast.bench.machine import machine
from corsfast.bench.measure import Figure, summarise
from loading import apps, generators
from loading.counts import Sample, added, cpu_per_request
from loading.servers import Server

HERE = Path(__file__).resolve().parent
HERTZ = os.sysconf("SC_CLK_TCK")
# Connection and Host are the generator's own.
WITH_ORIGIN = [field for field in REQUEST if field[0] not in ("host", "connection")]
WITHOUT = [field for field in WITH_ORIGIN if field[0] != "origin"]
REQUESTS = {"no Origin": WITHOUT, "allowed Origin": WITH_ORIGIN}
PACKAGES = (
    *("corsfast", "uvicorn", "httptools", "uvloop", "gunicorn", "starlette", "fastapi", "flask"),
    *("flask-cors", "django", "django-cors-headers"),
)

Samples = dict[tuple[str, str], dict[str, list[Sample]]]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Servers under load, with and without CORS.")
    parser.add_argument("--quick", action="store_true", help="few short rounds")
    parser.add_argument("--rounds", type=int, help="rounds (default: 11; quick: 3)")
    parser.add_argument("--seconds", type=int, help="seconds of load (default: 3; quick: 1)")
    parser.add_argument("--frameworks", default=",".join(apps.FRAMEWORKS), help="by name")
    parser.add_argument("--output", type=Path, default=HERE / "results", metavar="FOLDER")
    given = parser.parse_args(argv)
    rounds = given.rounds or (3 if given.quick else 11)
    seconds = given.seconds or (1 if given.quick else 3)
    frameworks = given.frameworks.split(",")
    if unknown := set(frameworks) - set(apps.FRAMEWORKS):
        parser.error(f"no such framework: {', '.join(sorted(unknown))}")
    if IMPLEMENTATION != "native":
        parser.error("the native engine is not installed")

    generator = generators.installed()
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
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }
    text = "\n".join(report(samples, about))
    print(text)
    write(given.output, text, samples, about)
    return 0


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
    samples: Samples = {}
    frameworks = list(dict.fromkeys(framework for framework, _ in servers))
    jobs = [(framework, name) for framework in frameworks for name in REQUESTS]
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
                cpu = cpu_per_request(before, server.ticks(), HERTZ, load.requests)
                by_way = samples.setdefault((framework, name), {it: [] for it in ways})
                by_way[way].append(Sample(load.per_second, cpu))
    progress("")
    return samples


def figures(samples: dict[str, list[Sample]], way: str) -> tuple[Figure, Figure, Figure | None]:
    """Requests per second, µs of processor a request, and what of these the way adds."""
    return (
        summarise(it.per_second for it in samples[way]),
        summarise(it.cpu_us for it in samples[way]),
        None if way == "none" else summarise(added(samples, way)),
    )


def report(samples: Samples, about: dict[str, Any]) -> Iterator[str]:
    yield f"# Under load, {about['date']}"
    yield ""
    yield (
        f"{about['machine']}; {about['generator']}; {about['rounds']} interleaved rounds of"
        f" {about['seconds']} s; server and generator on"
        f" {'a processor each' if about['pinned'] else 'any processor'}."
    )
    yield ""
    yield ", ".join(f"{name} {version}" for name, version in about["versions"].items()) + "."
    for framework in apps.FRAMEWORKS:
        for name in REQUESTS:
            if (framework, name) not in samples:
                continue
            yield ""
            yield f"## {framework}, {name}"
            yield ""
            yield "| CORS | requests/s | µs of processor per request | µs added by CORS |"
            yield "|---|--:|--:|--:|"
            found = samples[framework, name]
            for way in found:
                cells = " | ".join(cell(figure) for figure in figures(found, way))
                yield f"| {way} | {cells} |"
    yield ""
    yield (
        "Medians, ± half of the middle half's spread; ~ marks a median that is not known to a"
        " quarter of itself. *own* is Starlette's CORSMiddleware, flask-cors or"
        " django-cors-headers; *corsfast* is its ASGI or WSGI middleware around the application;"
        " *drop-in* is corsfast in the place of *own*."
    )


def cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    places = 0 if figure.median >= 1000 else 1
    spread = (figure.high - figure.low) / 2
    return f"{figure.median:.{places}f} ± {spread:.{places}f}{' ~' if figure.noisy else ''}"


def write(folder: Path, text: str, samples: Samples, about: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {"framework": framework, "request": name, "cors": way, "samples": found[way]}
        for (framework, name), found in sorted(samples.items())
        for way in found
    ]
    base = folder / f"{about['date']}-load"
    base.with_suffix(".md").write_text(f"{text}\n", "utf-8")
    data = json.dumps({**about, "columns": Sample._fields, "rows": rows}, indent=1)
    base.with_suffix(".json").write_text(f"{data}\n", "utf-8")


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
