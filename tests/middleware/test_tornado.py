"""The middleware for Tornado, under Tornado's own server, over a socket.

There is no library to compare with. The expected responses are those of the policy itself, which
the generic middlewares send too.

The tests are marked `server` because the framework is not available for every wheel target. For the
same reason each test imports it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import http.client
import logging
import re
import socket
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.client import Answer, Request
from support.compare import ASK, CREDENTIALS, DOCS, NAMES, ORIGIN, ORIGINS, grid, requests, share
from support.drop_ins.tornado import Client, served
from support.servers import put, read

from corsfast import CorsfastSecurityWarning, PolicyError, PolicyHolder

pytestmark = pytest.mark.server

A = "https://a.example"
B = "https://b.example"
OTHER = "https://other.example"
FROM_A = ("Origin", A)


@pytest.fixture(autouse=True)
def _at_work(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from corsfast.middleware import tornado

    monkeypatch.setattr(tornado, "Policy", engine.Policy)


@pytest.fixture
def shop(engine: Any) -> Any:
    return engine.Policy(
        allow_origins=[A, "https://*.a.example"],
        allow_methods=["PUT"],
        allow_headers=["X-Custom"],
        expose_headers=["X-One"],
        allow_credentials=True,
    )


# -- the server --------------------------------------------------------------------------------


# -- the application ---------------------------------------------------------------------------

OWN = {
    "/own": [("Access-Control-Allow-Origin", "https://own.example"), ("Vary", "Accept")],
    "/credentials": [("Access-Control-Allow-Credentials", "true")],
    "/exposing": [("Access-Control-Expose-Headers", "X-Own")],
    "/timing": [("Timing-Allow-Origin", "https://own.example")],
    "/everything": [("Vary", "*")],
    "/varying": [("Vary", "accept"), ("Vary", "origin")],
}
DEFAULT = [
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "everything"),
    ("Access-Control-Allow-Headers", "everything"),
    ("Access-Control-Max-Age", "1"),
]
STATUS = {
    "/": 200,
    "/error": 418,
    "/broken": 500,
    "/written": 503,
    "/moved": 302,
    "/away": 301,
    "/file/shop.txt": 200,
    "/file/none.txt": 404,
    "/streamed": 200,
    "/finished": 200,
    "/unmodified": 304,
    "/nowhere": 404,
    "/private": 401,
    "/listed": 200,
    **dict.fromkeys(OWN, 200),
}


def handlers(directory: Path) -> list[Any]:
    from tornado import web

    class Main(web.RequestHandler):
        def get(self) -> None:
            self.write("hello")

        head = post = put = delete = options = get

    class Own(web.RequestHandler):
        def get(self) -> None:
            for name, value in OWN[self.request.path]:
                self.add_header(name, value)

    class Fails(web.RequestHandler):
        def get(self) -> None:
            self.set_header("Vary", "Lost")
            if self.request.path == "/error":
                raise web.HTTPError(418)
            raise RuntimeError("bug")

    class Written(web.RequestHandler):
        def get(self) -> None:
            self.send_error(503)

        def write_error(self, status_code: int, **kwargs: Any) -> None:
            self.set_header("Content-Type", "text/plain")
            self.finish(f"sorry: {status_code}")

    class Moved(web.RequestHandler):
        def get(self) -> None:
            self.redirect("/")

    class Streamed(web.RequestHandler):
        async def get(self) -> None:
            for piece in ("one", "two", "three"):
                self.write(piece)
                await self.flush()

    class Finished(web.RequestHandler):
        def prepare(self) -> None:
            self.write("early")
            raise web.Finish

    class Unmodified(web.RequestHandler):
        def get(self) -> None:
            self.set_status(304)

    class Private(web.RequestHandler):
        async def prepare(self) -> None:
            raise web.HTTPError(401)

        def options(self) -> None:
            raise AssertionError("a preflight was let through")

    class Listed(web.RequestHandler):
        SUPPORTED_METHODS = ("GET",)  # type: ignore[assignment]

        def set_default_headers(self) -> None:
            for name, value in DEFAULT:
                self.set_header(name, value)

        def get(self) -> None:
            self.write("listed")

    (directory / "shop.txt").write_text("goods")
    return [
        ("/", Main),
        *((path, Own) for path in OWN),
        ("/error", Fails),
        ("/broken", Fails),
        ("/written", Written),
        ("/moved", Moved),
        ("/away", web.RedirectHandler, {"url": "/"}),
        ("/file/(.*)", web.StaticFileHandler, {"path": str(directory)}),
        ("/streamed", Streamed),
        ("/finished", Finished),
        ("/unmodified", Unmodified),
        ("/private", Private),
        ("/listed", Listed),
    ]


def mixed(rules: list[Any], policy: Any) -> Any:
    """Build an application with the mixin added to every class by hand."""
    from tornado.web import Application, ErrorHandler

    from corsfast.middleware.tornado import CORSMixin

    def with_mixin(handler: Any) -> Any:
        return type(handler.__name__, (CORSMixin, handler), {})

    return Application(
        [(path, with_mixin(handler), *more) for path, handler, *more in rules],
        cors_policy=policy,
        default_handler_class=with_mixin(ErrorHandler),
        default_handler_args={"status_code": 404},
    )


def enabled(rules: list[Any], policy: Any, **settings: Any) -> Any:
    from tornado.web import Application

    from corsfast.middleware.tornado import enable_cors

    return enable_cors(Application(rules, **settings), policy)


@pytest.fixture(params=[mixed, enabled])
def style(request: pytest.FixtureRequest) -> Any:
    return request.param


def fields(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    names = ("access-control-", "vary", "timing-")
    return sorted((k.lower(), v) for k, v in headers if k.lower().startswith(names))


def lines_of(found: Answer) -> list[tuple[str, str]]:
    return fields([(k, v) for k, lines in found.headers.items() for v in lines])


def expected(policy: Any, request: Request, own: list[tuple[str, str]]) -> Any:
    headers = dict(request.headers)
    asked = headers.get("origin"), headers.get(ASK), headers.get(NAMES)
    decision = policy.decide(request.method, *asked)
    return decision, fields(policy.apply_wsgi(decision, own))


# -- responses of a policy ---------------------------------------------------------------------


def every_policy(Policy: Any) -> Iterator[Any]:
    for options in grid(
        allow_origins=[["*"], [A, "http://localhost:*", "null"]],
        allow_methods=[..., ["PUT", "DELETE"], ["*"]],
        allow_headers=[..., ["X-Custom", "Authorization"]],
        existing=[..., "keep"],
        timing_allow_origin=[..., True],
    ):
        if options["allow_origins"] == ["*"]:
            yield Policy(**options, max_age=None)
        else:
            options["allow_origins"] = [A, "http://localhost:*"]
            yield Policy(
                **options, allow_credentials=True, expose_headers=["X-One"], preflight_status=200
            )


def test_the_headers_of_the_policy_are_sent(
    style: Any, Policy: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "tornado")
    rules = handlers(tmp_path)
    compared = 0
    asked = [
        request
        for path in ("/", "/own", "/varying", "/exposing", "/timing", "/error")
        for request in requests(path, ORIGINS if path == "/" else (None, A, OTHER))
        if path == "/" or request.method == "GET"
    ]
    holder = PolicyHolder(Policy(allow_origins=()))
    with served(style(rules, holder)) as client:
        for number, policy in enumerate(every_policy(Policy)):
            holder.policy = policy
            for request in share(asked, number, one_in=3):
                path = request.path
                found = client(request.method, path, *request.headers[1:])
                own = OWN.get(path, []) if request.method == "GET" else []
                decision, wanted = expected(policy, request, own)
                assert lines_of(found) == wanted, (policy, request)
                if decision.is_preflight:
                    assert (found.status, found.body) == (decision.status, b"")
                elif request.method == "GET":
                    assert found.status == STATUS[path]
                compared += 1
    assert compared > 2_000


@pytest.mark.parametrize("path", STATUS)
def test_every_answer_has_them(
    style: Any, shop: Any, path: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "tornado")
    default = DEFAULT if path == "/listed" else []
    with served(style(handlers(tmp_path), shop)) as client:
        for origin in (A, None, OTHER):
            lines = [] if origin is None else [("Origin", origin)]
            # Only OPTIONS is a preflight.
            found = client("GET", path, *lines, (ASK, "PUT"))
            request = Request("GET", tuple((name.lower(), value) for name, value in lines))
            _, wanted = expected(shop, request, OWN.get(path, default))
            assert (found.status, lines_of(found)) == (STATUS[path], wanted)
        asked = client.preflight(path)
        refused = client.preflight(path, OTHER)
    for found, origin, status in ((asked, A, 204), (refused, OTHER, 403)):
        request = Request("OPTIONS", (("origin", origin), (ASK, "PUT"), (NAMES, "x-custom")))
        _, wanted = expected(shop, request, default)
        assert (found.status, found.body, lines_of(found)) == (status, b"", wanted)
    assert asked.all("content-type") == refused.all("content-type") == []
    assert refused.all("content-length") == ["0"]
    assert asked.all("content-length") == []


def test_a_stream_is_one(style: Any, shop: Any, tmp_path: Path) -> None:
    with served(style(handlers(tmp_path), shop)) as client:
        found = client("GET", "/streamed", FROM_A)
        again = client("GET", "/file/shop.txt", FROM_A, ("Range", "bytes=1-2"))
        etag = client("GET", "/", FROM_A).all("etag")[0]
        same = client("GET", "/", FROM_A, ("If-None-Match", etag))
    assert (found.body, found.cors[ORIGIN]) == (b"onetwothree", A)
    assert found.all("transfer-encoding") == ["chunked"]
    assert (again.status, again.body, again.cors[ORIGIN]) == (206, b"oo", A)
    assert (same.status, same.cors[ORIGIN], same.cors["vary"]) == (304, A, "Origin")


def test_compressed_responses_also_vary_by_encoding(shop: Any, tmp_path: Path) -> None:
    app = enabled(handlers(tmp_path), shop, compress_response=True)
    with served(app) as client:
        assert client("GET", "/", FROM_A).cors["vary"] == "Origin, Accept-Encoding"
        assert client("GET", "/own", FROM_A).cors["vary"] == "Accept, Origin, Accept-Encoding"


def test_a_request_whose_body_is_streamed(style: Any, shop: Any) -> None:
    from tornado import web

    @web.stream_request_body
    class Upload(web.RequestHandler):
        def prepare(self) -> None:
            self.size = 0

        def data_received(self, chunk: bytes) -> None:
            self.size += len(chunk)

        def put(self) -> None:
            self.write(str(self.size))

    with served(style([("/upload", Upload)], shop)) as client:
        asked = client.preflight("/upload")
        address = "127.0.0.1", client.port
        with contextlib.closing(http.client.HTTPConnection(*address, timeout=30)) as it:
            it.request("PUT", "/upload", b"x" * 70_000, {"Origin": A})
            found = read(it.getresponse())
    assert asked.status == 204
    assert (found.body, found.cors[ORIGIN]) == (b"70000", A)


def test_protection_from_forged_requests_stays(shop: Any, tmp_path: Path) -> None:
    with served(enabled(handlers(tmp_path), shop, xsrf_cookies=True)) as client:
        assert client.preflight("/").status == 204
        found = client("PUT", "/", FROM_A, ("Content-Length", "0"))
    assert (found.status, found.cors[ORIGIN]) == (403, A)


# -- hostile requests --------------------------------------------------------------------------

HOSTILE_ORIGINS = [
    "https://" + "a" * 8192 + ".example",
    "https://a.example,https://a.example",
    "https://a.example/",
    "\xe4\xff\x80",
    "",
]
HOSTILE_LISTS = ["x-custom" + "," * 60000, "X-" + "a" * 60000, "x-a," * 15000, "x-\xe4", "a b"]


def test_hostile_requests(style: Any, shop: Any, tmp_path: Path) -> None:
    two = [[("Origin", A), ("Origin", origin)] for origin in (A, OTHER)]
    with served(style(handlers(tmp_path), shop)) as client:
        for lines in [*([("Origin", origin)] for origin in HOSTILE_ORIGINS), *two]:
            found = client("GET", "/", *lines)
            assert (found.status, found.cors) == (200, {"vary": "Origin"})
            found = client("OPTIONS", "/", *lines, (ASK, "PUT"))
            assert (found.status, list(found.cors)) == (403, ["vary"])
        for value in HOSTILE_LISTS:
            found = client("OPTIONS", "/", FROM_A, (ASK, "PUT"), (NAMES, value))
            assert (found.status, list(found.cors)) == (403, ["vary"])
        for method in ("P" * 9000, "p t", "", "\xe4"):
            found = client("OPTIONS", "/", FROM_A, (ASK, method))
            assert (found.status, list(found.cors)) == (403, ["vary"])
        found = client("OPTIONS", "/", FROM_A, (ASK, "PUT"), (ASK, "PUT"))
        assert (found.status, list(found.cors)) == (403, ["vary"])
        found = client("OPTIONS", "/", FROM_A, (ASK, "CONNECT"))
        assert (found.status, found.cors) == (204, client.preflight("/").cors)
        lists = (NAMES, "x-custom"), (NAMES, "X-CUSTOM")
        found = client("OPTIONS", "/", FROM_A, (ASK, "PUT"), *lists)
        assert (found.status, found.cors[ORIGIN]) == (204, A)
        # Tornado itself rejects this path, because it is not text.
        for found in (client("GET", "/file/%ff", FROM_A), client.preflight("/file/%ff")):
            assert (found.status, found.cors[ORIGIN]) == (400, A)


def test_a_preflight_leaves_nothing_behind(style: Any, shop: Any, tmp_path: Path) -> None:
    from tornado import web

    alive: weakref.WeakSet[Any] = weakref.WeakSet()

    class Seen(web.RequestHandler):
        def initialize(self) -> None:
            alive.add(self)

        def get(self) -> None:
            pass

    with served(style([("/", Seen)], shop)) as client:
        gc.disable()
        try:
            for _ in range(20):
                client("GET", "/", FROM_A)
            actual = len(alive)
            for _ in range(20):
                client.preflight("/")
            assert len(alive) <= actual + 1
        finally:
            gc.enable()


# -- WebSockets --------------------------------------------------------------------------------


def sockets() -> list[Any]:
    from tornado.websocket import WebSocketHandler

    class Echo(WebSocketHandler):
        def on_message(self, message: str | bytes) -> Any:
            return self.write_message(message)

    class Picky(Echo):
        def check_origin(self, origin: str) -> bool:
            return origin == B

    class Closed(Echo):
        cors_policy = None

    return [("/echo", Echo), ("/picky", Picky), ("/closed", Closed)]


def handshake(client: Client, path: str, origin: str | None) -> Answer:
    """Send a handshake over a new connection, which is not used again after that."""
    lines = [] if origin is None else [("Origin", origin)]
    key = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    upgrade = ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")
    address = "127.0.0.1", client.port
    with contextlib.closing(http.client.HTTPConnection(*address, timeout=30)) as it:
        return put(it, "GET", path, *upgrade, key, *lines)


def test_handshakes(style: Any, shop: Any) -> None:
    with served(style(sockets(), shop)) as client:
        own = f"http://127.0.0.1:{client.port}"
        for origin in (A, "https://x.a.example", own, None):
            found = handshake(client, "/echo", origin)
            assert (found.status, found.cors) == (101, {})
        for origin in (OTHER, "null", "\xe4", A + "/"):
            found = handshake(client, "/echo", origin)
            assert (found.status, found.cors) == (403, {"vary": "Origin"})


def test_a_handler_that_checks_origins_itself_is_asked(shop: Any) -> None:
    with served(enabled(sockets(), shop)) as client:
        found = [handshake(client, "/picky", origin).status for origin in (A, B, OTHER)]
    assert found == [403, 101, 403]


def test_values_that_tornado_accepts_are_accepted(shop: Any) -> None:
    with served(enabled(sockets(), shop, trusted_origins=[B])) as client:
        for path, wanted in (("/echo", [101, 101, 403]), ("/closed", [403, 101, 403])):
            assert [handshake(client, path, o).status for o in (A, B, OTHER)] == wanted


def test_a_star_allows_no_cross_origin_handshake(style: Any, Policy: Any) -> None:
    with served(style(sockets(), Policy(allow_origins=["*"]))) as client:
        found = [handshake(client, "/echo", origin) for origin in (OTHER, None)]
    assert [answer.status for answer in found] == [403, 101]


def test_any_origin_with_credentials(style: Any, Policy: Any) -> None:
    risk = "any-origin-with-credentials"
    with pytest.warns(CorsfastSecurityWarning, match=risk):
        policy = Policy(allow_origins=["*"], allow_credentials=True, dangerously_tolerate=[risk])
    with served(style(sockets(), policy)) as client:
        assert handshake(client, "/echo", OTHER).status == 101


def test_messages_go_through(style: Any, shop: Any) -> None:
    from tornado.httpclient import HTTPRequest
    from tornado.websocket import websocket_connect

    async def talk(port: int) -> Any:
        request = HTTPRequest(f"ws://127.0.0.1:{port}/echo", headers={"Origin": A})
        connection = await websocket_connect(request)
        await connection.write_message("hello")
        found = await connection.read_message()
        connection.close()
        # The closing handshake.
        assert await connection.read_message() is None
        return found

    with served(style(sockets(), shop)) as client:
        assert asyncio.run(talk(client.port)) == "hello"


# -- sources of a policy -----------------------------------------------------------------------


def test_classes_with_policies_of_their_own(shop: Any, Policy: Any) -> None:
    from tornado import web

    from corsfast.middleware.tornado import CORSMixin

    class Main(web.RequestHandler):
        def get(self) -> None:
            self.write("hello")

        options = get

    class Public(CORSMixin, Main):
        cors_policy = Policy(allow_origins=["*"])

    class Inherits(Public):
        pass

    class Based(CORSMixin, type("Base", (Main,), {"cors_policy": Public.cors_policy})):  # type: ignore[misc]
        pass

    class Closed(Main):
        cors_policy = None

    class Chosen(CORSMixin, Main):
        def initialize(self, known: dict[str, Any]) -> None:
            self.known = known

        def get_cors_policy(self) -> Any:
            return self.known.get(self.get_query_argument("tenant", ""))

    known = {"b": Policy(allow_origins=[B]), "swapped": PolicyHolder(shop), "late": lambda: shop}
    rules = [
        ("/", Main),
        ("/public", Public),
        ("/inherits", Inherits),
        ("/based", Based),
        ("/closed", Closed),
        ("/chosen", Chosen, {"known": known}),
    ]
    with served(enabled(rules, shop)) as client:
        for path in ("/public", "/inherits", "/based"):
            assert client("GET", path, ("Origin", B)).cors == {ORIGIN: "*"}
        assert client("GET", "/", FROM_A).cors[ORIGIN] == A
        closed, asked = client("GET", "/closed", FROM_A), client.preflight("/closed")
        assert (closed.cors, asked.status, asked.body, asked.cors) == ({}, 200, b"hello", {})
        assert client("GET", "/chosen?tenant=b", ("Origin", B)).cors[ORIGIN] == B
        for tenant in ("swapped", "late"):
            assert client("GET", f"/chosen?tenant={tenant}", FROM_A).cors[ORIGIN] == A
        assert client("GET", "/chosen", FROM_A).cors == {}


def test_rules_that_are_added_later(shop: Any, tmp_path: Path) -> None:
    from tornado.web import Application

    from corsfast.middleware.tornado import enable_cors

    app = Application(cors_policy=shop)
    assert enable_cors(app) is app
    app.add_handlers(".*", handlers(tmp_path))
    with served(app) as client:
        assert client("GET", "/", FROM_A).cors[ORIGIN] == A


def test_a_setting_that_is_swapped(shop: Any, Policy: Any, tmp_path: Path) -> None:
    policies = [shop, PolicyHolder(Policy(allow_origins=[B]))]
    with served(enabled(handlers(tmp_path), lambda: policies[0])) as client:
        assert client("GET", "/", FROM_A).cors[ORIGIN] == A
        policies.pop(0)
        assert client("GET", "/", ("Origin", B)).cors[ORIGIN] == B


# -- policies by path --------------------------------------------------------------------------


def by_path(*more: tuple[Any, ...], **paths: Any) -> Any:
    """Build an application that reports its handler: the one for /api, or the one for the rest."""
    from tornado.web import Application, RequestHandler

    from corsfast.middleware.tornado import enable_cors

    class Other(RequestHandler):
        def get(self) -> None:
            self.write(type(self).__name__)

    class Secret(Other):
        pass

    rules: list[Any] = [*more, ("(?i)/api/.*", Secret), (".*", Other)]
    return enable_cors(Application(rules), **paths)


def test_policies_by_path(shop: Any) -> None:
    from tornado.web import RequestHandler

    class Own(RequestHandler):
        cors_policy = shop

        def get(self) -> None:
            self.write("own")

    app = by_path(
        ("/public/own", Own),
        *sockets(),
        paths={
            "/api/*": PolicyHolder(shop),
            "/api/login": {"allow_origins": [B]},
            "/public/*": {"allow_origins": "*"},
            "/public/internal/*": None,
            "/echo": shop,
            "/caf\xe9": {"allow_origins": [B]},
        },
    )
    with served(app) as client:
        assert client("GET", "/api/x", FROM_A).cors[ORIGIN] == A
        assert client.preflight("/api/x").status == 204
        assert client("GET", "/api/login/", ("Origin", B)).cors[ORIGIN] == B
        assert client("GET", "/api/login", FROM_A).cors == {"vary": "Origin"}
        for path in ("/public", "/public/%78", "/%70ublic/%25"):
            assert client("GET", path, FROM_A).cors == {ORIGIN: "*"}
        assert client("GET", "/public/own", FROM_A).cors[CREDENTIALS] == "true"
        assert client("GET", "/caf%C3%A9", ("Origin", B)).cors[ORIGIN] == B
        with socket.create_connection(("127.0.0.1", client.port), 30) as bare:
            bare.sendall(
                b"GET /caf\xc3\xa9 HTTP/1.1\r\nHost: x\r\nOrigin: " + B.encode() + b"\r\n\r\n"
            )
            assert B.encode() in bare.recv(4096)
        for path in ("/elsewhere", "/public/internal/x"):
            assert client("GET", path, FROM_A).cors == {}
            assert client.preflight(path).status == 405  # the handler's own
        for origin, status in ((A, 101), (OTHER, 403)):
            assert handshake(client, "/echo", origin).status == status
        assert handshake(client, "/echo/../echo", A).status == 200  # another handler's path


def test_an_unknown_path_is_closed() -> None:
    app = by_path(paths={"/*": {"allow_origins": "*"}, "/api/*": {"allow_origins": [A]}})
    starts = ("/api/", "/API/", "//api/", "/api//", "/%61pi/", "/api%2F", "/api%5c", "/api%252f")
    others = ("/public/../api/", "/public/%2e%2e/api/", "/public/..%2fapi/", "/\\api/", "/%2Fapi/")
    asked = 0
    with served(app) as client:
        for path in [start + end for start in (*starts, *others) for end in ("x", "x/", "%0a")]:
            found = client("GET", path, ("Origin", OTHER))
            assert ORIGIN not in found.cors, path
            assert client.preflight(path, OTHER, "GET").status == 403, path
            asked += found.body == b"Secret"
            known = client("GET", path, FROM_A).cors.get(ORIGIN)
            assert known == (A if path.startswith("/api/x") else known), path
        assert client("GET", "/%61pi/x", FROM_A).cors[ORIGIN] == A
        assert client("GET", "/x/../y", FROM_A).cors == {"vary": "Origin"}
    assert asked > len(starts)


def test_an_encoded_slash_opens_no_other_path() -> None:
    app = by_path(paths={"/*": {"allow_origins": [A]}, "/api/*": {"allow_origins": "*"}})
    with served(app) as client:
        assert client("GET", "/api/x", ("Origin", OTHER)).cors == {ORIGIN: "*"}
        found = client("GET", "/api%2Fx", ("Origin", OTHER))
        assert (found.body, found.cors) == (b"Other", {"vary": "Origin"})


def test_a_wsgi_application_behind_tornado_keeps_its_own(shop: Any) -> None:
    from tornado.web import FallbackHandler
    from tornado.wsgi import WSGIContainer

    def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Access-Control-Allow-Origin", B)])
        return [environ["REQUEST_METHOD"].encode()]

    rules = [("/.*", FallbackHandler, {"fallback": WSGIContainer(wsgi)})]
    with served(enabled(rules, shop)) as client:
        found, asked = client("GET", "/", FROM_A), client.preflight("/")
    assert (found.cors, asked.body) == ({ORIGIN: B}, b"OPTIONS")


def test_classes_go_by_their_names(shop: Any) -> None:
    from tornado import web

    from corsfast.middleware.tornado import CORSMixin

    class Main(web.RequestHandler):
        """Said of it."""

    class Mixed(CORSMixin, web.RequestHandler):
        pass

    app = enabled([], shop)
    request = type("Request", (), {"connection": None})()
    made, again, mixed = (
        app.get_handler_delegate(request, target_class=kind).handler_class
        for kind in (Main, Main, Mixed)
    )
    assert (made is again, made.__mro__[1:3]) == (True, (CORSMixin, Main))
    assert made.__qualname__ == Main.__qualname__
    assert "check_origin" not in vars(made)
    assert (made.__name__, made.__module__, made.__doc__) == ("Main", __name__, "Said of it.")
    assert mixed is Mixed


def test_options_in_place_of_a_policy(tmp_path: Path) -> None:
    from tornado.web import Application

    from corsfast.middleware.tornado import enable_cors

    app = enable_cors(Application(handlers(tmp_path)), allow_origins=[A], max_age=5)
    with served(app) as client:
        assert client.preflight("/", OTHER).status == 403
        found = client("OPTIONS", "/", FROM_A, (ASK, "GET"))
    assert found.cors["access-control-max-age"] == "5"


def test_private_attribute_of_tornado(Policy: Any) -> None:
    """Seen in Tornado 6.6; without it, the handler's own fields are replaced."""
    from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
    from tornado.web import Application, RequestHandler

    from corsfast.middleware.tornado import _apply

    policy = Policy(allow_origins=[A])
    start = RequestStartLine("GET", "/", "HTTP/1.0")
    asked: Any = HTTPServerRequest(start_line=start, headers=HTTPHeaders(), connection=Silent())
    found: Any = RequestHandler(Application(), asked)
    assert isinstance(found._headers, HTTPHeaders)

    class Public:
        def __init__(self, handler: Any) -> None:
            self.set_header = handler.set_header
            self.add_header = handler.add_header
            self.clear_header = handler.clear_header

    for origin, granted in ((A, [A]), (B, [])):
        found.set_header("Vary", "Accept")
        found.set_header("Access-Control-Allow-Origin", "*")
        found.set_header("Access-Control-Allow-Credentials", "true")
        _apply(Public(found), policy, policy.actual(origin))
        headers = found._headers
        assert headers.get_list("Access-Control-Allow-Origin") == granted
        assert "Access-Control-Allow-Credentials" not in headers
        assert headers.get_list("Vary") == ["Accept", "Origin"]


class Silent:
    """A connection that sends nothing."""

    def set_close_callback(self, callback: Any) -> None: ...


def test_mistakes(shop: Any, Policy: Any) -> None:
    from tornado.web import Application, RequestHandler

    from corsfast.middleware.tornado import CORSMixin, enable_cors

    with pytest.raises(TypeError, match="enable_cors needs a policy"):
        enable_cors(Application())
    with pytest.raises(TypeError, match="not both; write allow_origins, max_age into"):
        enable_cors(Application(), shop, allow_origins=[A], max_age=1)
    with pytest.raises(TypeError, match=r"not str; write enable_cors\(app, policy\)"):
        enable_cors(Application(), "https://a.example")  # type: ignore[arg-type]
    with pytest.raises(PolicyError, match="null-origin-with-credentials"):
        enable_cors(Application(), allow_origins=["null"], allow_credentials=True)
    for app in (
        enable_cors(Application(), shop),
        enable_cors(Application(), paths={"/*": shop}),
    ):
        with pytest.raises(ValueError, match="already"):
            enable_cors(app, shop)
        with pytest.raises(ValueError, match="already"):
            enable_cors(app, paths={"/*": shop})
    for both in ({"policy": shop}, {"allow_origins": [A]}):
        with pytest.raises(TypeError, match="enable_cors takes paths or a policy, not both; write"):
            enable_cors(Application(), paths={"/*": shop}, **both)  # type: ignore[arg-type]
    with pytest.raises(PolicyError, match=r"paths\['/x'\]\.allow_origins"):
        enable_cors(Application(), paths={"/x": {"allow_origins": ["x"]}, "/*": shop})
    with pytest.raises(TypeError, match="paths is empty"):
        enable_cors(Application(), paths={})
    for wrong in (A, [A], lambda self: shop, Policy):
        with pytest.raises(TypeError, match=r"Shop\.cors_policy must be"):
            type("Shop", (CORSMixin, RequestHandler), {"cors_policy": wrong})


def test_a_mixin_without_a_policy_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    from tornado.web import Application, RequestHandler

    from corsfast.middleware.tornado import CORSMixin

    class Main(CORSMixin, RequestHandler):
        pass

    with served(Application([("/", Main)])) as client, pytest.raises(http.client.HTTPException):
        client("GET", "/")
    said = "You must define the 'cors_policy' setting"
    assert any(said in str(record.exc_info) for record in caplog.records)


def test_every_option_is_documented() -> None:
    from corsfast._options.spec import Spec

    text = (DOCS / "tornado.md").read_text("utf-8")
    table = text.split("## Options", 1)[1].split("\n\n", 3)[1]
    names = set(re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE))
    assert names == {"app", "policy", "paths", "cross_site", *Spec.OPTIONS}
