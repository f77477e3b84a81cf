"""A policy in a TOML or JSON file -> Subject.

    allow_origins = [
        "https://app.example.com",
        { regex = 'https://pr-\\d+\\.example\\.com' },
        { regex = 'https://(dev|app)[.]example[.]com', within = ["example.com"] },
    ]
    allow_credentials = true

The keys are the options of `Policy`. In `pyproject.toml` they stand in `[tool.corsfast]`.
TOML has no null: `max_age = "none"` is `None`.

Place in the flow: file -> Subject -> judge.
Never: ignore a key silently.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from ..corrections.proofs import DEFAULTS
from ..errors import Problem
from ..patterns import within
from ..regexes import RegexSyntaxError, compile_quietly
from .names import nearest
from .spellings import read_regex
from .subject import Subject, UnreadableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re

    from ..patterns import Within

OPTIONS = ("allow_origins", *DEFAULTS)
ENTRY_KEYS = ("regex", "within")
PROJECT_FILE = "pyproject.toml"
PROJECT_TABLE = "[tool.corsfast]"


def read_file(path: Path) -> Subject:
    """Read the policy in a file.

    Raises:
        UnreadableError: if there is none, with the place where reading failed.
    """
    literal = path.suffix.lower().removeprefix(".")
    if literal not in ("toml", "json"):
        raise UnreadableError(f"{path}: a policy is a .toml or .json file")
    try:
        text = path.read_text("utf-8")
        table = tomllib.loads(text) if literal == "toml" else json.loads(text)
    except OSError as error:
        raise UnreadableError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # of decoding, TOML and JSON alike
        raise UnreadableError(f"{path}: {error}") from None
    name = str(path)
    if path.name == PROJECT_FILE:
        table = project_table(table)
        name = f"{path} {PROJECT_TABLE}"
        if table is None:
            raise UnreadableError(f"{path}: there is no {PROJECT_TABLE}")
    if not isinstance(table, dict):
        raise UnreadableError(f"{name}: options are a table, not {type(table).__name__}")
    return _subject(name, table, literal)


def project_table(table: dict[str, object]) -> object:
    """``[tool.corsfast]``, or ``None``."""
    tools = table.get("tool")
    return tools.get("corsfast") if isinstance(tools, dict) else None


def _subject(name: str, table: dict[str, object], literal: str) -> Subject:
    write = in_toml if literal == "toml" else in_json
    subject = Subject(name, options={}, literal=literal, write=write)
    assert subject.options is not None
    for key, value in table.items():
        if key in OPTIONS:
            subject.options[key] = value
        else:
            subject.problems.append(_unknown(key, OPTIONS, None))
            subject.extra += 1
    if literal == "toml" and subject.options.get("max_age") == "none":
        subject.options["max_age"] = None
    origins = subject.options.get("allow_origins")
    if isinstance(origins, list):
        read = [_read_entry(entry, subject) for entry in origins]
        subject.options["allow_origins"] = [entry for entry in read if entry is not None]
        subject.extra += read.count(None)
    return subject


def _unknown(key: str, known: tuple[str, ...], value: object) -> Problem:
    meant = nearest(key, known)
    hint = meant
    if "regex" in key and meant == "allow_origins":
        hint = "{ regex = '...' } as an entry of allow_origins"
    message = f"{key!r} is no option of a policy."
    if value is not None:
        message = f"{key!r} is no key of a regex; these are {' and '.join(known)}."
    option = key if value is None else "allow_origins"
    return Problem("unknown-option", option, value, message, hint=hint)


def _read_entry(entry: object, subject: Subject) -> object:
    """A regex where a table says so; everything else is for the policy to judge."""
    if not isinstance(entry, dict):
        return entry
    shown = str(entry.get("regex", json.dumps(entry, default=str)))
    problems = [_unknown(key, ENTRY_KEYS, shown) for key in entry if key not in ENTRY_KEYS]
    subject.problems += problems
    pattern = entry.get("regex")
    if not isinstance(pattern, str):
        if not problems:
            message = "a table in allow_origins holds a regex, as a string."
            subject.problems.append(_problem("type", shown, message, "{ regex = '...' }"))
        return None
    try:
        regex = compile_quietly(pattern)
    except RegexSyntaxError as error:
        subject.problems.append(_not_a_regex(pattern, error, subject))
        return None
    return _declared(regex, entry["within"], subject) if "within" in entry else regex


def _not_a_regex(pattern: str, error: RegexSyntaxError, subject: Subject) -> Problem:
    try:
        hint = subject.write(read_regex(pattern).regex.pattern, ())
    except RegexSyntaxError:
        hint = None
    message = f"{pattern!r} is not a regular expression of Python's: {error}."
    return _problem("regex-syntax", pattern, message, hint)


def _declared(regex: re.Pattern[str], domains: object, subject: Subject) -> Within | None:
    try:
        if not isinstance(domains, list):
            raise TypeError("within holds a list of domains")
        return within(regex, *domains)
    except (TypeError, ValueError) as error:
        subject.problems.append(_problem("within", regex.pattern, f"{error}.", None))
        return None


def _problem(code: str, value: object, message: str, hint: str | None) -> Problem:
    return Problem(code, "allow_origins", value, message, hint=hint)


def in_toml(pattern: str, domains: tuple[str, ...] = ()) -> str:
    """A regex as an entry of a TOML file; in single quotes backslashes mean themselves."""
    text = json.dumps(pattern) if "'" in pattern else f"'{pattern}'"
    more = f", within = {json.dumps(list(domains))}" if domains else ""
    return f"{{ regex = {text}{more} }}"


def in_json(pattern: str, domains: tuple[str, ...] = ()) -> str:
    """The same for a JSON file."""
    return json.dumps({"regex": pattern} | ({"within": list(domains)} if domains else {}))
