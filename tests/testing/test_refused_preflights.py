"""Refused preflights in the browser of corsfast.testing, which names what is missing.

browser/test_refused_preflights.py runs the same cases in Chromium.
"""

from __future__ import annotations

from typing import Any

import pytest
from browser import served
from corpus import case_id
from support.refused_preflights import CASES

from corsfast.testing import Browser, CORSError

API = "http://api.example.test:8000"
APPS = {"asgi": served.asgi_matrix, "wsgi": served.wsgi_matrix}


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_error_names_what_is_missing(case: dict[str, Any], app: str) -> None:
    with pytest.raises(CORSError) as caught:
        Browser(case["page"]).fetch(
            {API: APPS[app]}, url=f"{API}/{case['id']}/text", **case["request"]
        )
    failure = caught.value.failure
    assert (failure.reason, failure.parameter) == (case["error"], case["parameter"])
    assert len(caught.value.exchanges) == 1
