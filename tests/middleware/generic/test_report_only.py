"""`report_only`: a candidate policy is counted and logged along with the policy in force."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest
from support.client import DOORS, preflight_of

import corsfast
from corsfast import Outcome, PolicyHolder
from corsfast.middleware._generic import limited_log
from corsfast.middleware.resolver import OriginResolver

APP = "https://app.example.com"
OTHER = "https://other.example"
NO_ORIGIN, ALLOWED, REFUSED = Outcome.NO_ORIGIN, Outcome.ALLOWED, Outcome.ORIGIN_NOT_ALLOWED


@pytest.fixture
def policies(Policy: Any) -> tuple[Any, Any]:
    return Policy(allow_origins=[APP]), Policy(allow_origins=[OTHER], allow_methods=["PUT"])


def test_it_enforces_nothing(policies: Any, door: Any) -> None:
    enforced, candidate = policies
    ask, plain = door.around(enforced, report_only=candidate), door.around(enforced)
    for origin in (APP, OTHER, "null", "garbage"):
        for headers in ({}, {"origin": origin}, preflight_of(origin), preflight_of(origin, "PUT")):
            for method in ("GET", "OPTIONS"):
                assert ask(method, **headers) == plain(method, **headers)
    assert ask.middleware.policy is enforced
    assert plain.middleware.report is None


def test_it_counts_pairs_of_outcomes(policies: Any, door: Any) -> None:
    enforced, candidate = policies
    ask = door.around(enforced, report_only=candidate)
    report = ask.middleware.report
    assert report.counts == {}
    for _ in range(3):
        ask("GET", origin=APP)
    ask("GET", origin=OTHER)
    ask("GET", origin="garbage")
    ask("GET")
    ask("OPTIONS", **preflight_of(OTHER, "DELETE"))
    assert report.counts == {
        (ALLOWED, REFUSED): 3,
        (REFUSED, ALLOWED): 1,
        (Outcome.ORIGIN_MALFORMED,) * 2: 1,
        (NO_ORIGIN,) * 2: 1,
        (REFUSED, Outcome.METHOD_NOT_ALLOWED): 1,
    }
    assert set(report.differences) == {
        (ALLOWED, REFUSED),
        (REFUSED, ALLOWED),
        (REFUSED, Outcome.METHOD_NOT_ALLOWED),
    }
    report.counts.clear()
    assert report.counts
    report.clear()
    assert report.counts == {}


def test_candidates_by_path(policies: Any, door: Any) -> None:
    enforced, candidate = policies
    ask = door.around(
        paths={"/a/*": enforced, "/b/*": enforced},
        report_only={"/b/*": candidate, "/c/*": {"allow_origins": "*"}},
    )
    for path in ("/a/x", "/b/x", "/c/x", "/d/x", "/A/x"):
        ask("GET", path, origin=APP)
    assert ask.middleware.report.counts == {
        (ALLOWED, None): 1,
        (ALLOWED, REFUSED): 1,
        (None, ALLOWED): 1,
        (None, None): 1,
        (REFUSED, None): 1,  # has two readings
    }


def test_candidates_that_change(policies: Any, door: Any) -> None:
    enforced, candidate = policies
    holder = PolicyHolder(enforced)
    for given in (holder, lambda: holder):
        holder.policy = enforced
        ask = door.around(enforced, report_only=given)
        ask("GET", origin=APP)
        holder.policy = candidate
        ask("GET", origin=APP)
        assert ask.middleware.report.counts == {(ALLOWED, ALLOWED): 1, (ALLOWED, REFUSED): 1}


def test_a_candidate_that_fails_breaks_nothing(policies: Any, door: Any, caplog: Any) -> None:
    ask = door.around(policies[0], report_only=lambda: 1 / 0)
    assert ask("GET", origin=APP).origin == APP
    assert ask.middleware.report.counts == {}
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("corsfast.report_only", logging.ERROR)


def test_the_outcome_in_force_is_that_of_the_look_up(policies: Any, door: Any) -> None:
    resolver = OriginResolver(lambda origin: origin == OTHER)
    ask = door.around(policies[0], report_only=policies[1], resolver=resolver)
    for _ in range(2):
        ask("GET", origin=OTHER)
        ask("GET", origin="https://third.example")
        ask("GET", origin=APP)
    ask("OPTIONS", **preflight_of(OTHER, "PUT"))
    assert ask.middleware.report.counts == {
        (ALLOWED, ALLOWED): 2,
        (REFUSED, REFUSED): 2,
        (ALLOWED, REFUSED): 2,
        (Outcome.METHOD_NOT_ALLOWED, ALLOWED): 1,
    }


def test_a_closed_path_is_counted_at_once(policies: Any, door: Any) -> None:
    resolver = OriginResolver(lambda origin: True)
    ask = door.around(paths={"/a/*": policies[0]}, report_only=policies[1], resolver=resolver)
    ask("GET", "/A/x", origin=OTHER)
    assert ask.middleware.report.counts == {(REFUSED, ALLOWED): 1}


@pytest.mark.parametrize("websockets", ["check", "pass"])
@pytest.mark.parametrize("resolver", [None, OriginResolver(lambda origin: False)])
def test_handshakes_are_counted(policies: Any, websockets: Any, resolver: Any) -> None:
    door = DOORS["asgi"]
    ask = door.around(
        policies[0], report_only=policies[1], websockets=websockets, resolver=resolver
    )
    for origin in (APP, OTHER):
        scope = {**door.request("GET", origin=origin), "type": "websocket"}
        del scope["method"]
        asyncio.run(door.ask(ask.middleware, scope))
    assert ask.middleware.report.counts == {(ALLOWED, REFUSED): 1, (REFUSED, ALLOWED): 1}


# -- the log ---------------------------------------------------------------------------------


def test_differences_are_logged(policies: Any, door: Any, caplog: Any) -> None:
    ask = door.around(policies[0], report_only=policies[1])
    ask("GET", "/a", origin=APP)
    ask("GET", "/a", origin="garbage")
    ask("GET", "/a")
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("corsfast.report_only", logging.WARNING)
    assert record.getMessage() == (
        f"GET '/a' from {APP!r}: enforced allowed, candidate origin-not-allowed"
    )


def test_a_request_cannot_forge_a_line(policies: Any, door: Any, caplog: Any) -> None:
    """CVE-2024-1681."""
    ask = door.around(policies[0], report_only=corsfast.Policy(allow_origins="*"))
    ask(
        "GET",
        "/x%0d%0aCRITICAL%1b[31m%e2%80%ae",
        origin="https://x\r\nERROR:root:\x85" + "y" * 9000,
    )
    (record,) = caplog.records
    text = record.getMessage()
    assert text.isascii()
    assert text.isprintable()
    assert len(text) < 4 * 3 * limited_log.MAX_SHOWN
    assert "..." in text


def test_a_flood_is_cut(policies: Any, door: Any, caplog: Any, monkeypatch: Any) -> None:
    ask = door.around(policies[0], report_only=policies[1])
    for _ in range(100):
        ask("GET", origin=APP)
    assert len(caplog.records) == limited_log.MAX_LINES
    monkeypatch.setattr(limited_log, "WINDOW", 0.0)
    ask("GET", origin=APP)
    assert [record.getMessage() for record in caplog.records][-2] == "90 more lines were left out"
    assert ask.middleware.report.counts == {(ALLOWED, REFUSED): 101}


def test_counting_from_many_threads(policies: Any, door: Any) -> None:
    middleware = door.around(policies[0], report_only=policies[1]).middleware

    def serve() -> None:
        ask = door.asker(middleware)
        for _ in range(100):
            ask("GET", origin=APP)

    threads = [threading.Thread(target=serve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert middleware.report.counts == {(ALLOWED, REFUSED): 400}


@pytest.mark.parametrize("wrong", [True, APP, [APP], corsfast.Policy])
def test_invalid_candidates_are_rejected(Policy: Any, door: Any, wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"report_only must be a corsfast\.Policy, .*write rep"):
        door.around(Policy(allow_origins=[APP]), report_only=wrong)


def test_the_options_of_a_candidate_belong_into_a_policy(Policy: Any, door: Any) -> None:
    options = {"allow_origins": [APP], "max_age": 5}
    said = r"write report_only=corsfast\.Policy\(allow_origins=\.\.\., max_age=\.\.\.\)"
    with pytest.raises(TypeError, match=said):
        door.around(Policy(allow_origins=[APP]), report_only=options)


def test_rules_of_a_candidate_are_checked(Policy: Any, door: Any) -> None:
    with pytest.raises(corsfast.PolicyError) as caught:
        door.around(Policy(allow_origins=[APP]), report_only={"x": None})
    assert [problem.option for problem in caught.value.problems] == ["report_only"]
