"""Origins of web views and extensions, with regexes and patterns, also in the drop-ins."""

from __future__ import annotations

import asyncio
import re
import warnings
from itertools import count
from typing import Any

import pytest
from support.client import Request, ask_asgi, ask_wsgi, running
from support.surfaces import make_policy

from corsfast import CorsfastRedundancyWarning, CorsfastUnmatchableWarning, PolicyError
from corsfast._options.origin import parse_origin
from corsfast._proofs.alternatives import unmatchable_alternatives
from corsfast._proofs.automata import accepts, shortest_words
from corsfast._proofs.languages import other_origins

CHROME = "chrome-extension://abcdefghijklmnopabcdefghijklmnop"
FIREFOX = "moz-extension://6f1c3f9e-0d4b-4c57-9a3e-8b2d5e7f1a90"
SAFARI = "safari-web-extension://6F1C3F9E-0D4B-4C57-9A3E-8B2D5E7F1A90"

WEB_VIEW = r"^(https?://localhost(:\d+)?|capacitor://localhost)$"
EXTENSION = r"chrome-extension://.*|https://app\.example\.com"
ALLOWED = {
    WEB_VIEW: ["http://localhost", "https://localhost:3000", "capacitor://localhost"],
    EXTENSION: [CHROME, "https://app.example.com"],
}
REFUSED = ["capacitor://localhost:1", "ionic://localhost", FIREFOX, "https://appxexample.com",
           "chrome-extension://a/b", "null", "Capacitor://localhost"]  # fmt: skip
COUNT = count()


# -- the drop-ins ------------------------------------------------------------------------------


def starlette(regex: str) -> Any:
    from corsfast.middleware.starlette import CORSMiddleware

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return CORSMiddleware(app, allow_origin_regex=regex)


def litestar(regex: str) -> Any:
    from litestar import Litestar, get

    from corsfast.middleware.litestar import CORSConfig, CORSPlugin

    @get("/")
    async def hello() -> str:
        return ""

    config = CORSConfig(allow_origins=[], allow_origin_regex=regex)
    return Litestar([hello], plugins=[CORSPlugin(config)])


def quart(regex: str) -> Any:
    from quart import Quart

    from corsfast.middleware.quart import cors

    async def hello() -> str:
        return ""

    app = Quart("app")
    app.add_url_rule("/", "index", hello)
    return cors(app, allow_origin=[re.compile(regex)])


def sanic(regex: str) -> Any:
    from sanic import Sanic, text

    from corsfast.middleware.sanic import add_cors

    async def hello(request: Any) -> Any:
        return text("")

    app = Sanic(f"other-schemes-{next(COUNT)}")
    app.config.OAS = app.config.MOTD = False
    app.config.CORS_ORIGINS = re.compile(regex)
    app.add_route(hello, "/")
    add_cors(app)
    return app


def flask(regex: str) -> Any:
    from flask import Flask

    from corsfast.middleware.flask import CORS

    app = Flask("app")
    app.add_url_rule("/", "index", lambda: "")
    CORS(app, origins=[regex])
    return app


ASGI = {"litestar": litestar, "quart": quart, "sanic": sanic, "starlette": starlette}
# The modules in which these drop-ins make their policies.
MAKES_POLICY = {
    "flask": "flask.rules",
    "litestar": "_dropin.asgi_base",
    "quart": "quart.rules",
    "sanic": "sanic.settings",
    "starlette": "_dropin.asgi_base",
}


@pytest.mark.server
@pytest.mark.parametrize("regex", ALLOWED)
@pytest.mark.parametrize("drop_in", [*ASGI, "flask"])
def test_drop_ins_allow_the_same_as_their_originals(
    engine: Any, monkeypatch: pytest.MonkeyPatch, drop_in: str, regex: str
) -> None:
    monkeypatch.setattr(f"corsfast.middleware.{MAKES_POLICY[drop_in]}.Policy", engine.Policy)
    if drop_in == "sanic":
        monkeypatch.setattr("sanic.Sanic.test_mode", True)
    origins = [*ALLOWED[regex], *REFUSED]
    asked = [Request("GET", (("origin", origin),), "/") for origin in origins]

    async def ask_all() -> list[Any]:
        app = ASGI[drop_in](regex)
        if drop_in == "starlette":
            return [await ask_asgi(app, request) for request in asked]
        async with running(app):
            return [await ask_asgi(app, request) for request in asked]

    with warnings.catch_warnings(action="ignore"):
        if drop_in == "flask":
            app = flask(regex)
            answers = [ask_wsgi(app, request) for request in asked]
        else:
            answers = asyncio.run(ask_all())
    for origin, answer in zip(origins, answers, strict=True):
        wanted = [origin] if origin in ALLOWED[regex] else []
        assert answer.headers.get("access-control-allow-origin", []) == wanted, origin


@pytest.mark.server
def test_flask_compares_opaque_hosts_without_case() -> None:
    from flask import Flask

    from corsfast.middleware.flask import CORS

    app = Flask("app")
    app.add_url_rule("/", "index", lambda: "")
    CORS(app, origins=[SAFARI, "app://.", "HTTPS://A.example"])
    for origin in (SAFARI, SAFARI.lower(), "app://.", "https://a.example"):
        answer = ask_wsgi(app, Request("GET", (("origin", origin),), "/"))
        assert answer.headers["access-control-allow-origin"] == [origin]


# -- extensions, with credentials --------------------------------------------------------------

ALL_OF_A_BROWSER = [
    ("chrome-extension://*", "Chrome", CHROME),
    ("moz-extension://*", "Firefox", FIREFOX),
    ("safari-web-extension://*", "Safari", SAFARI),
    (r"chrome-extension://.*", "Chrome", CHROME),
    (r"^chrome-extension://[a-p]{32}$", "Chrome", CHROME),
    (r"chrome-extension://[a-z0-9]+|https://app\.example\.com", "Chrome", CHROME),
    (r"[a-z-]+-extension://.*", "Chrome", CHROME),
    (r"moz-extension://[0-9a-f-]+", "Firefox", FIREFOX),
    (r"moz-extension://[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
     "Firefox", FIREFOX),
    (r"safari-web-extension://[0-9A-F-]{36}", "Safari", SAFARI),
    (r"chrome-extension://(?!x).*", "Chrome", CHROME),
    (r"(?i)chrome-EXTENSION://\w+", "Chrome", CHROME),
]  # fmt: skip
SOME = [
    CHROME,
    r"chrome-extension://abcdefghijklmnopabcdefghijklmno[ap]",
    r"chrome-extension://[a-o]{32}",
    r"chrome-extension://[a-p]{31}",
    r"chrome-extension://(?!abcdefghijklmnop).*",
    r"moz-extension://6f1c3f9e-.*",
    r"capacitor://localhost|tauri://.*",
    r"[a-z]+://localhost",
]


def entry_of(text: str) -> Any:
    return text if text == CHROME or text.endswith("://*") else re.compile(text)


@pytest.mark.parametrize(("text", "browser", "example"), ALL_OF_A_BROWSER)
def test_all_extensions_are_a_risk_with_credentials(
    engine: Any, text: str, browser: str, example: str
) -> None:
    entry = entry_of(text)
    with pytest.raises(PolicyError) as refused:
        engine.Policy(allow_origins=[entry], allow_credentials=True)
    (problem,) = refused.value.problems
    assert (problem.code, problem.example) == ("any-extension", example)
    assert browser in problem.message
    options = {"allow_origins": [entry], "allow_credentials": True}
    tolerated = {**options, "dangerously_tolerate": ["any-extension"]}
    assert make_policy(engine, tolerated).allows_origin(example)
    with warnings.catch_warnings(action="error"):
        warnings.simplefilter("ignore", UserWarning if "(?!" in text else CorsfastRedundancyWarning)
        assert engine.Policy(allow_origins=[entry]).allows_origin(example)


@pytest.mark.parametrize("text", SOME)
def test_some_extensions_are_no_risk(engine: Any, text: str) -> None:
    options = {"allow_origins": [entry_of(text)], "allow_credentials": True}
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        engine.Policy(**options, dangerously_tolerate=["insecure-origin", "foreign-origin"])


@pytest.mark.parametrize("text", ["capacitor://*", "app://*", "chrome-extension://a*", "x://*:*"])
def test_other_wildcards_name_the_three_that_there_are(engine: Any, text: str) -> None:
    with pytest.raises(PolicyError) as refused:
        engine.Policy(allow_origins=[text])
    for known in ("chrome-extension://*", "moz-extension://*", "safari-web-extension://*"):
        assert known in str(refused.value)


def test_a_pattern_covers_an_id(engine: Any) -> None:
    with pytest.warns(CorsfastRedundancyWarning, match="covered by 'chrome-extension"):
        engine.Policy(allow_origins=["chrome-extension://*", CHROME])
    with pytest.warns(CorsfastRedundancyWarning, match="covered by"):
        engine.Policy(allow_origins=[re.compile("app://.*"), re.compile(r"app://\.")])
    with warnings.catch_warnings(action="error"):
        engine.Policy(
            allow_origins=[
                re.compile(r"https://a\.example|app://a"),
                re.compile(r"https://a\.example|app://b"),
            ]
        )


def test_other_origins_are_those_that_browsers_send() -> None:
    sent = ["app://.", SAFARI, CHROME, "x://[::1]:80", "a+b://A%2f", "vscode-webview://x"]
    assert all(accepts(other_origins(), word) and parse_origin(word) for word in sent)
    for word in ("https://a", "http://a", "ws://a", "wss://a", "ftp://a", "file://a", "htps://a",
                 "httpd://a", "ttp://a", "app://", "app://a/", "app://a,b", "App://a", "app://a:0",
                 "app://%2", "null"):  # fmt: skip
        assert not accepts(other_origins(), word), word
    for word in shortest_words(other_origins()):
        assert parse_origin(word) is not None or "[" in word  # the grammar checks addresses


# -- alternatives that match nothing -----------------------------------------------------------

UNMATCHABLE = [
    (r"^(https://a\.example\.com/|http://localhost)$", [r"https://a\.example\.com/"], "slash"),
    (r"https://a\.example|https://App\.example\.com", [r"https://App\.example\.com"], "lower case"),
    (r"wss://a\.example|https://a\.example", [r"wss://a\.example"], "WebSocket"),
    (r"(http|https|ws|wss)://a\.example", ["ws", "wss"], "WebSocket"),
    (r"(https|htps)://a\.example", ["htps"], "misspelled"),
    (r"localhost:3000|https://a\.example", ["localhost:3000"], "begins with its scheme"),
    (r"https://a\.example|file://.*", ["file://.*"], "'null'"),
    (r"https://a\.example|ftp://.*", ["ftp://.*"], "ftp"),
    (r"null|https://a\.example", ["null"], "listed by name"),
    (r"http://localhost:(80|3000)", ["80"], "default port"),
    (r"https://(a|B)\.example", ["B"], "lower case"),
    (r"https://(?P<x>a|(?:b|C))\.example", ["C"], "lower case"),
    (r"https://a\.example(/.*|:\d+)?", ["/.*"], "no path"),
    (r"(?i)app://A|ws://c", ["ws://c"], "WebSocket"),
    (r"https://a\\.example|https://b\.example", [r"https://a\\.example"], "doubled"),
    (r"(https://(a|b)/|https://c)", ["https://(a|b)/"], "slash"),
    (r"https://a(?=x|y).*\.b\.example|http://b/", ["http://b/"], "slash"),
]
ALIVE = [
    r"https?://a\.example",
    r"https://a\.example(:\d+|)",
    r"https://a\.example(|:\d+)",
    r"https://a\.example(/|)",
    r"https://a\.example($|/)",
    r"(^|x)https://a\.example",
    r"https://a\.example/?",
    r"https://(a|\.|-)+x\.example",
    r"https://(a|b){2,9}\.example",
    r"https://(a|B){0}c\.example|app://\.",
    r"https://[a|B]\.example",
    r"https://a\|?\.example|https://b\.example",
    r"https://a(?#x|Y)\.example|http://b",
    r"https://a(?!x|Y)\.example|http://b",
    r"^(https?://localhost|capacitor://localhost|ionic://localhost)$",
    r".*://App|https://a\.example",
    r"(?:https|http)://(?:a|b)\.example(?::80|:443)",
    r"(?i)HTTPS://A\.example|HTTP://B\.example",
]


@pytest.mark.parametrize(("text", "parts", "why"), UNMATCHABLE)
def test_unmatchable_alternatives_are_shown(
    engine: Any, text: str, parts: list[str], why: str
) -> None:
    with warnings.catch_warnings(record=True, action="always") as caught:
        engine.Policy(allow_origins=[re.compile(text)], dangerously_tolerate=["foreign-origin"])
    said = [w for w in caught if w.category is CorsfastUnmatchableWarning]
    assert [w.filename for w in said] == [__file__] * len(parts)
    for warning, alternative in zip(said, parts, strict=True):
        assert f": {alternative!r} (" in str(warning.message)
        assert why in str(warning.message)


@pytest.mark.parametrize("text", ALIVE)
def test_live_and_optional_ones_are_not(text: str) -> None:
    assert list(unmatchable_alternatives(re.compile(text))) == []


def test_an_unmatchable_regex_is_one_problem(engine: Any) -> None:
    with pytest.raises(PolicyError) as refused:
        engine.Policy(allow_origins=[re.compile("https://a/|ws://b")])
    assert [problem.code for problem in refused.value.problems] == ["unmatchable-pattern"]


def test_suggestions_have_no_unmatchable_alternative(engine: Any) -> None:
    with pytest.warns(CorsfastUnmatchableWarning, match="Write ") as caught:
        engine.Policy(allow_origins=[re.compile(r"^(https://a\.example/|http://localhost)$")])
    assert r're.compile(r"^(https://a\.example|http://localhost)$")' in str(caught[0].message)


def test_other_software_applies_regexes_otherwise() -> None:
    regex = re.compile(r"localhost:3000|https://a\.example|null|//b/")
    counts = [
        len(list(unmatchable_alternatives(regex, how, null=True)))
        for how in ("fullmatch", "match", "search")
    ]
    assert counts == [2, 2, 1]


@pytest.mark.server
def test_strict_drop_ins_refuse_unmatchable_alternatives() -> None:
    from starlette.applications import Starlette

    from corsfast.middleware.starlette import CORSMiddleware

    regex = r"https://a\.example/|https://b\.example"
    with pytest.warns(CorsfastUnmatchableWarning, match=r"allow_origin_regex: .*matches nothing"):
        CORSMiddleware(Starlette(), allow_origin_regex=regex)
    with pytest.raises(PolicyError, match="unmatchable-alternative"):
        CORSMiddleware(Starlette(), allow_origin_regex=regex, strict=True)
