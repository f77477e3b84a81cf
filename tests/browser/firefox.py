"""Drive Firefox over WebDriver BiDi, which it speaks itself: https://w3c.github.io/webdriver-bidi/

Playwright needs a Firefox of its own, so it cannot drive the one of a distribution.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

EXECUTABLES = ("firefox-esr", "firefox")
# No request but those of the page; and a console that is written to standard output.
PREFERENCES = {
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "remote.log.level": "Info",
}


def executable() -> str:
    found = [os.environ.get("FIREFOX"), *map(shutil.which, EXECUTABLES)]
    for path in filter(None, found):
        return path
    raise AssertionError(f"no browser: none of {', '.join(EXECUTABLES)} is there, nor $FIREFOX")


class Firefox:
    """A headless Firefox with one page, in a profile of its own."""

    def __init__(self, folder: Path, preferences: dict[str, Any] | None = None) -> None:
        given = {**PREFERENCES, **(preferences or {})}
        lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in given.items()]
        (folder / "user.js").write_text("\n".join(lines))
        self._ids = itertools.count(1)
        self._events: list[dict[str, Any]] = []
        self._process = subprocess.Popen(
            [
                executable(),
                *("--headless", "--no-remote", "--profile", str(folder)),
                *("--remote-debugging-port", "0"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._stack = contextlib.ExitStack()
        connecting = connect(self._address(folder) + "/session", max_size=None)
        self._socket = self._stack.enter_context(connecting)
        capabilities = {"alwaysMatch": {"acceptInsecureCerts": True}}
        self._call("session.new", capabilities=capabilities)
        self._call("session.subscribe", events=["log.entryAdded"])
        (tree,) = self._call("browsingContext.getTree")["contexts"]
        self._context = tree["context"]

    @staticmethod
    def _address(folder: Path) -> str:
        """Return the address of the debugging server, which Firefox writes to its profile."""
        file = folder / "WebDriverBiDiServer.json"
        for _ in range(600):
            if file.exists() and (text := file.read_text()):
                found = json.loads(text)
                return f"ws://{found['ws_host']}:{found['ws_port']}"
            time.sleep(0.1)
        raise AssertionError("Firefox did not start")

    def stop(self) -> None:
        with contextlib.suppress(WebSocketException):
            self._call("browser.close")
        self._stack.close()
        self._process.wait(30)

    def open(self, url: str) -> None:
        self._call("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def evaluate(self, function: str, argument: dict[str, Any]) -> dict[str, Any]:
        """Call an asynchronous function in the page; return its result and add the console."""
        self._events.clear()
        called = f"async (text) => JSON.stringify(await ({function})(JSON.parse(text)))"
        told = self._call(
            "script.callFunction",
            functionDeclaration=called,
            arguments=[{"type": "string", "value": json.dumps(argument)}],
            target={"context": self._context},
            awaitPromise=True,
        )
        result: dict[str, Any] = json.loads(told["result"]["value"])
        return result

    def logged(self) -> list[str]:
        """Return the texts in the console since the last call of `evaluate`."""
        self._call("session.status")
        return [str(it["params"].get("text")) for it in self._events]

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=60))
            if message.get("id") == number:
                assert message["type"] == "success", message
                result: dict[str, Any] = message["result"]
                return result
            self._events.append(message)
