"""The rows of ``python -m corsfast.bench`` for pytest-benchmark, which keeps and compares runs.

    pip install '.[test,bench]'
    pytest benchmarks --benchmark-autosave
    pytest benchmarks --benchmark-compare --benchmark-compare-fail=median:10%

A call is timed in a block of 1000, with fresh inputs for each block, because pytest-benchmark adds
a cost per call of three times a decision. So 20 µs in its table are 20 ns a call, including about
5 ns for the loop; ``ns_per_call`` is this figure. The arguments of 1000 requests do not fit into
the nearest caches, so the rows of ``asgi``, ``wsgi`` and ``apply_...`` are slower here than in
``python -m corsfast.bench``. Plain ``pytest`` does not run this file.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from corsfast.bench.cases import Case, cases

CALLS, ROUNDS = 1000, 20
CASES = {case.name: case for case in cases()}
ENGINES = ("native", "pure")


@cache
def policy(engine: str, name: str) -> Any:
    """Return the policy of a case; cases with the same options share one policy."""
    options = CASES[name].options
    first = next(case.name for case in CASES.values() if case.options is options)
    if first != name:
        return policy(engine, first)
    return importlib.import_module(f"corsfast._engine.{engine}").Policy(**options)


def block_1(call: Callable[..., Any], inputs: list[Any]) -> None:
    for given in inputs:
        call(given)


def block_2(call: Callable[..., Any], inputs: list[Any]) -> None:
    for first, second in inputs:
        call(first, second)


def block_3(call: Callable[..., Any], inputs: list[Any]) -> None:
    for first, second, third in inputs:
        call(first, second, third)


# By the number of arguments.
BLOCKS = {1: block_1, 2: block_2, 3: block_3}


@pytest.mark.benchmark(disable_gc=True)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_calls(benchmark: BenchmarkFixture, case: Case, engine: str) -> None:
    decides = policy(engine, case.name)
    assert case.wrong(decides) is None
    call, given = getattr(decides, case.call), case.given(decides)

    def fresh() -> tuple[tuple[Any, ...], dict[str, Any]]:
        inputs = given(CALLS)
        alone = len(inputs[0]) == 1
        return (call, [only for (only,) in inputs] if alone else inputs), {}

    block = BLOCKS[len(given(1)[0])]
    benchmark.group = case.name
    benchmark.pedantic(block, setup=fresh, rounds=ROUNDS, warmup_rounds=1)
    stats = benchmark.stats
    if stats is not None:  # None under --benchmark-disable
        benchmark.extra_info["ns_per_call"] = stats.stats.median * 1e9 / CALLS
