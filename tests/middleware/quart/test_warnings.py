"""Insecure and ineffective options are reported once at start-up, or are errors if strict."""

from __future__ import annotations

import re
import warnings
from typing import Any

import pytest
from support.client import get, preflight
from support.compare import quiet
from support.drop_ins.quart import (
    ALLOW_ORIGIN,
    A,
    Options,
    build,
    cors,
    decorated,
    extended,
    ours,
    run,
)

from corsfast import PolicyError
from corsfast.errors import CorsfastSecurityWarning, CorsfastUnmatchableWarning

pytestmark = pytest.mark.server


INSECURE: list[tuple[Options, type[Warning], str]] = [
    (
        {"allow_origin": [A, "null"], "allow_credentials": True},
        CorsfastSecurityWarning,
        "null-origin-with-credentials",
    ),
    (
        {"allow_origin": "http://a.example", "allow_credentials": True},
        CorsfastSecurityWarning,
        "insecure-origin",
    ),
    (
        {"allow_origin": re.compile(r"https://.*\.?example\.com")},
        CorsfastSecurityWarning,
        "foreign-origin",
    ),
    ({"allow_origin": [A, "localhost:3000"]}, CorsfastUnmatchableWarning, "localhost:3000"),
    ({"allow_origin": "https://*.a.example"}, CorsfastUnmatchableWarning, "is not a wildcard here"),
]


@pytest.mark.parametrize("how", [extended, decorated])
@pytest.mark.parametrize(("options", "kind", "text"), INSECURE, ids=lambda value: repr(value))
def test_insecure_settings_warn_once(
    how: Any, options: Options, kind: type[Warning], text: str
) -> None:
    with warnings.catch_warnings(record=True, action="always") as caught:
        app = how(ours(), options)
    found = [str(w.message) for w in caught if w.category is kind and text in str(w.message)]
    assert len(found) == (1 if how is extended else len(app.view_functions) - 1)  # `static`
    assert all("corsfast.middleware.quart: allow_origin" in message for message in found)
    with warnings.catch_warnings(action="error"):
        run(app, get(), preflight())


@pytest.mark.parametrize(("options", "kind", "text"), INSECURE, ids=lambda value: repr(value))
def test_strict_makes_them_errors(options: Options, kind: type[Warning], text: str) -> None:
    library = ours()
    for make in (library.route_cors, lambda **given: library.cors(build(), **given)):
        with pytest.raises(PolicyError, match=re.escape(text)):
            make(**options, strict=True)
    if "allow_credentials" not in options:
        with pytest.raises(PolicyError, match=re.escape(text)):
            library.websocket_cors(**options, strict=True)


def test_strict_by_config_counts_where_origins_do() -> None:
    app = extended(ours(), {})
    app.config["QUART_CORS_ALLOW_ORIGIN"] = re.compile(r"https://.*\.?example\.com")
    app.config["QUART_CORS_STRICT"] = True
    assert run(app, get())[0].status == 500
    app.config["QUART_CORS_ALLOW_ORIGIN"] = [A]
    assert cors(run(app, get())[0]) == {ALLOW_ORIGIN: A}
    given = quiet(lambda: extended(ours(), {"allow_origin": [A, "localhost"]}))
    given.config["QUART_CORS_STRICT"] = True  # too late to have an effect
    assert cors(run(given, get())[0]) == {ALLOW_ORIGIN: A}


def test_secure_settings_are_silent() -> None:
    with warnings.catch_warnings(action="error"):
        app = extended(ours(), {"allow_origin": [A, re.compile(r"https://(www\.)?b\.example")]})
        run(app, get(), preflight())
        run(extended(ours(), {}), get(), preflight())
