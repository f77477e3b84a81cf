"""quart-cors over a whole Quart application, called as a server calls it.

Quart makes tasks for each request, so the calls are awaited in an event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from quart import Quart
from quart_cors import cors

from ...middleware import quart as drop_in
from .. import scenario
from ..engines import Engine
from ..scenario import DROP_IN, WHOLE, WITHOUT, Scenario, goals
from . import asgi


def scenarios(engines: dict[str, Engine]) -> Iterator[Scenario]:
    loop = asyncio.new_event_loop()
    try:
        yield asgi.build(
            "quart",
            "a whole application with one route, in an event loop",
            "quart-cors",
            {WITHOUT: build(), "quart-cors": build(cors), DROP_IN: build(drop_in.cors)},
            engines,
            goals=goals(DROP_IN, 1 / 8, "no Origin", "allowed"),
            make_client=make_client,
            run=loop.run_until_complete,
            times=WHOLE // 2,
            by_turns=True,
        )
    finally:
        loop.close()


def build(extend: Any = None) -> Any:
    async def index() -> str:
        return "ok"

    app = Quart(__name__)
    app.add_url_rule("/", view_func=index, methods=["GET", "PUT", "DELETE"])
    if extend is None:
        return app
    return extend(
        app,
        allow_origin=scenario.ORIGINS,
        allow_methods=scenario.METHODS,
        allow_headers=scenario.HEADERS,
        expose_headers=scenario.EXPOSED,
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
        return await asgi.receive()

    async def leave_in_the_end(message: Any) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            left.set()

    return once, leave_in_the_end
