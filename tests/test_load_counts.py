"""What the load benchmark makes of the output of load generators and of processor ticks, what it
says of them, and what it refuses before it measures."""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import load
import readme
from loading import counts, report

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
    found = counts.parse_wrk(WRK)
    assert found == (8204, 2.01, 0)
    assert found.per_second == pytest.approx(4081.59, rel=1e-4)


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
    assert counts.more(samples, "own", "none") == [10.0, 30.0, -1.0]
    with pytest.raises(ValueError, match="longer"):
        counts.more({**samples, "own": rounds(1.0)}, "own", "none")


# --- what is said of them ------------------------------------------------------------


def ways(rounds: int = 8, **cpu: float) -> dict[str, list[counts.Sample]]:
    """Each way with its processor time, which wavers by 2 %; together they are exactly apart."""
    return {
        name.replace("_", "-"): [
            counts.Sample(1000.0 + i, each * (1 + 0.02 * (i % 2))) for i in range(rounds)
        ]
        for name, each in cpu.items()
    }


def near(found: dict[str, list[counts.Sample]], way: str, other: str) -> None:
    """Let a way be now above another one, now below."""
    found[way] = [
        counts.Sample(it.per_second, it.cpu_us + (1 if i % 2 else -1))
        for i, it in enumerate(found[other])
    ]


SAMPLES = {
    ("flask", "no Origin"): ways(none=200.0, own=230.0, corsfast=201.0, drop_in=240.0),
    ("django", "allowed Origin"): ways(none=300.0, own=330.0, corsfast=301.0),
}
near(SAMPLES["django", "allowed Origin"], "drop-in", "own")
ABOUT = {
    "date": "2026-01-02",
    "machine": "a machine",
    "generator": "wrk",
    "pinned": True,
    "rounds": 8,
    "seconds": 1,
    "versions": {"corsfast": "1.0"},
}


def test_a_loss_under_load_is_called_one() -> None:
    lines = "\n".join(report.markdown(SAMPLES, ABOUT)).splitlines()
    assert "## flask, no Origin" in lines
    assert any(it.startswith("| drop-in | ") and it.endswith("| **lost** |") for it in lines)
    assert any(it.startswith("| drop-in | ") and it.endswith("| ≈ |") for it in lines)
    assert [it for it in lines if it.startswith("| own | ") and it.endswith("|  |")]
    assert [it for it in lines if it.startswith("| corsfast | ") and it.endswith("|  |")]
    head, _, flask, django = report.compact(SAMPLES)
    assert head == "| under load | no CORS | its own | drop-in | native |"
    assert flask == (
        "| flask, no Origin | 1004/s, 202.0 ± 2.0 µs | 1004/s, +30.3 ± 0.3 µs |"
        " 1004/s, +40.4 ± 0.4 µs **lost** | 1004/s, +1.0 ± 0.0 µs |"
    )
    assert django == (
        "| django, allowed Origin | 1004/s, 303.0 ± 3.0 µs | 1004/s, +30.3 ± 0.3 µs |"
        " 1004/s, +30.3 ± 1.3 µs ≈ | 1004/s, +1.0 ± 0.0 µs |"
    )


@pytest.mark.parametrize("rounds", [1, 5])
def test_few_rounds_are_noisy_and_decide_nothing(rounds: int) -> None:
    few = {("flask", "no Origin"): ways(rounds, none=200.0, own=230.0, drop_in=900.0)}
    *_, row = report.compact(few)
    assert row.count("~") == 6
    assert row.endswith(" ~ µs ≈ |  |")


def test_what_adds_less_than_nothing_keeps_its_sign() -> None:
    *_, row = report.compact({("flask", "no Origin"): ways(none=200.0, own=190.0)})
    assert "| 1004/s, -10.1 ± 0.1 µs |" in row


def test_a_single_round_is_shown_as_noisy() -> None:
    once = {("flask", "no Origin"): ways(1, none=200.0, own=230.0, drop_in=900.0)}
    text = "\n".join(report.markdown(once, ABOUT))
    assert "| none | 1000 ± 0 ~ | 200.0 ± 0.0 ~ |  |  |" in text
    assert "| drop-in | 1000 ± 0 ~ | 900.0 ± 0.0 ~ | 700.0 ± 0.0 ~ | ≈ |" in text


def test_the_readme_takes_a_load_result_when_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readme, "RESULTS", tmp_path)
    assert readme.under_load() == []
    load.write(tmp_path, "text", SAMPLES, ABOUT)
    said, table, _ = readme.under_load()
    assert "[all figures](benchmarks/results/2026-01-02-load.md)" in said
    assert table == "\n".join(report.compact(SAMPLES))
    assert "**lost**" in table
    assert (tmp_path / "2026-01-02-load.md").read_text("utf-8") == "text\n"


# --- what is refused, and what is written --------------------------------------------


@pytest.fixture
def generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator that is found, and may not be asked for anything."""
    script = tmp_path / "wrk"
    script.write_text("#!/bin/sh\nexit 1\n", "utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))


def refusal(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    with pytest.raises(SystemExit) as ended:
        load.main([*argv])
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_without_a_generator_it_ends_with_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "a load generator is needed: apt-get install wrk" in refusal(capsys)


@pytest.mark.skipif(sys.platform == "win32", reason="the script has no such name there")
@pytest.mark.usefixtures("generator")
def test_what_is_not_installed_is_said_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(load.PACKAGES, "flask", ("no-such-package", "pytest"))
    assert "not installed: no-such-package. Do pip install" in refusal(
        capsys, "--frameworks", "flask"
    )


def test_only_the_packages_that_take_part_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(load.PACKAGES) == set(load.apps.FRAMEWORKS)
    monkeypatch.setitem(load.PACKAGES, "flask", ("pytest",))
    monkeypatch.setitem(load.PACKAGES, "django", ("no-such-package",))
    versions, missing = load.installed(["flask"])
    assert missing == []
    assert versions["pytest"] == importlib.metadata.version("pytest")
    assert set(versions) == {"corsfast", "pytest"}
    assert load.installed(["flask", "django"])[1] == ["no-such-package"]


@pytest.mark.parametrize("rounds", ["0", "-1"])
def test_there_is_at_least_one_round(rounds: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "at least 1" in refusal(capsys, "--rounds", rounds)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processors are not set apart")
@pytest.mark.usefixtures("generator")
@pytest.mark.parametrize(
    ("argv", "written"), [(["--quick"], []), ([], ["load.json", "load.md"]), (["--output"], None)]
)
def test_quick_writes_nothing_unless_it_is_told_where(
    argv: list[str],
    written: list[str] | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(load, "HERE", tmp_path)
    monkeypatch.setattr(load, "IMPLEMENTATION", "native")
    monkeypatch.setitem(load.PACKAGES, "flask", ())
    monkeypatch.setattr(load, "start", lambda *_: {})
    monkeypatch.setattr(load, "measure", lambda *_: SAMPLES)
    folder = tmp_path / "results"
    if written is None:
        argv, written = ["--quick", "--output", str(folder)], ["load.json", "load.md"]
    assert load.main([*argv, "--frameworks", "flask"]) == 0
    assert [path.name[len("2026-01-02-") :] for path in sorted(folder.glob("*"))] == written
    assert "## flask, no Origin" in capsys.readouterr().out
