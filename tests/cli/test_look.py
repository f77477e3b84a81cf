"""All commands share one look: help, width, colors, errors, exit statuses and completion."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from corsfast.__main__ import COMMANDS, main
from corsfast._cli.terminal import Style

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
METHODS = ", ".join(f'"METHOD-{number}"' for number in range(30))
POLICY = f"""\
allow_origins = ["https://app.example.com"]
allow_methods = [{METHODS}]
allow_headers = ["x-one"]
"""
# Each command, with arguments under which it prints a lot.
CALLS = {
    "check": ["policy.toml", "--allow-origins", "http://app.example.com", "--allow-credentials"],
    "explain": ["policy.toml", "--origin", "http://app.example.com", "--method", "PUT"],
    "diff": ["other.toml", "policy.toml"],
    "describe": ["policy.toml"],
    "learn": ["access.log"],
    "import": ["--from", "nginx", "nginx.conf"],
}
NEEDS_CROSSPLANE = pytest.param("import", marks=pytest.mark.server)
RUNS = [NEEDS_CROSSPLANE if name == "import" else name for name in CALLS]
COLOR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    Path("policy.toml").write_text(POLICY)
    Path("access.log").write_text(
        'a - - [-] "GET / HTTP/1.1" 200 1 "-" "-" "https://app.example.com"\n'
    )
    Path("nginx.conf").write_text(
        "server { add_header Access-Control-Allow-Origin http://app.example.com;"
        " add_header Access-Control-Allow-Credentials true; }\n"
    )
    Path("other.toml").write_text('allow_origins = ["https://other.example.com"]\n')


def test_the_table_of_calls_has_all_commands() -> None:
    assert set(CALLS) | {"bench", "export"} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_narrow_and_tells_the_exit_statuses(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    with pytest.raises(SystemExit):
        main([name, "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    (row,) = re.findall(rf"^\| `{name}` \| (.*) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    cells = [cell.strip() for cell in row.split("|")]
    told = ", ".join(f"{status} {cell}" for status, cell in enumerate(cells) if cell)
    assert lines[-1] == f"Exit status: {told}."


@pytest.mark.parametrize("name", RUNS)
def test_lines_have_at_most_100_columns(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main([name, *CALLS[name]]) in (0, 1)
    lines = capsys.readouterr().out.splitlines()
    # The texts of browsers are for comparison, so they are not wrapped.
    texts = ("  Chromium:", "  Firefox:", "  Safari:")
    assert max(len(line) for line in lines if not line.startswith(texts)) <= 100


@pytest.mark.parametrize("name", RUNS)
def test_colors_are_for_terminals_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    main([name, *CALLS[name]])
    plain = capsys.readouterr().out
    assert not COLOR.search(plain)
    monkeypatch.setattr(Style, "of", lambda _stream: Style(100, colors=True))
    main([name, *CALLS[name]])
    colored = capsys.readouterr().out
    assert COLOR.search(colored)
    assert COLOR.sub("", colored) == plain


@pytest.mark.parametrize("name", RUNS)
def test_json_is_one_object(capsys: pytest.CaptureFixture[str], name: str) -> None:
    main([name, *CALLS[name], "--json"])
    printed = capsys.readouterr().out
    found = json.loads(printed)
    assert isinstance(found, dict)
    assert printed == json.dumps(found, indent=2) + "\n"
    main([name, *CALLS[name], "--format", "json"])
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize("name", sorted(CALLS.keys() - {"import"}))  # it reads no policy file
@pytest.mark.parametrize(
    ("file", "text", "place"),
    [
        ("policy.toml", "\nallow_origins = [\n", "policy.toml:"),
        ("policy.json", '{\n"allow_origins": x', "policy.json:2: "),
        ("policy.toml", '\nallow_origins = ["https://a.example/"]', "policy.toml:2: allow_origins"),
        ("policy.json", '{\n"allow_origins": ["x/"]}', "policy.json:2: allow_origins"),
        ("policy.toml", '[cors]\nmax_age = "1"', "policy.toml:2: max_age"),
    ],
)
def test_errors_name_file_line_and_key(
    capsys: pytest.CaptureFixture[str], name: str, file: str, text: str, place: str
) -> None:
    Path(file).write_text(text)
    where = [file]
    if "[cors]" in text:
        where = [file, "--table", "cors"]
        place = place.replace(": ", ": cors.")
    if name == "diff":
        where = ["other.toml", " ".join(where)]
    elif name == "explain":
        where += ["--origin", "https://a.example"]
    elif name == "learn":
        where = ["access.log", "--policy", " ".join(where)]
    status = main([name, *where, *(["--json"] if name == "check" else [])])
    printed = capsys.readouterr()
    assert place in printed.err + printed.out
    assert status == (1 if name == "check" and printed.out else 2)
    if status == 2:
        assert printed.err.startswith(f"corsfast {name}: ")


def test_check_annotates_lines(capsys: pytest.CaptureFixture[str]) -> None:
    Path("policy.toml").write_text('allow_origins = [\n  "https://Example.com/",\n]\n')
    assert main(["check", "policy.toml", "--format", "github"]) == 1
    error, summary = capsys.readouterr().out.splitlines()
    assert error.startswith("::error file=policy.toml,line=2,title=CORS%3A trailing-slash::")
    assert 'Write: "https://example.com"' in error
    assert summary == "corsfast check: 1 problem, 0 warnings"


def test_a_key_with_a_colon_is_annotated(capsys: pytest.CaptureFixture[str]) -> None:
    Path("policy.toml").write_text('allow_origins = []\n"a: b" = 1\n"c:d" = 1\n')
    assert main(["check", "policy.toml", "--format", "github"]) == 1
    *errors, _ = capsys.readouterr().out.splitlines()
    for number, error in enumerate(errors, 2):
        assert error.startswith(f"::error file=policy.toml,line={number},title=")


def test_a_file_that_cannot_be_read_is_annotated(capsys: pytest.CaptureFixture[str]) -> None:
    Path("policy.toml").write_text('allow_origins = [\n"a" "b"\n]\n')
    assert main(["check", "policy.toml", "--format", "github"]) == 2
    printed = capsys.readouterr()
    assert printed.out.startswith("::error file=policy.toml,line=2,title=CORS%3A unreadable::")
    assert printed.err.startswith("corsfast check: policy.toml:2: ")
    assert main(["check", "missing.toml", "--format", "github"]) == 2
    assert capsys.readouterr().out.startswith("::error title=CORS%3A unreadable::missing.toml: ")


def test_an_annotation_without_an_entry_has_one_colon(capsys: pytest.CaptureFixture[str]) -> None:
    Path("policy.toml").write_text('color = 1\nallow_origins = ["https://a.example"]\n')
    assert main(["check", "policy.toml", "--format", "github"]) == 1
    assert "::color: 'color' is not a policy option." in capsys.readouterr().out


def test_options_of_the_command_line_have_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "policy.toml", "--allow-origins", "https://a.example/"]) == 1
    assert "allow_origins: https://a.example/\n" in capsys.readouterr().out


@pytest.mark.server
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("corsfast de", {"describe "}),
        ("corsfast check --to", {"--tolerate "}),
        ("corsfast check --tolerate pub", {"public-suffix "}),
        ("corsfast diff --format ", {"text", "json", "github"}),
        ("corsfast bench --sc", {"--scale "}),
    ],
)
def test_the_shell_completes(tmp_path: Path, line: str, expected: set[str]) -> None:
    answer = tmp_path / "answer"
    environment = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    code = "import sys; sys.argv[0] = 'corsfast'; from corsfast.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert done.returncode == 0
    assert set(answer.read_text().split("\n")) == expected


def test_without_argcomplete_nothing_is_completed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "argcomplete", None)
    monkeypatch.delitem(sys.modules, "corsfast._cli.completion", raising=False)
    monkeypatch.setenv("_ARGCOMPLETE", "1")
    assert main(["--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: ")
