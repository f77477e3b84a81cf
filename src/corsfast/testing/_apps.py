"""Send one request to a server in this process: an ASGI or WSGI application, or recorded answers.

`sender` finds out which it is by the number of arguments: ASGI has three, WSGI two, and a function
from request to response one.
"""

from __future__ import annotations

import asyncio
import inspect
import io
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from threading import Thread
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from .._options.fetch import DEFAULT_PORTS
from ._exchange import RawResponse, Request
from ._urls import origin_of

# A WSGI application is called directly, because Django forbids its ORM in an event loop.
Sender = Callable[[Request], RawResponse | Awaitable[RawResponse]]


def sender(app: Any) -> Sender:
    """Return a function that sends a request to an application."""
    if isinstance(app, Mapping):
        return _by_origin(app)
    if not callable(app):
        return _recorded(app)
    arguments = _required_arguments(app)
    kinds: dict[int, Callable[[Any], Sender]] = {1: _itself, 2: _wsgi, 3: _asgi}
    if arguments not in kinds:
        raise TypeError(
            f"{app!r} takes {arguments} arguments, so it is not an application: ASGI has 3, "
            "WSGI has 2, and a function from Request to RawResponse has 1"
        )
    return kinds[arguments](app)


def wait_for(response: RawResponse | Awaitable[RawResponse]) -> RawResponse:
    """Wait for a response, in a thread if this one has a running event loop."""
    if isinstance(response, RawResponse):
        return response

    async def wait() -> RawResponse:
        return await response

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(wait())
    results: list[Any] = []

    def target() -> None:
        try:
            results.append(asyncio.run(wait()))
        except BaseException as error:
            results.append(error)

    thread = Thread(target=target)
    thread.start()
    thread.join()
    if isinstance(results[0], BaseException):
        raise results[0]
    result: RawResponse = results[0]
    return result


def _required_arguments(app: Any) -> int:
    try:
        parameters = inspect.signature(app).parameters.values()
    except (TypeError, ValueError):
        # Some compiled callables have no signature. The ASGI ones are marked as asynchronous.
        call = type(app).__call__
        return 3 if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(call) else 2
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(it.kind in positional and it.default is it.empty for it in parameters)


def _by_origin(apps: Mapping[str, Any]) -> Sender:
    senders = {origin: sender(app) for origin, app in apps.items()}

    def send(request: Request) -> RawResponse | Awaitable[RawResponse]:
        origin = origin_of(request.url)
        if origin not in senders:
            raise LookupError(f"no application for {origin}; there are {', '.join(senders)}")
        return senders[origin](request)

    return send


def _recorded(answers: Iterable[RawResponse]) -> Sender:
    left = iter(answers)

    def send(request: Request) -> RawResponse:
        response = next(left, None)
        if response is None:
            raise LookupError(f"no recorded response is left for {request.method} {request.url}")
        return response

    return send


def _itself(answer: Sender) -> Sender:
    return answer


def _headers(request: Request) -> list[tuple[str, str]]:
    """Return the headers of a request with those that HTTP itself needs."""
    headers = [("Host", urlsplit(request.url).netloc.rpartition("@")[2]), *request.headers]
    if request.body:
        headers.append(("Content-Length", str(len(request.body))))
    return headers


def _asgi(app: Any) -> Sender:
    async def send(request: Request) -> RawResponse:
        url = urlsplit(request.url)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": url.scheme,
            "path": unquote_to_bytes(url.path).decode("utf-8", "replace"),
            "raw_path": url.path.encode("ascii", "replace"),
            "query_string": url.query.encode("ascii", "replace"),
            "root_path": "",
            "headers": [
                (name.lower().encode("latin-1"), value.encode("latin-1"))
                for name, value in _headers(request)
            ],
            "client": ("127.0.0.1", 50000),
            "server": (url.hostname, url.port or DEFAULT_PORTS[url.scheme]),
            "state": {},
        }
        status, headers, body = 0, [], bytearray()
        received, answered = False, asyncio.Event()

        async def receive() -> dict[str, Any]:
            nonlocal received
            if received:
                await answered.wait()
                return {"type": "http.disconnect"}
            received = True
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def answer(message: dict[str, Any]) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status, headers = message["status"], list(message.get("headers", ()))
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    answered.set()

        await app(scope, receive, answer)
        fields = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
        return RawResponse(status, fields, bytes(body))

    return send


def _wsgi(app: Any) -> Sender:
    def send(request: Request) -> RawResponse:
        url = urlsplit(request.url)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(url.path).decode("latin-1"),
            "QUERY_STRING": url.query,
            "SERVER_NAME": url.hostname or "",
            "SERVER_PORT": str(url.port or DEFAULT_PORTS[url.scheme]),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": url.scheme,
            "wsgi.input": io.BytesIO(request.body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in _headers(request):
            key = name.upper().replace("-", "_")
            key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        started: list[Any] = []
        written = bytearray()

        def start_response(status: str, headers: Any, _error: Any = None) -> Any:
            started[:] = [int(status[:3]), tuple(headers)]
            return written.extend

        chunks = app(environ, start_response)
        try:
            for chunk in chunks:
                written.extend(chunk)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        return RawResponse(started[0], started[1], bytes(written))

    return send
