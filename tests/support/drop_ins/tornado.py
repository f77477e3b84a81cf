"""A Tornado server in a thread of this process, and a client with one connection to it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import threading
from collections.abc import Iterator
from typing import Any

from support.client import Answer, preflight
from support.servers import put


class Client:
    """A kept connection to a server that runs in a thread."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def __call__(self, method: str, path: str, *lines: tuple[str, str]) -> Answer:
        return put(self._connection, method, path, *lines)

    def preflight(
        self, path: str, origin: str = "https://a.example", method: str = "PUT"
    ) -> Answer:
        return self("OPTIONS", path, *preflight(method, "x-custom", origin).headers)

    def close(self) -> None:
        self._connection.close()


@contextlib.contextmanager
def served(app: Any) -> Iterator[Client]:
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets

    ports: list[int] = []
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        server = HTTPServer(app)
        sockets = bind_sockets(0, "127.0.0.1")
        ports.append(sockets[0].getsockname()[1])
        server.add_sockets(sockets)
        ready.set()
        await stop.wait()
        server.stop()
        await server.close_all_connections()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(30)
    client = Client(ports[0])
    try:
        yield client
    finally:
        client.close()
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()
    assert not thread.is_alive()
