"""The drop-in for falcon.CORSMiddleware, compared with the original and under real servers.

The tests are marked `server` because the framework is not available for every wheel target. For the
same reason each test imports it.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.client import Answer, Request, ask_all, ask_asgi, ask_wsgi, cors_of
from support.compare import (
    ASK,
    NAMES,
    Comparison,
    deviations,
    documented,
    grid,
    own_grants,
    requests,
    share,
    varies_by,
)

pytestmark = pytest.mark.server

A = "https://a.example"
B = "https://b.example"


@pytest.fixture(autouse=True)
def _at_work(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corsfast.middleware.falcon.Policy", engine.Policy)
    # Under ASGI Falcon logs each error of /broken, thousands of times.
    monkeypatch.setattr(logging.getLogger("falcon"), "disabled", True)


# -- an application for each protocol ----------------------------------------------------------


def resources(coroutines: bool) -> dict[str, Any]:
    """Return one resource per path, with coroutine functions for ASGI."""

    def hello(req: Any, resp: Any) -> None:
        resp.text = "hello"

    def own(req: Any, resp: Any) -> None:
        resp.set_header("Access-Control-Allow-Origin", "https://own.example")
        resp.set_header("Vary", "Accept-Encoding")

    def varying(req: Any, resp: Any) -> None:
        resp.append_header("Vary", "accept-encoding")
        resp.append_header("Vary", "origin")

    def everything(req: Any, resp: Any) -> None:
        resp.set_header("Vary", "*")

    def silent(req: Any, resp: Any) -> None:
        resp.status = 204

    def telling(req: Any, resp: Any) -> None:
        resp.set_header("Allow", "GET, PURGE")
        resp.set_header("Vary", "Accept")
        resp.status = 204

    def broken(req: Any, resp: Any) -> None:
        raise RuntimeError("bug")

    def missing(req: Any, resp: Any) -> None:
        import falcon

        raise falcon.HTTPNotFound

    handlers: dict[str, dict[str, Any]] = {
        "/": {"on_get": hello, "on_put": hello},
        "/own": {"on_get": own},
        "/varying": {"on_get": varying},
        "/everything": {"on_get": everything},
        "/silent": {"on_get": hello, "on_options": silent},
        "/telling": {"on_get": hello, "on_options": telling},
        "/broken": {"on_get": broken, "on_options": broken},
        "/missing": {"on_get": missing},
    }

    def as_coroutine(function: Any) -> Any:
        async def responder(self: Any, req: Any, resp: Any) -> None:
            function(req, resp)

        return responder

    def as_method(function: Any) -> Any:
        return lambda self, req, resp: function(req, resp)

    wrap = as_coroutine if coroutines else as_method
    return {
        path: type("Resource", (), {name: wrap(function) for name, function in methods.items()})()
        for path, methods in handlers.items()
    }


def application(middleware: Any, protocol: str) -> Any:
    import falcon
    import falcon.asgi

    asgi = protocol == "asgi"
    app = (falcon.asgi.App if asgi else falcon.App)(middleware=middleware)
    for path, resource in resources(asgi).items():
        app.add_route(path, resource)
    return app


def ask(app: Any, request: Request, protocol: str) -> Answer:
    return ask_wsgi(app, request) if protocol == "wsgi" else asyncio.run(ask_asgi(app, request))


def preflight(origin: str = A, names: str | None = None, path: str = "/") -> Request:
    asked = () if names is None else ((NAMES, names),)
    return Request("OPTIONS", (("origin", origin), (ASK, "PUT"), *asked), path)


def get(origin: str | None = A, path: str = "/") -> Request:
    return Request("GET", () if origin is None else (("origin", origin),), path)


@pytest.fixture(params=["wsgi", "asgi"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def ours(**options: Any) -> Any:
    from corsfast.middleware.falcon import CORSMiddleware

    with warnings.catch_warnings(action="ignore", category=UserWarning):
        return CORSMiddleware(**options)


# -- side by side ------------------------------------------------------------------------------

LONG = ",".join(["x-custom"] * 2000)
COMMAS = "x-custom" + "," * 65000


def every_request() -> Iterator[Request]:
    yield from requests(origins=(None, A, B, "https://a.example.attacker.net", "null"))
    for path in ("/own", "/varying", "/everything", "/silent", "/telling", "/broken", "/missing"):
        for origin in (None, A, B):
            yield get(origin, path)
        for origin in (A, B, "https://other.example"):
            yield preflight(origin, "x-custom", path)
            yield preflight(origin, None, path)
    yield preflight(A, "x-custom", "/nowhere")
    private = ("access-control-request-private-network", "true")
    for path in ("/", "/silent"):
        for origin in (A, "https://other.example"):
            request = preflight(origin, "x-custom", path)
            yield request._replace(headers=(*request.headers, private))
    # No browser sends these.
    for value in ("", "X-Custom ,\tContent-Type", "x-custom,,", COMMAS, LONG, "x-\xe4", "a b"):
        yield preflight(A, value)
    for origin in ("localhost", "https://A.example", "https://a.example/", "no origin"):
        yield get(origin)
        yield preflight(origin)


OF_CORS = [
    f"access-control-{name}"
    for name in (
        "allow-origin",
        "allow-credentials",
        "allow-methods",
        "allow-headers",
        "allow-private-network",
        "expose-headers",
        "max-age",
    )
]


def vary(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    wanted = {"origin", ASK, NAMES, "access-control-request-private-network"}
    return ["vary"] if varies_by(theirs) <= varies_by(mine) <= varies_by(theirs) | wanted else []


def star_for_all(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    everybody = options.get("allow_origins", "*") == "*" and not options.get("allow_credentials")
    if request.origin is None and everybody:
        return ["access-control-allow-origin", "access-control-expose-headers"]
    return []


def refused_is_bare(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    bare = not cors_of(mine) and theirs.first("access-control-allow-origin") is None
    if request.is_preflight and bare:
        return ["access-control-allow-credentials", "access-control-allow-private-network"]
    return []


def granted(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    return OF_CORS if own_grants(options, request, theirs, mine) else []


def no_origin(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    odd = request.origin in ("localhost", "https://A.example", "https://a.example/", "no origin")
    return [*OF_CORS, "allow"] if odd and not cors_of(mine) else []


def no_list(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    odd = dict(request.headers).get(NAMES) in (COMMAS, LONG, "x-\xe4", "a b")
    return OF_CORS if odd and not cors_of(mine) else []


def preflight_answered(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    if request.is_preflight and theirs.status >= 300 and mine.status == 200:
        return ["status", "body", "content-type", "content-length", *OF_CORS]
    return []


DEVIATIONS = deviations(
    {
        "preflight-answered": preflight_answered,
        "vary": vary,
        "star-for-all": star_for_all,
        "refused-is-bare": refused_is_bare,
        "own-grants": granted,
        "malformed-origin": no_origin,
        "bounded-list": no_list,
    }
)


def ask_each(app: Any, asked: list[Request], protocol: str) -> list[Answer]:
    if protocol == "wsgi":
        return [ask_wsgi(app, request) for request in asked]
    return ask_all(app, *asked)


@functools.cache
def originals(protocol: str) -> list[tuple[dict[str, Any], list[Request], list[Answer]]]:
    """Call the original once; each engine is compared with the same responses."""
    import falcon

    combinations = grid(
        allow_origins=[..., "*", A, [A, B], ("null", A), {B, "localhost"}],
        expose_headers=[..., "X-One, X-Two", ["X-One", "X-Two"]],
        allow_credentials=[..., "*", A, [B, "null"]],
        allow_private_network=[..., True],
    )
    found = []
    for number, options in enumerate(combinations):
        asked = share(list(every_request()), number, one_in=3)
        app = application(falcon.CORSMiddleware(**options), protocol)
        found.append((options, asked, ask_each(app, asked, protocol)))
    return found


def test_side_by_side(protocol: str) -> None:
    comparison = Comparison(DEVIATIONS)
    for options, asked, theirs in originals(protocol):
        mine = ask_each(application(ours(**options), protocol), asked, protocol)
        for request, *pair in zip(asked, theirs, mine, strict=True):
            comparison.add(options, request, *pair)
    comparison.judge(at_least=6_000)


def test_the_deviations_are_documented() -> None:
    assert {d.id for d in DEVIATIONS} == documented("falcon")


# -- failures for browsers with Falcon's middleware ------------------------------------------------


class Token:
    """A middleware that requires a token before anything else happens."""

    def process_request(self, req: Any, resp: Any) -> None:
        import falcon

        raise falcon.HTTPUnauthorized

    async def process_request_async(self, req: Any, resp: Any) -> None:
        self.process_request(req, resp)


class Redirect:
    def process_request(self, req: Any, resp: Any) -> None:
        import falcon

        raise falcon.HTTPPermanentRedirect("https://api.example/")

    async def process_request_async(self, req: Any, resp: Any) -> None:
        self.process_request(req, resp)


class Short:
    """A middleware that responds before the responders, without an exception."""

    def process_request(self, req: Any, resp: Any) -> None:
        resp.status, resp.complete = 403, True

    async def process_request_async(self, req: Any, resp: Any) -> None:
        self.process_request(req, resp)


def with_routes(protocol: str, *more: Any) -> Any:
    """Return an application with everything that can respond to a request in Falcon."""
    import falcon

    app = application([ours(allow_origins=[A]), *more], protocol)
    app.router_options.default_to_on_request = True

    def fails(req: Any, resp: Any) -> None:
        raise falcon.HTTPConflict

    def says(req: Any, resp: Any) -> None:
        resp.text = "hello"

    def teapot(req: Any, resp: Any) -> None:
        resp.status = 418

    handlers: dict[str, Any] = {"/any": says, "/any-fails": fails, "/any-teapot": teapot}
    for path, function in handlers.items():
        sync = {"on_request": lambda self, req, resp, f=function: f(req, resp)}

        async def on_request(self: Any, req: Any, resp: Any, f: Any = function) -> None:
            f(req, resp)

        methods = {"on_request": on_request} if protocol == "asgi" else sync
        app.add_route(path, type("Resource", (), methods)())

    async def sink(req: Any, resp: Any, **_: Any) -> None:
        resp.text = "sink"

    plain_sink: Any = lambda req, resp, **_: setattr(resp, "text", "sink")  # noqa: E731
    app.add_sink(sink if protocol == "asgi" else plain_sink, "/sink")
    return app


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/any", "PUT", 200),
        ("/any", "DELETE", 200),
        ("/any-fails", "PUT", 409),
        ("/any-teapot", "PUT", 418),
        ("/sink/x", "PUT", 200),
        ("/nowhere", "PUT", 404),
        ("/missing", "GET", 404),
    ],
)
def test_a_preflight_that_falcon_refuses(
    protocol: str, path: str, method: str, status: int
) -> None:
    app = with_routes(protocol)
    for origin, fields in ((A, {A}), (B, set())):
        asked = Request("OPTIONS", (("origin", origin), (ASK, method)), path)
        found = ask(app, asked, protocol)
        actual = ask(app, Request(method, (("origin", origin),), path), protocol)
        for answered in (found, actual):
            assert set(answered.headers.get("access-control-allow-origin", ())) == fields
        assert actual.status == status
        if origin == A:
            assert found.status == 200
            assert method in (found.first("access-control-allow-methods") or "")


@pytest.mark.parametrize(("kind", "status"), [(Token, 401), (Redirect, 308), (Short, 403)])
def test_middleware_that_answers_first(protocol: str, kind: Any, status: int) -> None:
    app = with_routes(protocol, kind())
    found = ask(app, preflight(names="x-custom"), protocol)
    assert (found.status, found.body) == (200, b"")
    assert found.headers["access-control-allow-methods"] == ["PUT"]
    assert found.headers["access-control-allow-headers"] == ["x-custom"]
    assert "location" not in found.headers
    actual = ask(app, get(A), protocol)
    assert (actual.status, actual.first("access-control-allow-origin")) == (status, A)
    for refused in (preflight(B), preflight(names="a b")):
        assert ask(app, refused, protocol).status == status
        assert "access-control-allow-methods" not in ask(app, refused, protocol).headers


@pytest.mark.parametrize(("path", "status"), [("/silent", 204), ("/broken", 500)])
def test_a_responder_for_options_is_believed(protocol: str, path: str, status: int) -> None:
    found = ask(with_routes(protocol), preflight(path=path), protocol)
    assert found.status == status
    assert "access-control-allow-methods" not in found.headers


# -- promises beyond the original ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "Origin"),
        ("/own", "Accept-Encoding, Origin"),
        ("/varying", "accept-encoding, origin"),
        ("/everything", "*"),
        ("/missing", "Accept, Origin"),  # Falcon negotiates its error pages
        ("/broken", "Accept, Origin"),
        ("/nowhere", "Accept, Origin"),
    ],
)
def test_vary_is_merged(protocol: str, path: str, expected: str) -> None:
    app = application(ours(allow_origins=[A, B]), protocol)
    for origin in (None, A, "https://other.example"):
        assert ask(app, get(origin, path), protocol).headers["vary"] == [expected]


def test_without_private_attributes_of_falcon(
    protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen in Falcon 4.4; without them, public methods give the same answers."""
    from falcon import Response

    from corsfast.middleware import falcon as module

    assert type(module._headers_of(Response())) is dict
    app = application(ours(allow_origins=[A], allow_credentials=[A]), protocol)
    asked = [
        *(get(origin, path) for origin in (None, A, B) for path in ("/", "/broken", "/nowhere")),
        *(preflight(origin, path=path) for origin in (A, B) for path in ("/", "/nowhere")),
    ]
    private = [ask(app, request, protocol) for request in asked]
    monkeypatch.setattr(module, "_headers_of", module._Headers)
    assert [ask(app, request, protocol) for request in asked] == private


def test_a_response_for_any_origin_does_not_vary(protocol: str) -> None:
    app = application(ours(expose_headers="X-One"), protocol)
    for origin in (None, A, "null"):
        found = ask(app, get(origin), protocol)
        assert "vary" not in found.headers
        assert cors_of(found) == {
            "access-control-allow-origin": ["*"],
            "access-control-expose-headers": ["X-One"],
        }
    found = ask(app, preflight(names="x-custom"), protocol)
    assert found.headers["vary"] == [
        "Access-Control-Request-Method, Access-Control-Request-Headers"
    ]


WHOLE = (
    "Accept, Origin, Access-Control-Request-Method, Access-Control-Request-Headers,"
    " Access-Control-Request-Private-Network"
)


def test_a_preflight_response_varies(protocol: str) -> None:
    app = application(ours(allow_origins=A, allow_private_network=True), protocol)
    for origin in (A, B):
        assert ask(app, preflight(origin, path="/telling"), protocol).headers["vary"] == [WHOLE]


def test_credentials_for_some_and_star_for_the_others(protocol: str) -> None:
    app = application(ours(allow_credentials=[A]), protocol)
    trusted, other = (ask(app, get(origin), protocol) for origin in (A, B))
    assert cors_of(trusted) == {
        "access-control-allow-origin": [A],
        "access-control-allow-credentials": ["true"],
    }
    assert cors_of(other) == {"access-control-allow-origin": ["*"]}
    assert trusted.headers["vary"] == other.headers["vary"] == ["Origin"]


def test_no_preflight_without_an_origin(protocol: str) -> None:
    app = application(ours(allow_origins=A), protocol)
    found = ask(app, Request("OPTIONS", ((ASK, "PUT"),)), protocol)
    assert found.first("allow") == "GET, PUT"
    assert found.headers["vary"] == ["Origin"]


def test_a_request_for_a_method_that_is_not_there(protocol: str) -> None:
    app = application(ours(allow_origins=A), protocol)
    found = ask(app, Request("DELETE", (("origin", A),)), protocol)
    assert (found.status, found.first("access-control-allow-origin")) == (405, A)
    assert found.first("allow") == "GET, PUT, OPTIONS"


HOSTILE_ORIGINS = [
    "https://a.example\r\nX-Injected: 1",
    "https://" + "a" * 8192 + ".example",
    "https://a.example,https://a.example",
    "https://a.example ",
    "\xe4\xff\x80",
    "",
    " ",
]


@pytest.mark.parametrize("origins", [A, "*"])
@pytest.mark.parametrize("origin", HOSTILE_ORIGINS)
def test_hostile_origins(protocol: str, origin: str, origins: str) -> None:
    app = application(ours(allow_origins=origins, allow_credentials="*"), protocol)
    for request in (get(origin), preflight(origin)):
        found = ask(app, request, protocol)
        assert found.status == 200
        assert not cors_of(found)


@pytest.mark.parametrize("value", [COMMAS, " " * 65536, "x-a," * 16384, "x-\xe4", "a\r\nb: c"])
@pytest.mark.parametrize("origins", [A, "*"])
def test_hostile_lists(protocol: str, value: str, origins: str) -> None:
    app = application(ours(allow_origins=origins), protocol)
    found = ask(app, preflight(names=value), protocol)
    assert found.status == 200
    assert not cors_of(found)


def test_several_origin_lines(protocol: str) -> None:
    app = application(ours(allow_origins=A), protocol)
    for second in (A, B):
        request = Request("GET", (("origin", A), ("origin", second)))
        assert not cors_of(ask(app, request, protocol))


# -- settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["allow_origins", "allow_credentials"])
def test_errors_of_falcon_are_kept(option: str) -> None:
    with pytest.raises(ValueError, match="string literal"):
        ours(**{option: [A, "*"]})


# -- as part of Falcon ---------------------------------------------------------------------------


def test_falcon_takes_it_for_its_own(protocol: str) -> None:
    import falcon
    import falcon.asgi

    assert isinstance(ours(), falcon.CORSMiddleware)
    assert ours().allow_origins == "*"
    App = falcon.App if protocol == "wsgi" else falcon.asgi.App
    with pytest.raises(ValueError, match="cors_enable"):
        App(cors_enable=True, middleware=ours())


def test_a_subclass_speaks_on_both_protocols(protocol: str) -> None:
    from corsfast.middleware.falcon import CORSMiddleware

    class Timing(CORSMiddleware):
        def process_response(
            self, req: Any, resp: Any, resource: object, req_succeeded: bool
        ) -> None:
            super().process_response(req, resp, resource, req_succeeded)
            resp.set_header("Timing-Allow-Origin", "*")

    found = ask(application(Timing(allow_origins=A), protocol), get(), protocol)
    assert found.first("access-control-allow-origin") == A
    assert found.first("timing-allow-origin") == "*"


def test_with_other_middleware(protocol: str) -> None:
    class Authentication:
        def process_request(self, req: Any, resp: Any) -> None:
            import falcon

            if req.method != "OPTIONS":
                raise falcon.HTTPUnauthorized

        async def process_request_async(self, req: Any, resp: Any) -> None:
            self.process_request(req, resp)

    app = application([ours(allow_origins=A), Authentication()], protocol)
    found = ask(app, get(), protocol)
    assert (found.status, found.first("access-control-allow-origin")) == (401, A)
    assert ask(app, preflight(), protocol).first("access-control-allow-methods") is not None


def test_a_sink(protocol: str) -> None:
    def answer_all(req: Any, resp: Any) -> None:
        resp.set_header("Allow", "GET, POST")

    async def answer_all_async(req: Any, resp: Any) -> None:
        answer_all(req, resp)

    app = application(ours(allow_origins=A), protocol)
    app.add_sink(answer_all if protocol == "wsgi" else answer_all_async, "/sink")
    found = ask(app, preflight(path="/sink/deep"), protocol)
    assert found.first("access-control-allow-methods") == "GET, POST"
    assert found.first("allow") is None


# -- under real servers ----------------------------------------------------------------------------

SERVERS = {
    "wsgi": "-m gunicorn --bind 127.0.0.1:{port} middleware.test_falcon:wsgi()",
    "asgi": "-m uvicorn --factory --port {port} --log-level warning middleware.test_falcon:asgi",
}


def wsgi() -> Any:
    return application(ours(allow_origins=[A], allow_credentials="*"), "wsgi")


def asgi() -> Any:
    return application(ours(allow_origins=[A], allow_credentials="*"), "asgi")


def test_under_a_server(protocol: str, engine: Any, tmp_path: Path) -> None:
    from support.servers import Server, ask as over_a_socket

    with Server(SERVERS[protocol], engine.IMPLEMENTATION, tmp_path / "log") as server:
        for path, status, vary in (
            ("/", 200, "Origin"),
            ("/missing", 404, "Accept, Origin"),
            ("/broken", 500, "Accept, Origin"),
        ):
            found = over_a_socket(server.port, "GET", path, ("Origin", A))
            assert found.status == status
            assert found.cors == {
                "access-control-allow-origin": A,
                "access-control-allow-credentials": "true",
                "vary": vary,
            }
            refused = over_a_socket(server.port, "GET", path, ("Origin", B))
            assert (refused.status, refused.cors) == (status, {"vary": vary})
        asked = [("Origin", A), (ASK, "PUT"), (NAMES, "x-custom")]
        found = over_a_socket(server.port, "OPTIONS", "/", *asked)
        assert found.status == 200
        assert found.cors["access-control-allow-headers"] == "x-custom"
        assert found.cors["access-control-max-age"] == "86400"
        assert found.all("allow") == []
        two = over_a_socket(server.port, "GET", "/", ("Origin", A), ("Origin", B))
        assert two.cors == {"vary": "Origin"}
