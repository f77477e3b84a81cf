"""The drop-in for quart-cors: compared with quart-cors, and tested for mistakes of either.

The tests are marked `server` because they need Quart, which is not available for every wheel
target. For the same reason each test imports it.
"""

from __future__ import annotations

import asyncio
import inspect
import re
import warnings
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.client import Answer, Request, ask_asgi, exchange, get, preflight, scope_of
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
OWN = "https://own.example"


def ours() -> ModuleType:
    from corsfast.middleware import quart

    return quart


def theirs() -> ModuleType:
    import quart_cors

    return quart_cors


# -- an application, and one way to call it ------------------------------------------------------


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


def run(app: Any, *asked: Request) -> list[Answer]:
    async def all_of_them() -> list[Answer]:
        return [await ask_asgi(app, request) for request in asked]

    return asyncio.run(all_of_them())


def cors(answered: Answer) -> dict[str, str]:
    """Return the CORS fields; fail if one of them is repeated."""
    found = {k: v for k, v in answered.headers.items() if k.startswith("access-control-")}
    assert all(len(lines) == 1 for lines in found.values()), answered
    return {name: lines[0] for name, lines in found.items()}


# -- compared with quart-cors --------------------------------------------------------------------
# Each deviation names the fields that it explains. Together they must explain all differences.

ALLOW_ORIGIN = "access-control-allow-origin"
ALLOW_CREDENTIALS = "access-control-allow-credentials"
EXPOSE = "access-control-expose-headers"
ALLOW_METHODS = "access-control-allow-methods"
ALLOW_HEADERS = "access-control-allow-headers"
MAX_AGE = "access-control-max-age"
ACTUAL = {ALLOW_ORIGIN, ALLOW_CREDENTIALS, EXPOSE}
PREFLIGHT = {ALLOW_METHODS, ALLOW_HEADERS, MAX_AGE}

Options = dict[str, Any]


def config_of(options: Options) -> dict[str, Any]:
    config: dict[str, Any] = options.get("config", {})
    return config


def _vary_merged(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    whole = {"/star": {"*"}, "/twice": {"accept", "cookie", "origin"}}
    return {"vary"} if varies_by(our) == whole.get(request.path) else set()


def _star_for_all(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    told = our.first(ALLOW_ORIGIN) == "*" and ALLOW_ORIGIN not in their.headers
    if request.origin is None and (told or request.path == "/own"):
        return {"vary", ALLOW_ORIGIN, EXPOSE} if "origin" in varies_by(their) else set()
    return set()


def _full_match(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    entry = options.get("allow_origin")
    origin = request.origin or ""
    if isinstance(entry, re.Pattern) and entry.match(origin) and not entry.fullmatch(origin):
        return {*ACTUAL, *PREFLIGHT} if not cors(our) else set()
    return set()


def _origin_grammar(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    from corsfast._options.origin import parse_origin

    origin = request.origin
    if origin in (None, "null") or parse_origin(origin) is not None:
        return set()
    return {*ACTUAL, *PREFLIGHT} if their.first(ALLOW_ORIGIN) == origin and not cors(our) else set()


def _no_token(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    """Cover `""` and `"X-A, X-B"`, in quotes, which are not header names, and the method `,`."""
    from corsfast._engine.headers import requested_names

    asked = dict(request.headers).get("access-control-request-method", "GET")
    found = set() if requested_names(asked) == [asked] else PREFLIGHT - our.headers.keys()
    quoted = (their.first(EXPOSE) or "").startswith('"') and '"' not in (our.first(EXPOSE) or "")
    return {*found, EXPOSE} if quoted else found


def _own_expose(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    lines = our.headers.get(EXPOSE, [])
    theirs_lost_it = "X-Own" not in their.headers.get(EXPOSE, [])
    return {EXPOSE} if request.path == "/own" and "X-Own" in lines and theirs_lost_it else set()


def _own_grants(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    granted = own_grants(options, request, their, our)
    return {ALLOW_ORIGIN, ALLOW_CREDENTIALS, EXPOSE} if granted else set()


def _method_exact(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    asked = dict(request.headers).get("access-control-request-method", "")
    allowed = (their.first(ALLOW_METHODS) or "").split(", ")
    if asked.upper() in allowed and asked not in allowed and ALLOW_METHODS not in our.headers:
        return PREFLIGHT
    return set()


def _method_spelt(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    asked = dict(request.headers).get("access-control-request-method")
    if their.first(ALLOW_METHODS) == "*" and our.first(ALLOW_CREDENTIALS) == "true":
        return {ALLOW_METHODS} if our.first(ALLOW_METHODS) == asked else set()
    return set()


def _header_order(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    a, b = ((answered.first(ALLOW_HEADERS) or "").split(", ") for answered in (their, our))
    return {ALLOW_HEADERS} if a != b and sorted(a) == sorted(b) else set()


def _bounded_list(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    from corsfast._engine.headers import requested_names

    names = dict(request.headers).get("access-control-request-headers")
    hostile = names is not None and requested_names(names) is None
    return PREFLIGHT if hostile and not PREFLIGHT & our.headers.keys() else set()


def _config_as_arguments(
    options: Options, request: Request, their: Answer, our: Answer
) -> set[str]:
    """Cover strings, patterns and periods in the config, as in arguments; see the test below."""
    from datetime import timedelta as period

    odd = any(isinstance(value, (str, re.Pattern, period)) for value in config_of(options).values())
    if not odd:
        return set()
    broken = {"status", "body", "allow", "content-length", "vary"} if their.status == 500 else set()
    return {*ACTUAL, *PREFLIGHT, *broken}


def _preflight_answered(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    """Cover an allowed preflight that got an error or a redirect, which browsers reject."""
    answered = request.is_preflight and their.status >= 300 and our.status == 200
    return {"status", "body", "content-length", "content-type"} if answered else set()


def _errors_of_views(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    """Cover the error of a decorated view: it had no headers."""
    left = their.status == our.status >= 400 and not cors(their)
    return {*cors(our), "vary"} if left else set()


EXPLANATIONS = {
    "preflight-answered": _preflight_answered,
    "errors-of-views": _errors_of_views,
    "vary-merged": _vary_merged,
    "star-for-all": _star_for_all,
    "full-match": _full_match,
    "origin-grammar": _origin_grammar,
    "no-token": _no_token,
    "own-expose-headers": _own_expose,
    "own-grants": _own_grants,
    "method-exact": _method_exact,
    "method-spelt-out": _method_spelt,
    "header-order": _header_order,
    "bounded-list": _bounded_list,
    "config-as-arguments": _config_as_arguments,
}
# Deviations that are not about one response to one request. Each has a test of that name.
ELSEWHERE = {"told-at-start", "read-at-start", "config-of-each-application"}


def deviation(name: str) -> Deviation:
    def covers(options: Options, request: Request, their: Answer, our: Answer) -> bool:
        given = (options, request, their, our)
        left = set(differences(their, our))
        mine = EXPLANATIONS[name](*given) & left
        return bool(mine) and left <= set().union(*(f(*given) for f in EXPLANATIONS.values()))

    return Deviation(name, covers)


DEVIATIONS = [deviation(name) for name in EXPLANATIONS]

ORIGIN_OPTIONS: dict[str, Any] = {
    "allow_origin": [
        ...,
        A,
        [B, A, "null", "localhost"],
        re.compile(r"https://(.*\.)?a\.example"),
        [re.compile(r"^http://localhost(:\d+)?$"), "chrome-extension://abcdefghijklmnop"],
    ],
    "allow_credentials": [..., True],
    "expose_headers": [..., ["X-B", "X-A", "x-a"], "X-A, X-B"],
    "config": [{}, {"QUART_CORS_SEND_ORIGIN_WILDCARD": False}],
}
# quart-cors lists names in the order of a set, which differs between processes. So many names are
# never in our order by chance.
MANY = [f"x-{i}" for i in range(6)]
PREFLIGHT_OPTIONS: dict[str, Any] = {
    "allow_origin": [..., [A, B]],
    "allow_credentials": [..., True],
    "allow_methods": [..., ["PUT", "GET"], ["*"], "PATCH"],
    "allow_headers": [..., ["X-Custom", "content-type", "Authorization", *MANY], "x-other"],
    "max_age": [..., timedelta(minutes=10), "5"],
}
ATTACKERS = ("https://sub.a.example.attacker.net", "HTTPS://A.EXAMPLE", "https://a.example/path")
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


async def compare(
    comparison: Comparison, how: Any, options: Options, asked: Iterable[Request]
) -> None:
    config = config_of(options)
    arguments = {name: value for name, value in options.items() if name != "config"}
    their_app = how(theirs(), arguments)
    try:
        our_app = quiet(lambda: how(ours(), arguments))
    except ValueError:
        assert (await ask_asgi(their_app, get())).status == 500
        return
    their_app.config.update(config)
    our_app.config.update(config)
    for request in asked:
        their = await ask_asgi(their_app, request)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            our = await ask_asgi(our_app, request)
        if options.get("allow_credentials") and options.get("allow_origin") is None:
            # This never works: both fail on each request.
            assert (their.status, our.status) == (500, 500)
            return
        comparison.add(options, request, their, our)


def test_side_by_side() -> None:
    async def all_of_it() -> Comparison:
        comparison = Comparison(DEVIATIONS)
        everything = [
            request
            for request in requests(origins=(*ORIGINS, *ATTACKERS))
            if request.method == "GET" or (request.is_preflight and len(request.headers) == 3)
        ]
        for number, options in enumerate(grid(**ORIGIN_OPTIONS)):
            await compare(comparison, extended, options, share(everything, number, one_in=2))
        preflights = [*requests(origins=(None, A, STRANGER)), *odd_preflights()]
        for number, options in enumerate(grid(**PREFLIGHT_OPTIONS)):
            await compare(comparison, extended, options, share(preflights, number, one_in=2))
        for options in grid(config=CONFIGS):
            await compare(comparison, extended, options, preflights)
            await compare(comparison, decorated, options, preflights)
        elsewhere = [r for path in OTHER_PATHS for r in requests(path, (None, A, STRANGER))]
        for options in grid(
            allow_origin=[..., A, [A, B]],
            allow_credentials=[..., True],
            expose_headers=[..., ["X-A"]],
        ):
            await compare(comparison, extended, options, elsewhere)
            await compare(comparison, decorated, options, [*elsewhere, *preflights])
        return comparison

    comparison = asyncio.run(all_of_it())
    assert {deviation.id for deviation in DEVIATIONS} | ELSEWHERE == documented("quart")
    comparison.judge(at_least=7_000)


# -- sources of options --------------------------------------------------------------------------


@pytest.mark.parametrize("how", [extended, decorated])
def test_settings_are_followed_as_they_change(how: Any) -> None:
    app = how(ours(), {"expose_headers": ["X-E"]})
    request = preflight("PUT", "x-a,x-b")
    assert cors(run(app, request)[0]) == {
        ALLOW_ORIGIN: "*",
        EXPOSE: "X-E",
        ALLOW_HEADERS: "x-a, x-b",
        ALLOW_METHODS: "GET, HEAD, POST, OPTIONS, PUT, PATCH, DELETE",
    }
    app.config.update(
        QUART_CORS_ALLOW_ORIGIN=[A],
        QUART_CORS_ALLOW_CREDENTIALS=True,
        QUART_CORS_ALLOW_METHODS=["PUT"],
        QUART_CORS_ALLOW_HEADERS=["x-a"],
        QUART_CORS_EXPOSE_HEADERS=["X-Not"],
        QUART_CORS_MAX_AGE=timedelta(seconds=7),
    )
    assert cors(run(app, request)[0]) == {
        ALLOW_ORIGIN: A,
        ALLOW_CREDENTIALS: "true",
        EXPOSE: "X-E",
        ALLOW_HEADERS: "x-a",
        ALLOW_METHODS: "PUT",
        MAX_AGE: "7",
    }
    assert cors(run(app, get(B))[0]) == {}
    app.config["QUART_CORS_ALLOW_ORIGIN"].append(B)  # in place, too
    assert cors(run(app, get(B))[0])[ALLOW_ORIGIN] == B
    del app.config["QUART_CORS_ALLOW_ORIGIN"], app.config["QUART_CORS_ALLOW_CREDENTIALS"]
    assert cors(run(app, get(B))[0])[ALLOW_ORIGIN] == "*"


def test_one_blueprint_in_two_applications() -> None:
    from quart import Blueprint

    blue = ours().cors(Blueprint("blue", "blue"), max_age=3)
    blue.add_url_rule("/blue", "blue", decorate(lambda: "blue"))
    apps = [build({"QUART_CORS_ALLOW_ORIGIN": origin}) for origin in (A, B)]
    for app in apps:
        app.register_blueprint(blue)
    for _ in range(2):
        for app, origin in zip(apps, (A, B), strict=True):
            found = run(app, preflight(origin=origin, path="/blue"))[0]
            assert (found.first(ALLOW_ORIGIN), found.first(MAX_AGE)) == (origin, "3")
            assert not cors(run(app, get(STRANGER, "/blue"))[0])


def decorate(respond: Callable[[], Any]) -> Any:
    async def view() -> Any:
        return respond()

    return view


@pytest.mark.parametrize("how", [extended, decorated])
@pytest.mark.parametrize("config", CONFIGS, ids=repr)
def test_the_config_may_hold_what_arguments_may(how: Any, config: Options) -> None:
    """It means the same, so the responses equal those of quart-cors with arguments."""
    given = {name.removeprefix("QUART_CORS_").lower(): value for name, value in config.items()}
    if not given.get("send_origin_wildcard", True):
        given["send_origin_wildcard"] = None  # there, False means None
    by_config, by_arguments = how(ours(), {}), quiet(lambda: how(ours(), given))
    by_config.config.update(config)
    for app in (by_arguments, their := how(theirs(), given)):
        if "send_origin_wildcard" in given:
            app.config["QUART_CORS_SEND_ORIGIN_WILDCARD"] = False
    asked = [preflight("PUT", "x-custom", origin) for origin in (A, B, STRANGER)]
    asked += [get(A), get(STRANGER), preflight("PATCH", "x-other")]
    found = quiet(lambda: run(by_config, *asked))
    assert found == run(by_arguments, *asked)
    for request, one, other in zip(asked, run(their, *asked), found, strict=True):
        assert not set(differences(one, other)) - _no_token({}, request, one, other)


def test_told_at_start() -> None:
    def wrong_at_start(library: ModuleType) -> list[Callable[[], Any]]:
        options = {"allow_credentials": True, "allow_origin": "*"}
        return [lambda: extended(library, options), lambda: decorated(library, options)]

    for make in wrong_at_start(ours()):
        with pytest.raises(ValueError, match="allow_credentials"):
            make()
    for make in wrong_at_start(theirs()):
        assert run(make(), get())[0].status == 500
    for library in (theirs(), ours()):  # but not if only a request can tell
        app = extended(library, {"allow_credentials": True})
        assert run(app, get())[0].status == 500
        app.config["QUART_CORS_ALLOW_ORIGIN"] = [A]
        assert cors(run(app, get())[0])[ALLOW_CREDENTIALS] == "true"


def test_read_at_start() -> None:
    for library, expected in ((theirs(), A), (ours(), None)):
        origins = [B]
        app = extended(library, {"allow_origin": origins})
        origins.append(A)
        assert run(app, get(A))[0].first(ALLOW_ORIGIN) == expected


def test_what_can_be_read_once_only_is_not_used_up() -> None:
    app = extended(ours(), {"allow_origin": iter([A, B]), "allow_headers": iter(["x-a"])})
    for _ in range(2):
        assert cors(run(app, preflight("PUT", "x-a"))[0])[ALLOW_HEADERS] == "x-a"
    app.config["QUART_CORS_MAX_AGE"] = 5
    assert cors(run(app, preflight("PUT", "x-a", B))[0])[MAX_AGE] == "5"


@pytest.mark.parametrize("how", [extended, decorated])
def test_whether_a_wildcard_is_sent_is_left_to_the_config(how: Any) -> None:
    for library in (theirs(), ours()):
        for given in ({}, {"send_origin_wildcard": False}):
            found = []
            for config in ({}, {"QUART_CORS_SEND_ORIGIN_WILDCARD": False}):
                app = how(library, {"allow_origin": ["*"], **given})
                app.config.update(config)
                found.append(run(app, get(A))[0].first(ALLOW_ORIGIN))
            assert found == ["*", A]


@pytest.mark.parametrize("how", [extended, decorated])
def test_whether_cookies_may_be_used_is_left_to_the_config(how: Any) -> None:
    for library in (theirs(), ours()):
        for given in ({}, {"allow_credentials": False}):
            found = []
            for origin in (A, "*"):
                app = how(library, {"allow_origin": [origin], **given})
                app.config["QUART_CORS_ALLOW_CREDENTIALS"] = True
                (got,) = run(app, get(A))
                found.append((got.status, got.first(ALLOW_CREDENTIALS)))
            assert found == [(200, "true"), (500, None)]


def test_lines_of_requested_header_names_are_one_list() -> None:
    lines = (("access-control-request-headers", "x-a"), ("access-control-request-headers", "x-b"))
    found = run(extended(ours(), {}), Request("OPTIONS", (*preflight().headers, *lines)))[0]
    assert cors(found)[ALLOW_HEADERS] == "x-a, x-b"


def test_sets_are_sent_in_an_order_of_their_own() -> None:
    for option, name in (("allow_methods", ALLOW_METHODS), ("expose_headers", EXPOSE)):
        app = extended(ours(), {option: {"PUT", "C", "A", "GET", "B"}})
        assert cors(run(app, preflight())[0])[name] == "A, B, C, GET, PUT"


@pytest.mark.parametrize("library", [ours, theirs])
def test_config_of_each_application(library: Callable[[], ModuleType]) -> None:
    """A view is in two applications: quart-cors keeps the config of the first one."""
    view = library().route_cors()(decorate(lambda: "view"))
    apps = [build({"QUART_CORS_ALLOW_ORIGIN": [origin]}) for origin in (A, B)]
    found = []
    for app, origin in zip(apps, (A, B), strict=True):
        app.add_url_rule("/view", "view", view)
        found.append(run(app, get(origin, "/view"))[0].first(ALLOW_ORIGIN))
    assert found == ([A, B] if library is ours else [A, None])


# -- in an application ---------------------------------------------------------------------------


def layered(library: ModuleType) -> Any:
    """Return an application with policies on a route, a blueprint and itself, and exempt views."""
    from quart import Blueprint

    app = build()
    app.add_url_rule("/exempt", "exempt", library.cors_exempt(decorate(lambda: "exempt")))
    app.add_url_rule("/route", "route", library.route_cors(allow_origin=STRANGER)(lambda: "sync"))
    blue = library.cors(Blueprint("blue", "blue", url_prefix="/blue"), allow_origin=B)
    blue.add_url_rule("/", "index", decorate(lambda: "blue"))
    blue.add_url_rule("/exempt", "exempt", library.cors_exempt(decorate(lambda: "no")))
    app.register_blueprint(blue)
    library.cors(app, allow_origin=A, expose_headers="X-One")
    library.cors(app, allow_origin=[A, B], expose_headers="X-Two")
    return app


def hooked(library: ModuleType) -> Any:
    """Return an application with functions before and after the view."""
    app = build()
    app.after_request(seen("X-Registered-Before"))
    library.cors(app, allow_origin=[A, B], expose_headers="X-E")
    app.after_request(seen("X-Registered-After"))
    return app


def hooked_later(library: ModuleType) -> Any:
    app = library.cors(build(), allow_origin=[A, B], expose_headers="X-E")
    app.after_request(seen("X-Registered-After"))
    return app


def seen(name: str) -> Any:
    async def function(response: Any) -> Any:
        response.headers[name] = response.headers.get("Access-Control-Allow-Origin", "nothing")
        return response

    return function


@pytest.mark.parametrize("build_with", [layered, hooked, hooked_later])
def test_applications_side_by_side(build_with: Callable[[ModuleType], Any]) -> None:
    paths = ["/", "/accept", "/broken", "/missing", "/exempt", "/route", "/blue/", "/blue/exempt"]
    asked = [r for path in paths for r in requests(path, (None, A, B, STRANGER))]
    asked = [r for r in asked if ("access-control-request-method", "patch") not in r.headers]
    for request, their, our in zip(
        asked, run(build_with(theirs()), *asked), run(build_with(ours()), *asked), strict=True
    ):
        if _preflight_answered({}, request, their, our):
            continue
        if our.status == 405 and request.path in ("/route", "/blue/", "/blue/exempt"):
            continue  # the rules of the view or the blueprint decide nothing there
        left = set(differences(their, our)) - _no_token({}, request, their, our)
        assert not left, (request, their, our)


def test_what_a_view_set_for_itself() -> None:
    app = extended(ours(), {"allow_origin": [A], "expose_headers": ["X-E"]})
    allowed, refused, plain = run(app, get(A, "/own"), get(STRANGER, "/own"), get(None, "/own"))
    assert allowed.headers[ALLOW_ORIGIN] == [A]
    assert ALLOW_CREDENTIALS not in allowed.headers
    assert allowed.headers[EXPOSE] == ["X-Own", "X-E"]
    for found in (refused, plain):
        assert not cors(found)
        assert found.headers["vary"] == ["Origin"]


@pytest.mark.parametrize("how", ["cors", "behind others", "blueprint", "view"])
def test_a_session_that_is_saved_later_loses_no_origin(how: str) -> None:
    """The session reads only the first line of Vary and drops the others."""
    from quart import Blueprint, Response, session

    async def signed_in() -> Any:
        session["user"] = "me"
        response = Response("hello")
        for name in ("Accept", "X-Two"):
            response.headers.add("Vary", name)
        return response

    app = build()
    app.secret_key = "secret"
    place = app
    if how == "behind others":
        app.after_request(seen("X-Seen"))
    if how == "view":
        signed_in = ours().route_cors(allow_origin=A)(signed_in)
    else:
        place = Blueprint("blue", "blue") if how == "blueprint" else app
        ours().cors(place, allow_origin=A)
    place.add_url_rule("/in", "in", signed_in)
    if place is not app:
        app.register_blueprint(place)
    for found in run(app, get(A, "/in"), get(STRANGER, "/in")):
        # With `cors` alone, CORS runs after the session, which has dropped a line by then.
        others = [] if how == "cors" else ["x-two"]
        assert varies_by(found) == {"accept", "origin", "cookie", *others}


def test_a_response_object_that_is_sent_twice() -> None:
    app = extended(ours(), {"allow_origin": [A, B]})
    kept = app.response_class("kept")
    app.add_url_rule("/kept", "kept", decorate(lambda: kept))
    for origin in (A, B, A):
        found = run(app, get(origin, "/kept"))[0]
        assert cors(found) == {ALLOW_ORIGIN: origin}
        assert found.headers["vary"] == ["Origin"]


@pytest.mark.parametrize("at_first", [False, True])
def test_the_config_may_change_between_requests(at_first: bool) -> None:
    app = ours().cors(build(), allow_origin=[A])
    for is_set in (at_first, not at_first, at_first):
        if is_set:
            app.config["QUART_CORS_EXPOSE_HEADERS"] = ["X-A"]
        else:
            app.config.pop("QUART_CORS_EXPOSE_HEADERS", None)
        exposed = {EXPOSE: "X-A"} if is_set else {}
        for found in run(app, get(A), get(A)):
            assert cors(found) == {ALLOW_ORIGIN: A, **exposed}


def test_a_request_made_by_hand_is_read_from_its_headers() -> None:
    async def ask() -> Any:
        from werkzeug.datastructures import Headers

        app = extended(ours(), {"allow_origin": [A]})
        async with app.test_request_context("/") as context:
            context.request.scope["headers"] = []
            context.request.headers = Headers([("Origin", A)])
            response = app.response_class("x")
            return await app.process_response(*[context] * gives_context(), response)

    assert asyncio.run(ask()).headers["Access-Control-Allow-Origin"] == A


def test_quart_answers_options_of_a_decorated_view() -> None:
    from quart import Quart

    async def index() -> str:
        return "ok"

    app = Quart("app")
    app.add_url_rule("/", "index", ours().route_cors(allow_origin=A)(index))
    (found,) = run(app, preflight("GET", None, A))
    assert found.status == 200
    assert found.first("allow") is not None
    assert found.first(ALLOW_ORIGIN) == A


@pytest.mark.parametrize("how", ["nothing", "later function", "this request", "subclass"])
def test_what_changes_a_response_late_comes_before_cors(how: str) -> None:
    """`cors` may run first only if nothing else is left to do to a response."""
    from quart import Quart, after_this_request

    async def overwrite(response: Any) -> Any:
        response.headers[ALLOW_ORIGIN] = OWN
        response.headers["Vary"] = "Accept"
        return response

    class Changing(Quart):
        async def process_response(self, *args: Any) -> Any:
            return await overwrite(await super().process_response(*args))

    async def index() -> str:
        if how == "this request":
            after_this_request(overwrite)
        return "ok"

    app = ours().cors((Changing if how == "subclass" else Quart)("app"), allow_origin=A)
    app.add_url_rule("/late", "late", index)
    if how == "later function":
        app.after_request(overwrite)
    found = run(app, get(A, "/late"))[0]
    assert cors(found) == {ALLOW_ORIGIN: A}
    assert varies_by(found) == {"origin"} | (set() if how == "nothing" else {"accept"})


# -- WebSockets ------------------------------------------------------------------------------------


def sockets(library: ModuleType, whole: bool, options: Options) -> Any:
    from quart import websocket

    app = build()

    async def echo() -> None:
        await websocket.send("hello")

    async def exempt() -> None:
        await websocket.send("hello")

    app.add_websocket("/exempt", "socket-exempt", library.cors_exempt(exempt))
    if whole:
        app.add_websocket("/socket", "socket", echo)
        return library.cors(app, **options)
    app.add_websocket("/socket", "socket", library.websocket_cors(**options)(echo))
    return app


async def shake(app: Any, path: str, *origins: str) -> str:
    """Return ``"accept"``, or the status of the rejection."""
    request = Request("GET", (("host", "api.example"), *(("origin", it) for it in origins)), path)
    first = (await exchange(app, scope_of(request, "websocket")))[0]
    return "accept" if first["type"] == "websocket.accept" else str(first["status"])


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    "options",
    [{}, {"allow_origin": A}, {"allow_origin": [re.compile(r"https://\w+\.example"), "null"]}],
    ids=repr,
)
def test_handshakes(whole: bool, options: Options) -> None:
    async def ask() -> None:
        their_app = sockets(theirs(), whole, options)
        our_app = quiet(lambda: sockets(ours(), whole, options))
        for app in (their_app, our_app):
            assert await shake(app, "/exempt") == "accept" if whole else True
        expected = {A: "accept", STRANGER: "400" if "allow_origin" in options else "accept"}
        if isinstance(options.get("allow_origin"), list):
            expected |= {STRANGER: "accept", "https://a.example.attacker.net": "400"}
        for origin, verdict in expected.items():
            assert await shake(our_app, "/socket", origin) == verdict, origin
        for origins in ((), (A,), (B,), ("null",), ("",)):
            assert await shake(our_app, "/socket", *origins) == await shake(
                their_app, "/socket", *origins
            ), origins
        if options:
            for hostile in ((A, A), ("\u00ff" * 8192,), (A + "/",)):
                assert await shake(our_app, "/socket", *hostile) == "400"

    asyncio.run(ask())


# -- failures for browsers with quart-cors -------------------------------------------------------


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


def bare() -> Any:
    from quart import Quart

    app = Quart("app")
    app.logger.disabled = True
    return app


def whole(view: Any, rule: str, **options: Any) -> Any:
    """Build an application with one route, and CORS for everything."""
    app = ours().cors(bare(), allow_origin=A)
    app.add_url_rule(rule, "view", view, **options)
    return app


def single(view: Any, rule: str, **options: Any) -> Any:
    """Build an application with one route, whose view is decorated."""
    app = bare()
    app.add_url_rule(rule, "view", ours().route_cors(allow_origin=A)(view), **options)
    return app


def blue(view: Any, rule: str, **options: Any) -> Any:
    """Build an application with one route, in a blueprint with CORS."""
    from quart import Blueprint

    app, inner = bare(), ours().cors(Blueprint("inner", "inner"), allow_origin=A)
    inner.add_url_rule(rule, "view", view, **options)
    app.register_blueprint(inner)
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


# -- hostile requests ----------------------------------------------------------------------------

HOSTILE = [
    "x" * 8192,
    "https://" + "a" * 8192,
    "https://a.example, https://a.example",
    "https://a.example\x00",
    "https://a.ex\u00e4mple",
    "\u00ff\u00fe",
    "*",
    " ",
    "https://a.example ",
    "NULL",
]


@pytest.mark.parametrize(
    "options",
    [
        {"allow_origin": [A, "null"], "allow_credentials": True},
        {"allow_origin": re.compile(r"https://(.*\.)?a\.example")},
    ],
    ids=repr,
)
@pytest.mark.parametrize("how", [extended, decorated])
def test_hostile_origins(how: Any, options: Options) -> None:
    app = quiet(lambda: how(ours(), options))
    asked = [make(origin=origin) for origin in HOSTILE for make in (get, preflight)]
    asked.append(Request("GET", (("origin", A), ("origin", A))))
    for request, found in zip(asked, run(app, *asked), strict=True):
        assert (found.status, cors(found)) == (200, {}), request
        assert found.headers["vary"] == ["Origin"]


@pytest.mark.parametrize("allow_headers", ["*", ["x-a", "a"]], ids=repr)
def test_hostile_header_lists(allow_headers: Any) -> None:
    app = extended(ours(), {"allow_origin": [A], "allow_headers": allow_headers})
    lists = ["," * 65536, " " * 65536, "a," * 32768, "x" * 65536, "\u00e9", "a b", "a\x00"]
    asked = [preflight("PUT", names) for names in lists]
    asked += [preflight(method) for method in (",", "PUT, GET", "x" * 65536, "\u00e9", "", " ")]
    for request, found in zip(asked, run(app, *asked), strict=True):
        assert (found.status, cors(found)) == (200, {ALLOW_ORIGIN: A}), request


def test_any_method_with_credentials_sends_tokens_only() -> None:
    options = {"allow_origin": [A], "allow_methods": ["*"], "allow_credentials": True}
    app = extended(ours(), options)
    good, *bad = run(app, *(preflight(m) for m in ("PURGE", "a b", "\u00e9", "x" * 200, "A,B")))
    assert cors(good)[ALLOW_METHODS] == "PURGE"
    assert all(ALLOW_METHODS not in cors(found) for found in bad)


# -- warnings at start-up ------------------------------------------------------------------------

INSECURE: list[tuple[Options, type[Warning], str]] = [
    (
        {"allow_origin": [A, "null"], "allow_credentials": True},
        CorsfastSecurityWarning,
        "null-origin-with-credentials",
    ),
    (
        {"allow_origin": "http://a.example", "allow_credentials": True},
        CorsfastSecurityWarning,
        "insecure-origin",
    ),
    (
        {"allow_origin": re.compile(r"https://.*\.?example\.com")},
        CorsfastSecurityWarning,
        "foreign-origin",
    ),
    ({"allow_origin": [A, "localhost:3000"]}, CorsfastDeadEntryWarning, "localhost:3000"),
    ({"allow_origin": "https://*.a.example"}, CorsfastDeadEntryWarning, "stands for itself"),
]


@pytest.mark.parametrize("how", [extended, decorated])
@pytest.mark.parametrize(("options", "kind", "text"), INSECURE, ids=lambda value: repr(value))
def test_insecure_settings_are_said_once(
    how: Any, options: Options, kind: type[Warning], text: str
) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        app = how(ours(), options)
    found = [str(w.message) for w in caught if w.category is kind and text in str(w.message)]
    assert len(found) == (1 if how is extended else len(app.view_functions) - 1)  # `static`
    assert all("corsfast.middleware.quart: allow_origin" in message for message in found)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(app, get(), preflight())


@pytest.mark.parametrize(("options", "kind", "text"), INSECURE, ids=lambda value: repr(value))
def test_strict_makes_them_errors(options: Options, kind: type[Warning], text: str) -> None:
    library = ours()
    for make in (library.route_cors, lambda **given: library.cors(build(), **given)):
        with pytest.raises(PolicyError, match=re.escape(text)):
            make(**options, strict=True)
    if "allow_credentials" not in options:
        with pytest.raises(PolicyError, match=re.escape(text)):
            library.websocket_cors(**options, strict=True)


def test_strict_by_config_counts_where_origins_do() -> None:
    app = extended(ours(), {})
    app.config["QUART_CORS_ALLOW_ORIGIN"] = re.compile(r"https://.*\.?example\.com")
    app.config["QUART_CORS_STRICT"] = True
    assert run(app, get())[0].status == 500
    app.config["QUART_CORS_ALLOW_ORIGIN"] = [A]
    assert cors(run(app, get())[0]) == {ALLOW_ORIGIN: A}
    given = quiet(lambda: extended(ours(), {"allow_origin": [A, "localhost"]}))
    given.config["QUART_CORS_STRICT"] = True  # too late to have an effect
    assert cors(run(given, get())[0]) == {ALLOW_ORIGIN: A}


def test_secure_settings_are_silent() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        app = extended(ours(), {"allow_origin": [A, re.compile(r"https://(www\.)?b\.example")]})
        run(app, get(), preflight())
        run(extended(ours(), {}), get(), preflight())


# -- on a server -----------------------------------------------------------------------------------


@pytest.mark.parametrize("server", ["uvicorn --log-level warning --port", "hypercorn --bind"])
def test_on_servers(server: str, engine: ModuleType, tmp_path: Path) -> None:
    from support.servers import Server, ask
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    where = "127.0.0.1:{port}" if "hypercorn" in server else "{port}"
    started = Server(
        f"-m {server} {where} support.apps.quart:app", engine.IMPLEMENTATION, tmp_path / "log"
    )
    try:
        started.wait_until_ready()
        port = started.port
        found = ask(port, "GET", "/", ("Origin", A))
        assert (found.status, found.body) == (200, engine.IMPLEMENTATION.encode())
        expected = {ALLOW_ORIGIN: A, ALLOW_CREDENTIALS: "true", "vary": "Origin"}
        assert found.cors == expected
        assert ask(port, "GET", "/", ("Origin", STRANGER)).cors == {"vary": "Origin"}
        assert ask(port, "GET", "/exempt", ("Origin", A)).cors == {}
        assert ask(port, "GET", "/route", ("Origin", STRANGER)).cors == {
            ALLOW_ORIGIN: STRANGER,
            "vary": "Origin",
        }
        found = ask(port, "GET", "/broken", ("Origin", A))
        assert (found.status, found.cors) == (500, expected)
        lines = [("Origin", A), ("Access-Control-Request-Method", "PUT")]
        lines += [("Access-Control-Request-Headers", name) for name in ("x-b", "x-a")]
        found = ask(port, "OPTIONS", "/", *lines)
        assert (found.status, found.cors[ALLOW_HEADERS]) == (200, "x-b, x-a")
        hostile = ask(port, "GET", "/", ("Origin", "https://a.example\u00ff\u00fe"))
        assert (hostile.status, hostile.cors) == (200, {"vary": "Origin"})
        with connect(f"ws://127.0.0.1:{port}/socket", additional_headers={"Origin": A}) as socket:
            assert socket.recv(timeout=30) == "hello"
        with pytest.raises(InvalidStatus) as caught:
            connect(f"ws://127.0.0.1:{port}/socket", additional_headers={"Origin": STRANGER})
        assert caught.value.response.status_code in (400, 403)
    finally:
        started.stop()
