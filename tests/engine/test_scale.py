"""One origin or a million: the same answers, and no list of origins that makes them slow.

Times are only compared with each other within one run, with a wide margin. The tests only have to
tell one look-up from a scan of all entries.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from corpus import case_id, rows
from support.clock import now
from support.surfaces import make_policy

SIZES = [1, 100, 10_000, 1_000_000]


def named(i: int) -> str:
    return f"https://tenant-{i}.customers.example.com"


def best(call: Callable[[], object], rounds: int = 9) -> float:
    """Return the shortest of several times, which other work on the machine disturbed least."""
    times = []
    for _ in range(rounds):
        start = now()
        call()
        times.append(now() - start)
    return min(times)


def asked(allows: Callable[[str], bool], words: list[str]) -> Callable[[], object]:
    def ask() -> None:
        for word in words:
            allows(word)

    return ask


# -- exact origins ---------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_like_a_set(engine: Any, size: int) -> None:
    random = Random(size)
    origins = [named(i) for i in range(size)]
    policy = engine.Policy(allow_origins=origins)
    wanted = set(origins)
    numbers = [*range(min(size, 300)), *(random.randrange(size) for _ in range(3000)), size - 1]
    words = [named(i) for i in numbers] + [named(size + i) for i in range(2000)]
    words += [word[:-1] for word in words[:300]] + [word + "m" for word in words[:300]]
    words += [word.replace("https", "http") for word in words[:300]]
    words += [word + ":8443" for word in words[:300]] + ["", "null", "https://", "x" * 400]
    for word in words:
        assert policy.allows_origin(word) is (word in wanted), word
        if word in wanted:
            headers = dict(policy.actual(word).headers)
            assert headers["Access-Control-Allow-Origin"] == word


def test_every_one_of_them(engine: Any) -> None:
    origins = [f"https://{i:x}.example" for i in range(50_000)]
    policy = engine.Policy(allow_origins=origins)
    assert all(map(policy.allows_origin, origins))
    assert not any(policy.allows_origin(f"https://{i:x}.example") for i in range(50_000, 90_000))


def test_the_same_cost(engine: Any) -> None:
    """200 000 origins cost about as much as 2000: both are too many for prebuilt answers."""
    few = engine.Policy(allow_origins=[named(i) for i in range(2000)]).allows_origin
    many = engine.Policy(allow_origins=[named(i) for i in range(200_000)]).allows_origin
    for words in ([named(i) for i in range(0, 2000, 4)], [named(-i) for i in range(1, 500)]):
        assert best(asked(many, words)) < 8 * best(asked(few, words))


def test_building_is_linear(engine: Any) -> None:
    small, large = ([named(i) for i in range(n)] for n in (20_000, 160_000))

    def build(origins: list[str]) -> float:
        return best(lambda: engine.Policy(allow_origins=origins), 3)

    assert build(large) < 40 * build(small)


# -- suffixes --------------------------------------------------------------------------------


def test_ten_thousand_suffixes(engine: Any) -> None:
    """They are as fast as ten, for a match at the front, at the end, deep, or not at all."""
    few = make_policy(engine, {"allow_origins": [f"https://*.h{i}.example" for i in range(10)]})
    many = make_policy(
        engine, {"allow_origins": [f"https://*.h{i}.example" for i in range(10_000)]}
    )
    cases = ["https://a.h0.example", "https://a.h9.example", "https://h9.example"]
    cases += ["https://a.b.c.d.e.f.h9.example", "https://a.hx.example", "https://a.b.c.d.e.f.hx"]
    for word in cases:
        assert few.allows_origin(word) is many.allows_origin(word)
    for i in (0, 1, 17, 4999, 9999):
        assert many.allows_origin(f"https://a.b.h{i}.example")
        assert not many.allows_origin(f"https://h{i}.example")
        assert not many.allows_origin(f"http://a.h{i}.example")
        assert not many.allows_origin(f"https://a.h{i}.example:1")
    assert not many.allows_origin("https://a.h10000.example")
    # The reference scans all its rules, and documents that. The native engine must not.
    if engine.__name__.endswith("native"):
        for word in cases:
            slow = best(asked(many.allows_origin, [word] * 200))
            assert slow < 8 * best(asked(few.allows_origin, [word] * 200)), word


# -- crafted lists ---------------------------------------------------------------------------


def colliding(count: int) -> list[str]:
    """Return origins that use only 64 of the 2048 values of the low bits of hash(str)."""
    found: list[str] = []
    i = 0
    while len(found) < count:
        i += 1
        text = f"https://{i:x}.example"
        if hash(text) & 0x7FF < 64:
            found.append(text)
    return found


CRAFTED = {
    "sequential": lambda n: [f"https://{i:08d}.example" for i in range(n)],
    "of one length, in the last bytes": lambda n: [f"https://aaaaaaaa.e{i:08d}" for i in range(n)],
    "in the middle bytes": lambda n: [f"https://{i:08d}.{'long' * 12}.example" for i in range(n)],
    "only in the port": lambda n: [f"https://a.example:{i}" for i in range(1000, 1000 + n // 2)],
    "mirrored words": lambda n: [f"https://{i:08d}{i:08d}.example" for i in range(n)],
    "permuted words": lambda n: [
        f"https://{a}{b}.example" for i in range(n // 2) for a, b in
        [(f"{i:08d}", f"{n - i:08d}"), (f"{n - i:08d}", f"{i:08d}")]
    ],
    "one bit apart": lambda n: [
        "https://" + "".join("ab"[i >> bit & 1] for bit in range(17)) + ".example"
        for i in range(n)
    ],
    "colliding in Python": lambda n: colliding(n // 5),
}  # fmt: skip


@pytest.mark.parametrize("kind", CRAFTED)
def test_crafted(engine: Any, kind: str) -> None:
    """Fifty thousand crafted origins cost as much as ordinary ones, to build and to look up."""
    origins = list(dict.fromkeys(CRAFTED[kind](50_000)))
    assert len(origins) >= 10_000
    ordinary = [f"https://t{i * 7919:x}.example" for i in range(len(origins))]
    policy = engine.Policy(allow_origins=origins)
    plain = engine.Policy(allow_origins=ordinary)
    assert all(map(policy.allows_origin, origins))
    misses = [origin + "x" for origin in origins[:2000]]
    assert not any(map(policy.allows_origin, misses))
    for crafted, usual in (
        (origins[::50], ordinary[::50]),
        (misses, [word + "x" for word in ordinary[:2000]]),
    ):
        size = min(len(crafted), len(usual))
        slow = best(asked(policy.allows_origin, crafted[:size]), 5)
        assert slow < 6 * best(asked(plain.allows_origin, usual[:size]), 5)


@pytest.mark.parametrize("case", rows("crowded-names.jsonl"), ids=case_id)
def test_names_that_crowd(engine: Any, case: dict[str, Any]) -> None:
    """Each policy has its own seed, and can be built with any seed."""
    names = case["names"]
    for _ in range(20):
        policy = engine.Policy(allow_origins=[named(0)], allow_methods=names, allow_headers=names)
        for name in names:
            assert policy.preflight(named(0), name, name).allowed, name
        assert not policy.preflight(named(0), names[0], names[0] + "x").allowed


def test_two_policies_of_the_same_origins(engine: Any) -> None:
    """Each has its own seed, which is not visible from outside."""
    origins = [named(i) for i in range(3000)]
    one, other = (engine.Policy(allow_origins=order) for order in (origins, origins[::-1]))
    assert one == other
    for word in [*origins, named(3000), named(-1)]:
        assert one.actual(word) == other.actual(word)
