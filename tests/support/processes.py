"""Run Python code in a process of its own, for example with another environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import corsfast

PACKAGE = Path(corsfast.__file__).parent


def run(code: str, *flags: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("CORSFAST_")}
    return subprocess.run(
        [sys.executable, *flags, "-c", code],
        env=environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def run_file(path: str, *arguments: str, flags: tuple[str, ...] = ()) -> None:
    """Run a test file as a script in development mode; fail with its output if it fails."""
    command = [sys.executable, "-X", "dev", *flags, path, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
