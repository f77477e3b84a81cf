"""The drop-in for aiohttp-cors: compared with the original, and tested for mistakes of either.

The tests are marked `server` because they need aiohttp, which is not available for every wheel
target. For the same reason each test imports it.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.client import Answer, Request, answer
from support.compare import (
    Comparison,
    Deviation,
    differences,
    documented,
    grid,
    own_grants,
    requests,
)

from corsfast import PolicyError
from corsfast.errors import CorsfastDeadEntryWarning, CorsfastSecurityWarning

pytestmark = pytest.mark.server

A = "https://a.example"
B = "https://b.example"
STRANGER = "https://stranger.example"
ORIGINS = (None, A, B, "https://sub.a.example", "null", "chrome-extension://abcdefghijklmnop")
OWN = "https://own.example"


def ours() -> ModuleType:
    from corsfast.middleware import aiohttp

    return aiohttp


def theirs() -> ModuleType:
    import aiohttp_cors

    return aiohttp_cors


# -- an application, and one way to call it ------------------------------------------------------


async def handler(request: Any) -> Any:
    from aiohttp import web

    match request.path:
        case "/broken":
            raise RuntimeError("a bug, on purpose")
        case "/missing":
            raise web.HTTPNotFound
        case "/own":
            headers = [("access-control-allow-origin", OWN), ("Access-Control-Max-Age", "1")]
        case "/vary":
            headers = [("Vary", "Accept"), ("Vary", "Cookie, origin")]
        case "/accept":
            headers = [("vary", "Accept"), ("X-Total", "1"), ("Cache-Control", "no-store")]
        case "/star":
            headers = [("Vary", "*")]
        case _:
            headers = []
    return web.Response(text="hello", headers=headers)


PATHS = ("/", "/broken", "/missing", "/own", "/vary", "/accept", "/star", "/items/{name}")


def build(library: ModuleType, where: str, config: dict[str, Any]) -> Any:
    """Build an application whose routes were added with the same options in different places."""
    from aiohttp import web

    app = web.Application()
    options = library.ResourceOptions
    config = {origin: options(**given) for origin, given in config.items()}
    nearest = {"https://a.example": options(max_age=1, allow_headers=["X-Near"])}
    cors = library.setup(app, defaults=config if where in ("defaults", "mixed") else None)
    for path in PATHS:
        resource = app.router.add_resource(path)
        if where == "resource":
            cors.add(resource, config)
        elif where == "defaults":
            cors.add(resource)
        for method in ("GET", "PUT"):
            route = resource.add_route(method, handler)
            if where == "route":
                cors.add(route, config if method == "PUT" else None)
            elif where == "mixed":
                cors.add(route, nearest if method == "PUT" else None)
        resource.add_route("POST", handler)
    app.router.add_get("/free", handler)
    return app


class Served:
    """An application called as aiohttp's own server calls it, without the socket."""

    def __init__(self, app: Any) -> None:
        from aiohttp import web

        self.app = app
        runner = web.AppRunner(app)
        LOOP.run_until_complete(runner.setup())
        assert runner.server is not None
        self.server = runner.server
        self.protocol = runner.server()

    async def handle(self, request: Request) -> Answer:
        from aiohttp import web
        from aiohttp.http import HttpVersion11, RawRequestMessage
        from aiohttp.streams import EMPTY_PAYLOAD
        from multidict import CIMultiDict, CIMultiDictProxy
        from yarl import URL

        headers = CIMultiDict(request.headers)
        raw = tuple((k.encode(), v.encode("utf-8", "surrogateescape")) for k, v in request.headers)
        message = RawRequestMessage(
            request.method,
            request.path,
            HttpVersion11,
            CIMultiDictProxy(headers),
            raw,
            False,
            None,
            False,
            False,
            URL(request.path),
        )
        task = asyncio.current_task()
        it = self.server.request_factory(message, EMPTY_PAYLOAD, self.protocol, Nowhere(), task)
        response: Any
        try:
            response = await self.server.request_handler(it)
        except web.HTTPException as error:
            response = error
        except Exception:
            response = web.Response(status=500, text="500")
        try:
            await response.prepare(it)
        except Exception:
            return Answer(0, {}, b"")  # the server closes the connection
        body = response.body or b""
        return normal(answer(response.status, response.headers.items(), bytes(body)))


class Nowhere:
    """A replacement for the socket's writer."""

    length = 0
    output_size = 0

    async def write_headers(self, *_: Any) -> None: ...

    def send_headers(self) -> None: ...

    async def write_eof(self, *_: Any) -> None: ...

    def enable_chunking(self) -> None: ...


LOOP: asyncio.AbstractEventLoop


@pytest.fixture(autouse=True, scope="module")
def loop() -> Iterator[None]:
    # pytest leaves this module and returns to it if tests of another one have an engine. So the
    # loop belongs to the module.
    global LOOP
    LOOP = asyncio.new_event_loop()
    asyncio.set_event_loop(LOOP)
    yield
    asyncio.set_event_loop(None)
    LOOP.close()


LISTS = ("access-control-expose-headers", "access-control-allow-headers")


def normal(found: Answer) -> Answer:
    """Sort the names in lists of a response, because the original takes them from a set."""
    headers = {k: v for k, v in found.headers.items() if k not in ("date", "server")}
    for name in LISTS:
        if name in headers:
            headers[name] = [",".join(sorted(headers[name][0].split(",")))]
    body = found.body
    head, mark, tail = body.partition(b"headers are not allowed: ")
    if mark:
        body = head + mark + b", ".join(sorted(tail.split(b", ")))
    return Answer(found.status, headers, body)


def call(served: Served, request: Request) -> Answer:
    return LOOP.run_until_complete(served.handle(request))


def get(path: str = "/", *origins: str) -> Request:
    return Request("GET", tuple(("origin", origin) for origin in origins), path)


def preflight(
    origin: str, method: str = "PUT", names: str | None = None, path: str = "/"
) -> Request:
    lines = [("origin", origin), ("access-control-request-method", method)]
    if names is not None:
        lines.append(("access-control-request-headers", names))
    return Request("OPTIONS", tuple(lines), path)


# -- compared with aiohttp-cors ------------------------------------------------------------------


LOOKED_AT = {"origin", "access-control-request-method", "access-control-request-headers"}


def only_vary(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    without = [
        (found.status, found.body, {k: v for k, v in found.headers.items() if k != "vary"})
        for found in (theirs, ours)
    ]
    before, after = varied(theirs), varied(ours)
    return without[0] == without[1] and before < after and after - before <= LOOKED_AT


def varied(found: Answer) -> set[str]:
    lines = found.headers.get("vary", [])
    return {name.strip().lower() for line in lines for name in line.split(",")}


def own_fields(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    fails = theirs.status == 0 and request.path == "/own" and ours.status == 200
    return fails or own_grants(options, request, theirs, ours)


def view_without_method(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    return theirs.status == 0 and "view" in options and ours.status == 405


def view_methods(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    asked = dict(request.headers).get("access-control-request-method")
    return "view" in options and asked in ("cors_config", "request") and ours.status == 403


def malformed_origin(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    from corsfast._options.origin import is_origin

    lines = [value for name, value in request.headers if name == "origin"]
    wrong = len(lines) > 1 or not all(is_origin(line) or line == "file://" for line in lines)
    return wrong and bare(ours)


def malformed_method(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    asked = dict(request.headers).get("access-control-request-method", "")
    return (" " in asked or "," in asked or len(asked) > 64) and ours.status == 403 and bare(ours)


def bounded_list(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    from corsfast._engine.headers import requested_names

    lines = [v for name, v in request.headers if name == "access-control-request-headers"]
    return requested_names(",".join(lines)) is None and ours.status == 403 and bare(ours)


def several_lists(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    lines = [v for name, v in request.headers if name == "access-control-request-headers"]
    names = ours.first("access-control-allow-headers")
    return len(lines) > 1 and (names == "X-B,X-CUSTOM" or (ours.status == 403 and bare(ours)))


def not_allowed(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    """Return whether the original's 405 had no fields. A preflight for the resource is allowed."""
    expected = {"vary", *(name for name in ours.headers if name.startswith("access-control-"))}
    return (theirs.status, ours.status) == (405, 405) and set(differences(theirs, ours)) <= expected


def bare(found: Answer) -> bool:
    return not any(name.startswith("access-control-") for name in found.headers)


DEVIATIONS = [
    Deviation("vary", only_vary),
    Deviation("own-fields", own_fields),
    Deviation("view-without-method", view_without_method),
    Deviation("view-methods", view_methods),
    Deviation("malformed-origin", malformed_origin),
    Deviation("malformed-method", malformed_method),
    Deviation("bounded-list", bounded_list),
    Deviation("several-lists", several_lists),
    Deviation("not-allowed", not_allowed),
]

OPTIONS = {
    "allow_credentials": (..., True),
    "expose_headers": (..., ["X-Total", "X-Page"], "*"),
    "allow_headers": (..., ["X-Custom", "content-type"], "*"),
    "max_age": (..., 0, 600),
    "allow_methods": (..., ["PUT", "delete"], "*"),
}
LESS = {"allow_headers": ["x-other"]}
SOURCES = ("listed", "everybody", "both", "odd", "dead", "none")
PLACES = ("defaults", "resource", "route", "mixed")


def config_of(source: str, options: dict[str, Any]) -> dict[str, Any]:
    return {
        "listed": {A: options, "null": LESS},
        "everybody": {"*": options},
        "both": {A: LESS, "*": options},
        "odd": {"a.example": options, f"{A}/": options, "file://": options, "": options, B: LESS},
        "dead": {"a.example": options},
        "none": {},
    }[source]


def all_requests() -> list[Request]:
    found = [*requests(origins=ORIGINS), *requests("/items/one", origins=(None, A))]
    for path in ("/broken", "/missing", "/own", "/vary", "/accept", "/star", "/free", "/nowhere"):
        found += [get(path), get(path, A), get(path, STRANGER), preflight(A, path=path)]
    ask = ("access-control-request-method", "PUT")
    names = ("access-control-request-headers", "X-Custom")
    found += [
        *(get("/", origin) for origin in ("", "file://", "a.example", f"{A}/", "x y", "\udcff")),
        *(preflight(origin) for origin in ("file://", "a.example", f"{A}/", "\udcff")),
        get("/", A, B),
        Request("OPTIONS", (ask,)),
        Request("OPTIONS", (("origin", A), ("origin", B), ask)),
        Request("OPTIONS", (("origin", A), ask, names, ("access-control-request-headers", "x-b"))),
        preflight(A, "PUT, GET"),
        preflight(A, "M" * 65),
        preflight(A, "put"),
        preflight(A, "PUT", ""),
        preflight(A, "PUT", "X-Custom ,\t content-type,,x-custom"),
        preflight(A, "PUT", "X Custom"),
        preflight(A, "PUT", "," * 20),
        preflight(A, "PUT", "X-Near"),
    ]
    return found


def test_side_by_side() -> None:
    comparison = Comparison(DEVIATIONS)
    todo = all_requests()
    for i, options in enumerate(grid(**OPTIONS)):
        # Each set of options has one source and one place; all pairs of source and place occur.
        source, where = SOURCES[i % len(SOURCES)], PLACES[i // len(SOURCES) % len(PLACES)]
        config = config_of(source, options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            original, drop_in = (Served(build(lib, where, config)) for lib in (theirs(), ours()))
            for request in todo:
                comparison.add(
                    {"where": where, **config},
                    request,
                    call(original, request),
                    call(drop_in, request),
                )
    compare_views(comparison)
    comparison.judge(at_least=15_000)
    assert {d.id for d in DEVIATIONS} == documented("aiohttp")


def build_views(library: ModuleType, nearest: Any, near: Any, defaults: Any, added: Any) -> Any:
    """Build an application with a view, a view for GET only, and a view in a nested application."""
    from aiohttp import web

    def parsed(config: Any) -> Any:
        return config and {o: library.ResourceOptions(**given) for o, given in config.items()}

    class View(web.View, library.CorsViewMixin):
        cors_config = parsed(near)

        async def get(self) -> Any:
            return web.Response(text="hello")

        @library.custom_cors(parsed(nearest))
        async def put(self) -> Any:
            return web.Response(text="put")

    app = web.Application()
    cors = library.setup(app, defaults=parsed(defaults))
    cors.add(app.router.add_view("/", View), parsed(added))
    cors.add(app.router.add_route("GET", "/get", View), parsed(added))
    app.router.add_view("/unadded", View)
    return app


def compare_views(comparison: Comparison) -> None:
    maybe = (None, {A: {"max_age": 5, "allow_credentials": True}}, {"*": {"allow_headers": "*"}})
    lines = (("origin", A), ("access-control-request-method", "cors_config"))
    todo = [
        *(r for path in ("/", "/get", "/unadded") for r in requests(path, origins=(None, A, B))),
        Request("OPTIONS", lines),
        Request("PATCH", (("origin", A),)),
        Request("PROPFIND", (("origin", A),)),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for places in grid(nearest=maybe, near=maybe, defaults=maybe, added=maybe[:2]):
            original, drop_in = (Served(build_views(lib, **places)) for lib in (theirs(), ours()))
            for request in todo:
                comparison.add(
                    {"view": True, **places},
                    request,
                    call(original, request),
                    call(drop_in, request),
                )


# -- options -------------------------------------------------------------------------------------

GOOD = [
    {},
    {"allow_headers": ("x-a", "X-A"), "expose_headers": ["x"], "allow_methods": ["get", "GET"]},
    {"allow_headers": "*", "expose_headers": "*", "allow_methods": "*", "max_age": 0},
    {"max_age": True, "allow_credentials": True},
]
BAD = [
    {"allow_credentials": 1},
    {"allow_credentials": None},
    {"expose_headers": "X-Total"},
    {"expose_headers": {"X-Total"}},
    {"allow_headers": 1},
    {"allow_headers": "x-custom"},
    {"allow_methods": "GET"},
    {"max_age": -1},
    {"max_age": 1.5},
    {"max_age": "1"},
]


def test_resource_options_beside_the_original() -> None:
    mine, original = ours().ResourceOptions, theirs().ResourceOptions
    assert mine._fields == original._fields
    for given in GOOD:
        assert mine(**given) == original(**given)
        for method in ("GET", "get", "PUT"):
            assert mine(**given).is_method_allowed(method) == original(**given).is_method_allowed(
                method
            )
    for given in BAD:
        for kind in (mine, original):
            with pytest.raises(ValueError, match=next(iter(given))):
                kind(**given)


# Parts of the messages of both libraries.
MESSAGE = "must be|[Uu]nexpected|already|expected|derived|'max_age'"


@pytest.mark.parametrize(
    "config", [[], "x", {1: {}}, {A: None}, {A: {"allow": 1}}, {A: {"max_age": -1}}], ids=str
)
def test_mappings_that_are_none(config: Any) -> None:
    from aiohttp import web

    for library in (ours(), theirs()):
        app = web.Application()
        with pytest.raises(ValueError, match=MESSAGE):
            library.setup(app, defaults=config)
        cors = library.setup(app)
        with pytest.raises(ValueError, match=MESSAGE):
            cors.add(app.router.add_get("/", handler), config)


def test_what_cannot_be_added() -> None:
    from aiohttp import web

    class Plain(web.View):
        pass

    for library in (ours(), theirs()):
        app = web.Application()
        cors = library.setup(app)
        route = app.router.add_get("/", handler)
        assert cors.add(route) is route
        anything = app.router.add_route("*", "/any", handler)
        answering = app.router.add_resource("/options")
        answering.add_route("OPTIONS", handler)
        plain = app.router.add_view("/plain", Plain)
        within = app.add_subapp("/within", web.Application())
        for entity in (route, route.resource, anything, answering, plain, within, "/"):
            with pytest.raises(ValueError, match=MESSAGE):
                cors.add(entity)
        with pytest.warns(DeprecationWarning, match="webview"):
            cors.add(app.router.add_get("/2", handler), webview=True)


# -- warnings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"*": {"allow_credentials": True}}, CorsfastSecurityWarning),
        ({"null": {"allow_credentials": True}}, CorsfastSecurityWarning),
        ({"http://a.example": {"allow_credentials": True}}, CorsfastSecurityWarning),
        ({f"{A}/": {}}, CorsfastDeadEntryWarning),
        ({"a.example": {}, "*": {}}, CorsfastDeadEntryWarning),
    ],
)
def test_each_problem_is_said_once_for_each_application(config: Any, kind: type[Warning]) -> None:
    from aiohttp import web

    def by_setup(strict: bool) -> None:
        ours().setup(web.Application(), defaults=config, strict=strict)

    def by_add(strict: bool) -> None:
        app = web.Application()
        cors = ours().setup(app, strict=strict)
        cors.add(app.router.add_get("/", handler), config)
        cors.add(app.router.add_get("/2", handler), config)

    def by_view(strict: bool) -> None:
        class View(web.View, ours().CorsViewMixin):
            cors_config = config

            @ours().custom_cors(config)
            async def get(self) -> Any: ...

        app = web.Application()
        ours().setup(app, strict=strict).add(app.router.add_view("/", View))

    for make in (by_setup, by_add, by_view, by_setup, by_add, by_view):
        with pytest.warns(kind) as caught:
            make(False)
        assert len(caught) == 1
        with pytest.raises(PolicyError):
            make(True)


def test_everybody_is_judged_apart_from_the_others() -> None:
    from aiohttp import web

    cookies = {"allow_credentials": True}
    with pytest.warns(CorsfastSecurityWarning) as caught:
        ours().setup(web.Application(), defaults={"*": cookies, "http://a.example": cookies})
    assert len(caught) == 2


def test_nothing_is_said_at_a_request() -> None:
    """This includes a view that is nearer to another configuration than the one it was added to."""
    from aiohttp import web

    config = {"*": {"allow_credentials": True}}

    class View(web.View, ours().CorsViewMixin):
        cors_config = config

        async def get(self) -> Any:
            return web.Response()

    outer, inner = web.Application(), web.Application()
    ours().setup(inner, strict=True)
    route = inner.router.add_view("/view", View)
    cors = ours().setup(outer)
    with pytest.warns(CorsfastSecurityWarning) as caught:
        cors.add(route)
    assert len(caught) == 1
    cors.add(outer.router.add_get("/", handler), config)
    outer.add_subapp("/within", inner)
    served = Served(outer)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for path in ("/", "/within/view"):
            assert call(served, get(path, A)).first("access-control-allow-origin") == A
            assert call(served, preflight(A, "GET", path=path)).status == 200


def test_a_view_that_is_added_later_is_judged_at_the_start() -> None:
    from aiohttp import web

    class View(web.View, ours().CorsViewMixin):
        cors_config = {"*": {"allow_credentials": True}}  # noqa: RUF012

        async def get(self) -> Any: ...

    for strict in (False, True):
        app = web.Application()
        cors = ours().setup(app, strict=strict)
        resource = cors.add(app.router.add_resource("/"), {A: {}})
        resource.add_route("GET", View)
        if strict:
            with pytest.raises(PolicyError):
                Served(app)
        else:
            with pytest.warns(CorsfastSecurityWarning, match="every web site"):
                Served(app)


def test_nothing_is_said_about_sound_options() -> None:
    from aiohttp import web

    good = {A: {"allow_credentials": True}, "http://localhost:3000": {}, "*": {}, "file://": {}}
    ours().setup(web.Application(), defaults=good, strict=True)


# -- Vary, limits --------------------------------------------------------------------------------


def test_every_preflight_names_what_was_looked_at() -> None:
    from aiohttp import web

    app = web.Application()
    cors = ours().setup(app, defaults={A: {}})
    cors.add(app.router.add_put("/", handler))
    served = Served(app)
    for status, request in (
        (200, preflight(A)),
        (403, preflight(B)),
        (403, preflight(A, "PATCH")),
        (403, preflight(A, names="x-other")),
        (403, preflight(A, names="," * 99)),
        (403, Request("OPTIONS", (("origin", A),))),
        (403, Request("OPTIONS", ())),
    ):
        found = call(served, request)
        assert found.status == status
        assert len(found.headers["vary"]) == 1
        assert varied(found) == LOOKED_AT


def test_where_nobody_may_ask_nothing_depends_on_the_origin() -> None:
    from aiohttp import web

    class View(web.View, ours().CorsViewMixin):
        async def get(self) -> Any:
            return web.Response()

    app = web.Application()
    cors = ours().setup(app)
    cors.add(app.router.add_get("/", handler))
    cors.add(app.router.add_view("/view", View))
    served = Served(app)
    for path in ("/", "/view"):
        for origins in ((), (A,)):
            assert "vary" not in call(served, get(path, *origins)).headers


@pytest.mark.parametrize(("length", "status"), [(64, 200), (65, 403)])
def test_the_longest_method(length: int, status: int) -> None:
    from aiohttp import web

    app = web.Application()
    cors = ours().setup(app, defaults={A: {"allow_methods": "*"}})
    cors.add(app.router.add_get("/", handler))
    found = call(Served(app), preflight(A, "M" * length))
    assert found.status == status
    assert bare(found) == (status == 403)


# -- fields that a handler sets ------------------------------------------------------------------


@pytest.mark.parametrize("origin", [A, B])
@pytest.mark.parametrize("expose", [(), ["X-Total"], "*"])
def test_own_fields_never_widen_what_is_allowed(origin: str, expose: Any) -> None:
    """A handler's Allow-Credentials was meant only for the origin that the handler names."""
    from aiohttp import web

    async def own(request: Any) -> Any:
        headers = {
            "Access-Control-Allow-Origin": OWN,
            "access-control-allow-credentials": "true",
            "Access-Control-Expose-Headers": "X-Secret",
        }
        return web.Response(headers=headers)

    app = web.Application()
    options = {"expose_headers": expose}
    cors = ours().setup(app, defaults={A: options, "*": options})
    cors.add(app.router.add_get("/", own))
    found = call(Served(app), get("/", origin))
    assert found.headers["access-control-allow-origin"] == [origin]
    assert "access-control-allow-credentials" not in found.headers
    named = found.first("access-control-expose-headers") or ""
    assert "X-Secret" not in named
    assert ("X-Total" in named) == (expose == ["X-Total"])
    assert bare(call(Served(app), get("/", "null ")))


# -- nested applications -------------------------------------------------------------------------


@pytest.mark.parametrize("outermost", [True, False])
def test_views_and_routes_of_applications_within(outermost: bool) -> None:
    from aiohttp import web

    class View(web.View, ours().CorsViewMixin):
        async def get(self) -> Any:
            return web.Response(text="hello")

    app, within = web.Application(), web.Application()
    cors = ours().setup(app if outermost else within, defaults={A: {"max_age": 7}})
    cors.add(within.router.add_view("/view", View))
    cors.add(within.router.add_get("/route", handler))
    app.add_subapp("/within", within)
    served = Served(app)
    for path in ("/within/view", "/within/route"):
        found = call(served, get(path, A))
        assert found.first("access-control-allow-origin") == A
        assert found.headers["vary"] == ["Origin"]
        found = call(served, preflight(A, "GET", path=path))
        assert (found.status, found.first("access-control-max-age")) == (200, "7")
        assert call(served, preflight(B, "GET", path=path)).status == 403


async def nothing(_request: Any, _response: Any) -> None: ...


@pytest.mark.filterwarnings("ignore::corsfast.errors.CorsfastSecurityWarning")
def test_a_receiver_alone_is_called_as_one_among_others() -> None:
    """If CORS is the only receiver of its signal, it is called without aiohttp's slow path."""
    from corsfast.middleware.aiohttp.signal import DirectSignal

    tables = (
        {A: {"allow_credentials": True, "expose_headers": ["X-Total"]}},
        {"*": {}, B: {"expose_headers": "*"}},
    )
    for table in tables:
        for where in ("defaults", "mixed"):
            alone, among = (build(ours(), where, table) for _ in range(2))
            among.on_response_prepare.append(nothing)
            receivers = list(alone.on_response_prepare)
            direct, usual = Served(alone), Served(among)
            asked = [
                Request(method, tuple(("origin", origin) for origin in origins), path)
                for method in ("GET", "POST", "PUT")
                for path in (*PATHS, "/free", "/nowhere")
                for origins in ((), (A,), (B,), (STRANGER,), (A, A))
            ]
            for request in asked:
                assert call(direct, request) == call(usual, request), request
            assert type(alone.on_response_prepare) is DirectSignal
            assert list(alone.on_response_prepare) == receivers
            assert alone.on_response_prepare.frozen
            assert type(among.on_response_prepare) is not DirectSignal


def test_the_signal_of_an_application_is_its_own_until_it_starts() -> None:
    from aiohttp import web

    from corsfast.middleware.aiohttp.signal import DirectSignal, call_directly

    app = web.Application()
    signal = app.on_response_prepare
    cors = ours().setup(app, defaults={A: ours().ResourceOptions()})
    cors.add(app.router.add_get("/", handler))
    call_directly(app, partial(DirectSignal, cors))
    asked = []

    @signal
    async def heard(request: Any, _response: Any) -> None:
        asked.append(request.path)

    assert app.on_response_prepare is signal
    assert call(Served(app), get("/", A)).headers["access-control-allow-origin"] == [A]
    assert asked == ["/"]


def test_what_a_receiver_returns_is_awaited_by_whoever_likes() -> None:
    """The result may be awaited several times, in several loops at once, or never."""
    from aiohttp import web
    from aiohttp.test_utils import make_mocked_request

    app = web.Application()
    cors = ours().setup(app, defaults={A: {}})
    request, response = make_mocked_request("GET", "/"), web.Response()
    request._match_info = LOOP.run_until_complete(app.router.resolve(request))
    returned = cors._on_response_prepare(request, response)

    async def waits() -> None:
        assert await returned is None
        assert await asyncio.gather(asyncio.ensure_future(returned), returned) == [None, None]
        await asyncio.sleep(0)
        assert await returned is None

    for _ in range(2):
        other = asyncio.new_event_loop()
        other.run_until_complete(waits())
        other.close()
    LOOP.run_until_complete(waits())
    gc.collect()  # "was never awaited" would be reported now


def test_an_error_in_the_receiver_is_seen_by_aiohttp() -> None:
    """As with an error in a coroutine, the response is not sent without its fields."""
    from aiohttp import web

    alone, among = web.Application(), web.Application()
    among.on_response_prepare.append(nothing)
    for app in (alone, among):
        cors = ours().setup(app, defaults={A: {}})
        cors.add(app.router.add_get("/", handler))
        served = Served(app)
        assert call(served, get("/", A)).status == 200

        class Broken:
            def __getattr__(self, name: str) -> Any:
                raise RuntimeError("a bug, on purpose")

        for route in cors.answers:
            cors.answers[route] = Broken()
        assert call(served, get("/", A)).status == 0


def test_looking_up_a_route_of_several_methods_works() -> None:
    from aiohttp import web

    from corsfast.middleware.aiohttp.receiver import SEVERAL

    app = web.Application()
    cors = ours().setup(app, defaults={A: {}})
    route = cors.add(app.router.add_resource("/")).add_route("*", handler)
    served = Served(app)
    for _ in range(2):
        assert call(served, get("/", A)).first("access-control-allow-origin") == A
        assert call(served, get("/", B)).first("access-control-allow-origin") is None
        assert cors.answers[route] is SEVERAL


def test_two_configurations_do_not_double_anything() -> None:
    from aiohttp import web

    class View(web.View, ours().CorsViewMixin):
        async def get(self) -> Any:
            return web.Response(text="hello")

    app, within = web.Application(), web.Application()
    inner = ours().setup(within, defaults={A: {"allow_credentials": True}})
    route = inner.add(within.router.add_get("/", handler))
    outer = ours().setup(app, defaults={A: {}})
    # A second OPTIONS route is rejected, but a view has a single handler for both.
    with pytest.raises(ValueError, match="already has OPTIONS"):
        outer.add(route)
    view = within.router.add_view("/view", View)
    inner.add(view)
    outer.add(view)
    app.add_subapp("/within", within)
    served = Served(app)
    for path in ("/within/", "/within/view"):
        found = call(served, get(path, A))
        assert found.headers["access-control-allow-origin"] == [A]
        assert found.headers["access-control-allow-credentials"] == ["true"]
        assert found.headers["vary"] == ["Origin"]


def test_the_nearest_configuration_is_that_of_a_view() -> None:
    """This also holds if another configuration added the view, for requests and for preflights."""
    from aiohttp import web

    class View(web.View, ours().CorsViewMixin):
        async def get(self) -> Any:
            return web.Response(text="hello")

    app, within = web.Application(), web.Application()
    ours().setup(within, defaults={A: {"allow_credentials": True}})
    ours().setup(app, defaults={A: {}}).add(within.router.add_view("/", View))
    app.add_subapp("/within", within)
    served = Served(app)
    for request in (get("/within/", A), preflight(A, "GET", path="/within/")):
        assert call(served, request).first("access-control-allow-credentials") == "true"


def test_routes_that_are_added_later() -> None:
    """Routes that are added to a resource later are covered, and so are routes for every method."""
    from aiohttp import web

    app = web.Application()
    cors = ours().setup(app, defaults={A: {"allow_credentials": True}})
    resource = cors.add(app.router.add_resource("/"))
    cors.add(resource.add_route("PROPFIND", handler), {A: {"max_age": 9}})
    resource.add_route("*", handler)
    served = Served(app)
    for method in ("GET", "PROPFIND", "PURGE"):
        found = call(served, Request(method, (("origin", A),)))
        expected = [] if method == "PROPFIND" else ["true"]
        assert found.headers.get("access-control-allow-credentials", []) == expected
    assert call(served, preflight(A, "PROPFIND")).first("access-control-max-age") == "9"
    assert len(cors._by_method) == 1
    assert all(len(by) <= 2 for by in cors._by_method.values())


def test_nothing_collects() -> None:
    from aiohttp import web

    app = web.Application()
    cors = ours().setup(app, defaults={"*": {"allow_methods": "*"}})
    cors.add(app.router.add_get("/", handler))
    served = Served(app)
    call(served, get("/", A))
    for i in range(50):
        call(served, get(f"/nowhere-{i}", A))
        call(served, Request(f"METHOD{i}", (("origin", f"https://a{i}.example"),)))
        call(served, preflight(A, f"METHOD{i}"))
    assert len(cors.answers) == 2  # the handler's route, and the one for OPTIONS
    assert len(cors._preflights) == 1
    assert not cors._by_method


def test_no_method_of_a_stranger_is_kept() -> None:
    from aiohttp import web

    app = web.Application()
    cors = ours().setup(app, defaults={A: {}})
    resource = cors.add(app.router.add_resource("/"))
    resource.add_route("*", handler)
    served = Served(app)
    for i in range(50):
        found = call(served, Request(f"METHOD{i}", (("origin", A),)))
        assert found.first("access-control-allow-origin") == A
    assert [len(by) for by in cors._by_method.values()] == [1]


def test_what_is_added_after_requests_were_answered() -> None:
    from aiohttp import web

    app = web.Application()
    cors = ours().setup(app, defaults={A: {}})
    resource = app.router.add_resource("/")
    route = resource.add_route("GET", handler)
    cors.add(resource)
    served = Served(app)
    assert call(served, get("/", B)).first("access-control-allow-origin") is None
    assert call(served, preflight(B, "GET")).status == 403
    cors.add(route, {B: {}})
    assert call(served, get("/", B)).first("access-control-allow-origin") == B
    assert call(served, preflight(B, "GET")).status == 200


def test_a_view_without_a_configuration() -> None:
    from aiohttp import web

    class View(web.View, ours().CorsViewMixin):
        pass

    app = web.Application()
    app.router.add_view("/", View)
    assert call(Served(app), preflight(A)).status == 500


def test_a_view_that_decides_for_each_request() -> None:
    """Such a view cannot be compiled, and an error is better than a view without its options."""
    from aiohttp import web

    with pytest.raises(TypeError, match="get_request_config would never be called"):

        class View(web.View, ours().CorsViewMixin):
            @classmethod
            def get_request_config(cls, request: Any, request_method: str) -> Any: ...


def test_what_is_public_is_enough() -> None:
    """If aiohttp renames the attributes behind its properties, the properties are used."""
    from aiohttp import web
    from aiohttp.test_utils import make_mocked_request

    class Public:
        def __init__(self, it: Any) -> None:
            self.it = it

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            return getattr(self.it, name)

    app = web.Application()
    cors = ours().setup(app, defaults={A: {"allow_credentials": True}})
    route = cors.add(app.router.add_get("/", handler))
    request = make_mocked_request("GET", "/", headers={"Origin": A})
    match = LOOP.run_until_complete(app.router.resolve(request))
    assert match.route is route
    request._match_info = match
    found = []
    for wrap in (Public, lambda it: it):
        response = web.Response()
        LOOP.run_until_complete(cors._on_response_prepare(wrap(request), wrap(response)))
        found.append(dict(response.headers))
    assert found[0] == found[1]
    assert found[0]["Access-Control-Allow-Origin"] == A


# -- failures for browsers with aiohttp-cors ------------------------------------------------------


def guarded(view: bool = False) -> Served:
    """Return an application with everything that can respond in place of a route."""
    from aiohttp import web

    @web.middleware
    async def token(request: Any, handler: Any) -> Any:
        if request.path == "/raised":
            raise web.HTTPUnauthorized
        if request.path == "/returned":
            return web.Response(status=401, text="no token")
        if request.path == "/moved":
            raise web.HTTPPermanentRedirect("https://elsewhere.example/moved")
        return await handler(request)

    class View(web.View, ours().CorsViewMixin):
        async def put(self) -> Any:
            raise web.HTTPConflict

    normalize = web.normalize_path_middleware(append_slash=True, merge_slashes=True)
    app, within = web.Application(middlewares=[normalize, token]), web.Application()
    cors = ours().setup(app, defaults={A: {"allow_headers": ["X-Custom"]}})
    for path in ("/raised", "/returned", "/moved", "/slash/", "/within/slash/"):
        router = app.router
        if path.startswith("/within"):
            router, path = within.router, path.removeprefix("/within")
        if view:
            cors.add(router.add_view(path, View))
        else:
            cors.add(router.add_put(path, handler))
    app.add_subapp("/within", within)
    app.router.add_put("/free/", handler)
    return Served(app)


@pytest.mark.parametrize("view", [False, True], ids=["route", "view"])
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/raised", 401),
        ("/returned", 401),
        ("/moved", 308),
        ("/slash", 308),
        ("//slash", 308),
        ("/within/slash", 308),
    ],
)
def test_a_preflight_that_an_error_would_answer(path: str, status: int, view: bool) -> None:
    served = guarded(view)
    found = call(served, preflight(A, "PUT", "x-custom", path))
    assert (found.status, found.body) == (200, b"")
    assert found.headers["access-control-allow-origin"] == [A]
    assert found.headers["access-control-allow-methods"] == ["PUT"]
    assert found.headers["content-length"] == ["0"]
    assert "location" not in found.headers
    actual = call(served, Request("PUT", (("origin", A),), path))
    assert actual.status == status
    assert actual.headers["access-control-allow-origin"] == [A]
    assert actual.headers["vary"] == ["Origin"]
    for refused in (preflight(B, "PUT", None, path), preflight(A, "PUT", "x-other", path)):
        found = call(served, refused)
        assert found.status == status
        assert bare(found)


def test_the_405_of_a_resource_that_was_added() -> None:
    found = call(guarded(), Request("DELETE", (("origin", A),), "/slash/"))
    assert (found.status, found.first("access-control-allow-origin")) == (405, A)


@pytest.mark.parametrize("path", ["/free", "/free/", "/nowhere"])
def test_a_path_that_was_not_added_is_left_alone(path: str) -> None:
    served = guarded()
    for request in (preflight(A, path=path), get(path, A), Request("PUT", (("origin", A),), path)):
        assert bare(call(served, request))


@pytest.mark.parametrize(
    "location", ["https://[", "//", "http://api.example:x/", "\u2028", "/slash/"]
)
def test_a_location_that_leads_nowhere(location: str) -> None:
    from aiohttp import web

    @web.middleware
    async def moved(request: Any, handler: Any) -> Any:
        return web.Response(status=302, headers={"Location": location})

    app = web.Application(middlewares=[moved])
    ours().setup(app, defaults={A: {}})
    assert call(Served(app), get("/", A)).status == 302


# -- hostile requests ----------------------------------------------------------------------------

HOSTILE = [
    "https://" + "a" * 8192,
    "," * 65536,
    "\udcff\udcfe",
    "\xe9\u2028",
    f"{A}.attacker.net:0",
    f"{A}, {B}",
    "https://[::1",
]


@pytest.mark.parametrize("origin", HOSTILE, ids=lambda origin: ascii(origin[:24]))
@pytest.mark.parametrize("names", ["," * 65536, " " * 65536, "\udcff", "x-a," * 20000])
def test_hostile_requests(origin: str, names: str) -> None:
    from aiohttp import web

    app = web.Application()
    everything: dict[str, Any] = {
        "allow_credentials": True,
        "allow_headers": "*",
        "allow_methods": "*",
        "expose_headers": "*",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cors = ours().setup(app, defaults={"*": everything})
    cors.add(app.router.add_get("/", handler))
    served = Served(app)
    found = call(served, get("/", origin))
    assert (found.status, bare(found)) == (200, True)
    assert found.headers["vary"] == ["Origin"]
    for request in (
        preflight(origin, "PUT", names),
        preflight(origin, "PUT" * 9999),
        preflight(A, "PUT", names),
        preflight(A, "\udcff"),
        get("/", A, origin),
    ):
        found = call(served, request)
        assert found.status == (200 if request.method == "GET" else 403)
        assert bare(found)
        assert len(found.body) < 4096


# -- under aiohttp's own server ------------------------------------------------------------------


def test_under_a_real_server(engine: ModuleType, tmp_path: Path) -> None:
    from middleware.generic.test_servers import preflight as lines
    from support.servers import Server, ask

    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("a file")
    command = "-m aiohttp.web -H 127.0.0.1 -P {port} support.apps.aiohttp:make " + str(tmp_path)
    server = Server(command, engine.IMPLEMENTATION, tmp_path / "log")
    server.wait_until_ready()
    try:
        port = server.port
        app = ("Origin", "https://app.example.com")
        other = ("Origin", STRANGER)
        assert ask(port, "GET", "/engine").body.decode() == engine.IMPLEMENTATION
        allowed = {
            "access-control-allow-origin": "https://app.example.com",
            "access-control-allow-credentials": "true",
            "access-control-expose-headers": "X-Total",
        }
        for path, status, body, vary in (
            ("/", 200, b"hello", "Accept, Origin"),
            ("/stream", 200, b"one two", "Origin"),
            ("/broken", 500, None, "Origin"),
            ("/missing", 404, None, "Origin"),
            ("/files/a.txt", 200, b"a file", "Origin"),
            ("/view", 200, b"view", "Origin"),
            ("/within/", 200, b"hello", "Accept, Origin"),
            ("/within/view", 200, b"view", "Origin"),
        ):
            for _ in range(2):
                for request, expected in (([app], allowed), ([other], {}), ([], {})):
                    found = ask(port, "GET", path, *request)
                    assert found.status == status
                    assert body is None or found.body == body
                    assert found.cors == {**expected, "vary": vary}
            found = ask(port, "OPTIONS", path, *lines("X-Token", method="GET"))
            assert (found.status, found.body) == (200, b"")
            assert found.all("access-control-allow-headers") == ["X-TOKEN"]
            assert found.all("access-control-max-age") == ["600"]
            found = ask(port, "OPTIONS", path, *lines(origin=STRANGER, method="GET"))
            assert (found.status, list(found.cors)) == (403, ["vary"])
            why = f"origin '{STRANGER}' is not allowed"
            if path.startswith("/files"):
                why = f"request method 'GET' is not allowed for '{STRANGER}' origin"
            assert found.body.decode() == f"CORS preflight request failed: {why}"
        assert ask(port, "GET", "/free", app).cors == {"vary": "Accept"}
        assert ask(port, "HEAD", "/view", app).status == 405
        with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
            raw.sendall(
                b"GET / HTTP/1.1\r\nHost: x\r\nOrigin: \xff\xfe\r\nConnection: close\r\n\r\n"
            )
            assert b"200 OK" in raw.recv(4096)
    finally:
        server.stop()
