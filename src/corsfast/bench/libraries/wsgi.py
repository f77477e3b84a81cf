"""The smallest WSGI application, which starts one response.

It is a scenario, and the scenarios of WSGI frameworks use its parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults

from ..cases import APP, Inputs, fresh
from ..engines import Engine
from . import POLICY, WITHOUT, Answer, Stand, Way, expected, expected_without
from .asgi import ASKS, PLAIN, STRANGER

SERVER: dict[str, Any] = {}
setup_testing_defaults(SERVER)
del SERVER["HTTP_HOST"]


def stands(engines: dict[str, Engine]) -> Iterator[Stand]:
    yield Stand(
        "wsgi",
        "a stub application that starts one response",
        None,
        requests(),
        [without(stub, stub), *generic(stub, engines, called=False)],
    )


def stub(environ: Any, start_response: Any) -> list[bytes]:  # noqa: ARG001
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


def without(app: Any, call: Any = None) -> Way:
    """Return the application without CORS."""
    return Way(WITHOUT, call or served(app), looking(app), expected_without())


def around(who: str, app: Any, expects: dict[str, Answer]) -> Way:
    return Way(who, served(app), looking(app), expects)


def generic(app: Any, engines: dict[str, Engine], *, called: bool = True) -> Iterator[Way]:
    """Yield corsfast's WSGI middleware around the application, on each engine."""
    for name, engine in engines.items():
        wrapped = engine.wsgi(app, engine.policy(**POLICY))
        call = served(wrapped) if called else wrapped
        yield Way(name, call, looking(wrapped), expected(204))


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


def looking(app: Any) -> Callable[..., Answer]:
    """Return a function that returns what a client sees of one request."""

    def look(environ: Any, _: Any) -> Answer:
        starts: list[Any] = []
        served(app)(environ, lambda *start: starts.append(start))
        ((status, fields, *_exc_info),) = starts
        named = {name.lower(): value for name, value in fields}
        return Answer(int(status[:3]), named.get("access-control-allow-origin"))

    return look


def requests() -> dict[str, Callable[[int], Inputs]]:
    def inputs(method: str, *fields: tuple[str, str]) -> Callable[[int], Inputs]:
        return lambda n: [(environ(method, fields), start_response) for _ in range(n)]

    return {
        "no Origin": inputs("GET", *PLAIN),
        "allowed": inputs("GET", *PLAIN, ("origin", APP)),
        "refused": inputs("GET", *PLAIN, ("origin", STRANGER)),
        "preflight": inputs("OPTIONS", *PLAIN, ("origin", APP), *ASKS),
    }


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
