"""Read the profiles that callgrind writes: the instruction counts by function.

The format: https://valgrind.org/docs/manual/cl-format.html
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

# "fn=(12) name" at the first occurrence, "fn=(12)" after that; the same holds for ob=.
NAME = re.compile(r"(?P<key>fn|ob)=(?:\((?P<number>\d+)\))?\s*(?P<name>.*)")
# A position (absolute, or +n, -n, * relative to the last one) and a number of instructions.
COST = re.compile(r"(?:[+-]?\d+|\*|0x[0-9a-f]+) (?P<count>\d+)")
TRIGGER = "desc: Trigger: Client Request: "


class Profile(NamedTuple):
    """One dump: the name that requested it, and the instructions by (object, function)."""

    name: str
    functions: Counter[tuple[str, str]]

    @property
    def total(self) -> int:
        return self.functions.total()


def parse(text: str) -> Profile | None:
    """Parse the profile in one file; return ``None`` for the last dump, which was not requested.

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
    """Return the profiles in a folder, by the name that requested them."""
    found = (parse(path.read_text("utf-8")) for path in folder.glob("callgrind.out*"))
    return {profile.name: profile for profile in found if profile is not None}


def per_call(few: Profile, many: Profile, calls: int) -> dict[tuple[str, str], float]:
    """Return the cost of one call by function, if `many` has `calls` more calls than `few`."""
    names = few.functions.keys() | many.functions.keys()
    return {name: (many.functions[name] - few.functions[name]) / calls for name in names}
