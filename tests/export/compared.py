"""Compare a proxy with the policy that was exported to it: by the headers, and by a browser."""

from __future__ import annotations

import functools
import json
import warnings
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from corpus import build, rows
from export.proxies import BODY, FIELDS, status_of
from support.browser_side import covers

import corsfast
from corsfast._options import fetch
from corsfast.decision import Outcome
from corsfast.errors import RISKS
from corsfast.middleware.wsgi import CORSMiddleware
from corsfast.testing import Browser, CORSError, RawResponse, Request

API = "https://api.example/items"
ALLOW_ORIGIN = "access-control-allow-origin"
# The status of allowed preflights cannot be chosen there.
ALWAYS_200 = ("envoy", "traefik")
# These only compare texts. They may also answer what no browser sends, and send fields without
# Access-Control-Allow-Origin, which have no meaning.
TEXTS = ("traefik",)
WELL_FORMED = (
    Outcome.NO_ORIGIN,
    Outcome.ALLOWED,
    Outcome.ORIGIN_NOT_ALLOWED,
    Outcome.METHOD_NOT_ALLOWED,
    Outcome.HEADER_NOT_ALLOWED,
)
ALLOW_METHODS, ALLOW_HEADERS = "access-control-allow-methods", "access-control-allow-headers"
LISTS = (ALLOW_METHODS, ALLOW_HEADERS, "vary")
Sender = Callable[[Request], RawResponse]


def policy_of(options: dict[str, Any]) -> corsfast.Policy | None:
    with warnings.catch_warnings(action="ignore"):
        try:
            return corsfast.Policy(**{"dangerously_tolerate": RISKS, **options})
        except corsfast.PolicyError:
            return None


def reference(policy: corsfast.Policy) -> Any:
    """Return the application with the policy's own middleware, and without headers of its own."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        status = status_of(environ["PATH_INFO"])
        start_response(f"{status} Whatever", [*FIELDS, ("Vary", "Accept-Encoding")])
        return [BODY]

    return CORSMiddleware(app, policy)


# -- the attack corpus -----------------------------------------------------------------------


@functools.cache
def corpus_by_policy() -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the attack corpus by their policy, as JSON."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows("attack-corpus.jsonl"):
        found.setdefault(json.dumps(row["policy"]), []).append(row)
    return found


def request_of(row: dict[str, Any]) -> Request:
    sent = row["request"]
    fields: list[tuple[str, str]] = []
    for name, key in (
        ("Origin", "origin"),
        (fetch.REQUEST_METHOD, "acrm"),
        (fetch.REQUEST_HEADERS, "acrh"),
    ):
        value = build(sent[key])
        lines = value if isinstance(value, list) else [value] * (value is not None)
        fields += [(name, line) for line in lines]
    return Request(build(sent["method"]), API, tuple(fields))


# -- random policies and requests ------------------------------------------------------------

ORIGINS = [
    "https://app.example.com",
    "https://admin.example.com:8443",
    "http://localhost:3000",
    "null",
    "capacitor://localhost",
    "http://[2001:db8::1]",
    "http://192.168.1.10:8080",
    "https://very-long-name-of-a-host-that-does-not-fit.preview.department.example.com",
]
PATTERNS = [
    "https://*.example.com",
    "https://*.example.org:*",
    "https://pr-*.preview.example.net",
    "http://localhost:*",
    "http://127.0.0.1:[3000-3999]",
    "http://192.168.0.0/16:*",
    "chrome-extension://*",
]
REGEXES = [
    r"https://(www|app)\.shop\.example",
    r"(?i)https://[a-z]{1,3}\.case\.example",
    r"https?://\[::1\](:\d+)?",
    r"^https://x[0-9]+\.example\.com$|^http://y\.example\.com$",
    r"tauri://[a-z]+",
]
OTHERS = [
    "https://example.com",
    "https://a.example.com",
    "https://a.b.example.com",
    "https://-a.example.com",
    "https://a-.example.com",
    "https://" + "a" * 64 + ".example.com",
    "https://" + "a." * 125 + "example.com",
    "https://a.example.com:443",
    "https://a.example.com:8443",
    "https://a.example.com.",
    "https://evilexample.com",
    "HTTPS://APP.EXAMPLE.COM",
    "https://App.example.com",
    "https://app.example.com.evil.example",
    "https://app.example.com/",
    "https://app_example.com",
    "https://b.example.org:65535",
    "https://b.example.org:65536",
    "https://b.example.org:0",
    "https://pr-7.preview.example.net",
    "https://pr-.preview.example.net",
    "https://pr-7.x.preview.example.net",
    "http://localhost",
    "http://localhost:80",
    "http://localhost:5173",
    "https://localhost:5173",
    "http://127.0.0.1:3500",
    "http://127.0.0.1:4000",
    "http://192.168.7.1",
    "http://192.168.256.1",
    "http://192.168.07.1",
    "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    "chrome-extension://abcdefghijklmnopabcdefghijklmnoq",
    "https://app.shop.example",
    "https://appxshop.example",
    "https://AB.case.example",
    "https://ab.case.example",
    "https://abcd.case.example",
    "http://[::1]",
    "http://[::1]:9",
    "http://[0::1]",
    "https://x77.example.com",
    "http://y.example.com",
    "http://y.example.com.evil.example",
    "tauri://app",
    "tauri://App",
    "capacitor://LOCALHOST",
    "NULL",
    "*",
]
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "REPORT"]
NAMES = ["X-Token", "Content-Type", "Authorization", "x-lower", "X-Other"]
PREFLIGHT_METHODS = [*METHODS, "TRACE", "P(T", "M" * 64, "M" * 65, "put", "patch", "A B"]
PREFLIGHT_NAMES = [
    None,
    "x-token",
    "X-TOKEN,content-type",
    "x-token , authorization",
    "authorization",
    "Authorization,x-token",
    "content-type",
    "x-other",
    "x-token,,",
    "," * 16 + "x-token",
    "," * 17 + "x-token",
    "x" * 128,
    "x" * 129,
    "x token",
    "x-token," + " " * 16 + "x-lower",
    "x-token," + " " * 17 + "x-lower",
    "x-token" + ",x-token" * 1100,
    "*",
]


def random_options(random: Random) -> dict[str, Any]:
    """Return options of a policy. Some targets cannot express some of them."""
    import re

    origins: list[Any] = random.sample(ORIGINS, random.choice([0, 1, 2, 4]))
    origins += random.sample(PATTERNS, random.choice([0, 1, 2]))
    origins += map(re.compile, random.sample(REGEXES, random.choice([0, 0, 1, 2])))
    credentials = random.random() < 0.5
    if not origins or random.random() < 0.1:
        origins, credentials = (["*"], False)
    methods = [["*"], random.sample(METHODS[3:], 2), [], ["PUT"]]
    headers = [["*"], ["*", "Authorization"], random.sample(NAMES, 2), [], ["X-Token"]]
    expose = [[], ["X-Id"], ["X-Id", "ETag"], [] if credentials else ["*"]]
    return {
        "allow_origins": origins,
        "allow_methods": random.choice(methods),
        "allow_headers": random.choice(headers),
        "expose_headers": random.choice(expose),
        "allow_credentials": credentials,
        "max_age": random.choice([None, 0, 600, 86400]),
        "preflight_status": random.choice([204, 204, 200]),
        "timing_allow_origin": random.random() < 0.3,
    }


def random_origin(random: Random, policy: corsfast.Policy) -> str:
    known = [*ORIGINS, *OTHERS]
    allowed = [origin for origin in known if policy.allows_origin(origin)]
    return random.choice(allowed if allowed and random.random() < 0.6 else known)


def raw_request(random: Random, policy: corsfast.Policy) -> Request:
    """Return a request that need not come from a browser."""
    fields = [("Origin", random_origin(random, policy))]
    if random.random() < 0.15:
        fields = []
    if random.random() < 0.3:
        return Request(random.choice(["GET", "OPTIONS", "PUT"]), API, tuple(fields))
    fields.append((fetch.REQUEST_METHOD, random.choice(PREFLIGHT_METHODS)))
    names = random.choice(PREFLIGHT_NAMES)
    fields += [(fetch.REQUEST_HEADERS, names)] * (names is not None)
    return Request("OPTIONS", API, tuple(fields))


def page_request(random: Random) -> tuple[str, str, dict[str, Any]]:
    """Return the method, the URL and the options of a page's fetch."""
    headers = dict.fromkeys(random.sample(NAMES, random.choice([0, 0, 1, 2])), "1")
    credentials = random.choice(["include", "omit", "same-origin"])
    path = random.choice(["", "", "/404", "/500"])
    return random.choice(METHODS), API + path, {"headers": headers, "credentials": credentials}


# -- verdicts --------------------------------------------------------------------------------


def differences(
    target: str, policy: corsfast.Policy, request: Request, got: RawResponse
) -> list[str]:
    """Return how the response of a proxy differs from what the policy decides.

    The headers have to be equal if the policy allows the request. Otherwise the response must not
    allow it either, and a malformed preflight must not reach the application.
    """
    origin, method, names = _asked(request)
    decision = policy.decide(request.method, origin, method, names)
    odd = any(_is_odd(value) for _, value in request.headers)
    if odd and (got.status in (400, 431) or got.get("Access-Control-Allow-Origin") is None):
        return []
    found = []
    if decision.allowed or decision.outcome.value == "no-origin":
        wanted, given = _cors(decision.headers), _cors(got.headers)
        if decision.is_preflight:
            given.pop("access-control-expose-headers", None)  # it has no meaning there
        if target in TEXTS:
            if ALLOW_ORIGIN not in given:
                given = {key: value for key, value in given.items() if key == "vary"}
            if decision.is_preflight:
                wanted.pop("vary", None)  # no cache stores the answer to OPTIONS
        if wanted.get(ALLOW_ORIGIN) == "*" != given.get(ALLOW_ORIGIN) == origin:
            # Repeating the origin means the same, if Vary says so.
            wanted |= {ALLOW_ORIGIN: origin, "vary": wanted.get("vary", set()) | {"origin"}}
            wanted = wanted if origin else dict(given)
        for key, asked in ((ALLOW_METHODS, method), (ALLOW_HEADERS, names)):
            # Without credentials, repeating what is asked means the same as `*`.
            if "*" in wanted.get(key, ()) and given.get(key, set()) == _elements(asked or ""):
                wanted.pop(key)
                given.pop(key, None)
        vary = wanted.pop("vary", set())
        if not vary <= given.pop("vary", set()):
            found.append(f"vary lacks {vary}")
        found += [
            f"{k}: {given.get(k)!r} instead of {v!r}"
            for k, v in wanted.items()
            if given.get(k) != v
        ]
        found += [f"{key}: {given[key]!r} is too much" for key in given.keys() - wanted]
        fine = (decision.status, 200) if target in ALWAYS_200 else (decision.status,)
        if decision.is_preflight and got.status not in fine:
            found.append(f"status {got.status} instead of {decision.status}")
    elif _permits(request, got):
        found.append(f"{got} allows what is {decision.outcome.value}")
    # Some proxies do not tell an empty field from an absent one.
    if got.body == BODY and decision.is_preflight and origin and method:
        found.append("a preflight reached the application")
    for key in (ALLOW_ORIGIN, "access-control-allow-credentials"):
        if sum(name.lower() == key for name, _ in got.headers) > 1:
            found.append(f"{key} is sent twice")
    return found


def is_sent(policy: corsfast.Policy, request: Request) -> bool:
    """Return whether a browser may send a request, because it is well-formed and not too long."""
    origin, method, names = _asked(request)
    outcome = policy.decide(request.method, origin, method, names).outcome
    return outcome in WELL_FORMED and method not in fetch.FORBIDDEN_METHODS


def _asked(request: Request) -> tuple[str | None, ...]:
    return tuple(
        _joined(request, name) for name in ("Origin", fetch.REQUEST_METHOD, fetch.REQUEST_HEADERS)
    )


def _is_odd(value: str) -> bool:
    """Return whether a server may refuse to read a header: control characters, or its length."""
    return len(value) > 8000 or not value.isprintable()


def _joined(request: Request, name: str) -> str | None:
    # On the wire a line feed ends the field, and white space around a value is not part of it.
    lines = [value.split("\n")[0].strip(" \t\r") for key, value in request.headers if key == name]
    return ",".join(lines) if lines else None


def _cors(headers: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in headers:
        key = name.lower()
        if key in LISTS or key == "access-control-expose-headers":
            if _elements(value):  # an empty list is the same as none
                found[key] = found.get(key, set()) | _elements(value)
        elif key.startswith("access-control-") or key == "timing-allow-origin":
            found[key] = value
    return found


def _elements(text: str) -> set[str]:
    return {part.strip().lower() for part in text.split(",")} - {""}


def _permits(request: Request, got: RawResponse) -> bool:
    """Return whether a browser would take the response for a permission."""
    origin = request.get("Origin")
    if origin is None or got.get("Access-Control-Allow-Origin") not in (origin, "*"):
        return False
    method = _joined(request, fetch.REQUEST_METHOD)
    if request.method != "OPTIONS" or method is None:
        return True
    headers = [(name.lower(), value) for name, value in got.headers]
    names = _joined(request, fetch.REQUEST_HEADERS)
    return 200 <= got.status <= 299 and covers(headers, method, names)


def seen_by_browser(app: Any, origin: str, engine: str, fetched: Any) -> tuple[object, ...]:
    """Return what a page sees: the status and the headers that it may read, or "refused"."""
    method, url, options = fetched
    try:
        response = Browser(origin, engine=engine).fetch(app, method, url, **options)
    except CORSError:
        return ("refused",)  # a proxy shows fewer permissions to a request that they don't cover
    known = {name.lower() for name, _ in FIELDS}
    readable = sorted({name.lower() for name, _ in response.headers.items()} & known)
    return response.status, readable


def browser_pairs(random: Random, policy: corsfast.Policy, count: int) -> Iterator[tuple[Any, ...]]:
    origins = [it for it in [*ORIGINS, *OTHERS] if corsfast._options.origin.is_origin(it)]
    allowed = [origin for origin in origins if policy.allows_origin(origin)]
    for _ in range(count):
        some = allowed if allowed and random.random() < 0.7 else origins
        yield (
            random.choice(some),
            random.choice(["chromium", "firefox", "webkit"]),
            page_request(random),
        )
