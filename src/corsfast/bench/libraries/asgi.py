"""The smallest ASGI application, which sends two messages.

It is a scenario, and the scenarios of ASGI frameworks use its parts. It needs no event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any

from ..cases import APP, ASK_HEADERS, ASK_METHOD, REQUEST, Inputs, fresh, fresh_bytes
from ..engines import Engine
from ..measure import step
from . import POLICY, WITHOUT, Answer, Stand, Way, expected, expected_without

Run = Callable[[Coroutine[Any, Any, None]], object]

STRANGER = "https://app.example.com.attacker.net"
# An ordinary request without its Origin, which is the eighth header.
PLAIN = tuple(field for field in REQUEST if field[0] != "origin")
ASKS = (ASK_METHOD, ASK_HEADERS)


def stands(engines: dict[str, Engine]) -> Iterator[Stand]:
    yield Stand(
        "asgi",
        "a stub application that sends two messages",
        None,
        requests(),
        [without(stub), *generic(stub, engines)],
        run=step,
    )


async def stub(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


def without(app: Any, run: Run = step) -> Way:
    """Return the application without CORS."""
    return Way(WITHOUT, app, looking(app, run), expected_without())


def around(who: str, app: Any, expects: dict[str, Answer], run: Run = step) -> Way:
    return Way(who, app, looking(app, run), expects)


def generic(app: Any, engines: dict[str, Engine], run: Run = step) -> Iterator[Way]:
    """Yield corsfast's ASGI middleware around the application, on each engine."""
    for name, engine in engines.items():
        yield around(name, engine.asgi(app, engine.policy(**POLICY)), expected(204), run)


def looking(app: Any, run: Run) -> Callable[..., Answer]:
    """Return a function that returns what a client sees of one request."""

    def look(scope: Any, receive: Any, send: Any) -> Answer:
        starts: list[Any] = []

        async def seen(message: Any) -> None:
            if message["type"] == "http.response.start":
                starts.append(message)
            await send(message)

        async def request() -> None:
            await app(scope, receive, seen)

        run(request())
        (start,) = starts
        fields = dict(start["headers"])
        allow_origin = fields.get(b"access-control-allow-origin")
        return Answer(start["status"], allow_origin and allow_origin.decode())

    return look


def requests(
    make_client: Callable[[], tuple[Any, Any]] | None = None,
) -> dict[str, Callable[[int], Inputs]]:
    def inputs(method: str, *fields: tuple[str, str]) -> Callable[[int], Inputs]:
        return lambda n: [
            (scope(method, fields), *(make_client() if make_client else (receive, send)))
            for _ in range(n)
        ]

    return {
        "no Origin": inputs("GET", *PLAIN),
        "allowed": inputs("GET", *PLAIN[:7], ("origin", APP), *PLAIN[7:]),
        "refused": inputs("GET", *PLAIN[:7], ("origin", STRANGER), *PLAIN[7:]),
        "preflight": inputs("OPTIONS", *PLAIN[:7], ("origin", APP), *ASKS, *PLAIN[7:11]),
    }


def scope(method: str, fields: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return a new scope as a server makes it, of new objects."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": fresh(method),
        "scheme": "http",
        "path": fresh("/"),
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": [(fresh_bytes(name), fresh_bytes(value)) for name, value in fields],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        "extensions": {},
        "state": {},
    }


async def receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(message: Any) -> None:
    """Accept a message and do nothing."""
