"""All features of the generic middlewares together, and the middlewares as values.

Each feature has a file of its own. These tests check that the features do not interfere.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import pickle
from pathlib import Path
from typing import Any

import pytest
from support.client import DOORS, preflight_of
from support.engines import HAS_GIL

import corsfast
from corsfast import PolicyHolder
from corsfast.middleware.paths import PathRules
from corsfast.middleware.resolver import OriginResolver

APP = "https://app.example.com"
TENANT = "https://tenant.example"
OTHER = "https://other.example"
OWN = "https://api.example"
HOST = "api.example"

SOURCES = ["policy", "holder", "callable", "paths"]
GRID = list(itertools.product(SOURCES, *[[False, True]] * 4))


def is_tenant(origin: str) -> bool:
    return origin == TENANT


def features(
    engine: Any, source: str, block: bool, looks_up: bool, reports: bool, keep: bool
) -> Any:
    policy = engine.Policy(allow_origins=[APP], existing="keep" if keep else "replace")
    given: dict[str, Any] = {
        "policy": {"policy": policy},
        "holder": {"policy": PolicyHolder(policy)},
        "callable": {"policy": lambda: policy},
        "paths": {"paths": {"/x/*": policy, "/y/*": None}},
    }[source]
    if block:
        given["cross_site"] = "refuse_all"
    if looks_up:
        given["resolver"] = OriginResolver(is_tenant)
    if reports:
        given["report_only"] = engine.Policy(allow_origins=[OTHER])
    return given


@pytest.mark.parametrize(("source", "block", "looks_up", "reports", "keep"), GRID)
def test_any_of_them_together(
    engine: Any, door: Any, source: str, block: bool, looks_up: bool, reports: bool, keep: bool
) -> None:
    given = features(engine, source, block, looks_up, reports, keep)
    ask = door.around(**given, sent=[("Access-Control-Allow-Origin", "https://own.example")])
    own = "https://own.example"
    asked = 0
    for _ in range(2):
        for origin, allowed in ((APP, True), (TENANT, looks_up), (OTHER, False), ("bad", False)):
            reply = ask("POST", "/x/y", origin=origin, host=HOST)
            reached = allowed or not block
            assert (reply.status, reply.reached) == ((200, True) if reached else (403, False))
            assert reply.vary == ("Origin" if reached else "Origin, Sec-Fetch-Site")
            if not reached:
                assert reply.origin is None
            elif keep:
                assert reply.origin == own
            else:
                assert reply.origin == (origin if allowed else None)
            reply = ask("OPTIONS", "/x/y", **preflight_of(origin), host=HOST)
            assert (reply.status, reply.reached) == (204 if allowed else 403, False)
            assert reply.origin == (origin if allowed else None)
            asked += 2
        for headers in ({}, {"origin": OWN, "host": HOST}):
            assert ask("POST", "/x/y", **headers).reached
            asked += 1
        if source == "paths":
            reply = ask("POST", "/y/x", origin=OTHER, host=HOST)
            assert (reply.reached, reply.origin, reply.vary) == (True, own, "")
            asked += 1
    report = ask.middleware.report
    assert (report is not None) is reports
    if report is not None:
        assert sum(report.counts.values()) == asked


@pytest.mark.parametrize("websockets", ["check", "pass"])
@pytest.mark.parametrize(("source", "block", "looks_up", "reports", "keep"), GRID)
def test_handshakes_with_any_of_them(
    engine: Any,
    websockets: Any,
    source: str,
    block: bool,
    looks_up: bool,
    reports: bool,
    keep: bool,
) -> None:
    door = DOORS["asgi"]
    given = features(engine, source, block, looks_up, reports, keep)
    middleware = door.around(**given, websockets=websockets).middleware
    for path, origin, allowed in (
        ("/x/y", APP, True),
        ("/x/y", None, True),
        ("/x/y", OWN, True),
        ("/x/y", TENANT, looks_up),
        ("/x/y", OTHER, False),
        ("/x/y", "bad", False),
        ("/y/x", OTHER, source == "paths"),
    ):
        headers = {"host": HOST} if origin is None else {"host": HOST, "origin": origin}
        scope = {**door.request("GET", path, **headers), "type": "websocket"}
        del scope["method"]
        reply = asyncio.run(door.ask(middleware, scope))
        assert reply.reached is (allowed or websockets == "pass")
        assert reply.status == (101 if reply.reached else 403)


# -- as values -------------------------------------------------------------------------------


def application(*call: Any) -> Any:
    return "called"


POLICY = corsfast.Policy(allow_origins=[APP])


def now() -> Any:
    return POLICY


CASES: list[dict[str, Any]] = [
    {"policy": POLICY},
    {"allow_origins": [APP]},
    {"policy": PolicyHolder(POLICY)},
    {"policy": now},
    {"paths": {"/a/*": POLICY, "/b": {"allow_origins": "*"}, "/c": None, "/d": now}},
    {"policy": POLICY, "cross_site": "refuse_all"},
    {"policy": POLICY, "report_only": {"/a/*": {"allow_origins": "*"}}},
    {"policy": POLICY, "report_only": now},
    {"policy": POLICY, "resolver": OriginResolver(is_tenant, ttl=5)},
]


def shown(middleware: Any) -> Any:
    """Return the arguments of a middleware in a form that can be compared."""
    features = middleware._features
    fields = {name: getattr(features, name) for name in features.__slots__}
    for name, value in fields.items():
        if isinstance(value, PolicyHolder):
            fields[name] = value.policy
        elif isinstance(value, PathRules):
            fields[name] = value.rules
        elif isinstance(value, OriginResolver):
            fields[name] = value.__reduce__()[1]
    return type(middleware), middleware.app, fields


@pytest.mark.parametrize("given", CASES, ids=range(len(CASES)))
def test_copies_keep_the_features(door: Any, given: dict[str, Any]) -> None:
    middleware = door.CORSMiddleware(application, **given)
    for make in (copy.copy, lambda it: pickle.loads(pickle.dumps(it)), copy.deepcopy):
        other = make(middleware)
        assert other is not middleware
        assert shown(other) == shown(middleware)


def test_copies_keep_the_way_of_handshakes() -> None:
    for websockets in ("check", "pass"):
        middleware = DOORS["asgi"].CORSMiddleware(application, POLICY, websockets=websockets)
        again = pickle.loads(pickle.dumps(copy.copy(middleware)))
        scope = {"type": "websocket", "headers": [(b"origin", OTHER.encode())]}
        found = again(scope, None, None)
        assert (found == "called") is (websockets == "pass")
        if found != "called":
            found.close()


def test_a_copy_shares_its_holder_and_counts_for_itself(door: Any) -> None:
    holder = PolicyHolder(POLICY)
    ask = door.around(holder, report_only=POLICY)
    other = copy.copy(ask.middleware)
    ask("GET", origin=APP)
    assert (sum(ask.middleware.report.counts.values()), other.report.counts) == (1, {})
    holder.policy = corsfast.Policy(allow_origins=())
    assert other.policy is holder.policy


@pytest.mark.parametrize("name", ["policy", "report"])
def test_read_only_attributes(door: Any, name: str) -> None:
    middleware = door.around(POLICY).middleware
    with pytest.raises(AttributeError):
        setattr(middleware, name, POLICY)


def test_unused_features_cost_nothing(engine: Any, door: Any) -> None:
    """Without features the middleware calls the application directly."""
    inner = object()
    policy = engine.Policy(allow_origins=[APP])
    policy.actual(APP)  # builds this thread's replica without the GIL
    middleware = door.CORSMiddleware(lambda *call: inner, policy)
    assert middleware._selector is None
    assert middleware.report is None
    calls: list[str] = []

    def trace(frame: Any, event: str, argument: Any) -> None:
        if event == "call":
            calls.append(frame.f_code.co_filename)

    import sys

    request = door.request("GET", origin=APP)
    arguments = (request, None, None) if door.name == "asgi" else (request, lambda *call: None)
    sys.setprofile(trace)
    try:
        assert middleware(*arguments) is inner
    finally:
        sys.setprofile(None)
    package = Path(corsfast.__file__).parent
    files = {Path(name).name for name in calls if Path(name).is_relative_to(package)}
    locked = set() if HAS_GIL else {"counts.py"}
    assert files <= {"handlers.py", "pure.py", "headers.py", *locked}
    assert ("pure.py" in files) is (engine.IMPLEMENTATION == "pure")
