"""Errors and preflights that fail in browsers with quart-cors, and work with the drop-in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from support.client import Answer, get, preflight
from support.compare import varies_by
from support.drop_ins.quart import (
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    STRANGER,
    A,
    B,
    bare,
    blue,
    cors,
    ours,
    run,
    seen,
    whole,
)

pytestmark = pytest.mark.server


def asked_twice(app: Any, path: str, method: str = "PUT", origin: str = A) -> list[Answer]:
    """Send a preflight and then the request that it is about."""
    return run(app, preflight(method, origin=origin, path=path), get(origin, path, method))


def assert_works(app: Any, path: str, status: int, method: str = "PUT") -> None:
    """Check that a page can read the status, and that a page of another origin reads nothing."""
    found, actual = asked_twice(app, path, method)
    assert (found.status, found.body) == (200, b"")
    assert found.headers[ALLOW_ORIGIN] == [A]
    assert method in cors(found)[ALLOW_METHODS]
    assert actual.status == status
    assert actual.headers[ALLOW_ORIGIN] == [A]
    assert varies_by(found) >= {"origin"} <= varies_by(actual)
    assert not any(map(cors, asked_twice(app, path, method, STRANGER)))


def single(view: Any, rule: str, **options: Any) -> Any:
    """Build an application with one route, whose view is decorated."""
    app = bare()
    app.add_url_rule(rule, "view", ours().route_cors(allow_origin=A)(view), **options)
    return app


async def waits(**_: Any) -> str:
    return "hello"


def returns(**_: Any) -> str:
    return "hello"


def generates(**_: Any) -> Iterable[str]:
    yield "hello"


async def fails(**_: Any) -> str:
    raise RuntimeError("a bug, on purpose")


async def aborts(**_: Any) -> None:
    from quart import abort

    abort(409)


VIEWS = {waits: 200, returns: 200, generates: 200, fails: 500, aborts: 409}


async def no_token() -> Any:
    return "no token", 401


@pytest.fixture(params=[whole, single, blue])
def kind_of_app(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize("view", VIEWS)
def test_errors_and_all_kinds_of_views(kind_of_app: Any, view: Any) -> None:
    assert_works(kind_of_app(view, "/", methods=["PUT"]), "/", VIEWS[view])


@pytest.mark.parametrize(("path", "rule"), [("/forums", "/forums/"), ("/x//forums", "/x/forums/")])
def test_a_redirecting_path(kind_of_app: Any, path: str, rule: str) -> None:
    assert_works(kind_of_app(waits, rule, methods=["PUT"]), path, 308)


def test_a_method_that_no_route_has(kind_of_app: Any) -> None:
    assert_works(kind_of_app(waits, "/"), "/", 405, "DELETE")


def test_a_function_that_asks_for_a_token(kind_of_app: Any) -> None:
    app = kind_of_app(waits, "/", methods=["PUT"])
    app.before_request(no_token)
    assert_works(app, "/", 401)


def test_hooks_registered_before_and_after() -> None:
    app = bare()
    app.after_request(seen("X-Before"))
    ours().cors(app, allow_origin=A)
    app.after_request(seen("X-After"))
    app.add_url_rule("/forums/", "forums", waits, methods=["PUT"])
    assert_works(app, "/forums", 308)
    assert run(app, preflight(path="/forums"))[0].first("x-before") == A


def test_a_view_that_answers_options_is_believed() -> None:
    app = ours().cors(bare(), allow_origin=A)
    deferring = ours().route_cors(allow_origin=A, provide_automatic_options=False)
    app.add_url_rule("/", "view", no_token, methods=["OPTIONS"])
    app.add_url_rule("/own", "own", deferring(no_token), methods=["OPTIONS"])
    assert [found.status for path in ("/", "/own") for found in run(app, preflight(path=path))] == [
        401,
        401,
    ]


@pytest.mark.parametrize("refused", [preflight("MKCOL"), preflight(origin=STRANGER), get(A)])
def test_an_answer_stays_unless_the_preflight_is_allowed(kind_of_app: Any, refused: Any) -> None:
    app = kind_of_app(waits, "/", methods=["PUT"])
    app.before_request(no_token)
    (found,) = run(app, refused)
    assert (found.status, found.body) == (401, b"no token")


def test_an_exempt_view_is_exempt_from_this() -> None:
    app = ours().cors(bare(), allow_origin=A)
    app.add_url_rule("/exempt/", "exempt", ours().cors_exempt(aborts), methods=["PUT"])
    app.before_request(no_token)
    asked = [preflight(path=path) for path in ("/exempt/", "/exempt")]
    assert [found.status for found in run(app, *asked)] == [401, 401]


def test_what_a_blueprint_does_not_see() -> None:
    from quart import Blueprint

    app, outer = bare(), Blueprint("outer", "outer")
    inner = ours().cors(Blueprint("inner", "inner"), allow_origin=A)
    inner.add_url_rule("/forums/", "forums", waits, methods=["PUT"])
    outer.register_blueprint(inner, url_prefix="/inner")
    app.register_blueprint(outer, url_prefix="/<name>")
    assert_works(app, "/some/inner/forums", 308)
    assert_works(app, "/some/inner/forums/", 405, "DELETE")
    assert_works(app, "/some/inner/nowhere", 404)
    for elsewhere in ("/some", "/some/innermost", "/nowhere", "/"):
        assert not any(map(cors, asked_twice(app, elsewhere)))


def test_the_rules_of_a_view_hold_for_its_errors(kind_of_app: Any) -> None:
    app = kind_of_app(ours().route_cors(allow_origin=B)(fails), "/", methods=["PUT"])
    of_b, of_a = run(app, get(B, "/", "PUT"), get(A, "/", "PUT"))
    assert (of_b.status, of_b.first(ALLOW_ORIGIN), cors(of_a)) == (500, B, {})


@pytest.mark.parametrize("where", ["class", "method"])
def test_class_based_views(where: str) -> None:
    from quart.views import MethodView

    decorate = ours().route_cors(allow_origin=A)

    class View(MethodView):
        decorators = [decorate] if where == "class" else []

        async def put(self) -> Any:
            await fails()

        async def delete(self) -> str:
            return "not decorated"

    if where == "method":
        View.put = decorate(View.put)  # type: ignore[method-assign]
    app = bare()
    app.add_url_rule("/", view_func=View.as_view("view"))
    assert_works(app, "/", 500)
    if where == "method":
        assert not any(map(cors, asked_twice(app, "/", "DELETE")))


def test_a_method_of_an_object_is_decorated() -> None:
    class Views:
        async def index(self) -> str:
            return "hello"

    app = bare()
    app.add_url_rule("/", view_func=ours().route_cors(allow_origin=A)(Views().index))
    assert_works(app, "/", 200, "GET")
