"""Threads that share a policy, its caches, its counts and a holder, and check every answer.

scripts/test-tsan runs this file as a program, because pytest takes minutes to start under
ThreadSanitizer: python tests/engine/test_races.py ROUNDS
"""

from __future__ import annotations

import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
from support.client import DOORS, preflight_of

from corsfast import Outcome, PolicyHolder

# Without the GIL, these are more threads than replicas of a policy, so some share caches.
THREADS = 20
# More texts of one length than a cache has slots, so each thread replaces what others compare.
ORIGINS = [f"https://h{i:03}.example.com" for i in range(100)]
NAMES = [f"x-{i:02}" for i in range(40)]
OPTIONS: dict[str, Any] = {
    "allow_origins": ["https://*.example.com"],
    "allow_methods": ["PUT"],
    "allow_headers": NAMES,
}


def share(engine: Any, rounds: int) -> None:
    policy = engine.Policy(**OPTIONS)
    shared = policy.actual(ORIGINS[0])
    policy.stats(reset=True)
    holder = PolicyHolder(engine.Policy(**OPTIONS))
    doors = [door.around(holder) for door in DOORS.values()]
    start = threading.Barrier(THREADS)

    def work(seed: int) -> int:
        chosen = random.Random(seed)
        counted = 0
        mine = doors
        start.wait()
        for i in range(rounds):
            origin = chosen.choice(ORIGINS)
            names = ",".join(sorted(chosen.sample(NAMES, 3)))
            for _ in range(2):  # a cache stores a text that comes twice in a row
                decisions = [policy.actual(origin), policy.preflight(origin, "PUT", names)]
                for decision in decisions:
                    assert dict(decision.headers)["Access-Control-Allow-Origin"] == origin
                assert not policy.actual(origin[:-1] + "n").allowed
            again = policy.actual(ORIGINS[0])
            assert shared == again
            assert hash(shared) == hash(again)
            assert [shared.headers, shared.raw_headers] == [again.headers, again.raw_headers]
            if i % 5 == seed % 5:
                holder.policy = engine.Policy(**OPTIONS, max_age=seed)
                mine = [door.around(holder) for door in DOORS.values()]
            for door in mine:
                assert door("GET", origin=origin).origin == origin
                assert door("OPTIONS", **preflight_of(origin, "PUT")).origin == origin
            counted += policy.stats(reset=True)[Outcome.ALLOWED] if seed == 0 else 0
        return counted

    with ThreadPoolExecutor(THREADS) as pool:
        counted = sum(pool.map(work, range(THREADS)))
    assert counted + policy.stats()[Outcome.ALLOWED] == THREADS * rounds * 5


def test_threads_share_a_policy(engine: Any) -> None:
    share(engine, 10)


if __name__ == "__main__":
    from corsfast._engine import native

    share(native, int(sys.argv[1]))
