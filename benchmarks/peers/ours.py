"""Drive the subjects in Python: corsfast's native engine, and Starlette's middleware for scale.

An ASGI application is awaited without an event loop, because neither `receive` nor `send` waits.
So the time is that of the application, the middleware and the frames between them.
"""

from __future__ import annotations

import gc
import importlib
import random
import re
import warnings
from collections.abc import Callable
from typing import Any

import corsfast
from corsfast.bench.cases import Inputs, scopes
from corsfast.bench.measure import Subject, sample, step

from .figures import Timer, of_blocks
from .judge import Answer
from .rows import Policy, Row

# The columns: the call that a framework author makes, then the middlewares.
DECISION = "corsfast: policy.asgi"
NATIVE = "corsfast"
STARLETTE = "Starlette"
OURS = (DECISION, NATIVE, STARLETTE)

Message = dict[str, Any]


async def app(scope: Message, receive: Any, send: Any) -> None:
    """Answer with an empty page: the application alone, and inside the middleware."""
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"text/plain"), (b"content-length", b"0")],
        }
    )
    await send({"type": "http.response.body", "body": b""})


async def receive() -> Message:
    return {"type": "http.request", "body": b""}


async def send(message: Message) -> None:
    pass


def requests(row: Row) -> Callable[[int], Inputs]:
    """Return a function that makes the arguments of n requests, all of new objects."""
    make = scopes(row.method, *row.fields)
    return lambda n: [(scope, receive, send) for (scope,) in make(n)]


def answered(application: Any, row: Row) -> Answer:
    """Return what the application answers to a row's request."""
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    ((scope,),) = scopes(row.method, *row.fields)(1)
    step(application(scope, receive, keep))
    start = messages[0]
    return Answer(
        start["status"], [(k.decode("latin-1"), v.decode("latin-1")) for k, v in start["headers"]]
    )


def middleware(column: str, policy: Policy) -> Any:
    """Wrap the application in a middleware with this policy."""
    if column == STARLETTE:
        return importlib.import_module("starlette.middleware.cors").CORSMiddleware(
            app,
            allow_origins=policy.origins,
            allow_origin_regex="|".join(
                rf"https://(?:[a-z0-9-]+\.)+{re.escape(domain)}" for domain in policy.subdomains_of
            )
            or None,
            allow_methods=policy.methods,
            allow_headers=policy.headers,
            expose_headers=policy.expose,
            allow_credentials=policy.credentials,
            max_age=policy.max_age,
        )
    call = importlib.import_module("corsfast.middleware.asgi").CORSMiddleware
    return call(app, compiled(policy))


def compiled(policy: Policy) -> Any:
    """Compile a row's policy for the native engine."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return corsfast.Policy(
            allow_origins=[
                *policy.origins,
                *(f"https://*.{domain}" for domain in policy.subdomains_of),
            ],
            allow_methods=policy.methods,
            allow_headers=policy.headers,
            expose_headers=policy.expose,
            allow_credentials=policy.credentials,
            max_age=policy.max_age,
        )


def lacking() -> dict[str, str]:
    """Return the columns that cannot be measured here, each with the reason."""
    missing = {}
    if corsfast.IMPLEMENTATION != "native":
        missing = dict.fromkeys((DECISION, NATIVE), "the native engine is not in use")
    try:
        importlib.import_module("starlette")
    except ModuleNotFoundError:
        missing[STARLETTE] = "not installed"
    return missing


def decides_rightly(row: Row) -> bool:
    """Return whether policy.asgi comes to the row's verdict."""
    ((scope,),) = scopes(row.method, *row.fields)(1)
    decision = compiled(row.policy).asgi(scope)
    return bool(decision.allowed) == (row.verdict == "allowed")


def timer(column: str, row: Row) -> Timer:
    """Return a timer of one cell: nanoseconds per request, (gross, floor)."""
    if column == DECISION:
        # A call has no application around it, so there is no floor.
        return timed(Subject(compiled(row.policy).asgi, scopes(row.method, *row.fields)))
    layered = Subject(middleware(column, row.policy), requests(row), step)
    return timed(layered, Subject(app, requests(row), step))


def timed(subject: Subject, floor: Subject | None = None) -> Timer:
    """Return a timer that runs the subject and its floor in random order in each block."""
    subjects = {0: subject} if floor is None else {0: subject, 1: floor}

    def block(calls: int) -> tuple[float, float]:
        found = [0.0, 0.0]
        for place in random.sample(list(subjects), len(subjects)):
            found[place] = sample(subjects[place], calls)
        return found[0], found[1]

    def time(calls: int, blocks: int) -> tuple[float, float]:
        gc.collect()
        gc.disable()
        try:
            return of_blocks([block(calls) for _ in range(blocks)])
        finally:
            gc.enable()

    return time
