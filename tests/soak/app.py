"""The applications of the soak test. A thread replaces their policy each second."""

from __future__ import annotations

import itertools
import threading
import time
from typing import Any

import corsfast
from corsfast.middleware import asgi as asgi_middleware, wsgi as wsgi_middleware

# traffic.lua knows both policies. Only `https://sometimes.example.com` and the age differ.
COMMON: dict[str, Any] = {
    "allow_methods": ["PUT"],
    "allow_headers": ["X-Token"],
    "expose_headers": ["X-Total"],
    "allow_credentials": True,
}
ORIGINS = ["https://app.example.com", "https://*.preview.example.com"]


def policies() -> list[corsfast.Policy]:
    """Return the two policies, made again, so that their memory is freed again."""
    return [
        corsfast.Policy(allow_origins=ORIGINS, max_age=60, **COMMON),
        corsfast.Policy(
            allow_origins=[*ORIGINS, "https://sometimes.example.com"], max_age=600, **COMMON
        ),
    ]


def replace_forever() -> None:
    for number in itertools.count():
        holder.policy = policies()[number % 2]
        time.sleep(1)


holder = corsfast.PolicyHolder(policies()[0])
threading.Thread(target=replace_forever, daemon=True).start()


async def hello(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    headers = [(b"content-length", b"5"), (b"vary", b"Accept")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


def hello_wsgi(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "5"), ("Vary", "Accept")])
    return [b"hello"]


asgi = asgi_middleware.CORSMiddleware(hello, holder)
wsgi = wsgi_middleware.CORSMiddleware(hello_wsgi, holder)
