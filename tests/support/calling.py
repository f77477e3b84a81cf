"""Send one request to an application, or start it, without a server.

These functions turn the Request and Answer of support/compare.py into calls and back. Nothing here
imports a framework.
"""

from __future__ import annotations

import asyncio
import io
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from support.compare import Answer, Request, answer


def ask_wsgi(app: Any, request: Request, script_name: str = "") -> Answer:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": request.path,
        "SCRIPT_NAME": script_name,
        "QUERY_STRING": "",
        "SERVER_NAME": "api.example",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
    }
    for name, value in request.headers:
        # Servers join several lines of a field.
        key = "HTTP_" + name.upper().replace("-", "_")
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    started: list[Any] = []
    body = app(environ, lambda *start: started.append(start))
    try:
        content = b"".join(body)
    finally:
        if hasattr(body, "close"):
            body.close()
    status, headers = started[-1][:2]
    return answer(int(status[:3]), headers, content)


async def ask_asgi(app: Any, request: Request, root_path: str = "") -> Answer:
    """Send one request to an ASGI application.

    The client stays until it has its response. Then the server reports a disconnect, because some
    applications wait for it
    (https://asgi.readthedocs.io/en/latest/specs/www.html#disconnect-receive-event).
    """
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "raw_path": quote(request.path, "/%?:@!$&'()*+,;=").encode(),
        "root_path": root_path,
        "query_string": b"",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in request.headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    sent: list[dict[str, Any]] = []
    received = False
    answered = asyncio.Event()

    async def receive() -> dict[str, Any]:
        nonlocal received
        if received:
            await answered.wait()
            return {"type": "http.disconnect"}
        received = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            answered.set()

    await app(scope, receive, send)
    headers = [(name.decode(), value.decode("latin-1")) for name, value in sent[0]["headers"]]
    return answer(sent[0]["status"], headers, b"".join(it.get("body", b"") for it in sent))


@asynccontextmanager
async def running(app: Any) -> AsyncIterator[Any]:
    """Start an application as an ASGI server does, and stop it."""
    said: asyncio.Queue[Any] = asyncio.Queue()
    heard: asyncio.Queue[Any] = asyncio.Queue()
    lifespan = {"type": "lifespan", "asgi": {"version": "3.0"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        await said.put({"type": "lifespan.startup"})
        task = asyncio.create_task(app(lifespan, said.get, heard.put))
        started = asyncio.create_task(heard.get())
        await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            started.cancel()
            task.result()
    if started.result() != {"type": "lifespan.startup.complete"}:
        raise RuntimeError(started.result()["message"])
    yield app
    await said.put({"type": "lifespan.shutdown"})
    await task
