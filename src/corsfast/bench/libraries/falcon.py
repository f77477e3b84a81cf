"""Falcon's CORSMiddleware in a Falcon application, called as a WSGI server calls it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import falcon

from ...middleware import falcon as drop_in
from ..engines import Engine
from ..scenario import DROP_IN, EXPOSED, KINDS, ORIGINS, WHOLE, WITHOUT, Scenario, goals
from . import wsgi

OPTIONS: dict[str, Any] = {
    "allow_origins": ORIGINS,
    "expose_headers": EXPOSED,
    "allow_credentials": ORIGINS,
}


def scenarios(engines: dict[str, Engine]) -> Iterator[Scenario]:
    yield wsgi.build(
        "falcon",
        "a whole application with one route; native and pure wrap it",
        "falcon",
        {
            WITHOUT: build(),
            "falcon": build(falcon.CORSMiddleware(**OPTIONS)),
            DROP_IN: build(drop_in.CORSMiddleware(**OPTIONS)),
        },
        engines,
        goals=goals(DROP_IN, 1, *KINDS),
        times=WHOLE,
        note="Falcon's class takes no methods, headers or max-age (it allows a route's methods and"
        " whatever headers are asked for), and writes no Vary",
    )


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
