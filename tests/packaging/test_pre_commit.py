"""The hook in .pre-commit-hooks.yaml, with the real pre-commit.

pre-commit would build the package in an environment of its own, from the network. The tests run the
command that is installed instead: `language: system` replaces only that step.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]
MANIFEST = ".pre-commit-hooks.yaml"
CONFIG = """\
repos:
  - repo: {hooks}
    rev: {revision}
    hooks:
      - id: corsfast-check
        language: system
"""
NAMED = """\
        args: [deploy/cors.toml]
        files: ^deploy/cors\\.toml$
"""
GOOD = 'allow_origins = ["https://app.example.com"]\n'
BAD = 'allow_origins = ["https://app.example.com/"]\n'


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    command = ["git", *identity, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def repository(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def pre_commit(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    scripts = sysconfig.get_path("scripts")
    environment = os.environ | {
        "PATH": os.pathsep.join([scripts, os.environ["PATH"]]),
        "PRE_COMMIT_HOME": str(folder.parent / "cache"),
    }
    command = [sys.executable, "-m", "pre_commit", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_manifest_is_valid() -> None:
    assert pre_commit(ROOT, "validate-manifest", MANIFEST).returncode == 0


@pytest.mark.parametrize(
    ("name", "head", "more"),
    [("pyproject.toml", "[tool.corsfast]\n", ""), ("deploy/cors.toml", "", NAMED)],
)
def test_a_commit_with_a_bad_policy_is_stopped(
    tmp_path: Path, name: str, head: str, more: str
) -> None:
    (tmp_path / "hooks").mkdir()
    shutil.copy(ROOT / MANIFEST, tmp_path / "hooks")
    hooks = repository(tmp_path / "hooks", {})
    config = CONFIG.format(hooks=hooks, revision=git(hooks, "rev-parse", "HEAD")) + more
    files = {".pre-commit-config.yaml": config, name: head + GOOD, "README": "text\n"}
    (tmp_path / "project").mkdir()
    project = repository(tmp_path / "project", files)
    assert pre_commit(project, "run", "--all-files").returncode == 0
    (project / name).write_text(head + BAD)
    git(project, "add", ".")
    done = pre_commit(project, "run")
    assert done.returncode == 1
    assert "trailing-slash" in done.stdout
    git(project, "checkout", "-q", "HEAD", "--", ".")
    (project / "README").write_text("another\n")
    git(project, "add", ".")
    assert "no files to check" in pre_commit(project, "run").stdout
