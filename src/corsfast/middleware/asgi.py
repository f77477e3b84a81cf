"""CORS for any ASGI application: FastAPI, Starlette, Litestar, Quart, Django, your own.

    app = CORSMiddleware(app, allow_origins=["https://app.example.com"])

Wrap the whole application, from outside. Then preflights, which carry no credentials, are
answered before any authentication, and also the 500 of an unhandled exception carries the
headers without which a page sees a CORS error instead of the status.

Per request: one `policy.asgi(scope)`, and one `policy.apply_asgi` when the response starts.
What else can be asked for (paths, handshakes, look-ups, reports) is a detour from that way.
There is no coroutine here but that of a preflight's answer: the awaitables of the application
and of the server are handed through, which saves a frame in each of their steps.

Place in the flow: Decision -> headers on a response.
Never: block a request unasked (CORS is not access control); write to a list or message of
others.
"""

from __future__ import annotations

from ._generic.arguments import Features
from ._generic.base import Featured
from ._generic.engine import ASGICall
from ._generic.policy_source import check_application, is_policy
from ._generic.preload import preload
from ._generic.startup import stops_start_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Literal, Unpack

    from ._generic.arguments import Rules
    from ._generic.handlers import App, Receive, Scope, Send
    from ._generic.policy_source import PolicyOptions, Source
    from .resolver import OriginResolver

__all__ = ["CORSMiddleware"]

preload(
    "hashlib",
    "corsfast._engine.pure",
    "corsfast.middleware._generic.asgi_refusals",
    "corsfast.middleware._generic.select",
    "corsfast.middleware.resolver",
)


class CORSMiddleware(Featured, ASGICall):
    """An ASGI 3 application around another one, with the headers of one policy.

    Preflights are answered here: the application does not see them, nor WebSocket handshakes
    from origins that are not allowed. Every other request reaches it, and every response of it
    gets the headers, whatever its status; so do the handshakes that it refuses, where the
    server lets an application answer them.

    Args:
        app: the ASGI application.
        policy: a ready :class:`corsfast.Policy`; a :class:`corsfast.PolicyHolder`, whose policy
            may be swapped at any time; or a callable without arguments that returns one of
            them, called once per request (also when `policy` is read). Or leave it out and
            write its options here:
        allow_origins: origins, patterns and ``re.Pattern`` objects, or ``"*"``. Required.
        allow_methods: methods beyond GET, HEAD and POST, or ``"*"``. None by default.
        allow_headers: request-header names, or ``"*"``. The safelisted ones by default.
        expose_headers: response-header names that pages may read. None by default.
        allow_credentials: whether cookies may be used. ``False`` by default.
        max_age: how many seconds a preflight is remembered, or ``None``. 600 by default.
        preflight_status: the status of an allowed preflight. 204 by default.
        existing: ``"replace"`` (default) or ``"keep"`` the application's own
            Access-Control-Allow-Origin.
        timing_allow_origin: whether allowed requests also get Timing-Allow-Origin, with the
            same value. ``False`` by default.
        dangerously_tolerate: names of risks to accept. None by default.
        paths: policies by path, in place of one: ``{"/api/*": policy, "/login": {...}}``, each a
            policy, a holder, a callable, a dict of options, or ``None``. A path without a rule
            gets no CORS at all. See `paths.py` for what a rule covers.
        websockets: ``"check"`` (default) answers 403 to handshakes from origins that are not
            allowed, in place of the application; handshakes without an Origin (no browser's)
            and same-origin ones pass. ``"pass"`` leaves them all to the application.
        block_refused: ``True`` answers 403, in place of the application, to requests from
            origins that are not allowed; never to same-origin requests, and never to
            requests without an Origin. ``False`` by default.
        resolver: an :class:`~corsfast.middleware.resolver.OriginResolver`, which looks up
            origins that the policy does not list.
        report_only: a candidate for `policy` or `paths`, given in the same way, which enforces
            nothing: where its outcomes differ is counted in `report` and logged
            ("corsfast.report_only").

    Raises:
        TypeError: for a policy and options at once, for neither, for an unknown option, for
            arguments of other types.
        PolicyError: with every problem of the options, or of the rules, at once. Where it is
            made by an application that is being called, as by Starlette's `add_middleware`, the
            server's start-up fails with this.
    """

    @stops_start_up
    def __init__(
        self,
        app: App,
        policy: Source | None = None,
        *,
        paths: Rules | None = None,
        websockets: Literal["check", "pass"] = "check",
        block_refused: bool = False,
        resolver: OriginResolver | None = None,
        report_only: Source | Rules | None = None,
        **options: Unpack[PolicyOptions],
    ) -> None:
        check_application(app, "an ASGI")
        features = Features(
            policy,
            options,
            paths=paths,
            websockets=websockets,
            block_refused=block_refused,
            resolver=resolver,
            report_only=report_only,
            is_async=True,
        )
        from ._generic.asgi_refusals import detours, flow_of

        self._features = features
        self._flow = None
        if is_policy(features.source) and features.candidate is None:
            super().__init__(app, features.source, **detours(app, features.source, features))
        else:
            self._flow = flow_of(app, features)
            super().__init__(app, None, on_all=self._by_flow)
        # Servers ask whether `app.__call__` is a coroutine function, and take an application
        # for ASGI 2 or WSGI if not. That name is looked up here, on the object; a call
        # `app(...)` is looked up on the class. So both get what they want, and on Python
        # 3.11, too, where inspect knows no mark for "returns an awaitable".
        self.__dict__["__call__"] = self._call_as_coroutine

    async def _call_as_coroutine(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self(scope, receive, send)

    def _by_flow(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        call: App = self.app
        if self._flow is not None and scope["type"] in ("http", "websocket"):
            call = self._flow.call_of(scope)
        return call(scope, receive, send)
