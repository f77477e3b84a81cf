"""Write entries of ``allow_origins`` as Python source that can be pasted."""

from __future__ import annotations

import re

from .._options.networks import is_public
from .._options.patterns import ANY_PORT, Glob, HostRule, Network, Within, block_of, expression

# Any port or none. Short, because it is used where only valid origins are matched.
PORT = "(?::[0-9]+)?"

# The flags of a regex that a correction keeps.
_FLAGS = (re.ASCII, re.IGNORECASE, re.MULTILINE, re.DOTALL, re.VERBOSE)


def in_python(pattern: str) -> str:
    """Write a regex as a Python raw string."""
    if not pattern.isprintable() or pattern[-1:] == "\\" or ('"' in pattern and "'" in pattern):
        return repr(pattern)
    return f"r'{pattern}'" if '"' in pattern else f'r"{pattern}"'


def named(flags: int) -> str:
    """Write the flags of a regex that a correction keeps as Python source."""
    return "|".join(f"re.{flag.name}" for flag in _FLAGS if flags & flag)


def compiled(pattern: str, domains: tuple[str, ...] = (), flags: int = 0) -> str:
    """Write a regex as an entry of `Policy`."""
    regex = f"re.compile({', '.join(filter(None, (in_python(pattern), named(flags))))})"
    return f"within({regex}, {', '.join(map(repr, domains))})" if domains else regex


def as_regex(rule: HostRule | Glob | Network) -> str | None:
    """Return a pattern as a regex for a full match.

    ``None`` for public addresses, because a regex does not show that exactly these are meant.
    """
    if isinstance(rule, Network) and (block := block_of(rule)) and is_public(block):
        return None
    any_port = rule.ports == ANY_PORT  # an exact regex for it takes a thousand characters
    if any_port:
        rule = rule._replace(ports=((0, 0),))
    return expression(rule).removesuffix("(?:)") + PORT * any_port


def in_source(entry: object) -> str:
    """Write an entry as source for `Policy`."""
    if isinstance(entry, Within):
        return compiled(entry.regex.pattern, entry.domains, entry.regex.flags)
    if isinstance(entry, re.Pattern):
        return compiled(entry.pattern, (), entry.flags)
    return repr(entry)
