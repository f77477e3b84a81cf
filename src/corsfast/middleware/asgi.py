"""CORS for any ASGI application: FastAPI, Starlette, Litestar, Quart, Django, your own.

    app = CORSMiddleware(app, allow_origins=["https://app.example.com"])

Wrap the whole application. Then preflights are answered before any authentication, as they have
to be, because they carry no credentials. The 500 of an unhandled exception also gets the headers;
without them a page sees a CORS error instead of the status.

A request costs one `policy.asgi(scope)`, and one `policy.apply_asgi` when the response starts.
Optional features (paths, handshakes, look-ups, reports) leave this fast path. The only coroutine
here answers preflights. All other awaitables come from the application and the server and are
passed on, which saves a frame in each of their steps.

Never change a list or message of the application or the server, because its owner may use it
again.
"""

from __future__ import annotations

from ._generic.arguments import Features
from ._generic.base import Featured
from ._generic.engine import ASGICall
from ._generic.policy_source import check_application
from ._generic.preload import preload
from ._generic.refusals import ASGIRefusals
from ._generic.startup import stops_start_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Literal, Unpack

    from ._generic.arguments import Rules
    from ._generic.cross_site import GenericCrossSite
    from ._generic.handlers import App, Receive, Scope, Send
    from ._generic.policy_source import PolicyOptions, Source
    from .resolver import OriginResolver

__all__ = ["CORSMiddleware"]

preload(
    "hashlib",
    "corsfast._engine.pure",
    "corsfast.middleware._generic.select",
    "corsfast.middleware.resolver",
)


class CORSMiddleware(Featured, ASGICall):
    """An ASGI 3 application that wraps another one and adds the headers of one policy.

    Preflights are answered here. The application sees neither them nor WebSocket handshakes from
    origins that are not allowed. Every other request reaches the application, and all its
    responses get the headers, whatever their status. A handshake that the application rejects
    gets them too, if the server lets an application answer it.

    Args:
        app: the ASGI application.
        policy: a :class:`corsfast.Policy`; a :class:`corsfast.PolicyHolder`, whose policy may be
            swapped at any time; or a callable without arguments that returns one of them. The
            callable is called once per request, and when the property `policy` is read. Instead
            of `policy`, the options of :class:`corsfast.Policy` can be given.
        paths: policies by path, instead of one: ``{"/api/*": policy, "/login": {...}}``. Each is
            a policy, a holder, a callable, a dict of options, or ``None``. A path without a rule
            gets no CORS headers. See `paths.py` for the paths that a rule matches.
        websockets: ``"check"`` (default) answers handshakes from origins that are not allowed
            with 403, before they reach the application. Handshakes without an Origin (from a
            client that is not a browser) and same-origin ones pass. ``"pass"`` passes all of
            them to the application.
        cross_site: ``"refuse"`` answers unsafe requests that another site has forged with 403,
            before they reach the application; see :meth:`corsfast.Policy.protects`.
            ``"report"`` only counts and logs them. ``"refuse_all"`` also refuses safe requests
            with an Origin that is not allowed. ``"allow"`` (default) passes all of them.
        resolver: an :class:`~corsfast.middleware.resolver.OriginResolver`, which looks up
            origins that the policy does not list.
        report_only: a candidate for `policy` or `paths`, given in the same way. It enforces
            nothing: different outcomes are counted in `report` and logged
            ("corsfast.report_only").

    Raises:
        TypeError: for both a policy and options, for neither, for an unknown option, for
            arguments of other types.
        PolicyError: with all problems of the options or the rules together. If an application
            makes the middleware while it is called, as Starlette's `add_middleware` does, the
            server's start-up fails with this error.
    """

    @stops_start_up
    def __init__(
        self,
        app: App,
        policy: Source | None = None,
        *,
        paths: Rules | None = None,
        websockets: Literal["check", "pass"] = "check",
        cross_site: GenericCrossSite = "allow",
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
            cross_site=cross_site,
            resolver=resolver,
            report_only=report_only,
            is_async=True,
        )
        self._make(app, features, ASGIRefusals)
        # Servers check whether `app.__call__` is a coroutine function, and assume ASGI 2 or WSGI
        # if it is not. They look that name up on the object, while a call `app(...)` looks it up
        # on the class, so each finds a different function. Python 3.11 needs this because its
        # inspect has no mark for a function that returns an awaitable.
        self.__dict__["__call__"] = self._call_as_coroutine

    async def _call_as_coroutine(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self(scope, receive, send)

    def _by_selector(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        call: App = self.app
        if self._selector is not None and scope["type"] in ("http", "websocket"):
            call = self._selector.handler_for(scope)
        return call(scope, receive, send)
