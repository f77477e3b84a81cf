"""What the load benchmark makes of the output of load generators, and of processor ticks."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "benchmarks" / "loading" / "counts.py"
spec = importlib.util.spec_from_file_location("load_counts", SOURCE)
assert spec is not None
assert spec.loader is not None
counts = importlib.util.module_from_spec(spec)
sys.modules["load_counts"] = counts
spec.loader.exec_module(counts)

WRK = """\
Running 2s test @ http://127.0.0.1:8000/
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.03ms    1.11ms  20.13ms   91.32%
    Req/Sec     4.12k   512.01     5.01k    70.00%
  8204 requests in 2.01s, 1.33MB read
Requests/sec:   4081.59
Transfer/sec:    677.61KB
"""


def test_wrk_says_how_many_requests_in_how_many_seconds() -> None:
    load = counts.parse_wrk(WRK)
    assert load == (8204, 2.01, 0)
    assert load.per_second == pytest.approx(4081.59, rel=1e-4)


def test_wrk_counts_minutes_after_a_minute() -> None:
    assert counts.parse_wrk(WRK.replace("in 2.01s", "in 1.50m")).seconds == 90


def test_what_failed_under_wrk_is_added_up() -> None:
    failed = (
        "  Socket errors: connect 1, read 20, write 300, timeout 4000\n"
        "  Non-2xx or 3xx responses: 50000\n"
    )
    assert counts.parse_wrk(WRK.replace("Requests/sec", f"{failed}Requests/sec")).failed == 54321


def test_something_else_is_not_the_output_of_wrk() -> None:
    with pytest.raises(ValueError, match="unable to connect"):
        counts.parse_wrk("unable to connect to 127.0.0.1:8000")


def test_autocannon_says_it_as_json() -> None:
    found = {
        "requests": {"total": 900, "average": 450.5},
        "duration": 2.02,
        "errors": 1,
        "timeouts": 20,
        "non2xx": 300,
    }
    assert counts.parse_autocannon(json.dumps(found)) == (900, 2.02, 321)


def stat(pid: int, name: str, parent: int, user: int, system: int) -> str:
    """A line of /proc/PID/stat; the eight fields between hold what must not be read."""
    return f"{pid} ({name}) S {parent} 91 92 93 94 95 96 97 98 99 {user} {system} 1000 2000 20 0"


@pytest.mark.parametrize("name", ["python", "a b", "x) S 7 (y", "((", ")"])
def test_a_process_may_have_any_name(name: str) -> None:
    assert counts.parse_stat(stat(12, name, 3, 40, 5)) == (12, 3, 45)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is no /proc")
def test_the_kernel_writes_such_lines() -> None:
    process = counts.parse_stat(Path("/proc/self/stat").read_text("utf-8"))
    assert (process.pid, process.parent) == (os.getpid(), os.getppid())
    user, system, *_ = os.times()
    assert process.ticks <= (user + system) * os.sysconf("SC_CLK_TCK") + 2


def test_a_tree_is_all_that_a_process_has_started() -> None:
    tree = [
        counts.Process(1, 0, 1_000_000),
        counts.Process(10, 1, 1),
        counts.Process(11, 10, 20),
        counts.Process(12, 11, 300),
        counts.Process(20, 1, 4000),
        counts.Process(21, 20, 50000),
        counts.Process(30, 31, 7),  # read while numbers were given again: a circle
        counts.Process(31, 30, 7),
    ]
    assert counts.tree_ticks(tree, 10) == 321
    assert counts.tree_ticks(reversed(tree), 10) == 321
    with pytest.raises(LookupError, match="process 13 has ended"):
        counts.tree_ticks(tree, 13)


def test_processor_time_is_shared_among_the_requests() -> None:
    assert counts.cpu_per_request(1000, 1150, 100, 10_000) == pytest.approx(150.0)


def test_what_a_way_adds_is_taken_round_by_round() -> None:
    def rounds(*cpu: float) -> list[object]:
        return [counts.Sample(1.0, each) for each in cpu]

    samples = {"none": rounds(100.0, 200.0, 150.0), "own": rounds(110.0, 230.0, 149.0)}
    assert counts.added(samples, "own") == [10.0, 30.0, -1.0]
    with pytest.raises(ValueError, match="longer"):
        counts.added({**samples, "own": rounds(1.0)}, "own")
