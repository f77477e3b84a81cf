"""The applications of the generic middlewares' tests: `asgi` (Starlette), `wsgi` (plain).

Both have the same routes, with the middleware outermost. `asgi_features` and `wsgi_features` are
the same with a policy for each path, for test_features_servers.py. Servers import this module in
processes of their own; tests never import it.
"""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

import corsfast
from corsfast.middleware import asgi as asgi_middleware, wsgi as wsgi_middleware
from corsfast.middleware.resolver import OriginResolver

POLICY = corsfast.Policy(
    allow_origins=["https://app.example.com", "https://*.preview.example.com"],
    allow_methods=["PUT"],
    allow_headers=["X-Token", "X-Trace"],
    expose_headers=["X-Total"],
    allow_credentials=True,
)
PARTS = (b"one ", b"two ", b"three")


# -- ASGI ------------------------------------------------------------------------------------


async def hello(request: Request) -> Response:
    return PlainTextResponse("hello", headers={"Vary": "Accept"})


async def implementation(request: Request) -> Response:
    return PlainTextResponse(f"{corsfast.IMPLEMENTATION} {type(POLICY).__module__}")


async def unmodified(request: Request) -> Response:
    return Response(status_code=304, headers={"ETag": '"1"'})


async def broken(request: Request) -> Response:
    raise RuntimeError("a bug, on purpose")


async def stream(request: Request) -> Response:
    async def parts() -> Any:
        for part in PARTS:
            yield part

    return StreamingResponse(parts(), media_type="text/plain")


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


async def deny(socket: WebSocket) -> None:
    await socket.send_denial_response(PlainTextResponse("who are you?", status_code=401))


asgi = asgi_middleware.CORSMiddleware(
    Starlette(
        routes=[
            Route("/", hello, methods=["GET", "PUT"]),
            Route("/implementation", implementation),
            Route("/unmodified", unmodified),
            Route("/broken", broken),
            Route("/stream", stream),
            WebSocketRoute("/echo", echo),
            WebSocketRoute("/deny", deny),
        ]
    ),
    POLICY,
)

# -- policies by path ------------------------------------------------------------------------

STRICT = corsfast.Policy(allow_origins=["https://strict.example"], allow_credentials=True)
RULES: dict[str, Any] = {
    "/api/*": STRICT,
    "/public/*": {"allow_origins": "*"},
    "/caf\u00e9": corsfast.PolicyHolder(POLICY),
    "/v1/*": None,
}
LOOKED_UP: dict[str, Any] = {"/api/*": STRICT, "/*": {"allow_origins": ()}}


async def tenant(origin: str) -> bool:
    return origin == "https://tenant.example"


async def path_of(request: Request) -> Response:
    return PlainTextResponse(request.url.path)


def routes() -> list[Any]:
    return [
        WebSocketRoute("/api/echo", echo),
        Route("/{path:path}", path_of, methods=["GET", "PUT"]),
    ]


asgi_features = asgi_middleware.CORSMiddleware(
    Starlette(
        routes=[
            WebSocketRoute("/free/echo", echo),
            Mount(
                "/v1",
                asgi_middleware.CORSMiddleware(
                    Starlette(routes=routes()), paths=LOOKED_UP, resolver=OriginResolver(tenant)
                ),
            ),
            *routes(),
        ]
    ),
    paths=RULES,
    cross_site="refuse_all",
)

# -- WSGI ------------------------------------------------------------------------------------

Answer = tuple[str, list[tuple[str, str]], tuple[bytes, ...]]

ANSWERS: dict[str, Answer] = {
    "/": ("200 OK", [("Vary", "Accept")], (b"hello",)),
    "/unmodified": ("304 Not Modified", [("ETag", '"1"')], ()),
    "/broken": ("500 Internal Server Error", [], (b"Internal Server Error",)),
    "/stream": ("200 OK", [("Content-Type", "text/plain")], PARTS),
    "/implementation": (
        "200 OK",
        [],
        (f"{corsfast.IMPLEMENTATION} {type(POLICY).__module__}".encode(),),
    ),
}
NOT_FOUND: Answer = ("404 Not Found", [], (b"Not Found",))


def application(environ: dict[str, Any], start_response: Any) -> Any:
    status, headers, body = ANSWERS.get(environ["PATH_INFO"], NOT_FOUND)
    start_response(status, headers)  # the same list every time: headers must not accumulate
    return iter(body)


wsgi = wsgi_middleware.CORSMiddleware(application, POLICY)


def path_application(environ: dict[str, Any], start_response: Any) -> Any:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode("latin-1")]


wsgi_features = wsgi_middleware.CORSMiddleware(
    path_application, paths=RULES, cross_site="refuse_all"
)
