"""The recurring confusions about CORS: each is explained, and the proposed change is applied.

Each row is a policy and a request. `expected` are texts of the explanation; of an allowed request
they say why it needs no change. Below are confusions about requests that no browser refuses, so
there is nothing to explain: what a page sees, and how long a preflight is cached.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pytest

import corsfast
from corsfast.middleware.asgi import CORSMiddleware
from corsfast.testing import Browser, CORSError, RawResponse

APP = "https://app.example.com"
URL = "https://api.example.com/"


class Row(NamedTuple):
    name: str
    options: dict[str, Any]
    method: str
    origin: str
    names: list[str]
    credentials: bool
    allowed: bool
    expected: list[str]


def row(
    name: str,
    expected: list[str],
    *,
    allowed: bool = False,
    method: str = "GET",
    origin: str = APP,
    names: tuple[str, ...] = (),
    credentials: bool = False,
    **options: Any,
) -> Row:
    options = {"allow_origins": [APP]} | options
    return Row(name, options, method, origin, list(names), credentials, allowed, expected)


ROWS = [
    row(
        "a preview deployment is another origin",
        ["no entry of allow_origins matches", "Add 'https://pr-7.example.com'"],
        origin="https://pr-7.example.com",
    ),
    row(
        "a pattern covers preview deployments",
        ["the glob 'https://pr-*.example.com' matches"],
        allowed=True,
        origin="https://pr-7.example.com",
        allow_origins=["https://pr-*.example.com"],
    ),
    row(
        "another port is another origin",
        ["'http://localhost:3000', which is for another port", "Add 'http://localhost:5173'"],
        origin="http://localhost:5173",
        allow_origins=["http://localhost:3000"],
    ),
    row(
        "localhost is not 127.0.0.1",
        ["'http://localhost:3000', which is another origin"],
        origin="http://127.0.0.1:3000",
        allow_origins=["http://localhost:3000"],
    ),
    row(
        "http is not https",
        ["which is https, not http"],
        origin="http://app.example.com",
    ),
    row(
        "www is another origin",
        ["which is without 'www.'"],
        origin="https://www.example.com",
        allow_origins=["https://example.com"],
    ),
    row(
        "subdomains do not include the domain",
        ["which covers the subdomains, but not the domain itself"],
        origin="https://example.com",
        allow_origins=["https://*.example.com"],
    ),
    row(
        "a regex has to match the whole origin",
        ["no entry of allow_origins matches"],
        origin="https://app.example.com:8443",
        allow_origins=[re.compile(r"https://app\.example\.com")],
    ),
    row(
        "null is a page without an origin",
        ["sandboxed frames", "Any site can send it"],
        origin="null",
    ),
    row(
        "an extension has an origin",
        ["Add 'chrome-extension://abcdefghijklmnopabcdefghijklmnop'"],
        origin="chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    ),
    row(
        "OPTIONS need not be allowed",
        ["allow_methods has 'PUT'"],
        allowed=True,
        method="PUT",
        allow_methods=["PUT"],
    ),
    row(
        "POST is always allowed",
        ["the Fetch standard always allows it"],
        allowed=True,
        method="POST",
        names=("content-type",),
    ),
    row(
        "patch is not PATCH",
        ["case matters", "In the page, use 'PATCH'"],
        method="patch",
        allow_methods=["PATCH"],
    ),
    row(
        "an undeclared Authorization is refused",
        ["no  header authorization", "Add 'authorization' to allow_headers."],
        names=("authorization",),
    ),
    row(
        "* does not cover Authorization",
        ["does not cover Authorization", "Add 'Authorization' to allow_headers."],
        names=("authorization", "x-a"),
        allow_headers=["*"],
    ),
    row(
        "an Authorization header is no credentials mode",
        ["allow_headers has 'Authorization'"],
        allowed=True,
        names=("authorization",),
        allow_origins="*",
        allow_headers=["Authorization"],
    ),
    row(
        "credentials mode counts without a cookie",
        ["allow_credentials is False", "Set allow_credentials=True."],
        credentials=True,
    ),
    row(
        "* and credentials exclude each other",
        ["Replace '*' in allow_origins by the origins that you trust"],
        credentials=True,
        allow_origins="*",
    ),
    row(
        "several lines of header names are one list",
        ["ok  header x-a", "ok  header x-b"],
        allowed=True,
        names=("x-a", "x-b"),
        allow_headers=["X-A", "X-B"],
    ),
    row(
        "a preflight with 200 is as good as one with 204",
        ["ok  method PUT"],
        allowed=True,
        method="PUT",
        allow_methods=["PUT"],
        preflight_status=200,
    ),
]


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def browser_allows(policy: Any, row: Row, method: str, engine: str) -> bool:
    headers = dict.fromkeys(row.names, "application/json")
    credentials = "include" if row.credentials else "same-origin"
    try:
        Browser(row.origin, engine=engine).fetch(
            CORSMiddleware(app, policy), method, URL, headers=headers, credentials=credentials
        )
    except CORSError:
        return False
    return True


def test_there_are_20() -> None:
    assert len({row.name for row in ROWS}) == 20


@pytest.mark.parametrize("engine", ["chromium", "firefox", "webkit"])
@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_confusion_is_explained_and_fixed(row: Row, engine: str) -> None:
    policy = corsfast.Policy(**row.options)
    explanation = policy.explain(row.method, row.origin, None, row.names, row.credentials)
    text = str(explanation)
    assert explanation.allowed is row.allowed
    assert [it for it in row.expected if it not in text] == []
    if row.allowed:
        assert browser_allows(policy, row, row.method, engine)
        return
    assert not browser_allows(policy, row, row.method, engine)
    change = explanation.change
    method = row.method if change.options else row.method.upper()
    if change.options:
        policy = corsfast.Policy(**change.options)
    assert browser_allows(policy, row, method, engine)


# -- no request is refused -------------------------------------------------------------------


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def preflights(policy: Any, engine: str, *pauses: float) -> list[int]:
    """Return the number of preflights of each PUT, the first one and one after each pause."""
    clock = Time()
    browser = Browser(APP, engine=engine, clock=clock)
    seen = []
    for pause in (0.0, *pauses):
        clock.now += pause
        response = browser.fetch(CORSMiddleware(app, policy), "PUT", URL)
        seen.append(len(response.preflights))
    return seen


@pytest.mark.parametrize(("allowed", "sent"), [(False, None), (True, APP)])
def test_to_read_is_not_to_see_the_timing(allowed: bool, sent: str | None) -> None:
    policy = corsfast.Policy(allow_origins=[APP], timing_allow_origin=allowed)
    response = Browser(APP).fetch(CORSMiddleware(app, policy), "GET", URL)
    assert response.status == 200
    answer = response.exchanges[-1].response
    assert answer.get("timing-allow-origin") == sent


@pytest.mark.parametrize(
    ("engine", "cap"), [("chromium", 7200), ("firefox", 86400), ("webkit", 600)]
)
def test_each_engine_caps_max_age(engine: str, cap: int) -> None:
    policy = corsfast.Policy(allow_origins=[APP], allow_methods=["PUT"], max_age=86400)
    assert preflights(policy, engine, cap - 1, 1) == [1, 0, 1]
    shorter = corsfast.Policy(allow_origins=[APP], allow_methods=["PUT"], max_age=300)
    assert preflights(shorter, engine, 299, 1) == [1, 0, 1]


@pytest.mark.parametrize("engine", ["chromium", "firefox", "webkit"])
@pytest.mark.parametrize("vary", [None, "Origin", "*", "Access-Control-Request-Method"])
def test_vary_has_no_effect_on_the_preflight_cache(engine: str, vary: str | None) -> None:
    for max_age, expected in ((600, [1, 0, 0]), (0, [1, 1, 1])):
        options: dict[str, Any] = {"allow_methods": ["PUT"], "max_age": max_age}
        policy = corsfast.Policy(allow_origins=[APP], **options)
        decided = policy.preflight(APP, "PUT").headers
        kept = [(name, value) for name, value in decided if name.lower() != "vary"]
        headers = tuple(kept if vary is None else [*kept, ("Vary", vary)])
        browser = Browser(APP, engine=engine, clock=Time())
        seen = [
            browser.fetch(lambda _, it=headers: RawResponse(200, it), "PUT", URL) for _ in expected
        ]
        assert [len(response.preflights) for response in seen] == expected
