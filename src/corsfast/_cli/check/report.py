"""The findings of a check, ready to be shown: only text, numbers and lists."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """One problem or warning.

    Attributes:
        option: the option that holds the entry, as the source names it.
        entry: the offending entry as text; empty if the finding is about the whole option.
        how: for regexes ``fullmatch``, ``match`` or ``search``; otherwise ``None``.
        code: the problem as a stable word.
        message: one sentence.
        example: an origin that is wrongly allowed, if there is one.
        write: the suggested fix, if there is one.
        proven: whether `write` is a pattern that passed this same check.
        place: the file, the line and the key, as far as they are known.
        about: what the JSON Schema says about the option, if the form of its value is wrong.
    """

    option: str
    entry: str
    how: str | None
    code: str
    message: str
    example: str | None = None
    write: str | None = None
    proven: bool = False
    place: str = ""
    about: str | None = None


@dataclass(frozen=True)
class Report:
    """All findings of one source."""

    source: str
    entries: int
    problems: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)

    @property
    def affected(self) -> int:
        """Return the number of entries with problems."""
        return len({(finding.option, finding.entry) for finding in self.problems})

    @property
    def status(self) -> int:
        """Return the exit status: 1 if there are problems, 0 if not."""
        return 1 if self.problems else 0
