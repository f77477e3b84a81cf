"""Describe the machine of a run, without any name of the machine or its owner."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path


def details() -> dict[str, str | int | None]:
    """Return the interpreter, the system and the processor."""
    free_threaded = not getattr(sys, "_is_gil_enabled", lambda: True)()
    return {
        "python": platform.python_version() + (" free-threaded" if free_threaded else ""),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": processor(),
        "processors": os.cpu_count(),
    }


def processor() -> str:
    """Return the processor's name, as far as the system reports it."""
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    except OSError:
        pass
    return platform.processor()


def machine() -> str:
    found = details()
    return (
        f"{found['implementation']} {found['python']}, {found['system']} {found['architecture']}"
        f" ({found['processor'] or 'unknown processor'}, {found['processors']} visible)"
    )
