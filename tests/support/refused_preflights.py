"""Preflights that a browser refuses, and what Chromium says of each: a `CorsError`, and its value.

The policies and requests are written as in browser-matrix.json.
"""

from __future__ import annotations

from typing import Any

APP = "http://app.example.test:8001"
METHOD, HEADER = "MethodDisallowedByPreflightResponse", "HeaderDisallowedByPreflightResponse"
NO_ORIGIN = "PreflightMissingAllowOriginHeader"


def _case(
    name: str,
    error: str,
    parameter: str,
    method: str = "GET",
    sent: tuple[str, ...] = (),
    /,
    origin: str = APP,
    include: bool = False,
    **policy: Any,
) -> dict[str, Any]:
    return {
        "id": f"refused-{name}",
        "page": origin,
        "policy": {"origins": [APP], "credentials": include, **policy},
        "request": {
            "method": method,
            "headers": dict.fromkeys(sent, "1"),
            "credentials": "include" if include else "same-origin",
        },
        "error": error,
        "parameter": parameter,
    }


LISTS = {"methods": ["PUT", "PATCH"], "headers": ["X-Token"]}
ANY = {"methods": "*", "headers": "*"}
CASES = [
    _case("method", METHOD, "DELETE", "DELETE", **LISTS),
    _case("method-of-none", METHOD, "PUT", "PUT"),
    _case("method-lower-case", METHOD, "patch", "patch", **LISTS),
    _case("method-credentials", METHOD, "DELETE", "DELETE", include=True, **LISTS),
    _case("method-before-header", METHOD, "DELETE", "DELETE", ("x-other",), **LISTS),
    _case("method-pattern", METHOD, "PUT", "PUT", origins=[], patterns=["http://*.example.test:*"]),
    _case("method-star", METHOD, "PUT", "PUT", origins="*"),
    _case("method-any-header", METHOD, "PUT", "PUT", ("x-a",), include=True, headers="*"),
    _case("header", HEADER, "x-other", "PUT", ("x-token", "x-other"), **LISTS),
    _case("header-of-none", HEADER, "x-other", "GET", ("x-other",)),
    _case("header-status-200", HEADER, "x-other", "GET", ("x-other",), preflight_status=200),
    _case("header-any-method", HEADER, "x-other", "PUT", ("x-other",), include=True, methods="*"),
    _case("authorization", HEADER, "authorization", "PUT", ("x-a", "authorization"), **ANY),
    _case(
        "authorization-credentials",
        HEADER,
        "authorization",
        "PUT",
        ("authorization", "x-a"),
        include=True,
        **ANY,
    ),
    _case("origin", NO_ORIGIN, "", "PUT", origin="http://evil.example.test:8001", **LISTS),
    _case("origin-header", NO_ORIGIN, "", "GET", ("x-a",), origin="http://evil.example.test:8001"),
]
