"""`python -m corsfast check`: every source, every exit status, and correct corrections.

Each source is checked once through the real command. The rest runs in process.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from corsfast.__main__ import main
from corsfast._cli.check.judge import judge
from corsfast._cli.check.report import Finding, Report
from corsfast._cli.check.subject import Subject
from corsfast._cli.terminal import Style, as_text
from corsfast._engine import pure
from corsfast._loading.literals import in_json, in_toml
from corsfast._loading.regex_dialects import read_regex
from corsfast._loading.schema import schema_text
from corsfast._options.patterns import within
from corsfast._proofs import verify
from corsfast._proofs.dialect import MatchContext
from corsfast._proofs.python_source import in_python
from corsfast._proofs.regex_fixes import keeps, problems_in, repair, repair_string
from corsfast._proofs.regex_text import parse, write
from corsfast._proofs.regexes import RegexSyntaxError, compile_quietly
from corsfast._proofs.verify import foreign_risks, language, own_risks, problems_of
from corsfast.errors import CorsfastSecurityWarning, PolicyError

COMMAND = (sys.executable, "-m", "corsfast", "check")

GOOD = """
allow_origins = ["https://app.example.com", { regex = 'https://pr-\\d+\\.example\\.com' }]
allow_methods = ["PUT"]
allow_credentials = true
max_age = "none"
"""
BAD = """
allow_origins = [
    "https://app.example.com",
    "https://Example.com/",
    { regex = 'https://.*example.com' },
]
allow_credentials = true
"""
SETTINGS = """
import re
import shlex
print("what a settings module prints is not part of the answer")
CORS_ALLOWED_ORIGINS = ["https://app.example.com"]
CORS_ALLOWED_ORIGIN_REGEXES = [
    r"^https://\\w+\\.example\\.com",
    re.compile(r"https://.*\\.EXAMPLE\\.org$", re.I),
]
CORS_ALLOW_CREDENTIALS = True
"""


def command(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def found(result: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def checked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run the command in this process and return its status and its JSON output."""
    status = main(["check", "--json", *arguments])
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return status, answer


def problem(answer: dict[str, Any]) -> dict[str, Any]:
    assert len(answer["problems"]) == 1, answer["problems"]
    only: dict[str, Any] = answer["problems"][0]
    return only


def file(folder: Path, text: str, name: str = "policy.toml") -> str:
    path = folder / name
    path.write_text(text, "utf-8")
    return str(path)


# -- the real command, one source after the other --------------------------------------------


def test_a_good_file(tmp_path: Path) -> None:
    file(tmp_path, GOOD)
    result = command("policy.toml", folder=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == "no problems: 5 entries"


def test_a_bad_file(tmp_path: Path) -> None:
    file(tmp_path, BAD)
    result = command("policy.toml", folder=tmp_path)
    assert result.returncode == 1
    assert result.stdout == (
        """\
corsfast check: policy.toml

allow_origins: https://Example.com/   (policy.toml:4)
  It ends in a slash; browsers send origins without one.
    write:  "https://example.com"
    [trailing-slash]

allow_origins: https://.*example.com   (policy.toml:5; regex, fullmatch)
  It also allows eexample.com, which does not appear in it.
    allows: https://eexample.com
    write:  { regex = 'https://(?:[a-z0-9-]+\\.)*example\\.com' }
    [foreign-origin]

Warnings

allow_origins   (policy.toml:2)
  'https://app.example.com' is covered by 'https://.*example.com' and can be
  left out.
    [redundant]

2 problems in 2 of 4 entries, 1 warning
"""
    )


def test_pyproject(tmp_path: Path) -> None:
    table = "[tool.corsfast]\nallow_origins = ['https://*.example.com']\n"
    file(tmp_path, table, "pyproject.toml")
    assert command("pyproject.toml", folder=tmp_path).returncode == 0
    # The command also reads it if no source is given.
    result = command("--json", folder=tmp_path)
    assert result.returncode == 0
    assert found(result)["source"] == "pyproject.toml [tool.corsfast]"


def test_options(tmp_path: Path) -> None:
    good = ("--allow-origins", "https://a.example.com", "http://localhost:*", "--max-age", "none")
    assert command(*good, folder=tmp_path).returncode == 0
    result = command("--allow-origins", "*", "--allow-credentials", "--json", folder=tmp_path)
    assert result.returncode == 1
    assert problem(found(result))["code"] == "any-origin-with-credentials"


def test_django(tmp_path: Path) -> None:
    file(tmp_path, SETTINGS, "shop_settings.py")
    result = command("--django", "shop_settings", "--json", folder=tmp_path)
    assert result.returncode == 1
    only = problem(found(result))
    assert only["option"] == "CORS_ALLOWED_ORIGIN_REGEXES"
    assert (only["how"], only["code"]) == ("match", "foreign-origin")
    assert re.match(only["entry"], only["example"])
    assert only["write"] == r'r"^https://\w+\.example\.com\Z"'


def test_a_table_in_place_of_options_is_named(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text('[cors]\nallow_origins = ["https://a.example"]\n')
    assert "--table or table= reads a table" in command("policy.toml", folder=tmp_path).stdout
    assert command("policy.toml", "--table", "cors", folder=tmp_path).returncode == 0


def test_regexes(tmp_path: Path) -> None:
    given = ("--regex", r"^https://example\.com", "--regex", r"^https://example\.org$")
    result = command(*given, "--matched-with", "re.match", "--json", folder=tmp_path)
    assert result.returncode == 1
    assert problem(found(result))["write"] == r"^https://example\.com\Z"
    assert found(result)["entries"] == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "so name a policy: a file,"),
        (("missing.toml",), "missing.toml: "),
        (("broken.toml",), "line 1"),
        (("broken.json",), "line 1"),
        (("list.json",), "a table, not list"),
        (("policy.yaml",), ".toml or .json"),
        (("pyproject.toml",), "no [tool.corsfast]"),
        (("--django", "no_such_module"), "ModuleNotFoundError"),
        (("--django", "broken_settings"), "KeyError: 'SECRET'"),
        (("--django", "leaving_settings"), "SystemExit"),
        (("--django", "json"), "no CORS_ settings"),
        (("--regex", "(", "--regex", "a"), "missing ), unterminated subpattern"),
        (("--regex", "a", "broken.toml"), "two policies"),
        (("--regex", "a", "--allow-methods", "PUT"), "cannot be combined with --regex"),
        (("--matched-with", "search", "--allow-origins", "*"), "--matched-with needs --regex"),
        (("--credentials", "--allow-origins", "*"), "--credentials needs --regex"),
        (("--ignore-case", "--allow-origins", "*"), "--ignore-case needs --regex"),
        (("--regex", "a", "--matched-with", "fnmatch"), "invalid choice: 'fnmatch'"),
        (("--tolerate", "everything"), "invalid choice: 'everything'"),
        (("--max-age", "soon"), "invalid number of seconds value: 'soon'"),
    ],
)
def test_nothing_to_check(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    for name, text in {
        "broken.toml": "allow_origins = = 3",
        "broken.json": '{"allow_origins": ',
        "list.json": '["https://a.example.com"]',
        "policy.yaml": "allow_origins: []",
        "pyproject.toml": "[project]\nname = 'a'\n",
        "broken_settings.py": "import os\nos.environ['SECRET']\n",
        "leaving_settings.py": "raise SystemExit('not today')\n",
    }.items():
        file(tmp_path, text, name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("SECRET", raising=False)
    try:
        status = main(["check", *arguments])
    except SystemExit as left:
        status = left.code  # type: ignore[assignment]
    printed = capsys.readouterr()
    assert status == 2
    assert printed.out == ""
    assert said in printed.err


def test_the_place_of_a_syntax_error_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--regex", r"^https://\Qexample.com"]) == 2
    assert capsys.readouterr().err.splitlines()[1:] == [r"^https://\Qexample.com", "         ^"]


# -- output ----------------------------------------------------------------------------------

COLOR = re.compile(r"\x1b\[[\d;]*m")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize(
    ("environment", "colored"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colors_on_a_terminal(tmp_path: Path, environment: dict[str, str], colored: bool) -> None:
    import pty

    file(tmp_path, BAD)
    plain = command("policy.toml", folder=tmp_path)
    assert not COLOR.search(plain.stdout)
    master, slave = pty.openpty()
    variables = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
    with subprocess.Popen(
        [*COMMAND, "policy.toml"],
        cwd=tmp_path,
        env={**variables, "COLUMNS": "80", "TERM": "xterm", **environment},
        stdout=slave,
    ) as process:
        os.close(slave)
        shown = b""
        while True:
            try:
                more = os.read(master, 65536)
            except OSError:  # Linux raises this when the other end is closed
                break
            if not more:
                break
            shown += more
    os.close(master)
    assert process.returncode == 1
    text = shown.decode().replace("\r\n", "\n")
    assert bool(COLOR.search(text)) == colored
    assert COLOR.sub("", text) == plain.stdout


@pytest.mark.parametrize("width", [1, 50, 80, 500])
def test_only_sentences_are_wrapped(width: int) -> None:
    long = "https://" + "a-" * 55 + r".*example\.com"
    finding = Finding("allow_origins", long, "fullmatch", "code", f"{'word ' * 40}{long!r}")
    shown = as_text(Report("a test", 1, [finding]), Style(width, colors=False)).splitlines()
    assert f"allow_origins: {long}   (regex, fullmatch)" in shown
    assert f"  {long!r}" in shown
    sentences = [line for line in shown if line.startswith("  word")]
    limit = max(40, min(width, 100))
    assert all(limit - len("word ") < len(line) <= limit for line in sentences[:-1])
    assert len(sentences) > 1


def test_one_fix_for_two_problems_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--regex", r"https?://.*example\.com$"]) == 1
    shown = capsys.readouterr().out
    assert "[foreign-origin]" in shown
    assert "[insecure-origin]" in shown
    assert shown.count("write:") == 1
    assert shown.endswith("2 problems in 1 of 1 entry\n")


def test_entries_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    text = json.dumps({"allow_origins": ["https://a\x1b[2J\u202e.example.com"]})
    file(tmp_path, text, "policy.json")
    result = command("policy.json", folder=tmp_path)
    assert result.returncode == 1
    assert not set("\x1b\u202e") & set(result.stdout)
    assert r"\x1b[2J\u202e" in result.stdout


def test_characters_that_the_terminal_lacks(tmp_path: Path) -> None:
    file(tmp_path, 'allow_origins = ["https://b\u00fccher.example"]')
    result = command("policy.toml", folder=tmp_path, PYTHONIOENCODING="ascii")
    assert result.returncode == 1
    assert r"https://b\xfccher.example" in result.stdout
    assert "https://xn--bcher-kva.example" in result.stdout


# -- policies --------------------------------------------------------------------------------


def test_the_defaults_are_those_of_a_policy() -> None:
    parameters = inspect.signature(pure.Policy.__new__).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    assert defaults.pop("allow_origins") is ...
    assert defaults == verify.DEFAULTS


@pytest.mark.parametrize("credentials", [True, False])
@pytest.mark.parametrize(
    "origins",
    [
        ["https://a.example.com"],
        ["https://*.co.uk", "https://*example.com", "http://a.example.com"],
        [re.compile("https://.*"), re.compile(r"https://a\.example\.com/")],
        [within(re.compile("https://a.*"), "example.com"), "null", "https://a.example.com/"],
        ["*", "https://a.example.com"],
        "https://a.example.com",
        3,
    ],
)
def test_the_problems_are_those_of_a_policy(origins: object, credentials: bool) -> None:
    options = {
        "allow_origins": origins,
        "allow_credentials": credentials,
        "allow_methods": ["TRACE"],
        "max_age": -1,
    }
    with pytest.raises(PolicyError) as refused:
        pure.Policy(**options)  # type: ignore[arg-type]
    expected = sorted((p.code, p.example or "") for p in refused.value.problems)
    report = judge(Subject("a test", options=options))
    assert sorted((f.code, f.example or "") for f in report.problems) == expected


def test_tolerated_risks_are_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    origins = ("--allow-origins", "https://*.vercel.app")
    status, answer = checked(capsys, *origins)
    assert status == 1
    assert problem(answer)["write"].startswith(
        "each name that is yours, as https://NAME.vercel.app"
    )
    status, answer = checked(capsys, *origins, "--tolerate", "public-suffix")
    assert (status, answer["problems"]) == (0, [])
    assert [warning["code"] for warning in answer["warnings"]] == ["public-suffix"]
    with pytest.warns(CorsfastSecurityWarning):
        pure.Policy(allow_origins=origins[1:], dangerously_tolerate=["public-suffix"])


def test_tolerated_in_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "allow_origins = ['https://*.vercel.app', 'http://*.example.com']\n"
    text += "allow_credentials = true\ndangerously_tolerate = ['public-suffix']\n"
    status, answer = checked(capsys, file(tmp_path, text))
    assert status == 1
    assert problem(answer)["code"] == "insecure-origin"
    status, answer = checked(capsys, file(tmp_path, text), "--tolerate", "insecure-origin")
    assert status == 0
    assert len(answer["warnings"]) == 2


def test_options_replace_those_of_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(capsys, file(tmp_path, BAD), "--allow-origins", "https://a.example.com")[0] == 0


def test_warnings_are_not_problems(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = r"""allow_origins = [
        "https://a.example.com", "https://*.example.com",
        { regex = 'https://(?!x)[a-z]\.example\.org' },
    ]"""
    status, answer = checked(capsys, file(tmp_path, text))
    assert (status, answer["problems"]) == (0, [])
    assert [warning["code"] for warning in answer["warnings"]] == ["redundant", "not-linear"]
    assert main(["check", file(tmp_path, text)]) == 0
    assert capsys.readouterr().out.endswith("no problems: 3 entries, 2 warnings\n")


@pytest.mark.parametrize(
    ("written", "code", "meant"),
    [
        ("'https://example.com/'", "trailing-slash", '"https://example.com"'),
        ("'*.example.com'", "scheme-missing", '"https://*.example.com"'),
        ("'https://*example.com'", "foreign-origin",
         '"https://example.com", "https://*.example.com"'),
        ("'http://*.example.com'", "insecure-origin", '"https://*.example.com"'),
        ("'http://example.com/'", "trailing-slash", '"https://example.com"'),
        ("'https://.*\\.example\\.com'", "looks-like-regex",
         r"{ regex = 'https://.*\.example\.com' }"),
        ("'^https://.*example.com$'", "looks-like-regex",
         r"{ regex = '^https://(?:[a-z0-9-]+\.)*example\.com$' }"),
        ("{ regex = '(?<a>https)://example\\.com' }", "regex-syntax",
         r"{ regex = '(?P<a>https)://example\.com' }"),
        ("{ regex = 'https://example\\\\.com' }", "unmatchable-pattern",
         r"{ regex = 'https://example\.com' }"),
        ("{ regex = 'https://a.*example.com', within = ['example.com'] }", "foreign-origin",
         "the intended origins, one by one"),
        ("{ regex = 'https://.*example.com', within = ['example.com'] }", "foreign-origin",
         r"""{ regex = 'https://(?:[a-z0-9-]+\.)*example\.com', within = ["example.com"] }"""),
        # The intended pattern is just as dangerous, so there is no value to paste.
        ("'*.vercel.app'", "scheme-missing",
         "each name that is yours, as https://NAME.vercel.app; or use a domain of your own"),
        ("{ regex = '(' }", "regex-syntax", None),
        ("{ regex = 'a', within = 'example.com' }", "within", None),
        ("{ regex = 'a', within = ['https://example.com'] }", "within", None),
        ("{ regex = 3 }", "type", "{ regex = '...' }"),
        ("{ regx = 'a' }", "unknown-option", "regex"),
        ("3", "type", None),
    ],
)  # fmt: skip
def test_suggested_fixes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], written: str, code: str, meant: str | None
) -> None:
    path = file(tmp_path, f"allow_origins = [{written}]\nallow_credentials = true\n")
    status, answer = checked(capsys, path)
    assert status == 1
    assert (problem(answer)["code"], problem(answer)["write"]) == (code, meant)
    assert answer["entries"] == 2
    if meant is not None and meant[0] in "{\"'" and "..." not in meant:
        again = file(tmp_path, f"allow_origins = [{meant}]\nallow_credentials = true\n")
        status, fixed = checked(capsys, again)
        assert (status, fixed["problems"], fixed["warnings"]) == (0, [], answer["warnings"])


@pytest.mark.parametrize(
    ("regex", "code", "meant"),
    [
        (r"^https://a\.example$|^/b$", "unmatchable-alternative", None),
        ("^http://localhost:*$", "glob-as-regex", "^http://localhost(?::[0-9]+)?$"),
    ],
)
def test_a_regex_that_means_something_else_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], regex: str, code: str, meant: str | None
) -> None:
    path = file(tmp_path, f"allow_origins = [{{ regex = '{regex}' }}]\n")
    in_toml = None if meant is None else '"http://localhost:*"'
    for arguments, proposed in (([path], in_toml), (["--regex", regex], meant)):
        status, answer = checked(capsys, *arguments)
        assert (status, answer["problems"]) == (0, [])
        (warning,) = answer["warnings"]
        assert (warning["code"], warning["write"]) == (code, proposed)


@pytest.mark.parametrize("text", ["(", "$ORIGIN"])
def test_no_regex_is_proposed_that_does_not_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    path = file(tmp_path, json.dumps({"allow_origins": [text]}), "policy.json")
    status, answer = checked(capsys, path)
    assert (status, [found["write"] for found in answer["problems"]]) == (1, [None])


def test_hints_in_json_are_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = {
        "allow_origins": ["https://example.com/", {"regex": "https://.*example.com"}],
        "allow_headers": ["X-A, X-B"],
        "expose_headers": "X-A",
        "allow_credentials": "yes",
        "max_age": None,
    }
    status, answer = checked(capsys, file(tmp_path, json.dumps(options), "policy.json"))
    assert status == 1
    assert [found["write"] for found in answer["problems"]] == [
        '"https://example.com"',
        json.dumps({"regex": r"https://(?:[a-z0-9-]+\.)*example\.com"}),
        '"X-A", "X-B"',
        '["X-A"]',
        "true",
    ]


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("allow_origin", "allow_origins"),
        ("allowOrigins", "allow_origins"),
        ("allow-credentials", "allow_credentials"),
        ("supports_credentials", "allow_credentials"),
        ("origins", "allow_origins"),
        ("methods", "allow_methods"),
        ("maxAge", "max_age"),
        ("exposed_headers", "expose_headers"),
        ("tolerate", "dangerously_tolerate"),
        ("allow_origin_regex", "{ regex = '...' } as an entry of allow_origins"),
        ("color", None),
    ],
)
def test_unknown_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, meant: str | None
) -> None:
    text = json.dumps({"allow_origins": ["https://a.example.com"], key: []})
    status, answer = checked(capsys, file(tmp_path, text, "policy.json"))
    assert status == 1
    assert problem(answer)["option"] == key
    assert (problem(answer)["code"], problem(answer)["write"]) == ("unknown-option", meant)


def test_origins_are_required(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, answer = checked(capsys, file(tmp_path, "max_age = 3\n"))
    assert (status, problem(answer)["code"]) == (1, "missing")


def test_findings_come_in_the_order_of_the_source(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """
    max_age = -1
    allow_origins = [{ regex = '.*' }, "https://*.vercel.app", "https://a.example.com/"]
    """
    _, answer = checked(capsys, file(tmp_path, text))
    entries = [(found["option"], found["entry"]) for found in answer["problems"]]
    assert entries == [
        ("max_age", "-1"),
        ("allow_origins", ".*"),
        ("allow_origins", "https://*.vercel.app"),
        ("allow_origins", "https://a.example.com/"),
    ]
    assert (answer["affected"], answer["entries"]) == (4, 4)


# -- django-cors-headers ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings_text", "codes"),
    [
        ("CORS_ALLOW_ALL_ORIGINS = True", []),
        ("CORS_ALLOW_ALL_ORIGINS = True\nCORS_ALLOW_CREDENTIALS = True",
         ["any-origin-with-credentials"]),
        ("CORS_ORIGIN_ALLOW_ALL = True\nCORS_ALLOW_CREDENTIALS = True",
         ["any-origin-with-credentials"]),
        # The new name wins, as in django-cors-headers.
        ("CORS_ALLOW_CREDENTIALS = CORS_ORIGIN_ALLOW_ALL = True\nCORS_ALLOW_ALL_ORIGINS = False",
         []),
        ("CORS_ALLOW_ALL_ORIGINS = 'False'", ["type"]),
        ("CORS_ORIGIN_WHITELIST = ('https://a.example.com/',)", ["trailing-slash"]),
        ("CORS_ALLOWED_ORIGINS = 'https://a.example.com'", ["bare-string"]),
        # The setting is compared literally, so a star is no wildcard.
        ("CORS_ALLOWED_ORIGINS = ['https://*.example.com', '*']", ["unmatchable-pattern"] * 2),
        ("CORS_ALLOWED_ORIGINS = ['http://10.0.0.0/8:*', '10.0.0.0/8']",
         ["unmatchable-pattern"] * 2),
        ("CORS_ORIGIN_REGEX_WHITELIST = [r'https://a\\.example\\.com']", ["foreign-origin"]),
        ("CORS_ALLOWED_ORIGIN_REGEXES = [r'https://a\\.example\\.com$']", []),
        # re.match does not anchor the end, compiled or not.
        ("import re\nCORS_ALLOWED_ORIGIN_REGEXES = [re.compile(r'https://a\\.example\\.com')]",
         ["foreign-origin"]),
        ("CORS_ALLOWED_ORIGIN_REGEXES = ['(', b'a', 3]", ["regex-syntax", "type", "type"]),
        ("CORS_ALLOWED_ORIGIN_REGEXES = r'https://a$'", ["type"]),
        ("CORS_ALLOWED_ORIGIN_REGEXES = [r'http://a\\.example\\.com$']", []),
        ("CORS_ALLOW_CREDENTIALS, CORS_ALLOWED_ORIGIN_REGEXES = True, [r'http://a\\.example\\.com$']",
         ["insecure-origin"]),
        ("CORS_ALLOW_METHODS = ['get put']", ["not-a-token"]),
        ("CORS_ALLOW_HEADERS = ['x-a', 'dnt', 'origin']", []),
        ("CORS_EXPOSE_HEADERS = 'X-A'", ["bare-string"]),
        ("CORS_PREFLIGHT_MAX_AGE = 0", []),
        ("CORS_PREFLIGHT_MAX_AGE = -1", ["out-of-range"]),
        ("CORS_ALLOWED_ORIGIN = []", ["unknown-option"]),
        ("CORS_ALLOW_ALL_ORIGIN = True", ["unknown-option"]),
        ("CORS_OF_OUR_OWN = True\nCORS_URLS_REGEX = r'^/api/'", []),
    ],
)  # fmt: skip
def test_settings(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    settings_text: str,
    codes: list[str],
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "tried_settings", raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    file(tmp_path, settings_text, "tried_settings.py")
    status, answer = checked(capsys, "--django", "tried_settings")
    assert [found["code"] for found in answer["problems"]] == codes
    assert status == bool(codes)
    for found in answer["problems"]:
        assert found["option"].startswith("CORS_")


def test_a_star_of_django_is_offered_as_a_regex(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    text = "CORS_ALLOWED_ORIGINS = ['https://*.example.com', 'https://*.vercel.app']"
    file(tmp_path, text, "starred_settings.py")
    _, answer = checked(capsys, "--django", "starred_settings")
    offered, none = (found["write"] for found in answer["problems"])
    pattern = offered.removesuffix(" in CORS_ALLOWED_ORIGIN_REGEXES")[2:-1]
    assert re.match(pattern, "https://a.example.com")
    assert not foreign_risks(re.compile(pattern), "match", True)
    assert none is None


@pytest.mark.parametrize(
    ("entry", "allowed"),
    [
        ("*.example.com", "https://a.example.com"),
        ("https://*.example.com/", "https://a.example.com"),
        ("https://*.EXAMPLE.com", "https://a.example.com"),
        ("'https://*.example.com'", "https://a.example.com"),
        (".example.com", "https://a.example.com"),
        ("localhost:*", "http://localhost:3000"),
        ("http://localhost*", "http://localhost:3000"),
        ("http://localhost:30**", "http://localhost:3099"),
        ("https://shop-*.example.com/", "https://shop-1.example.com"),
        (r"https://.*\.example\.com", "https://a.example.com"),
        (r"\Ahttps://a\.example\.com\Z", "https://a.example.com"),
        ("http://192.168.0.0/16:*", "http://192.168.1.7:3000"),
        ("http://192.168.1.5/16:3000", "http://192.168.1.7:3000"),
        ("http://192.168.*.*:*", "http://192.168.1.7:3000"),
        ("192.168.0.0/16", "http://192.168.1.7:3000"),
        ("http://[fd00::]/8:*", "http://[fd12::1]:3000"),
    ],
)
def test_the_fix_for_a_misspelled_django_star_is_valid(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    entry: str,
    allowed: str,
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "misspelled_settings", raising=False)
    monkeypatch.delitem(sys.modules, "corrected_settings", raising=False)
    file(tmp_path, f"CORS_ALLOWED_ORIGINS = [{entry!r}]", "misspelled_settings.py")
    _, answer = checked(capsys, "--django", "misspelled_settings")
    (found,) = answer["problems"]
    offered, _, setting = found["write"].partition(" in ")
    assert (found["code"], setting) == ("unmatchable-pattern", "CORS_ALLOWED_ORIGIN_REGEXES")
    assert re.match(ast.literal_eval(offered), allowed)
    file(tmp_path, f"{setting} = [{offered}]", "corrected_settings.py")
    status, answer = checked(capsys, "--django", "corrected_settings")
    assert (status, answer["problems"]) == (0, [])


# -- regexes of other software ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (r"\Ahttps://a\.b\z", r"\Ahttps://a\.b\Z"),
        (r"\\z[\\z]", r"\\z[\\z]"),
        (r"(?<sub>a)(?<!b)(?<=a)", r"(?P<sub>a)(?<!b)(?<=a)"),
        (r"[[:alnum:]_]+[^[:digit:]]", r"[a-zA-Z0-9_]+[^0-9]"),
        (r"^(?i)https", r"(?i)^https"),
        (r"/^https?:\/\/a$/i", r"^https?:\/\/a$"),
        ("r'^a$'", "^a$"),
        ('"^a$"', "^a$"),
        (r"^https:\/\/a$", r"^https:\/\/a$"),
    ],
)
def test_spellings(given: str, read: str) -> None:
    reading = read_regex(given)
    assert reading.regex.pattern == read
    assert bool(reading.regex.flags & re.IGNORECASE) == ("(?i)" in given or given.endswith("/i"))
    if given[0] != "/" and "z" not in given and "<" not in given:
        return
    assert read_regex(reading.write(read)).regex == reading.regex


@pytest.mark.parametrize("given", [r"\Qa", "(", "/a/q", r"\p{L}", "[b-a]", "a{2}{3}" * 2 + "{4}"])
def test_ambiguous_entries_get_no_suggestion(given: str) -> None:
    with pytest.raises(RegexSyntaxError) as refused:
        read_regex(given)
    assert refused.value.reason
    assert refused.value.pointed().startswith(refused.value.text)


def test_no_advice_on_style_gets_through() -> None:
    with warnings.catch_warnings(action="error"):
        assert read_regex("[[a]").regex.fullmatch("[")


@pytest.mark.parametrize(
    ("pattern", "how", "credentials", "code"),
    [
        (r"^https://example\.com", "fullmatch", True, None),
        (r"^https://example\.com", "match", True, "foreign-origin"),
        (r"example\.com$", "match", True, "unmatchable-pattern"),
        (r"example\.com$", "search", True, "foreign-origin"),
        (r"^https://example\.com$", "search", True, None),
        (r"^http://example\.com$", "search", True, "insecure-origin"),
        (r"^http://example\.com$", "search", False, None),
        (r".*", "search", True, "any-origin-with-credentials"),
        (r".*", "search", False, "foreign-origin"),
        (r"^chrome-extension://.*", "search", True, "any-extension"),
        (r"^chrome-extension://.*", "search", False, None),
        (r"-extension://", "search", True, "any-extension"),
        (r"^moz-extension://", "match", True, "any-extension"),
        (r"^chrome-extension://abcdefghijklmnop", "match", True, None),
        # Only other software matches this one.
        (r"^(https://a\.example\.com|null)$", "search", True, "null-origin-with-credentials"),
        (r"^(https://a\.example\.com|null)$", "search", False, None),
        # Automata do not support this, so the example has to be tried the way that the software
        # matches.
        (r"(?<!x)example\.com$", "search", False, "foreign-origin"),
        (r"^https://(?=a)a\.example\.com", "match", False, "foreign-origin"),
        (r"^http://(?=a)a\.example\.com", "match", True, "insecure-origin"),
        (r"^https?:(?!//evil)", "match", True, "insecure-origin"),  # it matches no origin in full
    ],
)
def test_regexes_as_they_are_applied(
    pattern: str, how: str, credentials: bool, code: str | None
) -> None:
    regex = re.compile(pattern)
    risks = foreign_risks(regex, how, credentials)
    assert (code in [risk.code for risk in risks]) if code else not risks
    for risk in risks:
        if risk.code == "unmatchable-pattern":
            assert risk.code == code
        else:
            assert risk.example
            assert getattr(regex, how)(risk.example)


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        (r"null|https?://(a+)+(?=b)", "slow-regex"),
        (r"null|https?://(.*a.{12})+x", "unproven"),
    ],
)
def test_a_regex_that_may_be_slow_is_not_run(pattern: str, code: str) -> None:
    (risk,) = foreign_risks(re.compile(pattern), "match", True)
    assert risk.code == code


# -- corrections -----------------------------------------------------------------------------

# (pattern, how, its correction, with credentials)
CORRECTED = [
    # no end, no start
    (r"^https://example\.com", "match", r"^https://example\.com\Z"),
    (r"https://example\.com", "search", r"https://example\.com\Z"),
    (r"^https?://localhost", "match", r"^https?://localhost(?::[0-9]+)?\Z"),
    (r"example\.com$", "search", r"https://example\.com$"),
    (r"\.example\.com", "search", r"https://(?:[a-z0-9-]+\.)+example\.com\Z"),
    # dots
    (r"^https://www.example.com$", "match", r"^https://www\.example\.com$"),
    (r"https://[a-z]+.example.com", "fullmatch", r"https://[a-z]+\.example\.com"),
    # alternatives without a group
    (r"^https://a\.example|https://b\.example\.com$", "search",
     r"^(?:https://a\.example|https://b\.example\.com)$"),
    # a wildcard before a bare domain
    (r"https://.*example\.com", "fullmatch", r"https://(?:[a-z0-9-]+\.)*example\.com"),
    (r".*example\.com$", "match", r"https://(?:[a-z0-9-]+\.)*example\.com$"),
    (r".*localhost", "match", r"https?://(?:[a-z0-9-]+\.)*localhost(?::[0-9]+)?\Z"),
    (r"https://(.*)\.?example\.com", "fullmatch", r"https://(?:[a-z0-9-]+\.)*example\.com"),
    (r"^http.*(example.com|example.org)$", "match",
     r"^https://(?:[a-z0-9-]+\.)*(example\.com|example\.org)$"),
    # a glob
    (r"https://*.example.com", "fullmatch", r"https://(?:[a-z0-9-]+\.)+example\.com"),
    # unmatchable: slash, backslashes, scheme
    (r"https://example\.com/", "fullmatch", r"https://example\.com"),
    (r"^https://(a\.internal/|b\.internal)/$", "search",
     r"^https://(a\.internal|b\.internal)$"),
    (r"^https://a\.internal", "search", r"^https://a\.internal\Z"),
    (r"https://example\\.com", "fullmatch", r"https://example\.com"),
    (r"example\.com", "fullmatch", r"https://example\.com"),
    (r"^localhost:\d+$", "match", r"^https?://localhost:\d+$"),
    # plain http, except on this machine
    (r"https?://example\.com", "fullmatch", r"https://example\.com"),
    (r"https?://(localhost|example\.com)", "fullmatch",
     r"https?://localhost|https://example\.com"),
    # no correction is known
    (r".*", "fullmatch", None),
    (r"https://.*\.vercel\.app", "fullmatch", None),
    (r"https://app-.*-team\.vercel\.app", "fullmatch", None),
    (r"\.vercel\.app$|localhost", "search", None),
    (r".*example.*", "match", None),
    (r"^https://sample-(a|b)", "search", None),
    (r"^https?://([a-z0-9-]+|\d+\.\d+\.\d+\.\d+)$", "match", None),
    (r"(?x) ^https://example\.com", "match", None),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "how", "corrected"), CORRECTED)
def test_corrections(pattern: str, how: str, corrected: str | None) -> None:
    way = MatchContext(how, credentials=True, own=how == "fullmatch")
    regex = re.compile(pattern)
    assert problems_in(regex, way), "there is nothing to correct"
    assert repair(regex, way) == corrected
    if corrected is not None:
        assert problems_in(re.compile(corrected), way) == []


@pytest.mark.parametrize(
    ("original", "corrected", "kept"),
    [
        (r"https://(a|b)\.example\.com.*", r"https://(a|b)\.example\.com", True),
        (r"https://(a|b)\.example\.com.*", r"https://a\.example\.com", False),
        (r"https?://localhost.*", r"https?://localhost", True),
        (r"https?://localhost.*", r"https://localhost", False),
        (r"https?://example\.com", r"https://example\.com", True),
        (r".*\.(example\.com|example\.org)", r"https://a\.example\.com", False),
        (r"https://sample.*", r"https://sample", False),
        (r"https://example\.com/", r"https://example\.com", True),
        (r"https://.*/", r"https://.*", False),
        (r"https://example\.com/", r"https://example\.com/a", False),
    ],
)
def test_a_correction_keeps_the_rest_of_the_regex(
    original: str, corrected: str, kept: bool
) -> None:
    way = MatchContext("fullmatch", credentials=False, own=True)
    assert keeps(re.compile(original), re.compile(corrected), way) == kept


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (r"\Ahttps://www.example\.com\z", r"\Ahttps://www\.example\.com\z"),
        (r"\Ahttps://www\.example\.com", r"\Ahttps://www\.example\.com$"),
        (r"/^https:\/\/www.example\.com/i", r"/^https:\/\/www\.example\.com$/i"),
        (r"/(.*)example\.com$/", r"/https:\/\/(?:[a-z0-9-]+\.)*example\.com$/"),
    ],
)
def test_corrections_are_spelt_like_the_original(
    capsys: pytest.CaptureFixture[str], given: str, written: str
) -> None:
    _, answer = checked(capsys, "--regex", given)
    assert problem({"problems": answer["problems"][:1]})["write"] == written
    assert checked(capsys, "--regex", written)[0] == 0


def test_flags_and_tolerated_risks_stay() -> None:
    regex = re.compile(r"^HTTP://EXAMPLE\.COM", re.IGNORECASE)
    way = MatchContext("match", True, own=False, tolerated=frozenset({"insecure-origin"}))
    assert repair(regex, way) == r"^HTTP://EXAMPLE\.COM\Z"


PARTS = {
    "start": ["", "^", r"\A"],
    "scheme": [
        "", "https://", "https?://", "http://", r"https?:\/\/", "(https?://)?", "(http|https)://",
    ],
    "wild": [
        "", ".*", ".+", "*.", r".*\.", "(.*)", r"(.+\.)?", r"([a-z0-9-]+\.)*", r"\w+", r"(www\.)?",
    ],
    "host": [
        "example.com", r"example\.com", r"example\\.com", "localhost", r"(localhost|example\.com)",
        r"(?:a\.example\.com|b.example.org)", "127.0.0.1", r"\.example\.com", r"team\.vercel\.app",
        r"a\.example\.com|https?://b\.example\.com", "example", r"example\.co\.uk",
        r"10\.0\.\d+\.\d+",
    ],
    "port": ["", r":\d+", r"(:\d+)?", ":.*", ":3000"],
    "end": ["", "$", r"\Z", "/", "/?$", ".*"],
}  # fmt: skip


WRITTEN_OUT = (
    "https://example.com",
    "https://b.example.com",
    "https://example.co.uk",
    "https://team.vercel.app",
    "http://localhost",
    "https://localhost",
)


@st.composite
def patterns(draw: st.DrawFn) -> str:
    """Draw an origin regex as people write them, with typical mistakes."""
    return "".join(draw(st.sampled_from(choices)) for choices in PARTS.values())


@settings(max_examples=150)
@given(
    pattern=patterns(),
    how=st.sampled_from(["fullmatch", "match", "search"]),
    credentials=st.booleans(),
    own=st.booleans(),
)
def test_every_correction_is_proven(pattern: str, how: str, credentials: bool, own: bool) -> None:
    way = MatchContext("fullmatch" if own else how, credentials, own=own)
    try:
        regex = re.compile(pattern)
    except re.error:
        return
    assert write(parse(pattern)) == pattern
    problems = problems_in(regex, way)
    for found in problems:
        if found.example is not None:
            assert getattr(regex, way.how)(found.example)
    text = repair(regex, way)
    if text is None:
        return
    corrected = re.compile(text)
    if own:
        assert not own_risks(corrected, credentials)
    else:
        assert not foreign_risks(corrected, way.how, credentials)
    # It allows no attacker, and still matches something.
    assert language(corrected, way.how).dfa.rows  # type: ignore[union-attr]
    for found in problems:
        # If a wildcard follows a domain, the domain itself may be the example.
        if found.example is not None and not pattern.endswith(".*"):
            assert not getattr(corrected, way.how)(found.example)
    # A glob's star means subdomains, although the regex also matched the domain itself.
    for origin in () if "/*." in pattern else WRITTEN_OUT:
        host = re.escape(origin.partition("://")[2])
        if re.search(rf"(?<![\w.\\]){re.escape(host)}(?![\w.\\])", pattern):
            if getattr(regex, way.how)(origin):
                assert getattr(corrected, way.how)(origin), (pattern, text, origin)


@settings(max_examples=100)
@given(
    st.sampled_from(["https://", "http://", ""]),
    st.sampled_from(["*", "*.", "", "a-*.", "*-"]),
    st.sampled_from(["example.com", "vercel.app", "localhost", "co.uk", "127.0.0.1"]),
    st.sampled_from(["", "/", ":443", ":*"]),
    st.booleans(),
)
def test_every_corrected_string_is_proven(
    scheme: str, star: str, host: str, end: str, credentials: bool
) -> None:
    text = repair_string(scheme + star + host + end, credentials)
    if text is not None:
        assert problems_of([text], credentials) == []


@given(st.text("ab.*+?[](){}|^$\\:/-=!<>P#,1", max_size=12))
def test_texts_come_back_letter_for_letter(text: str) -> None:
    with contextlib.suppress(RegexSyntaxError):
        compile_quietly(text)
        with contextlib.suppress(ValueError):
            assert write(parse(text)) == text


# -- small parts -----------------------------------------------------------------------------


@given(st.text(max_size=12))
def test_regexes_are_spelt_so_that_they_come_back(text: str) -> None:
    assert ast.literal_eval(in_python(text)) == text
    assert json.loads(in_json(text)) == {"regex": text}
    if text.isprintable():
        assert tomllib.loads(f"a = {in_toml(text)}") == {"a": {"regex": text}}


# -- examples in the documentation -----------------------------------------------------------


@pytest.mark.parametrize("document", ["README.md", "docs/check.md"])
def test_the_documents_show_the_real_output(tmp_path: Path, document: str) -> None:
    text = (Path(__file__).parents[2] / document).read_text("utf-8")
    shown = re.findall(r"^```console\n\$ corsfast check (.*)\n((?s:.*?))^```$", text, re.MULTILINE)
    assert shown
    for policy in re.findall(r"For this `policy.toml`:\n\n```toml\n((?s:.*?))```\n", text):
        file(tmp_path, policy)
    for arguments, printed in shown:
        if ":" in arguments:  # an application, which test_check_app.py checks
            continue
        result = command(*shlex.split(arguments), folder=tmp_path)
        assert (result.returncode, result.stdout) == (1, printed)


def test_one_slip_is_one_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, answer = checked(capsys, file(tmp_path, 'allow_origin = ["https://a.example.com"]'))
    assert (status, problem(answer)["code"]) == (1, "unknown-option")
    assert problem(answer)["write"] == "allow_origins"
    status, answer = checked(capsys, file(tmp_path, "color = 1"))
    assert [found["code"] for found in answer["problems"]] == ["unknown-option", "missing"]


def test_names_of_options_keep_their_case(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", file(tmp_path, "max_age = 5")]) == 1
    assert "Without allow_origins no origin is allowed." in capsys.readouterr().out


def test_the_example_file_has_no_problems(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (Path(__file__).parents[2] / "docs" / "check.md").read_text("utf-8")
    _, example, *_ = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    status, answer = checked(capsys, file(tmp_path, example))
    assert (status, answer["problems"], answer["warnings"]) == (0, [], [])


def test_schemes_that_no_page_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = 'allow_origins = ["wss://a.example.com", "htps://b.example.com"]'
    status, answer = checked(capsys, file(tmp_path, text))
    assert (status, problem(answer)["code"]) == (1, "unmatchable-scheme")
    assert (problem(answer)["write"], problem(answer)["proven"]) == (
        '"https://a.example.com"',
        True,
    )
    (warning,) = answer["warnings"]
    assert (warning["code"], warning["write"]) == ("unlikely-scheme", '"https://b.example.com"')


@pytest.mark.parametrize(
    ("settings", "option", "code", "write"),
    [
        ('CORS_ALLOW_HEADERS = "my-auth"', "CORS_ALLOW_HEADERS", "bare-string", "['my-auth']"),
        ('CORS_ALLOW_METHODS = ["put"]', "CORS_ALLOW_METHODS", "method-case", "'PUT'"),
        ('CORS_ALLOW_METHODS = ["GET, PUT"]', "CORS_ALLOW_METHODS", "list-in-string",
         "'GET', 'PUT'"),
        ('CORS_ALLOW_HEADERS = ["*"]\nCORS_ALLOW_CREDENTIALS = True', "CORS_ALLOW_HEADERS",
         "literal-star", "the names, one by one"),
        ('CORS_URLS_REGEX = "^api/"', "CORS_URLS_REGEX", "unmatchable-path", "'^/api/'"),
        ('CORS_PREFLIGHT_MAX_AGE = 604800', "CORS_PREFLIGHT_MAX_AGE", "out-of-range", "86400"),
        ('CORS_ALLOW_PRIVATE_NETWORK = "no"', "CORS_ALLOW_PRIVATE_NETWORK", "not-a-bool",
         "False"),
        ('CORS_ALLOW_CREDENTIALS = "false"', "CORS_ALLOW_CREDENTIALS", "type", "False"),
        ('CORS_ALLOW_ORIGIN_REGEX = ["x"]', "CORS_ALLOW_ORIGIN_REGEX", "unknown-option",
         "CORS_ALLOWED_ORIGIN_REGEXES"),
    ],
)  # fmt: skip
def test_settings_of_django_that_do_nothing(
    settings: str, option: str, code: str, write: str, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    (tmp_path / "idle_settings.py").write_text(
        f'CORS_ALLOWED_ORIGINS = ["https://a.example"]\n{settings}\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "idle_settings", raising=False)
    status, answer = checked(capsys, "--django", "idle_settings")
    assert [(p["option"], p["code"], p["write"]) for p in answer["problems"]] == [
        (option, code, write)
    ]
    assert status == 1


# --- JSON Schema -----------------------------------------------------------------------


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["check", "--schema"])
    assert json.loads(capsys.readouterr().out) == json.loads(schema_text())


@pytest.mark.parametrize(
    ("option", "value", "about"),
    [
        ("max_age", "600", 'a browser may cache a preflight, or "none". Default: 600.'),
        ("preflight_status", 404, "The status for preflights of allowed origins. Default: 204."),
        ("existing", "merge", 'that the application sends itself. Default: "replace".'),
        ("allow_methods", "PUT", 'The methods beyond GET, HEAD and POST, or "*".'),
        ("allow_method", ["PUT"], 'The methods beyond GET, HEAD and POST, or "*".'),  # the hint's
        ("color", "red", None),
        ("allow_origins", ["https://a.example/"], None),  # the value is wrong, not its form
    ],
)
def test_the_schema_says_what_an_option_is_for(
    option: str, value: object, about: str | None, tmp_path: Path, capsys: Any
) -> None:
    options = {"allow_origins": ["https://a.example"]} | {option: value}
    path = file(tmp_path, json.dumps(options), "policy.json")
    given = problem(checked(capsys, path)[1])["about"]
    assert given is None if about is None else given.endswith(about)
    assert main(["check", path]) == 1
    assert ("    about:  " in capsys.readouterr().out) is (about is not None)


def test_findings_are_in_the_order_of_the_source(tmp_path: Path) -> None:
    text = (
        'misspelt = 1\nallow_methods = ["G T"]\nallow_credentials = true\n'
        'allow_origins = ["http://*.b.example.com:[1,2]", "https://c.example.com/"]\n'
    )
    file(tmp_path, text)
    places = [
        each["place"]
        for each in found(command("policy.toml", "--json", folder=tmp_path))["problems"]
    ]
    assert [place.rpartition(": ")[2] for place in places] == [
        "misspelt",
        "allow_methods[0]",
        "allow_origins[0]",
        "allow_origins[1]",
    ]


def test_a_missing_project_file_is_named(tmp_path: Path) -> None:
    result = command(folder=tmp_path)
    assert result.returncode == 2
    assert "./pyproject.toml does not exist, so name a policy" in result.stderr
    file(tmp_path, "[project]\n", "pyproject.toml")
    assert "./pyproject.toml has no [tool.corsfast]" in command(folder=tmp_path).stderr
