"""The limits in limits.py and csrc/corsfast.h are equal, and so is the order of outcomes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from corsfast import Outcome
from corsfast._options import limits

ROOT = Path(__file__).parents[2]
HEADER = ROOT / "csrc" / "corsfast.h"

# Limits that C does not need, because they apply while a policy is built.
PYTHON_ONLY = {
    "MAX_MAX_AGE",
    "MAX_PREBUILT_ORIGINS",
    "MAX_AUTOMATON_STATES",
    "MAX_AUTOMATON_STEPS",
    "MAX_POLICY_FILE",
    "MAX_BACKTRACKING_POSITIONS",
    "MAX_BACKTRACKING_STEPS",
    "MAX_ENCODED_PATH",
    "MAX_RESOLVER_THREADS",
}


@pytest.fixture(scope="module")
def header() -> str:
    if not (ROOT / "src").exists() and not HEADER.exists():
        pytest.skip("a wheel is tested outside its tree; the tree was tested with its header")
    return HEADER.read_text("ascii")


def test_same_limits(header: str) -> None:
    in_c = {name: int(n) for name, n in re.findall(r"\bCF_(MAX_\w+)\s*=\s*(\d+)\b", header)}
    in_python = {name: value for name, value in vars(limits).items() if name.startswith("MAX_")}
    assert in_python.keys() >= PYTHON_ONLY
    assert in_c == {name: n for name, n in in_python.items() if name not in PYTHON_ONLY}
    assert len(in_c) >= 10


def test_same_outcomes(header: str) -> None:
    match = re.search(r"typedef enum cf_outcome \{(.*?)CF_OUTCOMES", header, re.DOTALL)
    assert match is not None
    text = re.sub(r"/\*.*?\*/", "", match[1], flags=re.DOTALL)
    assert re.findall(r"CF_(\w+)", text) == [outcome.name for outcome in Outcome]


def test_the_longest_origin_is_the_sum_of_its_parts() -> None:
    parts = limits.MAX_SCHEME + len("://") + limits.MAX_HOST + len(":65535")
    assert parts == limits.MAX_ORIGIN == 326
