"""Random cases for support/exchanges.py, always the same ones for a seed."""

from __future__ import annotations

from random import Random
from typing import Any

METHODS = ["GET", "GET", "HEAD", "POST", "PUT", "PUT", "DELETE", "PATCH", "patch", "put", "OPTIONS"]
METHODS += ["CUSTOM", "Custom", "QUERY"]
REQUEST_HEADERS = [
    ("Accept", ["text/html", "*/*;q=0.8", 'a"b', "a" * 128, "a" * 129, "a(b)", "a\tb", "\x01"]),
    ("Accept-Language", ["en", "en-US,en;q=0.5", "de_AT", "a" * 129, "*"]),
    ("Content-Language", ["en", "de, en", "en@", "é"]),
    (
        "Content-Type",
        [
            "text/plain",
            "text/plain;charset=utf-8",
            "TEXT/PLAIN",
            "application/json",
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencoded",
            "text/plain, a/b",
            'text/plain; a="b"',
            "text/plain ; a=b",
            "text",
            "",
        ],
    ),
    ("Range", ["bytes=0-", "bytes=0-5", "bytes=5-0", "bytes=-5", "bytes=0-1,3-4", "BYTES=0-"]),
    ("X-Token", ["1", ""]),
    ("x-lower", ["1"]),
    ("Authorization", ["Bearer x"]),
    ("Cache-Control", ["no-cache"]),
    ("If-None-Match", ['"x"']),
    ("Last-Event-ID", ["1"]),
]
# Many answers allow the request, so that later checks are reached.
ALLOW_ORIGIN = [["*"], ["{page}"], ["{origin}"]] * 6 + [
    [],
    ["null"],
    ["{remote}"],
    ["{page}/"],
    ["{PAGE}"],
    [" {page}\t"],
    ["{page}, *"],
    ["{page} {remote}"],
    ["{page}", "{page}"],
    ["*", "{page}"],
    ["* "],
    ["**"],
    [""],
    ["localhost:3000"],
    ["http://"],
    ["http://*.site.localhost"],
    ["//{host}"],
    ["http://a:99999"],
    ["http://a b"],
    ["example.com"],
    ["https://example.com"],
    ["http://1.2.3"],
    ["http://1.2.3.256"],
    ["http://a_b"],
    ["http://[::1]:1"],
    ["http://[::1"],
    ["http://ex%41mple.com"],
    ["http://user@a"],
    ["file://"],
    ["foo:bar"],
    ["http:"],
    ["true"],
]
ALLOW_CREDENTIALS = [["true"]] * 4 + [[], ["True"], ["true", "true"], [" true"], ["false"], [""]]
ALLOW_METHODS = [["{method}"], ["*"], ["GET, PUT, DELETE, PATCH"]] * 3 + [
    [],
    [""],
    ["GET"],
    ["get"],
    ["put"],
    ["PUT,,patch,"],
    [" PUT\t,\tPOST "],
    ["PUT", "DELETE"],
    ["PUT DELETE"],
    ["PUT; DELETE"],
    ["*, PUT"],
    ['"PUT"'],
    ["PU(T"],
    ["patch"],
    ["Custom"],
    ["PUT\x0b"],
]
ALLOW_HEADERS = [["{names}"], ["*"]] * 4 + [
    [],
    [""],
    ["X-TOKEN"],
    ["x-token, content-type"],
    ["X-Token X-Lower"],
    ["*, Authorization"],
    ["authorization"],
    ["{names}", "x-other"],
    ["{names},"],
    ["{names}; a"],
    ["accept,accept-language,content-language,content-type,range"],
    ["@"],
]
MAX_AGE = [[]] * 3 + [["0"], ["600"], ["-1"], ["x"], [""], ["99999999999999999999"], ["600", "600"]]
EXPOSE = [[], ["*"], ["X-Id"], ["x-id, etag"], ["X-Id", "ETag"], ["X Id"], ["Set-Cookie, X-Id"]]
PREFLIGHT_STATUS = [200, 204] * 8 + [
    201,
    299,
    300,
    301,
    302,
    304,
    307,
    400,
    401,
    403,
    404,
    500,
    503,
]
STATUS = [200] * 10 + [201, 204, 206, 300, 304, 400, 401, 404, 500]
REDIRECTS = [301, 302, 303, 307, 308]
PLACES = ["remote"] * 4 + ["remote2", "port", "page"]


def lines(name: str, values: list[str]) -> list[list[str]]:
    return [[name, value] for value in values]


def random_case(number: int, seed: int = 17) -> dict[str, Any]:
    """Return the case of a number."""
    random = Random(f"{seed}/{number}")
    hops: list[dict[str, Any]] = []
    count = random.choice([1, 1, 1, 2, 2, 3])
    steps = random.choice([1, 1, 2, 3])
    requests = [random_request(random) for _ in range(steps)]
    chosen = random.choice(requests)
    # On the page's own origin, Chromium follows such a redirect for XMLHttpRequest only.
    password = not any("use_preflight" in request for request in requests)
    for place in range(count):
        hop = {"at": random.choice(PLACES)}
        hop["preflight"] = random_preflight(random, chosen)
        hop["answer"] = random_answer(random, place + 1 < count, password)
        hops.append(hop)
    return {
        "id": f"random-{number}",
        "steps": [{"request": request, "hops": hops, "expect": {}} for request in requests],
    }


def random_request(random: Random) -> dict[str, Any]:
    method = random.choice(METHODS)
    request: dict[str, Any] = {"method": method}
    if random.random() < 0.6:
        some = random.sample(REQUEST_HEADERS, random.choice([1, 1, 2, 3]))
        request["headers"] = [[name, random.choice(values)] for name, values in some]
    elif random.random() < 0.1:
        names = ("Accept", "Accept-Language", "Content-Language")
        request["headers"] = [[name, "a" * 128] for name in names]
    request["credentials"] = random.choice(["same-origin", "same-origin", "include", "omit"])
    if method not in ("GET", "HEAD") and random.random() < 0.5:
        request["body"] = "data"
    if random.random() < 0.1:
        request["redirect"] = random.choice(["error", "manual"])
    if random.random() < 0.1 and method in ("GET", "HEAD", "POST"):
        request["mode"] = "no-cors"
    elif random.random() < 0.05:
        request["mode"] = "same-origin"
    elif random.random() < 0.1:
        request.pop("redirect", None)
        request["use_preflight"] = True
        request["body"] = "data"
        request["method"] = random.choice(["POST", "PUT"])
        if request["credentials"] == "omit":  # XMLHttpRequest cannot
            request["credentials"] = "same-origin"
    return request


def access(random: Random) -> list[list[str]]:
    headers = lines("Access-Control-Allow-Origin", random.choice(ALLOW_ORIGIN))
    return headers + lines("Access-Control-Allow-Credentials", random.choice(ALLOW_CREDENTIALS))


def random_preflight(random: Random, request: dict[str, Any]) -> dict[str, Any]:
    status = random.choice(PREFLIGHT_STATUS)
    names = ", ".join(name for name, _ in request.get("headers", ())) or "x-token"
    texts = {"{method}": request["method"], "{names}": names}
    headers = access(random)
    for name, choices in (
        ("Access-Control-Allow-Methods", ALLOW_METHODS),
        ("Access-Control-Allow-Headers", ALLOW_HEADERS),
        ("Access-Control-Max-Age", MAX_AGE),
    ):
        for value in random.choice(choices):
            for text, written in texts.items():
                value = value.replace(text, written)
            headers.append([name, value])
    if status in REDIRECTS and random.random() < 0.7:
        headers.append(["Location", "{next}"])
    return {"status": status, "headers": headers}


def random_answer(random: Random, redirects: bool, password: bool) -> dict[str, Any]:
    headers = access(random)
    headers += lines("Access-Control-Expose-Headers", random.choice(EXPOSE))
    headers += [["X-Id", "1"], ["ETag", '"1"'], ["Content-Type", "text/plain"]]
    if not redirects:
        return {"status": random.choice(STATUS), "headers": headers}
    location = random.choice(["{next}"] * 9 + ["{nextuser}"] * password)
    headers.append(["Location", location])
    return {"status": random.choice(REDIRECTS), "headers": headers}
