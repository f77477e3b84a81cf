"""`cross_site="refuse"` on the requests that web-platform-tests describe.

browser/test_cross_site.py sends the same requests from real browsers.
"""

from __future__ import annotations

from typing import Any

import pytest
from corpus import case_id, rows

HOSTS = {
    "Origin": "web-platform.test",
    "SameSite": "www.web-platform.test",
    "CrossSite": "not-web-platform.test",
}
PORTS = {"https": 8443, "http": 8000}


def origin_of(role: str) -> str:
    scheme = "https" if role.startswith("https") else "http"
    return f"{scheme}://{HOSTS[role.removeprefix(scheme)]}:{PORTS[scheme]}"


@pytest.mark.parametrize("listed", [False, True], ids=["closed", "listed"])
@pytest.mark.parametrize("case", rows("wpt-fetch-metadata.jsonl"), ids=case_id)
def test_row(Policy: Any, door: Any, case: dict[str, Any], listed: bool) -> None:
    expect, page = case["expect"], origin_of(case["page"])
    origins = [page] if listed else ["https://trusted.example"]
    headers = {"host": origin_of(case["hops"][-1]).partition("://")[2]}
    if expect["origin"] is not None:
        headers["origin"] = expect["origin"].replace("{page}", page)
    if expect["sec_fetch_site"] is not None:
        headers["sec_fetch_site"] = expect["sec_fetch_site"]
    ask = door.around(Policy(allow_origins=origins), cross_site="refuse")
    refused = expect["refused_if_listed" if listed else "refused"]
    assert ask(case["method"], "/", **headers).status == (403 if refused else 200)


def test_rows_decide_both_ways() -> None:
    found = [case["expect"] for case in rows("wpt-fetch-metadata.jsonl")]
    verdicts = {(it["refused"], it["refused_if_listed"]) for it in found}
    assert (len(found), verdicts) == (73, {(False, False), (True, False), (True, True)})
