"""The applications with drop-in middlewares that real servers serve: one for each framework.

Imported by servers, in processes of their own; never by a test.
"""

from __future__ import annotations

from typing import Any

from litestar import Litestar, Response, route
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import corsfast
from corsfast.middleware.litestar import CORSConfig, CORSPlugin
from corsfast.middleware.starlette import CORSMiddleware as StarletteMiddleware

OPTIONS: dict[str, Any] = {
    "allow_origins": ["https://app.example.com"],
    "allow_methods": ["PUT"],
    "allow_headers": ["X-Token"],
    "allow_credentials": True,
}


async def hello(request: Any) -> Any:
    return PlainTextResponse(corsfast.IMPLEMENTATION, headers={"Vary": "Accept"})


async def broken(request: Any) -> Any:
    raise RuntimeError("a bug, on purpose")


starlette = StarletteMiddleware(
    Starlette(routes=[Route("/", hello, methods=["GET", "PUT"]), Route("/broken", broken)]),
    **OPTIONS,
)


@route("/", http_method=["GET", "PUT"])
async def index() -> Any:
    return Response(corsfast.IMPLEMENTATION, media_type="text/plain", headers={"Vary": "Accept"})


@route("/broken", http_method="GET")
async def failing() -> str:
    raise RuntimeError("a bug, on purpose")


litestar = Litestar([index, failing], plugins=[CORSPlugin(CORSConfig(**OPTIONS))])
