"""Litestar's own CORS (`cors_config`), in a whole application called as a server calls it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from litestar import Litestar, route
from litestar.config.cors import CORSConfig

from ...middleware import litestar as drop_in
from ..engines import Engine
from ..scenario import DROP_IN, POLICY, WHOLE, WITHOUT, Scenario, expected, goals
from . import asgi


def scenarios(engines: dict[str, Engine]) -> Iterator[Scenario]:
    yield asgi.build(
        "litestar",
        "a whole application with one route",
        "litestar",
        {
            WITHOUT: build(),
            "litestar": build(cors_config=CORSConfig(**POLICY)),
            DROP_IN: drop_in.install(build(), drop_in.CORSConfig(**POLICY)),
        },
        engines,
        goals=goals(DROP_IN, 1 / 25, "no Origin", "allowed"),
        expects=expected(204),
        times=WHOLE // 2,
        by_turns=True,
    )


def build(**options: Any) -> Any:
    async def index() -> str:
        return "ok"

    handler = route("/", http_method=["GET", "PUT"])(index)
    return Litestar([handler], openapi_config=None, **options)
