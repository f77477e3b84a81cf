"""asgi-cors around the stub application. It does not answer preflights; the application does."""

from __future__ import annotations

from collections.abc import Iterator

from asgi_cors import asgi_cors

from ..engines import Engine
from ..measure import step
from . import HEADERS, METHODS, ORIGINS, Stand, expected
from .asgi import around, generic, requests, stub, without


def stands(engines: dict[str, Engine]) -> Iterator[Stand]:
    # No max_age, because with it servers drop the connection (it sends a str instead of bytes).
    app = asgi_cors(stub, hosts=ORIGINS, headers=HEADERS, methods=METHODS)
    answers = {name: answer for name, answer in expected(0).items() if name != "preflight"}
    yield Stand(
        "asgi-cors",
        "its middleware around a stub application that sends two messages",
        "asgi-cors",
        requests(),
        [without(stub), around("asgi-cors", app, answers), *generic(stub, engines)],
        run=step,
        note="asgi-cors knows no credentials and no exposed headers, and writes no Vary",
    )
