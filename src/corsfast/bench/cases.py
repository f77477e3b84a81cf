"""The measured cases: each is a policy, a call, fresh inputs, and the expected answer."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .figures import Goal

Inputs = list[tuple[Any, ...]]


class Case(NamedTuple):
    """One row of the table.

    ``call`` names a method of Policy. ``inputs(n)`` makes the arguments of n calls, all of new
    objects, because a ``str`` caches its hash: a benchmark that reuses one string measures that.
    ``outcome`` is the value of the expected Outcome. ``goal`` is for the native engine.

    ``merged`` is the expected result of calls that merge a decision into a response's headers.
    Their inputs are (origin, headers), and ``outcome`` is that of the origin's decision.
    """

    name: str
    options: dict[str, Any]
    call: str
    inputs: Callable[[int], Inputs]
    outcome: str
    goal: Goal | None = None
    merged: list[tuple[Any, Any]] | None = None

    def given(self, policy: Any) -> Callable[[int], Inputs]:
        """Return a function that makes the arguments of n calls of this policy's method."""
        if self.merged is None:
            return self.inputs
        return lambda n: [(policy.actual(origin), sent) for origin, sent in self.inputs(n)]

    def wrong(self, policy: Any) -> str | None:
        """Return an error in this policy's answers, or None."""
        call = getattr(policy, self.call)
        for given in self.given(policy)(20):
            found = call(*given)
            decision = found if self.merged is None else given[0]
            if decision.outcome.value != self.outcome:
                return f"{decision.outcome.value}, not {self.outcome}"
            if self.merged is not None and found != self.merged:
                return f"{found}, not {self.merged}"
        return None


def fresh(text: str) -> str:
    """Return a new str object with this text."""
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
# Enough names for a new list in every call, allowed in addition to those of OPTIONS.
NAMES = [f"x-field-{i:03}" for i in range(200)]
WIDE: dict[str, Any] = {**OPTIONS, "allow_headers": [*OPTIONS["allow_headers"], *NAMES]}
GLOB: dict[str, Any] = {**OPTIONS, "allow_origins": ["https://pr-*.preview.example.dev"]}
REGEX: dict[str, Any] = {
    **OPTIONS,
    "allow_origins": [re.compile(r"https://shop-\d+\.example\.net")],
}


def tenants(count: int) -> dict[str, Any]:
    """Return options with this number of exact origins."""
    return {**OPTIONS, "allow_origins": [TENANT.format(i) for i in range(count)]}


TENANT = "https://tenant-{}.example.com"

# The headers of a cross-origin fetch in Chrome; Origin is the eighth.
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
    """Return inputs of these texts, each a new object."""

    def make(n: int) -> Inputs:
        return [tuple(t and fresh(t) for t in (text, *more)) for _ in range(n)]

    return make


def picked(pattern: str, end: int, start: int = 0) -> Callable[[int], Inputs]:
    """Return inputs of one text each; its ``{}`` is a random number in [`start`, `end`)."""
    return lambda n: [(pattern.format(random.randrange(start, end)),) for _ in range(n)]


def twice(
    name: str, options: dict[str, Any], pattern: str, allowed: bool, goal: float
) -> Iterator[Case]:
    """Yield two cases: origins that were seen before, and new ones at up to twice the cost.

    The native engine caches its answers for a few origins that are not in the list itself. The
    numbers have five digits and may be ports.
    """
    outcome = "allowed" if allowed else "origin-not-allowed"
    for which, inputs, at_most in (
        ("again", texts(pattern.format(10_000)), goal),
        ("new", picked(pattern, 65_000, 10_000), 2 * goal),
    ):
        yield Case(f"actual: {name}, {which}", options, "actual", inputs, outcome, Goal(at_most))


def lists(count: int) -> Callable[[int], Inputs]:
    """Return preflights that ask for `count` names, sorted as in browsers; each list is new."""

    def make(n: int) -> Inputs:
        return [
            (fresh(APP), fresh("PUT"), ",".join(sorted(random.sample(NAMES, count))))
            for _ in range(n)
        ]

    return make


def long_list(text: str) -> Callable[[int], Inputs]:
    """Return preflights that share one list, because megabytes per call would flush the caches."""
    return lambda n: [(fresh(APP), fresh("PUT"), text) for _ in range(n)]


def scopes(method: str, *fields: tuple[str, str]) -> Callable[[int], Inputs]:
    return lambda n: [
        ({"type": "http", "method": fresh(method), "headers": raw(*fields)},) for _ in range(n)
    ]


def environs(method: str, *fields: tuple[str, str]) -> Callable[[int], Inputs]:
    return lambda n: [
        (
            {
                "REQUEST_METHOD": fresh(method),
                **{"HTTP_" + k.upper().replace("-", "_"): fresh(v) for k, v in fields},
            },
        )
        for _ in range(n)
    ]


# The application's own headers, and the same headers merged with an answer to APP.
SENT = (("Content-Type", "application/json"), ("Content-Length", "27"))
ADDED = (
    ("Access-Control-Allow-Origin", APP),
    ("Access-Control-Allow-Credentials", "true"),
    ("Access-Control-Expose-Headers", "X-Total"),
)


def raw(*fields: tuple[str, str]) -> list[tuple[bytes, bytes]]:
    """Return fields in the form of ASGI: new objects, with names in lower case."""
    return [(fresh_bytes(name.lower()), fresh_bytes(value)) for name, value in fields]


def strings(*fields: tuple[str, str]) -> list[tuple[str, str]]:
    """Return fields in the form of WSGI: new objects."""
    return [(fresh(name), fresh(value)) for name, value in fields]


def responses(make: Callable[..., list[Any]], *fields: tuple[str, str]) -> Callable[[int], Inputs]:
    """Return inputs of allowed origins, each with an application's headers."""
    return lambda n: [(fresh(APP), make(*fields)) for _ in range(n)]


def merges() -> Iterator[Case]:
    """Yield cases that merge an allowed decision into the headers of a response."""
    # Existing fields keep their place, and new ones are appended.
    alone = (*SENT, *ADDED, ("Vary", "Origin"))
    vary, both = ("Vary", "Accept-Encoding"), ("Vary", "Accept-Encoding, Origin")
    for call, make in (("apply_asgi", raw), ("apply_wsgi", strings)):
        for name, sent, merged in (
            ("2 headers", SENT, alone),
            ("2 headers and Vary", (*SENT, vary), (*SENT, both, *ADDED)),
        ):
            yield Case(
                f"{call}: {name}",
                OPTIONS,
                call,
                responses(make, *sent),
                "allowed",
                merged=make(*merged),
            )


def cases() -> Iterator[Case]:
    """Yield every case, in the order of the table."""
    names = ",".join(sorted(name.lower() for name in OPTIONS["allow_headers"]))
    without = tuple(field for field in REQUEST if field[0] != "origin")
    ask = (*REQUEST[:8], ASK_METHOD, ASK_HEADERS, *REQUEST[8:12])
    for count, written in ((1, "1"), (100, "100"), (10_000, "10 000")):
        options = tenants(count)
        for name, inputs, outcome in (
            ("no origin", texts(None), "no-origin"),
            ("exact", picked(TENANT, count), "allowed"),
        ):
            yield Case(f"actual: {name}, of {written}", options, "actual", inputs, outcome, Goal(3))
        yield from twice(
            f"refused, of {written}", options, "https://unlisted-{}.example.com", False, 3
        )
    for name, options, origin, allowed, at_most in (
        ("subdomain", OPTIONS, "https://a.b{}.example.org", True, 4),
        ("any port", OPTIONS, "http://localhost:{}", True, 4),
        ("glob", GLOB, "https://pr-{}.preview.example.dev", True, 6),
        ("regex", REGEX, "https://shop-{}.example.net", True, 6),
        ("refused by patterns", OPTIONS, "https://app.example.com.attacker-{}.net", False, 4),
    ):
        yield from twice(name, options, origin, allowed, at_most)
    yield Case("actual: any origin", ANY, "actual", texts(APP), "allowed", Goal(3))

    three, ten = texts(APP, "PUT", ASK_HEADERS[1]), texts(APP, "PUT", names)
    for name, options, inputs, goal in (
        ("no headers", OPTIONS, texts(APP, "PUT", None), Goal(5)),
        ("3 headers, same list again", OPTIONS, three, Goal(6)),
        ("3 headers, new list each time", WIDE, lists(3), Goal(12)),
        ("10 headers, same list again", OPTIONS, ten, Goal(8)),
        ("10 headers, new list each time", WIDE, lists(10), Goal(16)),
    ):
        yield Case(f"preflight: {name}", options, "preflight", inputs, "allowed", goal)

    yield Case("asgi: no origin", OPTIONS, "asgi", scopes("GET", *without), "no-origin")
    yield Case("asgi: 14 headers", OPTIONS, "asgi", scopes("GET", *REQUEST), "allowed", Goal(8))
    yield Case("asgi: preflight", OPTIONS, "asgi", scopes("OPTIONS", *ask), "allowed")
    yield Case("wsgi: no origin", OPTIONS, "wsgi", environs("GET", *without), "no-origin")
    yield Case("wsgi: 14 headers", OPTIONS, "wsgi", environs("GET", *REQUEST), "allowed")
    yield Case("wsgi: preflight", OPTIONS, "wsgi", environs("OPTIONS", *ask), "allowed")
    yield from merges()

    for name, text in (("1 MiB of commas", "," * 2**20), ("64 KiB of spaces", " " * 2**16)):
        outcome = "header-list-too-long"
        inputs = long_list(text)
        yield Case(f"hostile: {name}", OPTIONS, "preflight", inputs, outcome, Goal(1000, "ns"))
    inputs, outcome = texts("https://" + "a." * 4092 + "example.org"), "origin-too-long"
    yield Case("hostile: 8 KiB origin", OPTIONS, "actual", inputs, outcome, Goal(1000, "ns"))
