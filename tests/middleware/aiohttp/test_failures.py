"""Errors and preflights that fail in browsers with aiohttp-cors, and work with the drop-in."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from support.client import Request
from support.drop_ins.aiohttp import A, B, Served, bare, call, get, handler, ours, preflight

pytestmark = pytest.mark.server


# -- failures for browsers with aiohttp-cors -------------------------------------------------


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
    ("location", "leads", "reads"),
    [
        ("/added", True, False),
        ("http://api.example/added", True, False),
        ("/added", False, True),  # a request whose body was read cannot be routed again
        ("//elsewhere.example/added", False, False),
        ("/free", False, False),
        ("https://[", False, False),
        ("//", False, False),
        ("http://api.example:x/added", False, False),
        ("\u2028", False, False),
    ],
)
def test_a_location_that_may_lead_to_a_route(location: str, leads: bool, reads: bool) -> None:
    from aiohttp import web

    @web.middleware
    async def moved(request: Any, handler: Any) -> Any:
        if reads:
            request._read_bytes = b"body"
        return web.Response(status=302, headers={"Location": location})

    app = web.Application(middlewares=[moved])
    cors = ours().setup(app, defaults={A: {}})
    cors.add(app.router.add_put("/added", handler))
    app.router.add_put("/free", handler)
    asked = Request("GET", (("origin", A), ("host", "api.example")))
    found = call(Served(app), asked)
    assert (found.status, bare(found)) == (302, not leads)


# -- hostile requests ------------------------------------------------------------------------


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
    with warnings.catch_warnings(action="ignore"):
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
