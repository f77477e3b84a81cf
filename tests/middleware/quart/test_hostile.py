"""Malformed and hostile requests gain nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.client import Request, get, preflight
from support.compare import quiet
from support.drop_ins.quart import (
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    A,
    Options,
    cors,
    decorated,
    extended,
    ours,
    run,
)

pytestmark = pytest.mark.server


HOSTILE = [
    "x" * 8192,
    "https://" + "a" * 8192,
    "https://a.example, https://a.example",
    "https://a.example\x00",
    "https://a.ex\u00e4mple",
    "\u00ff\u00fe",
    "*",
    " ",
    "https://a.example ",
    "NULL",
]


@pytest.mark.parametrize(
    "options",
    [
        {"allow_origin": [A, "null"], "allow_credentials": True},
        {"allow_origin": re.compile(r"https://(.*\.)?a\.example")},
    ],
    ids=repr,
)
@pytest.mark.parametrize("how", [extended, decorated])
def test_hostile_origins(how: Any, options: Options) -> None:
    app = quiet(lambda: how(ours(), options))
    asked = [make(origin=origin) for origin in HOSTILE for make in (get, preflight)]
    asked.append(Request("GET", (("origin", A), ("origin", A))))
    for request, found in zip(asked, run(app, *asked), strict=True):
        assert (found.status, cors(found)) == (200, {}), request
        assert found.headers["vary"] == ["Origin"]


@pytest.mark.parametrize("allow_headers", ["*", ["x-a", "a"]], ids=repr)
def test_hostile_header_lists(allow_headers: Any) -> None:
    app = extended(ours(), {"allow_origin": [A], "allow_headers": allow_headers})
    lists = ["," * 65536, " " * 65536, "a," * 32768, "x" * 65536, "\u00e9", "a b", "a\x00"]
    asked = [preflight("PUT", names) for names in lists]
    asked += [preflight(method) for method in (",", "PUT, GET", "x" * 65536, "\u00e9", "", " ")]
    for request, found in zip(asked, run(app, *asked), strict=True):
        assert (found.status, cors(found)) == (200, {ALLOW_ORIGIN: A}), request


def test_any_method_with_credentials_sends_tokens_only() -> None:
    options = {"allow_origin": [A], "allow_methods": ["*"], "allow_credentials": True}
    app = extended(ours(), options)
    good, *bad = run(app, *(preflight(m) for m in ("PURGE", "a b", "\u00e9", "x" * 200, "A,B")))
    assert cors(good)[ALLOW_METHODS] == "PURGE"
    assert all(ALLOW_METHODS not in cors(found) for found in bad)
