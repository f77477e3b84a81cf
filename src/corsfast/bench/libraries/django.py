"""django-cors-headers: its middleware over a trivial view, and within Django's WSGI handler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import django
from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpResponse
from django.urls import path

from ..cases import Inputs
from ..engines import Engine
from . import (
    EXPOSED,
    HEADERS,
    METHODS,
    ORIGINS,
    WHOLE,
    WITHOUT,
    Answer,
    Share,
    Stand,
    Way,
    drop_in,
    expected,
    expected_without,
)
from .wsgi import around, generic, requests, without

COMMON = ("no Origin", "allowed")
ORIGINAL = "corsheaders.middleware.CorsMiddleware"
OURS = "corsfast.middleware.django.CorsMiddleware"


def stands(engines: dict[str, Engine]) -> Iterator[Stand]:
    configure()
    yield Stand(
        "django middleware",
        "the middleware over a view that does nothing",
        "django-cors-headers",
        {name: as_requests(inputs) for name, inputs in requests().items()},
        list(over_view()),
        (Share("drop-in", 1 / 20, COMMON),),
    )
    app = build()
    yield Stand(
        "django",
        "a whole request through Django's WSGI handler; native and pure wrap it",
        "django-cors-headers",
        requests(),
        [without(app), *within_handler(), *generic(app, engines)],
        (Share("drop-in", 1 / 20, COMMON),),
        times=WHOLE // 2,
        by_turns=True,
    )


def over_view() -> Iterator[Way]:
    yield Way(WITHOUT, view, looking(view), expected_without())
    original = CorsMiddleware(view)
    yield Way("django-cors-headers", original, looking(original), expected(200))
    if ours := drop_in("django"):
        middleware = ours.CorsMiddleware(view)
        yield Way("drop-in", middleware, looking(middleware), expected(200))


def within_handler() -> Iterator[Way]:
    yield around("django-cors-headers", build(ORIGINAL), expected(200))
    if drop_in("django"):
        yield around("drop-in", build(OURS), expected(200))


def configure() -> None:
    """Configure Django. The settings are global, so the benchmark runs in its own process."""
    if not settings.configured:
        settings.configure(
            ALLOWED_HOSTS=["*"],
            ROOT_URLCONF=__name__,
            CORS_ALLOWED_ORIGINS=ORIGINS,
            CORS_ALLOW_METHODS=METHODS,
            CORS_ALLOW_HEADERS=HEADERS,
            CORS_EXPOSE_HEADERS=EXPOSED,
            CORS_ALLOW_CREDENTIALS=True,
            CORS_PREFLIGHT_MAX_AGE=600,
        )
        django.setup()


def build(*middleware: str) -> Any:
    settings.MIDDLEWARE = list(middleware)
    return WSGIHandler()


def view(_: Any) -> Any:
    return HttpResponse(b"ok")


def looking(respond: Callable[[Any], Any]) -> Callable[..., Answer]:
    def look(request: Any) -> Answer:
        response = respond(request)
        return Answer(response.status_code, response.headers.get("access-control-allow-origin"))

    return look


def as_requests(environs: Callable[[int], Inputs]) -> Callable[[int], Inputs]:
    return lambda n: [(WSGIRequest(environ),) for environ, _ in environs(n)]


urlpatterns = [path("", view)]
