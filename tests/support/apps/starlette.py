"""The Starlette application that a test serves. Tests never import it."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import corsfast
from corsfast.middleware.starlette import CORSMiddleware


async def hello(request: Any) -> Any:
    return PlainTextResponse(corsfast.IMPLEMENTATION, headers={"Vary": "Accept"})


async def broken(request: Any) -> Any:
    raise RuntimeError("a bug, on purpose")


app = CORSMiddleware(
    Starlette(routes=[Route("/", hello, methods=["GET", "PUT"]), Route("/broken", broken)]),
    allow_origins=["https://app.example.com"],
    allow_methods=["PUT"],
    allow_headers=["X-Token"],
    allow_credentials=True,
)
