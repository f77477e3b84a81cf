"""Compare counts with the recorded baseline of the same interpreter and compiler."""

from __future__ import annotations

import json
import platform
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# The tolerance before an increase is a regression. Counts repeat exactly, but another libc or
# another patch release of the interpreter changes them a little.
MARGIN = 0.03

Counts = dict[str, float]

# The compiler's own mark in its output: "GCC: (Debian 12.2.0-14) 12.2.0".
COMPILER = re.compile(rb"GCC: \([^)\0]*\) (?P<gcc>\d+)\.|clang version (?P<clang>\d+)\.")


class Change(NamedTuple):
    """The result for one case: its count, the baseline's count, and the conclusion.

    ``kind`` is ``"same"``, ``"slower"`` (a regression), ``"faster"`` (worth recording),
    ``"new"`` (not in the baseline) or ``"gone"`` (only in the baseline).
    """

    name: str
    found: float | None
    before: float | None
    kind: str

    @property
    def fails(self) -> bool:
        return self.kind in {"slower", "new", "gone"}

    @property
    def share(self) -> float | None:
        """Return the increase over the baseline, as a share of it."""
        return self.found / self.before - 1 if self.found and self.before else None


def compare(found: Counts, wanted: Counts, *, whole: bool) -> Iterator[Change]:
    """Yield the change of each case; `whole` means that no case was left out on purpose."""
    for name, count in found.items():
        before = wanted.get(name)
        if before is None:
            kind = "new"
        elif count > before * (1 + MARGIN):
            kind = "slower"
        elif count < before * (1 - MARGIN):
            kind = "faster"
        else:
            kind = "same"
        yield Change(name, count, before, kind)
    if whole:
        for name in wanted.keys() - found.keys():
            yield Change(name, None, wanted[name], "gone")


def entry_name(engine: bytes) -> str:
    """Return what counts depend on: the interpreter, its build, and the engine's compiler.

    `engine` is the content of the native engine's library.
    """
    configured = str(sysconfig.get_config_var("CONFIG_ARGS"))
    build = " optimized" if "--enable-optimizations" in configured else ""
    threaded = " free-threaded" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    compilers = sorted(
        f"{kind} {int(major)}"
        for match in COMPILER.finditer(engine)
        for kind, major in match.groupdict().items()
        if major is not None
    )
    # The start-up files of the C library name a compiler too, so take the most common one.
    compiler = max(compilers, key=compilers.count, default="unknown compiler")
    return f"CPython {platform.python_version()}{threaded}{build}, {compiler}, {platform.machine()}"


def read(path: Path) -> dict[str, Counts]:
    """Return every entry of the baseline; there are no entries if there is no file yet."""
    if not path.exists():
        return {}
    entries: dict[str, Counts] = json.loads(path.read_text("utf-8"))
    return entries


def record(path: Path, entry: str, found: Counts, *, whole: bool) -> None:
    """Write the counts of one entry: replace the entry if the run was `whole`, or else merge."""
    entries = read(path)
    before = {} if whole else entries.get(entry, {})
    entries[entry] = before | {name: round(count, 1) for name, count in found.items()}
    text = json.dumps(dict(sorted(entries.items())), indent=2)
    path.write_text(f"{text}\n", "utf-8")
