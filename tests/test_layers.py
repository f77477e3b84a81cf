"""Imports point to the left only, and no framework is known outside middleware/.

    options -> patterns, spec -> tables -> engine -> Decision -> headers on a response

Read from the sources (ast), so that imports inside functions and for type checkers count, too.
A new module has to take its place in ORDER.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import corsfast
from corsfast.bench.peers import NEEDS

PACKAGE = Path(corsfast.__file__).parent
# Leftmost first. Modules of one line do not import each other.
ORDER = [
    ["errors", "_fetch", "limits"],
    ["origin", "automata"],
    ["networks", "suffixes"],
    ["network_spellings"],
    ["patterns", "regexes"],
    ["intent", "suggestions"],
    ["misspellings", "schemes"],
    ["languages", "config"],
    ["safety", "redundancy", "idle"],
    ["idle_django"],
    ["corrections"],
    ["_compile"],
    ["loading"],
    ["decision", "_restore"],
    ["fields"],
    ["_pure", "_native"],
    ["_backend"],
    ["holder"],
    ["__init__"],
    ["_console"],
    ["middleware", "explain", "check"],
    ["bench", "__main__"],
]
PLACE = {name: place for place, names in enumerate(ORDER) for name in names}
# The one look to the right: a pickled policy comes back as the engine that was chosen.
EXCEPTIONS = {("_restore", "_backend"), ("_restore", "_pure")}
THIRD_PARTY = {"publicsuffixlist"}
# What a peer's module in bench/ may import: the peer, and what comes with it.
BENCHED = {name: set(needs.values()) for name, needs in NEEDS.items()}
BENCHED["aiohttp"] |= {"aiosignal", "multidict", "yarl"}

# What a framework is made of and leaves to its users to call.
MADE_OF = {
    "aiohttp": {"aiosignal", "multidict", "yarl"},
    "django": {"asgiref"},
    "werkzeug_routes": {"werkzeug"},
}

SOURCES = sorted(PACKAGE.rglob("*.py"))


def box(path: Path) -> str:
    """The name in ORDER of a source file: its own, or that of its sub-package."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every import of a file, as (dots, dotted name with what is imported from it)."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.level, ".".join(filter(None, (node.module, alias.name)))


def imported_boxes(path: Path) -> Iterator[str]:
    depth = len(path.relative_to(PACKAGE).parts)
    for level, name in imports(path):
        first = name.partition(".")[0]
        if level == 0 and first == "corsfast":
            first = [*name.split("."), "__init__"][1]
            yield first if first in PLACE else "__init__"
        elif level == depth:
            yield first if first in PLACE else "__init__"


def test_there_is_something_to_read() -> None:
    found = {box(path) for path in SOURCES}
    assert found <= set(PLACE), "a new module takes its place in ORDER"
    assert found >= {"errors", "origin", "config", "_compile", "_pure", "_backend", "middleware"}
    assert set(imported_boxes(PACKAGE / "_pure.py")) >= {"_compile", "decision", "limits"}
    assert "_backend" in set(imported_boxes(PACKAGE / "middleware" / "_policy.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_left(path: Path) -> None:
    here = box(path)
    for there in imported_boxes(path):
        if (here, there) in EXCEPTIONS:
            continue
        if here == there:
            assert path.parent != PACKAGE, f"{here} imports itself"
        else:
            assert PLACE[there] < PLACE[here], f"{here} imports {there}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_framework_outside_middleware(path: Path) -> None:
    known = sys.stdlib_module_names | THIRD_PARTY | {"corsfast", "__future__"}
    foreign = {name.partition(".")[0] for level, name in imports(path) if level == 0} - known
    if box(path) == "middleware":
        # Each framework's module or package knows that framework only, and what it is made of.
        name = path.relative_to(PACKAGE / "middleware").with_suffix("").parts[0].lstrip("_")
        assert foreign <= {name, *MADE_OF.get(name, ())}
    elif path.parent == PACKAGE / "bench" / "peers":
        # Each peer's module knows what its table says, and is imported only where that is.
        assert foreign <= BENCHED.get(path.stem, set())
    elif path == PACKAGE / "bench" / "plot.py":
        assert foreign == {"matplotlib"}
    else:
        assert not foreign


def test_the_native_engine_too() -> None:
    # A wheel carries no such source, whether its tests are in the tree or outside of it.
    source = Path(__file__).parent.parent / "src" / "corsfast" / "_native.pyx"
    if not source.exists():
        pytest.skip("tested outside its tree")
    text = source.read_text("utf-8")
    found = re.findall(r"^ *from \.(\w*) import (.+)$", text, re.MULTILINE)
    boxes = {module or name for module, names in found for name in names.split(", ")}
    assert boxes
    assert all(PLACE[name] < PLACE["_native"] for name in boxes), boxes
    outside = set(re.findall(r"^ *(?:from|import) (\w+)(?!.* cimport )", text, re.MULTILINE))
    assert outside <= {"os"}, "importing the native engine has to stay cheap"
