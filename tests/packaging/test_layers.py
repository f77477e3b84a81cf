"""The six boxes: imports point one way, and only middleware/ knows frameworks.

    _options -> _proofs -> _engine -> _loading, middleware, testing, _explain, export, _cli, bench

The test reads the sources, so imports inside functions and for type checkers count as well.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import corsfast
from corsfast.bench.libraries import NEEDS

PACKAGE = Path(corsfast.__file__).parent
# A box imports only from the lines above its own.
BOXES = [
    ["errors", "decision"],
    ["_options"],
    ["_proofs"],
    ["_engine"],
    ["_loading"],
    ["__init__", "presets"],
    ["middleware"],
    ["testing"],
    ["_explain"],
    ["export"],
    ["_cli"],
    ["bench"],
    ["__main__"],
]
PLACE = {name: place for place, names in enumerate(BOXES) for name in names}
# The only imports in the other direction, all inside functions or for types: unpickling a policy
# picks the engine, `Policy.from_toml` and related methods read files with the loader, and
# `Policy.explain` explains.
EXCEPTIONS = {
    ("_engine.unpickle", "_engine.select"),
    ("_engine.pure", "_loading.__init__"),
    ("_engine.pure", "_explain.policy"),
    ("_engine.pure", "_explain.cross_site"),
    ("_engine.pure", "_explain.explanation"),
    ("__init__", "_explain.explanation"),
}
THIRD_PARTY = {"publicsuffixlist"}
# A module in bench/libraries may import its library, and the packages that come with it.
BENCHED = {name: set(needs.values()) for name, needs in NEEDS.items()}
BENCHED["aiohttp"] |= {"multidict", "yarl"}
# Packages that belong to a framework and that its users import.
BELONGS = {
    "django": {"asgiref"},
    "aiohttp": {"aiosignal", "multidict", "yarl"},
    "_dropin": {"werkzeug"},  # shared by Flask and Quart
}

SOURCES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """Return the dotted name of a module below the package."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


MODULES = {name_of(path) for path in SOURCES} | {"_engine.native"}


def box(name: str) -> str:
    return name.partition(".")[0]


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield every import of a file as (dots, dotted name including the imported name)."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.level, ".".join(filter(None, (node.module, alias.name)))


def imported(path: Path) -> set[str]:
    """Return the modules of the package that a module imports."""
    folder = path.relative_to(PACKAGE).parent.parts
    found = set()
    for level, name in imports(path):
        if level == 0 and name.partition(".")[0] != "corsfast":
            continue
        above = folder[: len(folder) - level + 1]
        parts = name.split(".")[1:] if level == 0 else [*above, *name.split(".")]
        while parts and ".".join(parts) not in MODULES:
            if ".".join([*parts, "__init__"]) in MODULES:
                parts.append("__init__")
                break
            parts.pop()
        found.add(".".join(parts) or "__init__")
    here = name_of(path)
    return {there for there in found if there != here and (here, there) not in EXCEPTIONS}


def test_every_module_is_in_a_box() -> None:
    assert {box(name) for name in MODULES} == set(PLACE)
    assert "_engine.tables" in imported(PACKAGE / "_engine" / "pure.py")
    assert "_engine.select" in imported(PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    here = name_of(path)
    for there in imported(path):
        if box(there) != box(here):
            assert PLACE[box(there)] < PLACE[box(here)], f"{here} imports {there}"


def test_no_module_imports_itself_through_others() -> None:
    graph = {name_of(path): imported(path) for path in SOURCES}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the cycle


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_framework_outside_middleware(path: Path) -> None:
    known = sys.stdlib_module_names | THIRD_PARTY | {"corsfast", "__future__"}
    foreign = {name.partition(".")[0] for level, name in imports(path) if level == 0} - known
    if box(name_of(path)) == "middleware":
        framework = name_of(path).split(".")[1]
        assert foreign <= {framework, *BELONGS.get(framework, ())}
    elif path.parent == PACKAGE / "bench" / "libraries":
        assert foreign <= BENCHED.get(path.stem, set())
    elif path == PACKAGE / "testing" / "plugin.py":
        assert foreign == {"pytest"}
    elif path == PACKAGE / "_cli" / "send.py":
        assert foreign == {"httpx"}
    elif path == PACKAGE / "_cli" / "completion.py":
        assert foreign == {"argcomplete"}
    elif path.parent == PACKAGE / "_cli" / "imports":
        assert foreign <= {"crossplane", "yaml"}
    else:
        assert not foreign


def test_the_native_engine_imports_one_way_too() -> None:
    # Wheels do not contain the source.
    folder = Path(__file__).parents[2] / "src" / "corsfast" / "_engine" / "cython"
    if not folder.exists():
        pytest.skip("tested outside of its tree")
    text = "".join(path.read_text("utf-8") for path in sorted(folder.glob("*.p[xy][ix]")))
    beside = set(re.findall(r"^ *from \.(\w+) import", text, re.MULTILINE))
    assert {f"_engine.{name}" for name in beside} <= MODULES
    boxes = set(re.findall(r"^ *from \.\.(\w+)[\w.]* import", text, re.MULTILINE))
    assert boxes
    assert {name for name in boxes if PLACE[name] > PLACE["_engine"]} <= {
        "middleware",
        "_loading",
        "_explain",
    }
    outside = set(re.findall(r"^(?:from|import) (\w+)(?!.* cimport )", text, re.MULTILINE))
    assert outside <= {"os", "cpython", "libc"}, "importing the native engine has to stay cheap"
