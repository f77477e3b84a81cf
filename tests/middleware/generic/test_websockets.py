"""WebSocket handshakes: foreign origins are rejected before the application is called.

Pages can open a socket with their visitors' cookies, and Origin is a server's only protection
against that.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import corsfast
from corsfast._options.same_origin import same_origin
from corsfast.middleware.asgi import CORSMiddleware
from corsfast.middleware.resolver import OriginResolver

APP = "https://app.example.com"
OTHER = "https://other.example"


class Server:
    """One handshake: what the application saw, and the messages to the server."""

    def __init__(self, middleware_of: Any, *, denial: bool = True, path: str = "/") -> None:
        self.reached = False
        self.sent: list[dict[str, Any]] = []
        self._middleware = middleware_of(self._app)
        self._extensions = {"websocket.http.response": {}} if denial else None
        self._path = path

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        self.reached = True
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})

    def shake(self, *headers: tuple[str, str], first: str = "websocket.connect") -> Server:
        scope = {
            "type": "websocket",
            "path": self._path,
            "headers": [(name.encode(), value.encode()) for name, value in headers],
        }
        if self._extensions is not None:
            scope["extensions"] = self._extensions
        messages = [{"type": first}]

        async def receive() -> dict[str, Any]:
            return messages.pop()

        async def send(message: dict[str, Any]) -> None:
            assert not messages, "a server is answered after it has asked"
            self.sent.append(message)

        async def serve() -> None:
            await self._middleware(scope, receive, send)

        asyncio.run(serve())
        return self

    @property
    def accepted(self) -> bool:
        kinds = [message["type"] for message in self.sent]
        assert self.reached is (kinds == ["websocket.accept"])
        return self.reached


def around(*args: Any, **options: Any) -> Any:
    return lambda app: CORSMiddleware(app, *args, **options)


DENIED = [
    {
        "type": "websocket.http.response.start",
        "status": 403,
        "headers": [(b"vary", b"Origin"), (b"content-length", b"0")],
    },
    {"type": "websocket.http.response.body", "body": b""},
]
CLOSED = [{"type": "websocket.close", "code": 1008, "reason": ""}]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("host", "api.example")],
        [("origin", APP)],
        [("origin", APP), ("host", "api.example")],
        [("origin", "https://api.example"), ("host", "api.example")],
        [("origin", "http://api.example"), ("host", "api.example")],
        [("origin", "https://api.example"), ("host", "API.example:443")],
        [("origin", "https://api.example"), ("host", "api.example:80")],
        [("origin", "http://api.example:8000"), ("host", "api.example:8000")],
        [("origin", "http://[::1]:8000"), ("host", "[::1]:8000")],
    ],
)
def test_allowed_handshakes(Policy: Any, headers: Any) -> None:
    assert Server(around(Policy(allow_origins=[APP]))).shake(*headers).accepted


@pytest.mark.parametrize("denial", [True, False])
@pytest.mark.parametrize(
    "headers",
    [
        [("origin", OTHER)],
        [("origin", OTHER), ("host", "api.example")],
        [("origin", "null"), ("host", "null")],
        [("origin", ""), ("host", "")],
        [("origin", "garbage"), ("host", "garbage")],
        [("origin", "https://api.example:8000"), ("host", "api.example")],
        [("origin", "https://api.example"), ("host", "api.example:8000")],
        [("origin", "https://x.api.example"), ("host", "api.example")],
        [("origin", "https://api.example.evil.example"), ("host", "api.example")],
        [
            ("origin", "https://evil.example"),
            ("host", "api.example"),
            ("x-forwarded-host", "evil.example"),
        ],
        [("origin", "https://api.example"), ("host", "api.example"), ("host", "api.example")],
        [("origin", "chrome-extension://api.example"), ("host", "api.example")],
        [("origin", "https://api.example/"), ("host", "api.example")],
        [("origin", APP), ("origin", APP), ("host", "app.example.com")],
        [("origin", APP), ("origin", OTHER)],
    ],
)
def test_refused_handshakes(Policy: Any, headers: Any, denial: bool) -> None:
    server = Server(around(Policy(allow_origins=[APP])), denial=denial).shake(*headers)
    assert not server.accepted
    assert server.sent == (DENIED if denial else CLOSED)


def test_pass_leaves_them_to_the_application(Policy: Any) -> None:
    policy = Policy(allow_origins=[APP])
    resolver = OriginResolver(lambda _: False)
    for options in ({}, {"cross_site": "refuse_all"}, {"resolver": resolver}):
        middleware = around(policy, websockets="pass", **options)
        assert Server(middleware).shake(("origin", OTHER)).accepted


def test_any_origin_gets_a_star(Policy: Any) -> None:
    assert Server(around(Policy(allow_origins="*"))).shake(("origin", OTHER)).accepted
    assert Server(around(Policy(allow_origins="*"))).shake(("origin", "null")).accepted


def test_a_closed_connection_gets_no_answer(Policy: Any) -> None:
    server = Server(around(Policy(allow_origins=[APP])))
    server.shake(("origin", OTHER), first="websocket.disconnect")
    assert not server.reached
    assert server.sent == []


def test_by_path(Policy: Any) -> None:
    paths = {"/ws/*": Policy(allow_origins=[APP]), "/own/*": None}
    for path, origin, accepted in [
        ("/ws/x", APP, True),
        ("/ws/x", OTHER, False),
        ("/WS/x", APP, False),
        ("/own/x", OTHER, True),
        ("/x", OTHER, True),
    ]:
        assert Server(around(paths=paths), path=path).shake(("origin", origin)).accepted is accepted


def test_looked_up(Policy: Any) -> None:
    for resolve in (lambda origin: origin == OTHER, lambda origin: Policy(allow_origins=[OTHER])):
        middleware = around(Policy(allow_origins=[APP]), resolver=OriginResolver(resolve))
        for origin, accepted in [(OTHER, True), (APP, True), ("https://x.example", False)]:
            assert Server(middleware).shake(("origin", origin)).accepted is accepted
        own = [("origin", "https://x.example"), ("host", "x.example")]
        assert Server(middleware).shake(*own).accepted


@pytest.mark.parametrize("wrong", ["Check", None, True, b"check", ["check"]])
def test_check_or_pass(Policy: Any, wrong: Any) -> None:
    with pytest.raises(corsfast.PolicyError) as caught:
        around(Policy(allow_origins=[APP]), websockets=wrong)(print)
    (problem,) = caught.value.problems
    assert (problem.option, problem.hint) == ("websockets", "'check'")
    assert str(caught.value).startswith("1 problem in the arguments:\n")


def test_wsgi_has_no_websockets(Policy: Any) -> None:
    from corsfast.middleware.wsgi import CORSMiddleware as WSGIMiddleware

    wsgi: Any = WSGIMiddleware
    with pytest.raises(TypeError, match=r"no option 'websockets'; it is for the .*[.]asgi only"):
        wsgi(print, Policy(allow_origins=[APP]), websockets="check")
    with pytest.raises(TypeError, match=r"no option 'websockets'; it is for the .*[.]asgi only"):
        wsgi(print, allow_origins=[APP], websockets="check")


def test_long_hosts_are_not_looked_through() -> None:
    assert not same_origin("https://a.example", "a.example" * 10_000)
    assert not same_origin("https://a.example", None)
    assert not same_origin("https://", "")
    assert same_origin("https://a.example", "A.EXAMPLE")


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("https://a.example", "a.example:443", True),
        ("http://a.example", "a.example:443", True),
        ("https://a.example:444", "a.example:444", True),
        ("http://a.example:443", "a.example:443", True),
        ("http://[::1]", "[::1]:80", True),
        ("http://a.example:443", "a.example:443:443", False),
        ("https://a.example:444", "a.example:444:80", False),
        ("https://a.example:443", "a.example:443", False),
        ("https://a.example:", "a.example:", False),
        ("https://a.example", "xa.example:443", False),
        ("https://a.example", "", False),
        ("https://a b", "a b", False),
        ("https://a@b.example", "a@b.example", False),
        ("https://a.example/", "a.example/", False),
        ("https://", ":443", False),
        ("https://a.example", ":443", False),
        ("https://\u212a.example", "k.example", False),
        ("https://k.example", "\u212a.example", False),
        ("ftp://a.example", "a.example", False),
    ],
)
def test_host_and_port_are_compared_as_values(origin: str, host: str, same: bool) -> None:
    assert same_origin(origin, host) is same
