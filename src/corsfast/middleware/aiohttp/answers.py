"""What is sent for the origins of one configuration, spelt before it is asked for.

Place in the flow: options -> this -> config, preflight.
Never: look at a route; raise for anything that a request holds.
"""

from __future__ import annotations

from functools import lru_cache

from aiohttp import hdrs

from ..._backend import IMPLEMENTATION
from ...fields import merged_vary
from .._schemes import FILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multidict import CIMultiDict

    from ..._compile import is_origin
    from .options import Config, ResourceOptions

    Field = tuple[str, str | None]
    Fields = tuple[Field, ...]
elif IMPLEMENTATION == "native":
    from ..._native import is_origin
else:
    from ..._compile import is_origin

# What `expose_headers="*"` leaves out: what a page may read without being told so
# (https://www.w3.org/TR/2020/SPSD-cors-20200602/#simple-response-header), and what is ours.
NEVER_EXPOSED = frozenset(
    name.lower()
    for name in (
        hdrs.CACHE_CONTROL,
        hdrs.CONTENT_LANGUAGE,
        hdrs.CONTENT_TYPE,
        hdrs.EXPIRES,
        hdrs.LAST_MODIFIED,
        hdrs.PRAGMA,
        hdrs.ACCESS_CONTROL_ALLOW_ORIGIN,
        hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS,
        hdrs.ACCESS_CONTROL_EXPOSE_HEADERS,
    )
)

# As many values of Vary as the handlers of an application send. Beyond that they are merged
# again.
_VARY_KEPT = 256


class Answers:
    """What a response gets, by its request's Origin.

    Attributes:
        fields: by origin, for each that is listed and can be sent: what its responses get, and
            ``None`` for a field of the handler's own that may not stay.
        exposes_all: whether some origins get ``expose_headers="*"``.
    """

    __slots__ = ("_anybody", "_config", "_tail", "exposes_all", "fields")

    def __init__(self, config: Config) -> None:
        self._config = config
        self._anybody = config.get("*")
        self._tail = () if self._anybody is None else _tail(self._anybody)
        self.fields = {
            origin: ((hdrs.ACCESS_CONTROL_ALLOW_ORIGIN, origin), *_tail(options))
            for origin, options in config.items()
            if may_be_sent(origin)
        }
        self.exposes_all = any(options.expose_headers == "*" for options in config.values())

    def __bool__(self) -> bool:
        """Whether any origin is listed: if none is, nothing depends on it."""
        return bool(self._config)

    def options_for(self, origin: str) -> ResourceOptions | None:
        """What an origin may do; ``None`` for one that may do nothing."""
        return self._config.get(origin, self._anybody) if may_be_sent(origin) else None

    def fields_for_others(self, origin: str) -> Fields:
        """The fields for an origin that is not listed; none for one that is not allowed."""
        if self._anybody is None or not may_be_sent(origin):
            return ()
        return ((hdrs.ACCESS_CONTROL_ALLOW_ORIGIN, origin), *self._tail)

    def expose_all(self, origin: str, response: CIMultiDict[str]) -> None:
        """Name in a response's headers all of them, if that is what an origin may read."""
        options = self.options_for(origin)
        if options is not None and options.expose_headers == "*":
            names = dict.fromkeys(name for name in response if name.lower() not in NEVER_EXPOSED)
            response[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = ",".join(names)


def merge_vary(response: CIMultiDict[str]) -> None:
    """Name Origin in the Vary that a response has, in however many lines."""
    response[hdrs.VARY] = _with_origin(", ".join(response.getall(hdrs.VARY)))


def _tail(options: ResourceOptions) -> Fields:
    """What follows Access-Control-Allow-Origin, as far as it is the same for each response."""
    credentials = "true" if options.allow_credentials else None
    tail: list[Field] = [(hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS, credentials)]
    if options.expose_headers != "*":
        names = ",".join(sorted(options.expose_headers)) or None
        tail.append((hdrs.ACCESS_CONTROL_EXPOSE_HEADERS, names))
    return tuple(tail)


@lru_cache(_VARY_KEPT)
def _with_origin(value: str) -> str:
    return merged_vary(value, (hdrs.ORIGIN,))


def may_be_sent(origin: str) -> bool:
    """Whether a browser sends this as an Origin: nothing else is ever echoed."""
    return is_origin(origin) or origin == FILE
