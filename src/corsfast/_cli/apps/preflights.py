"""Send preflights to an application in this process, or to one of its layers, and nothing else."""

from __future__ import annotations

import asyncio
import copy
import sys
from importlib import import_module
from inspect import iscoroutine
from typing import NamedTuple
from urllib.parse import urlsplit

from ..._options.fetch import REQUEST_METHOD
from ...testing import Browser, RawResponse
from ...testing._apps import sender, wait_for
from .load import held, is_a

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ...testing import Request
    from .model import Deployment

_PASSED_ON = 404
# No default port, so that no page of a policy has the same origin.
PORT = 8443


class Answer(NamedTuple):
    """The result of a preflight: whether a browser goes on, and the status."""

    passed: bool
    status: int


class _WouldSendError(Exception):
    """The preflight has passed, so the browser would send the request of the page now."""


def ask(
    deployment: Deployment,
    app: Any,
    url: str,
    origin: str,
    method: str,
    names: Iterable[str] = (),
    credentials: bool = False,
) -> Answer:
    """Send the preflight of a page's request. The request itself is never sent.

    An exception counts as 500, because that is the answer of a server.
    """
    send = sender(app)
    status = 500

    def only_preflights(request: Request) -> RawResponse:
        nonlocal status
        if request.get(REQUEST_METHOD) is None:
            raise _WouldSendError
        answer = wait_for(send(request))
        status = answer.status
        return answer

    try:
        Browser(origin).fetch(
            only_preflights,
            method,
            f"https://{deployment.host}:{PORT}{url}",
            headers=dict.fromkeys(names, "1"),
            credentials="include" if credentials else "omit",
            use_preflight=True,
        )
    except _WouldSendError:
        return Answer(True, status)
    except Exception:
        return Answer(False, status)
    raise AssertionError("a fetch ends with its request or with an error")


# -- what answers --------------------------------------------------------------------------


def without_application(layer: Any) -> Any:
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


def server_of(layer: Any, scope: dict[str, Any]) -> Any:
    """Return what answers a browser in the place of a layer.

    Args:
        scope: what the frameworks around it add to the scope of a request.
    """
    if hasattr(layer, "get_response") or "get_response" in held(layer):
        return _server_of_django(layer)
    if not scope:
        return layer

    async def serve(given: Any, receive: Any, send: Any) -> None:
        await layer({**given, **scope}, receive, send)

    return serve


def _server_of_django(layer: Any) -> Callable[[Any, Any], list[bytes]]:
    def serve(environ: Any, start_response: Any) -> list[bytes]:
        response = layer(sys.modules["django.core.handlers.wsgi"].WSGIRequest(environ))
        if iscoroutine(response):
            response = asyncio.run(response)
        start_response(f"{response.status_code} -", [*response.items()])
        return []

    return serve


def server_of_aiohttp(app: Any) -> Callable[[Request], Any]:
    """Return a function from a request to the response of an application of aiohttp."""
    make = import_module("aiohttp.test_utils").make_mocked_request
    app.pre_freeze()

    async def serve(request: Request) -> RawResponse:
        url = urlsplit(request.url)
        headers = dict([("Host", url.netloc), *request.headers])
        try:
            response = await app._handle(make(request.method, url.path, headers, app=app))
        except sys.modules["aiohttp.web"].HTTPException as error:
            response = error
        return RawResponse(response.status, tuple(response.headers.items()))

    return serve
