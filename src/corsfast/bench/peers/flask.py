"""flask-cors over a Flask application, called as a WSGI server calls it.

Place in the flow: see peers/__init__.py. Never: import another framework.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask, request
from flask_cors import CORS

from ..cases import APP
from ..engines import Engine
from . import (
    EXPOSED,
    HEADERS,
    LEAST,
    METHODS,
    ORIGINS,
    WHOLE,
    Answer,
    Share,
    Stand,
    Way,
    drop_in,
    expected,
    expected_least,
)
from .wsgi import around, generic, requests, without

# What `least` writes: the drop-in's fields.
VARY = [("Vary", "Origin")]
ALLOWED = [
    ("Access-Control-Allow-Origin", APP),
    ("Access-Control-Allow-Credentials", "true"),
    ("Access-Control-Expose-Headers", ",".join(EXPOSED)),
    *VARY,
]
NO_ORIGIN = [("Access-Control-Allow-Origin", min(ORIGINS)), *ALLOWED[1:]]


def stands(engines: dict[str, Engine]) -> Iterator[Stand]:
    # One application, wrapped from outside: another object in its place would have to be found
    # by the same code, which the interpreter has specialised for the first one.
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
    # It tells requests without an origin the first one that it knows, in alphabetical order.
    no_origin = {"no Origin": Answer(200, min(ORIGINS))}
    expects = expected(200) | no_origin
    yield around("flask-cors", build(CORS).wsgi_app, expects)
    if ours := drop_in("flask"):
        yield around("drop-in", build(ours.CORS).wsgi_app, expects)
    yield around(LEAST, least(build()).wsgi_app, expected_least() | no_origin)


def least(app: Any) -> Any:
    """Flask's `process_response` may be overridden, which costs less than an `after_request`."""
    process_response = app.process_response
    current_request: Any = request._get_current_object

    def process_response_with_cors(*args: Any) -> Any:
        origin = current_request().environ.get("HTTP_ORIGIN")
        fields = ALLOWED if origin == APP else NO_ORIGIN if origin is None else VARY
        args[-1].headers._list.extend(fields)
        return process_response(*args)

    app.process_response = process_response_with_cors
    return app


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
