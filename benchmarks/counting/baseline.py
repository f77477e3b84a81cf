"""What was counted before, for which machine, and whether it is more now.

Place in the flow: profiles.py -> baseline.py -> instructions.py. Never: run anything.
"""

from __future__ import annotations

import json
import platform
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# What may come on top before it is a regression: counts repeat exactly, but another libc or
# another patch release of the interpreter moves them a little.
MARGIN = 0.03

Counts = dict[str, float]

# What a compiler writes into what it makes: "GCC: (Debian 12.2.0-14) 12.2.0".
COMPILER = re.compile(rb"GCC: \([^)\0]*\) (?P<gcc>\d+)\.|clang version (?P<clang>\d+)\.")


class Verdict(NamedTuple):
    """One case: what was counted, what the baseline says, and what follows.

    ``kind`` is ``"same"``, ``"slower"`` (a regression), ``"faster"`` (worth recording),
    ``"new"`` (not in the baseline) or ``"gone"`` (in the baseline alone).
    """

    name: str
    found: float | None
    wanted: float | None
    kind: str

    @property
    def fails(self) -> bool:
        return self.kind in {"slower", "new", "gone"}

    @property
    def change(self) -> float | None:
        """The share by which it is more than before."""
        if self.found is None or not self.wanted:
            return None
        return self.found / self.wanted - 1


def compare(found: Counts, wanted: Counts, *, whole: bool) -> Iterator[Verdict]:
    """A verdict for each case; `whole` says that nothing was left out on purpose."""
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
        yield Verdict(name, count, before, kind)
    if whole:
        for name in wanted.keys() - found.keys():
            yield Verdict(name, None, wanted[name], "gone")


def entry_name(engine: bytes) -> str:
    """What counts depend on: the interpreter, how it was built, and the engine's compiler.

    `engine` is the content of the native engine's library.
    """
    configured = str(sysconfig.get_config_var("CONFIG_ARGS"))
    build = " optimised" if "--enable-optimizations" in configured else ""
    threaded = " free-threaded" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    compilers = sorted(
        f"{kind} {int(major)}"
        for match in COMPILER.finditer(engine)
        for kind, major in match.groupdict().items()
        if major is not None
    )
    # The start-up files of the C library name theirs, too; the engine's own is the most common.
    compiler = max(compilers, key=compilers.count, default="unknown compiler")
    return f"CPython {platform.python_version()}{threaded}{build}, {compiler}, {platform.machine()}"


def read(path: Path) -> dict[str, Counts]:
    """Every entry of the baseline; none where there is no file yet."""
    if not path.exists():
        return {}
    entries: dict[str, Counts] = json.loads(path.read_text("utf-8"))
    return entries


def record(path: Path, entry: str, found: Counts, *, whole: bool) -> None:
    """Write the counts of one entry; of a `whole` run they replace it, else they join it."""
    entries = read(path)
    before = {} if whole else entries.get(entry, {})
    entries[entry] = before | {name: round(count, 1) for name, count in found.items()}
    text = json.dumps(dict(sorted(entries.items())), indent=2)
    path.write_text(f"{text}\n", "utf-8")
