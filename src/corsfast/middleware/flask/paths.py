"""Which rules hold for a path of a Flask application: those of `resources`.

    resources --read_resources--> pairs of a pattern and options
    pairs of a pattern and rules --Paths--> the rules of a path

Place in the flow: _flask_patterns.py -> this -> flask.py.
Never: import Flask; keep anything of a request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from .patterns import EVERYTHING, is_regex, resolved, shown_as_regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .patterns import Pattern
    from .rules import Rules

# Regexes that match every path, which begins with a slash; nobody need run them.
_EVERY_PATH = ("/*", "/.*", EVERYTHING)


class Paths:
    """Which rules hold for a path: those of the first pattern that matches it.

    Paths compare with case, after one more step of percent-decoding, in which a plus stays a
    plus. A regex has to match the beginning of a path: ``/api/*`` stands for ``/api`` and all that
    begins so.

    Attributes:
        everywhere: the rules, where the first pattern matches every path; else ``None``.
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
        if "%" in path:
            path = unquote(path)
        rules = self._literal.get(path)
        if rules is None:
            for match, rules_of_regex in self._regexes:
                if match(path):
                    return rules_of_regex
        return rules


def read_resources(resources: object) -> list[tuple[Pattern, Mapping[str, Any]]]:
    """The patterns of paths with the options of each, in the order in which they are asked.

    A mapping's literal paths come first, then compiled regexes, then strings that hold one;
    within each the deeper path first, then the longer.

    Raises:
        ValueError: for anything but a pattern, several, or a mapping of them to options.
    """
    if isinstance(resources, Mapping):
        pairs = [(shown_as_regex(pattern), options) for pattern, options in resources.items()]
        return sorted(pairs, key=lambda pair: _precedence(pair[0]))
    if isinstance(resources, (str, re.Pattern)):
        return [(shown_as_regex(resources), {})]
    if isinstance(resources, Iterable):
        # All of them have the same options, so that their order tells nothing.
        return [(shown_as_regex(pattern), {}) for pattern in resources]
    raise ValueError(f"resources must be a pattern or several, not {type(resources).__name__}")


def _precedence(pattern: Pattern) -> tuple[int, int, int]:
    text = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
    kind = 1 if isinstance(pattern, re.Pattern) else 2 if is_regex(pattern) else 0
    return kind, -text.count("/"), -len(text)
