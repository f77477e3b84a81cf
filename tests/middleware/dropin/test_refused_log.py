"""Each drop-in logs a refused origin once, in the words of its options.

The tests are marked `server` because they need the frameworks.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.client import (
    ask_asgi,
    call_wsgi,
    environ_of,
    exchange,
    get,
    preflight,
    running,
    scope_of,
    written,
)

from corsfast.decision import Outcome
from corsfast.middleware._generic import refused_log
from corsfast.middleware._generic.refused_log import MORE

pytestmark = pytest.mark.server

APP = "https://app.example.com"
OTHER = "http://app.example.com"


CLEANUP: list[Callable[[], Any]] = []


async def ok(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def asgi(app: Any) -> Callable[[Any], Any]:
    return lambda request: asyncio.run(exchange(app, scope_of(request)))


def wsgi(app: Any) -> Callable[[Any], Any]:
    return lambda request: call_wsgi(app, environ_of(request))


def starlette() -> Any:
    from corsfast.middleware.starlette import CORSMiddleware

    return asgi(CORSMiddleware(ok, allow_origins=[APP]))


def starlette_any_header() -> Any:
    from corsfast.middleware.starlette import CORSMiddleware

    return asgi(CORSMiddleware(ok, allow_origins=[APP], allow_headers=["*"]))


def litestar() -> Any:
    from litestar.config.cors import CORSConfig

    from corsfast.middleware.litestar import CORSMiddleware

    return asgi(CORSMiddleware(ok, CORSConfig(allow_origins=[APP], allow_headers=["*"])))


def flask() -> Any:
    from flask import Flask

    from corsfast.middleware.flask import CORS

    app = Flask("app")
    CORS(app, origins=[APP])
    app.add_url_rule("/", view_func=lambda: "", methods=["GET", "POST"])
    return wsgi(app)


def quart() -> Any:
    from quart import Quart

    from corsfast.middleware.quart import cors

    app = cors(Quart("app"), allow_origin=[APP])
    app.add_url_rule("/", view_func=lambda: "", methods=["GET", "POST"])
    return asgi(app)


def falcon() -> Any:
    import falcon

    from corsfast.middleware.falcon import CORSMiddleware

    return wsgi(falcon.App(middleware=[CORSMiddleware(allow_origins=[APP])]))


def django() -> Any:
    from django.http import HttpResponse
    from django.test import RequestFactory, override_settings
    from support.drop_ins.django import configure

    from corsfast.middleware.django.middleware import CorsMiddleware

    def ask(request: Any) -> Any:
        headers = {name.title(): value for name, value in request.headers}
        sent = RequestFactory().generic(request.method, request.path, headers=headers)
        return cors(sent)

    configure()
    override = override_settings(CORS_ALLOWED_ORIGINS=[APP])
    override.enable()
    CLEANUP.append(override.disable)
    cors = CorsMiddleware(lambda _: HttpResponse())
    return ask


def aiohttp(**lists: Any) -> Any:
    from aiohttp import web
    from aiohttp.test_utils import TestClient, TestServer

    from corsfast.middleware import aiohttp as drop_in

    async def handle(_: Any) -> web.Response:
        return web.Response()

    async def start() -> Any:
        app = web.Application()
        options = drop_in.ResourceOptions(**{"allow_headers": "*", **lists})
        cors = drop_in.setup(app, defaults={APP: options})
        for method in ("GET", "POST"):
            cors.add(app.router.add_route(method, "/", handle))
        client = TestClient(TestServer(app))
        await client.start_server()
        return client

    def ask(request: Any) -> None:
        sent = client.request(request.method, request.path, headers=[*request.headers])
        loop.run_until_complete(sent)

    def stop() -> None:
        loop.run_until_complete(client.close())
        loop.close()

    loop = asyncio.new_event_loop()
    client = loop.run_until_complete(start())
    CLEANUP.append(stop)
    return ask


# The application, and the option that its line names.
DROP_INS = [
    (starlette, "allow_origins"),
    (starlette_any_header, "allow_origins"),
    (litestar, "allow_origins"),
    (flask, "origins"),
    (quart, "allow_origin"),
    (falcon, "allow_origins"),
    (django, "CORS_ALLOWED_ORIGINS"),
    (aiohttp, "origins"),
]


@pytest.fixture(autouse=True)
def clean_up(log_of_refusals: None) -> Iterator[None]:
    yield
    while CLEANUP:
        CLEANUP.pop()()


def lines(caplog: Any) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "corsfast.refused"]


@pytest.mark.parametrize(("make", "option"), DROP_INS)
def test_a_refused_origin_is_logged_once(make: Any, option: str, caplog: Any) -> None:
    ask = make()
    for _ in range(2):
        ask(get(OTHER))
    (line,) = lines(caplog)
    assert line == (
        f"GET '/' from '{OTHER}' is refused: the origin '{OTHER}' is not allowed; {option} has"
        f" '{APP}', which is https, not http. If it is yours, add '{OTHER}' to {option}. {MORE}"
    )


@pytest.mark.parametrize(("make", "option"), DROP_INS)
def test_what_is_not_refused_is_not_logged(make: Any, option: str, caplog: Any) -> None:
    ask = make()
    ask(get(None))
    ask(get(APP))
    ask(written("POST", origin="https://shop.example", host="shop.example"))
    ask(preflight("GET", origin=APP))
    assert lines(caplog) == []


def flask_with_lists() -> Any:
    from flask import Flask

    from corsfast.middleware.flask import CORS

    app = Flask("app")
    CORS(app, origins=[APP], methods=["GET", "PATCH"], allow_headers=["X-Token"])
    app.add_url_rule("/", view_func=lambda: "", methods=["GET", "PATCH"])
    return wsgi(app)


def quart_with_lists() -> Any:
    from quart import Quart

    from corsfast.middleware.quart import cors

    lists = {"allow_methods": ["GET", "PATCH"], "allow_headers": ["X-Token"]}
    app = cors(Quart("app"), allow_origin=[APP], **lists)
    app.add_url_rule("/", view_func=lambda: "", methods=["GET", "PATCH"])
    return asgi(app)


def django_with_lists() -> Any:
    from django.test import override_settings

    ask = django()
    override = override_settings(CORS_ALLOW_METHODS=["PATCH"], CORS_ALLOW_HEADERS=["x-token"])
    override.enable()
    CLEANUP.append(override.disable)
    return ask


def aiohttp_with_lists() -> Any:
    return aiohttp(allow_methods=["PATCH"], allow_headers=["X-Token"])


def falcon_with_methods() -> Any:
    import falcon

    from corsfast.middleware.falcon import CORSMiddleware

    class Items:
        def on_patch(self, _req: Any, _resp: Any) -> None:
            """Answer nothing."""

    app = falcon.App(middleware=[CORSMiddleware(allow_origins=[APP])])
    app.add_route("/", Items())
    return wsgi(app)


def sanic_with_lists(methods: str = "GET PATCH", status: int = 204) -> Any:
    from sanic import Sanic
    from sanic.response import empty

    from corsfast.middleware.sanic import add_cors

    Sanic.test_mode = True
    app = Sanic(f"refused-{len(Sanic._app_registry)}", configure_logging=False)
    app.config.update(OAS=False, MOTD=False)
    lists = {"CORS_METHODS": "PATCH", "CORS_ALLOW_HEADERS": "x-token"}
    app.config.update({"CORS_ORIGINS": APP, **lists})
    add_cors(app)
    app.add_route(lambda _: empty(status), "/", methods=methods.split())

    async def ask(request: Any) -> None:
        async with running(app):
            await ask_asgi(app, request)

    return lambda request: asyncio.run(ask(request))


# The application, and the options that its lines name; "" if it allows any name.
WITH_LISTS = [
    (flask_with_lists, "methods", "allow_headers"),
    (quart_with_lists, "allow_methods", "allow_headers"),
    (django_with_lists, "CORS_ALLOW_METHODS", "CORS_ALLOW_HEADERS"),
    (aiohttp_with_lists, "allow_methods", "allow_headers"),
    (falcon_with_methods, "the resource", ""),
    (sanic_with_lists, "CORS_METHODS", "CORS_ALLOW_HEADERS"),
]


@pytest.mark.parametrize(("make", "methods", "names"), WITH_LISTS)
def test_a_preflight_that_a_drop_in_does_not_cover(
    make: Any, methods: str, names: str, caplog: Any
) -> None:
    ask = make()
    for request in (
        preflight("PATCH", "x-token", origin=APP),
        preflight("GET", origin=APP),
        written("OPTIONS", origin=APP),
    ):
        ask(request)
    assert lines(caplog) == []
    for _ in range(2):
        ask(preflight("PATCK", origin=APP))
        ask(preflight("PATCH", "x-token,x_token", origin=APP))
    method, *header = lines(caplog)
    assert method == (
        f"OPTIONS '/' from '{APP}' is refused: the method 'PATCK' is not allowed; {methods} has"
        f" 'PATCH', which differs in one character. To allow it, add 'PATCK' to {methods}. {MORE}"
    )
    wanted = (
        f"OPTIONS '/' from '{APP}' is refused: the header 'x_token' is not allowed; {names} has"
        f" 'x-token', which differs in '-' and '_'. To allow it, add 'x_token' to {names}. {MORE}"
    )
    assert header == ([wanted] if names else [])


@pytest.mark.parametrize("make", [flask_with_lists, quart_with_lists])
def test_a_header_is_not_blamed_for_the_method(make: Any, caplog: Any) -> None:
    make()(preflight("POST", "x-token", origin=APP))
    (line,) = lines(caplog)
    assert "the method 'POST' is not one of the allowed methods. To allow it, add 'POST' to" in line


# The fields of an answer, and the header name that they do not cover, or "" for the method.
WILD = {"access-control-allow-methods": "*", "access-control-allow-headers": "*"}
CREDENTIALS = {"access-control-allow-credentials": "true"}


@pytest.mark.parametrize(
    ("method", "names", "sent", "missing"),
    [
        ("PUT", "x-a", WILD, None),
        ("PUT", None, {**WILD, **CREDENTIALS}, ""),
        ("POST", "x-a", {**WILD, **CREDENTIALS}, "x-a"),
        ("PUT", "x-a, Authorization", WILD, "Authorization"),
        ("GET", None, {}, None),
        ("put", None, {"access-control-allow-methods": "PUT"}, ""),
        ("GET", "X-A", {"access-control-allow-headers": "b,\t x-a"}, None),
        ("GET", "accept", {}, "accept"),
        ("PUT", ",".join("x" * 9000), {}, None),
        ("P" * 65, None, {}, None),
        (None, None, {}, None),
    ],
)
def test_what_an_answer_covers(method: Any, names: Any, sent: Any, missing: Any) -> None:
    asked = refused_log.Refused(APP, Outcome.ALLOWED, method, names)
    assert refused_log._uncovered(asked, sent) == missing


@pytest.mark.parametrize("make", [starlette, starlette_any_header])
def test_a_refused_preflight_is_logged(make: Any, caplog: Any) -> None:
    ask = make()
    ask(preflight("LINK", origin=APP))
    (line,) = lines(caplog)
    assert "the method 'LINK' is not one of the allowed methods" in line


def test_an_entry_that_matches_nothing_is_named(caplog: Any) -> None:
    from corsfast.middleware.starlette import CORSMiddleware

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        app = CORSMiddleware(ok, allow_origins=[f"{APP}/"])
    asgi(app)(get(APP))
    (line,) = lines(caplog)
    assert f"allow_origins has '{APP}/', which matches nothing as it is written." in line


@pytest.mark.parametrize("names", [[], ["*"]])
def test_a_drop_in_counts_each_request_once(names: list[str]) -> None:
    from corsfast.middleware.starlette import CORSMiddleware

    app = CORSMiddleware(ok, allow_origins=["*"], allow_headers=names)
    for request in (get(None), get(APP), preflight("GET", origin=APP), preflight("X", origin=APP)):
        asgi(app)(request)
    stats = app.policy.stats()
    counts = [[k.value for k, n in kind.items() if n] for kind in (stats.actual, stats.preflight)]
    assert counts == [["no-origin", "allowed"], ["allowed", "method-not-allowed"]]
    assert sum(stats.values()) == 4


def falcon_that_rejects() -> Any:
    import falcon

    from corsfast.middleware.falcon import CORSMiddleware

    class Items:
        def on_options(self, _req: Any, _resp: Any) -> None:
            raise falcon.HTTPUnauthorized

    app = falcon.App(middleware=[CORSMiddleware(allow_origins=[APP])])
    app.add_route("/", Items())
    return wsgi(app)


def sanic_that_rejects() -> Any:
    return sanic_with_lists("PATCH OPTIONS", 401)


@pytest.mark.parametrize("make", [falcon_that_rejects, sanic_that_rejects])
def test_a_preflight_that_a_handler_rejects(make: Any, caplog: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(refused_log, "_logged", [])
    ask = make()
    for _ in range(2):
        ask(preflight("PATCH", origin=APP))
    (line,) = lines(caplog)
    assert line.startswith("the application answers the preflight of '/' with 401, so browsers")


@pytest.mark.parametrize("name", ["flask", "quart"])
def test_a_preflight_that_the_application_rejects(name: str, caplog: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(refused_log, "_logged", [])
    if name == "flask":
        from flask import Flask

        from corsfast.middleware.flask import CORS

        app: Any = Flask("app")
        CORS(app, origins=[APP])
    else:
        from quart import Quart

        from corsfast.middleware.quart import cors

        app = cors(Quart("app"), allow_origin=[APP])
    app.add_url_rule("/", view_func=lambda: ("", 401), methods=["GET", "OPTIONS"])
    ask = (wsgi if name == "flask" else asgi)(app)
    for _ in range(2):
        ask(preflight("GET", origin=APP))
    (line,) = lines(caplog)
    assert line.startswith("the application answers the preflight of '/' with 401, so browsers")
