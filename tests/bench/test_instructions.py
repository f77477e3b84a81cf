"""The gate on instruction counts: how profiles are read, and what counts as a regression.

Only the logic is tested. `scripts/instructions` takes the counts.
"""

from __future__ import annotations

import importlib.util
import json
import platform
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def load(name: str) -> ModuleType:
    """Load a file of the benchmarks, which are not a package and not installed."""
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / "counting" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


baseline = load("baseline")
profiles = load("profiles")

# The profile has two objects, names that are numbered once and then referenced, a call whose
# inclusive cost must not be counted twice, and positions of every form.
PROFILE = """\
# callgrind format
version: 1
desc: Timerange: Basic block 1 - 2
desc: Trigger: Client Request: actual: exact|0|50

positions: line
events: Ir
summary: 130

ob=(1) /lib/engine.so
fl=(1) ???
fn=(10) decide
0 20
+3 5
cob=(2) /lib/libc.so
cfi=(2) ???
cfn=(11) memcmp
calls=7 0
* 70
-3 5

ob=(2)
fn=(11)
0 70

ob=(1)
fn=(10)
0x1f 30

totals: 130
"""


def test_a_profile_is_read_function_by_function() -> None:
    profile = profiles.parse(PROFILE)
    assert profile.name == "actual: exact|0|50"
    assert profile.functions == {
        ("/lib/engine.so", "decide"): 60,
        ("/lib/libc.so", "memcmp"): 70,
    }
    assert profile.total == 130


def test_a_dump_that_nobody_asked_for_is_left_out(tmp_path: Path) -> None:
    at_exit = PROFILE.replace("Client Request: actual: exact|0|50", "Program termination")
    assert profiles.parse(at_exit) is None
    (tmp_path / "callgrind.out").write_text(at_exit)
    (tmp_path / "callgrind.out.1").write_text(PROFILE)
    assert list(profiles.read(tmp_path)) == ["actual: exact|0|50"]


def test_a_profile_that_does_not_add_up_is_an_error() -> None:
    with pytest.raises(ValueError, match="130 instructions read, 131 stated"):
        profiles.parse(PROFILE.replace("totals: 130", "totals: 131"))


def test_one_call_is_the_difference_of_two_numbers_of_calls() -> None:
    few = profiles.Profile("few", Counter({("a", "f"): 1000, ("a", "start"): 77}))
    many = profiles.Profile("many", Counter({("a", "f"): 3000, ("a", "start"): 77, ("b", "g"): 50}))
    assert profiles.per_call(few, many, 100) == {
        ("a", "f"): 20.0,
        ("a", "start"): 0.0,
        ("b", "g"): 0.5,
    }


@pytest.mark.parametrize(
    ("found", "kind", "fails"),
    [
        (100.0, "same", False),
        (103.0, "same", False),
        (103.1, "slower", True),
        (97.0, "same", False),
        (96.9, "faster", False),
    ],
)
def test_a_regression_is_more_than_three_per_cent(found: float, kind: str, fails: bool) -> None:
    (verdict,) = baseline.compare({"a": found}, {"a": 100.0}, whole=True)
    assert (verdict.kind, verdict.fails) == (kind, fails)
    assert verdict.change == pytest.approx(found / 100 - 1)


def test_a_case_in_one_of_them_alone_fails() -> None:
    verdicts = list(baseline.compare({"new": 1.0}, {"gone": 2.0}, whole=True))
    assert [(it.name, it.kind, it.fails, it.change) for it in verdicts] == [
        ("new", "new", True, None),
        ("gone", "gone", True, None),
    ]


def test_what_was_left_out_on_purpose_is_not_gone() -> None:
    assert list(baseline.compare({}, {"gone": 2.0}, whole=False)) == []


def test_recording_replaces_one_entry_or_joins_it(tmp_path: Path) -> None:
    path = tmp_path / "instructions.json"
    assert baseline.read(path) == {}
    baseline.record(path, "one", {"a": 1.04, "b": 2.0}, whole=True)
    baseline.record(path, "two", {"a": 5.0}, whole=True)
    baseline.record(path, "one", {"b": 3.0}, whole=False)
    assert baseline.read(path) == {"one": {"a": 1.0, "b": 3.0}, "two": {"a": 5.0}}
    baseline.record(path, "one", {"b": 4.0}, whole=True)
    assert baseline.read(path) == {"one": {"b": 4.0}, "two": {"a": 5.0}}


@pytest.mark.parametrize(
    ("engine", "compiler"),
    [
        (b"\0GCC: (Debian 12.2.0-14+deb12u1) 12.2.0\0", "gcc 12"),
        (b"GCC: (GNU) 11.4.1\0GCC: (GNU) 13.2.0\0GCC: (GNU) 13.2.0\0", "gcc 13"),
        (b"Debian clang version 19.1.7 (3)\0", "clang 19"),
        (b"nothing", "unknown compiler"),
    ],
)
def test_an_entry_names_the_interpreter_and_the_compiler(engine: bytes, compiler: str) -> None:
    entry = baseline.entry_name(engine)
    assert entry.startswith(f"CPython {platform.python_version()}")
    assert f", {compiler}, " in entry


def test_the_baseline_of_ci_is_committed() -> None:
    entries = json.loads((BENCHMARKS / "instructions.json").read_text("utf-8"))
    assert any(entry.startswith("CPython 3.11.2, gcc 12, ") for entry in entries)
    for counts in entries.values():
        for case in ("actual: exact", "apply_asgi: 2 headers", "apply_wsgi: 2 headers and Vary"):
            assert case in counts
        assert all(count > 0 for count in counts.values())
