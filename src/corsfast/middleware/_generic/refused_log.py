"""Log each distinct refusal once, to "corsfast.refused": what is refused, and what would allow it.

A known refusal costs one look-up in a dict. The near misses are searched only for a line that is
written, so requests cannot cause more searches than lines.
"""

from __future__ import annotations

import logging

from ..._engine.headers import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    allows_method,
    joined_lines,
    names_not_allowed,
    requested_names,
)
from ..._options.fetch import OWS
from ..._options.limits import MAX_HEADER_LIST, MAX_METHOD, MAX_ORIGIN
from ..._options.patterns import ORIGINS
from ..._options.records import NamedTuple
from ..._options.same_origin import same_origin
from ...decision import Outcome
from .limited_log import LimitedLog, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from ..._engine.select import Policy
    from ..._proofs.near_miss import NearMiss
    from .sent import Sent


class Refused(NamedTuple):
    """The parts of a refused request, as the framework gives them.

    ``method`` and ``names`` are those that a preflight asks for.
    """

    origin: str
    outcome: Outcome
    method: str | None = None
    names: str | None = None


class Listed(NamedTuple):
    """The methods or header names that a drop-in allows, and its option for them."""

    option: str
    entries: Collection[str]


_PAGE = "See docs/refused.md"
# The end of each line about a refusal: the page, and a command of the installed package.
MORE = f"{_PAGE}, or pipe this line to: corsfast explain"

# The distinct refusals that are remembered of each policy. After that, the oldest is forgotten,
# so that a flood of others cannot keep a real one from being logged.
MAX_KNOWN = 256

# The entries of a policy that a refused origin is compared with for a line. A million of them would
# take ten seconds of the event loop, and `re` compiles more patterns than this each time.
MAX_COMPARED = 500

# Refusals of lists of header names are compared by this many characters.
_MAX_NAMES = 512

_ASKED_FIELDS = (b"access-control-request-method", b"access-control-request-headers")
_ASKED = ("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "HTTP_ACCESS_CONTROL_REQUEST_HEADERS")

# One limit for all policies of the process.
_log = LimitedLog("corsfast.refused")


class RefusedLog:
    """The log of the refusals of one policy.

    Args:
        policy: the policy; its tables are read only for a line.
    """

    __slots__ = ("_known", "_policy")

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._known: dict[tuple[str | None, ...], None] = {}

    def write(
        self,
        refused: Refused,
        host: str | None,
        method: object,
        path: object,
        listed: Listed | None = None,
    ) -> None:
        """Log a refusal, unless it is known or same-origin. No error reaches the request.

        Browsers send Origin with a same-origin POST, and such a request needs no permission.

        Args:
            host: the value of Host.
            listed: the allowed methods or names, if they are not those of the policy. `refused`
                then has one name.
        """
        try:
            self._write(refused, host, method, path, listed)
        except Exception as error:
            name = type(error).__name__
            _log.write(logging.ERROR, "a refusal cannot be logged because of a %s", name)

    def write_preflight(
        self,
        asked: Refused,
        host: str | None,
        path: object,
        sent: Any,
        methods: Listed,
        names: Listed,
    ) -> None:
        """Log a preflight of an allowed origin if its answer makes a browser refuse the request.

        Args:
            asked: what the preflight asks for. Its outcome is METHOD_NOT_ALLOWED if the answer has
                no lists because of the method.
            sent: the fields of the answer, by names in lower case.
            methods: the configured methods, as the drop-in compares them.
            names: the configured header names.
        """
        missing = _uncovered(asked, sent)
        if missing is None:
            return
        if missing == "" or asked.outcome is Outcome.METHOD_NOT_ALLOWED:
            refused = Refused(asked.origin, Outcome.METHOD_NOT_ALLOWED, asked.method)
            listed = methods
        else:
            refused = Refused(asked.origin, Outcome.HEADER_NOT_ALLOWED, None, missing)
            listed = names
        self.write(refused, host, "OPTIONS", path, listed)

    def write_forged(self, sent: Sent, refused: bool) -> None:
        """Log a request that another site has forged, unless it is known."""
        try:
            self._write_forged(sent, refused)
        except Exception as error:
            name = type(error).__name__
            _log.write(logging.ERROR, "a refusal cannot be logged because of a %s", name)

    def _write_forged(self, sent: Sent, refused: bool) -> None:
        origin, site = sent.origin, sent.site
        # Such an origin cannot be listed, so the paths that need an exception are all logged.
        path = shown(sent.path) if origin in (None, "null") else None
        key = ("forged", origin and origin[: MAX_ORIGIN + 1], site and site[:MAX_METHOD], path)
        if not self._is_new(key):
            return
        if origin is not None:
            # Most drop-ins also apply their lists to this request, and one line says it all.
            self._remember(_key(Refused(origin, Outcome.ORIGIN_NOT_ALLOWED)))
        tables = self._policy._tables
        if origin is None:
            reason = "there is no Origin."
        elif tables.takes_any:
            reason = f"'*' lets no other site write; list its origin in {ORIGINS}."
        else:
            reason = self._reason(Refused(origin, Outcome.ORIGIN_NOT_ALLOWED), None)
        _log.send(
            logging.WARNING,
            "%s %s from %s is %s as a cross-site request: Sec-Fetch-Site is %s, and %s %s",
            shown(sent.method or None, quotes=False),
            shown(sent.path),
            shown(origin),
            "refused" if refused else "reported",
            "missing" if site is None else shown(site),
            reason,
            MORE,
        )

    def _is_new(self, key: tuple[str | None, ...]) -> bool:
        """Remember a refusal, and return whether it is logged."""
        if key in self._known or not _log.accepts(logging.WARNING):
            return False
        self._remember(key)
        return True

    def _remember(self, key: tuple[str | None, ...]) -> None:
        known = self._known
        if len(known) >= MAX_KNOWN:
            oldest, *_ = known  # one step, because another thread may change the dict
            known.pop(oldest, None)
        known[key] = None

    def _write(
        self,
        refused: Refused,
        host: str | None,
        method: object,
        path: object,
        listed: Listed | None,
    ) -> None:
        if same_origin(refused.origin, host) or not self._is_new(_key(refused)):
            return
        _log.send(
            logging.WARNING,
            "%s %s from %s is refused: %s %s",
            shown(method, quotes=False),
            shown(path),
            shown(refused.origin),
            self._reason(refused, listed),
            MORE,
        )

    def write_asgi(self, outcome: Outcome, scope: Any, is_preflight: bool = False) -> None:
        """Log the refusal of a scope."""
        headers = scope["headers"]
        origin = _text(headers, b"origin") or ""
        asked = [_text(headers, name) for name in _ASKED_FIELDS] if is_preflight else ()
        refused = Refused(origin, outcome, *asked)
        if _key(refused) not in self._known:
            host = _text(headers, b"host")
            self.write(refused, host, scope.get("method", scope["type"]), scope.get("path"))

    def write_wsgi(self, outcome: Outcome, environ: Any, is_preflight: bool = False) -> None:
        """Log the refusal of an environ."""
        refused = asked_in(environ, outcome, _ASKED if is_preflight else ())
        path = environ.get("PATH_INFO")
        self.write(refused, environ.get("HTTP_HOST"), environ.get("REQUEST_METHOD"), path)

    def _reason(self, refused: Refused, listed: Listed | None) -> str:
        """Return what is refused, and what would allow it, as one or two sentences."""
        from ..._proofs.near_miss import near_header, near_method, near_origins

        tables = self._policy._tables
        outcome, spec = refused.outcome, tables.spec
        if outcome.value.startswith("origin"):
            # The spec of a drop-in has these two as well.
            option = getattr(spec, "option", ORIGINS)
            unmatchable = getattr(spec, "unmatchable", ())
            lists = (spec.exact, spec.rules, spec.globs, spec.regexes, unmatchable)
            if sum(map(len, lists)) > MAX_COMPARED:
                return f"the origin {shown(refused.origin)} is not in {option}."
            miss = near_origins(refused.origin, spec, unmatchable)[0]
            return _sentences("the origin", refused.origin, miss, option)
        if outcome is Outcome.METHOD_NOT_ALLOWED and refused.method is not None:
            methods = listed or Listed("allow_methods", tables.methods)
            miss = near_method(refused.method, methods.entries)
            return _sentences("the method", refused.method, miss, methods.option)
        if listed is not None and refused.names is not None:
            names = {entry.lower() for entry in listed.entries}
            miss = near_header(refused.names, names, "*" in names)
            return _sentences("the header", refused.names, miss, listed.option)
        if outcome is Outcome.HEADER_NOT_ALLOWED and refused.names is not None:
            for name in filter(None, (part.strip(OWS) for part in refused.names.split(","))):
                if not tables.allows_header(name.lower()):
                    miss = near_header(name, tables.header_names, tables.any_header)
                    return _sentences("the header", name, miss, "allow_headers")
        return f"no browser sends such a preflight ({outcome.value})."


_REJECTIONS = (401, 403, 404, 405)

_logged: list[int] = []  # the status that was logged, if any


def log_rejected_preflight(status: int, path: object) -> None:
    """Log, once per process, that the application itself rejects an allowed preflight."""
    if status in _REJECTIONS and not _logged and _log.accepts(logging.WARNING):
        _logged.append(status)
        _log.send(
            logging.WARNING,
            "the application answers the preflight of %s with %d, so browsers refuse the request."
            " A preflight has no credentials: let OPTIONS pass before authentication. %s",
            shown(path),
            status,
            _PAGE,
        )


def asked_in(environ: Any, outcome: Outcome, fields: tuple[str, ...] = _ASKED) -> Refused:
    """Return what an environ asks for, in these fields of a preflight."""
    origin = environ.get("HTTP_ORIGIN")
    return Refused(origin if isinstance(origin, str) else "", outcome, *map(environ.get, fields))


def _text(headers: Any, name: bytes) -> str | None:
    """Return the value of a field, as far as an engine reads it."""
    value = joined_lines(headers, name)
    return None if value is None else value[: MAX_HEADER_LIST + 1].decode("latin-1")


def _key(refused: Refused) -> tuple[str | None, ...]:
    """Return what makes a refusal distinct, limited in length. The policy decides the outcome."""
    origin, _, method, names = refused
    return origin[: MAX_ORIGIN + 1], method and method[:MAX_ORIGIN], names and names[:_MAX_NAMES]


def _uncovered(asked: Refused, sent: Any) -> str | None:
    """Return the first header name that an answer does not cover, or "" for the method.

    ``None`` if everything is covered, or if no browser sends such a preflight. A browser asks only
    for names that need permission (https://fetch.spec.whatwg.org/#cors-preflight-fetch).
    """
    # A drop-in that echoes the names sends what was asked.
    echoes = asked.names == sent.get(ALLOW_HEADERS)
    wanted = [] if echoes else requested_names(asked.names or "")
    if not asked.method or len(asked.method) > MAX_METHOD or wanted is None:
        return None
    credentials = sent.get(ALLOW_CREDENTIALS) == "true"
    if not allows_method(listed_in(sent.get(ALLOW_METHODS)), asked.method, credentials):
        return ""
    listed = {name.lower() for name in listed_in(sent.get(ALLOW_HEADERS))}
    return next(names_not_allowed(listed, wanted, credentials), None)


def listed_in(value: str | None) -> list[str]:
    """Return the elements of a field value."""
    return [element.strip(OWS) for element in (value or "").split(",")]


def _sentences(what: str, value: str, miss: NearMiss, option: str) -> str:
    # `why` is about the value if there is no entry, or if the origin is spelled wrong.
    if miss.entry is None or (what == "the origin" and miss.send is not None):
        text = f"{what} {shown(value)} is {miss.why}."
    else:
        text = (
            f"{what} {shown(value)} is not allowed; {option} has {shown(miss.entry)}, {miss.why}."
        )
    if miss.kind == "null":
        return f"{text} Load the page from a server with an origin."
    if miss.send is not None:
        text += f" Send {shown(miss.send)}"
        return f"{text}, and add it to {option}." if miss.add is not None else f"{text}."
    if miss.add is None:
        return text
    if miss.is_own or what != "the origin":
        return f"{text} To allow it, add {shown(miss.add)} to {option}."
    return f"{text} If it is yours, add {shown(miss.add)} to {option}."
