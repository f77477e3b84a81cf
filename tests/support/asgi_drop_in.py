"""Helpers for the tests of the drop-ins that wrap any ASGI application: Starlette's, Litestar's.

They are an application to wrap, a function that calls it, requests that no browser sends, and the
deviations that both drop-ins have. Nothing here imports a framework.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from hypothesis import strategies as st
from support.client import Answer, Request, cors_of, exchange, finish, scope_of

A = "https://a.example"

# No browser sends these values as an Origin.
MALFORMED = ("https://a.example/x", "x", "https://A.example", "\xe9", "a" * 8192)
_ODD_METHODS = ("", " PUT", "P" * 9000, "PU", "TRACE")


def application(*sent: tuple[bytes, bytes], status: int = 200) -> Any:
    """Return an application that says hello and sends these header fields."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"5"), *sent]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"hello"})

    return app


def call(app: Any, request: Request, run: Any = finish, /, **more: Any) -> Answer:
    """Send one request to an application; keyword arguments are added to its scope."""
    return run(exchange(app, scope_of(request, **more))).answer()


# -- requests that no browser sends ----------------------------------------------------------


def hostile_requests(origins: Iterable[str] = MALFORMED) -> Iterator[Request]:
    """Yield requests whose origin, method or list of names is malformed or too long."""
    host = ("host", "api.example")
    for origin in (A, *origins):
        yield Request("GET", (host, ("origin", origin)))
        for names in (
            "x-custom,,",
            "",
            " X-Custom ,\tAccept",
            "x-\xe9",
            "," * 65000,
            " " * 65000,
            "x-custom," * 8000,
            "x" * 65000,
        ):
            asked = (
                ("access-control-request-method", "PUT"),
                ("access-control-request-headers", names),
            )
            yield Request("OPTIONS", (host, *asked, ("origin", origin)))
    yield Request("GET", (host, ("origin", A), ("origin", "https://evil.example")))
    yield Request("GET", (host, ("origin", A), ("origin", A)))
    for method in _ODD_METHODS:
        yield Request("OPTIONS", (host, ("access-control-request-method", method), ("origin", A)))


def any_headers(*more: str) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Return a strategy for arbitrary values of the fields that CORS reads, and of `more`."""
    fields = ("origin", "access-control-request-method", "access-control-request-headers", *more)
    values = (A, "null", "PUT", "x-custom", "*", ",", " ", "\r\nx: y", "\xff", "x" * 9000)
    value = st.lists(st.sampled_from(values), max_size=3).map("".join)
    text = st.text(st.characters(max_codepoint=255), max_size=8)
    return st.lists(st.tuples(st.sampled_from(fields), value | text), max_size=6)


def assert_nothing_is_injected(request: Request, got: Answer) -> None:
    """Check that an echoed origin is exactly the one sent, and that no value can end a field."""
    echoed = got.headers.get("access-control-allow-origin", [])
    assert echoed in ([], ["*"]) or echoed == [request.origin]
    assert not any(
        "\r" in value or "\xff" in value for line in cors_of(got).values() for value in line
    )


# -- differences that both have --------------------------------------------------------------


def null_by_regex(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    """Return whether the original allowed `null` by a regex; corsfast requires it by name."""
    regex, origin = options.get("allow_origin_regex"), request.origin
    if regex is None or origin != "null":
        return False
    return re.fullmatch(regex, origin) is not None and not cors_of(ours)


def no_origin_at_all(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    return request.origin in ("", *MALFORMED) and not cors_of(ours)


def several_lines(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    return [name for name, _ in request.headers].count("origin") > 1 and not cors_of(ours)


def bare_string(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    return any(
        isinstance(value, str) and value != "*"
        for key, value in options.items()
        if key in ("allow_origins", "allow_methods", "allow_headers", "expose_headers")
    )
