"""The slow path of ASGI requests: handshakes, requests that are not allowed, and look-ups.

    handshake ----allowed, no Origin, same origin----------> the application
        \\
         not allowed --resolver?--> allowed -----------------> the application
    rejected /           \\--> not --same origin, not blocked--> the application
                               \\----------------------------> 403

There is one `Detours` for each policy. Of the requests that it allows, only handshakes get here.
"""

from __future__ import annotations

from ..._engine.headers import joined_lines
from ...decision import Outcome
from .engine import ASGICall
from .same_origin import same_origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from ..._engine.select import Decision, Policy
    from .arguments import Features
    from .handlers import App, Receive, Scope, Send
    from .select import Flow

_DENIAL = "websocket.http.response"


def flow_of(app: App, features: Features) -> Flow:
    """Return the flow of a middleware whose policy depends on the request."""
    from ..paths import asgi_path
    from .select import Flow

    # FastAPI replaces the server's `root_path` by its own, after this middleware has read it.
    # (Quart's `root_path` is a folder.)
    has_own_root = hasattr(app, "root_path_in_servers")

    def path_of(scope: Scope) -> tuple[str, ...]:
        return asgi_path(scope, getattr(app, "root_path", "") if has_own_root else "")

    def make(policy: Policy, resolves: bool) -> ASGICall:
        return ASGICall(app, policy, **detours(app, policy, features, resolves, flow.note))

    flow = Flow(
        app,
        features,
        path_of=path_of,
        decide=lambda policy, scope: policy.asgi(scope),
        make=make,
        describe=_describe,
    )
    return flow


def detours(
    app: App,
    policy: Policy,
    features: Features,
    resolves: bool = True,
    note: Callable[[Any, Decision], None] | None = None,
) -> dict[str, Any]:
    """Return the arguments of an ASGICall that send requests to the slow path, if needed."""
    resolver = features.resolver if resolves else None
    checks = features.websockets == "check"
    if not (checks or resolver or features.block_refused):
        return {}
    at = Detours(app, policy, features, resolver, note)
    return {
        "on_handshake": at.handshake if checks else None,
        "on_refused": at.refused if resolver or features.block_refused else None,
        "on_refused_preflight": at.refused if resolver else None,
    }


class Detours:
    """The slow path of one policy."""

    def __init__(
        self,
        app: App,
        policy: Policy,
        features: Features,
        resolver: Any,
        note: Callable[[Any, Decision], None] | None,
    ) -> None:
        self._app = app
        self._policy = policy
        self._plain = ASGICall(app, policy)
        self._checks = features.websockets == "check"
        self._blocks = features.block_refused
        self._resolver = resolver
        self._note = note
        self._twins: Any = None
        if resolver is not None and resolver.can_follow(policy):
            from .policy_source import PerPolicy

            self._twins = PerPolicy(
                lambda template: [(twin, ASGICall(app, twin)) for twin in resolver.twins(template)]
            )

    def handshake(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        decision = self._policy.asgi(scope)
        if decision.allowed or decision.outcome is Outcome.NO_ORIGIN:
            return self._plain(scope, receive, send)
        return self.refused(decision, scope, receive, send)

    def refused(
        self, decision: Decision, scope: Scope, receive: Receive, send: Send
    ) -> Awaitable[None]:
        resolver = self._resolver
        if self._twins is None or not resolver.concerns(decision, scope):
            return self._refuse(decision, self._plain, scope, receive, send)
        origin = _header(scope, b"origin") or ""
        verdict = resolver.recall(origin, scope)
        if verdict is None:
            return self._look_up(origin, scope, receive, send)
        return self._settle(verdict, scope, receive, send)

    async def _look_up(self, origin: str, scope: Scope, receive: Receive, send: Send) -> None:
        verdict = await self._resolver.look_up_async(origin, scope)
        await self._settle(verdict, scope, receive, send)

    def _settle(self, verdict: Any, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        template = self._policy if isinstance(verdict, bool) else verdict
        admitting, refusing = self._twins.of(template)
        policy, call = refusing if verdict is False else admitting
        decision = policy.asgi(scope)
        if self._note is not None:
            self._note(scope, decision)
        if verdict is False:
            return self._refuse(decision, call, scope, receive, send)
        answered: Awaitable[None] = call(scope, receive, send)
        return answered

    def _refuse(
        self, decision: Decision, call: App, scope: Scope, receive: Receive, send: Send
    ) -> Awaitable[None]:
        """Answer 403 if rejected requests are blocked; otherwise go on without CORS headers.

        A preflight that goes on is answered with 403, too.
        """
        is_handshake = scope["type"] == "websocket"
        stops = self._checks if is_handshake else self._blocks
        if not stops or same_origin(_header(scope, b"origin") or "", _header(scope, b"host")):
            return call(scope, receive, send)
        if is_handshake:
            return deny(decision, scope, receive, send)
        return forbid(decision, send)


async def forbid(decision: Decision, send: Send) -> None:
    """Answer 403 instead of the application."""
    headers = [*decision.raw_headers, (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def deny(decision: Decision, scope: Scope, receive: Receive, send: Send) -> None:
    """Reject a handshake before it is accepted.

    A server without the extension for denial responses answers 403 if a handshake is closed
    before it is accepted.
    https://asgi.readthedocs.io/en/latest/extensions.html#websocket-denial-response
    """
    message = await receive()
    if message["type"] != "websocket.connect":
        return  # the client has disconnected
    if _DENIAL not in (scope.get("extensions") or ()):
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
        return
    headers = [*decision.raw_headers, (b"content-length", b"0")]
    await send({"type": f"{_DENIAL}.start", "status": 403, "headers": headers})
    await send({"type": f"{_DENIAL}.body", "body": b""})


def _header(scope: Scope, name: bytes) -> str | None:
    value = joined_lines(scope.get("headers", ()), name)
    return None if value is None else value.decode("latin-1")


def _describe(scope: Scope) -> tuple[object, object, object]:
    return scope.get("method", scope["type"]), scope.get("path"), _header(scope, b"origin")
