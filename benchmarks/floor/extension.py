"""The prototypes of floor.c as a module: compiled where they are needed, never installed.

Place in the flow: floor.c -> extension.py -> measure.py.
Never: leave anything outside of build/.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import subprocess
import sysconfig
from pathlib import Path
from types import ModuleType

SOURCE = Path(__file__).with_name("floor.c")
BUILD = Path(__file__).parents[2] / "build" / "floor"
# As the native engine is compiled, for the comparison to be one of code.
FLAGS = ["-std=c11", "-O3", "-DNDEBUG", "-fvisibility=hidden", "-fPIC", "-shared"]
WARNINGS = ["-Wall", "-Wextra", "-Wshadow"]


def load() -> ModuleType:
    """The module ``floor``, compiled for this interpreter if that has not been done yet.

    Raises:
        subprocess.CalledProcessError: the compiler refuses; its words are on stderr.
        OSError: there is no compiler. CC=... in the environment names one (default: cc).
    """
    library = BUILD / f"floor{sysconfig.get_config_var('EXT_SUFFIX')}"
    if not library.exists() or library.stat().st_mtime < SOURCE.stat().st_mtime:
        BUILD.mkdir(parents=True, exist_ok=True)
        compiler = shlex.split(os.environ.get("CC", "cc"))
        include = f"-I{sysconfig.get_path('include')}"
        half = library.with_suffix(f".{os.getpid()}")
        subprocess.run(
            [*compiler, *FLAGS, *WARNINGS, include, str(SOURCE), "-o", str(half)], check=True
        )
        half.replace(library)
    spec = importlib.util.spec_from_file_location("floor", library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
