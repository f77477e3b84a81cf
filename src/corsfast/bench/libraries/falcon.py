"""Falcon's CORSMiddleware in a Falcon application, called as a WSGI server calls it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import falcon

from ..engines import Engine
from . import EXPOSED, ORIGINS, WHOLE, Share, Stand, Way, drop_in, expected
from .wsgi import around, generic, requests, without

EVERY = ("no Origin", "allowed", "refused", "preflight")


def stands(engines: dict[str, Engine]) -> Iterator[Stand]:
    app = build()
    yield Stand(
        "falcon",
        "a whole application with one route; native and pure wrap it",
        "falcon",
        requests(),
        [without(app), *ways(), *generic(app, engines)],
        (Share("drop-in", 1, EVERY),),
        times=WHOLE,
        note="Falcon's class takes no methods, headers or max-age (it allows a route's methods and"
        " whatever headers are asked for), and writes no Vary",
    )


def ways() -> Iterator[Way]:
    options: dict[str, Any] = {
        "allow_origins": ORIGINS,
        "expose_headers": EXPOSED,
        "allow_credentials": ORIGINS,
    }
    yield around("falcon", build(falcon.CORSMiddleware(**options)), expected(200))
    if ours := drop_in("falcon"):
        yield around("drop-in", build(ours.CORSMiddleware(**options)), expected(200))


class Index:
    """The route. Falcon answers OPTIONS itself, from the methods defined here."""

    def on_get(self, _: Any, response: Any) -> None:
        response.text = "ok"

    on_put = on_get
    on_delete = on_get


def build(*middleware: Any) -> Any:
    app: Any = falcon.App(middleware=list(middleware))
    app.add_route("/", Index())
    return app
