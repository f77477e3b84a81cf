"""Measure the time and memory to build, hold and query a policy of one to a million origins.

Each size and engine gets its own process, because a second policy in the same process would reuse
the first one's memory. The process prints its rows as one JSON array of (name, measure, figure,
ratio). There are no rows of memory without /proc.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from .._cli.console import APART
from .cases import TENANT, Case, picked, tenants
from .decisions import F, measure_decisions
from .engines import Engine, installed_engines
from .figures import Figure, Row, summarize

TABLE = "scale"
SIZES = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
QUICK_SIZES = SIZES[:5]
CALLS = 200


def names(size: int) -> list[str]:
    """Return the names of the rows of one size."""
    origins = f"{size:_} origins".replace("_", " ")
    parts = ("build", "memory", "memory while building", "allowed", "not allowed")
    return [f"{origins}: {part}" for part in parts]


def measure_scale(
    sizes: tuple[int, ...], rounds: int, word: str, progress: Callable[[str], None]
) -> list[Row]:
    """Return the rows of these sizes whose names contain `word`, on each engine."""
    rows: list[Row] = []
    for size in sizes:
        if not any(word in f"{TABLE}: {name}" for name in names(size)):
            continue
        found = []
        for engine in installed_engines():
            progress(f"{size} origins, {engine}")
            command = [sys.executable, "-m", __name__, str(size), engine, str(rounds)]
            result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **APART)
            for name, measure, figure, ratio in json.loads(result.stdout):
                row = Row(TABLE, name, engine, measure, Figure(*figure))
                found.append(row._replace(ratio=Figure(*ratio), of=F) if ratio else row)
        rows += sorted(found, key=lambda row: names(size).index(row.name))
    return [row for row in rows if word in f"{TABLE}: {row.name}"]


def measure_size(size: int, engine: Engine, rounds: int) -> Iterator[tuple[Any, ...]]:
    """Yield what the process of one size prints."""
    built, held, peak, allowed, not_allowed = names(size)
    # Import and create everything that is made once, because it is not part of this policy.
    engine.policy(allow_origins=["https://*.example.com"])
    gc.collect()
    before = memory("VmRSS")
    options = tenants(size)
    start = perf_counter_ns()
    policy = engine.policy(**options)
    yield built, "time", summarize([perf_counter_ns() - start]), None
    grown = {peak: memory("VmHWM")}
    del options
    gc.collect()
    grown[held] = memory("VmRSS")
    for name in (held, peak):
        after = grown[name]
        if before is not None and after is not None:
            yield name, "memory", summarize([max(0, after - before)]), None
    made = {engine.name: engine._replace(policy=lambda **_: policy)}
    unlisted = picked("https://unlisted-{}.example.com", 999_999)
    cases = [
        Case(allowed, {}, "actual", picked(TENANT, size), "allowed"),
        Case(not_allowed, {}, "actual", unlisted, "origin-not-allowed"),
    ]
    for row in measure_decisions(cases, made, rounds, CALLS, lambda _: None):
        if row.name in (allowed, not_allowed):
            yield row.name, row.measure, row.figure, row.ratio


def memory(field: str) -> int | None:
    """Return a field of /proc/self/status in bytes, or None if there is no such file."""
    try:
        status = Path("/proc/self/status").read_text("ascii")
    except OSError:
        return None
    (line,) = [line for line in status.splitlines() if line.startswith(f"{field}:")]
    return int(line.split()[1]) * 1024


def main(size: str, engine: str, rounds: str) -> None:
    """Print the figures of one size, for the process that started this one."""
    rows = measure_size(int(size), installed_engines()[engine], int(rounds))
    print(json.dumps(list(rows)))


if __name__ == "__main__":
    main(*sys.argv[1:])
