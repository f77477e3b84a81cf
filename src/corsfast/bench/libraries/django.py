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

from .. import scenario
from ..cases import Inputs
from ..engines import Engine
from ..scenario import DROP_IN, WHOLE, WITHOUT, CheckedResponse, Scenario, goals
from . import wsgi

GOALS = goals(DROP_IN, 1 / 15, "no Origin", "allowed")
ORIGINAL = "corsheaders.middleware.CorsMiddleware"
OURS = "corsfast.middleware.django.CorsMiddleware"


def scenarios(engines: dict[str, Engine]) -> Iterator[Scenario]:
    configure()
    from ...middleware import django as drop_in

    over_view = {
        WITHOUT: view,
        "django-cors-headers": CorsMiddleware(view),
        DROP_IN: drop_in.CorsMiddleware(view),
    }
    yield Scenario(
        "django middleware",
        "the middleware over a view that does nothing",
        "django-cors-headers",
        {kind: as_requests(inputs) for kind, inputs in wsgi.requests().items()},
        scenario.variants(over_view, {}, looking),
        GOALS,
    )
    yield wsgi.build(
        "django",
        "a whole request through Django's WSGI handler; native and pure wrap it",
        "django-cors-headers",
        {WITHOUT: build(), "django-cors-headers": build(ORIGINAL), DROP_IN: build(OURS)},
        engines,
        goals=GOALS,
        times=WHOLE // 2,
        by_turns=True,
    )


def configure() -> None:
    """Configure Django. The settings are global, so the benchmark runs in its own process."""
    if not settings.configured:
        settings.configure(
            ALLOWED_HOSTS=["*"],
            ROOT_URLCONF=__name__,
            CORS_ALLOWED_ORIGINS=scenario.ORIGINS,
            CORS_ALLOW_METHODS=scenario.METHODS,
            CORS_ALLOW_HEADERS=scenario.HEADERS,
            CORS_EXPOSE_HEADERS=scenario.EXPOSED,
            CORS_ALLOW_CREDENTIALS=True,
            CORS_PREFLIGHT_MAX_AGE=600,
        )
        django.setup()


def build(*middleware: str) -> Any:
    settings.MIDDLEWARE = list(middleware)
    return WSGIHandler()


def view(_: Any) -> Any:
    return HttpResponse(b"ok")


def looking(respond: Callable[[Any], Any]) -> Callable[..., CheckedResponse]:
    def look(request: Any) -> CheckedResponse:
        response = respond(request)
        return CheckedResponse(
            response.status_code, response.headers.get("access-control-allow-origin")
        )

    return look


def as_requests(environs: Callable[[int], Inputs]) -> Callable[[int], Inputs]:
    return lambda n: [(WSGIRequest(environ),) for environ, _ in environs(n)]


urlpatterns: list[Any] = [path("", view)]
