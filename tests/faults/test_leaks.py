"""Requests that end in any way, also in an error, leave nothing behind in a middleware."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from support.client import Request, environ_of, get, preflight, scope_of

import corsfast
from corsfast.middleware.asgi import CORSMiddleware as Asgi
from corsfast.middleware.resolver import OriginResolver
from corsfast.middleware.wsgi import CORSMiddleware as Wsgi

A = "https://a.example"
ROUNDS = 30
REQUESTS = (
    get(A),
    get(None),
    get("https://evil.example"),
    get("x" * 5000),
    get(A, path="/broken"),
    preflight("PUT"),
    preflight("TRACE", "x-a,,b"),
    preflight("PUT", None, "https://evil.example"),
    Request("GET", (("origin", A), ("origin", A))),
)


class Fault(Exception):
    pass


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] == "/broken":
        raise Fault
    await send({"type": "http.response.start", "status": 200, "headers": [(b"vary", b"x")]})
    await send({"type": "http.response.body", "body": b""})


def wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
    if environ["PATH_INFO"] == "/broken":
        raise Fault
    start_response("200 OK", [("Vary", "x")])
    return []


def policy() -> Any:
    return corsfast.Policy(allow_origins=[A, "https://*.b.example"], allow_methods=["PUT"])


def features() -> dict[str, Callable[[], dict[str, Any]]]:
    one = policy()
    return {
        "policy": lambda: {"policy": policy()},
        "holder": lambda: {"policy": corsfast.PolicyHolder(policy())},
        "function": lambda: {"policy": lambda: one},
        "paths": lambda: {"paths": {"/": policy()}},
        "resolver": lambda: {
            "policy": policy(),
            "resolver": OriginResolver(lambda origin: False, ttl=0),
        },
        "block": lambda: {"policy": policy(), "cross_site": "refuse_all"},
    }


def flask_app() -> Any:
    pytest.importorskip("flask")
    from flask import Flask

    from corsfast.middleware.flask import CORS

    app = Flask("app")
    app.logger.disabled = True
    CORS(app, origins=[A])
    app.add_url_rule("/", "index", lambda: "hello")
    app.add_url_rule("/broken", "broken", lambda: {}["x"])
    return app


def falcon_app() -> Any:
    falcon = pytest.importorskip("falcon")
    from corsfast.middleware.falcon import CORSMiddleware

    return falcon.App(middleware=[CORSMiddleware(allow_origins=[A])])


def starlette_app() -> Any:
    pytest.importorskip("starlette")
    from corsfast.middleware.starlette import CORSMiddleware

    return CORSMiddleware(asgi_app, allow_origins=[A], allow_methods=["PUT"])


WSGI: dict[str, Callable[[], Any]] = {"flask": flask_app, "falcon": falcon_app}
ASGI: dict[str, Callable[[], Any]] = {"starlette": starlette_app}
for name, options in features().items():
    WSGI[name] = lambda options=options: Wsgi(wsgi_app, **options())
    ASGI[name] = lambda options=options: Asgi(asgi_app, **options())


def no_growth(work: Callable[[], None]) -> None:
    """Check that a repetition of the same work leaves less than one object per round."""
    for _ in range(10):
        work()
    grown = []
    for _ in range(3):
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(ROUNDS):
            work()
        gc.collect()
        grown.append(sys.getallocatedblocks() - before)
    assert min(grown) < ROUNDS, grown


@pytest.fixture(autouse=True)
def quiet() -> Any:
    logging.disable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


counted = pytest.mark.skipif(
    not hasattr(sys, "getallocatedblocks"), reason="only CPython counts its blocks"
)


@counted
@pytest.mark.parametrize("made", WSGI)
def test_wsgi_requests_leave_nothing(made: str) -> None:
    app = WSGI[made]()

    def fails(*given: Any) -> None:
        raise Fault

    def starts(*given: Any) -> None:
        return None

    def work() -> None:
        for request in REQUESTS:
            for start_response in (starts, fails):
                with contextlib.suppress(Fault, KeyError):
                    body = app(environ_of(request), start_response)
                    list(body)
                    if hasattr(body, "close"):
                        body.close()
        for wrong in ({}, {"REQUEST_METHOD": 5}, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": 5}):
            with contextlib.suppress(Exception):
                app(wrong, starts)

    no_growth(work)


@counted
@pytest.mark.parametrize("made", ASGI)
def test_asgi_requests_leave_nothing(made: str) -> None:
    app = ASGI[made]()

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def sends(message: Any) -> None:
        await asyncio.sleep(0)

    async def fails(message: Any) -> None:
        raise Fault

    async def ask() -> None:
        for request in REQUESTS:
            for send in (sends, fails):
                with contextlib.suppress(Fault):
                    await app(scope_of(request), receive, send)
            task = asyncio.ensure_future(app(scope_of(request), receive, sends))
            await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Fault):
                await task
            unawaited = app(scope_of(request), receive, sends)
            getattr(unawaited, "close", lambda: None)()
        for wrong in ({}, {"type": "http"}, {"type": "http", "method": "GET", "headers": [5]}):
            with contextlib.suppress(Exception):
                await app(wrong, receive, sends)

    with asyncio.Runner() as runner:
        no_growth(lambda: runner.run(ask()))
