"""How a caller of `suggest` matches entries of ``allow_origins``, and how it writes them.

Separate from `suggest`, because a drop-in names its dialect before anything is known to be wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .._options.patterns import parse_pattern, single_origins
from .python_source import as_regex, compiled, in_python, in_source, named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any


@dataclass(frozen=True)
class MatchContext:
    """How entries are matched, and what counts as a problem.

    Attributes:
        how: ``fullmatch``, ``match`` or ``search``.
        own: whether the engine of `Policy` matches, which validates origins.
        anchors: the syntax for the start and the end.
        tolerated: codes that may remain.
        alternatives: whether an alternative that matches nothing counts as a problem.
    """

    how: str = "fullmatch"
    credentials: bool = False
    own: bool = True
    anchors: tuple[str, str] = (r"\A", r"\Z")
    tolerated: frozenset[str] = frozenset()
    alternatives: bool = False


@dataclass(frozen=True)
class Dialect:
    """A dialect in which a string is a single origin, and everything else is a regex.

    Attributes:
        any_origin: the form for any origin: ``'allow_origins=["*"]'``; ``None`` if it has none.
        regex: the form of a regex, with ``{}`` for its text; ``None`` if it has no regexes.
        flags: the flags with which such a text is compiled.
        compiled: whether a regex is written as ``re.compile(...)``, because a text is not compiled.
        exact: returns the form of a single origin; ``None`` if it is written as a regex.
        text: returns the form of a regex's text.
        made: returns the regex that the caller makes of a string with a star, or None.
        written: the string that each regex was made of.
        match: how entries are matched; the risk that a suggestion is for is not tolerated.
        option: the option for single origins.
    """

    any_origin: str | None = None
    regex: str | None = None
    flags: int = 0
    compiled: bool = False
    exact: Callable[[str], str] | None = repr
    text: Callable[[str], str] = in_python
    made: Callable[[str], re.Pattern[str] | None] = lambda _text: None
    written: Mapping[re.Pattern[str], str] = field(default_factory=dict)
    match: MatchContext = MatchContext()
    option: str = "allow_origins"

    # Whether a string may be a pattern of `Policy`.
    patterns = False

    @property
    def place(self) -> str:
        """The option for a regex, as the end of a sentence."""
        if self.regex is None:
            return "no option here takes one"
        text = "re.compile(...)" if self.compiled else 'r"..."'
        return f"one is written as {self.regex.format(text)}"

    def write(self, entries: Iterable[object], elsewhere: bool = False) -> str | None:
        """Return entries of a policy in this dialect, or ``None`` if it cannot express them.

        Several patterns become one regex, because most callers take only one.

        Args:
            elsewhere: whether the problem is in another option than that for single origins.
        """
        written: list[str] = []
        texts: list[str] = []
        regexes: dict[int, list[str]] = {}
        for entry in entries:
            if isinstance(entry, re.Pattern):
                regexes.setdefault(entry.flags & ~re.UNICODE, []).append(entry.pattern)
                continue
            rule = parse_pattern(str(entry))
            origins = [rule] if isinstance(rule, str) else rule and single_origins(rule)
            if entry == "*" and self.any_origin is not None:
                written.append(self.any_origin)
            elif origins and self.exact is not None:
                written += map(self.exact, origins)
            else:
                text = re.escape(rule) if isinstance(rule, str) else rule and as_regex(rule)
                if text is None:
                    return None
                texts.append(text)
        if texts:
            regexes.setdefault(self.flags & ~re.UNICODE, []).append(self._whole(texts))
        if regexes and self.regex is None:
            return None
        if written and elsewhere and written != [self.any_origin]:
            written[-1] += f" in {self.option}"
        return ", ".join([*written, *(self._regex("|".join(t), f) for f, t in regexes.items())])

    def _whole(self, texts: list[str]) -> str:
        """Return one regex for several, with anchors for other software."""
        text = "|".join(texts)
        if self.match.own:
            return text
        return (text if len(texts) == 1 else f"(?:{text})").join(self.match.anchors)

    def _regex(self, text: str, flags: int) -> str:
        assert self.regex is not None
        if self.compiled or named(flags) != named(self.flags):
            return self.regex.format(compiled(text, (), flags))
        return self.regex.format(self.text(text))


class PolicyDialect(Dialect):
    """The dialect of `Policy`, in which each entry is written as Python source."""

    patterns = True

    def write(self, entries: Iterable[object], elsewhere: bool = False) -> str | None:  # noqa: ARG002
        return ", ".join((self.any_origin or "'*'") if e == "*" else in_source(e) for e in entries)


@dataclass
class Diagnosis:
    """The state of one diagnosis, of a policy or of a regex of other software.

    Attributes:
        dialect: how a correction is written.
        steps: how many steps were spent on an entry, by its text.
        corrected: the correction of a regex, for its other problems.
    """

    dialect: Dialect
    steps: dict[str, int] = field(default_factory=dict)
    corrected: dict[Any, Any] = field(default_factory=dict)
