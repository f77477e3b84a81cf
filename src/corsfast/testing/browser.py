"""The browser: it runs fetches of one page over applications in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict, Unpack

from .._options import fetch
from .._options.origin import is_origin
from ._apps import sender, wait_for
from ._engines import ENGINES
from ._exchange import PageRequest, RawResponse
from ._fetch import Fetch, Sending
from ._headers import is_forbidden, is_safelisted, is_token
from ._response import Response
from ._state import Cookies, Page, PreflightCache
from ._urls import has_credentials, href

__all__ = ["Browser", "Options"]

_CHOICES = {
    "mode": ("cors", "no-cors", "same-origin"),
    "credentials": ("same-origin", "include", "omit"),
    "redirect": ("follow", "error", "manual"),
}


class Options(TypedDict, total=False):
    """The options of a fetch, with JavaScript's names and defaults.

    Attributes:
        headers: the headers that the page sets. As in browsers, forbidden ones (`Cookie`,
            `Origin`) are ignored.
        body: the body. Text gets the Content-Type that browsers send for it.
        mode: ``"cors"`` (default), ``"no-cors"`` or ``"same-origin"``.
        credentials: ``"same-origin"`` (default), ``"include"`` or ``"omit"``.
        redirect: ``"follow"`` (default), ``"error"`` or ``"manual"``.
        use_preflight: whether to send a preflight in any case, as an XMLHttpRequest with a
            listener for its upload does.
    """

    headers: Mapping[str, str] | Iterable[tuple[str, str]]
    body: str | bytes | None
    mode: str
    credentials: str
    redirect: str
    use_preflight: bool


class Browser:
    """A page of one origin in a browser, with a preflight cache and cookies of its own.

    Args:
        origin: the page's origin, ``"https://app.example.com"`` or ``"null"``.
        engine: ``"chromium"``, ``"firefox"`` or ``"webkit"``. docs/testing.md lists how they
            differ, for example in how long they cache a preflight.
        clock: a function that returns seconds; the preflight cache reads it.
    """

    def __init__(
        self,
        origin: str,
        *,
        engine: str = "chromium",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not is_origin(origin):
            raise ValueError(f"{origin!r} is not an origin as browsers write it")
        if engine not in ENGINES:
            raise ValueError(f"engine is {engine!r}; it has to be one of {', '.join(ENGINES)}")
        self.origin = origin
        self.engine = engine
        self.cookies: Cookies = Cookies()
        chosen = ENGINES[engine]
        self._page = Page(origin, chosen, PreflightCache(chosen, clock), self.cookies)

    def fetch(self, app: Any, method: str, url: str, **options: Unpack[Options]) -> Response:
        """Do what ``fetch(url, {method, ...options})`` does in the page.

        It can be called in a running event loop as well, but `afetch` is better there.

        Args:
            app: the server: an ASGI or WSGI application, a function from a `Request` to a
                `RawResponse`, or a list of `RawResponse` objects, which are used in order. A
                mapping from origins to such servers gives each origin its own.
            method: the method. As in browsers, ``put`` is sent as ``PUT``, ``patch`` is not.
            url: an absolute URL, or a path on the page's own origin.
            options: see `Options`.

        Raises:
            CORSError: if the CORS protocol does not allow the request.
            FetchError: if it fails for another reason that JavaScript sees as a `TypeError`.
        """
        send = sender(app)
        steps = self._start(method, url, **options)
        try:
            request = next(steps)
            while True:
                request = steps.send(wait_for(send(request)))
        except StopIteration as end:
            response: Response = end.value
            return response

    async def afetch(self, app: Any, method: str, url: str, **options: Unpack[Options]) -> Response:
        """Do what `fetch` does, and run ASGI applications in the running event loop."""
        send = sender(app)
        steps = self._start(method, url, **options)
        try:
            request = next(steps)
            while True:
                response = send(request)
                if not isinstance(response, RawResponse):
                    response = await response
                request = steps.send(response)
        except StopIteration as end:
            seen: Response = end.value
            return seen

    # https://fetch.spec.whatwg.org/#dom-request
    def _start(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        body: str | bytes | None = None,
        mode: str = "cors",
        credentials: str = "same-origin",
        redirect: str = "follow",
        use_preflight: bool = False,
    ) -> Sending[Response]:
        """Build the page's request and return its fetch."""
        chosen = {"mode": mode, "credentials": credentials, "redirect": redirect}
        for name, value in chosen.items():
            if value not in _CHOICES[name]:
                raise ValueError(f"{name} is {value!r}; it has to be one of {_CHOICES[name]}")
        if method.upper() in fetch.NORMALIZED_METHODS:
            method = method.upper()
        if not is_token(method) or method.upper() in fetch.FORBIDDEN_METHODS:
            raise ValueError(f"a page cannot use the method {method!r}")
        if mode == "no-cors" and method not in fetch.SAFELISTED_METHODS:
            raise ValueError(f"mode 'no-cors' does not allow the method {method!r}")
        if body is not None and method in ("GET", "HEAD"):
            raise ValueError(f"{method} has no body")
        if url.startswith("/"):
            url = self.origin + url
        if has_credentials(url):
            raise ValueError("a page cannot request a URL with a user name or a password")
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        kept = self._page_headers(pairs, mode)
        if isinstance(body, str):
            body = body.encode()
            if not any(name.lower() == "content-type" for name, _ in kept):
                kept.append(("Content-Type", "text/plain;charset=UTF-8"))
        request = PageRequest(
            method, [href(url)], kept, body, mode, credentials, redirect, use_preflight
        )
        return Fetch(self._page, request).run()

    # https://fetch.spec.whatwg.org/#headers-validate
    @staticmethod
    def _page_headers(pairs: Iterable[tuple[str, str]], mode: str) -> list[tuple[str, str]]:
        """Return the headers that the page may set, those of one name joined."""
        kept: dict[str, tuple[str, str]] = {}
        for name, text in pairs:
            value = text.strip("\t\n\r ")
            if not is_token(name) or any(it in value for it in "\0\r\n"):
                raise ValueError(f"{name!r}: {value!r} is not a header")
            if is_forbidden(name, value):
                continue
            key = name.lower()
            if key in kept:
                value = f"{kept[key][1]}, {value}"
            if mode == "no-cors" and (key == "range" or not is_safelisted(name, value)):
                continue
            kept[key] = (kept.get(key, (name,))[0], value)
        return list(kept.values())
