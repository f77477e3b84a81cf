"""The ASGI and WSGI middlewares in Python: the reference for the compiled ones.

Never change a list or message of the application or the server, because its owner may use it
again.
"""

from __future__ import annotations

import sys
from types import MethodType

from ..._options.fetch import REQUEST_PRIVATE_NETWORK
from ...decision import Outcome
from .sent import sent_asgi, sent_wsgi

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
    Answerer = Callable[[Decision, Scope, Receive, Send], Awaitable[None]]
    Refusal = Callable[[Decision, Scope, Receive, Send], Awaitable[None] | None]
    WSGIRefusal = Callable[[Decision, dict[str, Any], StartResponse], Iterable[bytes] | None]

# The messages that start a response. Other scopes (`lifespan`) and other messages
# (`http.response.debug`, `websocket.accept`) are passed on.
# https://asgi.readthedocs.io/en/latest/extensions.html#websocket-denial-response
_HTTP_START = "http.response.start"
_DENIAL_START = "websocket.http.response.start"

_PRIVATE_NETWORK = REQUEST_PRIVATE_NETWORK.lower().encode()

# WSGI requires a reason phrase after the status. No client reads it; these are the usual ones.
_PHRASES = {204: "No Content", 400: "Bad Request", 403: "Forbidden"}

# A second `__init__` is refused, because requests on other threads read the fields without a lock.
_MADE = "this middleware is already made, and cannot be changed; make another one"

# The Content-Type of an allowed preflight's answer with a body, which some libraries send.
PLAIN_TEXT = "text/plain; charset=utf-8"


class ASGICall:
    """An ASGI application that wraps another one.

    Rare features, and those of one framework, are callables that replace the fast path for some
    requests. Without one (``None``), these requests stay on the fast path.

    Args:
        app: the ASGI application.
        policy: the policy; ``None`` only if `on_all` is given.
        body: the body of the answer to an allowed preflight, as plain text.
        on_all: `(scope, receive, send)`, replaces everything else.
        on_handshake: `(scope, receive, send)`, for WebSocket scopes.
        on_allowed_preflight: `(decision, scope, receive, send)`.
        on_private_network: `(decision, scope, receive, send)`, for allowed preflights that ask
            for a private network.
        on_refused_preflight: `(decision, scope, receive, send)`; if it returns ``None``, the
            request goes on as without it.
        on_refused: the same for other requests with an Origin that is not allowed.
        on_forged: the same for other requests that another site has forged: without an Origin, or
            if the policy allows any. `on_refused` checks the others.
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
        on_allowed_preflight: Answerer | None = None,
        on_private_network: Answerer | None = None,
        on_refused_preflight: Refusal | None = None,
        on_refused: Refusal | None = None,
        on_forged: Refusal | None = None,
    ) -> None:
        if hasattr(self, "_on_refused"):
            raise TypeError(_MADE)
        self.app = app
        self._policy = policy
        self._body = body
        self._on_all = on_all
        self._on_handshake = on_handshake
        self._on_allowed_preflight = on_allowed_preflight
        self._on_private_network = on_private_network
        self._on_refused_preflight = on_refused_preflight
        self._on_refused = on_refused
        self._on_forged = on_forged
        _send_with_cors.__dict__.update(dict.fromkeys(MARKS, coroutine_mark()))
        if policy is not None:
            # Bound once, because looking a method up costs more than calling it.
            self._decide = policy.asgi
            self._apply = policy.apply_asgi
            if on_forged is not None:
                self._protects = policy.protects

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
        detour = None
        if not decision.allowed and decision.outcome is not Outcome.NO_ORIGIN:
            detour = self._on_refused_preflight if decision.is_preflight else self._on_refused
        elif self._on_forged is not None and start is _HTTP_START:
            if self._protects(*sent_asgi(scope)[:4]):
                detour = self._on_forged
        if detour is not None:
            answer = detour(decision, scope, receive, send)
            if answer is not None:
                return answer
        if decision.is_preflight:
            if self._on_allowed_preflight is not None and decision.allowed:
                return self._on_allowed_preflight(decision, scope, receive, send)
            if self._on_private_network is not None and asks_private_network(scope):
                return self._on_private_network(decision, scope, receive, send)
            return send_both(send, *messages(decision, self._body))
        # `send` is always wrapped, because every decision has a header to send (Vary with a list
        # of origins, Access-Control-Allow-Origin with "*"). A bound method has the attributes of
        # its function, so it has the mark of a coroutine function at no cost.
        given = (self._apply, decision, start, send)
        return self.app(scope, receive, MethodType(_send_with_cors, given))


def _send_with_cors(
    given: tuple[Callable[[Decision, Any], Any], Decision, str, Send], message: Message
) -> Awaitable[None]:
    """Send a message of the application; the one that starts a response gets the fields."""
    apply, decision, start, send = given
    if message["type"] == start:
        # Copy the message and its list, because a Response object that is sent twice owns them.
        message = dict(message)
        message["headers"] = apply(decision, message.get("headers", ()))
    return send(message)


# These attributes mark a plain function as a coroutine function. inspect reads the first since
# Python 3.12; asyncio reads the second in earlier versions.
MARKS = ("_is_coroutine_marker", "_is_coroutine")


def coroutine_mark() -> object:
    """Return the value that `MARKS` have on a coroutine function."""
    if sys.version_info >= (3, 12):
        import inspect

        return getattr(inspect.markcoroutinefunction(lambda: None), MARKS[0], None)
    import asyncio.coroutines

    return getattr(asyncio.coroutines, MARKS[1], None)


class WSGICall:
    """A WSGI application that wraps another one; see :class:`ASGICall` for the callables.

    Args:
        app: the WSGI application.
        policy: the policy; ``None`` only if `on_all` is given.
        body: the body of the answer to an allowed preflight, as plain text.
        on_all: `(environ, start_response)`, replaces everything else.
        on_refused_preflight: `(decision, environ, start_response)`; if it returns ``None``, the
            request goes on as without it.
        on_refused: the same for other requests with an Origin that is not allowed.
        on_forged: the same for other requests that another site has forged.
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
        on_forged: WSGIRefusal | None = None,
    ) -> None:
        if hasattr(self, "_on_refused"):
            raise TypeError(_MADE)
        self.app = app
        self._policy = policy
        self._body = body
        self._on_all = on_all
        self._on_refused_preflight = on_refused_preflight
        self._on_refused = on_refused
        self._on_forged = on_forged
        if policy is not None:
            self._decide = policy.wsgi
            self._apply = policy.apply_wsgi
            if on_forged is not None:
                self._protects = policy.protects

    @property
    def policy(self) -> Policy | None:
        """The policy in force. Read-only."""
        return self._policy

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if self._on_all is not None:
            return self._on_all(environ, start_response)
        decision = self._decide(environ)
        detour = None
        if not decision.allowed and decision.outcome is not Outcome.NO_ORIGIN:
            detour = self._on_refused_preflight if decision.is_preflight else self._on_refused
        elif self._on_forged is not None and self._protects(*sent_wsgi(environ)[:4]):
            detour = self._on_forged
        if detour is not None:
            answer = detour(decision, environ, start_response)
            if answer is not None:
                return answer
        if decision.is_preflight:
            return answer_wsgi(decision, self._body, start_response)
        given = (self._apply, decision, start_response)
        return self.app(environ, MethodType(_start_with_cors, given))


def _start_with_cors(
    given: tuple[Callable[[Decision, Any], Any], Decision, StartResponse],
    status: str,
    headers: list[tuple[str, str]],
    exc_info: Any = None,
) -> Any:
    """Start a response of the application with the fields."""
    apply, decision, start_response = given
    headers = apply(decision, headers)
    # Pass as many arguments as the application gave.
    if exc_info is None:
        return start_response(status, headers)
    return start_response(status, headers, exc_info)


_CALLED: dict[tuple[bool, bool], Callable[..., Any]] = {
    (True, False): ASGICall.__call__,
    (True, True): _send_with_cors,
    (False, False): WSGICall.__call__,
    (False, True): _start_with_cors,
}


def inspected(name: str, is_asgi: bool, is_wrapper: bool) -> object:
    """Return an attribute that inspect reads of a compiled object.

    Args:
        name: `__signature__` or one of `MARKS`.
        is_asgi: whether the object belongs to an ASGICall, not to a WSGICall.
        is_wrapper: whether it is the `send` or `start_response` that the application gets.
    """
    from inspect import signature

    if name == "__signature__":
        return signature(MethodType(_CALLED[is_asgi, is_wrapper], name))
    if is_asgi:
        return coroutine_mark()
    raise AttributeError(name)


def asks_private_network(scope: Scope) -> bool:
    """Return whether a preflight asks for a private network.

    https://wicg.github.io/private-network-access/#access-control-request-private-network
    """
    return any(name == _PRIVATE_NETWORK for name, _ in scope["headers"])


async def send_both(send: Send, start: Message, end: Message) -> None:
    """Send the whole answer to a preflight. The compiled ASGICall uses this coroutine too."""
    await send(start)
    await send(end)


def messages(decision: Decision, body: bytes) -> tuple[Message, Message]:
    """Return the two messages that answer a preflight. Callers may change them."""
    headers = list(decision.raw_headers)
    if not decision.allowed:
        body = b""
    headers += [(k.lower().encode(), v.encode()) for k, v in content(decision.status, body)]
    return (
        {"type": "http.response.start", "status": decision.status, "headers": headers},
        {"type": "http.response.body", "body": body},
    )


def answer_wsgi(decision: Decision, body: bytes, start_response: StartResponse) -> Iterable[bytes]:
    """Return the whole answer to a preflight; `body` is for an allowed one."""
    if not decision.allowed:
        body = b""
    headers = [*decision.headers, *content(decision.status, body)]
    start_response(status_line(decision.status), headers)
    return [body] if body else []


def status_line(status: int | None) -> str:
    """Return the first argument of `start_response`."""
    return f"{status} {_PHRASES.get(status or 0, 'OK')}"


def content(status: int | None, body: bytes) -> list[tuple[str, str]]:
    """Return the fields that describe the body of a response.

    A 204 may not have a length: https://www.rfc-editor.org/rfc/rfc9110#section-8.6. For any other
    status, a server without the length would send a chunked body or close the connection.
    """
    if status == 204:
        return []
    kind = [("Content-Type", PLAIN_TEXT)] if body else []
    return [("Content-Length", str(len(body))), *kind]
