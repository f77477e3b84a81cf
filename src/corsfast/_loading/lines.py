"""Find the line of a key, or of an entry of its list, in a TOML file.

`tomllib` reports no line numbers. So a key is searched for in the text, and verified by parsing
the text up to it with another value. Entries are read line by line; a line that opens a string or
a list without closing it cannot be parsed alone. In that case no line is reported, because no line
is better than a wrong one.
"""

from __future__ import annotations

import re
import tomllib

# Longer lists are not read line by line, because that would take seconds.
MAX_ENTRIES = 10_000

# Places that are tried for all keys together, because each is verified by parsing the text again. A
# policy has 11 keys.
MAX_PLACES = 64


class Lines:
    """The lines of one table of a file; each list is read once."""

    def __init__(self, text: str, path: list[str]) -> None:
        self._lines = text.split("\n")
        self._path = path
        self._places = 0
        self._known: dict[str, tuple[int, list[int]] | None] = {}

    def line(self, key: str, index: int | None) -> int | None:
        """Return the line of a key or of one of its entries; ``None`` if it is not proven."""
        if key not in self._known:
            self._known[key] = self._find(key)
        known = self._known[key]
        if known is None:
            return None
        line, entries = known
        return entries[index] if index is not None and index < len(entries) else line

    def _find(self, key: str) -> tuple[int, list[int]] | None:
        quoted = re.escape(key)
        left = re.compile(rf"""[^#=\n]*(?<![\w-])(?:{quoted}|"{quoted}"|'{quoted}')[ \t]*(?==)""")
        for number, line in enumerate(self._lines):
            match = left.match(line)
            if match is None:
                continue
            self._places += 1
            if self._places > MAX_PLACES:
                return None
            before = "\n".join(self._lines[:number])
            if _value(f"{before}\n{match[0]}= '{_MARK}'", [*self._path, key]) == _MARK:
                return number + 1, self._entries(number, line[match.end() :].removeprefix("="))
        return None

    def _entries(self, first: int, rest: str) -> list[int]:
        """Return the line of each entry of the list that begins here."""
        lines: list[int] = []
        body = rest.strip().removeprefix("[")
        for number in range(first, min(first + MAX_ENTRIES, len(self._lines))):
            if number > first:
                body = self._lines[number].strip().removeprefix(",")
            items = _value(f"x = [\n{body}\n]", ["x"])
            last = items is None
            if last:
                items = _value(f"x = [\n{body}", ["x"])
            if not isinstance(items, list):
                return []
            lines += [number + 1] * len(items)
            if last:
                break
        return lines


_MARK = "corsfast: here"


def _value(text: str, path: list[str]) -> object:
    """Return the value under this path; ``None`` if it is missing or the text is not TOML."""
    try:
        return value_at(tomllib.loads(text), path)
    except (ValueError, RecursionError):
        return None


def value_at(tree: object, path: list[str]) -> object:
    """Return the value under a path of keys, or ``None``."""
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree
