"""Our middlewares pass the conformance cases of the Gateway API, with the policy of the route."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from corpus import case_id
from support.gateway import CASES, check, policy_of
from support.surfaces import SURFACES, Asked

pytestmark = pytest.mark.server  # the route is read with PyYAML


@pytest.mark.parametrize("case", CASES, ids=case_id)
@pytest.mark.parametrize("surface", ["asgi-app", "wsgi-app"])
def test_gateway_conformance(surface: str, case: dict[str, Any], engine: Any) -> None:
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        policy = policy_of(case["filter"], engine)
    got = SURFACES[surface](policy, Asked(**case["request"]))
    check(case, got.status, got.headers)


def test_there_are_17_cases() -> None:
    assert len(CASES) == 17
