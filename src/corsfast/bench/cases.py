"""What is measured: each case is a policy, a call, fresh inputs, and the expected answer.

Place in the flow: the left end of the benchmark. Never: measure.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

Inputs = list[tuple[Any, ...]]


class Case(NamedTuple):
    """One row of the table.

    ``call`` names a method of Policy; ``inputs(n)`` makes the arguments of n calls, of which
    no object was seen before (a ``str`` caches its hash, and a benchmark that gives one string
    again and again measures that); ``outcome`` is the value of the expected Outcome.
    """

    name: str
    options: dict[str, Any]
    call: str
    inputs: Callable[[int], Inputs]
    outcome: str


def fresh(text: str) -> str:
    """A new str object with this text."""
    return "".join([text[:1], text[1:]])


def fresh_bytes(text: str) -> bytes:
    return bytes(bytearray(text, "latin-1"))


APP = "https://app.example.com"
OPTIONS: dict[str, Any] = {
    "allow_origins": [APP, "https://*.example.org", "http://localhost:*"],
    "allow_methods": ["GET", "PUT", "DELETE"],
    "allow_headers": ["Authorization", "X-Request-Id", "X-Token", *(f"X-{i}" for i in range(7))],
    "expose_headers": ["X-Total"],
    "allow_credentials": True,
}
ANY = {"allow_origins": ["*"]}
MANY = {**OPTIONS, "allow_origins": [f"https://tenant-{i}.example.com" for i in range(10_000)]}

# What Chrome sends with a cross-origin fetch; Origin stands eighth.
REQUEST = (
    ("host", "api.example.com"),
    ("connection", "keep-alive"),
    ("sec-ch-ua-platform", '"Linux"'),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0.0.0"),
    ("sec-ch-ua", '"Chromium";v="150", "Not)A;Brand";v="24"'),
    ("content-type", "application/json"),
    ("sec-ch-ua-mobile", "?0"),
    ("origin", APP),
    ("accept", "*/*"),
    ("sec-fetch-site", "same-site"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-dest", "empty"),
    ("referer", f"{APP}/"),
    ("accept-language", "en-GB,en;q=0.9"),
)
ASK_METHOD = ("access-control-request-method", "PUT")
ASK_HEADERS = ("access-control-request-headers", "authorization,content-type,x-token")


def texts(text: str | None, *more: str | None) -> Callable[[int], Inputs]:
    """Calls with these texts, each a new object."""

    def make(n: int) -> Inputs:
        return [tuple(t and fresh(t) for t in (text, *more)) for _ in range(n)]

    return make


def picked(pattern: str, size: int) -> Callable[[int], Inputs]:
    """Calls with one text each, its ``{}`` a random number below `size`."""
    return lambda n: [(pattern.format(random.randrange(size)),) for _ in range(n)]


def scopes(method: str, *fields: tuple[str, str]) -> Callable[[int], Inputs]:
    def make(n: int) -> Inputs:
        return [
            (
                {
                    "type": "http",
                    "method": fresh(method),
                    "headers": [(fresh_bytes(k), fresh_bytes(v)) for k, v in fields],
                },
            )
            for _ in range(n)
        ]

    return make


def environs(method: str, *fields: tuple[str, str]) -> Callable[[int], Inputs]:
    def make(n: int) -> Inputs:
        return [
            (
                {
                    "REQUEST_METHOD": fresh(method),
                    **{"HTTP_" + k.upper().replace("-", "_"): fresh(v) for k, v in fields},
                },
            )
            for _ in range(n)
        ]

    return make


def cases() -> Iterator[Case]:
    """Every case, in the order of the table."""
    names = ",".join(sorted(name.lower() for name in OPTIONS["allow_headers"]))
    without = tuple(field for field in REQUEST if field[0] != "origin")
    ask = (*REQUEST[:8], ASK_METHOD, ASK_HEADERS, *REQUEST[8:12])
    yield Case("actual: no origin", OPTIONS, "actual", texts(None), "no-origin")
    yield Case("actual: exact", OPTIONS, "actual", texts(APP), "allowed")
    yield Case(
        "actual: exact, of 10 000",
        MANY,
        "actual",
        picked("https://tenant-{}.example.com", 10_000),
        "allowed",
    )
    yield Case("actual: subdomain", OPTIONS, "actual", texts("https://a.b.example.org"), "allowed")
    yield Case(
        "actual: any port", OPTIONS, "actual", picked("http://localhost:3{:03}", 999), "allowed"
    )
    yield Case("actual: any origin", ANY, "actual", texts(APP), "allowed")
    yield Case(
        "actual: refused",
        OPTIONS,
        "actual",
        texts("https://app.example.com.attacker.net"),
        "origin-not-allowed",
    )
    yield Case("preflight: no headers", OPTIONS, "preflight", texts(APP, "PUT", None), "allowed")
    yield Case(
        "preflight: 3 headers", OPTIONS, "preflight", texts(APP, "PUT", ASK_HEADERS[1]), "allowed"
    )
    yield Case("preflight: 10 headers", OPTIONS, "preflight", texts(APP, "PUT", names), "allowed")
    yield Case("asgi: no origin", OPTIONS, "asgi", scopes("GET", *without), "no-origin")
    yield Case("asgi: 14 headers", OPTIONS, "asgi", scopes("GET", *REQUEST), "allowed")
    yield Case("asgi: preflight", OPTIONS, "asgi", scopes("OPTIONS", *ask), "allowed")
    yield Case("wsgi: 14 headers", OPTIONS, "wsgi", environs("GET", *REQUEST), "allowed")
    yield Case("wsgi: preflight", OPTIONS, "wsgi", environs("OPTIONS", *ask), "allowed")
    yield Case(
        "hostile: 1 MiB of commas",
        OPTIONS,
        "preflight",
        lambda n: [(fresh(APP), "PUT", COMMAS)] * n,
        "header-list-too-long",
    )
    yield Case(
        "hostile: 8 KiB origin",
        OPTIONS,
        "actual",
        texts("https://" + "a." * 4092 + "example.org"),
        "origin-too-long",
    )


COMMAS = "," * 2**20
