"""quart-cors over a whole Quart application, called as a server calls it.

Quart makes tasks for each request, so the calls are awaited in an event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from quart import Quart
from quart_cors import cors

from ..engines import Engine
from . import EXPOSED, HEADERS, METHODS, ORIGINS, WHOLE, Share, Stand, Way, drop_in, expected
from .asgi import around, generic, receive, requests, without

COMMON = ("no Origin", "allowed")


def stands(engines: dict[str, Engine]) -> Iterator[Stand]:
    loop = asyncio.new_event_loop()
    try:
        run = loop.run_until_complete
        app = build()
        yield Stand(
            "quart",
            "a whole application with one route, in an event loop",
            "quart-cors",
            requests(make_client),
            [without(app, run), *ways(run), *generic(app, engines, run)],
            (Share("drop-in", 1 / 8, COMMON),),
            run,
            times=WHOLE // 2,
            by_turns=True,
        )
    finally:
        loop.close()


def ways(run: Any) -> Iterator[Way]:
    yield around("quart-cors", build(cors), expected(200), run)
    if ours := drop_in("quart"):
        yield around("drop-in", build(ours.cors), expected(200), run)


def build(extend: Any = None) -> Any:
    async def index() -> str:
        return "ok"

    app = Quart(__name__)
    app.add_url_rule("/", view_func=index, methods=["GET", "PUT", "DELETE"])
    if extend is None:
        return app
    return extend(
        app,
        allow_origin=ORIGINS,
        allow_methods=METHODS,
        allow_headers=HEADERS,
        expose_headers=EXPOSED,
        allow_credentials=True,
        max_age=600,
    )


def make_client() -> tuple[Any, Any]:
    """Return the receive and send of a client that disconnects after it has its response.

    Quart cancels a request whose client has disconnected. Since 0.23 it waits for the disconnect
    at the end.
    """
    asked = False
    left = asyncio.Event()

    async def once() -> dict[str, Any]:
        nonlocal asked
        if asked:
            await left.wait()
            return {"type": "http.disconnect"}
        asked = True
        return await receive()

    async def leave_in_the_end(message: Any) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            left.set()

    return once, leave_in_the_end
