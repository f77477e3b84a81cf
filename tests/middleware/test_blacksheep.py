"""The drop-in for BlackSheep's CORS, compared with the original and under a real server.

The tests are marked `server` because the framework is not available for every wheel target. For the
same reason each test imports it.
"""

from __future__ import annotations

import asyncio
import functools
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.client import Answer, Request, answer, ask_asgi, cors_of
from support.compare import (
    ASK,
    CREDENTIALS,
    EXPOSE,
    HEADERS,
    MAX_AGE,
    METHODS,
    NAMES,
    OF_CORS,
    ORIGIN,
    Comparison,
    deviations,
    documented,
    grid,
    in_order,
    requests,
    share,
    varies_by,
)

from corsfast import CorsfastSecurityWarning, PolicyError

pytestmark = pytest.mark.server

A = "https://a.example"
B = "https://b.example"
OTHER = "https://other.example"
SAME = "https://api.example"


@pytest.fixture(autouse=True)
def _at_work(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corsfast.middleware.blacksheep.answers.Policy", engine.Policy)


# -- applications ------------------------------------------------------------------------------


def bare(use_cors: Any, add_cors_policy: Any, options: dict[str, Any]) -> Any:
    from blacksheep import Application, Response, Router, TextContent
    from blacksheep.exceptions import Conflict

    app = Application(router=Router())
    named = options.pop("named", True)
    use_cors(app, **options)
    if named:
        add_cors_policy(
            app, "named", allow_origins=B, allow_methods="GET", expose_headers="X-Named"
        )

    @app.router.get("/")
    @app.router.put("/")
    async def hello(request: Any) -> Any:
        return Response(200, content=TextContent("hello"))

    @app.router.get("/own")
    async def own(request: Any) -> Any:
        mine = [(b"Access-Control-Allow-Origin", b"https://own.example"), (b"Vary", b"Accept")]
        return Response(200, mine)

    @app.router.get("/everything")
    async def everything(request: Any) -> Any:
        return Response(200, [(b"Vary", b"*")])

    @app.router.get("/varying")
    async def varying(request: Any) -> Any:
        return Response(200, [(b"vary", b"accept"), (b"VARY", b"origin")])

    @app.router.get("/conflict")
    async def conflict(request: Any) -> Any:
        raise Conflict("taken")

    @app.router.get("/broken")
    async def broken(request: Any) -> Any:
        raise RuntimeError("bug")

    async def public(request: Any) -> Any:
        return Response(200, content=TextContent("public"))

    app.router.get("/public")(public)
    if named:
        app.cors("named")(public)
    return app


def original(options: dict[str, Any]) -> Any:
    from blacksheep import Application

    return bare(Application.use_cors, Application.add_cors_policy, dict(options))


def ours(options: dict[str, Any]) -> Any:
    from corsfast.middleware.blacksheep import add_cors_policy, use_cors

    with warnings.catch_warnings(action="ignore", category=UserWarning):
        return bare(use_cors, add_cors_policy, dict(options))


def ask(app: Any, *asked: Request) -> list[Answer]:
    async def everything() -> list[Answer]:
        await app.start()
        return [await ask_asgi(app, request) for request in asked]

    return asyncio.run(everything())


def get(origin: str | None = A, path: str = "/", method: str = "GET") -> Request:
    by = () if origin is None else (("origin", origin),)
    return Request(method, (("host", "api.example"), *by), path)


def preflight(
    origin: str = A, names: str | None = None, path: str = "/", method: str = "PUT"
) -> Request:
    asked = () if names is None else ((NAMES, names),)
    headers = (("host", "api.example"), ("origin", origin), (ASK, method), *asked)
    return Request("OPTIONS", headers, path)


# -- side by side ------------------------------------------------------------------------------

COMMAS = "x-custom" + "," * 65000
LONG = "X-" + "a" * 60000


def every_request() -> Iterator[Request]:
    yield from requests()
    for path in ("/own", "/everything", "/varying", "/conflict", "/public", "/nowhere"):
        for origin in (None, A, B, OTHER):
            yield get(origin, path)
            if origin is not None:
                yield preflight(origin, "x-custom", path, "GET")
    for method in ("GET", "PUT", "POST"):
        yield get(SAME, "/", method)
    yield preflight(A, "x-custom,x-other")
    # No browser sends these.
    for value in ("X-Custom ,\tContent-Type", "x-custom,,", COMMAS, LONG, "a b", "x-\xe4"):
        yield preflight(A, value)
    for origin in ("localhost", "https://A.example", "https://a.example/"):
        yield get(origin)


def vary(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    wanted = varies_by(theirs) | {"origin", ASK, NAMES}
    kept = varies_by(theirs) <= varies_by(mine) or "*" in varies_by(mine)
    return ["vary"] if kept and varies_by(mine) <= wanted else []


def star_for_all(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    return [ORIGIN, EXPOSE] if request.origin is None and mine.first(ORIGIN) == "*" else []


def same_origin(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    if request.origin != SAME or theirs.status != 400 or cors_of(mine):
        return []
    return ["status", "body", "cors-error", "content-type", "content-length", "allow"]


def not_found(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    if theirs.status != 404 or request.is_preflight:
        return []
    if mine.status == 404:
        return [*OF_CORS, "body", "content-type", "content-length"]
    # The origin or the method is not allowed.
    return ["status", "body", "cors-error"] if mine.status == 400 and not cors_of(mine) else []


def star_with_credentials(
    options: Any, request: Request, theirs: Answer, mine: Answer
) -> list[str]:
    both = theirs.first(CREDENTIALS) and theirs.first(METHODS) == "*"
    return [METHODS] if both and mine.first(METHODS) == dict(request.headers)[ASK] else []


def no_empty_field(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    return [EXPOSE] if theirs.first(EXPOSE) == "" and mine.first(EXPOSE) is None else []


def malformed(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    odd = request.origin in ("localhost", "https://A.example", "https://a.example/")
    refused = not cors_of(mine) and mine.status == 400
    if odd and refused:
        return [*OF_CORS, "status", "body", "cors-error", "content-type", "content-length"]
    return []


def no_list(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    odd = dict(request.headers).get(NAMES) in (COMMAS, LONG, "a b", "x-\xe4")
    refused = not cors_of(mine) and mine.status == 400
    if odd and refused:
        return [*OF_CORS, "status", "body", "cors-error", "content-type", "content-length"]
    return []


def as_a_list(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    asked = dict(request.headers).get(NAMES)
    if asked == "x-custom,," and theirs.status == 400:
        return [*OF_CORS, "status", "body", "cors-error"]
    if asked in ("X-Custom ,\tContent-Type", "x-custom,,"):
        return [HEADERS]
    return []


def preflight_answered(options: Any, request: Request, theirs: Answer, mine: Answer) -> list[str]:
    if request.is_preflight and (theirs.status, mine.status) == (404, 200):
        return [*OF_CORS, "status"]
    return []


DEVIATIONS = deviations(
    {
        "preflight-answered": preflight_answered,
        "vary": vary,
        "star-for-all": star_for_all,
        "same-origin": same_origin,
        "not-found": not_found,
        "star-with-credentials": star_with_credentials,
        "no-empty-field": no_empty_field,
        "malformed-origin": malformed,
        "bounded-list": no_list,
        "as-a-list": as_a_list,
    }
)


@pytest.mark.parametrize(("path", "method"), [("/nowhere", "PUT"), ("/", "DELETE")])
def test_a_preflight_without_a_route(path: str, method: str) -> None:
    """The page can read the 404 of the request that follows."""
    app = ours({"allow_origins": A, "allow_methods": method})
    found, actual, other, odd = ask(
        app,
        preflight(path=path, method=method),
        get(A, path, method),
        preflight(OTHER, path=path, method=method),
        preflight(path=path, method="PATCH"),
    )
    assert (found.status, actual.status, other.status, odd.status) == (200, 404, 404, 404)
    assert found.headers[ORIGIN] == actual.headers[ORIGIN] == [A]
    assert found.headers[METHODS] == [method]
    assert not cors_of(other)
    assert not cors_of(odd)


@functools.cache
def originals() -> list[tuple[dict[str, Any], list[Request], list[Answer]]]:
    """Call the original once; each engine is compared with the same responses."""
    combinations = grid(
        allow_origins=[..., "*", f"{A}; {B}", [A, "null", "localhost"]],
        allow_methods=[..., "*", "get put", ["GET", "POST", "PUT", "DELETE"]],
        allow_headers=["*", "X-Custom, content-type"],
        allow_credentials=[..., True],
        expose_headers=[..., ["X-One", "x-two"], ""],
        named=[True, False],
    )
    found = []
    for number, options in enumerate(combinations):
        if options.get("expose_headers") is not None:
            options["max_age"] = 60
        asked = share(list(every_request()), number, one_in=8)
        found.append((options, asked, ask(original(options), *asked)))
    return found


def test_side_by_side() -> None:
    comparison = Comparison(DEVIATIONS)

    def compare() -> None:
        for options, asked, theirs in originals():
            for request, *pair in zip(asked, theirs, ask(ours(options), *asked), strict=True):
                pair = [in_order(found, EXPOSE, METHODS) for found in pair]
                comparison.add(options, request, *pair)

    # An application walks all frames of its callers, and a new thread has few.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(compare).result()
    comparison.judge(at_least=8_000)


def test_the_deviations_are_documented() -> None:
    assert {d.id for d in DEVIATIONS} == documented("blacksheep")


# -- promises beyond the original ----------------------------------------------------------------

SHOP = {"allow_origins": f"{A} {B}", "allow_methods": "GET PUT", "allow_headers": "X-Custom"}


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [
        ("/", 200, "Origin"),
        ("/own", 200, "Accept, Origin"),
        ("/varying", 200, "accept,origin"),
        ("/everything", 200, "*"),
        ("/conflict", 409, "Origin"),
        ("/broken", 500, "Origin"),
        ("/nowhere", 404, "Origin"),
    ],
)
def test_every_answer_has_them(path: str, status: int, expected: str) -> None:
    allowed, plain, same, refused = ask(
        ours(SHOP), *(get(origin, path) for origin in (A, None, SAME, OTHER))
    )
    for found in (allowed, plain, same):
        assert (found.status, found.headers["vary"]) == (status, [expected])
    assert allowed.headers[ORIGIN] == [A]
    assert plain.headers.get(ORIGIN) in (None, ["https://own.example"])
    assert (refused.status, refused.headers["vary"], cors_of(refused)) == (400, ["Origin"], {})


def test_a_response_for_any_origin_does_not_vary() -> None:
    app = ours({"allow_origins": "*", "allow_methods": "*", "named": False, "expose_headers": "X"})
    for found in ask(app, get(), get(None), get("null"), get(OTHER, "/nowhere")):
        assert cors_of(found) == {ORIGIN: ["*"], EXPOSE: ["x"]}
        assert "vary" not in found.headers


def test_with_policies_of_handlers_it_varies() -> None:
    for found in ask(ours({"allow_origins": "*", "allow_methods": "GET"}), get(), get(None)):
        assert found.headers["vary"] == ["Origin"]
    assert found.first(ORIGIN) is None


def test_a_preflight() -> None:
    (found,) = ask(ours(SHOP), preflight(names="x-custom"))
    assert (found.status, found.body) == (200, b"")
    assert found.headers["vary"] == [
        "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
    ]
    assert cors_of(found) == {
        ORIGIN: [A],
        METHODS: ["GET, PUT"],
        HEADERS: ["x-custom"],
        MAX_AGE: ["5"],
    }


def test_a_handler_with_a_policy_of_its_own() -> None:
    found, refused, asked, elsewhere = ask(
        ours(SHOP),
        get(B, "/public"),
        get(A, "/public"),
        preflight(A, None, "/public", "GET"),
        get(A),
    )
    assert (cors_of(found), refused.status, asked.status) == (
        {ORIGIN: [B], EXPOSE: ["x-named"]},
        400,
        400,
    )
    assert elsewhere.status == 200


def test_same_origin_is_never_refused() -> None:
    app = ours({"allow_origins": A, "allow_methods": "GET"})
    ok, also, other = ask(
        app,
        get("http://api.example", "/", "PUT"),
        get("https://api.example", "/", "PUT"),
        get("https://api.example:8443", "/", "PUT"),
    )
    assert (ok.status, also.status, other.status) == (200, 200, 400)
    assert cors_of(ok) == {}


HOSTILE_ORIGINS = [
    "https://a.example\r\nX-Injected: 1",
    "https://" + "a" * 8192 + ".example",
    "https://a.example,https://a.example",
    "\xe4\xff\x80",
    "",
    " ",
]


@pytest.mark.parametrize("origins", [A, "*"])
def test_hostile_requests(origins: str) -> None:
    options = {"allow_methods": "PUT GET", "allow_headers": "x-custom", "allow_credentials": True}
    app = ours({"allow_origins": origins, **options})
    bad = [f(origin) for origin in HOSTILE_ORIGINS for f in (get, preflight)]
    mine = ("host", "api.example"), ("origin", SAME)
    two = [get()._replace(headers=(*mine[i:], ("origin", A), ("origin", A))) for i in (0, 1, 2)]
    lists = [COMMAS, LONG, " " * 65536, "x-a," * 16384, "x-\xe4", "a\r\nb: c"]
    for found in ask(app, *bad, *two, *(preflight(names=value) for value in lists)):
        assert found.status == 400
        assert cors_of(found) == {}
        assert len(found.first("cors-error") or "") < 500


def test_the_router_does_not_grow() -> None:
    app = ours(SHOP)
    answers = ask(app, *(preflight(method=f"M{i}") for i in range(50)), preflight(method="\xff"))
    assert {found.status for found in answers} == {404}
    assert set(app.router.routes) == {b"GET", b"PUT", b"OPTIONS"}


# -- settings ------------------------------------------------------------------------------------


def application() -> Any:
    from blacksheep import Application, Router

    return Application(router=Router())


def test_named_policies_are_judged_too() -> None:
    from corsfast.middleware.blacksheep import add_cors_policy, use_cors

    app = application()
    use_cors(app, allow_origins=A, strict=True)
    with pytest.raises(PolicyError):
        add_cors_policy(app, "open", allow_origins="*", allow_credentials=True)
    assert "open" not in app.cors.policies


def test_a_policy_that_was_changed_before_the_start() -> None:
    app = ours({"allow_methods": "GET"})
    app.cors.default_policy.allow_any_origin()
    (found,) = ask(app, get(OTHER))
    assert found.headers[ORIGIN] == ["*"]


def test_changed_settings_are_checked_at_start_up() -> None:
    app = ours({**SHOP, "allow_credentials": True})
    app.cors.default_policy.allow_any_origin()
    with pytest.warns(CorsfastSecurityWarning, match="any-origin-with-credentials"):
        asyncio.run(app.start())


def test_a_policy_that_is_changed_at_work() -> None:
    app = ours(SHOP)

    async def change() -> list[Answer]:
        await app.start()
        first = await ask_asgi(app, get(OTHER))
        app.cors.default_policy.allow_origins = OTHER
        named = await ask_asgi(app, get(OTHER, "/public"))
        app.cors.policies["named"].allow_origins = [OTHER]
        return [first, named, *[await ask_asgi(app, get(OTHER, p)) for p in ("/", "/public")]]

    assert [found.status for found in asyncio.run(change())] == [400, 400, 200, 200]


def test_names_that_cannot_be_sent() -> None:
    methods = ["GET", "P T", "P" * 65]
    options = {"allow_origins": A, "allow_methods": methods, "allow_headers": ["x\r\ny"]}
    (found,) = ask(ours({**options, "expose_headers": ["x-\xe4"]}), get())
    assert cors_of(found) == {ORIGIN: [A]}


def test_a_request_that_no_server_has_made() -> None:
    from blacksheep import Request as Made, Response
    from blacksheep.server.cors import CORSPolicy, CORSStrategy

    from corsfast.middleware.blacksheep import get_cors_middleware

    app = application()
    strategy = CORSStrategy(CORSPolicy(allow_origins=A, allow_methods="GET"), app.router)
    middleware = get_cors_middleware(app, strategy)

    async def handler(request: Any) -> Any:
        return Response(200)

    made = Made("GET", b"/", [(b"Origin", A.encode())])
    found = asyncio.run(middleware(made, handler))
    assert found.get_first_header(ORIGIN.encode()) == A.encode()


@pytest.mark.parametrize("spelt", [str.title, str.lower])
def test_its_test_client_is_answered_as_a_server_is(spelt: Any) -> None:
    from blacksheep.testing.simulator import TestSimulator

    asked = [*every_request()]

    async def compare() -> None:
        for options in (SHOP, {**SHOP, "named": False}):
            app = ours(options)
            await app.start()
            client = TestSimulator(app)
            for request in asked:
                # The client adds its own Host, unless the request has one spelled `host`.
                headers = [
                    ((name if name == "host" else spelt(name)).encode(), value.encode("latin-1"))
                    for name, value in request.headers
                ]
                made = await client.send_request(request.method, request.path, headers)
                found = answer(
                    made.status,
                    [(name.decode(), value.decode("latin-1")) for name, value in made.headers],
                    b"",
                )
                served = await ask_asgi(app, request)
                assert (found.status, cors_of(found)) == (served.status, cors_of(served)), request
                assert varies_by(found) == varies_by(served), request

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, compare()).result()


@pytest.mark.parametrize("path", ["*", "//", "/%ff%00", "http://other.example/", "/a?b#c"])
def test_odd_paths(path: str) -> None:
    for found in ask(ours(SHOP), get(A, path), preflight(A, None, path), get(OTHER, path)):
        assert found.status in (200, 400, 404)


def test_mistakes_are_those_of_blacksheep() -> None:
    from blacksheep.server.application import ApplicationAlreadyStartedCORSError
    from blacksheep.server.cors import CORSConfigurationError, CORSPolicyNotConfiguredError

    from corsfast.middleware.blacksheep import add_cors_policy, use_cors

    app = application()
    add_cors_policy(app, "one", allow_origins=A)
    with pytest.raises(CORSConfigurationError):
        add_cors_policy(app, "one")
    with pytest.raises(CORSConfigurationError):
        use_cors(app)
    with pytest.raises(CORSPolicyNotConfiguredError):
        app.cors("two")(application)
    with pytest.raises(ValueError, match="max_age"):
        use_cors(application(), max_age=-1)
    theirs = application()
    theirs.use_cors(allow_origins=A)
    with pytest.raises(CORSConfigurationError):
        add_cors_policy(theirs, "one")
    asyncio.run(app.start())
    for late in (use_cors, lambda app: add_cors_policy(app, "late")):
        with pytest.raises(ApplicationAlreadyStartedCORSError):
            late(app)


def test_private_attribute_of_blacksheep() -> None:
    """Seen in BlackSheep 2.6; an application without it is rejected when CORS is set up."""
    from blacksheep.server.cors import CORSConfigurationError

    from corsfast.middleware.blacksheep import use_cors

    class Other:
        started = False
        router = None

        @property
        def cors(self) -> Any:
            raise TypeError

    app = application()
    strategy = use_cors(app, allow_origins=A)
    assert app._cors_strategy is app.cors is strategy
    with pytest.raises(CORSConfigurationError, match="not supported"):
        use_cors(Other(), allow_origins=A)


def test_the_middleware_alone() -> None:
    from blacksheep import Response
    from blacksheep.server.cors import CORSPolicy, CORSStrategy

    from corsfast.middleware.blacksheep import get_cors_middleware

    app = application()
    app.router.get("/")(lambda: Response(200))
    strategy = CORSStrategy(CORSPolicy(allow_origins=A, allow_methods="GET"), app.router)
    app.middlewares.append(get_cors_middleware(app, strategy))
    found, refused = ask(app, get(), get(B))
    assert (found.headers[ORIGIN], refused.status) == ([A], 400)


@pytest.mark.parametrize("when", ["before", "changed", "added", "on_start", "late"])
def test_the_middleware_alone_is_judged_before_the_first_request(when: str) -> None:
    """This happens once: when it is made, or at the start if the policy is new or changed then."""
    from blacksheep import Response
    from blacksheep.server.cors import CORSPolicy, CORSStrategy

    from corsfast.middleware.blacksheep import get_cors_middleware

    def insecure() -> Any:
        return CORSPolicy(allow_origins="*", allow_methods="GET", allow_credentials=True)

    async def serve(*, strict: bool) -> list[int]:
        app = application()
        app.router.get("/")(lambda: Response(200))
        sound = CORSPolicy(allow_origins=A, allow_methods="GET", allow_credentials=True)
        strategy = CORSStrategy(insecure() if when == "before" else sound, app.router)
        counts = []

        def make() -> None:
            app.middlewares.append(get_cors_middleware(app, strategy, strict=strict))

        async def change(_: Any) -> None:
            if when == "on_start":
                strategy.default_policy.allow_any_origin()

        app.on_start += change
        if when == "late":
            app.on_middlewares_configuration += lambda _: make()
        else:
            make()
        counts.append(len(found))
        if when == "changed":
            strategy.default_policy.allow_any_origin()
        elif when in ("added", "late"):
            strategy.add_policy("open", insecure())
        await app.start()
        counts.append(len(found))
        (answer,) = [await ask_asgi(app, get())]
        assert answer.status == 200
        return [*counts, len(found)]

    with warnings.catch_warnings(record=True, action="always") as found:
        assert asyncio.run(serve(strict=False)) == [when == "before", 1, 1]
    assert issubclass(found[0].category, CorsfastSecurityWarning)
    assert "any-origin-with-credentials" in str(found[0].message)
    with pytest.raises(PolicyError):
        asyncio.run(serve(strict=True))


# -- under a real server ---------------------------------------------------------------------------


def served() -> Any:
    from corsfast.middleware.blacksheep import add_cors_policy, use_cors

    return bare(use_cors, add_cors_policy, {**SHOP, "expose_headers": "X-One"})


def test_under_a_server(engine: Any, tmp_path: Path) -> None:
    from support.servers import Server, ask as over_a_socket

    command = (
        "-m uvicorn --factory --port {port} --log-level warning middleware.test_blacksheep:served"
    )
    with Server(command, engine.IMPLEMENTATION, tmp_path / "log") as server:
        for path, status in (("/", 200), ("/nowhere", 404), ("/conflict", 409), ("/broken", 500)):
            found = over_a_socket(server.port, "GET", path, ("Origin", A))
            assert (found.status, found.cors) == (
                status,
                {ORIGIN: A, EXPOSE: "x-one", "vary": "Origin"},
            )
        refused = over_a_socket(server.port, "GET", "/", ("Origin", OTHER))
        assert (refused.status, refused.cors) == (400, {"vary": "Origin"})
        asked = [("Origin", A), (ASK, "PUT"), (NAMES, "x-custom")]
        found = over_a_socket(server.port, "OPTIONS", "/", *asked)
        assert (found.status, found.cors[HEADERS]) == (200, "x-custom")
        own = f"http://127.0.0.1:{server.port}"
        same = over_a_socket(server.port, "PUT", "/", ("Origin", own), ("Content-Length", "0"))
        assert (same.status, same.cors) == (200, {"vary": "Origin"})
