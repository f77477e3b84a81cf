"""The subjects in Python: both engines of corsfast, the C prototype that is measured as the least
that Python allows, and Starlette's middleware for scale.

An ASGI application is awaited without an event loop: neither `receive` nor `send` ever waits.
So what is left of a request is the application, the middleware around it, and the frames
between them; no server, no scheduler.

Place in the flow: rows -> answers and timers.
Never: import a framework but Starlette, and that only when it is asked for.
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
import prototype
from corsfast.bench.cases import APP, Inputs, fresh, scopes
from corsfast.bench.measure import Subject, sample, step

from .figures import Timer, of_blocks
from .judge import Answer
from .rows import NAMES, STRANGER, THREE, Policy, Row

# By their columns. The first is the call of a framework author; the others are middlewares.
DECISION = "corsfast: policy.asgi"
NATIVE = "corsfast"
PURE = "corsfast, pure Python"
STARLETTE = "Starlette"
# floor/floor.c around the same application, in the same loop: what is lost by it, too, is lost
# to what ASGI asks of every middleware.
PROTOTYPE = "C prototype"
OURS = (DECISION, NATIVE, PROTOTYPE, PURE, STARLETTE)

Message = dict[str, Any]


async def app(scope: Message, receive: Any, send: Any) -> None:
    """The application, for the floor and behind the middleware."""
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
    """Makes the arguments of n requests: a scope of new objects, and where to send to."""
    make = scopes(row.method, *row.fields)
    return lambda n: [(scope, receive, send) for (scope,) in make(n)]


def answered(application: Any, row: Row) -> Answer:
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
    """The application within a middleware with this policy."""
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
    if column == PROTOTYPE:
        floor = prototype.load()
        return floor.Asgi(app, least(policy))
    if column == NATIVE:
        call = importlib.import_module("corsfast.middleware.asgi").CORSMiddleware
        return call(app, compiled("native", policy))
    # What CORSMiddleware is where the native engine is not installed.
    call = importlib.import_module("corsfast.middleware._calls").ASGICall
    return call(app, compiled("pure", policy))


def least(policy: Policy) -> Any:
    """The prototype of a policy. It may suppose to know the stranger, and the lists that are
    allowed: corsfast has met them before, too."""
    answers = prototype.answers_of(compiled("pure", policy), policy.origins[0])
    refused = answers.refused_preflight
    length = (b"content-length", b"0")  # a 403 has one, other than a 204
    sent = prototype.Answer((*refused.raw_headers, length), (), refused.status)
    return prototype.make(
        prototype.load(),
        answers._replace(refused_preflight=sent),
        policy.origins,
        suffixes=policy.subdomains_of,
        names=policy.headers,
        strangers=(STRANGER,),
        lists=(",".join(THREE), ",".join(NAMES)),
    )


def compiled(engine: str, policy: Policy) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return importlib.import_module(f"corsfast._{engine}").Policy(
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
    """The columns that cannot be measured here, each with the reason."""
    missing = {}
    if corsfast.IMPLEMENTATION != "native":
        missing = dict.fromkeys((DECISION, NATIVE), "the native engine is not in use")
    reason = prototype.lacking()
    if reason is not None:
        missing[PROTOTYPE] = reason
    try:
        importlib.import_module("starlette")
    except ModuleNotFoundError:
        missing[STARLETTE] = "not installed"
    return missing


def decides_rightly(row: Row) -> bool:
    """Whether policy.asgi, whose headers nobody sends here, comes to the row's verdict."""
    ((scope,),) = scopes(row.method, *row.fields)(1)
    decision = compiled("native", row.policy).asgi(scope)
    return bool(decision.allowed) == (row.verdict == "allowed")


def timer(column: str, row: Row) -> Timer:
    """Nanoseconds per request: (gross, floor)."""
    if column == DECISION:
        # A call needs no application around which it could be measured.
        return timed(Subject(compiled("native", row.policy).asgi, scopes(row.method, *row.fields)))
    layered = Subject(middleware(column, row.policy), requests(row), step)
    return timed(layered, Subject(app, requests(row), step))


def timed(subject: Subject, floor: Subject | None = None) -> Timer:
    """A function of a number of calls and of blocks: one round, in each block the two in any
    order."""
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


def floors() -> dict[str, Timer]:
    """What calling anything at all costs from Python, with the loop subtracted."""
    calls: dict[str, Callable[[Any], object]] = {
        "len(x)": len,
        "def f(x): pass": lambda _: None,
    }

    def inputs(n: int) -> Inputs:
        return [(fresh(APP),) for _ in range(n)]

    return {name: timed(Subject(call, inputs)) for name, call in calls.items()}
