"""Make the parts of an application that a browser of `testing` can ask."""

from __future__ import annotations

import asyncio
import copy
import sys
from importlib import import_module
from urllib.parse import urlsplit

from ...testing import RawResponse
from .load import is_a
from .policies import held

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...testing import Request

_PASSED_ON = 404


def alone(layer: Any) -> Any:
    """Return a copy of a CORS layer without the application in it."""
    if hasattr(layer, "get_response"):
        copied = copy.copy(layer)
        copied.get_response = lambda _: sys.modules["django.http"].HttpResponse(status=_PASSED_ON)
        return copied
    inner = _answer_wsgi if is_a(layer, "corsfast", "WSGICall") else _answer_asgi
    if is_a(layer, "corsfast", "ASGICall", "WSGICall"):
        make, (_, *rest) = layer.__reduce__()
        return make(inner, *rest)
    copied = copy.copy(layer)
    copied.app = inner
    return copied


async def _answer_asgi(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": _PASSED_ON, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def _answer_wsgi(_environ: Any, start_response: Any) -> list[bytes]:
    start_response(f"{_PASSED_ON} Not Found", [])
    return []


def asked_in(layer: Any, scope: dict[str, Any]) -> Any:
    """Return what a browser asks in place of a layer.

    Args:
        scope: what the frameworks around it add to the scope of a request.
    """
    if hasattr(layer, "get_response") or "get_response" in held(layer):
        return _asks_django(layer)
    if not scope:
        return layer

    async def asked(given: Any, receive: Any, send: Any) -> None:
        await layer({**given, **scope}, receive, send)

    return asked


def _asks_django(layer: Any) -> Callable[[Any, Any], list[bytes]]:
    async def waited(response: Any) -> Any:
        return await response

    def asked(environ: Any, start_response: Any) -> list[bytes]:
        response = layer(sys.modules["django.core.handlers.wsgi"].WSGIRequest(environ))
        if hasattr(response, "__await__"):
            response = asyncio.run(waited(response))
        start_response(f"{response.status_code} -", [*response.items()])
        return []

    return asked


def asks_aiohttp(app: Any) -> Callable[[Request], Any]:
    """Return a function from a request to the response of an application of aiohttp."""
    make = import_module("aiohttp.test_utils").make_mocked_request
    app.pre_freeze()

    async def asked(request: Request) -> RawResponse:
        url = urlsplit(request.url)
        headers = dict([("Host", url.netloc), *request.headers])
        try:
            response = await app._handle(make(request.method, url.path, headers, app=app))
        except sys.modules["aiohttp.web"].HTTPException as error:
            response = error
        return RawResponse(response.status, tuple(response.headers.items()))

    return asked
