"""Read a policy from a TOML or JSON file."""

from __future__ import annotations

import json
import os
import re
import tomllib
from difflib import get_close_matches
from functools import cache

from .._options.limits import MAX_KEY_PARTS, MAX_POLICY_FILE
from .._options.patterns import ORIGINS
from ..errors import PolicyError, Problem
from .lines import Lines, value_at
from .written import OPTIONS, Written, read_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike
    from typing import NoReturn

# The table of the options, in pyproject.toml and in any other file.
TABLE = "tool.corsfast"
# If the requested table is missing, the message names at most this many others.
SHOWN_TABLES = 8

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_PLACE = re.compile(r"\(at line (\d+), column \d+\)$")
# A string, a quoted key, or a comment. One that is not closed ends with the line or the text, so
# that no text is read twice.
_QUOTED = re.compile(
    r'''"""(?:[^"\\]++|\\.|"(?!""))*+"{0,5}|"(?:[^"\\\n]++|\\[^\n])*+"?'''
    r"""|'''(?:[^']++|'(?!''))*+'{0,5}|'[^'\n]*+'?|\#[^\n]*+""",
    re.DOTALL,
)
_KEY = re.compile(r"[\w-]++(?:[ \t]*+\.[ \t]*+[\w-]++)*+")


def read_toml(path: str | PathLike[str], table: str | None, octets: bytes | None = None) -> Written:
    """Read the policy in a table of a TOML file; ``None`` or ``""`` is the whole file.

    Args:
        octets: the content, if it is not that of the file now.

    Raises:
        OSError: if the file cannot be opened or read.
        PolicyError: if it is not TOML, too large, or has no such table.
        TypeError: if an argument has the wrong type.
        ValueError: if `table` cannot be the name of a table.
    """
    keys = table_keys(table)
    name = os.fsdecode(path)
    text = _read_text(path, name, octets)
    try:
        tree = _parse_toml(text)
    except (ValueError, RecursionError) as error:
        place = _PLACE.search(str(error))
        if _is_json(text):
            hint = "Policy.from_mapping(json.load(file))"
            _refuse("not-toml", name, "the file is JSON, not TOML.", hint)
        _refuse("not-toml", f"{name}:{place[1]}" if place else name, _shown(error))
    found = _find(tree, keys, name)
    lines = Lines(text, keys)

    def label(option: str, index: int | None) -> str:
        line = lines.line(option, index)
        key = ".".join(map(_written_key, [*keys, option]))
        number = "" if index is None else f"[{index}]"
        return f"{name}{'' if line is None else f':{line}'}: {key}{number}"

    return read_options(found, Written(_named(name, keys), "toml", label))


def read_json(path: str | PathLike[str], table: str | None, octets: bytes | None = None) -> Written:
    """Read the policy in a JSON file, or in an object inside of it; see `read_toml`."""
    keys = table_keys(table)
    name = os.fsdecode(path)
    text = _read_text(path, name, octets)
    try:
        tree = json.loads(text, object_pairs_hook=without_duplicates)
    except (ValueError, RecursionError) as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        _refuse("not-json", f"{name}{line}", _shown(error))

    @cache
    def line_of(option: str) -> str:
        # A key that is written once is the one of the policy.
        found = list(re.finditer(rf'(?<!\\)"{option}"[ \t\r\n]*:', text))
        return f":{text.count(chr(10), 0, found[0].start()) + 1}" if len(found) == 1 else ""

    def label(option: str, index: int | None) -> str:
        key = ".".join(map(_written_key, [*keys, option]))
        number = "" if index is None else f"[{index}]"
        return f"{name}{line_of(re.escape(option))}: {key}{number}"

    return read_options(_find(tree, keys, name), Written(_named(name, keys), "json", label))


def table_keys(table: str | None) -> list[str]:
    """Return the keys of a table's dotted name.

    Raises:
        TypeError: if it is not a str.
        ValueError: if it is not a valid name in TOML.
    """
    if table is not None and not isinstance(table, str):
        raise TypeError(f"table must be str or None, not {type(table).__name__}")
    keys = []
    try:
        tree: object = tomllib.loads(f"[{table}]") if table else {}
        while tree != {}:
            assert isinstance(tree, dict)
            ((key, tree),) = tree.items()
            keys.append(key)
    except (AssertionError, ValueError):
        raise ValueError(
            f"{table!r} is not the name of one table; write it without its brackets, as {TABLE!r}"
        ) from None
    return keys


def has_table(path: str | PathLike[str], table: str, octets: bytes | None = None) -> bool:
    """Return whether a TOML file can be read and has this table."""
    try:
        tree = _parse_toml(_read_text(path, os.fsdecode(path), octets))
    except (OSError, ValueError, RecursionError):
        return False
    return value_at(tree, table_keys(table)) is not None


def _read_text(path: str | PathLike[str], name: str, octets: bytes | None = None) -> str:
    if octets is None:
        with open(os.fspath(path), "rb") as file:
            octets = file.read(MAX_POLICY_FILE + 1)
    if len(octets) > MAX_POLICY_FILE:
        _refuse("too-large", name, f"the file has more than {MAX_POLICY_FILE} bytes.")
    try:
        return octets.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        _refuse("encoding", f"{name}:{line}", f"the file is not UTF-8: {error.reason}.")


def _parse_toml(text: str) -> dict[str, object]:
    if any(line.count(".") >= MAX_KEY_PARTS for line in text.split("\n")):
        bare = _QUOTED.sub(lambda found: "x" + "\n" * found[0].count("\n"), text)
        for key in _KEY.finditer(bare):
            if key[0].count(".") >= MAX_KEY_PARTS:
                message = f"a key has more than {MAX_KEY_PARTS} parts, which is MAX_KEY_PARTS"
                line = bare.count("\n", 0, key.start()) + 1
                raise ValueError(f"{message} (at line {line}, column 1)")
    return tomllib.loads(text)


def _shown(error: Exception) -> str:
    return "it is nested too deeply." if isinstance(error, RecursionError) else f"{error}."


def _refuse(code: str, place: str, message: str, hint: str | None = None) -> NoReturn:
    raise PolicyError([Problem(code, place, None, message, hint=hint)]) from None


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), (dict, list))
    except (ValueError, RecursionError):
        return False


def without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} appears twice")
        found[key] = value
    return found


def _find(tree: object, keys: list[str], name: str) -> dict[str, object]:
    found = value_at(tree, keys)
    if isinstance(found, dict):
        return found
    shown = f"[{_dotted(keys)}]"
    if not keys or found is not None:
        kind = "an array of tables" if keys and _is_tables(found) else type(found).__name__
        _refuse(
            "type", name, f"the options must be a table, not {kind}{f': {shown}' * bool(keys)}."
        )
    assert isinstance(tree, dict)
    tables = dict(_tables(tree, []))
    names = list(tables)
    there = ", ".join(f"[{other}]" for other in names[:SHOWN_TABLES])
    more = f" and {len(names) - SHOWN_TABLES} more" if len(names) > SHOWN_TABLES else ""
    _refuse(
        "missing-table",
        name,
        f"there is no {shown}; the tables are {there}{more}."
        if names
        else f"there is no {shown}, and no other table.",
        _meant_table(tree, tables, _dotted(keys)),
    )


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _meant_table(
    tree: dict[str, object], tables: dict[str, dict[str, object]], wanted: str
) -> str | None:
    if any(option in tree for option in OPTIONS):
        return 'table="" for the whole file'
    with_origins = [name for name, table in tables.items() if ORIGINS in table]
    close = with_origins or get_close_matches(wanted, tables, 1)
    return f"table={close[0]!r}" if close else None


def _tables(tree: dict[str, object], above: list[str]) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the tables of a file with their dotted names, down to the third level."""
    for key, value in tree.items():
        if isinstance(value, dict):
            if not value or any(not isinstance(inner, dict) for inner in value.values()):
                yield _dotted([*above, key]), value
            if len(above) < 2:
                yield from _tables(value, [*above, key])


def _dotted(keys: list[str]) -> str:
    return ".".join(map(_written_key, keys))


def _written_key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else json.dumps(key)


def _named(name: str, keys: list[str]) -> str:
    return f"{name} [{_dotted(keys)}]" if keys else name
