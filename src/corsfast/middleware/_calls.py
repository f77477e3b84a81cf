"""What the two middlewares do per request, in Python: the reference of _native_middleware.pxi.

Place in the flow: between a Decision and asgi.py, wsgi.py, which say what it is good for.
Never: block a request (CORS is not access control); write to a list or message of others.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, MutableMapping
    from typing import Any
    from wsgiref.types import StartResponse, WSGIApplication

    from .._backend import Decision, Policy

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

# The message that starts a response, by the type of the scope. Any other scope (`lifespan`)
# and any other message (`http.response.debug`, `websocket.accept`) is none of our business.
# https://asgi.readthedocs.io/en/latest/extensions.html#websocket-denial-response
_START = {
    "http": "http.response.start",
    "websocket": "websocket.http.response.start",
}

# WSGI wants a phrase after the status and no client reads it; these two are the usual ones.
_PHRASES = {204: "No Content", 403: "Forbidden"}


class ASGICall:
    """An ASGI application around another one."""

    def __init__(self, app: App, policy: Policy, /) -> None:
        self.app = app
        self._policy = policy
        # Bound once: looking a method up per request costs more than calling it.
        self._decide = policy.asgi
        self._apply = policy.apply_asgi

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
            return answer_asgi(decision, send)
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


class WSGICall:
    """A WSGI application around another one."""

    def __init__(self, app: WSGIApplication, policy: Policy, /) -> None:
        self.app = app
        self._policy = policy
        self._decide = policy.wsgi
        self._apply = policy.apply_wsgi

    @property
    def policy(self) -> Policy:
        """The policy in force. Read-only."""
        return self._policy

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        decision = self._decide(environ)
        if decision.is_preflight:
            return answer_wsgi(decision, start_response)
        apply = self._apply

        def start_with_cors(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Any:
            headers = apply(decision, headers)
            # The server gets as many arguments as the application gave.
            if exc_info is None:
                return start_response(status, headers)
            return start_response(status, headers, exc_info)

        return self.app(environ, start_with_cors)


async def answer_asgi(decision: Decision, send: Send) -> None:
    """Send the whole answer to a preflight."""
    headers = list(decision.raw_headers)
    # https://www.rfc-editor.org/rfc/rfc9110#section-8.6: none with 204; with any other status
    # its absence would make servers send a chunked body.
    if decision.status != 204:
        headers.append((b"content-length", b"0"))
    await send({"type": "http.response.start", "status": decision.status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def answer_wsgi(decision: Decision, start_response: StartResponse) -> Iterable[bytes]:
    """Give the whole answer to a preflight."""
    headers = list(decision.headers)
    # https://www.rfc-editor.org/rfc/rfc9110#section-8.6: none with 204; with any other status
    # its absence would make servers send a chunked body or close the connection.
    if decision.status != 204:
        headers.append(("Content-Length", "0"))
    phrase = _PHRASES.get(decision.status or 0, "OK")
    start_response(f"{decision.status} {phrase}", headers)
    return []
