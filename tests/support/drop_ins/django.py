"""An application for the tests of the drop-in for django-cors-headers, and one way to call it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from support.client import Answer, Request, answer, environ_of

A = "https://a.example"
B = "https://b.example"
OTHER = "https://other.example"

urlpatterns: list[Callable[..., Any]] = []


def configure() -> None:
    """Configure Django once per process; tests change settings and restore them."""
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, INSTALLED_APPS=[])
        django.setup()


def ours() -> ModuleType:
    from corsfast.middleware import django

    return django


def theirs() -> ModuleType:
    import corsheaders.middleware
    import corsheaders.signals

    corsheaders.middleware.check_request_enabled = corsheaders.signals.check_request_enabled
    return corsheaders.middleware


@contextlib.contextmanager
def having(**options: Any) -> Iterator[None]:
    """Apply these settings, without warnings about them."""
    from django.test.utils import override_settings

    with override_settings(**options), warnings.catch_warnings(action="ignore"):
        yield


VARY = {"/accept": "Accept, Cookie", "/vary": "Cookie, Origin", "/star": "*"}


def view(request: Any) -> Any:
    from django.http import HttpResponse

    headers = {}
    if request.path in VARY:
        headers["Vary"] = VARY[request.path]
    if request.path == "/own":
        headers["Access-Control-Allow-Origin"] = "https://own.example"
        headers["Access-Control-Allow-Credentials"] = "true"
    return HttpResponse("hello", status=404 if request.path == "/nowhere" else 200, headers=headers)


async def async_view(request: Any) -> Any:
    return view(request)


def call(middleware: Any, request: Request) -> Answer:
    from django.core.handlers.wsgi import WSGIRequest

    response = middleware(WSGIRequest(environ_of(request)))
    if asyncio.iscoroutine(response):
        response = asyncio.run(response)
    return answer(response.status_code, response.headers.items(), response.content)


def get(path: str = "/", **headers: str) -> Request:
    lines = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Request("GET", lines, path)


def preflight(origin: str, path: str = "/") -> Request:
    lines = (("origin", origin), ("access-control-request-method", "PUT"))
    return Request("OPTIONS", lines, path)


def text_for_a_list(options: dict[str, Any], *_: Any) -> bool:
    return any(
        isinstance(options.get(name), str)
        for name in ("CORS_ALLOWED_ORIGINS", "CORS_ALLOWED_ORIGIN_REGEXES")
    )


SOURCES: list[dict[str, Any]] = [
    {},
    {"CORS_ALLOWED_ORIGINS": [A]},
    {"CORS_ORIGIN_WHITELIST": (A, B, "http://localhost:3000", "null")},
    {"CORS_ALLOWED_ORIGINS": [f"{A}/path?query", "HTTPS://b.example", "a.example", "file://"]},
    {"CORS_ALLOWED_ORIGINS": ["null", "chrome-extension://abcdefghijklmnop", "*"]},
    {
        "CORS_ALLOWED_ORIGIN_REGEXES": [
            r"^https://\w+\.a\.example$",
            re.compile("(?i)HTTPS://B"),
        ]
    },
    {"CORS_ORIGIN_REGEX_WHITELIST": [r"^chrome-extension://[a-p]{16}$", r"(?!x)capacitor://\w+$"]},
    {"CORS_ALLOWED_ORIGIN_REGEXES": [".*"]},
    {"CORS_ALLOWED_ORIGINS": A, "CORS_ALLOWED_ORIGIN_REGEXES": "^https://b.example$"},
    {"CORS_ALLOW_ALL_ORIGINS": True},
    {"CORS_ORIGIN_ALLOW_ALL": True, "CORS_ALLOWED_ORIGINS": [A]},
]
REST: list[dict[str, Any]] = [
    {},
    {"CORS_EXPOSE_HEADERS": ["X-Total", "X-Page"], "CORS_PREFLIGHT_MAX_AGE": 0},
    {"CORS_URLS_REGEX": r"^/api/", "CORS_ALLOW_METHODS": ["GET", "PUT"]},
    {"CORS_URLS_REGEX": re.compile("/API/.*", re.IGNORECASE), "CORS_ALLOW_HEADERS": ["x-custom"]},
    {"CORS_ALLOW_PRIVATE_NETWORK": True, "CORS_PREFLIGHT_MAX_AGE": 5},
]


def allowed(middleware: Any, origin: str) -> bool:
    return call(middleware, get(origin=origin)).first("access-control-allow-origin") == origin
