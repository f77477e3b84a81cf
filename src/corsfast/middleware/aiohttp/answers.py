"""What is sent for the origins of one configuration, spelt before it is asked for.

Place in the flow: options -> this -> config, preflight.
Never: look at a route; raise for anything that a request holds.
"""

from __future__ import annotations

from functools import lru_cache

from aiohttp import hdrs

from ...fields import merged_vary
from .._schemes import may_be_sent
from .._vary import VARY_KEPT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multidict import CIMultiDict

    from .options import Config, ResourceOptions

    # Fields that a response gets, and names of those that it may not keep.
    Fields = tuple[tuple[tuple[str, str], ...], tuple[str, ...]]

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

NO_FIELDS: Fields = ((), ())  # for an origin that is not allowed


class Answers:
    """What a response gets, by its request's Origin.

    Attributes:
        fields: by origin, for each that is listed and can be sent: what its responses get, and
            which of the handler's own may not stay.
        exposes_all: whether some origins get ``expose_headers="*"``.
    """

    __slots__ = ("_anybody", "_config", "_for_others", "exposes_all", "fields")

    def __init__(self, config: Config) -> None:
        self._config = config
        self._anybody = config.get("*")
        self._for_others = NO_FIELDS if self._anybody is None else _fields("", self._anybody)
        self.fields = {
            origin: _fields(origin, options)
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
            return NO_FIELDS
        (_, *tail), unwanted = self._for_others
        return ((hdrs.ACCESS_CONTROL_ALLOW_ORIGIN, origin), *tail), unwanted

    def expose_all(self, origin: str, response: CIMultiDict[str]) -> None:
        """Name in a response's headers all of them, if that is what an origin may read."""
        options = self.options_for(origin)
        if options is not None and options.expose_headers == "*":
            names = dict.fromkeys(name for name in response if name.lower() not in NEVER_EXPOSED)
            response[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = ",".join(names)


def merge_vary(response: CIMultiDict[str]) -> None:
    """Name Origin in the Vary that a response has, in however many lines."""
    response[hdrs.VARY] = _with_origin(", ".join(response.getall(hdrs.VARY)))


def _fields(origin: str, options: ResourceOptions) -> Fields:
    fields = [(hdrs.ACCESS_CONTROL_ALLOW_ORIGIN, origin)]
    unwanted = []
    if options.allow_credentials:
        fields.append((hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"))
    else:
        unwanted.append(hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS)
    if not options.expose_headers:
        unwanted.append(hdrs.ACCESS_CONTROL_EXPOSE_HEADERS)
    elif options.expose_headers != "*":
        names = ",".join(sorted(options.expose_headers))
        fields.append((hdrs.ACCESS_CONTROL_EXPOSE_HEADERS, names))
    return tuple(fields), tuple(unwanted)


@lru_cache(VARY_KEPT)
def _with_origin(value: str) -> str:
    return merged_vary(value, (hdrs.ORIGIN,))
