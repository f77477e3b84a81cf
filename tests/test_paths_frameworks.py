"""Policies by path in front of real routers: whatever a router takes for a path, the path's own
policy holds for it, also where the application is mounted below a root.

Marked `server` because it needs frameworks, which not every target of a wheel has; for the same
reason they are imported where they are used.
"""

from __future__ import annotations

import asyncio
import itertools
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from calling import ask_asgi
from sidebyside import Request

from corsfast.middleware.asgi import CORSMiddleware

pytestmark = pytest.mark.server

STRICT = "https://strict.example"
STRANGER = "https://stranger.example"
SECRET = b"secret"
ROOT = "/v1"


# -- applications with one route, /api/x ---------------------------------------------------------


def starlette(**options: Any) -> Any:
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def secret(_: Any) -> Any:
        return PlainTextResponse(SECRET)

    return Starlette(routes=[Route("/api/x", secret)])


def fastapi(**options: Any) -> Any:
    from fastapi import FastAPI
    from fastapi.responses import PlainTextResponse

    app = FastAPI(**options)

    @app.get("/api/x", response_class=PlainTextResponse)
    async def secret() -> bytes:
        return SECRET

    return app


def fastapi_with_its_own_root() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, and in use
        return fastapi(root_path=ROOT)


def litestar() -> Any:
    from litestar import Litestar, MediaType, get

    @get("/api/x", media_type=MediaType.TEXT)
    async def secret() -> bytes:
        return SECRET

    return Litestar([secret])


def quart() -> Any:
    from quart import Quart

    app = Quart(__name__)

    @app.get("/api/x")
    async def secret() -> bytes:
        return SECRET

    return app


def falcon() -> Any:
    import falcon.asgi

    class Secret:
        async def on_get(self, _: Any, response: Any) -> None:
            response.data = SECRET

    app = falcon.asgi.App()
    app.add_route("/api/x", Secret())
    return app


APPLICATIONS = [starlette, fastapi, fastapi_with_its_own_root, litestar, quart, falcon]


# -- the paths -----------------------------------------------------------------------------------

HEADS = ("", "/", "//", "/public", "/x", "/V1", "/v1", "/v1/", "/v1/v1", "/public/v1", "/x/v1")
MIDDLES = ("", "/", "/v1", "/v1/", "v1", "/public")
TAILS = ("/api/x", "api/x", "//api/x", "/api//x", "/api/x/", "/API/x", "/api/x\n")
SPELLINGS = sorted(
    {
        path
        for path in map("".join, itertools.product(HEADS, MIDDLES, TAILS))
        if path.startswith("/")
    }
)


@pytest.fixture(params=APPLICATIONS, scope="module")
def application(request: pytest.FixtureRequest) -> Any:
    make: Callable[[], Any] = request.param
    return make()


@pytest.mark.parametrize("root", ["", ROOT, ROOT + "/"])
@pytest.mark.parametrize("loose", ["/*", "/public/*"])
def test_nobody_reads_a_path_with_another_paths_policy(
    application: Any, loose: str, root: str
) -> None:
    app = CORSMiddleware(
        application,
        paths={loose: {"allow_origins": "*"}, "/api/*": {"allow_origins": [STRICT]}},
        block_refused=True,
    )

    async def ask_all() -> list[str]:
        opened = []
        for path in SPELLINGS:
            found = await ask_asgi(app, Request("GET", (("origin", STRICT),), path), root)
            if found.body == SECRET:
                assert found.first("access-control-allow-origin") == STRICT, path
                opened.append(path)
            found = await ask_asgi(app, Request("GET", (("origin", STRANGER),), path), root)
            assert found.body != SECRET, (path, found)
        return opened

    opened = asyncio.run(ask_all())
    assert "/api/x" in opened or "/v1/api/x" in opened
