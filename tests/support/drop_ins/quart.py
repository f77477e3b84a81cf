"""An application for the tests of the drop-in for quart-cors, and one way to call it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from types import ModuleType
from typing import Any

from support.client import Answer, Request, ask_all, preflight

A = "https://a.example"
B = "https://b.example"
OTHER = "https://other.example"
OWN = "https://own.example"


def ours() -> ModuleType:
    from corsfast.middleware import quart

    return quart


def theirs() -> ModuleType:
    import quart_cors

    return quart_cors


def gives_context() -> bool:
    """Return whether methods of an application get the context, as they do since Quart 0.23."""
    from quart import Quart

    return "ctx" in inspect.signature(Quart.process_response).parameters


def kind_for_both() -> Any:
    """Return a Quart whose OPTIONS response quart-cors 0.8 can still call as before 0.23."""
    from quart import Quart
    from quart.globals import app_ctx

    class Forgiving(Quart):
        async def make_default_options_response(self, ctx: Any = None) -> Any:
            return await super().make_default_options_response(ctx or app_ctx)

    return Forgiving if gives_context() else Quart


def build(config: dict[str, Any] | None = None) -> Any:
    """Build an application with one route for everything that may matter to CORS."""
    from quart import Response

    app = kind_for_both()("app")
    app.config.update(config or {})
    app.logger.disabled = True  # some errors are raised on purpose

    def view(*headers: tuple[str, str]) -> Callable[[], Awaitable[Any]]:
        async def respond() -> Any:
            response = Response("hello")
            for name, value in headers:
                response.headers.add(name, value)
            return response

        return respond

    async def broken() -> Any:
        raise RuntimeError("a bug, on purpose")

    methods = ["GET", "POST", "PUT"]
    app.add_url_rule("/", "index", view(), methods=methods)
    app.add_url_rule("/accept", "accept", view(("Vary", "Accept")))
    app.add_url_rule("/twice", "twice", view(("Vary", "Accept"), ("Vary", "Cookie, ORIGIN")))
    app.add_url_rule("/star", "star", view(("Vary", "*")))
    app.add_url_rule(
        "/own",
        "own",
        view(
            ("Access-Control-Allow-Origin", OWN),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Expose-Headers", "X-Own"),
        ),
    )
    app.add_url_rule("/broken", "broken", broken)
    return app


def extended(library: ModuleType, options: dict[str, Any]) -> Any:
    return library.cors(build(), **options)


def decorated(library: ModuleType, options: dict[str, Any]) -> Any:
    """Build the same application with every view decorated, and no hook."""
    plain = build()
    app = type(plain)("app")
    app.logger.disabled = True
    for rule in plain.url_map.iter_rules():
        if rule.endpoint != "static":
            view = library.route_cors(**options)(plain.view_functions[rule.endpoint])
            methods = sorted(rule.methods - {"HEAD", "OPTIONS"})
            app.add_url_rule(rule.rule, rule.endpoint, view, methods=methods)
    return app


run = ask_all


def cors(answered: Answer) -> dict[str, str]:
    """Return the CORS fields; fail if one of them is repeated."""
    found = {k: v for k, v in answered.headers.items() if k.startswith("access-control-")}
    assert all(len(lines) == 1 for lines in found.values()), answered
    return {name: lines[0] for name, lines in found.items()}


# Each deviation names the fields that it explains. Together they must explain all differences.

ALLOW_ORIGIN = "access-control-allow-origin"
ALLOW_CREDENTIALS = "access-control-allow-credentials"
EXPOSE = "access-control-expose-headers"
ALLOW_METHODS = "access-control-allow-methods"
ALLOW_HEADERS = "access-control-allow-headers"
MAX_AGE = "access-control-max-age"
PREFLIGHT = {ALLOW_METHODS, ALLOW_HEADERS, MAX_AGE}
Options = dict[str, Any]


def _no_token(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    """Cover `""` and `"X-A, X-B"`, in quotes, which are not header names, and the method `,`."""
    from corsfast._engine.headers import requested_names

    asked = dict(request.headers).get("access-control-request-method", "GET")
    found = set() if requested_names(asked) == [asked] else PREFLIGHT - our.headers.keys()
    quoted = (their.first(EXPOSE) or "").startswith('"') and '"' not in (our.first(EXPOSE) or "")
    return {*found, EXPOSE} if quoted else found


def _preflight_answered(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    """Cover an allowed preflight that got an error or a redirect, which browsers reject."""
    answered = request.is_preflight and their.status >= 300 and our.status == 200
    return {"status", "body", "content-length", "content-type"} if answered else set()


# quart-cors lists names in the order of a set, which differs between processes. So many names are
# never in our order by chance.
MANY = [f"x-{i}" for i in range(6)]
CONFIGS = [
    {"QUART_CORS_ALLOW_ORIGIN": A},
    {"QUART_CORS_ALLOW_ORIGIN": "*", "QUART_CORS_MAX_AGE": 5},
    {"QUART_CORS_ALLOW_ORIGIN": [A, B], "QUART_CORS_ALLOW_CREDENTIALS": True},
    {"QUART_CORS_ALLOW_ORIGIN": re.compile(r"https://\w\.example")},
    {"QUART_CORS_ALLOW_METHODS": "PUT"},
    {"QUART_CORS_ALLOW_METHODS": ["PUT"], "QUART_CORS_EXPOSE_HEADERS": ["X-A"]},
    {"QUART_CORS_ALLOW_HEADERS": "x-custom"},
    {"QUART_CORS_ALLOW_HEADERS": ["X-Custom"], "QUART_CORS_SEND_ORIGIN_WILDCARD": False},
    {"QUART_CORS_EXPOSE_HEADERS": "X-A"},
    {"QUART_CORS_MAX_AGE": timedelta(minutes=1)},
]
OTHER_PATHS = ("/accept", "/twice", "/star", "/own", "/broken", "/missing")


def odd_preflights() -> Iterable[Request]:
    lists = ("x-custom,,content-type", ",", "x custom, y", "x-custom," * 100, "", ",".join(MANY))
    for names in lists:
        yield preflight("PUT", names)
    for method in ("put", "PU", ","):
        yield preflight(method)


def decorate(respond: Callable[[], Any]) -> Any:
    async def view() -> Any:
        return respond()

    return view


def seen(name: str) -> Any:
    async def function(response: Any) -> Any:
        response.headers[name] = response.headers.get("Access-Control-Allow-Origin", "nothing")
        return response

    return function


def bare() -> Any:
    from quart import Quart

    app = Quart("app")
    app.logger.disabled = True
    return app
