"""What happens to each response: its fields, by its request's route and Origin.

    route --answers--> Answers --Origin--> fields

aiohttp awaits what a receiver returns. There is nothing to wait for here, so the receiver is a
plain function, and what it returns is over already: that costs less than a coroutine which is
made, run to its end and thrown away for each request.

Place in the flow: answers -> this -> signal.
Never: be a coroutine function; compile options; raise for anything that a request holds.
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
        """What the receiver is a method of.

        Attributes:
            answers: by route; None: others may not ask for it, and nothing is written.
            look: the same for a request whose route is not in there, or is `SEVERAL` there.
            late: what to await where nothing is written at once.
        """

        @property
        def answers(self) -> dict[Any, Answers | None]: ...

        def look(self, request: web.Request, route: Any) -> Answers | None: ...

        def late(
            self, request: web.Request, response: web.StreamResponse, route: Any
        ) -> Awaitable[None]: ...


ORIGIN, VARY = hdrs.ORIGIN, hdrs.VARY
# The grants of a handler itself; an origin that is not allowed here does not get them.
GRANTS = (
    hdrs.ACCESS_CONTROL_ALLOW_ORIGIN,
    hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS,
    hdrs.ACCESS_CONTROL_EXPOSE_HEADERS,
)
ORIGIN_NAME = "Origin"

# Stands for a route that takes several methods, of which each has its own answers.
SEVERAL = Answers({})


@types.coroutine
def _over() -> Generator[None, None, None]:
    return
    yield


# A generator that has ended may be awaited any number of times, by anybody: each time it has
# ended (https://docs.python.org/3/reference/expressions.html#generator.__next__). A coroutine
# that has ended is an error then.
OVER: Awaitable[None] = _over()
for _ in OVER:  # type: ignore[attr-defined]  # it is a generator as well
    raise AssertionError


def receive(self: Knows, request: web.Request, response: web.StreamResponse) -> Awaitable[None]:
    """Write a response's fields; await what is returned."""
    # What the properties of aiohttp return; calling them costs more than all the rest.
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
    """Write the fields into a response's headers, by those of its request."""
    if ORIGIN in asked:
        lines = asked.getall(ORIGIN)
        # A second Origin line leaves open who asks, so nobody is allowed then.
        if len(lines) == 1:
            origin = lines[0]
            found = answers.fields.get(origin)
            if found is None and answers.anybody is not None:
                found = answers.fields_for_others(origin)
            if found is not None:
                if answers.exposes_all:
                    answers.expose_all(origin, headers)
                # A handler's own fields give way to these: its Allow-Credentials, beside the
                # origin that is allowed here, would allow more than either.
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
