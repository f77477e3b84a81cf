"""The slow path of WSGI requests: requests that are not allowed, and look-ups.

    rejected --resolver?--> allowed --------------------------> the application
                 \\--> not --same origin, or not blocked-------> the application
                       \\------------------------------------> 403

There is one `Detours` for each policy. No request that the policy allows gets here.
"""

from __future__ import annotations

from .engine import WSGICall
from .same_origin import same_origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any
    from wsgiref.types import StartResponse, WSGIApplication

    from ..._engine.select import Decision, Policy
    from .arguments import Features
    from .select import Flow


def flow_of(app: WSGIApplication, features: Features) -> Flow:
    """Return the flow of a middleware whose policy depends on the request."""
    from ..paths import wsgi_path
    from .select import Flow

    def make(policy: Policy, resolves: bool) -> WSGICall:
        return WSGICall(app, policy, **detours(app, policy, features, resolves, flow.note))

    flow = Flow(
        app,
        features,
        path_of=wsgi_path,
        decide=lambda policy, environ: policy.wsgi(environ),
        make=make,
        describe=_describe,
    )
    return flow


def detours(
    app: WSGIApplication,
    policy: Policy,
    features: Features,
    resolves: bool = True,
    note: Callable[[Any, Decision], None] | None = None,
) -> dict[str, Any]:
    """Return the arguments of a WSGICall that send requests to the slow path, if needed."""
    resolver = features.resolver if resolves else None
    if not (resolver or features.block_refused):
        return {}
    at = Detours(app, policy, features, resolver, note)
    return {"on_refused": at.refused, "on_refused_preflight": at.refused if resolver else None}


class Detours:
    """The slow path of one policy."""

    def __init__(
        self,
        app: WSGIApplication,
        policy: Policy,
        features: Features,
        resolver: Any,
        note: Callable[[Any, Decision], None] | None,
    ) -> None:
        self._policy = policy
        self._plain = WSGICall(app, policy)
        self._blocks = features.block_refused
        self._resolver = resolver
        self._note = note
        self._twins: Any = None
        if resolver is not None and resolver.can_follow(policy):
            from .policy_source import PerPolicy

            self._twins = PerPolicy(
                lambda template: [(twin, WSGICall(app, twin)) for twin in resolver.twins(template)]
            )

    def refused(
        self, decision: Decision, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        resolver = self._resolver
        if self._twins is None or not resolver.concerns(decision, environ):
            return self._refuse(decision, self._plain, environ, start_response)
        origin = _origin(environ)
        verdict = resolver.recall(origin, environ)
        if verdict is None:
            verdict = resolver.look_up(origin, environ)
        admitting, refusing = self._twins.of(self._policy if isinstance(verdict, bool) else verdict)
        policy, call = refusing if verdict is False else admitting
        decision = policy.wsgi(environ)
        if self._note is not None:
            self._note(environ, decision)
        if verdict is False:
            return self._refuse(decision, call, environ, start_response)
        answered: Iterable[bytes] = call(environ, start_response)
        return answered

    def _refuse(
        self,
        decision: Decision,
        call: WSGIApplication,
        environ: dict[str, Any],
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        """Answer 403 if rejected requests are blocked; otherwise go on without CORS headers.

        A preflight that goes on is answered with 403, too.
        """
        if not self._blocks or same_origin(_origin(environ), environ.get("HTTP_HOST")):
            return call(environ, start_response)
        start_response("403 Forbidden", [*decision.headers, ("Content-Length", "0")])
        return []


def _origin(environ: dict[str, Any]) -> str:
    origin = environ.get("HTTP_ORIGIN")
    return origin if isinstance(origin, str) else ""


def _describe(environ: dict[str, Any]) -> tuple[object, object, object]:
    return environ.get("REQUEST_METHOD"), environ.get("PATH_INFO"), environ.get("HTTP_ORIGIN")
