"""The contract as data, and the functions that read it.

    attack-corpus.jsonl   438 hostile and well-behaved requests, each with the right answer
    browser-matrix.json   what a browser sends, and whether its page may read the answer
    cross-site.jsonl      forged requests, and others; `go`: Go's result is this
    decisions.jsonl       requests, and the exact answer to each
    requests.jsonl        requests, and the outcome: lists, limits, white space, odd text
    origins.jsonl         texts that are a serialized origin, and texts that are not
    patterns.jsonl        patterns, with the origins that they match and do not match
    responses.jsonl       an application's headers before and after a decision was applied
    config.jsonl          options, and all problems that they have
    unicode-hosts.jsonl   hosts beyond ASCII, and what the URL parser of Node 20.20 makes of them
    gateway-cors.jsonl    the conformance cases of HTTPRoute's CORS filter, in our own words
    crowded-names.jsonl   names whose hashes were nearly the same under most seeds
    wpt-fetch-metadata.jsonl  73 rows of web-platform-tests about Sec-Fetch-Site and Origin
    wpt-*.jsonl           192 other rows of web-platform-tests: see support/exchanges.py

In the JSON Lines files each line is a case with an `id` and a `why`. Text holds one code point for
each byte (latin-1), unless a case is about text beyond that. Values that JSON cannot express are
written as an object with one key; see `build`.

A row of wpt-fetch-metadata.jsonl is one request: its `client` sends `method` from `page` to the
first of `hops`, each of which redirects to the next by 307. `expect` has what arrives, and whether
`cross_site="refuse"` refuses it, under a policy without the page's origin and under one with it.
`file` and `subtest` name the test, `spec` the section that it tests. The tests of `origin` run
without TLS there, and with it here.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class Text(str):
    """A subclass of str, like the header types of some frameworks."""


class Octets(bytes):
    """A subclass of bytes."""


BUILDERS = {
    "parts": lambda parts: "".join(text * times for text, times in parts),
    "bytes": lambda text: text.encode("latin-1"),
    "str subclass": Text,
    "bytes subclass": lambda text: Octets(text.encode("latin-1")),
    "regex": re.compile,
    "bytes regex": lambda text: re.compile(text.encode("latin-1")),
    "set": set,
    "tuple": tuple,
    "iterator": iter,
    "dict": dict,
}


def build(value: Any) -> Any:
    """Return a JSON value with every tagged object replaced by the value that it describes."""
    if isinstance(value, list):
        return [build(item) for item in value]
    if isinstance(value, dict):
        if len(value) == 1:
            ((tag, content),) = value.items()
            if tag in BUILDERS:
                return BUILDERS[tag](content if tag == "parts" else build(content))
        return {name: build(item) for name, item in value.items()}
    return value


def rows(name: str) -> list[dict[str, Any]]:
    """Return the cases of one file, unconverted. Fail if two cases have the same id."""
    cases = [json.loads(line) for line in (HERE / name).read_text("ascii").splitlines()]
    assert len({case["id"] for case in cases}) == len(cases), f"{name}: an id occurs twice"
    return cases


# How many rows come from each file of https://github.com/web-platform-tests/wpt, in order:
# cors/origin.htm, cors/cors-safelisted-request-header.any.js, fetch/api/cors/cors-redirect.any.js,
# cors-preflight.any.js, cors/credentials-flag.htm, cors-basic.any.js,
# resources/not-cors-safelisted.json, cors-preflight-star.any.js,
# cors-preflight-response-validation.any.js, cors-preflight-cache.any.js.
WPT = {
    "wpt-origin": 58,
    "wpt-safelisted": 42,
    "wpt-redirect": 20,
    "wpt-preflight": 16,
    "wpt-credentials": 15,
    "wpt-basic": 15,
    "wpt-not-safelisted": 13,
    "wpt-star": 10,
    "wpt-response-validation": 2,
    "wpt-preflight-cache": 1,
}


def wpt() -> list[dict[str, Any]]:
    return [row for name in WPT for row in rows(f"{name}.jsonl")]


def browser_matrix() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((HERE / "browser-matrix.json").read_text("utf-8"))[
        "cases"
    ]
    return cases


def case_id(case: dict[str, Any]) -> str:
    return str(case["id"])
