"""The drop-in for Litestar's CORS, compared with the original and in whole applications.

The tests are marked `server` because they need Litestar, which is not available for every wheel
target. For the same reason each test imports it.
"""

from __future__ import annotations

import asyncio
import copy
import functools
import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, strategies as st
from support.asgi_drop_in import (
    A,
    any_headers,
    application,
    assert_nothing_is_injected,
    bare_string,
    call,
    hostile_requests,
    no_origin_at_all,
    null_by_regex,
    several_lines,
)
from support.client import Answer, Request, cors_of, running, written
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
)

from corsfast import PolicyError
from corsfast.errors import CorsfastSecurityWarning

pytestmark = pytest.mark.server

OTHER = "https://other.example"
SAFELISTED = {"Accept", "Accept-Language", "Content-Language", "Content-Type"}


def config(**options: Any) -> Any:
    from corsfast.middleware.litestar import CORSConfig

    return CORSConfig(**options)


def litestar(**options: Any) -> Any:
    """Build an application; `/broken` fails, and `/own` sends CORS fields itself."""
    from litestar import Litestar, Response, route

    methods = ["GET", "HEAD", "POST", "PUT"]

    @route("/", http_method=methods, status_code=200)
    async def hello() -> Any:
        return Response("hello", headers={"Vary": "Accept"})

    @route("/broken", http_method="GET")
    async def broken() -> str:
        raise RuntimeError("bug")

    @route("/own", http_method="GET")
    async def own() -> Any:
        return Response("own", headers={"Access-Control-Allow-Origin": "*"})

    return Litestar(
        [hello, broken, own], openapi_config=None, logging_config=None, debug=False, **options
    )


def drop_in(app: Any, **options: Any) -> Any:
    from corsfast.middleware.litestar import CORSMiddleware

    return quiet(lambda: CORSMiddleware(app, config(**options)))


def original() -> Any:
    """Return Litestar's own middleware, taken from an application that uses it."""
    kind = type(litestar(cors_config=config()).asgi_handler)
    return lambda app, **options: kind(app=app, config=config(**options))


def around(whole: Any) -> dict[str, Any]:
    """Return the scope entries that the original needs: the whole application and defaults."""
    return {"root_path": "", "query_string": b"", "state": {}, "app": whole, "litestar_app": whole}


# -- differences, as documented in docs/middleware/litestar.md ---------------------------------


def names_of(got: Answer, name: str) -> set[str]:
    return {part.strip().lower() for line in got.headers.get(name, []) for part in line.split(",")}


def vary(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    """Return whether there are more names, and none of the original's is lost."""
    more = names_of(ours, "vary") > names_of(theirs, "vary")
    return differences(theirs, ours) == ("vary",) and more


def refused_bare(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    if (theirs.status, theirs.body) != (ours.status, ours.body) or "vary" not in ours.headers:
        return False
    return theirs.first("access-control-allow-origin") is None and not cors_of(ours)


def any_with_credentials(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    if "*" not in options.get("allow_origins", ["*"]) or not options.get("allow_credentials"):
        return False
    name = "access-control-allow-origin"
    if request.origin is None:
        return vary(options, request, theirs, ours)
    echoed = ours.first(name) == request.origin and theirs.first(name) == "*"
    varies = names_of(ours, "vary") & {"origin", "*"}
    others = {name, "vary", "access-control-expose-headers"}  # for the last, see own_fields
    return echoed and bool(varies) and set(differences(theirs, ours)) <= others


def any_for_everyone(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    if "*" not in options.get("allow_origins", ["*"]) or options.get("allow_credentials"):
        return False
    name = "access-control-allow-origin"
    echo = {"cookie"} <= set(dict(request.headers)) and theirs.first(name) == request.origin
    return ours.first(name) == "*" and (request.origin is None or echo)


def options_of_the_application(
    options: Any, request: Request, theirs: Answer, ours: Answer
) -> bool:
    plain = request.method == "OPTIONS" and not request.is_preflight and request.origin is not None
    return plain and ours.body == b"hello" and theirs.status in (204, 400)


def bounded_list(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    listed = dict(request.headers).get("access-control-request-headers", "")
    hostile = len(listed) > 1000 or not listed.isascii()
    return hostile and b"headers" in ours.body and b"headers" not in theirs.body


def methods(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    method = dict(request.headers).get("access-control-request-method")
    never_sent = method in ("TRACE", "", " PUT", "P" * 9000)
    return never_sent and b"method" in ours.body and b"method" not in theirs.body


def own_fields(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    """Return whether only the application's own fields differ.

    These are its allow-origin if there is no Origin, and its exposed names, which the drop-in
    keeps.
    """
    exposed, origin = "access-control-expose-headers", "access-control-allow-origin"
    if request.origin is None:
        lost = {origin} if origin in ours.headers else {origin, exposed}
        theirs_left = {k: v for k, v in cors_of(theirs).items() if k not in lost}
        return bool(lost & theirs.headers.keys()) and cors_of(ours) == theirs_left
    return differences(theirs, ours) == (exposed,) and ours.headers.get(exposed) == [
        "X-Own",
        *theirs.headers[exposed],
    ]


def vary_kept(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    lost = names_of(theirs, "vary") == {"origin"} and (
        names_of(ours, "vary") in ({"*"}, {"origin", "accept"})
    )
    return lost and differences(theirs, ours) == ("vary",)


DEVIATIONS = [
    Deviation("vary", vary),
    Deviation("vary-merged", vary_kept),
    Deviation("refused-bare", refused_bare),
    Deviation("any-with-credentials", any_with_credentials),
    Deviation("any-for-everyone", any_for_everyone),
    Deviation("plain-options", options_of_the_application),
    Deviation("null-by-name", null_by_regex),
    Deviation("malformed-origin", no_origin_at_all),
    Deviation("several-origin-lines", several_lines),
    Deviation("bounded-list", bounded_list),
    Deviation("methods-never-sent", methods),
    Deviation("bare-string", bare_string),
    Deviation("own-fields", own_fields),
    Deviation("own-grants", own_grants),
]


# -- side by side ----------------------------------------------------------------------------


def all_options() -> Iterator[dict[str, Any]]:
    yield from grid(
        allow_origins=(..., [A, "https://b.example"], [A, "null"], ["https://*.a.example"]),
        allow_methods=(..., ["GET", "PUT", "MKCOL"]),
        allow_headers=(..., ["X-Custom", "Authorization"]),
        allow_credentials=(..., True),
        allow_origin_regex=(..., r"https?://(sub\.)?a\.example(:\d+)?"),
    )
    rest = grid(
        allow_origins=([], [A + "/", "a.example", ""], ["http*://a.example*", "*.example"]),
        allow_origin_regex=(..., ".*", "null"),
        allow_credentials=(False, True),
        expose_headers=([], ["X-Exp"], ["X-B", "X-A, X-C"]),
        max_age=(0, 86400),
        allow_methods=([], [""], ["PUT", "patch"]),
        allow_headers=([], ["Range", "x-other"], [""], ["*", "X-A"]),
    )
    # Each value meets each other value, but not in every combination, because 11 divides no count.
    yield from itertools.islice(rest, 0, None, 11)


def with_cookie(asked: Iterator[Request]) -> Iterator[Request]:
    for request in asked:
        if request.method == "GET":
            yield request._replace(headers=(*request.headers, ("cookie", "a=b")))


def test_decisions_match_the_original() -> None:
    comparison = Comparison(DEVIATIONS)
    whole = litestar()
    theirs_of = original()

    def compare(options: dict[str, Any], app: Any, asked: Any) -> None:
        theirs, ours = theirs_of(app, **options), drop_in(app, **options)
        for request in asked:
            got = [call(one, request, **around(whole)) for one in (theirs, ours)]
            comparison.add(options, request, *got)

    usual = [*requests(origins=(*ORIGINS, "https://x.sub.a.example")), *with_cookie(requests())]
    apps = application(), application((b"vary", b"Accept-Encoding"))
    for options in all_options():
        compare(options, apps[0], usual)
    for options in (
        {"allow_origins": [A], "allow_headers": ["X-Custom"], "allow_methods": ["PUT"]},
        {"allow_origins": [A], "allow_methods": ["PUT"]},
        {"allow_origins": ["*"], "allow_credentials": True},
        {},
    ):
        compare(options, apps[0], hostile_requests())
    own = (
        (b"access-control-allow-origin", b"https://own.example"),
        (b"access-control-expose-headers", b"X-Own"),
        (b"vary", b"Origin, Accept"),
        (b"vary", b"*"),
    )
    for options in grid(
        allow_origins=([A], ["*"]), allow_credentials=(False, True), expose_headers=(..., ["X-Exp"])
    ):
        for sent in own:
            compare(options, application(sent), requests())
    for options in (
        {"allow_origins": "https://a.example"},
        {"allow_origins": ["*"], "allow_methods": "GET, PUT", "allow_headers": ["*"]},
    ):
        compare(options, apps[0], requests())
    comparison.judge(at_least=10_000)


def test_every_deviation_is_documented() -> None:
    assert {deviation.id for deviation in DEVIATIONS} == documented("litestar")


# -- hostile requests --------------------------------------------------------------------------


@functools.cache
def made() -> list[Any]:
    return [
        drop_in(application(), allow_origins=[A], allow_methods=["PUT"], allow_headers=["X-A"]),
        drop_in(application()),
        drop_in(application(), allow_credentials=True),
    ]


@given(
    method=st.sampled_from(["GET", "OPTIONS"]),
    headers=any_headers("cookie"),
    which=st.integers(0, 2),
)
def test_random_requests(method: str, headers: list[tuple[str, str]], which: int) -> None:
    request = Request(method, tuple(headers))
    got = call(made()[which], request)
    assert_nothing_is_injected(request, got)
    if request.is_preflight:
        # Every rejection has at least one reason that can be stated.
        assert got.status == 204 or re.fullmatch(rb"Disallowed CORS [a-zA-Z].*", got.body)
        assert got.status in (204, 400)
    else:
        assert (got.status, got.body) == (200, b"hello")


# -- warnings at start-up --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "also"),
    [
        ("https://*shop.com", ("'https://shop.com', 'https://*.shop.com'",)),
        ("https://*.co.uk", ()),
        ("https://*", ()),
        ("*://a.example", ()),
        ("http://*.a.example", ("'https://*.a.example'",)),
        ("http://*", ()),
        ("https://a*.example/", ("'https://a*.example'",)),
    ],
)
def test_messages_quote_the_given_value(written: str, also: tuple[str, ...]) -> None:
    from corsfast.middleware.litestar import CORSMiddleware

    options = config(allow_origins=[written], allow_credentials=True)
    with pytest.raises(PolicyError) as error:
        CORSMiddleware(application(), options, strict=True)
    for problem in error.value.problems:
        assert problem.value == written
        assert problem.message.startswith(f"{written!r} ")
        assert "\\" not in str(problem)
        assert ".*" not in str(problem)
    hints = [problem.hint or "" for problem in error.value.problems]
    assert [hint for hint in hints if "*" in hint] == [*also]


def test_wildcards_match_in_full_and_hold_no_regex() -> None:
    made = drop_in(application(), allow_origins=["https://*.a-b.example", "http://localhost:*"])
    for origin, allowed in (
        ("https://x.a-b.example", True),
        ("https://x.y.a-b.example", True),
        ("https://a-b.example", False),
        ("https://x.aab.example", False),
        ("https://x.a-bxexample", False),
        ("https://x.a-b.example.evil.net", False),
        ("https://evil.net/.a-b.example", False),
        ("http://localhost:3000", True),
        ("http://localhost:", False),
        ("http://localhost:3000.evil.net", False),
    ):
        assert made.is_allowed_origin(origin) is allowed, origin
    # Each dot is literal. Treating it as any character would allow an attacker's domain.
    made = drop_in(application(), allow_origins=["https://good.example.com"])
    assert not made.is_allowed_origin("https://goodxexample.com")


# -- in an application -------------------------------------------------------------------------


def ask(app: Any, method: str, path: str, **headers: str) -> Answer:
    return call(app, written(method, path, **headers), asyncio.run, **around(app))


def start(app: Any) -> None:
    """Start an application and shut it down, as a server does."""

    async def serve() -> None:
        async with running(app):
            pass

    asyncio.run(serve())


def in_place(app: Any) -> list[str]:
    """Return the modules of the layers around the router, from the outside in."""
    found, handler = [], app.asgi_handler
    while handler is not None:
        found.append(type(handler).__module__)
        handler = getattr(handler, "app", None)
    return found


OURS = "corsfast.middleware.litestar"


@pytest.mark.parametrize("given", ["plugin", "application", "both"])
def test_the_plugin_takes_the_place_of_the_original(given: str) -> None:
    from litestar.exceptions import LitestarException

    from corsfast.middleware.litestar import CORSPlugin

    own = config(allow_origins=[A], allow_methods=["PUT"])
    options = {"cors_config": own} if given != "plugin" else {}
    app = litestar(plugins=[CORSPlugin(own if given != "application" else None)], **options)
    before = in_place(app)
    # The original would decide by its own rules, without a proof.
    for method, more in (("GET", {}), ("OPTIONS", {"access_control_request_method": "GET"})):
        with pytest.raises((RuntimeError, LitestarException)) as caught:
            ask(app, method, "/", origin=A, **more)
        said = str(caught.value.__cause__ or caught.value)
        assert re.search(r"turn on the server's lifespan, or .*install\(app", said)
    assert ask(app, "GET", "/").status == 200
    assert app.cors_config.allow_origins == [A]
    for _ in range(2):
        start(app)
        assert in_place(app) == [OURS, *before[1:]]
    assert app.cors_config is own
    works(app)


def works(app: Any) -> None:
    got = ask(app, "GET", "/", origin=A)
    assert (got.status, got.body) == (200, b"hello")
    assert got.headers["access-control-allow-origin"] == [A]
    assert got.headers["vary"] == ["Accept, Origin"]
    for path, status in (("/nowhere", 404), ("/broken", 500)):
        got = ask(app, "GET", path, origin=A)
        assert (got.status, got.first("access-control-allow-origin")) == (status, A)
    assert not cors_of(ask(app, "GET", "/own", origin=OTHER))
    got = ask(app, "OPTIONS", "/", origin=A, access_control_request_method="PUT")
    assert (got.status, got.body) == (204, b"")
    got = ask(app, "OPTIONS", "/", origin=OTHER, access_control_request_method="PATCH")
    assert (got.status, got.body) == (400, b"Disallowed CORS method, Origin")
    got = ask(app, "OPTIONS", "/", origin=A)
    assert (got.status, got.first("allow")) == (204, "GET, HEAD, OPTIONS, POST, PUT")


def test_install_at_once() -> None:
    from corsfast.middleware.litestar import install

    own = config(allow_origins=[A], allow_methods=["PUT"])
    for app in (litestar(), litestar(cors_config=own)):
        assert install(app, own) is app
        install(app, own)
        assert in_place(app).count(OURS) == 1
        works(app)
    app = litestar(cors_config=own)
    works(install(app))
    with pytest.raises(ValueError, match="needs a CORSConfig"):
        install(litestar())


def test_install_is_inside_other_wrappers() -> None:
    from corsfast.middleware.litestar import install

    class Outer:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, *call: Any) -> None:
            await self.app(*call)

    app = litestar(cors_config=config(allow_origins=[A], allow_methods=["PUT"]))
    app.asgi_handler = Outer(app.asgi_handler)
    assert in_place(install(app))[:2] == [__name__, OURS]
    works(app)


def test_it_wraps_a_whole_application() -> None:
    works(drop_in(litestar(), allow_origins=[A], allow_methods=["PUT"]))


def test_the_plugin_rejects_bad_arguments() -> None:
    from corsfast.middleware.litestar import CORSPlugin

    with pytest.raises(ValueError, match="needs a CORSConfig"):
        litestar(plugins=[CORSPlugin()])
    with pytest.raises(ValueError, match="different CORSConfigs"):
        litestar(plugins=[CORSPlugin(config())], cors_config=config(allow_origins=[A]))
    with pytest.raises(PolicyError):
        litestar(plugins=[CORSPlugin(config(allow_credentials=True), strict=True)])
    with pytest.warns(CorsfastSecurityWarning, match="every web site"):
        litestar(plugins=[CORSPlugin(config(allow_credentials=True))])


def test_configs_that_decide_for_themselves_are_refused() -> None:
    """Such a config could narrow access, and ignoring it would allow more."""
    from litestar.config.cors import CORSConfig

    from corsfast.middleware.litestar import CORSMiddleware, CORSPlugin, install

    own = {name for name in vars(CORSConfig) if not name.startswith("__")}
    hooks = own - set(CORSConfig.__dataclass_fields__)
    assert hooks >= {"is_origin_allowed", "allowed_origins_regex", "simple_headers"}
    for hook in sorted(hooks):
        given = type("Mine", (CORSConfig,), {hook: lambda *_: False})()
        for make in (
            lambda: CORSMiddleware(application(), given),  # noqa: B023
            lambda: litestar(plugins=[CORSPlugin(given)]),  # noqa: B023
            lambda: litestar(plugins=[CORSPlugin()], cors_config=given),  # noqa: B023
            lambda: install(litestar(), given),  # noqa: B023
            lambda: install(litestar(cors_config=given)),  # noqa: B023
        ):
            with pytest.raises(TypeError, match=rf"Mine overrides {hook}, .*allow_origin_regex"):
                make()

    class Fields(CORSConfig):
        def __post_init__(self) -> None:
            super().__post_init__()
            self.allow_origins = [A]

    assert not CORSMiddleware(application(), Fields()).is_allowed_origin(OTHER)


def test_overriding_an_unused_method_is_an_error() -> None:
    from litestar.middleware._internal.cors import CORSMiddleware as Original

    from corsfast.middleware.litestar import CORSMiddleware

    hooks = {"_create_preflight_response", "send_wrapper"}
    assert {name for name in vars(Original) if name in hooks or name[0] != "_"} == hooks
    for hook in sorted(hooks):
        with pytest.raises(TypeError, match=f"Mine overrides {hook}, which is never called here"):
            type("Mine", (CORSMiddleware,), {hook: lambda *_: None})
    assert type("Mine", (CORSMiddleware,), {"more": 1})(application(), config()).more == 1


def test_as_a_value() -> None:
    made = drop_in(application(), allow_origins=[A])
    again = copy.copy(made)
    assert type(again) is type(made)
    assert again.policy == made.policy
    assert again.policy != drop_in(application(), allow_origins=[OTHER]).policy


def test_handshakes_are_passed_on() -> None:
    made = drop_in(lambda *call: call, allow_origins=[A])
    scope = {"type": "websocket", "headers": [(b"origin", OTHER.encode())]}
    assert made(scope, "receive", "send") == (scope, "receive", "send")


@pytest.mark.parametrize("written", ["http://10.0.0.0/8:*", "http://10.*.*.*:*", "http://10.*"])
def test_networks_are_proposed_as_a_regex(written: str) -> None:
    from corsfast.middleware.litestar import CORSMiddleware

    with pytest.raises(PolicyError) as error:
        CORSMiddleware(application(), config(allow_origins=[written]), strict=True)
    (hint,) = [problem.hint for problem in error.value.problems]
    assert hint == r'allow_origin_regex=r"http://10(?:\.[0-9]{1,3}){3}(?::[0-9]+)?"'
