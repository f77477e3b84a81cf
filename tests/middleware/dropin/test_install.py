"""`install` of Starlette, Flask and Quart adds CORS and keeps the application's type.

The tests are marked `server` because they need the frameworks. Each test imports the one it uses.
"""

from __future__ import annotations

import asyncio
import copy
import copyreg
import importlib
import warnings
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from support.client import ask_wsgi, cors_of, get, preflight, run, scope_of

import corsfast
from corsfast import PolicyError
from corsfast.errors import CorsfastRedundancyWarning

pytestmark = pytest.mark.server

A = "https://a.example"
OTHER = "https://other.example"
OPTIONS: dict[str, Any] = {"allow_origins": [A], "allow_methods": ["PUT"]}


def ask_asgi(app: Any, request: Any, kind: str = "http") -> Any:
    """Call an application as a server does. Ignore an exception after the response."""
    request = request._replace(headers=(("host", "api.example"), *request.headers))
    return run(app, scope_of(request, kind), raises=False).answer()


def make_starlette(**options: Any) -> Any:
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route, WebSocketRoute

    async def hello(request: Any) -> Any:
        return PlainTextResponse("hello")

    async def broken(request: Any) -> Any:
        raise RuntimeError("a bug, on purpose")

    async def socket(socket: Any) -> None:
        await socket.accept()

    routes = [
        Route("/", hello, methods=["GET", "PUT"]),
        Route("/slash/", hello),
        Route("/broken", broken),
        WebSocketRoute("/socket", socket),
    ]
    return Starlette(routes=routes, **options)


def make_fastapi(**options: Any) -> Any:
    from fastapi import FastAPI

    return FastAPI(routes=make_starlette().routes, **options)


def make_flask() -> Any:
    from flask import Flask

    app = Flask("app")
    app.logger.disabled = True
    app.add_url_rule("/", "hello", lambda: "hello", methods=["GET", "PUT"])
    app.add_url_rule("/slash/", "slash", lambda: "hello")
    app.add_url_rule("/broken", "broken", lambda: 1 / 0)
    return app


def make_quart() -> Any:
    from quart import Quart, websocket

    app = Quart("app")
    app.logger.disabled = True

    async def hello() -> str:
        return "hello"

    async def broken() -> str:
        raise RuntimeError("a bug, on purpose")

    async def socket() -> None:
        await websocket.accept()

    app.add_url_rule("/", "hello", hello, methods=["GET", "PUT"])
    app.add_url_rule("/slash/", "slash", hello)
    app.add_url_rule("/broken", "broken", broken)
    app.add_websocket("/socket", "socket", socket)
    return app


def ask_flask(app: Any, request: Any) -> Any:
    return ask_wsgi(app, request)


KINDS = {
    "starlette": SimpleNamespace(module="starlette", make=make_starlette, ask=ask_asgi),
    "fastapi": SimpleNamespace(module="starlette", make=make_fastapi, ask=ask_asgi),
    "flask": SimpleNamespace(module="flask", make=make_flask, ask=ask_flask),
    "quart": SimpleNamespace(module="quart", make=make_quart, ask=ask_asgi),
}


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> Any:
    found = KINDS[request.param]
    found.install = importlib.import_module(f"corsfast.middleware.{found.module}").install
    return found


@pytest.fixture(params=["starlette", "fastapi"])
def of_starlette(request: pytest.FixtureRequest) -> Any:
    found = KINDS[request.param]
    found.install = importlib.import_module("corsfast.middleware.starlette").install
    return found


# -- all of them ---------------------------------------------------------------------------------


def test_install_returns_the_same_application(kind: Any) -> None:
    app = kind.make()
    of = type(app)
    assert kind.install(app, **OPTIONS) is app
    assert type(app) is of


@pytest.mark.parametrize("path", ["/", "/nowhere", "/broken", "/slash"])
def test_every_response_has_the_headers(kind: Any, Policy: Any, path: str) -> None:
    app = kind.install(kind.make(), Policy(**OPTIONS))
    found = kind.ask(app, get(A, path))
    assert found.status == {"/": 200, "/nowhere": 404, "/broken": 500, "/slash": found.status}[path]
    assert found.headers["access-control-allow-origin"] == [A]
    assert not cors_of(kind.ask(app, get(OTHER, path)))


@pytest.mark.parametrize("path", ["/", "/nowhere", "/broken", "/slash"])
def test_every_preflight_is_answered(kind: Any, Policy: Any, path: str) -> None:
    app = kind.install(kind.make(), Policy(**OPTIONS))
    found = kind.ask(app, preflight(path=path))
    assert (found.status, found.first("access-control-allow-methods")) == (204, "PUT")
    assert kind.ask(app, preflight(origin=OTHER, path=path)).status == 403


def test_a_method_that_no_route_has_gets_the_headers(kind: Any) -> None:
    app = kind.install(kind.make(), **OPTIONS)
    found = kind.ask(app, get(A, method="DELETE"))
    assert (found.status, found.first("access-control-allow-origin")) == (405, A)


def test_a_wrong_policy_fails_at_the_call(kind: Any) -> None:
    app = kind.make()
    with pytest.raises(PolicyError, match="allow_origins"):
        kind.install(app, allow_origins=["https://a.example/"])
    with pytest.raises(TypeError, match=r"write install\(app, policy\)"):
        kind.install(app)
    with pytest.raises(TypeError, match="install takes a policy or the options"):
        kind.install(app, corsfast.Policy(allow_origins="*"), allow_origins="*")
    with pytest.raises(TypeError, match="install takes paths or a policy"):
        kind.install(app, paths={"/": None}, allow_origins="*")
    # The failed calls have changed nothing.
    kind.install(app, **OPTIONS)
    assert kind.ask(app, get(A)).first("access-control-allow-origin") == A


@pytest.mark.parametrize("option", ["allow_origin_regex", "origins", "allow_origin"])
def test_options_of_a_drop_in_are_refused(kind: Any, option: str) -> None:
    with pytest.raises(TypeError, match=option):
        kind.install(kind.make(), **{option: A})


def test_installing_twice_is_an_error(kind: Any) -> None:
    app = kind.install(kind.make(), **OPTIONS)
    with pytest.raises(RuntimeError, match="already has CORS"):
        kind.install(app, **OPTIONS)


def test_only_applications_of_the_framework_are_taken(kind: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    with pytest.raises(TypeError, match=r"install takes a .* application, not function"):
        kind.install(app, **OPTIONS)
    with pytest.raises(TypeError, match=r"install takes a .* application, not the class "):
        kind.install(type(kind.make()), **OPTIONS)


def test_application_of_another_framework_is_sent_to_its_install() -> None:
    from flask import Flask
    from quart import Quart
    from starlette.applications import Starlette

    from corsfast.middleware import flask, quart, starlette

    for install, app, module in (
        (starlette.install, Flask("a"), "flask"),
        (starlette.install, Quart("a"), "quart"),
        (flask.install, Starlette(), "starlette"),
        (flask.install, Quart("a"), "quart"),
        (quart.install, Flask("a"), "flask"),
    ):
        with pytest.raises(TypeError, match=rf"; write corsfast\.middleware\.{module}\.install"):
            install(app, **OPTIONS)


def test_features_reach_the_middleware(kind: Any, Policy: Any) -> None:
    app = kind.install(
        kind.make(), paths={"/": Policy(**OPTIONS), "/nowhere": None}, cross_site="refuse_all"
    )
    assert kind.ask(app, get(OTHER)).status == 403
    assert kind.ask(app, get(A)).first("access-control-allow-origin") == A
    assert not cors_of(kind.ask(app, get(A, "/nowhere")))


def test_a_swapped_policy_counts(kind: Any, Policy: Any) -> None:
    holder = corsfast.PolicyHolder(Policy(**OPTIONS))
    app = kind.install(kind.make(), holder)
    assert kind.ask(app, get(A)).first("access-control-allow-origin") == A
    holder.policy = Policy(allow_origins=[OTHER])
    assert not cors_of(kind.ask(app, get(A)))
    assert kind.ask(app, get(OTHER)).first("access-control-allow-origin") == OTHER


@pytest.mark.parametrize("name", ["starlette", "fastapi", "quart"])
@pytest.mark.parametrize(
    ("origin", "websockets", "status"),
    [
        (A, "check", 101),
        (OTHER, "check", 403),
        (OTHER, "pass", 101),
        (None, "check", 101),
    ],
)
def test_handshakes_are_checked(
    name: str, origin: str | None, websockets: str, status: int
) -> None:
    kind = KINDS[name]
    install = importlib.import_module(f"corsfast.middleware.{kind.module}").install
    app = install(kind.make(), websockets=websockets, **OPTIONS)
    assert ask_asgi(app, get(origin, "/socket"), "websocket").status == status


# -- Starlette and FastAPI -----------------------------------------------------------------------


class Authentication:
    """A middleware that answers 401 to every request without a token."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        from starlette.responses import PlainTextResponse

        app = self.app
        if scope["type"] == "http" and not any(k == b"authorization" for k, _ in scope["headers"]):
            app = PlainTextResponse("no token", status_code=401)
        await app(scope, receive, send)


@pytest.mark.parametrize("later", [False, True], ids=["before", "after"])
def test_outside_of_middleware_added_later(of_starlette: Any, later: bool) -> None:
    from starlette.middleware.base import BaseHTTPMiddleware

    async def dispatch(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["x-seen"] = "yes"
        return response

    app = of_starlette.make()
    steps = [
        lambda: of_starlette.install(app, **OPTIONS),
        lambda: app.add_middleware(Authentication),
        lambda: app.add_middleware(BaseHTTPMiddleware, dispatch=dispatch),
    ]
    for step in steps if later else reversed(steps):
        step()
    assert of_starlette.ask(app, preflight()).status == 204
    found = of_starlette.ask(app, get(A))
    assert (found.status, found.first("access-control-allow-origin")) == (401, A)


def test_no_install_after_the_start(of_starlette: Any) -> None:
    app = of_starlette.make()
    of_starlette.ask(app, get(A))
    with pytest.raises(RuntimeError, match="has started"):
        of_starlette.install(app, **OPTIONS)


def test_mounted_applications_keep_their_own(of_starlette: Any) -> None:
    inner = of_starlette.install(of_starlette.make(), paths={"/": {"allow_origins": [OTHER]}})
    outer = of_starlette.make()
    outer.mount("/inner", inner)
    assert (
        of_starlette.ask(outer, get(OTHER, "/inner/")).first("access-control-allow-origin") == OTHER
    )
    assert of_starlette.ask(outer, preflight("GET", origin=OTHER, path="/inner/")).status == 204
    assert not cors_of(of_starlette.ask(outer, get(OTHER)))


def test_a_deep_copy_is_an_application_of_its_own(
    of_starlette: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray Serve copies applications by pickling, with its own reducer for Starlette's `State`."""
    from starlette.datastructures import State

    monkeypatch.setitem(copyreg.dispatch_table, State, lambda state: (State, (state._state,)))
    app = of_starlette.install(of_starlette.make(), **OPTIONS)
    other = copy.deepcopy(app)
    other.add_middleware(Authentication)
    assert of_starlette.ask(other, get(A)).status == 401
    assert of_starlette.ask(app, get(A)).status == 200
    for one in (app, other):
        assert of_starlette.ask(one, get(A)).first("access-control-allow-origin") == A
    with pytest.raises(RuntimeError, match="already has CORS"):
        of_starlette.install(copy.deepcopy(app), **OPTIONS)


def test_a_subclass_that_builds_its_own_stack(of_starlette: Any) -> None:
    base = type(of_starlette.make())

    class Mine(base):  # type: ignore[misc, valid-type]
        def build_middleware_stack(self) -> Any:
            return Authentication(super().build_middleware_stack())

    app = of_starlette.install(Mine(routes=of_starlette.make().routes), **OPTIONS)
    assert of_starlette.ask(app, preflight()).status == 204
    assert of_starlette.ask(app, get(A)).status == 401


def test_a_second_cors_middleware_is_warned_about(of_starlette: Any) -> None:
    from starlette.middleware.cors import CORSMiddleware

    app = of_starlette.install(of_starlette.make(), **OPTIONS)
    app.add_middleware(CORSMiddleware, allow_origins=["*"])
    with pytest.warns(CorsfastRedundancyWarning, match="starlette.middleware.cors.CORSMiddleware"):
        found = of_starlette.ask(app, get(A))
    assert found.headers["access-control-allow-origin"] == [A]
    assert not cors_of(of_starlette.ask(app, get(OTHER)))


def test_build_middleware_stack_is_called_once(of_starlette: Any) -> None:
    """`install` relies on this private behavior of Starlette, as seen in 1.10."""
    app = of_starlette.install(of_starlette.make(), **OPTIONS)
    assert app.middleware_stack is None
    of_starlette.ask(app, get(A))
    built = app.middleware_stack
    assert isinstance(built, importlib.import_module("corsfast.middleware.asgi").CORSMiddleware)
    assert type(built.app).__name__ == "ServerErrorMiddleware"
    of_starlette.ask(app, get(A))
    assert app.middleware_stack is built


def test_fastapi_keeps_the_interface_of_servers() -> None:
    from typing import Annotated

    import uvicorn
    from fastapi import Depends, FastAPI

    from corsfast.middleware.starlette import install

    with warnings.catch_warnings(action="ignore"):  # about the test client's own dependency
        from fastapi.testclient import TestClient

    seen = []

    @asynccontextmanager
    async def lifespan(app: Any) -> Any:
        seen.append("up")
        yield {"from_lifespan": 1}
        seen.append("down")

    def user() -> str:
        return "nobody"

    def create() -> FastAPI:
        app = FastAPI(lifespan=lifespan)
        install(app, **OPTIONS)

        async def read(user: Any) -> Any:
            return {"user": user}

        read.__annotations__["user"] = Annotated[str, Depends(user)]
        app.get("/user")(read)
        return app

    app = create()
    app.state.database = "here"
    assert app.url_path_for("read") == "/user"
    app.dependency_overrides[user] = lambda: "someone"
    with TestClient(app) as client:
        found = client.get("/user", headers={"Origin": A})
        assert found.json() == {"user": "someone"}
        assert found.headers["access-control-allow-origin"] == A
        assert client.get("/openapi.json", headers={"Origin": A}).json()["paths"].keys() == {
            "/user"
        }
    assert seen == ["up", "down"]
    config = uvicorn.Config(create, factory=True, proxy_headers=False)
    config.load()
    assert config.interface == "asgi3"
    assert isinstance(config.loaded_app, FastAPI)


# -- Flask and Quart -----------------------------------------------------------------------------


@pytest.fixture(params=["flask", "quart"])
def of_flask(request: pytest.FixtureRequest) -> Any:
    found = KINDS[request.param]
    found.library = importlib.import_module(f"corsfast.middleware.{found.module}")
    found.drop_in = found.library.CORS if found.module == "flask" else found.library.cors
    found.install = found.library.install
    return found


def test_preflights_come_before_before_request(of_flask: Any) -> None:
    app = of_flask.install(of_flask.make(), **OPTIONS)

    def authenticate() -> Any:
        return "no token", 401

    app.before_request(authenticate)
    assert of_flask.ask(app, preflight()).status == 204
    found = of_flask.ask(app, get(A))
    assert (found.status, found.first("access-control-allow-origin")) == (401, A)


def test_install_and_the_drop_in_exclude_each_other(of_flask: Any) -> None:
    app = of_flask.install(of_flask.make(), **OPTIONS)
    with pytest.raises(RuntimeError, match="call install or"):
        of_flask.drop_in(app)
    app = of_flask.make()
    of_flask.drop_in(app)
    of_flask.drop_in(app)
    with pytest.raises(RuntimeError, match="already has CORS"):
        of_flask.install(app, **OPTIONS)


def test_a_blueprint_is_rejected_with_a_suggestion(of_flask: Any) -> None:
    module = importlib.import_module(of_flask.module)
    with pytest.raises(TypeError, match=r"not Blueprint; for a blueprint, use paths="):
        of_flask.install(module.Blueprint("b", "b"), **OPTIONS)


def test_installing_after_the_first_request_works(of_flask: Any) -> None:
    app = of_flask.make()
    assert not cors_of(of_flask.ask(app, get(A)))
    of_flask.install(app, **OPTIONS)
    assert of_flask.ask(app, get(A)).first("access-control-allow-origin") == A


def test_flask_s_test_client_sees_the_headers() -> None:
    from corsfast.middleware.flask import install

    app = install(make_flask(), **OPTIONS)
    found = app.test_client().options(
        "/", headers={"Origin": A, "Access-Control-Request-Method": "PUT"}
    )
    assert found.status_code == 204


def test_quart_s_test_client_and_lifespan_work() -> None:
    from corsfast.middleware.quart import install

    app = install(make_quart(), **OPTIONS)
    seen = []
    app.before_serving(lambda: seen.append("up"))

    async def use() -> Any:
        async with app.test_app() as running:
            return await running.test_client().get("/", headers={"Origin": A})

    found = asyncio.run(use())
    assert seen == ["up"]
    assert found.headers["access-control-allow-origin"] == A
