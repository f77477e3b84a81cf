"""The common base of the drop-ins for Starlette and Litestar, which wrap ASGI applications.

    preflight ---allowed, answer compiled----------------------------> its answer
         \\---rejected, or answered per request, or for a
             private network-----------------------------------------> Preflights.answer
    everything else --------------------------------------------------> the fast path of ASGICall

Nothing that a request contains may raise here, because the client would get a 500.
"""

from __future__ import annotations

from typing import NamedTuple

from ..._engine.headers import joined_lines, requested_names
from ..._engine.select import Policy
from ..._options.fetch import REQUEST_HEADERS, REQUEST_METHOD
from ..._options.spec import wrong_header
from ..._proofs.ineffective import (
    wrong_exact_method,
    wrong_exposed_with,
    wrong_flags,
    wrong_seconds,
)
from .._generic.cross_site import body_for, checked, guard_of, messages_of_403
from .._generic.engine import ASGICall
from .._generic.handlers import content, send_both
from .._generic.refused_log import RefusedLog
from .._generic.sent import sent_asgi
from .messages import regex_from
from .policy import lenient_tables, read_list, read_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Any

    from ..._engine.select import Decision
    from ..._engine.tables import RawHeaders, Tables
    from ..._proofs.dialect import Dialect
    from ..._proofs.ineffective import Wrong
    from ...errors import Problem
    from .._generic.cross_site import CrossSiteGuard
    from .._generic.handlers import App, Receive, Scope, Send

_ASKED = (b"origin", REQUEST_METHOD.lower().encode(), REQUEST_HEADERS.lower().encode())

# The names that both allow in addition to `allow_headers`.
SAFELISTED_HEADERS = ("Accept", "Accept-Language", "Content-Language", "Content-Type")


class Asked(NamedTuple):
    """The origin, method and header names of a preflight."""

    origin: bytes
    method: str
    names: list[str] | None  # None => the list is not valid; no browser sends such a list


class Preflights:
    """A drop-in's policy, and the answers to preflights that this policy cannot give.

    Args:
        tables: the tables of the policy.
        every: whether every preflight is answered here, because no policy gives such answers.
        cross_site: the drop-in's option.
    """

    def __init__(self, tables: Tables, *, every: bool, cross_site: object) -> None:
        self.tables = tables
        self.policy: Policy = Policy._from_tables(tables)
        self.every = every
        self.log: RefusedLog = RefusedLog(self.policy)
        self.guard: CrossSiteGuard | None = guard_of(self.policy, self.log, checked(cross_site))

    def answer(
        self, decision: Decision, scope: Scope, _receive: Receive, send: Send
    ) -> Awaitable[None]:
        """Answer a preflight that the policy alone cannot answer."""
        if not decision.allowed:
            self.log.write_asgi(decision.outcome, scope, is_preflight=True)
        return (self.allow if decision.allowed else self.refuse)(decision, scope, send)

    def pass_on(
        self, decision: Decision, scope: Scope, receive: Receive, send: Send
    ) -> Awaitable[None] | None:
        """Log a refused actual request, which the application answers unless it is forged."""
        if self.guard is not None and self.guard.is_forged(sent_asgi(scope)):
            return self.forged(decision, scope, receive, send)
        self.log.write_asgi(decision.outcome, scope)
        return None

    def forged(
        self, decision: Decision, scope: Scope, _receive: Receive, send: Send
    ) -> Awaitable[None] | None:
        """Answer 403 to a forged request; return ``None`` if it is only reported."""
        assert self.guard is not None
        sent = sent_asgi(scope)
        if not self.guard.refuses_forged(sent):
            return None
        return send_both(send, *messages_of_403(decision, body_for(sent)))

    def allow(self, decision: Decision, scope: Scope, send: Send) -> Awaitable[None]:
        raise NotImplementedError

    def refuse(self, decision: Decision, scope: Scope, send: Send) -> Awaitable[None]:
        raise NotImplementedError

    def rejected(self, decision: Decision, request: Asked, parts: tuple[str, ...]) -> list[str]:
        """Return which of these parts are not allowed: the origin, method and headers."""
        tables, names = self.tables, request.names
        allowed = {
            "origin": not decision.outcome.value.startswith("origin"),
            "method": tables.any_method or request.method in tables.methods,
            "headers": names is not None
            and (tables.any_header or tables.header_names.issuperset(map(str.lower, names))),
        }
        return [part for part in parts if not allowed[part.lower()]]


class ASGIDropIn(ASGICall):
    """An ASGI 3 application that wraps another one, like the originals.

    WebSocket handshakes are passed on unchanged.

    Args:
        app: the ASGI application.
        preflights: the policy and the answers to preflights.
        body: the body of the answer to an allowed preflight, as plain text.
        private_network: whether `preflights` answers all preflights for a private network.
    """

    def __init__(
        self, app: App, preflights: Preflights, *, body: bytes = b"", private_network: bool = False
    ) -> None:
        super().__init__(
            app,
            preflights.policy,
            body=body,
            on_handshake=app,
            on_allowed_preflight=preflights.answer if preflights.every else None,
            on_private_network=preflights.answer if private_network else None,
            on_refused_preflight=preflights.answer,
            on_refused=preflights.pass_on,
            on_forged=None if preflights.guard is None else preflights.forged,
        )
        self._preflights = preflights
        # Servers look for a coroutine function on the object, callers on the class; see asgi.py.
        self.__dict__["__call__"] = self._call_as_coroutine

    async def _call_as_coroutine(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self(scope, receive, send)

    @property
    def policy(self) -> Policy:
        """The policy in force. Read-only."""
        return self._preflights.policy

    def is_allowed_origin(self, origin: str) -> bool:
        """Return whether the policy allows an origin; a preflight may still be rejected."""
        return self._preflights.policy.allows_origin(origin)


class CommonOptions:
    """The options that both originals have.

    Args:
        name: the drop-in.
        given: an object with the options as attributes.
        entries: the entries of `allow_origins`.
        problems: those that were found before.
        flags: the options that hold a bool.
    """

    def __init__(
        self,
        name: str,
        given: Any,
        entries: list[Any],
        problems: list[Problem],
        *,
        flags: tuple[str, ...],
        strict: bool,
        dialect: Dialect,
    ) -> None:
        self._problems = [*problems]
        self.credentials = bool(given.allow_credentials)
        origins = {"allow_origins": entries}
        if given.allow_origin_regex is not None:
            origins["allow_origin_regex"] = [
                regex_from("allow_origin_regex", given.allow_origin_regex)
            ]
        self.methods = self._names("allow_methods", given.allow_methods, wrong_exact_method)
        self.names = self._names("allow_headers", given.allow_headers, wrong_header)
        exposed = wrong_exposed_with(self.credentials)
        self.exposed = self._names("expose_headers", given.expose_headers, exposed)
        self.max_age = str(given.max_age)
        self._problems += wrong_flags((flag, getattr(given, flag)) for flag in flags)
        self._problems += wrong_seconds("max_age", given.max_age, self.max_age)
        self.tables = lenient_tables(
            name,
            origins,
            credentials=self.credentials,
            strict=strict,
            also=self._problems,
            dialect=dialect,
            given=given.allow_origins,
        )

    def _names(self, option: str, value: Any, wrong: Wrong) -> list[str]:
        entries, found = read_list(option, value, wrong)
        names, more = read_names(option, entries, wrong)
        self._problems += found + more
        return names


def asked(scope: Scope) -> Asked:
    """Read a preflight again, for its answer."""
    origin, method, names = (joined_lines(scope["headers"], name) or b"" for name in _ASKED)
    return Asked(origin, method.decode("latin-1"), requested_names(names.decode("latin-1")))


def plain_text(status: int, body: bytes) -> RawHeaders:
    """Return the fields that describe the body of an answer."""
    return tuple((k.lower().encode(), v.encode()) for k, v in content(status, body))


async def respond(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Send a whole response."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
