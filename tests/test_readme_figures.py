"""The figures of the README are those of the newest results, and none is left out."""

from __future__ import annotations

import sys
from pathlib import Path

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
