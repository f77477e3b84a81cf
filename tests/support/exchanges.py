"""Exchanges as data, and the browser of corsfast.testing over them.

A case has steps. A step is one fetch of the page: `request` (options of fetch), `hops` (one for
each URL: where it is, and the response to a preflight and to the request), and what to `expect`.
The same cases run in real browsers: see browser/scripted.py. Text in braces is filled in:

    {page} {remote} {remote2} ...   an origin     {host} {parent}   the page's host, without a label
    {next} {nextuser}               the URL of the next hop; the same with a password
    {origin}                        the Origin of the request
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from corsfast.testing import Browser, CORSError, Exchange, FetchError, RawResponse, Request

# The names resolve to this machine in every browser. Pages and remote servers share a site,
# because cookies are Lax by default.
PORTS = {"page": 8001, "port": 8002, "remote": 8001, "remote2": 8002, "tls": 8443, "tls2": 8444}


def origins(ports: dict[str, int]) -> dict[str, str]:
    """Return the origins of the servers, and the other texts that cases refer to."""
    hosts = {"remote": "api.site.localhost", "remote2": "api2.site.localhost"}
    hosts["tls2"] = hosts["remote2"]
    found = {
        key: f"http{'s' * key.startswith('tls')}://{hosts.get(key, 'app.site.localhost')}:{port}"
        for key, port in ports.items()
    }
    host = urlsplit(found["page"]).netloc
    parent = host.partition(".")[2]
    return {**found, "host": host, "parent": parent, "PAGE": found["page"].upper()}


def filled(text: str, texts: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda name: texts.get(name[1], name[0]), text)


class Script:
    """The server of a step: a function from a request to its response."""

    def __init__(self, case: dict[str, Any], texts: dict[str, str]) -> None:
        self.case = case
        self.texts = texts
        self.step = 0

    def url(self, hop: int = 0) -> str:
        at = self.case["steps"][self.step]["hops"][hop]["at"]
        return f"{self.texts[at]}/{self.case['id']}/{hop}"

    def __call__(self, request: Request) -> RawResponse:
        hops = self.case["steps"][self.step]["hops"]
        place = int(urlsplit(request.url).path.rpartition("/")[2])
        asked = request.get("access-control-request-method")
        preflight = request.method == "OPTIONS" and asked is not None
        answer = hops[place].get("preflight" if preflight else "answer", {"status": 404})
        texts = {**self.texts, "origin": request.get("origin") or "none"}
        if place + 1 < len(hops):
            texts["next"] = self.url(place + 1)
            texts["nextuser"] = texts["next"].replace("://", "://user:pass@")
        headers = tuple((key, filled(value, texts)) for key, value in answer.get("headers", ()))
        return RawResponse(answer["status"], headers, answer.get("body", "hello").encode())


class Wire(NamedTuple):
    """The parts of a request on the wire that the tests compare."""

    method: str
    url: str
    origin: str | None
    asked_method: str | None
    asked_headers: str | None
    authorization: str | None
    cookie: str | None


WIRE_HEADERS = (
    "origin",
    "access-control-request-method",
    "access-control-request-headers",
    "authorization",
    "cookie",
)


def wire(request: Request) -> Wire:
    url = request.url.replace("user:pass@", "")  # not in a request
    return Wire(request.method, url, *(request.get(name) for name in WIRE_HEADERS))


class Seen(NamedTuple):
    """The result of a step: what JavaScript, the console and the server saw."""

    outcome: str
    wire: tuple[Wire, ...]
    status: int | None = None
    type: str | None = None
    headers: dict[str, str] | None = None
    body: str | None = None
    # Only where a request is refused:
    reason: str | None = None
    parameter: str = ""
    console: str | None = None


def options_of(request: dict[str, Any]) -> dict[str, Any]:
    """Return the options of `Browser.fetch` for the request of a case."""
    names = ("headers", "body", "mode", "credentials", "redirect", "use_preflight")
    return {name: request[name] for name in names if name in request}


def play(case: dict[str, Any], texts: dict[str, str], engine: str = "chromium") -> list[Seen]:
    """Run a case in the browser of corsfast.testing."""
    browser, script, results = Browser(texts["page"], engine=engine), Script(case, texts), []
    for place, step in enumerate(case["steps"]):
        script.step = place
        method = step["request"].get("method", "GET")
        try:
            response = browser.fetch(script, method, script.url(), **options_of(step["request"]))
        except CORSError as error:
            reason, parameter = str(error.reason), error.failure.parameter
            sent = wires(error.exchanges)
            results.append(
                Seen(
                    "rejected",
                    sent,
                    reason=reason,
                    parameter=parameter,
                    console=error.console[engine],
                )
            )
        except FetchError as error:
            results.append(Seen("rejected", wires(error.exchanges), console=""))
        else:
            seen = (response.status, response.type, dict(response.headers), response.text)
            results.append(Seen("resolved", wires(response.exchanges), *seen))
    return results


def wires(exchanges: tuple[Exchange, ...]) -> tuple[Wire, ...]:
    return tuple(wire(exchange.request) for exchange in exchanges)


def unexpected(step: dict[str, Any], seen: Seen, texts: dict[str, str]) -> list[str]:
    """Return in what a result differs from the expectation of its step."""
    preflights = [sent for sent in seen.wire if sent.method == "OPTIONS" and sent.asked_method]
    found = {
        **seen._asdict(),
        "preflights": len(preflights),
        "acrh": preflights[0].asked_headers if preflights else None,
        "origin": seen.wire[-1].origin if seen.wire else None,
        "cookie": seen.wire[-1].cookie if seen.wire else None,
    }
    expected = {
        name: filled(value, texts) if isinstance(value, str) else value
        for name, value in step["expect"].items()
    }
    return [
        f"{name} is {found[name]!r}, not {value!r}"
        for name, value in expected.items()
        if found[name] != value
    ]
