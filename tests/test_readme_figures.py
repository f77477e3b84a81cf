"""The figures of the README are those of the newest results, and none is left out."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import losses  # noqa: E402
import readme  # noqa: E402
import summary  # noqa: E402


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


def test_the_summary_names_every_library_that_was_measured() -> None:
    found = json.loads(readme.newest("bench.json").read_text("utf-8"))
    alone = {*losses.ALONE, "asgi", "wsgi"}
    _, _, *lines = summary.of_bench(found)
    assert [line.split(" | ")[0][2:] for line in lines] == [
        table for table in found["tables"] if table not in alone
    ]


def test_the_summary_hides_neither_noise_nor_a_loss() -> None:
    def allowed(who: str, median: float, **others: object) -> dict[str, object]:
        return row("allowed", who, "flask", **{"median": median, "noisy": False, **others})

    def lines(rows: list[dict[str, object]]) -> list[str]:
        return list(summary.of_bench({"rows": rows}))[2:]

    both = [allowed("without", 9e3), allowed("theirs", 4e3)]
    slow = allowed("drop-in", 8e3, noisy=True, **ratio(2.0, 1.9, 2.1))
    fast = allowed("native", 500.0, **ratio(0.125, 0.1, 0.15))
    other = row("refused", "native", "flask", **ratio(0.01, 0.01, 0.01))
    assert lines([*both, slow, fast, other, allowed("pure", 1.0)]) == [
        "| flask | 9.00 | theirs 4.00 | 8.00~, 2.0x | 0.50, 1/8.0 |"
    ]
    assert lines([*both, slow]) == ["| flask | 9.00 | theirs 4.00 | 8.00~, 2.0x |  |"]
    free = allowed("native", 500.0, **ratio(None, None, None))
    assert lines([*both, free]) == ["| flask | 9.00 | theirs 4.00 |  | 0.50 |"]
    assert lines(both) == []


def bullet(peer: str) -> str:
    (line,) = (it for it in readme.block().splitlines() if it.startswith(f"- {peer}: "))
    return line


def told_of(block: str, start: str) -> tuple[str, bool]:
    """The figure of the one line that starts so, and whether it is decided."""
    (line,) = (it for it in block.splitlines() if it.startswith(start))
    told = line.removesuffix(" |").rpartition(" | ")[2]
    return told.removesuffix(" ≈"), not told.endswith(" ≈")


def same(told: str, figure: str) -> bool:
    """Whether two figures are one, which may be told with a digit more than the table has."""
    if figure.endswith("x") and told.endswith("x"):
        return float(told[:-1]) == pytest.approx(float(figure[:-1]), abs=0.056)
    return told == figure


def test_every_goal_that_is_missed_is_named_with_its_figure() -> None:
    """Read from the results by other means than losses.py does."""
    lines = readme.newest("bench.md").read_text("utf-8").splitlines()
    block = readme.block()
    title, missed = "", 0
    for line in lines:
        if line.startswith("**"):
            title = line[2:].partition(":")[0]
        goal = re.fullmatch(r"- goal: (.+?) (<= .+): (not met|noisy) \((.+)\)", line)
        if goal is None and not line.endswith(("| not met |", "| noisy |")):
            continue
        missed += 1
        if goal is not None:
            name, wanted, verdict, figure = f"{title}: {goal[1]}", goal[2], goal[3], goal[4]
        else:
            name, cell, *_, wanted, verdict = line.strip("| ").split(" | ")
            name = name.removesuffix(" (native)")
            unit = wanted.rpartition(" ")[2]
            alone, _, rest = cell.rstrip("~").partition(" ±")
            figure = rest.partition(" ")[2] if unit == "F" else f"{alone} {unit}"
        told, decided = told_of(block, f"| {name} | {wanted} | ")
        assert decided is (verdict == "not met")
        assert same(told, figure)
    assert missed >= sum("not met" in line for line in lines)


def test_whatever_is_slower_than_what_it_replaces_is_named() -> None:
    block = readme.block()
    for name, table in readme.tables(readme.newest("bench.md").read_text("utf-8")).items():
        lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line[:1] == "|"]
        for row, *cells in lines[2:] if name != "decisions" else ():
            for who, cell in zip(lines[0][1:], cells, strict=False):
                ratio = cell.rpartition(" ")[2]
                if re.fullmatch(r"[1-9]\d*\.\dx", ratio) and who != "least":
                    told, _ = told_of(block, f"| {name}: {who}, {row} | <= ")
                    assert same(told, ratio)


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


def row(name: str, who: str, table: str, **others: object) -> dict[str, object]:
    """A row as bench writes it; its ratio and where that lies, its goal and the verdict on it."""
    near = dict.fromkeys(("ratio", "ratio_least", "ratio_most", "ratio_to", "goal", "verdict"))
    return {"table": table, "name": name, "who": who, "median": 9.0, **near, **others}


def ratio(median: float | None, least: float | None, most: float | None) -> dict[str, object]:
    return {"ratio": median, "ratio_least": least, "ratio_most": most, "ratio_to": "theirs"}


def judged(goal: str, verdict: str, median: float | None = None) -> dict[str, object]:
    return {"goal": goal, "verdict": verdict, "ratio": median, "ratio_to": "theirs"}


FLOOR = {"ratio": 4.0, "ratio_least": 3.9, "ratio_most": 4.1, "ratio_to": "len(x)"}
BENCH = [
    row("far", "native", "decisions", **FLOOR | {"goal": "<= 3 F", "verdict": "not met"}),
    row("far", "pure", "decisions", **FLOOR),
    row("near", "native", "decisions", **FLOOR | {"goal": "<= 3 F", "verdict": "noisy"}),
    row("good", "native", "decisions", **FLOOR | {"goal": "<= 5 F", "verdict": "met"}),
    row("long", "native", "decisions", **FLOOR | {"goal": "<= 8 ns", "verdict": "not met"}),
    row("import", "native", "import", goal="<= 2 ms", verdict="not met", median=3.15e6),
    row("allowed", "without", "a b"),
    row("allowed", "theirs", "a b"),
    row("allowed", "drop-in", "a b", **judged("<= 1/25 of theirs", "noisy", 1 / 23.8)),
    row("allowed", "least", "a b", **ratio(1.2, 1.1, 1.3)),
    row("allowed", "pure", "a b", **ratio(-1.3, -1.4, -1.2)),
    row("refused", "drop-in", "a b", **judged("<= theirs", "not met", 1.2)),
    row("refused", "native", "a b", **ratio(0.99, 0.98, 1.0)),
    row("refused", "pure", "a b", **ratio(1.04, 1.01, 1.06)),
    row("no Origin", "native", "a b", **ratio(0.99, 0.96, 1.02)),
    row("no Origin", "pure", "a b", **ratio(1.04, 1.0, 1.08)),
    row("no Origin", "drop-in", "a b", **ratio(3.0, 0.9, None)),
    row("preflight", "drop-in", "a b", **judged("<= theirs", "not measured")),
    row("preflight", "native", "a b", **ratio(None, None, None)),
    row("preflight", "pure", "a b"),
]


def test_what_is_missed_is_read_from_a_benchmark() -> None:
    assert [str(found) for found in losses.of_bench({"rows": BENCH})] == [
        "| far | <= 3 F | 4.0 F |",
        "| near | <= 3 F | 4.0 F ≈ |",
        "| long | <= 8 ns | 9.0 ns |",
        "| import | <= 2 ms | 3.15 ms |",
        "| a b: drop-in, allowed | <= 1/25 of theirs | 1/23.8 ≈ |",
        "| a b: drop-in, refused | <= theirs | 1.20x |",
        "| a b: pure, refused | <= theirs | 1.04x |",
        "| a b: native, no Origin | <= theirs | 0.99x ≈ |",
        "| a b: pure, no Origin | <= theirs | 1.04x ≈ |",
        "| a b: drop-in, no Origin | <= theirs | 3.00x ≈ |",
        "| a b: drop-in, preflight | <= theirs | not measured |",
        "| a b: native, preflight | <= theirs | at its floor |",
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
