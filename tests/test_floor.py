"""benchmarks/floor/measure.py: the prototype says what corsfast says, or that it cannot."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
sys.path[:0] = [str(BENCHMARKS), str(BENCHMARKS / "floor")]

# It is compiled for each interpreter, and most rows need the frameworks.
pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def measure():
    import corsfast

    if corsfast.IMPLEMENTATION == "pure":
        pytest.skip("measures the native engine")
    import measure

    return measure


@pytest.fixture(scope="module")
def rows(measure):
    """Every row, its answers compared already."""
    return {row.name: row for row in measure.every_row()}


def test_every_row_is_there_and_can_be_timed(measure, rows):
    for name in (
        "F: len(x)",
        "actual: exact, of 100",
        "actual: exact, of 10 000",
        "preflight: 3 headers, a new list",
        "preflight: 10 headers, a new list",
        "ASGI middleware: allowed",
        "WSGI middleware: allowed",
        "Flask, wrapped: allowed",
        "Starlette drop-in: preflight, total",
        "Litestar drop-in: no origin",
    ):
        row = rows[name]
        assert math.isfinite(measure.time_row(row).floor)
        line = measure.line(row, [measure.time_row(row) for _ in range(9)])
        assert line.startswith(f"| {name} |")
        assert line.count("|") == len(measure.HEADS) + 1


def test_calls_are_counted_in_calls_of_len(measure, rows):
    parts = measure.Parts(f=10.0, bare=0.0, floor=25.0, ours=40.0, peer=None, peer_bare=0.0)
    cells = measure.line(rows["actual: exact"], [parts] * 9).split(" | ")
    assert cells[-2:] == ["2.50", "4.00 |"]
    assert "1.60!" in cells


@pytest.mark.parametrize(
    ("names", "allowed"),
    [
        ("x-token", True),
        (" X-Token\t", True),
        ("x-token,,authorization", True),
        ("," * 15, True),
        ("," * 16, False),
        (" " * 17 + "x-token", False),
        ("x-other", False),
        ("x-token x-token", False),
        ("x-token;", False),
        ("x-" + "0" * 127, False),
        ("x-token," * 1025, False),
        ("x-0," * 17 + "x-other", False),
        ("accept,content-type,range", True),
    ],
)
def test_a_list_is_read_as_corsfast_reads_it(measure, names, allowed):
    policy = measure._native.Policy(**measure.OPTIONS)
    floor = measure.prototype.load()
    least = measure.make_floor(floor, policy)
    asked = (measure.APP, "PUT", names)
    assert policy.preflight(*asked).allowed is allowed
    assert least.preflight(*asked).allowed is allowed


@pytest.mark.parametrize(
    "call",
    [
        lambda least: least.actual("https://\N{SNOWMAN}.example"),
        lambda least: least.actual("http://localhost:3000"),
        lambda least: least.preflight("https://app.example.com", "PATCH", None),
        lambda least: least.preflight("https://a.example.org", "PUT", None),
        lambda least: least.asgi({"headers": [(b"origin", b"a"), (b"origin", b"b")]}),
    ],
)
def test_what_it_cannot_do_it_says(measure, call):
    policy = measure._native.Policy(**measure.OPTIONS)
    with pytest.raises(NotImplementedError):
        call(measure.make_floor(measure.prototype.load(), policy))


def test_a_wrong_answer_is_never_timed(measure):
    with pytest.raises(AssertionError, match="a row: 1, not 2"):
        measure.expect("a row", 1, 2)
