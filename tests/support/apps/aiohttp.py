"""The application that middleware/aiohttp/test_applications.py serves: `make([directory])`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web

import corsfast
from corsfast.middleware.aiohttp import CorsViewMixin, ResourceOptions, setup


async def hello(request: web.Request) -> web.StreamResponse:
    return web.Response(text="hello", headers={"Vary": "Accept"})


async def engine(request: web.Request) -> web.StreamResponse:
    return web.Response(text=corsfast.IMPLEMENTATION)


async def stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"one ")
    await response.write(b"two")
    return response


async def broken(request: web.Request) -> web.StreamResponse:
    raise RuntimeError("a bug, on purpose")


async def missing(request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


class View(web.View, CorsViewMixin):
    async def get(self) -> web.StreamResponse:
        return web.Response(text="view")


def make(arguments: list[str]) -> web.Application:
    app, within = web.Application(), web.Application()
    options: dict[str, Any] = {
        "allow_credentials": True,
        "allow_headers": ["X-Token"],
        "expose_headers": ["X-Total"],
        "max_age": 600,
    }
    defaults = {"https://app.example.com": ResourceOptions(**options)}
    cors = setup(app, defaults=defaults)
    for path, handler in (
        ("/", hello),
        ("/stream", stream),
        ("/broken", broken),
        ("/missing", missing),
    ):
        cors.add(app.router.add_get(path, handler))
    # The options of a static resource name GET, because it has no route that could be added.
    reading = {"https://app.example.com": {**options, "allow_methods": ["GET"]}}
    cors.add(app.router.add_static("/files", Path(arguments[0]) / "files"), reading)
    cors.add(app.router.add_view("/view", View))
    cors.add(within.router.add_get("/", hello))
    cors.add(within.router.add_view("/view", View))
    app.router.add_get("/free", hello)
    app.router.add_get("/engine", engine)
    app.add_subapp("/within", within)
    return app
