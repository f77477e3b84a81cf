"""The figures of the README are those of the newest results, and none is left out."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

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
