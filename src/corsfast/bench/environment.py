"""Describe the machine of a run, without any name of the machine or its owner."""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path


def details() -> dict[str, str | int | None]:
    """Return the interpreter, the system and the processor."""
    free_threaded = not getattr(sys, "_is_gil_enabled", lambda: True)()
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text("utf-8") if cpuinfo.exists() else ""
    model = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return {
        "python": platform.python_version() + (" free-threaded" if free_threaded else ""),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": model[1] if model else platform.processor(),
        "processors": os.cpu_count(),
    }


def machine() -> str:
    found = details()
    return (
        f"{found['implementation']} {found['python']}, {found['system']} {found['architecture']}"
        f" ({found['processor'] or 'unknown processor'}, {found['processors']} visible)"
    )
