"""The recipes of docs/monitoring.md, run with the real client libraries."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "monitoring.md"
APP = "https://app.example.com"


def run(word: str) -> dict[str, Any]:
    """Run the block of the page that contains this word; return its names."""
    if not PAGE.exists():
        pytest.skip("tested outside of its tree")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if word in block]
    names: dict[str, Any] = {}
    exec(block, names)
    return names


def ask(policy: Any) -> None:
    for _ in range(3):
        policy.actual("https://other.test")
    policy.preflight(APP, "PUT")


@pytest.mark.server
def test_prometheus() -> None:
    from prometheus_client import REGISTRY, generate_latest

    names = run("prometheus_client")
    try:
        ask(names["policy"])
        text = generate_latest(REGISTRY).decode()
    finally:
        for collector in [*REGISTRY._collector_to_names]:
            if isinstance(collector, names["CORSCollector"]):
                REGISTRY.unregister(collector)
    assert 'cors_decisions_total{kind="actual",outcome="allowed"} 0.0' in text
    assert 'cors_decisions_total{kind="actual",outcome="origin-not-allowed"} 3.0' in text
    assert 'cors_decisions_total{kind="preflight",outcome="method-not-allowed"} 1.0' in text
    assert "other.test" not in text


@pytest.mark.server
def test_opentelemetry(monkeypatch: Any) -> None:
    from opentelemetry import metrics
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    monkeypatch.setattr(metrics, "get_meter", provider.get_meter)
    names = run("opentelemetry")
    ask(names["policy"])
    data = reader.get_metrics_data()
    assert data is not None
    (metric,) = data.resource_metrics[0].scope_metrics[0].metrics
    assert metric.name == "cors.decisions"
    counts = {
        (point.attributes["kind"], point.attributes["outcome"]): point.value
        for point in metric.data.data_points
    }
    provider.shutdown()
    assert {pair: count for pair, count in counts.items() if count} == {
        ("actual", "origin-not-allowed"): 3,
        ("preflight", "method-not-allowed"): 1,
    }


def test_the_log_can_be_turned_off() -> None:
    logger = logging.getLogger("corsfast.refused")
    before = logger.level
    logger.setLevel(logging.NOTSET)
    try:
        run("setLevel")
        assert not logger.isEnabledFor(logging.WARNING)
    finally:
        logger.setLevel(before)
