"""flask-cors over a Flask application, called as a WSGI server calls it.

Place in the flow: see peers/__init__.py. Never: import another framework.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask
from flask_cors import CORS

from ..engines import Engine
from . import (
    EXPOSED,
    HEADERS,
    METHODS,
    ORIGINS,
    POLICY,
    Answer,
    Share,
    Stand,
    Way,
    drop_in,
    expected,
)
from .wsgi import around, requests, without


def stands(engines: dict[str, Engine]) -> Iterator[Stand]:
    yield Stand(
        "flask",
        "a whole application with one route; native and pure wrap app.wsgi_app",
        "flask-cors",
        requests(),
        [without(build()), *extensions(), *wrappers(engines)],
        (Share("drop-in", 1 / 7, ("no Origin", "allowed")), Share("native", 1 / 40, ("allowed",))),
    )


def extensions() -> Iterator[Way]:
    # It tells requests without an origin the first one that it knows, in alphabetical order.
    expects = expected(200) | {"no Origin": Answer(200, min(ORIGINS))}
    yield around("flask-cors", build(CORS), expects)
    if ours := drop_in("flask"):
        yield around("drop-in", build(ours.CORS), expects)


def wrappers(engines: dict[str, Engine]) -> Iterator[Way]:
    for name, engine in engines.items():
        app = build()
        app.wsgi_app = engine.wsgi(app.wsgi_app, engine.policy(**POLICY))
        yield around(name, app, expected(204))


def build(extend: Callable[..., Any] | None = None) -> Any:
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: "ok", methods=["GET", "PUT", "DELETE"])
    if extend is not None:
        extend(
            app,
            origins=ORIGINS,
            methods=METHODS,
            allow_headers=HEADERS,
            expose_headers=EXPOSED,
            supports_credentials=True,
            max_age=600,
        )
    return app
