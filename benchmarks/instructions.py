"""``python benchmarks/instructions.py``: instructions per call, against a committed baseline.

A clock on a shared machine cannot detect 3 %. A count of instructions can, because it repeats.
Valgrind runs and counts every case at two numbers of calls. The difference, divided by the number
of additional calls, is one call, net of the loop (and of the stub application) around it. A count
more than 3 % above instructions.json is a failure. A count more than 3 % below should be recorded.

    python benchmarks/instructions.py                the table and the verdict
    python benchmarks/instructions.py --record       write the counts
    python benchmarks/instructions.py --cases asgi --keep profiles
                                                     also keep the profiles, for callgrind_annotate

The measured interpreter is the one that runs this command, with the corsfast installed in it.
Counts do not show cache misses or mispredicted branches, so an improvement also has to be visible
on the clock (python -m corsfast.bench).
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median

from corsfast._engine import native
from counting.baseline import MARGIN, Change, Counts, compare, entry_name, read, record

HERE = Path(__file__).parent
BUILD = HERE.parent / "build" / "benchmarks"
BASELINE = HERE / "instructions.json"
AGAIN = "python benchmarks/instructions.py --record"

# The numbers of calls and of memory layouts; counting/driver.py explains both.
FEW, MANY = 50, 150
LAYOUTS = 3


def count(word: str, folder: Path) -> Counts:
    """Run the driver in valgrind, with its profiles in this folder; return the net counts.

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
    subtracted = dict(line.split("|") for line in done.stdout.splitlines())
    return net(totals(folder), subtracted)


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


def totals(folder: Path) -> dict[str, int]:
    """Return the instructions of each profile in a folder, by the name that requested it."""
    found = {}
    for path in folder.glob("callgrind.out*"):
        text = path.read_text("utf-8")
        # The last dump, at the exit, was not requested.
        if name := re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.MULTILINE):
            total = re.search(r"^totals: (\d+)$", text, re.MULTILINE)
            assert total is not None, path
            found[name[1]] = int(total[1])
    return found


def net(found: dict[str, int], subtracted: dict[str, str]) -> Counts:
    """Return the instructions per call without the code around it; leave out the stubs.

    `subtracted` names for each case the one that is subtracted.
    """

    def gross(case: str) -> float:
        layouts = range(LAYOUTS)
        calls = MANY - FEW
        return median(
            (found[f"{case}|{i}|{MANY}"] - found[f"{case}|{i}|{FEW}"]) / calls for i in layouts
        )

    return {
        case: gross(case) - gross(around)
        for case, around in subtracted.items()
        if around and not case.startswith("bare")
    }


def table(changes: Iterable[Change]) -> Iterator[str]:
    yield f"{'instructions per call':36}{'counted':>10}{'baseline':>10}{'change':>9}"
    for it in changes:
        cells = "".join(
            f"{'-' if value is None else format(value, '.1f'):>10}"
            for value in (it.found, it.before)
        )
        change = "" if it.share is None else f"{it.share:+.1%}"
        yield f"{it.name:36}{cells}{change:>9}  {'' if it.kind == 'same' else it.kind}".rstrip()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Instructions per call, against a baseline.")
    parser.add_argument("--cases", metavar="WORD", default="", help="only rows with this word")
    parser.add_argument("--record", action="store_true", help="write the counts as the baseline")
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="copy the profiles there")
    given = parser.parse_args(argv)

    try:
        with tempfile.TemporaryDirectory() as folder:
            found = count(given.cases, Path(folder))
            if given.keep is not None:
                shutil.copytree(folder, given.keep)
    except (OSError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 2
    if not found:
        parser.error(f"no row holds {given.cases!r}")

    entry = entry_name(Path(native.__file__).read_bytes())
    whole = not given.cases
    if given.record:
        record(BASELINE, entry, found, whole=whole)
    entries = read(BASELINE)
    changes = list(compare(found, entries.get(entry, {}), whole=whole))
    print(entry)
    print(*table(changes), sep="\n")
    return conclude(entry, entries, changes)


def conclude(entry: str, entries: dict[str, Counts], changes: list[Change]) -> int:
    """Print the conclusion, and return the exit status."""
    if entry not in entries:
        known = "; ".join(entries) or "none"
        print(
            f"{BASELINE.name} has no entry for {entry} (it has: {known}). If these counts are"
            f" right, record them: {AGAIN}",
            file=sys.stderr,
        )
        return 1
    if any(it.kind == "faster" for it in changes):
        print(f"Faster by more than {MARGIN:.0%}: keep it by recording it: {AGAIN}")
    if failed := sum(it.fails for it in changes):
        print(
            f"{failed} of {len(changes)} cases are new, gone, or more than {MARGIN:.0%} above"
            f" the baseline. If that is meant, say why in the commit and record it: {AGAIN}",
            file=sys.stderr,
        )
        return 1
    print(f"{len(changes)} cases within {MARGIN:.0%} of the baseline, or faster")
    return 0


if __name__ == "__main__":
    sys.exit(main())
