"""Responses that already contain a grant: in every drop-in, the outer policy overrides it.

An inner application may allow any origin, such as Socket.IO with `cors_allowed_origins="*"`.
Browsers accept this if the response has one valid Access-Control-Allow-Origin left, and combine it
with the Allow-Credentials of the outer policy.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.client import Answer, Request, answer, ask_asgi, ask_wsgi, cors_of, environ_of, running
from support.compare import CREDENTIALS, EXPOSE, ORIGIN, quiet

pytestmark = pytest.mark.server

A = "https://a.example.com"
EVIL = "https://evil.example"
PERMISSIONS = [
    ("Access-Control-Allow-Methods", "GET, PURGE"),
    ("Access-Control-Allow-Headers", "X-Own"),
    ("Access-Control-Max-Age", "1000"),
    ("Access-Control-Allow-Private-Network", "true"),
]
Sent = list[tuple[str, str]]
Ask = Callable[[Request], Answer]
COUNT = itertools.count()


# -- an inner application for each drop-in, which responds with these fields -------------------


def asgi_app(sent: Sent, status: int) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raw = [(name.encode(), value.encode()) for name, value in sent]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await send({"type": "http.response.body", "body": b"two"})

    return app


def asking(app: Any) -> Ask:
    return lambda request: asyncio.run(ask_asgi(app, request))


def generic_asgi(credentials: bool, sent: Sent, status: int) -> Ask:
    from corsfast.middleware.asgi import CORSMiddleware

    app = asgi_app(sent, status)
    return asking(CORSMiddleware(app, allow_origins=[A], allow_credentials=credentials))


def generic_wsgi(credentials: bool, sent: Sent, status: int) -> Ask:
    from corsfast.middleware.wsgi import CORSMiddleware

    def app(environ: Any, start_response: Any) -> Any:
        start_response(f"{status} Status", sent)
        return [b"onetwo"]

    made = CORSMiddleware(app, allow_origins=[A], allow_credentials=credentials)
    return lambda request: ask_wsgi(made, request)


def starlette(credentials: bool, sent: Sent, status: int) -> Ask:
    from corsfast.middleware.starlette import CORSMiddleware

    app = asgi_app(sent, status)
    return asking(CORSMiddleware(app, allow_origins=[A], allow_credentials=credentials))


def starlette_by_regex(credentials: bool, sent: Sent, status: int) -> Ask:
    from corsfast.middleware.starlette import CORSMiddleware

    return asking(
        CORSMiddleware(
            asgi_app(sent, status),
            allow_origin_regex=r"https://[a-z]+\.example\.com",
            allow_headers=["*"],
            allow_credentials=credentials,
        )
    )


def fastapi_mount(credentials: bool, sent: Sent, status: int) -> Ask:
    from fastapi import FastAPI

    from corsfast.middleware.starlette import CORSMiddleware

    app = FastAPI()
    app.add_middleware(CORSMiddleware, allow_origins=[A], allow_credentials=credentials)
    app.mount("/", asgi_app(sent, status))
    return asking(app)


def litestar(credentials: bool, sent: Sent, status: int) -> Ask:
    from litestar.config.cors import CORSConfig

    from corsfast.middleware.litestar import CORSMiddleware

    config = CORSConfig(allow_origins=[A], allow_credentials=credentials)
    return asking(CORSMiddleware(asgi_app(sent, status), config))


def flask(credentials: bool, sent: Sent, status: int, options: bool = False) -> Ask:
    from flask import Flask, Response

    from corsfast.middleware.flask import CORS

    app = Flask("app")
    CORS(app, origins=[A], supports_credentials=credentials)
    methods = ["GET", "OPTIONS"] if options else ["GET"]
    app.add_url_rule("/", "index", lambda: Response("hello", status, headers=sent), methods=methods)
    return lambda request: ask_wsgi(app, request)


def flask_blueprint(credentials: bool, sent: Sent, status: int, options: bool = False) -> Ask:
    from flask import Blueprint, Flask, Response

    from corsfast.middleware.flask import CORS

    app, blueprint = Flask("app"), Blueprint("blueprint", "blueprint")
    methods = ["GET", "OPTIONS"] if options else ["GET"]
    blueprint.add_url_rule(
        "/", "index", lambda: Response("hello", status, headers=sent), methods=methods
    )
    CORS(blueprint, origins=[A], supports_credentials=credentials)
    app.register_blueprint(blueprint)
    return lambda request: ask_wsgi(app, request)


def flask_error(credentials: bool, sent: Sent, status: int) -> Ask:
    from flask import Flask, Response

    from corsfast.middleware.flask import CORS

    app = Flask("app")
    CORS(app, origins=[A], supports_credentials=credentials)

    def broken() -> Any:
        raise LookupError

    app.add_url_rule("/", "index", broken)
    app.register_error_handler(LookupError, lambda error: Response("", status, headers=sent))
    return lambda request: ask_wsgi(app, request)


def flask_view(credentials: bool, sent: Sent, status: int) -> Ask:
    from flask import Flask, Response

    from corsfast.middleware.flask import cross_origin

    app = Flask("app")
    decorate = cross_origin(origins=[A], supports_credentials=credentials)
    view = decorate(lambda: Response("hello", status, headers=sent))
    app.add_url_rule("/", "index", view)
    return lambda request: ask_wsgi(app, request)


def quart(credentials: bool, sent: Sent, status: int, options: bool = False) -> Ask:
    from quart import Quart, Response

    from corsfast.middleware.quart import cors

    app = Quart("app")

    async def view() -> Any:
        response = Response("hello", status)
        for pair in sent:
            response.headers.add(*pair)
        return response

    methods = ["GET", "OPTIONS"] if options else ["GET"]
    app.add_url_rule("/", "index", view, methods=methods)
    made = cors(app, allow_origin=[A], allow_credentials=credentials)

    async def twice(request: Request) -> Answer:
        await ask_asgi(made, request)  # the first request takes the slow path
        return await ask_asgi(made, request)

    return lambda request: asyncio.run(twice(request))


def quart_route(credentials: bool, sent: Sent, status: int) -> Ask:
    from quart import Quart, Response

    from corsfast.middleware.quart import route_cors

    app = Quart("app")

    @app.route("/")
    @route_cors(allow_origin=[A], allow_credentials=credentials)
    async def view() -> Any:
        return Response("hello", status, headers=dict(sent))

    return asking(app)


def sanic(credentials: bool, sent: Sent, status: int, options: bool = False) -> Ask:
    from sanic import Sanic, text

    from corsfast.middleware.sanic import add_cors

    Sanic.test_mode = True
    app = Sanic(f"inner-{next(COUNT)}")
    app.config.update(OAS=False, MOTD=False, CORS_ORIGINS=A, CORS_SUPPORTS_CREDENTIALS=credentials)

    async def view(request: Any) -> Any:
        return text("hello", status, headers=dict(sent))

    app.add_route(view, "/", methods=["GET", "OPTIONS"] if options else ["GET"])
    add_cors(app)

    async def ask(request: Request) -> Answer:
        async with running(app):
            return await ask_asgi(app, request)

    return lambda request: asyncio.run(ask(request))


def blacksheep(credentials: bool, sent: Sent, status: int) -> Ask:
    from blacksheep import Application, Response, Router

    from corsfast.middleware.blacksheep import use_cors

    app = Application(router=Router())
    use_cors(app, allow_origins=A, allow_methods="GET", allow_credentials=credentials)

    @app.router.get("/")
    async def view(request: Any) -> Any:
        return Response(status, [(name.encode(), value.encode()) for name, value in sent])

    async def ask(request: Request) -> Answer:
        await app.start()
        return await ask_asgi(app, request)

    return lambda request: asyncio.run(ask(request))


def falcon(credentials: bool, sent: Sent, status: int, options: bool = False) -> Ask:
    import falcon.asgi

    from corsfast.middleware.falcon import CORSMiddleware

    class Resource:
        async def on_get(self, req: Any, resp: Any) -> None:
            resp.status = status
            resp.set_headers(sent)

        if options:

            async def on_options(self, req: Any, resp: Any) -> None:
                resp.set_headers([*sent, ("Allow", "GET")])

    made = CORSMiddleware(allow_origins=A, allow_credentials="*" if credentials else None)
    app = falcon.asgi.App(middleware=made)
    app.add_route("/", Resource())
    return asking(app)


def falcon_wsgi(credentials: bool, sent: Sent, status: int) -> Ask:
    import falcon

    from corsfast.middleware.falcon import CORSMiddleware

    class Resource:
        def on_get(self, req: Any, resp: Any) -> None:
            resp.status = status
            resp.set_headers(sent)

    made = CORSMiddleware(allow_origins=A, allow_credentials="*" if credentials else None)
    app = falcon.App(middleware=made)
    app.add_route("/", Resource())
    return lambda request: ask_wsgi(app, request)


def django(credentials: bool, sent: Sent, status: int) -> Ask:
    from django.http import HttpResponse
    from django.test.utils import override_settings
    from support.drop_ins.django import call, configure

    from corsfast.middleware.django import CorsMiddleware

    configure()

    def view(request: Any) -> Any:
        return HttpResponse("hello", status=status, headers=dict(sent))

    def ask(request: Request) -> Answer:
        options = {"CORS_ALLOWED_ORIGINS": [A], "CORS_ALLOW_CREDENTIALS": credentials}
        with override_settings(**options):
            return call(CorsMiddleware(view), request)

    return ask


def django_in_a_loop(credentials: bool, sent: Sent, status: int) -> Ask:
    django(credentials, sent, status)
    from django.core.handlers.wsgi import WSGIRequest
    from django.http import StreamingHttpResponse
    from django.test.utils import override_settings

    from corsfast.middleware.django import CorsMiddleware

    async def view(request: Any) -> Any:
        return StreamingHttpResponse([b"a"], status=status, headers={**dict(sent), "Vary": "*"})

    def ask(request: Request) -> Answer:
        options = {"CORS_ALLOWED_ORIGINS": [A], "CORS_ALLOW_CREDENTIALS": credentials}
        with override_settings(**options):
            found = asyncio.run(CorsMiddleware(view)(WSGIRequest(environ_of(request))))
        return answer(found.status_code, found.headers.items(), b"")

    return ask


def aiohttp(credentials: bool, sent: Sent, status: int) -> Ask:
    from aiohttp import web
    from aiohttp.test_utils import TestClient, TestServer

    from corsfast.middleware.aiohttp import ResourceOptions, setup

    async def view(request: Any) -> Any:
        return web.Response(text="hello", status=status, headers=sent)

    async def ask(request: Request) -> Answer:
        app = web.Application()
        cors = setup(app, defaults={A: ResourceOptions(allow_credentials=credentials)})
        cors.add(app.router.add_get("/", view))
        async with (
            TestClient(TestServer(app)) as client,
            client.request(request.method, "/", headers=request.headers) as got,
        ):
            return answer(got.status, got.headers.items(), await got.read())

    return lambda request: asyncio.run(ask(request))


def tornado(credentials: bool, sent: Sent, status: int) -> Ask:
    import tornado.web
    from support.drop_ins.tornado import served

    from corsfast.middleware.tornado import enable_cors

    class Handler(tornado.web.RequestHandler):
        def get(self) -> None:
            self.set_status(status)
            for name, value in sent:
                self.add_header(name, value)

    app = tornado.web.Application([("/", Handler)], log_function=lambda handler: None)
    enable_cors(app, allow_origins=[A], allow_credentials=credentials)

    def ask(request: Request) -> Answer:
        with served(app) as client:
            found = client(request.method, "/", *request.headers[1:])  # it sends its own Host
            return found._replace(body=b"")

    return ask


DOORS: list[Callable[..., Ask]] = [
    generic_asgi,
    generic_wsgi,
    starlette,
    starlette_by_regex,
    fastapi_mount,
    litestar,
    flask,
    flask_blueprint,
    flask_error,
    flask_view,
    quart,
    quart_route,
    sanic,
    blacksheep,
    falcon,
    falcon_wsgi,
    django,
    django_in_a_loop,
    aiohttp,
    tornado,
]
# Frameworks in which an application can answer preflights itself.
ANSWERING = [flask, flask_blueprint, quart, sanic, falcon]


@pytest.fixture(autouse=True)
def _silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("falcon", "sanic.root", "sanic.error", "tornado.access"):
        monkeypatch.setattr(logging.getLogger(name), "disabled", True)
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        yield


def get(origin: str | None) -> Request:
    by = () if origin is None else (("origin", origin),)
    return Request("GET", (("host", "api.example"), *by))


def preflight(origin: str, method: str = "PURGE") -> Request:
    asked = (("access-control-request-method", method),)
    return Request("OPTIONS", (("host", "api.example"), ("origin", origin), *asked))


GRANTS: list[Sent] = [
    [("Access-Control-Allow-Origin", "*")],
    [("Access-Control-Allow-Origin", EVIL)],
    [("access-control-allow-origin", EVIL), ("ACCESS-CONTROL-ALLOW-CREDENTIALS", "true")],
    [
        ("Access-Control-Allow-Origin", EVIL),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Expose-Headers", "X-Own"),
        ("Vary", "Accept"),
    ],
    [("Access-Control-Allow-Credentials", "true"), ("Access-Control-Expose-Headers", "X-Own")],
]


@pytest.mark.parametrize("credentials", [False, True], ids=["without", "with"])
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_the_policy_decides_and_not_the_application(door: Any, credentials: bool) -> None:
    for sent, status in itertools.product(GRANTS, (200, 403)):
        ask = quiet(lambda: door(credentials, sent, status))  # noqa: B023
        for origin in (EVIL, "null", "https://a.example.com.evil.example"):
            refused = ask(get(origin))
            assert not cors_of(refused), (sent, origin)
            assert "vary" in refused.headers
            assert refused.status == (400 if door is blacksheep else status)
        allowed = ask(get(A))
        assert allowed.status == status
        assert allowed.headers[ORIGIN] == [A], sent
        assert allowed.headers.get(CREDENTIALS) == (["true"] if credentials else None), sent


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_exposed_headers_of_a_route_are_kept_if_allowed(door: Any) -> None:
    ask = quiet(lambda: door(True, [("Access-Control-Expose-Headers", "X-Own")], 200))
    exposed = ask(get(A)).headers.get(EXPOSE, [])
    # BlackSheep replaces the names, because it exposes some by default. aiohttp-cors exposes only
    # its own.
    if door not in (blacksheep, aiohttp):
        assert exposed == ["X-Own"]


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_a_refused_preflight_is_granted_nothing(door: Any) -> None:
    sent = [("Access-Control-Allow-Origin", "*"), *PERMISSIONS]
    ask = quiet(lambda: door(True, sent, 200))
    assert not cors_of(ask(preflight(EVIL)))


@pytest.mark.parametrize("door", ANSWERING, ids=lambda door: door.__name__)
def test_own_permissions_do_not_widen_a_preflight(door: Any) -> None:
    sent = [("Access-Control-Allow-Origin", "*"), *PERMISSIONS]
    ask = quiet(lambda: door(True, sent, 200, options=True))
    assert not cors_of(ask(preflight(EVIL)))
    assert not cors_of(ask(preflight(EVIL, "GET")))
    for method in ("PURGE", "GET"):
        found = cors_of(ask(preflight(A, method)))
        assert all(len(lines) == 1 for lines in found.values()), found
        assert "PURGE" not in found.get("access-control-allow-methods", [""])[0]
        assert found.get("access-control-allow-headers") != ["X-Own"]
        assert found.get("access-control-max-age") != ["1000"]
        assert found.get("access-control-allow-private-network") != ["true"]


# -- the framework's own ways to grant for a part of the application win --------------------------


def test_a_decorated_view_wins_in_flask() -> None:
    from flask import Flask

    from corsfast.middleware.flask import CORS, cross_origin

    app = Flask("app")
    CORS(app, origins=[A])
    app.add_url_rule("/", "index", cross_origin(origins="*")(lambda: "hello"))
    assert ask_wsgi(app, get(EVIL)).headers[ORIGIN] == [EVIL]


@pytest.mark.parametrize("raises", [False, True])
def test_a_blueprint_wins_in_flask(raises: bool) -> None:
    from flask import Blueprint, Flask, abort

    from corsfast.middleware.flask import CORS

    app, blueprint = Flask("app"), Blueprint("blueprint", "blueprint")
    CORS(app, origins=[A], supports_credentials=True, expose_headers=["X-App"])
    CORS(blueprint, origins="*", send_wildcard=True, expose_headers=["X-Blueprint"])
    blueprint.add_url_rule("/", "index", lambda: abort(404) if raises else "hello")
    app.register_blueprint(blueprint)
    found = ask_wsgi(app, get(EVIL))
    # Flask handles errors of its views before a blueprint sees the response.
    assert found.headers[ORIGIN] == ["*"]
    assert CREDENTIALS not in found.headers
    found = ask_wsgi(app, get(A))
    assert found.headers[ORIGIN] == ([A] if raises else ["*"])
    assert len(found.headers[EXPOSE]) == 1


def test_the_first_of_two_extensions_wins_in_flask() -> None:
    from flask import Flask

    from corsfast.middleware.flask import CORS

    app = Flask("app")
    CORS(app, origins=[A], supports_credentials=True)
    CORS(app, origins="*", send_wildcard=True)
    app.add_url_rule("/", "index", lambda: "hello")
    found = ask_wsgi(app, get(EVIL))
    assert found.headers[ORIGIN] == ["*"]
    assert CREDENTIALS not in found.headers


def test_a_decorated_view_wins_in_quart() -> None:
    from quart import Quart

    from corsfast.middleware.quart import cors, route_cors

    app = Quart("app")

    @app.route("/")
    @route_cors(allow_origin="*")
    async def view() -> str:
        return "hello"

    cors(app, allow_origin=[A], allow_credentials=True)
    for _ in range(2):
        found = asyncio.run(ask_asgi(app, get(EVIL)))
        assert found.headers[ORIGIN] == ["*"]
        assert CREDENTIALS not in found.headers


# -- Socket.IO, which echoes any origin and allows credentials ------------------------------------

POLLING = "/socket.io/"


def polling(origin: str | None, method: str = "GET") -> Request:
    return get(origin)._replace(method=method, path=POLLING)


def engine_io(**options: Any) -> Any:
    import socketio

    return socketio.AsyncServer(cors_allowed_origins="*", logger=False, **options)


def with_query(app: Any) -> Any:
    """Return an application that adds the query of an Engine.IO client to requests."""

    async def asked(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope = {**scope, "query_string": b"EIO=4&transport=polling"}
        await app(scope, receive, send)

    return asked


def socket_apps() -> Iterator[tuple[str, Any]]:
    import socketio
    from fastapi import FastAPI
    from litestar.config.cors import CORSConfig
    from quart import Quart
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from corsfast.middleware.asgi import CORSMiddleware as Generic
    from corsfast.middleware.litestar import CORSMiddleware as Litestars
    from corsfast.middleware.starlette import CORSMiddleware as Starlettes

    def below() -> Any:
        return socketio.ASGIApp(engine_io(async_mode="asgi"))

    options: dict[str, Any] = {"allow_origins": [A], "allow_credentials": True}
    mounted = FastAPI()
    mounted.mount("/", below())
    mounted.add_middleware(Starlettes, **options)
    yield "fastapi", mounted
    made = Starlette(routes=[Mount("/", below())])
    made.add_middleware(Starlettes, **options)
    yield "starlette", made
    yield "starlette around", Starlettes(below(), **options)
    yield "litestar", Litestars(below(), CORSConfig(**options))
    yield "generic", Generic(below(), **options)
    sio = engine_io(async_mode="asgi")
    yield "quart below", Generic(socketio.ASGIApp(sio, Quart("app")), **options)


@pytest.mark.parametrize(
    "name",
    [
        "fastapi",
        "starlette",
        "starlette around",
        "litestar",
        "generic",
        "quart below",
    ],
)
def test_socket_io_grants_nothing_over_asgi(name: str) -> None:
    app = with_query(dict(socket_apps())[name])

    async def everything() -> list[Answer]:
        requests = (get(EVIL), get(A), polling(EVIL), polling(A), polling(EVIL, "POST"))
        return [await ask_asgi(app, request._replace(path=POLLING)) for request in requests]

    for request, found in zip((EVIL, A, EVIL, A, EVIL), asyncio.run(everything()), strict=True):
        if request == EVIL:
            assert not cors_of(found)
        else:
            assert found.status == 200
            assert found.headers[ORIGIN] == [A]
            assert found.headers[CREDENTIALS] == ["true"]


def test_socket_io_grants_nothing_over_wsgi() -> None:
    import socketio
    from flask import Flask

    from corsfast.middleware.wsgi import CORSMiddleware

    sio = socketio.Server(cors_allowed_origins="*", async_mode="threading")
    made = CORSMiddleware(
        socketio.WSGIApp(sio, Flask("app")), allow_origins=[A], allow_credentials=True
    )

    def app(environ: Any, start_response: Any) -> Any:
        return made({**environ, "QUERY_STRING": "EIO=4&transport=polling"}, start_response)

    refused, allowed = ask_wsgi(app, polling(EVIL)), ask_wsgi(app, polling(A))
    sio.shutdown()
    assert (refused.status, cors_of(refused)) == (200, {})
    assert allowed.headers[ORIGIN] == [A]
    assert allowed.headers[CREDENTIALS] == ["true"]


def test_socket_io_grants_nothing_in_sanic() -> None:
    from sanic import Sanic

    from corsfast.middleware.sanic import add_cors

    Sanic.test_mode = True
    app = Sanic(f"inner-{next(COUNT)}")
    app.config.update(OAS=False, MOTD=False, CORS_ORIGINS=A, CORS_SUPPORTS_CREDENTIALS=True)
    sio = engine_io(async_mode="sanic")
    sio.attach(app)
    add_cors(app)

    async def ask(origin: str) -> Answer:
        async with running(app):
            return await ask_asgi(with_query(app), polling(origin))

    refused, allowed = (asyncio.run(ask(origin)) for origin in (EVIL, A))
    assert (refused.status, cors_of(refused)) == (200, {})
    assert allowed.headers[ORIGIN] == [A]
    assert allowed.headers[CREDENTIALS] == ["true"]


def test_socket_io_grants_nothing_in_aiohttp() -> None:
    from aiohttp import web
    from aiohttp.test_utils import TestClient, TestServer

    from corsfast.middleware.aiohttp import ResourceOptions, setup

    async def ask(origin: str) -> Any:
        app = web.Application()
        cors = setup(app, defaults={A: ResourceOptions(allow_credentials=True)})
        # Without `attach`, because its OPTIONS handler conflicts with aiohttp-cors.
        sio = engine_io(async_mode="aiohttp")
        cors.add(app.router.add_get(POLLING, sio.handle_request))
        async with TestClient(TestServer(app)) as client:
            path = f"{POLLING}?EIO=4&transport=polling"
            async with client.get(path, headers={"Origin": origin}) as got:
                assert got.status == 200
                return got.headers.copy()

    refused, allowed = (asyncio.run(ask(origin)) for origin in (EVIL, A))
    assert not [name for name in refused if name.lower().startswith("access-control-")]
    assert allowed.getall(ORIGIN) == [A]
    assert allowed.getall(CREDENTIALS) == ["true"]
