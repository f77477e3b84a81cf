"""Private attributes of aiohttp, seen in 3.14."""

from __future__ import annotations

from aiohttp import hdrs, web

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def parts(request: web.Request, response: web.StreamResponse) -> tuple[Any, Any, Any]:
    """Return the route of a request, its headers, and those of its response."""
    try:
        return request._match_info._route, request._headers, response._headers
    except AttributeError:
        return request.match_info.route, request.headers, response.headers


def replace(response: web.StreamResponse, answer: web.Response) -> None:
    """Turn a response that is being prepared into the answer to a preflight.

    aiohttp has no public way to change the status at this point. Without its private attributes
    the response stays as it is, so the browser reports a failed preflight.
    """
    if not isinstance(response, web.Response) or hdrs.CONTENT_ENCODING in response.headers:
        return
    if not hasattr(response, "_status") or not hasattr(response, "_reason"):
        return
    response._status, response._reason = answer.status, answer.reason
    response.body = None
    for name in (hdrs.LOCATION, hdrs.CONTENT_TYPE):
        response.headers.pop(name, None)
    response.headers.update(answer.headers)
    response.headers[hdrs.CONTENT_LENGTH] = "0"
