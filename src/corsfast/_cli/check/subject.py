"""The input of a check, independent of its source."""

from __future__ import annotations

from dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re

    from ..._loading.written import Written
    from ..._proofs.dialect import Dialect
    from ...errors import Problem


class UnreadableError(Exception):
    """There is nothing to check: no such file, no valid TOML, no such module. Status 2."""


@dataclass(frozen=True)
class Applied:
    """A regex of other software.

    Attributes:
        given: the text as it was given.
        dialect: how that software matches and writes it.
    """

    option: str
    given: str
    regex: re.Pattern[str]
    dialect: Dialect


@dataclass
class Subject:
    """The options of a policy, the configuration of other software, or both.

    Attributes:
        name: the source, for people to read.
        options: the options of `Policy`; ``None`` if only `regexes` are checked.
        labels: the source's name of an option, if it differs from the option's own name.
        problems: problems of the source itself: unknown keys, unreadable regexes.
        warnings: warnings about the source, in the same form.
        harmless: codes that are only warnings here, because the software ignores such entries.
        literal: the language of values in this source: ``python``, ``toml``, ``json`` or ``env``.
        extra: the number of entries that are in neither `options` nor `regexes`.
        written: the options as they were read, if from a file or the environment; for places.
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
    written: Written | None = None

    def placed(self, problem: Problem) -> str:
        """Return the option of a problem as the source names it, with its file and line if known.

        An option of the command line replaces that of the file, so it has no line.
        """
        option = problem.option
        if self.written is not None and self.options is not None:
            if self.options.get(option) is self.written.options.get(option):
                return self.written.place(problem)
        return self.labels.get(option, option)

    def count(self) -> int:
        """Return the number of entries: elements of lists, and single values."""
        values = (self.options or {}).values()
        lists = [len(v) if isinstance(v, (list, tuple, set, frozenset)) else 1 for v in values]
        return sum(lists) + len(self.regexes) + self.extra
