"""Calls and requests that end in any way, also in an error, leave nothing behind.

LEAK_CALLS=1000000 makes at least a million of them in each test. A debug build of CPython counts
references, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import logging
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from support.client import (
    Request,
    ask_asgi,
    ask_wsgi,
    environ_of,
    get,
    preflight,
    running,
    scope_of,
)
from support.public_calls import OPTIONS, calls

import corsfast
from corsfast import PolicyError
from corsfast.middleware.asgi import CORSMiddleware as Asgi
from corsfast.middleware.resolver import OriginResolver
from corsfast.middleware.wsgi import CORSMiddleware as Wsgi

A = "https://a.example"
ROUNDS, CALLS = 30, int(os.environ.get("LEAK_CALLS", "0"))
CONSTRUCT = ("pickle", "Policy")  # these take milliseconds
LONG = ("describe", "explain")  # Python code that both engines share
WRONG = ("actual 5", "preflight 5")  # no origin is an int
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


UNDO = contextlib.ExitStack()  # closed after each test


def django_app(kind: str) -> Any:
    pytest.importorskip("django")
    from django.core.handlers import asgi, wsgi
    from django.http import HttpResponse
    from django.urls import path
    from support.drop_ins import django

    def broken(request: Any) -> Any:
        raise Fault

    django.configure()
    settings = django.having(
        MIDDLEWARE=["corsfast.middleware.django.CorsMiddleware"],
        ROOT_URLCONF=(path("", lambda request: HttpResponse("hello")), path("broken", broken)),
        CORS_ALLOWED_ORIGINS=[A],
    )
    UNDO.enter_context(settings)
    return asgi.ASGIHandler() if kind == "asgi" else wsgi.WSGIHandler()


def litestar_app() -> Any:
    litestar = pytest.importorskip("litestar")
    from corsfast.middleware.litestar import CORSConfig, CORSPlugin

    @litestar.get("/")
    async def hello() -> None: ...

    @litestar.get("/broken")
    async def broken() -> None:
        raise Fault

    plugin = CORSPlugin(CORSConfig(allow_origins=[A], allow_methods=["PUT"]))
    return litestar.Litestar([hello, broken], plugins=[plugin], logging_config=None)


def quart_app() -> Any:
    pytest.importorskip("quart")
    from support.drop_ins.quart import build, ours

    return ours().cors(build(), allow_origin=A, allow_methods=["PUT"])


def blacksheep_app() -> Any:
    blacksheep = pytest.importorskip("blacksheep")
    from corsfast.middleware.blacksheep import use_cors

    app = blacksheep.Application(router=blacksheep.Router())
    use_cors(app, allow_origins=A, allow_methods="GET PUT")

    @app.router.get("/")
    async def hello(request: Any) -> Any:
        return blacksheep.Response(200)

    @app.router.get("/broken")
    async def broken(request: Any) -> Any:
        raise Fault

    return app


def sanic_app() -> Any:
    sanic = pytest.importorskip("sanic")
    from corsfast.middleware.sanic import add_cors

    sanic.Sanic.test_mode = True  # so that another application may have been started before
    app = sanic.Sanic(f"leaks-{next(NUMBERS)}")
    app.config.AUTO_EXTEND = app.config.MOTD = False
    app.config.update(CORS_ORIGINS=A)
    add_cors(app)

    @app.get("/")
    async def hello(request: Any) -> Any:
        return sanic.empty()

    @app.get("/broken")
    async def broken(request: Any) -> Any:
        raise Fault

    return app


NUMBERS = itertools.count()
WSGI: dict[str, Callable[[], Any]] = {
    "flask": flask_app,
    "falcon": falcon_app,
    "django": lambda: django_app("wsgi"),
}
ASGI: dict[str, Callable[[], Any]] = {
    "starlette": starlette_app,
    "django": lambda: django_app("asgi"),
    "quart": quart_app,
}
STARTED: dict[str, Callable[[], Any]] = {
    "litestar": litestar_app,
    "blacksheep": blacksheep_app,
    "sanic": sanic_app,
}
ASGI |= STARTED
for name, options in features().items():
    WSGI[name] = lambda options=options: Wsgi(wsgi_app, **options())
    ASGI[name] = lambda options=options: Asgi(asgi_app, **options())


# Memory blocks, and references in a debug build of CPython.
COUNTERS = [
    getattr(sys, name) for name in ("getallocatedblocks", "gettotalrefcount") if hasattr(sys, name)
]


def no_growth(work: Callable[[], object], calls: int) -> None:
    """Check that work with this number of calls does not leave an object each time it is repeated.

    Frameworks and the interpreter fill caches meanwhile, and without the GIL memory is freed later,
    so more repetitions are tried as well. A leak is seen in each attempt.
    """
    for _ in range(10):
        work()
    grown = {}
    least = max(ROUNDS, -(-CALLS // calls))
    for rounds in (least << power for power in range(8)):
        gc.collect()
        before = [counter() for counter in COUNTERS]
        for _ in range(rounds):
            work()
        gc.collect()
        grown[rounds] = [counter() - start for counter, start in zip(COUNTERS, before, strict=True)]
        if max(grown[rounds]) < rounds:
            return
    raise AssertionError(grown)


@pytest.fixture(autouse=True)
def quiet() -> Any:
    logging.disable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with UNDO:
            yield
    logging.disable(logging.NOTSET)


counted = pytest.mark.skipif(not COUNTERS, reason="only CPython counts its blocks")


@counted
def test_calls_of_a_policy_leave_nothing(engine: Any) -> None:
    made = engine.Policy(**OPTIONS)
    quick = dict(calls(made, made._tables))
    for name in (*CONSTRUCT, *LONG):
        del quick[name]

    def work() -> None:
        for name, call in quick.items():
            with contextlib.suppress(*[TypeError] if name in WRONG else []):
                call()

    no_growth(work, len(quick))


@counted
def test_constructions_leave_nothing(engine: Any) -> None:
    made = engine.Policy(**OPTIONS)
    slow = [call for name, call in calls(made, made._tables) if name in CONSTRUCT]

    def work() -> None:
        for call in slow:
            call()
        for wrong in ({"nonsense": 1}, {"max_age": -1}):
            with contextlib.suppress(PolicyError, TypeError):
                engine.Policy(allow_origins=["https://a.example/"] * 3, **wrong)

    no_growth(work, len(slow) + 2)


@counted
@pytest.mark.parametrize("made", WSGI)
def test_wsgi_requests_leave_nothing(made: str) -> None:
    app = WSGI[made]()
    assert ask_wsgi(app, get(A)).origin == A

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

    no_growth(work, len(REQUESTS) * 2 + 3)


@counted
@pytest.mark.parametrize("made", ASGI)
def test_asgi_requests_leave_nothing(made: str) -> None:
    app = ASGI[made]()
    statuses: Counter[int] = Counter()

    def receiving() -> Any:
        """Return a client that sends an empty body and waits for the answer."""
        body = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> Any:
            return next(body, None) or await asyncio.Event().wait()

        return receive

    async def sends(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses[message["status"]] += 1
        await asyncio.sleep(0)

    async def fails(message: Any) -> None:
        raise Fault

    async def ask() -> None:
        for request in REQUESTS:
            for send in (sends, fails):
                with contextlib.suppress(Exception):
                    await app(scope_of(request), receiving(), send)
            task = asyncio.ensure_future(app(scope_of(request), receiving(), sends))
            await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
            unawaited = app(scope_of(request), receiving(), sends)
            getattr(unawaited, "close", lambda: None)()
        for wrong in ({}, {"type": "http"}, {"type": "http", "method": "GET", "headers": [5]}):
            with contextlib.suppress(Exception):
                await app(wrong, receiving(), sends)

    with asyncio.Runner() as runner:
        started = contextlib.AsyncExitStack()
        if made in STARTED:
            runner.run(started.enter_async_context(running(app)))
        assert runner.run(ask_asgi(app, get(A))).origin == A
        no_growth(lambda: runner.run(ask()), len(REQUESTS) * 4 + 3)
        assert statuses.total() >= ROUNDS, "the application did not answer"
        runner.run(started.aclose())


@counted
def test_aiohttp_requests_leave_nothing() -> None:
    pytest.importorskip("aiohttp")
    from support.drop_ins import aiohttp

    config = {A: {"allow_methods": ["PUT"]}}
    with aiohttp.own_loop():
        app = aiohttp.Served(aiohttp.build(aiohttp.ours(), "defaults", config))
        assert aiohttp.wait(app.handle(get(A))).origin == A
        no_growth(
            lambda: [aiohttp.wait(app.handle(request)) for request in REQUESTS], len(REQUESTS)
        )


@counted
def test_tornado_requests_leave_nothing() -> None:
    web = pytest.importorskip("tornado.web")
    from support.drop_ins.tornado import served

    from corsfast.middleware.tornado import enable_cors

    class Handler(web.RequestHandler):  # type: ignore[misc]
        def get(self) -> None:
            if self.request.path == "/broken":
                raise Fault

    app = enable_cors(web.Application([("/.*", Handler)]), policy())
    with served(app) as ask:
        assert ask("GET", "/", ("origin", A)).origin == A
        no_growth(lambda: [ask(it.method, it.path, *it.headers) for it in REQUESTS], len(REQUESTS))
