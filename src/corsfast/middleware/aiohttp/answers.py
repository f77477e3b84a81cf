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
    from multidict import CIMultiDict, CIMultiDictProxy

    from ..._compile import is_origin
    from .options import Config, ResourceOptions
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

_ORIGIN_NAME = "Origin"


class Answers:
    """What a response gets, by its request's Origin.

    Attributes:
        listed: the options of each origin that is listed, and can be sent.
        anybody: those of all others, or ``None``.
    """

    __slots__ = ("_anybody", "_listed", "anybody", "listed")

    def __init__(self, config: Config) -> None:
        self.listed = {o: options for o, options in config.items() if may_be_sent(o)}
        self.anybody = config.get("*")
        self._listed = {
            origin: (options, ((hdrs.ACCESS_CONTROL_ALLOW_ORIGIN, origin), *_tail(options)))
            for origin, options in self.listed.items()
        }
        self._anybody = None if self.anybody is None else (self.anybody, _tail(self.anybody))

    def __bool__(self) -> bool:
        """Whether any origin is allowed: if none is, nothing depends on it."""
        return bool(self.listed) or self.anybody is not None

    def options_for(self, origin: str) -> ResourceOptions | None:
        """What an origin may do; ``None`` for one that may do nothing."""
        options = self.listed.get(origin)
        if options is None and self.anybody is not None and may_be_sent(origin):
            options = self.anybody
        return options

    def write(self, request: CIMultiDictProxy[str], response: CIMultiDict[str]) -> None:
        """Add to a response's headers what is to be said to a request with these.

        A field of the handler's own gives way where the origin is allowed, and stays where
        it is not.
        """
        origin = request.get(hdrs.ORIGIN)
        if origin is not None:
            allowed = self._listed.get(origin)
            # A second Origin line leaves open who asks, so nobody is allowed.
            if allowed is not None:
                if len(request.getall(hdrs.ORIGIN)) == 1:
                    _add(allowed, response)
            elif self._anybody is not None and (
                may_be_sent(origin) and len(request.getall(hdrs.ORIGIN)) == 1
            ):
                _add(self._anybody, response)
                response[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        vary = response.setdefault(hdrs.VARY, _ORIGIN_NAME)
        if vary is not _ORIGIN_NAME:
            response[hdrs.VARY] = _with_origin(", ".join(response.getall(hdrs.VARY)))


def _add(
    allowed: tuple[ResourceOptions, tuple[tuple[str, str], ...]], response: CIMultiDict[str]
) -> None:
    options, fields = allowed
    if options.expose_headers == "*":
        names = dict.fromkeys(name for name in response if name.lower() not in NEVER_EXPOSED)
        if names:
            response[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = ",".join(names)
    for name, value in fields:
        response[name] = value


def _tail(options: ResourceOptions) -> tuple[tuple[str, str], ...]:
    """What follows Access-Control-Allow-Origin, as far as it is the same for each response."""
    fields = []
    if options.allow_credentials:
        fields.append((hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"))
    if options.expose_headers and options.expose_headers != "*":
        fields.append(
            (hdrs.ACCESS_CONTROL_EXPOSE_HEADERS, ",".join(sorted(options.expose_headers)))
        )
    return tuple(fields)


@lru_cache(_VARY_KEPT)
def _with_origin(value: str) -> str:
    return merged_vary(value, (_ORIGIN_NAME,))


def may_be_sent(origin: str) -> bool:
    """Whether a browser sends this as an Origin: nothing else is ever echoed."""
    return is_origin(origin) or origin == FILE
