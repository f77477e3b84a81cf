"""What `import corsfast` adds to the start of an interpreter.

Place in the flow: processes -> rows; beside decisions.py and stands.py.
Never: import anything in the interpreters that are compared but corsfast.

Each round starts two interpreters, one that imports corsfast and one that does nothing, and the
difference of their whole lives is one sample.
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
from .measure import summarise
from .rows import Aim, Row

TABLE = "import"
NAME = "import corsfast"
AT_MOST_MS = 2


def measure_start(rounds: int, progress: Callable[[str], None]) -> Row:
    """The row of the import. The first round, which may read disks and compile, is dropped."""
    samples = []
    for done in range(rounds + 1):
        progress(f"{NAME}: {done} of {rounds}")
        # In turns first and second.
        texts = ["pass", NAME] if done % 2 else [NAME, "pass"]
        took = {text: life(text) for text in texts}
        samples.append(float(took[NAME] - took["pass"]))
    figure = summarise(samples[1:])
    if special := not_as_usual():
        # The goal is not for the import hook of whatever installed it that way.
        return Row(TABLE, f"{NAME}, {special}", IMPLEMENTATION, "delta", figure)
    aim = Aim(f"<= {AT_MOST_MS} ms", AT_MOST_MS * 1e6, figure)
    return Row(TABLE, NAME, IMPLEMENTATION, "delta", figure, aim=aim)


def not_as_usual() -> str | None:
    """Where corsfast comes from, if it is imported from its source tree."""
    try:
        text = distribution("corsfast").read_text("direct_url.json")
    except PackageNotFoundError:
        return "not installed"
    editable = json.loads(text or "{}").get("dir_info", {}).get("editable")
    return "editable install" if editable else None


def life(text: str) -> int:
    """Nanoseconds from the start of an interpreter that runs this to its end."""
    start = perf_counter_ns()
    subprocess.run([sys.executable, "-c", text], check=True, stdin=subprocess.DEVNULL, **APART)
    return perf_counter_ns() - start
