"""Litestar's own CORS (`cors_config`), in a whole application called as a server calls it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from litestar import Litestar, route
from litestar.config.cors import CORSConfig

from ..engines import Engine
from ..measure import step
from . import POLICY, WHOLE, Share, Stand, Way, drop_in, expected
from .asgi import around, generic, requests, without

COMMON = ("no Origin", "allowed")


def stands(engines: dict[str, Engine]) -> Iterator[Stand]:
    app = build()
    yield Stand(
        "litestar",
        "a whole application with one route",
        "litestar",
        requests(),
        [without(app), *ways(), *generic(app, engines)],
        (Share("drop-in", 1 / 25, COMMON),),
        step,
        times=WHOLE // 2,
        by_turns=True,
    )


def ways() -> Iterator[Way]:
    yield around("litestar", build(cors_config=CORSConfig(**POLICY)), expected(204))
    if ours := drop_in("litestar"):
        app = ours.install(build(), ours.CORSConfig(**POLICY))
        yield around("drop-in", app, expected(204))


def build(**options: Any) -> Any:
    async def index() -> str:
        return "ok"

    handler = route("/", http_method=["GET", "PUT"])(index)
    return Litestar([handler], openapi_config=None, **options)
