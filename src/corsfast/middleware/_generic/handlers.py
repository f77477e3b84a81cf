"""What the two middlewares do per request, in Python: the reference of the compiled halves.

Place in the flow: between a Decision and asgi.py, wsgi.py, which say what it is good for.
Never: block a request (CORS is not access control); write to a list or message of others.
"""

from __future__ import annotations

import sys
from types import MethodType

from ...decision import Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, MutableMapping
    from typing import Any
    from wsgiref.types import StartResponse, WSGIApplication

    from ..._engine.select import Decision, Policy

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]
    Refusal = Callable[[Decision, Scope, Receive, Send], Awaitable[None]]
    WSGIRefusal = Callable[[Decision, dict[str, Any], StartResponse], Iterable[bytes]]

# The messages that start a response. Any other scope (`lifespan`) and any other message
# (`http.response.debug`, `websocket.accept`) is none of our business.
# https://asgi.readthedocs.io/en/latest/extensions.html#websocket-denial-response
_HTTP_START = "http.response.start"
_DENIAL_START = "websocket.http.response.start"

_PRIVATE_NETWORK = b"access-control-request-private-network"

# WSGI wants a phrase after the status and no client reads it; these are the usual ones.
_PHRASES = {204: "No Content", 400: "Bad Request", 403: "Forbidden"}

# The fields of an allowed preflight's answer with a body, which some libraries send.
PLAIN_TEXT = "text/plain; charset=utf-8"


class ASGICall:
    """An ASGI application around another one.

    What is rare or belongs to one framework leaves the straight way by a detour, a callable
    that takes over; without one (``None``) the straight way goes on.

    Args:
        app: the ASGI application.
        policy: the policy; ``None`` only where `on_all` is given.
        body: what is sent with an allowed preflight, as plain text.
        on_all: `(scope, receive, send)`, in place of everything else.
        on_handshake: `(scope, receive, send)`, for WebSocket scopes.
        on_private_network: `(decision, scope, receive, send)`, for allowed preflights that ask
            for a private network.
        on_refused_preflight: `(decision, scope, receive, send)`.
        on_refused: `(decision, scope, receive, send)`, for other requests with an Origin that
            is not allowed.
    """

    def __init__(
        self,
        app: App,
        policy: Policy | None,
        /,
        *,
        body: bytes = b"",
        on_all: App | None = None,
        on_handshake: App | None = None,
        on_private_network: Refusal | None = None,
        on_refused_preflight: Refusal | None = None,
        on_refused: Refusal | None = None,
    ) -> None:
        self.app = app
        self._policy = policy
        self._body = body
        self._on_all = on_all
        self._on_handshake = on_handshake
        self._on_private_network = on_private_network
        self._on_refused_preflight = on_refused_preflight
        self._on_refused = on_refused
        _send_with_cors.__dict__.update(dict.fromkeys(MARKS, coroutine_mark()))
        if policy is not None:
            # Bound once: looking a method up per request costs more than calling it.
            self._decide = policy.asgi
            self._apply = policy.apply_asgi

    @property
    def _is_coroutine_marker(self) -> object:
        """The mark of a coroutine function, for inspect and asgiref."""
        return coroutine_mark()

    _is_coroutine = _is_coroutine_marker

    @property
    def policy(self) -> Policy | None:
        """The policy in force. Read-only."""
        return self._policy

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if self._on_all is not None:
            return self._on_all(scope, receive, send)
        kind = scope["type"]
        if kind == "http":
            start = _HTTP_START
        elif kind != "websocket":
            return self.app(scope, receive, send)
        elif self._on_handshake is not None:
            return self._on_handshake(scope, receive, send)
        else:
            start = _DENIAL_START
        decision = self._decide(scope)
        if not decision.allowed:
            if decision.is_preflight:
                if self._on_refused_preflight is not None:
                    return self._on_refused_preflight(decision, scope, receive, send)
            elif self._on_refused is not None and decision.outcome is not Outcome.NO_ORIGIN:
                return self._on_refused(decision, scope, receive, send)
        if decision.is_preflight:
            if self._on_private_network is not None and asks_private_network(scope):
                return self._on_private_network(decision, scope, receive, send)
            return answer_asgi(decision, self._body, send)
        # `send` itself is never enough: there is no decision without a header to send (Vary
        # under a list of origins, Access-Control-Allow-Origin under "*"). A bound method has the
        # attributes of its function, so it carries the mark of a coroutine function for free.
        given = (self._apply, decision, start, send)
        return self.app(scope, receive, MethodType(_send_with_cors, given))


def _send_with_cors(
    given: tuple[Callable[[Decision, Any], Any], Decision, str, Send], message: Message
) -> Awaitable[None]:
    """Send a message of the application; the first one gets the fields of a decision."""
    apply, decision, start, send = given
    if message["type"] == start:
        # Both are copied: a Response object that is sent twice owns the list.
        message = dict(message)
        message["headers"] = apply(decision, message.get("headers", ()))
    return send(message)


# These attributes say of a callable that it is a coroutine function, although it is written as
# a plain one: inspect looks at the first from Python 3.12 on, asyncio at the second before.
MARKS = ("_is_coroutine_marker", "_is_coroutine")


def coroutine_mark() -> object:
    """Return the value of `MARKS` on a coroutine function."""
    if sys.version_info >= (3, 12):
        import inspect

        return getattr(inspect.markcoroutinefunction(lambda: None), MARKS[0], None)
    import asyncio.coroutines

    return getattr(asyncio.coroutines, MARKS[1], None)


class WSGICall:
    """A WSGI application around another one; its detours are those of :class:`ASGICall`.

    Args:
        app: the WSGI application.
        policy: the policy; ``None`` only where `on_all` is given.
        body: what is sent with an allowed preflight, as plain text.
        on_all: `(environ, start_response)`, in place of everything else.
        on_refused_preflight: `(decision, environ, start_response)`.
        on_refused: `(decision, environ, start_response)`, for other requests with an Origin
            that is not allowed.
    """

    def __init__(
        self,
        app: WSGIApplication,
        policy: Policy | None,
        /,
        *,
        body: bytes = b"",
        on_all: WSGIApplication | None = None,
        on_refused_preflight: WSGIRefusal | None = None,
        on_refused: WSGIRefusal | None = None,
    ) -> None:
        self.app = app
        self._policy = policy
        self._body = body
        self._on_all = on_all
        self._on_refused_preflight = on_refused_preflight
        self._on_refused = on_refused
        if policy is not None:
            self._decide = policy.wsgi
            self._apply = policy.apply_wsgi

    @property
    def policy(self) -> Policy | None:
        """The policy in force. Read-only."""
        return self._policy

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if self._on_all is not None:
            return self._on_all(environ, start_response)
        decision = self._decide(environ)
        if not decision.allowed:
            if decision.is_preflight:
                if self._on_refused_preflight is not None:
                    return self._on_refused_preflight(decision, environ, start_response)
            elif self._on_refused is not None and decision.outcome is not Outcome.NO_ORIGIN:
                return self._on_refused(decision, environ, start_response)
        if decision.is_preflight:
            return answer_wsgi(decision, self._body, start_response)
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


def asks_private_network(scope: Scope) -> bool:
    """Whether a preflight asks for a private network.

    https://wicg.github.io/private-network-access/#access-control-request-private-network
    """
    return any(name == _PRIVATE_NETWORK for name, _ in scope["headers"])


async def answer_asgi(decision: Decision, body: bytes, send: Send) -> None:
    """Send the whole answer to a preflight; `body` goes with an allowed one."""
    start, end = messages(decision, body)
    await send(start)
    await send(end)


def messages(decision: Decision, body: bytes) -> tuple[Message, Message]:
    """The two messages that answer a preflight: new ones, for whoever gets them may write."""
    headers = list(decision.raw_headers)
    if not decision.allowed:
        body = b""
    headers += [(k.lower().encode(), v.encode()) for k, v in content(decision.status, body)]
    return (
        {"type": "http.response.start", "status": decision.status, "headers": headers},
        {"type": "http.response.body", "body": body},
    )


def answer_wsgi(decision: Decision, body: bytes, start_response: StartResponse) -> Iterable[bytes]:
    """Give the whole answer to a preflight; `body` goes with an allowed one."""
    if not decision.allowed:
        body = b""
    headers = [*decision.headers, *content(decision.status, body)]
    start_response(status_line(decision.status), headers)
    return [body] if body else []


def status_line(status: int | None) -> str:
    """The first argument of `start_response`."""
    return f"{status} {_PHRASES.get(status or 0, 'OK')}"


def content(status: int | None, body: bytes) -> list[tuple[str, str]]:
    """What a response says of its body.

    https://www.rfc-editor.org/rfc/rfc9110#section-8.6: no length with 204; with any other
    status its absence would make servers send a chunked body or close the connection.
    """
    if status == 204:
        return []
    kind = [("Content-Type", PLAIN_TEXT)] if body else []
    return [("Content-Length", str(len(body))), *kind]
