"""What every test of the core is given: the engines, one after the other.

Required things fail: an engine that cannot be imported is an error of each test that asks for
it. CORSFAST_IMPLEMENTATION, which says so openly, leaves the other one out: `pure` wherever
there is none to compare with, `native` where the reference would prove nothing anew, as under
sanitizers; tests that compare the two still do.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import settings

HERE = Path(__file__).parent

# Tests are not a package, and pytest's importlib mode leaves sys.path alone: this is where
# `corpus`, `surfaces` and `inputs` are found.
sys.path.insert(0, str(HERE))

CHOSEN = os.environ.get("CORSFAST_IMPLEMENTATION")
PURE_ONLY = CHOSEN == "pure"
ENGINES = [CHOSEN] if CHOSEN in ("pure", "native") else ["pure", "native"]

# "ci" gives the same answer each time; "hunt" looks for new ones: --hypothesis-profile=hunt
settings.register_profile("ci", derandomize=True, deadline=None, database=None, max_examples=200)
settings.register_profile("hunt", deadline=None, max_examples=20_000)
settings.load_profile("ci")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads its options
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Run the whole suite with a process per core, but single files in this process.

    This is a default for ``-n``. It is no option of pyproject.toml, because pytest would then
    fail where pytest-xdist is not installed, and because benchmarks need one process.
    """
    if hasattr(config, "workerinput") or config.getoption("numprocesses", 0) is not None:
        return
    if any(HERE.resolve().is_relative_to(Path(arg).resolve()) for arg in config.args):
        config.option.numprocesses = "logical"
        # Each process begins with a half of the list in order, so that it builds few policies
        # twice, and takes tests of the other one when it has no more.
        config.option.dist = "worksteal"


@pytest.hookimpl(trylast=True)  # after pytest has grouped all tests by engine
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file together, so that both engines use what the file builds once."""
    order = {path: place for place, path in enumerate(dict.fromkeys(it.path for it in items))}
    items.sort(key=lambda item: order[item.path])


def pytest_collection_finish() -> None:
    """What twenty thousand tests are made of lives to the end: no collection looks at it again."""
    if sys.implementation.name == "cpython":
        gc.collect()
        gc.freeze()


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> ModuleType:
    """``corsfast._engine.pure``, then ``corsfast._engine.native``."""
    return importlib.import_module(f"corsfast._engine.{request.param}")


@pytest.fixture
def Policy(engine: ModuleType) -> Any:
    return engine.Policy


@pytest.fixture(scope="session")
def both() -> tuple[ModuleType, ModuleType]:
    """The reference and the native engine, to be compared."""
    if PURE_ONLY:
        pytest.skip("CORSFAST_IMPLEMENTATION=pure: there is nothing to compare with")
    names = ("pure", "native")
    pure, native = (importlib.import_module(f"corsfast._engine.{name}") for name in names)
    return pure, native


@pytest.fixture(params=["asgi", "wsgi"])
def door(request: pytest.FixtureRequest) -> Any:
    """The generic middleware of each protocol: see doors.py."""
    from doors import DOORS

    return DOORS[request.param]
