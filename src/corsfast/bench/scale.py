"""From one origin to a million: what building, holding and asking a policy costs.

Place in the flow: processes -> sizes -> report; beside decisions.py.
Never: weigh two policies in one process, where the second would find the first one's memory.

Each size and engine gets a process of its own, which prints one JSON object:

    origins       how many
    engine        "native" or "pure"
    build_s       seconds to make the Policy, proofs included
    held_bytes    by how much the process has grown with it, when its options are thrown away
    peak_bytes    by how much it had grown at most; both are null where there is no /proc
    no_origin, hit, miss
                  what `policy.actual` takes: objects like the rows of bench/__main__.py
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
    """How the figures of the questions are made; each policy is built once."""
    return Made(QUICK_ROUNDS if quick else ROUNDS, CALLS)


def measure_scale(*, quick: bool, progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """One object for each size and engine."""
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
    """What the process of one size prints."""
    # Whatever is imported and made once is not this policy's.
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
    """A field of /proc/self/status in bytes; None where there is no such thing."""
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
