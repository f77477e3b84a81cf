"""Entries of ``allow_origins`` as Python source, to be pasted.

Place in the flow: left of offers.py; used by check as well.
Never: judge.
"""

from __future__ import annotations

import re

from .._options.networks import is_public
from .._options.patterns import ANY_PORT, Glob, HostRule, Network, Within, block_of, expression

# Any port, or none; short, where it is known that nothing but an origin is matched.
PORT = "(?::[0-9]+)?"

# What a correction keeps of a regex, in the names that `re` has for it.
_FLAGS = (re.ASCII, re.IGNORECASE, re.MULTILINE, re.DOTALL, re.VERBOSE)


def in_python(pattern: str) -> str:
    """A regex as a Python raw string."""
    if not pattern.isprintable() or pattern[-1:] == "\\" or ('"' in pattern and "'" in pattern):
        return repr(pattern)
    return f"r'{pattern}'" if '"' in pattern else f'r"{pattern}"'


def named(flags: int) -> str:
    """Flags of a regex as Python source, those that a correction keeps."""
    return "|".join(f"re.{flag.name}" for flag in _FLAGS if flags & flag)


def compiled(pattern: str, domains: tuple[str, ...] = (), flags: int = 0) -> str:
    """A regex as `Policy` takes it."""
    regex = f"re.compile({', '.join(filter(None, (in_python(pattern), named(flags))))})"
    return f"within({regex}, {', '.join(map(repr, domains))})" if domains else regex


def as_regex(rule: HostRule | Glob | Network) -> str | None:
    """Return a pattern as a regex that has to match in full.

    ``None`` for public addresses, because a regex does not show that just these are meant.
    """
    if isinstance(rule, Network) and (block := block_of(rule)) and is_public(block):
        return None
    any_port = rule.ports == ANY_PORT  # which takes a thousand characters to say exactly
    if any_port:
        rule = rule._replace(ports=((0, 0),))
    return expression(rule).removesuffix("(?:)") + PORT * any_port


def in_source(entry: object) -> str:
    """An entry as `Policy` takes it."""
    if isinstance(entry, Within):
        return compiled(entry.regex.pattern, entry.domains, entry.regex.flags)
    if isinstance(entry, re.Pattern):
        return compiled(entry.pattern, (), entry.flags)
    return repr(entry)
