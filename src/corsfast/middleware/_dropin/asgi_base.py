"""The common base of the drop-ins for Starlette and Litestar, which wrap ASGI applications.

    preflight ---allowed, answer compiled------------------> its answer
         \\---rejected, or answer made per request---------> the drop-in's `on_preflight`
         \\---allowed, but asks for a private network------> the drop-in's `on_private_network`
    everything else ------------------------------------------> the fast path of ASGICall

Nothing that a request contains may raise here, because the client would get a 500.
"""

from __future__ import annotations

from collections import namedtuple

from ..._engine.headers import joined_lines, requested_names
from .._generic.engine import ASGICall
from .._generic.handlers import content
from .policy import read_list, read_names, variant_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple

    from ..._engine.select import Policy
    from ..._engine.tables import RawHeaders
    from ..._proofs.ineffective import Wrong
    from ...errors import Problem
    from .._generic.handlers import App, Receive, Refusal, Scope, Send
    from .policy import Tables

    class Asked(NamedTuple):
        """The origin, method and header names of a preflight."""

        origin: bytes
        method: str
        names: list[str] | None  # None => the list is not valid; no browser sends such a list

else:
    Asked = namedtuple("Asked", ("origin", "method", "names"))

__all__ = ["SAFELISTED_HEADERS", "ASGIDropIn", "asked", "names_of", "plain_text", "respond"]

_ASKED = (b"origin", b"access-control-request-method", b"access-control-request-headers")

# The names that both allow in addition to `allow_headers`.
SAFELISTED_HEADERS = ("Accept", "Accept-Language", "Content-Language", "Content-Type")


class ASGIDropIn(ASGICall):
    """An ASGI 3 application that wraps another one, like the originals.

    WebSocket handshakes are passed on unchanged.

    Args:
        app: the ASGI application.
        policy: the drop-in's policy.
        tables: the tables that the policy was made from.
        on_preflight: `(decision, scope, receive, send)`, answers rejected preflights.
        each: whether `on_preflight` answers allowed preflights, too. Then its decision has no
            meaning, because it comes from a policy that rejects all preflights.
        body: the body of the answer to an allowed preflight, as plain text.
        on_private_network: answers allowed preflights that ask for a private network.
    """

    def __init__(
        self,
        app: App,
        policy: Policy,
        tables: Tables,
        on_preflight: Refusal,
        *,
        each: bool,
        body: bytes = b"",
        on_private_network: Refusal | None = None,
    ) -> None:
        straight = policy
        if each:
            straight = variant_of(tables, methods=frozenset(), any_method=False)
        super().__init__(
            app,
            straight,
            body=body,
            on_handshake=app,
            on_private_network=on_private_network,
            on_refused_preflight=on_preflight,
        )
        self._whole_policy = policy
        # Servers look for a coroutine function on the object, callers on the class; see asgi.py.
        self.__dict__["__call__"] = self._call_as_coroutine

    async def _call_as_coroutine(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self(scope, receive, send)

    @property
    def policy(self) -> Policy:
        """The policy in force. Read-only."""
        return self._whole_policy

    def is_allowed_origin(self, origin: str) -> bool:
        """Return whether the policy allows an origin; a preflight may still be rejected."""
        return self._whole_policy.allows_origin(origin)


def names_of(option: str, value: Any, problems: list[Problem], wrong: Wrong) -> list[str]:
    """Return the methods or header names of an option, and append to the problems."""
    entries, found = read_list(option, value, wrong)
    names, more = read_names(option, entries, wrong)
    problems += found + more
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
