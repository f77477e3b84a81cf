"""What the drop-ins share that stand around ASGI applications: Starlette's and Litestar's.

    preflight ---allowed, spelt beforehand-----------------> its answer
         \\---refused, or spelt for each request-----------> the drop-in's `on_preflight`
         \\---allowed, but asks for a private network------> the drop-in's `on_private_network`
    everything else ------------------------------------------> the straight way of ASGICall

Place in the flow: between ASGICall and the drop-ins.
Never: know a framework; raise for what a request holds.
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
        """What a preflight asks for."""

        origin: bytes
        method: str
        names: list[str] | None  # None => a list that no browser sends

else:
    Asked = namedtuple("Asked", ("origin", "method", "names"))

__all__ = ["SAFELISTED_HEADERS", "ASGIDropIn", "asked", "names_of", "plain_text", "respond"]

_ASKED = (b"origin", b"access-control-request-method", b"access-control-request-headers")

# What both allow beside `allow_headers`.
SAFELISTED_HEADERS = ("Accept", "Accept-Language", "Content-Language", "Content-Type")


class ASGIDropIn(ASGICall):
    """An ASGI 3 application around another one, as the originals are.

    WebSocket handshakes are passed on as they are.

    Args:
        app: the ASGI application.
        policy: the drop-in's policy.
        tables: what it was made of.
        on_preflight: answers refused preflights: `(decision, scope, receive, send)`.
        each: whether allowed ones are answered there, too; the decision is then that of a
            policy that refuses all of them, and means nothing.
        body: what is sent with an allowed preflight, as plain text.
        on_private_network: answers allowed ones that ask for a private network.
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
        # See asgi.py: servers look for a coroutine function here, callers on the class.
        self.__dict__["__call__"] = self._call_as_coroutine

    async def _call_as_coroutine(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self(scope, receive, send)

    @property
    def policy(self) -> Policy:
        """The policy in force. Read-only."""
        return self._whole_policy

    def is_allowed_origin(self, origin: str) -> bool:
        """Whether requests of this origin are allowed, and its preflights may be."""
        return self._whole_policy.allows_origin(origin)


def names_of(option: str, value: Any, problems: list[Problem], wrong: Wrong) -> list[str]:
    """The methods or header names of an option; what is wrong with it is added to the problems."""
    entries, found = read_list(option, value, wrong)
    names, more = read_names(option, entries, wrong)
    problems += found + more
    return names


def asked(scope: Scope) -> Asked:
    """Read a preflight once more, for what is said about it."""
    origin, method, names = (joined_lines(scope["headers"], name) or b"" for name in _ASKED)
    return Asked(origin, method.decode("latin-1"), requested_names(names.decode("latin-1")))


def plain_text(status: int, body: bytes) -> RawHeaders:
    """The fields that say what the body of an answer is."""
    return tuple((k.lower().encode(), v.encode()) for k, v in content(status, body))


async def respond(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Send a whole response."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
