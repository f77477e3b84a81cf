"""What Chromium sends is recorded as HAR, and `corsfast learn` finds the policy that it needs.

    RECORD=tests/cli/chromium.har pytest tests/browser/test_recording.py

writes the recording that cli/test_learn.py reads without a browser.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from browser.chromium import Api, Tabs, run
from browser.served import APP

from corsfast.__main__ import main

pytestmark = pytest.mark.browser

OTHER = "http://other.example.test:8001"
# Headers that name the browser, and have no meaning for CORS.
LEFT_OUT = ("user-agent", "sec-ch-ua", "accept-language", "server", "date")


class Recorder:
    """Collects the network events of pages, and writes them as HAR."""

    def __init__(self) -> None:
        self._requests: dict[str, dict[str, Any]] = {}

    def watch(self, tabs: Tabs, origin: str) -> Any:
        page = tabs.of(origin)
        session = tabs.context.new_cdp_session(page)
        session.send("Network.enable")
        for name in ("requestWillBeSent", "requestWillBeSentExtraInfo", "responseReceived"):
            session.on(f"Network.{name}", lambda event, name=name: self._keep(name, event))
        session.on("Network.responseReceivedExtraInfo", lambda event: self._keep("answered", event))
        return page

    def _keep(self, name: str, event: dict[str, Any]) -> None:
        self._requests.setdefault(event["requestId"], {})[name] = event

    def har(self, port: int) -> str:
        """Return the recording, with the API at its usual port."""
        begun = [it for it in self._requests.values() if "requestWillBeSent" in it]
        entries = [_entry(events) for events in begun]  # others began before the recording
        found = {"version": "1.2", "creator": {"name": "test", "version": "1"}, "entries": entries}
        return json.dumps({"log": found}, indent=1).replace(f"example.test:{port}", "example.test")


def _entry(events: dict[str, Any]) -> dict[str, Any]:
    request = events["requestWillBeSent"]["request"]
    sent = events.get("requestWillBeSentExtraInfo", request)["headers"]
    answered = events.get("answered", {"statusCode": 0, "headers": {}})
    return {
        "startedDateTime": "2026-01-01T00:00:00Z",
        "request": {"method": request["method"], "url": request["url"], "headers": _headers(sent)},
        "response": {"status": answered["statusCode"], "headers": _headers(answered["headers"])},
    }


def _headers(headers: dict[str, str]) -> list[dict[str, str]]:
    return [
        {"name": name, "value": value}
        for name, value in headers.items()
        if not name.lower().startswith(LEFT_OUT)
    ]


def test_chromium_is_recorded_and_learned_from(
    fresh: Tabs,
    apis: dict[str, Api],
    ports: dict[str, int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    api = apis["starlette"]
    url = api.url("/text")
    fresh.context.add_cookies([{"name": "session", "value": "1", "url": url}])
    recorder = Recorder()
    page = recorder.watch(fresh, APP)
    told = run(page, url, method="PUT", headers={"x-token": "1"}, credentials="include")
    assert told["outcome"] == "resolved", told
    other = recorder.watch(fresh, OTHER)
    assert run(other, url)["outcome"] == "rejected"
    page.wait_for_timeout(500)  # for events that are late
    recording = Path(os.environ.get("RECORD") or tmp_path / "chromium.har")
    recording.write_text(recorder.har(ports["starlette"]) + "\n", "utf-8")
    assert main(["learn", str(recording), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["options"] == {
        "allow_origins": [APP],
        "allow_methods": ["PUT"],
        "allow_headers": ["x-token"],
        "expose_headers": ["x-id"],
        "allow_credentials": True,
    }
    assert found["only_refused"]["allow_origins"] == {OTHER: 1}
