"""The memory of a browser between fetches: cached preflights and cookies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from .._options import fetch
from ._engines import Engine
from ._exchange import PageRequest, RawResponse
from ._headers import list_items, unsafe_names


@dataclass(frozen=True)
class _Entry:
    """A cached permission for one method, or for one header name."""

    method: str | None
    name: str | None
    credentials: bool
    expires: float


class PreflightCache:
    """The CORS-preflight cache: https://fetch.spec.whatwg.org/#concept-cache"""

    def __init__(self, engine: Engine, clock: Callable[[], float]) -> None:
        self._engine = engine
        self._clock = clock
        self._entries: dict[tuple[str, str], list[_Entry]] = {}

    def allow(self, request: PageRequest, origin: str) -> bool:
        """Return whether cached preflights cover the method and all unsafe header names."""
        now, engine = self._clock(), self._engine
        entries = [
            entry
            for entry in self._entries.get((origin, request.url), ())
            if entry.expires > now
            and (entry.credentials == request.include or (entry.credentials and engine.shares))
        ]
        star = "*" if engine.caches_star and not request.include else None
        methods = {entry.method for entry in entries if entry.method}
        names = {entry.name for entry in entries if entry.name}
        return (
            bool({request.method, star} & methods)
            # In the standard a forced preflight needs its method in the cache; engines only need
            # an entry.
            or (
                request.method in fetch.SAFELISTED_METHODS
                and (bool(entries) or not request.use_preflight)
            )
        ) and all(
            name in names
            or (
                star in names
                and (name != fetch.NON_WILDCARD_REQUEST_HEADER or engine.star_has_authorization)
            )
            for name in unsafe_names(request.headers)
        )

    def store(self, request: PageRequest, origin: str, response: RawResponse) -> None:
        seconds = self._seconds(response.get("access-control-max-age"))
        methods = list_items(response.get("access-control-allow-methods"))
        names = list_items(response.get("access-control-allow-headers"))
        if not methods and request.use_preflight:
            methods = [request.method]
        entries = self._entries.setdefault((origin, request.url), [])
        if self._engine.replaces:
            entries.clear()
        expires = self._clock() + seconds
        entries += [_Entry(method, None, request.include, expires) for method in methods]
        entries += [_Entry(None, name.lower(), request.include, expires) for name in names]

    def clear(self, request: PageRequest, origin: str) -> None:
        """Forget the preflights of a URL after a failed request, if the engine does."""
        if self._engine.forgets:
            self._entries.pop((origin, request.url), None)

    def _seconds(self, max_age: str | None) -> int:
        if max_age is None:
            return fetch.DEFAULT_MAX_AGE
        if max_age.isascii() and max_age.isdigit():
            # Ten digits are above all caps; int() raises for thousands of them.
            return min(int(max_age.lstrip("0")[:10] or 0), self._engine.max_age_cap)
        negative = max_age[:1] == "-" and max_age[1:].isdigit()
        return 0 if negative else self._engine.malformed_max_age


class Cookies:
    """The cookies of each host. Domain, Path, Secure and SameSite have no effect."""

    def __init__(self) -> None:
        self._hosts: dict[str, dict[str, str]] = {}

    def set(self, host: str, name: str, value: str) -> None:
        """Give a host a cookie."""
        self._hosts.setdefault(host, {})[name] = value

    def of(self, url: str) -> str:
        """Return the value of the `Cookie` header for a URL, or ""."""
        kept = self._hosts.get(urlsplit(url).hostname or "", {})
        return "; ".join(f"{name}={value}" for name, value in kept.items())

    def store(self, url: str, response: RawResponse) -> None:
        """Obey the `Set-Cookie` headers of a response."""
        kept = self._hosts.setdefault(urlsplit(url).hostname or "", {})
        for key, value in response.headers:
            if key.lower() == "set-cookie":
                try:
                    cookies = SimpleCookie(value)
                except CookieError:
                    continue
                for name, cookie in cookies.items():
                    if cookie["max-age"].strip() in ("0", "-1") or "1970" in cookie["expires"]:
                        kept.pop(name, None)
                    else:
                        kept[name] = cookie.coded_value


@dataclass(frozen=True)
class Page:
    """A page in a browser, with what the browser remembers."""

    origin: str
    engine: Engine
    preflights: PreflightCache
    cookies: Cookies
