"""The browser matrix, decided without a browser: could a page read the response?

`page_reads` is the part of the Fetch standard that a browser applies to our headers. Some outcomes
depend on the browser alone (caches, redirects, cookies). These cases are decided here only as far
as the headers of each single exchange allow.
"""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest
from corpus import browser_matrix, case_id
from support.surfaces import SURFACES, Asked, Outcome, asgi_app, make_policy, wsgi_app

from corsfast import PolicyError
from corsfast.errors import RISKS

NOT_OURS = {
    "b04": "there is no policy",
    "b61": "a malformed Access-Control-Allow-Headers, which cannot be sent",
}
# Policies that are rejected at start-up: the code, and the hint if it matters.
REFUSED = {
    "b15": ("unicode-host", "'http://xn--bcher-kva.test:8001'"),
    "b57": ("out-of-range", "204"),
    "b58": ("out-of-range", "204"),
    "b59": ("out-of-range", "204"),
    "b60": ("out-of-range", "204"),
    "b65": ("out-of-range", "86400"),
    "b72": ("expose-any-with-credentials", None),
}
# Cases whose outcome differs from the matrix, each with the reason.
DISAGREE = {
    "b41": (True, "raw '*' fails in the browser; with credentials the method is echoed instead"),
    "b47": (True, "raw '*' fails in the browser; with credentials the names are echoed instead"),
    "b44": (True, "safelisted names need no permission: Content-Type is always listed"),
    "b51": (True, "safelisted names need no permission: Range is always listed"),
    "b52": (True, "safelisted names need no permission: Accept is always listed"),
    "b53": (True, "safelisted names need no permission: Accept is always listed"),
}
# These are outside of the CORS protocol. The request must reach the application.
NOT_CORS = {
    "b86": "a navigation",
    "b87": "a same-origin request",
    "b88": "a WebSocket handshake",
}

CASES = browser_matrix()


def options_of(policy: dict[str, Any]) -> dict[str, Any]:
    names = {
        "expose": "expose_headers",
        "credentials": "allow_credentials",
        "methods": "allow_methods",
        "headers": "allow_headers",
        "max_age": "max_age",
        "preflight_status": "preflight_status",
    }
    options = {names[name]: value for name, value in policy.items() if name in names}
    origins = [policy["configured_as"]] if "configured_as" in policy else policy.get("origins", [])
    options["allow_origins"] = [*origins, *policy.get("patterns", ())]
    options["dangerously_tolerate"] = RISKS
    return options


@functools.cache
def _policy(engine: Any, policy: str) -> Any:
    return make_policy(engine, options_of(json.loads(policy)))


# -- the browser -----------------------------------------------------------------------------


def cors_check(answer: Outcome, origin: str, include: bool) -> bool:
    """Run https://fetch.spec.whatwg.org/#concept-cors-check"""
    allowed = ", ".join(answer.get("access-control-allow-origin"))
    if allowed == "*" and not include:
        return True
    if allowed != origin:
        return False
    return not include or answer.get("access-control-allow-credentials") == ["true"]


def listed(answer: Outcome, name: str) -> list[str]:
    return [item.strip() for line in answer.get(name) for item in line.split(",") if item.strip()]


def preflight_check(answer: Outcome, request: Asked, include: bool) -> bool:
    """Run https://fetch.spec.whatwg.org/#cors-preflight-fetch, from step 7"""
    assert isinstance(request.origin, str)
    if not (cors_check(answer, request.origin, include) and 200 <= answer.status <= 299):
        return False
    methods = listed(answer, "access-control-allow-methods")
    if request.acrm not in [*methods, "GET", "HEAD", "POST"]:
        if include or "*" not in methods:
            return False
    names = [name.lower() for name in listed(answer, "access-control-allow-headers")]
    asked = request.acrh.split(",") if isinstance(request.acrh, str) else []
    return all(
        name in names or ("*" in names and not include and name != "authorization")
        for name in asked
    )


def page_reads(policy: Any, surface: Any, case: dict[str, Any]) -> bool:
    wire = case["wire"]
    include = case["request"].get("credentials") == "include"
    if wire["preflight"]:
        preflight = Asked("OPTIONS", wire["origin"], wire["acrm"], wire["acrh"])
        if not preflight_check(surface(policy, preflight), preflight, include):
            return False
    method = wire["acrm"] or case["request"].get("method", "GET")
    return cors_check(surface(policy, Asked(method, wire["origin"])), wire["origin"], include)


# -- the cases -------------------------------------------------------------------------------


def _but(*left_out: dict[str, Any]) -> list[dict[str, Any]]:
    ids = {case for table in left_out for case in table}
    return [case for case in CASES if case["id"] not in ids]


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("case", _but(NOT_OURS, REFUSED, NOT_CORS), ids=case_id)
def test_page_reads(engine: Any, case: dict[str, Any], surface: str) -> None:
    policy = _policy(engine, json.dumps(case["policy"]))
    expected = case["expect"]["outcome"] == "resolved"
    if case["id"] in DISAGREE:
        assert expected is not DISAGREE[case["id"]][0]
        expected = DISAGREE[case["id"]][0]
    assert page_reads(policy, SURFACES[surface], case) is expected

    answer = SURFACES[surface](policy, Asked("GET", case["wire"]["origin"]))
    if "acao" in case["expect"]:
        wanted = case["expect"]["acao"]
        assert answer.get("access-control-allow-origin") == ([] if wanted is None else [wanted])
    if "vary_origin" in case["expect"]:
        assert ("Origin" in listed(answer, "vary")) is case["expect"]["vary_origin"]


@pytest.mark.parametrize("app", [asgi_app, wsgi_app])
@pytest.mark.parametrize("case", [c for c in CASES if "app_sets" in c["policy"]], ids=case_id)
def test_with_headers_of_the_application(engine: Any, case: dict[str, Any], app: Any) -> None:
    policy = _policy(engine, json.dumps(case["policy"]))
    sent = list(case["policy"]["app_sets"].items())
    answer = app(policy, Asked("GET", case["wire"]["origin"]), 200, sent)
    assert cors_check(answer, case["wire"]["origin"], False)
    assert len(answer.get("access-control-allow-origin")) == 1
    if "vary" in case["expect"]:
        assert [name.lower() for name in listed(answer, "vary")] == case["expect"]["vary"]


@pytest.mark.parametrize("app", [asgi_app, wsgi_app])
@pytest.mark.parametrize("case", [c for c in CASES if "status" in c["policy"]], ids=case_id)
def test_errors_are_readable(engine: Any, case: dict[str, Any], app: Any) -> None:
    policy = _policy(engine, json.dumps(case["policy"]))
    answer = app(policy, Asked("GET", case["wire"]["origin"]), case["policy"]["status"])
    assert answer.status == case["policy"]["status"]
    assert cors_check(answer, case["wire"]["origin"], False)


@pytest.mark.parametrize("case", [c for c in CASES if c["id"] in NOT_CORS], ids=case_id)
def test_reaches_the_application(engine: Any, case: dict[str, Any]) -> None:
    policy = _policy(engine, json.dumps(case["policy"]))
    request = Asked(case["request"].get("method", "GET"), case["wire"]["origin"])
    for app in (asgi_app, wsgi_app):
        answer = app(policy, request)
        assert answer.reached_application
        assert answer.headers == [("vary", "Origin")]


@pytest.mark.parametrize("case", [c for c in CASES if c["id"] in REFUSED], ids=case_id)
def test_refused_at_start_up(engine: Any, case: dict[str, Any]) -> None:
    code, hint = REFUSED[case["id"]]
    with pytest.raises(PolicyError) as caught:
        make_policy(engine, options_of(case["policy"]))
    (problem,) = caught.value.problems
    assert problem.code == code
    assert hint in (None, problem.hint)


def test_exceptions_are_cases() -> None:
    assert len(CASES) == 89
    assert {case["id"] for case in CASES} >= {*NOT_OURS, *REFUSED, *DISAGREE, *NOT_CORS}
