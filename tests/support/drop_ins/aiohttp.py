"""An application for the tests of the drop-in for aiohttp-cors, and one way to call it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from support.client import Answer, Request, answer

A = "https://a.example"
B = "https://b.example"
OTHER = "https://other.example"
ORIGINS = (None, A, B, "https://sub.a.example", "null", "chrome-extension://abcdefghijklmnop")
OWN = "https://own.example"


def ours() -> ModuleType:
    from corsfast.middleware import aiohttp

    return aiohttp


def theirs() -> ModuleType:
    import aiohttp_cors

    return aiohttp_cors


async def handler(request: Any) -> Any:
    from aiohttp import web

    match request.path:
        case "/broken":
            raise RuntimeError("a bug, on purpose")
        case "/missing":
            raise web.HTTPNotFound
        case "/own":
            headers = [("access-control-allow-origin", OWN), ("Access-Control-Max-Age", "1")]
        case "/vary":
            headers = [("Vary", "Accept"), ("Vary", "Cookie, origin")]
        case "/accept":
            headers = [("vary", "Accept"), ("X-Total", "1"), ("Cache-Control", "no-store")]
        case "/star":
            headers = [("Vary", "*")]
        case _:
            headers = []
    return web.Response(text="hello", headers=headers)


PATHS = ("/", "/broken", "/missing", "/own", "/vary", "/accept", "/star", "/items/{name}")


def build(library: ModuleType, where: str, config: dict[str, Any]) -> Any:
    """Build an application whose routes were added with the same options in different places."""
    from aiohttp import web

    app = web.Application()
    options = library.ResourceOptions
    config = {origin: options(**given) for origin, given in config.items()}
    nearest = {"https://a.example": options(max_age=1, allow_headers=["X-Near"])}
    cors = library.setup(app, defaults=config if where in ("defaults", "mixed") else None)
    for path in PATHS:
        resource = app.router.add_resource(path)
        if where == "resource":
            cors.add(resource, config)
        elif where == "defaults":
            cors.add(resource)
        for method in ("GET", "PUT"):
            route = resource.add_route(method, handler)
            if where == "route":
                cors.add(route, config if method == "PUT" else None)
            elif where == "mixed":
                cors.add(route, nearest if method == "PUT" else None)
        resource.add_route("POST", handler)
    app.router.add_get("/free", handler)
    return app


class Served:
    """An application called as aiohttp's own server calls it, without the socket."""

    def __init__(self, app: Any) -> None:
        from aiohttp import web

        self.app = app
        runner = web.AppRunner(app)
        wait(runner.setup())
        assert runner.server is not None
        self.server = runner.server
        self.protocol = runner.server()

    async def handle(self, request: Request) -> Answer:
        from aiohttp import web
        from aiohttp.http import HttpVersion11, RawRequestMessage
        from aiohttp.streams import EMPTY_PAYLOAD
        from multidict import CIMultiDict, CIMultiDictProxy
        from yarl import URL

        headers = CIMultiDict(request.headers)
        raw = tuple((k.encode(), v.encode("utf-8", "surrogateescape")) for k, v in request.headers)
        message = RawRequestMessage(
            request.method,
            request.path,
            HttpVersion11,
            CIMultiDictProxy(headers),
            raw,
            False,
            None,
            False,
            False,
            URL(request.path),
        )
        task = asyncio.current_task()
        it = self.server.request_factory(message, EMPTY_PAYLOAD, self.protocol, Nowhere(), task)
        response: Any
        try:
            response = await self.server.request_handler(it)
        except web.HTTPException as error:
            response = error
        except Exception:
            response = web.Response(status=500, text="500")
        try:
            await response.prepare(it)
        except Exception:
            return Answer(0, {}, b"")  # the server closes the connection
        body = response.body or b""
        return normal(answer(response.status, response.headers.items(), bytes(body)))


class Nowhere:
    """A replacement for the socket's writer."""

    length = 0
    output_size = 0

    async def write_headers(self, *_: Any) -> None: ...

    def send_headers(self) -> None: ...

    async def write_eof(self, *_: Any) -> None: ...

    def enable_chunking(self) -> None: ...


LOOP: asyncio.AbstractEventLoop


@contextlib.contextmanager
def own_loop() -> Iterator[None]:
    """Use a new event loop for `Served` and `call`."""
    global LOOP
    LOOP = asyncio.new_event_loop()
    asyncio.set_event_loop(LOOP)
    yield
    asyncio.set_event_loop(None)
    LOOP.close()


def wait(awaitable: Any) -> Any:
    return LOOP.run_until_complete(awaitable)


LISTS = ("access-control-expose-headers", "access-control-allow-headers")


def normal(found: Answer) -> Answer:
    """Sort the names in lists of a response, because the original takes them from a set."""
    headers = {k: v for k, v in found.headers.items() if k not in ("date", "server")}
    for name in LISTS:
        if name in headers:
            headers[name] = [",".join(sorted(headers[name][0].split(",")))]
    body = found.body
    head, mark, tail = body.partition(b"headers are not allowed: ")
    if mark:
        body = head + mark + b", ".join(sorted(tail.split(b", ")))
    return Answer(found.status, headers, body)


def call(served: Served, request: Request) -> Answer:
    return wait(served.handle(request))


def get(path: str = "/", *origins: str) -> Request:
    return Request("GET", tuple(("origin", origin) for origin in origins), path)


def preflight(
    origin: str, method: str = "PUT", names: str | None = None, path: str = "/"
) -> Request:
    lines = [("origin", origin), ("access-control-request-method", method)]
    if names is not None:
        lines.append(("access-control-request-headers", names))
    return Request("OPTIONS", tuple(lines), path)


LOOKED_AT = {"origin", "access-control-request-method", "access-control-request-headers"}


def varied(found: Answer) -> set[str]:
    lines = found.headers.get("vary", [])
    return {name.strip().lower() for line in lines for name in line.split(",")}


def bare(found: Answer) -> bool:
    return not any(name.startswith("access-control-") for name in found.headers)
