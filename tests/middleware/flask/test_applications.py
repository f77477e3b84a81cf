"""The drop-in in whole applications, and on a real server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.client import cors_of, get
from support.compare import own_grants, requests, varies_by
from support.drop_ins.flask import (
    OTHER,
    OTHER_PATHS,
    A,
    B,
    build,
    call,
    differ,
    extended,
    ours,
    theirs,
)

from corsfast import PolicyError

pytestmark = pytest.mark.server


# -- in an application -----------------------------------------------------------------------


def blueprints(library: ModuleType) -> Any:
    """Return a blueprint with its own policy in an application with another one."""
    from flask import Blueprint

    app = build()
    blue = Blueprint("blue", "blue", url_prefix="/blue")
    library.CORS(blue, origins=[A], expose_headers="X-Blue")
    blue.add_url_rule("/", "index", lambda: "blue")
    blue.add_url_rule("/broken", "broken", lambda: 1 // 0)
    inner = Blueprint("inner", "inner", url_prefix="/inner")
    inner.add_url_rule("/", "index", library.cross_origin(origins=[OTHER])(lambda: "inner"))
    blue.register_blueprint(inner)
    app.register_blueprint(blue)
    library.CORS(app, origins=[B], resources=["/blue/broken", "/blue/missing", "/api/*"])
    return app


def several(library: ModuleType) -> Any:
    """Return an application with nested policies; the last one that was set up comes first."""
    app = build()
    library.CORS(app, origins=[A], expose_headers="X-One")
    library.CORS(app, origins=[A, B], expose_headers="X-Two", resources="/api/*")
    library.CORS(app, origins=[B], expose_headers="X-Three", resources="/api/x")
    return app


def hooked(library: ModuleType) -> Any:
    """Return an application with functions before and after the view."""
    app = build()
    app.after_request(lambda response: seen(response, "X-Registered-Before"))
    library.CORS(app, origins=[A, B])
    app.after_request(lambda response: seen(response, "X-Registered-After"))
    return app


def hooked_later(library: ModuleType) -> Any:
    app = build()
    library.CORS(app, origins=[A, B])
    app.after_request(lambda response: seen(response, "X-Registered-After"))

    @app.after_request
    def own(response: Any) -> Any:
        if response.status_code == 404:
            response.headers["Access-Control-Allow-Origin"] = "https://own.example"
        return response

    return app


def seen(response: Any, name: str) -> Any:
    response.headers[name] = response.headers.get("Access-Control-Allow-Origin", "nothing")
    return response


def not_intercepting(library: ModuleType) -> Any:
    return extended(library, {"origins": [A, B], "intercept_exceptions": False})


def raising_hook(library: ModuleType) -> Any:
    """Return an application for `intercept_exceptions`: a function after the view fails."""
    app = build()

    @app.after_request
    def fail(response: Any) -> Any:
        raise RuntimeError("a bug in a hook, on purpose")

    library.CORS(app, origins=[A, B])
    return app


def wrapped_twice(library: ModuleType) -> Any:
    app = build()
    app.view_functions["index"] = library.cross_origin(origins=[A])(
        library.cross_origin(origins=[B])(app.view_functions["index"])
    )
    library.CORS(app, origins=[OTHER])
    return app


def odd_headers(library: ModuleType) -> Any:
    """Return an application whose response headers are not a Headers, as some libraries do."""
    from werkzeug.datastructures import Headers, MultiDict

    class Own(Headers):
        pass

    app = build()

    def view(kind: str) -> Any:
        response = app.response_class(kind)
        response.headers = {"dict": dict, "multi": MultiDict, "own": Own}[kind](
            {"X-Mine": "1", "Content-Type": "text/plain", "Vary": "Accept"}
        )
        return response

    app.add_url_rule("/api/kind/<kind>", "kind", view)
    library.CORS(app, origins=[A, B])
    return app


@pytest.mark.parametrize(
    "build_with",
    [
        blueprints,
        several,
        hooked,
        hooked_later,
        not_intercepting,
        raising_hook,
        wrapped_twice,
        odd_headers,
    ],
)
def test_applications_side_by_side(build_with: Callable[[ModuleType], Any]) -> None:
    paths = [*OTHER_PATHS, "/", "/api/x", "/api/y", "/blue/", "/blue/broken", "/blue/missing"]
    paths += ["/blue/inner/", "/api/kind/dict", "/api/kind/multi", "/api/kind/own"]
    their_app, our_app = build_with(theirs()), build_with(ours())
    answered = 0
    for path in paths:
        for request in requests(path, (None, A, B, OTHER)):
            their, our = call(their_app, request), call(our_app, request)
            if dict(request.headers).get("access-control-request-method") == "patch":
                continue  # `method-exact`
            if request.is_preflight and their.status >= 300 and our.status == 200:
                continue  # `preflight-answered`
            if path.startswith("/blue/") and our.status in (404, 405) and not cors_of(their):
                continue  # outside of the blueprint
            if build_with is wrapped_twice and request.method == "OPTIONS":
                continue  # by the view's own rules, although it was decorated late
            if own_grants({}, request, their, our) or request.path == "/own":
                continue  # `own-grants`
            assert not differ(their, our), (request, their, our)
            lines = our.headers.get("vary", [])
            names = [name.strip().lower() for line in lines for name in line.split(",")]
            assert len(names) == len(set(names))
            assert varies_by(their) - {"origin"} <= set(names) or names == ["*"]
            answered += bool(cors_of(our))
    assert answered > 50


def test_a_500_of_an_unhandled_exception_and_a_404_have_them() -> None:
    app = extended(ours(), {"origins": [A], "supports_credentials": True})
    for path, status in (("/broken", 500), ("/missing", 404)):
        found = call(app, get(A, path))
        assert (found.status, found.first("access-control-allow-origin")) == (status, A)
        assert found.headers["vary"] == ["Origin"]
        assert not cors_of(call(app, get(OTHER, path)))


def test_fields_set_by_a_view_are_replaced() -> None:
    app = extended(ours(), {"origins": "*", "supports_credentials": False, "expose_headers": "X"})
    for request, origin in ((get(A, "/own"), A), (get(None, "/own"), "*")):
        assert cors_of(call(app, request)) == {
            "access-control-allow-origin": [origin],
            "access-control-expose-headers": ["X"],
        }


def test_vary_is_merged() -> None:
    app = extended(ours(), {"origins": [A]})
    app.add_url_rule("/two", "two", lambda: ("", [("Vary", "Accept"), ("Vary", "Cookie, ORIGIN")]))
    app.add_url_rule("/one", "one", lambda: ("", [("Vary", "Accept")]))
    for origin in (A, OTHER, None):
        assert call(app, get(origin, "/")).headers["vary"] == ["Origin"]
        assert call(app, get(origin, "/one")).headers["vary"] == ["Accept, Origin"]
        assert call(app, get(origin, "/two")).headers["vary"] == ["Accept", "Cookie, ORIGIN"]
        assert call(app, get(origin, "/star")).headers["vary"] == ["*"]


def test_a_session_that_is_saved_later_adds_to_vary() -> None:
    from flask import session

    app = build()
    app.secret_key = "secret"
    ours().CORS(app, origins=[A])
    app.add_url_rule("/in", "in", lambda: session.setdefault("user", "me"))
    found = call(app, get(A, "/in"))
    assert varies_by(found) == {"origin", "cookie"}
    assert found.first("access-control-allow-origin") == A


@pytest.mark.parametrize("how", ["hook", "view"])
def test_a_session_that_is_saved_later_loses_no_origin(how: str) -> None:
    """The session reads only the first line of Vary and drops the others."""
    from flask import session

    def signed_in() -> Any:
        session["user"] = "me"
        return "", [("Vary", "Accept"), ("Vary", "X-Two")]

    app = build()
    app.secret_key = "secret"
    if how == "hook":
        app.after_request(lambda response: response)
        ours().CORS(app, origins=[A])
    else:
        signed_in = ours().cross_origin(origins=[A])(signed_in)
    app.add_url_rule("/in", "in", signed_in)
    for origin in (A, OTHER):
        assert varies_by(call(app, get(origin, "/in"))) >= {"origin", "cookie", "x-two"}


def test_a_response_object_that_is_sent_twice_does_not_collect() -> None:
    app = extended(ours(), {"origins": [A, B]})
    kept = app.response_class("kept")
    app.add_url_rule("/kept", "kept", lambda: kept)
    first = call(app, get(A, "/kept"))
    assert call(app, get(A, "/kept")).headers == first.headers


# -- on a server -----------------------------------------------------------------------------


def test_under_gunicorn(engine: ModuleType, tmp_path: Path) -> None:
    from support.servers import Server, ask

    command = "-m gunicorn --bind 127.0.0.1:{port} support.apps.flask:app"
    with Server(command, engine.IMPLEMENTATION, tmp_path / "log") as server:
        found = ask(server.port, "GET", "/", ("Origin", A))
        assert (found.status, found.body) == (200, engine.IMPLEMENTATION.encode())
        assert found.cors == {
            "access-control-allow-origin": A,
            "access-control-allow-credentials": "true",
            "vary": "Origin",
        }
        assert ask(server.port, "GET", "/", ("Origin", OTHER)).cors == {"vary": "Origin"}
        lines = [("Origin", A), ("Access-Control-Request-Method", "PUT")]
        lines += [("Access-Control-Request-Headers", name) for name in ("x-b", "x-a")]
        found = ask(server.port, "OPTIONS", "/", *lines)
        assert found.status == 200
        assert found.cors["access-control-allow-methods"] == "PUT"
        assert found.cors["access-control-allow-headers"] == "x-a, x-b"
        found = ask(server.port, "GET", "/view", ("Origin", OTHER))
        assert found.cors == {"access-control-allow-origin": OTHER, "vary": "Origin"}
        found = ask(server.port, "GET", "/broken", ("Origin", A))
        assert (found.status, found.cors["access-control-allow-origin"]) == (500, A)
        hostile = "https://a.example\u00ff\u00fe"
        found = ask(server.port, "GET", "/", ("Origin", hostile))
        assert (found.status, found.cors) == (200, {"vary": "Origin"})
        found = ask(server.port, "GET", "/", ("Origin", A), ("Origin", A))
        assert (found.status, found.cors) == (200, {"vary": "Origin"})
        found = ask(server.port, "OPTIONS", "/", *lines[:2], (lines[2][0], "," * 8000))
        assert "access-control-allow-methods" not in found.cors


def test_a_network_is_proposed_as_a_regex() -> None:
    with pytest.raises(PolicyError) as error:
        extended(ours(), {"origins": [A, "http://10.0.0.0/8:*"], "strict": True})
    hints = [problem.hint for problem in error.value.problems]
    assert hints == [r'r"http://10(?:\.[0-9]{1,3}){3}(?::[0-9]+)?"']
