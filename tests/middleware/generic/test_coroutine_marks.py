"""asgiref, inspect and asyncio recognize the ASGI middlewares as coroutine functions.

Neither the middleware nor its `send` is one, because they return the application's awaitables. So
both carry the mark that `inspect.markcoroutinefunction` sets, or the one that asyncio reads on
3.11.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import warnings
from typing import Any

import pytest
from support.client import Answer, Request, ask_asgi

import corsfast
from corsfast._engine import pure
from corsfast.middleware._generic import handlers
from corsfast.middleware.asgi import CORSMiddleware as Generic
from corsfast.middleware.resolver import OriginResolver

A = "https://app.example.com"
POLICY = corsfast.Policy(allow_origins=[A])
HTTP = {"type": "http", "method": "GET", "headers": [(b"origin", A.encode())]}
HANDSHAKE = {"type": "websocket", "headers": [(b"origin", A.encode())]}
REFUSED = {"type": "http", "method": "GET", "headers": [(b"origin", b"https://evil.example")]}

is_coroutine_function: Any = (
    inspect.iscoroutinefunction if sys.version_info >= (3, 12) else asyncio.iscoroutinefunction
)


def halves() -> list[Any]:
    found: list[Any] = [pytest.param(handlers, id="python")]
    if corsfast.IMPLEMENTATION == "native":
        from corsfast._engine import native

        found.append(pytest.param(native, id="compiled"))
    return found


def gives_send(scope: Any, receive: Any, send: Any) -> Any:
    return send


@pytest.mark.parametrize("half", halves())
@pytest.mark.parametrize("policy", [POLICY, pure.Policy(allow_origins=[A])], ids=["own", "pure"])
@pytest.mark.parametrize("scope", [HTTP, HANDSHAKE, REFUSED], ids=["http", "handshake", "refused"])
def test_send_is_a_coroutine_function(half: Any, policy: Any, scope: Any) -> None:
    assert is_coroutine_function(half.ASGICall(gives_send, policy)(scope, None, None))


@pytest.mark.parametrize("half", halves())
def test_an_asgi_middleware_is_and_its_class_is_not(half: Any) -> None:
    assert is_coroutine_function(half.ASGICall(gives_send, POLICY))
    assert not is_coroutine_function(half.ASGICall)


@pytest.mark.parametrize("half", halves())
def test_nothing_of_wsgi_is_a_coroutine_function(half: Any) -> None:
    call = half.WSGICall(lambda environ, start_response: start_response, POLICY)
    for found in (call, call({"REQUEST_METHOD": "GET"}, None), half.WSGICall):
        assert not is_coroutine_function(found)


async def looks_up(origin: str) -> bool:
    return origin == "https://evil.example"


FEATURES: list[dict[str, Any]] = [
    {"policy": POLICY},
    {"policy": lambda: POLICY},
    {"paths": {"/*": POLICY}},
    {"policy": POLICY, "resolver": OriginResolver(looks_up)},
    {"policy": POLICY, "report_only": POLICY},
    {"policy": POLICY, "cross_site": "refuse_all"},
]


@pytest.mark.parametrize("features", FEATURES, ids=lambda it: "-".join(it))
@pytest.mark.parametrize("scope", [HTTP, HANDSHAKE, REFUSED], ids=["http", "handshake", "refused"])
def test_send_is_one_with_every_feature(features: Any, scope: Any) -> None:
    given: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        given.append(send)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None: ...

    middleware = Generic(app, **features)
    asyncio.run(middleware._call_as_coroutine({**scope, "path": "/x"}, receive, send))
    assert is_coroutine_function(middleware)
    assert all(map(is_coroutine_function, given))
    assert given or scope is REFUSED


# -- asgiref, which Django, Channels and many servers use ----------------------------------------


def drop_ins() -> list[Any]:
    from litestar.config.cors import CORSConfig

    from corsfast.middleware.litestar import CORSMiddleware as Litestars
    from corsfast.middleware.starlette import CORSMiddleware as Starlettes

    return [
        lambda app: Generic(app, POLICY),
        lambda app: Generic(app, paths={"/*": POLICY}),
        lambda app: Starlettes(app, allow_origins=[A]),
        lambda app: Starlettes(app, allow_origins=["*"], allow_headers=["*"]),
        lambda app: Litestars(app, CORSConfig(allow_origins=[A])),
    ]


def ask(app: Any, origin: str) -> Answer:
    return asyncio.run(ask_asgi(app, Request("GET", (("host", "api.example"), ("origin", origin)))))


@pytest.mark.server
def test_asgiref_takes_them_for_one_callable() -> None:
    from asgiref.compatibility import guarantee_single_callable, is_double_callable

    for make in drop_ins():
        middleware = make(gives_send)
        assert not is_double_callable(middleware)
        assert guarantee_single_callable(middleware) is middleware


@pytest.mark.server
@pytest.mark.parametrize("origin", [A, "https://evil.example"])
def test_a_wsgi_application_below_warns_of_nothing(origin: str) -> None:
    from asgiref.wsgi import WsgiToAsgi
    from flask import Flask

    flask_app = Flask("below")
    flask_app.add_url_rule("/", view_func=lambda: "hello")
    with warnings.catch_warnings(action="error"):
        for make in drop_ins():
            found = ask(make(WsgiToAsgi(flask_app)), origin)
            assert found.status == 200
            assert found.origin == "*" or (found.origin is not None) is (origin == A)


@pytest.mark.server
def test_a_thread_that_sends_warns_of_nothing() -> None:
    """Sync consumers of Channels do this: `async_to_sync(send)` in a thread of the loop."""
    from asgiref.sync import async_to_sync, sync_to_async

    async def app(scope: Any, receive: Any, send: Any) -> None:
        def consume() -> None:
            start = {"type": "http.response.start", "status": 200, "headers": []}
            async_to_sync(send)(start)
            async_to_sync(send)({"type": "http.response.body", "body": b""})

        await sync_to_async(consume, thread_sensitive=False)()

    with warnings.catch_warnings(action="error"):
        for make in drop_ins():
            assert ask(make(app), A).status == 200


@pytest.mark.server
def test_async_to_sync_takes_a_middleware() -> None:
    from asgiref.sync import async_to_sync

    with warnings.catch_warnings(action="error"):
        for make in drop_ins():
            async_to_sync(make(gives_send))
