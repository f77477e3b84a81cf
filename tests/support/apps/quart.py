"""The Quart application that a test serves. Tests never import it."""

from __future__ import annotations

from quart import Quart, websocket

import corsfast
from corsfast.middleware.quart import cors, cors_exempt, route_cors

app = cors(Quart(__name__), allow_origin="https://a.example", allow_credentials=True)


@app.get("/")
async def hello() -> str:
    return corsfast.IMPLEMENTATION


@app.get("/exempt")
@cors_exempt
async def exempt() -> str:
    return "hello"


@app.get("/route")
@route_cors(allow_origin="https://other.example")
async def route() -> str:
    return "hello"


@app.get("/broken")
async def broken() -> str:
    raise RuntimeError("a bug, on purpose")


@app.websocket("/socket")
async def socket() -> None:
    await websocket.send("hello")
