"""`corsfast diff` and `describe`: every kind of side, exit status and form of output."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from corsfast.__main__ import main
from corsfast._cli.diff import SHOWN

OLD = 'allow_origins = ["https://app.example.com"]\n'
NEW = """\
allow_origins = [
    "https://app.example.com",
    "https://*.example.com",
]
allow_methods = ["PUT"]
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old.toml").write_text(OLD)
    Path("new.toml").write_text(NEW)


def test_a_wider_policy_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "old.toml", "new.toml"]) == 1
    assert capsys.readouterr().out == (
        "corsfast diff: old.toml -> new.toml\n\n"
        "Newly allowed\n"
        "  allow_origins: https://*.example.com\n"
        "    example: https://e.example.com\n"
        "  allow_methods: PUT\n\n"
        "wider: 2 newly allowed, 0 no longer allowed\n"
    )


def test_a_narrower_policy_exits_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "new.toml", "old.toml"]) == 0
    assert capsys.readouterr().out.endswith("\nnarrower: 0 newly allowed, 2 no longer allowed\n")


def test_an_equal_policy_exits_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "old.toml", "--allow-origins https://app.example.com"]) == 0
    assert "the same" in capsys.readouterr().out


def test_an_entry_left_to_re_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    Path("re.toml").write_text("allow_origins = [{ regex = 'https://(?!x)a\\.example\\.com' }]\n")
    assert main(["diff", "old.toml", "re.toml"]) == 2
    out = capsys.readouterr().out
    assert "Newly allowed? Cannot tell" in out
    assert out.endswith("\ncannot tell: 0 newly allowed, 1 no longer allowed, 1 unclear\n")
    assert main(["diff", "re.toml", "re.toml"]) == 0


def test_risks_that_appear_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("new.toml").write_text("allow_origins = [{ regex = 'https://.*example\\.com' }]\n")
    assert main(["diff", "old.toml", "new.toml"]) == 1
    out = capsys.readouterr().out
    assert "Risks that appear" in out
    assert "[foreign-origin]" in out
    assert "allows: https://eexample.com" in out


def test_json_has_every_change(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "old.toml", "new.toml", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "wider"
    assert found["old"] == "old.toml"
    assert found["added"][0] == {
        "option": "allow_origins",
        "entry": "https://*.example.com",
        "example": "https://e.example.com",
        "pattern": None,
        "reason": None,
    }
    assert found["removed"] == found["risks"] == []


def test_annotations_name_file_and_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "old.toml", "new.toml", "--format", "github"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("::error file=new.toml,line=3,title=CORS%3A newly allowed::")
    assert lines[1].startswith("::error file=new.toml,line=5,")
    assert "for example https://e.example.com" in lines[0]


@pytest.mark.parametrize(
    ("regex", "status", "said"),
    [
        (
            "https://(?!x)a\\.example\\.com",
            2,
            (
                "::warning file=new.toml,line=1,title=CORS%3A newly allowed::allow_origins:"
                " https://(?!x)a\\.example\\.com: cannot tell whether it is newly allowed; "
            ),
        ),
        (
            "https://.*example\\.com",
            1,
            "::warning file=new.toml,line=1,title=CORS%3A a new risk::allow_origins: ",
        ),
    ],
)
def test_annotations_warn(
    capsys: pytest.CaptureFixture[str], regex: str, status: int, said: str
) -> None:
    Path("new.toml").write_text(f"allow_origins = [{{ regex = '{regex}' }}]\n")
    assert main(["diff", "old.toml", "new.toml", "--format", "github"]) == status
    assert said in capsys.readouterr().out


def test_many_changes_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    names = ", ".join(f'"X-{number}"' for number in range(SHOWN + 2))
    Path("new.toml").write_text(f"{OLD}allow_headers = [{names}]\n")
    assert main(["diff", "old.toml", "new.toml"]) == 1
    out = capsys.readouterr().out
    assert out.count("allow_headers: ") == SHOWN
    assert f"  and 2 more\n\nwider: {SHOWN + 2} newly allowed" in out


def test_a_revision_of_the_repository_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *command], check=True)
    Path("old.toml").write_text(NEW)
    assert main(["diff", "HEAD:old.toml", "old.toml"]) == 1
    assert "corsfast diff: HEAD:old.toml -> old.toml" in capsys.readouterr().out
    assert main(["diff", "nowhere:old.toml", "old.toml"]) == 2
    assert "nowhere" in capsys.readouterr().err


def test_a_revision_without_git(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["diff", "HEAD:old.toml", "old.toml"]) == 2
    assert "HEAD:old.toml: git cannot be run (No such file" in capsys.readouterr().err


def test_tables_variables_and_settings_are_sides(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIFF_ALLOW_ORIGINS", "https://app.example.com")
    Path("two.toml").write_text(f"[a]\n{OLD}[b.c]\n{NEW}")
    Path("diff_settings.py").write_text(
        "CORS_ALLOWED_ORIGIN_REGEXES = [r'^https://app\\.example\\.com']\n"
    )
    assert main(["diff", "two.toml --table a", "two.toml --table b.c"]) == 1
    assert main(["diff", "--env DIFF_", "two.toml --table a"]) == 0
    # `re.match` leaves the end open.
    assert main(["diff", "--env DIFF_", "--django diff_settings"]) == 1
    assert "https://app.example.com." in capsys.readouterr().out


def test_an_invalid_policy_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    Path("new.toml").write_text('allow_origins = ["https://app.example.com/"]\n')
    assert main(["diff", "old.toml", "new.toml"]) == 2
    error = capsys.readouterr().err
    assert "new.toml:1: allow_origins[0]: " in error
    assert 'Write "https://app.example.com" instead. [trailing-slash]' in error
    assert main(["diff", "old.toml", "absent.toml"]) == 2


def test_describe_prints_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "new.toml"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("corsfast describe: new.toml\n\nhttps://app.example.com, exactly.\n")
    assert "The methods GET, HEAD, POST and PUT." in out
    assert main(["describe", "absent.toml"]) == 2


def test_describe_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "old.toml", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["policy"] == "old.toml"
    assert found["sentences"][0] == "https://app.example.com, exactly."


def test_describe_knows_how_regexes_are_applied(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "--regex", "^https://app[.]example[.]com$"]) == 0
    assert "The host app.example.com over https, default port." in capsys.readouterr().out


def test_the_page_shows_the_real_output(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    page = (Path(__file__).parents[2] / "docs" / "diff.md").read_text("utf-8")
    files = re.findall(r"`([a-z]+\.toml)`:\n\n```toml\n((?s:.*?))^```$", page, re.MULTILINE)
    for name, text in files:
        Path(name).write_text(text)
    shown = re.findall(r"^```console\n\$ corsfast (.*)\n((?s:.*?))^```$", page, re.MULTILINE)
    assert [arguments.partition(" ")[0] for arguments, _ in shown] == ["diff", "describe"]
    for arguments, expected in shown:
        main(shlex.split(arguments))
        assert capsys.readouterr().out == expected
