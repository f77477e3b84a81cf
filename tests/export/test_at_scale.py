"""The blocks of docs/at-scale.md, run in order in a repository whose export nginx includes."""

from __future__ import annotations

import logging
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from export import proxies
from export.proxies import program, running, send_to, upstream

from corsfast import Policy
from corsfast.export import to_nginx
from corsfast.testing import Browser, Request

PAGE = (Path(__file__).parents[2] / "docs" / "at-scale.md").read_text("utf-8")
BLOCKS = re.findall(r"^```([a-z]*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
OLD, PREVIEW = "https://old.example.com", "https://pr-7.preview.example.com"
# The change allows more, so `diff` fails.
STATUSES = {"diff": 1}


def shell(command: str, *more: tuple[str, str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        ["bash", "-c", command], env={**os.environ, **dict(more)}, capture_output=True, text=True
    )
    words = shlex.split(command, comments=True)
    assert done.returncode == STATUSES.get(words[1], 0), (command, done)
    return done


def with_a_master(folder: Path, text: str, port: int, behind: int) -> list[str]:
    """Configure nginx with a master process, because it does not reload without one."""
    command = proxies.nginx(folder, text, port, behind)
    path = folder / "nginx.conf"
    path.write_text(path.read_text().replace("master_process off;", ""))
    return command


def wait_until_allowed(port: int, expected: dict[str, bool]) -> None:
    found = {}
    for _ in range(6000):  # the reload takes long on a busy machine
        for origin in expected:
            answer = send_to(port)(Request("GET", "http://api.example/", (("Origin", origin),)))
            found[origin] = answer.get("Access-Control-Allow-Origin") == origin
        if found == expected:
            return
        time.sleep(0.02)
    raise AssertionError(found)


def test_the_page_from_the_change_to_the_rollback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    work, programs = tmp_path / "work", tmp_path / "programs"
    old, new = (block for language, block in BLOCKS if language == "toml")
    (tmp_path / "old.toml").write_text(old)
    text = to_nginx(Policy.from_toml(tmp_path / "old.toml", table=""))
    programs.mkdir()
    nginx = f'exec {program("nginx")} -e {work}/log -c {work}/nginx.conf "$@"'
    (programs / "nginx").write_text(f"#!/bin/sh\n{nginx}\n")
    (programs / "nginx").chmod(0o755)
    path = [str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]
    monkeypatch.setitem(proxies.PROXIES, "nginx", with_a_master)
    with upstream() as behind, running("nginx", text, work, behind) as port:
        monkeypatch.chdir(work)
        monkeypatch.setenv("PATH", os.pathsep.join(path))
        for role in ("AUTHOR", "COMMITTER"):
            monkeypatch.setenv(f"GIT_{role}_NAME", "test")
            monkeypatch.setenv(f"GIT_{role}_EMAIL", "test@example.com")
        Path("policy.toml").write_text(old)
        Path("candidate.toml").write_text(new)
        shell("git init -q && git add *.toml cors.conf && git commit -qm 'Add the policies'")
        shell("git update-ref refs/remotes/origin/main HEAD")
        reloaded = 0
        for language, block in BLOCKS:
            if language == "python":
                names: dict[str, object] = {}
                exec(block, names)
                with caplog.at_level(logging.WARNING, "corsfast.report_only"):
                    Browser(OLD).fetch(names["app"], "GET", "http://api.example/")
                (record,) = [it for it in caplog.records if it.name == "corsfast.report_only"]
                line = f"{record.levelname} {record.name}: {record.getMessage()}"
                assert ("", line) in [(name, " ".join(it.split())) for name, it in BLOCKS]
            elif language == "yaml":
                steps = [
                    step.get("run", "") for step in yaml.safe_load(block)["jobs"]["policy"]["steps"]
                ]
                checks = [step for step in steps if step.startswith("corsfast")]
                assert [step.split()[1] for step in checks] == ["check", "export", "diff"]
                outputs = [shell(step, ("GITHUB_BASE_REF", "main")).stdout for step in checks]
                assert "::error file=policy.toml" in outputs[-1]
            elif language == "console":
                for command, shown in re.findall(
                    r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE
                ):
                    done = shell(command)
                    assert shown in ("", done.stdout), command
                    if command == "nginx -s reload":
                        reloaded += 1
                        wait_until_allowed(port, {OLD: reloaded == 2, PREVIEW: reloaded == 1})
        assert reloaded == 2
