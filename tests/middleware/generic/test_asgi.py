"""The ASGI middleware, in process: its responses, the headers it adds, and what it does not change.

The applications are plain, and each message is checked. test_frameworks.py tests
frameworks and test_servers.py servers. Decisions of the policy itself are tested elsewhere.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import publicsuffixlist
import pytest
from support.client import run

import corsfast
from corsfast._engine import pure
from corsfast._options import spec
from corsfast.middleware.asgi import CORSMiddleware

APP = "https://app.example.com"
OTHER = "https://other.example"
OPTIONS: dict[str, Any] = {
    "allow_origins": [APP],
    "allow_methods": ["PUT"],
    "allow_headers": ["X-Token"],
    "expose_headers": ["X-Total"],
    "allow_credentials": True,
}


def http(method: str = "GET", **headers: str) -> dict[str, Any]:
    lines = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    return {"type": "http", "method": method, "path": "/", "headers": lines}


def preflight(origin: str = APP, method: str = "PUT") -> dict[str, Any]:
    return http("OPTIONS", origin=origin, access_control_request_method=method)


def websocket(**headers: str) -> dict[str, Any]:
    scope = http(**headers)
    del scope["method"]
    return {**scope, "type": "websocket"}


class Plain:
    """An application that records its calls and sends the messages that it is given."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.messages = messages
        self.calls: list[tuple[Any, Any, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls.append((scope, receive, send))
        for message in self.messages:
            await send(message)


def start(**fields: Any) -> dict[str, Any]:
    return {"type": "http.response.start", "status": 200, "headers": [], **fields}


BODY = {"type": "http.response.body", "body": b"hello"}


def cors_of(message: dict[str, Any]) -> dict[bytes, bytes]:
    """Return the fields that a policy may have written; fail if one of them is repeated."""
    names = [name for name, _ in message["headers"]]
    fields = {
        name: value
        for name, value in message["headers"]
        if name.startswith(b"access-control-") or name == b"vary"
    }
    assert all(names.count(name) == 1 for name in fields), message["headers"]
    return fields


ALLOWED = {
    b"access-control-allow-origin": APP.encode(),
    b"access-control-allow-credentials": b"true",
    b"access-control-expose-headers": b"X-Total",
    b"vary": b"Origin",
}
REFUSED = {b"vary": b"Origin"}


# -- construction ----------------------------------------------------------------------------


def test_takes_a_policy(Policy: Any) -> None:
    policy = Policy(**OPTIONS)
    assert CORSMiddleware(Plain(), policy).policy is policy
    assert CORSMiddleware(Plain(), policy=policy).policy is policy
    assert CORSMiddleware(app=Plain(), policy=policy).policy is policy


def test_takes_options() -> None:
    assert CORSMiddleware(Plain(), **OPTIONS).policy == corsfast.Policy(**OPTIONS)


def test_policy_is_read_only(Policy: Any) -> None:
    middleware = CORSMiddleware(Plain(), Policy(**OPTIONS))
    with pytest.raises(AttributeError):
        middleware.policy = Policy(allow_origins="*")  # type: ignore[misc]


def test_refuses_policy_and_options(Policy: Any) -> None:
    with pytest.raises(TypeError, match=r"not both; write max_age into corsfast\.Policy"):
        CORSMiddleware(Plain(), Policy(**OPTIONS), max_age=5)


def test_refuses_nothing_at_all() -> None:
    with pytest.raises(TypeError, match=r"write CORSMiddleware\(app, policy\) or"):
        CORSMiddleware(Plain())


@pytest.mark.parametrize("wrong", [[APP], APP, {"allow_origins": [APP]}, pure.Policy])
def test_other_objects_than_policies_are_rejected(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"must be a corsfast\.Policy, .* not (list|str|dict|type)"):
        CORSMiddleware(Plain(), wrong)


def test_refuses_unknown_options() -> None:
    with pytest.raises(TypeError, match="allow_orgins"):
        CORSMiddleware(Plain(), allow_orgins=[APP])  # type: ignore[call-arg]


def test_refuses_wrong_options_with_every_reason() -> None:
    with pytest.raises(corsfast.PolicyError) as caught:
        CORSMiddleware(Plain(), allow_origins=[APP + "/"], max_age=-1)
    assert [problem.option for problem in caught.value.problems] == ["allow_origins", "max_age"]


def test_warnings_point_to_the_line_that_made_it() -> None:
    with pytest.warns(corsfast.CorsfastSecurityWarning) as warned:
        CORSMiddleware(
            Plain(),
            allow_origins="*",
            allow_credentials=True,
            dangerously_tolerate=["any-origin-with-credentials"],
        )
    assert [Path(warning.filename).name for warning in warned] == [Path(__file__).name]


def test_every_option_of_a_policy_is_documented_and_typed() -> None:
    parameters = inspect.signature(pure.Policy).parameters.values()
    options = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    documented = inspect.getdoc(pure.Policy) or ""
    assert [name for name in options if f"\n    {name}: " not in documented] == []
    tree = ast.parse(Path(spec.__file__).read_text("utf-8"))
    (declared,) = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name == "PolicyOptions"
    )
    typed = [ast.unparse(n.target) for n in declared.body if isinstance(n, ast.AnnAssign)]
    assert typed == options


# -- preflights ------------------------------------------------------------------------------


def test_answers_a_preflight_itself(Policy: Any) -> None:
    policy, app = Policy(**OPTIONS), Plain(start(), BODY)
    scope = preflight()
    assert run(CORSMiddleware(app, policy), scope) == [
        {
            "type": "http.response.start",
            "status": 204,
            "headers": list(policy.asgi(scope).raw_headers),
        },
        {"type": "http.response.body", "body": b""},
    ]
    assert app.calls == []


def test_only_204_has_no_content_length(Policy: Any) -> None:
    for status in (200, 201, 299):
        policy = Policy(**OPTIONS, preflight_status=status)
        first, last = run(CORSMiddleware(Plain(), policy), preflight())
        assert first["status"] == status
        assert first["headers"][-1] == (b"content-length", b"0")
        assert last["body"] == b""


@pytest.mark.parametrize("scope", [preflight(origin=OTHER), preflight(method="D LETE")])
def test_refuses_a_preflight(Policy: Any, scope: dict[str, Any]) -> None:
    app = Plain(start(), BODY)
    first, last = run(CORSMiddleware(app, Policy(**OPTIONS)), scope)
    assert first["status"] == 403
    assert (b"content-length", b"0") in first["headers"]
    assert [name for name in cors_of(first) if name != b"vary"] == []
    assert last == {"type": "http.response.body", "body": b""}
    assert app.calls == []


def test_shows_an_allowed_origin_what_is_allowed(Policy: Any) -> None:
    app = CORSMiddleware(Plain(), Policy(**OPTIONS, preflight_status=200))
    first, last = run(app, preflight(method="DELETE"))
    assert (first["status"], first["headers"][-1]) == (200, (b"content-length", b"0"))
    assert cors_of(first)[b"access-control-allow-origin"] == APP.encode()
    assert cors_of(first)[b"access-control-allow-methods"] == b"PUT"
    assert last == {"type": "http.response.body", "body": b""}


def test_callers_may_change_a_preflights_headers(Policy: Any) -> None:
    app = CORSMiddleware(Plain(), Policy(**OPTIONS))
    first = run(app, preflight())[0]
    expected = list(first["headers"])
    first["headers"].append((b"x-server", b"added"))
    assert run(app, preflight())[0]["headers"] == expected


@pytest.mark.parametrize(
    "scope",
    [
        http("OPTIONS"),
        http("OPTIONS", origin=APP),
        http("OPTIONS", access_control_request_method="PUT"),
        http("PUT", origin=APP, access_control_request_method="PUT"),
    ],
)
def test_other_options_requests_reach_the_application(Policy: Any, scope: dict[str, Any]) -> None:
    app = Plain(start(status=418))
    assert run(CORSMiddleware(app, Policy(**OPTIONS)), scope)[0]["status"] == 418
    assert len(app.calls) == 1


# -- all other requests ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "expected"),
    [(http(), REFUSED), (http(origin=APP), ALLOWED), (http(origin=OTHER), REFUSED)],
    ids=["plain", "allowed", "refused"],
)
def test_passes_on_and_adds(
    Policy: Any, scope: dict[str, Any], expected: dict[bytes, bytes]
) -> None:
    app = Plain(start(headers=[(b"x-own", b"1")]), BODY)
    first, last = run(CORSMiddleware(app, Policy(**OPTIONS)), scope)
    assert cors_of(first) == expected
    assert first["headers"][0] == (b"x-own", b"1")
    assert last is BODY
    assert app.calls[0][0] is scope


@pytest.mark.parametrize("status", [200, 206, 304, 404, 500])
def test_every_status_gets_them(Policy: Any, status: int) -> None:
    app = CORSMiddleware(Plain(start(status=status)), Policy(**OPTIONS))
    (first,) = run(app, http(origin=APP))
    assert (first["status"], cors_of(first)) == (status, ALLOWED)


@pytest.mark.parametrize(
    "headers",
    [
        [(b"x-own", b"1")],
        [[b"x-own", b"1"]],
        ((b"x-own", b"1"),),
        iter([(b"x-own", b"1")]),
    ],
    ids=["tuples", "lists", "tuple", "iterator"],
)
def test_takes_any_shape_of_headers(Policy: Any, headers: Any) -> None:
    # Both engines get the same parameter, and an iterator can be read only once.
    headers = headers if isinstance(headers, (list, tuple)) else iter([(b"x-own", b"1")])
    app = CORSMiddleware(Plain(start(headers=headers)), Policy(**OPTIONS))
    (first,) = run(app, http(origin=APP))
    assert tuple(first["headers"][0]) == (b"x-own", b"1")
    assert cors_of(first) == ALLOWED


def test_takes_a_start_without_headers(Policy: Any) -> None:
    message = {"type": "http.response.start", "status": 200}
    (first,) = run(CORSMiddleware(Plain(message), Policy(**OPTIONS)), http(origin=APP))
    assert cors_of(first) == ALLOWED
    assert message == {"type": "http.response.start", "status": 200}


@pytest.mark.parametrize("scope", [http(), http(origin=APP), http(origin=OTHER)])
def test_changes_nothing_that_it_was_given(Policy: Any, scope: dict[str, Any]) -> None:
    headers = [(b"vary", b"Accept"), (b"access-control-allow-origin", b"https://own.example")]
    message = start(headers=headers, trailers=True)
    before, scope_before = {**message, "headers": list(headers)}, repr(scope)
    (first,) = run(CORSMiddleware(Plain(message), Policy(**OPTIONS)), scope)
    assert message == before
    assert message["headers"] is headers
    assert first["headers"] is not headers
    assert first["trailers"] is True
    assert repr(scope) == scope_before


def test_merges_vary_and_replaces_the_applications_own(Policy: Any) -> None:
    own = [(b"vary", b"Accept"), (b"access-control-allow-origin", b"https://own.example")]
    (first,) = run(CORSMiddleware(Plain(start(headers=own)), Policy(**OPTIONS)), http(origin=APP))
    assert cors_of(first) == {**ALLOWED, b"vary": b"Accept, Origin"}
    keep = Policy(**OPTIONS, existing="keep")
    (first,) = run(CORSMiddleware(Plain(start(headers=own)), keep), http(origin=APP))
    assert cors_of(first)[b"access-control-allow-origin"] == b"https://own.example"


def test_a_response_used_twice_collects_nothing(Policy: Any) -> None:
    app = CORSMiddleware(Plain(start(headers=[(b"vary", b"Accept")]), BODY), Policy(**OPTIONS))
    sent = [run(app, http(origin=APP))[0]["headers"] for _ in range(3)]
    assert sent[0] == sent[1] == sent[2]
    assert cors_of({"headers": sent[2]}) == {**ALLOWED, b"vary": b"Accept, Origin"}


@pytest.mark.parametrize(
    "message",
    [
        {"type": "http.response.debug", "info": {}, "headers": [(b"x", b"y")]},
        {"type": "http.response.early_hint", "links": [b"</a.css>"]},
        {"type": "http.response.push", "path": "/a.css", "headers": []},
        {"type": "http.response.trailers", "headers": [(b"x", b"y")], "more_trailers": False},
        {"type": "http.response.pathsend", "path": "/a"},
        {"type": "websocket.http.response.start", "status": 403, "headers": []},
        {"type": "http.response.start.new", "status": 200, "headers": []},
    ],
    ids=lambda message: str(message["type"]),
)
def test_leaves_other_messages_alone(Policy: Any, message: dict[str, Any]) -> None:
    before = repr(message)
    app = CORSMiddleware(Plain(message, start(), message), Policy(**OPTIONS))
    first, second, third = run(app, http(origin=APP))
    assert first is message
    assert third is message
    assert repr(message) == before
    assert cors_of(second) == ALLOWED


@pytest.mark.parametrize("kind", ["lifespan", "something.new"])
def test_leaves_other_scopes_alone(Policy: Any, kind: str) -> None:
    app = Plain()
    middleware: Any = CORSMiddleware(app, Policy(**OPTIONS))
    scope = {**preflight(), "type": kind}
    receive, send = object(), object()
    asyncio.run(middleware(scope, receive, send))
    ((got_scope, got_receive, got_send),) = app.calls
    assert got_scope is scope
    assert got_receive is receive
    assert got_send is send


# -- WebSocket handshakes; test_websockets.py has those of foreign origins ---------------------


def test_a_refused_handshake_gets_headers(Policy: Any) -> None:
    denial = {"type": "websocket.http.response.start", "status": 403, "headers": []}
    body = {"type": "websocket.http.response.body", "body": b"no"}
    app = CORSMiddleware(Plain(denial, body), Policy(**OPTIONS))
    first, last = run(app, websocket(origin=APP))
    assert (first["type"], cors_of(first)) == (denial["type"], ALLOWED)
    assert last is body
    assert denial["headers"] == []


@pytest.mark.parametrize("headers", [{"origin": APP}, {}])
def test_an_accepted_handshake_is_left_alone(Policy: Any, headers: dict[str, str]) -> None:
    accept = {"type": "websocket.accept", "subprotocol": None, "headers": [(b"x", b"y")]}
    text = {"type": "websocket.send", "text": "hello"}
    close = {"type": "websocket.close", "code": 1000}
    app = CORSMiddleware(Plain(accept, text, close), Policy(**OPTIONS))
    sent = run(app, websocket(**headers))
    assert [m is n for m, n in zip(sent, [accept, text, close], strict=True)] == [True] * 3


def test_a_handshake_is_never_a_preflight(Policy: Any) -> None:
    app = Plain({"type": "websocket.accept"})
    scope = websocket(origin=APP, access_control_request_method="PUT")
    assert run(CORSMiddleware(app, Policy(**OPTIONS)), scope) == [{"type": "websocket.accept"}]


# -- cost ------------------------------------------------------------------------------------


class Spy:
    """A policy that counts its calls. (The real one is final and immutable.)"""

    def __init__(self, policy: Any) -> None:
        self._policy = policy
        self.calls: list[str] = []

    def asgi(self, scope: Any) -> Any:
        self.calls.append("asgi")
        return self._policy.asgi(scope)

    def apply_asgi(self, decision: Any, headers: Any) -> Any:
        self.calls.append("apply_asgi")
        return self._policy.apply_asgi(decision, headers)


@pytest.mark.parametrize(
    ("scope", "calls"),
    [
        (http(), ["asgi", "apply_asgi"]),
        (http(origin=APP), ["asgi", "apply_asgi"]),
        (preflight(), ["asgi"]),
        ({"type": "lifespan"}, []),
    ],
    ids=["plain", "allowed", "preflight", "lifespan"],
)
def test_asks_the_policy_once(Policy: Any, scope: dict[str, Any], calls: list[str]) -> None:
    spy = Spy(Policy(**OPTIONS))
    run(CORSMiddleware(Plain(start(), BODY, BODY), spy), scope)  # type: ignore[arg-type]
    assert spy.calls == calls


def test_hands_the_awaitables_through(Policy: Any) -> None:
    inner, sent = object(), object()
    seen = []

    def app(scope: Any, receive: Any, send: Any) -> Any:
        seen.append(send(start()))
        seen.append(send(BODY))
        return inner

    outer: Any = CORSMiddleware(app, Policy(**OPTIONS))
    assert outer(http(origin=APP), None, lambda message: sent) is inner
    assert seen == [sent, sent]


@pytest.mark.parametrize(
    "options",
    [
        OPTIONS,
        {"allow_origins": [APP]},
        {"allow_origins": ()},
        {"allow_origins": "*"},
        {"allow_origins": [APP], "existing": "keep"},
    ],
)
def test_every_decision_has_a_header_to_send(Policy: Any, options: dict[str, Any]) -> None:
    # This is why no path passes `send` on unchanged.
    policy = Policy(**options)
    for origin in (None, APP, OTHER, "null", "garbage"):
        assert policy.actual(origin).raw_headers


# -- hostile and wrong input -----------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [[("origin", APP)], [(b"origin", APP)], [(b"origin",)], 5, [5], None],
    ids=repr,
)
def test_wrong_headers_fail_as_the_policy_does(Policy: Any, headers: Any) -> None:
    policy = Policy(**OPTIONS)
    scope = {**http(), "headers": headers}

    def outcome(call: Any) -> object:
        try:
            return call()
        except Exception as error:  # any error, but the same for both
            return type(error), str(error)

    app = CORSMiddleware(Plain(start()), policy)
    got, expected = outcome(lambda: run(app, scope)), outcome(lambda: policy.asgi(scope))
    if isinstance(expected, tuple):
        assert got == expected
    else:
        assert isinstance(got, list)


def test_two_origin_headers_are_not_an_origin(Policy: Any) -> None:
    scope = http()
    scope["headers"] = [(b"origin", APP.encode())] * 2
    (first,) = run(CORSMiddleware(Plain(start()), Policy(**OPTIONS)), scope)
    assert cors_of(first) == REFUSED


# -- what servers inspect --------------------------------------------------------------------


def test_the_callable_is_a_coroutine_function(Policy: Any) -> None:
    app: Any = CORSMiddleware(Plain(), Policy(**OPTIONS))
    # uvicorn calls it to find out whether it is a factory.
    with pytest.raises(TypeError):
        app()
    # hypercorn uses inspect; uvicorn uses asyncio before Python 3.14.
    assert inspect.iscoroutinefunction(app.__call__)
    if sys.version_info < (3, 14):
        assert asyncio.iscoroutinefunction(app.__call__)


def test_the_coroutine_that_servers_see_works(Policy: Any) -> None:
    app = CORSMiddleware(Plain(start()), Policy(**OPTIONS))
    (first,) = run(app.__call__, http(origin=APP))
    assert cors_of(first) == ALLOWED


# -- imports ---------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["asgi", "wsgi"])
def test_importing_it_imports_nothing_dear(module: str) -> None:
    sources = [str(Path(it.__file__).parents[1]) for it in (corsfast, publicsuffixlist)]
    code = (
        # A line of the log needs `logging`, which imports `inspect` since Python 3.14.
        f"import logging, sys; sys.path[:0] = {sources!r}; before = set(sys.modules);"
        f"import corsfast.middleware.{module}; print(*set(sys.modules) - before)"
    )
    # -S, because other installed packages may add to sys.modules at start-up.
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={**os.environ, "CORSFAST_IMPLEMENTATION": "pure"},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert f"corsfast.middleware.{module}" in done.stdout.split()
    dear = {"asyncio", "http", "starlette"}
    if module == "wsgi":  # an event loop needs these itself, and must not load them later
        dear |= {"dataclasses", "inspect", "typing"}
    assert not loaded & dear
