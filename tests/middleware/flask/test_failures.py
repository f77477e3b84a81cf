"""Errors and preflights that fail in browsers with flask-cors, and work with the drop-in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.client import Answer, cors_of, get, preflight
from support.compare import varies_by
from support.drop_ins.flask import STRANGER, A, B, bare, blue, call, ours

pytestmark = pytest.mark.server


def asked_twice(app: Any, path: str, method: str = "PUT", origin: str = A) -> tuple[Answer, Answer]:
    """Send a preflight and then the request that it is about."""
    asked = preflight(method, origin=origin, path=path)
    return call(app, asked), call(app, get(origin, path, method))


def assert_works(app: Any, path: str, status: int, method: str = "PUT") -> None:
    """Check that a page can read the status, and that a page of another origin reads nothing."""
    found, actual = asked_twice(app, path, method)
    assert found.status == 200
    assert found.body == b""
    assert found.headers["access-control-allow-origin"] == [A]
    assert method in (found.first("access-control-allow-methods") or "")
    assert actual.status == status
    assert actual.headers["access-control-allow-origin"] == [A]
    assert varies_by(found) >= {"origin"} <= varies_by(actual)
    assert not any(map(cors_of, asked_twice(app, path, method, STRANGER)))


def whole(view: Any, rule: str, **options: Any) -> Any:
    """Build an application with one route, and CORS for everything."""
    app = bare()
    ours().CORS(app, origins=[A])
    app.add_url_rule(rule, "view", view, **options)
    return app


def single(view: Any, rule: str, **options: Any) -> Any:
    """Build an application with one route, whose view is decorated."""
    app = bare()
    app.add_url_rule(rule, "view", ours().cross_origin(origins=[A])(view), **options)
    return app


def fails(**_: Any) -> Any:
    raise RuntimeError("a bug, on purpose")


def aborts(**_: Any) -> Any:
    from flask import abort

    abort(409)


async def waits(**_: Any) -> str:
    return "hello"


def generates(**_: Any) -> Iterator[str]:
    yield "hello"


def reads_json(**_: Any) -> Any:
    from flask import request

    return request.get_json()


VIEWS = {fails: 500, aborts: 409, waits: 200, generates: 200, reads_json: 415}


@pytest.fixture(params=[whole, single, blue])
def kind_of_app(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize("view", VIEWS)
def test_errors_and_all_kinds_of_views(kind_of_app: Any, view: Any) -> None:
    assert_works(kind_of_app(view, "/", methods=["PUT"]), "/", VIEWS[view])


@pytest.mark.parametrize("path", ["/forums", "/x//forums", "/old"])
def test_a_redirecting_path(kind_of_app: Any, path: str) -> None:
    rule = {"/forums": "/forums/", "/x//forums": "/x/forums/", "/old": "/forums"}[path]
    app = kind_of_app(lambda: "hello", rule, methods=["PUT"])
    if path == "/old":
        app.add_url_rule("/old", "old", methods=["PUT"], redirect_to="/forums")
    assert_works(app, path, 308)


def test_a_redirect_below_a_root(kind_of_app: Any) -> None:
    from werkzeug.test import EnvironBuilder, run_wsgi_app

    app = kind_of_app(lambda: "hello", "/forums/")
    builder = EnvironBuilder("/forums", base_url="http://api.example/root", headers={"Origin": A})
    _, status, headers = run_wsgi_app(app, builder.get_environ())
    assert (status[:3], headers["Access-Control-Allow-Origin"]) == ("308", A)
    assert headers["Location"] == "http://api.example/root/forums/"


def test_a_method_that_no_route_has(kind_of_app: Any) -> None:
    assert_works(kind_of_app(lambda: "hello", "/"), "/", 405, "DELETE")


def test_a_function_that_asks_for_a_token(kind_of_app: Any) -> None:
    app = kind_of_app(lambda: "hello", "/", methods=["PUT"])
    app.before_request(lambda: ("no token", 401))
    assert_works(app, "/", 401)


def test_a_decorator_that_asks_for_a_token() -> None:
    from functools import wraps

    view = ours().cross_origin(origins=[A])(lambda: "hello")

    @wraps(view)
    def with_token() -> Any:
        return "no token", 401

    app = bare()
    app.add_url_rule("/", "view", with_token, methods=["PUT"])
    assert_works(app, "/", 401)


def test_a_resource_is_redirected_to() -> None:
    app = bare()
    ours().CORS(app, resources={"/forums/": {"origins": A}})
    app.add_url_rule("/forums/", "forums", lambda: "hello", methods=["PUT"])
    assert_works(app, "/forums", 308)
    assert not cors_of(call(app, get(A, "/other")))


def test_no_automatic_options_in_the_application(kind_of_app: Any) -> None:
    app = bare()
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.add_url_rule("/", "view", lambda: "hello", methods=["PUT"])
    ours().CORS(app, origins=[A])
    assert_works(app, "/", 200)


def test_a_view_that_answers_options_is_believed() -> None:
    app = bare()
    ours().CORS(app, origins=[A])
    app.add_url_rule("/", "view", lambda: ("my answer", 403), methods=["OPTIONS"])
    deferring = ours().cross_origin(origins=[A], automatic_options=False)
    app.add_url_rule("/view", "own", deferring(lambda: ("mine", 403)), methods=["OPTIONS"])
    assert [call(app, preflight(path=path)).status for path in ("/", "/view")] == [403, 403]


@pytest.mark.parametrize("refused", [preflight("MKCOL"), preflight(origin=STRANGER), get(A, "/")])
def test_an_answer_stays_unless_the_preflight_is_allowed(kind_of_app: Any, refused: Any) -> None:
    app = kind_of_app(lambda: "hello", "/", methods=["PUT"])
    app.before_request(lambda: ("no token", 401))
    found = call(app, refused)
    assert (found.status, found.body) == (401, b"no token")


@pytest.mark.parametrize("prefix", ["/blue", "/<name>/blue"])
def test_what_a_blueprint_does_not_see(prefix: str) -> None:
    from flask import Blueprint

    app, outer, inner = bare(), Blueprint("outer", "o"), Blueprint("inner", "i")
    ours().CORS(inner, origins=[A])
    inner.add_url_rule("/forums/", "forums", lambda **_: "hello", methods=["PUT"])
    outer.register_blueprint(inner, url_prefix="/inner")
    app.register_blueprint(outer, url_prefix=prefix)
    base = prefix.replace("<name>", "some")
    assert_works(app, f"{base}/inner/forums", 308)
    assert_works(app, f"{base}/inner/forums/", 405, "DELETE")
    assert_works(app, f"{base}/inner/nowhere", 404)
    for elsewhere in (base, f"{base}/nowhere", f"{base}/innermost", "/nowhere", "/"):
        assert not any(map(cors_of, asked_twice(app, elsewhere)))


def test_a_blueprint_without_a_prefix_owns_no_404() -> None:
    app = blue(lambda: "hello", "/forums/")
    assert not any(map(cors_of, asked_twice(app, "/nowhere")))


def test_the_rules_of_a_view_hold_for_its_errors(kind_of_app: Any) -> None:
    app = kind_of_app(ours().cross_origin(origins=[B])(fails), "/", methods=["PUT"])
    found = call(app, get(B, "/", "PUT"))
    assert (found.status, found.first("access-control-allow-origin")) == (500, B)
    assert not cors_of(call(app, get(A, "/", "PUT")))


@pytest.mark.parametrize("where", ["class", "method"])
def test_class_based_views(where: str) -> None:
    from flask.views import MethodView

    decorate = ours().cross_origin(origins=[A])

    class View(MethodView):
        decorators = [decorate] if where == "class" else []

        def put(self) -> Any:
            fails()

        def delete(self) -> str:
            return "not decorated"

    if where == "method":
        View.put = decorate(View.put)  # type: ignore[method-assign]
    app = bare()
    app.add_url_rule("/", view_func=View.as_view("view"))
    assert_works(app, "/", 500)
    if where == "method":
        assert not any(map(cors_of, asked_twice(app, "/", "DELETE")))


def test_a_decorated_view_is_left_as_it_was() -> None:
    class Views:
        def index(self) -> str:
            """Say hello."""
            return "hello"

    def plain() -> str:
        return "plain"

    app = bare()
    decorate = ours().cross_origin(origins=[A])
    bound = decorate(Views().index)
    app.add_url_rule("/", view_func=bound, methods=["PUT"])
    assert (bound.__name__, bound.__doc__) == ("index", "Say hello.")
    assert_works(app, "/", 200)
    app = bare()
    app.add_url_rule("/decorated", "decorated", decorate(plain))
    app.add_url_rule("/plain", "plain", plain)
    assert not any(map(cors_of, asked_twice(app, "/plain", "GET")))
