"""The table of problem codes in docs/security.md lists exactly the codes in the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import corsfast
from corsfast.errors import RISKS

PACKAGE = Path(corsfast.__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "security.md"
CODE = re.compile(r"[a-z]+(?:-[a-z]+)*")
# Functions and classes that take a code as their first argument.
TAKES_CODE = re.compile(r"_?(?:problem|refuse|finding)|(?:DropIn)?Problem")
# Variables and constants that hold a code.
HOLDS_CODE = re.compile(r"code|BARE_STRING|NOT_A_BOOL|UNKNOWN_OPTION")


def texts(node: ast.expr | None) -> Iterator[str]:
    """Yield the strings that an expression may be: a constant, or either branch of a choice."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)


def codes_in(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if TAKES_CODE.fullmatch(name):
                yield from (text for argument in node.args[:1] for text in texts(argument))
        elif isinstance(node, ast.Assign):
            if any(HOLDS_CODE.fullmatch(getattr(target, "id", "")) for target in node.targets):
                yield from texts(node.value)


def codes_in_source() -> set[str]:
    found = set(RISKS)
    for path in PACKAGE.rglob("*.py"):
        found.update(codes_in(path.read_text("utf-8")))
    return found


def codes_in_page() -> list[str]:
    section = PAGE.read_text("utf-8").split("## Problem codes\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)


def test_collector_finds_each_way_to_give_a_code() -> None:
    source = """
Problem("a-b", x)
problem("c", y)
_refuse("d", z)
code = "e" if x else "f"
BARE_STRING = "g"
print("no-code")
"""
    assert set(codes_in(source)) == {"a-b", "c", "d", "e", "f", "g"}


def test_all_codes_are_documented() -> None:
    listed = codes_in_page()
    assert listed == sorted(set(listed))
    source = codes_in_source()
    assert all(map(CODE.fullmatch, source))
    assert set(listed) == source
