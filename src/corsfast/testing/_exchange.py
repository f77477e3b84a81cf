"""Requests and responses on the wire, and the request of a page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

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
        """Whether the request is a preflight."""
        method = self.request.get("access-control-request-method")
        return self.request.method == "OPTIONS" and method is not None
