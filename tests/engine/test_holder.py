"""Policies that change while requests are served: PolicyHolder, and callables."""

from __future__ import annotations

import asyncio
import copy
import functools
import gc
import pickle
import subprocess
import sys
import threading
import weakref
from typing import Any

import pytest
from support.client import DOORS, preflight_of

import corsfast
from corsfast import PolicyHolder
from corsfast.middleware._generic import policy_source
from corsfast.middleware.resolver import OriginResolver

APP = "https://app.example.com"
OTHER = "https://other.example"


def test_it_holds_one_policy(Policy: Any) -> None:
    one, two = Policy(allow_origins=[APP]), Policy(allow_origins=[OTHER])
    holder = PolicyHolder(one)
    assert holder.policy is one
    holder.policy = two
    assert holder.policy is two
    assert repr(holder) == f"PolicyHolder({two!r})"


@pytest.mark.parametrize("wrong", [None, APP, [APP], {"allow_origins": [APP]}, corsfast.Policy])
def test_it_holds_nothing_else(Policy: Any, wrong: Any) -> None:
    said = r"holds a corsfast\.Policy, not \w+; write PolicyHolder\(corsfast\.Policy\("
    with pytest.raises(TypeError, match=said):
        PolicyHolder(wrong)
    policy = Policy(allow_origins=[APP])
    holder = PolicyHolder(policy)
    with pytest.raises(TypeError, match=said):
        holder.policy = wrong
    assert holder.policy is policy
    with pytest.raises(AttributeError):
        holder.polcy = policy  # type: ignore[attr-defined]


def test_copies_hold_the_same_and_go_their_way(Policy: Any) -> None:
    one, two = Policy(allow_origins=[APP]), Policy(allow_origins=[OTHER])
    holder = PolicyHolder(one)
    for other in (copy.copy(holder), copy.deepcopy(holder), pickle.loads(pickle.dumps(holder))):
        assert other.policy == corsfast.Policy(allow_origins=[APP]) or other.policy == one
        other.policy = two
        assert holder.policy is one


def test_importing_corsfast_does_not_import_it() -> None:
    no_holder = "assert not any(name.endswith('.holder') for name in sys.modules)"
    code = f"import sys, corsfast; {no_holder}; corsfast.PolicyHolder"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert "PolicyHolder" in dir(corsfast)


# -- through the middlewares -----------------------------------------------------------------


def test_a_swap_is_seen_by_the_next_request(Policy: Any, door: Any) -> None:
    holder = PolicyHolder(Policy(allow_origins=[APP]))
    for given in (holder, lambda: holder, lambda: holder.policy):
        holder.policy = Policy(allow_origins=[APP])
        ask = door.around(given)
        assert ask("GET", origin=APP).origin == APP
        assert ask("OPTIONS", **preflight_of(OTHER)).status == 403
        holder.policy = other = Policy(allow_origins=[OTHER])
        assert ask("GET", origin=APP).origin is None
        assert ask("GET", origin=OTHER).origin == OTHER
        assert ask("OPTIONS", **preflight_of(OTHER)).status == 204
        assert ask.middleware.policy is other


def test_a_request_in_flight_keeps_its_policy(Policy: Any) -> None:
    holder = PolicyHolder(Policy(allow_origins=[APP]))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        holder.policy = Policy(allow_origins="*")
        await send({"type": "http.response.start", "status": 200, "headers": []})

    door = DOORS["asgi"]
    middleware = door.CORSMiddleware(app, holder)
    reply = asyncio.run(door.ask(middleware, door.request("GET", origin=APP)))
    assert reply.origin == APP
    assert door.asker(middleware)("GET", origin=APP).origin == "*"


def test_both_engines_in_one_holder(both: Any, door: Any) -> None:
    pure, native = (engine.Policy(allow_origins=[APP]) for engine in both)
    holder = PolicyHolder(pure)
    ask = door.around(holder)
    for policy in (native, pure, native):
        holder.policy = policy
        assert ask("GET", origin=APP).origin == APP


def test_a_callable_is_called_once_a_request(Policy: Any, door: Any) -> None:
    policy = Policy(allow_origins=[APP])
    calls = []
    ask = door.around(lambda: calls.append(1) or policy)
    assert calls == []
    for _ in range(3):
        ask("GET", origin=APP)
    assert calls == [1, 1, 1]


def test_new_policies_all_the_time_are_not_kept(Policy: Any, door: Any) -> None:
    seen: list[Any] = []

    def fresh() -> Any:
        holder = PolicyHolder(Policy(allow_origins=[APP]))
        seen.append(weakref.ref(holder))
        return holder

    ask = door.around(fresh)
    for _ in range(3 * policy_source.MAX_POLICIES):
        assert ask("GET", origin=APP).origin == APP
    made = ask.middleware._selector._calls._made
    assert policy_source.MAX_POLICIES <= 8
    assert len(made) <= policy_source.MAX_POLICIES
    gc.collect()
    assert sum(reference() is not None for reference in seen) <= 1


@pytest.mark.parametrize("resolves", [False, True])
def test_only_the_newest_policies_are_kept(Policy: Any, door: Any, resolves: bool) -> None:
    """A policy may be large, and a holder may be swapped often."""
    holder = PolicyHolder(Policy(allow_origins=[APP]))
    resolver = OriginResolver(lambda origin: False) if resolves else None
    ask = door.around(paths={"/": holder, "/x": Policy(allow_origins=[APP])}, resolver=resolver)
    policies = [Policy(allow_origins=[APP], max_age=i) for i in range(300)]
    for policy in policies:
        holder.policy = policy
        assert ask("GET", origin=APP).origin == APP
        assert ask("GET", origin="https://other.example").origin is None
    gc.collect()
    # Since 3.13, the arguments of `get_referrers` are a tuple that it finds as well.
    referrers = gc.get_referrers(*policies)
    tuples = [r for r in referrers if isinstance(r, tuple) and len(r) < len(policies)]
    kept = {id(item) for found in tuples for item in found}.intersection(map(id, policies))
    calls = ask.middleware._selector._calls._made
    limit = 10
    assert len(calls) <= limit
    assert [policy for policy, _ in calls.values()][-1] is policies[-1]
    assert len(kept) <= limit


def test_rules_by_path_keep_all_their_policies(Policy: Any, door: Any) -> None:
    paths = {f"/{i}": Policy(allow_origins=[APP]) for i in range(30)}
    ask = door.around(paths=paths)
    made: list[Any] = []
    calls = ask.middleware._selector._calls
    make, calls._make = calls._make, lambda policy: made.append(policy) or make(policy)
    for path in [*paths] * 3:
        assert ask("GET", origin=APP, path=path).origin == APP
    assert len(made) == 30


def test_a_callable_must_return_a_policy(door: Any) -> None:
    ask = door.around(lambda: None)
    with pytest.raises(TypeError, match=r"must return a corsfast\.Policy or a PolicyHolder, not"):
        ask("GET", origin=APP)


async def coroutine_function() -> Any:
    return None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (coroutine_function, "plain function, not a coroutine function"),
        (lambda request: None, "called without arguments"),
        (lambda *, request: None, "called without arguments"),
        (PolicyHolder, r"must be a corsfast\.Policy, .* not type"),
        (5, r"must be a corsfast\.Policy, a PolicyHolder or .* not int"),
    ],
)
def test_invalid_policy_sources_are_rejected(door: Any, wrong: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        door.around(wrong)


def test_sources_that_are_odd_but_right(Policy: Any, door: Any) -> None:
    policy = Policy(allow_origins=[APP])

    class Source:
        def __call__(self, optional: int = 5, *args: Any, **kwargs: Any) -> Any:
            return policy

    for source in (Source(), functools.partial(lambda found: found, policy)):
        assert door.around(source)("GET", origin=APP).origin == APP


def test_swaps_and_requests_from_many_threads(Policy: Any, door: Any) -> None:
    """Each response comes from exactly one policy."""
    policies = [
        Policy(allow_origins=[APP], expose_headers=["X-One"]),
        Policy(allow_origins=[APP], expose_headers=["X-Two"], allow_credentials=True),
    ]
    expected = [door.around(policy)("GET", origin=APP).headers for policy in policies]
    holder = PolicyHolder(policies[0])
    middleware = door.around(holder).middleware
    done = threading.Event()
    seen: list[int] = []
    wrong: list[Any] = []

    def swap() -> None:
        while not done.is_set():
            for policy in policies:
                holder.policy = policy

    def serve() -> None:
        ask = door.asker(middleware)
        for _ in range(150):
            headers = ask("GET", origin=APP).headers
            if headers in expected:
                seen.append(expected.index(headers))
            else:
                wrong.append(headers)

    swapper = threading.Thread(target=swap)
    servers = [threading.Thread(target=serve) for _ in range(4)]
    swapper.start()
    for thread in servers:
        thread.start()
    for thread in servers:
        thread.join()
    done.set()
    swapper.join()
    assert wrong == []
    assert len(seen) == 600
