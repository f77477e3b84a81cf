"""The slow path of requests that are not allowed: look-ups, the log, and 403.

    not allowed --resolver?--> allowed -------------------------------> the application
                        \\--> not --log, not forged-------------------> the application
                               \\------------------------------------> 403

There is one `Refusals` for each policy. It also logs what is refused.
"""

from __future__ import annotations

from ..._engine.headers import joined_lines
from ..._options.same_origin import same_origin
from .cross_site import body_for, fields_of_403, guard_of, messages_of_403
from .engine import ASGICall, WSGICall
from .handlers import send_both
from .policy_source import PerPolicy
from .refused_log import RefusedLog
from .sent import sent_asgi, sent_wsgi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from typing import Any
    from wsgiref.types import StartResponse, WSGIEnvironment

    from ..._engine.select import Decision, Policy
    from .arguments import Features
    from .handlers import Receive, Scope, Send

    PathOf = Callable[[Any], tuple[str, ...]]
    Note = Callable[[Any, Decision], None]

_DENIAL = "websocket.http.response"


class Refusals:
    """The slow path of one policy, for both interfaces. A request is a scope or an environ.

    Args:
        resolver: the one of the features, or ``None`` if the policy must not be overruled.
        note: called with a request and its decision after a look-up.
    """

    # These are of one interface. `rest` is what an application is called with after the request.
    call: Any  # ASGICall or WSGICall
    decide: Any  # (policy, request) -> Decision
    path_of: Any  # (application) -> (request) -> the path, as `PathRules.find` takes it
    describe: Any  # (request) -> (method, path, origin), for logs
    origin: Any  # (request) -> str
    host: Any  # (request) -> str | None
    look_up: Any  # (origin, request, *rest): ask the resolver, then answer
    sent: Any  # (request) -> Sent
    deny: Any  # (decision, request, *rest): answer a handshake with 403
    forbid: Any  # (decision, body, request, *rest): answer 403 instead of the application
    log: Any  # (log, outcome, request, is_preflight)

    def __init__(
        self, app: Any, policy: Policy, features: Features, resolver: Any, note: Note | None
    ) -> None:
        self._policy = policy
        self._log = RefusedLog(policy)
        self._checks = features.websockets == "check"
        self._guard = guard_of(policy, self._log, features.cross_site)
        self._resolver = resolver
        self._note = note
        self._twins: PerPolicy | None = None
        if resolver is not None and resolver.can_follow(policy):

            def make(template: Policy) -> list[tuple[Policy, Any]]:
                twins = resolver.twins if template is policy else resolver.twins_of_verdict
                return [(twin, self.call(app, twin)) for twin in twins(template)]

            self._twins = PerPolicy(make)

    @classmethod
    def handlers(
        cls,
        app: Any,
        policy: Policy,
        features: Features,
        resolves: bool = True,
        note: Note | None = None,
    ) -> dict[str, Any]:
        """Return the arguments of a call that send refused requests to the slow path."""
        resolver = features.resolver if resolves else None
        at = cls(app, policy, features, resolver, note)
        return {
            "on_refused": at.refused,
            "on_refused_preflight": at.refused,
            "on_forged": None if at._guard is None else at.forged,
        }

    def refused(self, decision: Decision, request: Any, *rest: Any) -> Any:
        """Return the answer to a refused request, or ``None`` if it goes on."""
        resolver = self._resolver
        if self._twins is None or not resolver.concerns(decision, request):
            return self._refuse(decision, request, *rest)
        origin = self.origin(request)
        verdict = resolver.recall(origin, request)
        if verdict is None:
            return self.look_up(origin, request, *rest)
        return self.settle(verdict, request, *rest)

    def settle(self, verdict: Any, request: Any, *rest: Any) -> Any:
        """Answer a request by the verdict of the resolver: a bool, or a policy."""
        assert self._twins is not None
        allowing, rejecting = self._twins.of(self._policy if isinstance(verdict, bool) else verdict)
        policy, call = rejecting if verdict is False else allowing
        decision = self.decide(policy, request)
        if self._note is not None:
            self._note(request, decision)
        answer = None
        if verdict is False:
            answer = self._refuse(decision, request, *rest)
        elif verdict is not True and self._guard is not None and request.get("type") != "websocket":
            # The "*" of a verdict lets any page read, but not write.
            sent = self.sent(request)
            if verdict.protects(*sent[:4]) and self._guard.is_forged(sent):
                answer = self.forged(decision, request, *rest)
        return call(request, *rest) if answer is None else answer

    def _refuse(self, decision: Decision, request: Any, *rest: Any) -> Any:
        """Log a refusal; return the 403 to a handshake or a forged request, otherwise ``None``.

        A preflight always goes on, because it never reaches the application.
        """
        is_handshake = request.get("type") == "websocket"
        if self._guard is not None and not is_handshake and not decision.is_preflight:
            if self._guard.is_forged(self.sent(request)):
                return self.forged(decision, request, *rest)
        type(self).log(self._log, decision.outcome, request, decision.is_preflight)
        if is_handshake and self._checks:
            if not same_origin(self.origin(request), self.host(request)):
                return self.deny(decision, request, *rest)
        return None

    def forged(self, decision: Decision, request: Any, *rest: Any) -> Any:
        """Return the 403 to a forged request, or ``None`` if it is only reported."""
        assert self._guard is not None
        sent = self.sent(request)
        if not self._guard.refuses_forged(sent):
            return None
        return self.forbid(decision, body_for(sent), request, *rest)


class ASGIRefusals(Refusals):
    call = ASGICall
    log = RefusedLog.write_asgi
    sent = staticmethod(sent_asgi)

    @staticmethod
    def decide(policy: Policy, scope: Scope) -> Decision:
        return policy.asgi(scope)

    @staticmethod
    def path_of(app: Any) -> PathOf:
        from ..paths import asgi_path

        # FastAPI replaces the server's `root_path` by its own, after this middleware has read it.
        # (Quart's `root_path` is a folder.)
        if not hasattr(app, "root_path_in_servers"):
            return asgi_path
        return lambda scope: asgi_path(scope, getattr(app, "root_path", ""))

    @staticmethod
    def describe(scope: Scope) -> tuple[object, object, object]:
        return scope.get("method", scope["type"]), scope.get("path"), _header(scope, b"origin")

    @staticmethod
    def origin(scope: Scope) -> str:
        return _header(scope, b"origin") or ""

    @staticmethod
    def host(scope: Scope) -> str | None:
        return _header(scope, b"host")

    async def look_up(self, origin: str, scope: Scope, receive: Receive, send: Send) -> None:
        verdict = await self._resolver.look_up_async(origin, scope)
        await self.settle(verdict, scope, receive, send)

    @staticmethod
    async def deny(decision: Decision, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 to a handshake, before it is accepted.

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

    @staticmethod
    def forbid(
        decision: Decision, body: bytes, _scope: Scope, _receive: Receive, send: Send
    ) -> Awaitable[None]:
        return send_both(send, *messages_of_403(decision, body))


def _header(scope: Scope, name: bytes) -> str | None:
    value = joined_lines(scope.get("headers", ()), name)
    return None if value is None else value.decode("latin-1")


class WSGIRefusals(Refusals):
    call = WSGICall
    log = RefusedLog.write_wsgi
    sent = staticmethod(sent_wsgi)

    @staticmethod
    def decide(policy: Policy, environ: WSGIEnvironment) -> Decision:
        return policy.wsgi(environ)

    @staticmethod
    def path_of(_app: Any) -> PathOf:
        from ..paths import wsgi_path

        return wsgi_path

    @staticmethod
    def describe(environ: WSGIEnvironment) -> tuple[object, object, object]:
        return environ.get("REQUEST_METHOD"), environ.get("PATH_INFO"), environ.get("HTTP_ORIGIN")

    @staticmethod
    def origin(environ: WSGIEnvironment) -> str:
        origin = environ.get("HTTP_ORIGIN")
        return origin if isinstance(origin, str) else ""

    @staticmethod
    def host(environ: WSGIEnvironment) -> str | None:
        return environ.get("HTTP_HOST")

    def look_up(
        self, origin: str, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        verdict = self._resolver.look_up(origin, environ)
        return self.settle(verdict, environ, start_response)  # type: ignore[no-any-return]

    @staticmethod
    def forbid(
        decision: Decision, body: bytes, _environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        start_response("403 Forbidden", fields_of_403(decision, body))
        return [body]
