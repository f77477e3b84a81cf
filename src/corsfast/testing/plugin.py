"""Fixtures for pytest: put ``pytest_plugins = ["corsfast.testing.plugin"]`` in a conftest.py."""

from __future__ import annotations

import pytest

from ._engines import ENGINES
from .browser import Browser

__all__ = ["cors_browser", "cors_origin"]


@pytest.fixture
def cors_origin() -> str:
    """Return the origin of the page. Override this fixture to choose another one."""
    return "https://app.example.com"


@pytest.fixture(params=sorted(ENGINES))
def cors_browser(request: pytest.FixtureRequest, cors_origin: str) -> Browser:
    """Return a new browser of each engine in turn, with a page of `cors_origin`."""
    engine: str = request.param
    return Browser(cors_origin, engine=engine)
