"""`python -m corsfast.bench --plot` draws a chart with the expected content.

The test needs the extra `bench`, which is too heavy for every test environment. So a plain `pytest`
leaves it out (`norecursedirs`); run it with `pip install -e '.[test,bench]' && pytest tests/chart`.
It fails without the extra. `scripts/test-pure` runs it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from corsfast.bench.measure import Figure
from corsfast.bench.plot import FORMATS, charted, plot
from corsfast.bench.rows import Row


def figure(least: float, median: float, most: float) -> Figure:
    return Figure(median, least, most, least, most)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_chart_is_drawn(tmp_path: Path, suffix: str) -> None:
    sure, noisy = figure(999, 1000, 1001), figure(-5000.0, -1.0, 5000.0)
    rows = [
        Row("decisions", "actual: exact, of 100", "native", "time", sure),
        Row("asgi", "allowed", "pure", "delta", noisy),
        Row("flask", "allowed", "flask-cors", "delta", sure),
        Row("flask", "refused", "flask-cors", "delta", sure),
    ]
    assert [len(chosen) for chosen in charted(rows).values()] == [1, 2]
    file = tmp_path / f"chart{suffix}"
    plot(rows, file, "made up")
    assert file.read_bytes().startswith(b"<?xml" if suffix == ".svg" else b"\x89PNG")
    if suffix == ".svg":
        written = file.read_text("utf-8")
        for text in ("native  1.0 µs", "pure  -1 ns (noisy)", "flask-cors  1.0 µs", "made up"):
            assert f"<!-- {text}" in written or f"<!--  {text}" in written
    with pytest.raises(ValueError, match="none of the rows"):
        plot(rows[3:], file, "made up")
