"""Measure what CORS costs in the application, in nginx and in Envoy, up to 10,000 origins.

    python benchmarks/edge.py [--rounds N]

README.md describes the figures.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from socket import create_connection

from corsfast.bench.cases import ASK_HEADERS, ASK_METHOD, REQUEST
from corsfast.bench.environment import machine
from corsfast.bench.figures import differences, summarize
from corsfast.export import TARGETS
from corsfast.testing import RawResponse, Request
from edge_app import NONE, POLICIES, policy_of

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from export.proxies import PROXIES, program, send_to
from support.servers import end, free_port

APPLICATION = "application"
PLACES = (APPLICATION, "nginx", "envoy")
# The configurations without CORS.
EMPTY = {"nginx": "", "envoy": '{"http_filters": [], "route_config": {}}'}
# The statuses of each kind of request.
KINDS = {"allowed": [200], "refused": [200], "preflight": [200, 204], "refused preflight": [403]}
STARTING = ("ms until it listens", "ms of CPU", "kB of the file", "MB of memory")
ORIGINS = 10_000  # requests in a file; each has another origin, if the policy allows as many
CHECKED, STARTS, SECONDS, ENOUGH = 20, 3, 0.3, 50
SCRIPT = Path(__file__).with_suffix(".lua")


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python benchmarks/edge.py", description=__doc__)
    parser.add_argument("--rounds", type=int, default=31)
    rounds = parser.parse_args(arguments).rounds
    subjects = list(itertools.product(PLACES, POLICIES))
    found = {it: defaultdict[str, list[float]](list) for it in subjects}
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        behind, application = start(APPLICATION, NONE, 0, root, stack, defaultdict(list))
        servers = {}
        for where, name in subjects:
            port, own = start(where, name, behind, root, stack, found[where, name])
            servers[where, name] = port, [own] if where == APPLICATION else [application, own]
            for kind in KINDS:
                requests = requests_of(kind, name, root / f"{kind}-{name}")
                for request in random.sample(requests, CHECKED):
                    check(kind, name, request, send_to(port)(request))
        for number in range(rounds + 1):  # round 0 warms the servers up
            print(f"round {number} of {rounds}", file=sys.stderr)
            order = itertools.product(shuffled(KINDS), shuffled(PLACES), shuffled(POLICIES))
            for kind, where, name in order:
                cpu, rate = load(*servers[where, name], root / f"{kind}-{name}")
                found[where, name][f"{kind}: CPU"] += [cpu] * (number > 0)
                found[where, name][f"{kind}: rate"] += [rate] * (number > 0)
        for (where, name), figures in found.items():
            *_, own = servers[where, name][1]
            pages = int(Path(f"/proc/{own}/statm").read_text().split()[1])
            figures[STARTING[-1]] = [pages * os.sysconf("SC_PAGE_SIZE") / 1e6]
            for kind in KINDS:
                without = found[where, NONE][f"{kind}: CPU"]
                pairs = zip(figures[f"{kind}: CPU"], without, strict=True)
                figures[f"{kind}: more"] = differences(pairs)
    print(machine())
    for title, columns, suffix in (
        ("CPU time per request, microseconds", KINDS, ": CPU"),
        ("CPU time more than without CORS, microseconds", KINDS, ": more"),
        ("Requests per second", KINDS, ": rate"),
        ("Starting", STARTING, ""),
    ):
        print(f"\n{title}\n\n| where | origins | {' | '.join(columns)} |\n|---|---|{'---:|' * 4}")
        for subject, figures in found.items():
            cells = [shown(figures[column + suffix]) for column in columns]
            print(f"| {' | '.join([*subject, *cells])} |")
    return 0


def shuffled(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda _: random.random())


def shown(values: list[float]) -> str:
    """Return a median and the 95 % interval around it."""
    it = summarize(values)
    digits = int(it.median < 100)
    return f"{it.median:,.{digits}f} ({it.least:,.{digits}f}-{it.most:,.{digits}f})"


def start(
    where: str,
    name: str,
    behind: int,
    root: Path,
    stack: ExitStack,
    figures: dict[str, list[float]],
) -> tuple[int, int]:
    """Start a server several times. Return its port and the id of the last process."""
    folder = Path(tempfile.mkdtemp(dir=root))
    port, text = free_port(), ""
    if where == APPLICATION:
        serve = f"-m uvicorn --lifespan off --no-access-log --port {port} --factory"
        app = ["--app-dir", str(SCRIPT.parent), "edge_app:application"]
        command = [sys.executable, *serve.split(), *app]
    else:
        policy = policy_of(name)
        text = TARGETS[where](policy) if policy else EMPTY[where]
        command = PROXIES[where](folder, text, port, behind)
    command = ["taskset", "-c", str(max(os.sched_getaffinity(0))), *command]
    options = {"cwd": folder, "env": {**os.environ, "POLICY": name}, "stderr": subprocess.DEVNULL}
    for number in range(STARTS):
        began = time.perf_counter()
        process = subprocess.Popen(command, **options)
        stack.callback(end, process)
        while process.poll() is None:
            with suppress(OSError), create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.001)
        assert process.poll() is None, f"{command} ended"
        took = (time.perf_counter() - began) * 1e3, cpu_of(process.pid) / 1e6, len(text) / 1e3
        for column, value in zip(STARTING, took, strict=False):
            figures[column].append(value)
        if number + 1 < STARTS:
            end(process)
    return port, process.pid


def cpu_of(process: int) -> int:
    """Return the nanoseconds of CPU time, user and system, that a process and its threads used."""
    return time.clock_gettime_ns(~process << 3 | 2)  # CPUCLOCK_SCHED of Linux


def requests_of(kind: str, name: str, path: Path) -> list[Request]:
    """Write requests for edge.lua, each from another origin if the policy allows as many."""
    count, patterns, template = POLICIES[name]
    origins = ORIGINS if patterns else max(count, 1)
    if "refused" in kind:
        origins, template = ORIGINS, "https://app-{}.attacker.example"
    method, asked = ("OPTIONS", (ASK_METHOD, ASK_HEADERS)) if "preflight" in kind else ("GET", ())
    fields = [field for field in REQUEST if field[0] not in ("host", "connection", "origin")]
    found, written = [], ""
    for number in random.sample(range(ORIGINS), ORIGINS):
        headers = (*fields, ("origin", template.format(number % origins)), *asked)
        found.append(Request(method, "http://api.example/", headers))
        lines = [f"{method} / HTTP/1.1", "host: api.example", *map(": ".join, headers)]
        written += "\r\n".join([*lines, "", "\0"])
    path.write_bytes(written.encode())
    return found


def check(kind: str, name: str, request: Request, response: RawResponse) -> None:
    """Check that a response is that of the policy."""
    allowed = "refused" not in kind and name != NONE
    origin = request.get("origin") if allowed else None
    assert response.get("access-control-allow-origin") == origin, (kind, name, response)
    assert response.status in (KINDS[kind] if name != NONE else [200]), (kind, name, response)


def load(port: int, servers: list[int], requests: Path) -> tuple[float, float]:
    """Load a port. Return the microseconds of CPU time per request and the requests per second."""
    pinned = f"stdbuf -oL taskset -c {min(os.sched_getaffinity(0))} {program('wrk')}"
    options = f"-t1 -c8 -d60s -s {SCRIPT} http://127.0.0.1:{port} --"
    command = [*pinned.split(), *options.split(), str(requests), str(random.randrange(ORIGINS))]
    before = sum(map(cpu_of, servers))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as wrk:
        wrk.stdout.readline()  # it has started
        time.sleep(SECONDS)
        while wrk.poll() is None:
            wrk.send_signal(signal.SIGINT)
            time.sleep(0.02)
        shown = wrk.stdout.read()
    used = (sum(map(cpu_of, servers)) - before) / 1e3
    count, duration, forbidden, failed = map(int, shown.split("figures")[1].split())
    assert failed == 0, shown
    assert forbidden in (0, count), shown
    if count < ENOUGH:  # the machine was busy with something else
        return load(port, servers, requests)
    return used / count, count / duration * 1e6


if __name__ == "__main__":
    sys.exit(main())
