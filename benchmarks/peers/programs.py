"""Run the programs in other languages: built from their lock files, kept alive, used over a pipe.

A program reads the requests from a file. Each line that it gets is a command, {"subject",
"request", "calls", "blocks"}. Its reply is a line {"status", "headers", "times"}: the answer to
the request, and for each block the nanoseconds per request, [with the layer, without it]. The
`calls` requests of a block are new, and made just before it. Other requests (20 at most) warm up
the code first.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from .judge import PeerResponse

HERE = Path(__file__).resolve().parent


class Program(NamedTuple):
    """One folder next to this file: its subjects, and the tools that it needs."""

    folder: str
    subjects: tuple[str, ...]
    tools: tuple[str, ...]
    version: tuple[str, ...]  # the command that prints the version of the language


PROGRAMS = (
    Program("go", ("jub0bs/cors", "rs/cors"), ("go",), ("go", "version")),
    Program("rust", ("tower-http",), ("cargo", "rustc"), ("rustc", "--version")),
    Program("node", ("cors", "@fastify/cors"), ("npm", "node"), ("node", "--version")),
)


def pinned() -> dict[str, str]:
    """Return the version of every library, as in its lock file."""
    sums = (HERE / "go/go.sum").read_text("utf-8")
    go = dict(re.findall(r"^github\.com/(\S+) v([^\s/]+) h1:", sums, re.MULTILINE))
    rust = tomllib.loads((HERE / "rust/Cargo.lock").read_text("utf-8"))["package"]
    node = json.loads((HERE / "node/package-lock.json").read_text("utf-8"))["packages"]
    found = go | {package["name"]: package["version"] for package in rust}
    found |= {path.removeprefix("node_modules/"): it.get("version") for path, it in node.items()}
    subjects = (subject for program in PROGRAMS for subject in program.subjects)
    return {name: found[name] for name in (*subjects, "fastify")}


def language(program: Program) -> str:
    """Return the version of the language, as its own command prints it."""
    found = subprocess.run(program.version, check=True, capture_output=True, text=True)
    return found.stdout.strip()


def build(program: Program, into: Path) -> list[str]:
    """Build a program below this folder; return the command that starts it.

    Raises:
        OSError: a tool is not installed.
        subprocess.CalledProcessError: with what the tool printed, if it fails.
    """
    for tool in program.tools:
        if shutil.which(tool) is None:
            raise FileNotFoundError(f"{tool} is not installed")
    source, target = HERE / program.folder, into / program.folder
    target.mkdir(parents=True, exist_ok=True)
    if program.folder == "go":
        command = ["go", "build", "-mod=readonly", "-trimpath", "-o", str(target / "peers"), "."]
        start = [str(target / "peers")]
    elif program.folder == "rust":
        command = ["cargo", "build", "--release", "--locked", "--target-dir", str(target)]
        start = [str(target / "release" / "corsfast-peers")]
    else:
        # npm installs into the folder of the lock file, so copy that as well.
        for name in ("package.json", "package-lock.json", ".npmrc", "peers.js"):
            shutil.copyfile(source / name, target / name)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        start = ["node", "--expose-gc", "--max-semi-space-size=64", str(target / "peers.js")]
        source = target
    subprocess.run(
        command, cwd=source, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return start


class Running:
    """A program that waits for commands. Close it."""

    def __init__(self, command: list[str], requests: Path) -> None:
        self.process = subprocess.Popen(
            [*command, str(requests)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, subject: str, request: str, calls: int, blocks: int) -> dict[str, Any]:
        """Send one command, and return the reply.

        Raises:
            RuntimeError: the program has ended, or does not reply in JSON.
        """
        command = {"subject": subject, "request": request, "calls": calls, "blocks": blocks}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        line = ""
        try:
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
            reply: dict[str, Any] = json.loads(line)
        except (BrokenPipeError, ValueError) as error:
            raise RuntimeError(f"{self.process.args!r} said {line!r} to {command}") from error
        return reply

    def answer(self, subject: str, request: str) -> PeerResponse:
        """Return a subject's answer to a request."""
        reply = self.ask(subject, request, 1, 0)
        return PeerResponse(reply["status"], [(name, value) for name, value in reply["headers"]])

    def times(self, subject: str, request: str, calls: int, blocks: int) -> list[list[float]]:
        """Return the nanoseconds per request of each block, with and without the layer."""
        times: list[list[float]] = self.ask(subject, request, calls, blocks)["times"]
        return times

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):  # the program has ended already
            self.process.communicate(timeout=10)
