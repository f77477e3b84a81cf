"""Errors and preflights that fail in browsers with flask-cors and quart-cors, and work here.

Both drop-ins share the code for this, and Quart has the interface of Flask.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from support.client import Answer, ask_all, cors_of, get, preflight
from support.compare import METHODS, ORIGIN, varies_by
from support.drop_ins import flask, quart

pytestmark = pytest.mark.server

A = "https://a.example"
B = "https://b.example"
OTHER = "https://other.example"


class Kit(NamedTuple):
    """The parts of a framework and its drop-in that the tests call."""

    name: str
    bare: Callable[[], Any]
    cors: Callable[[Any], Any]  # for an application or a blueprint
    decorator: Callable[[str], Any]
    deferring: Callable[[str], Any]  # a decorator that leaves OPTIONS to the view
    view: Callable[[Any], Any]  # turns a function into the framework's usual kind of view
    ask: Callable[..., list[Answer]]

    def build(self, kind: str, view: Any, rule: str, **options: Any) -> Any:
        """Build an application with one route, and CORS for the whole, the view or a blueprint."""
        app = target = self.bare()
        if kind == "whole":
            self.cors(app)
        elif kind == "single":
            view = self.decorator(A)(view)
        else:
            target = self.cors(self.imported("Blueprint")("inner", "inner"))
        target.add_url_rule(rule, "view", view, **options)
        if target is not app:
            app.register_blueprint(target)
        return app

    def imported(self, name: str, module: str = "") -> Any:
        return getattr(importlib.import_module(self.name + module), name)


def with_cors(app: Any) -> Any:
    flask.ours().CORS(app, origins=[A])
    return app


KITS = [
    Kit(
        "flask",
        flask.bare,
        with_cors,
        lambda origin: flask.ours().cross_origin(origins=[origin]),
        lambda origin: flask.ours().cross_origin(origins=[origin], automatic_options=False),
        lambda view: view,
        lambda app, *asked: [flask.call(app, request) for request in asked],
    ),
    Kit(
        "quart",
        quart.bare,
        lambda app: quart.ours().cors(app, allow_origin=A),
        lambda origin: quart.ours().route_cors(allow_origin=origin),
        lambda origin: quart.ours().route_cors(
            allow_origin=origin, provide_automatic_options=False
        ),
        quart.decorate,
        ask_all,
    ),
]


@pytest.fixture(params=KITS, ids=lambda kit: kit.name)
def kit(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=["whole", "single", "blueprint"])
def build(kit: Kit, request: pytest.FixtureRequest) -> Any:
    """Return a function that builds an application with one route and CORS for it."""
    return lambda *args, **options: kit.build(request.param, *args, **options)


def asked_twice(
    kit: Kit, app: Any, path: str, method: str = "PUT", origin: str = A
) -> list[Answer]:
    """Send a preflight and then the request that it is about."""
    return kit.ask(app, preflight(method, origin=origin, path=path), get(origin, path, method))


def assert_works(kit: Kit, app: Any, path: str, status: int, method: str = "PUT") -> None:
    """Check that a page can read the status, and that a page of another origin reads nothing."""
    found, actual = asked_twice(kit, app, path, method)
    assert (found.status, found.body) == (200, b"")
    assert found.headers[ORIGIN] == [A]
    assert method in (found.first(METHODS) or "")
    assert actual.status == status
    assert actual.headers[ORIGIN] == [A]
    assert varies_by(found) >= {"origin"} <= varies_by(actual)
    assert not any(map(cors_of, asked_twice(kit, app, path, method, OTHER)))


def returns(**_: Any) -> str:
    return "hello"


async def waits(**_: Any) -> str:
    return "hello"


def generates(**_: Any) -> Iterator[str]:
    yield "hello"


def fails(**_: Any) -> str:
    raise RuntimeError("a bug, on purpose")


async def fails_later(**_: Any) -> str:
    fails()


def no_token() -> Any:
    return "no token", 401


@pytest.mark.parametrize(
    ("view", "status"),
    [(returns, 200), (waits, 200), (generates, 200), (fails, 500), (fails_later, 500)],
)
def test_errors_and_all_kinds_of_views(kit: Kit, build: Any, view: Any, status: int) -> None:
    assert_works(kit, build(view, "/", methods=["PUT"]), "/", status)


def test_a_view_that_aborts(kit: Kit, build: Any) -> None:
    view = kit.view(lambda: kit.imported("abort")(409))
    assert_works(kit, build(view, "/", methods=["PUT"]), "/", 409)


@pytest.mark.parametrize(("path", "rule"), [("/forums", "/forums/"), ("/x//forums", "/x/forums/")])
def test_a_redirecting_path(kit: Kit, build: Any, path: str, rule: str) -> None:
    assert_works(kit, build(kit.view(returns), rule, methods=["PUT"]), path, 308)


def test_a_method_that_no_route_has(kit: Kit, build: Any) -> None:
    assert_works(kit, build(kit.view(returns), "/"), "/", 405, "DELETE")


def test_a_function_that_asks_for_a_token(kit: Kit, build: Any) -> None:
    app = build(kit.view(returns), "/", methods=["PUT"])
    app.before_request(kit.view(no_token))
    assert_works(kit, app, "/", 401)


def test_a_view_that_answers_options_is_believed(kit: Kit) -> None:
    app = kit.cors(kit.bare())
    view = kit.view(no_token)
    app.add_url_rule("/", "view", view, methods=["OPTIONS"])
    app.add_url_rule("/own", "own", kit.deferring(A)(view), methods=["OPTIONS"])
    found = kit.ask(app, preflight(path="/"), preflight(path="/own"))
    assert [answer.status for answer in found] == [401, 401]


@pytest.mark.parametrize("refused", [preflight("MKCOL"), preflight(origin=OTHER), get(A)])
def test_an_answer_stays_unless_the_preflight_is_allowed(
    kit: Kit, build: Any, refused: Any
) -> None:
    app = build(kit.view(returns), "/", methods=["PUT"])
    app.before_request(kit.view(no_token))
    (found,) = kit.ask(app, refused)
    assert (found.status, found.body) == (401, b"no token")


@pytest.mark.parametrize("prefix", ["/blue", "/<name>/blue"])
def test_requests_that_a_blueprint_does_not_see(kit: Kit, prefix: str) -> None:
    Blueprint = kit.imported("Blueprint")
    app, outer = kit.bare(), Blueprint("outer", "outer")
    inner = kit.cors(Blueprint("inner", "inner"))
    inner.add_url_rule("/forums/", "forums", returns, methods=["PUT"])
    outer.register_blueprint(inner, url_prefix="/inner")
    app.register_blueprint(outer, url_prefix=prefix)
    base = prefix.replace("<name>", "some")
    assert_works(kit, app, f"{base}/inner/forums", 308)
    assert_works(kit, app, f"{base}/inner/forums/", 405, "DELETE")
    assert_works(kit, app, f"{base}/inner/nowhere", 404)
    for elsewhere in (base, f"{base}/nowhere", f"{base}/innermost", "/nowhere", "/"):
        assert not any(map(cors_of, asked_twice(kit, app, elsewhere)))


def test_the_rules_of_a_view_hold_for_its_errors(kit: Kit, build: Any) -> None:
    app = build(kit.decorator(B)(kit.view(fails)), "/", methods=["PUT"])
    of_b, of_a = kit.ask(app, get(B, "/", "PUT"), get(A, "/", "PUT"))
    assert (of_b.status, of_b.first(ORIGIN), cors_of(of_a)) == (500, B, {})


@pytest.mark.parametrize("where", ["class", "method"])
def test_class_based_views(kit: Kit, where: str) -> None:
    decorate = kit.decorator(A)

    class View(kit.imported("MethodView", ".views")):  # type: ignore[misc]
        decorators = [decorate] if where == "class" else []

        async def put(self) -> Any:
            fails()

        async def delete(self) -> str:
            return "not decorated"

    if where == "method":
        View.put = decorate(View.put)  # type: ignore[method-assign]
    app = kit.bare()
    app.add_url_rule("/", view_func=View.as_view("view"))
    assert_works(kit, app, "/", 500)
    if where == "method":
        assert not any(map(cors_of, asked_twice(kit, app, "/", "DELETE")))


def test_a_method_of_an_object_is_decorated(kit: Kit) -> None:
    class Views:
        def index(self) -> str:
            """Say hello."""
            return "hello"

    app = kit.bare()
    bound = kit.decorator(A)(Views().index)
    assert (bound.__name__, bound.__doc__) == ("index", "Say hello.")
    app.add_url_rule("/", view_func=bound, methods=["PUT"])
    assert_works(kit, app, "/", 200)


# -- only in Flask -----------------------------------------------------------------------------

only_flask = pytest.mark.parametrize("kit", KITS[:1], indirect=True, ids=["flask"])
only_quart = pytest.mark.parametrize("kit", KITS[1:], indirect=True, ids=["quart"])


@only_flask
def test_a_view_that_reads_json_of_the_wrong_type(kit: Kit, build: Any) -> None:
    from flask import request

    assert_works(kit, build(lambda: request.get_json(), "/", methods=["PUT"]), "/", 415)


@only_flask
def test_a_rule_that_redirects(kit: Kit, build: Any) -> None:
    app = build(returns, "/forums", methods=["PUT"])
    app.add_url_rule("/old", "old", methods=["PUT"], redirect_to="/forums")
    assert_works(kit, app, "/old", 308)


@only_flask
def test_a_rule_that_redirects_to_another_host(kit: Kit) -> None:
    app = kit.bare()
    flask.ours().CORS(app, resources={"/forums": {"origins": A}})
    for host in ("api.example", "elsewhere.example"):
        app.add_url_rule(f"/{host}", host, returns, redirect_to=f"http://{host}/forums")
    assert cors_of(kit.ask(app, get(A, "/api.example"))[0])
    assert not cors_of(kit.ask(app, get(A, "/elsewhere.example"))[0])


@only_flask
def test_a_redirect_below_a_root(build: Any) -> None:
    from werkzeug.test import EnvironBuilder, run_wsgi_app

    app = build(returns, "/forums/")
    builder = EnvironBuilder("/forums", base_url="http://api.example/root", headers={"Origin": A})
    _, status, headers = run_wsgi_app(app, builder.get_environ())
    assert (status[:3], headers["Access-Control-Allow-Origin"]) == ("308", A)
    assert headers["Location"] == "http://api.example/root/forums/"


@only_flask
def test_a_decorator_that_asks_for_a_token(kit: Kit) -> None:
    with_token = functools.wraps(kit.decorator(A)(returns))(lambda: no_token())
    app = kit.bare()
    app.add_url_rule("/", "view", with_token, methods=["PUT"])
    assert_works(kit, app, "/", 401)


@only_flask
def test_a_resource_is_redirected_to(kit: Kit) -> None:
    app = kit.bare()
    flask.ours().CORS(app, resources={"/forums/": {"origins": A}})
    app.add_url_rule("/forums/", "forums", returns, methods=["PUT"])
    assert_works(kit, app, "/forums", 308)
    assert not cors_of(kit.ask(app, get(A, "/other"))[0])


@only_flask
def test_no_automatic_options_in_the_application(kit: Kit) -> None:
    app = kit.bare()
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.add_url_rule("/", "view", returns, methods=["PUT"])
    assert_works(kit, kit.cors(app), "/", 200)


@only_flask
def test_a_blueprint_without_a_prefix_owns_no_404(kit: Kit) -> None:
    app = kit.build("blueprint", returns, "/forums/")
    assert not any(map(cors_of, asked_twice(kit, app, "/nowhere")))


@only_flask
def test_a_decorated_view_is_left_as_it_was(kit: Kit) -> None:
    def plain() -> str:
        return "plain"

    app = kit.bare()
    app.add_url_rule("/decorated", "decorated", kit.decorator(A)(plain))
    app.add_url_rule("/plain", "plain", plain)
    assert not any(map(cors_of, asked_twice(kit, app, "/plain", "GET")))


# -- only in Quart -----------------------------------------------------------------------------


@only_quart
def test_hooks_registered_before_and_after(kit: Kit) -> None:
    app = kit.bare()
    app.after_request(quart.seen("X-Before"))
    kit.cors(app)
    app.after_request(quart.seen("X-After"))
    app.add_url_rule("/forums/", "forums", waits, methods=["PUT"])
    assert_works(kit, app, "/forums", 308)
    assert kit.ask(app, preflight(path="/forums"))[0].first("x-before") == A


@only_quart
def test_an_exempt_view_is_exempt_from_this(kit: Kit) -> None:
    app = kit.cors(kit.bare())
    # The mark stays on the function, so no other test may use it.
    view = quart.ours().cors_exempt(lambda: "exempt")
    app.add_url_rule("/exempt/", "exempt", view, methods=["PUT"])
    app.before_request(kit.view(no_token))
    asked = [preflight(path=path) for path in ("/exempt/", "/exempt")]
    assert [found.status for found in kit.ask(app, *asked)] == [401, 401]
