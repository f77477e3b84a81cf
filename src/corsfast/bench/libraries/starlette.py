"""Starlette's CORSMiddleware (FastAPI's is the same class), around the stub application."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.middleware.cors import CORSMiddleware

from ...middleware import starlette as drop_in
from ..engines import Engine
from ..scenario import DROP_IN, POLICY, WITHOUT, Scenario, goals
from . import asgi


def scenarios(engines: dict[str, Engine]) -> Iterator[Scenario]:
    yield asgi.build(
        "starlette",
        "its middleware around a stub application that sends two messages",
        "starlette",
        {
            WITHOUT: asgi.stub,
            "starlette": CORSMiddleware(asgi.stub, **POLICY),
            DROP_IN: drop_in.CORSMiddleware(asgi.stub, **POLICY),
        },
        engines,
        goals=goals(DROP_IN, 1 / 20, "no Origin", "allowed")
        | goals("native", 1 / 25, "no Origin", "allowed")
        | goals(DROP_IN, 1 / 12, "preflight")
        | goals("native", 1 / 12, "preflight")
        | goals("pure", 1 / 4, "allowed"),
    )
