"""What is sent for the origins of one configuration, spelt before it is asked for.

Place in the flow: options -> this -> config, preflight.
Never: look at a route; raise for anything that a request holds.
"""

from __future__ import annotations

from functools import lru_cache

from aiohttp import hdrs
from multidict import CIMultiDict

from ..._engine.headers import merged_vary
from .._dropin.non_web_origins import may_be_sent
from .._dropin.vary import VARY_KEPT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .options import Config, ResourceOptions

    # Fields that a response gets, Vary among them, and names of those that it may not keep. The
    # former in what a response keeps its own in: then their names need not be looked at again.
    Fields = tuple[CIMultiDict[str], tuple[str, ...]]

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


class Answers:
    """What a response gets, by its request's Origin.

    Attributes:
        fields: by origin, for each that is listed and can be sent: what its responses get, and
            which of the handler's own may not stay.
        anybody: what an origin may do that is not listed; ``None``: nothing.
        exposes_all: whether some origins get ``expose_headers="*"``.
    """

    __slots__ = ("_config", "_for_others", "anybody", "exposes_all", "fields")

    def __init__(self, config: Config) -> None:
        self._config = config
        self.anybody = config.get("*")
        self._for_others = None if self.anybody is None else _fields("", self.anybody)
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
        return self._config.get(origin, self.anybody) if may_be_sent(origin) else None

    def fields_for_others(self, origin: str) -> Fields | None:
        """The fields for an origin that is not listed; ``None`` for one that is not allowed."""
        if self._for_others is None or not may_be_sent(origin):
            return None
        fields, unwanted = self._for_others
        fields = fields.copy()
        fields[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        return fields, unwanted

    def expose_all(self, origin: str, response: CIMultiDict[str]) -> None:
        """Name in a response's headers all of them, if that is what an origin may read."""
        options = self.options_for(origin)
        if options is not None and options.expose_headers == "*":
            names = dict.fromkeys(name for name in response if name.lower() not in NEVER_EXPOSED)
            response[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = ",".join(names)


def merge_vary(response: CIMultiDict[str], lines: list[str]) -> None:
    """Name Origin in a response's Vary, which was in that many lines."""
    response[hdrs.VARY] = _with_origin(", ".join(lines))


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
    fields.append((hdrs.VARY, hdrs.ORIGIN))
    return CIMultiDict(fields), tuple(unwanted)


@lru_cache(VARY_KEPT)
def _with_origin(value: str) -> str:
    return merged_vary(value, (hdrs.ORIGIN,))
