"""aiohttp-cors in an aiohttp application: from the parsed request to the written headers.

There are no sockets. The request is built as the server's parser builds it, and the writer does
nothing. The calls wait for nothing, but aiohttp needs a running event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import aiohttp_cors
from aiohttp import web
from aiohttp.http import HttpVersion11, RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ...middleware import aiohttp as drop_in
from .. import scenario
from ..cases import Inputs, fresh
from ..engines import Engine
from ..scenario import DROP_IN, KINDS, METHODS, WHOLE, WITHOUT, CheckedResponse, Scenario, goals


def scenarios(engines: dict[str, Engine]) -> Iterator[Scenario]:  # noqa: ARG001 (no middleware is generic here)
    loop = asyncio.new_event_loop()
    served = {
        WITHOUT: Served(loop, build()),
        "aiohttp-cors": Served(loop, build(aiohttp_cors)),
        DROP_IN: Served(loop, build(drop_in)),
    }
    try:
        yield Scenario(
            "aiohttp",
            "a whole application with one route, from the parsed request to the written headers",
            "aiohttp-cors",
            {kind: inputs(*request) for kind, request in KINDS.items()},
            scenario.variants(served, {}, lambda app: app.look, lambda app: app.call),
            goals(DROP_IN, 1 / 6, "no Origin", "allowed"),
            loop.run_until_complete,
            times=WHOLE,
            by_turns=True,
            note="aiohttp-cors writes no Vary",
        )
    finally:
        loop.close()


def build(cors: Any = None) -> web.Application:
    async def index(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    app = web.Application()
    if cors is None:
        for method in METHODS:
            app.router.add_route(method, "/", index)
        return app
    options = cors.ResourceOptions(
        allow_credentials=True,
        expose_headers=scenario.EXPOSED,
        allow_headers=scenario.HEADERS,
        allow_methods=METHODS,
        max_age=600,
    )
    enabled = cors.setup(app, defaults=dict.fromkeys(scenario.ORIGINS, options))
    for method in METHODS:
        enabled.add(app.router.add_route(method, "/", index))
    return app


class Served:
    """An application, called as aiohttp's own server calls it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, app: web.Application) -> None:
        runner = web.AppRunner(app)
        loop.run_until_complete(runner.setup())
        server = runner.server
        assert server is not None
        self.loop = loop
        self.make_request: Any = server.request_factory
        self.handle: Any = server.request_handler
        self.protocol: Any = server()

    async def call(self, message: RawRequestMessage) -> web.StreamResponse:
        protocol, task = self.protocol, asyncio.current_task()
        assert task is not None
        request = self.make_request(message, EMPTY_PAYLOAD, protocol, Nowhere(), task)
        response = await self.handle(request)
        await response.prepare(request)
        await response.write_eof()
        return response

    def look(self, message: RawRequestMessage) -> CheckedResponse:
        response = self.loop.run_until_complete(self.call(message))
        return CheckedResponse(response.status, response.headers.get("Access-Control-Allow-Origin"))


class Nowhere:
    """A replacement for the socket's writer that does nothing."""

    buffer_size = output_size = length = 0

    async def ignore(self, *_: Any, **__: Any) -> None:
        pass

    write: Any = ignore
    write_eof: Any = ignore
    drain: Any = ignore
    write_headers: Any = ignore

    def enable_compression(self, *_: Any, **__: Any) -> None:
        pass

    enable_chunking = enable_compression


def inputs(method: str, fields: Iterable[tuple[str, str]]) -> Callable[[int], Inputs]:
    return lambda n: [(message(method, fields),) for _ in range(n)]


def message(method: str, fields: Iterable[tuple[str, str]]) -> RawRequestMessage:
    """Return a new request, as the server's parser makes it."""
    pairs = [(fresh(name.title()), fresh(value)) for name, value in fields]
    raw = tuple((name.encode(), value.encode()) for name, value in pairs)
    headers = CIMultiDictProxy(CIMultiDict(pairs))
    return RawRequestMessage(
        fresh(method), "/", HttpVersion11, headers, raw, False, None, False, False, URL("/")
    )
