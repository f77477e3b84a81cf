"""benchmarks/edge.py measures the application and the real proxies."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import edge
from corsfast.testing import RawResponse, Request


def test_each_place_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(edge, "POLICIES", {name: edge.POLICIES[name] for name in (edge.NONE, "1")})
    monkeypatch.setattr(edge, "KINDS", {"allowed": [200], "refused preflight": [403]})
    for name, value in {"ORIGINS": 50, "STARTS": 1, "SECONDS": 0.05, "ENOUGH": 1}.items():
        monkeypatch.setattr(edge, name, value)
    assert edge.main(["--rounds", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for place in edge.PLACES:
        rows = [line for line in lines if line.startswith(f"| {place} | 1 | ")]
        assert len(rows) == 4, "a row in each table"


def test_a_wrong_answer_ends_the_run() -> None:
    origin = "https://app-1.attacker.example"
    request = Request("GET", "http://api.example/", (("origin", origin),))
    response = RawResponse(200, (("Access-Control-Allow-Origin", origin),), b"")
    edge.check("allowed", "1", request, response)
    for kind, name in (("refused", "1"), ("allowed", edge.NONE), ("refused preflight", "1")):
        with pytest.raises(AssertionError, match=kind):
            edge.check(kind, name, request, response)
