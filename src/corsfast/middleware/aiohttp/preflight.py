"""The answer to a preflight: 200 and the permissions, or 403 and a sentence with the reason.

The sentences are those of aiohttp-cors. Values that they quote from a request are truncated. A
header never echoes a value that was not allowed.
"""

from __future__ import annotations

from aiohttp import hdrs, web

from ..._engine.headers import requested_names
from ..._options import limits
from ..._options.spec import is_token
from ...decision import Outcome
from .._generic.refused_log import Listed, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .answers import ResponseFields

VARY = ", ".join(
    (hdrs.ORIGIN, hdrs.ACCESS_CONTROL_REQUEST_METHOD, hdrs.ACCESS_CONTROL_REQUEST_HEADERS)
)


def answer_preflight(
    request: web.Request, answers_for: Callable[[str, str], ResponseFields | None]
) -> web.Response:
    """Answer an OPTIONS request.

    Args:
        answers_for: `(origin, method) -> ResponseFields`, or ``None`` if the method is not allowed.
            The method is a valid token.

    Raises:
        HTTPForbidden: with a sentence, and no header but Vary.
    """
    origin = _joined(request, hdrs.ORIGIN)
    if origin is None:
        raise _refusal("origin header is not specified in the request")
    method = _joined(request, hdrs.ACCESS_CONTROL_REQUEST_METHOD)
    if method is None:
        raise _refusal("'Access-Control-Request-Method' header is not specified")
    answers = None
    if is_token(method, limits.MAX_METHOD):
        answers = answers_for(origin, method)
    if answers is None:
        raise _refusal(
            f"request method {_shown(method)!r} is not allowed for {_shown(origin)!r} origin"
        )
    if not answers:
        raise _refusal("no origins are allowed")
    options = answers.options_for(origin)
    if options is None:
        answers.log_refusal(request, origin)
        raise _refusal(f"origin '{_shown(origin)}' is not allowed")
    names = _requested_headers(request)
    if options.allow_headers != "*":
        unknown = [name for name in names if name not in options.allow_headers]
        if unknown:
            refused = Refused(origin, Outcome.HEADER_NOT_ALLOWED, None, unknown[0].lower())
            listed = Listed("allow_headers", options.allow_headers)
            answers.log_refusal(request, origin, refused, listed)
            raise _refusal(f"headers are not allowed: {', '.join(unknown)}")

    fields = [(hdrs.ACCESS_CONTROL_ALLOW_ORIGIN, origin)]
    if options.allow_credentials:
        fields.append((hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"))
    if options.max_age is not None:
        fields.append((hdrs.ACCESS_CONTROL_MAX_AGE, str(options.max_age)))
    fields.append((hdrs.ACCESS_CONTROL_ALLOW_METHODS, method))
    if names:
        fields.append((hdrs.ACCESS_CONTROL_ALLOW_HEADERS, ",".join(names)))
    fields.append((hdrs.VARY, VARY))
    return web.Response(headers=fields)


def _joined(request: web.Request, name: str) -> str | None:
    """Return the value of a header; several lines join to one that is no valid origin or method."""
    lines = request.headers.getall(name, None)
    return None if lines is None else ",".join(lines)


def _requested_headers(request: web.Request) -> list[str]:
    """Return the requested names in upper case, without duplicates."""
    value = _joined(request, hdrs.ACCESS_CONTROL_REQUEST_HEADERS)
    if value is None:
        return []
    names = requested_names(value)
    if names is None:
        raise _refusal("'Access-Control-Request-Headers' header is not a list of header names")
    return list(dict.fromkeys(name.upper() for name in names))


def _refusal(why: str) -> web.HTTPForbidden:
    return web.HTTPForbidden(text=f"CORS preflight request failed: {why}", headers={"Vary": VARY})


def _shown(value: str) -> str:
    """Return a value for a sentence; escape unprintable characters and truncate long values."""
    if len(value) <= limits.MAX_ORIGIN and value.isascii() and value.isprintable():
        return value
    return ascii(value[: limits.MAX_ORIGIN])[1:-1]
