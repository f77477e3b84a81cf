"""The drop-in in whole applications, and on a real server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.client import Request, exchange, get, preflight, scope_of
from support.compare import differences, quiet, requests, varies_by
from support.drop_ins.quart import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_ORIGIN,
    EXPOSE,
    OTHER,
    OWN,
    A,
    B,
    Options,
    _no_token,
    _preflight_answered,
    build,
    cors,
    decorate,
    extended,
    gives_context,
    ours,
    run,
    seen,
    theirs,
)

pytestmark = pytest.mark.server


# -- in an application -----------------------------------------------------------------------


def layered(library: ModuleType) -> Any:
    """Return an application with policies on a route, a blueprint and itself, and exempt views."""
    from quart import Blueprint

    app = build()
    app.add_url_rule("/exempt", "exempt", library.cors_exempt(decorate(lambda: "exempt")))
    app.add_url_rule("/route", "route", library.route_cors(allow_origin=OTHER)(lambda: "sync"))
    blue = library.cors(Blueprint("blue", "blue", url_prefix="/blue"), allow_origin=B)
    blue.add_url_rule("/", "index", decorate(lambda: "blue"))
    blue.add_url_rule("/exempt", "exempt", library.cors_exempt(decorate(lambda: "no")))
    app.register_blueprint(blue)
    library.cors(app, allow_origin=A, expose_headers="X-One")
    library.cors(app, allow_origin=[A, B], expose_headers="X-Two")
    return app


def hooked(library: ModuleType) -> Any:
    """Return an application with functions before and after the view."""
    app = build()
    app.after_request(seen("X-Registered-Before"))
    library.cors(app, allow_origin=[A, B], expose_headers="X-E")
    app.after_request(seen("X-Registered-After"))
    return app


def hooked_later(library: ModuleType) -> Any:
    app = library.cors(build(), allow_origin=[A, B], expose_headers="X-E")
    app.after_request(seen("X-Registered-After"))
    return app


@pytest.mark.parametrize("build_with", [layered, hooked, hooked_later])
def test_applications_side_by_side(build_with: Callable[[ModuleType], Any]) -> None:
    paths = ["/", "/accept", "/broken", "/missing", "/exempt", "/route", "/blue/", "/blue/exempt"]
    asked = [r for path in paths for r in requests(path, (None, A, B, OTHER))]
    asked = [r for r in asked if ("access-control-request-method", "patch") not in r.headers]
    for request, their, our in zip(
        asked, run(build_with(theirs()), *asked), run(build_with(ours()), *asked), strict=True
    ):
        if _preflight_answered({}, request, their, our):
            continue
        if our.status == 405 and request.path in ("/route", "/blue/", "/blue/exempt"):
            continue  # a 405 is sent without the rules of the view or blueprint
        left = set(differences(their, our)) - _no_token({}, request, their, our)
        assert not left, (request, their, our)


def test_fields_set_by_a_view() -> None:
    app = extended(ours(), {"allow_origin": [A], "expose_headers": ["X-E"]})
    allowed, refused, plain = run(app, get(A, "/own"), get(OTHER, "/own"), get(None, "/own"))
    assert allowed.headers[ALLOW_ORIGIN] == [A]
    assert ALLOW_CREDENTIALS not in allowed.headers
    assert allowed.headers[EXPOSE] == ["X-Own", "X-E"]
    for found in (refused, plain):
        assert not cors(found)
        assert found.headers["vary"] == ["Origin"]


@pytest.mark.parametrize("how", ["cors", "behind others", "blueprint", "view"])
def test_a_session_that_is_saved_later_loses_no_origin(how: str) -> None:
    """The session reads only the first line of Vary and drops the others."""
    from quart import Blueprint, Response, session

    async def signed_in() -> Any:
        session["user"] = "me"
        response = Response("hello")
        for name in ("Accept", "X-Two"):
            response.headers.add("Vary", name)
        return response

    app = build()
    app.secret_key = "secret"
    place = app
    if how == "behind others":
        app.after_request(seen("X-Seen"))
    if how == "view":
        signed_in = ours().route_cors(allow_origin=A)(signed_in)
    else:
        place = Blueprint("blue", "blue") if how == "blueprint" else app
        ours().cors(place, allow_origin=A)
    place.add_url_rule("/in", "in", signed_in)
    if place is not app:
        app.register_blueprint(place)
    for found in run(app, get(A, "/in"), get(OTHER, "/in")):
        # With `cors` alone, CORS runs after the session, which has dropped a line by then.
        others = [] if how == "cors" else ["x-two"]
        assert varies_by(found) == {"accept", "origin", "cookie", *others}


def test_a_response_object_that_is_sent_twice() -> None:
    app = extended(ours(), {"allow_origin": [A, B]})
    kept = app.response_class("kept")
    app.add_url_rule("/kept", "kept", decorate(lambda: kept))
    for origin in (A, B, A):
        found = run(app, get(origin, "/kept"))[0]
        assert cors(found) == {ALLOW_ORIGIN: origin}
        assert found.headers["vary"] == ["Origin"]


@pytest.mark.parametrize("at_first", [False, True])
def test_the_config_may_change_between_requests(at_first: bool) -> None:
    app = ours().cors(build(), allow_origin=[A])
    for is_set in (at_first, not at_first, at_first):
        if is_set:
            app.config["QUART_CORS_EXPOSE_HEADERS"] = ["X-A"]
        else:
            app.config.pop("QUART_CORS_EXPOSE_HEADERS", None)
        exposed = {EXPOSE: "X-A"} if is_set else {}
        for found in run(app, get(A), get(A)):
            assert cors(found) == {ALLOW_ORIGIN: A, **exposed}


def test_a_request_made_by_hand_is_read_from_its_headers() -> None:
    async def ask() -> Any:
        from werkzeug.datastructures import Headers

        app = extended(ours(), {"allow_origin": [A]})
        async with app.test_request_context("/") as context:
            context.request.scope["headers"] = []
            context.request.headers = Headers([("Origin", A)])
            response = app.response_class("x")
            return await app.process_response(*[context] * gives_context(), response)

    assert asyncio.run(ask()).headers["Access-Control-Allow-Origin"] == A


def test_quart_answers_options_of_a_decorated_view() -> None:
    from quart import Quart

    async def index() -> str:
        return "ok"

    app = Quart("app")
    app.add_url_rule("/", "index", ours().route_cors(allow_origin=A)(index))
    (found,) = run(app, preflight("GET", None, A))
    assert found.status == 200
    assert found.first("allow") is not None
    assert found.first(ALLOW_ORIGIN) == A


@pytest.mark.parametrize("how", ["nothing", "later function", "this request", "subclass"])
def test_late_changes_of_a_response_come_before_cors(how: str) -> None:
    """`cors` may run first only if nothing else is left to do to a response."""
    from quart import Quart, after_this_request

    async def overwrite(response: Any) -> Any:
        response.headers[ALLOW_ORIGIN] = OWN
        response.headers["Vary"] = "Accept"
        return response

    class Changing(Quart):
        async def process_response(self, *args: Any) -> Any:
            return await overwrite(await super().process_response(*args))

    async def index() -> str:
        if how == "this request":
            after_this_request(overwrite)
        return "ok"

    app = ours().cors((Changing if how == "subclass" else Quart)("app"), allow_origin=A)
    app.add_url_rule("/late", "late", index)
    if how == "later function":
        app.after_request(overwrite)
    found = run(app, get(A, "/late"))[0]
    assert cors(found) == {ALLOW_ORIGIN: A}
    assert varies_by(found) == {"origin"} | (set() if how == "nothing" else {"accept"})


# -- WebSockets ------------------------------------------------------------------------------


def sockets(library: ModuleType, whole: bool, options: Options) -> Any:
    from quart import websocket

    app = build()

    async def echo() -> None:
        await websocket.send("hello")

    async def exempt() -> None:
        await websocket.send("hello")

    app.add_websocket("/exempt", "socket-exempt", library.cors_exempt(exempt))
    if whole:
        app.add_websocket("/socket", "socket", echo)
        return library.cors(app, **options)
    app.add_websocket("/socket", "socket", library.websocket_cors(**options)(echo))
    return app


async def shake(app: Any, path: str, *origins: str) -> str:
    """Return ``"accept"``, or the status of the rejection."""
    request = Request("GET", (("host", "api.example"), *(("origin", it) for it in origins)), path)
    first = (await exchange(app, scope_of(request, "websocket")))[0]
    return "accept" if first["type"] == "websocket.accept" else str(first["status"])


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    "options",
    [{}, {"allow_origin": A}, {"allow_origin": [re.compile(r"https://\w+\.example"), "null"]}],
    ids=repr,
)
def test_handshakes(whole: bool, options: Options) -> None:
    async def ask() -> None:
        their_app = sockets(theirs(), whole, options)
        our_app = quiet(lambda: sockets(ours(), whole, options))
        for app in (their_app, our_app):
            assert await shake(app, "/exempt") == "accept" if whole else True
        expected = {A: "accept", OTHER: "400" if "allow_origin" in options else "accept"}
        if isinstance(options.get("allow_origin"), list):
            expected |= {OTHER: "accept", "https://a.example.attacker.net": "400"}
        for origin, verdict in expected.items():
            assert await shake(our_app, "/socket", origin) == verdict, origin
        for origins in ((), (A,), (B,), ("null",), ("",)):
            assert await shake(our_app, "/socket", *origins) == await shake(
                their_app, "/socket", *origins
            ), origins
        if options:
            for hostile in ((A, A), ("\u00ff" * 8192,), (A + "/",)):
                assert await shake(our_app, "/socket", *hostile) == "400"

    asyncio.run(ask())


# -- on a server -----------------------------------------------------------------------------


@pytest.mark.parametrize("server", ["uvicorn --log-level warning --port", "hypercorn --bind"])
def test_on_servers(server: str, engine: ModuleType, tmp_path: Path) -> None:
    from support.servers import Server, ask
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    where = "127.0.0.1:{port}" if "hypercorn" in server else "{port}"
    with Server(
        f"-m {server} {where} support.apps.quart:app", engine.IMPLEMENTATION, tmp_path / "log"
    ) as started:
        port = started.port
        found = ask(port, "GET", "/", ("Origin", A))
        assert (found.status, found.body) == (200, engine.IMPLEMENTATION.encode())
        expected = {ALLOW_ORIGIN: A, ALLOW_CREDENTIALS: "true", "vary": "Origin"}
        assert found.cors == expected
        assert ask(port, "GET", "/", ("Origin", OTHER)).cors == {"vary": "Origin"}
        assert ask(port, "GET", "/exempt", ("Origin", A)).cors == {}
        assert ask(port, "GET", "/route", ("Origin", OTHER)).cors == {
            ALLOW_ORIGIN: OTHER,
            "vary": "Origin",
        }
        found = ask(port, "GET", "/broken", ("Origin", A))
        assert (found.status, found.cors) == (500, expected)
        lines = [("Origin", A), ("Access-Control-Request-Method", "PUT")]
        lines += [("Access-Control-Request-Headers", name) for name in ("x-b", "x-a")]
        found = ask(port, "OPTIONS", "/", *lines)
        assert (found.status, found.cors[ALLOW_HEADERS]) == (200, "x-b, x-a")
        hostile = ask(port, "GET", "/", ("Origin", "https://a.example\u00ff\u00fe"))
        assert (hostile.status, hostile.cors) == (200, {"vary": "Origin"})
        with connect(f"ws://127.0.0.1:{port}/socket", additional_headers={"Origin": A}) as socket:
            assert socket.recv(timeout=30) == "hello"
        with pytest.raises(InvalidStatus) as caught:
            connect(f"ws://127.0.0.1:{port}/socket", additional_headers={"Origin": OTHER})
        assert caught.value.response.status_code in (400, 403)
