"""Drive pages in a browser and read what the API's server recorded.

    test -> page of some origin -> client.js in it -> server of served.py

Results come back from both ends. The tests judge them, not this module.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Frame, Page, sync_playwright
from support.browser_side import covers
from support.servers import ask

CLIENT = (Path(__file__).parent / "client.js").read_text("utf-8")
EXECUTABLES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def executable() -> str:
    found = [os.environ.get("CHROMIUM"), *map(shutil.which, EXECUTABLES)]
    for path in filter(None, found):
        return path
    raise AssertionError(f"no browser: none of {', '.join(EXECUTABLES)} is there, nor $CHROMIUM")


# The ports of the pages' origins in the matrix.
PAGE_PORTS = (80, 8001, 8002, 8003)


@contextlib.contextmanager
def chromium(pages: int) -> Iterator[Browser]:
    """Run a browser that resolves every name to this machine and sends page ports to `pages`."""
    rules = [f"MAP *:{port} 127.0.0.1:{pages}" for port in PAGE_PORTS]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable(),
            chromium_sandbox=False,  # root cannot use the sandbox, and all pages are ours
            args=["--host-resolver-rules=" + ", ".join([*rules, "MAP *.test 127.0.0.1"])],
        )
        yield browser
        browser.close()


class Api:
    """One server, as tests see it."""

    def __init__(self, port: int) -> None:
        self._port = port

    def url(self, path: str, host: str = "api.example.test") -> str:
        return f"http://{host}:{self._port}{path}"

    def seen(self, prefix: str) -> list[Any]:
        """Return the exchanges under `prefix` so far."""
        return [
            Exchange(**seen) for seen in json.loads(ask(self._port, "GET", f"/-/seen{prefix}").body)
        ]


class Exchange:
    """One request as it arrived, with its response. Names are in lower case."""

    def __init__(self, method: str, path: str, asked: Any, status: int, told: Any) -> None:
        self.method, self.path, self.status = method, path, status
        self.asked = dict(asked)
        self._told = told

    @property
    def is_preflight(self) -> bool:
        return self.method == "OPTIONS" and "access-control-request-method" in self.asked

    @property
    def covers(self) -> bool:
        """Whether the answer to this preflight allows the request that it asks for."""
        method = self.asked["access-control-request-method"]
        names = self.asked.get("access-control-request-headers")
        return 200 <= self.status <= 299 and covers(self._told, method, names)

    def told(self, name: str) -> list[str]:
        """Return the lines of one field of the response."""
        return [value for key, value in self._told if key == name]


class Tabs:
    """Pages of any origin, one for each, that share their caches and cookies."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self._pages: dict[str, Page] = {}
        self._frames: dict[str, Frame] = {}

    def of(self, origin: str) -> Page:
        if origin not in self._pages:
            self._pages[origin] = self.context.new_page()
            self._pages[origin].goto(origin + "/")
            assert self._pages[origin].evaluate("origin") == origin
        return self._pages[origin]

    def frame(self, parent: str, attributes: str) -> Frame:
        """Return an iframe with an opaque origin, and with these attributes."""
        if attributes not in self._frames:
            page = self.of(parent)
            page.evaluate(
                """(attributes) => new Promise((resolve) => {
                    const template = document.createElement("template");
                    template.innerHTML = `<iframe ${attributes}></iframe>`;
                    template.content.firstChild.onload = resolve;
                    document.body.append(template.content);
                })""",
                attributes,
            )
            self._frames[attributes] = page.frames[-1]
            assert self._frames[attributes].evaluate("origin") == "null"
        return self._frames[attributes]


def run(page: Page | Frame, url: str, api: str = "fetch", **asked: Any) -> dict[str, Any]:
    """Have client.js request `url`; options that it does not know are passed to fetch."""
    own = {name: asked.pop(name) for name in ("cors", "upload", "type") if name in asked}
    told: dict[str, Any] = page.evaluate(CLIENT, {"api": api, "url": url, "init": asked, **own})
    return told
