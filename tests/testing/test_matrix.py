"""The browser matrix in the browser of corsfast.testing, over both middlewares.

browser/test_matrix.py runs the same cases in Chromium.
"""

from __future__ import annotations

from typing import Any

import pytest
from browser import served
from corpus import browser_matrix, case_id
from engine.test_browser_matrix import DISAGREE, NOT_OURS, REFUSED

from corsfast.testing import Browser, CORSError, Exchange, Response

API = "http://api.example.test:8000"
APPS = {"asgi": served.asgi_matrix, "wsgi": served.wsgi_matrix}
LEFT_OUT = {
    **NOT_OURS,
    **{case: "rejected at start-up" for case in REFUSED if case not in served.AS_HINTED},
    "b67": "about the HTTP cache",
    "b68": "about the HTTP cache",
    "b77": "about timing",
    "b86": "a navigation",
    "b88": "a WebSocket",
}
CASES = [case for case in browser_matrix() if case["id"] not in LEFT_OUT]


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def fetch(
    browser: Browser, case: dict[str, Any], app: Any, credentials: str
) -> tuple[Response | None, tuple[Exchange, ...]]:
    """Have the page of a case request what it is about; return the response and the wire."""
    request = case["request"]
    url, via = f"{API}/{case['id']}/text", request.get("via", "")
    if via.endswith("/redirect-same"):
        url = f"{API}/{case['id']}/redirect"
    elif via:
        url = f"{via}?{url}"
    upload = "force_preflight" in request
    try:
        response = browser.fetch(
            {API: app, "http://other.test:8003": served.pages},
            request.get("method", "GET"),
            url,
            headers=request.get("headers", ()),
            credentials=credentials,
            body="x" if upload else None,
            use_preflight=upload,
        )
    except CORSError as error:
        return None, error.exchanges
    return response, response.exchanges


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_page_reads(case: dict[str, Any], app: str) -> None:
    request, wire, expect = case["request"], case["wire"], case["expect"]
    readable = expect["outcome"] == "resolved"
    if case["id"] in DISAGREE:
        readable = DISAGREE[case["id"]][0]
    clock = Time()
    browser = Browser(case["page"]["origin"], clock=clock)
    browser.cookies.set("api.example.test", "who", "me")
    modes = request.get("sequence", [request.get("credentials", "same-origin")])
    sent: list[Exchange] = []
    for credentials in modes * request.get("repeat", 1):
        response, exchanges = fetch(browser, case, APPS[app], credentials)
        assert (response is not None) is readable
        sent += exchanges
        clock.now += request.get("pause_s", 0)

    preflights = [exchange.request for exchange in sent if exchange.is_preflight]
    assert bool(preflights) is wire["preflight"]
    for preflight in preflights:
        assert preflight.get("origin") == wire["origin"]
        assert preflight.get("access-control-request-method") == wire["acrm"]
        assert preflight.get("access-control-request-headers") == wire["acrh"]
        assert preflight.get("cookie") is None
    if "preflights_seen" in expect:
        assert len(preflights) == expect["preflights_seen"]
    if "cookie_sent" in expect:
        assert (sent[-1].request.get("cookie") is not None) is expect["cookie_sent"]
    last = sent[-1]
    assert last.request.get("origin") == wire["origin"]
    if "acao" in expect:
        assert last.response.get("access-control-allow-origin") == expect["acao"]
    if response is not None and request.get("method") != "HEAD":
        assert response.status == expect.get("status", 200)
        assert response.text == "hello"
        assert {*expect.get("readable", ())} <= {*response.headers}
        assert not {*expect.get("not_readable", ())} & {*response.headers}


def test_left_out_cases_exist() -> None:
    assert {*LEFT_OUT} <= {case["id"] for case in browser_matrix()}
    assert len(CASES) == 89 - len(LEFT_OUT) >= 76
