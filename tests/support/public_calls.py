"""The calls of a policy, with arguments of all kinds, for tests of memory."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

OPTIONS: dict[str, Any] = {
    "allow_origins": ["https://a.example", "https://*.b.example", "https://pr-*.c.example"],
    "allow_methods": "*",
    "allow_headers": "*",
    "expose_headers": ["x-id"],
    "allow_credentials": True,
}
ORIGINS = ["https://a.example", b"https://x.b.example", "https://pr-1.c.example", "https://evil", 5]


def calls(policy: Any, tables: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield public calls, each with its name and as a function that returns what is visible."""
    for origin in ORIGINS:
        yield f"actual {origin!r}", lambda origin=origin: shown(policy.actual(origin))
        asked = (origin, b"PUT", ["x-a", b" x-b ,"])
        yield f"preflight {origin!r}", lambda asked=asked: shown(policy.preflight(*asked))
    for method in ("GET", "OPTIONS"):
        fields = {
            "origin": "https://y.b.example",
            "access-control-request-method": "PATCH",
            "access-control-request-headers": "x-a",
        }
        headers = [(name.encode(), value.encode()) for name, value in fields.items()]
        scope = {"type": "http", "method": method, "headers": headers}
        environ = {"HTTP_" + k.upper().replace("-", "_"): v for k, v in fields.items()}
        environ["REQUEST_METHOD"] = method
        yield f"asgi {method}", lambda scope=scope: shown(policy.asgi(scope))
        yield f"wsgi {method}", lambda environ=environ: shown(policy.wsgi(environ))
    decision = policy.actual("https://x.b.example")
    sent = [("Vary", "Accept"), ("X-A", "1")]
    raw = [(name.lower().encode(), value.encode()) for name, value in sent]
    yield "apply_wsgi", lambda: policy.apply_wsgi(decision, sent)
    yield "apply_asgi", lambda: policy.apply_asgi(decision, raw)
    yield "stats", lambda: type(policy.stats())
    yield "hash", lambda: (hash(policy), hash(decision))
    yield "repr", lambda: (repr(policy), repr(decision))
    yield "options", policy.options
    yield "describe", policy.describe
    yield "explain", lambda: str(policy.explain("PUT", "https://evil.example"))
    yield "pickle", lambda: pickle.loads(pickle.dumps(policy)).describe()
    yield "_from_tables", lambda: shown(type(policy)._from_tables(tables).actual(ORIGINS[0]))
    yield "Policy", lambda: type(policy)(**OPTIONS).describe()


def shown(decision: Any) -> Any:
    return repr(decision), decision.headers, decision.raw_headers, decision.vary, decision.status
