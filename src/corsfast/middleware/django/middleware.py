"""What happens to a request, in threads and in an event loop.

    covered?  --no-->  get_response
       |
    preflight?  --yes-->  an empty 200
       |no                     |
    get_response  ------->  Vary; fields, if the origin is allowed

Only `request.META` is read: `request.headers` makes an object and a name of every field. The
response's fields are written where Django keeps them, as the pairs that it would have made.

Place in the flow: right of conf.py; a response gets its fields here.
Never: read a setting; block a request (CORS is not access control).
"""

from __future__ import annotations

from functools import lru_cache

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpResponse
from django.http.response import ResponseHeaders
from django.utils.cache import patch_vary_headers

from .._schemes import may_be_sent
from .._vary import VARY_KEPT
from .conf import ALLOW_ORIGIN, VARY, Answers, answers_now, latest
from .signals import check_request_enabled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]

ALLOW_PRIVATE_NETWORK = "access-control-allow-private-network"

_STAR = (ALLOW_ORIGIN, "*")
_PRIVATE_NETWORK_GRANTED = (ALLOW_PRIVATE_NETWORK, "true")


class CorsMiddleware:
    """The middleware, for MIDDLEWARE; above whatever else can answer a request.

    Args:
        get_response: what comes behind it; a coroutine function makes this one of its kind.

    Raises:
        ImproperlyConfigured: for settings that cannot be read.
        PolicyError: with CORS_STRICT, for origins that are insecure or match nothing.

    Warns:
        CorsfastSecurityWarning: otherwise, once per risk.
        CorsfastDeadEntryWarning: otherwise, once per entry that matches nothing.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.async_mode: bool = iscoroutinefunction(get_response)
        if self.async_mode:
            markcoroutinefunction(self)
        # What is to be said about the settings is said now, not at the first request.
        answers_now()

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.async_mode:
            return self.__acall__(request)
        answers = latest.answers or answers_now()
        path = request.path_info
        if (
            not (answers.every_path and "\n" not in path)
            and not answers.covers(path)
            and not _enabled_by_signal(request)
        ):
            return self.get_response(request)
        meta = request.META
        options = request.method == "OPTIONS"
        if options and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in meta:
            response = _preflight_response()
        else:
            response = self.get_response(request)
        origin = meta.get("HTTP_ORIGIN")
        if _STORED and "vary" not in (store := response.headers._store):
            if not origin:
                store["vary"] = VARY
                return response
            if not options and (fields := answers.listed.get(origin)):
                store.update(fields)
                return response
        if origin and (
            answers.allows(origin) or (may_be_sent(origin) and _enabled_by_signal(request))
        ):
            _allow(answers, request, response, origin)
        _vary(response)
        return response

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        answers = latest.answers or answers_now()
        path = request.path_info
        if (
            not (answers.every_path and "\n" not in path)
            and not answers.covers(path)
            and not await _enabled_by_signal_async(request)
        ):
            return await self.get_response(request)
        meta = request.META
        options = request.method == "OPTIONS"
        if options and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in meta:
            response = _preflight_response()
        else:
            response = await self.get_response(request)
        origin = meta.get("HTTP_ORIGIN")
        if _STORED and "vary" not in (store := response.headers._store):
            if not origin:
                store["vary"] = VARY
                return response
            if not options and (fields := answers.listed.get(origin)):
                store.update(fields)
                return response
        if origin and (
            answers.allows(origin)
            or (may_be_sent(origin) and await _enabled_by_signal_async(request))
        ):
            _allow(answers, request, response, origin)
        _vary(response)
        return response


# -- deciding --------------------------------------------------------------------------------


def _enabled_by_signal(request: HttpRequest) -> bool:
    if not check_request_enabled.receivers:
        return False
    answers = check_request_enabled.send(sender=None, request=request)
    return any(answer for _, answer in answers)


async def _enabled_by_signal_async(request: HttpRequest) -> bool:
    """The same in an event loop, where receivers of both kinds may ask the database."""
    if not check_request_enabled.receivers:
        return False
    answers = await check_request_enabled.asend(sender=None, request=request)
    return any(answer for _, answer in answers)


# -- answering -------------------------------------------------------------------------------


def _preflight_response() -> HttpResponse:
    return HttpResponse(headers={"content-length": "0"})


def _allow_in_store(
    answers: Answers, request: HttpRequest, response: HttpResponseBase, origin: str
) -> None:
    """Write an allowed origin's fields into a response."""
    store = response.headers._store
    store[ALLOW_ORIGIN] = _STAR if answers.star else (ALLOW_ORIGIN, origin)
    store.update(answers.options_fields if request.method == "OPTIONS" else answers.fields)
    if (
        answers.private_network
        and request.META.get("HTTP_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK") == "true"
    ):
        store[ALLOW_PRIVATE_NETWORK] = _PRIVATE_NETWORK_GRANTED


def _vary_in_store(response: HttpResponseBase) -> None:
    store = response.headers._store
    field = store.setdefault("vary", VARY)
    if field is not VARY:
        store["vary"] = _merged_vary(field[1])


@lru_cache(VARY_KEPT)
def _merged_vary(value: str) -> tuple[str, str]:
    """Django's own merging, remembered."""
    response = HttpResponse(headers={"Vary": value})
    patch_vary_headers(response, ("origin",))
    return "Vary", response.headers["Vary"]


def _allow_in_headers(
    answers: Answers, request: HttpRequest, response: HttpResponseBase, origin: str
) -> None:
    """The same as `_allow_in_store`, through what Django promises to keep."""
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
    """Whether responses keep their fields as they always have, which is Django's own affair."""
    store = getattr(ResponseHeaders({"Vary": "Accept"}), "_store", None)
    return type(store) is dict and store == {"vary": ("Vary", "Accept")}


_STORED = _keeps_a_store()
if _STORED:
    _allow, _vary = _allow_in_store, _vary_in_store
else:
    _allow, _vary = _allow_in_headers, _vary_in_headers
