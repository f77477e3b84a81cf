"""``python benchmarks/instructions.py``: instructions per call, against a committed baseline.

A clock on a shared machine cannot detect 3 %. A count of instructions can, because it repeats.
Valgrind runs and counts every case at two numbers of calls. The difference, divided by the number
of additional calls, is one call, net of the loop (and of the stub application) around it. A count
more than 3 % above instructions.json is a failure. A count more than 3 % below should be recorded.

    python benchmarks/instructions.py                            the table and the verdict
    python benchmarks/instructions.py --record                   write the counts
    python benchmarks/instructions.py --cases asgi --functions   the instructions by function

The measured interpreter is the one that runs this command, with the corsfast installed in it.
Counts do not show cache misses or mispredicted branches, so an improvement also has to be visible
on the clock (python -m corsfast.bench).
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from pathlib import Path

from corsfast._engine import native
from counting import profiles
from counting.baseline import MARGIN, Counts, Verdict, compare, entry_name, read, record

HERE = Path(__file__).parent
BUILD = HERE.parent / "build" / "benchmarks"
BASELINE = HERE / "instructions.json"
AGAIN = "python benchmarks/instructions.py --record"

# As in counting/driver.py, which gives the reason.
FEW, MANY = 50, 150
CALLS = MANY - FEW
LAYOUTS = 3

# Installs the engine with its symbols, which a wheel does not include.
WITH_SYMBOLS = "CFLAGS=-g SKBUILD_INSTALL_STRIP=false pip install --force-reinstall --no-deps ."

# Functions below this share of a call are not shown.
SMALL = 0.01


class Counted:
    """The results of one run of the driver."""

    def __init__(self, found: dict[str, profiles.Profile], subtracted: dict[str, str]) -> None:
        self.profiles = found
        self.subtracted = subtracted

    def functions(self, case: str) -> dict[tuple[str, str], float]:
        """Return the instructions of one call by (object, function), including the loop.

        The result is the median of the layouts by total.
        """
        layouts = []
        for layout in range(LAYOUTS):
            few, many = (self.profiles[f"{case}|{layout}|{calls}"] for calls in (FEW, MANY))
            layouts.append(profiles.per_call(few, many, CALLS))
        layouts.sort(key=lambda functions: sum(functions.values()))
        return layouts[LAYOUTS // 2]

    def gross(self, case: str) -> float:
        return sum(self.functions(case).values())

    def net(self) -> Counts:
        """Return the instructions per call without the code around it; leave out the stubs."""
        return {
            case: self.gross(case) - self.gross(around)
            for case, around in self.subtracted.items()
            if around and not case.startswith("bare")
        }


def count(word: str) -> Counted:
    """Run the driver in valgrind.

    Everything that could change a count is the same in every run: the environment, the folder,
    the seeds of hash tables.

    Raises:
        OSError: valgrind is not installed.
        subprocess.CalledProcessError: the driver or the compiler failed.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise OSError("valgrind is not installed (Debian: apt-get install valgrind)")
    marks = compiled_marks()
    env = {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LD_BIND_NOW": "1",  # or else the first call of a library's function resolves its name
        "CORSFAST_IMPLEMENTATION": "native",
    }
    if "LD_LIBRARY_PATH" in os.environ:  # a shared interpreter may not start without it
        env["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [
                *(valgrind, "--tool=callgrind", "--instr-atstart=no", "-q"),
                f"--callgrind-out-file={folder}/callgrind.out",
                *(sys.executable, str(HERE / "counting" / "driver.py"), str(marks), word),
            ],
            env=env,
            cwd=folder,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        found = profiles.read(Path(folder))
    return Counted(found, dict(line.split("|") for line in done.stdout.splitlines()))


def compiled_marks() -> Path:
    """Compile counting/marks.c for this interpreter if needed; CC=... names the compiler.

    Raises:
        subprocess.CalledProcessError: the compilation failed; the errors are on stderr.
        OSError: there is no compiler.
    """
    source = HERE / "counting" / "marks.c"
    library = BUILD / f"marks{sysconfig.get_config_var('EXT_SUFFIX')}"
    if not library.exists() or library.stat().st_mtime < source.stat().st_mtime:
        BUILD.mkdir(parents=True, exist_ok=True)
        compiler = shlex.split(os.environ.get("CC", "cc"))
        flags = ["-std=c11", "-O3", "-Wall", "-Wextra", "-Wshadow", "-fPIC", "-shared"]
        include = f"-I{sysconfig.get_path('include')}"
        command = [*compiler, *flags, include, str(source), "-o", str(library)]
        subprocess.run(command, check=True)
    return library


def table(verdicts: Iterable[Verdict]) -> Iterable[str]:
    yield f"{'instructions per call':36}{'counted':>10}{'baseline':>10}{'change':>9}"
    for it in verdicts:
        cells = "".join(
            f"{'-' if value is None else format(value, '.1f'):>10}"
            for value in (it.found, it.wanted)
        )
        change = "" if it.change is None else f"{it.change:+.1%}"
        yield f"{it.name:36}{cells}{change:>9}  {'' if it.kind == 'same' else it.kind}".rstrip()


def show_functions(counted: Counted) -> None:
    """Print for each case the functions in which one call spends its instructions."""
    for case in counted.net():
        around = counted.functions(counted.subtracted[case])
        inside = {
            place: spent - around.get(place, 0.0)
            for place, spent in counted.functions(case).items()
        }
        total = sum(inside.values())
        print(f"\n{case}: {total:.1f}")
        for (library, function), spent in sorted(inside.items(), key=lambda item: -item[1]):
            if spent > SMALL * total:
                print(f"{spent:10.1f}{spent / total:8.1%}  {function} [{Path(library).name}]")
        if any("native" in library and name.startswith("0x") for library, name in inside):
            print(f"The engine has no names in it; for them: {WITH_SYMBOLS}")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Instructions per call, against a baseline.")
    parser.add_argument("--cases", metavar="WORD", default="", help="only rows with this word")
    parser.add_argument("--record", action="store_true", help="write the counts as the baseline")
    parser.add_argument("--functions", action="store_true", help="show where each call goes")
    given = parser.parse_args(argv)

    try:
        counted = count(given.cases)
    except (OSError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 2
    found = counted.net()
    if not found:
        parser.error(f"no row holds {given.cases!r}")
    if given.functions:
        show_functions(counted)
        return 0

    entry = entry_name(Path(native.__file__).read_bytes())
    whole = not given.cases
    if given.record:
        record(BASELINE, entry, found, whole=whole)
    entries = read(BASELINE)
    verdicts = list(compare(found, entries.get(entry, {}), whole=whole))
    print(entry)
    print(*table(verdicts), sep="\n")
    return conclude(entry, entries, verdicts)


def conclude(entry: str, entries: dict[str, Counts], verdicts: list[Verdict]) -> int:
    """Print the conclusion, and return the exit status."""
    if entry not in entries:
        known = "; ".join(entries) or "none"
        print(
            f"{BASELINE.name} has no entry for {entry} (it has: {known}). If these counts are"
            f" right, record them: {AGAIN}",
            file=sys.stderr,
        )
        return 1
    failed = [it for it in verdicts if it.fails]
    if any(it.kind == "faster" for it in verdicts):
        print(f"Faster by more than {MARGIN:.0%}: keep it by recording it: {AGAIN}")
    if failed:
        print(
            f"{len(failed)} of {len(verdicts)} cases are new, gone, or more than {MARGIN:.0%} above"
            f" the baseline. If that is meant, say why in the commit and record it: {AGAIN}",
            file=sys.stderr,
        )
        return 1
    print(f"{len(verdicts)} cases within {MARGIN:.0%} of the baseline, or faster")
    return 0


if __name__ == "__main__":
    sys.exit(main())
