"""The drop-in in whole applications, and on a real server."""

from __future__ import annotations

import socket
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.client import Request
from support.drop_ins.aiohttp import (
    LOOKED_AT,
    OTHER,
    OWN,
    A,
    B,
    Served,
    bare,
    call,
    get,
    handler,
    ours,
    preflight,
    varied,
    wait,
)

pytestmark = pytest.mark.server


# -- Vary, limits ----------------------------------------------------------------------------


def test_every_preflight_response_varies_fully() -> None:
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


def test_without_allowed_origins_nothing_varies_by_origin() -> None:
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


# -- fields that a handler sets --------------------------------------------------------------


@pytest.mark.parametrize("origin", [A, B])
@pytest.mark.parametrize("expose", [(), ["X-Total"], "*"])
def test_own_fields_never_allow_more(origin: str, expose: Any) -> None:
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


# -- nested applications ---------------------------------------------------------------------


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

        for route in cors._by_route:
            cors._by_route[route] = Broken()
        assert call(served, get("/", A)).status == 0


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
    assert {method for _, method in cors._compiled} == {"", "PROPFIND"}


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
    assert len(cors._by_route) == 2  # the handler's route, and the one for OPTIONS
    assert {method for _, method in cors._compiled} == {"", "GET"}


def test_methods_of_unknown_origins_are_not_cached() -> None:
    from aiohttp import web

    app = web.Application()
    cors = ours().setup(app, defaults={A: {}})
    resource = cors.add(app.router.add_resource("/"))
    resource.add_route("*", handler)
    served = Served(app)
    for i in range(50):
        found = call(served, Request(f"METHOD{i}", (("origin", A),)))
        assert found.first("access-control-allow-origin") == A
    assert len(cors._compiled) == 1


def test_routes_added_after_the_first_request() -> None:
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


class Public:
    """An object without its private attributes."""

    def __init__(self, it: Any) -> None:
        self.it = it

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.it, name)


def test_without_private_attributes_of_aiohttp() -> None:
    """Seen in aiohttp 3.14; without them, properties give the same objects."""
    from aiohttp import web
    from aiohttp.test_utils import make_mocked_request

    from corsfast.middleware.aiohttp._compat import parts, replace

    app = web.Application()
    route = app.router.add_get("/", handler)
    request = make_mocked_request("GET", "/", headers={"Origin": A})
    request._match_info = wait(app.router.resolve(request))
    response = web.Response(status=301, headers={"Location": "/"})
    assert (request._headers, response._headers) == (request.headers, response.headers)
    found = parts(Public(request), Public(response))
    assert found == parts(request, response) == (route, request.headers, response.headers)
    assert found[2] is response.headers
    replace(response, web.Response())
    assert (response.status, response._status, response._reason) == (200, 200, "OK")


def test_a_response_with_its_status_elsewhere_is_kept() -> None:
    from aiohttp import web

    from corsfast.middleware.aiohttp._compat import replace

    class Fixed(web.Response):
        status = 401

    response = Fixed(headers={"Location": "/"})
    del response._status
    replace(response, web.Response())
    assert (response.status, response.headers["Location"]) == (401, "/")


# -- under aiohttp's own server --------------------------------------------------------------


def test_under_a_real_server(engine: ModuleType, tmp_path: Path) -> None:
    from support.servers import Server, ask, preflight as lines

    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("a file")
    command = "-m aiohttp.web -H 127.0.0.1 -P {port} support.apps.aiohttp:make " + str(tmp_path)
    with Server(command, engine.IMPLEMENTATION, tmp_path / "log") as server:
        port = server.port
        app = ("Origin", "https://app.example.com")
        other = ("Origin", OTHER)
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
            found = ask(port, "OPTIONS", path, *lines(origin=OTHER, method="GET"))
            assert (found.status, list(found.cors)) == (403, ["vary"])
            why = f"origin '{OTHER}' is not allowed"
            if path.startswith("/files"):
                why = f"request method 'GET' is not allowed for '{OTHER}' origin"
            assert found.body.decode() == f"CORS preflight request failed: {why}"
        assert ask(port, "GET", "/free", app).cors == {"vary": "Accept"}
        assert ask(port, "HEAD", "/view", app).status == 405
        with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
            raw.sendall(
                b"GET / HTTP/1.1\r\nHost: x\r\nOrigin: \xff\xfe\r\nConnection: close\r\n\r\n"
            )
            assert b"200 OK" in raw.recv(4096)
