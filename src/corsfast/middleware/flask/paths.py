"""Find the rules for a path of a Flask application: the ones of `resources`.

    resources --read_resources--> pairs of a pattern and options
    pairs of a pattern and rules --Paths--> the rules of a path

The first pattern that matches a path decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from ..._options.limits import MAX_ENCODED_PATH
from .rules import EVERYTHING, is_regex, resolved, shown_as_regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .rules import Pattern, Rules

# Regexes that match every path, because a path begins with a slash. They need not be run.
_EVERY_PATH = ("/*", "/.*", EVERYTHING)


class Paths:
    """A lookup of rules by path: the first pattern that matches a path decides.

    Paths are compared case-sensitively, after one more step of percent-decoding, in which a plus
    stays a plus. A regex has to match the beginning of a path: ``/api/*`` matches ``/api`` and
    every path that begins with it.

    Attributes:
        everywhere: the rules, if the first pattern matches every path; otherwise ``None``.
    """

    __slots__ = ("_literal", "_regexes", "everywhere")

    def __init__(self, pairs: Iterable[tuple[Pattern, Rules]]) -> None:
        self._literal: dict[str, Rules] = {}
        self._regexes: list[tuple[Callable[[str], object], Rules]] = []
        self.everywhere: Rules | None = None
        for pattern, rules in pairs:
            if pattern in _EVERY_PATH and not self._literal and not self._regexes:
                self.everywhere = self.everywhere or rules
            found = resolved(pattern)
            if isinstance(found, str):
                self._literal.setdefault(found, rules)
            else:
                self._regexes.append((found.match, rules))

    def rules_for(self, path: str) -> Rules | None:
        """Return the rules, or ``None`` without any, and for an encoded path that is too long."""
        if "%" in path:
            if len(path) > MAX_ENCODED_PATH:
                return None
            path = unquote(path)
        rules = self._literal.get(path)
        if rules is None:
            for match, rules_of_regex in self._regexes:
                if match(path):
                    return rules_of_regex
        return rules


def read_resources(resources: object) -> list[tuple[Pattern, Mapping[str, Any]]]:
    """Return pairs of a path pattern and its options, in the order in which they are tried.

    A mapping's literal paths come first, then compiled regexes, then strings that hold a regex.
    Within each group deeper paths come first, then longer ones.

    Raises:
        ValueError: for anything but a pattern, several patterns, or a mapping of patterns to
            options.
    """
    if isinstance(resources, Mapping):
        pairs = [(shown_as_regex(pattern), options) for pattern, options in resources.items()]
        return sorted(pairs, key=lambda pair: _precedence(pair[0]))
    if isinstance(resources, (str, re.Pattern)):
        return [(shown_as_regex(resources), {})]
    if isinstance(resources, Iterable):
        # The order does not matter, because all of them have the same options.
        return [(shown_as_regex(pattern), {}) for pattern in resources]
    raise ValueError(f"resources must be a pattern or several, not {type(resources).__name__}")


def _precedence(pattern: Pattern) -> tuple[int, int, int]:
    text = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
    kind = 1 if isinstance(pattern, re.Pattern) else 2 if is_regex(pattern) else 0
    return kind, -text.count("/"), -len(text)
