"""Names of tests are short enough to be read in a list of failures."""

from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parents[1]
LIMIT = 60


def test_names_of_tests_have_at_most_60_characters() -> None:
    names = [
        f"{path.relative_to(TESTS)}: {node.name}"
        for path in sorted(TESTS.rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    ]
    assert len(names) > 500
    assert [name for name in names if len(name.rpartition(" ")[2]) > LIMIT] == []
