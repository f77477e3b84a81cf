"""The attack corpus: every row, on every engine, through every surface.

"deny" means that the response has no header which a browser could read as a permission, or that it
shows an allowed origin permissions that do not cover the request. "allow" means that it has the
origin. If the corpus names the layer that rejects, the outcome must belong to that layer. A row
with `config_may_reject` also passes if the policy is rejected.
"""

from __future__ import annotations

import functools
import json
import re
from typing import Any

import pytest
from corpus import build, case_id, rows
from support.browser_side import covers
from support.surfaces import SURFACES, Asked, make_policy, on_each_surface

from corsfast import PolicyError
from corsfast.errors import RISKS

# Rows that corsfast answers differently, each with the reason. The answer it gives is tested too.
DISAGREE: dict[str, tuple[str, str]] = {}

# A policy is rejected for a risk, or because one of its patterns matches nothing.
REFUSALS = {*RISKS, "dead-pattern"}

LAYERS = {"origin": "origin-", "method": "method-", "headers": "header-"}

CASES = rows("attack-corpus.jsonl")


def options_of(policy: dict[str, Any]) -> dict[str, Any]:
    return {
        "allow_origins": [
            *policy.get("allow_origins", ()),
            *policy.get("patterns", ()),
            *map(re.compile, policy.get("regex", ())),
        ],
        "allow_methods": policy["methods"],
        "allow_headers": policy["headers"],
        "allow_credentials": policy["credentials"],
    }


@functools.cache
def _policy(engine: Any, policy: str, tolerate: bool) -> Any:
    """Return the policy of a row, or None if it is rejected."""
    options = options_of(json.loads(policy))
    if tolerate:
        options["dangerously_tolerate"] = RISKS
    try:
        return make_policy(engine, options)
    except PolicyError as error:
        if {problem.code for problem in error.problems} <= REFUSALS:
            return None
        raise


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_attack(engine: Any, case: dict[str, Any]) -> None:
    may_reject = case["policy"].get("config_may_reject", False)
    policy = _policy(engine, json.dumps(case["policy"]), not may_reject)
    if policy is None:
        assert may_reject
        return
    sent = case["request"]
    request = Asked(*(build(sent[name]) for name in ("method", "origin", "acrm", "acrh")))
    assert request.is_latin1()
    expect, layer = DISAGREE.get(case["id"], (case["expect"], case["layer"]))

    def check(surface: str) -> None:
        answer = SURFACES[surface](policy, request)
        is_preflight = request.method == "OPTIONS" and request.acrm is not None
        assert answer.reached_application is not is_preflight
        names = {name for name, _ in answer.headers}
        if expect == "allow":
            assert answer.get("access-control-allow-origin") in ([request.origin], ["*"])
            assert answer.status == (204 if is_preflight else 200)
        elif "access-control-allow-origin" in names:
            assert case["request"]["acrm"] is not None
            assert layer in ("method", "headers")
            assert answer.get("access-control-allow-origin") in ([request.origin], ["*"])
            assert not covers(answer.headers, request.acrm, request.acrh)
            assert answer.status == 204
        else:
            assert names <= {"vary"}
            assert answer.status == (403 if is_preflight else 200)
        if answer.decision is not None:
            assert answer.decision.allowed is (expect == "allow")
            wanted = "allowed" if expect == "allow" else LAYERS[layer]
            assert answer.decision.outcome.value.startswith(wanted)

    on_each_surface(request, check)


def test_exceptions_are_rows() -> None:
    """Every exception names an existing row, and its answer really differs from the row's."""
    expected = {case["id"]: (case["expect"], case["layer"]) for case in CASES}
    assert all(expected[row] != answer for row, answer in DISAGREE.items())
    assert len(expected) == 438
