"""The gate on instruction counts: how totals are read, and what counts as a regression.

Only the logic is tested. `scripts/instructions` takes the counts.
"""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

import pytest

import corsfast

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


sys.path.insert(0, str(BENCHMARKS))

from counting import baseline  # noqa: E402

# Importing it needs the native engine.
needs_native = pytest.mark.skipif(
    corsfast.IMPLEMENTATION == "pure", reason="only the native engine is counted"
)
PROFILE = """\
# callgrind format
version: 1
desc: Timerange: Basic block 1 - 2
desc: Trigger: Client Request: actual: exact|0|50

events: Ir
summary: 130

ob=(1) /lib/engine.so
fn=(10) decide
0 130

totals: 130
"""


@needs_native
def test_totals_are_read_by_the_name_that_requested_them(tmp_path: Path) -> None:
    from instructions import totals

    at_exit = PROFILE.replace("Client Request: actual: exact|0|50", "Program termination")
    (tmp_path / "callgrind.out").write_text(at_exit)
    (tmp_path / "callgrind.out.1").write_text(PROFILE)
    assert totals(tmp_path) == {"actual: exact|0|50": 130}


@needs_native
def test_one_call_is_the_difference_of_two_numbers_of_calls() -> None:
    from instructions import net

    found = {}
    # One call of the loop costs 10; one of the case 30, or 90 in one of the three layouts.
    for layout, per_call in enumerate((30, 90, 30)):
        for calls in (50, 150):
            found[f"loop|{layout}|{calls}"] = 777 + 10 * calls
            for name in ("a", "bare"):
                found[f"{name}|{layout}|{calls}"] = 777 + per_call * calls
    assert net(found, {"loop": "", "bare": "loop", "a": "loop"}) == {"a": 20.0}


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
    (change,) = baseline.compare({"a": found}, {"a": 100.0}, whole=True)
    assert (change.kind, change.fails) == (kind, fails)
    assert change.share == pytest.approx(found / 100 - 1)


def test_a_case_in_one_of_them_alone_fails() -> None:
    changes = list(baseline.compare({"new": 1.0}, {"gone": 2.0}, whole=True))
    assert [(it.name, it.kind, it.fails, it.share) for it in changes] == [
        ("new", "new", True, None),
        ("gone", "gone", True, None),
    ]


def test_rows_left_out_on_purpose_are_not_missing() -> None:
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
