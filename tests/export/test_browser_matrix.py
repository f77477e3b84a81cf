"""The browser matrix in a real browser, with each proxy in front of an application without CORS.

    page -> recorder -> proxy with the policy of the case -> application

The tests are those of browser/test_matrix.py. They check what the page may read, and what was sent.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from threading import Lock

import pytest
from browser import test_matrix as matrix
from browser.chromium import Api, Exchange, Tabs, chromium
from browser.served import Recorder, answer, policy_of
from export.compared import ALLOW_ORIGIN
from export.proxies import PROXIES, Handler, running, send_to, upstream
from playwright.sync_api import Browser
from support.servers import Server

from corsfast.export import TARGETS, ExportError
from corsfast.testing import RawResponse, Request

pytestmark = pytest.mark.browser

PAGES = "-m uvicorn --lifespan off --log-level warning --port {port} browser.served:pages"
# Cases that no proxy runs, each with the reason.
NO_PROXY = {
    **dict.fromkeys(matrix.NO_POLICY, "there is no valid policy"),
    **matrix.NEED_TLS,
    "b88": "a WebSocket, which proxies pass on",
}
# The cases whose policy a target cannot express: a status; Timing-Allow-Origin; `*` in
# Access-Control-Allow-Headers without Authorization; patterns; `*` with credentials.
LEFT = {
    "apache": {"b56"},
    "envoy": {"b77"},
    "traefik": {"b77", "b46", "b47", "b48"},
    "lighttpd": {"b08", "b09", "b10", "b11", "b12", "b13", "b14", "b24", "b31", "b41", "b47"},
}
# The cases with the method CHICKEN. These programs answer 501 to it, without the headers.
DIFFERENT = {"cloudflare-worker": {"b40", "b41"}, "lighttpd": {"b40"}}
APART: dict[str, Callable[[Tabs, Api], None]] = {
    "b64": matrix.test_no_max_age_is_five_seconds,
    "b66": matrix.test_a_preflight_is_of_one_credentials_mode,
    "b67": matrix.test_an_image_first,
    "b68": matrix.test_two_origins_and_one_cache,
    "b77": matrix.test_timing,
    "b85": matrix.test_beacon,
    "b86": matrix.test_a_form_is_no_cors_request,
}


def end_to_end(fields: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the fields that are not about one connection."""
    others = {"host", "connection", "keep-alive", "content-length", "transfer-encoding"}
    return tuple((name, value) for name, value in fields if name.lower() not in others)


class ProxyApi(Api):
    """An API whose responses are in the words of the middleware where others mean the same."""

    def seen(self, prefix: str) -> list[Exchange]:
        return list(map(self._reworded, super().seen(prefix)))

    @staticmethod
    def _reworded(exchange: Exchange) -> Exchange:
        asked, status = exchange.asked, exchange.status
        (allowed,) = exchange.told(ALLOW_ORIGIN) or [None]
        vary = {name.strip().title() for line in exchange.told("vary") for name in line.split(",")}
        # These differ only in preflights, which no cache stores.
        vary -= {"Access-Control-Request-Method", "Access-Control-Request-Headers"}
        any_origin = policy_of(exchange.path.split("/")[1]).options()["allow_origins"] == ["*"]
        if any_origin and allowed == asked.get("origin") and "Origin" in vary:
            allowed, vary = "*", vary - {"Origin"}
        if exchange.is_preflight and allowed is None and status == 200:
            status = 403
        told = [pair for pair in exchange._told if pair[0] not in (ALLOW_ORIGIN, "vary")]
        told += [(ALLOW_ORIGIN, allowed)] * (allowed is not None)
        told += [("vary", name) for name in sorted(vary)]
        return Exchange(exchange.method, exchange.path, asked, status, told)


class Proxies:
    """The proxies of one target, one for each policy. One of them runs at a time."""

    def __init__(self, target: str, texts: dict[str, str], folder: Path, behind: int) -> None:
        self._start = partial(running, target, behind=behind)
        self._texts, self._folder = texts, folder
        self._lock, self._stack = Lock(), contextlib.ExitStack()
        self._text, self._port, self._started = "", 0, 0

    def __contains__(self, case: str) -> bool:
        return case in self._texts

    def port(self, case: str) -> int:
        """Return the port of a proxy with the policy of a case."""
        with self._lock:
            if self._texts[case] != self._text:
                self.stop()
                self._text, text = "", self._texts[case]
                self._started += 1
                proxy = self._start(text=text, folder=self._folder / str(self._started))
                self._port = self._stack.enter_context(proxy)
                self._text = text
            return self._port

    def stop(self) -> None:
        self._stack.close()


class Application(Handler):
    def answer(self, body: bytes) -> RawResponse:
        if self.path == "/":
            return super().answer(body)
        status, fields, sent = answer(self.path)
        return RawResponse(status, end_to_end(fields), sent)


def recording(proxies: Proxies) -> type[Handler]:
    """Return the server that the browser sees, which records what it passes to the proxies."""
    recorder = Recorder()

    class Recording(Handler):
        def answer(self, body: bytes) -> RawResponse:
            record = recorder.under(self.path)
            if record is not None or self.path == "/":
                return RawResponse(200, (), record or b"ready")
            case = self.path.split("/")[1]
            if case not in proxies:
                return RawResponse(404)  # the icon of a page
            asked = self.headers.items()
            request = Request(self.command, f"http://api{self.path}", end_to_end(asked), body)
            got = send_to(proxies.port(case))(request)
            recorder.note(self.command, self.path, asked, got.status, got.headers)
            return got._replace(headers=end_to_end(got.headers))

    return Recording


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    log = tmp_path_factory.mktemp("pages") / "log"
    with Server(PAGES, "native", log) as pages, chromium(pages.port) as browser:
        yield browser


@pytest.mark.parametrize("target", PROXIES)
def test_browser_matrix(target: str, browser: Browser, tmp_path: Path) -> None:
    texts, left, equal, wrong = {}, set(), set(), {}
    for case in matrix.CASES.keys() - NO_PROXY.keys():
        try:
            texts[case] = TARGETS[target](policy_of(case))
        except ExportError:
            left.add(case)
    with contextlib.ExitStack() as stack:
        behind = stack.enter_context(upstream(Application))
        proxies = Proxies(target, texts, tmp_path, behind)
        stack.callback(proxies.stop)
        api = ProxyApi(stack.enter_context(upstream(recording(proxies))))
        tabs = Tabs(stack.enter_context(contextlib.closing(browser.new_context())))
        for case in sorted(texts, key=lambda case: texts[case]):
            try:
                if case in APART:
                    APART[case](tabs, api)
                else:
                    matrix.test_page_reads(tabs, api, matrix.CASES[case])
                equal.add(case)
            except AssertionError as error:
                wrong[case] = str(error)
    print(f"{target}: {len(equal)} cases equal, {sorted(left)} cannot be expressed,")
    print(f"{sorted(wrong)} different, {sorted(NO_PROXY)} for no proxy")
    assert wrong.keys() == DIFFERENT.get(target, set()), wrong
    assert left == LEFT.get(target, set())
    assert {*equal, *left, *wrong, *NO_PROXY} == matrix.CASES.keys()
