"""The response fields for the origins of one configuration, compiled before the first request."""

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

    # Fields that a response gets, including Vary, and names of fields that it may not keep. The
    # fields are in the type of a response's headers, so their names need not be parsed again.
    Fields = tuple[CIMultiDict[str], tuple[str, ...]]

# The headers that `expose_headers="*"` leaves out: those that pages may read in any case
# (https://www.w3.org/TR/2020/SPSD-cors-20200602/#simple-response-header), and the CORS headers.
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
    """The fields of responses, by the Origin of the request.

    Attributes:
        fields: for each listed origin that can be sent: the fields of its responses, and the
            names of the handler's own fields that are removed.
        anybody: the options of origins that are not listed; ``None`` allows them nothing.
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
        """Return whether any origin is listed; if not, nothing depends on the origin."""
        return bool(self._config)

    def options_for(self, origin: str) -> ResourceOptions | None:
        """Return the options of an origin, or ``None`` if it is not allowed anything."""
        return self._config.get(origin, self.anybody) if may_be_sent(origin) else None

    def fields_for_others(self, origin: str) -> Fields | None:
        """Return the fields for an unlisted origin, or ``None`` if it is not allowed."""
        if self._for_others is None or not may_be_sent(origin):
            return None
        fields, unwanted = self._for_others
        fields = fields.copy()
        fields[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        return fields, unwanted

    def expose_all(self, origin: str, response: CIMultiDict[str]) -> None:
        """Expose all headers of a response by name, if the origin may read all of them."""
        options = self.options_for(origin)
        if options is not None and options.expose_headers == "*":
            names = dict.fromkeys(name for name in response if name.lower() not in NEVER_EXPOSED)
            response[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = ",".join(names)


def merge_vary(response: CIMultiDict[str], lines: list[str]) -> None:
    """Set a response's Vary to its old lines and Origin, joined to one line."""
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
