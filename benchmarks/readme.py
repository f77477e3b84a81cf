"""``python benchmarks/readme.py``: put the newest results into the README, between two marks.

    results/DATE-bench.md   (python -m corsfast.bench --markdown)
    results/DATE-bench.json, .svg  (the same run, --json and --plot)
    results/DATE-floor.md   (python benchmarks/floor/measure.py)
    results/DATE-peers.md, .json, .svg  (python benchmarks/compare.py)
    results/DATE-load.json  (python benchmarks/load.py; may be missing)

Place in the flow: results -> README.md. Never: change a figure, or leave out a row that is lost.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable
from pathlib import Path

import losses
import summary
from loading import report

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
README = ROOT / "README.md"
START, END = "<!-- figures: benchmarks/readme.py -->", "<!-- end of figures -->"
NOTE = (
    "± is half of what the middle half of the rounds spans, and `~` marks a noisy figure; `1/n` is"
    " the share of what the original adds."
)
FLOOR = (
    "A C prototype of that path alone, in the same run"
    " ([all rows](benchmarks/results/{name})). `bare` is the application alone, `floor` the"
    " prototype and `theirs` the library that is replaced; the other columns are ratios of these."
    " It is the least that we could write by hand, which proves no bound: below 1 ours is faster."
    " Here are the rows whose goals are missed or near:"
)
UNDER_LOAD = (
    "Whole servers under load (uvicorn, gunicorn; {generator};"
    " [all figures](benchmarks/results/{name})): requests per second, and the processor time of a"
    " request or, behind `+`, what CORS adds to that:"
)
UNDER_LOAD_NOTE = (
    "`native` is corsfast around the application. **lost** takes more of the processor than the"
    " framework's own, `≈` cannot be told from it (95 %), `~` is noisy: what is added may be less"
    " than rounds differ by, and then be below 0."
)
LOADED = "The machine was loaded during this comparison: a quiet run is due."
# Where a goal is missed, or near: those that the prototype has to answer for.
FLOOR_ROWS = ("actual: exact", "preflight: ", "asgi: ", "ASGI ", "WSGI ", "Starlette", "Litestar")
SLOWER = (
    "**Slower than what it replaces** in the run of `python -m corsfast.bench` (`≈`: it cannot"
    " tell):"
)
MISSED = (
    "**Goals of ours that are missed** in all tables of the same run (`≈`: it cannot tell; those"
    " beside the C prototype are marked `!` in the last fold):"
)
LOSSES_HEAD = "| row | wanted | found |\n|---|---|---|"
AGAIN = (
    "[benchmarks/README.md](benchmarks/README.md) says how to repeat all this: beside Go, Rust and"
    " Node, under load, against the floor, by counts of instructions."
)
BESIDE = "Beside CORS middlewares of other languages on the same machine, each net of its harness,"
BESIDE_NOTE = (
    "The share is our time as a part of theirs. What the C prototype loses, too, is the least that"
    " ASGI costs, and only the rest is ours; `≈` cannot be told from 1 (95 %)."
)
# The middlewares that most people use; the others stand in the results.
STANDS = ("starlette", "flask", "django")


def newest(kind: str) -> Path:
    """The newest file of a kind, such as "bench.md"; their names begin with their dates."""
    found = every(kind)
    if not found:
        raise FileNotFoundError(f"no results/DATE-{kind}")
    return found[-1]


def every(kind: str) -> list[Path]:
    return sorted(RESULTS.glob(f"????-??-??-{kind}"))


def tables(text: str) -> dict[str, str]:
    """The tables of a benchmark's Markdown with what is said below them, by their first word."""
    found = {}
    for part in re.split(r"\n(?=\*\*[a-z -]+:|\| decisions:)", text):
        name = re.match(r"\*\*([a-z -]+):|\| (decisions):", part)
        if name is not None:
            found[name[1] or name[2]] = part.split("\n\n\n")[0].strip()
    return found


def floor_rows(text: str) -> str:
    """The head of the floor's table, and its rows for the README: whatever misses is in it."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    shown = tuple(f"| {name}" for name in FLOOR_ROWS)
    rows = [line for line in lines[2:] if line.startswith(shown) or "!" in line]
    return "\n".join(lines[:2] + rows)


def floor_legend(text: str) -> str:
    """What the floor's file says of its columns and signs: the paragraphs below its table."""
    return text[text.rindex("|\n") + 2 :].strip()


def under_load() -> list[str]:
    """The table of servers under load, if there is a result."""
    if not every("load.json"):
        return []
    path = newest("load.json")
    found = json.loads(path.read_text("utf-8"))
    named = path.with_suffix(".md").name
    return [
        UNDER_LOAD.format(generator=found["generator"], name=named),
        "\n".join(report.compact(report.from_rows(found["rows"]))),
        UNDER_LOAD_NOTE,
    ]


def table_of(rows: Iterable[losses.Row]) -> str:
    lines = list(map(str, rows))
    return "\n".join((LOSSES_HEAD, *lines)) if lines else "None."


def folded(title: str, *parts: str) -> tuple[str, ...]:
    """What is opened by a click."""
    return (f"<details><summary>{title}</summary>", *parts, "</details>")


def block() -> str:
    """What stands between the marks."""
    bench, floor, peers = newest("bench.md"), newest("floor.md"), newest("peers.md")
    text = bench.read_text("utf-8")
    found = tables(text)
    compared = json.loads(newest("peers.json").read_text("utf-8"))
    svg = newest("peers.svg").name if compared["plot"] else None
    measured = json.loads(bench.with_suffix(".json").read_text("utf-8"))
    lost = list(losses.of_bench(measured))
    beside = f"{BESIDE} [{peers.name}](benchmarks/results/{peers.name})"
    parts = [
        f"![What the main calls cost](benchmarks/results/{newest('bench.svg').name})",
        f"Measured on {bench.name[:10]}: {text.splitlines()[0]}.",
        "\n".join(summary.of_bench(measured)),
        summary.NOTE,
        *under_load(),
        beside + (f" ([drawn](benchmarks/results/{svg})):" if svg else ":"),
        "\n".join(losses.of_peers(compared)),
        BESIDE_NOTE,
        *([LOADED] if "**The machine was loaded**" in peers.read_text("utf-8") else []),
        SLOWER,
        table_of(row for row in lost if not row.goal),
        MISSED,
        table_of(row for row in lost if row.goal),
        AGAIN,
        *folded("All decisions", found["decisions"]),
        *folded(
            f"Middlewares: {', '.join(STANDS)}",
            *(found[name] for name in STANDS),
            f"{NOTE} All rows: [{bench.name}](benchmarks/results/{bench.name}).",
        ),
        *folded(
            "How far from the least possible work",
            FLOOR.format(name=floor.name),
            floor_rows(floor.read_text("utf-8")),
            floor_legend(floor.read_text("utf-8")),
        ),
    ]
    return "\n\n".join(parts)


def filled(readme: str) -> str:
    before, _, rest = readme.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n\n{block()}\n\n{END}{after}"


if __name__ == "__main__":
    argparse.ArgumentParser(description="Rewrite the README's figures from results/.").parse_args()
    README.write_text(filled(README.read_text("utf-8")), "utf-8")
