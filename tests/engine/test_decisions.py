"""Requests and their exact answers: decisions.jsonl and requests.jsonl."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest
from corpus import build, case_id, rows
from support.surfaces import SURFACES, Asked, Outcome, make_policy, on_each_surface

# The outcomes whose answer shows an allowed origin its permissions. The browser refuses it.
SHOWN = ("method-not-allowed", "header-not-allowed")

EXACT = rows("decisions.jsonl")
OUTCOMES = rows("requests.jsonl")


@functools.cache
def _policy(engine: Any, options: str) -> Any:
    return make_policy(engine, build(json.loads(options)))


def policy_of(engine: Any, case: dict[str, Any]) -> Any:
    return _policy(engine, json.dumps(case["policy"]))


def request_of(case: dict[str, Any]) -> Asked:
    return Asked(**build(case["request"]))


def ask(engine: Any, case: dict[str, Any], surface: str) -> Outcome:
    return SURFACES[surface](policy_of(engine, case), request_of(case))


@pytest.mark.parametrize("case", EXACT, ids=case_id)
def test_exact_answer(engine: Any, case: dict[str, Any]) -> None:
    on_each_surface(request_of(case), lambda surface: is_exact(case, ask(engine, case, surface)))


def is_exact(case: dict[str, Any], answer: Outcome) -> None:
    """Compare an answer with a row of decisions.jsonl."""
    headers = [(name, value) for name, value in case["headers"]]
    assert answer.headers == sorted((name.lower(), value) for name, value in headers)
    assert answer.status == (case["status"] or 200)
    assert answer.reached_application is (case["status"] is None)
    decision = answer.decision
    if decision is not None:
        assert decision.outcome.value == case["outcome"]
        assert decision.allowed is (case["outcome"] == "allowed")
        assert decision.status == case["status"]
        assert decision.is_preflight is (case["status"] is not None)
        assert decision.headers == tuple(headers)
        assert decision.raw_headers == tuple(
            (name.lower().encode(), value.encode()) for name, value in headers
        )
        vary = dict(headers).get("Vary", "")
        assert decision.vary == tuple(vary.split(", ") if vary else ())


@pytest.mark.parametrize("case", OUTCOMES, ids=case_id)
def test_outcome(engine: Any, case: dict[str, Any]) -> None:
    on_each_surface(request_of(case), lambda surface: has_outcome(case, ask(engine, case, surface)))


def has_outcome(case: dict[str, Any], answer: Outcome) -> None:
    """Compare an answer with a row of requests.jsonl."""
    if answer.decision is not None:
        assert answer.decision.outcome.value == case["outcome"]
    sends_origin = answer.get("access-control-allow-origin") != []
    assert sends_origin is (case["outcome"] in ("allowed", *SHOWN))


@pytest.mark.parametrize("case", EXACT + OUTCOMES, ids=case_id)
def test_allows_origin(engine: Any, case: dict[str, Any]) -> None:
    request = request_of(case)
    policy = policy_of(engine, case)
    origin = ",".join(request.origin) if isinstance(request.origin, list) else request.origin
    allowed = policy.allows_origin(origin)
    assert allowed is policy.actual(origin).allowed
    if origin is None or case["outcome"].startswith("origin-"):
        assert allowed is False
    else:
        assert allowed is True


def test_every_outcome_has_a_case() -> None:
    from corsfast import Outcome

    assert {case["outcome"] for case in EXACT} | {case["outcome"] for case in OUTCOMES} == {
        outcome.value for outcome in Outcome
    }


@pytest.mark.parametrize(
    ("count", "by"),
    [
        (0, ("native", "pure")),
        (1, ("native", "pure")),
        (32, ("native", "pure")),
        (33, ("pure",)),
        (1024, ("pure",)),
        (1025, ()),
    ],
)
def test_answers_are_shared(engine: Any, count: int, by: tuple[str, ...]) -> None:
    """Parts that do not depend on the request are built once, if that is worth the memory."""
    shared = engine.IMPLEMENTATION in by
    origins = [f"https://a{i}.example" for i in range(count)] if count else "*"
    policy = engine.Policy(allow_origins=origins)
    one, two = (policy.actual("https://a0.example") for _ in range(2))
    assert (one is two) is shared
    assert one == two
    one, two = (policy.preflight("https://a0.example", "GET") for _ in range(2))
    assert (one is two) is shared
    assert one == two
    assert policy.actual("bad") is policy.actual("worse")
    assert policy.preflight("bad", "") is policy.preflight("worse", "")
    assert policy.actual(None) is policy.actual(None)


def test_nothing_of_a_decision_shows_in_the_next(engine: Any) -> None:
    """The native engine builds new decisions in the memory of released ones."""
    policy = engine.Policy(
        allow_origins=["https://*.example.com"],
        allow_methods="*",
        allow_headers="*",
        allow_credentials=True,
    )
    for _ in range(3):
        # These are more than the free list holds, so others are newly allocated.
        answers = [
            policy.preflight(f"https://a{i}.example.com", f"M{i}", f"x-{i}") for i in range(200)
        ]
        answers += [policy.actual(f"https://b{i}.example.com") for i in range(200)]
        for i in range(200):
            said, later = dict(answers[i].headers), dict(answers[200 + i].headers)
            assert said["Access-Control-Allow-Origin"] == f"https://a{i}.example.com"
            assert said["Access-Control-Allow-Methods"] == f"M{i}"
            assert said["Access-Control-Allow-Headers"] == f"x-{i}"
            assert later["Access-Control-Allow-Origin"] == f"https://b{i}.example.com"
            assert "Access-Control-Allow-Methods" not in later
            assert "Access-Control-Allow-Headers" not in later
        answers.reverse()
        del answers[::3], said, later
