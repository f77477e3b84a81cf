"""Fixtures and settings of the whole suite. The `engine` fixture runs a test on each engine.

A missing engine is an error of every test that requests it, never a skip. Setting
CORSFAST_IMPLEMENTATION to `pure` or `native` leaves the other engine out. Use `pure` if there is no
native engine to compare with. Use `native` if running the reference again proves nothing, as under
sanitizers; tests that compare the two engines then still use both.
"""

from __future__ import annotations

import gc
import importlib
import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import settings

HERE = Path(__file__).parent

# The tests are not a package, and pytest's importlib mode does not change sys.path. This makes
# `corpus` and `support` importable.
sys.path.insert(0, str(HERE))

from support.engines import ENGINES, PURE_ONLY  # noqa: E402

# The tests of this log turn it on. Others would see its lines, depending on the limit in time.
logging.getLogger("corsfast.refused").setLevel(logging.CRITICAL)

# "ci" tries the same examples every time; "hunt" looks for new ones: --hypothesis-profile=hunt
settings.register_profile("ci", derandomize=True, deadline=None, database=None, max_examples=200)
settings.register_profile("hunt", deadline=None, max_examples=20_000)
settings.load_profile("ci")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads its options
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Run the whole suite with one process per core, but single files in this process.

    This is a default for ``-n``. It is not set in pyproject.toml, because pytest would then fail
    without pytest-xdist, and because benchmarks need a single process.
    """
    if hasattr(config, "workerinput") or config.getoption("numprocesses", 0) is not None:
        return
    if any(HERE.resolve().is_relative_to(Path(arg).resolve()) for arg in config.args):
        config.option.numprocesses = "logical"
        # Each process starts with its share of the list, in order, so that few policies are built
        # twice. A process that runs out of tests takes some of another's.
        config.option.dist = "worksteal"


@pytest.hookimpl(trylast=True)  # after pytest has grouped all tests by engine
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file together, so that both engines share what the file builds once."""
    order = {path: place for place, path in enumerate(dict.fromkeys(it.path for it in items))}
    items.sort(key=lambda item: order[item.path])


def pytest_collection_finish() -> None:
    """Freeze the collected tests so that the garbage collector skips them, and run it less often.

    The proofs create many tuples and no cycles, so the collector finds nothing and takes a tenth
    of the time. Nothing is frozen on 3.14 and newer, because Hypothesis then looks for referrers of
    its random generator, and the collector does not list frozen ones.
    """
    if sys.implementation.name == "cpython":
        gc.collect()
        if sys.version_info < (3, 14):
            gc.freeze()
        gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> ModuleType:
    """Return ``corsfast._engine.pure``, then ``corsfast._engine.native``."""
    return importlib.import_module(f"corsfast._engine.{request.param}")


@pytest.fixture
def Policy(engine: ModuleType) -> Any:
    return engine.Policy


@pytest.fixture(scope="session")
def both() -> tuple[ModuleType, ModuleType]:
    """Return the reference and the native engine, to be compared."""
    if PURE_ONLY:
        pytest.skip("CORSFAST_IMPLEMENTATION=pure: there is nothing to compare with")
    names = ("pure", "native")
    pure, native = (importlib.import_module(f"corsfast._engine.{name}") for name in names)
    return pure, native


@pytest.fixture
def log_of_refusals(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Collect the log of refusals in `caplog`, with a limit that no other test has used up."""
    from corsfast.middleware._generic import limited_log, refused_log

    caplog.set_level("WARNING", "corsfast.refused")
    monkeypatch.setattr(refused_log, "_log", limited_log.LimitedLog("corsfast.refused"))


@pytest.fixture(params=["asgi", "wsgi"])
def door(request: pytest.FixtureRequest) -> Any:
    """Return the generic middleware of each protocol in turn: see support/client.py."""
    from support.client import DOORS

    return DOORS[request.param]
