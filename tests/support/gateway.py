"""The conformance cases of HTTPRoute's CORS filter: gateway-cors.jsonl.

The 17 cases of conformance/tests/httproute-cors.go in sigs.k8s.io/gateway-api, version 1.7, in our
own words: which origins are allowed, and whether credentials are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from corpus import rows
from support.browser_side import covers

import corsfast
from corsfast._cli.imports.kubernetes import read_routes
from corsfast.errors import RISKS

CASES = rows("gateway-cors.jsonl")


def options_of(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options that `corsfast import` reads from a filter."""
    rules = [{"filters": [{"type": "CORS", "cors": given}]}]
    text = json.dumps({"kind": "HTTPRoute", "spec": {"rules": rules}})
    reading = read_routes("route.json", text)
    assert not reading.unread
    (found,) = reading.policies
    return found.options | {"dangerously_tolerate": RISKS}


def policy_of(given: dict[str, Any], engine: Any = corsfast) -> Any:
    return engine.Policy(**options_of(given))


def check(case: dict[str, Any], status: int, fields: Iterable[tuple[str, str]]) -> None:
    """Check the response to the request of a case."""
    headers = [(name.lower(), value) for name, value in fields]
    request = case["request"]
    origins = [value for name, value in headers if name == "access-control-allow-origin"]
    credentials = [value for name, value in headers if name == "access-control-allow-credentials"]
    allowed = case["allow_origin"]
    if not allowed:
        assert origins == []
        assert request["method"] != "OPTIONS" or status in (200, 204, 403)
        return
    assert len(origins) == 1
    assert origins[0] in allowed
    if case["credentials"] is not None:
        assert credentials == (["true"] if case["credentials"] else [])
    assert status in (200, 204)
    if request["method"] == "OPTIONS":
        assert covers(headers, request["acrm"], request["acrh"])
