"""flask-cors over a Flask application, called as a WSGI server calls it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask
from flask_cors import CORS

from ...middleware import flask as drop_in
from .. import scenario
from ..engines import Engine
from ..scenario import DROP_IN, ORIGINS, WHOLE, WITHOUT, CheckedResponse, Scenario, goals
from . import wsgi


def scenarios(engines: dict[str, Engine]) -> Iterator[Scenario]:
    # The generic middleware wraps the application without CORS. A second application object would
    # run the same code, which the interpreter has specialized for the first one.
    yield wsgi.build(
        "flask",
        "a whole application with one route; native and pure wrap app.wsgi_app",
        "flask-cors",
        {WITHOUT: build(), "flask-cors": build(CORS), DROP_IN: build(drop_in.CORS)},
        engines,
        goals=goals(DROP_IN, 1 / 7, "no Origin", "allowed") | goals("native", 1 / 40, "allowed"),
        # For requests without an origin it sends the first of its origins, in alphabetical order.
        expects=scenario.expected(200) | {"no Origin": CheckedResponse(200, min(ORIGINS))},
        times=WHOLE // 2,
        by_turns=True,
    )


def build(extend: Callable[..., Any] | None = None) -> Any:
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: "ok", methods=["GET", "PUT", "DELETE"])
    if extend is not None:
        extend(
            app,
            origins=ORIGINS,
            methods=scenario.METHODS,
            allow_headers=scenario.HEADERS,
            expose_headers=scenario.EXPOSED,
            supports_credentials=True,
            max_age=600,
        )
    return app.wsgi_app
