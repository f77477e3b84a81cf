"""Policies by path in front of real routers, over ASGI and WSGI.

Every path that a router accepts gets its own policy, even if the application is mounted below a
root.

The tests are marked `server` because they need frameworks, which are not available for every wheel
target. For the same reason each test imports them.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.client import Answer, Request, ask_asgi, ask_wsgi, running
from support.drop_ins.django import configure as configure_django

from corsfast.middleware import asgi, wsgi

pytestmark = pytest.mark.server

STRICT = "https://strict.example"
OTHER = "https://other.example"
SECRET = b"secret"
ROOT = "/v1"
COUNT = itertools.count()


# -- applications with one route, /api/x ---------------------------------------------------------


def starlette(path: str = "/api/x") -> Any:
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def secret(_: Any) -> Any:
        return PlainTextResponse(SECRET)

    return Starlette(routes=[Route(path, secret)])


def fastapi(**options: Any) -> Any:
    from fastapi import FastAPI
    from fastapi.responses import PlainTextResponse

    app = FastAPI(**options)

    @app.get("/api/x", response_class=PlainTextResponse)
    async def secret() -> bytes:
        return SECRET

    return app


def fastapi_with_its_own_root() -> Any:
    with warnings.catch_warnings(action="ignore"):  # deprecated, but in use
        return fastapi(root_path=ROOT)


def litestar() -> Any:
    from litestar import Litestar, MediaType, get

    @get("/api/x", media_type=MediaType.TEXT)
    async def secret() -> bytes:
        return SECRET

    return Litestar([secret])


def quart() -> Any:
    from quart import Quart

    app = Quart(__name__)

    @app.get("/api/x")
    async def secret() -> bytes:
        return SECRET

    return app


def falcon() -> Any:
    import falcon.asgi

    class Secret:
        async def on_get(self, _: Any, response: Any) -> None:
            response.data = SECRET

    app = falcon.asgi.App()
    app.add_route("/api/x", Secret())
    return app


def blacksheep() -> Any:
    from blacksheep import Application, Router

    app = Application(router=Router())

    @app.router.get("/api/x")
    async def secret() -> str:
        return SECRET.decode()

    return app


def sanic() -> Any:
    from sanic import Sanic, raw

    app = Sanic(f"app-by-path-{next(COUNT)}")
    app.config.AUTO_EXTEND = app.config.MOTD = False

    @app.get("/api/x")
    async def secret(_: Any) -> Any:
        return raw(SECRET)

    return app


def django() -> Any:
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.http import HttpResponse
    from django.urls import path

    async def secret(_: Any) -> Any:
        return HttpResponse(SECRET)

    settings.ROOT_URLCONF = (path("api/x", secret),)
    return get_asgi_application()


def flask_by_wsgi() -> Any:
    from flask import Flask

    app = Flask(__name__)

    @app.get("/api/x")
    def secret() -> bytes:
        return SECRET

    return app


def falcon_by_wsgi() -> Any:
    import falcon

    class Secret:
        def on_get(self, _: Any, response: Any) -> None:
            response.data = SECRET

    app = falcon.App()
    app.add_route("/api/x", Secret())
    return app


def django_by_wsgi() -> Any:
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import path

    def secret(_: Any) -> Any:
        return HttpResponse(SECRET)

    settings.ROOT_URLCONF = (path("api/x", secret),)
    return get_wsgi_application()


APPLICATIONS = [
    starlette,
    fastapi,
    fastapi_with_its_own_root,
    litestar,
    quart,
    falcon,
    blacksheep,
    sanic,
    django,
]
WSGI_APPLICATIONS = [flask_by_wsgi, falcon_by_wsgi, django_by_wsgi]


@pytest.fixture(autouse=True)
def _frameworks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Silence the logs of each 404, and restore Django's settings, which are per process."""
    from django.test.utils import override_settings
    from sanic import Sanic
    from sanic.log import error_logger, logger

    monkeypatch.setattr(Sanic, "test_mode", True)
    for log in (error_logger, logger, logging.getLogger("django.request")):
        monkeypatch.setattr(log, "disabled", True)
    configure_django()
    with override_settings(ROOT_URLCONF=()):
        yield


# -- the paths -----------------------------------------------------------------------------------

HEADS = ("", "/", "//", "/public", "/x", "/V1", "/v1", "/v1/", "/v1/v1", "/public/v1", "/x/v1")
MIDDLES = ("", "/", "/v1", "/v1/", "v1", "/public")
TAILS = ("/api/x", "api/x", "//api/x", "/api//x", "/api/x/", "/API/x", "/api/x\n")
SPELLINGS = sorted(
    {
        path
        for path in map("".join, itertools.product(HEADS, MIDDLES, TAILS))
        if path.startswith("/")
    }
)


def rules(loose: str) -> dict[str, Any]:
    return {loose: {"allow_origins": "*"}, "/api/*": {"allow_origins": [STRICT]}}


def get(origin: str, path: str) -> Request:
    return Request("GET", (("host", "api.example"), ("origin", origin)), path)


def is_open(path: str, known: Answer, unknown: Answer | None) -> bool:
    """Return whether a path led to the secret, and check that only its own policy allows that.

    Args:
        unknown: The response to a foreign origin; ``None`` if it need not be checked.
    """
    assert unknown is None or unknown.body != SECRET, (path, unknown)
    if known.body != SECRET:
        return False
    assert known.first("access-control-allow-origin") == STRICT, path
    return True


@pytest.mark.parametrize("root", ["", ROOT, ROOT + "/"])
@pytest.mark.parametrize("loose", ["/*", "/public/*"])
@pytest.mark.parametrize("make", APPLICATIONS)
def test_no_path_gets_the_policy_of_another_path(
    make: Callable[[], Any], loose: str, root: str
) -> None:
    from blacksheep.url import InvalidURL

    app = asgi.CORSMiddleware(make(), paths=rules(loose), cross_site="refuse_all")

    async def ask(origin: str, path: str) -> Answer:
        try:
            return await ask_asgi(app, get(origin, path), root)
        except InvalidURL:  # BlackSheep raises it for "api//x", the rest below "/v1/"
            return Answer(500, {}, b"")

    async def ask_all() -> list[str]:
        opened = []
        # Django does not support lifespan.
        async with contextlib.nullcontext() if make is django else running(app):
            for path in SPELLINGS:
                known = await ask(STRICT, path)
                # If the application has no such path, the foreign origin gets nothing either.
                unknown = None if known.status == 404 else await ask(OTHER, path)
                if is_open(path, known, unknown):
                    opened.append(path)
        return opened

    opened = asyncio.run(ask_all())
    assert {"/api/x", "/v1/api/x", "/v1//api/x"} & set(opened)


@pytest.mark.parametrize("root", ["", ROOT, ROOT + "/"])
@pytest.mark.parametrize("loose", ["/*", "/public/*"])
@pytest.mark.parametrize("make", WSGI_APPLICATIONS)
def test_nor_over_wsgi(make: Callable[[], Any], loose: str, root: str) -> None:
    app = wsgi.CORSMiddleware(make(), paths=rules(loose), cross_site="refuse_all")
    opened = [
        path
        for path in SPELLINGS
        if is_open(
            path,
            ask_wsgi(app, get(STRICT, path), root),
            ask_wsgi(app, get(OTHER, path), root),
        )
    ]
    # The path above the application is in SCRIPT_NAME.
    assert "/api/x" in opened
    assert "/v1/api/x" not in opened


def test_a_route_that_begins_with_the_root_keeps_its_policy() -> None:
    """With a root that ends in a slash, Starlette does not remove it from "/v1/admin"."""
    app = asgi.CORSMiddleware(
        starlette("/v1/admin"),
        paths={"/*": {"allow_origins": "*"}, "/v1/admin": {"allow_origins": [STRICT]}},
        cross_site="refuse_all",
    )
    for root in ("", "/v1/"):
        assert asyncio.run(ask_asgi(app, get(OTHER, "/v1/admin"), root)).status == 403
