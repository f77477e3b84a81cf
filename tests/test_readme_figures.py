"""The figures of the README are those of the newest results, and none is left out."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import losses  # noqa: E402
import readme  # noqa: E402


def test_the_readme_holds_the_newest_results() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert text.count(readme.START) == text.count(readme.END) == 1
    assert readme.filled(text) == text


def test_rows_that_are_lost_are_in_it() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    decisions = readme.tables(readme.newest("bench.md").read_text("utf-8"))["decisions"]
    for line in decisions.splitlines():
        assert line in text
    assert "not slower in" in text


def bullet(peer: str) -> str:
    (line,) = (it for it in readme.block().splitlines() if it.startswith(f"- {peer}: "))
    return line


def test_every_goal_that_is_missed_is_named_with_its_figure() -> None:
    """Read from the results by other means than losses.py does."""
    lines = readme.newest("bench.md").read_text("utf-8").splitlines()
    block = readme.block()
    title, missed = "", 0
    for line in lines:
        if line.startswith("**"):
            title = line[2:].partition(":")[0]
        if not line.endswith(("| not met |", "| noisy |")) and ": not met" not in line:
            continue
        missed += 1
        if line.startswith("- goal: "):
            row, _, rest = line.removeprefix("- goal: ").partition(" <= ")
            wanted, _, found = rest.partition(": not met (")
            named = f"| {title}: {row} | <= {wanted} | {found.rstrip(')')} |"
        else:
            cells = line.strip("| ").split(" | ")
            near = " ≈" if cells[-1] == "noisy" else ""
            named = f"| {cells[0]} | {cells[4]} | {cells[1]}{near} |"
        assert named in block
    assert missed >= sum("not met" in line for line in lines)


def test_whatever_is_slower_than_what_it_replaces_is_named() -> None:
    block = readme.block()
    for name, table in readme.tables(readme.newest("bench.md").read_text("utf-8")).items():
        lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line[:1] == "|"]
        for row, *cells in lines[2:] if name != "decisions" else ():
            for who, cell in zip(lines[0][1:], cells, strict=False):
                ratio = cell.rpartition(" ")[2]
                if re.fullmatch(r"[1-9]\d*\.\dx", ratio) and who != "least":
                    assert f"| {name}: {who}, {row} | <= " in block
                    assert ratio in block


def test_every_row_lost_to_another_language_is_named_with_its_figure() -> None:
    text = readme.newest("peers.md").read_text("utf-8")
    table = text[text.index("| request | against ") :].split("\n\n")[0].splitlines()
    peers = [cell.removeprefix("against ") for cell in table[0].strip("| ").split(" | ")[1::2]]
    for line in table[2:]:
        row, *cells = (cell.strip() for cell in line[1:-1].split("|"))
        for peer, share, least in zip(peers, cells[::2], cells[1::2], strict=True):
            if "≈" in share or "lost" in share:
                found = share.strip("*≈ ").rpartition(", ")[2].strip("*")
                named, kind = f"*{row}* ({found}", "Undecided: " if "≈" in share else "Lost: "
                assert named in bullet(peer).partition(kind)[2]
                too = least == "at its floor" or (least and float(least[:-1]) > 1)
                if least != "1.00x":  # rounded: either may be right
                    told = f"{named}, the C prototype {least}, too)" in bullet(peer)
                    assert told is bool(too)


def test_every_miss_of_the_floor_is_in_it() -> None:
    block = readme.block().splitlines()
    for line in readme.newest("floor.md").read_text("utf-8").splitlines():
        if line.startswith("|") and "!" in line:
            assert line in block


BENCH = """\
| decisions: ns per call | native | pure | pure/native | goal |  |
|---|---:|---:|---:|---:|---:|
| far | 9.0 ±1.0 4.0 F | 9.0 ±1.0 4.0 F | 4x | <= 3 F | not met |
| near | 9.0 ±1.0 3.0 F | 9.0 ±1.0 4.0 F | 4x | <= 3 F | noisy |
| good | 9.0 ±1.0 2.0 F | 9.0 ±1.0 4.0 F | 4x | <= 3 F | met |

| start: ms |  | goal |  |
|---|---:|---:|---:|
| import | 3.15 ±0.06 | <= 2 ms | not met |


**a b: a stub**

| µs added per request | without | theirs | drop-in | least | pure |
|---|---:|---:|---:|---:|---:|
| allowed | 0.54 ±0.02 | 8.19 ±0.08 | 0.35 ±0.02 1/23.8 | 8.35 ±0.02 1.2x | -9.00 ±0.03 -1.3x |
| refused | 0.54 ±0.02 | 7.27 ±0.07 | 9.51 ±0.02 1.2x | 0.35 ±0.02 1/2.0 | 8.13 ±0.08 1.0x |
| preflight |  | 7.27 ±0.07 | ? | 0.35 ±0.02 1/2.0 | 8.13 ±0.08 1/1.1 |

- goal: drop-in, allowed <= 1/25 of theirs: noisy (1/23.8)
- goal: drop-in, refused <= theirs: not met (1.2x)
- goal: drop-in, preflight <= theirs: not measured
"""


def test_what_is_missed_is_read_from_a_benchmark() -> None:
    assert [str(row) for row in losses.of_bench(BENCH)] == [
        "| far | <= 3 F | 9.0 ±1.0 4.0 F |",
        "| near | <= 3 F | 9.0 ±1.0 3.0 F ≈ |",
        "| import | <= 2 ms | 3.15 ±0.06 |",
        "| a b: drop-in, refused | <= theirs | 1.2x |",
        "| a b: pure, refused | <= theirs | 1.0x |",
        "| a b: drop-in, allowed | <= 1/25 of theirs | 1/23.8 ≈ |",
        "| a b: drop-in, preflight | <= theirs | not measured |",
    ]


def verdict(ratio: float | None, least: float | None, most: float | None, prototype: float | None):
    return {
        "tower-http": {"ratio": ratio, "least": least, "most": most, "prototype": prototype},
    }


def test_undecided_rows_are_counted_apart() -> None:
    found = {
        "verdicts": {
            "won": verdict(0.5, 0.4, 0.6, 0.3),
            "close": verdict(1.1, 0.9, 1.3, 0.8),
            "closer": verdict(0.9, 0.8, None, 1.04),
            "lost": verdict(2.0, 1.5, 2.5, 0.9),
            "to all": verdict(2.0, 1.5, 2.5, 1.2),
            "at the floor": verdict(None, None, None, None),
            "alone": verdict(None, None, None, None),
        },
        "rows": {},
    }
    found["rows"] = {row: {"C prototype": {}} for row in found["verdicts"]} | {"alone": {}}
    first, second = losses.of_peers(found)
    assert first == "- jub0bs/cors: not measured."
    assert second == (
        "- tower-http: not slower in 1 of 7 rows, lost 4, undecided 2 (≈)."
        " Lost: *lost* (2.00x); *to all* (2.00x, the C prototype 1.20x, too);"
        " *at the floor* (at its floor, the C prototype at its floor, too); *alone* (at its floor)."
        " Undecided: *close* (1.10x); *closer* (0.90x, the C prototype 1.04x, too)."
    )


def test_the_floor_can_be_read_alone() -> None:
    block = readme.block()
    head = next(line for line in block.splitlines() if line.startswith("| row | bare |"))
    for column in ("bare", "floor", "theirs"):
        assert column in head
        assert f"`{column}`" in block
    for said in ("Nanoseconds per call", "`!` misses what is wanted", "theirs: ", "F is len(x)"):
        assert said in block, said


def test_a_loaded_machine_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = readme.newest("peers.md").read_text("utf-8")
    mark = "**The machine was loaded**"
    quiet = "\n".join(line for line in text.splitlines() if not line.startswith(mark))
    newest = readme.newest
    for written, loaded in ((quiet, False), (f"{mark}\n{quiet}", True)):
        (tmp_path / "2026-01-01-peers.md").write_text(written, "utf-8")
        monkeypatch.setattr(
            readme,
            "newest",
            lambda kind: tmp_path / "2026-01-01-peers.md" if kind == "peers.md" else newest(kind),
        )
        assert (readme.LOADED in readme.block()) is loaded
