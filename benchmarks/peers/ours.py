"""The subjects in Python: both engines of corsfast, and Starlette's middleware for scale.

An ASGI application is called without an event loop: its coroutine is stepped once, because
neither `receive` nor `send` ever waits. So what is left of a request is the application, the
middleware around it, and the frames between them; no server, no scheduler.

Place in the flow: rows -> answers and subjects of corsfast.bench.measure.
Never: import a framework but Starlette, and that only when it is asked for.
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Callable
from typing import Any

import corsfast
from corsfast.bench.cases import APP, fresh, scopes
from corsfast.bench.measure import Subject, measure

from .judge import Answer
from .rows import Policy, Row

# By their columns. The first is the call of a framework author; the others are middlewares.
DECISION = "corsfast: policy.asgi"
NATIVE = "corsfast"
PURE = "corsfast, pure Python"
STARLETTE = "Starlette"
OURS = (DECISION, NATIVE, PURE, STARLETTE)

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


def driven(application: Any, send: Any = send) -> Callable[[Message], None]:
    """A function of a scope that runs an application to its end."""

    def call(scope: Message) -> None:
        try:
            application(scope, receive, send).send(None)
        except StopIteration:
            return
        raise RuntimeError("the application waits for something")

    return call


def answered(application: Any, row: Row) -> Answer:
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    ((scope,),) = scopes(row.method, *row.fields)(1)
    driven(application, keep)(scope)
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
    if column == NATIVE:
        call = importlib.import_module("corsfast.middleware.asgi").CORSMiddleware
        return call(app, compiled("native", policy))
    # What CORSMiddleware is where the native engine is not installed.
    call = importlib.import_module("corsfast.middleware._calls").ASGICall
    return call(app, compiled("pure", policy))


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


def timer(column: str, row: Row) -> Callable[[int], tuple[float, float]]:
    """A function of a number of requests: one round, nanoseconds per request (gross, floor)."""
    inputs = scopes(row.method, *row.fields)
    if column == DECISION:
        subjects = {"gross": Subject(compiled("native", row.policy).asgi, inputs)}
    else:
        subjects = {
            "gross": Subject(driven(middleware(column, row.policy)), inputs),
            "floor": Subject(driven(app), inputs),
        }

    def time(calls: int) -> tuple[float, float]:
        figures = measure(subjects, rounds=1, calls=calls, progress=lambda _: None)
        # A decision needs no application around which it could be measured.
        return figures["gross"].median, figures["floor"].median if "floor" in figures else 0.0

    return time


def floors() -> dict[str, Callable[[int], tuple[float, float]]]:
    """What calling anything at all costs from Python, with the loop subtracted."""
    calls: dict[str, Callable[[Any], object]] = {
        "len(x)": len,
        "def f(x): pass": lambda _: None,
    }
    return {name: plain_timer(call) for name, call in calls.items()}


def plain_timer(call: Callable[[Any], object]) -> Callable[[int], tuple[float, float]]:
    subjects = {"": Subject(call, lambda n: [(fresh(APP),) for _ in range(n)])}

    def time(calls: int) -> tuple[float, float]:
        figures = measure(subjects, rounds=1, calls=calls, progress=lambda _: None)
        return figures[""].median, 0.0

    return time
