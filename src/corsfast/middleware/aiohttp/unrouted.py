"""Responses that no added route produced, or that end a preflight with an error.

The router answers 405, and middleware redirects to another spelling of a path. Both get the
options of the resource that the request was meant for. Middleware that requires a token answers a
preflight before the route for OPTIONS can.
"""

from __future__ import annotations

from aiohttp import hdrs, web
from yarl import URL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


async def route_meant(request: web.Request, response: web.StreamResponse, method: str) -> Any:
    """Return the route that a request without a route is meant for, or None.

    For a redirect, that is the route of the target path. Otherwise it is a route of the same path
    with another method.

    Args:
        method: the request's, or the one that a preflight asks for.
    """
    url = request.rel_url
    location = response.headers.get(hdrs.LOCATION)
    if location is None:
        if not isinstance(request.match_info.http_exception, web.HTTPMethodNotAllowed):
            return None
    else:
        try:
            url = url.join(URL(location, encoded=True))
            if url.absolute:
                if url.raw_authority != request.host:
                    return None
                url = url.relative()
        except ValueError:
            return None
    router = request.match_info.apps[0].router
    for _ in range(2):
        try:
            meant = await router.resolve(request.clone(method=method, rel_url=url))
        except (RuntimeError, ValueError):  # the body was read, or the Location is not a path
            return None
        error = meant.http_exception
        if error is None:
            return meant.route
        if not isinstance(error, web.HTTPMethodNotAllowed):
            return None
        # The route for OPTIONS has no options, and a view takes any method.
        method = min(error.allowed_methods - {hdrs.METH_OPTIONS}, default=hdrs.METH_OPTIONS)
    return None
