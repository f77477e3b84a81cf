"""Write the CORS fields of each response, by the route and Origin of its request.

    route --answers--> Answers --Origin--> fields

aiohttp awaits the result of a receiver. This receiver has nothing to wait for, so it is a plain
function that returns a finished awaitable. A coroutine function would cost more, because it creates
and runs a coroutine for each request.
"""

from __future__ import annotations

import types

from aiohttp import hdrs

from .answers import Answers, merge_vary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator
    from typing import Any, Protocol

    from aiohttp import web

    class Knows(Protocol):
        """The object that the receiver is a method of.

        Attributes:
            answers: by route; None means that the route was not added, so nothing is written.
            look: find the answers for a route that is not in `answers`, or is `SEVERAL` there.
            late: return the awaitable for a response that gets no fields at once.
        """

        @property
        def answers(self) -> dict[Any, Answers | None]: ...

        def look(self, request: web.Request, route: Any) -> Answers | None: ...

        def late(
            self, request: web.Request, response: web.StreamResponse, route: Any
        ) -> Awaitable[None]: ...


ORIGIN, VARY = hdrs.ORIGIN, hdrs.VARY
# Permissions that a handler set itself; an origin that is not allowed here does not get them.
GRANTS = (
    hdrs.ACCESS_CONTROL_ALLOW_ORIGIN,
    hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS,
    hdrs.ACCESS_CONTROL_EXPOSE_HEADERS,
)
ORIGIN_NAME = "Origin"

# Marks a route that takes several methods, each with its own answers.
SEVERAL = Answers({})


@types.coroutine
def _over() -> Generator[None, None, None]:
    return
    yield


# A finished generator may be awaited any number of times and by any caller: it is finished each
# time (https://docs.python.org/3/reference/expressions.html#generator.__next__). Awaiting a
# finished coroutine is an error.
OVER: Awaitable[None] = _over()
for _ in OVER:  # type: ignore[attr-defined]  # it is a generator as well
    raise AssertionError


def receive(self: Knows, request: web.Request, response: web.StreamResponse) -> Awaitable[None]:
    """Write a response's fields, and return an awaitable."""
    # Read private attributes, because the properties of aiohttp cost more than all the rest.
    try:
        route = request._match_info._route
        headers = response._headers
        asked = request._headers
    except AttributeError:
        route = request.match_info.route
        headers = response.headers
        asked = request.headers
    try:
        answers = self.answers[route]
    except KeyError:
        answers = SEVERAL
    if answers is SEVERAL:
        answers = self.look(request, route)
    if answers is None:
        return self.late(request, response, route)
    write(answers, asked, headers)
    return OVER


def write(answers: Answers, asked: Any, headers: Any) -> None:
    """Write the fields into a response's headers, by the headers of its request."""
    if ORIGIN in asked:
        lines = asked.getall(ORIGIN)
        # With two Origin lines the origin is ambiguous, so nothing is allowed.
        if len(lines) == 1:
            origin = lines[0]
            found = answers.fields.get(origin)
            if found is None and answers.anybody is not None:
                found = answers.fields_for_others(origin)
            if found is not None:
                if answers.exposes_all:
                    answers.expose_all(origin, headers)
                # These fields replace the handler's own. Otherwise the handler's
                # Allow-Credentials could combine with the origin that is allowed here, and allow
                # more than either of them does alone.
                fields, unwanted = found
                if VARY in headers:
                    vary = headers.getall(VARY)
                    headers.update(fields)
                    merge_vary(headers, vary)
                else:
                    headers.update(fields)
                for name in unwanted:
                    if name in headers:
                        del headers[name]
                return
        for name in GRANTS:
            headers.popall(name, None)
    if VARY in headers:
        merge_vary(headers, headers.getall(VARY))
    else:
        headers[VARY] = ORIGIN_NAME
