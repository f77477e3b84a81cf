"""Exported files pass the conformance cases of the Gateway API."""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from export.declared import DECLARED
from export.proxies import PROXIES, running, send_to, upstream
from support.gateway import CASES, check, policy_of

from corsfast.export import TARGETS, ExportError
from corsfast.testing import Request

# The number of cases whose filter a target cannot express. No proxy answers every origin with
# credentials.
LEFT = {"s3": 13, "aws-api-gateway": 11, "lighttpd": 9, "gateway-api": 2, "traefik": 4}
LEFT_BY_PROXIES = 2
QUICK = "QUICK" in os.environ

NAMES = {
    "origin": "Origin",
    "acrm": "Access-Control-Request-Method",
    "acrh": "Access-Control-Request-Headers",
}


@pytest.fixture(scope="module")
def behind() -> Iterator[int]:
    with upstream() as port:
        yield port


def request_of(case: dict[str, Any]) -> Request:
    fields = [(NAMES[key], case["request"][key]) for key in NAMES if case["request"][key]]
    return Request(case["request"]["method"], "https://api.example/", tuple(fields))


@pytest.mark.parametrize("target", [*(["nginx"] if QUICK else PROXIES), *DECLARED])
def test_gateway_conformance(target: str, behind: int, tmp_path: Path) -> None:
    left = 0
    for number, (_, group) in enumerate(itertools.groupby(CASES, lambda it: it["filter"])):
        cases = list(group)
        with warnings.catch_warnings(action="ignore"):
            policy = policy_of(cases[0]["filter"])
        try:
            text = TARGETS[target](policy)
        except ExportError:
            left += len(cases)
            continue
        if target in DECLARED:
            for case in cases:
                got = DECLARED[target](text)(request_of(case))
                check(case, got.status, got.headers)
            continue
        with running(target, text, tmp_path / str(number), behind) as port:
            for case in cases:
                got = send_to(port)(request_of(case))
                check(case, got.status, got.headers)
    assert left == LEFT.get(target, LEFT_BY_PROXIES)
