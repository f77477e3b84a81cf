"""The benchmark is honest: it checks answers before it times, and reports noise as noise.

No test here asserts how long anything takes. Samples are invented if a verdict depends on them, and
results of real runs are only checked for their shape.
"""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.engines import ENGINES

from corsfast.bench import decisions, libraries, report, run, scale
from corsfast.bench.__main__ import main
from corsfast.bench.cases import APP, Case, cases, fresh, texts
from corsfast.bench.engines import installed_engines
from corsfast.bench.figures import Figure, Goal, Row, Sampling, differences, ratios, summarize
from corsfast.bench.libraries import asgi, wsgi
from corsfast.bench.measure import FIRST_TURNS, TURNS, Subject, sample, step, take_samples
from corsfast.bench.scenario import (
    DROP_IN,
    KINDS,
    WITHOUT,
    CheckedResponse,
    Scenario,
    check,
    goals,
    measure_scenario,
)

KEY = ("it", "native")


def silent(_: str) -> None:
    pass


def out_of_bounds(_: str) -> None:
    raise RuntimeError("a round was begun")


def figure(least: float, median: float, most: float) -> Figure:
    return Figure(median, least, most, least, most)


# --- what is measured ----------------------------------------------------------------


def test_cases_have_unique_names_and_fresh_inputs() -> None:
    names = [case.name for case in cases()]
    assert len(set(names)) == len(names)
    assert {"actual: exact, of 1", "actual: exact, of 10 000", "asgi: 14 headers"} <= set(names)
    assert fresh(APP) == APP
    assert fresh(APP) is not APP
    for case in cases():
        one, other = case.inputs(2)
        if case.call == "preflight" and "new list each time" in case.name:
            assert one[2] != other[2]
        if case.call in ("asgi", "wsgi"):
            assert one[0] is not other[0]


@pytest.mark.parametrize("name", ENGINES)
def test_a_wrong_decision_is_an_error_before_timing(name: str) -> None:
    engine = installed_engines()[name]
    options = {"allow_origins": [APP]}
    right = Case("right", options, "actual", texts(APP), "allowed")
    assert decisions.engine_subject(right, engine).inputs is right.inputs
    wrong = right._replace(inputs=texts("https://other.example.com"))
    with pytest.raises(AssertionError, match=r"right, .*: origin-not-allowed, not allowed"):
        decisions.measure_decisions([wrong], {name: engine}, 1, 1, out_of_bounds)


MERGES = {case.name: case for case in cases() if case.merged is not None}


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("case", MERGES.values(), ids=MERGES)
def test_wrong_headers_are_an_error_before_timing(case: Case, name: str) -> None:
    engine = installed_engines()[name]
    policy = engine.policy(**case.options)
    (one, sent), _ = case.given(policy)(2)
    assert getattr(policy, case.call)(one, sent) == case.merged
    decisions.engine_subject(case, engine)
    assert case.merged is not None
    for wrong in (case._replace(merged=case.merged[:-1]), case._replace(outcome="no-origin")):
        with pytest.raises(AssertionError, match=rf"{case.name}, {name}: .*, not "):
            decisions.measure_decisions([wrong], {name: engine}, 1, 1, out_of_bounds)


def own_scenarios() -> list[Scenario]:
    engines = installed_engines()
    return [*asgi.scenarios(engines), *wsgi.scenarios(engines)]


@pytest.mark.parametrize("scenario", own_scenarios(), ids=lambda scenario: scenario.name)
def test_a_wrong_answer_is_an_error_before_timing(scenario: Scenario) -> None:
    check(scenario)
    *others, last = scenario.variants
    assert set(last.expects) == set(KINDS)
    for kind in KINDS:
        expects = last.expects | {kind: CheckedResponse(418, None)}
        wrong = scenario._replace(variants=[*others, last._replace(expects=expects)])
        with pytest.raises(AssertionError, match=f"{scenario.name}: {kind}, {last.name}: .*418"):
            measure_scenario(wrong, 1, 1, "", out_of_bounds)


# --- how it is measured --------------------------------------------------------------


def test_every_call_gets_new_inputs() -> None:
    seen: list[int] = []
    kept: list[object] = []  # keeps the objects alive, so that no identity is used twice

    def call(given: object) -> None:
        kept.append(given)
        seen.append(id(given))

    take_samples({KEY: (Subject(call, texts(APP)),)}, 3, 5, silent)
    # The first inputs warm up the loop and are not passed to `call` again.
    assert seen
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("arguments", [1, 2, 3])
@pytest.mark.parametrize("awaited", [True, False])
def test_a_subject_gets_its_arguments_and_is_awaited(awaited: bool, arguments: int) -> None:
    seen: list[object] = []

    def call(*given: object) -> None:
        seen.append(given)

    async def awaitable(*given: object) -> None:
        seen.append(given)

    inputs = texts(*[APP] * arguments)
    subject = Subject(awaitable, inputs, step) if awaited else Subject(call, inputs)
    assert math.isfinite(sample(subject, 4))
    assert seen == [(APP,) * arguments] * 8, "four to warm up, and four that are timed"


def test_pairs_are_timed_next_to_each_other() -> None:
    order: list[str] = []

    def subject(name: str) -> Subject:
        return Subject(lambda _: order.append(name), lambda n: [(name,)] * n)

    both = {(f"{n}", ""): (subject(f"{n}"), subject(f"{n}, floor")) for n in range(3)}
    samples = take_samples(both, 40, 2, silent)
    assert {key: [len(each) for each in found] for key, found in samples.items()} == {
        key: [2] * 40 for key in both
    }
    # A sample has two warm-up calls and two timed calls. The calls before all samples determined
    # how many calls a sample needs.
    timed = order[-40 * 3 * 2 * 4 :]
    samples_of = timed[::4]
    assert timed == [name for name in samples_of for _ in range(4)]
    together = list(zip(samples_of[::2], samples_of[1::2], strict=True))
    assert {tuple(sorted(pair)) for pair in together} == {(n, f"{n}, floor") for n in "012"}
    assert {("0", "0, floor"), ("0, floor", "0")} <= set(together), "in random order"


@pytest.mark.parametrize("awaited", [True, False])
def test_subjects_by_turns_are_timed_call_by_call(awaited: bool) -> None:
    order: list[str] = []

    def subject(name: str) -> Subject:
        async def awaitable(_: str) -> None:
            order.append(name)

        def call(_: str) -> None:
            order.append(name)

        if awaited:
            return Subject(awaitable, texts(APP), step, 7, by_turns=True)
        return Subject(call, texts(APP), most=7, by_turns=True)

    together = subject("mine"), subject("theirs")
    (found,) = take_samples({KEY: together}, 1, 200, silent)[KEY]
    assert all(math.isfinite(it) for it in found)
    n_taken = 2 * 2 * (TURNS + FIRST_TURNS)
    taken = order[-n_taken:]
    turn_by_turn = list(zip(taken[::2], taken[1::2], strict=True))
    half = n_taken // 4
    assert sorted({*turn_by_turn}) == [("mine", "theirs"), ("theirs", "mine")]
    assert turn_by_turn.count(("mine", "theirs")) == half
    assert len(set(turn_by_turn[:half])) == len(set(turn_by_turn[half:])) == 1


@pytest.mark.parametrize("by_turns", [True, False])
def test_the_slower_subject_is_slower_in_either_order(by_turns: bool) -> None:
    def slow(_: str) -> None:
        sum(range(20_000))

    def fast(_: str) -> None:
        pass

    mine, theirs = (Subject(it, texts(APP), most=7, by_turns=by_turns) for it in (slow, fast))
    samples = take_samples({KEY: (mine, theirs)}, 5, 200, silent)[KEY]
    assert all(it > other for it, other in samples)


def test_a_pair_is_called_equally_often() -> None:
    counts = [0, 0]

    def slow(_: str) -> None:
        counts[0] += 1
        sum(range(20_000))

    def fast(_: str) -> None:
        counts[1] += 1

    pair = Subject(slow, texts(APP)), Subject(fast, texts(APP))
    take_samples({KEY: pair}, 3, 200, silent)
    assert counts[0] == counts[1]


def test_step_rejects_a_coroutine_that_waits() -> None:
    async def waits() -> None:
        await asyncio.sleep(0)

    async def ends() -> int:
        return 7

    assert step(ends()) == 7
    with pytest.raises(RuntimeError, match="needs an event loop"):
        step(waits())


# --- what samples mean ---------------------------------------------------------------


def test_a_figure_has_the_ranks_of_its_samples() -> None:
    found = summarize(float(n) for n in range(101))
    assert (found.median, found.low, found.high) == (50.0, 25.0, 75.0)
    assert (found.least, found.most) == (40.0, 60.0)
    assert summarize([3.0]) == Figure(3.0, 3.0, 3.0, 3.0, 3.0)
    assert summarize([1.0, math.inf, 2.0]).most == math.inf


def test_a_figure_with_an_uncertain_median_is_noisy() -> None:
    assert not summarize([100.0 + n % 3 for n in range(50)]).noisy
    # The rounds disagree, but there are enough of them to know their median.
    wide = [1000.0 + n for n in range(-500, 501)]
    assert not summarize(wide).noisy
    assert summarize(wide[::100]).noisy
    assert Figure(100.0, 99.0, 101.0).noisy, "an interval that was never computed"
    assert summarize([math.inf] * 9).noisy
    assert summarize([-2.0, 3.0, -5.0, 4.0] * 9).noisy


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (figure(1.0, 2.0, 3.0), "met"),
        (figure(2.0, 2.9, 3.1), "noisy"),
        (figure(2.9, 3.1, 3.3), "noisy"),
        (figure(3.1, 3.2, 3.3), "not met"),
        (figure(-2.0, -1.0, -0.5), "met"),
        (Figure(1.0, 1.0, 1.0), "noisy"),
        (None, "not measured"),
    ],
)
def test_a_goal_is_met_if_the_whole_interval_is_within(found: Figure | None, verdict: str) -> None:
    cost = figure(99.0, 100.0, 101.0)
    row = Row("decisions", "x", "native", "time", cost, found, "len(x)", Goal(3))
    assert (row.verdict, row.goal_text) == (verdict, "<= 3 F")
    assert row.noisy == (verdict == "noisy")


def test_a_goal_limits_the_ratio_or_the_figure() -> None:
    row = Row("asgi", "x", "native", "time", figure(899, 900, 901), figure(0.2, 0.2, 0.2), "old")
    assert (row.verdict, row.goal_text, row.noisy) == (None, None, False)
    for goal, verdict, text in (
        (Goal(1000, "ns"), "met", "<= 1000 ns"),
        (Goal(1e-4, "ms"), "not met", "<= 0.0001 ms"),
        (Goal(1 / 4, "share"), "met", "<= 1/4 of old"),
        (Goal(1 / 6, "share"), "not met", "<= 1/6 of old"),
        (Goal(1, "share"), "met", "<= old"),
    ):
        judged = row._replace(goal=goal)
        assert (judged.verdict, judged.goal_text) == (verdict, text)


def test_ratios_pair_the_rounds() -> None:
    # The machine ran at a third of its speed in two rounds of three. The ratio is not affected.
    theirs = [10.0, 30.0, 30.0] * 20
    mine = [each * 2 for each in theirs]
    assert ratios(mine, theirs) == Figure(2.0, 2.0, 2.0, 2.0, 2.0)
    assert ratios([1.0] * 5, [0.0, -1.0, -2.0, 1.0, 1.0]).median == math.inf
    assert differences([(5.0, 2.0), (1.0, 4.0)]) == [3.0, -3.0]
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0], [1.0, 2.0])


def test_a_scenario_has_deltas_shares_and_goals() -> None:
    (scenario,) = wsgi.scenarios(installed_engines())
    bare, *ours = scenario.variants
    theirs = ours[-1]._replace(name="theirs")
    shares = goals("pure", 1 / 20, "allowed", "preflight")
    scenario = scenario._replace(original="theirs", variants=[bare, theirs, *ours], goals=shares)
    rows = {(row.name, row.variant): row for row in measure_scenario(scenario, 2, 2, "", silent)}
    assert len(rows) == len(KINDS) * len(scenario.variants) - 1, "no preflight without CORS"
    for (kind, name), row in rows.items():
        whole = name == WITHOUT or kind == "preflight"
        assert row.measure == ("time" if whole else "delta")
        assert (row.ratio is None) == (name in (WITHOUT, "theirs"))
        expected = "<= 1/20 of theirs" if (kind, name) in shares else None
        assert row.goal_text == expected


# --- how it is shown -----------------------------------------------------------------


def test_noisy_figures_are_marked() -> None:
    noisy = Row("asgi", "allowed", "native", "delta", figure(1.0, 5000.0, 9000.0))
    quiet = noisy._replace(variant="pure", figure=figure(4999.0, 5000.0, 5001.0))
    (table,) = report.tables([noisy, quiet], {"asgi": Sampling(25, 15, about="a stub")})
    for show in (report.as_text, report.as_markdown):
        lines = list(show(table))
        assert ["~" in line for line in lines if "5.00" in line] == [True, False]
    assert (noisy.as_json()["noisy"], quiet.as_json()["noisy"]) == (True, False)


def test_no_line_of_a_table_is_wider_than_100() -> None:
    cost, share = figure(99_000.1, 99_500.1, 120_999.9), figure(1.1, 1.2, 1.3)
    rows = [
        Row("decisions", case.name, "native", "time", cost, share, "len(x)", Goal(1000, "ns"))
        for case in cases()
    ]
    rows += [
        Row("django", kind, it, "delta", cost, share, "django-cors-headers", Goal(1 / 15, "share"))
        for kind in KINDS
        for it in (WITHOUT, "django-cors-headers", DROP_IN, "native", "pure")
    ]
    rows += [Row("scale", name, "native", "memory", cost) for name in scale.names(1_000_000)]
    long = Sampling(404, 15, 30, "the whole application " * 9, "theirs does less " * 9)
    for table in report.tables(rows, {row.table: long for row in rows}):
        lines = list(report.as_text(table))
        assert max(map(len, lines)) <= 100
        shown = " ".join(" ".join(lines).split())
        for text in (table.title, *table.remarks, *(cell for line in table.lines for cell in line)):
            assert " ".join(text.split()) in shown
    assert all(len(line) <= 100 for line in report.wrapped(report.LEGEND))


@pytest.mark.parametrize(
    ("ratio", "of", "shown"),
    [
        (0.04, "old", "1/25.0"),
        (3.0, "old", "3.00x"),
        (-0.5, "old", "-0.50x"),
        (math.inf, "old", "?"),
        (2.89, "len(x)", "2.9 F"),
    ],
)
def test_a_loss_is_shown_as_one(ratio: float, of: str, shown: str) -> None:
    row = Row("t", "n", "native", "delta", figure(1, 1, 1), summarize([ratio] * 9), of)
    assert report.ratio(row) == shown


@pytest.mark.parametrize(
    ("measure", "median", "shown"),
    [
        ("time", 9.24, "9.24 ±1.00 ns"),
        ("time", 1234.0, "1.23 ±0.00 µs"),
        ("delta", -20.0, "-20.0 ±1.0 ns"),
        ("time", 2.5e9, "2.50 ±0.00  s"),
        ("memory", 3.0 * 2**20, "3.00 ±0.00 MiB"),
    ],
)
def test_a_cost_is_shown_with_its_spread(measure: Any, median: float, shown: str) -> None:
    row = Row("t", "n", "native", measure, figure(median - 1, median, median + 1))
    assert report.cost(row)[:-1] == shown


def test_json_has_null_for_infinite_ratios() -> None:
    row = Row("t", "n", "w", "delta", figure(1, 1, 1), summarize([math.inf] * 9), "old")
    assert row.as_json()["ratio"] is None
    assert row.as_json()["ratio_most"] is None


def test_json_has_quartiles_and_interval_of_a_ratio() -> None:
    # Verdicts are based on the ratio.
    ratio = Figure(3.0, 2.5, 3.5, 2.9, 3.1)
    written = Row("t", "n", "w", "time", figure(1, 1, 1), ratio, "len(x)").as_json()
    names = ("ratio", "ratio_low", "ratio_high", "ratio_least", "ratio_most")
    assert tuple(written[name] for name in names) == ratio
    alone = Row("t", "n", "w", "time", figure(1, 1, 1)).as_json()
    assert {alone[name] for name in names} == {None}


@pytest.mark.parametrize("by_turns", [True, False])
def test_a_table_states_its_number_of_rounds(by_turns: bool) -> None:
    times: list[str] = []
    scenario = own_scenarios()[0]._replace(times=3, by_turns=by_turns, note="less")
    rows = measure_scenario(scenario, 2, 200, "refused", times.append)
    sampling = scenario.sampling(2, 200)
    assert sampling == Sampling(6, 15, 30 if by_turns else 0, scenario.about, "less")
    assert times == [f"round {n} of {sampling.rounds}" for n in range(1, sampling.rounds + 1)]
    (table,) = report.tables(rows, {"asgi": sampling})
    assert table.title == f"asgi: {scenario.about}"
    assert table.remarks[0] == "not the same work: less."
    expected = "6 rounds of 30 requests with" if by_turns else "6 rounds of up to 15 calls."
    assert table.remarks[1].startswith(expected)


# --- the command ---------------------------------------------------------------------

ROW_FIELDS = {
    *("table", "name", "variant", "measure", "unit", "median", "low", "high", "least", "most"),
    *("noisy", "ratio", "ratio_low", "ratio_high", "ratio_least", "ratio_most", "ratio_to"),
    *("goal", "verdict"),
}


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "corsfast.bench", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def read(file: Path) -> dict[str, Any]:
    """Read a result, and check that it is as documented and that its fields agree."""
    text = file.read_text("utf-8")
    written: dict[str, Any] = json.loads(text)
    assert set(written) == {
        *("schema", "date", "machine", "versions", "implementation", "not_installed"),
        *("not_measured", "tables", "rows"),
    }
    assert set(written["tables"]) == {row["table"] for row in written["rows"]}
    for table in written["tables"].values():
        assert set(table) == set(Sampling._fields)
    assert written["schema"] == 1
    assert "corsfast" in written["versions"]
    assert written["implementation"] in ("native", "pure")
    documented = sys.modules["corsfast.bench.__main__"].__doc__ or ""
    for row in written["rows"]:
        assert set(row) == ROW_FIELDS
        assert row["low"] <= row["median"] <= row["high"]
        assert row["least"] <= row["median"] <= row["most"]
        assert (row["goal"] is None) == (row["verdict"] is None)
        assert row["verdict"] != "noisy" or row["noisy"]
    for field in (*written, *ROW_FIELDS, *Sampling._fields):
        assert field in documented, f"{field} is not documented"
    names = {(row["table"], row["name"]) for row in written["rows"]}
    assert text.count("\n") <= len(names) + 15, "one line for all variants of a row"
    return written


def test_the_command_prints_a_table_and_writes_json(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    result = command("--quick", "--cases", "actual: exact", "--json", str(file))
    assert result.returncode == 0, result.stderr
    assert "actual: exact, of 10 000" in result.stdout
    assert "floor: len(x)" in result.stdout, "decisions are shown with their floors"
    assert "preflight:" not in result.stdout
    assert result.stderr.startswith("decisions: ")
    written = read(file)
    found = {(row["name"], row["variant"]) for row in written["rows"]}
    assert {("actual: exact, of 1", name) for name in ENGINES} <= found
    assert ("floor: len(x)", "python") in found
    native = [row for row in written["rows"] if row["variant"] == "native"]
    assert {row["goal"] for row in native} == ({"<= 3 F"} if native else set())
    assert bool(native) == ("native" in installed_engines())


def test_middleware_alone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libraries, "NEEDS", {})
    file = tmp_path / "figures.json"
    asked = ["--quick", "--middleware", "--cases", "gi: allowed", "--markdown"]
    assert main([*asked, "--json", str(file)]) == 0
    out = capsys.readouterr().out
    written = read(file)
    assert {row["table"] for row in written["rows"]} == {"asgi", "wsgi"}
    measures = {row["variant"]: row["measure"] for row in written["rows"]}
    assert measures == {"without": "time"} | dict.fromkeys(installed_engines(), "delta")
    assert out.count("| allowed |") == 2
    assert "decisions" not in out


def test_floors_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--cases", "floor"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in decisions.FLOORS)
    assert "actual" not in out


def test_scale_measures_each_size_in_its_own_process(tmp_path: Path) -> None:
    file = tmp_path / "sizes.json"
    result = command("--quick", "--scale", "--json", str(file))
    assert result.returncode == 0, result.stderr
    written = read(file)
    expected = {name for size in scale.QUICK_SIZES for name in scale.names(size)}
    found = {row["name"] for row in written["rows"] if row["variant"] == "pure"}
    assert {row["variant"] for row in written["rows"]} == set(installed_engines())
    if sys.platform != "linux":
        expected = {name for name in expected if "memory" not in name}
    assert found == expected
    grown = {
        row["name"]: row["median"] for row in written["rows"] if row["measure"] == "memory"
    }  # both engines have the same names, so only the last one is compared
    assert all(0 <= it <= 2**28 for it in grown.values())
    if sys.platform == "linux":
        assert grown["10 000 origins: memory"] > grown["1 origins: memory"]


def test_scale_measures_only_the_selected_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def started(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        rows = [[name, "time", [1.0] * 5, None] for name in scale.names(int(command[3]))]
        return subprocess.CompletedProcess(command, 0, json.dumps(rows))

    monkeypatch.setattr(subprocess, "run", started)
    rows = scale.measure_scale(scale.SIZES, 7, "100 origins: build", silent)
    assert {row.name for row in rows} == {"100 origins: build"}
    assert [line[3:] for line in commands] == [["100", name, "7"] for name in installed_engines()]


def test_a_missing_library_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = {"nowhere": {"not-there": "not_there_at_all", "pytest": "pytest"}}
    monkeypatch.setattr(libraries, "NEEDS", needs)
    assert libraries.installed() == ({}, {"nowhere": ["not-there"]})
    assert main(["--quick", "--cases", "wsgi: no Origin"]) == 0
    out = capsys.readouterr().out
    assert "not measured: nowhere (not-there)" in out
    assert "pip install --group bench-peers (pip 25.1 or newer) in a clone of the repository" in out


@pytest.mark.server
@pytest.mark.parametrize("word", ["flask", "flask: allowed"])
def test_a_word_of_a_missing_library_is_an_error(
    word: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = {"flask": {"flask-cors": "not_there_at_all", "flask": "flask"}}
    monkeypatch.setattr(libraries, "NEEDS", needs)
    assert main(["--quick", "--cases", word]) == 2
    said = "flask is not measured: flask-cors not installed; pip install --group bench-peers"
    assert said in capsys.readouterr().err


def test_a_folder_named_like_a_library_does_not_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "no_such_library").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(libraries, "NEEDS", {"folder": {"no-such-library": "no_such_library"}})
    assert libraries.installed() == ({}, {"folder": ["no-such-library"]})


@pytest.mark.server
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--cases", "no such row"], "no row holds 'no such row'; there are rows of floor, actual"),
        (["--middleware", "--cases", "14 headers"], "no row holds"),
        (["--scale", "--cases", "flask"], "no row holds"),
        (["--middleware", "--scale"], "not allowed with"),
        (["--json", "no-such-folder/x.json"], "cannot be written: "),
        (["--json", "."], "cannot be written: "),
        (["--json", "x" * 300], "cannot be written: "),
    ],
)
def test_wrong_arguments_are_errors_before_timing(
    given: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("corsfast.bench.__main__.measure_all", out_of_bounds)
    try:
        code = main(given)
    except SystemExit as stopped:
        code = stopped.code
    assert code == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []


def test_an_import_without_an_installation_has_no_verdict() -> None:
    # The source is on the path, but no distribution is installed.
    text = (
        "import importlib.metadata\n"
        "def nowhere(name): raise importlib.metadata.PackageNotFoundError(name)\n"
        "importlib.metadata.distribution = nowhere\n"
        "from corsfast.bench.importing import measure_import\n"
        "row = measure_import(1, lambda _: None)\n"
        "print(row.name, row.goal, sep='|')\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "import corsfast, not installed|None"


# --- libraries that fail -------------------------------------------------------------

Make = Callable[..., Iterator[Scenario]]


def broken_library(monkeypatch: pytest.MonkeyPatch, make: Make | None) -> None:
    """Install a library with these scenarios (None: its file cannot be imported)."""
    monkeypatch.setattr(libraries, "NEEDS", {"broken": {"pytest": "pytest"}})
    if make is not None:
        module = ModuleType("corsfast.bench.libraries.broken")
        module.scenarios = make  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)


def too_old(_: object) -> Iterator[Scenario]:
    raise AttributeError("there is no\nInitPlugin")
    yield


def elsewhere(_: object) -> Iterator[Scenario]:
    from pytest import InitPlugin  # type: ignore[attr-defined]  # noqa: F401, PT013

    yield


def raising(name: str) -> Make:
    """Return a scenario in which one variant raises an error for each request."""

    def look(*_: object) -> CheckedResponse:
        raise TypeError("an argument too many")

    def make(engines: Any) -> Iterator[Scenario]:
        (scenario,) = wsgi.scenarios(engines)
        bare, *ours = scenario.variants
        variants = [bare, bare._replace(name="theirs"), *ours]
        variants = [it._replace(look=look) if it.name == name else it for it in variants]
        yield scenario._replace(name="broken", original="theirs", variants=variants)

    return make


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (None, "ModuleNotFoundError: No module named 'corsfast.bench.libraries.broken'"),
        (too_old, "AttributeError: there is no InitPlugin"),
        (elsewhere, "ImportError: cannot import name 'InitPlugin' from 'pytest'"),
        (raising("theirs"), "no Origin, theirs: TypeError('an argument too many')"),
    ],
)
def test_a_library_that_fails_is_named_and_the_rest_measured(
    make: Make | None,
    error: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    broken_library(monkeypatch, make)
    named = f"broken was not measured: {error}"
    file = tmp_path / "figures.json"
    assert main(["--quick", "--cases", ": refused", "--json", str(file)]) == 0
    out, err = capsys.readouterr()
    assert named in err.splitlines()
    assert named in " ".join(out.split()), "it is wrapped between words"
    written = read(file)
    assert written["not_measured"] == {"broken": error}
    assert set(written["versions"]) == {"corsfast"}
    assert {"asgi", "wsgi"} <= {row["table"] for row in written["rows"]}
    assert main(["--quick", "--cases", "broken: refused"]) == 2
    out, err = capsys.readouterr()
    assert named in err.splitlines()
    assert out == ""


def test_a_library_that_is_not_selected_is_not_imported(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_library(monkeypatch, None)
    assert main(["--quick", "--cases", "wsgi: refused"]) == 0
    assert "not measured" not in "".join(capsys.readouterr())


def test_a_wrong_answer_of_a_library_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(engines: Any) -> Iterator[Scenario]:
        (scenario,) = raising("none")(engines)
        bare, theirs, *ours = scenario.variants
        theirs = theirs._replace(expects={"refused": CheckedResponse(418, None)})
        yield scenario._replace(variants=[bare, theirs, *ours])

    broken_library(monkeypatch, wrong)
    with pytest.raises(AssertionError, match=r"broken: refused, theirs: .*418"):
        main(["--quick", "--cases", "broken: refused"])


@pytest.mark.parametrize("name", ENGINES)
def test_an_error_of_ours_ends_the_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken_library(monkeypatch, raising(name))
    with pytest.raises(TypeError, match="an argument too many"):
        main(["--quick", "--cases", "broken: refused"])


# --- the libraries that are installed ------------------------------------------------

INSTALLED, _ = libraries.installed()
# The goals that are stated in the documentation, by (scenario, variant, kind).
STATED = {
    ("starlette", DROP_IN, "allowed"): 1 / 20,
    ("starlette", "native", "allowed"): 1 / 25,
    ("starlette", DROP_IN, "preflight"): 1 / 12,
    ("starlette", "native", "preflight"): 1 / 12,
    ("litestar", DROP_IN, "allowed"): 1 / 25,
    ("quart", DROP_IN, "allowed"): 1 / 8,
    ("flask", DROP_IN, "allowed"): 1 / 7,
    ("flask", "native", "allowed"): 1 / 40,
    ("django middleware", DROP_IN, "allowed"): 1 / 15,
    ("django", DROP_IN, "allowed"): 1 / 15,
    ("falcon", DROP_IN, "allowed"): 1,
    ("aiohttp", DROP_IN, "allowed"): 1 / 6,
}


@pytest.mark.server
@pytest.mark.parametrize("name", INSTALLED)
def test_installed_libraries_answer_rightly(name: str) -> None:
    # Run in its own process, because Django's settings and event loops are per process.
    text = (
        "import json\n"
        "from corsfast.bench import libraries\n"
        "from corsfast.bench.engines import installed_engines\n"
        "from corsfast.bench.scenario import KINDS, measure_scenario\n"
        f"for scenario in libraries.scenarios({name!r}, installed_engines()):\n"
        "    assert tuple(scenario.requests) == tuple(KINDS)\n"
        "    rows = measure_scenario(scenario, 2, 2, '', lambda _: None)\n"
        "    goals = [[variant, kind, at] for (kind, variant), at in scenario.goals.items()]\n"
        "    variants = sorted({row.variant for row in rows})\n"
        "    print(json.dumps([scenario.name, scenario.original, variants, goals]))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert tuple(it[0] for it in found) == libraries.scenario_names(name)
    for scenario, original, variants, shares in found:
        assert {"without", original} <= set(variants)
        every = {(scenario, variant, kind): at_most for variant, kind, at_most in shares}
        stated = {key: at_most for key, at_most in STATED.items() if key[0] == scenario}
        assert stated.items() <= every.items()


def test_every_row_can_be_selected_by_its_name() -> None:
    names = run.names(run.Selection(), libraries.NEEDS)
    assert {"flask: allowed", "django middleware: preflight", "import corsfast"} <= set(names)
