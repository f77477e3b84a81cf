"""The rows of ``python -m corsfast.bench`` for pytest-benchmark, which keeps and compares runs.

They also run under pytest-codspeed.

A call is timed in a block of 1000, with fresh inputs for each block, because pytest-benchmark adds
a cost per call of three times a decision. So 20 µs in its table are 20 ns a call, including about
5 ns for the loop. The arguments of 1000 requests do not fit into the nearest caches, so the rows of
``asgi``, ``wsgi`` and ``apply_...`` are slower here than in ``python -m corsfast.bench``.
"""

from __future__ import annotations

from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from corsfast.bench.cases import Case, cases
from corsfast.bench.engines import Engine, installed_engines
from corsfast.bench.measure import collected, flat, loop_of

CALLS, ROUNDS = 1000, 20
CASES = {case.name: case for case in cases()}
ENGINES = installed_engines()
# By engine and options, because ten thousand origins take a while.
POLICIES: dict[tuple[str, int], Any] = {}


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_calls(benchmark: BenchmarkFixture, case: Case, engine: Engine) -> None:
    key = engine.name, id(case.options)
    policy = POLICIES.get(key) or POLICIES.setdefault(key, engine.policy(**case.options))
    assert case.wrong(policy) is None
    call, inputs = getattr(policy, case.call), case.given(policy)

    def fresh() -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (call, flat(inputs(CALLS))), {}

    benchmark.group = case.name
    loop = loop_of(len(inputs(1)[0]), True, False)
    with collected():  # pytest-codspeed does not know the marker `disable_gc`
        benchmark.pedantic(loop, setup=fresh, rounds=ROUNDS, warmup_rounds=1)
