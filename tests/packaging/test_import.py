"""`import corsfast` is cheap: the modules that it imports, listed in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.engines import ENGINES, PURE_ONLY
from support.processes import PACKAGE, run

NEW_MODULES = """
import sys
sys.path.insert(0, {folder!r})
before = set(sys.modules)
import corsfast
after = set(sys.modules) - before
print(corsfast.IMPLEMENTATION, *sorted(after))
"""

LOADS_SUFFIXES = """
import json, re, sys, warnings
import corsfast
warnings.simplefilter("ignore")
seen = []
for origins in ("*", ["https://a.example.com", "null"], ["http://localhost:*"],
                ["https://*.example.com"], [re.compile("https://x.example.com")]):
    corsfast.Policy(allow_origins=origins, dangerously_tolerate=["foreign-origin"])
    seen.append("publicsuffixlist" in sys.modules)
print(json.dumps(seen))
"""


@pytest.mark.skipif(PURE_ONLY, reason="about what the native engine brings in")
def test_the_native_engine_brings_in_nothing_else(tmp_path: Path) -> None:
    native = importlib.util.find_spec("corsfast._engine.native")
    assert native is not None
    assert native.origin is not None
    copied = shutil.copytree(
        PACKAGE, tmp_path / "corsfast", ignore=shutil.ignore_patterns("native.*", "__pycache__")
    )
    shutil.copy(native.origin, copied / "_engine")
    # Without site-packages, so that an editable install's import hooks do not count.
    result = run(NEW_MODULES.format(folder=str(tmp_path)), "-I", "-S")
    assert result.stderr == ""
    implementation, *modules = result.stdout.split()
    assert implementation == "native"
    own = {name for name in modules if name.startswith("corsfast")}
    assert own == {
        "corsfast",
        "corsfast._engine",
        "corsfast._engine.select",
        "corsfast._engine.native",
        "corsfast.errors",
    }
    # `site` imports os anyway (errno since 3.14), and Cython adds two modules without a file.
    rest = {name for name in modules if not name.startswith(("corsfast", "_cython_"))}
    of_os = {"os", "os.path", "abc", "_abc", "stat", "_stat", "posixpath", "ntpath", "nt"}
    of_os |= {"genericpath", "_collections_abc", "types", "_winapi", "winreg"}
    of_os |= {"cython_runtime", "__future__", "errno"}
    assert rest <= of_os


@pytest.mark.parametrize("engine_name", ENGINES)
def test_the_suffix_list_is_loaded_for_patterns_only(engine_name: str) -> None:
    result = run(LOADS_SUFFIXES, CORSFAST_IMPLEMENTATION=engine_name)
    assert result.stderr == ""
    assert json.loads(result.stdout) == [False, False, False, True, True]


@pytest.mark.parametrize("engine_name", ENGINES)
def test_public_names_of_the_package(engine_name: str) -> None:
    code = """
import corsfast
from corsfast import *
assert set(corsfast.__all__) <= set(dir(corsfast))
for name in corsfast.__all__:
    assert getattr(corsfast, name) is globals()[name], name
assert corsfast.Outcome is corsfast.Outcome
try:
    corsfast.nothing
except AttributeError as error:
    print(error)
"""
    result = run(code, CORSFAST_IMPLEMENTATION=engine_name)
    assert result.stderr == ""
    assert result.stdout.strip() == "module 'corsfast' has no attribute 'nothing'"


@pytest.mark.server
@pytest.mark.parametrize(
    ("framework", "module", "missing"),
    [
        ("blacksheep", "blacksheep.middlewares", "MiddlewareCategory"),
        ("litestar", "litestar.plugins", "InitPlugin"),
    ],
)
def test_an_old_framework_is_told_which_one_is_needed(
    framework: str, module: str, missing: str
) -> None:
    """Run in another process, because other tests need the modules."""
    program = f"""if True:
        import importlib, {module}
        del {module}.{missing}
        importlib.import_module("corsfast.middleware.{framework}")"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    page = (Path(__file__).parents[2] / "docs" / "versions.md").read_text("utf-8")
    stated = re.findall(rf"`({framework}>=[\d.]+)`", page)
    assert done.stderr.splitlines()[-1:] == [f"corsfast needs {it}" for it in stated]
