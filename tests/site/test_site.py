"""The built site in a headless Chromium: scripts/docs builds it and runs these tests.

They need build/site, and Pyodide from npm in build/npm.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from types import FunctionType

import pytest
from browser.chromium import executable
from playwright.sync_api import Browser, Page, sync_playwright

DOCS = Path(__file__).parents[2] / "docs"
BUILD = DOCS.parent / "build"
SITE = BUILD / "site"
PYODIDE = BUILD / "npm" / "node_modules" / "pyodide"
PAGES = sorted(page.relative_to(SITE).as_posix() for page in SITE.rglob("*.html"))
# Words of code in the text do not break, so a long one would be cut off. Tables scroll.
TOO_WIDE = """() => document.documentElement.scrollWidth > innerWidth
    || [...document.querySelectorAll("article .pre")].some(
        word => !word.closest("table") && word.getBoundingClientRect().right > innerWidth)"""


class Handler(SimpleHTTPRequestHandler):
    def translate_path(self, path: str) -> str:
        if path.startswith("/pyodide/"):
            return str(PYODIDE / path.rpartition("/")[2])
        return super().translate_path(path)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    handler = functools.partial(Handler, directory=str(SITE))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable(),
            chromium_sandbox=False,  # root cannot use the sandbox, and all pages are ours
        )
        yield browser
        browser.close()


def new_page(browser: Browser) -> Page:
    page = browser.new_page()
    page.set_default_timeout(240_000)  # no test depends on the machine's load
    return page


def test_the_site_is_built() -> None:
    assert {"index.html", "api.html", "middleware/generic.html"} <= set(PAGES)


def test_the_reference_has_every_public_name() -> None:
    anchors = set(re.findall(r' id="(corsfast[\w.]*)"', (SITE / "api.html").read_text("utf-8")))
    source = (DOCS / "api.rst").read_text("utf-8")
    missing = []
    for module in re.findall(r"^\.\. automodule:: (.*)$", source, re.MULTILINE):
        names = []
        for name in import_module(module).__all__:
            value = getattr(import_module(module), name)
            names.append(name)
            if isinstance(value, type) and value.__module__.startswith("corsfast"):
                names += [f"{name}.{it}" for it in vars(value) if is_public_member(value, it)]
        missing += [it for it in names if f"{module}.{it}" not in anchors]
    assert missing == []


def is_public_member(cls: type, name: str) -> bool:
    """Attributes are in the docstring of their class, so they have no anchor."""
    return not name.startswith("_") and isinstance(vars(cls)[name], (FunctionType, property, cls))


def test_no_page_is_wider_than_the_screen(browser: Browser, url: str) -> None:
    page = new_page(browser)
    too_wide = []
    for name in PAGES:
        page.goto(url + name, wait_until="domcontentloaded")
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate(TOO_WIDE):
                too_wide.append((name, width))
    page.close()
    assert too_wide == []


def test_the_playground_checks_and_explains(browser: Browser, url: str) -> None:
    page = new_page(browser)
    page.goto(url + "playground.html")
    # The page names a content delivery network, which these tests do not ask.
    page.evaluate("document.getElementById('try-it').dataset.runtime = '/pyodide/'")

    def press(name: str) -> str:
        page.click(f"#try-it [name={name}]")
        page.wait_for_selector(f"#try-it [name={name}]:enabled")
        return page.inner_text("#try-it pre")

    assert "allows: https://eexample.com" in press("check")
    assert "[foreign-origin]" in press("explain")
    page.fill("#try-it textarea", 'allow_origins = ["https://app.example.com"]')
    assert "no problems: 1 entry" in press("check")
    shown = press("explain")
    assert "PUT from https://app.example.com:8443: refused" in shown
    assert "Add 'https://app.example.com:8443' to allow_origins." in shown
    page.close()
