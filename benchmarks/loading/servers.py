"""Real servers on loopback: uvicorn (httptools, uvloop) and gunicorn (threads), one worker each.

Place in the flow: apps.py -> servers.py -> load.py. Never: end a process that it has not
started.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from . import apps
from .counts import Process, parse_stat, tree_ticks

BENCHMARKS = Path(__file__).parents[1]
START_SECONDS = 30


class Server:
    """One application on a server of its own, until it is stopped."""

    def __init__(self, framework: str, way: str, prefix: list[str], log: IO[str]) -> None:
        self.port = free_port()
        target = f"loading.apps:{framework}_{way.replace('-', '_')}"
        command = asgi_command if framework in apps.ASGI else wsgi_command
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", *command(target, self.port)],
            cwd=BENCHMARKS,
            env={**os.environ, "PYTHONPATH": str(BENCHMARKS), "CORSFAST_IMPLEMENTATION": "native"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def get(self, headers: list[tuple[str, str]]) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/", headers=dict(headers))
            response = connection.getresponse()
            response.read()
        finally:
            connection.close()
        return response

    def wait(self) -> None:
        """Until it answers.

        Raises:
            RuntimeError: it has ended, or does not answer in time.
        """
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with status {self.process.returncode}")
            try:
                self.get([])
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError(f"the server does not answer within {START_SECONDS} s")

    def ticks(self) -> int:
        """Processor time so far, in ticks of the kernel, of all its processes."""
        return tree_ticks(processes(), self.process.pid)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def asgi_command(target: str, port: int) -> list[str]:
    return [
        *("uvicorn", target, "--host", "127.0.0.1", "--port", str(port)),
        *("--http", "httptools", "--loop", "uvloop", "--workers", "1"),
        *("--no-access-log", "--log-level", "warning"),
    ]


# Threads, because the plain worker closes each connection: that would be measured instead.
def wsgi_command(target: str, port: int) -> list[str]:
    return [
        *("gunicorn", target, "--bind", f"127.0.0.1:{port}", "--workers", "1"),
        *("--worker-class", "gthread", "--threads", "4", "--keep-alive", "60"),
        *("--log-level", "warning"),
    ]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def processes() -> list[Process]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            found.append(parse_stat(path.read_text("utf-8", "replace")))
        except OSError:
            continue  # it has ended since
    return found
