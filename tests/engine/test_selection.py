"""The engine that is selected, in processes of their own: auto, native, pure, or an error.

Only a missing extension falls back to the pure engine. A broken one must be reported.
"""

from __future__ import annotations

import importlib.machinery
import shutil
from pathlib import Path

import pytest
from support.engines import PURE_ONLY
from support.processes import PACKAGE, run

SHOW = "import corsfast; print(corsfast.IMPLEMENTATION)"


def chosen(code: str, *flags: str, **variables: str) -> str:
    """Return the engine's name, or the last line of the traceback."""
    result = run(code, *flags, **variables)
    if result.returncode:
        return result.stderr.strip().splitlines()[-1]
    return result.stdout.strip()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Copy the package without its extension."""
    ignore = shutil.ignore_patterns("native.*", "__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "corsfast", ignore=ignore)
    return tmp_path


def chosen_from(folder: Path, **variables: str) -> str:
    # -S leaves out site-packages, where the real extension is; -I leaves out everything else.
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); {SHOW}"
    return chosen(code, "-I", "-S", **variables)


@pytest.mark.skipif(PURE_ONLY, reason="CORSFAST_IMPLEMENTATION=pure: none may have been built")
@pytest.mark.parametrize(
    ("variables", "engine"),
    [
        ({}, "native"),
        ({"CORSFAST_IMPLEMENTATION": "auto"}, "native"),
        ({"CORSFAST_IMPLEMENTATION": "native"}, "native"),
        ({"CORSFAST_IMPLEMENTATION": "pure"}, "pure"),
        ({"CORSFAST_IMPLEMENTATION": "pure", "CORSFAST_REQUIRE_NATIVE": "1"}, "pure"),
        ({"CORSFAST_REQUIRE_NATIVE": "1"}, "native"),
    ],
)
def test_built(variables: dict[str, str], engine: str) -> None:
    assert chosen(SHOW, **variables) == engine


@pytest.mark.parametrize("word", ["", "bogus", "Native", "PURE", " pure", "0", "1"])
def test_any_other_word_is_an_error(word: str) -> None:
    said = chosen(SHOW, CORSFAST_IMPLEMENTATION=word)
    assert said == (
        f"ImportError: CORSFAST_IMPLEMENTATION is {word!r}; it may be 'auto', 'native' or 'pure'"
    )


@pytest.mark.parametrize(
    ("variables", "engine"),
    [
        ({}, "pure"),
        ({"CORSFAST_IMPLEMENTATION": "auto"}, "pure"),
        ({"CORSFAST_IMPLEMENTATION": "pure"}, "pure"),
        ({"CORSFAST_REQUIRE_NATIVE": "0"}, "pure"),
        ({"CORSFAST_REQUIRE_NATIVE": ""}, "pure"),
        ({"CORSFAST_IMPLEMENTATION": "native"}, None),
        ({"CORSFAST_REQUIRE_NATIVE": "1"}, None),
    ],
)
def test_not_built(copied: Path, variables: dict[str, str], engine: str | None) -> None:
    chosen = chosen_from(copied, **variables)
    if engine is None:
        assert chosen.startswith("ModuleNotFoundError: the native engine is required")
    else:
        assert chosen == engine


@pytest.mark.parametrize("word", ["auto", "native"])
def test_a_broken_extension_is_seen(copied: Path, word: str) -> None:
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    (copied / "corsfast" / "_engine" / f"native{suffix}").write_bytes(b"not a library")
    assert chosen_from(copied, CORSFAST_IMPLEMENTATION=word).startswith("ImportError: ")
    assert chosen_from(copied, CORSFAST_IMPLEMENTATION="pure") == "pure"


@pytest.mark.parametrize("word", ["auto", "native"])
@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_that"),
        ("from . import _nothing", "ImportError: cannot import name '_nothing'"),
        ("raise RuntimeError('broken')", "RuntimeError: broken"),
        ("Policy = 1", "ImportError: cannot import name 'IMPLEMENTATION'"),
    ],
)
def test_an_extension_that_misses_something_is_seen(
    copied: Path, word: str, source: str, said: str
) -> None:
    (copied / "corsfast" / "_engine" / "native.py").write_text(source)
    assert chosen_from(copied, CORSFAST_IMPLEMENTATION=word).startswith(said)
