"""The drop-in for aiohttp-cors answers as the original, except for documented deviations."""

from __future__ import annotations

import warnings
from types import ModuleType
from typing import Any

import pytest
from support.client import Answer, Request
from support.compare import (
    Comparison,
    Deviation,
    differences,
    documented,
    grid,
    own_grants,
    requests,
)
from support.drop_ins.aiohttp import (
    LOOKED_AT,
    ORIGINS,
    OTHER,
    A,
    B,
    Served,
    bare,
    build,
    call,
    get,
    ours,
    preflight,
    theirs,
    varied,
)

pytestmark = pytest.mark.server


def only_vary(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    without = [
        (found.status, found.body, {k: v for k, v in found.headers.items() if k != "vary"})
        for found in (theirs, ours)
    ]
    before, after = varied(theirs), varied(ours)
    return without[0] == without[1] and before < after and after - before <= LOOKED_AT


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
SOURCES = ("listed", "everybody", "both", "odd", "unmatchable", "none")
PLACES = ("defaults", "resource", "route", "mixed")


def config_of(source: str, options: dict[str, Any]) -> dict[str, Any]:
    return {
        "listed": {A: options, "null": LESS},
        "everybody": {"*": options},
        "both": {A: LESS, "*": options},
        "odd": {"a.example": options, f"{A}/": options, "file://": options, "": options, B: LESS},
        "unmatchable": {"a.example": options},
        "none": {},
    }[source]


def all_requests() -> list[Request]:
    found = [*requests(origins=ORIGINS), *requests("/items/one", origins=(None, A))]
    for path in ("/broken", "/missing", "/own", "/vary", "/accept", "/star", "/free", "/nowhere"):
        found += [get(path), get(path, A), get(path, OTHER), preflight(A, path=path)]
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
        with warnings.catch_warnings(action="ignore"):
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
    with warnings.catch_warnings(action="ignore"):
        for places in grid(nearest=maybe, near=maybe, defaults=maybe, added=maybe[:2]):
            original, drop_in = (Served(build_views(lib, **places)) for lib in (theirs(), ours()))
            for request in todo:
                comparison.add(
                    {"view": True, **places},
                    request,
                    call(original, request),
                    call(drop_in, request),
                )
