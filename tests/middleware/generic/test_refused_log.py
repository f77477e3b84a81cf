"""The log "corsfast.refused": one line per distinct refusal, bounded, and impossible to forge."""

from __future__ import annotations

import io
import logging
import re
from typing import Any

import pytest
from support.client import get, preflight, written

import corsfast
from corsfast.__main__ import main
from corsfast.middleware._generic import limited_log, refused_log
from corsfast.middleware._generic.refused_log import MORE
from corsfast.middleware._generic.sent import sent_wsgi
from corsfast.middleware.asgi import CORSMiddleware
from corsfast.middleware.resolver import OriginResolver

pytestmark = pytest.mark.usefixtures("log_of_refusals")

APP = "https://app.example.com"
LOCAL = "http://localhost:3000"


def asker(door: Any, *args: Any, **features: Any) -> Any:
    """Return a function that sends a `Request`."""
    ask = door.around(*args, **features)

    def send(request: Any) -> Any:
        headers = {name.replace("-", "_"): value for name, value in request.headers}
        return ask(request.method, request.path, **headers)

    return send


@pytest.fixture
def ask(door: Any) -> Any:
    policy = corsfast.Policy(
        allow_origins=[APP, LOCAL], allow_methods=["PATCH"], allow_headers=["x-api-key"]
    )
    return asker(door, policy)


def lines(caplog: Any) -> list[str]:
    records = [record for record in caplog.records if record.name == "corsfast.refused"]
    assert {record.levelno for record in records} <= {logging.WARNING}
    return [record.getMessage() for record in records]


# A request, and what the log says after "is refused: " and before `MORE`.
REFUSED = [
    (
        get("http://127.0.0.1:3000", "/items"),
        (
            "the origin 'http://127.0.0.1:3000' is not allowed; allow_origins has"
            " 'http://localhost:3000', which is another origin. To allow it, add"
            " 'http://127.0.0.1:3000' to allow_origins."
        ),
    ),
    (
        get("https://app.example.com/"),
        (
            "the origin 'https://app.example.com/' is written with a slash at the end, which"
            " browsers do not send. Send 'https://app.example.com'."
        ),
    ),
    (
        get("https://other.test"),
        (
            "the origin 'https://other.test' is unlike every entry. If it is yours, add"
            " 'https://other.test' to allow_origins."
        ),
    ),
    (
        preflight("patch", origin=APP),
        (
            "the method 'patch' is not allowed; allow_methods has 'PATCH', in upper case, and case"
            " matters, because browsers do not upper-case this method. Send 'PATCH'."
        ),
    ),
    (
        preflight("DELETE", origin=APP),
        (
            "the method 'DELETE' is not one of the allowed methods. To allow it, add 'DELETE' to"
            " allow_methods."
        ),
    ),
    (
        preflight("GET", "range,x_api_key", origin=APP),
        (
            "the header 'x_api_key' is not allowed; allow_headers has 'x-api-key', which differs in"
            " '-' and '_'. To allow it, add 'x_api_key' to allow_headers."
        ),
    ),
    (
        preflight("P T", origin=APP),
        "no browser sends such a preflight (method-malformed).",
    ),
]


@pytest.mark.parametrize(("request_", "line"), REFUSED)
def test_a_refusal_is_logged_once(ask: Any, caplog: Any, request_: Any, line: str) -> None:
    for _ in range(3):
        ask(request_)
    origin = dict(request_.headers)["origin"]
    head = f"{request_.method} {request_.path!r} from {origin!r} is refused: "
    assert lines(caplog) == [f"{head}{line} {MORE}"]


def test_a_line_names_the_command_that_explains_it(
    ask: Any, caplog: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(get("http://127.0.0.1:3000"))
    (line,) = lines(caplog)
    program, *arguments = line.rpartition("pipe this line to: ")[2].split()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(line.encode())))
    assert program == "corsfast"
    assert main([*arguments, "--allow-origins", "http://localhost:3000"]) == 1
    assert "GET from http://127.0.0.1:3000: refused" in capsys.readouterr().out


@pytest.mark.parametrize(
    "request_",
    [
        get(None),
        get(APP),
        preflight("PATCH", "x-api-key", origin=APP),
        written("POST", origin="https://shop.example", host="shop.example"),
        written("POST", origin="http://shop.example:8000", host="shop.example:8000"),
    ],
)
def test_what_is_not_refused_is_not_logged(ask: Any, caplog: Any, request_: Any) -> None:
    ask(request_)
    assert lines(caplog) == []


@pytest.mark.parametrize("word", ["allow", "report", "refuse", "refuse_all"])
def test_a_blocked_request_is_logged_once(door: Any, caplog: Any, word: str) -> None:
    ask = asker(door, corsfast.Policy(allow_origins=[APP]), cross_site=word)
    for _ in range(2):
        assert ask(get("https://other.test")).status == (403 if word == "refuse_all" else 200)
    assert len(lines(caplog)) == 1


def test_a_resolver_decides_before_the_log(door: Any, caplog: Any) -> None:
    resolver = OriginResolver(lambda origin, _: origin == "https://tenant.test")
    ask = asker(door, corsfast.Policy(allow_origins=[APP]), resolver=resolver)
    for _ in range(2):
        assert ask(get("https://tenant.test")).has_cors
        assert not ask(get("https://other.test")).has_cors
    assert [re.findall("from '(.*?)'", line) for line in lines(caplog)] == [["https://other.test"]]


def test_a_request_cannot_forge_a_line(ask: Any, caplog: Any) -> None:
    ask(written("GET", "/a\nb", origin="https://a.test\x0b\r\nroot: \x1b[31m\x85" + "x" * 9000))
    ask(preflight("G\x0b", "x-\r\nroot", origin=APP))
    assert len(lines(caplog)) == 2
    for line in lines(caplog):
        assert line.isascii()
        assert line.isprintable()
        assert len(line) < 800


@pytest.mark.parametrize(
    ("method", "logged"),
    [(None, "nothing"), (b"PUT", "PUT"), (5, "<int>"), ("X" * 200, "X" * 120 + "...")],
)
def test_a_method_is_logged_without_quotes(caplog: Any, method: Any, logged: str) -> None:
    log = refused_log.RefusedLog(corsfast.Policy(allow_origins=[APP]))
    refused = refused_log.Refused("https://other.test", corsfast.Outcome.ORIGIN_NOT_ALLOWED)
    log.write(refused, None, method, "/")
    assert lines(caplog)[0].startswith(f"{logged} '/' from 'https://other.test' is refused: ")


def test_a_forged_request_without_a_method(caplog: Any) -> None:
    log = refused_log.RefusedLog(corsfast.Policy(allow_origins=[APP]))
    log.write_forged(sent_wsgi({"HTTP_ORIGIN": "https://other.test"}), refused=True)
    assert lines(caplog)[0].startswith("nothing nothing from 'https://other.test' is refused as ")


def test_a_flood_is_cut_and_counted(ask: Any, caplog: Any, monkeypatch: Any) -> None:
    now = [100.0]
    monkeypatch.setattr(limited_log, "monotonic", lambda: now[0])
    for number in range(25):
        ask(get(f"https://n{number}.test"))
    assert len(lines(caplog)) == limited_log.MAX_LINES
    now[0] += limited_log.WINDOW
    ask(get("https://n24.test"))  # was left out before, so it is not known
    assert lines(caplog)[limited_log.MAX_LINES :] == [
        "15 more lines were left out",
        lines(caplog)[-1],
    ]
    assert "n24.test" in lines(caplog)[-1]


def test_memory_is_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr(limited_log, "MAX_LINES", 10**9)
    log = refused_log.RefusedLog(corsfast.Policy(allow_origins=[APP]))
    outcome = corsfast.Outcome.ORIGIN_NOT_ALLOWED
    for number in range(refused_log.MAX_KNOWN + 50):
        refused = refused_log.Refused(f"https://n{number}.test", outcome, None, "x" * 8192)
        log.write(refused, None, "GET", "/")
    assert len(log._known) == refused_log.MAX_KNOWN
    assert all(len(part or "") <= 512 for key in log._known for part in key)
    assert next(iter(log._known))[0] == "https://n50.test"


def test_near_misses_are_searched_only_for_a_line(ask: Any, monkeypatch: Any) -> None:
    searched = []
    reason = refused_log.RefusedLog._reason

    def search(self: Any, refused: Any, listed: Any) -> str:
        searched.append(refused.origin)
        return reason(self, refused, listed)

    monkeypatch.setattr(refused_log.RefusedLog, "_reason", search)
    for number in range(30):
        ask(get(f"https://n{number % 15}.test"))
    assert len(searched) == limited_log.MAX_LINES


def test_a_disabled_logger_remembers_nothing(ask: Any, caplog: Any) -> None:
    with caplog.at_level(logging.ERROR, "corsfast.refused"):
        ask(get("https://other.test"))
    assert lines(caplog) == []
    ask(get("https://other.test"))
    assert len(lines(caplog)) == 1


async def _no_application(_scope: Any, _receive: Any, _send: Any) -> None: ...


def test_each_request_is_counted_once(door: Any) -> None:
    policy = corsfast.Policy(allow_origins=[APP])
    candidate = corsfast.Policy(allow_origins=["*"])
    for features in ({}, {"cross_site": "refuse_all"}, {"report_only": candidate}):
        ask = asker(door, policy, **features)
        for request in (get(None), get(APP), get("https://b.test"), preflight(origin=APP)):
            ask(request)
        counts = {k.value: n for k, n in policy.stats(reset=True).items() if n}
        assert counts == {
            "no-origin": 1,
            "allowed": 1,
            "origin-not-allowed": 1,
            "method-not-allowed": 1,
        }


@pytest.mark.parametrize("origin", [None, APP, "https://other.test"])
def test_each_handshake_is_counted_once(origin: str | None) -> None:
    import asyncio

    from support.client import exchange, scope_of

    policy = corsfast.Policy(allow_origins=[APP])
    app = CORSMiddleware(_no_application, policy)
    asyncio.run(exchange(app, scope_of(get(origin), "websocket"), raises=False))
    assert sum(policy.stats().values()) == 1


def test_a_long_list_is_not_searched(caplog: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("corsfast._proofs.near_miss.near_origins", None)
    listed = [f"https://n{number}.test" for number in range(refused_log.MAX_COMPARED + 1)]
    log = refused_log.RefusedLog(corsfast.Policy(allow_origins=listed))
    log.write(
        refused_log.Refused(f"{APP}\n", corsfast.Outcome.ORIGIN_NOT_ALLOWED), None, "GET", "/"
    )
    (line,) = lines(caplog)
    assert rf"is refused: the origin '{APP}\n' is not in allow_origins." in line


def test_an_error_of_the_log_reaches_no_request(caplog: Any, ask: Any, monkeypatch: Any) -> None:
    def fail(*_: Any) -> str:
        raise RuntimeError(f"{APP}\nforged")

    monkeypatch.setattr(refused_log.RefusedLog, "_reason", fail)
    assert ask(get("https://other.test")).status == 200
    records = [record.getMessage() for record in caplog.records]
    assert records == ["a refusal cannot be logged because of a RuntimeError"]
