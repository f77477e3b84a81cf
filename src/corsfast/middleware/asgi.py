"""CORS for any ASGI application: FastAPI, Starlette, Litestar, Quart, Django, your own.

    app = CORSMiddleware(app, allow_origins=["https://app.example.com"])

Wrap the whole application, from outside. Then preflights, which carry no credentials, are
answered before any authentication, and also the 500 of an unhandled exception carries the
headers without which a page sees a CORS error instead of the status.

Per request: one `policy.asgi(scope)`, and one `policy.apply_asgi` when the response starts.
There is no coroutine here but that of a preflight's answer: the awaitables of the application
and of the server are handed through, which saves a frame in each of their steps.

Place in the flow: Decision -> headers on a response.
Never: block a request (CORS is not access control); write to a list or message of others.
"""

from __future__ import annotations

from .._backend import IMPLEMENTATION
from ._policy import policy_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Unpack

    from .._backend import Policy
    from ._calls import App, ASGICall, Receive, Scope, Send
    from ._policy import PolicyOptions
elif IMPLEMENTATION == "native":
    from .._native import ASGICall
else:
    from ._calls import ASGICall

__all__ = ["CORSMiddleware"]


class CORSMiddleware(ASGICall):
    """An ASGI 3 application around another one, with the headers of one policy.

    Preflights are answered here: the application does not see them. Every other request
    reaches it, and every response of it gets the headers, whatever its status; so do refused
    WebSocket handshakes, where the server lets an application answer them.

    Args:
        app: the ASGI application.
        policy: a ready :class:`corsfast.Policy`; or leave it out and write its options here:
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

    Raises:
        TypeError: for a policy and options at once, for neither, for an unknown option.
        PolicyError: with every problem of the options at once.
    """

    def __init__(
        self, app: App, policy: Policy | None = None, **options: Unpack[PolicyOptions]
    ) -> None:
        super().__init__(app, policy_from(policy, options))
        # Servers ask whether `app.__call__` is a coroutine function, and take an application
        # for ASGI 2 or WSGI if not. That name is looked up here, on the object; a call
        # `app(...)` is looked up on the class. So both get what they want, and on Python
        # 3.11, too, where inspect knows no mark for "returns an awaitable".
        self.__dict__["__call__"] = self._call_as_coroutine

    async def _call_as_coroutine(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self(scope, receive, send)
