"""Load from a real generator: wrk, or autocannon where wrk cannot be had.

    apt-get install wrk            or            npm install --global autocannon

Place in the flow: requests -> generator -> counts.py. Never: generate load in Python, which
would be slower than what it measures.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .counts import Load, parse_autocannon, parse_wrk

CONNECTIONS = 8


class Generator(NamedTuple):
    """A program, how it is called, and how its output is read."""

    name: str
    command: Callable[[str, float, Sequence[tuple[str, str]]], list[str]]
    parse: Callable[[str], Load]

    def run(self, prefix: list[str], url: str, seconds: float, headers: Headers) -> Load:
        """Put load on a URL for so many seconds.

        Raises:
            subprocess.CalledProcessError: the generator failed.
            RuntimeError: a request was not answered with 2xx.
        """
        done = subprocess.run(
            [*prefix, *self.command(url, seconds, headers)],
            check=True,
            capture_output=True,
            text=True,
            timeout=seconds + 60,
        )
        load = self.parse(done.stdout)
        if load.failed or not load.requests:
            raise RuntimeError(f"{load.failed} requests to {url} have failed")
        return load


Headers = Sequence[tuple[str, str]]


def wrk(url: str, seconds: float, headers: Headers) -> list[str]:
    options = [option for name, value in headers for option in ("-H", f"{name}: {value}")]
    return ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", *options, url]


def autocannon(url: str, seconds: float, headers: Headers) -> list[str]:
    options = [option for name, value in headers for option in ("-H", f"{name}={value}")]
    seconds = max(1, round(seconds))
    return ["autocannon", "--json", "-c", str(CONNECTIONS), "-d", str(seconds), *options, url]


GENERATORS = (
    Generator("wrk", wrk, parse_wrk),
    Generator("autocannon", autocannon, parse_autocannon),
)


def installed() -> Generator:
    """The best that is here.

    Raises:
        OSError: there is none.
    """
    for generator in GENERATORS:
        if shutil.which(generator.name):
            return generator
    raise OSError("a load generator is needed: apt-get install wrk, or npm install -g autocannon")
