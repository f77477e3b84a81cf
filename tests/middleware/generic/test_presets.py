"""`corsfast.presets`: the options are valid as they are, and mean what their docstrings say."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from corsfast import presets
from corsfast._cli.check.judge import judge
from corsfast._cli.check.subject import Subject
from corsfast._options.spec import Spec

INSPECTOR = "http://localhost:6274"
OTHER = "https://other.example"


def test_local_development_passes_check() -> None:
    for more in ({}, {"allow_credentials": True}):
        report = judge(Subject("preset", options={**presets.local_development(), **more}))
        assert not report.problems
        assert not report.warnings


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:5173", True),
        ("https://localhost", True),
        ("http://127.0.0.1:8000", True),
        ("http://[::1]:3000", True),
        ("http://localhost.example", False),
        ("http://192.168.0.1:3000", False),
        ("null", False),
    ],
)
def test_local_development_is_this_machine(Policy: Any, origin: str, allowed: bool) -> None:
    policy = Policy(**presets.local_development())
    decision = policy.decide("OPTIONS", origin, "PATCH", "authorization,x-any")
    assert (decision.status == 204) is allowed
    names = dict(decision.headers)
    assert ("Access-Control-Allow-Origin" in names) is allowed
    assert "Access-Control-Allow-Credentials" not in names


def test_a_preset_is_a_new_dict_each_time() -> None:
    presets.local_development()["allow_origins"].append(OTHER)
    assert OTHER not in presets.local_development()["allow_origins"]


@pytest.fixture
def mcp(Policy: Any, door: Any) -> Any:
    options: dict[str, Any] = {**presets.mcp_server([INSPECTOR])}
    own = {name: options.pop(name) for name in [*options] if name not in Spec.OPTIONS}
    return door.around(Policy(**options), **own)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_mcp_server_answers_403_to_other_origins(mcp: Any, method: str) -> None:
    for origin in (OTHER, "null", "http://localhost:1234"):
        reply = mcp(method, "/mcp", origin=origin, host="localhost:8000")
        assert (reply.status, reply.reached) == (403, False)
    assert mcp(method, "/mcp", host="localhost:8000").reached  # clients outside of browsers


def test_an_mcp_server_allows_the_headers_of_its_protocol(mcp: Any) -> None:
    names = (
        "accept,authorization,content-type,last-event-id,mcp-method,mcp-name,"
        "mcp-protocol-version,mcp-session-id"
    )
    for method in ("GET", "POST", "DELETE"):
        reply = mcp(
            "OPTIONS",
            "/mcp",
            origin=INSPECTOR,
            access_control_request_method=method,
            access_control_request_headers=names,
        )
        assert reply.status == 204
        allowed = reply.headers["access-control-allow-headers"][0].lower().split(", ")
        assert set(names.split(",")) <= set(allowed)
        assert "access-control-allow-credentials" not in reply.headers
    reply = mcp("POST", "/mcp", origin=INSPECTOR)
    assert "Mcp-Session-Id" in reply.headers["access-control-expose-headers"][0]


def test_the_middlewares_take_the_options() -> None:
    from corsfast.middleware.asgi import CORSMiddleware as Asgi
    from corsfast.middleware.wsgi import CORSMiddleware as Wsgi

    with warnings.catch_warnings(action="error"):
        for kind in (Asgi, Wsgi):
            middleware: Any = kind
            middleware(lambda *_: None, **presets.mcp_server([INSPECTOR]))
            middleware(lambda *_: None, **presets.local_development())


def test_webhooks_are_exempt_from_the_check(door: Any) -> None:
    given = presets.webhooks(["/login/callback", "/hooks/*"], {"allow_origins": [INSPECTOR]})
    ask = door.around(**given)
    for path in ("/login/callback", "/hooks/pay", "/hooks"):
        assert ask("POST", path, origin=OTHER, sec_fetch_site="cross-site").reached
    for path in ("/", "/login", "/hook", "/login/callback/more"):
        reply = ask("POST", path, origin=OTHER, sec_fetch_site="cross-site")
        assert (reply.status, reply.reached) == (403, False)
        assert ask("POST", path, origin=INSPECTOR, sec_fetch_site="cross-site").reached


def test_a_preset_takes_a_list() -> None:
    with pytest.raises(TypeError, match=r"write \['/hooks'\] instead"):
        presets.webhooks("/hooks", {"allow_origins": "*"})
    with pytest.raises(TypeError, match=r"write \['http://localhost:6274'\] instead"):
        presets.mcp_server(INSPECTOR)
    with pytest.raises(ValueError, match="every path"):
        presets.webhooks(["/a", "/*"], {"allow_origins": "*"})
