"""Applying a decision to an application's response: responses.jsonl.

The tests call `apply_wsgi` and `apply_asgi` directly, and then the middlewares around an
application that sends these headers. They use every status that a browser treats specially, and
304, which updates a cached response (https://fetch.spec.whatwg.org/#cors-protocol-and-http-caches).
"""

from __future__ import annotations

from typing import Any

import pytest
from corpus import build, case_id, rows
from support.surfaces import Asked, asgi_app, decide, make_policy, wsgi_app

CASES = rows("responses.jsonl")
ACTUAL = [case for case in CASES if "acrm" not in case["request"]]


def policy_and_request(engine: Any, case: dict[str, Any]) -> tuple[Any, Asked]:
    return make_policy(engine, build(case["policy"])), Asked(**case["request"])


def raw(pairs: list[list[str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]


@pytest.mark.parametrize("kind", [tuple, list])
@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_apply_wsgi(engine: Any, case: dict[str, Any], kind: type) -> None:
    policy, request = policy_and_request(engine, case)
    sent = [kind(pair) for pair in case["sent"]]
    before = [kind(pair) for pair in sent]
    result = policy.apply_wsgi(decide(policy, request).decision, sent)
    assert [list(pair) for pair in result] == case["expect"]
    assert type(result) is list
    assert result is not sent
    assert sent == before


@pytest.mark.parametrize("kind", [tuple, list])
@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_apply_asgi(engine: Any, case: dict[str, Any], kind: type) -> None:
    policy, request = policy_and_request(engine, case)
    sent = [kind(pair) for pair in raw(case["sent"])]
    before = [kind(pair) for pair in sent]
    result = policy.apply_asgi(decide(policy, request).decision, sent)
    # The application's own names keep their case; ours are lower case, as ASGI requires.
    own = {name for name, _ in case["sent"]}
    expect = [[name if name in own else name.lower(), value] for name, value in case["expect"]]
    lower = [(name.lower(), value) for name, value in result]
    assert lower == [(name.lower(), value) for name, value in raw(expect)]
    assert all(name.islower() or name.decode("latin-1") in own for name, _ in result)
    assert type(result) is list
    assert result is not sent
    assert sent == before


@pytest.mark.parametrize("app", [asgi_app, wsgi_app])
@pytest.mark.parametrize("status", [200, 302, 304, 404, 500])
@pytest.mark.parametrize("case", ACTUAL, ids=case_id)
def test_middlewares(engine: Any, case: dict[str, Any], status: int, app: Any) -> None:
    policy, request = policy_and_request(engine, case)
    answer = app(policy, request, status, case["sent"])
    assert answer.status == status
    assert answer.headers == sorted((name.lower(), value) for name, value in case["expect"])


def test_any_iterable_of_headers(engine: Any) -> None:
    policy = engine.Policy(allow_origins="*")
    decision = policy.actual("https://a.example")
    for headers in ((), [], iter([]), {}, (pair for pair in ())):
        assert policy.apply_wsgi(decision, headers) == [("Access-Control-Allow-Origin", "*")]
        assert policy.apply_asgi(decision, headers) == [(b"access-control-allow-origin", b"*")]


def test_kept_pairs_are_the_applications_own(engine: Any) -> None:
    policy = engine.Policy(allow_origins="*")
    pair = ["X-A", "b"]
    assert policy.apply_wsgi(policy.actual(None), [pair])[0] is pair


def test_a_decision_may_come_from_another_policy(engine: Any) -> None:
    """The headers are the decision's; the applying policy chooses which ones they replace."""
    keep = engine.Policy(allow_origins="*", existing="keep")
    listed = engine.Policy(allow_origins=["https://a.example"])
    sent = [("Access-Control-Allow-Origin", "x")]
    decision = listed.actual("https://a.example")
    assert keep.apply_wsgi(decision, sent) == [*sent, ("Vary", "Origin")]
