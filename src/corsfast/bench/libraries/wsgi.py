"""The smallest WSGI application, which starts one response.

It is a scenario, and the scenarios of WSGI frameworks use its parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults

from ..cases import Inputs, fresh
from ..engines import Engine
from ..scenario import KINDS, POLICY, WITHOUT, CheckedResponse, Scenario, variants

SERVER: dict[str, Any] = {}
setup_testing_defaults(SERVER)
del SERVER["HTTP_HOST"]


def scenarios(engines: dict[str, Engine]) -> Iterator[Scenario]:
    about = "a stub application that starts one response"
    yield build("wsgi", about, None, {WITHOUT: stub}, engines, call=lambda app: app)


def build(
    name: str,
    about: str,
    original: str | None,
    apps: dict[str, Any],
    engines: dict[str, Engine],
    expects: dict[str, CheckedResponse] | None = None,
    call: Callable[[Any], Callable[..., Any]] | None = None,
    **more: Any,
) -> Scenario:
    """Return the scenario of these applications, by variant, and of our generic middleware."""
    generic = {
        engine.name: engine.wsgi(apps[WITHOUT], engine.policy(**POLICY))
        for engine in engines.values()
    }
    found = variants(apps, generic, looking, call or served, expects)
    return Scenario(name, about, original, requests(), found, **more)


def stub(environ: Any, start_response: Any) -> list[bytes]:  # noqa: ARG001
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


def served(app: Any) -> Callable[[Any, Any], None]:
    """Return a call that handles a request as a server does: read the body, and close it."""

    def call(environ: Any, start_response: Any) -> None:
        body = app(environ, start_response)
        for _ in body:
            pass
        close = getattr(body, "close", None)
        if close is not None:
            close()

    return call


def looking(app: Any) -> Callable[..., CheckedResponse]:
    """Return a function that returns what a client sees of one request."""

    def look(environ: Any, _: Any) -> CheckedResponse:
        starts: list[Any] = []
        served(app)(environ, lambda *start: starts.append(start))
        ((status, fields, *_exc_info),) = starts
        named = {name.lower(): value for name, value in fields}
        return CheckedResponse(int(status[:3]), named.get("access-control-allow-origin"))

    return look


def requests() -> dict[str, Callable[[int], Inputs]]:
    def inputs(method: str, fields: Iterable[tuple[str, str]]) -> Callable[[int], Inputs]:
        return lambda n: [(environ(method, fields), start_response) for _ in range(n)]

    return {kind: inputs(*request) for kind, request in KINDS.items()}


def environ(method: str, fields: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return a new environ as a server makes it, with fields of new objects."""
    return {
        **SERVER,
        "REQUEST_METHOD": fresh(method),
        "PATH_INFO": fresh("/"),
        **{"HTTP_" + name.upper().replace("-", "_"): fresh(value) for name, value in fields},
    }


def start_response(*_: Any) -> None:
    """Accept the start of a response and do nothing."""
