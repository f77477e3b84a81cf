"""The Litestar application that a test serves. Tests never import it."""

from __future__ import annotations

from typing import Any

from litestar import Litestar, Response, route

import corsfast
from corsfast.middleware.litestar import CORSConfig, CORSPlugin


@route("/", http_method=["GET", "PUT"])
async def hello() -> Any:
    return Response(corsfast.IMPLEMENTATION, media_type="text/plain", headers={"Vary": "Accept"})


@route("/broken", http_method="GET")
async def broken() -> str:
    raise RuntimeError("a bug, on purpose")


config = CORSConfig(
    allow_origins=["https://app.example.com"],
    allow_methods=["PUT"],
    allow_headers=["X-Token"],
    allow_credentials=True,
)
app = Litestar([hello, broken], plugins=[CORSPlugin(config)])
