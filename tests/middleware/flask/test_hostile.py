"""Malformed and hostile requests gain nothing."""

from __future__ import annotations

from typing import Any

import pytest
from support.client import cors_of, get, preflight
from support.compare import quiet
from support.drop_ins.flask import OTHER, A, B, call, decorated, extended, ours

from corsfast._options.limits import MAX_ENCODED_PATH

pytestmark = pytest.mark.server


HOSTILE = [
    "x" * 8192,
    "https://" + "a" * 8192,
    "https://a.example, https://a.example",
    "https://a.example\x00",
    "https://a.ex\u00e4mple",
    "\u00ff\u00fe",
    "https://a.example\ud800",
    "https://a.example%0d%0aX: y",
    "*",
    "",
    " ",
    "https://a.example ",
    "NULL",
]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"supports_credentials": True},
        {"origins": [A, "null"]},
        {"origins": r"https://(.*\.)?a\.example"},
        {"origins": "https://(a|aa)+[.]example$", "resources": {"/*": {}}},
    ],
    ids=repr,
)
@pytest.mark.parametrize("how", [extended, decorated])
def test_hostile_origins(how: Any, options: dict[str, Any]) -> None:
    app = quiet(lambda: how(ours(), options))
    for ask in (get, lambda origin: preflight(origin=origin)):
        nobody = quiet(lambda ask=ask: cors_of(call(app, ask(None))))
        for origin in HOSTILE:
            expected = nobody if not origin else {}
            assert cors_of(call(app, ask(origin))) == expected, origin[:40]


@pytest.mark.parametrize(
    "names",
    [
        "," * 65536,
        " " * 65536,
        "a," * 32768,
        "x" * 65536,
        "\u00e9",
        "a b",
        "a\x00",
        "a," + "," * 17,
    ],
    ids=lambda names: f"{names[:3]!r}x{len(names)}",
)
@pytest.mark.parametrize("allow_headers", ["*", ["x-a", "a"], r"a|(x+x+)+y"], ids=repr)
def test_hostile_header_lists(names: str, allow_headers: Any) -> None:
    app = extended(ours(), {"origins": [A], "allow_headers": allow_headers})
    assert cors_of(call(app, preflight("PUT", names))) == {"access-control-allow-origin": [A]}
    for method in (",", "PUT, GET", "x" * 65536, "\u00e9", "", " "):
        assert cors_of(call(app, preflight(method))) == {"access-control-allow-origin": [A]}


def test_nothing_of_a_request_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """CVE-2024-1681: a path with a line break forged lines in the log, at DEBUG."""
    import logging

    caplog.set_level(logging.DEBUG)
    app = extended(ours(), {"resources": {"/api/*": {}, "/x": {}}, "origins": [A]})
    caplog.clear()
    for path in ("/api/x\nINFO forged", "/\r\nforged"):
        call(app, get("https://forged.example\r\n", path))
        call(app, preflight("PUT\nforged", "a\nforged", path=path))
    assert caplog.records == []


def test_private_network_is_refused_by_default() -> None:
    """CVE-2024-6221."""
    request = preflight()
    asked = request._replace(
        headers=(*request.headers, ("access-control-request-private-network", "true"))
    )
    name = "access-control-allow-private-network"
    assert call(extended(ours(), {"origins": [A]}), asked).headers[name] == ["false"]
    allowing = extended(ours(), {"origins": [A], "allow_private_network": True})
    assert call(allowing, asked).headers[name] == ["true"]
    assert name not in call(allowing, request).headers


@pytest.mark.parametrize(
    ("path", "public"),
    [
        ("/api/open", True),
        ("/api/open/more", False),  # CVE-2024-6839: the longer rule comes first
        ("/API/open", False),  # CVE-2024-6866: case matters
        ("/api/open+more", False),  # CVE-2024-6844: a plus is a plus
        ("/api/open more", False),
        ("/private/../api/open", False),  # CVE-2020-25032
        ("/api/../private", False),
        ("/private/%2e%2e/api/open", False),
    ],
)
def test_which_rule_holds_for_a_path(path: str, public: bool) -> None:
    rules = {
        "/api/open": {"origins": "*"},
        r"/api/.*": {"origins": [A]},
        r"/*": {"origins": [B]},
    }
    app = extended(ours(), {"resources": rules})
    found = call(app, get(OTHER, path)).first("access-control-allow-origin")
    assert found == (OTHER if public else None)


def test_a_long_encoded_path_is_not_decoded() -> None:
    app = extended(ours(), {"resources": {"/api/*": {"origins": "*"}}})
    for length, allowed in ((MAX_ENCODED_PATH, True), (MAX_ENCODED_PATH + 1, False)):
        path = "/api/".ljust(length, "%")
        found = call(app, get(OTHER, path)).first("access-control-allow-origin")
        assert (found is not None) is allowed
    path = "/api/".ljust(10 * MAX_ENCODED_PATH, "a")
    assert call(app, get(OTHER, path)).first("access-control-allow-origin")
