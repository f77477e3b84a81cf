"""A response as JavaScript sees it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ._errors import Failure
from ._exchange import Exchange, combined


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
        warnings: the checks of the standard that failed, but that the engine does not make:
            ``Access-Control-Allow-Headers: *`` does not cover Authorization.
    """

    type: str
    url: str
    status: int
    headers: Headers
    body: bytes
    redirected: bool
    exchanges: tuple[Exchange, ...]
    warnings: tuple[Failure, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the status is 200 to 299."""
        return 200 <= self.status <= 299

    @property
    def text(self) -> str:
        """The body, decoded as UTF-8."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the value of a JSON body."""
        return json.loads(self.body)

    @property
    def preflights(self) -> tuple[Exchange, ...]:
        """The preflights that were sent. A cached preflight is not sent."""
        return tuple(exchange for exchange in self.exchanges if exchange.is_preflight)
