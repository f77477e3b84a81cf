"""Each drop-in under a real server, called by pages of a real browser.

All of them have the policy of served.POLICY, in the words of the library that they replace. The
results of a page must not depend on the drop-in.
"""

from __future__ import annotations

from typing import Any

import pytest
from browser.chromium import Api, Tabs, run
from browser.served import APP

pytestmark = pytest.mark.browser

OTHER = "http://other.test:8001"
LOOKALIKE = "http://app.example.test.evil.test:8001"
REJECTED = {"outcome": "rejected", "error": "TypeError"}


@pytest.fixture(scope="module", params=["starlette", "fastapi", "flask", "django", "django-asgi"])
def api(request: pytest.FixtureRequest, apis: dict[str, Api]) -> Api:
    return apis[request.param]


@pytest.fixture
def path(request: pytest.FixtureRequest) -> str:
    """Return a URL used by this test only, so that tests share no cache entry and no record."""
    return f"/{request.node.originalname}"


def test_allowed(shared: Tabs, api: Api, path: str) -> None:
    told = run(shared.of(APP), api.url(path))
    assert (told["outcome"], told["status"], told["body"]) == ("resolved", 200, "hello")
    assert told["headers"]["x-id"] == "1"
    assert "x-other" not in told["headers"]
    assert [exchange.method for exchange in api.seen(path)] == ["GET"]


@pytest.mark.parametrize("origin", [OTHER, LOOKALIKE, "http://app.example.test:8002"])
def test_refused(shared: Tabs, api: Api, path: str, origin: str) -> None:
    assert run(shared.of(origin), api.url(path)) == REJECTED
    assert api.seen(path)[-1].status == 200  # the application ran, but the page cannot read it


def test_null(shared: Tabs, api: Api, path: str) -> None:
    frame = shared.frame(APP, 'sandbox="allow-scripts" src="/frame"')
    assert run(frame, api.url(path)) == REJECTED
    assert api.seen(path)[-1].asked["origin"] == "null"


def test_credentials(fresh: Tabs, api: Api, path: str) -> None:
    fresh.context.add_cookies([{"name": "who", "value": "1", "url": api.url(path)}])
    told = run(fresh.of(APP), api.url(path), credentials="include", method="PUT")
    assert told["outcome"] == "resolved"
    preflight, actual = api.seen(path)
    assert "cookie" not in preflight.asked
    assert actual.asked["cookie"] == "who=1"
    assert run(fresh.of(OTHER), api.url(path), credentials="include") == REJECTED


@pytest.mark.parametrize(
    ("asked", "outcome"),
    [
        ({"method": "PUT"}, "resolved"),
        ({"method": "DELETE"}, "rejected"),
        ({"headers": [["X-Token", "1"]]}, "resolved"),
        ({"headers": [["X-Token", "1"], ["X-Foreign", "2"]]}, "rejected"),
        ({"method": "PUT", "headers": [["X-Foreign", "2"]]}, "rejected"),
    ],
    ids=["method", "other-method", "header", "other-header", "method-and-other-header"],
)
def test_preflight(shared: Tabs, api: Api, path: str, asked: dict[str, Any], outcome: str) -> None:
    before = len(api.seen(path))
    told = run(shared.of(APP), f"{api.url(path)}/{len(asked)}{before}", **asked)
    assert told["outcome"] == outcome
    method = asked.get("method", "GET")
    wanted = ["OPTIONS", method] if outcome == "resolved" else ["OPTIONS"]
    assert [exchange.method for exchange in api.seen(path)[before:]] == wanted
    assert run(shared.of(OTHER), f"{api.url(path)}/{len(asked)}{before}", **asked) == REJECTED
    assert api.seen(path)[-1].method == "OPTIONS"


def test_a_preflight_is_remembered(shared: Tabs, api: Api, path: str) -> None:
    for _ in range(3):
        assert run(shared.of(APP), api.url(path), method="PUT")["outcome"] == "resolved"
    seen = api.seen(path)
    assert [exchange.method for exchange in seen] == ["OPTIONS", "PUT", "PUT", "PUT"]
    # Without the field it would be cached as well, but not for long.
    assert seen[0].told("access-control-max-age") == ["600"]
