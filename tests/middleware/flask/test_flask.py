"""The drop-in for flask-cors: compared with flask-cors, and tested for mistakes of either.

The tests are marked `server` because they need Flask, which is not available for every wheel
target. For the same reason each test imports it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.client import Answer, Request, ask_wsgi, cors_of, get, preflight
from support.compare import (
    ORIGINS,
    Comparison,
    Deviation,
    differences,
    documented,
    grid,
    own_grants,
    quiet,
    requests,
    share,
    varies_by,
)

from corsfast import PolicyError
from corsfast.errors import CorsfastDeadEntryWarning, CorsfastSecurityWarning

pytestmark = pytest.mark.server

A = "https://a.example"
B = "https://b.example"
STRANGER = "https://stranger.example"


def ours() -> ModuleType:
    from corsfast.middleware import flask

    return flask


def theirs() -> ModuleType:
    import flask_cors

    return flask_cors


# -- an application, and one way to call it ------------------------------------------------------


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


# -- compared with flask-cors --------------------------------------------------------------------


def differ(their: Answer, our: Answer) -> set[str]:
    """Return the differences except Vary, which has its own deviations."""
    return {name.removeprefix("access-control-") for name in differences(their, our)} - {"vary"}


def _vary_by_origin(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    return not differ(their, our) and varies_by(our) == varies_by(their) | {"origin"}


def _vary_star(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    return not differ(their, our) and our.headers["vary"] == ["*"] and "*" in varies_by(their)


def _full_match(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    """Cover a regex that matches only the beginning of the origin: flask-cors allowed it."""
    origin = request.origin or ""
    given = options.get("origins", "*")
    entries = given if isinstance(given, list) else [given]
    regexes = [
        entry if isinstance(entry, re.Pattern) else re.compile(entry, re.IGNORECASE)
        for entry in entries
        if entry != "*"
    ]
    return (
        their.first("access-control-allow-origin") == origin
        and not cors_of(our)
        and any(regex.match(origin) for regex in regexes)
        and not any(regex.fullmatch(origin) for regex in regexes)
        and differ(their, our) == {name.removeprefix("access-control-") for name in cors_of(their)}
    )


def _no_origin_value(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    """Cover a value that no browser sends as an Origin: flask-cors echoed it."""
    from corsfast._options.origin import parse_origin

    origin = request.origin or ""
    return (
        origin != "null"
        and parse_origin(origin) is None
        and their.first("access-control-allow-origin") == origin
        and not cors_of(our)
    )


def _told_without_asking(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    """Cover a request without Origin: it got the first entry, even one that no browser sends."""
    name = "access-control-allow-origin"
    return (
        request.origin is None
        and (their.first(name), our.first(name)) in {("localhost", A), ("https://A.example", A)}
        and differ(their, our) == {"allow-origin"}
    )


PREFLIGHT_FIELDS = {"allow-methods", "allow-headers", "max-age"}


def _method_exact(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    """Cover a method in another case, or a part of a method: flask-cors accepted it."""
    asked = dict(request.headers).get("access-control-request-method", "")
    allowed = their.first("access-control-allow-methods") or ""
    return (
        asked.upper() in allowed
        and asked not in allowed.split(", ")
        and "access-control-allow-methods" not in our.headers
        and differ(their, our) <= PREFLIGHT_FIELDS
    )


def _header_full_match(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    """Cover a regex that matches only the beginning of a header name: flask-cors allowed it."""
    extra = _listed(their) - _listed(our)
    return (
        differ(their, our) == {"allow-headers"}
        and _listed(our) <= _listed(their)
        and bool(extra)
        and all(
            re.match(r"x-cust|content-.*", name) and not re.fullmatch(r"x-cust|content-.*", name)
            for name in extra
        )
    )


def _empty_names(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    """Cover empty elements of the list: flask-cors echoed them."""
    return differ(their, our) == {"allow-headers"} and _listed(our) == _listed(their) - {""}


def _bounded_list(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    """Cover a list that no browser sends: flask-cors parsed and echoed it at any length."""
    from corsfast._engine.headers import requested_names

    names = dict(request.headers).get("access-control-request-headers")
    return (
        names is not None
        and requested_names(names) is None
        and differ(their, our) <= PREFLIGHT_FIELDS
        and not {f"access-control-{name}" for name in PREFLIGHT_FIELDS} & our.headers.keys()
    )


def _preflight_answered(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    """Cover an allowed preflight that got an error or a redirect, which browsers reject."""
    return (
        request.is_preflight
        and their.status >= 300
        and our.status == 200
        and cors_of(their) == cors_of(our)
        and "access-control-allow-methods" in our.headers
    )


def _errors_of_views(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    """Cover the error of a decorated view: it had no headers."""
    return (
        their.status == our.status
        and their.status >= 400
        and not cors_of(their)
        and differ(their, our) == {name.removeprefix("access-control-") for name in cors_of(our)}
    )


def _listed(answered: Answer) -> set[str]:
    value = answered.first("access-control-allow-headers")
    return set() if value is None else {name.strip() for name in value.split(",")}


DEVIATIONS = [
    Deviation("vary-by-origin", _vary_by_origin),
    Deviation("vary-star", _vary_star),
    Deviation("full-match", _full_match),
    Deviation("origin-grammar", _no_origin_value),
    Deviation("told-without-asking", _told_without_asking),
    Deviation("method-exact", _method_exact),
    Deviation("header-full-match", _header_full_match),
    Deviation("empty-names", _empty_names),
    Deviation("bounded-list", _bounded_list),
    Deviation("preflight-answered", _preflight_answered),
    Deviation("errors-of-views", _errors_of_views),
    Deviation("own-grants", own_grants),
]

ATTACKERS = (
    "https://sub.a.example.attacker.net",
    "https://a.example:8443",
    "HTTPS://A.EXAMPLE",
    "https://a.example/path",
)

ORIGIN_OPTIONS: dict[str, Any] = {
    "origins": [
        ...,
        "*",
        A,
        [B, "https://A.example", "null"],
        r"https://(.*\.)?a\.example",
        [re.compile(r"https://\w+\.a\.example"), "http://localhost:3000"],
        ["localhost", A, "zzz"],
        ["chrome-extension://abcdefghijklmnop", r"^http://localhost(:\d+)?$"],
    ],
    "supports_credentials": [..., True],
    "send_wildcard": [..., True],
    "always_send": [..., False],
}
PREFLIGHT_OPTIONS: dict[str, Any] = {
    "origins": [[A, B], "*"],
    "methods": [..., ["put", "GET"], "PATCH, DELETE"],
    "allow_headers": [..., ["X-Custom", "content-type"], [re.compile("x-cust"), r"content-.*"]],
    "expose_headers": [..., ["X-B", "X-A"], "X-A"],
    "max_age": [..., timedelta(minutes=10), 0, "5"],
    "allow_private_network": [..., True],
}


def odd_preflights() -> Iterator[Request]:
    for method in ("PU", "ET", ","):
        yield preflight(method)
    for names in ("x-custom,,content-type", ",", "x-custom, x y", "x-custom," + "," * 100, ""):
        yield preflight("PUT", names)
    yield preflight("GET", "x-customary")
    for method, names in (("PUT", "x-custom,x-other"), ("GET", None), ("MKCOL", None), ("get", "")):
        yield preflight(method, names, origin=None)
    private = ("access-control-request-private-network", "true")
    plain = preflight("PUT", "x-custom")
    yield plain._replace(headers=(*plain.headers, private))
    yield plain._replace(headers=(*plain.headers, ("access-control-request-private-network", "1")))


OTHER_PATHS = ("/accept", "/star", "/own", "/broken", "/handled", "/missing")


def compare(comparison: Comparison, build_with: Any, options: dict[str, Any], asked: Any) -> None:
    try:
        their_app = build_with(theirs(), options)
    except ValueError:
        with pytest.raises(ValueError, match="credentials"):
            quiet(lambda: build_with(ours(), options))
        return
    our_app = quiet(lambda: build_with(ours(), options))
    for request in asked:
        try:
            their = call(their_app, request)
        except ValueError:  # a decorated view raises it on each request
            with pytest.raises(ValueError, match="credentials"):
                call(our_app, request)
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            comparison.add(options, request, their, call(our_app, request))


def test_side_by_side() -> None:
    comparison = Comparison(DEVIATIONS)
    everything = list(requests(origins=(*ORIGINS, *ATTACKERS)))
    for number, options in enumerate(grid(**ORIGIN_OPTIONS)):
        compare(comparison, extended, options, share(everything, number, one_in=2))
    preflights = [*requests(origins=(None, A, STRANGER)), *odd_preflights()]
    for number, options in enumerate(grid(**PREFLIGHT_OPTIONS)):
        compare(comparison, extended, options, share(preflights, number, one_in=4))
    elsewhere = [
        request for path in OTHER_PATHS for request in requests(path, (None, A, B, STRANGER))
    ]
    combinations = grid(
        origins=[..., A, [A, B], r"https://[ab]\.example"],
        supports_credentials=[..., True],
        vary_header=[..., False],
    )
    for number, options in enumerate(combinations):
        compare(comparison, extended, options, share(elsewhere, number, one_in=2))
        compare(comparison, decorated, options, [*share(elsewhere, 1000 + number, 2), *preflights])
    assert {deviation.id for deviation in DEVIATIONS} == documented("flask")
    comparison.judge(at_least=12_000)


PATTERNS: list[Any] = [
    "/api/x",
    "/api/*",
    r"/api/.*",
    r"^/api/x$",
    re.compile(r"/api/[xy]"),
    re.compile(r"/a"),
    "/",
    "*",
    "/nowhere",
]
# Paths from the advisories on path rules, and similar ones.
PATHS = [
    "/",
    "/api/x",
    "/api/x/",
    "/api/xy",
    "/API/x",
    "/api/X",
    "/api/a b",
    "/api/a+b",
    "/api/a%2Bb",
    "/api/a%20b",
    "/api/%78",
    "/api/%2578",
    "/%61pi/x",
    "/api/../api/x",
    "/api/%2e%2e/x",
    "/api//x",
    "//api/x",
    "/api/x\n",
    "/api/\u00e9",
    "/nowhere",
    "/missing",
]
# If no rule covers these, the rule of the path that they are redirected to applies.
REDIRECTED = {"/api//x", "//api/x"}


def test_path_rules_side_by_side() -> None:
    """Each path gets exactly the options that flask-cors gives it."""
    import itertools

    compared = 0
    for chosen in itertools.permutations(PATTERNS, 2):
        # Each pattern is identified by its origin.
        origins = [f"https://{n}.example" for n in range(len(chosen))]
        resources = {p: {"origins": o} for p, o in zip(chosen, origins, strict=True)}
        their, our = extended(theirs(), {"resources": resources}), None
        our = extended(ours(), {"resources": resources})
        for path in set(PATHS) - REDIRECTED:
            # Without an Origin each responds with the first origin that it allows.
            a, b = (
                call(app, get(None, path)).first("access-control-allow-origin")
                for app in (their, our)
            )
            assert a == b, (chosen, path)
            compared += 1
    assert compared > 1_000


@pytest.mark.filterwarnings("ignore:.*no-paths")
@pytest.mark.parametrize(
    "resources",
    ["/api/*", re.compile("/api/"), ["/api/x", re.compile("/accept")], "*", ["/own", "*"], {}, []],
    ids=repr,
)
def test_shapes_of_resources(resources: Any) -> None:
    their, our = (
        extended(m, {"resources": resources, "origins": [A, B]}) for m in (theirs(), ours())
    )
    for path in {*PATHS, "/accept", "/own"} - REDIRECTED:
        request = get(B, path)
        found = call(their, request), call(our, request)
        assert cors_of(found[0]) == cors_of(found[1]) or own_grants({}, request, *found), path


@pytest.mark.parametrize("resources", [7, 1.5, object()])
def test_what_is_no_resource(resources: Any) -> None:
    for library in (theirs(), ours()):
        with pytest.raises(ValueError, match="resources"):
            extended(library, {"resources": resources})


# -- sources of options --------------------------------------------------------------------------


def test_settings_of_the_application() -> None:
    config = {
        "CORS_ORIGINS": [A],
        "CORS_METHODS": ["PUT"],
        "CORS_ALLOW_HEADERS": ["x-a"],
        "CORS_EXPOSE_HEADERS": ["X-E"],
        "CORS_SUPPORTS_CREDENTIALS": True,
        "CORS_MAX_AGE": 7,
        "CORS_RESOURCES": {"/api/*": {"origins": [B]}, "/": {}},
        "CORS_ALWAYS_SEND": False,
    }
    apps = []
    for library in (theirs(), ours()):
        apps.append(app := build(config))
        library.CORS(app)
    for request in (
        get(A),
        get(B, "/api/x"),
        get(A, "/api/x"),
        get(A, "/own"),
        get(None),
        preflight("PUT", "x-a,x-b"),
    ):
        their, our = (call(app, request) for app in apps)
        assert cors_of(their) == cors_of(our)
    assert cors_of(call(apps[1], preflight("PUT", "x-a,x-b"))) == {
        "access-control-allow-origin": [A],
        "access-control-allow-credentials": ["true"],
        "access-control-expose-headers": ["X-E"],
        "access-control-allow-headers": ["x-a"],
        "access-control-allow-methods": ["PUT"],
        "access-control-max-age": ["7"],
    }


def test_a_resource_overrides_arguments_which_override_config() -> None:
    app = build({"CORS_ORIGINS": "https://config.example", "CORS_MAX_AGE": 1})
    extension = ours().CORS(origins="https://made.example", max_age=2)
    extension.init_app(app, max_age=3, resources={"/api/*": {"max_age": 4}, "/*": {}})
    made = "https://made.example"
    for path, age in (("/", "3"), ("/api/x", "4")):
        found = call(app, preflight(origin=made, path=path))
        assert found.first("access-control-max-age") == age
        assert found.first("access-control-allow-origin") == made


def test_a_decorated_view_follows_the_config_of_its_application() -> None:
    from flask import Flask

    view = ours().cross_origin(max_age=9)(lambda: "hello")
    apps = [Flask("one"), Flask("two")]
    for app, origin in zip(apps, (A, B), strict=True):
        app.config["CORS_ORIGINS"] = [origin]
        app.add_url_rule("/", "view", view)
    for _ in range(2):
        for app, origin in zip(apps, (A, B), strict=True):
            found = call(app, preflight(origin=origin))
            assert found.first("access-control-allow-origin") == origin
            assert found.first("access-control-max-age") == "9"
            assert not cors_of(call(app, get(STRANGER)))
    # Tests change settings, also in place.
    apps[0].config["CORS_ORIGINS"].append(STRANGER)
    assert call(apps[0], get(STRANGER)).first("access-control-allow-origin") == STRANGER
    apps[0].config["CORS_ORIGINS"] = [B]
    assert not cors_of(call(apps[0], get(STRANGER)))
    assert call(apps[0], get(B)).first("access-control-allow-origin") == B


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("origin", "origins"),
        ("allow_origins", "origins"),
        ("allow_credentials", "supports_credentials"),
        ("suports_credentials", "supports_credentials"),
        ("paths", "resources"),
        ("logging", None),
    ],
)
@pytest.mark.parametrize("where", ["CORS", "resource", "cross_origin", "cross_origin, by config"])
def test_an_unknown_option_warns_once_and_fails_if_strict(
    name: str, meant: str | None, where: str
) -> None:
    from flask import Flask

    from corsfast import CorsfastSecurityWarning, PolicyError

    def set_up(**more: Any) -> None:
        options: Any = {name: [A], **more}
        if where == "CORS":
            ours().CORS(Flask("app"), **options)
        elif where == "resource":
            ours().CORS(Flask("app"), resources={"/a": options, "/b": options})
        elif where == "cross_origin":
            ours().cross_origin(**options, origins="*")(lambda: "hello")
        else:
            app = Flask("app")
            app.config["CORS_ORIGINS"] = [B]
            app.add_url_rule("/", "view", ours().cross_origin(**options)(lambda: "hello"))
            assert not cors_of(call(app, get(A)))  # and does not warn again

    with pytest.warns(CorsfastSecurityWarning) as caught:
        set_up()
    (said,) = caught
    text = str(said.message)
    assert text.startswith(f"corsfast.middleware.flask: {name}: there is no such option")
    assert text.endswith("[unknown-option]")
    limits = meant in ("origins", "resources")
    assert ("every origin is allowed" in text) == (limits and "config" not in where)
    assert (f"Write {meant} instead." in text) if meant else ("Write" not in text)
    assert said.filename == __file__
    with pytest.raises(PolicyError) as refused:
        set_up(strict=True)
    assert [p.code for p in refused.value.problems] == ["unknown-option"]


@pytest.mark.parametrize("library", [theirs, ours])
def test_a_broken_regex_is_refused_at_once(library: Callable[[], ModuleType]) -> None:
    with pytest.raises(ValueError, match=r"regex|regular expression"):
        extended(library(), {"origins": "https://("})
    with pytest.raises(ValueError, match=r"regex|regular expression"):
        extended(library(), {"resources": "/(("})


@pytest.mark.parametrize("options", [{"methods": "GET\r\nX: y"}, {"expose_headers": ["X\n"]}])
def test_what_cannot_be_sent_is_refused_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        extended(ours(), options)


# -- in an application ---------------------------------------------------------------------------


def blueprints(library: ModuleType) -> Any:
    """Return a blueprint with its own policy in an application with another one."""
    from flask import Blueprint

    app = build()
    blue = Blueprint("blue", "blue", url_prefix="/blue")
    library.CORS(blue, origins=[A], expose_headers="X-Blue")
    blue.add_url_rule("/", "index", lambda: "blue")
    blue.add_url_rule("/broken", "broken", lambda: 1 // 0)
    inner = Blueprint("inner", "inner", url_prefix="/inner")
    inner.add_url_rule("/", "index", library.cross_origin(origins=[STRANGER])(lambda: "inner"))
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
    library.CORS(app, origins=[STRANGER])
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
        for request in requests(path, (None, A, B, STRANGER)):
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
        assert not cors_of(call(app, get(STRANGER, path)))


def test_what_a_view_set_for_itself_is_replaced() -> None:
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
    for origin in (A, STRANGER, None):
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
    for origin in (A, STRANGER):
        assert varies_by(call(app, get(origin, "/in"))) >= {"origin", "cookie", "x-two"}


def test_a_response_object_that_is_sent_twice_does_not_collect() -> None:
    app = extended(ours(), {"origins": [A, B]})
    kept = app.response_class("kept")
    app.add_url_rule("/kept", "kept", lambda: kept)
    first = call(app, get(A, "/kept"))
    assert call(app, get(A, "/kept")).headers == first.headers


# -- failures for browsers with flask-cors -------------------------------------------------------


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


def blue(view: Any, rule: str, **options: Any) -> Any:
    """Build an application with one route, in a blueprint with CORS."""
    from flask import Blueprint

    app, inner = bare(), Blueprint("inner", "inner")
    ours().CORS(inner, origins=[A])
    inner.add_url_rule(rule, "view", view, **options)
    app.register_blueprint(inner)
    return app


def bare() -> Any:
    from flask import Flask

    app = Flask("app")
    app.logger.disabled = True
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


# -- hostile requests ----------------------------------------------------------------------------

HOSTILE = [
    "x" * 8192,
    "https://" + "a" * 8192,
    "https://a.example, https://a.example",
    "https://a.example\x00",
    "https://a.ex\u00e4mple",
    "\u00ff\u00fe",
    "https://a.example\ud800",
    "https://a.example%0d%0aX: y",
    "*",
    "",
    " ",
    "https://a.example ",
    "NULL",
]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"supports_credentials": True},
        {"origins": [A, "null"]},
        {"origins": r"https://(.*\.)?a\.example"},
        {"origins": "https://(a|aa)+[.]example$", "resources": {"/*": {}}},
    ],
    ids=repr,
)
@pytest.mark.parametrize("how", [extended, decorated])
def test_hostile_origins(how: Any, options: dict[str, Any]) -> None:
    app = quiet(lambda: how(ours(), options))
    for ask in (get, lambda origin: preflight(origin=origin)):
        nobody = quiet(lambda ask=ask: cors_of(call(app, ask(None))))
        for origin in HOSTILE:
            expected = nobody if not origin else {}
            assert cors_of(call(app, ask(origin))) == expected, origin[:40]


@pytest.mark.parametrize(
    "names",
    [
        "," * 65536,
        " " * 65536,
        "a," * 32768,
        "x" * 65536,
        "\u00e9",
        "a b",
        "a\x00",
        "a," + "," * 17,
    ],
    ids=lambda names: f"{names[:3]!r}x{len(names)}",
)
@pytest.mark.parametrize("allow_headers", ["*", ["x-a", "a"], r"a|(x+x+)+y"], ids=repr)
def test_hostile_header_lists(names: str, allow_headers: Any) -> None:
    app = extended(ours(), {"origins": [A], "allow_headers": allow_headers})
    assert cors_of(call(app, preflight("PUT", names))) == {"access-control-allow-origin": [A]}
    for method in (",", "PUT, GET", "x" * 65536, "\u00e9", "", " "):
        assert cors_of(call(app, preflight(method))) == {"access-control-allow-origin": [A]}


def test_nothing_of_a_request_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """CVE-2024-1681: a path with a line break forged lines in the log, at DEBUG."""
    import logging

    caplog.set_level(logging.DEBUG)
    app = extended(ours(), {"resources": {"/api/*": {}, "/x": {}}, "origins": [A]})
    caplog.clear()
    for path in ("/api/x\nINFO forged", "/\r\nforged"):
        call(app, get("https://forged.example\r\n", path))
        call(app, preflight("PUT\nforged", "a\nforged", path=path))
    assert caplog.records == []


def test_private_network_is_refused_by_default() -> None:
    """CVE-2024-6221."""
    request = preflight()
    asked = request._replace(
        headers=(*request.headers, ("access-control-request-private-network", "true"))
    )
    name = "access-control-allow-private-network"
    assert call(extended(ours(), {"origins": [A]}), asked).headers[name] == ["false"]
    allowing = extended(ours(), {"origins": [A], "allow_private_network": True})
    assert call(allowing, asked).headers[name] == ["true"]
    assert name not in call(allowing, request).headers


@pytest.mark.parametrize(
    ("path", "public"),
    [
        ("/api/open", True),
        ("/api/open/more", False),  # CVE-2024-6839: the longer rule comes first
        ("/API/open", False),  # CVE-2024-6866: case matters
        ("/api/open+more", False),  # CVE-2024-6844: a plus is a plus
        ("/api/open more", False),
        ("/private/../api/open", False),  # CVE-2020-25032
        ("/api/../private", False),
        ("/private/%2e%2e/api/open", False),
    ],
)
def test_which_rule_holds_for_a_path(path: str, public: bool) -> None:
    rules = {
        "/api/open": {"origins": "*"},
        r"/api/.*": {"origins": [A]},
        r"/*": {"origins": [B]},
    }
    app = extended(ours(), {"resources": rules})
    found = call(app, get(STRANGER, path)).first("access-control-allow-origin")
    assert found == (STRANGER if public else None)


# -- warnings at start-up ------------------------------------------------------------------------

INSECURE: list[tuple[dict[str, Any], type[Warning], str]] = [
    ({"supports_credentials": True}, CorsfastSecurityWarning, "any-origin-with-credentials"),
    (
        {"origins": [A, "null"], "supports_credentials": True},
        CorsfastSecurityWarning,
        "null-origin-with-credentials",
    ),
    (
        {"origins": ["http://a.example"], "supports_credentials": True},
        CorsfastSecurityWarning,
        "insecure-origin",
    ),
    ({"origins": r"https://.*\.?example\.com"}, CorsfastSecurityWarning, "foreign-origin"),
    ({"origins": [A, "localhost:3000"]}, CorsfastDeadEntryWarning, "localhost:3000"),
    ({"origins": [A + "/"]}, CorsfastDeadEntryWarning, "trailing-slash"),
    ({"origins": [A, "http://localhost:*"]}, CorsfastDeadEntryWarning, "glob-as-regex"),
    ({"origins": [A, "http://10.0.0.0/8:*"]}, CorsfastDeadEntryWarning, r'Write r"http://10(?:\.'),
]


@pytest.mark.parametrize("how", [extended, decorated])
@pytest.mark.parametrize(("options", "kind", "text"), INSECURE, ids=lambda value: repr(value))
def test_insecure_settings_are_said_once(
    how: Any, options: dict[str, Any], kind: type[Warning], text: str
) -> None:
    options = dict(options)
    if how is extended:
        options["resources"] = {"/api/*": {}, "/*": {"max_age": None}}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        app = how(ours(), options)
        call(app, get())
        call(app, get())
    found = [w for w in caught if w.category is kind and text in str(w.message)]
    views = 1 if how is extended else len(app.view_functions)
    assert 1 <= len(found) <= views
    assert all("corsfast.middleware.flask: origins" in str(w.message) for w in found)


@pytest.mark.parametrize(("options", "kind", "text"), INSECURE, ids=lambda value: repr(value))
def test_strict_makes_them_errors(options: dict[str, Any], kind: type[Warning], text: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(text)):
        extended(ours(), {**options, "strict": True})
    if "origins" in options:  # otherwise it depends on the application's config
        with pytest.raises(PolicyError, match=re.escape(text)):
            decorated(ours(), {**options, "strict": True})
    app = build({f"CORS_{name.upper()}": value for name, value in options.items()})
    app.config["CORS_STRICT"] = True
    with pytest.raises(PolicyError, match=re.escape(text)):
        ours().CORS(app)


def test_secure_settings_are_silent() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        extended(
            ours(),
            {
                "origins": [A, r"https://(www\.)?b\.example", "http://localhost:3000"],
                "supports_credentials": True,
                "strict": True,
            },
        )


# -- on a server -----------------------------------------------------------------------------------


def test_under_gunicorn(engine: ModuleType, tmp_path: Path) -> None:
    from support.servers import Server, ask

    command = "-m gunicorn --bind 127.0.0.1:{port} support.apps.flask:app"
    server = Server(command, engine.IMPLEMENTATION, tmp_path / "log")
    try:
        server.wait_until_ready()
        found = ask(server.port, "GET", "/", ("Origin", A))
        assert (found.status, found.body) == (200, engine.IMPLEMENTATION.encode())
        assert found.cors == {
            "access-control-allow-origin": A,
            "access-control-allow-credentials": "true",
            "vary": "Origin",
        }
        assert ask(server.port, "GET", "/", ("Origin", STRANGER)).cors == {"vary": "Origin"}
        lines = [("Origin", A), ("Access-Control-Request-Method", "PUT")]
        lines += [("Access-Control-Request-Headers", name) for name in ("x-b", "x-a")]
        found = ask(server.port, "OPTIONS", "/", *lines)
        assert found.status == 200
        assert found.cors["access-control-allow-methods"] == "PUT"
        assert found.cors["access-control-allow-headers"] == "x-a, x-b"
        found = ask(server.port, "GET", "/view", ("Origin", STRANGER))
        assert found.cors == {"access-control-allow-origin": STRANGER, "vary": "Origin"}
        found = ask(server.port, "GET", "/broken", ("Origin", A))
        assert (found.status, found.cors["access-control-allow-origin"]) == (500, A)
        hostile = "https://a.example\u00ff\u00fe"
        found = ask(server.port, "GET", "/", ("Origin", hostile))
        assert (found.status, found.cors) == (200, {"vary": "Origin"})
        found = ask(server.port, "GET", "/", ("Origin", A), ("Origin", A))
        assert (found.status, found.cors) == (200, {"vary": "Origin"})
        found = ask(server.port, "OPTIONS", "/", *lines[:2], (lines[2][0], "," * 8000))
        assert "access-control-allow-methods" not in found.cors
    finally:
        server.stop()


def test_a_network_is_proposed_as_a_regex() -> None:
    with pytest.raises(PolicyError) as error:
        extended(ours(), {"origins": [A, "http://10.0.0.0/8:*"], "strict": True})
    hints = [problem.hint for problem in error.value.problems]
    assert hints == [r'r"http://10(?:\.[0-9]{1,3}){3}(?::[0-9]+)?"']
