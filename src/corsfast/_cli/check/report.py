"""What a check has found, ready to be shown.

Place in the flow: judge -> Report -> terminal, machine.
Never: hold an object of another module: everything here is text, numbers, lists.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """One problem or warning.

    Attributes:
        option: the option that holds the entry, in the words of the source.
        entry: the offending entry as text; empty where the option as a whole is meant.
        how: for regexes ``fullmatch``, ``match`` or ``search``; else ``None``.
        code: what is wrong, as a stable word.
        message: one sentence.
        witness: an origin that is let in and should not be, where there is one.
        write: what to write instead, where that can be said.
        proven: whether `write` is a pattern that passed this very check.
    """

    option: str
    entry: str
    how: str | None
    code: str
    message: str
    witness: str | None = None
    write: str | None = None
    proven: bool = False


@dataclass(frozen=True)
class Report:
    """All findings of one source."""

    source: str
    entries: int
    problems: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)

    @property
    def affected(self) -> int:
        """How many entries have problems."""
        return len({(finding.option, finding.entry) for finding in self.problems})

    @property
    def status(self) -> int:
        """The exit status: 1 when there are problems."""
        return 1 if self.problems else 0
