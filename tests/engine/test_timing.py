"""`timing_allow_origin`: an origin that may read a response may also read its timing.

https://w3c.github.io/resource-timing/#sec-timing-allow-origin
"""

from __future__ import annotations

from typing import Any

import pytest
from support.surfaces import SURFACES, Asked, make_policy

import corsfast

APP = "https://app.example.com"
WILD = "https://a.b.example.com"
OTHER = "https://other.example"
LISTED: dict[str, Any] = {
    "allow_origins": [APP, "https://*.example.com"],
    "allow_methods": "*",
    "allow_headers": "*",
    "allow_credentials": True,
    "timing_allow_origin": True,
}
ANY_ORIGIN: dict[str, Any] = {"allow_origins": "*", "timing_allow_origin": True}


@pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)
@pytest.mark.parametrize(
    ("options", "origin", "expected"),
    [
        (LISTED, APP, [APP]),
        (LISTED, WILD, [WILD]),
        (LISTED, OTHER, []),
        (LISTED, "null", []),
        (LISTED, "garbage", []),
        (LISTED, None, []),
        (ANY_ORIGIN, APP, ["*"]),
        (ANY_ORIGIN, None, ["*"]),
    ],
)
def test_it_is_the_allowed_origin(
    engine: Any, surface: Any, options: dict[str, Any], origin: str | None, expected: list[str]
) -> None:
    policy = make_policy(engine, options)
    answer = surface(policy, Asked("GET", origin))
    assert answer.get("timing-allow-origin") == expected
    assert answer.get("access-control-allow-origin") == expected
    # The option changes nothing else.
    off = surface(
        make_policy(engine, {**options, "timing_allow_origin": False}), Asked("GET", origin)
    )
    assert off.headers == [pair for pair in answer.headers if pair[0] != "timing-allow-origin"]


@pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)
@pytest.mark.parametrize("options", [LISTED, ANY_ORIGIN], ids=["listed", "any origin"])
@pytest.mark.parametrize("origin", [APP, WILD, OTHER])
def test_a_preflight_has_no_timings(
    engine: Any, surface: Any, options: dict[str, Any], origin: str
) -> None:
    answer = surface(make_policy(engine, options), Asked("OPTIONS", origin, "GET"))
    assert answer.get("timing-allow-origin") == []


def test_vary_stays_the_last(engine: Any) -> None:
    policy = make_policy(engine, LISTED)
    for origin in (APP, WILD):
        assert policy.actual(origin).headers[-1] == ("Vary", "Origin")
        assert policy.actual(origin).raw_headers[-1] == (b"vary", b"Origin")


def test_beyond_the_prebuilt_answers(engine: Any) -> None:
    origins = [f"https://a{i}.example" for i in range(1100)]
    policy = make_policy(engine, {"allow_origins": origins, "timing_allow_origin": True})
    assert dict(policy.actual(origins[-1]).headers)["Timing-Allow-Origin"] == origins[-1]


def test_only_a_bool_will_do(engine: Any) -> None:
    with pytest.raises(corsfast.PolicyError) as caught:
        engine.Policy(allow_origins=[APP], timing_allow_origin=APP)
    (problem,) = caught.value.problems
    assert (problem.code, problem.option) == ("type", "timing_allow_origin")
    assert problem.hint == "True or False"
