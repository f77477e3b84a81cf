"""Reads the profiles that callgrind writes: what was counted, and in which functions.

The format: https://valgrind.org/docs/manual/cl-format.html

Place in the flow: driver.py -> profiles.py -> instructions.py. Never: run anything.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

# "fn=(12) name" the first time, "fn=(12)" from then on; so for ob=, too.
NAME = re.compile(r"(?P<key>fn|ob)=(?:\((?P<number>\d+)\))?\s*(?P<name>.*)")
# A position (absolute, or +n, -n, * against the last one) and how many instructions.
COST = re.compile(r"(?:[+-]?\d+|\*|0x[0-9a-f]+) (?P<count>\d+)")
TRIGGER = "desc: Trigger: Client Request: "


class Profile(NamedTuple):
    """One dump: what it was asked for by, and the instructions of each (object, function)."""

    name: str
    functions: Counter[tuple[str, str]]

    @property
    def total(self) -> int:
        return self.functions.total()


def parse(text: str) -> Profile | None:
    """The profile in one file; ``None`` for a dump that nobody asked for (the last).

    Raises:
        ValueError: the sum of the functions is not the total that the file states.
    """
    asked, stated = None, None
    known: dict[tuple[str, str], str] = {}
    here = {"ob": "", "fn": ""}
    functions: Counter[tuple[str, str]] = Counter()
    inclusive = False  # => the next cost line is that of a call, which the callee has counted
    for line in text.splitlines():
        if line.startswith(TRIGGER):
            asked = line.removeprefix(TRIGGER)
        elif line.startswith("totals: "):
            stated = int(line.split()[1])
        elif line.startswith("calls="):
            inclusive = True
        elif found := NAME.match(line):
            key, number, name = found["key"], found["number"], found["name"]
            if number is not None:
                name = known.setdefault((key, number), name)
            here[key] = name
        elif line.startswith(("cfn=", "cob=")):
            if found := NAME.match(line[1:]):
                if found["number"] is not None and found["name"]:
                    known[found["key"], found["number"]] = found["name"]
        elif found := COST.match(line):
            if not inclusive:
                functions[here["ob"], here["fn"]] += int(found["count"])
            inclusive = False
    if asked is None:
        return None
    if stated is not None and stated != functions.total():
        raise ValueError(f"{asked}: {functions.total()} instructions read, {stated} stated")
    return Profile(asked, functions)


def read(folder: Path) -> dict[str, Profile]:
    """The profiles in a folder, by what was asked for."""
    found = (parse(path.read_text("utf-8")) for path in folder.glob("callgrind.out*"))
    return {profile.name: profile for profile in found if profile is not None}


def per_call(few: Profile, many: Profile, calls: int) -> dict[tuple[str, str], float]:
    """What `calls` more calls have added, function by function, for one call."""
    names = few.functions.keys() | many.functions.keys()
    return {name: (many.functions[name] - few.functions[name]) / calls for name in names}
