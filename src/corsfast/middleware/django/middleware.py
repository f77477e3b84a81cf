"""The middleware, for threads and for an event loop.

    covered?  --no-->  get_response
       |
    preflight?  --yes-->  an empty 200
       |no                     |
    get_response  ------->  Vary; fields, if the origin is allowed

Only `request.META` is read, because `request.headers` would create an object with all fields.
"""

from __future__ import annotations

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpResponse

from ..._engine.headers import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    ALLOW_PRIVATE_NETWORK,
    EXPOSE_HEADERS,
)
from ...decision import Outcome
from .._dropin.non_web_origins import FILE, may_be_sent
from .._dropin.overrides import refuse_overrides
from .._generic.cross_site import VARY_OF_403, CrossSiteGuard, body_for
from .._generic.handlers import PLAIN_TEXT
from .._generic.preload import preload
from .._generic.refused_log import Listed, asked_in, listed_in
from .._generic.sent import sent_wsgi
from ._compat import add_vary, write_fields
from .conf import CompiledSettings, current_settings
from .signals import check_request_enabled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

preload()


# Methods that a subclass of the original may override to change its decisions. They are never
# called here.
_HOOKS = (
    "_url_in_whitelist",
    "add_response_headers",
    "check_preflight",
    "check_signal",
    "is_enabled",
    "origin_found_in_white_lists",
    "regex_domain_match",
)
_INSTEAD = (
    "the settings are compiled; use CORS_URLS_REGEX, CORS_ALLOWED_ORIGINS or"
    " CORS_ALLOWED_ORIGIN_REGEXES, allow more by the signal check_request_enabled, or override"
    " __call__ and __acall__"
)


class CorsMiddleware:
    """The middleware for MIDDLEWARE. List it above all others that can answer a request.

    Args:
        get_response: the next middleware or the view. If it is a coroutine function, this
            middleware is one, too.

    Raises:
        ImproperlyConfigured: for settings that cannot be read.
        PolicyError: with CORS_STRICT, for origins that are insecure or match nothing.
        TypeError: for a subclass that overrides a method that the original would call.

    Warns:
        CorsfastSecurityWarning: without CORS_STRICT, once per risk.
        CorsfastUnmatchableWarning: without CORS_STRICT, once per entry that matches nothing.
    """

    sync_capable = True
    async_capable = True

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        refuse_overrides(cls, _HOOKS, of=CorsMiddleware, instead=_INSTEAD)

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.async_mode: bool = iscoroutinefunction(get_response)
        if self.async_mode:
            markcoroutinefunction(self)
        # Emit warnings about the settings now, not at the first request.
        current_settings(warn_again=True)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.async_mode:
            return self.__acall__(request)
        compiled = current_settings()
        if not compiled.covers(request.path_info) and not _enabled_by_signal(request):
            return self.get_response(request)
        origin = request.META.get("HTTP_ORIGIN", "")
        response = _preflight_response(request)
        if compiled.guard is not None and _is_forged(compiled, request):
            if not _enabled_by_signal(request, origin):
                response = _forbidden(compiled.guard, request)
        response = response or self.get_response(request)
        allowed = origin and (compiled.allows(origin) or _enabled_by_signal(request, origin))
        return _with_fields(compiled, request, response, origin, allowed)

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        compiled = current_settings()
        if not compiled.covers(request.path_info) and not await _enabled_by_signal_async(request):
            return await self.get_response(request)
        origin = request.META.get("HTTP_ORIGIN", "")
        response = _preflight_response(request)
        if compiled.guard is not None and _is_forged(compiled, request):
            if not await _enabled_by_signal_async(request, origin):
                response = _forbidden(compiled.guard, request)
        response = response or await self.get_response(request)
        allowed = origin and (
            compiled.allows(origin) or await _enabled_by_signal_async(request, origin)
        )
        return _with_fields(compiled, request, response, origin, allowed)


def _enabled_by_signal(request: HttpRequest, origin: str = "") -> bool:
    """Return whether a receiver enables CORS.

    No receiver is called for an origin that may not be echoed.
    """
    if not check_request_enabled.receivers or (origin and not may_be_sent(origin)):
        return False
    answers = check_request_enabled.send(sender=None, request=request)
    return any(answer for _, answer in answers)


async def _enabled_by_signal_async(request: HttpRequest, origin: str = "") -> bool:
    """Do the same in an event loop; sync and async receivers may both query the database."""
    if not check_request_enabled.receivers or (origin and not may_be_sent(origin)):
        return False
    answers = await check_request_enabled.asend(sender=None, request=request)
    return any(answer for _, answer in answers)


def _preflight_response(request: HttpRequest) -> HttpResponse | None:
    if request.method != "OPTIONS" or "HTTP_ACCESS_CONTROL_REQUEST_METHOD" not in request.META:
        return None
    return HttpResponse(headers={"content-length": "0"})


def _is_forged(compiled: CompiledSettings, request: HttpRequest) -> bool:
    """Return whether another site has forged a request. The check is not for "file://"."""
    assert compiled.guard is not None
    sent = sent_wsgi(request.META)
    if sent.origin == FILE and not compiled.star and compiled.allows(FILE):
        return False
    return compiled.guard.is_forged(sent)


def _forbidden(guard: CrossSiteGuard, request: HttpRequest) -> HttpResponse | None:
    """Return the 403 to a forged request, or ``None`` if it is only reported."""
    sent = sent_wsgi(request.META)
    if not guard.refuses_forged(sent):
        return None
    headers = {"content-type": PLAIN_TEXT, "vary": VARY_OF_403}
    return HttpResponse(body_for(sent), status=403, headers=headers)


def _log_preflight(compiled: CompiledSettings, request: HttpRequest, sent: Any) -> None:
    meta = request.META
    asked = asked_in(meta, Outcome.ALLOWED)
    methods = Listed("CORS_ALLOW_METHODS", listed_in(sent.get(ALLOW_METHODS)))
    names = Listed("CORS_ALLOW_HEADERS", listed_in(sent.get(ALLOW_HEADERS)))
    host, path = meta.get("HTTP_HOST"), request.path_info
    compiled.log.write_preflight(asked, host, path, sent, methods, names)


def _with_fields(
    compiled: CompiledSettings,
    request: HttpRequest,
    response: HttpResponseBase,
    origin: str,
    allowed: object,
) -> HttpResponseBase:
    """Write the fields into a response, in place of the view's own, and return it."""
    if allowed:
        is_options = request.method == "OPTIONS"
        fields = {ALLOW_ORIGIN: (ALLOW_ORIGIN, "*" if compiled.star else origin)}
        fields |= compiled.options_fields if is_options else compiled.fields
        if (
            compiled.private_network
            and request.META.get("HTTP_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK") == "true"
        ):
            fields[ALLOW_PRIVATE_NETWORK] = (ALLOW_PRIVATE_NETWORK, "true")
        write_fields(response, fields, () if compiled.credentials else (ALLOW_CREDENTIALS,))
        if is_options:
            _log_preflight(compiled, request, response.headers)
    elif origin:
        compiled.log.write_wsgi(Outcome.ORIGIN_NOT_ALLOWED, request.META)
        write_fields(response, {}, (ALLOW_ORIGIN, ALLOW_CREDENTIALS, EXPOSE_HEADERS))
    add_vary(response)
    return response
