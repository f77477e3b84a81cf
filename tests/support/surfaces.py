"""One request through every surface: the policy's methods, ASGI, WSGI and both middlewares.

A surface takes a policy and an Asked and returns an Outcome. engine/test_surfaces.py checks that
all surfaces give the same answer once several lines of a header are joined by commas.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from support.client import Answer, call_wsgi, exchange, finish

from corsfast.middleware import asgi as asgi_middleware, wsgi as wsgi_middleware

Lines = str | list[str] | None


class Asked(NamedTuple):
    """A method and three headers. Each header has one line, several lines, or is absent."""

    method: str
    origin: Lines = None
    acrm: Lines = None
    acrh: Lines = None

    def fields(self) -> Iterator[tuple[str, str]]:
        for name, lines in (
            ("origin", self.origin),
            ("access-control-request-method", self.acrm),
            ("access-control-request-headers", self.acrh),
        ):
            if lines is not None:
                for line in lines if isinstance(lines, list) else [lines]:
                    yield name, line

    def is_latin1(self) -> bool:
        return all(max(line, default="") < "\u0100" for _, line in self.fields())


class Outcome(NamedTuple):
    """A response. Header names are in lower case and sorted, because their order has no meaning."""

    headers: list[tuple[str, str]]
    status: int
    reached_application: bool
    decision: Any = None  # if the surface has one

    def get(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


def make_policy(engine: Any, options: dict[str, Any]) -> Any:
    """Build a policy without warnings, because other tests check those."""
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        return engine.Policy(**options)


def joined(lines: Lines) -> str | None:
    return ",".join(lines) if isinstance(lines, list) else lines


def _answer(decision: Any) -> Outcome:
    headers = sorted((name.lower(), value) for name, value in decision.headers)
    return Outcome(headers, decision.status or 200, not decision.is_preflight, decision)


def _bytes(text: Any) -> Any:
    if isinstance(text, list):
        return [_bytes(item) for item in text]
    return text.encode("latin-1") if isinstance(text, str) else text


def methods(policy: Any, request: Asked) -> Outcome:
    origin, acrm = joined(request.origin), joined(request.acrm)
    if request.method == "OPTIONS" and origin is not None and acrm is not None:
        return _answer(policy.preflight(origin, acrm, request.acrh))
    return _answer(policy.actual(origin))


def methods_bytes(policy: Any, request: Asked) -> Outcome:
    origin, acrm = _bytes(joined(request.origin)), _bytes(joined(request.acrm))
    if request.method == "OPTIONS" and origin is not None and acrm is not None:
        return _answer(policy.preflight(origin, acrm, _bytes(request.acrh)))
    return _answer(policy.actual(origin))


def decide(policy: Any, request: Asked) -> Outcome:
    origin, acrm = joined(request.origin), joined(request.acrm)
    return _answer(policy.decide(request.method, origin, acrm, request.acrh))


def asgi(policy: Any, request: Asked) -> Outcome:
    return _answer(policy.asgi(_scope(request)))


def wsgi(policy: Any, request: Asked) -> Outcome:
    return _answer(policy.wsgi(_environ(request)))


def asgi_app(
    policy: Any,
    request: Asked,
    status: int = 200,
    sent: Any = (),
    middleware: Any = asgi_middleware.CORSMiddleware,
) -> Outcome:
    """Call the middleware around an application that sends the headers in `sent`."""
    reached = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope)
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in sent]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    got = finish(exchange(middleware(app, policy), _scope(request))).answer()
    return Outcome(_wire(got), got.status, bool(reached))


def wsgi_app(policy: Any, request: Asked, status: int = 200, sent: Any = ()) -> Outcome:
    reached = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        reached.append(environ)
        start_response(f"{status} Whatever", [tuple(pair) for pair in sent])
        return []

    got = call_wsgi(wsgi_middleware.CORSMiddleware(app, policy), _environ(request))
    return Outcome(_wire(got), got.status, bool(reached))


def _wire(answer: Answer) -> list[tuple[str, str]]:
    """Return the sorted headers without Content-Length, which the middleware does not decide."""
    pairs = [(name, line) for name, lines in answer.headers.items() for line in lines]
    return sorted(pair for pair in pairs if pair[0] != "content-length")


def _scope(request: Asked) -> dict[str, Any]:
    fields = [(name.encode(), line.encode("latin-1")) for name, line in request.fields()]
    # Other headers: two more names, one as long as "origin", and a list among the tuples.
    headers: list[Any] = [(b"host", b"api.example"), *fields, [b"accept", b"*/*"]]
    return {"type": "http", "method": request.method, "path": "/", "headers": headers}


def _environ(request: Asked) -> dict[str, Any]:
    environ: dict[str, Any] = {"REQUEST_METHOD": request.method, "HTTP_HOST": "api.example"}
    for name, line in request.fields():
        key = "HTTP_" + name.upper().replace("-", "_")
        environ[key] = f"{environ[key]},{line}" if key in environ else line
    return environ


SURFACES: dict[str, Callable[[Any, Asked], Outcome]] = {
    "methods": methods,
    "methods-bytes": methods_bytes,
    "decide": decide,
    "asgi": asgi,
    "wsgi": wsgi,
    "asgi-app": asgi_app,
    "wsgi-app": wsgi_app,
}
# These surfaces encode text first, so they cannot carry anything beyond latin-1.
NEED_LATIN1 = frozenset({"methods-bytes", "asgi", "asgi-app"})


def on_each_surface(request: Asked, check: Callable[[str], None]) -> None:
    """Call ``check(surface)`` for each surface that can carry the request.

    Use one test per case: a test per surface makes seven times as many to collect and report.

    Raises:
        ExceptionGroup: All failures, with the names of the surfaces that failed.
    """
    failures: dict[str, Exception] = {}
    for surface in SURFACES:
        if surface in NEED_LATIN1 and not request.is_latin1():
            continue
        try:
            check(surface)
        except Exception as error:
            error.add_note(f"surface: {surface}")
            failures[surface] = error
    if failures:
        raise ExceptionGroup(f"failed on {', '.join(failures)}", list(failures.values()))
