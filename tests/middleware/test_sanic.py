"""The drop-in for the CORS of sanic-ext, compared with it and under Sanic's own server.

The tests are marked `server` because the framework is not available for every wheel target. For the
same reason each test imports it.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import re
import warnings
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.client import Answer, Request, ask_asgi, cors_of, running
from support.compare import (
    ASK,
    CREDENTIALS,
    EXPOSE,
    HEADERS,
    MAX_AGE,
    METHODS,
    NAMES,
    OF_CORS,
    ORIGIN,
    Comparison,
    deviations,
    documented,
    grid,
    in_order,
    own_grants,
    requests,
    varies_by,
)

pytestmark = pytest.mark.server

A = "https://a.example"
B = "https://b.example"
ATTACKER = "https://a.example.attacker.net"
COUNT = itertools.count()


@pytest.fixture(autouse=True)
def _at_work(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from sanic import Sanic
    from sanic.log import error_logger, logger

    monkeypatch.setattr("corsfast.middleware.sanic.settings.Policy", engine.Policy)
    monkeypatch.setattr(Sanic, "test_mode", True)
    # Sanic logs each error of /broken, and each OPTIONS that is not a preflight.
    monkeypatch.setattr(error_logger, "disabled", True)
    monkeypatch.setattr(logger, "disabled", True)


# -- applications ------------------------------------------------------------------------------


def bare(config: dict[str, Any], cors: Any) -> Any:
    """Build an application with these settings, and with this decorator on some routes."""
    from sanic import Sanic, empty, text

    app = Sanic(f"app-{next(COUNT)}")
    app.config.OAS = app.config.MOTD = False
    app.config.update(config)

    @app.get("/")
    async def hello(request: Any) -> Any:
        return text("hello")

    @app.put("/")
    async def put(request: Any) -> Any:
        return empty()

    @app.get("/own")
    async def own(request: Any) -> Any:
        mine = {"Access-Control-Allow-Origin": "https://own.example", "Vary": "Accept-Encoding"}
        return text("own", headers=mine)

    @app.get("/everything")
    async def everything(request: Any) -> Any:
        return text("*", headers={"Vary": "*"})

    @app.get("/broken")
    async def broken(request: Any) -> Any:
        raise RuntimeError("bug")

    @app.get("/stream")
    async def stream(request: Any) -> Any:
        response = await request.respond(content_type="text/plain")
        await response.send("one ")
        await response.send("two")
        await response.eof()

    @app.get("/open/<name>")
    @cors(origin="*", expose_headers=["X-Open"])
    async def open_to_all(request: Any, name: str) -> Any:
        return text(name)

    @app.get("/route")
    @cors(
        origin=[B, re.compile(r"https://.*\.b\.example")],
        supports_credentials=True,
        allow_headers=["X-Route"],
        allow_methods=["DELETE", "GET"],
        max_age=timedelta(minutes=2),
    )
    async def route(request: Any) -> Any:
        return text("route")

    @app.delete("/route")
    async def delete(request: Any) -> Any:
        return text("deleted")

    return app


def original(config: dict[str, Any]) -> Any:
    from sanic_ext import Extend, cors

    app = bare(config, cors)
    Extend(app)
    return app


def ours(config: dict[str, Any], extended: bool = True, **options: Any) -> Any:
    from corsfast.middleware.sanic import add_cors, cors

    with warnings.catch_warnings(action="ignore", category=UserWarning):
        app = bare({"AUTO_EXTEND": extended, **config}, cors)
        add_cors(app, **options)
    return app


def ask(app: Any, *asked: Request) -> list[Answer]:
    async def everything() -> list[Answer]:
        async with running(app):
            return [await ask_asgi(app, request) for request in asked]

    return asyncio.run(everything())


def get(origin: str | None = A, path: str = "/") -> Request:
    by = () if origin is None else (("origin", origin),)
    return Request("GET", (("host", "api.example"), *by), path)


def preflight(
    origin: str = A, names: str | None = None, path: str = "/", method: str = "PUT"
) -> Request:
    asked = () if names is None else ((NAMES, names),)
    headers = (("host", "api.example"), ("origin", origin), (ASK, method), *asked)
    return Request("OPTIONS", headers, path)


# -- side by side ------------------------------------------------------------------------------

COMMAS = "x-custom" + "," * 65000


def every_request() -> Iterator[Request]:
    yield from requests(origins=(None, A, B, "https://sub.a.example", ATTACKER, "null"))
    for path in ("/own", "/everything", "/open/it", "/route"):
        for origin in (None, A, B):
            yield get(origin, path)
        yield preflight(B, "x-custom,x-route,authorization", path)
    yield get(A, "/stream")
    yield get(A, "/nowhere")
    yield preflight(A, "x-custom", "/nowhere")
    for request in (get(), get(None), preflight(A, "x-custom")):
        yield request._replace(headers=(*request.headers, ("cookie", "a=1")))
    # No browser sends these.
    for value in ("X-Custom ,\tContent-Type", "x-custom,,", "a b"):
        yield preflight(A, value)
    yield get("https://a.example/")
    for path in ("/", "/route", "/open/it", "/own", "/nowhere"):
        asked = preflight(A, "x-custom,authorization", path, "GET")
        yield asked._replace(headers=tuple(f for f in asked.headers if f[0] != "origin"))


def vary(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    by_path = {"/own": {"accept-encoding"}, "/everything": {"*"}}
    of_the_app = by_path.get(request.path, set()) if request.method == "GET" else set()
    wanted = {"origin", ASK, NAMES} | of_the_app
    nobody = not options.get("CORS_ORIGINS")  # the application's fields stay
    kept = "*" in varies_by(mine) or varies_by(theirs) <= varies_by(mine) or nobody
    return ["vary"] if kept and of_the_app <= varies_by(mine) <= wanted else []


def full_match(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    regex = isinstance(options.get("CORS_ORIGINS"), (re.Pattern, list))
    return OF_CORS if regex and request.origin == ATTACKER and not cors_of(mine) else []


def own_origin(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    own = mine.first(ORIGIN) == theirs.first(ORIGIN) == "https://own.example"
    return [CREDENTIALS, EXPOSE] if own else []


def granted(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    return OF_CORS if own_grants(options, request, theirs, mine) else []


def route_of_its_own(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    everywhere = options.get("CORS_SEND_WILDCARD") and options.get("CORS_ORIGINS") == "*"
    return OF_CORS if everywhere and request.path == "/route" else []


def star_with_credentials(
    options: Any, request: Request, theirs: Answer, mine: Answer
) -> list[str]:
    if not theirs.first(CREDENTIALS):
        return []
    stars = [name for name in (ORIGIN, METHODS, HEADERS) if theirs.first(name) == "*"]
    # Instead of `*`, responses to requests without an Origin have no CORS field.
    if request.origin is None and ORIGIN in stars:
        return OF_CORS if cors_of(mine).keys() <= {ORIGIN} else []
    return stars


def of_the_request(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    sent = dict(request.headers)
    return [EXPOSE, HEADERS, METHODS] if "cookie" in sent or "authorization" in sent else []


def star_and_names(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    both = [EXPOSE, HEADERS]
    return [
        name
        for name in both
        if theirs.first(name) == "*" and "*" in (mine.first(name) or "").split(",")
    ]


def server_name(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    named = options.get("SERVER_NAME") == theirs.first(ORIGIN)
    left = mine.first(ORIGIN) in (None, "https://own.example")
    return OF_CORS if request.origin is None and named and left else []


def malformed(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    return OF_CORS if request.origin == "https://a.example/" and not cors_of(mine) else []


def no_list(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    return OF_CORS if dict(request.headers).get(NAMES) == "a b" and not cors_of(mine) else []


def preflight_answered(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    if request.is_preflight and theirs.status >= 300 and mine.status == 204:
        fields = ["access-control-allow-methods", "content-type", "content-length"]
        return ["status", "body", "connection", *fields]
    return []


DEVIATIONS = deviations(
    {
        "preflight-answered": preflight_answered,
        "vary": vary,
        "full-match": full_match,
        "own-allow-origin": own_origin,
        "own-grants": granted,
        "route-of-its-own": route_of_its_own,
        "star-with-credentials": star_with_credentials,
        "of-the-request": of_the_request,
        "star-and-names": star_and_names,
        "server-name": server_name,
        "malformed-origin": malformed,
        "bounded-list": no_list,
    }
)

PREFIX = re.compile(r"https://a\.example")
# Each of these starts two applications, which is slow in Sanic.
OPTIONS = [
    *grid(CORS_ORIGINS=["*", A], CORS_ALWAYS_SEND=[..., False], CORS_SEND_WILDCARD=[..., True]),
    *grid(CORS_ORIGINS=[A, [A, "null", PREFIX]], CORS_SUPPORTS_CREDENTIALS=[True]),
    *grid(CORS_ORIGINS=[..., f"{A}, {B}", PREFIX, [A, "*"], ()]),
    *grid(CORS_ORIGINS=["*"], CORS_ALLOW_HEADERS=["*,Authorization"], CORS_METHODS=["GET,PUT"]),
    *grid(
        CORS_ORIGINS=[f"{A},{B}"],
        CORS_ALLOW_HEADERS=["X-Custom,Content-Type", ""],
        CORS_METHODS=["GET,PUT", "*"],
    ),
    *grid(CORS_ORIGINS=[A], CORS_EXPOSE_HEADERS=["X-One,X-Two", ["x-one"], "*,X-One"]),
    *grid(CORS_ORIGINS=[A], CORS_MAX_AGE=[0, "60", timedelta(hours=1)]),
    *grid(CORS_ORIGINS=[A], CORS_SUPPORTS_CREDENTIALS=[True], CORS_METHODS=["*"]),
    *grid(CORS_ORIGINS=[A], CORS_AUTOMATIC_OPTIONS=[False]),
    *grid(CORS_ORIGINS=[f"{A},{B}"], SERVER_NAME=["api.example", B], CORS_VARY_HEADER=[False]),
]


@functools.cache
def originals() -> list[tuple[dict[str, Any], list[Request], list[Answer]]]:
    """Call the original once; each engine is compared with the same responses."""
    found = []
    for options in OPTIONS:
        if options.get("CORS_ORIGINS") == "*" and options.get("CORS_SUPPORTS_CREDENTIALS"):
            continue  # rejected by both
        asked = list(every_request())
        if options.get("CORS_AUTOMATIC_OPTIONS") is False:
            asked = [Request("GET", *it[1:]) if it.is_preflight else it for it in asked]
        found.append((options, asked, ask(original(options), *asked)))
    return found


def test_side_by_side() -> None:
    comparison = Comparison(DEVIATIONS)
    for options, asked, theirs in originals():
        for request, *pair in zip(asked, theirs, ask(ours(options), *asked), strict=True):
            pair = [in_order(it, EXPOSE, METHODS, HEADERS, "allow", by=",") for it in pair]
            comparison.add(options, request, *pair)
    comparison.judge(at_least=2_500)


def test_the_deviations_are_documented() -> None:
    assert {d.id for d in DEVIATIONS} == documented("sanic")


# -- failures for browsers with sanic-ext ---------------------------------------------------------


@pytest.mark.parametrize("extended", [True, False], ids=["sanic-ext", "alone"])
@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/returned", "PUT", 401),
        ("/raised", "PUT", 401),
        ("/redirected", "PUT", 302),
        ("/nowhere", "PUT", 404),
        ("/strict", "PUT", 404),
        ("/", "DELETE", 405),
    ],
)
def test_a_preflight_that_an_error_would_answer(
    extended: bool, path: str, method: str, status: int
) -> None:
    from sanic import redirect, text
    from sanic.exceptions import Unauthorized

    app = ours({"CORS_ORIGINS": [A]}, extended)

    def hello(request: Any) -> Any:
        return text("hello")

    for path_of_route in ("/returned", "/redirected", "/strict/"):
        name = path_of_route.strip("/")
        app.add_route(hello, path_of_route, ["PUT"], strict_slashes=True, name=name)

    @app.on_request
    def check(request: Any) -> Any:
        if request.path == "/returned":
            return text("no token", status=401)
        if request.path == "/redirected":
            return redirect("/elsewhere")
        if request.path == "/raised":
            raise Unauthorized("no token")
        return None

    asked = Request("OPTIONS", (("origin", A), (ASK, method)), path)
    found, actual, other, odd = ask(
        app,
        asked,
        Request(method, (("origin", A),), path),
        Request("OPTIONS", (("origin", B), (ASK, method)), path),
        Request("OPTIONS", (("origin", A), (ASK, "a b")), path),
    )
    assert (found.status, found.body) == (204, b"")
    assert found.headers["access-control-allow-origin"] == [A]
    assert actual.status == status
    assert actual.headers["access-control-allow-origin"] == [A]
    if status == 405:
        assert method not in found.headers["access-control-allow-methods"][0]
        return
    assert method in found.headers["access-control-allow-methods"][0]
    assert (other.status, odd.status, cors_of(other)) == (status, status, {})


def test_a_handler_for_options_is_believed() -> None:
    from sanic import text

    app = ours({"CORS_ORIGINS": [A]})

    def mine(request: Any) -> Any:
        return text("mine", status=403)

    app.add_route(mine, "/mine", ["OPTIONS"])
    (found,) = ask(app, preflight(path="/mine"))
    assert (found.status, found.body) == (403, b"mine")


# -- promises beyond the original ----------------------------------------------------------------


@pytest.mark.parametrize("extended", [True, False], ids=["sanic-ext", "alone"])
def test_options_are_answered_with_and_without_the_extension(extended: bool) -> None:
    app = ours({"CORS_ORIGINS": A, "CORS_ALLOW_HEADERS": "x-custom"}, extended)
    found, other, bare = ask(
        app, preflight(names="x-custom,x-other"), preflight(B), Request("OPTIONS", ())
    )
    assert (found.status, found.body) == (204, b"")
    assert cors_of(found) == {
        ORIGIN: [A],
        METHODS: ["GET,HEAD,OPTIONS,PUT" if extended else "GET,OPTIONS,PUT"],
        HEADERS: ["x-custom"],
        MAX_AGE: ["5"],
    }
    assert (other.status, cors_of(other)) == (204, {})
    assert (bare.status, cors_of(bare)) == (204, {})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "Origin"),
        ("/own", "Accept-Encoding, Origin"),
        ("/everything", "*"),
        ("/broken", "Origin"),
        ("/nowhere", "Origin"),
        ("/stream", "Origin"),
    ],
)
def test_vary_is_merged(path: str, expected: str) -> None:
    for found in ask(ours({"CORS_ORIGINS": f"{A},{B}"}), *(get(o, path) for o in (None, A, "x"))):
        assert found.headers["vary"] == [expected]


def test_a_response_for_any_origin_does_not_vary() -> None:
    app = ours({"CORS_ORIGINS": "*", "CORS_SEND_WILDCARD": True})
    for found in ask(app, get(), get(None), get("null")):
        assert cors_of(found) == {ORIGIN: ["*"]}
        assert "vary" not in found.headers


def test_without_allowed_origins_no_header_is_sent() -> None:
    app = ours({})
    for found in ask(app, get(), get(None), preflight()):
        assert cors_of(found) == {}
        assert "vary" not in found.headers


def test_a_route_replaces_options_of_the_application() -> None:
    app = ours({"CORS_ORIGINS": A, "CORS_EXPOSE_HEADERS": "X-App"})
    found, refused, asked = ask(
        app, get(B, "/route"), get(A, "/route"), preflight(B, "x-route", "/route", "DELETE")
    )
    assert cors_of(found) == {ORIGIN: [B], CREDENTIALS: ["true"], EXPOSE: ["x-app"]}
    assert cors_of(refused) == {}
    assert cors_of(asked)[METHODS] == ["DELETE,GET"]
    assert cors_of(asked)[HEADERS] == ["x-route"]
    assert cors_of(asked)[MAX_AGE] == ["120"]


HOSTILE_ORIGINS = [
    "https://a.example\r\nX-Injected: 1",
    "https://" + "a" * 8192 + ".example",
    "https://a.example,https://a.example",
    "\xe4\xff\x80",
    "",
    " ",
]


@pytest.mark.parametrize("origins", [A, "*", re.compile(r"https://[a-z]\.example")])
def test_hostile_requests(origins: Any) -> None:
    bad = [f(origin) for origin in HOSTILE_ORIGINS for f in (get, preflight)]
    two = [get()._replace(headers=(("origin", A), ("origin", o))) for o in (A, B)]
    lists = [COMMAS, " " * 65536, "x-a," * 16384, "x-\xe4", "a\r\nb: c"]
    app = ours({"CORS_ORIGINS": origins, "CORS_ALLOW_HEADERS": "x-custom"})
    for found in ask(app, *bad, *two, *(preflight(names=value) for value in lists)):
        assert found.status in (200, 204)
        assert cors_of(found) == {}


def test_header_lines_are_one_list() -> None:
    request = preflight(names="x-custom")
    request = request._replace(headers=(*request.headers, (NAMES, "x-two")))
    (found,) = ask(ours({"CORS_ORIGINS": A, "CORS_ALLOW_HEADERS": "x-custom,x-two"}), request)
    assert cors_of(found)[HEADERS] == ["x-custom,x-two"]


def test_credentials_mirror_the_names() -> None:
    app = ours({"CORS_ORIGINS": A, "CORS_SUPPORTS_CREDENTIALS": True})
    (found,) = ask(app, preflight(names="X-Custom,authorization"))
    assert cors_of(found)[HEADERS] == ["x-custom,authorization"]


# -- settings ------------------------------------------------------------------------------------


def test_a_route_is_judged_when_the_server_starts() -> None:
    from sanic import Sanic, text

    from corsfast.middleware.sanic import add_cors, cors

    def made(strict: bool) -> Any:
        app = Sanic(f"app-{next(COUNT)}")
        app.config.AUTO_EXTEND = False

        @app.get("/")
        @cors(origin="*", supports_credentials=True)
        async def hello(request: Any) -> Any:
            return text("hello")

        add_cors(app, strict=strict)
        return app

    async def start(app: Any) -> None:
        async with running(app):
            pass

    with pytest.raises(RuntimeError, match="any-origin-with-credentials"):
        asyncio.run(start(made(strict=True)))
    found, refused = ask(made(strict=False), get("https://any.example"), get("no origin"))
    assert cors_of(found) == {ORIGIN: ["https://any.example"], CREDENTIALS: ["true"]}
    assert cors_of(refused) == {}


def test_errors_of_sanic_ext_are_kept() -> None:
    from sanic.exceptions import SanicException

    with pytest.raises(SanicException, match="CORS_ORIGINS"):
        ours({"CORS_ORIGINS": "*", "CORS_SUPPORTS_CREDENTIALS": True})


def test_only_one_of_them() -> None:
    from corsfast.middleware.sanic import add_cors

    app = original({"CORS_ORIGINS": A})
    with pytest.raises(RuntimeError, match="already"):
        add_cors(app)
    app = ours({"CORS_ORIGINS": A})
    with pytest.raises(RuntimeError, match="already"):
        add_cors(app)
    app.extend()
    (found,) = ask(app, get())
    assert found.headers[ORIGIN] == [A]


# -- under its own server --------------------------------------------------------------------------


def served() -> Any:
    from sanic import Sanic

    from corsfast.middleware.sanic import add_cors, cors

    app = bare({"CORS_ORIGINS": A, "CORS_EXPOSE_HEADERS": "X-One"}, cors)
    add_cors(app)
    assert Sanic.test_mode is False
    return app


def test_under_the_server(engine: Any, tmp_path: Path) -> None:
    from support.servers import Server, ask as over_a_socket

    command = "-m sanic middleware.test_sanic:served --factory --port {port} --single-process"
    allowed = {ORIGIN: A, EXPOSE: "x-one", "vary": "Origin"}
    with Server(command, engine.IMPLEMENTATION, tmp_path / "log") as server:
        for path, status in (("/", 200), ("/stream", 200), ("/nowhere", 404), ("/broken", 500)):
            found = over_a_socket(server.port, "GET", path, ("Origin", A))
            assert (found.status, found.cors) == (status, allowed)
            refused = over_a_socket(server.port, "GET", path, ("Origin", B))
            assert (refused.status, refused.cors) == (status, {"vary": "Origin"})
        asked = [("Origin", A), (ASK, "PUT"), (NAMES, "x-custom")]
        found = over_a_socket(server.port, "OPTIONS", "/", *asked)
        assert (found.status, found.cors[METHODS], found.cors[HEADERS]) == (
            204,
            "GET,HEAD,OPTIONS,PUT",
            "*",
        )
        two = over_a_socket(server.port, "GET", "/", ("Origin", A), ("Origin", B))
        assert two.cors == {"vary": "Origin"}
        odd = over_a_socket(server.port, "GET", "/", ("Origin", "\xff\xe4"))
        assert (odd.status, odd.cors) == (200, {"vary": "Origin"})
