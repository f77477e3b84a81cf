"""Read the parts of a request that decide whether another site has forged it."""

from __future__ import annotations

from ..._engine.headers import joined_lines
from ..._options.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

_NAMES = ("Origin", "Sec-Fetch-Site", "Host")
_RAW_NAMES = tuple(name.lower().encode() for name in _NAMES)


class Sent(NamedTuple):
    """The arguments of `Policy.protects`, and the path, for the log."""

    method: str
    origin: str | None
    site: str | None
    host: str | None
    path: object


def sent_asgi(scope: Any) -> Sent:
    """Read an ASGI `http` scope."""
    headers = scope.get("headers", ())
    values = (joined_lines(headers, name) for name in _RAW_NAMES)
    origin, site, host = (None if value is None else value.decode("latin-1") for value in values)
    return Sent(scope.get("method", ""), origin, site, host, scope.get("path"))


def sent_wsgi(environ: Any) -> Sent:
    """Read a WSGI environ."""
    return Sent(
        environ.get("REQUEST_METHOD", ""),
        environ.get("HTTP_ORIGIN"),
        environ.get("HTTP_SEC_FETCH_SITE"),
        environ.get("HTTP_HOST"),
        environ.get("PATH_INFO"),
    )


def sent_by(method: str, path: object, lines: Callable[[str], Iterable[str] | None]) -> Sent:
    """Read a request of a framework by a function that returns the lines of a field."""
    found = ([*(lines(name) or ())] for name in _NAMES)
    origin, site, host = (",".join(values) if values else None for values in found)
    return Sent(method, origin, site, host, path)
