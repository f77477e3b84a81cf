"""Drive WebKitGTK's MiniBrowser with its WebDriver, on a display of Xvfb.

    apt-get install webkit2gtk-driver xvfb

The console of the page is not part of WebDriver, so only the wire and JavaScript are seen.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from support.servers import free_port

# The sandbox needs rights that containers do not give, and all pages are ours.
ENVIRONMENT = {"WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1", "LIBGL_ALWAYS_SOFTWARE": "1"}


def browser() -> str:
    found = sorted(Path("/usr").glob("lib/*/webkit2gtk-4*/MiniBrowser"))
    assert found, "no browser: there is no MiniBrowser of WebKitGTK"
    return str(found[-1])


class WebKit:
    """A MiniBrowser with one page."""

    def __init__(self, folder: Path) -> None:
        for name in ("Xvfb", "WebKitWebDriver"):
            assert shutil.which(name), f"{name} is not installed"
        read, write = os.pipe()
        silent: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._display = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x600x24"],
            pass_fds=[write],
            **silent,
        )
        os.close(write)
        with os.fdopen(read) as numbers:
            display = numbers.readline().strip()
        environment = {**os.environ, **ENVIRONMENT, "DISPLAY": f":{display}", "HOME": str(folder)}
        port = free_port()
        self._driver = subprocess.Popen(
            ["WebKitWebDriver", f"--port={port}"], env=environment, **silent
        )
        self._address = f"http://127.0.0.1:{port}/session"
        options = {"binary": browser(), "args": ["--automation"]}
        wanted = {"acceptInsecureCerts": True, "webkitgtk:browserOptions": options}
        self._address += "/" + self._start({"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        self._call("POST", "/timeouts", {"script": 30_000})

    def _start(self, wanted: Any) -> Any:
        for _ in range(200):
            try:
                return self._call("POST", "", wanted)
            except urllib.error.URLError:
                time.sleep(0.1)
        raise AssertionError("WebKitWebDriver did not start")

    def stop(self) -> None:
        self._call("DELETE", "")
        for process in (self._driver, self._display):
            process.terminate()
            process.wait(30)

    def open(self, url: str) -> None:
        self._call("POST", "/url", {"url": url})

    def evaluate(self, function: str, argument: dict[str, Any]) -> dict[str, Any]:
        """Call an asynchronous function in the page and return its result."""
        script = (
            "const [text, done] = arguments;"
            f"({function})(JSON.parse(text)).then((told) => done(JSON.stringify(told)));"
        )
        body = {"script": script, "args": [json.dumps(argument)]}
        told: dict[str, Any] = json.loads(self._call("POST", "/execute/async", body))
        return told

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, data, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)["value"]
