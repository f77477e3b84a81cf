"""The applications with drop-in middlewares that real servers serve: one for each framework.

Imported by servers, in processes of their own; never by a test.
"""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import corsfast
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
