"""Counts of decisions: exact, by outcome and kind, by every method, and with many threads."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import pytest

from corsfast import Outcome

APP = "https://app.example.com"
OTHER = "https://other.example"


def scope(method: str = "GET", **fields: str) -> dict[str, Any]:
    headers = [(name.replace("_", "-").encode(), v.encode()) for name, v in fields.items()]
    return {"type": "http", "method": method, "headers": headers}


def counted(stats: dict[Outcome, int]) -> dict[str, int]:
    return {outcome.value: number for outcome, number in stats.items() if number}


# A call of a policy, the outcome that it counts, whether it is a preflight.
CALLS = [
    (lambda p: p.actual(None), "no-origin", False),
    (lambda p: p.actual(APP), "allowed", False),
    (lambda p: p.actual("https://a.example.com"), "allowed", False),
    (lambda p: p.actual(OTHER), "origin-not-allowed", False),
    (lambda p: p.actual("x" * 400), "origin-too-long", False),
    (lambda p: p.actual(type("Text", (str,), {})("x")), "origin-malformed", False),
    (lambda p: p.allows_origin(None), "no-origin", False),
    (lambda p: p.allows_origin(APP), "allowed", False),
    (lambda p: p.allows_origin(bytearray), None, False),
    (lambda p: p.allows_origin(type("Text", (str,), {})(OTHER)), "origin-not-allowed", False),
    (lambda p: p.preflight(None, "GET"), "no-origin", False),
    (lambda p: p.preflight(APP, "GET"), "allowed", True),
    (lambda p: p.preflight(APP, "PUT"), "method-not-allowed", True),
    (lambda p: p.preflight(APP, "P T"), "method-malformed", True),
    (lambda p: p.preflight(APP, "GET", "x-a"), "header-not-allowed", True),
    (lambda p: p.preflight(APP, "GET", ["range", "x-a"]), "header-not-allowed", True),
    (lambda p: p.preflight(OTHER, "GET"), "origin-not-allowed", True),
    (lambda p: p.decide("GET", None), "no-origin", False),
    (lambda p: p.decide("GET", APP), "allowed", False),
    (lambda p: p.decide("OPTIONS", APP, "GET"), "allowed", True),
    (lambda p: p.asgi(scope()), "no-origin", False),
    (lambda p: p.asgi(scope(origin=APP)), "allowed", False),
    (lambda p: p.asgi(scope(origin=OTHER)), "origin-not-allowed", False),
    (lambda p: p.asgi({**scope(origin=APP), "headers": ((b"origin", b"x"),)}),
     "origin-malformed", False),
    (lambda p: p.asgi({**scope(), "headers": [[b"a", b"b"]]}), "no-origin", False),
    (lambda p: p.asgi(scope("OPTIONS", origin=APP, access_control_request_method="GET")),
     "allowed", True),
    (lambda p: p.wsgi({}), "no-origin", False),
    (lambda p: p.wsgi({"HTTP_ORIGIN": APP}), "allowed", False),
    (lambda p: p.wsgi({"REQUEST_METHOD": "OPTIONS", "HTTP_ORIGIN": APP,
                       "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"}), "method-not-allowed", True),
]  # fmt: skip


@pytest.mark.parametrize("at", range(len(CALLS)))
def test_each_call_counts_one_decision(engine: Any, at: int) -> None:
    call, outcome, is_preflight = CALLS[at]
    policy = engine.Policy(allow_origins=["https://*.example.com"])
    assert counted(policy.stats()) == {}
    for _ in range(3):
        if outcome is None:
            with pytest.raises(TypeError):
                call(policy)
        else:
            call(policy)
    expected = {} if outcome is None else {outcome: 3}
    stats = policy.stats()
    assert counted(stats) == expected
    assert counted(stats.preflight if is_preflight else stats.actual) == expected
    assert counted(stats.actual if is_preflight else stats.preflight) == {}


def test_outcomes_of_each_kind(engine: Any) -> None:
    stats = engine.Policy(allow_origins=[APP]).stats()
    assert [*stats] == [*Outcome]
    assert [*stats.preflight] == [*Outcome][1:]
    assert [outcome.value for outcome in stats.actual] == [
        "no-origin",
        "allowed",
        "origin-too-long",
        "origin-malformed",
        "origin-not-allowed",
    ]


def test_reset_starts_again(engine: Any) -> None:
    policy = engine.Policy(allow_origins=["*"])
    for number in (3, 2):
        for _ in range(number):
            policy.actual(OTHER)
        assert counted(policy.stats()) == counted(policy.stats()) == {"allowed": number}
        assert counted(policy.stats(reset=True)) == {"allowed": number}
    assert counted(policy.stats()) == {}


def test_counts_belong_to_one_object(engine: Any) -> None:
    policy = engine.Policy(allow_origins=[APP])
    policy.actual(APP)
    again = engine.Policy(**policy.options())
    assert again == policy
    assert hash(again) == hash(policy)
    assert counted(again.stats()) == {}
    assert counted(pickle.loads(pickle.dumps(policy)).stats()) == {}
    assert counted(policy.stats()) == {"allowed": 1}


@pytest.mark.parametrize("reset", [False, True])
def test_threads_lose_no_count(engine: Any, reset: bool) -> None:
    policy = engine.Policy(allow_origins=[APP])
    threads, times = 4, 5_000
    start = threading.Barrier(threads + 1)

    def work() -> None:
        start.wait()
        for _ in range(times):
            policy.actual(APP)
            policy.preflight(APP, "PUT")

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    start.wait()
    allowed = refused = 0
    while any(worker.is_alive() for worker in workers):
        stats = policy.stats(reset=reset)
        if reset:
            allowed += stats[Outcome.ALLOWED]
            refused += stats[Outcome.METHOD_NOT_ALLOWED]
    stats = policy.stats()
    assert allowed + stats[Outcome.ALLOWED] == threads * times
    assert refused + stats[Outcome.METHOD_NOT_ALLOWED] == threads * times
