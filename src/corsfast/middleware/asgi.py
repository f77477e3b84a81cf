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

from ._policy import policy_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
    from typing import Any, Unpack

    from .._backend import Decision, Policy
    from ._policy import PolicyOptions

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

__all__ = ["CORSMiddleware"]

# The message that starts a response, by the type of the scope. Any other scope (`lifespan`)
# and any other message (`http.response.debug`, `websocket.accept`) is none of our business.
# https://asgi.readthedocs.io/en/latest/extensions.html#websocket-denial-response
_START = {
    "http": "http.response.start",
    "websocket": "websocket.http.response.start",
}


class CORSMiddleware:
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
        dangerously_tolerate: names of risks to accept. None by default.

    Raises:
        TypeError: for a policy and options at once, for neither, for an unknown option.
        PolicyError: with every problem of the options at once.
    """

    def __init__(
        self, app: App, policy: Policy | None = None, **options: Unpack[PolicyOptions]
    ) -> None:
        self.app = app
        self._policy = policy = policy_from(policy, options)
        # Bound once: looking a method up per request costs more than calling it.
        self._decide = policy.asgi
        self._apply = policy.apply_asgi
        # Servers ask whether `app.__call__` is a coroutine function, and take an application
        # for ASGI 2 or WSGI if not. That name is looked up here, on the object; a call
        # `app(...)` is looked up on the class. So both get what they want, and on Python
        # 3.11, too, where inspect knows no mark for "returns an awaitable".
        self.__call__ = self._call_as_coroutine  # type: ignore[method-assign]

    @property
    def policy(self) -> Policy:
        """The policy in force. Read-only."""
        return self._policy

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        start = _START.get(scope["type"])
        if start is None:
            return self.app(scope, receive, send)
        decision = self._decide(scope)
        if decision.is_preflight:
            return _answer(decision, send)
        apply = self._apply

        # `send` itself is never enough: there is no decision without a header to send (Vary
        # under a list of origins, Access-Control-Allow-Origin under "*").
        def send_with_cors(message: Message) -> Awaitable[None]:
            if message["type"] == start:
                # Both are copied: a Response object that is sent twice owns the list.
                headers = apply(decision, message.get("headers", ()))
                message = {**message, "headers": headers}
            return send(message)

        return self.app(scope, receive, send_with_cors)

    async def _call_as_coroutine(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self(scope, receive, send)


async def _answer(decision: Decision, send: Send) -> None:
    """Send the whole answer to a preflight."""
    headers = list(decision.raw_headers)
    # https://www.rfc-editor.org/rfc/rfc9110#section-8.6: none with 204; with any other status
    # its absence would make servers send a chunked body.
    if decision.status != 204:
        headers.append((b"content-length", b"0"))
    await send({"type": "http.response.start", "status": decision.status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
