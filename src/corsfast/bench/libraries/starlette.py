"""Starlette's CORSMiddleware (FastAPI's is the same class), around the stub application."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.middleware.cors import CORSMiddleware

from ..engines import Engine
from ..measure import step
from . import POLICY, Share, Stand, Way, drop_in, expected
from .asgi import around, generic, requests, stub, without

COMMON = ("no Origin", "allowed")


def stands(engines: dict[str, Engine]) -> Iterator[Stand]:
    yield Stand(
        "starlette",
        "its middleware around a stub application that sends two messages",
        "starlette",
        requests(),
        [without(stub), *ways(), *generic(stub, engines)],
        (
            Share("drop-in", 1 / 20, COMMON),
            Share("native", 1 / 25, COMMON),
            Share("drop-in", 1 / 12, ("preflight",)),
            Share("native", 1 / 12, ("preflight",)),
            Share("pure", 1 / 4, ("allowed",)),
        ),
        step,
    )


def ways() -> Iterator[Way]:
    original: Any = CORSMiddleware(stub, **POLICY)
    yield around("starlette", original, expected(200))
    if ours := drop_in("starlette"):
        yield around("drop-in", ours.CORSMiddleware(stub, **POLICY), expected(200))
