"""One client for ASGI and WSGI: send a request to an application in this process.

    answer = ask_wsgi(app, get("https://a.example"))
    answer = asyncio.run(ask_asgi(app, preflight("PUT")))

A Door calls one of the generic middlewares, so that a test can check that both do the same. Nothing
here imports a framework.
"""

from __future__ import annotations

import asyncio
import io
import warnings
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_to_bytes

from corsfast.middleware import asgi as asgi_middleware, wsgi as wsgi_middleware

# -- requests and responses ------------------------------------------------------------------


class Request(NamedTuple):
    """A browser's request: header names in lower case, in the order of sending."""

    method: str
    headers: tuple[tuple[str, str], ...]
    path: str = "/"

    @property
    def origin(self) -> str | None:
        return dict(self.headers).get("origin")

    @property
    def is_preflight(self) -> bool:
        names = dict(self.headers)
        return (
            self.method == "OPTIONS"
            and "origin" in names
            and "access-control-request-method" in names
        )


class Answer(NamedTuple):
    """A response: header names in lower case, with a list of values for each."""

    status: int
    headers: dict[str, list[str]]
    body: bytes
    reached: bool | None = None  # whether the application was called, if that is known

    def first(self, name: str) -> str | None:
        return self.headers.get(name, [None])[0]

    def all(self, name: str) -> list[str]:
        return self.headers.get(name, [])

    @property
    def cors(self) -> dict[str, str]:
        """Return the fields that a policy may have written; fail if one of them is repeated."""
        fields = {
            name: lines
            for name, lines in self.headers.items()
            if name.startswith("access-control-") or name == "vary"
        }
        assert all(len(lines) == 1 for lines in fields.values()), self.headers
        return {name: line for name, (line,) in fields.items()}

    @property
    def has_cors(self) -> bool:
        return bool(cors_of(self))

    @property
    def origin(self) -> str | None:
        """Return Access-Control-Allow-Origin; fail if there are several."""
        assert len(self.all("access-control-allow-origin")) < 2
        return self.first("access-control-allow-origin")

    @property
    def vary(self) -> str:
        return ", ".join(self.all("vary"))


def answer(
    status: int, headers: Iterable[tuple[str, str]], body: bytes, reached: bool | None = None
) -> Answer:
    by_name: dict[str, list[str]] = {}
    for name, value in headers:
        by_name.setdefault(name.lower(), []).append(value)
    return Answer(status, by_name, body, reached)


def cors_of(answered: Answer) -> dict[str, list[str]]:
    """Return the CORS fields of a response."""
    return {k: v for k, v in answered.headers.items() if k.startswith("access-control-")}


def get(origin: str | None = "https://a.example", path: str = "/", method: str = "GET") -> Request:
    return Request(method, () if origin is None else (("origin", origin),), path)


def preflight(
    method: str = "PUT",
    names: str | None = None,
    origin: str | None = "https://a.example",
    path: str = "/",
) -> Request:
    lines = [("access-control-request-method", method)]
    if names is not None:
        lines.append(("access-control-request-headers", names))
    if origin is not None:
        lines.append(("origin", origin))
    return Request("OPTIONS", tuple(lines), path)


def written(method: str, path: str = "/", **headers: str) -> Request:
    """Return a request with its headers as keyword arguments."""
    return Request(method, tuple((k.replace("_", "-"), v) for k, v in headers.items()), path)


# -- ASGI --------------------------------------------------------------------------------------


def scope_of(request: Request, kind: str = "http", **more: Any) -> dict[str, Any]:
    """Return the scope of a request; keyword arguments are added to it."""
    scope = {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http" if kind == "http" else "ws",
        "path": request.path,
        "raw_path": quote(request.path, "/%?:@!$&'()*+,;=").encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(n.encode("latin-1"), v.encode("latin-1")) for n, v in request.headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    if kind == "websocket":
        scope |= {"subprotocols": [], "extensions": {"websocket.http.response": {}}}
        del scope["method"]
    return scope | more


class Messages(list[dict[str, Any]]):
    """The messages that an application sent, and the exception that it raised after them."""

    error: Exception | None = None

    def answer(self, reached: bool | None = None) -> Answer:
        first = self[0]
        pairs = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in first.get("headers", ())]
        body = b"".join(message.get("body", b"") for message in self)
        # A handshake is accepted without a status, and closing it before that means 403.
        status = {"websocket.accept": 101, "websocket.close": 403}.get(first["type"])
        return answer(status or first["status"], pairs, body, reached)


async def exchange(
    app: Any, scope: dict[str, Any], *received: dict[str, Any], raises: bool = True
) -> Messages:
    """Call an application as a server does: send the messages in `received`, collect its own.

    The client stays until it has its response. Then the server reports a disconnect, because some
    applications wait for it
    (https://asgi.readthedocs.io/en/latest/specs/www.html#disconnect-receive-event).

    Args:
        raises: False to keep an exception in ``error``. Frameworks respond and raise it again.
    """
    kind = scope["type"]
    first = {"type": "websocket.connect"}
    if kind == "http":
        first = {"type": "http.request", "body": b"", "more_body": False}
    waiting = list(received or [first])
    sent = Messages()
    ended = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop(0)
        await ended.wait()
        return {"type": f"{kind}.disconnect", "code": 1000}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if not message["type"].endswith(".start") and not message.get("more_body", False):
            ended.set()

    try:
        await app(scope, receive, send)
    except Exception as error:
        if raises:
            raise
        sent.error = error
    return sent


async def ask_asgi(app: Any, request: Request, root_path: str = "") -> Answer:
    return (await exchange(app, scope_of(request, root_path=root_path))).answer()


def ask_all(app: Any, *asked: Request) -> list[Answer]:
    """Send requests one after the other, in one event loop."""

    async def everything() -> list[Answer]:
        return [await ask_asgi(app, request) for request in asked]

    return asyncio.run(everything())


def run(
    app: Any, scope: dict[str, Any], *received: dict[str, Any], raises: bool = True
) -> Messages:
    """Call ``exchange`` in an event loop of its own."""
    return asyncio.run(exchange(app, scope, *received, raises=raises))


def finish(coroutine: Any) -> Any:
    """Run a coroutine that never waits, without an event loop, and return its result."""
    try:
        coroutine.send(None)
    except StopIteration as stopped:
        return stopped.value
    raise AssertionError("nothing here has a reason to wait")


@asynccontextmanager
async def running(app: Any) -> AsyncIterator[Any]:
    """Start an application as an ASGI server does, and stop it."""
    said: asyncio.Queue[Any] = asyncio.Queue()
    heard: asyncio.Queue[Any] = asyncio.Queue()
    lifespan = {"type": "lifespan", "asgi": {"version": "3.0"}}
    with warnings.catch_warnings(action="ignore", category=UserWarning):
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


# -- WSGI --------------------------------------------------------------------------------------


def environ_of(request: Request, script_name: str = "") -> dict[str, Any]:
    """Return the environ of a request. Servers join several lines of a field."""
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
        key = "HTTP_" + name.upper().replace("-", "_")
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


def call_wsgi(app: Any, environ: dict[str, Any]) -> Answer:
    started: list[Any] = []
    body = app(environ, lambda *start: started.append(start))
    try:
        content = b"".join(body)
    finally:
        if hasattr(body, "close"):
            body.close()
    assert len(started) == 1 or started[-1][2:], "a second start_response needs an exception"
    status, headers = started[-1][:2]
    return answer(int(status[:3]), headers, content)


def ask_wsgi(app: Any, request: Request, script_name: str = "") -> Answer:
    return call_wsgi(app, environ_of(request, script_name))


# -- the generic middlewares -------------------------------------------------------------------


class Door:
    """A generic middleware around an application that answers 200 with the given headers.

    ask = door.around(policy, cross_site="refuse_all")
    ask("GET", "/x", origin="https://a.example").status
    """

    name: str
    CORSMiddleware: Any

    def around(self, *args: Any, sent: Iterable[tuple[str, str]] = (), **features: Any) -> Any:
        return self.asker(self.CORSMiddleware(self.application(list(sent)), *args, **features))

    def asker(self, middleware: Any) -> Any:
        """Return a function that sends a request, with the path as in the request line."""

        def ask(method: str, path: str = "/", **headers: str) -> Answer:
            given = self.ask(middleware, self.request(method, path, **headers))
            return given if isinstance(given, Answer) else asyncio.run(given)

        ask.middleware = middleware  # type: ignore[attr-defined]
        return ask


_QUOTED = "/%:;=@!$&'()*+,~\\"


class ASGIDoor(Door):
    name = "asgi"
    CORSMiddleware = asgi_middleware.CORSMiddleware

    def application(self, sent: list[tuple[str, str]]) -> Any:
        raw = [(name.lower().encode(), value.encode()) for name, value in sent]

        async def app(scope: Any, receive: Any, send: Any) -> None:
            scope["reached"].append(True)
            if scope["type"] == "websocket":
                await send({"type": "websocket.accept"})
                return
            await send({"type": "http.response.start", "status": 200, "headers": raw})
            await send({"type": "http.response.body", "body": b""})

        return app

    def request(self, method: str, path: str = "/", **headers: str) -> dict[str, Any]:
        raw = quote(path, safe=_QUOTED).encode()
        decoded = unquote_to_bytes(raw).decode("utf-8", "replace")
        return scope_of(written(method, decoded, **headers), raw_path=raw, reached=[])

    async def ask(self, middleware: Any, scope: dict[str, Any]) -> Answer:
        return (await exchange(middleware, scope)).answer(bool(scope["reached"]))


class WSGIDoor(Door):
    name = "wsgi"
    CORSMiddleware = wsgi_middleware.CORSMiddleware

    def application(self, sent: list[tuple[str, str]]) -> Any:
        def app(environ: Any, start_response: Any) -> list[bytes]:
            environ["reached"].append(True)
            start_response("200 OK", list(sent))
            return []

        return app

    def request(self, method: str, path: str = "/", **headers: str) -> dict[str, Any]:
        decoded = unquote_to_bytes(quote(path, safe=_QUOTED)).decode("latin-1")
        return {**environ_of(written(method, decoded, **headers)), "reached": []}

    def ask(self, middleware: Any, environ: dict[str, Any]) -> Answer:
        return call_wsgi(middleware, environ)._replace(reached=bool(environ["reached"]))


DOORS: dict[str, Any] = {"asgi": ASGIDoor(), "wsgi": WSGIDoor()}


def preflight_of(origin: str, method: str = "GET") -> dict[str, str]:
    """Return the headers of a preflight, as keyword arguments."""
    return {"origin": origin, "access_control_request_method": method}
