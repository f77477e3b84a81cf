"""The Django project that middleware/django/test_middleware.py serves: `wsgi` and `asgi`.

Importing this module configures Django, so it is imported in a process of its own.
"""

from __future__ import annotations

from typing import Any

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["corsfast.middleware.django"],
    MIDDLEWARE=[
        "corsfast.middleware.django.CorsMiddleware",
        "django.middleware.common.CommonMiddleware",
    ],
    LOGGING_CONFIG=None,
    CORS_ALLOWED_ORIGINS=["https://app.example.com"],
    CORS_ALLOWED_ORIGIN_REGEXES=[r"https://pr-\d+\.preview\.example\.com"],
    CORS_ALLOW_CREDENTIALS=True,
    CORS_EXPOSE_HEADERS=["X-Total"],
    CORS_PREFLIGHT_MAX_AGE=600,
)
django.setup()


def hello(request: Any) -> Any:
    return HttpResponse("hello", headers={"Vary": "Accept"})


async def later(request: Any) -> Any:
    return HttpResponse("later")


def stream(request: Any) -> Any:
    return StreamingHttpResponse(iter([b"one ", b"two"]))


def broken(request: Any) -> Any:
    raise RuntimeError("a bug, on purpose")


def engine(request: Any) -> Any:
    import corsfast

    return HttpResponse(corsfast.IMPLEMENTATION)


urlpatterns = [
    path("", hello),
    path("async", later),
    path("stream", stream),
    path("broken", broken),
    path("engine", engine),
]
wsgi = get_wsgi_application()
asgi = get_asgi_application()
