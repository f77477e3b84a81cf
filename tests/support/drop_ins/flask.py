"""An application for the tests of the drop-in for flask-cors, and one way to call it."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from support.client import Answer, Request, ask_wsgi
from support.compare import differences

A = "https://a.example"
B = "https://b.example"
OTHER = "https://other.example"


def ours() -> ModuleType:
    from corsfast.middleware import flask

    return flask


def theirs() -> ModuleType:
    import flask_cors

    return flask_cors


def build(config: dict[str, Any] | None = None) -> Any:
    """Build an application with one route for everything that may matter to CORS."""
    from flask import Flask, Response

    app = Flask("app")
    app.config.update(config or {})
    app.logger.disabled = True  # some errors are raised on purpose

    def view(**headers: str) -> Callable[[], Any]:
        return lambda: Response(
            "hello", headers={k.replace("_", "-"): v for k, v in headers.items()}
        )

    def broken() -> Any:
        raise RuntimeError("a bug, on purpose")

    def handled() -> Any:
        raise LookupError

    methods = ["GET", "POST", "PUT"]
    app.add_url_rule("/", "index", view(), methods=methods)
    app.add_url_rule("/api/<path:rest>", "api", lambda rest: rest, methods=methods)
    app.add_url_rule("/accept", "accept", view(Vary="Accept, origin"))
    app.add_url_rule("/star", "star", view(Vary="*"))
    app.add_url_rule("/own", "own", view(Access_Control_Allow_Origin="https://own.example"))
    app.add_url_rule("/broken", "broken", broken)
    app.add_url_rule("/handled", "handled", handled)
    app.register_error_handler(LookupError, lambda error: ("handled", 418))
    return app


def extended(library: ModuleType, options: dict[str, Any]) -> Any:
    app = build()
    library.CORS(app, **options)
    return app


def decorated(library: ModuleType, options: dict[str, Any]) -> Any:
    """Build the same application with every view decorated, and no extension."""
    plain = build()
    app = type(plain)("app")
    app.logger.disabled = True
    for rule in plain.url_map.iter_rules():
        if rule.endpoint != "static":
            view = library.cross_origin(**options)(plain.view_functions[rule.endpoint])
            methods = sorted(rule.methods - {"HEAD", "OPTIONS"})
            app.add_url_rule(rule.rule, rule.endpoint, view, methods=methods)
    return app


def call(app: Any, request: Request) -> Answer:
    return ask_wsgi(app.wsgi_app, request)


def differ(their: Answer, our: Answer) -> set[str]:
    """Return the differences except Vary, which has its own deviations."""
    return {name.removeprefix("access-control-") for name in differences(their, our)} - {"vary"}


OTHER_PATHS = ("/accept", "/star", "/own", "/broken", "/handled", "/missing")


def bare() -> Any:
    from flask import Flask

    app = Flask("app")
    app.logger.disabled = True
    return app
