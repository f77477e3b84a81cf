"""Measure the time and memory to build, hold and query a policy of one to a million origins.

Each size and engine gets its own process, because a second policy in the same process would reuse
the first one's memory. The process prints one JSON object:

    origins       the number of origins
    engine        "native" or "pure"
    build_s       seconds to make the Policy, proofs included
    held_bytes    the growth of the process with the policy, after its options are freed
    peak_bytes    the maximum growth of the process; both are null without /proc
    no_origin, hit, miss
                  the time of `policy.actual`: objects like the rows of bench/__main__.py
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from .._cli.console import APART
from .cases import TENANT, Case, picked, tenants, texts
from .decisions import measure_decisions
from .engines import Engine, installed_engines
from .report import Table, row_as_json
from .rows import Made

SIZES = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
QUICK_SIZES = SIZES[:5]
ROUNDS, QUICK_ROUNDS = 51, 15
CALLS = 200


def made_of(*, quick: bool) -> Made:
    """Return how the figures of the queries are made; each policy is built once."""
    return Made(QUICK_ROUNDS if quick else ROUNDS, CALLS)


def measure_scale(*, quick: bool, progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """Return one object for each size and engine."""
    rounds = str(made_of(quick=quick).rounds)
    found = []
    for size in QUICK_SIZES if quick else SIZES:
        for engine in installed_engines():
            progress(f"{size} origins, {engine}")
            command = [sys.executable, "-m", "corsfast.bench.scale", str(size), engine, rounds]
            result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **APART)
            found.append(json.loads(result.stdout))
    return found


def measure_size(size: int, engine: Engine, rounds: int) -> dict[str, Any]:
    """Return the object that the process of one size prints."""
    # Import and create everything that is made once, because it is not part of this policy.
    engine.policy(allow_origins=["https://*.example.com"])
    gc.collect()
    before = memory("VmRSS")
    options = tenants(size)
    start = perf_counter()
    policy = engine.policy(**options)
    build = perf_counter() - start
    peak = memory("VmHWM")
    del options
    gc.collect()
    after = memory("VmRSS")
    held = engine._replace(policy=lambda **_: policy)
    rows = {
        row.name: row
        for row in measure_decisions(asked(size), {engine.name: held}, rounds, CALLS, silent)
    }
    return {
        "origins": size,
        "engine": engine.name,
        "build_s": build,
        "held_bytes": growth(before, after),
        "peak_bytes": growth(before, peak),
        **{case.name: row_as_json(rows[case.name]) for case in asked(size)},
    }


def asked(size: int) -> list[Case]:
    stranger = picked("https://stranger-{}.example.com", 999_999)
    return [
        Case("no_origin", {}, "actual", texts(None), "no-origin"),
        Case("hit", {}, "actual", picked(TENANT, size), "allowed"),
        Case("miss", {}, "actual", stranger, "origin-not-allowed"),
    ]


def memory(field: str) -> int | None:
    """Return a field of /proc/self/status in bytes, or None if there is no such file."""
    try:
        status = Path("/proc/self/status").read_text("ascii")
    except OSError:
        return None
    (line,) = [line for line in status.splitlines() if line.startswith(f"{field}:")]
    return int(line.split()[1]) * 1024


def growth(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else max(0, after - before)


def scale_table(found: list[dict[str, Any]], made: Made) -> Table:
    lines = []
    for size in found:
        cells = [f"{size['build_s'] * 1e3:.1f}", in_mib(size["held_bytes"])]
        cells.append(in_mib(size["peak_bytes"]))
        for name in ("no_origin", "hit", "miss"):
            row = size[name]
            mark = "~" if row["noisy"] else " "
            cells.append(f"{row['median']:.1f} {row['ratio'] or 0:6.1f} F{mark}")
        lines.append([f"{size['origins']:_} {size['engine']}".replace("_", " "), *cells])
    heads = ["origins", "build ms", "held MiB", "peak MiB", "no origin ns", "hit ns", "miss ns"]
    remark = f"{made.rounds} rounds of up to {made.calls} calls; each policy is built once."
    return Table("", heads, lines, [remark])


def in_mib(count: int | None) -> str:
    return "?" if count is None else f"{count / 2**20:.1f}"


def silent(_: str) -> None:
    pass


if __name__ == "__main__":
    _, size_wanted, engine_wanted, rounds_wanted = sys.argv
    chosen = installed_engines()[engine_wanted]
    print(json.dumps(measure_size(int(size_wanted), chosen, int(rounds_wanted))))
