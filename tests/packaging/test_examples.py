"""The examples work as their heads say: the command starts them, and curl prints the output shown.

The heads are parsed, so that neither they nor the examples can become outdated. The tests use
another port, and http.client instead of curl, because http.client is always available.
"""

from __future__ import annotations

import ast
import contextlib
import http.client
import os
import re
import shlex
import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.servers import end, free_port

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
# Every head must show at least these.
SHOWN = {
    "fastapi_app.py": {
        ("GET", None, 200),
        ("GET", "https://app.example.com", 200),
        ("GET", "https://evil.example", 200),
        ("OPTIONS", "https://app.example.com", 204),
        ("OPTIONS", "https://evil.example", 403),
        ("GET", "https://app.example.com", 500),
    },
    "wsgi_app.py": {
        ("GET", None, 200),
        ("GET", "https://app.example.com", 200),
        ("GET", "https://evil.example", 200),
        ("OPTIONS", "https://app.example.com", 204),
        ("OPTIONS", "https://evil.example", 403),
    },
}


class Exchange:
    """One curl line of a head, and the output shown below it."""

    def __init__(self, command: str, printed: str) -> None:
        self.printed = printed
        self.method = "GET"
        self.headers: list[tuple[str, str]] = []
        curl, options, *words = shlex.split(command)
        assert (curl, options) == ("curl", "-si"), command
        while len(words) > 1:
            option, value, *words = words
            if option == "-X":
                self.method = value
            elif option == "-H":
                name, _, content = value.partition(": ")
                self.headers.append((name, content))
            else:
                raise AssertionError(f"{option} is not understood here: {command}")
        self.url = urlsplit(words[0])

    def key(self) -> tuple[str, str | None, int]:
        return self.method, dict(self.headers).get("Origin"), int(self.printed.split()[1])

    def send(self, port: int) -> str:
        """Send the request and return what curl would print."""
        with contextlib.closing(
            http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        ) as connection:
            connection.request(self.method, self.url.path, headers=dict(self.headers))
            response = connection.getresponse()
            lines = [f"HTTP/1.1 {response.status} {response.reason}"]
            lines += [f"{name}: {value}" for name, value in response.getheaders()]
            return "\n".join([*lines, "", response.read().decode()]).rstrip()


def head_of(example: Path) -> tuple[str, list[Exchange]]:
    """Return the command that starts an example, and the exchanges that it shows."""
    head = ast.get_docstring(ast.parse(example.read_text("utf-8"))) or ""
    # Indented lines, with the empty lines between them.
    blocks = re.findall(r"^(?: {4}.*\n|\n(?= {4}))+", head + "\n", re.MULTILINE)
    command, *shown = (re.sub(r"^ {4}", "", block, flags=re.MULTILINE).strip() for block in blocks)
    exchanges = []
    for block in shown:
        line, _, printed = block.replace("\\\n", "").partition("\n")
        assert line.startswith("$ "), block
        exchanges.append(Exchange(line.removeprefix("$ "), printed))
    return command, exchanges


def without_date(printed: str) -> str:
    return re.sub(r"^(date): .*$", r"\1: now", printed, flags=re.MULTILINE | re.IGNORECASE)


def is_listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def started(command: str, implementation: str, log: Path) -> Iterator[int]:
    """Run a head's command on a free port, and yield the port once it accepts connections."""
    port = free_port()
    command, count = re.subn(r"\b800\d\b", str(port), command)
    assert count == 1, command
    program, *arguments = shlex.split(command)
    # The program itself, because `python -m` would put the directory on sys.path.
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    found = shutil.which(program, path=path)
    assert found, f"{program} is not installed"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [found, *arguments],
            cwd=ROOT,
            env={**os.environ, "CORSFAST_IMPLEMENTATION": implementation},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        for _ in range(600):
            if is_listening(port):
                break
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        else:
            raise AssertionError(log.read_text())
        yield port
    finally:
        end(process)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: str(path.name))
def test_the_head_is_true(example: Path, engine: Any, tmp_path: Path) -> None:
    command, exchanges = head_of(example)
    assert {exchange.key() for exchange in exchanges} == SHOWN[example.name]
    with started(command, engine.IMPLEMENTATION, tmp_path / "log") as port:
        for exchange in exchanges:
            printed = exchange.send(port)
            assert without_date(printed) == without_date(exchange.printed)


def test_every_example_is_tested() -> None:
    assert {example.name for example in EXAMPLES} == set(SHOWN)
