"""The browser matrix in a real browser: what it sends, and what its page may read.

Every case that a browser can run is tested against the ASGI and the WSGI middleware, on a URL of
its own. The wire is what the server saw. engine/test_browser_matrix.py decides the same cases
without a browser; its tables list the cases where corsfast differs on purpose.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from browser.chromium import Api, Exchange, Tabs, run
from browser.served import APP, AS_HINTED
from corpus import browser_matrix, case_id
from engine.test_browser_matrix import DISAGREE, NOT_OURS, REFUSED
from playwright.sync_api import Frame, Page

pytestmark = pytest.mark.browser

CASES = {case["id"]: case for case in browser_matrix()}
# Policies that are rejected. They run as their hint says, or not at all.
NO_POLICY = {*NOT_OURS, *(case for case in REFUSED if case not in AS_HINTED)}
NEED_TLS = {"b20": "a page over https, whose request to http would be mixed content"}
# Cases with their own test below, because they need several requests or have no readable response.
APART = {
    "b64": "waits",
    "b66": "a preflight of one mode, a request of the other",
    "b67": "an image first",
    "b68": "two pages",
    "b77": "what a page sees of the time a request took",
    "b85": "a beacon: no page reads its answer",
    "b86": "a navigation",
    "b88": "a WebSocket",
}
CLIENTS = {
    "xhr": ("xhr", "text"),
    "EventSource": ("events", "events"),
    "img": ("image", "pixel"),
    "script type=module": ("module", "module"),
    "font": ("font", "font"),
    "worker": ("worker", "text"),
    "fetch same-origin": ("fetch", "text"),
}
LOOPBACK = ("http://127.0.0.1:8001", "http://[::1]:8001", "http://localhost:8001")


@pytest.fixture(scope="module", params=["asgi", "wsgi"])
def api(request: pytest.FixtureRequest, apis: dict[str, Api]) -> Api:
    return apis[request.param]


def asking(tabs: Tabs, case: dict[str, Any], api: Api) -> Page | Frame:
    """Return the page or frame that the case is about."""
    kind, origin = case["page"]["kind"], case["page"]["origin"]
    if kind == "top-level document":
        return tabs.of(api.url("") if case["id"] == "b87" else origin)
    how = {
        "iframe sandbox=allow-scripts": 'sandbox="allow-scripts" src="/frame"',
        "data: URL iframe": 'src="data:text/html,<!doctype html>"',
    }
    return tabs.frame(APP, how[kind])


def url_of(case: dict[str, Any], api: Api, kind: str) -> str:
    host = "127.0.0.1" if case["page"]["origin"] in LOOPBACK else "api.example.test"
    via = case["request"].get("via", "")
    if via.endswith("/redirect-same"):
        return api.url(f"/{case['id']}/redirect", host)
    url = api.url(f"/{case['id']}/{kind}", host)
    return f"{via}?{url}" if via else url


def init_of(case: dict[str, Any]) -> dict[str, Any]:
    """Return the options that are passed to fetch()."""
    names = ("method", "headers", "credentials")
    return {name: case["request"][name] for name in names if name in case["request"]}


def expected(case: dict[str, Any]) -> str:
    outcome = case["expect"]["outcome"]
    if case["id"] in DISAGREE:
        assert outcome != ("resolved" if DISAGREE[case["id"]][0] else "rejected")
        outcome = "resolved" if DISAGREE[case["id"]][0] else "rejected"
    return str(outcome)


SIMPLE = [case for case in CASES.values() if case["id"] not in {*NO_POLICY, *NEED_TLS, *APART}]


@pytest.mark.parametrize("case", SIMPLE, ids=case_id)
def test_page_reads(shared: Tabs, api: Api, case: dict[str, Any]) -> None:
    request, expect = case["request"], case["expect"]
    with_cookie(shared, api, case)
    client, kind = CLIENTS[request["api"]] if "api" in request else ("fetch", "text")
    asked = init_of(case)
    if "force_preflight" in request:
        asked.update(upload=True, body="x")
    page, url = asking(shared, case, api), url_of(case, api, kind)
    for _ in range(request.get("repeat", 1)):
        told = run(page, url, client, **asked)
        if expected(case) == "resolved":
            assert told["outcome"] == "resolved", told
        else:
            assert told == {"outcome": "rejected", "error": "TypeError"}

    seen = api.seen(f"/{case['id']}/")
    check_wire(case, api, seen)
    check_answer(case, told, seen)
    if "preflights_seen" in expect:
        assert sum(exchange.is_preflight for exchange in seen) == expect["preflights_seen"]


def with_cookie(tabs: Tabs, api: Api, case: dict[str, Any]) -> None:
    url = api.url(f"/{case['id']}/text")
    tabs.context.add_cookies([{"name": "who", "value": case["id"], "url": url}])


def check_wire(case: dict[str, Any], api: Api, seen: list[Exchange]) -> None:
    """Check that the browser sent what the matrix says, and what `expect` says about it."""
    wire, expect = case["wire"], case["expect"]
    preflights = [exchange for exchange in seen if exchange.is_preflight]
    actual = [exchange for exchange in seen if not exchange.is_preflight]
    origin = api.url("") if case["id"] == "b87" else wire["origin"]
    assert {exchange.asked["origin"] for exchange in seen} == {origin}
    assert bool(preflights) is wire["preflight"]
    for preflight in preflights:
        # The browser rejects no case that corsfast has allowed.
        assert preflight.covers is (expected(case) == "resolved")
        knows_origin = preflight.told("access-control-allow-origin") != []
        assert (200 <= preflight.status <= 299) is knows_origin
        assert preflight.asked["access-control-request-method"] == wire["acrm"]
        assert preflight.asked.get("access-control-request-headers") == wire["acrh"]
        assert "cookie" not in preflight.asked
        assert "access-control-request-private-network" not in preflight.asked
    # A rejected preflight ends the exchange; without a preflight, the application is always called.
    assert bool(actual) is (expected(case) == "resolved" or not wire["preflight"])
    assert all(exchange.told("x-id") or exchange.status == 302 for exchange in actual)
    if actual:
        include = case["request"].get("credentials") == "include" or case["id"] == "b87"
        same_site = wire["origin"] != "null"  # cookies are Lax by default
        assert ("cookie" in actual[-1].asked) is (include and same_site)
    assert expect.get("handler_ran", bool(actual)) is bool(actual) or case["id"] in DISAGREE


def check_answer(case: dict[str, Any], told: dict[str, Any], seen: list[Exchange]) -> None:
    """Check what the page could read, and which fields allowed it."""
    expect, last = case["expect"], seen[-1]
    if told["outcome"] == "resolved" and case["request"].get("method") != "HEAD":
        assert told["status"] == expect.get("status", 200)
        assert told.get("body", "hello") == "hello"
    if "acao" in expect:
        wanted = [] if expect["acao"] is None else [expect["acao"]]
        assert last.told("access-control-allow-origin") == wanted
    if "acao_count" in expect:
        assert len(last.told("access-control-allow-origin")) == expect["acao_count"]
    if "vary_origin" in expect:
        assert ("Origin" in last.told("vary")) is expect["vary_origin"]
    if "vary" in expect:
        merged = [name.strip().lower() for line in last.told("vary") for name in line.split(",")]
        assert merged == expect["vary"]
    assert {*expect.get("readable", ())} <= {*told.get("headers", ())}
    assert not {*expect.get("not_readable", ())} & {*told.get("headers", ())}


# -- cached preflights -----------------------------------------------------------------------


def test_no_max_age_is_five_seconds(fresh: Tabs, api: Api) -> None:
    url, before = api.url("/b64/text"), len(api.seen("/b64/"))

    def put() -> int:
        assert run(fresh.of(APP), url, method="PUT")["outcome"] == "resolved"
        return sum(exchange.is_preflight for exchange in api.seen("/b64/")[before:])

    assert [put(), put()] == [1, 1]
    time.sleep(CASES["b64"]["request"]["pause_s"])
    assert put() == CASES["b64"]["expect"]["preflights_seen"]


def test_a_preflight_is_of_one_credentials_mode(fresh: Tabs, api: Api) -> None:
    url, before = api.url("/b66/text"), len(api.seen("/b66/"))
    for credentials in ("same-origin", "include"):
        told = run(fresh.of(APP), url, method="PUT", credentials=credentials)
        assert told["outcome"] == "resolved"
    seen = api.seen("/b66/")[before:]
    assert [exchange.method for exchange in seen] == ["OPTIONS", "PUT", "OPTIONS", "PUT"]


# -- cached responses ------------------------------------------------------------------------


def test_an_image_first(fresh: Tabs, api: Api) -> None:
    """A cached response to a request without Origin must not be used for a request with one."""
    page, url, before = fresh.of(APP), api.url("/b67/pixel"), len(api.seen("/b67/"))
    assert run(page, url, "image", cors=False) == {"outcome": "rejected", "error": "SecurityError"}
    assert run(page, url, "fetch")["outcome"] == "resolved"
    assert run(page, url, "fetch")["outcome"] == "resolved"
    seen = api.seen("/b67/")[before:]
    assert ["origin" in exchange.asked for exchange in seen] == [False, True]  # then cached
    assert [exchange.told("vary") for exchange in seen] == [["Origin"], ["Origin"]]


def test_two_origins_and_one_cache(fresh: Tabs, api: Api) -> None:
    """Each origin gets its own response, and cached copies are not shared between origins."""
    url, before = api.url("/b68/text"), len(api.seen("/b68/"))
    one, other = CASES["b68"]["request"]["pages"]
    for origin in (one, one, other, other):
        assert run(fresh.of(origin), url)["outcome"] == "resolved"
    seen = api.seen("/b68/")[before:]
    assert [exchange.told("access-control-allow-origin") for exchange in seen] == [[one], [other]]


# -- clients that have no response to read ---------------------------------------------------


def test_timing(fresh: Tabs, api: Api) -> None:
    page = fresh.of(APP)
    assert run(page, api.url("/b77/text"), "timing") == {"outcome": "resolved", "shown": True}
    # The same without the option.
    assert run(page, api.url("/b02/text"), "timing") == {"outcome": "resolved", "shown": False}


def test_beacon(fresh: Tabs, api: Api) -> None:
    before = len(api.seen("/b85/"))
    run(fresh.of(APP), api.url("/b85/text"), "beacon", body="{}", type="application/json")
    for _ in range(200):
        seen = api.seen("/b85/")[before:]
        if len(seen) == 2:
            break
        time.sleep(0.05)
    assert [exchange.method for exchange in seen] == ["OPTIONS", "POST"]
    assert seen[0].asked["access-control-request-headers"] == CASES["b85"]["wire"]["acrh"]


def test_a_form_is_no_cors_request(fresh: Tabs, api: Api) -> None:
    page, url = fresh.of("http://evil.test:8001"), api.url("/b86/text")
    with page.expect_navigation() as navigation:
        page.evaluate(
            """(url) => {
                const form = document.createElement("form");
                Object.assign(form, { action: url, method: "POST" });
                document.body.append(form);
                form.submit();
            }""",
            url,
        )
    assert navigation.value.status == CASES["b86"]["expect"]["status"]
    assert page.inner_text("body") == "hello"
    assert api.seen("/b86/")[-1].asked["origin"] == "http://evil.test:8001"


def test_socket(fresh: Tabs, apis: dict[str, Api]) -> None:
    api = apis["asgi"]
    told = run(fresh.of("http://evil.test:8001"), api.url("/b88/socket"), "socket")
    assert told == {"outcome": "rejected", "error": "TypeError"}
    told = run(fresh.of(APP), api.url("/b88/socket"), "socket")
    assert told == {"outcome": "resolved", "status": 101}
    assert [exchange.status for exchange in api.seen("/b88/")] == [403, 101]


# -- the whole matrix ------------------------------------------------------------------------


def test_omitted_options() -> None:
    """Every other case has run, so a new exception in the tables must be added here as well."""
    refused = {"b57", "b58", "b59", "b60", "b72"}
    assert {*CASES} - {case["id"] for case in SIMPLE} - {*APART} == {"b04", "b20", "b61", *refused}
