"""The Fetch standard as a page's browser runs it: https://fetch.spec.whatwg.org/#fetching

Each method is a section of the standard and has its name. Nothing here does I/O: the methods are
generators, which yield a `Request` to be sent and receive its `RawResponse`. `Browser` runs them
over applications, synchronously or not.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

from .._engine.headers import allows_method, names_not_allowed
from .._options import fetch
from ._console import console
from ._engines import ENGINES, Step
from ._errors import CORSError, Failure, FetchError, Reason, first_of
from ._exchange import Exchange, PageRequest, RawResponse, Request
from ._headers import list_items, malformed_item, unsafe_names
from ._response import Headers, Response
from ._state import Page
from ._urls import has_credentials, href, is_url, origin_of

T = TypeVar("T")
Sending = Generator[Request, RawResponse, T]

_ALLOW_ORIGIN = "Access-Control-Allow-Origin"
_ALLOW_CREDENTIALS = "Access-Control-Allow-Credentials"
_ALLOW_METHODS = "Access-Control-Allow-Methods"
_ALLOW_HEADERS = "Access-Control-Allow-Headers"
_STAR_HAS_ALL = frozenset(it.name for it in ENGINES.values() if it.star_has_authorization)


@dataclass
class Fetch:
    """One fetch of a page. `run` is a generator; see the module."""

    page: Page
    request: PageRequest
    exchanges: list[Exchange] = field(default_factory=list)
    warnings: list[Failure] = field(default_factory=list)

    def run(self) -> Sending[Response]:
        return (yield from self.main_fetch())

    # https://fetch.spec.whatwg.org/#concept-request-tainted-origin
    def serialized_origin(self) -> str:
        """Return the value of `Origin`: "null" after a redirect from one foreign origin on."""
        page, urls = self.page.origin, self.request.urls
        for last, url in pairwise(urls):
            if origin_of(url) != origin_of(last) and origin_of(last) != page:
                return "null"
        return page

    def preflight_origin(self) -> str:
        """Return the value of `Origin` in a preflight, by which its result is cached."""
        tainted = self.page.engine.taints_preflights
        return self.serialized_origin() if tainted else self.page.origin

    # https://fetch.spec.whatwg.org/#concept-main-fetch
    def main_fetch(self) -> Sending[Response]:
        request = self.request
        same_origin = origin_of(request.url) == self.page.origin != "null"
        if same_origin and request.tainting == "basic":
            return (yield from self.http_fetch())
        if request.mode == "same-origin":
            self.fail(self.failure(Step.MODE, Reason.DISALLOWED_BY_MODE))
        if request.mode == "no-cors":
            if request.redirect != "follow":
                self.network_error("mode 'no-cors' needs redirect 'follow'")
            request.tainting = "opaque"
            return (yield from self.http_fetch())
        if urlsplit(request.url).scheme not in fetch.WEB_SCHEMES:
            self.fail(self.failure(Step.SCHEME, Reason.CORS_DISABLED_SCHEME))
        request.tainting = "cors"
        if self.needs_preflight():
            return (yield from self.http_fetch(with_preflight=True))
        return (yield from self.http_fetch())

    def needs_preflight(self) -> bool:
        request = self.request
        return (
            request.use_preflight
            or request.method not in fetch.SAFELISTED_METHODS
            or bool(unsafe_names(request.headers))
        )

    # https://fetch.spec.whatwg.org/#concept-http-fetch
    def http_fetch(self, with_preflight: bool = False) -> Sending[Response]:
        request = self.request
        if with_preflight and not self.page.preflights.allow(request, self.preflight_origin()):
            yield from self.cors_preflight_fetch()
        response = yield from self.http_network_fetch()
        if request.tainting == "cors":
            self.fail(*self.cors_check(self.exchanges[-1]))
        if response.status in fetch.REDIRECT_STATUSES:
            if request.redirect == "manual":
                return self.seen("opaqueredirect", response)
            return (yield from self.http_redirect_fetch(response))
        return self.seen(request.tainting, response)

    # https://fetch.spec.whatwg.org/#http-redirect-fetch
    def http_redirect_fetch(self, response: RawResponse) -> Sending[Response]:
        request = self.request
        location = response.get("location")
        if location is None:
            return self.seen(request.tainting, response)
        here, there = request.url, href(urljoin(request.url, location))
        if urlsplit(there).scheme not in fetch.WEB_SCHEMES:
            self.network_error(f"a redirect to {location!r}, which is not http or https")
        if len(request.urls) > fetch.MAX_REDIRECTS:
            self.network_error("too many redirects")
        if has_credentials(there) and (
            request.tainting == "cors"
            or (request.mode == "cors" and origin_of(there) != self.page.origin)
        ):
            reason = Reason.REDIRECT_CONTAINS_CREDENTIALS
            exchange = self.exchanges[-1]
            self.fail(self.failure(Step.LOCATION, reason, "Location", there, "", exchange))
        if request.redirect == "error":
            self.network_error("a redirect, and redirect is 'error'")
        if has_credentials(there) and self.page.engine.blocks_passwords:
            self.network_error("a redirect to a URL with a password")
        reasons = {request.tainting, "headers" if unsafe_names(request.headers) else ""}
        if reasons & self.page.engine.keeps_preflights:
            request.use_preflight = self.needs_preflight()
        post_to_get = response.status in (301, 302) and request.method == "POST"
        see_other = response.status == 303 and request.method not in ("GET", "HEAD")
        if post_to_get or see_other:
            request.method, request.body = "GET", None
            self.remove_headers(fetch.REQUEST_BODY_HEADERS)
        if origin_of(here) != origin_of(there):
            self.remove_headers({fetch.NON_WILDCARD_REQUEST_HEADER})
        request.urls.append(there)
        return (yield from self.main_fetch())

    # https://fetch.spec.whatwg.org/#http-network-or-cache-fetch, without the HTTP cache
    def http_network_fetch(self) -> Sending[RawResponse]:
        request = self.request
        with_credentials = request.include or (
            request.credentials == "same-origin" and request.tainting == "basic"
        )
        headers = [*request.headers]
        if not any(name.lower() == "accept" for name, _ in headers):
            headers.insert(0, ("Accept", "*/*"))
        # https://fetch.spec.whatwg.org/#append-a-request-origin-header
        if request.tainting == "cors" or request.method not in ("GET", "HEAD"):
            headers.append(("Origin", self.serialized_origin()))
        cookies = self.page.cookies.of(request.url) if with_credentials else ""
        if cookies:
            headers.append(("Cookie", cookies))
        response = yield from self.send(request.method, headers, request.body or b"")
        if with_credentials:
            self.page.cookies.store(request.url, response)
        return response

    def send(
        self, method: str, headers: list[tuple[str, str]], body: bytes = b""
    ) -> Sending[RawResponse]:
        sent = Request(method, self.request.url, tuple(headers), body)
        response = yield sent
        self.exchanges.append(Exchange(sent, response))
        # https://fetch.spec.whatwg.org/#header-value
        if any(byte in value for _, value in response.headers for byte in "\0\r\n"):
            self.network_error("a response header is not valid")
        return response

    # https://fetch.spec.whatwg.org/#cors-preflight-fetch
    def cors_preflight_fetch(self) -> Sending[None]:
        request, origin = self.request, self.preflight_origin()
        headers = [("Accept", "*/*"), ("Access-Control-Request-Method", request.method)]
        if names := unsafe_names(request.headers):
            headers.append(("Access-Control-Request-Headers", ",".join(sorted(names))))
        headers.append(("Origin", origin))
        response = yield from self.send("OPTIONS", headers)
        failures = self.preflight_checks(self.exchanges[-1])
        lists_only = all(failure.step in (Step.METHOD, Step.HEADER) for failure in failures)
        if self.page.engine.caches_refused and lists_only:
            self.page.preflights.store(request, origin, response)
        self.fail(*failures)
        self.page.preflights.store(request, origin, response)

    def preflight_checks(self, exchange: Exchange) -> list[Failure]:
        """Return all failed checks of a preflight."""
        request, response = self.request, exchange.response
        status = str(response.status)
        failures = self.cors_check(exchange)
        if response.status in fetch.REDIRECT_STATUSES and response.get("location") is not None:
            reason = Reason.PREFLIGHT_DISALLOWED_REDIRECT
            failures.append(self.failure(Step.REDIRECT, reason, "", status, "200-299", exchange))
        elif not 200 <= response.status <= 299:
            reason = Reason.PREFLIGHT_INVALID_STATUS
            failures.append(self.failure(Step.STATUS, reason, "", status, "200-299", exchange))

        allow_methods, allow_headers = response.get(_ALLOW_METHODS), response.get(_ALLOW_HEADERS)
        methods = list_items(allow_methods)
        names = [name.lower() for name in list_items(allow_headers)]
        if malformed_item(allow_methods) is not None:
            reason = Reason.INVALID_ALLOW_METHODS_PREFLIGHT_RESPONSE
            failures.append(
                self.failure(Step.METHODS, reason, _ALLOW_METHODS, allow_methods, "", exchange)
            )
        elif not allows_method(methods, request.method, request.include):
            reason = Reason.METHOD_DISALLOWED_BY_PREFLIGHT_RESPONSE
            failures.append(
                self.failure(
                    Step.METHOD, reason, _ALLOW_METHODS, allow_methods, request.method, exchange
                )
            )
        if malformed_item(allow_headers) is not None:
            reason = Reason.INVALID_ALLOW_HEADERS_PREFLIGHT_RESPONSE
            failures.append(
                self.failure(Step.HEADERS, reason, _ALLOW_HEADERS, allow_headers, "", exchange)
            )
        else:
            reason = Reason.HEADER_DISALLOWED_BY_PREFLIGHT_RESPONSE
            failures += [
                self.failure(Step.HEADER, reason, _ALLOW_HEADERS, allow_headers, name, exchange)
                for name in names_not_allowed(names, unsafe_names(request.headers), request.include)
            ]
            if "*" in names and not request.include:
                failures = [
                    replace(it, ignored_by=_STAR_HAS_ALL) if it.step is Step.HEADER else it
                    for it in failures
                ]
        return failures

    # https://fetch.spec.whatwg.org/#concept-cors-check
    def cors_check(self, exchange: Exchange) -> list[Failure]:
        """Return the failed check of a response, if there is one."""
        response, origin = exchange.response, exchange.request.get("origin") or ""
        value = response.get(_ALLOW_ORIGIN)
        if value is None:
            reason = Reason.MISSING_ALLOW_ORIGIN_HEADER
        elif value == "*" and not self.request.include:
            return []
        elif value == "*":
            reason = Reason.WILDCARD_ORIGIN_NOT_ALLOWED
        elif value != origin:
            # The standard does not tell these cases apart, but Chromium does.
            if " " in value or "," in value:
                reason = Reason.MULTIPLE_ALLOW_ORIGIN_VALUES
            elif value == "null" or is_url(value):
                reason = Reason.ALLOW_ORIGIN_MISMATCH
            else:
                reason = Reason.INVALID_ALLOW_ORIGIN_VALUE
        elif not self.request.include or response.get(_ALLOW_CREDENTIALS) == "true":
            return []
        else:
            allowed = response.get(_ALLOW_CREDENTIALS)
            return [
                self.access_failure(
                    Reason.INVALID_ALLOW_CREDENTIALS, _ALLOW_CREDENTIALS, allowed, "true", exchange
                )
            ]
        return [self.access_failure(reason, _ALLOW_ORIGIN, value, origin, exchange)]

    def access_failure(
        self, reason: Reason, header: str, value: str | None, expected: str, exchange: Exchange
    ) -> Failure:
        reason = reason.at_preflight() if exchange.is_preflight else reason
        return self.failure(Step.CORS_CHECK, reason, header, value, expected, exchange)

    # https://fetch.spec.whatwg.org/#concept-filtered-response
    def seen(self, kind: str, response: RawResponse) -> Response:
        """Return what JavaScript sees of a response."""
        request, hidden = self.request, kind in ("opaque", "opaqueredirect")
        bodiless = request.method == "HEAD" or response.status in fetch.NULL_BODY_STATUSES
        fields = [
            (name, value)
            for name, value in response.headers
            if name.lower() not in fetch.FORBIDDEN_RESPONSE_HEADERS
        ]
        if kind == "cors":
            exposed = response.get("access-control-expose-headers")
            listed = [name.lower() for name in list_items(exposed)]
            if malformed_item(exposed) is not None:
                listed = []
            if "*" not in listed or request.include:
                names = fetch.SAFELISTED_RESPONSE_HEADERS.union(listed)
                fields = [(name, value) for name, value in fields if name.lower() in names]
        return Response(
            type=kind,
            url=request.url if kind != "opaque" else "",
            status=0 if hidden else response.status,
            headers=Headers(() if hidden else fields),
            body=b"" if hidden or bodiless else response.body,
            redirected=not hidden and len(request.urls) > 1,
            exchanges=tuple(self.exchanges),
            warnings=tuple(self.warnings),
        )

    # -- failures ----------------------------------------------------------------------------

    def failure(
        self,
        step: Step,
        reason: Reason,
        header: str = "",
        value: str | None = None,
        expected: str = "",
        exchange: Exchange | None = None,
    ) -> Failure:
        return Failure(step, reason, header, value, expected, self.request.url, exchange)

    def fail(self, *failures: Failure) -> None:
        """Raise CORSError if the engine makes a check that failed."""
        page, request = self.page, self.request
        if first_of(failures, page.engine) is not None:
            page.preflights.clear(request, self.preflight_origin())
            texts = console(failures, page.origin, request.urls[0])
            raise CORSError(failures, tuple(self.exchanges), texts, page.engine)
        self.warnings += failures

    def network_error(self, message: str) -> None:
        raise FetchError(f"TypeError: Failed to fetch: {message}", tuple(self.exchanges))

    def remove_headers(self, names: frozenset[str] | set[str]) -> None:
        self.request.headers = [it for it in self.request.headers if it[0].lower() not in names]
