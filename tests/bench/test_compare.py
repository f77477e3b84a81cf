"""The parts of benchmarks/compare.py that need no other language: judging, subtracting, reporting.

A Python process that speaks the same protocol replaces the programs.
"""

from __future__ import annotations

import contextlib
import json
import math
import random
import re
import sys
import tomllib
from pathlib import Path

import pytest

import corsfast
from corsfast.bench import measure

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))


import compare  # noqa: E402
from peers import figures, judge, ours, programs, report, rows  # noqa: E402

PEERS = BENCHMARKS / "peers"
PINNED = {
    "jub0bs/cors": "1.0.5",
    "rs/cors": "1.11.1",
    "tower-http": "0.7.1",
    "cors": "2.8.6",
    "@fastify/cors": "11.4.3",
    "fastify": "5.12.8",
}
BY_NAME = {row.name: row for row in rows.ROWS}
APP = "https://app.example.com"
ALLOW = "access-control-allow-"
MAY_READ = [("Access-Control-Allow-Origin", APP), ("Access-Control-Expose-Headers", "x-total")]
PREFLIGHT = [
    (ALLOW + "origin", APP),
    (ALLOW + "methods", "GET, PUT"),
    (ALLOW + "headers", "Authorization,content-type , X-Token"),
    ("access-control-max-age", "600"),
]


def changed(headers, name, *values):
    """Return headers with one of them replaced by these lines, or removed."""
    kept = [pair for pair in headers if pair[0].lower() != name]
    return kept + [(name, value) for value in values]


# --- the rows ------------------------------------------------------------------------


def test_names_are_unique_and_hostile_inputs_as_large_as_they_say():
    assert len(BY_NAME) == len(rows.ROWS)
    assert len(BY_NAME["hostile: origin of 8 KiB"].field("origin")) == 8 * 1024
    asked = BY_NAME["hostile: 1 MiB of commas"].field("access-control-request-headers")
    assert len(asked) == 1024 * 1024


def test_names_are_asked_for_as_browsers_do():
    for row in rows.ROWS:
        asked = row.field("access-control-request-headers") or ""
        if row.name.startswith("preflight") and asked:
            names = asked.split(",")
            assert names == sorted({name.strip().lower() for name in names})


@pytest.mark.parametrize("row", rows.ROWS, ids=lambda row: row.name)
@pytest.mark.parametrize("column", [ours.DECISION, ours.NATIVE])
def test_corsfast_answers_every_row_as_it_should(column, row):
    if column in ours.lacking():
        assert corsfast.IMPLEMENTATION == "pure"
    elif column == ours.DECISION:
        assert ours.decides_rightly(row)
    else:
        answer = ours.answered(ours.middleware(column, row.policy), row)
        assert judge.complaint(row, answer) is None


@pytest.mark.server
@pytest.mark.parametrize("row", rows.ROWS, ids=lambda row: row.name)
def test_starlette_answers_every_row_as_it_should(row):
    answer = ours.answered(ours.middleware(ours.STARLETTE, row.policy), row)
    assert judge.complaint(row, answer) is None


def test_the_programs_read_what_is_written(tmp_path):
    rows.write_rows(rows.ROWS, tmp_path / "new" / "rows.json")
    written = json.loads((tmp_path / "new" / "rows.json").read_text("utf-8"))
    assert [row["name"] for row in written] == list(BY_NAME)
    assert written[0]["policy"]["origins"] == [APP]
    for source in ("go/main.go", "rust/src/main.rs", "node/peers.js"):
        text = (PEERS / source).read_text("utf-8")
        for field in rows.Policy._fields:
            assert re.search(rf"\b{field}\b", text), (source, field)


# --- the judge -----------------------------------------------------------------------

CREDENTIALS = "allowed: 1 origin, credentials"


@pytest.mark.parametrize(
    ("name", "status", "headers", "verdict"),
    [
        ("allowed: 1 origin", 200, MAY_READ, "allowed"),
        ("allowed: 1 origin", 200, changed(MAY_READ, ALLOW + "origin", "*"), "allowed"),
        ("allowed: 1 origin", 200, changed(MAY_READ, ALLOW + "origin"), "refused"),
        ("allowed: 1 origin", 200, changed(MAY_READ, ALLOW + "origin", APP + "/"), "refused"),
        ("allowed: 1 origin", 200, changed(MAY_READ, ALLOW + "origin", APP.upper()), "refused"),
        ("allowed: 1 origin", 200, changed(MAY_READ, ALLOW + "origin", APP, APP), "refused"),
        ("allowed: 1 origin", 200, changed(MAY_READ, ALLOW + "origin", "null"), "refused"),
        ("no Origin", 200, [], "not asked"),
        ("no Origin", 200, MAY_READ, "not asked"),
        (CREDENTIALS, 200, MAY_READ, "refused"),
        (CREDENTIALS, 200, changed(MAY_READ, ALLOW + "credentials", "true"), "allowed"),
        (CREDENTIALS, 200, changed(MAY_READ, ALLOW + "credentials", "True"), "refused"),
        (
            CREDENTIALS,
            200,
            [(ALLOW + "origin", "*"), (ALLOW + "credentials", "true")],
            "refused",
        ),
        ("preflight: 3 headers", 204, PREFLIGHT, "allowed"),
        ("preflight: 3 headers", 200, PREFLIGHT, "allowed"),
        ("preflight: 3 headers", 403, PREFLIGHT, "refused"),
        ("preflight: 3 headers", 304, PREFLIGHT, "refused"),
        ("preflight: 3 headers", 204, changed(PREFLIGHT, ALLOW + "origin"), "refused"),
        ("preflight: 3 headers", 204, changed(PREFLIGHT, ALLOW + "methods"), "refused"),
        ("preflight: 3 headers", 204, changed(PREFLIGHT, ALLOW + "methods", "put"), "refused"),
        ("preflight: 3 headers", 204, changed(PREFLIGHT, ALLOW + "methods", "*"), "allowed"),
        ("preflight: 3 headers", 204, changed(PREFLIGHT, ALLOW + "headers"), "refused"),
        (
            "preflight: 3 headers",
            204,
            changed(PREFLIGHT, ALLOW + "headers", "authorization,content-type,x-tokens"),
            "refused",
        ),
        ("preflight: 3 headers", 204, changed(PREFLIGHT, ALLOW + "headers", "*"), "refused"),
        (
            "preflight: 3 headers",
            204,
            changed(PREFLIGHT, ALLOW + "headers", "*", "authorization"),
            "allowed",
        ),
        ("preflight: no headers", 204, changed(PREFLIGHT, ALLOW + "headers"), "allowed"),
        ("preflight refused: header", 204, PREFLIGHT, "refused"),
        ("hostile: 1 MiB of commas", 204, PREFLIGHT, "refused"),
    ],
)
def test_a_browsers_verdict(name, status, headers, verdict):
    assert judge.verdict(BY_NAME[name], judge.Answer(status, headers)) == verdict


def test_a_safelisted_method_needs_no_permission():
    row = BY_NAME["preflight: 3 headers"]
    asked = [(name, "POST" if name.endswith("-method") else value) for name, value in row.fields]
    answer = judge.Answer(204, changed(PREFLIGHT, ALLOW + "methods", "PUT"))
    assert judge.verdict(row._replace(fields=tuple(asked)), answer) == "allowed"


TYPE = ("content-type", "text/plain")


@pytest.mark.parametrize(
    ("name", "status", "headers", "words"),
    [
        ("allowed: 1 origin", 200, [TYPE, *MAY_READ], None),
        ("allowed: 1 origin", 200, MAY_READ, "did not come through"),
        ("allowed: 1 origin", 204, [TYPE, *MAY_READ], "did not come through"),
        ("allowed: 1 origin", 200, [TYPE], "'refused', not 'allowed'"),
        ("allowed: 1 origin", 200, [TYPE, MAY_READ[0]], "Expose"),
        (
            "allowed: 1 origin",
            200,
            [TYPE, *changed(MAY_READ, "access-control-expose-headers", "x-total, x-more")],
            "Expose",
        ),
        ("refused: stranger", 200, [TYPE], None),
        ("refused: stranger", 200, [TYPE, *MAY_READ], None),
        ("refused: stranger", 200, [TYPE, (ALLOW + "origin", "*")], "'allowed', not 'refused'"),
        ("refused: stranger", 403, [TYPE], "did not come through"),
        ("no Origin", 200, [TYPE], None),
        ("no Origin", 403, [TYPE], "did not come through"),
        ("preflight: 3 headers", 204, PREFLIGHT, None),
        ("preflight: 3 headers", 204, changed(PREFLIGHT, "access-control-max-age"), "Max-Age"),
        (
            "preflight: 3 headers",
            204,
            changed(PREFLIGHT, "access-control-max-age", "5"),
            "Max-Age",
        ),
        ("preflight refused: origin", 403, [], None),
    ],
)
def test_who_says_less_than_it_should_is_complained_of(name, status, headers, words):
    said = judge.complaint(BY_NAME[name], judge.Answer(status, headers))
    assert said is None if words is None else words in said


# --- the figures ---------------------------------------------------------------------


def rounds(*samples):
    return figures.Rounds(dict(enumerate(samples)), 15, 13)


def test_the_floor_is_subtracted_round_by_round():
    # The layer costs 10 in every round; the machine is slow in three of five.
    found = rounds((110.0, 100.0), (510.0, 500.0), (110.0, 100.0), (510.0, 500.0), (310.0, 300.0))
    assert (found.net.low, found.net.median, found.net.high) == (10.0, 10.0, 10.0)
    assert (found.gross.median, found.floor.median) == (310.0, 300.0)
    # The difference of the medians would be 10 - 30 = -20, which no round shows.
    assert rounds((10.0, 0.0), (60.0, 30.0), (5.0, 31.0)).net.median == 10.0


def test_a_share_is_taken_of_the_rounds_that_both_were_in():
    ours_found = rounds((110.0, 100.0), (120.0, 100.0), (1e9, 0.0))
    theirs = figures.Rounds({0: (60.0, 50.0), 1: (60.0, 50.0), 7: (9.0, 1.0)}, 15)
    assert figures.share(ours_found, theirs).median == 1.5
    # If theirs is at its floor, ours is infinitely slower.
    assert figures.share(rounds((1.0, 2.0)), rounds((2.0, 2.0))).median == math.inf


@pytest.mark.parametrize(
    ("gross", "size", "calls"),
    [
        (100.0, 500, (15, 13)),
        (0.0, 1, (15, 13)),
        (100_000.0, 500, (15, 1)),
        (250_000.0, 500, (8, 1)),
        (1e9, 500, (1, 1)),
        (100.0, 2**20, (15, 2)),
    ],
)
def test_what_is_slow_or_large_has_fewer_calls(gross, size, calls):
    assert figures.calls_for(gross, size) == calls


def test_a_block_has_as_many_requests_as_one_of_the_benchmark():
    assert figures.calls_for(1.0, 1)[0] == measure.REQUESTS


def test_the_blocks_of_a_round_are_compared_one_by_one():
    # The layer costs 10 in every block; two of three were slow, and one was interrupted.
    found = figures.of_blocks([(110.0, 100.0), (510.0, 500.0), (910.0, 500.0)])
    assert found == (510.0, 500.0)
    assert figures.of_blocks([(3.0, 1.0)]) == (3.0, 1.0)


def test_everybody_is_in_every_round_and_a_rows_columns_are_side_by_side(monkeypatch):
    monkeypatch.setattr(figures, "WARM_ROUNDS", 3)
    asked = []

    def timer(key, gross):
        def time(calls, blocks):
            asked.append((key, (calls, blocks)))
            return gross, 4.0

        return time

    keys = [(row, column) for row in "ab" for column in "xyz"]
    random.seed(1)
    found = figures.interleave(
        {key: timer(key, 14.0 + i) for i, key in enumerate(keys)},
        lambda _: 10,
        rounds=5,
        progress=lambda _: None,
    )
    assert [found[key].net.median for key in keys] == [10.0, 11.0, 12.0, 13.0, 14.0, 15.0]
    assert all(sorted(each.samples) == [0, 1, 2, 3, 4] for each in found.values())
    assert {calls for _, calls in asked[-30:]} == {(15, 13)}
    assert {(each.calls, each.blocks) for each in found.values()} == {(15, 13)}
    orders = [[key for key, _ in asked[-30:]][i : i + 6] for i in range(0, 30, 6)]
    for order in orders:
        assert sorted(order) == keys
        assert len({row for row, _ in order[:3]}) == 1
    assert len({tuple(order) for order in orders}) > 1


def test_who_takes_long_is_in_fewer_rounds(monkeypatch):
    monkeypatch.setattr(figures, "WARM_ROUNDS", 1)
    monkeypatch.setattr(figures, "ROUND_SECONDS", 1e-9)
    key = "a row", "slow"
    found = figures.interleave(
        {key: lambda _calls, _blocks: (14.0, 4.0)}, lambda _: 10, rounds=5, progress=lambda _: None
    )
    assert list(found[key].samples) == [0]


# --- the verdict and the table -------------------------------------------------------


def net(median, *, floor=100.0, spread=1.0):
    return rounds(
        *((floor + median + spread * side, floor) for side in (-1, -1, -1, 0, 0, 0, 1, 1, 1))
    )


@pytest.mark.parametrize(
    ("ours_ns", "peer_ns", "word"),
    [
        (50, 100, "not slower"),
        (100, 100, "not slower"),
        (101, 100, "**lost**"),
        (150, 100, "**lost**"),
        (-3, 100, "not slower"),
        (5, 0, "**lost**"),
        (5, -2, "**lost**"),
    ],
)
def test_a_loss_is_a_loss(ours_ns, peer_ns, word):
    share = figures.share(net(ours_ns, spread=0), net(peer_ns, spread=0))
    assert report.word(share) == word


def test_an_interval_across_one_is_undecided():
    wavering = [(100.0 + side, 0.0) for side in (-5, -4, -3, -2, 0, 2, 3, 4, 5, 6)]
    still = rounds(*[(100.0, 0.0)] * len(wavering))
    assert report.word(figures.share(rounds(*wavering), still)) == "undecided"


FOUND = {
    "no Origin": {
        ours.DECISION: net(20, floor=0),
        ours.NATIVE: net(150),
        ours.STARLETTE: net(9000, spread=4000),
        "jub0bs/cors": net(100),
        "tower-http": net(300, floor=400),
    },
    "refused": {ours.NATIVE: net(90), "jub0bs/cors": net(100), "tower-http": net(-5)},
    "apart": {"rs/cors": net(7)},
}
ABOUT = {
    "made": "2026-01-02T03:04:05+00:00",
    "machine": "a machine",
    "rounds": 9,
    "loaded": True,
    "versions": {"corsfast": "1.0"},
    "missing": {"@fastify/cors": "npm is not installed"},
    "left_out": {"cors in 'refused'": "a browser would say 'allowed', not 'refused'"},
}


def test_the_page_shows_losses_and_absences():
    lines = "\n".join(report.markdown(FOUND, ABOUT)).splitlines()
    assert "| no Origin | **lost**, 1.50x | not slower, 0.50x |" in lines
    assert "| refused | not slower, 0.90x | **lost**, peer is at its floor |" in lines
    assert "**@fastify/cors was not measured: npm is not installed.**" in lines
    assert any(line.startswith("**cors in 'refused' was not measured: a browser") for line in lines)
    assert any(line.startswith("**The machine was loaded") for line in lines)
    assert "| no Origin | 20 ±1 | 150 ±1 | 9,000 ±4,000 ~ | 100 ±1 |  | 300 ±1 |" in lines
    assert "| apart |  |  |  |  | 7 ±1 ~ |  |" in lines


def test_the_json_holds_what_the_page_shows():
    found = json.loads(json.dumps(report.as_json(FOUND, ABOUT)))
    lost = found["ratios"]["no Origin"]["jub0bs/cors"]
    assert 1 < lost["least"] < lost["median"] == 1.5 < lost["most"]
    assert found["ratios"]["refused"]["tower-http"]["median"] is None
    assert found["rows"]["no Origin"]["tower-http"]["median"] == 300.0
    assert found["missing"] == ABOUT["missing"]


# --- the programs --------------------------------------------------------------------


def test_lock_files_pin_what_is_said():
    assert programs.pinned() == PINNED


def test_manifests_ask_for_what_the_lock_files_have():
    go = (PEERS / "go/go.mod").read_text("utf-8")
    for module in ("jub0bs/cors", "rs/cors"):
        assert f"github.com/{module} v{PINNED[module]}\n" in go
    manifest = tomllib.loads((PEERS / "rust/Cargo.toml").read_text("utf-8"))
    locked = {
        package["name"]: package["version"]
        for package in tomllib.loads((PEERS / "rust/Cargo.lock").read_text("utf-8"))["package"]
    }
    for name, wanted in manifest["dependencies"].items():
        version = wanted if isinstance(wanted, str) else wanted["version"]
        assert version == f"={locked[name]}"
    assert json.loads((PEERS / "node/package.json").read_text("utf-8"))["dependencies"] == {
        name: PINNED[name] for name in ("@fastify/cors", "cors", "fastify")
    }


def test_lock_files_have_checksums_and_name_no_host_but_the_usual():
    rust = tomllib.loads((PEERS / "rust/Cargo.lock").read_text("utf-8"))["package"]
    for package in rust:
        if package["name"] != "corsfast-peers":
            assert package["source"] == "registry+https://github.com/rust-lang/crates.io-index"
            assert re.fullmatch("[0-9a-f]{64}", package["checksum"])
    node = json.loads((PEERS / "node/package-lock.json").read_text("utf-8"))["packages"]
    for path, package in node.items():
        if path:
            assert package["integrity"].startswith("sha512-")
            assert "resolved" not in package
    for line in (PEERS / "go/go.sum").read_text("utf-8").splitlines():
        assert re.fullmatch(r"[\w./-]+ v[\w./-]+ h1:[\w+/]+=", line)


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Return a folder that is the whole PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(compare, "BUILD", tmp_path / "build")
    monkeypatch.setattr(figures, "WARM_SECONDS", 0.001)
    return tmp_path


def script(tools, name, text):
    path = tools / name
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)


@pytest.mark.usefixtures("tools")
def test_a_toolchain_that_is_not_there_is_named():
    with contextlib.ExitStack() as stack:
        running, answers, missing = compare.start(rows.ROWS, stack)
    assert running == answers == {}
    assert missing == {
        "jub0bs/cors": "go is not installed",
        "rs/cors": "go is not installed",
        "tower-http": "cargo is not installed",
        "cors": "npm is not installed",
        "@fastify/cors": "npm is not installed",
    }


def test_a_toolchain_that_cannot_build_is_named_with_the_reason_and_the_rest_goes_on(tools, capsys):
    for tool, said in (
        ("cargo", "   Compiling a v1\\nerror: no  linker.\\nwarning: after it"),
        ("go", "go: a module is not there"),
    ):
        script(tools, tool, f"printf '{said}\\n'\nexit 1")
    (tools / "rustc").symlink_to(tools / "cargo")
    assert compare.main(["--quick", "--only", "no Origin"]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert "**tower-http was not measured: cargo cannot build it.**" in lines
    for name in ("jub0bs/cors", "rs/cors"):
        assert f"**{name} was not measured: go cannot build it.**" in lines
    assert "**cors was not measured: npm is not installed.**" in lines
    assert "error: no  linker." in printed.err
    assert any(line.startswith("| no Origin | ") for line in lines)


@pytest.mark.parametrize("first_line", ["#!/bin/false", "#!/nowhere", "#!/bin/echo"])
def test_a_program_that_does_not_run_is_named_and_the_rest_goes_on(tools, capsys, first_line):
    script(tools, "go", f'echo "{first_line}" > "$5"\n/bin/chmod +x "$5"')
    assert compare.main(["--quick", "--only", "no Origin"]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    for name in ("jub0bs/cors", "rs/cors"):
        assert f"**{name} was not measured: go does not run.**" in lines
    assert str(tools) in printed.err
    assert str(tools) not in printed.out
    assert any(line.startswith("| no Origin | ") for line in lines)


# A program of the same protocol whose layer allows everything.
PROGRAM = """
import json, sys
rows = json.load(open(sys.argv[1]))
for line in sys.stdin:
    verb, *rest = json.loads(line)
    if verb == "check":
        headers = [["content-type", "text/plain"], ["access-control-allow-origin", "*"],
                   ["Access-Control-Expose-Headers", "X-Total"]]
        print(json.dumps([{"subject": "tower-http", "case": row["name"], "status": 200,
                           "headers": headers} for row in rows]), flush=True)
    elif verb == "run" and rest[0] == "tower-http":
        print(json.dumps([[3.0 * rest[2], 1.0 * rest[2]]] * rest[3]), flush=True)
    else:
        sys.exit(1)
"""


@pytest.fixture
def program(tmp_path):
    source = tmp_path / "program.py"
    source.write_text(PROGRAM, "utf-8")
    asked = tuple(BY_NAME[name] for name in ("allowed: 1 origin", "refused: stranger"))
    rows.write_rows(asked, tmp_path / "rows.json")
    with contextlib.closing(
        programs.Running([sys.executable, str(source)], tmp_path / "rows.json")
    ) as running:
        yield asked, running


def test_a_program_is_asked_line_by_line(program):
    _, running = program
    assert running.timer("tower-http", "refused: stranger")(10, 1) == (30.0, 10.0)
    assert running.timer("tower-http", "refused: stranger")(20, 3) == (60.0, 20.0)


def test_a_program_that_ends_is_an_error(program):
    _, running = program
    with pytest.raises(RuntimeError, match=r"ended at .*'nobody'"):
        running.timer("nobody", "no Origin")(1, 1)


def test_a_peer_that_answers_otherwise_is_left_out_by_name(program):
    asked, running = program
    absent = dict.fromkeys([*report.COLUMNS], "is not looked at here")
    del absent["tower-http"], absent[ours.NATIVE]
    left_out = compare.checked(asked, running.check(), absent)
    assert left_out == {
        "tower-http in 'refused: stranger'": "a browser would say 'allowed', not 'refused'"
    }
    timers = compare.timers_of(asked, {"tower-http": running}, {*absent, *left_out})
    assert set(timers) == {
        ("allowed: 1 origin", "tower-http"),
        ("allowed: 1 origin", ours.NATIVE),
        ("refused: stranger", ours.NATIVE),
    }


def test_the_whole_command_without_any_toolchain(tools, capsys):
    assert compare.main(["--quick", "--only", "no Origin"]) == 0
    text = capsys.readouterr().out
    assert "**jub0bs/cors was not measured: go is not installed.**" in text
    assert "| no Origin | " in text
    assert not (tools / "results").exists()
    assert compare.main(["--quick", "--only", "no Origin", "--output", str(tools / "results")]) == 0
    assert {path.name for path in (tools / "results").iterdir()} == {"peers.md", "peers.json"}
