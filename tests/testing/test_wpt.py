"""Rows of web-platform-tests in the browser of corsfast.testing, as each engine."""

from __future__ import annotations

from typing import Any

import pytest
from corpus import WPT, case_id, rows, wpt
from support.exchanges import PORTS, origins, play, unexpected

ROWS = wpt()
TEXTS = origins(PORTS)
# The rows expect Last-Event-ID to be safelisted (https://github.com/whatwg/fetch/issues/1788),
# which the standard does not say yet.
DIFFERENT = {"wpt-safelisted-last-event-id-01": "the standard asks for a preflight"}


@pytest.mark.parametrize("engine", ["chromium", "firefox", "webkit"])
@pytest.mark.parametrize("case", ROWS, ids=case_id)
def test_row(case: dict[str, Any], engine: str) -> None:
    results = play(case, TEXTS, engine)
    found = [
        unexpected(step, seen, TEXTS) for step, seen in zip(case["steps"], results, strict=True)
    ]
    assert any(found) is (case["id"] in DIFFERENT), found


def test_every_row_is_there() -> None:
    assert {name: len(rows(f"{name}.jsonl")) for name in WPT} == WPT
    assert len(ROWS) == 192
    assert {*DIFFERENT} <= {row["id"] for row in ROWS}
