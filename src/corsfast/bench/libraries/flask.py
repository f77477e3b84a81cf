"""flask-cors over a Flask application, called as a WSGI server calls it."""

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
    WHOLE,
    Answer,
    Share,
    Stand,
    Way,
    drop_in,
    expected,
)
from .wsgi import around, generic, requests, without


def stands(engines: dict[str, Engine]) -> Iterator[Stand]:
    # One application, wrapped from outside. A second application object would run the same code,
    # which the interpreter has specialized for the first one.
    app = build().wsgi_app
    yield Stand(
        "flask",
        "a whole application with one route; native and pure wrap app.wsgi_app",
        "flask-cors",
        requests(),
        [without(app), *extensions(), *generic(app, engines)],
        (Share("drop-in", 1 / 7, ("no Origin", "allowed")), Share("native", 1 / 40, ("allowed",))),
        times=WHOLE // 2,
        by_turns=True,
    )


def extensions() -> Iterator[Way]:
    # For requests without an origin it sends the first of its origins, in alphabetical order.
    no_origin = {"no Origin": Answer(200, min(ORIGINS))}
    expects = expected(200) | no_origin
    yield around("flask-cors", build(CORS).wsgi_app, expects)
    if ours := drop_in("flask"):
        yield around("drop-in", build(ours.CORS).wsgi_app, expects)


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
