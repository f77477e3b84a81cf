"""Real servers, each in its own process, called over a socket.

They serve the applications of support/apps, or a test's own. A test that starts a server must stop
it.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from support.client import Answer, answer

TESTS = Path(__file__).parents[1]

# Origins that the applications in support/apps/generic.py know, and one that they reject.
APP = "https://app.example.com"
PREVIEW = "https://pr-7.preview.example.com"
OTHER = "https://other.example"


def preflight(*names: str, origin: str = APP, method: str = "PUT") -> list[tuple[str, str]]:
    """Return the lines of a preflight, with one Access-Control-Request-Headers line per name."""
    return [
        ("Origin", origin),
        ("Access-Control-Request-Method", method),
        *(("Access-Control-Request-Headers", name) for name in names),
    ]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """One server process. ``stop`` ends it in any state, and so does leaving its context."""

    def __init__(self, command: str, implementation: str, log: Path) -> None:
        self.port = free_port()
        path = [str(TESTS), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, *command.format(port=self.port).split()],
                cwd=TESTS.parent,  # a relative PYTHONPATH is relative to this folder
                env={
                    **os.environ,
                    "CORSFAST_IMPLEMENTATION": implementation,
                    "PYTHONPATH": os.pathsep.join(filter(None, path)),
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Self:
        self.wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_until_ready(self) -> None:
        for _ in range(600):
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError, http.client.HTTPException):
                ask(self.port, "GET", "/")
                return
            time.sleep(0.05)
        self.stop()
        raise AssertionError(f"no answer on port {self.port}:\n{self._log.read_text()}")

    def stop(self) -> None:
        end(self._process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and kill it if it does not."""
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def read(response: http.client.HTTPResponse) -> Answer:
    body = response.read()
    return answer(response.status, response.getheaders(), body)


def put(
    connection: http.client.HTTPConnection, method: str, path: str, *lines: tuple[str, str]
) -> Answer:
    """Send one request with exactly these header lines, and read the whole response."""
    connection.putrequest(method, path)
    for name, value in lines:
        connection.putheader(name, value)
    connection.endheaders()
    return read(connection.getresponse())


def ask(port: int, method: str, path: str, *lines: tuple[str, str]) -> Answer:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as it:
        return put(it, method, path, *lines)
