"""The response fields for the origins of one configuration, compiled before the first request."""

from __future__ import annotations

from functools import lru_cache

from aiohttp import hdrs
from multidict import CIMultiDict

from ..._engine.headers import VARY_KEPT, merged_vary
from ..._engine.select import Policy
from ..._options.origin import is_origin
from ...decision import Outcome
from .._dropin.non_web_origins import may_be_sent
from .._dropin.policy import lenient_tables
from .._generic.cross_site import CrossSiteGuard
from .._generic.refused_log import Listed, Refused, RefusedLog
from .options import NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .options import Config, ResourceOptions

    # Fields that a response gets, and names of fields that it may not keep. The
    # fields are in the type of a response's headers, so their names need not be parsed again.
    Fields = tuple[CIMultiDict[str], tuple[str, ...]]

ORIGIN, VARY = hdrs.ORIGIN, hdrs.VARY
_ORIGIN_NAME = "Origin"
# An origin that is not allowed does not get the permissions that a handler set itself.
_REFUSED: Fields = (
    CIMultiDict(),
    (
        hdrs.ACCESS_CONTROL_ALLOW_ORIGIN,
        hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS,
        hdrs.ACCESS_CONTROL_EXPOSE_HEADERS,
    ),
)

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


class ResponseFields:
    """The fields of responses, by the Origin of the request.

    Attributes:
        fields: for each listed origin that can be sent: the fields of its responses, and the
            names of the handler's own fields that are removed.
        any_origin: the options of origins that are not listed; ``None`` allows them nothing.
        exposes_all: whether some origins get ``expose_headers="*"``.
    """

    __slots__ = ("_config", "_for_others", "_log", "any_origin", "exposes_all", "fields")

    def __init__(self, config: Config) -> None:
        self._config = config
        self._log: tuple[Policy, RefusedLog] | None = None
        self.any_origin: Any = config.get("*")
        self._for_others = None if self.any_origin is None else _fields("", self.any_origin)
        self.fields: dict[str, Any] = {
            origin: _fields(origin, options)
            for origin, options in config.items()
            if may_be_sent(origin)
        }
        self.exposes_all: bool = any(options.expose_headers == "*" for options in config.values())

    def __bool__(self) -> bool:
        """Return whether any origin is listed; if not, nothing depends on the origin."""
        return bool(self._config)

    def options_for(self, origin: str) -> ResourceOptions | None:
        """Return the options of an origin, or ``None`` if it is not allowed anything."""
        return self._config.get(origin, self.any_origin) if may_be_sent(origin) else None

    def fields_for_others(self, origin: str) -> Fields | None:
        """Return the fields for an unlisted origin, or ``None`` if it is not allowed."""
        if self._for_others is None or not may_be_sent(origin):
            return None
        fields, unwanted = self._for_others
        fields = fields.copy()
        fields[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        return fields, unwanted

    def write(self, asked: Any, headers: CIMultiDict[str], request: Any) -> None:
        """Write the fields into a response's headers, by the headers of its request.

        They replace the handler's own. Otherwise the handler's Allow-Credentials could combine
        with the origin that is allowed here, and allow more than either of them does alone.
        """
        if ORIGIN in asked:
            lines = asked.getall(ORIGIN)
            found = None
            # With two Origin lines the origin is ambiguous, so nothing is allowed.
            if len(lines) == 1:
                found = self.fields.get(lines[0]) or self.fields_for_others(lines[0])
            if found is None:
                found = _REFUSED
                self.log_refusal(request, ",".join(lines))
            elif self.exposes_all:
                self.expose_all(lines[0], headers)
            fields, unwanted = found
            headers.update(fields)
            for name in unwanted:
                headers.popall(name, None)
        if headers.setdefault(VARY, _ORIGIN_NAME) is not _ORIGIN_NAME:
            headers[VARY] = _with_origin(", ".join(headers.getall(VARY)))

    def log_refusal(
        self,
        request: Any,
        origin: str,
        refused: Refused | None = None,
        listed: Listed | None = None,
    ) -> None:
        """Log a refused origin, or what a preflight of an allowed origin may not ask for.

        Args:
            listed: the allowed methods or header names.
        """
        refused = refused or Refused(origin, Outcome.ORIGIN_NOT_ALLOWED)
        host = request.headers.get(hdrs.HOST)
        self._logged()[1].write(refused, host, request.method, request.path, listed)

    def _logged(self) -> tuple[Policy, RefusedLog]:
        """Return a policy of the listed origins, and its log. They are made at first use."""
        if self._log is None:
            origins = {"origins": [*filter(is_origin, self._config)]}
            tables = lenient_tables(NAME, origins, credentials=False, tell=lambda *_: None)
            policy = Policy._from_tables(tables)
            self._log = policy, RefusedLog(policy)
        return self._log

    def guard(self, word: str) -> CrossSiteGuard:
        """Return a guard that lets the listed origins send requests."""
        return CrossSiteGuard(*self._logged(), word)

    def expose_all(self, origin: str, response: CIMultiDict[str]) -> None:
        """Expose all headers of a response by name, if the origin may read all of them."""
        options = self.options_for(origin)
        if options is not None and options.expose_headers == "*":
            names = dict.fromkeys(name for name in response if name.lower() not in NEVER_EXPOSED)
            response[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = ",".join(names)


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
    return CIMultiDict(fields), tuple(unwanted)


@lru_cache(VARY_KEPT)
def _with_origin(value: str) -> str:
    return merged_vary(value, (ORIGIN,))
