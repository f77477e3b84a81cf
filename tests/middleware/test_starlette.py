"""The drop-in for Starlette's CORSMiddleware, compared with the original and in real applications.

The tests are marked `server` because they need Starlette, FastAPI and uvicorn, which are not
available for every wheel target. For the same reason each test imports them.
"""

from __future__ import annotations

import copy
import itertools
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st
from support.asgi_drop_in import (
    MALFORMED,
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
from support.client import Answer, Request, cors_of, run, scope_of, written
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

from corsfast._proofs import suggest
from corsfast.errors import CorsfastSecurityWarning, CorsfastUnmatchableWarning
from corsfast.middleware.starlette import CORSMiddleware

pytestmark = pytest.mark.server

PRIVATE = ("access-control-request-private-network", "true")
VARY_ORIGIN = {"vary": ["Origin"]}


def test_each_policy_has_its_own_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A correction does not depend on how often the entry was corrected before."""
    # The first correction takes 44,000 steps, and later ones 18,000.
    monkeypatch.setattr(suggest, "MAX_DIAGNOSIS_STEPS", 50_000)
    for _ in range(3):
        with pytest.warns(CorsfastUnmatchableWarning, match='Write allow_origin_regex=r"'):
            CORSMiddleware(application, allow_origins=[r"https://\w+.example.com"])


# -- calling both ----------------------------------------------------------------------------


def original(app: Any, **options: Any) -> Any:
    from starlette.middleware.cors import CORSMiddleware as Original

    return Original(app, **options)


def drop_in(app: Any, **options: Any) -> Any:
    return quiet(lambda: CORSMiddleware(app, **options))


# -- differences, as documented in docs/middleware/starlette.md --------------------------------


def is_bare(got: Answer) -> bool:
    return not cors_of(got)


def refused_bare(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    """Return whether an origin that the original also rejects gets only Vary from the policy."""
    if (ours.status, ours.body) != (theirs.status, theirs.body) or "vary" not in ours.headers:
        return False
    return is_bare(ours) and theirs.first("access-control-allow-origin") is None


def empty_elements(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    asked = dict(request.headers).get("access-control-request-headers")
    if asked is None or "" not in [name.strip() for name in asked.split(",")]:
        return False
    return b"headers" in theirs.body and b"headers" not in ours.body


def hostile_list(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    asked = dict(request.headers).get("access-control-request-headers", "")
    return (len(asked) > 1000 or not asked.isascii()) and b"headers" in ours.body


def mirrored_spelling(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    name = "access-control-allow-headers"
    if differences(theirs, ours) != (name,):
        return False
    mirrored = theirs.first(name) or ""
    bare = ",".join(part.strip() for part in mirrored.split(",") if part.strip())
    return bare == (ours.first(name) or "")


def own_expose(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    name = "access-control-expose-headers"
    if differences(theirs, ours) != (name,):
        return False
    return theirs.headers.get(name) == ["X-Exp"] and ours.headers.get(name) == ["X-Own", "X-Exp"]


def own_fields(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    """Return whether only the application's own fields were removed, even without an Origin."""
    fields = {"access-control-allow-origin", "access-control-allow-credentials"}
    allowed = ours.first("access-control-allow-origin") is not None
    lost = fields if allowed else {*fields, "access-control-expose-headers"}
    kept = {k: v for k, v in cors_of(theirs).items() if k not in lost}
    if set(differences(theirs, ours)) <= (fields - {"access-control-allow-origin"}) and allowed:
        return "access-control-allow-credentials" not in ours.headers
    return request.origin is None and cors_of(ours) == kept


def vary_star(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    same = differences(theirs, ours) == ("vary",)
    return same and theirs.headers["vary"] == ["*, Origin"] and ours.headers["vary"] == ["*"]


DEVIATIONS = [
    Deviation("refused-bare", refused_bare),
    Deviation("null-by-name", null_by_regex),
    Deviation("malformed-origin", no_origin_at_all),
    Deviation("several-origin-lines", several_lines),
    Deviation("empty-elements", empty_elements),
    Deviation("bounded-list", hostile_list),
    Deviation("mirrored-spelling", mirrored_spelling),
    Deviation("bare-string", bare_string),
    Deviation("own-expose-headers", own_expose),
    Deviation("own-fields", own_fields),
    Deviation("own-grants", own_grants),
    Deviation("vary-star", vary_star),
]


# -- side by side ----------------------------------------------------------------------------


def all_options() -> Iterator[dict[str, Any]]:
    yield from grid(
        allow_origins=(..., [A, "https://b.example"], {A, "null"}, ["*"], "*", [A, "*"]),
        allow_methods=(..., ["GET", "PUT", "MKCOL"], ["*"]),
        allow_headers=(..., ["X-Custom", "authorization"], ["*"]),
        allow_credentials=(..., True),
        allow_origin_regex=(..., r"https://.*\.a\.example"),
    )
    rest = grid(
        allow_origins=([], (A,), [A + "/", "localhost", "", "http://localhost:3000"]),
        allow_origin_regex=(..., r"https?://(sub\.)?a\.example(:\d+)?", ".*", re.compile("null")),
        allow_private_network=(False, True),
        allow_credentials=(False, True),
        expose_headers=((), ["X-Exp"], ["X-B", "X-A, X-C"]),
        max_age=(0, 86400),
        allow_methods=((), [""], ["PUT", "patch"]),
        allow_headers=(["Range", "x-other"], [""]),
    )
    # Each value meets each other value, but not in every combination, because 11 divides no count.
    yield from itertools.islice(rest, 0, None, 11)


def private_requests() -> Iterator[Request]:
    for origin in (A, "https://b.example"):
        for method in ("GET", "PUT", "DELETE"):
            asked = (("access-control-request-method", method), PRIVATE)
            for names in ((), (("access-control-request-headers", "x-custom,accept"),)):
                sent = (("host", "api.example"), *asked, *names, ("origin", origin))
                yield Request("OPTIONS", sent)


def test_decisions_match_the_original() -> None:
    comparison = Comparison(DEVIATIONS)
    usual = [*requests(origins=(*ORIGINS, "https://x.sub.a.example")), *private_requests()]
    apps = (application(), application((b"vary", b"Accept-Encoding"), status=404))
    for i, options in enumerate(all_options()):
        app = apps[i % 2]
        theirs, ours = original(app, **options), drop_in(app, **options)
        for request in usual:
            comparison.add(options, request, call(theirs, request), call(ours, request))
    for options in (
        {"allow_origins": [A], "allow_headers": ["X-Custom"], "allow_methods": ["PUT"]},
        {"allow_origins": [A], "allow_headers": ["*"], "allow_methods": ["PUT"]},
        {"allow_origins": ["*"], "allow_headers": ["*"], "allow_credentials": True},
        {"allow_origins": ["*"]},
    ):
        theirs, ours = original(apps[0], **options), drop_in(apps[0], **options)
        for request in hostile_requests(("", *MALFORMED)):
            comparison.add(options, request, call(theirs, request), call(ours, request))
    for options in grid(
        allow_origins=([A], ["*"]),
        allow_methods=(["PUT"],),
        allow_headers=([], ["X-Custom"], ["*"]),
        allow_credentials=(False, True),
        allow_private_network=(False, True),
    ):
        theirs, ours = original(apps[0], **options), drop_in(apps[0], **options)
        for request in private_requests():
            comparison.add(options, request, call(theirs, request), call(ours, request))
    own = (
        (b"access-control-allow-origin", b"https://own.example"),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", b"X-Own"),
        (b"vary", b"Origin, Accept"),
    )
    for options in grid(
        allow_origins=([A], ["*"]), allow_credentials=(False, True), expose_headers=(..., ["X-Exp"])
    ):
        for sent in ((own[0],), own[:2], (own[2],), (own[3],), ((b"vary", b"*"),)):
            theirs, ours = (made(application(*sent), **options) for made in (original, drop_in))
            for request in requests():
                comparison.add(options, request, call(theirs, request), call(ours, request))
    for options in (
        {"allow_origins": "https://a.example"},
        {"allow_origins": "https://a.example,https://b.example", "allow_methods": "GET, PUT"},
        {"allow_origins": "*", "allow_headers": "X-Custom", "expose_headers": "X-A"},
        {"allow_origins": "https://*.a.example", "allow_credentials": True},
    ):
        theirs, ours = original(apps[0], **options), drop_in(apps[0], **options)
        for request in requests(origins=(*ORIGINS, "https://a.exampl")):
            comparison.add(options, request, call(theirs, request), call(ours, request))
    comparison.judge(at_least=30_000)


def test_every_deviation_is_documented() -> None:
    assert {deviation.id for deviation in DEVIATIONS} == documented("starlette")


# -- hostile requests --------------------------------------------------------------------------

MADE = [
    drop_in(application(), allow_origins=[A], allow_methods=["PUT"], allow_headers=["X-Custom"]),
    drop_in(application(), allow_origins="*", allow_headers="*"),
    drop_in(application(), allow_origins="*", allow_headers="*", allow_credentials=True),
]


@given(
    method=st.sampled_from(["GET", "OPTIONS"]),
    headers=any_headers(PRIVATE[0]),
    made=st.sampled_from(MADE),
)
def test_random_requests(method: str, headers: list[tuple[str, str]], made: Any) -> None:
    request = Request(method, tuple(headers))
    got = call(made, request)
    assert_nothing_is_injected(request, got)
    if request.is_preflight:
        # Every rejection has at least one reason that can be stated.
        assert got.body == b"OK" or re.fullmatch(rb"Disallowed CORS [a-z].*", got.body)
        assert got.status == (200 if got.body == b"OK" else 400)
    else:
        assert (got.status, got.body) == (200, b"hello")


# -- warnings at start-up --------------------------------------------------------------------


def test_an_invalid_regex_is_an_error() -> None:
    with pytest.raises(re.error, match=r"^allow_origin_regex: '\(' is not a regex: missing \)"):
        CORSMiddleware(application(), allow_origin_regex="(")
    for value in ([A], re.compile(A.encode()), 1):
        with pytest.raises(TypeError, match=r'; write allow_origin_regex=r"\.\.\."$'):
            CORSMiddleware(application(), allow_origin_regex=value)  # type: ignore[arg-type]


def test_proposal_for_a_regex_says_where_origins_belong() -> None:
    with pytest.warns(CorsfastUnmatchableWarning) as caught:
        CORSMiddleware(application(), allow_origin_regex=r"^wss://a\.example:3000$")
    proposal = "Write 'https://a.example:3000' in allow_origins instead."
    assert proposal in str(caught[0].message)


def test_a_regex_with_unknown_risks_is_insecure() -> None:
    regex = r"https?://([a-z0-9-]{1,63}\.){1,3}github\.io"
    with pytest.warns(CorsfastSecurityWarning, match=r"\[unproven\]"):
        app = CORSMiddleware(application(), allow_origin_regex=regex)
    request = Request("GET", (("origin", "https://evil.github.io"),))
    start, _ = run(app, scope_of(request))
    assert b"access-control-allow-origin" in dict(start["headers"])


def test_a_regex_that_may_be_slow_matches_nothing() -> None:
    with pytest.warns(CorsfastUnmatchableWarning, match=r"\[slow-regex\]"):
        CORSMiddleware(application(), allow_origin_regex=r"https?://(a+)+(?=b).*\.example\.com")


def test_overriding_an_unused_method_is_an_error() -> None:
    with pytest.raises(TypeError, match="overrides is_allowed_origin, send, which is never called"):

        class Mine(CORSMiddleware):
            def is_allowed_origin(self, origin: str) -> bool:
                return True

            def send(self) -> None: ...

    class Mixin:
        def is_allowed_origin(self, origin: str) -> bool:
            return False

    with pytest.raises(TypeError, match="overrides is_allowed_origin, which is never called"):

        class Mixed(Mixin, CORSMiddleware):
            pass

    class Other(CORSMiddleware):
        pass

    assert Other(application(), allow_origins=[A]).is_allowed_origin(A)


def test_as_a_value() -> None:
    made = CORSMiddleware(application(), [A], ["PUT"], allow_headers=["*"], allow_credentials=True)
    again = copy.copy(made)
    assert type(again) is CORSMiddleware
    assert again.policy == made.policy
    assert again.policy != CORSMiddleware(application(), [A]).policy
    assert made.policy.preflight(A, "PUT", "x-a").allowed
    assert repr(made.policy) == "<the policy of corsfast.middleware.starlette>"
    assert not made.is_allowed_origin("https://other.example")


# -- in applications ---------------------------------------------------------------------------

OTHER = "https://other.example"
OPTIONS: dict[str, Any] = {"allow_origins": [A], "allow_methods": ["PUT"]}


def frameworks() -> list[Any]:
    from fastapi import FastAPI
    from starlette.applications import Starlette

    return [Starlette, FastAPI]


def routes() -> list[Any]:
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    same = PlainTextResponse("same", headers={"Vary": "Accept"})

    async def once_made(request: Any) -> Any:
        return same

    async def broken(request: Any) -> Any:
        raise RuntimeError("bug")

    async def public(request: Any) -> Any:
        return PlainTextResponse("all", headers={"Access-Control-Allow-Origin": "*"})

    paths = {"/": once_made, "/broken": broken, "/public": public}
    return [Route(path, handler) for path, handler in paths.items()]


def ask(app: Any, method: str, path: str, **headers: str) -> Answer:
    """Call a whole application, which may wait or raise an exception."""
    return run(app, scope_of(written(method, path, **headers)), raises=False).answer()


@pytest.mark.parametrize("outside", [False, True], ids=["add_middleware", "around"])
@pytest.mark.parametrize("which", [0, 1], ids=["starlette", "fastapi"])
def test_in_a_framework(which: int, outside: bool) -> None:
    app = frameworks()[which](routes=routes())
    if outside:
        app = CORSMiddleware(app, **OPTIONS)
    else:
        app.add_middleware(CORSMiddleware, **OPTIONS)
    for _ in range(2):  # sending a response object twice must not accumulate headers
        got = ask(app, "GET", "/", origin=A)
        assert (got.status, got.body) == (200, b"same")
        assert got.headers["access-control-allow-origin"] == [A]
        assert got.headers["vary"] == ["Accept, Origin"]
    assert ask(app, "GET", "/nowhere", origin=A).first("access-control-allow-origin") == A
    broken = ask(app, "GET", "/broken", origin=A)
    assert broken.status == 500
    # Inside of the framework's error handler, the original does not see this response either.
    assert broken.first("access-control-allow-origin") == (A if outside else None)
    got = ask(app, "OPTIONS", "/", origin=A, access_control_request_method="PUT")
    assert (got.status, got.body) == (200, b"OK")
    got = ask(app, "OPTIONS", "/", origin=OTHER, access_control_request_method="PATCH")
    assert (got.status, got.body) == (400, b"Disallowed CORS origin, method")
    assert got.first("access-control-allow-origin") is None
    assert not cors_of(ask(app, "GET", "/public", origin=OTHER))


def test_as_middleware_of_a_sub_application() -> None:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.routing import Mount

    inner = Starlette(routes=routes(), middleware=[Middleware(CORSMiddleware, **OPTIONS)])
    app = Starlette(routes=[Mount("/inner", inner), *routes()])
    assert ask(app, "GET", "/inner/", origin=A).first("access-control-allow-origin") == A
    assert ask(app, "GET", "/", origin=A).first("access-control-allow-origin") is None


def test_handshakes_and_lifespan_are_passed_on() -> None:
    seen = []

    def app(*call: Any) -> str:
        seen.append(call)
        return "passed on"

    made: Any = CORSMiddleware(app, **OPTIONS)
    for kind in ("websocket", "lifespan"):
        scope = {"type": kind, "headers": [(b"origin", OTHER.encode())]}
        assert made(scope, "receive", "send") == "passed on"
        assert seen[-1] == (scope, "receive", "send")


# -- when strict errors are raised, as documented in docs/middleware/starlette.md ------------------

INSECURE: dict[str, Any] = {"allow_origins": ["*"], "allow_credentials": True, "strict": True}


def strict_inside() -> Any:
    from fastapi import FastAPI

    app = FastAPI()
    app.add_middleware(CORSMiddleware, **INSECURE)
    return app


def strict_and_built() -> Any:
    app = strict_inside()
    app.middleware_stack = app.build_middleware_stack()
    return app


def strict_around() -> Any:
    return CORSMiddleware(application(), **INSECURE)


UVICORN = "-m uvicorn --factory --port {port} middleware.test_starlette:"


@pytest.mark.parametrize(
    "command",
    ["strict_around", "strict_and_built", "strict_inside", "strict_inside --lifespan on"],
)
def test_strict_can_keep_a_server_from_starting(engine: Any, tmp_path: Path, command: str) -> None:
    from support.servers import Server

    server = Server(UVICORN + command, engine.IMPLEMENTATION, tmp_path / "log")
    error = pytest.raises(AssertionError, match="PolicyError: 1 problem in this policy")
    with error, server:
        pass


@pytest.mark.parametrize(
    ("options", "write"),
    [
        ({"allow_origin_regex": ".*"}, 'allow_origins=["*"]'),
        ({"allow_origin_regex": "https://a.example.com"},
         r'allow_origin_regex=r"https://a\.example\.com"'),
        ({"allow_origins": ["https://*.a.example.com"]},
         r'allow_origin_regex=r"https://(?:[a-z0-9_\-]+\.)+a\.example\.com"'),
        ({"allow_origins": ["https://a.example.com/"]}, "'https://a.example.com'"),
    ],
)  # fmt: skip
def test_a_warning_contains_a_suggestion(options: dict[str, Any], write: str) -> None:
    with warnings.catch_warnings(record=True, action="always") as caught:
        CORSMiddleware(application(), **options)
    (warning,) = caught
    assert f" Write {write} instead. [" in str(warning.message)
    # And the option accepts the proposed value.
    name, _, value = write.rpartition("=")
    again = {name or "allow_origins": eval(value if name else f"[{value}]")}
    CORSMiddleware(application(), **again, strict=True)
