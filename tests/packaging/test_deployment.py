"""The commands in docs/deployment.md start servers that send the headers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.servers import APP, Server, ask

pytestmark = pytest.mark.server

PAGE = (Path(__file__).parents[2] / "docs" / "deployment.md").read_text("utf-8")
FILES = dict(re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
COMMANDS = re.findall(r"^\$ (.*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_shown_command_serves(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    command, changed = re.subn(r"\b8000\b", "{port}", command)
    assert changed == 1
    with Server(f"-m {command}", "auto", tmp_path / "log") as server:
        answer = ask(server.port, "GET", "/", ("Origin", APP))
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == [APP]
