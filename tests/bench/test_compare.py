"""The parts of benchmarks/compare.py that need no other language: judging, subtracting, adding.

A Python process that speaks the same protocol replaces the programs.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import sys
import tomllib
from pathlib import Path

import pytest

import corsfast
from corsfast.bench.figures import Sampling

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))


import compare  # noqa: E402
from peers import judge, ours, programs, requests  # noqa: E402

needs_native = pytest.mark.skipif(
    corsfast.IMPLEMENTATION == "pure", reason="compare.py measures native"
)
PEERS = BENCHMARKS / "peers"
PINNED = {
    "jub0bs/cors": "1.0.5",
    "rs/cors": "1.11.1",
    "tower-http": "0.7.1",
    "cors": "2.8.6",
    "@fastify/cors": "11.4.3",
    "fastify": "5.12.8",
}
BY_NAME = {request.name: request for request in requests.EVERY}
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


# --- the requests --------------------------------------------------------------------


def test_hostile_requests_are_as_large_as_their_names():
    assert len(BY_NAME) == len(requests.EVERY)
    assert len(BY_NAME["hostile: origin of 8 KiB"].field("origin")) == 8 * 1024
    asked = BY_NAME["hostile: 1 MiB of commas"].field("access-control-request-headers")
    assert len(asked) == 1024 * 1024


def test_preflights_ask_for_names_as_browsers_do():
    for request in requests.EVERY:
        asked = request.field("access-control-request-headers") or ""
        if request.name.startswith("preflight") and asked:
            names = asked.split(",")
            assert names == sorted({name.strip().lower() for name in names})


@needs_native
def test_corsfast_answers_every_request_rightly():
    peer = ours.Ours(requests.EVERY)
    for request in requests.EVERY:
        assert judge.complaint(request, peer.answer(ours.SUBJECT, request.name)) is None


def test_the_programs_read_every_field_of_a_policy(tmp_path):
    requests.write(requests.EVERY, tmp_path / "new" / "requests.json")
    written = json.loads((tmp_path / "new" / "requests.json").read_text("utf-8"))
    assert [request["name"] for request in written] == list(BY_NAME)
    assert written[0]["policy"]["origins"] == [APP]
    for source in ("go/main.go", "rust/src/main.rs", "node/peers.js"):
        text = (PEERS / source).read_text("utf-8").lower()
        for field in requests.Policy._fields:
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
    assert judge.verdict(BY_NAME[name], judge.PeerResponse(status, headers)) == verdict


def test_a_safelisted_method_needs_no_permission():
    request = BY_NAME["preflight: 3 headers"]
    asked = dict(request.fields) | {"access-control-request-method": "POST"}
    answer = judge.PeerResponse(204, changed(PREFLIGHT, ALLOW + "methods", "PUT"))
    assert judge.verdict(request._replace(fields=tuple(asked.items())), answer) == "allowed"


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
        ("refused: attacker", 200, [TYPE], None),
        ("refused: attacker", 200, [TYPE, *MAY_READ], None),
        ("refused: attacker", 200, [TYPE, (ALLOW + "origin", "*")], "'allowed', not 'refused'"),
        ("refused: attacker", 403, [TYPE], "did not come through"),
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
def test_an_answer_that_does_less_work_is_rejected(name, status, headers, words):
    said = judge.complaint(BY_NAME[name], judge.PeerResponse(status, headers))
    assert said is None if words is None else words in said


# --- the figures ---------------------------------------------------------------------


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
def test_slow_or_large_requests_have_fewer_calls(gross, size, calls):
    assert compare.pace(gross, size) == calls


class Fixed:
    """A peer of which each block takes the same times; it keeps the commands."""

    def __init__(self, times):
        self.fixed = times
        self.asked = []

    def times(self, subject, request, calls, blocks):
        self.asked.append((request, subject, calls, blocks))
        return self.fixed


def test_every_cell_is_timed_in_every_round(monkeypatch):
    monkeypatch.setattr(compare, "WARM_ROUNDS", 3)
    # The layer costs 10 in every block; one of three was slow, and one was interrupted.
    peer = Fixed([(110.0, 100.0), (510.0, 500.0), (910.0, 500.0)])
    some = requests.EVERY[:2]
    cells = [(request.name, subject) for request in some for subject in "xyz"]
    random.seed(1)
    samples = compare.measure_all(some, dict.fromkeys("xyz", peer), cells, 5)
    assert samples == {cell: [10.0] * 5 for cell in cells}
    timed = peer.asked[-30:]
    assert {command[2:] for command in timed} == {(15, 13)}
    orders = [[command[:2] for command in timed[i : i + 6]] for i in range(0, 30, 6)]
    for order in orders:
        assert sorted(order) == sorted(cells)
        assert len({request for request, _ in order[:3]}) == 1
    assert len({tuple(order) for order in orders}) > 1


@pytest.mark.parametrize(
    ("mine", "theirs", "verdict"),
    [
        (50, 100, "met"),
        (100, 100, "met"),
        (101, 100, "not met"),
        (-3, 100, "met"),
        (5, 0, "not met"),
        (5, -2, "not met"),
    ],
)
def test_a_loss_is_a_loss(mine, theirs, verdict):
    samples = {
        ("no Origin", ours.SUBJECT): [float(mine)] * 9,
        ("no Origin", "tower-http"): [float(theirs)] * 9,
        ("no Origin", "rs/cors"): [1.0] * 9,
    }
    compared, *others = compare.rows_of(samples)
    assert (compared.of, compared.verdict) == ("tower-http", verdict)
    assert [(row.variant, row.goal) for row in others] == [("tower-http", None), ("rs/cors", None)]


def test_ours_is_compared_with_each_peer_of_the_goal():
    samples = {("x", subject): [1.0] * 9 for subject in (ours.SUBJECT, *compare.GOAL)}
    rows = list(compare.rows_of(samples))
    assert [row.of for row in rows] == [*compare.GOAL, None, None]
    (alone,) = compare.rows_of({("x", ours.SUBJECT): [1.0] * 9})
    assert alone.verdict is None


def test_rows_are_added_to_a_result_or_replaced(tmp_path):
    path = tmp_path / "figures.json"
    before = {"table": "asgi", "name": "allowed"}
    found = {"versions": {"corsfast": "1"}, "not_measured": {}, "tables": {}, "rows": [before]}
    path.write_text(json.dumps(found), "utf-8")
    rows = list(compare.rows_of({("x", ours.SUBJECT): [1.0] * 9}))
    for _ in range(2):
        compare.add_to(path, rows, Sampling(9, 200), {"rs/cors": "2"}, {"cors": "no npm"})
        written = json.loads(path.read_text("utf-8"))
        assert written["rows"] == [before, *(row.as_json() for row in rows)]
        assert written["versions"] == {"corsfast": "1", "rs/cors": "2"}
        assert written["not_measured"] == {"cors": "no npm"}
        assert written["tables"]["peers"]["rounds"] == 9


# --- the programs --------------------------------------------------------------------


def test_lock_files_pin_the_documented_versions():
    assert programs.pinned() == PINNED


def test_manifests_match_the_lock_files():
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


def test_lock_files_have_checksums_and_usual_hosts():
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
    monkeypatch.setattr(compare, "WARM_SECONDS", 0.001)
    return tmp_path


def script(tools, name, text):
    path = tools / name
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)


@needs_native
@pytest.mark.usefixtures("tools")
def test_a_missing_toolchain_is_named(capsys):
    assert compare.main(["--quick", "--only", "no Origin", "--markdown"]) == 0
    text = capsys.readouterr().out
    for subject, tool in (
        ("jub0bs/cors", "go"),
        ("rs/cors", "go"),
        ("tower-http", "cargo"),
        ("cors", "npm"),
        ("@fastify/cors", "npm"),
    ):
        assert f"\n{subject} was not measured: {tool} is not installed\n" in text
    assert "| no Origin | corsfast | " in text


@needs_native
def test_a_toolchain_that_cannot_build_is_named(tools, capsys):
    for tool, said in (
        ("cargo", "   Compiling a v1\\nerror: no  linker.\\nwarning: after it"),
        ("go", "go: a module is not there"),
    ):
        script(tools, tool, f"printf '{said}\\n'\nexit 1")
    (tools / "rustc").symlink_to(tools / "cargo")
    assert compare.main(["--quick", "--only", "no Origin"]) == 0
    printed = capsys.readouterr()
    for name in ("tower-http", "jub0bs/cors", "rs/cors"):
        assert f"{name} was not measured: it cannot be built or run" in printed.out.splitlines()
    assert "cors was not measured: npm is not installed" in printed.out
    assert "error: no  linker." in printed.err
    assert "no Origin  corsfast" in printed.out


@needs_native
@pytest.mark.parametrize("first_line", ["#!/bin/false", "#!/nowhere", "#!/bin/echo"])
def test_a_program_that_does_not_run_is_named(tools, capsys, first_line):
    script(tools, "go", f'echo "{first_line}" > "$5"\n/bin/chmod +x "$5"')
    assert compare.main(["--quick", "--only", "no Origin"]) == 0
    printed = capsys.readouterr()
    for name in ("jub0bs/cors", "rs/cors"):
        assert f"{name} was not measured: it cannot be built or run" in printed.out.splitlines()
    assert str(tools) in printed.err
    assert str(tools) not in printed.out
    assert "no Origin  corsfast" in printed.out


# A program of the same protocol whose layer allows everything.
PROGRAM = """
import json, sys
for line in sys.stdin:
    command = json.loads(line)
    if command["subject"] != "tower-http":
        sys.exit(1)
    headers = [["content-type", "text/plain"], ["access-control-allow-origin", "*"],
               ["Access-Control-Expose-Headers", "X-Total"]]
    times = [[3.0 * command["calls"], 1.0 * command["calls"]]] * command["blocks"]
    print(json.dumps({"status": 200, "headers": headers, "times": times}), flush=True)
"""


@pytest.fixture
def program(tmp_path):
    source = tmp_path / "program.py"
    source.write_text(PROGRAM, "utf-8")
    with contextlib.closing(
        programs.Running([sys.executable, str(source)], tmp_path / "requests.json")
    ) as running:
        yield running


def test_a_program_gets_one_command_per_line(program):
    assert program.times("tower-http", "refused: attacker", 10, 1) == [[30.0, 10.0]]
    assert program.times("tower-http", "refused: attacker", 20, 3) == [[60.0, 20.0]] * 3


def test_a_program_that_ends_is_an_error(program):
    with pytest.raises(RuntimeError, match=r"said '' to .*'unknown'"):
        program.times("unknown", "no Origin", 1, 1)


def test_a_cell_with_a_wrong_answer_is_left_out_by_name(program):
    asked = tuple(BY_NAME[name] for name in ("allowed: 1 origin", "refused: attacker"))
    cells, left_out = compare.judged(asked, "tower-http", program)
    assert cells == [("allowed: 1 origin", "tower-http")]
    assert left_out == {
        "tower-http in 'refused: attacker'": "a browser would say 'allowed', not 'refused'"
    }


@needs_native
def test_a_wrong_answer_of_ours_is_an_error(tools, monkeypatch):
    wrong = judge.PeerResponse(500, [])
    monkeypatch.setattr(ours.Ours, "answer", lambda *_: wrong)
    with pytest.raises(AssertionError, match="did not come through"):
        compare.main(["--quick", "--only", "no Origin"])
    assert tools.is_dir()
