"""The browser of corsfast.testing against Chromium, Firefox and WebKitGTK.

They run the rows of web-platform-tests and random exchanges. They have to send the same requests
and show JavaScript the same. Chromium and Firefox have to log the same text, and Chromium has to
report the same `CorsError`. Set EXCHANGES to the number of random exchanges.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from browser.firefox import Firefox
from browser.random_exchanges import random_case
from browser.scripted import CLIENT, Page, ScriptedServer, differences, run_case
from browser.webkit import WebKit
from corpus import case_id, wpt
from playwright.sync_api import Browser
from support.exchanges import play, unexpected

pytestmark = pytest.mark.browser

COUNT = int(os.environ.get("EXCHANGES", "200"))
# No browser safelists Last-Event-ID.
DIFFERENT = {"wpt-safelisted-last-event-id-01"}
# WebKitGTK treats cookies of other hosts under .localhost as third-party cookies.
NO_COOKIES = {"wpt-credentials-02", "wpt-credentials-03"}
# Firefox does not check the origin of a preflight to the page's own server, and asks for
# Authorization again at the second redirect after the one that removed it.
FIREFOXS_OWN = {1291, 1663}
# Parts of the texts in Chromium's console.
TEXTS = ("CORS policy", "Request mode is", "Unsafe attempt to load")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScriptedServer]:
    server = ScriptedServer(tmp_path_factory.mktemp("certificate"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def chromium(browser: Browser, server: ScriptedServer) -> Iterator[Page]:
    """Yield a page of Chromium. It reports the `CorsError` and what is missing."""
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.goto(server.texts["page"] + "/")
    cdp = context.new_cdp_session(page)
    cdp.send("Network.enable")
    failed: list[Any] = []
    logged: list[str] = []
    cdp.on("Network.loadingFailed", lambda event: failed.append(event))
    page.on("console", lambda message: logged.append(message.text))

    def evaluate(asked: dict[str, Any]) -> dict[str, Any]:
        failed.clear()
        logged.clear()
        told: dict[str, Any] = page.evaluate(CLIENT, asked)
        return told

    def reports(_: dict[str, Any]) -> dict[str, Any]:
        page.wait_for_timeout(5)
        texts = [text for text in logged if any(it in text for it in TEXTS)]
        found = {"console": "\n".join(texts)}
        errors = [it["corsErrorStatus"] for it in failed if "corsErrorStatus" in it]
        if errors:
            found["reason"] = errors[-1]["corsError"]
            found["parameter"] = errors[-1]["failedParameter"]
        return found

    yield Page(evaluate, reports)
    context.close()


@pytest.fixture(scope="module")
def firefox(server: ScriptedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    firefox = Firefox(tmp_path_factory.mktemp("profile"))
    firefox.open(server.texts["page"] + "/")

    def reports(asked: dict[str, Any]) -> dict[str, Any]:
        time.sleep(0.005)
        place = asked["url"].rpartition("/")[0].partition("//")[2].partition("/")[2]
        return {"console": "\n".join(it for it in firefox.logged() if f"/{place}/" in it)}

    yield Page(lambda asked: firefox.evaluate(CLIENT, asked), reports)
    firefox.stop()


@pytest.fixture(scope="module")
def webkit(server: ScriptedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    webkit = WebKit(tmp_path_factory.mktemp("home"))
    webkit.open(server.texts["page"] + "/")
    yield Page(lambda asked: webkit.evaluate(CLIENT, asked))
    webkit.stop()


@pytest.fixture(scope="module", params=["chromium", "firefox", "webkit"])
def engine(request: pytest.FixtureRequest) -> tuple[str, Page]:
    return request.param, request.getfixturevalue(request.param)


@pytest.mark.parametrize("case", wpt(), ids=case_id)
def test_row(server: ScriptedServer, engine: tuple[str, Page], case: dict[str, Any]) -> None:
    model = play(case, server.texts, engine[0])
    results = run_case(case, server, engine[1], model)
    if engine[0] == "webkit" and case["id"] in NO_COOKIES:
        assert [real.wire[-1].cookie for real in results] == [None] * 3
        return
    for step, real, ours in zip(case["steps"], results, model, strict=True):
        assert bool(unexpected(step, real, server.texts)) is (case["id"] in DIFFERENT)
        assert not differences(step, ours, real)


@pytest.mark.parametrize("start", range(0, COUNT, 50))
def test_random_exchanges(server: ScriptedServer, engine: tuple[str, Page], start: int) -> None:
    found = {}
    for number in range(start, min(start + 50, COUNT)):
        case = random_case(number)
        if engine[0] == "webkit" and is_webkits_own(case):
            continue
        if engine[0] == "firefox" and number in FIREFOXS_OWN:
            continue
        model = play(case, server.texts, engine[0])
        results = run_case(case, server, engine[1], model)
        for step, real, ours in zip(case["steps"], results, model, strict=True):
            if differ := differences(step, ours, real):
                found[number] = (step["request"], differ)
    assert not found


def is_webkits_own(case: dict[str, Any]) -> bool:
    """Return whether WebKitGTK runs a case differently in ways that docs/testing.md names."""
    text = json.dumps(case)
    return "{next" in text or "BYTES=0-" in text or "use_preflight" in text
