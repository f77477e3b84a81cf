"""Each drop-in refuses the requests that another site has forged, if its option says so.

The tests are marked `server` because they need the frameworks.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.client import Answer, Request, ask_asgi, ask_wsgi, running, written
from support.servers import read

from corsfast import PolicyError

pytestmark = pytest.mark.server

APP = "https://app.example.com"
OTHER = "https://other.example"
HOST = "api.example"
OWN = f"https://{HOST}"

Ask = Callable[[Request], Answer]

CLEANUP: list[Callable[[], Any]] = []


@pytest.fixture(autouse=True)
def clean_up(log_of_refusals: None) -> Iterator[None]:
    yield
    while CLEANUP:
        CLEANUP.pop()()


async def ok(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def asgi(app: Any) -> Ask:
    return lambda request: asyncio.run(ask_asgi(app, request))


def started(app: Any) -> Ask:
    async def ask(request: Request) -> Answer:
        async with running(app):
            return await ask_asgi(app, request)

    return lambda request: asyncio.run(ask(request))


def wsgi(app: Any) -> Ask:
    return lambda request: ask_wsgi(app, request)


METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE"]


def starlette(word: Any, origins: Any = (APP,)) -> Ask:
    from corsfast.middleware.starlette import CORSMiddleware

    return asgi(CORSMiddleware(ok, allow_origins=origins, cross_site=word))


def litestar(word: Any, origins: Any = (APP,)) -> Ask:
    from litestar.config.cors import CORSConfig

    from corsfast.middleware.litestar import CORSMiddleware

    return asgi(CORSMiddleware(ok, CORSConfig(allow_origins=[*origins]), cross_site=word))


def litestar_plugin(word: Any, origins: Any = (APP,)) -> Ask:
    from litestar import Litestar, route
    from litestar.config.cors import CORSConfig

    from corsfast.middleware.litestar import CORSPlugin

    @route("/", http_method=METHODS, status_code=200, sync_to_thread=False)
    def view() -> None: ...

    plugin = CORSPlugin(CORSConfig(allow_origins=[*origins]), cross_site=word)
    return started(Litestar([view], plugins=[plugin], logging_config=None))


def litestar_install(word: Any, origins: Any = (APP,)) -> Ask:
    from litestar import Litestar, route
    from litestar.config.cors import CORSConfig

    from corsfast.middleware.litestar import install

    @route("/", http_method=METHODS, status_code=200, sync_to_thread=False)
    def view() -> None: ...

    config = CORSConfig(allow_origins=[*origins])
    return started(install(Litestar([view], logging_config=None), config, cross_site=word))


def flask(word: Any, origins: Any = (APP,)) -> Ask:
    from flask import Flask

    from corsfast.middleware.flask import CORS

    app = Flask("app")
    CORS(app, origins=[*origins], cross_site=word)
    app.add_url_rule("/", view_func=lambda: "", methods=METHODS)
    return wsgi(app)


def flask_config(word: Any, origins: Any = (APP,)) -> Ask:
    from flask import Flask

    from corsfast.middleware.flask import CORS

    app = Flask("app")
    app.config["CORS_CROSS_SITE"] = word
    CORS(app, origins=[*origins])
    app.add_url_rule("/", view_func=lambda: "", methods=METHODS)
    return wsgi(app)


def flask_view(word: Any, origins: Any = (APP,)) -> Ask:
    from flask import Flask

    from corsfast.middleware.flask import cross_origin

    app = Flask("app")
    view = cross_origin(origins=[*origins], cross_site=word)(lambda: "")
    app.add_url_rule("/", view_func=view, methods=METHODS)
    return wsgi(app)


def quart(word: Any, origins: Any = (APP,)) -> Ask:
    from quart import Quart

    from corsfast.middleware.quart import cors

    app = cors(Quart("app"), allow_origin=[*origins], cross_site=word)
    app.add_url_rule("/", view_func=lambda: "", methods=METHODS)
    return asgi(app)


def quart_config(word: Any, origins: Any = (APP,)) -> Ask:
    from quart import Quart

    from corsfast.middleware.quart import cors

    app = Quart("app")
    app.config["QUART_CORS_CROSS_SITE"] = word
    cors(app, allow_origin=[*origins])
    app.add_url_rule("/", view_func=lambda: "", methods=METHODS)
    return asgi(app)


def quart_view(word: Any, origins: Any = (APP,)) -> Ask:
    from quart import Quart

    from corsfast.middleware.quart import route_cors

    app = Quart("app")
    view = route_cors(allow_origin=[*origins], cross_site=word)(lambda: "")
    app.add_url_rule("/", view_func=view, methods=METHODS)
    return asgi(app)


def falcon(word: Any, origins: Any = (APP,), kind: str = "falcon") -> Ask:
    import falcon as library
    import falcon.asgi

    from corsfast.middleware.falcon import CORSMiddleware

    middleware = CORSMiddleware("*" if origins == ("*",) else origins, cross_site=word)
    if kind == "falcon":

        class Items:
            def on_get(self, _req: Any, _resp: Any) -> None: ...

            on_head = on_options = on_post = on_put = on_delete = on_get

        app = library.App(middleware=[middleware])
        app.add_route("/", Items())
        return wsgi(app)

    class AsyncItems:
        async def on_get(self, _req: Any, _resp: Any) -> None: ...

        on_head = on_options = on_post = on_put = on_delete = on_get

    async_app = falcon.asgi.App(middleware=[middleware])
    async_app.add_route("/", AsyncItems())
    return asgi(async_app)


def falcon_asgi(word: Any, origins: Any = (APP,)) -> Ask:
    return falcon(word, origins, "asgi")


def django(word: Any, origins: Any = (APP,), is_async: bool = False) -> Ask:
    from django.http import HttpResponse
    from django.test import RequestFactory, override_settings
    from support.client import answer
    from support.drop_ins.django import configure

    from corsfast.middleware.django.middleware import CorsMiddleware

    configure()
    given = {"CORS_ALLOWED_ORIGINS": [*origins]}
    if origins == ("*",):
        given = {"CORS_ALLOW_ALL_ORIGINS": True}  # type: ignore[dict-item]
    override = override_settings(CORS_CROSS_SITE=word, **given)
    override.enable()
    CLEANUP.append(override.disable)

    async def view(_: Any) -> Any:
        return HttpResponse()

    cors: Any = CorsMiddleware(view if is_async else lambda _: HttpResponse())

    def ask(request: Request) -> Answer:
        headers = {name.title(): value for name, value in request.headers}
        sent = RequestFactory().generic(request.method, request.path, headers=headers)
        got = asyncio.run(cors(sent)) if is_async else cors(sent)
        return answer(got.status_code, got.headers.items(), got.content)

    return ask


def django_async(word: Any, origins: Any = (APP,)) -> Ask:
    return django(word, origins, True)


def sanic(word: Any, origins: Any = (APP,)) -> Ask:
    from sanic import Sanic
    from sanic.response import empty

    from corsfast.middleware.sanic import add_cors

    Sanic.test_mode = True
    app = Sanic(f"cross-site-{len(Sanic._app_registry)}", configure_logging=False)
    app.config.update(OAS=False, MOTD=False, CORS_CROSS_SITE=word, CORS_ORIGINS=",".join(origins))
    add_cors(app)
    app.add_route(lambda _: empty(200), "/", methods=METHODS)
    return started(app)


def sanic_without_origins(word: Any, _origins: Any = (APP,)) -> Ask:
    return sanic(word, ())


def blacksheep(word: Any, origins: Any = (APP,)) -> Ask:
    from blacksheep import Application, Response, Router

    from corsfast.middleware.blacksheep import use_cors

    app = Application(router=Router())
    use_cors(app, allow_origins=origins, allow_methods="*", cross_site=word)

    async def view() -> Any:
        return Response(200)

    for method in METHODS:
        app.router.add(method, "/", view)
    loop = asyncio.new_event_loop()
    CLEANUP.append(loop.close)
    loop.run_until_complete(app.start())
    return lambda request: loop.run_until_complete(ask_asgi(app, request))


def tornado(word: Any, origins: Any = (APP,)) -> Ask:
    from support.drop_ins.tornado import served
    from tornado.web import Application, RequestHandler

    from corsfast.middleware.tornado import enable_cors

    class Main(RequestHandler):
        def get(self) -> None: ...

        head = options = post = put = delete = get

    app = enable_cors(
        Application([("/", Main)]),
        allow_origins="*" if origins == ("*",) else [*origins],
        cross_site=word,
    )
    stack = contextlib.ExitStack()
    CLEANUP.append(stack.close)
    client = stack.enter_context(served(app))

    def ask(request: Request) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
        with contextlib.closing(connection):
            named = "host" in dict(request.headers)
            connection.putrequest(request.method, request.path, skip_host=named)
            for name, value in request.headers:
                connection.putheader(name, value)
            connection.endheaders()
            return read(connection.getresponse())

    return ask


def aiohttp(word: Any, origins: Any = (APP,)) -> Ask:
    from aiohttp import web
    from aiohttp.test_utils import TestClient, TestServer
    from support.client import answer

    from corsfast.middleware import aiohttp as drop_in

    async def handle(_: Any) -> web.Response:
        return web.Response()

    app = web.Application()
    options = {origin: drop_in.ResourceOptions() for origin in origins}
    cors = drop_in.setup(app, defaults=options, cross_site=word)
    for method in METHODS:
        if method not in ("OPTIONS", "HEAD"):
            route = app.router.add_route(method, "/", handle)
            cors.add(route)
            app.router.add_route(method, "/plain", handle)
    for own_word in ("allow", "report", "refuse"):
        nested = web.Application()
        options = {OTHER: drop_in.ResourceOptions()}
        cors = drop_in.setup(nested, defaults=options, cross_site=own_word)
        cors.add(nested.router.add_post("/", handle))
        nested.router.add_post("/plain", handle)
        app.add_subapp(f"/{own_word}", nested)
    loop = asyncio.new_event_loop()
    CLEANUP.append(loop.close)

    async def start() -> Any:
        client: Any = TestClient(TestServer(app))
        await client.start_server()
        return client

    client = loop.run_until_complete(start())
    CLEANUP.append(lambda: loop.run_until_complete(client.close()))

    async def send(request: Request) -> Answer:
        async with client.request(
            request.method, request.path, headers=[*request.headers]
        ) as response:
            return answer(response.status, response.headers.items(), await response.read())

    return lambda request: loop.run_until_complete(send(request))


DROP_INS = [
    starlette,
    litestar,
    litestar_plugin,
    litestar_install,
    flask,
    flask_config,
    flask_view,
    quart,
    quart_config,
    quart_view,
    falcon,
    falcon_asgi,
    django,
    django_async,
    sanic,
    blacksheep,
    tornado,
    aiohttp,
]
FORGED = [
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"sec_fetch_site": ""},
    {"sec_fetch_site": "same-origin,same-origin"},
    {"origin": OTHER},
    {"origin": OTHER, "sec_fetch_site": "cross-site"},
    {"origin": "null"},
    {"origin": f"http://{HOST}", "sec_fetch_site": "cross-site"},
    {"origin": f"{OWN}:444"},
]
PASSING = [
    {},
    {"sec_fetch_site": "same-origin"},
    {"sec_fetch_site": "none"},
    {"origin": OWN},
    {"origin": OWN, "sec_fetch_site": "same-origin"},
    {"origin": APP},
    {"origin": APP, "sec_fetch_site": "cross-site"},
]


def sent(method: str, headers: dict[str, str], path: str = "/") -> Request:
    return written(method, path, host=HOST, **headers)


@pytest.mark.parametrize("make", DROP_INS)
def test_forged_requests_are_answered_403(make: Any) -> None:
    ask = make("refuse")
    for headers in FORGED:
        got = ask(sent("POST", headers))
        assert got.status == 403, headers
        assert {"origin", "sec-fetch-site"} <= set(got.vary.lower().split(", "))
        assert b"Cross-site request refused: " in got.body
        assert (b"Sec-Fetch-Site" in got.body) is ("sec_fetch_site" in headers)
        assert APP.encode() not in got.body


@pytest.mark.parametrize("make", DROP_INS)
def test_other_requests_pass(make: Any) -> None:
    ask = make("refuse")
    for headers in PASSING:
        assert ask(sent("POST", headers)).status in (200, 204), headers
    # BlackSheep itself refuses other origins.
    for headers in FORGED:
        if "origin" not in headers or make is not blacksheep:
            assert ask(sent("GET", headers)).status in (200, 204), headers


@pytest.mark.parametrize("make", DROP_INS)
@pytest.mark.parametrize("word", ["allow", "report"])
def test_a_report_is_logged_and_passes(make: Any, word: str, caplog: Any) -> None:
    ask = make(word)
    for _ in range(2):
        assert ask(sent("POST", {"sec_fetch_site": "cross-site"})).status in (200, 204)
    found = [r.getMessage() for r in caplog.records if "cross-site request" in r.getMessage()]
    assert len(found) == (word == "report")
    assert all(line.startswith("POST '/' from nothing is reported") for line in found)


@pytest.mark.parametrize("make", DROP_INS)
@pytest.mark.parametrize("word", ["report", "refuse"])
def test_a_forged_request_is_one_line(make: Any, word: str, caplog: Any) -> None:
    ask = make(word)
    for origin in (OTHER, "https://another.example"):
        for _ in range(2):
            ask(sent("POST", {"origin": origin, "sec_fetch_site": "cross-site"}))
    found = [r.getMessage() for r in caplog.records if r.name == "corsfast.refused"]
    assert [line.split("'")[3] for line in found] == [OTHER, "https://another.example"]
    assert all("as a cross-site request" in line for line in found)


@pytest.mark.parametrize("origins", [["https://www.example", APP], "*"])
def test_falcon_finds_near_misses_in_both_options(origins: Any, caplog: Any) -> None:
    import falcon as library
    import falcon.testing

    from corsfast.middleware.falcon import CORSMiddleware

    middleware = CORSMiddleware(origins, None, [APP], cross_site="refuse")
    client = falcon.testing.TestClient(library.App(middleware=[middleware]))
    near = APP.replace("https:", "http:")
    client.simulate_post("/", headers={"Origin": near, "Sec-Fetch-Site": "cross-site"})
    (line,) = [r.getMessage() for r in caplog.records if r.name == "corsfast.refused"]
    assert f"allow_origins has {APP!r}, which is https, not http" in line


@pytest.mark.filterwarnings("ignore::corsfast.CorsfastSecurityWarning")
@pytest.mark.parametrize("make", DROP_INS)
def test_a_star_lets_no_other_site_write(make: Any) -> None:
    ask = make("refuse", ("*",))
    assert ask(sent("GET", {"origin": OTHER})).status in (200, 204)
    for headers in FORGED:
        assert ask(sent("POST", headers)).status == 403, headers
    for headers in PASSING[:5]:
        assert ask(sent("POST", headers)).status in (200, 204), headers


@pytest.mark.parametrize("make", DROP_INS)
@pytest.mark.parametrize("wrong", ["refuse_all", True, ""])
def test_a_wrong_word_is_an_error(make: Any, wrong: Any) -> None:
    with pytest.raises(PolicyError, match="is not 'allow', 'report' or 'refuse'"):
        make(wrong)(sent("GET", {}))


def test_aiohttp_checks_routes_that_are_not_added() -> None:
    ask = aiohttp("refuse")
    for headers in (*FORGED, {"origin": APP}):
        assert ask(sent("POST", headers, "/plain")).status == 403
    assert ask(sent("POST", {"sec_fetch_site": "same-origin"}, "/plain")).status == 200


def test_aiohttp_nested_applications_list_own_origins() -> None:
    ask = aiohttp("refuse")
    for word in ("allow", "report", "refuse"):
        status = 200 if word == "report" else 403
        assert ask(sent("POST", {"origin": OTHER}, f"/{word}/")).status == 200
        assert ask(sent("POST", {"origin": APP}, f"/{word}/")).status == status
        assert ask(sent("POST", {"origin": OTHER}, f"/{word}/plain")).status == status
        missing = 404 if word == "report" else 403
        assert ask(sent("POST", {"origin": OTHER}, f"/{word}/missing")).status == missing


WORDS = {"": {}, "-report": {"cross_site": "report"}, "-refuse": {"cross_site": "refuse"}}


def add_views(app: Any, places: list[tuple[Any, str, Any]]) -> None:
    """Add each function to the application or to a blueprint, and the blueprints to the former."""
    for place, name, function in places:
        place.add_url_rule(f"/{name}", name, function, methods=["POST"])
        if place is not app:
            app.register_blueprint(place)


def flask_nested() -> Ask:
    """Build an application that lists one origin, with views and blueprints that list another."""
    from flask import Blueprint, Flask

    from corsfast.middleware.flask import CORS, cross_origin

    app, bare = Flask("app"), Blueprint("bare", "app")
    CORS(app, origins=[APP], cross_site="refuse", resources="/(?!free).*")
    view: Any = lambda: ""  # noqa: E731
    places = [(app, "free", view), (bare, "bare", view)]
    for word, options in WORDS.items():
        blueprint = Blueprint(f"blueprint{word}", "app")
        CORS(blueprint, origins=[OTHER], **options)
        own = cross_origin(origins=[OTHER], **options)(view)
        places += [(app, f"view{word}", own), (blueprint, blueprint.name, view)]
    add_views(app, places)
    return wsgi(app)


def quart_nested() -> Ask:
    from quart import Blueprint, Quart

    from corsfast.middleware.quart import cors, cors_exempt, route_cors

    app = cors(Quart("app"), allow_origin=[APP], cross_site="refuse")
    bare = Blueprint("bare", "app")
    view: Any = lambda: ""  # noqa: E731
    places = [(app, "free", cors_exempt(lambda: "")), (bare, "bare", view)]
    for word, options in WORDS.items():
        blueprint = cors(Blueprint(f"blueprint{word}", "app"), allow_origin=[OTHER], **options)
        own = route_cors(allow_origin=[OTHER], **options)(view)
        places += [(app, f"view{word}", own), (blueprint, blueprint.name, view)]
    add_views(app, places)
    return asgi(app)


THIRD = "https://third.example"
ALL = {APP, OTHER, THIRD, "null"}


@pytest.mark.parametrize("make", [flask_nested, quart_nested])
@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("view", {OTHER}),
        ("view-report", ALL),
        ("view-refuse", {OTHER}),
        ("blueprint", {OTHER}),
        ("blueprint-report", ALL),
        ("blueprint-refuse", {OTHER}),
        ("bare", {APP}),
        ("missing", {APP}),
        ("free", ALL),
    ],
)
def test_the_nearest_rules_decide_which_origins_write(
    make: Any, name: str, allowed: set[str]
) -> None:
    ask = make()
    if make is flask_nested and name == "blueprint":
        allowed = {APP, OTHER}  # both add their headers
    for origin in ALL:
        answer = ask(sent("POST", {"origin": origin, "sec_fetch_site": "cross-site"}, f"/{name}"))
        assert (answer.status == 403) is (origin not in allowed), origin


def test_sanic_checks_without_an_allowed_origin() -> None:
    ask = sanic_without_origins("refuse")
    assert ask(sent("POST", {"origin": APP})).status == 403
    assert ask(sent("POST", {"origin": OWN})).status == 200


@pytest.mark.parametrize("make", [django, django_async])
def test_django_lets_a_listed_file_and_a_signal_write(make: Any) -> None:
    from corsfast.middleware.django.signals import check_request_enabled

    def is_enabled(sender: Any, request: Any, **_: Any) -> bool:
        return bool(request.META.get("HTTP_ORIGIN") == OTHER)

    for listed in (True, False):
        ask = make("refuse", ("file://", APP) if listed else (APP,))
        for origin in ("file://", OTHER):
            status = 200 if listed and origin == "file://" else 403
            assert ask(sent("POST", {"origin": origin})).status == status
    check_request_enabled.connect(is_enabled)
    CLEANUP.append(lambda: check_request_enabled.disconnect(is_enabled))
    assert ask(sent("POST", {"origin": OTHER})).status == 200
    assert ask(sent("POST", {"origin": "null"})).status == 403


def test_django_checks_name_a_wrong_word() -> None:
    from django.test import override_settings
    from support.drop_ins.django import configure

    from corsfast.middleware.django.checks import check_settings

    configure()
    with override_settings(CORS_ALLOWED_ORIGINS=[APP], CORS_CROSS_SITE="refuse_all"):
        (message,) = check_settings()
    assert message.id == "corsfast.E020"
    assert "CORS_CROSS_SITE: 'refuse_all' is not 'allow', 'report' or 'refuse'" in message.msg
    with override_settings(CORS_ALLOWED_ORIGINS=[APP], CORS_CROSS_SITE="refuse"):
        assert check_settings() == []
