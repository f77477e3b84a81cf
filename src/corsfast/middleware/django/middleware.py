"""The middleware, for threads and for an event loop.

    covered?  --no-->  get_response
       |
    preflight?  --yes-->  an empty 200
       |no                     |
    get_response  ------->  Vary; fields, if the origin is allowed

Only `request.META` is read, because `request.headers` would create an object with all fields. The
response's fields are written directly to Django's dict, as the pairs that Django would store.

Read no setting here, because that would cost more than the decision.
"""

from __future__ import annotations

from functools import lru_cache

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpResponse
from django.http.response import ResponseHeaders
from django.utils.cache import patch_vary_headers

from .._dropin.non_web_origins import may_be_sent
from .._dropin.overrides import refuse_overrides
from .._dropin.vary import VARY_KEPT
from .._generic.preload import preload
from .conf import ALLOW_ORIGIN, VARY, Answers, answers_now, latest
from .signals import check_request_enabled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]

preload()

EXPOSE_HEADERS = "access-control-expose-headers"
ALLOW_CREDENTIALS = "access-control-allow-credentials"
ALLOW_PRIVATE_NETWORK = "access-control-allow-private-network"

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
    "the settings are compiled; write what is meant as CORS_URLS_REGEX, CORS_ALLOWED_ORIGINS or"
    " CORS_ALLOWED_ORIGIN_REGEXES, allow more by the signal check_request_enabled, or override"
    " __call__ and __acall__"
)

_STAR = (ALLOW_ORIGIN, "*")
_PRIVATE_NETWORK_GRANTED = (ALLOW_PRIVATE_NETWORK, "true")


class CorsMiddleware:
    """The middleware for MIDDLEWARE. List it above all others that can answer a request.

    A call of this class returns a function with the attributes of an instance, because a function
    is faster to call. A call of a subclass returns an instance.

    Args:
        get_response: the next middleware or the view. If it is a coroutine function, this
            middleware is one, too.

    Raises:
        ImproperlyConfigured: for settings that cannot be read.
        PolicyError: with CORS_STRICT, for origins that are insecure or match nothing.
        TypeError: for a subclass that overrides a method that the original would call.

    Warns:
        CorsfastSecurityWarning: without CORS_STRICT, once per risk.
        CorsfastDeadEntryWarning: without CORS_STRICT, once per entry that matches nothing.
    """

    sync_capable = True
    async_capable = True

    get_response: GetResponse
    async_mode: bool

    def __new__(cls, *arguments: Any, **named: Any) -> Any:
        # Tracing tools replace `__call__` by their own and expect Django to call it.
        if cls is CorsMiddleware and cls.__call__ is _CALL:
            return as_function(*arguments, **named)
        return super().__new__(cls)

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        refuse_overrides(cls, _HOOKS, of=CorsMiddleware, instead=_INSTEAD)

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.async_mode = iscoroutinefunction(get_response)
        if self.async_mode:
            markcoroutinefunction(self)
        # Emit warnings about the settings now, not at the first request.
        answers_now(say_again=True)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.async_mode:
            return self.__acall__(request)
        return responding_in_threads(self.get_response)(request)

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        return await responding_in_a_loop(self.get_response)(request)


_CALL = CorsMiddleware.__call__


def as_function(get_response: GetResponse) -> Any:
    """Return the middleware as a function; a coroutine function if `get_response` is one."""
    function: Any
    if iscoroutinefunction(get_response):
        function = responding_in_a_loop(get_response)
    else:
        function = responding_in_threads(get_response)
    CorsMiddleware.__init__(function, get_response)
    return function


# Both functions below have a fast path for nearly all requests. It requires a method other than
# OPTIONS, settings that cover every path, no Origin or a listed one, and a response without Vary.
# The slow path handles all requests, and gives the same answers to these.


def responding_in_threads(get_response: Any) -> Callable[[HttpRequest], HttpResponseBase]:
    def respond(request: HttpRequest) -> HttpResponseBase:
        answers = latest.answers or answers_now()
        if request.method == "OPTIONS" or not answers.every_path or "\n" in request.path_info:
            if not answers.covers(request.path_info) and not _enabled_by_signal(request):
                return get_response(request)
            response = _preflight_response(request) or get_response(request)
        else:
            response = get_response(request)
            if _STORED and "vary" not in (store := response.headers._store):
                origin = request.META.get("HTTP_ORIGIN")
                if origin is None:
                    store["vary"] = VARY
                    return response
                fields = answers.listed.get(origin)
                if fields is not None:
                    store |= fields
                    if ALLOW_CREDENTIALS in store and ALLOW_CREDENTIALS not in fields:
                        del store[ALLOW_CREDENTIALS]
                    return response
        origin = request.META.get("HTTP_ORIGIN")
        if origin:
            if answers.allows(origin) or _enabled_by_signal(request, origin):
                _allow(answers, request, response, origin)
            else:
                _refuse(response)
        _vary(response)
        return response

    return respond


def responding_in_a_loop(get_response: Any) -> Callable[[HttpRequest], Awaitable[HttpResponseBase]]:
    async def respond(request: HttpRequest) -> HttpResponseBase:
        answers = latest.answers or answers_now()
        if request.method == "OPTIONS" or not answers.every_path or "\n" in request.path_info:
            if not answers.covers(request.path_info) and not await _enabled_by_signal_async(
                request
            ):
                return await get_response(request)
            response = _preflight_response(request) or await get_response(request)
        else:
            response = await get_response(request)
            if _STORED and "vary" not in (store := response.headers._store):
                origin = request.META.get("HTTP_ORIGIN")
                if origin is None:
                    store["vary"] = VARY
                    return response
                fields = answers.listed.get(origin)
                if fields is not None:
                    store |= fields
                    if ALLOW_CREDENTIALS in store and ALLOW_CREDENTIALS not in fields:
                        del store[ALLOW_CREDENTIALS]
                    return response
        origin = request.META.get("HTTP_ORIGIN")
        if origin:
            if answers.allows(origin) or await _enabled_by_signal_async(request, origin):
                _allow(answers, request, response, origin)
            else:
                _refuse(response)
        _vary(response)
        return response

    return respond


# -- deciding --------------------------------------------------------------------------------


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


# -- answering -------------------------------------------------------------------------------


def _preflight_response(request: HttpRequest) -> HttpResponse | None:
    if request.method != "OPTIONS" or "HTTP_ACCESS_CONTROL_REQUEST_METHOD" not in request.META:
        return None
    return HttpResponse(headers={"content-length": "0"})


def _allow_in_store(
    answers: Answers, request: HttpRequest, response: HttpResponseBase, origin: str
) -> None:
    """Write the fields for an allowed origin into a response; they replace the view's own."""
    store = response.headers._store
    store.pop(ALLOW_CREDENTIALS, None)
    store[ALLOW_ORIGIN] = _STAR if answers.star else (ALLOW_ORIGIN, origin)
    store.update(answers.options_fields if request.method == "OPTIONS" else answers.fields)
    if (
        answers.private_network
        and request.META.get("HTTP_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK") == "true"
    ):
        store[ALLOW_PRIVATE_NETWORK] = _PRIVATE_NETWORK_GRANTED


def _refuse(response: HttpResponseBase) -> None:
    """Remove the view's own CORS fields for an origin that is not allowed."""
    for name in (ALLOW_ORIGIN, ALLOW_CREDENTIALS, EXPOSE_HEADERS):
        response.headers.pop(name, None)


def _vary_in_store(response: HttpResponseBase) -> None:
    store = response.headers._store
    field = store.setdefault("vary", VARY)
    if field is not VARY:
        store["vary"] = _merged_vary(field[1])


@lru_cache(VARY_KEPT)
def _merged_vary(value: str) -> tuple[str, str]:
    """Merge by Django's own function, with a cache."""
    response = HttpResponse(headers={"Vary": value})
    patch_vary_headers(response, ("origin",))
    return "Vary", response.headers["Vary"]


def _allow_in_headers(
    answers: Answers, request: HttpRequest, response: HttpResponseBase, origin: str
) -> None:
    """Do the same as `_allow_in_store` through Django's public interface."""
    response.headers.pop(ALLOW_CREDENTIALS, None)
    response.headers[ALLOW_ORIGIN] = "*" if answers.star else origin
    fields = answers.options_fields if request.method == "OPTIONS" else answers.fields
    for name, value in fields.values():
        response.headers[name] = value
    if (
        answers.private_network
        and request.META.get("HTTP_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK") == "true"
    ):
        response.headers[ALLOW_PRIVATE_NETWORK] = "true"


def _vary_in_headers(response: HttpResponseBase) -> None:
    patch_vary_headers(response, ("origin",))


def _keeps_a_store() -> bool:
    """Return whether responses still store their fields in the private dict `_store`."""
    store = getattr(ResponseHeaders({"Vary": "Accept"}), "_store", None)
    return type(store) is dict and store == {"vary": ("Vary", "Accept")}


_STORED = _keeps_a_store()
if _STORED:
    _allow, _vary = _allow_in_store, _vary_in_store
else:
    _allow, _vary = _allow_in_headers, _vary_in_headers
