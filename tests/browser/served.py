"""The applications behind the browser tests: pages of any origin, and the APIs that they call.

    pages                          an empty page for every path, and a redirect
    asgi, wsgi                     /CASE/KIND, each case of the browser matrix under its own
                                   policy, with the middleware of the protocol outermost
    starlette, fastapi, flask,     /KIND, under POLICY, as each drop-in spells it
    django

A recorder around each API sees everything on the wire, preflights included. /-/seen/PREFIX returns
its record as JSON. Servers import this module in processes of their own; tests never import it.
"""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from corpus import browser_matrix
from engine.test_browser_matrix import options_of
from support import refused_preflights
from support.surfaces import make_policy

import corsfast
from corsfast.middleware import asgi as asgi_middleware, wsgi as wsgi_middleware

CASES = {case["id"]: case for case in [*browser_matrix(), *refused_preflights.CASES]}
APP = "http://app.example.test:8001"
# The options of the drop-ins, under corsfast's names.
POLICY: dict[str, Any] = {
    "allow_origins": [APP],
    "allow_methods": ["GET", "PUT"],
    "allow_headers": ["X-Token"],
    "expose_headers": ["X-Id"],
    "allow_credentials": True,
    "max_age": 600,
}


# -- policies of the matrix ------------------------------------------------------------------

# Differences from the matrix. Two policies that are rejected at start-up run as their hint says. An
# option that the matrix leaves out means an absent field, which has to be requested here.
AS_HINTED: dict[str, dict[str, Any]] = {
    "b15": {"configured_as": "http://xn--bcher-kva.test:8001"},
    "b65": {"max_age": 86400},
}
NO_MAX_AGE = {"b64": {"max_age": None}}


@functools.cache
def policy_of(case: str) -> Any:
    policy = {**CASES[case]["policy"], **AS_HINTED.get(case, {}), **NO_MAX_AGE.get(case, {})}
    options = {**options_of(policy), "timing_allow_origin": "timing" in policy}
    return make_policy(corsfast, options)


# -- responses of an API ---------------------------------------------------------------------

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
FONT = (Path(__file__).parent / "dot.ttf").read_bytes()
BODIES = {
    "text": ("text/plain", b"hello"),
    "pixel": ("image/png", PIXEL),
    "module": ("text/javascript", b"export const word = 'hello';"),
    "font": ("font/ttf", FONT),
    "events": ("text/event-stream", b"data: hello\n\n"),
}


class Answer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes


def answer(path: str) -> Answer:
    """Return the response of the application below the middleware to /KIND or /CASE/KIND."""
    *before, kind = path.strip("/").split("/")
    policy = CASES[before[0]]["policy"] if before else {}
    if kind == "redirect":
        return Answer(302, [("Location", path.replace("redirect", "text"))], b"")
    content_type, body = BODIES[kind]
    headers = [
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
        ("Cache-Control", policy.get("cache_control", "no-cache")),
        ("Content-Language", "en"),
        ("Expires", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("Pragma", "x"),
        ("X-Id", "1"),
        ("X-Other", "2"),
        ("ETag", '"1"'),
        ("Set-Cookie", "seen=1"),
        *policy.get("app_sets", {}).items(),
    ]
    return Answer(policy.get("status", 200), headers, body)


# -- the wire --------------------------------------------------------------------------------


class Exchange(NamedTuple):
    """One request and its response; a repeated field stays repeated."""

    method: str
    path: str
    asked: list[tuple[str, str]]
    status: int
    told: list[tuple[str, str]]


class Recorder:
    """A record of all requests to a server, in the order of their responses."""

    def __init__(self) -> None:
        self._seen: list[Exchange] = []

    def note(
        self, method: str, path: str, asked: Iterable[Any], status: int, told: Iterable[Any]
    ) -> None:
        self._seen.append(Exchange(method, path, lower(asked), status, lower(told)))

    def under(self, path: str) -> bytes | None:
        """Return the record that a request for `path` asks for, or None for any other request."""
        start, mark, prefix = path.partition("/-/seen")
        if start or not mark:
            return None
        found = [seen._asdict() for seen in self._seen if seen.path.startswith(prefix)]
        return json.dumps(found).encode()


def lower(pairs: Iterable[Any]) -> list[tuple[str, str]]:
    def text(value: str | bytes) -> str:
        return value.decode("latin-1") if isinstance(value, bytes) else value

    return [(text(name).lower(), text(value)) for name, value in pairs]


# The status that a server sends for each handshake message. A close after the accept has no status.
STATUS = {"websocket.accept": 101}


def recorded_asgi(app: Any) -> Any:
    recorder = Recorder()

    async def outermost(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return await app(scope, receive, send)
        if (record := recorder.under(scope["path"])) is not None:
            return await respond(send, Answer(200, [], record))

        async def see(message: Any) -> None:
            kind = message["type"]
            status = message.get("status") if kind.endswith("response.start") else STATUS.get(kind)
            if status is not None:
                method, told = scope.get("method", "GET"), message.get("headers", ())
                recorder.note(method, scope["path"], scope["headers"], status, told)
            await send(message)

        return await app(scope, receive, see)

    return outermost


def recorded_wsgi(app: Any) -> Any:
    recorder = Recorder()

    def outermost(environ: Any, start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        if (record := recorder.under(path)) is not None:
            start_response("200 OK", [("Content-Type", "application/json")])
            return [record]
        asked = [
            (name[5:].replace("_", "-"), value)
            for name, value in environ.items()
            if name.startswith("HTTP_")
        ]

        def see(status: str, headers: Any, *error: Any) -> Any:
            recorder.note(environ["REQUEST_METHOD"], path, asked, int(status[:3]), headers)
            return start_response(status, headers, *error)

        return app(environ, see)

    return outermost


# -- the protocols ---------------------------------------------------------------------------


async def respond(send: Any, answer: Answer) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def asgi_application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close"})
    else:
        await respond(send, answer(scope["path"]))


def wsgi_application(environ: Any, start_response: Any) -> list[bytes]:
    status, headers, body = answer(environ["PATH_INFO"])
    start_response(f"{status} Whatever", headers)
    return [body]


def by_case(middleware: Any, application: Any) -> Callable[[str], Any]:
    @functools.cache
    def find(case: str) -> Any:
        return middleware.CORSMiddleware(application, policy_of(case))

    return lambda path: find(path.split("/")[1])


asgi_case = by_case(asgi_middleware, asgi_application)
wsgi_case = by_case(wsgi_middleware, wsgi_application)


async def asgi_matrix(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] in ("http", "websocket") and scope["path"] != "/":
        await asgi_case(scope["path"])(scope, receive, send)
    elif scope["type"] == "http":
        await respond(send, Answer(200, [], b"ready"))


def wsgi_matrix(environ: Any, start_response: Any) -> Any:
    if environ["PATH_INFO"] != "/":
        return wsgi_case(environ["PATH_INFO"])(environ, start_response)
    start_response("200 OK", [])
    return [b"ready"]


asgi = recorded_asgi(asgi_matrix)
wsgi = recorded_wsgi(wsgi_matrix)


# -- the drop-ins ----------------------------------------------------------------------------

METHODS = ["GET", "PUT", "DELETE", "POST", "HEAD"]


def starlette() -> Any:
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    from corsfast.middleware.starlette import CORSMiddleware

    async def view(request: Any) -> Any:
        status, headers, body = answer("/text")
        return Response(body, status, dict(headers))

    routes = [Route("/{kind:path}", view, methods=METHODS)]
    return recorded_asgi(CORSMiddleware(Starlette(routes=routes), **POLICY))


def fastapi() -> Any:
    from fastapi import FastAPI, Response

    from corsfast.middleware.starlette import CORSMiddleware

    app = FastAPI()
    app.add_middleware(CORSMiddleware, **POLICY)

    @app.api_route("/{kind:path}", methods=METHODS)
    async def view(kind: str) -> Response:
        status, headers, body = answer("/text")
        return Response(body, status, dict(headers))

    return recorded_asgi(app)


def flask() -> Any:
    from flask import Flask, Response

    from corsfast.middleware.flask import CORS

    app = Flask(__name__)
    CORS(
        app,
        origins=POLICY["allow_origins"],
        methods=POLICY["allow_methods"],
        allow_headers=POLICY["allow_headers"],
        expose_headers=POLICY["expose_headers"],
        supports_credentials=POLICY["allow_credentials"],
        max_age=POLICY["max_age"],
    )

    @app.route("/", methods=METHODS)
    @app.route("/<path:kind>", methods=METHODS)
    def view(kind: str = "") -> Response:
        status, headers, body = answer("/text")
        return Response(body, status, headers)

    return recorded_wsgi(app)


def django_settings() -> None:
    import django
    from django.conf import settings
    from django.http import HttpResponse
    from django.urls import re_path

    def view(request: Any) -> Any:
        status, headers, body = answer("/text")
        return HttpResponse(body, status=status, headers=dict(headers))

    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=(re_path("", view),),
        INSTALLED_APPS=["corsfast.middleware.django"],
        MIDDLEWARE=["corsfast.middleware.django.CorsMiddleware"],
        LOGGING_CONFIG=None,
        CORS_ALLOWED_ORIGINS=POLICY["allow_origins"],
        CORS_ALLOW_METHODS=POLICY["allow_methods"],
        CORS_ALLOW_HEADERS=POLICY["allow_headers"],
        CORS_EXPOSE_HEADERS=POLICY["expose_headers"],
        CORS_ALLOW_CREDENTIALS=POLICY["allow_credentials"],
        CORS_PREFLIGHT_MAX_AGE=POLICY["max_age"],
    )
    django.setup()


def django() -> Any:
    django_settings()
    from django.core.wsgi import get_wsgi_application

    return recorded_wsgi(get_wsgi_application())


def django_asgi() -> Any:
    django_settings()
    from django.core.asgi import get_asgi_application

    return recorded_asgi(get_asgi_application())


# -- the pages -------------------------------------------------------------------------------


async def pages(scope: Any, receive: Any, send: Any) -> None:
    """Serve an empty page for every path, except /redirect?URL, which redirects any request."""
    if scope["type"] != "http":
        return
    if scope["path"] == "/redirect":
        location = scope["query_string"].decode()
        headers = [("Location", location), ("Access-Control-Allow-Origin", "*")]
        await respond(send, Answer(302, headers, b""))
    else:
        await respond(send, Answer(200, [("Content-Type", "text/html")], b"<!doctype html>"))
