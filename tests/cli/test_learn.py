"""`corsfast learn`: every source, hostile lines, and random policies.

LEARNED=1000 pytest tests/cli/test_learn.py checks 1,000 random policies; that takes minutes.
"""

from __future__ import annotations

import io
import json
import logging
import os
import random
import re
import tomllib
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from corsfast import Policy
from corsfast.__main__ import main
from corsfast._cli.learn import learn, refusal
from corsfast._explain import traffic as traffic_module
from corsfast._explain.traffic import MAX_LINE, MAX_NAMES, Asked, Traffic
from corsfast._loading.written import Written, read_options
from corsfast._proofs.changes import side_of
from corsfast.middleware.asgi import CORSMiddleware

POLICIES = int(os.environ.get("LEARNED", "30"))
RECORDING = Path(__file__).parent / "chromium.har"
APP, EVIL = "https://app.example.com", "https://evil.example"


def line(origin: str, request: str = "GET / HTTP/1.1", status: int = 200, more: str = "") -> str:
    start = "203.0.113.7 - - [30/Nov/2026:10:00:00 +0000]"
    return f'{start} "{request}" {status} 12 "-" "Mozilla/5.0" "{origin}"{more}\n'


def entry(
    origin: str, told: dict[str, str], method: str = "GET", **headers: str
) -> dict[str, object]:
    def fields(values: dict[str, str]) -> list[dict[str, str]]:
        return [{"name": name.replace("_", "-"), "value": value} for name, value in values.items()]

    sent = {"Origin": origin, "Sec-Fetch-Mode": "cors"} | headers
    return {
        "request": {"method": method, "url": "https://api.example/", "headers": fields(sent)},
        "response": {"status": 200, "headers": fields(told)},
    }


def har(*entries: dict[str, object]) -> str:
    return json.dumps({"log": {"entries": entries}})


def allowing(origin: str, **more: str) -> dict[str, str]:
    return {"Access-Control-Allow-Origin": origin, **more}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def learned(
    capsys: pytest.CaptureFixture[str], text: str | bytes, *arguments: str, status: int = 0
) -> dict[str, Any]:
    """Learn from a file, check that the policy passes `check`, and return the JSON output."""
    Path("traffic").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert main(["learn", "traffic", *arguments]) == status
    Path("learned.toml").write_text(capsys.readouterr().out)
    assert main(["check", "learned.toml"]) == 0
    capsys.readouterr()
    assert main(["learn", "traffic", *arguments, "--json"]) == status
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert tomllib.loads(Path("learned.toml").read_text()) == found["options"]
    return found


# -- sources ---------------------------------------------------------------------------------


def test_an_access_log(capsys: pytest.CaptureFixture[str]) -> None:
    text = line(APP) + line(APP, "PUT /items HTTP/1.1") + line("-") + line(EVIL, status=403)
    text += line(APP, "OPTIONS /items HTTP/1.1", 204, ' "PUT" "content-type,x-token" 0.003')
    text += line(EVIL, "OPTIONS /items HTTP/1.1", 403, ' "PUT" "x-evil"')
    found = learned(capsys, text)
    assert found["options"] == {
        "allow_origins": [APP],
        "allow_methods": ["PUT"],
        "allow_headers": ["x-token"],
    }
    assert found["only_refused"]["allow_origins"] == {EVIL: 2}
    assert found["only_refused"]["allow_headers"] == {"x-evil": 1}
    assert found["traffic"]["uncertain"] == 3


def test_a_har_file(capsys: pytest.CaptureFixture[str]) -> None:
    exposing = {"Access-Control-Expose-Headers": "X-Id, X-None", "X-Id": "1", "X-Own": "1"}
    found = learned(
        capsys,
        har(
            entry(APP, allowing(APP, **exposing), "PUT", X_Token="1"),
            entry(EVIL, {}, "PUT", X_Evil="1"),
            entry("https://form.example", {}, "POST", **{"Sec-Fetch-Mode": "navigate"}),
        ),
    )
    assert found["options"] == {
        "allow_origins": [APP],
        "allow_methods": ["PUT"],
        "allow_headers": ["x-token"],
        "expose_headers": ["x-id"],
    }
    assert found["only_refused"]["allow_origins"] == {EVIL: 1}


def test_a_preflight_of_a_log_without_a_method(capsys: pytest.CaptureFixture[str]) -> None:
    found = learned(capsys, line(APP) + line(EVIL, "OPTIONS / HTTP/1.1", 403))
    assert found["only_refused"]["allow_origins"] == {EVIL: 1}
    assert found["options"] == {"allow_origins": [APP]}


def test_an_open_websocket_was_not_refused(capsys: pytest.CaptureFixture[str]) -> None:
    handshake = entry(APP, {}, **{"Sec-Fetch-Mode": "websocket"})
    opened = handshake | {"response": {"status": 101, "headers": []}}
    refused = entry(EVIL, {}, **{"Sec-Fetch-Mode": "websocket"})
    found = learned(capsys, har(opened, refused))
    assert found["options"] == {"allow_origins": [APP]}
    assert found["only_refused"]["allow_origins"] == {EVIL: 1}


def test_cookies_need_credentials(capsys: pytest.CaptureFixture[str]) -> None:
    granted = {"Access-Control-Allow-Credentials": "true"}
    found = learned(capsys, har(entry(APP, allowing(APP, **granted), Cookie="a=1")))
    assert found["options"] == {"allow_origins": [APP], "allow_credentials": True}
    # A browser refuses these two answers to a request with cookies.
    for told in (allowing("*", **granted), allowing(APP)):
        found = learned(capsys, har(entry(APP, told, Cookie="a=1")))
        assert found["options"] == {"allow_origins": []}


def test_the_log_of_refusals_as_it_is_written(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The middleware writes the lines, so a change of their form is noticed here."""
    import asyncio

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError

    async def ask(origin: str, *more: tuple[bytes, bytes], path: str = "/items") -> None:
        headers = [(b"origin", origin.encode()), (b"host", b"api.example"), *more]
        scope = {"type": "http", "method": "OPTIONS", "path": path, "headers": headers}
        await CORSMiddleware(app, allow_origins=[APP], allow_headers=["x-one"])(scope, None, send)

    async def send(_message: Any) -> None: ...

    wanted = b"access-control-request-method"
    names = b"access-control-request-headers"
    with caplog.at_level(logging.WARNING, "corsfast.refused"):
        asyncio.run(ask(EVIL, (wanted, b"GET"), path='/it\'s "quoted"' + "x" * 200))
        asyncio.run(ask(APP, (wanted, b"PUT")))
        asyncio.run(ask(APP, (wanted, b"GET"), (names, b"x-two")))
    form = logging.Formatter("%(asctime)s %(levelname)s [%(name)s] %(message)s")
    text = "\n".join(map(form.format, caplog.records))
    assert text.count("\n") == 2
    in_json = [json.dumps({"message": message}) for message in text.split("\n")]
    prefixed = [f"2026-11-30T10:00:00 app[web.1]: {line}" for line in in_json]
    extended = [f'{line} {{"request": 5}}' for line in text.split("\n")]
    for log in (text, *map("\n".join, (in_json, prefixed, extended))):
        found = learned(capsys, log)
        assert found["options"] == {"allow_origins": []}
        assert found["only_refused"]["allow_origins"] == {EVIL: 1, APP: 2}
        assert found["only_refused"]["allow_methods"] == {"PUT": 1}
        assert found["only_refused"]["allow_headers"] == {"x-two": 1}


def test_a_recording_of_chromium(capsys: pytest.CaptureFixture[str]) -> None:
    """tests/browser/test_recording.py records this file."""
    found = learned(capsys, RECORDING.read_bytes())
    assert found["options"] == {
        "allow_origins": ["http://app.example.test:8001"],
        "allow_methods": ["PUT"],
        "allow_headers": ["x-token"],
        "expose_headers": ["x-id"],
        "allow_credentials": True,
    }
    assert found["only_refused"]["allow_origins"] == {"http://other.example.test:8001": 1}


def test_standard_input_and_several_files(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("one.log").write_text(line(APP))
    with Path("one.log").open() as file:
        monkeypatch.setattr("sys.stdin", file)
        assert main(["learn", "-", "one.log", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["requests"]["allow_origins"] == {APP: 2}


@pytest.mark.parametrize("octets", [b"\x1f\x8b\x08\x00", b'{"log": 1}', b"{}\n"])
def test_errors_name_standard_input(
    octets: bytes, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(BytesIO(octets)))
    assert main(["learn", "-"]) == 2
    assert capsys.readouterr().err.startswith("corsfast learn: <stdin>: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no cross-origin request"),
        ('203.0.113.7 - - [x] "GET / HTTP/1.1" 200 1 "-" "agent"\n', "as its last field"),
        ('{"status": 200}\n', "traffic: there is no cross-origin request in it"),
        ('{"status": 200}\n', "is not read if it is JSON"),
        ("\x1f\x8b\x08\x00", "traffic: the file is compressed: zcat FILE | corsfast learn -"),
        ('{"log": 1}', "traffic: not HAR"),
        ("{x", "not JSON"),
        ('{"log": [\n"é"]}', "traffic: the file is not UTF-8"),
    ],
)
def test_nothing_to_learn_is_status_2(
    capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    Path("traffic").write_text(text, "latin-1")
    assert main(["learn", "traffic"]) == 2
    assert main(["learn", "absent.log"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert "corsfast learn: absent.log: " in printed.err


# -- today's policy --------------------------------------------------------------------------

TODAY = """\
allow_origins = ["https://*.example.com", "https://old.example.org"]
allow_methods = "*"
allow_headers = ["X-Old"]
expose_headers = ["X-Id"]
max_age = 0
"""


def test_todays_policy_decides(capsys: pytest.CaptureFixture[str]) -> None:
    Path("today.toml").write_text(TODAY)
    text = (
        line(APP, "PUT / HTTP/1.1")
        + line(EVIL)
        + line(APP, "OPTIONS / HTTP/1.1", 204, ' "GET" "x-new"')
    )
    found = learned(capsys, text, "--policy", "today.toml")
    assert found["options"] == {
        "allow_origins": [APP],
        "allow_methods": ["PUT"],
        "expose_headers": ["X-Id"],
        "max_age": 0,
    }
    assert found["only_refused"]["allow_origins"] == {EVIL: 1}
    assert found["only_refused"]["allow_headers"] == {"x-new": 1}
    unused = {(change["option"], change["entry"]) for change in found["unused"]}
    assert unused == {
        ("allow_origins", "https://*.example.com"),
        ("allow_origins", "https://old.example.org"),
        ("allow_methods", "*"),
        ("allow_headers", "X-Old"),
    }
    assert found["traffic"]["uncertain"] == 0
    assert main(["diff", "today.toml", "learned.toml"]) == 0


def test_a_stricter_policy_affects_origins(capsys: pytest.CaptureFixture[str]) -> None:
    Path("strict.toml").write_text(f'allow_origins = ["{APP}"]')
    text = line(APP) + line(APP, "PUT / HTTP/1.1") + 2 * line("https://b.example.com")
    found = learned(capsys, text, "--stricter", "strict.toml", status=1)
    assert found["affected"] == [
        {"origin": "https://b.example.com", "refused": "the origin", "requests": 2},
        {"origin": APP, "refused": "the method PUT", "requests": 1},
    ]
    assert learned(capsys, line(APP), "--stricter", "strict.toml")["affected"] == []


def test_the_servers_own_origins_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    own = "https://api.example"
    text = line(APP) + line(own) + line(own, status=403)
    found = learned(capsys, text, "--own", own)
    assert found["options"]["allow_origins"] == [APP]
    assert found["only_refused"]["allow_origins"] == {}
    assert found["traffic"]["uncertain"] == 1
    assert "1 request served, 0 requests refused" in Path("learned.toml").read_text()


def test_what_check_rejects_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    granted = {"Access-Control-Allow-Credentials": "true"}
    plain = "http://app.example.com"
    recorded = har(
        *(
            entry(origin, allowing(origin, **granted), Cookie="a=1")
            for origin in (APP, plain, "null")
        )
    )
    found = learned(capsys, recorded)
    assert found["options"]["allow_origins"] == [APP]
    codes = {each["entry"]: each["code"] for each in found["left_out"]}
    assert codes == {plain: "insecure-origin", "null": "null-origin-with-credentials"}
    # A risk that today's policy accepts by name is accepted, and no other one.
    Path("today.toml").write_text(
        f'allow_origins = ["{plain}"]\nallow_credentials = true\n'
        'dangerously_tolerate = ["insecure-origin", "foreign-origin"]'
    )
    found = learned(capsys, recorded, "--policy", "today.toml")
    assert found["options"]["allow_origins"] == [plain]
    assert found["options"]["dangerously_tolerate"] == ["insecure-origin"]


@pytest.mark.parametrize(
    ("origins", "today", "expected"),
    [
        (["https://pr-1.a.example", "https://pr-2.a.example", "https://pr-10.a.example"], None,
         ["https://pr-*.a.example"]),
        (["https://a.a.example", "https://b.a.example", "https://c.a.example"], None,
         ["https://*.a.example"]),
        (["http://localhost:1", "http://localhost:2", "http://localhost:3"], None,
         ["http://localhost:*"]),
        # Two are not enough, and anyone can register a name under a public suffix.
        (["https://a.a.example", "https://b.a.example"], None, None),
        (["https://a.github.io", "https://b.github.io", "https://c.github.io"], None, None),
        (["http://10.0.0.1", "http://11.0.0.1", "http://12.0.0.1"], None, None),
        # Today's pattern is narrower than *.a.example, or the pattern would allow more than today.
        (["https://x1.a.example", "https://x2.a.example", "https://x3.a.example"],
         ["https://x*.a.example"], ["https://x*.a.example"]),
        (["https://x1.a.example", "https://x2.a.example", "https://x3.a.example"],
         ["https://x1.a.example", "https://x2.a.example", "https://x3.a.example"], None),
    ],
)  # fmt: skip
def test_patterns_only_with_generalize(
    capsys: pytest.CaptureFixture[str],
    origins: list[str],
    today: list[str] | None,
    expected: list[str] | None,
) -> None:
    text = har(*(entry(origin, allowing(origin)) for origin in origins))
    arguments = []
    if today is not None:
        text = "".join(map(line, origins))
        Path("today.toml").write_text(f"allow_origins = {today}")
        arguments = ["--policy", "today.toml"]
    found = learned(capsys, text, *arguments)
    assert found["options"]["allow_origins"] == sorted(origins)
    found = learned(capsys, text, *arguments, "--generalize")
    assert found["options"]["allow_origins"] == (expected or sorted(origins))


def test_no_pattern_for_origins_that_anyone_can_send(capsys: pytest.CaptureFixture[str]) -> None:
    origins = [f"https://{label}.a.example" for label in "abc"]
    found = learned(capsys, "".join(map(line, origins)), "--generalize")
    assert found["options"]["allow_origins"] == origins
    said = Path("learned.toml").read_text().replace("\n# ", " ")
    assert "--generalize writes no pattern for the origins of an access log without" in said
    learned(capsys, "".join(map(line, origins[1:])), "--generalize")
    assert "--generalize" not in Path("learned.toml").read_text()


@pytest.mark.parametrize("number", [2, 12])
def test_groups_that_are_tried_are_bounded(
    number: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The largest groups are tried, and groups that are too small are not counted."""
    monkeypatch.setattr("corsfast._cli.learn.MAX_GROUPS", 2)
    origins = [f"https://x{i}.p{parent}.example" for parent in range(number) for i in range(3)]
    origins += [f"https://x{i}.large.example" for i in range(4 * (number > 2))]
    origins += [f"https://alone{i}.example{i}" for i in range(10)]
    recorded = har(*(entry(origin, allowing(origin)) for origin in origins))
    found = learned(capsys, recorded, "--generalize")
    patterns = ["https://*.large.example"] if number > 2 else ["https://*.p1.example"]
    assert {*found["patterns"]} == {"https://*.p0.example", *patterns}
    note = f"tried a pattern for 2 of {number + 1} groups"
    assert (note in Path("learned.toml").read_text()) is (number > 2)


def test_no_wildcard_is_copied_from_todays_policy(capsys: pytest.CaptureFixture[str]) -> None:
    Path("today.toml").write_text(
        'allow_origins = "*"\nallow_methods = "*"\nallow_headers = "*"\nexpose_headers = "*"'
    )
    learned(capsys, line(APP), "--policy", "today.toml")
    policy = Path("learned.toml").read_text()
    assert "*" not in re.sub(r"#.*", "", policy)


# -- hostile input ---------------------------------------------------------------------------


def test_forged_values_only_add_refusals(capsys: pytest.CaptureFixture[str]) -> None:
    """A path of the log of refusals holds an access line, and an agent holds a refusal."""
    forged = line(EVIL).strip()
    path = "x' " + forged
    text = f"WARNING:corsfast.refused:GET {path!r} from {EVIL!r} is refused: the origin is not.\n"
    agent = f"GET '/' from '{APP}' is refused: the origin"
    text += line(APP) + line(APP).replace("Mozilla/5.0", agent)
    text += line("https://b.example.com").replace("- -", '- x\\" [y] \\"GET')
    found = learned(capsys, text)
    assert found["options"]["allow_origins"] == [APP]
    assert found["only_refused"]["allow_origins"] == {EVIL: 1}


@pytest.mark.parametrize(
    "origin",
    [
        "https://a.example/",
        "https://A.example",
        "a.example",
        "\\x1b[2J",
        "https://a.example,x",
        "\u202e",
    ],
)
def test_values_that_no_browser_sends_are_not_shown(
    capsys: pytest.CaptureFixture[str], origin: str
) -> None:
    found = learned(capsys, line(APP) + line(origin))
    assert found["requests"]["allow_origins"] == {APP: 1}
    assert found["traffic"]["malformed"] == 1
    assert origin not in Path("learned.toml").read_text()


def test_a_refusal_with_a_broken_escape_has_no_origin() -> None:
    traffic = Traffic()
    traffic.read(io.BytesIO(rb"corsfast.refused GET '/' from '\x' is refused: "), "log")
    assert (traffic.malformed, traffic.served, traffic.refused) == (1, {}, {})


def test_names_that_no_page_can_send_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    text = line(APP, "TRACE / HTTP/1.1") + line(APP, "O\x1bPS / HTTP/1.1")
    text += line(APP, "OPTIONS / HTTP/1.1", 204, ' "PUT\x1b" "x-a"')
    text += line(APP, "OPTIONS / HTTP/1.1", 204, ' "PUT" "cookie,x-a"')
    found = learned(capsys, text)
    assert found["options"]["allow_methods"] == ["PUT"]
    assert found["options"]["allow_headers"] == ["x-a"]
    assert {each["entry"] for each in found["left_out"]} == {"TRACE", "cookie"}


def test_long_lines_are_not_read(capsys: pytest.CaptureFixture[str]) -> None:
    text = line(APP) + line("https://" + "a" * 3 * MAX_LINE) + line(APP)
    text += "[" * (MAX_LINE - 10) + "\n"
    found = learned(capsys, text)
    assert found["requests"]["allow_origins"] == {APP: 2}
    assert found["traffic"]["unread"] == 2


def test_lines_are_read_in_linear_time() -> None:
    """Each line took seconds, because the search began at each character of a long word."""
    traffic = Traffic()
    for text in ("a" * (MAX_LINE - 2), "a '" + r"\a" * (MAX_LINE // 2 - 4)):
        traffic.read(BytesIO(f"{text}\n".encode() * 1000), "log")
    assert traffic.unread == 2000


def test_preflights_with_many_names_are_not_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """Each took 100 kB of memory."""
    text = line(APP) + line(EVIL, "OPTIONS / HTTP/1.1", 204, f' "PUT" "a{",b" * MAX_NAMES}"')
    text += line(APP, "OPTIONS / HTTP/1.1", 204, f' "PUT" "a{",b" * (MAX_NAMES - 1)}"')
    found = learned(capsys, text)
    assert found["requests"]["allow_origins"] == {APP: 2}
    assert found["requests"]["allow_headers"] == {"a": 1, "b": 1}


def test_a_flood_of_origins_keeps_the_frequent_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic_module, "MAX_DISTINCT", 10)
    traffic = Traffic()
    for number in range(1000):
        traffic.add(Asked(APP))
        traffic.add(Asked(f"https://x{number}.example"))
    assert len(traffic.served) <= 10
    assert traffic.served[Asked(APP)] == 1000
    assert traffic.uncertain == traffic.served.total()
    assert traffic.served.total() + traffic.forgotten == 2000


# -- random policies -------------------------------------------------------------------------

ENTRIES = [
    APP,
    "https://*.example.com",
    "https://pr-*.example.org",
    "http://localhost:*",
    "http://127.0.0.1:[3000,8000-8099]",
    "capacitor://localhost",
    "null",
    "http://plain.example.com",
    {"regex": r"https://(dev|qa)-\d\.example\.net"},
]
ORIGINS = [
    APP,
    "https://a.b.example.com",
    "https://x.example.com",
    "https://pr-7.example.org",
    "http://localhost",
    "http://localhost:5173",
    "http://127.0.0.1:8042",
    "capacitor://localhost",
    "null",
    "http://plain.example.com",
    "https://qa-3.example.net",
    EVIL,
]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "CHICKEN"]
NAMES = ["X-Token", "X-Id", "Authorization", "Content-Type", "X-Other"]


def random_options(rnd: random.Random) -> dict[str, Any]:
    def some(values: list[Any]) -> list[Any]:
        return rnd.sample(values, rnd.randrange(len(values)))

    origins: object = "*" if rnd.random() < 0.1 else some(ENTRIES)
    return {
        "allow_origins": origins,
        "allow_methods": rnd.choice([["*"], some(METHODS[2:])]),
        "allow_headers": rnd.choice([["*"], ["*", "Authorization"], some(NAMES)]),
        "expose_headers": some(["X-Id", "X-Page"]),
        "allow_credentials": rnd.random() < 0.5,
        "max_age": rnd.choice(["none", 0, 60, 86400]),
        "timing_allow_origin": rnd.random() < 0.5,
        "existing": rnd.choice(["keep", "replace"]),
        "dangerously_tolerate": [
            "any-origin-with-credentials",
            "null-origin-with-credentials",
            "insecure-origin",
        ],
    }


def random_requests(rnd: random.Random) -> list[Asked]:
    return [
        Asked(
            rnd.choice(ORIGINS),
            rnd.choice(METHODS),
            tuple(rnd.sample(NAMES, rnd.randrange(3))),
            rnd.random() < 0.2,
            tuple(rnd.sample(["x-id", "x-page"], rnd.randrange(3))),
        )
        for _ in range(rnd.randrange(1, 40))
    ]


def is_allowed(policy: Policy, asked: Asked) -> bool:
    """Ask the engine as a browser does."""
    names = ",".join(sorted(name.lower() for name in asked.names))
    told = dict(policy.decide("OPTIONS", asked.origin, asked.method, names).headers)
    told = {name.lower(): value for name, value in told.items()}
    if told.get("access-control-allow-origin") not in (asked.origin, "*"):
        return False
    if asked.cookies and told.get("access-control-allow-credentials") != "true":
        return False
    return policy.explain(asked.method or "GET", asked.origin, None, list(asked.names)).allowed


@pytest.mark.parametrize("generalize", [False, True])
def test_random_policies_are_covered_and_never_widened(generalize: bool) -> None:
    served = 0
    for seed in range(POLICIES):
        rnd = random.Random(seed)
        options = read_options(random_options(rnd), Written("")).options
        with warnings.catch_warnings(action="ignore"):
            before = Policy(**options)  # type: ignore[arg-type]
        today = side_of(options)
        traffic = Traffic(lambda asked, today=today: refusal(today, asked) is not None)  # type: ignore[misc]
        for asked in random_requests(rnd):
            traffic.add(asked)
            assert is_allowed(before, asked) is (asked in traffic.served), (seed, asked)
        found = learn(traffic, today, generalize=generalize)
        assert not found.left_out
        with warnings.catch_warnings(action="ignore"):
            after = Policy(**found.options)  # type: ignore[arg-type]
        for asked in traffic.served:
            assert is_allowed(after, asked), (seed, asked)
        assert before.diff(after).verdict in ("same", "narrower"), seed
        served += len(traffic.served)
    assert served > POLICIES


def test_the_page_shows_the_real_output(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    page = (Path(__file__).parents[2] / "docs" / "learn.md").read_text("utf-8")
    blocks = r"""^```toml\n((?s:.*?))^```

```console
\$ corsfast (.*)
```

```toml
((?s:.*?))^```$"""
    ((today, arguments, expected),) = re.findall(blocks, page, re.MULTILINE)
    ((request, preflight),) = re.findall(r"^```text\n(.*\n)(.*\n)```$", page, re.MULTILINE)
    log = [request] * 4 + [preflight, request.replace("GET", "PUT")]
    Path("access.log").write_text("".join([*log, line("https://other.example") * 4]))
    Path("today.toml").write_text(today)
    assert main(arguments.split()) == 0
    assert capsys.readouterr().out == expected
