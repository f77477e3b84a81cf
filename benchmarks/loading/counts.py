"""What the load generators and the kernel report, as numbers.

Place in the flow: generators.py and servers.py -> counts.py -> report.py.
Never: run or open anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Load(NamedTuple):
    """What a generator has done: answered requests, in how many seconds; and what failed."""

    requests: int
    seconds: float
    failed: int

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
DONE = re.compile(r"^\s*(\d+) requests in ([\d.]+)(us|ms|s|m|h),", re.MULTILINE)
REFUSED = re.compile(r"^\s*Non-2xx or 3xx responses: (\d+)", re.MULTILINE)
SOCKETS = re.compile(
    r"^\s*Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", re.MULTILINE
)


def parse_wrk(text: str) -> Load:
    """What wrk prints.

    Raises:
        ValueError: there is no line that says how many requests there were.
    """
    done = DONE.search(text)
    if done is None:
        raise ValueError(f"not the output of wrk: {text!r}")
    failed = sum(
        int(count)
        for found in (REFUSED.search(text), SOCKETS.search(text))
        if found is not None
        for count in found.groups()
    )
    return Load(int(done[1]), float(done[2]) * UNITS[done[3]], failed)


def parse_autocannon(text: str) -> Load:
    """What autocannon prints with --json."""
    found = json.loads(text)
    failed = found["errors"] + found["timeouts"] + found["non2xx"]
    return Load(found["requests"]["total"], found["duration"], failed)


class Process(NamedTuple):
    """One line of /proc/PID/stat: who started it, and its ticks in user and kernel mode."""

    pid: int
    parent: int
    ticks: int


def parse_stat(text: str) -> Process:
    """The line; the name in parentheses may hold spaces and parentheses of its own.

    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    pid, _, rest = text.partition(" (")
    fields = rest.rpartition(")")[2].split()
    return Process(int(pid), int(fields[1]), int(fields[11]) + int(fields[12]))


def tree_ticks(processes: Iterable[Process], root: int) -> int:
    """The ticks of a process and of all that it started, however far down.

    Raises:
        LookupError: the root is not among them: the server has ended.
    """
    known = {it.pid: it for it in processes}
    if root not in known:
        raise LookupError(f"process {root} has ended")

    def belongs(process: Process) -> bool:
        seen = set()
        while process.pid != root:
            seen.add(process.pid)
            above = known.get(process.parent)
            if above is None or above.pid in seen:
                return False
            process = above
        return True

    return sum(it.ticks for it in known.values() if belongs(it))


def cpu_per_request(before: int, after: int, hertz: int, requests: int) -> float:
    """Microseconds of processor time that each of the requests took."""
    return (after - before) * 1e6 / hertz / requests


class Sample(NamedTuple):
    """One way under load for a moment."""

    per_second: float
    cpu_us: float


def more(samples: Mapping[str, list[Sample]], way: str, other: str) -> list[float]:
    """Microseconds of processor time a request that a way takes beyond another one, round by
    round."""
    return [
        mine.cpu_us - theirs.cpu_us
        for mine, theirs in zip(samples[way], samples[other], strict=True)
    ]
