"""`corsfast` and `python -m corsfast`: the entry point, and how every command exits."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

import corsfast
from corsfast.__main__ import COMMANDS, main
from corsfast._cli import console
from corsfast._cli.check.subject import UnreadableError
from corsfast._cli.command import read_text

PYTHON = (sys.executable, "-m", "corsfast")
REGEX = ("check", "--regex", "^https://app.example.com")
# All commands that print, with their exit status when the output is read.
PRINTING = [
    (("--version",), 0),
    (("--help",), 0),
    ((), 2),
    (("chek",), 2),
    ((*REGEX,), 1),
    ((*REGEX, "--json"), 1),
    (("check", "--help"), 0),
    (("check", "no-such-file.toml"), 2),
    (("check", "--no-such-option"), 2),
    (("explain", "--allow-origins", "https://a.example", "--origin", "https://b.example"), 1),
    (("explain", "--help"), 0),
    (("bench", "--help"), 0),
    (("bench", "--cases", "no such row"), 2),
    (("bench", "--quick", "--cases", "floor: len"), 0),
]
posix = pytest.mark.skipif(os.name != "posix", reason="about pipes and signals of POSIX")


def call(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run([*PYTHON, *arguments], text=True, timeout=120, check=False, **given)


def without_reader(
    *arguments: str, both: bool = False, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command with a closed pipe as standard output and, with `both`, as standard error."""
    read, write = os.pipe()
    os.close(read)
    try:
        return call(
            *arguments,
            stdout=write,
            stderr=write if both else subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "", **environment},
        )
    finally:
        os.close(write)


# -- the entry point -------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(capsys: pytest.CaptureFixture[str], option: str) -> None:
    assert main([option]) == 0
    assert capsys.readouterr().out.startswith(
        f"corsfast {corsfast.__version__} ({corsfast.IMPLEMENTATION} engine, "
    )


def test_version_imports_little() -> None:
    code = """
import sys
before = set(sys.modules)
from corsfast.__main__ import main
main(["--version"])
print(*sorted(set(sys.modules) - before))
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    modules = set(result.stdout.splitlines()[1].split())
    assert not modules & {
        "argparse",
        "json",
        "tomllib",
        "importlib.metadata",
        "corsfast._cli.check",
    }
    if corsfast.IMPLEMENTATION == "native":
        assert not modules & {"re", "enum", "corsfast._options.spec"}


def test_the_console_script_is_the_module() -> None:
    scripts = sysconfig.get_path("scripts")
    name = "corsfast.exe" if os.name == "nt" else "corsfast"
    result = subprocess.run(
        [str(Path(scripts) / name), "--version"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == call("--version").stdout


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main(arguments) == (0 if arguments else 2)
    printed = capsys.readouterr()
    assert printed.err == ""
    width = max(map(len, COMMANDS))
    for name, (_, summary) in COMMANDS.items():
        assert f"  {name:<{width}}  {summary}\n" in printed.out
    assert max(map(len, printed.out.splitlines())) <= 100


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(capsys: pytest.CaptureFixture[str], name: str) -> None:
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith("usage: ")


@pytest.mark.parametrize("program", ["corsfast", "/usr/bin/corsfast", "C:\\x\\corsfast.exe"])
def test_usage_names_the_program_that_was_called(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(sys, "argv", [program])
    with pytest.raises(SystemExit):
        main(["bench", "--help"])
    assert capsys.readouterr().out.startswith("usage: corsfast bench ")
    assert call("bench", "--help").stdout.startswith("usage: python -m corsfast bench ")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("chek", "write corsfast check"),
        ("CHECK", "write corsfast check"),
        ("benchmark", "write corsfast bench"),
        ("xyz", "there are check, explain, diff, describe, learn, import, export, bench"),
        ("policy.toml", "write corsfast check policy.toml"),
        ("--json", "unknown option '--json'"),
        ("--verison", "unknown option '--verison'"),
    ],
)
def test_unknown_commands(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, word: str, said: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["corsfast"])
    assert main([word, "policy.toml"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err


def test_the_benchmark_is_a_command() -> None:
    result = call("bench", "--quick", "--cases", "floor: len")
    assert result.returncode == 0
    assert "floor: len(x)" in result.stdout


# -- exit statuses ---------------------------------------------------------------------------


@posix
@pytest.mark.parametrize(("arguments", "_status"), PRINTING)
def test_a_reader_that_has_gone(arguments: tuple[str, ...], _status: int) -> None:
    """This is `2>&1 | head`. The test owns both ends of the pipe, so there is no race."""
    assert without_reader(*arguments, both=True).returncode == 141


@posix
@pytest.mark.parametrize("arguments", [("--version",), REGEX])
def test_a_reader_that_has_gone_unbuffered(arguments: tuple[str, ...]) -> None:
    assert without_reader(*arguments, PYTHONUNBUFFERED="1").returncode == 141


@posix
@pytest.mark.parametrize(("arguments", "status"), PRINTING)
def test_only_standard_output_has_no_reader(arguments: tuple[str, ...], status: int) -> None:
    result = without_reader(*arguments)
    assert "Traceback" not in result.stderr
    assert "Exception ignored" not in result.stderr
    # Commands that only write to standard error keep their status.
    errors_only = status == 2 and arguments != ()
    assert result.returncode == (2 if errors_only else 141)


@posix
def test_the_first_line_alone_is_read() -> None:
    with subprocess.Popen(
        [*PYTHON, *REGEX], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
    # It may have written everything before the pipe was closed.
    assert process.returncode in (1, 141)
    assert said == b""


@posix
@pytest.mark.parametrize("closed", ["1", "2", "0 1 2"])
@pytest.mark.parametrize(("arguments", "status"), PRINTING)
def test_closed_streams(arguments: tuple[str, ...], status: int, closed: str) -> None:
    code = """
import os, sys
for number in sys.argv[1].split():
    os.close(int(number))
os.execv(sys.argv[2], sys.argv[2:])
"""
    result = subprocess.run(
        [sys.executable, "-c", code, closed, *PYTHON, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if "1" not in closed:
        assert (result.returncode, result.stderr) == (status, "")
        return
    assert result.returncode == 2
    message = f"corsfast: standard output: {os.strerror(errno.EBADF)}\n"
    assert result.stderr == ("" if "2" in closed else message)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [("--version",), REGEX])
def test_a_full_disk(arguments: tuple[str, ...], unbuffered: str) -> None:
    with Path("/dev/full").open("w") as full:
        result = call(*arguments, stdout=full, env={**os.environ, "PYTHONUNBUFFERED": unbuffered})
    message = f"corsfast: standard output: {os.strerror(errno.ENOSPC)}\n"
    assert (result.returncode, result.stderr) == (2, message)


def test_ctrl_c_while_a_command_runs(tmp_path: Path) -> None:
    text = (
        "import signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it\n"
        "signal.raise_signal(signal.SIGINT)\n"
    )
    (tmp_path / "slow_settings.py").write_text(text, "utf-8")
    result = call("check", "--django", "slow_settings", cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "")


def test_ctrl_c_ends_the_command() -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    assert console.run(interrupted) == 130


# The commands that read any text, without its name, and what each says of an empty one.
READING = [
    (("import", "--from", "haproxy"), "no CORS policy of haproxy was found"),
    (("explain", "--allow-origins", "https://a.example", "--har"), ":1: not JSON"),
    (("explain", "--allow-origins", "https://a.example", "--curl"), "not a curl command"),
    (("export", "--allow-origins", "https://a.example", "--check"), "was not written by"),
    (("learn",), "there is no cross-origin request in it"),
]


@pytest.mark.parametrize(("arguments", "said"), READING, ids=[row[1] for row in READING])
@pytest.mark.parametrize("closed", [False, True])
def test_reads_standard_input(
    arguments: tuple[str, ...],
    said: str,
    closed: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", None if closed else io.TextIOWrapper(io.BytesIO()))
    assert main([*arguments, "-"]) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert "<stdin>" in printed


@pytest.mark.parametrize("arguments", [row[0] for row in READING if row[0][-1] != "--curl"])
def test_a_file_that_cannot_be_read(
    arguments: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*arguments, "absent"]) == 2
    start = f"corsfast {arguments[0]}: "
    assert capsys.readouterr().err == f"{start}absent: No such file or directory\n"
    if arguments[0] != "learn":  # it reads the lines of a log in any encoding
        Path("given").write_bytes(b"\n\xff")
        assert main([*arguments, "given"]) == 2
        assert capsys.readouterr().err.startswith(f"{start}given:2: the file is not UTF-8: ")


def test_a_text_over_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("1é".encode())))
    with pytest.raises(UnreadableError, match="<stdin>: the file has more than 2 bytes"):
        read_text("-", 2)


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])  # the latter for LC_ALL=C
def test_input_that_is_not_utf_8(monkeypatch: pytest.MonkeyPatch, errors: str) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b"caf\xe9\n"), "utf-8", errors)
    monkeypatch.setattr("sys.stdin", stdin)
    with pytest.raises(UnreadableError, match="<stdin>:1: the file is not UTF-8: "):
        read_text("-", 9)


def test_input_is_utf_8_in_any_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO("é\r\n".encode()), "latin-1")
    monkeypatch.setattr("sys.stdin", stdin)
    assert read_text("-", 9) == ("<stdin>", "é\n")


def test_a_mark_of_the_encoding_is_not_text(tmp_path: Path) -> None:
    file = tmp_path / "given"
    file.write_text("{}", "utf-8-sig")
    assert read_text(str(file), 9) == (str(file), "{}")


def test_other_errors_are_seen() -> None:
    def broken() -> int:
        raise FileNotFoundError(errno.ENOENT, "no", "policy.toml")

    with pytest.raises(FileNotFoundError):
        console.run(broken)


@posix
def test_ctrl_c_does_not_reach_children() -> None:
    code = "import os; print(os.getpgrp())"
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, **console.APART
    )
    assert int(child.stdout) != os.getpgrp()


def test_every_command_goes_through_one_end() -> None:
    for name in ("__main__.py", "bench/__main__.py"):
        text = (Path(corsfast.__file__).parent / name).read_text("utf-8")
        assert "sys.exit(run(" in text or "sys.exit(script())" in text, name


def test_figures_are_written_before_they_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A closed pipe loses the tables, but not the file with an hour of measurements."""
    from corsfast.bench import __main__ as bench

    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(errno.EPIPE, "no reader")

    file = tmp_path / "figures.json"
    monkeypatch.setattr(sys, "stdout", Gone())
    with pytest.raises(BrokenPipeError):
        bench.main(["--quick", "--cases", "floor: len", "--json", str(file)])
    assert file.stat().st_size
