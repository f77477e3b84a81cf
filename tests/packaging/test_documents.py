"""The Python blocks of the README and the docs run when they are pasted into a file.

Each block runs in its own process, in which our warnings are errors. Marked `server` because
they need the frameworks, which are not available on every platform that has wheels.
"""

from __future__ import annotations

import asyncio
import doctest
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = sorted((ROOT / "docs" / "middleware").glob("*.md"))
# The blocks of loading.md need files, so loading/test_loading.py runs them.
OTHERS = sorted(set((ROOT / "docs").glob("*.md")) - {ROOT / "docs" / "loading.md"})


def blocks(page: Path) -> list[str]:
    """Return the Python blocks of a page. A block in a list item is indented with it."""
    found = re.findall(
        r"^( *)```python\n(.*?)^\1```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    return [textwrap.dedent(block) for _, block in found]


BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in [README, *OTHERS, *PAGES]
    for number, block in enumerate(blocks(page), 1)
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_runs_unchanged(block: str, tmp_path: Path) -> None:
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


def test_every_middleware_page_has_blocks() -> None:
    assert PAGES
    assert [page.stem for page in PAGES if not blocks(page)] == []


@pytest.mark.parametrize("page", [README, *OTHERS], ids=lambda page: str(page.stem))
def test_interactive_sessions_print_the_shown_output(page: Path) -> None:
    text = "\n".join(
        re.findall(r"^```pycon\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    )
    session = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    assert doctest.DocTestRunner(verbose=False).run(session).failed == 0


def shown(page: Path) -> list[str]:
    """Return what the `curl` commands of a page print."""
    text = page.read_text("utf-8").replace("\\\n", "")
    return re.findall(r"^```console\n\$ curl [^\n]*\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL)


def test_headers_in_the_readme_are_sent() -> None:
    import httpx

    async def ask(app: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get("/items", headers=origin)

    asgi, wsgi = shown(README)
    origin = {"Origin": "https://app.example.com"}
    names: dict[str, Any] = {"__name__": __name__}
    exec(blocks(README)[0], names)
    got = asyncio.run(ask(names["app"]))
    lines = [f"{name}: {value}" for name, value in got.headers.multi_items()]
    assert asgi.split("\n") == [f"HTTP/1.1 {got.status_code} {got.reason_phrase}", *lines]
    exec(blocks(README)[1], names)
    asked = {**origin, "Access-Control-Request-Method": "PUT"}
    answer = names["app"].test_client().options("/items", headers=asked)
    lines = [f"{name}: {value}" for name, value in answer.headers]
    assert wsgi.split("\n") == [f"HTTP/1.1 {answer.status}", *lines]
