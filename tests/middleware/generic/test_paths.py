"""Policies by path: which rule applies to a path, and that encoding it differently gains nothing.

The tests cover these advisories: CVE-2020-25032 (`../`), CVE-2024-6839 (which rule wins),
CVE-2024-6844 (`+`), CVE-2024-6866 (case), CVE-2024-1681 (a logged path; test_report_only.py).
"""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from hypothesis import given, strategies as st
from support.client import DOORS, preflight_of

import corsfast
from corsfast._options.limits import MAX_ENCODED_PATH
from corsfast.middleware import paths
from corsfast.middleware.paths import CLOSED, PathRules, asgi_path, encoded_path, wsgi_path

APP = "https://app.example.com"
STRICT = "https://strict.example"
RULES = {"/*": "all", "/api/*": "api", "/api/login": "login", "/public/*": "public"}


# -- which rule ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "all"),
        ("/x", "all"),
        ("/apix", "all"),
        ("/ap", "all"),
        ("/api", "api"),
        ("/api/", "api"),
        ("/api/x", "api"),
        ("/api/x/y/", "api"),
        ("/api/loginx", "api"),
        ("/api/login", "login"),
        ("/api/login/", "login"),
        ("/api/login/x", "api"),
        ("/public", "public"),
        ("/public/api/x", "public"),
        ("/x/api/y", "all"),
        ("/publiC2/x", "all"),
        ("/public/A/B", "public"),
        ("/public/100%", "public"),
        ("/public/caf\u00e9", "public"),
        ("/public/a+b", "public"),
        ("/public/a//b", "public"),
        ("/public/...", "public"),
        ("/public/.well-known/x", "public"),
        ("/public/..x/x..", "public"),
    ],
)
def test_the_most_specific_rule_wins(path: str, expected: str) -> None:
    for rules in itertools.permutations(RULES.items()):
        assert PathRules(dict(rules)).find(path) == expected


def test_a_longer_rule_is_more_specific_than_a_shorter() -> None:
    rules = PathRules({"/a/*": 1, "/a/b/*": 2, "/a/b/c/*": 3, "/a/b": 4, "/a/b/c/d/e": 5})
    paths = ["/a", "/a/x", "/a/b", "/a/b/", "/a/b/x", "/a/b/c", "/a/b/c/d", "/a/b/c/d/e", "/x"]
    assert [rules.find(path) for path in paths] == [1, 1, 4, 4, 2, 3, 3, 5, None]


def test_a_root_alone() -> None:
    rules = PathRules({"/": "root"})
    assert rules.find("/") == "root"
    assert rules.find("/x") is None


# -- the same path, encoded differently ------------------------------------------------------

STRANGE = [
    "/public/../api/x",
    "/public/./x",
    "/public/x/..",
    "/public/.",
    "/..",
    "/../public/x",
    "/public/%2e%2e/api/x",
    "/public/%2E./x",
    "/public\\..\\api",
    "/public\\x",
    "/api%2fx",
    "//api/x",
    "/public/..//x",
    "//public/x",
    "/api//login",
    "/API/x",
    "/Api/login",
    "/api/LOGIN",
    "/api/log%69n",
    "/PUBLIC/x",
    "/apI%2Fx",
    "/ap\u0131/x",
    "/AP\u0130/x",
    "/api/login\n",
    "/api/login/\n",
    "/api/login%0a",
    "/public\\login\n",
    "/api\n",
    "api/x",
    "*",
    "http://host/api/x",
    "\u212a\0",
]


@pytest.mark.parametrize("path", [path for path in STRANGE if path != "\u212a\0"])
def test_ambiguous_paths_are_closed(path: str) -> None:
    """`path` has already been decoded by the server."""
    assert PathRules(RULES).find(path) is CLOSED


@pytest.mark.parametrize(
    "path", ["/public//x", "/public/X", "/public\\x"[:7] + "/%41", "/public/a\\b", "//x", "/a%2fb"]
)
def test_a_path_whose_readings_agree_gets_their_rule(path: str) -> None:
    assert PathRules(RULES).find(path) in ("public", "all")


def test_an_encoded_slash_is_a_slash_for_some() -> None:
    rules = PathRules(RULES)
    for raw, expected in [
        (b"/public/a%2Fb", "public"),
        (b"/public%2Fapi", CLOSED),
        (b"/public%2fapi?x=/api", CLOSED),
        (b"/public/x?y=%2f", "public"),
        (b"/api%5Cx", CLOSED),
        (b"/api/login?next=%2F", "login"),
        (b"/api/login%2Fx", "api"),
        (b"/api%2Flogin", CLOSED),
    ]:
        path = raw.partition(b"?")[0]
        decoded = path.replace(b"%2F", b"/").replace(b"%2f", b"/").replace(b"%5C", b"\\").decode()
        scope = {"path": decoded, "raw_path": raw}
        assert rules.find(*asgi_path(scope)) == expected, raw


def test_case_counts() -> None:
    """CVE-2024-6866. A path without its own rule does not get the rule of its lower-case form."""
    rules = PathRules({"/Api/*": 1, "/other/*": 2})
    assert rules.find("/Api/x") == 1
    assert rules.find("/api/x") is CLOSED
    assert rules.find("/OTHER/x") is CLOSED
    both = PathRules({"/Api/*": 1, "/api/*": 2})
    assert (both.find("/Api/x"), both.find("/api/x")) == (1, 2)
    assert both.find("/API/x") is CLOSED


def test_a_letter_that_some_take_for_an_i() -> None:
    rules = PathRules({"/*": 1, "/\u0131l\u0131k/*": 2, "/ilik": 3})
    assert re.match("(?i)/ilik", "/\u0131l\u0131k")
    assert rules.find("/\u0131l\u0131k/x") == 2
    assert rules.find("/ilik") == 3
    assert rules.find("/\u0131l\u0131k") is CLOSED
    assert rules.find("/caf\u0131") == 1


def test_a_final_line_feed_makes_a_path_ambiguous() -> None:
    rules = PathRules({"/*": 1, "/login": 2})
    assert re.match("^/login$", "/login\n")
    assert rules.find("/login\n") is CLOSED
    assert rules.find("/lines/a\nb") == 1
    assert rules.find("/lines/a\n") == 1


def test_a_plus_is_a_plus() -> None:
    """CVE-2024-6844."""
    rules = PathRules({"/a b/*": 1, "/c+d/*": 2, "/*": 3})
    assert rules.find("/a b/x") == 1
    assert rules.find("/a+b/x") == 3
    assert rules.find("/c+d/x") == 2
    assert rules.find("/c d/x") == 3


MANGLED = st.lists(
    st.sampled_from(
        [
            "/",
            "//",
            "\n",
            ".",
            "..",
            "api",
            "ap\u0131",
            "API",
            "public",
            "login",
            "%2e",
            "%2F",
            "%252f",
            "\\",
            "%",
            "+",
            "x",
            "\u00e9",
            "%61",
            "\0",
        ]
    ),
    max_size=9,
)


@given(parts=MANGLED)
def test_no_spelling_gets_the_rule_of_another_path(parts: list[str]) -> None:
    """However a lenient router reads a path, it gets the same rule or none."""
    rules = PathRules(RULES)
    path = "/" + "".join(parts)
    found = rules.find(path)
    if found is CLOSED:
        return
    for reading in lenient_readings(path):
        expected = slow_find(reading)
        assert found == expected, (path, reading)


def lenient_readings(path: str) -> set[str]:
    """Return all readings of a path by routers: any of these steps in turn, without paths.py."""
    from urllib.parse import unquote

    def dots(text: str) -> str:
        out: list[str] = []
        for segment in text.split("/")[1:]:
            if segment == "..":
                del out[-1:]
            elif segment != ".":
                out.append(segment)
        return "/" + "/".join(out)

    steps: list[Any] = [
        unquote,
        lambda text: text.replace("\\", "/"),
        lambda text: re.sub("//+", "/", text),
        dots,
        lambda text: re.sub("(?i)api", "api", text),  # also with a dotless i
        str.lower,
        lambda text: text.removesuffix("\n"),  # `$` also matches before a final line feed
        lambda text: text.rstrip("/") or "/",
    ]
    found = {path}
    for step in steps:
        found |= {step(text) for text in found}
    return found


def slow_find(path: str) -> str:
    if path.rstrip("/") == "/api/login":
        return "login"
    for prefix in ("/api", "/public"):
        if path == prefix or path.startswith(prefix + "/"):
            return prefix[1:]
    return "all"


@given(path=st.text(max_size=40), raw=st.binary(max_size=40))
def test_no_path_raises(path: str, raw: bytes) -> None:
    rules = PathRules(RULES)
    targets = [*RULES.values(), None, CLOSED]
    assert rules.find(*asgi_path({"path": path, "raw_path": raw, "root_path": path[:3]})) in targets
    assert rules.find(*wsgi_path({"PATH_INFO": path})) in targets


def test_long_paths_are_no_trouble() -> None:
    rules = PathRules(RULES)
    for path in ("/a" * 40_000, "/" * 80_000, "/." * 40_000, "/%" * 40_000, "\\" * 80_000):
        rules.find("/public/x" + path)
        rules.find(path)


# -- paths from servers ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"path": "/v1/api/x", "root_path": "/v1"}, "/api/x"),
        ({"path": "/v1//api/x", "root_path": "/v1/"}, "/api/x"),
        ({"path": "/v1//api/x", "root_path": "/v1"}, "//api/x"),
        ({"path": "/v1/", "root_path": "/v1/"}, "/"),
        ({"path": "/v1", "root_path": "/v1"}, "/"),
        ({"path": "/api/x", "root_path": "/v1"}, "/api/x"),
        ({"path": "/api/x", "root_path": ""}, "/api/x"),
        ({"path": "/api/x"}, "/api/x"),
        ({"path": ""}, "/"),
        ({}, "/"),
    ],
)
def test_rules_begin_where_the_application_is_mounted(scope: dict[str, Any], expected: str) -> None:
    assert asgi_path(scope) == (expected,)
    assert asgi_path({**scope, "raw_path": None}) == (expected,)


@pytest.mark.parametrize(
    ("root", "path", "others"),
    [
        ("/v1", "/v1x", ["/x"]),  # Quart
        ("/v1", "/v1x/v1/y", ["/x/v1/y"]),
        ("/v1", "//v1/x", ["/x"]),
        ("/v1", "/y/v1/x", ["/x"]),  # Litestar
        ("/v1", "/y/v1x", ["/x"]),
        ("/v1", "/y/v1", ["/"]),
        ("/v1/", "/y/v1/x", ["/x", "/x"]),
        ("/v1//", "/v1x//v1/y", ["/x//v1/y"]),
        ("/v1/", "/y/v1x", ["/x"]),
        ("/v1/", "/v1/x", ["/x", "/x"]),  # Starlette removes nothing
        ("/v1/", "/v1", ["/"]),
        ("v1", "/v1/x", ["/x"]),
        ("/", "x", []),
        ("/v1", "/V1x", []),
    ],
)
def test_a_root_elsewhere_in_a_path_may_be_taken_off(
    root: str, path: str, others: list[str]
) -> None:
    assert asgi_path({"path": path, "root_path": root}) == (path, *others)
    assert asgi_path({"path": path, "root_path": "/other"}, root) == (path, *others)


def test_paths_hidden_by_another_root_are_closed() -> None:
    rules = PathRules(RULES)
    for path, expected in [
        ("/v1/api/x", "api"),
        ("/api/x", "api"),
        ("/v1api/x", CLOSED),
        ("/public/v1/api/x", CLOSED),
        ("/public/v1/x", CLOSED),
        ("/x/v1/y", "all"),
        ("/v1/public/v1/api/x", "public"),
    ]:
        assert rules.find(*asgi_path({"path": path, "root_path": "/v1"})) == expected, path
    below = PathRules({"/*": "all", "/v1/admin": "admin"})
    assert below.find(*asgi_path({"path": "/v1/admin", "root_path": "/v1/"})) is CLOSED
    assert below.find(*asgi_path({"path": "/v1/x", "root_path": "/v1/"})) == "all"


def test_a_mounted_path_with_encoded_slashes() -> None:
    scope = {"path": "/v1/a/b", "raw_path": b"/v1/a%2Fb", "root_path": "/v1"}
    assert asgi_path(scope) == ("/a/b", "/a\0b")
    scope = {"path": "/y/v1/a/b", "raw_path": b"/y/v1/a%2Fb", "root_path": "/v1"}
    assert asgi_path(scope) == ("/y/v1/a/b", "/a/b", "/y/v1/a\0b", "/a\0b")


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ("/caf\u00c3\u00a9", "/caf\u00e9"),
        ("/caf\u00e9", "/caf\ufffd"),  # bytes that are not UTF-8
        ("/\u20ac", "/\u20ac"),  # a server that does not follow PEP 3333
        ("", "/"),
        ("/a b", "/a b"),
    ],
)
def test_wsgi_paths_are_bytes_in_disguise(info: str, expected: str) -> None:
    assert wsgi_path({"PATH_INFO": info, "SCRIPT_NAME": "/v1"}) == (expected,)


# -- through the middlewares -----------------------------------------------------------------


def by_path(engine: Any) -> dict[str, Any]:
    return {
        "/api/*": engine.Policy(allow_origins=[STRICT], allow_credentials=True),
        "/public/*": {"allow_origins": "*"},
        "/public/none/*": None,
        "/caf\u00e9": corsfast.PolicyHolder(engine.Policy(allow_origins=[APP])),
        "/now": lambda: engine.Policy(allow_origins=[APP]),
    }


def test_each_path_has_its_policy(engine: Any, door: Any) -> None:
    ask = door.around(paths=by_path(engine))
    assert ask("GET", "/api/x", origin=STRICT).origin == STRICT
    assert ask("GET", "/api/x", origin=APP).origin is None
    assert ask("GET", "/api/x", origin=APP).vary == "Origin"
    assert ask("GET", "/public/x", origin=APP).origin == "*"
    assert ask("GET", "/caf%C3%A9", origin=APP).origin == APP
    assert ask("GET", "/now", origin=APP).origin == APP
    assert ask("OPTIONS", "/api/x", **preflight_of(STRICT)).status == 204
    assert ask("OPTIONS", "/api/x", **preflight_of(APP)).status == 403
    assert ask.middleware.policy is None


@pytest.mark.parametrize("path", ["/", "/x", "/apix", "/public/none/x"])
def test_a_path_without_a_rule_gets_nothing(engine: Any, door: Any, path: str) -> None:
    ask = door.around(paths=by_path(engine), sent=[("Vary", "Accept")], cross_site="refuse_all")
    for headers in ({}, {"origin": STRICT}, preflight_of(STRICT)):
        for method in ("GET", "OPTIONS"):
            reply = ask(method, path, **headers)
            assert reply.reached
            assert reply.headers == {"vary": ["Accept"]}


@pytest.mark.parametrize(
    "path",
    [
        "/public/..%2fapi/x",
        "/public/%2e%2e/api/x",
        "/public/../api/x",
        "/public/%252e%252e/api/x",
        "/PUBLIC/x",
        "//public/x",
        "/public%5C..%5Capi",
        "/Public%2Fx",
        "/public%252Fx",
    ],
)
def test_tricks_get_nothing(engine: Any, door: Any, path: str) -> None:
    ask = door.around(paths=by_path(engine), cross_site="refuse_all")
    assert not ask("GET", path).has_cors
    for origin in (APP, STRICT):
        reply = ask("GET", path, origin=origin, host="api.example")
        assert (reply.status, reply.reached, reply.has_cors) == (403, False, False)
        assert ask("OPTIONS", path, **preflight_of(origin)).status == 403
    assert ask("OPTIONS", path).reached


def test_a_tricked_path_is_not_looked_up(engine: Any, door: Any) -> None:
    from corsfast.middleware.resolver import OriginResolver

    ask = door.around(
        paths={"/api/*": {"allow_origins": ()}}, resolver=OriginResolver(lambda o: True)
    )
    assert ask("GET", "/api/x", origin=APP).origin == APP
    assert ask("GET", "/api/../api/x", origin=APP).origin is None


def test_other_scopes_pass(engine: Any) -> None:
    import asyncio

    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    middleware = DOORS["asgi"].CORSMiddleware(app, paths=by_path(engine))
    call = {"type": "lifespan"}, object(), object()
    asyncio.run(middleware(*call))
    assert seen == [call]


# -- mistakes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "code", "hint"),
    [
        ("api/*", "path", "'/api/*'"),
        ("*", "path", "'/*'"),
        ("/api*", "path", "'/api/*'"),
        ("/*/x", "path", None),
        ("/a/**", "path", "'/a/*'"),
        ("/api/.*", "path", "'/api/*'"),
        ("/api.*", "path", "'/api/*'"),
        ("/.*", "path", "'/*'"),
        ("/a%20b", "path", "'/a b'"),
        ("/a//b/*", "path", "'/a/b/*'"),
        ("/a/../b", "path", None),
        ("/a/./*", "path", None),
        ("/a\\b", "path", "'/a/b'"),
        ("/a?b", "path", "'/a'"),
        ("/a\n", "path", None),
        ("https://a.example/x", "path", None),
        ("", "path", "'/'"),
        (b"/a", "type", "'/a'"),
        (5, "type", None),
        (re.compile("/a"), "type", None),
    ],
)
def test_rules_that_are_no_paths(door: Any, rule: Any, code: str, hint: str | None) -> None:
    with pytest.raises(corsfast.PolicyError) as caught:
        door.around(paths={rule: {"allow_origins": [APP]}})
    (problem,) = caught.value.problems
    assert (problem.code, problem.option, problem.value) == (code, "paths", rule)
    assert problem.hint == hint


def test_all_mistakes_at_once(door: Any) -> None:
    with pytest.raises(corsfast.PolicyError) as caught:
        door.around(
            paths={
                "x": None,
                "/a": None,
                "/a/": None,
                "/b": {"allow_origins": [APP + "/"], "max_age": -1},
            }
        )
    assert [(p.code, p.option) for p in caught.value.problems] == [
        ("path", "paths"),
        ("path-twice", "paths"),
        ("trailing-slash", "paths['/b'].allow_origins"),
        ("out-of-range", "paths['/b'].max_age"),
    ]


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        ({}, r'write paths={"/\*": policy} for every path'),
        ([("/a", None)], r"paths must be a dict of rules, not list; write paths="),
        ({"/a": APP}, r"paths\['/a'\] must be a corsfast\.Policy, .* not str; .*write a dict of"),
        ({"/a": corsfast.Policy}, r"paths\['/a'\] must be a corsfast\.Policy, .* not type"),
        ({"/a": {}}, r"paths\['/a'\]: CORSMiddleware needs a policy"),
        ({"/a": {"allow_orgins": [APP]}}, r"paths\['/a'\]: .*write allow_origins"),
    ],
)
def test_invalid_tables_of_rules_are_rejected(door: Any, paths: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        door.around(paths=paths)


def test_paths_or_a_policy(Policy: Any, door: Any) -> None:
    for args, options in [((Policy(allow_origins=[APP]),), {}), ((), {"allow_origins": [APP]})]:
        with pytest.raises(TypeError, match=r'not both; write .* paths=\{\.\.\., "/\*": policy\}'):
            door.around(*args, paths={"/a": None}, **options)


@pytest.mark.parametrize("extra", [0, 1])
@pytest.mark.parametrize("text", ["%", "%2f", "%e3%81%82", "%25"])
def test_a_long_encoded_path_is_not_decoded(
    extra: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    for name in ("unquote", "unquote_to_bytes"):
        decode = getattr(paths, name)
        monkeypatch.setattr(
            paths, name, lambda path, *_, d=decode, **k: decoded.append(len(path)) or d(path, **k)
        )
    length = MAX_ENCODED_PATH - len("/x/") + extra
    path = "/x/" + (text * length)[:length]
    raw = path.encode()
    rules = PathRules({"/x/*": "x"})
    found = [rules.find(path), rules.find(*encoded_path(raw))]
    if text == "%2f":
        found.append(rules.find(*asgi_path({"path": "/x/", "raw_path": raw})))
    if extra:
        assert (decoded, set(found)) == ([], {CLOSED})
    else:
        assert decoded


def test_a_long_path_without_escapes_has_its_rule() -> None:
    path = "/x/" + "a" * 100_000
    rules = PathRules({"/x/*": "x"})
    for readings in (
        (path,),
        asgi_path({"path": path, "raw_path": path.encode()}),
        asgi_path({"path": path, "root_path": "/x", "raw_path": path.encode()}),
        encoded_path(path.encode()),
        wsgi_path({"PATH_INFO": path}),
    ):
        assert rules.find(*readings) == ("x" if readings[0].startswith("/x/") else None)


def test_long_wrong_rules_take_linear_time() -> None:
    """In quadratic time this would take half an hour."""
    simple = re.compile(r"(?:/|\.?\*)+\Z")
    for length in range(8):
        for letters in itertools.product("/.*a", repeat=length):
            text = "".join(letters)
            assert paths._ALL_BELOW.sub("!", text) == simple.sub("!", text)
    with pytest.raises(corsfast.PolicyError):
        PathRules({"/" + "/.*" * 100_000 + "x*": 1})
