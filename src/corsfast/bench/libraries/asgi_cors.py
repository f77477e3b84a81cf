"""asgi-cors around the stub application. It does not answer preflights; the application does."""

from __future__ import annotations

from collections.abc import Iterator

from asgi_cors import asgi_cors

from ..engines import Engine
from ..scenario import HEADERS, METHODS, ORIGINS, PREFLIGHT, WITHOUT, Scenario, expected
from . import asgi


def scenarios(engines: dict[str, Engine]) -> Iterator[Scenario]:
    # No max_age, because with it servers drop the connection (it sends a str instead of bytes).
    app = asgi_cors(asgi.stub, hosts=ORIGINS, headers=HEADERS, methods=METHODS)
    yield asgi.build(
        "asgi-cors",
        "its middleware around a stub application that sends two messages",
        "asgi-cors",
        {WITHOUT: asgi.stub, "asgi-cors": app},
        engines,
        expects={kind: answer for kind, answer in expected(0).items() if kind != PREFLIGHT},
        note="asgi-cors knows no credentials and no exposed headers, and writes no Vary",
    )
