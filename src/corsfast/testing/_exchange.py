"""Requests and responses: as they are on the wire, and as JavaScript sees them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .._options.fetch import OWS

Fields = tuple[tuple[str, str], ...]


def combined(fields: Iterable[tuple[str, str]], name: str) -> str | None:
    """Return all values of a header, joined (https://fetch.spec.whatwg.org/#concept-header-list-get)."""
    values = [value.strip(OWS) for key, value in fields if key.lower() == name.lower()]
    return ", ".join(values) if values else None


class Request(NamedTuple):
    """A request on the wire. A name of a header may occur several times."""

    method: str
    url: str
    headers: Fields = ()
    body: bytes = b""

    def get(self, name: str) -> str | None:
        """Return all values of a header, joined by commas, or ``None``."""
        return combined(self.headers, name)


class RawResponse(NamedTuple):
    """A response on the wire. A name of a header may occur several times."""

    status: int
    headers: Fields = ()
    body: bytes = b""

    def get(self, name: str) -> str | None:
        """Return all values of a header, joined by commas, or ``None``."""
        return combined(self.headers, name)


@dataclass
class PageRequest:
    """A request as the standard has it: https://fetch.spec.whatwg.org/#concept-request"""

    method: str
    urls: list[str]
    headers: list[tuple[str, str]]
    body: bytes | None
    mode: str
    credentials: str
    redirect: str
    use_preflight: bool
    tainting: str = "basic"

    @property
    def url(self) -> str:
        return self.urls[-1]

    @property
    def include(self) -> bool:
        return self.credentials == "include"


class Exchange(NamedTuple):
    """A request on the wire and its response."""

    request: Request
    response: RawResponse

    @property
    def is_preflight(self) -> bool:
        method = self.request.get("access-control-request-method")
        return self.request.method == "OPTIONS" and method is not None


class Headers(Mapping[str, str]):
    """The headers that JavaScript can read. Names are in lower case; any case finds them."""

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        fields = tuple(fields)
        names = sorted({name.lower() for name, _ in fields})
        self._values = {name: combined(fields, name) or "" for name in names}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({self._values})"


@dataclass(frozen=True)
class Response:
    """What JavaScript sees of a response.

    Attributes:
        type: ``"basic"`` (same origin), ``"cors"``, ``"opaque"`` (mode "no-cors") or
            ``"opaqueredirect"`` (redirect "manual"). Of the last two nothing can be read.
        url: the URL of the last request.
        status: the status, or 0 if nothing can be read.
        headers: the headers that the page may read.
        body: the body, empty if nothing can be read.
        redirected: whether a redirect was followed.
        exchanges: all requests on the wire and their responses, preflights included.
    """

    type: str
    url: str
    status: int
    headers: Headers
    body: bytes
    redirected: bool
    exchanges: tuple[Exchange, ...]

    @property
    def ok(self) -> bool:
        return 200 <= self.status <= 299

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def preflights(self) -> tuple[Exchange, ...]:
        """The preflights among the exchanges. A cached preflight is not sent, so not here."""
        return tuple(exchange for exchange in self.exchanges if exchange.is_preflight)
