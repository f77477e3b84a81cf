"""Compile the extension modules of the benchmarks on demand.

They are written to build/ only, and are never installed.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

BUILD = Path(__file__).parents[1] / "build" / "benchmarks"
# The flags of the native engine, so that only the code differs.
FLAGS = ["-std=c11", "-O3", "-DNDEBUG", "-fvisibility=hidden", "-fPIC", "-shared"]
if sys.platform == "darwin":
    FLAGS += ["-undefined", "dynamic_lookup"]  # the interpreter defines the missing symbols
WARNINGS = ["-Wall", "-Wextra", "-Wshadow"]


def compiled(source: Path) -> Path:
    """Return the library of one source file for this interpreter; compile it if needed.

    Raises:
        subprocess.CalledProcessError: the compilation failed; the errors are on stderr.
        OSError: there is no compiler. CC=... in the environment names one (default: cc).
    """
    library = BUILD / f"{source.stem}{sysconfig.get_config_var('EXT_SUFFIX')}"
    if not library.exists() or library.stat().st_mtime < source.stat().st_mtime:
        BUILD.mkdir(parents=True, exist_ok=True)
        compiler = shlex.split(os.environ.get("CC", "cc"))
        include = f"-I{sysconfig.get_path('include')}"
        half = library.with_suffix(f".{os.getpid()}")
        subprocess.run(
            [*compiler, *FLAGS, *WARNINGS, include, str(source), "-o", str(half)], check=True
        )
        half.replace(library)
    return library


def load(library: Path) -> ModuleType:
    """Load the module in a library, under the library's own name."""
    spec = importlib.util.spec_from_file_location(library.name.partition(".")[0], library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
