"""Both generic middlewares behind one interface, in process, so that tests can check they agree.

    ask = door.around(policy, block_refused=True)
    ask("GET", "/x", origin="https://a.example").status

The application inside answers every request with 200 and the headers that it is given.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_to_bytes

from corsfast.middleware import asgi as asgi_middleware, wsgi as wsgi_middleware


class Reply(NamedTuple):
    status: int
    headers: list[tuple[str, str]]  # names in lower case
    reached: bool  # whether the application was called
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def origin(self) -> str | None:
        """Return Access-Control-Allow-Origin; fail if there are several."""
        found = self.all("access-control-allow-origin")
        assert len(found) < 2
        return found[0] if found else None

    @property
    def vary(self) -> str:
        return ", ".join(self.all("vary"))

    @property
    def has_cors(self) -> bool:
        return any(name.startswith("access-control-") for name, _ in self.headers)


Sent = list[tuple[str, str]]


class ASGIDoor:
    name = "asgi"
    CORSMiddleware: Any = asgi_middleware.CORSMiddleware

    def around(self, *args: Any, sent: Sent | None = None, **features: Any) -> Any:
        raw = [(n.lower().encode(), v.encode()) for n, v in sent or []]

        async def app(scope: Any, receive: Any, send: Any) -> None:
            scope["reached"].append(True)
            if scope["type"] == "websocket":
                await send({"type": "websocket.accept"})
                return
            await send({"type": "http.response.start", "status": 200, "headers": raw})
            await send({"type": "http.response.body", "body": b""})

        return self.asker(self.CORSMiddleware(app, *args, **features))

    def asker(self, middleware: Any) -> Any:
        def ask(method: str, path: str = "/", **headers: str) -> Reply:
            return asyncio.run(self.ask(middleware, self.request(method, path, **headers)))

        ask.middleware = middleware  # type: ignore[attr-defined]
        return ask

    def request(self, method: str, path: str = "/", **headers: str) -> dict[str, Any]:
        """Return a scope for `path`, which is written as in the request line."""
        lines = [(k.replace("_", "-").encode(), v.encode("latin-1")) for k, v in headers.items()]
        raw = quote(path, safe="/%:;=@!$&'()*+,~\\").encode()
        return {
            "type": "http",
            "method": method,
            "path": unquote_to_bytes(raw).decode("utf-8", "replace"),
            "raw_path": raw,
            "headers": lines,
            "reached": [],
        }

    async def ask(self, middleware: Any, scope: dict[str, Any]) -> Reply:
        messages: list[dict[str, Any]] = []
        pending = [{"type": "websocket.connect"}]

        async def receive() -> dict[str, Any]:
            return pending.pop()

        async def send(message: dict[str, Any]) -> None:
            messages.append(message)

        await middleware(scope, receive, send)
        first = messages[0]
        if first["type"] in ("websocket.accept", "websocket.close"):
            return Reply(
                101 if first["type"].endswith("accept") else 403, [], bool(scope["reached"])
            )
        body = b"".join(message.get("body", b"") for message in messages[1:])
        pairs = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in first["headers"]]
        return Reply(first["status"], pairs, bool(scope["reached"]), body)


class WSGIDoor:
    name = "wsgi"
    CORSMiddleware: Any = wsgi_middleware.CORSMiddleware

    def around(self, *args: Any, sent: Sent | None = None, **features: Any) -> Any:
        def app(environ: Any, start_response: Any) -> list[bytes]:
            environ["reached"].append(True)
            start_response("200 OK", list(sent or []))
            return []

        return self.asker(self.CORSMiddleware(app, *args, **features))

    def asker(self, middleware: Any) -> Any:
        def ask(method: str, path: str = "/", **headers: str) -> Reply:
            return self.ask(middleware, self.request(method, path, **headers))

        ask.middleware = middleware  # type: ignore[attr-defined]
        return ask

    def request(self, method: str, path: str = "/", **headers: str) -> dict[str, Any]:
        fields: dict[str, Any] = {f"HTTP_{k.upper()}": v for k, v in headers.items()}
        raw = quote(path, safe="/%:;=@!$&'()*+,~\\")
        return {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(raw).decode("latin-1"),
            "reached": [],
            **fields,
        }

    def ask(self, middleware: Any, environ: dict[str, Any]) -> Reply:
        starts: list[Any] = []

        def start_response(status: str, headers: Any, exc_info: Any = None) -> None:
            starts.append((status, headers))

        body = b"".join(middleware(environ, start_response))
        ((status, headers),) = starts
        pairs = [(name.lower(), value) for name, value in headers]
        return Reply(int(status[:3]), pairs, bool(environ["reached"]), body)


DOORS: dict[str, Any] = {"asgi": ASGIDoor(), "wsgi": WSGIDoor()}


def preflight_of(origin: str, method: str = "GET") -> dict[str, str]:
    """Return the headers of a preflight."""
    return {"origin": origin, "access_control_request_method": method}
