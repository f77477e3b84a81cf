"""What is checked, wherever it was read from.

Place in the flow: sources (arguments, files, django_settings) -> Subject -> judge.
Never: judge.
"""

from __future__ import annotations

from dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from ...errors import Problem


class UnreadableError(Exception):
    """There is nothing to check: no such file, no valid TOML, no such module. Status 2."""


@dataclass(frozen=True)
class Applied:
    """A regex of other software, and how that software applies it.

    Attributes:
        given: the text as it was given.
        how: ``fullmatch``, ``match`` or ``search``.
        anchors: what this software writes for the start and the end.
        write: spells a corrected Python pattern as the given one was spelt.
    """

    option: str
    given: str
    regex: re.Pattern[str]
    how: str
    anchors: tuple[str, str]
    write: Callable[[str], str]


@dataclass
class Subject:
    """A policy's options, or what other software was configured with, or both.

    Attributes:
        name: where it was read from, for people.
        options: those of `Policy`; ``None`` where only `regexes` are checked.
        labels: what the source calls an option, where it is not the option's own name.
        problems: what the source itself has wrong: unknown keys, unreadable regexes.
        warnings: what is odd about the source, in the same form.
        harmless: codes that are warnings here, because the software concerned ignores them.
        literal: how values are spelt in this source: ``python``, ``toml``, ``json`` or ``env``.
        extra: entries that are counted but not found in `options` or `regexes`.
    """

    name: str
    options: dict[str, object] | None = None
    regexes: list[Applied] = field(default_factory=list)
    credentials: bool = False
    tolerated: frozenset[str] = frozenset()
    labels: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    harmless: frozenset[str] = frozenset()
    literal: str = "python"
    extra: int = 0

    def count(self) -> int:
        """How many entries there are: elements of lists, and single values."""
        values = (self.options or {}).values()
        lists = [len(v) if isinstance(v, (list, tuple, set, frozenset)) else 1 for v in values]
        return sum(lists) + len(self.regexes) + self.extra
