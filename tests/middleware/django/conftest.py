"""Fixtures of the tests of the drop-in for django-cors-headers."""

from __future__ import annotations

import pytest
from support.drop_ins.django import configure


@pytest.fixture(autouse=True)
def configured() -> None:
    configure()
