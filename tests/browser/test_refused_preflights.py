"""Refused preflights in Chromium, whose report names what is missing.

testing/test_refused_preflights.py runs the same cases in the browser of corsfast.testing.
"""

from __future__ import annotations

from typing import Any

import pytest
from browser.chromium import Api, Tabs, run
from corpus import case_id
from support.refused_preflights import CASES

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("protocol", ["asgi", "wsgi"])
@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_chromium_names_what_is_missing(
    shared: Tabs, apis: dict[str, Api], case: dict[str, Any], protocol: str
) -> None:
    api, page = apis[protocol], shared.of(case["page"])
    cdp = shared.context.new_cdp_session(page)
    cdp.send("Network.enable")
    failed: list[Any] = []
    cdp.on("Network.loadingFailed", lambda event: failed.append(event))
    told = run(page, api.url(f"/{case['id']}/text"), **case["request"])
    # The report may arrive after the rejection.
    for _ in range(200):
        reports = [event["corsErrorStatus"] for event in failed if "corsErrorStatus" in event]
        if reports:
            break
        page.wait_for_timeout(10)
    cdp.detach()
    assert told["outcome"] == "rejected"
    assert {(it["corsError"], it["failedParameter"]) for it in reports} == {
        (case["error"], case["parameter"])
    }
    assert [exchange.method for exchange in api.seen(f"/{case['id']}/")] == ["OPTIONS"]
