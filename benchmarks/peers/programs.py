"""Run the programs in other languages: built from their lock files, kept alive, used over a pipe.

A program reads the rows from a file, and one command per line, as JSON. It answers in one line:
``["check"]`` with every answer, ``["run", SUBJECT, ROW, N, BLOCKS]`` with nanoseconds per
request, [gross, floor] a block. The floor is the same loop over the bare handler. The N requests
of a block are new, and made just before it. N other requests (20 at most) warm up the code first.

A missing toolchain is reported, not hidden.
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

from .figures import Timer, of_blocks
from .judge import Answer

HERE = Path(__file__).resolve().parent

Answers = dict[tuple[str, str], Answer]  # by (subject, row)


class Program(NamedTuple):
    """One folder next to this file: its subjects, and the tool that builds it."""

    folder: str
    tool: str
    subjects: tuple[str, ...]
    version: tuple[str, ...]  # the command that prints the version of the language


PROGRAMS = (
    Program("go", "go", ("jub0bs/cors", "rs/cors"), ("go", "version")),
    Program("rust", "cargo", ("tower-http",), ("rustc", "--version")),
    Program("node", "npm", ("cors", "@fastify/cors"), ("node", "--version")),
)


def pinned() -> dict[str, str]:
    """Return the version of every library, as in its lock file."""
    sums = (HERE / "go/go.sum").read_text("utf-8")
    go = dict(re.findall(r"^github\.com/(\S+) v([^\s/]+) h1:", sums, re.MULTILINE))
    rust = {
        package["name"]: package["version"]
        for package in tomllib.loads((HERE / "rust/Cargo.lock").read_text("utf-8"))["package"]
    }
    node = {
        path.removeprefix("node_modules/"): package["version"]
        for path, package in json.loads((HERE / "node/package-lock.json").read_text("utf-8"))[
            "packages"
        ].items()
        if path
    }
    return {
        "jub0bs/cors": go["jub0bs/cors"],
        "rs/cors": go["rs/cors"],
        "tower-http": rust["tower-http"],
        "cors": node["cors"],
        "@fastify/cors": node["@fastify/cors"],
        "fastify": node["fastify"],
    }


def missing(program: Program) -> str | None:
    """Return the first tool of a program that is not installed here, or None."""
    tools = (program.tool, program.version[0])
    return next((tool for tool in tools if shutil.which(tool) is None), None)


def language(program: Program) -> str:
    """Return the version of the language, as its own command prints it."""
    found = subprocess.run(program.version, check=True, capture_output=True, text=True)
    return found.stdout.strip()


def build(program: Program, into: Path) -> list[str]:
    """Build a program below this folder; return the command that starts it.

    Raises:
        subprocess.CalledProcessError: with what the tool printed, if it fails.
    """
    source, target = HERE / program.folder, into / program.folder
    target.mkdir(parents=True, exist_ok=True)
    if program.folder == "go":
        call(
            ["go", "build", "-mod=readonly", "-trimpath", "-o", str(target / "peers"), "."], source
        )
        return [str(target / "peers")]
    if program.folder == "rust":
        call(["cargo", "build", "--release", "--locked", "--target-dir", str(target)], source)
        return [str(target / "release" / "corsfast-peers")]
    # npm installs into the folder of the lock file, so copy that as well.
    for name in ("package.json", "package-lock.json", ".npmrc", "peers.js"):
        shutil.copyfile(source / name, target / name)
    call(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], target)
    return ["node", "--expose-gc", "--max-semi-space-size=64", str(target / "peers.js")]


def call(command: list[str], folder: Path) -> None:
    subprocess.run(
        command, cwd=folder, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


class Running:
    """A program that waits for commands. Close it."""

    def __init__(self, command: list[str], rows: Path) -> None:
        self.process = subprocess.Popen(
            [*command, str(rows)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, *command: Any) -> Any:
        """Send one command, and wait for its answer.

        Raises:
            RuntimeError: the program has ended, or does not answer in JSON.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        line = ""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args!r} ended at {command!r}")
        try:
            return json.loads(line)
        except ValueError as error:
            raise RuntimeError(f"{self.process.args!r} said {line!r} to {command!r}") from error

    def check(self) -> Answers:
        """Return every subject's answer to every row, by (subject, row)."""
        return {
            (given["subject"], given["case"]): Answer(
                given["status"], [(name, value) for name, value in given["headers"]]
            )
            for given in self.ask("check")
        }

    def timer(self, subject: str, row: str) -> Timer:
        """Return a function that times one round of some blocks of requests: (gross, floor)."""

        def time(calls: int, blocks: int) -> tuple[float, float]:
            return of_blocks(self.ask("run", subject, row, calls, blocks))

        return time

    def close(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the program has ended already
            self.process.stdin.close()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
