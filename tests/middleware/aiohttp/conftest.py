"""Fixtures of the tests of the drop-in for aiohttp-cors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.drop_ins.aiohttp import own_loop


@pytest.fixture(autouse=True, scope="module")
def loop() -> Iterator[None]:
    # pytest leaves a module and returns to it if tests of another one have an engine. So the loop
    # belongs to the module.
    with own_loop():
        yield
