"""Insecure and ineffective options are reported once at start-up, or are errors if strict."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from support.drop_ins.aiohttp import A, Served, call, get, handler, ours, preflight, theirs

from corsfast import PolicyError
from corsfast.errors import CorsfastSecurityWarning, CorsfastUnmatchableWarning

pytestmark = pytest.mark.server


# -- options ---------------------------------------------------------------------------------


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


def test_resource_options_match_the_original() -> None:
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
def test_invalid_mappings_are_rejected(config: Any) -> None:
    from aiohttp import web

    for library in (ours(), theirs()):
        app = web.Application()
        with pytest.raises(ValueError, match=MESSAGE):
            library.setup(app, defaults=config)
        cors = library.setup(app)
        with pytest.raises(ValueError, match=MESSAGE):
            cors.add(app.router.add_get("/", handler), config)


def test_unsupported_routes_are_rejected() -> None:
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


# -- warnings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"*": {"allow_credentials": True}}, CorsfastSecurityWarning),
        ({"null": {"allow_credentials": True}}, CorsfastSecurityWarning),
        ({"http://a.example": {"allow_credentials": True}}, CorsfastSecurityWarning),
        ({f"{A}/": {}}, CorsfastUnmatchableWarning),
        ({"a.example": {}, "*": {}}, CorsfastUnmatchableWarning),
    ],
)
def test_each_problem_warns_once_per_application(config: Any, kind: type[Warning]) -> None:
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


def test_the_star_is_judged_apart_from_other_origins() -> None:
    from aiohttp import web

    cookies = {"allow_credentials": True}
    with pytest.warns(CorsfastSecurityWarning) as caught:
        ours().setup(web.Application(), defaults={"*": cookies, "http://a.example": cookies})
    assert len(caught) == 2


def test_requests_emit_no_warning() -> None:
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
    with warnings.catch_warnings(action="error"):
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


def test_sound_options_emit_no_warning() -> None:
    from aiohttp import web

    good = {A: {"allow_credentials": True}, "http://localhost:3000": {}, "*": {}, "file://": {}}
    ours().setup(web.Application(), defaults=good, strict=True)
