"""aiohttp-cors in an aiohttp application: from the parsed request to the written headers.

There are no sockets. The request is built as the server's parser builds it, and the writer does
nothing. The calls wait for nothing, but aiohttp needs a running event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp_cors
from aiohttp import web
from aiohttp.http import HttpVersion11, RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ..cases import APP, Inputs, fresh
from ..engines import Engine
from . import (
    EXPOSED,
    HEADERS,
    METHODS,
    ORIGINS,
    WHOLE,
    WITHOUT,
    Answer,
    Share,
    Stand,
    Way,
    drop_in,
    expected,
    expected_without,
)
from .asgi import ASKS, PLAIN, STRANGER

COMMON = ("no Origin", "allowed")


def stands(engines: dict[str, Engine]) -> Iterator[Stand]:  # noqa: ARG001 (no middleware is generic here)
    loop = asyncio.new_event_loop()
    try:
        bare = Served(loop, build())
        yield Stand(
            "aiohttp",
            "a whole application with one route, from the parsed request to the written headers",
            "aiohttp-cors",
            requests(),
            [Way(WITHOUT, bare.call, bare.look, expected_without()), *ways(loop)],
            (Share("drop-in", 1 / 8, COMMON),),
            loop.run_until_complete,
            times=WHOLE,
            by_turns=True,
            note="aiohttp-cors writes no Vary",
        )
    finally:
        loop.close()


def ways(loop: asyncio.AbstractEventLoop) -> Iterator[Way]:
    original = Served(loop, build(aiohttp_cors))
    yield Way("aiohttp-cors", original.call, original.look, expected(200))
    if ours := drop_in("aiohttp"):
        served = Served(loop, build(ours))
        yield Way("drop-in", served.call, served.look, expected(200))


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
        expose_headers=EXPOSED,
        allow_headers=HEADERS,
        allow_methods=METHODS,
        max_age=600,
    )
    enabled = cors.setup(app, defaults=dict.fromkeys(ORIGINS, options))
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
        self.make_request = server.request_factory
        self.handle = server.request_handler
        self.protocol = server()

    async def call(self, message: RawRequestMessage) -> web.StreamResponse:
        protocol, task = self.protocol, asyncio.current_task()
        assert task is not None
        request = self.make_request(message, EMPTY_PAYLOAD, protocol, Nowhere(), task)
        response = await self.handle(request)
        await response.prepare(request)
        await response.write_eof()
        return response

    def look(self, message: RawRequestMessage) -> Answer:
        response = self.loop.run_until_complete(self.call(message))
        return Answer(response.status, response.headers.get("Access-Control-Allow-Origin"))


class Nowhere:
    """A replacement for the socket's writer that does nothing."""

    buffer_size = output_size = length = 0

    async def write(self, chunk: Any) -> None:
        pass

    async def write_eof(self, chunk: bytes = b"") -> None:
        pass

    async def drain(self) -> None:
        pass

    def enable_compression(self, encoding: str = "deflate", strategy: int | None = None) -> None:
        pass

    def enable_chunking(self) -> None:
        pass

    async def write_headers(self, status_line: str, headers: Any) -> None:
        pass


def requests() -> dict[str, Callable[[int], Inputs]]:
    def inputs(method: str, *fields: tuple[str, str]) -> Callable[[int], Inputs]:
        return lambda n: [(message(method, fields),) for _ in range(n)]

    return {
        "no Origin": inputs("GET", *PLAIN),
        "allowed": inputs("GET", *PLAIN, ("origin", APP)),
        "refused": inputs("GET", *PLAIN, ("origin", STRANGER)),
        "preflight": inputs("OPTIONS", *PLAIN, ("origin", APP), *ASKS),
    }


def message(method: str, fields: tuple[tuple[str, str], ...]) -> RawRequestMessage:
    """Return a new request, as the server's parser makes it."""
    pairs = [(fresh(name.title()), fresh(value)) for name, value in fields]
    raw = tuple((name.encode(), value.encode()) for name, value in pairs)
    headers = CIMultiDictProxy(CIMultiDict(pairs))
    return RawRequestMessage(
        fresh(method), "/", HttpVersion11, headers, raw, False, None, False, False, URL("/")
    )
