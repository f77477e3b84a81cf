"""The Python blocks of docs/middleware run unchanged, so that readers can paste them.

Each block runs as a program in its own process, and a warning from corsfast is an error. The tests
are marked `server` because they need the frameworks, which are not available for every wheel
target.
"""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.server

PAGES = sorted((Path(__file__).parents[1] / "docs" / "middleware").glob("*.md"))


def blocks(page: Path) -> list[str]:
    """Return the Python blocks of a page. A block inside a list item is indented with it."""
    found = re.findall(
        r"^( *)```python\n(.*?)^\1```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    return [textwrap.dedent(block) for _, block in found]


BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, block in enumerate(blocks(page), 1)
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_runs_as_it_stands(block: str, tmp_path: Path) -> None:
    program = tmp_path / "pasted.py"
    program.write_text(block, "utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_every_page_has_some() -> None:
    assert PAGES
    assert [page.stem for page in PAGES if not blocks(page)] == []
