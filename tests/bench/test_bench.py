"""The benchmark is honest: it checks answers before it times, and reports noise as noise.

No test here asserts how long anything takes. Samples are invented if a verdict depends on them, and
results of real runs are only checked for their shape.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from conftest import ENGINES

from corsfast.bench import decisions, libraries, plot, report, run, scale, scenarios
from corsfast.bench.__main__ import arguments, main
from corsfast.bench.cases import APP, Case, Goal, cases, fresh, texts
from corsfast.bench.engines import installed_engines
from corsfast.bench.libraries import Answer, Share, asgi, wsgi
from corsfast.bench.measure import (
    FIRST_TURNS,
    TURNS,
    Figure,
    Subject,
    measure,
    pairs,
    step,
    summarise,
)
from corsfast.bench.rows import Aim, Made, Row, differences, ratios
from corsfast.bench.scale import QUICK_SIZES

QUIET = 1000.0


def silent(_: str) -> None:
    pass


def figure(least: float, median: float, most: float) -> Figure:
    return Figure(median, least, most, least, most)


# --- what is measured ----------------------------------------------------------------


def test_cases_have_names_of_their_own_and_fresh_inputs() -> None:
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
def test_a_wrong_answer_is_an_error_before_any_time_is_taken(name: str) -> None:
    engine = installed_engines()[name]
    options = {"allow_origins": [APP]}
    right = Case("right", options, "actual", texts(APP), "allowed")
    assert decisions.engine_subject(right, engine).inputs is right.inputs
    wrong = right._replace(inputs=texts("https://other.example.com"))
    with pytest.raises(AssertionError, match=r"right, .*: origin-not-allowed, not allowed"):
        decisions.measure_decisions([wrong], {name: engine}, 1, 1, out_of_bounds)


MERGES = {case.name: case for case in cases() if case.merged is not None}


def test_what_works_a_decision_into_headers_has_rows() -> None:
    assert {case.call for case in MERGES.values()} == {"apply_asgi", "apply_wsgi"}
    for call in ("apply_asgi", "apply_wsgi"):
        alone, merging = (MERGES[f"{call}: 2 headers{more}"] for more in ("", " and Vary"))
        ((_, sent),) = alone.inputs(1)
        assert len(sent) == 2
        ((_, sent),) = merging.inputs(1)
        assert [str(name).lower().count("vary") for name, _ in sent] == [0, 0, 1]


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("case", MERGES.values(), ids=MERGES)
def test_headers_that_are_wrong_are_an_error_before_any_time_is_taken(
    case: Case, name: str
) -> None:
    engine = installed_engines()[name]
    policy = engine.policy(**case.options)
    (one, sent), (other, _) = case.given(policy)(2)
    assert one.allowed
    assert other.allowed
    assert getattr(policy, case.call)(one, sent) == case.merged
    decisions.engine_subject(case, engine)
    assert case.merged is not None
    for wrong in (case._replace(merged=case.merged[:-1]), case._replace(outcome="no-origin")):
        with pytest.raises(AssertionError, match=rf"{case.name}, {name}: .*, not "):
            decisions.measure_decisions([wrong], {name: engine}, 1, 1, out_of_bounds)


def out_of_bounds(_: str) -> None:
    raise RuntimeError("a round was begun")


def generic_stands() -> list[libraries.Stand]:
    engines = installed_engines()
    return [*asgi.stands(engines), *wsgi.stands(engines)]


@pytest.mark.parametrize("stand", generic_stands(), ids=lambda stand: stand.name)
def test_a_stand_answers_rightly_and_says_so_if_not(stand: libraries.Stand) -> None:
    scenarios.check(stand)
    *others, last = stand.ways
    for name in last.expects:
        expects = last.expects | {name: Answer(418, None)}
        wrong = stand._replace(ways=[*others, last._replace(expects=expects)])
        with pytest.raises(AssertionError, match=f"{stand.name}: {name}, {last.who}: .*418"):
            scenarios.measure_stand(wrong, 1, 1, "", out_of_bounds)


# --- how it is measured --------------------------------------------------------------


def test_every_call_gets_inputs_that_no_call_had_before() -> None:
    seen: list[int] = []
    kept: list[object] = []  # keeps the objects alive, so that no identity is used twice

    def call(given: object) -> None:
        kept.append(given)
        seen.append(id(given))

    measure({"it": Subject(call, texts(APP))}, rounds=3, calls=5, progress=silent)
    # The first inputs of a block warm it up, through the loop that only calls.
    assert seen
    assert len(set(seen)) == len(seen)


def test_pairs_are_timed_next_to_each_other() -> None:
    order: list[str] = []

    def subject(name: str) -> Subject:
        return Subject(lambda _: order.append(name), lambda n: [(name,)] * n)

    both = {f"{n}": (subject(f"{n}"), subject(f"{n} beside")) for n in range(3)}
    samples = pairs(both, 40, 2, silent)
    assert {name: [len(each) for each in found] for name, found in samples.items()} == {
        name: [2] * 40 for name in both
    }
    # A sample has two warm-up calls and two timed calls. The calls before all samples determined
    # how many calls a sample needs.
    timed = order[-40 * 3 * 2 * 4 :]
    samples_of = timed[::4]
    assert timed == [name for name in samples_of for _ in range(4)]
    together = list(zip(samples_of[::2], samples_of[1::2], strict=True))
    assert {tuple(sorted(pair)) for pair in together} == {(n, f"{n} beside") for n in "012"}
    assert {("0", "0 beside"), ("0 beside", "0")} <= set(together), "drawn anew each time"


@pytest.mark.parametrize("awaited", [True, False])
def test_those_who_take_turns_are_timed_call_by_call(awaited: bool) -> None:
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
    (sample,) = pairs({"it": together}, 1, 200, silent)["it"]
    assert all(math.isfinite(it) for it in sample)
    n_taken = 2 * 2 * (TURNS + FIRST_TURNS)
    taken = order[-n_taken:]
    turn_by_turn = list(zip(taken[::2], taken[1::2], strict=True))
    half = n_taken // 4
    assert sorted({*turn_by_turn}) == [("mine", "theirs"), ("theirs", "mine")]
    assert turn_by_turn.count(("mine", "theirs")) == half
    assert len(set(turn_by_turn[:half])) == len(set(turn_by_turn[half:])) == 1


@pytest.mark.parametrize("awaited", [True, False])
def test_whoever_is_slower_is_slower_whoever_comes_first(awaited: bool) -> None:
    def slow(_: str) -> None:
        sum(range(20_000))

    def fast(_: str) -> None:
        pass

    async def slowly(_: str) -> None:
        slow(_)

    async def quickly(_: str) -> None:
        fast(_)

    if awaited:
        two = [Subject(it, texts(APP), step, 7, by_turns=True) for it in (slowly, quickly)]
    else:
        two = [Subject(it, texts(APP), most=7, by_turns=True) for it in (slow, fast)]
    samples = pairs({"it": tuple(two)}, 5, 200, silent)["it"]
    assert all(mine > theirs for mine, theirs in samples)


def test_a_pair_is_called_equally_often() -> None:
    counts = [0, 0]

    def slow(_: str) -> None:
        counts[0] += 1
        sum(range(20_000))

    def fast(_: str) -> None:
        counts[1] += 1

    pairs({"it": (Subject(slow, texts(APP)), Subject(fast, texts(APP)))}, 3, 200, silent)
    assert counts[0] == counts[1]


def test_one_who_is_alone_takes_no_turns() -> None:
    async def call(_: str) -> None:
        pass

    alone = Subject(call, texts(APP), step, 7, by_turns=True)
    assert [len(it) for it in pairs({"it": (alone,)}, 2, 3, silent)["it"]] == [1, 1]


def test_a_coroutine_that_waits_is_not_taken_for_one_that_ends() -> None:
    async def waits() -> None:
        await asyncio.sleep(0)

    async def ends() -> None:
        pass

    step(ends())
    with pytest.raises(RuntimeError, match="needs an event loop"):
        step(waits())


def test_awaited_subjects_are_awaited() -> None:
    seen: list[object] = []

    async def call(given: object) -> None:
        seen.append(given)

    pairs({"it": (Subject(call, texts(APP), step),)}, 1, 3, silent)
    assert seen
    assert set(seen) == {APP}


# --- what samples mean ---------------------------------------------------------------


def test_a_figure_is_the_ranks_of_its_samples() -> None:
    found = summarise(float(n) for n in range(101))
    assert (found.median, found.low, found.high) == (50.0, 25.0, 75.0)
    assert (found.least, found.most) == (40.0, 60.0)
    assert summarise([3.0]) == Figure(3.0, 3.0, 3.0, 3.0, 3.0)
    assert summarise([1.0, math.inf, 2.0]).most == math.inf


def test_noise_is_what_keeps_the_median_from_being_known() -> None:
    assert not summarise([100.0 + n % 3 for n in range(50)]).noisy
    # The rounds disagree, but there are enough of them to know their median.
    wide = [QUIET + n for n in range(-500, 501)]
    assert not summarise(wide).noisy
    assert summarise(wide[::100]).noisy
    assert Figure(100.0, 99.0, 101.0).noisy, "an interval that was never computed is no knowledge"
    assert summarise([math.inf] * 9).noisy
    assert summarise([-2.0, 3.0, -5.0, 4.0] * 9).noisy


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
def test_a_goal_is_met_when_the_whole_interval_is_within(
    found: Figure | None, verdict: str
) -> None:
    assert Aim("<= 3 F", 3, found).verdict == verdict


def test_ratios_pair_the_rounds() -> None:
    # The machine ran at a third of its speed in two rounds of three. The ratio is not affected.
    theirs = [10.0, 30.0, 30.0] * 20
    mine = [each * 2 for each in theirs]
    assert ratios(mine, theirs) == Figure(2.0, 2.0, 2.0, 2.0, 2.0)
    assert ratios([1.0] * 5, [0.0, -1.0, -2.0, 1.0, 1.0]).median == math.inf
    assert differences([(5.0, 2.0), (1.0, 4.0)]) == [3.0, -3.0]
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0], [1.0, 2.0])


def test_a_row_whose_goal_is_undecided_is_noisy() -> None:
    sure = figure(99.0, 100.0, 101.0)
    row = Row("decisions", "x", "native", "time", sure, figure(2.9, 3.0, 3.1), "len(x)")
    assert not row.noisy
    assert row._replace(aim=Aim("<= 3 F", 3, row.ratio)).noisy
    assert not row._replace(aim=Aim("<= 4 F", 4, row.ratio)).noisy


def test_the_goal_of_a_case_is_of_its_ratio_or_of_its_time() -> None:
    row = Row("decisions", "x", "native", "time", figure(899, 900, 901), figure(4, 5, 6), "len(x)")
    assert decisions.aim(None, row) is None
    assert decisions.aim(Goal(6), row) == Aim("<= 6 F", 6, row.ratio)
    assert decisions.aim(Goal(1000, "ns"), row) == Aim("<= 1000 ns", 1000, row.figure)


def test_the_goal_of_a_stand_is_a_share_of_the_original() -> None:
    stand = generic_stands()[0]._replace(
        original="old", shares=(Share("native", 1 / 20, ("allowed",)), Share("drop-in", 1, ()))
    )
    row = Row("asgi", "allowed", "native", "delta", figure(9, 10, 11), figure(0.04, 0.05, 0.05))
    assert scenarios.aim(stand, row) == Aim("<= 1/20 of old", 1 / 20, row.ratio)
    assert scenarios.aim(stand, row._replace(name="refused")) is None
    assert scenarios.aim(stand, row._replace(who="pure")) is None


# --- how it is shown -----------------------------------------------------------------


def test_noisy_figures_are_marked_wherever_they_are_printed() -> None:
    noisy = Row("asgi", "allowed", "native", "delta", figure(1.0, 5000.0, 9000.0))
    quiet = noisy._replace(who="pure", figure=figure(4999.0, 5000.0, 5001.0))
    (table,) = report.tables([noisy, quiet], {"asgi": Made(25, 15, about="a stub")})
    for show in (report.as_text, report.as_markdown):
        (line,) = [line for line in show(table) if "allowed" in line]
        assert line.count("~") == 1
        assert line.index("~") < line.rindex("5.00")
    marked = report.row_as_json(noisy)["noisy"], report.row_as_json(quiet)["noisy"]
    assert marked == (True, False)


def wide_table() -> report.Table:
    """Return the widest table of decisions: two engines, long names, a missed goal."""
    slow, high = figure(99_000.1, 99_500.1, 99_999.9), figure(1000.1, 1000.2, 1000.3)
    name = "preflight: 10 headers, new list each time"
    rows = [
        Row("decisions", name, "native", "time", slow, high, "len(x)", Aim("<= 1000 ns", 1, slow)),
        Row("decisions", name, "pure", "time", slow, high, "len(x)"),
        Row("decisions", "floor: len(x)", "python", "time", slow, high, "len(x)"),
    ]
    (table,) = report.tables(rows, {"decisions": Made(101, 200)})
    return table


def stand_of_everything() -> report.Table:
    cost, ratio = figure(99_000.1, 99_500.1, 99_999.9), figure(1.1, 1.2, 1.3)
    ways = ("without", "django-cors-headers", "drop-in", "least", "native", "pure")
    rows = [
        Row("django", name, who, "delta", cost, ratio, "django-cors-headers")
        for name in ("no Origin", "allowed", "refused", "preflight")
        for who in ways
    ]
    made = {"django": Made(404, 15, 30, "the whole way through " * 9, "theirs does less " * 9)}
    (table,) = report.tables(rows, made)
    return table


@pytest.mark.parametrize("width", [70, 80, 99, 100])
@pytest.mark.parametrize("table", [wide_table(), stand_of_everything()], ids=["decisions", "stand"])
def test_no_line_of_a_table_is_wider_than_asked(table: report.Table, width: int) -> None:
    lines = list(report.as_text(table, width))
    assert max(map(len, lines)) <= width
    shown = " ".join(" ".join(lines).split())
    for text in (table.title, *table.remarks, *(cell for line in table.lines for cell in line)):
        assert " ".join(text.split()) in shown
    # Every block repeats the names, and no figure occurs twice.
    assert sum(line.startswith(table.heads[0]) for line in lines) > 1
    figures = [cell for line in table.lines for cell in line[1:]]
    assert sum(line.count("±") for line in lines) == sum(cell.count("±") for cell in figures)


def test_a_table_that_fits_is_one_block() -> None:
    rows = [Row("import", "import corsfast", "native", "delta", figure(1, 1, 1))]
    (table,) = report.tables(rows, {"import": Made(5, 1)})
    lines = list(report.as_text(table))
    assert len(lines) == 3
    assert len(list(report.as_text(wide_table(), 200))) < len(list(report.as_text(wide_table())))


def test_a_goal_and_its_verdict_stay_together() -> None:
    for width in (70, 80, 100):
        lines = list(report.as_text(wide_table(), width))
        assert [line for line in lines if "<= 1000 ns  not met" in line]


def test_the_command_is_at_most_100_columns_wide(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for columns, limit in (("500", 100), ("100", 100), ("80", 80)):
        monkeypatch.setenv("COLUMNS", columns)
        assert main(["--quick", "--cases", "actual: exact, of 1"]) == 0
        assert max(map(len, capsys.readouterr().out.splitlines())) <= limit


def test_a_loss_is_shown_as_one() -> None:
    assert report.share(figure(0.04, 0.04, 0.04)) == "1/25.0"
    assert report.share(figure(3.0, 3.0, 3.0)) == "3.0x"
    assert report.share(figure(-1.0, -0.5, 0.0)) == "-0.5x"
    assert report.share(summarise([math.inf] * 9)) == "?"


def test_what_is_infinite_is_null_in_json() -> None:
    row = Row("t", "n", "w", "delta", figure(1, 1, 1), summarise([math.inf] * 9), "old")
    assert report.row_as_json(row)["ratio"] is None
    assert report.row_as_json(row)["ratio_most"] is None


def test_a_ratio_keeps_its_quartiles_and_its_interval_in_json() -> None:
    # Verdicts are based on the ratio.
    ratio = Figure(3.0, 2.5, 3.5, 2.9, 3.1)
    written = report.row_as_json(Row("t", "n", "w", "time", figure(1, 1, 1), ratio, "len(x)"))
    names = ("ratio", "ratio_low", "ratio_high", "ratio_least", "ratio_most")
    assert tuple(written[name] for name in names) == ratio
    alone = report.row_as_json(Row("t", "n", "w", "time", figure(1, 1, 1)))
    assert {alone[name] for name in names} == {None}


def test_each_table_says_how_often_its_own_calls_were_made() -> None:
    rows = [Row(table, "x", "native", "time", figure(1, 1, 1)) for table in "abc"]
    made = {
        "a": Made(101, 15, about="a stub"),
        "b": Made(202, 15, 30, "a whole application", "theirs writes no Vary"),
        "c": Made(5, 1),
    }
    a, b, c = report.tables(rows, made)
    assert a.remarks == ["101 rounds of up to 15 requests."]
    assert b.remarks[0] == "not the same work: theirs writes no Vary."
    assert b.remarks[1].startswith("202 rounds of 30 requests with CORS and 30 without, by turns")
    assert c.remarks == ["5 rounds of two interpreters."]
    (of_decisions,) = report.tables(
        [rows[0]._replace(table="decisions")], {"decisions": Made(25, 200)}
    )
    assert any(line.startswith("25 rounds of up to 200 calls") for line in of_decisions.remarks)


@pytest.mark.parametrize("by_turns", [True, False])
def test_what_is_said_of_the_rounds_of_a_stand_is_what_it_gets(by_turns: bool) -> None:
    times: list[str] = []
    stand = generic_stands()[0]._replace(times=3, by_turns=by_turns, note="less")
    calls: list[object] = []
    bare, ours, *_ = stand.ways

    async def counted(*given: Any) -> None:
        calls.append(given)
        await ours.call(*given)

    counting = stand._replace(ways=[bare, ours._replace(call=counted)])
    rows = scenarios.measure_stand(counting, 2, 200, "refused", times.append)
    assert len(rows) == 2
    made = scenarios.made_of(stand, 2, 200)
    assert made == Made(6, 15, 30 if by_turns else 0, stand.about, "less")
    assert times == [f"round {n} of {made.rounds}" for n in range(1, made.rounds + 1)]
    if by_turns:
        # Calls before the rounds determine how many calls a sample needs. Each round begins with
        # calls that are not counted.
        assert len(calls) >= made.rounds * (made.turns + 2 * FIRST_TURNS)


def test_scale_says_how_many_rounds_its_processes_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commands: list[list[str]] = []

    def started(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, "{}")

    monkeypatch.setattr(subprocess, "run", started)
    for quick in (True, False):
        commands.clear()
        scale.measure_scale(quick=quick, progress=silent)
        assert {command[-1] for command in commands} == {str(scale.made_of(quick=quick).rounds)}


# --- the command ---------------------------------------------------------------------

ROW_FIELDS = {
    *("table", "name", "who", "measure", "unit", "median", "low", "high", "least", "most"),
    *("noisy", "ratio", "ratio_low", "ratio_high", "ratio_least", "ratio_most", "ratio_to"),
    *("goal", "met", "verdict"),
}


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "corsfast.bench", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_command_prints_a_table_and_writes_documented_json(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    result = command("--quick", "--cases", "actual: exact", "--json", str(file))
    assert result.returncode == 0, result.stderr
    assert "actual: exact, of 10 000" in result.stdout
    assert "floor: len(x)" in result.stdout
    assert "preflight" not in result.stdout
    assert result.stderr.startswith("decisions: ")
    written = json.loads(file.read_text("utf-8"))
    check_json(written)
    found = {(row["name"], row["who"]) for row in written["rows"]}
    assert ("floor: len(x)", "python") in found
    assert {("actual: exact, of 1", name) for name in ENGINES} <= found
    native = [row for row in written["rows"] if row["who"] == "native" and row["goal"]]
    assert {row["goal"] for row in native} == ({"<= 3 F"} if native else set())
    assert bool(native) == ("native" in installed_engines())


def check_json(written: dict[str, Any]) -> None:
    """Check that the object is as bench/__main__.py documents it and that its fields agree."""
    assert set(written) == {
        *("schema", "date", "machine", "versions", "implementation", "not_installed"),
        *("not_measured", "rounds", "calls", "tables", "rows", "scale"),
    }
    assert set(written["tables"]) == {row["table"] for row in written["rows"]} or {"scale"}
    for table in written["tables"].values():
        assert set(table) == set(Made._fields)
    assert written["schema"] == 1
    assert "corsfast" in written["versions"]
    assert written["implementation"] in ("native", "pure")
    documented = sys.modules["corsfast.bench.__main__"].__doc__ or ""
    for row in written["rows"]:
        assert set(row) == ROW_FIELDS
        assert row["low"] <= row["median"] <= row["high"]
        assert row["least"] <= row["median"] <= row["most"]
        assert row["met"] == {"met": True, "not met": False}.get(row["verdict"])
        assert (row["goal"] is None) == (row["verdict"] is None)
        assert row["verdict"] != "noisy" or row["noisy"]
    for field in (*written, *ROW_FIELDS, *Made._fields):
        assert field in documented, f"{field} is documented nowhere"


def test_middleware_alone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libraries, "NEEDS", {})
    file = tmp_path / "figures.json"
    asked = ["--quick", "--middleware", "--cases", "gi: allowed", "--markdown"]
    assert main([*asked, "--json", str(file)]) == 0
    out = capsys.readouterr().out
    written = json.loads(file.read_text("utf-8"))
    check_json(written)
    assert {row["table"] for row in written["rows"]} == {"asgi", "wsgi"}
    measures = {row["who"]: row["measure"] for row in written["rows"]}
    assert measures == {"without": "time"} | dict.fromkeys(installed_engines(), "delta")
    assert out.count("| allowed |") == 2
    assert "decisions" not in out


def test_a_peer_that_is_not_here_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = {"nowhere": {"not-there": "not_there_at_all", "pytest": "pytest"}}
    monkeypatch.setattr(libraries, "NEEDS", needs)
    assert libraries.installed() == ({}, {"nowhere": ["not-there"]})
    assert main(["--quick", "--cases", "wsgi: no Origin"]) == 0
    out = capsys.readouterr().out
    assert "not measured: nowhere (not-there)" in out
    assert "pip install '.[bench-peers]' in a clone of the repository" in out


def test_a_word_that_no_row_holds_is_an_error() -> None:
    result = command("--quick", "--cases", "no such row")
    assert result.returncode == 2
    assert "no row holds 'no such row'; there are rows of floor, actual, " in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("word", ["flask", "flask: allowed"])
def test_a_word_of_a_peer_that_is_not_here_says_what_is_missing(
    word: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = {"flask": {"flask-cors": "not_there_at_all", "flask": "flask"}}
    monkeypatch.setattr(libraries, "NEEDS", needs)
    assert main(["--quick", "--cases", word]) == 2
    said = "flask is not measured: flask-cors is not installed; pip install '.[bench-peers]'"
    assert said in capsys.readouterr().err


def test_the_floors_can_be_asked_for_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--cases", "floor"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in decisions.FLOORS)
    assert "actual" not in out


def test_scale_weighs_each_size_in_a_process_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "sizes.json"
    result = command("--quick", "--scale", "--json", str(file))
    assert result.returncode == 0, result.stderr
    written = json.loads(file.read_text("utf-8"))
    check_json(written)
    assert written["rows"] == []
    made = scale.made_of(quick=True)
    assert written["tables"] == {"scale": made._asdict()}
    assert (written["rounds"], written["calls"]) == (made.rounds, made.calls)
    assert f"{made.rounds} rounds of up to {made.calls} calls" in result.stdout
    sizes = written["scale"]
    assert [each["origins"] for each in sizes if each["engine"] == "pure"] == list(QUICK_SIZES)
    assert {each["engine"] for each in sizes} == set(installed_engines())
    for each in sizes:
        assert set(each) == {
            *("origins", "engine", "build_s", "held_bytes", "peak_bytes"),
            *("no_origin", "hit", "miss"),
        }
        assert all(field in (scale.__doc__ or "") for field in each)
        assert set(each["hit"]) == ROW_FIELDS
        if each["held_bytes"] is not None:
            assert 0 <= each["held_bytes"] <= 2**28
        assert f"{each['origins']:_} {each['engine']}".replace("_", " ") in result.stdout
    if sys.platform == "linux":
        grown = {each["origins"]: each["peak_bytes"] for each in sizes}
        assert grown[10_000] > grown[1]


def test_a_chart_needs_its_extra_and_says_so_before_it_measures(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find_spec(name)
    )
    file = tmp_path / "chart.svg"
    with pytest.raises(SystemExit) as stopped:
        main(["--quick", "--plot", str(file)])
    assert stopped.value.code == 2
    captured = capsys.readouterr()
    assert "pip install '.[bench]' in a clone of the repository" in captured.err
    assert "decisions" not in captured.err
    assert not file.exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--plot", "chart.gif"], "'chart.gif' ends in neither of .svg, .png"),
        (["--plot", "chart.svg", "--scale"], "no rows that --plot could draw"),
        (["--middleware", "--scale"], "not allowed with"),
        (["--json", "no-such-folder/x.json"], "there is no folder 'no-such-folder'"),
        (["--plot", "no-such-folder/x.svg"], "there is no folder 'no-such-folder'"),
        (["--json", "."], "'.' is a folder"),
        (["--json", "x" * 300], "cannot be written: "),
        (["--plot", f"{'x' * 300}.svg"], "cannot be written: "),
        (["--scale", "--cases", "hit"], "no rows that --cases could choose from"),
        (["--cases", "hostile", "--plot", "chart.svg"], "in the chart of --plot: actual: no"),
        (["--middleware", "--cases", "asgi: preflight", "--plot", "chart.svg"], "asgi: allowed"),
        (["--middleware", "--cases", "14 headers", "--plot", "chart.svg"], "no row holds"),
    ],
)
def test_what_cannot_be_done_is_refused(
    given: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("corsfast.bench.__main__.measure_all", unexpected)
    monkeypatch.setattr(scale, "measure_scale", unexpected)
    try:
        code = main(given)
    except SystemExit as stopped:
        code = stopped.code
    assert code == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def unexpected(*_: object, **__: object) -> None:
    raise AssertionError("something was measured")


def test_a_file_that_was_there_is_left_alone_until_there_is_something_to_write(
    tmp_path: Path,
) -> None:
    file = tmp_path / "figures.json"
    file.write_text("before", "utf-8")
    assert arguments("bench").parse_args(["--json", str(file)]).json == file
    assert file.read_text("utf-8") == "before"


def test_rows_that_are_drawn_exist() -> None:
    every = run.names(run.Asked("", False, 1, 1), ["flask"])
    assert set(plot.names(run.every_stand(["flask"]))) <= set(every)
    assert "flask: allowed" in plot.names(run.every_stand(["flask"]))


def test_an_import_without_an_installation_has_a_figure_and_no_verdict() -> None:
    # The source is on the path, but no distribution is installed.
    text = (
        "import importlib.metadata\n"
        "def nowhere(name): raise importlib.metadata.PackageNotFoundError(name)\n"
        "importlib.metadata.distribution = nowhere\n"
        "from corsfast.bench.importing import measure_start\n"
        "row = measure_start(1, lambda _: None)\n"
        "print(row.name, row.aim, sep='|')\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "import corsfast, not installed|None"


# --- peers that fail -----------------------------------------------------------------


def broken_peer(
    monkeypatch: pytest.MonkeyPatch, make: Callable[..., Iterator[libraries.Stand]] | None
) -> str:
    """Install a peer with these `Stand`s (None: its file cannot be imported)."""
    monkeypatch.setattr(libraries, "NEEDS", {"broken": {"pytest": "pytest"}})
    if make is not None:
        module = ModuleType("corsfast.bench.libraries.broken")
        module.stands = make  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return "broken was not measured: "


def too_old(_: object) -> Iterator[libraries.Stand]:
    raise AttributeError("nobody knows\nInitPlugin")
    yield


def elsewhere(_: object) -> Iterator[libraries.Stand]:
    from pytest import InitPlugin  # type: ignore[attr-defined]  # noqa: F401, PT013

    yield


def raising(who: str) -> Callable[..., Iterator[libraries.Stand]]:
    """Return a `Stand` in which one library raises an error for each request."""

    def look(*_: object) -> Answer:
        raise TypeError("an argument too many")

    def make(engines: Any) -> Iterator[libraries.Stand]:
        (stand, *_) = wsgi.stands(engines)
        bare, *ours = stand.ways
        ways = [bare, bare._replace(who="theirs"), *ours]
        ways = [way._replace(look=look) if way.who == who else way for way in ways]
        yield stand._replace(name="broken", original="theirs", ways=ways)

    return make


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (None, "ModuleNotFoundError: No module named 'corsfast.bench.libraries.broken'"),
        (too_old, "AttributeError: nobody knows InitPlugin"),
        (elsewhere, "ImportError: cannot import name 'InitPlugin' from 'pytest'"),
        (raising("theirs"), "no Origin, theirs: TypeError('an argument too many')"),
    ],
)
def test_a_peer_that_fails_is_named_and_the_rest_is_measured(
    make: Callable[..., Iterator[libraries.Stand]] | None,
    error: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    named = broken_peer(monkeypatch, make) + error
    file = tmp_path / "figures.json"
    assert main(["--quick", "--cases", ": refused", "--json", str(file)]) == 0
    out, err = capsys.readouterr()
    assert named in err.splitlines()
    assert named in " ".join(out.split()), "it is wrapped between words"
    assert "beside" not in out, "it was not measured"
    written = json.loads(file.read_text("utf-8"))
    check_json(written)
    assert written["not_measured"] == {"broken": error}
    assert set(written["versions"]) == {"corsfast"}
    assert {"asgi", "wsgi"} <= {row["table"] for row in written["rows"]}
    assert main(["--quick", "--cases", "broken: refused"]) == 2
    out, err = capsys.readouterr()
    assert named in err.splitlines()
    assert out == ""


@pytest.mark.parametrize(
    ("fails", "unable", "measured"),
    [
        ((True, False, False), ("first",), ("second", "third")),
        ((False, True, False), ("second",), ("first", "third")),
        ((True, False, True), ("first", "third"), ("second",)),
        ((False, None, False), ("second, third",), ("first",)),
        ((None, False, False), ("first, second, third",), ()),
    ],
)
def test_each_stand_of_a_peer_fails_alone(
    fails: tuple[bool | None, ...],
    unable: tuple[str, ...],
    measured: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """With None, the `Stand` cannot be set up, so the ones after it do not exist either."""
    names = ("first", "second", "third")

    def make(engines: Any) -> Iterator[libraries.Stand]:
        for name, broken in zip(names, fails, strict=True):
            if broken is None:
                raise TypeError("too old")
            (stand,) = raising("theirs" if broken else "nobody")(engines)
            yield stand._replace(name=name)

    broken_peer(monkeypatch, make)
    monkeypatch.setattr(libraries, "STANDS", {"broken": names})
    file = tmp_path / "figures.json"
    assert main(["--quick", "--middleware", "--cases", ": refused", "--json", str(file)]) == 0
    out = capsys.readouterr().out
    error = "no Origin, theirs: TypeError('an argument too many')"
    if None in fails:
        error = "TypeError: too old"
    assert [line for line in out.splitlines() if " was not measured: " in line] == [
        f"{name} was not measured: {error}" for name in unable
    ]
    written = json.loads(file.read_text("utf-8"))
    assert tuple(written["not_measured"]) == unable
    assert written["tables"].keys() == {"asgi", "wsgi", *measured}
    assert ("pytest" in written["versions"]) == bool(measured)


def test_a_peer_that_nobody_asked_for_is_not_imported(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_peer(monkeypatch, None)
    assert main(["--quick", "--cases", "wsgi: refused"]) == 0
    assert "not measured" not in "".join(capsys.readouterr())


def test_a_wrong_answer_still_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(engines: Any) -> Iterator[libraries.Stand]:
        (stand,) = raising("nobody")(engines)
        yield stand._replace(
            ways=[
                way._replace(expects={"refused": Answer(418, None)}) if way.who == "theirs" else way
                for way in stand.ways
            ]
        )

    broken_peer(monkeypatch, wrong)
    with pytest.raises(AssertionError, match=r"broken: refused, theirs: .*418"):
        main(["--quick", "--cases", "broken: refused"])


@pytest.mark.parametrize("who", ENGINES)
def test_an_error_of_ours_is_nothing_that_is_passed_over(
    who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_peer(monkeypatch, raising(who))
    with pytest.raises(TypeError, match="an argument too many"):
        main(["--quick", "--cases", "broken: refused"])


def test_a_folder_that_is_called_like_a_library_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "no_such_library").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(libraries, "NEEDS", {"folder": {"no-such-library": "no_such_library"}})
    assert libraries.installed() == ({}, {"folder": ["no-such-library"]})


HERE, _ = libraries.installed()


@pytest.mark.server
@pytest.mark.parametrize("name", HERE)
def test_peers_that_are_here_answer_rightly(name: str) -> None:
    # Run in a process of its own, because Django's settings and event loops are per process.
    text = (
        "from corsfast.bench import libraries, scenarios\n"
        "from corsfast.bench.engines import installed_engines\n"
        "names = []\n"
        f"for stand in libraries.stands({name!r}, installed_engines()):\n"
        "    names.append(stand.name)\n"
        "    assert tuple(stand.requests) == libraries.KINDS\n"
        "    scenarios.check(stand)\n"
        "    rows = scenarios.measure_stand(stand, 2, 2, '', lambda _: None)\n"
        "    print(stand.name, stand.original, *sorted({row.who for row in rows}), sep='|')\n"
        f"assert tuple(names) == libraries.stand_names({name!r}), names\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    for line in result.stdout.splitlines():
        stand, original, *whos = line.split("|")
        assert {"without", original} <= set(whos), stand
