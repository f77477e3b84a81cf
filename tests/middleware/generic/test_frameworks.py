"""The ASGI middleware with Starlette and FastAPI in process, around them and inside.

The tests are marked `server` because they need these packages, which are not available for every
wheel target. For the same reason each test imports them. No test client is used: its dependencies
change too often, and a scope and its messages are enough.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.client import Answer, run, scope_of, written

from corsfast.middleware.asgi import CORSMiddleware

pytestmark = pytest.mark.server

APP = "https://app.example.com"
OTHER = "https://other.example"
OPTIONS: dict[str, Any] = {"allow_origins": [APP], "allow_methods": ["PUT"]}


def routes() -> list[Any]:
    from starlette.exceptions import HTTPException
    from starlette.responses import PlainTextResponse, Response, StreamingResponse
    from starlette.routing import Route, WebSocketRoute

    cached = PlainTextResponse("cached")

    async def hello(request: Any) -> Any:
        return PlainTextResponse("hello")

    async def one_object(request: Any) -> Any:
        return cached

    async def missing(request: Any) -> Any:
        raise HTTPException(404)

    async def broken(request: Any) -> Any:
        raise RuntimeError("bug")

    async def unmodified(request: Any) -> Any:
        return Response(status_code=304, headers={"ETag": '"1"', "Vary": "Accept"})

    async def stream(request: Any) -> Any:
        async def parts() -> Any:
            yield b"one "
            yield b"two"

        return StreamingResponse(parts())

    async def deny(socket: Any) -> None:
        await socket.send_denial_response(PlainTextResponse("no", status_code=401))

    return [
        Route("/", hello),
        Route("/cached", one_object),
        Route("/missing", missing),
        Route("/broken", broken),
        Route("/unmodified", unmodified),
        Route("/stream", stream),
        WebSocketRoute("/socket", deny),
    ]


def starlette(**options: Any) -> Any:
    from starlette.applications import Starlette

    return Starlette(routes=routes(), **options)


def fastapi(**options: Any) -> Any:
    from fastapi import FastAPI

    return FastAPI(routes=routes(), **options)


@pytest.fixture(params=[starlette, fastapi])
def framework(request: pytest.FixtureRequest) -> Any:
    return request.param


def scope(path: str, method: str = "GET", **headers: str) -> dict[str, Any]:
    return scope_of(written(method, path, **headers))


def preflight(origin: str = APP) -> dict[str, Any]:
    return scope("/", "OPTIONS", origin=origin, access_control_request_method="PUT")


def ask(app: Any, scope: dict[str, Any]) -> Answer:
    return run(app, scope, raises=False).answer()


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/", 200, b"hello"),
        ("/missing", 404, None),
        ("/nowhere", 404, None),
        ("/broken", 500, b"Internal Server Error"),
        ("/unmodified", 304, b""),
        ("/stream", 200, b"one two"),
    ],
)
def test_around_a_framework(
    Policy: Any, framework: Any, path: str, status: int, body: bytes | None
) -> None:
    response = ask(CORSMiddleware(framework(), Policy(**OPTIONS)), scope(path, origin=APP))
    assert response.status == status
    assert body in (None, response.body)
    assert response.all("access-control-allow-origin") == [APP]
    (vary,) = response.all("vary")
    assert vary == ("Accept, Origin" if path == "/unmodified" else "Origin")


def test_an_exception_still_reaches_the_server(Policy: Any, framework: Any) -> None:
    app = CORSMiddleware(framework(), Policy(**OPTIONS))
    assert repr(run(app, scope("/broken", origin=APP), raises=False).error) == "RuntimeError('bug')"


def test_a_response_object_sent_twice_collects_nothing(Policy: Any, framework: Any) -> None:
    app = CORSMiddleware(framework(), Policy(**OPTIONS))
    first, second, third = (ask(app, scope("/cached", origin=APP)) for _ in range(3))
    assert first == second == third
    assert third.all("access-control-allow-origin") == [APP]


@pytest.mark.parametrize("ready", [True, False], ids=["policy", "options"])
def test_as_a_frameworks_own_middleware(Policy: Any, framework: Any, ready: bool) -> None:
    app = framework()
    if ready:
        app.add_middleware(CORSMiddleware, Policy(**OPTIONS))
    else:
        app.add_middleware(CORSMiddleware, **OPTIONS)
    allowed = ask(app, scope("/", origin=APP))
    assert allowed.body == b"hello"
    assert allowed.all("access-control-allow-origin") == [APP]
    refused = ask(app, scope("/", origin=OTHER))
    assert refused.body == b"hello"
    assert refused.all("access-control-allow-origin") == []
    answer = ask(app, preflight())
    assert (answer.status, answer.body) == (204, b"")
    assert answer.all("access-control-allow-methods") == ["PUT"]
    assert ask(app, preflight(OTHER)).status == 403


def test_lifespan_of_a_framework(Policy: Any, framework: Any) -> None:
    seen = []

    @asynccontextmanager
    async def lifespan(app: Any) -> Any:
        seen.append("up")
        yield
        seen.append("down")

    app = CORSMiddleware(framework(lifespan=lifespan), Policy(**OPTIONS))
    steps = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = run(app, {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, *steps)
    assert seen == ["up", "down"]
    assert [m["type"] for m in sent] == [s["type"] + ".complete" for s in steps]


def test_a_handshake_that_a_framework_refuses(Policy: Any, framework: Any) -> None:
    handshake = scope_of(written("GET", "/socket", origin=APP), "websocket")
    app = CORSMiddleware(framework(), Policy(**OPTIONS))
    response = ask(app, handshake)
    assert (response.status, response.body) == (401, b"no")
    assert response.all("access-control-allow-origin") == [APP]


def test_preflights_come_before_authentication(Policy: Any, framework: Any) -> None:
    from starlette.responses import PlainTextResponse

    class Authentication:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, *call: Any) -> None:
            await PlainTextResponse("who are you?", status_code=401)(*call)

    inner = framework()
    inner.add_middleware(Authentication)
    app = CORSMiddleware(inner, Policy(**OPTIONS))
    assert ask(app, preflight()).status == 204
    response = ask(app, scope("/", origin=APP))
    assert response.status == 401
    assert response.all("access-control-allow-origin") == [APP]


def test_servers_take_it_for_asgi_3(Policy: Any, framework: Any) -> None:
    import hypercorn.utils
    import uvicorn

    app = CORSMiddleware(framework(), Policy(**OPTIONS))
    assert hypercorn.utils.is_asgi(app)
    config = uvicorn.Config(app, proxy_headers=False)
    config.load()
    assert config.interface == "asgi3"
    assert config.loaded_app is app


def test_a_line_feed_buys_no_other_path_s_policy(framework: Any) -> None:
    """Routes end in `$`, which also matches before a final line feed."""
    paths: dict[str, Any] = {"/*": {"allow_origins": "*"}, "/cached": {"allow_origins": [OTHER]}}
    app = CORSMiddleware(framework(), paths=paths)
    for path, body, allowed in [
        ("/", b"hello", ["*"]),
        ("/cached", b"cached", []),
        ("/cached\n", b"cached", []),
    ]:
        response = ask(app, scope(path, origin=APP))
        assert response.body == body
        assert response.all("access-control-allow-origin") == allowed


# -- frameworks that inspect an application's parameters -----------------------------------------


@pytest.mark.parametrize("interface", ["asgi", "wsgi"])
def test_falcon_s_test_client_takes_it(interface: str) -> None:
    import falcon
    import falcon.asgi
    import falcon.testing

    from corsfast.middleware import wsgi

    inner: Any = falcon.asgi.App() if interface == "asgi" else falcon.App()
    kind: Any = CORSMiddleware if interface == "asgi" else wsgi.CORSMiddleware
    client = falcon.testing.TestClient(kind(inner, **OPTIONS))
    found = client.simulate_get("/nowhere", headers={"Origin": APP})
    assert (found.status_code, found.headers["access-control-allow-origin"]) == (404, APP)


@pytest.mark.parametrize("drop_in", [False, True])
def test_litestar_mounts_it(drop_in: bool) -> None:
    from litestar import Litestar, asgi

    from corsfast.middleware import starlette as of_starlette

    kind: Any = of_starlette.CORSMiddleware if drop_in else CORSMiddleware
    mounted = asgi("/mounted", is_mount=True, copy_scope=True)(kind(starlette(), **OPTIONS))
    found = ask(Litestar([mounted], openapi_config=None), scope("/mounted/", origin=APP))
    assert (found.status, found.body) == (200, b"hello")
    assert found.all("access-control-allow-origin") == [APP]
