"""The application and the policies of edge.py."""

from __future__ import annotations

import os
from typing import Any

from corsfast import Policy
from corsfast.bench.cases import TENANT
from corsfast.bench.scenario import POLICY
from corsfast.middleware.asgi import CORSMiddleware

NONE = "no CORS"
PATTERNS = ["https://*.preview.example.net", "https://pr-*.example.org", "http://localhost:*"]
# The exact origins and the patterns of each policy, and the origins that requests come from.
POLICIES: dict[str, tuple[int, list[str], str]] = {
    NONE: (0, [], TENANT),
    "1": (1, [], TENANT),
    "100": (100, [], TENANT),
    "10,000": (10_000, [], TENANT),
    "100 and 3 patterns": (100, PATTERNS, "https://b{}.preview.example.net"),
}


def policy_of(name: str) -> Policy | None:
    """Return the policy of a name; ``None`` for no CORS."""
    count, patterns, _ = POLICIES[name]
    origins = [*map(TENANT.format, range(count)), *patterns]
    return Policy(**{**POLICY, "allow_origins": origins}) if origins else None


def application() -> Any:
    """Return the application, with the policy in the environment; uvicorn calls this."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"17")]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"hello":"world"}'})

    policy = policy_of(os.environ["POLICY"])
    return app if policy is None else CORSMiddleware(app, policy)
