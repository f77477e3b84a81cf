"""Entries of ``allow_origins`` as Python source, to be pasted.

Place in the flow: left of offers.py; used by check as well.
Never: judge.
"""

from __future__ import annotations

import re

from ..patterns import Within

# What a correction keeps of a regex, in the names that `re` has for it.
_FLAGS = (re.ASCII, re.IGNORECASE, re.MULTILINE, re.DOTALL, re.VERBOSE)


def in_python(pattern: str) -> str:
    """A regex as a Python raw string."""
    if not pattern.isprintable() or pattern[-1:] == "\\" or ('"' in pattern and "'" in pattern):
        return repr(pattern)
    return f"r'{pattern}'" if '"' in pattern else f'r"{pattern}"'


def compiled(pattern: str, domains: tuple[str, ...] = (), flags: int = 0) -> str:
    """A regex as `Policy` takes it."""
    named = "|".join(f"re.{flag.name}" for flag in _FLAGS if flags & flag)
    regex = f"re.compile({in_python(pattern)}{f', {named}' if named else ''})"
    return f"within({regex}, {', '.join(map(repr, domains))})" if domains else regex


def in_source(entry: object) -> str:
    """An entry as `Policy` takes it."""
    if isinstance(entry, Within):
        return compiled(entry.regex.pattern, entry.domains, entry.regex.flags)
    if isinstance(entry, re.Pattern):
        return compiled(entry.pattern, (), entry.flags)
    return repr(entry)
