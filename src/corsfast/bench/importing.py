"""Measure what `import corsfast` adds to the start of an interpreter.

Each round starts two interpreters: one imports corsfast, the other does nothing. The difference of
their run times is one sample. So neither interpreter may import anything else.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from time import perf_counter_ns

from .._cli.console import APART
from .._engine.select import IMPLEMENTATION
from .figures import Goal, Row, summarize

TABLE = "import"
NAME = "import corsfast"
GOAL = Goal(2, "ms")


def measure_import(rounds: int, progress: Callable[[str], None]) -> Row:
    """Return the row of the import, without the first round, which may read disks and compile."""
    samples = []
    for done in range(rounds + 1):
        progress(f"{NAME}: {done} of {rounds}")
        # The two interpreters alternate in which one runs first.
        texts = ["pass", NAME] if done % 2 else [NAME, "pass"]
        took = {text: lifetime(text) for text in texts}
        samples.append(float(took[NAME] - took["pass"]))
    figure = summarize(samples[1:])
    if unusual := unusual_install():
        # No goal here, because an editable install adds an import hook of its own.
        return Row(TABLE, f"{NAME}, {unusual}", IMPLEMENTATION, "delta", figure)
    return Row(TABLE, NAME, IMPLEMENTATION, "delta", figure, goal=GOAL)


def unusual_install() -> str | None:
    """Return how corsfast is installed, if it is imported from its source tree."""
    try:
        text = distribution("corsfast").read_text("direct_url.json")
    except PackageNotFoundError:
        return "not installed"
    editable = json.loads(text or "{}").get("dir_info", {}).get("editable")
    return "editable install" if editable else None


def lifetime(text: str) -> int:
    """Return the nanoseconds from start to end of an interpreter that runs this code."""
    start = perf_counter_ns()
    subprocess.run([sys.executable, "-c", text], check=True, stdin=subprocess.DEVNULL, **APART)
    return perf_counter_ns() - start
