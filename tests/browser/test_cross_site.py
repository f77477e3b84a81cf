"""`cross_site="refuse"` under a real server, with Chromium and Firefox: what arrives, the verdict.

The rows are those of web-platform-tests (corpus/wpt-fetch-metadata.jsonl) and `MORE`. Each row is
one page, which sends its request to the ASGI and the WSGI middleware, under a policy without the
page's origin and under one with it. The server speaks HTTP/2 where it has TLS.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from browser.cross_site import HOSTS
from browser.firefox import Firefox
from browser.scripted import certificate
from corpus import rows
from playwright.sync_api import Browser
from support.servers import Server, ask, free_port

pytestmark = pytest.mark.browser

SERVER = "-m hypercorn --workers 0 --certfile {} --keyfile {} --bind 127.0.0.1:{} --insecure-bind"
TARGETS = [(it, policy) for it in ("asgi", "wsgi") for policy in ("closed", "listed")]


def row(
    name: str,
    client: str,
    method: str,
    page: str,
    to: str,
    expect: tuple[str | None, str | None, bool, bool],
    **more: Any,
) -> dict[str, Any]:
    names = ("sec_fetch_site", "origin", "refused", "refused_if_listed")
    found = dict(zip(names, expect, strict=True))
    return {"id": name, "client": client, "method": method, "page": page, "hops": [to]} | {
        **more,
        "expect": found,
    }


HTTPS, SAME_SITE, CROSS_SITE, HTTP = (
    "httpsOrigin",
    "httpsSameSite",
    "httpsCrossSite",
    "httpOrigin",
)
SANDBOX = 'sandbox="allow-scripts allow-forms"'
OPAQUE = ("cross-site", "null", True, True)
FORGED = ("cross-site", "{page}", True, False)
OWN = ("same-origin", "{page}", False, False)
MORE = [
    row("more-fetch-same-origin", "fetch", "POST", HTTPS, HTTPS, OWN, mode="cors"),
    row("more-fetch-put-same-origin", "fetch", "PUT", HTTPS, HTTPS, OWN, mode="cors"),
    row(
        "more-fetch-same-site",
        "fetch",
        "POST",
        HTTPS,
        SAME_SITE,
        ("same-site", "{page}", True, False),
        mode="cors",
    ),
    row("more-fetch-cross-site", "fetch", "POST", HTTPS, CROSS_SITE, FORGED, mode="cors"),
    row("more-fetch-no-cors", "fetch", "POST", HTTPS, CROSS_SITE, FORGED, mode="no-cors"),
    row("more-xhr", "xhr", "POST", HTTPS, CROSS_SITE, FORGED),
    row("more-beacon", "beacon", "POST", HTTPS, CROSS_SITE, FORGED),
    # Pages with an opaque origin, also if they are of the same server.
    row("more-sandbox-form", "form", "POST", HTTPS, CROSS_SITE, OPAQUE, frame=SANDBOX),
    row("more-sandbox-form-own", "form", "POST", HTTPS, HTTPS, OPAQUE, frame=SANDBOX),
    row("more-sandbox-cors", "fetch", "POST", HTTPS, HTTPS, OPAQUE, frame=SANDBOX, mode="cors"),
    row(
        "more-sandbox-no-cors",
        "fetch",
        "POST",
        HTTPS,
        HTTPS,
        OPAQUE,
        frame=SANDBOX,
        mode="no-cors",
    ),
    # Between http and https of one host. Without TLS there is no Sec-Fetch-Site.
    row("more-http-to-https", "form", "POST", HTTP, HTTPS, FORGED),
    row("more-https-to-http", "form", "POST", HTTPS, HTTP, (None, "null", True, True)),
    # A proxy that writes its own Host. Without TLS only a listed origin helps.
    row("more-proxied", "form", "POST", HTTPS, HTTPS, OWN, proxied=True),
    row("more-proxied-cross-site", "form", "POST", HTTPS, CROSS_SITE, FORGED, proxied=True),
    row(
        "more-proxied-http",
        "form",
        "POST",
        HTTP,
        HTTP,
        (None, "{page}", True, False),
        proxied=True,
    ),
]
ROWS = [*rows("wpt-fetch-metadata.jsonl"), *MORE]
# Where browsers differ from the standards: what arrives, and the verdicts.
# Chromium's navigations have the Origin null after any redirect to another origin, and its no-cors
# fetches ignore the referrer policy.
DIFFERENT = {
    ("form-post-upgrade", "chromium"): OPAQUE,
    ("form-post-same-origin-to-same-site", "chromium"): ("same-site", "null", True, True),
    ("form-post-same-origin-to-cross-site", "chromium"): OPAQUE,
    ("origin-no-referrer-same-origin-no-cors", "chromium"): OWN,
    ("origin-no-referrer-same-origin-cors", "chromium"): OWN,
    ("origin-no-referrer-same-origin-cors", "firefox"): OWN,
    ("origin-no-referrer-cross-origin-no-cors", "chromium"): FORGED,
    ("origin-same-origin-cross-origin-no-cors", "chromium"): FORGED,
}
# Chromium asks its user before it sends a form from https to http.
NOT_SENT = {("form-post-mixed", "chromium"), ("more-https-to-http", "chromium")}
CASES = [
    pytest.param(case, engine, id=f"{case['id']}-{engine}")
    for case in ROWS
    for engine in ("chromium", "firefox")
    if (case["id"], engine) not in NOT_SENT
]

Open = Callable[[str], None]


class Site:
    """The server under all of its names."""

    def __init__(self, server: Server, tls: int) -> None:
        self.server = server
        self._ports = {"https": tls, "http": server.port}

    def origin(self, role: str) -> str:
        scheme = "https" if role.startswith("https") else "http"
        return f"{scheme}://{HOSTS[role.removeprefix(scheme)]}:{self._ports[scheme]}"

    def chain(self, case: dict[str, Any], path: str) -> str:
        """Return the first URL of a row, which redirects to the next one."""
        *before, last = map(self.origin, case["hops"])
        url = last + path
        for origin in reversed(before):
            url = f"{origin}/hop?{quote(url, safe='')}"
        return url

    def page(self, case: dict[str, Any], name: str) -> str:
        end = "/proxied" if case.get("proxied") else ""
        paths = [f"/{name}/{interface}/{policy}{end}" for interface, policy in TARGETS]
        action = {
            "client": case["client"],
            "method": case["method"],
            "mode": case.get("mode", "cors"),
            "frame": case.get("frame", ""),
            "windows": any(role.startswith("http") and "s" not in role[4] for role in case["hops"]),
            "urls": [self.chain(case, path) for path in paths],
        }
        if "referrer_policy" in case:
            name = "pagePolicy" if case["client"] == "form" else "referrerPolicy"
            action[name] = case["referrer_policy"]
        return f"{self.origin(case['page'])}/page?{quote(json.dumps(action), safe='')}"

    def seen(self, name: str, count: int) -> list[Any]:
        """Return the requests of a row, once there are as many as expected."""
        for _ in range(200):
            found: list[Any] = json.loads(ask(self.server.port, "GET", f"/-/seen/{name}/").body)
            if len(found) >= count:
                break
            time.sleep(0.05)
        return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("cross-site")
    tls, files = free_port(), certificate(folder)
    command = SERVER.format(*files, tls) + " 127.0.0.1:{port} browser.cross_site:app"
    with Server(command, "native", folder / "log") as server:
        yield Site(server, tls)


@pytest.fixture(scope="module")
def chromium(browser: Browser) -> Iterator[Open]:
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()

    def navigate(url: str) -> None:
        for window in context.pages[1:]:
            window.close()
        page.goto(url)

    yield navigate
    context.close()


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    preferences = {
        "network.dns.localDomains": ",".join(HOSTS.values()),
        "dom.disable_open_during_load": False,
        "security.warn_submit_secure_to_insecure": False,
        # Its streams stall in Hypercorn. Chromium uses HTTP/2.
        "network.http.http2.enabled": False,
    }
    firefox = Firefox(tmp_path_factory.mktemp("profile"), preferences)
    yield firefox.open
    firefox.stop()


@pytest.mark.parametrize(("case", "engine"), CASES)
def test_row(site: Site, case: dict[str, Any], engine: str, request: Any) -> None:
    name = f"{case['id']}-{engine}"
    for _ in range(3):  # Firefox sometimes sends only some of the forms
        request.getfixturevalue(engine)(site.page(case, name))
        found = {seen["path"]: seen for seen in site.seen(name, len(TARGETS))}
        if len(found) == len(TARGETS):
            break
    assert len(found) == len(TARGETS), found
    expect = DIFFERENT.get((case["id"], engine), tuple(case["expect"].values()))
    *wanted, refused, refused_if_listed = expect
    for path, seen in found.items():
        asked = dict(seen["asked"])
        assert seen["method"] == case["method"]
        arrives = [asked.get("sec-fetch-site"), asked.get("origin")]
        assert arrives == [
            it and it.replace("{page}", site.origin(case["page"])) for it in wanted
        ], path
        if case["method"] != "OPTIONS":  # the policy answers preflights
            stops = refused if "closed" in path else refused_if_listed
            assert seen["status"] == (403 if stops else 200), path


@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_the_address_bar(site: Site, engine: str, request: Any) -> None:
    name = f"typed-{engine}"
    request.getfixturevalue(engine)(f"{site.origin(HTTPS)}/{name}/asgi/closed")
    (seen,) = site.seen(name, 1)
    asked = dict(seen["asked"])
    assert (asked["sec-fetch-site"], asked.get("origin"), seen["status"]) == ("none", None, 200)
