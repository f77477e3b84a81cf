"""Answer and time the requests with corsfast's native ASGI middleware.

The application is awaited without an event loop, because neither `receive` nor `send` waits.
"""

from __future__ import annotations

import warnings
from typing import Any

import corsfast
from corsfast.bench.cases import Inputs, scopes
from corsfast.bench.libraries.asgi import receive, send, stub
from corsfast.bench.measure import Subject, collected, in_random_order, step
from corsfast.middleware.asgi import CORSMiddleware

from .judge import PeerResponse
from .requests import Policy, Request

SUBJECT = "corsfast"


def subject(application: Any, request: Request) -> Subject:
    make = scopes(request.method, *request.fields)

    def inputs(n: int) -> Inputs:
        return [(scope, receive, send) for (scope,) in make(n)]

    return Subject(application, inputs, step)


def compiled(policy: Policy) -> corsfast.Policy:
    """Compile a policy for the native engine."""
    assert corsfast.IMPLEMENTATION == "native"
    patterns = [f"https://*.{domain}" for domain in policy.subdomains_of]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return corsfast.Policy(
            allow_origins=[*policy.origins, *patterns],
            allow_methods=policy.methods,
            allow_headers=policy.headers,
            expose_headers=policy.expose,
            allow_credentials=policy.credentials,
            max_age=policy.max_age,
        )


class Ours:
    """Our counterpart of programs.Running."""

    def __init__(self, requests: tuple[Request, ...]) -> None:
        self.subjects = {
            request.name: (
                subject(CORSMiddleware(stub, compiled(request.policy)), request),
                subject(stub, request),
            )
            for request in requests
        }

    def answer(self, _: str, request: str) -> PeerResponse:
        """Return the answer to a request."""
        layered, _floor = self.subjects[request]
        messages: list[dict[str, Any]] = []

        async def keep(message: dict[str, Any]) -> None:
            messages.append(message)

        ((scope, receive, _send),) = layered.inputs(1)
        step(layered.call(scope, receive, keep))
        headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in messages[0]["headers"]]
        return PeerResponse(messages[0]["status"], headers)

    def times(self, _: str, request: str, calls: int, blocks: int) -> list[tuple[float, ...]]:
        """Return the nanoseconds per request of each block, with and without the middleware."""
        with collected():
            return [in_random_order(self.subjects[request], calls) for _ in range(blocks)]
