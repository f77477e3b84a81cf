"""The smallest ASGI application, which sends two messages.

It is a scenario, and the scenarios of ASGI frameworks use its parts. It needs no event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any

from ..cases import Inputs, fresh, fresh_bytes
from ..engines import Engine
from ..measure import step
from ..scenario import KINDS, POLICY, WITHOUT, CheckedResponse, Scenario, variants

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def scenarios(engines: dict[str, Engine]) -> Iterator[Scenario]:
    about = "a stub application that sends two messages"
    yield build("asgi", about, None, {WITHOUT: stub}, engines)


def build(
    name: str,
    about: str,
    original: str | None,
    apps: dict[str, Any],
    engines: dict[str, Engine],
    expects: dict[str, CheckedResponse] | None = None,
    make_client: Callable[[], tuple[Any, Any]] | None = None,
    run: Run = step,
    **more: Any,
) -> Scenario:
    """Return the scenario of these applications, by variant, and of our generic middleware."""
    generic = {
        engine.name: engine.asgi(apps[WITHOUT], engine.policy(**POLICY))
        for engine in engines.values()
    }
    found = variants(apps, generic, lambda app: looking(app, run), expects=expects)
    requests = {kind: inputs(*request, make_client) for kind, request in KINDS.items()}
    return Scenario(name, about, original, requests, found, run=run, **more)


async def stub(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


def looking(app: Any, run: Run) -> Callable[..., CheckedResponse]:
    """Return a function that returns what a client sees of one request."""

    def look(scope: Any, receive: Any, send: Any) -> CheckedResponse:
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
        return CheckedResponse(start["status"], allow_origin and allow_origin.decode())

    return look


def inputs(
    method: str,
    fields: Iterable[tuple[str, str]],
    make_client: Callable[[], tuple[Any, Any]] | None,
) -> Callable[[int], Inputs]:
    client = make_client or (lambda: (receive, send))
    return lambda n: [(scope(method, fields), *client()) for _ in range(n)]


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
