"""Read the options of a policy from a mapping, as arguments for `Policy`.

    allow_origins = [
        "https://app.example.com",
        { regex = 'https://pr-\\d+\\.example\\.com' },
        { regex = 'https://(dev|app)[.]example[.]com', within = ["example.com"] },
    ]
    allow_credentials = true

The keys are the options of `Policy`. TOML has no null: `max_age = "none"` is `None`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from .._options.limits import MAX_EXPLAINED
from .._options.patterns import ORIGINS, parse_pattern, within
from .._options.spec import Spec
from .._proofs.ineffective import FOREIGN_OPTIONS, meant
from .._proofs.regexes import RegexSyntaxError, compile_quietly
from ..errors import Problem, changed
from .literals import REGEX_PREFIX, WRITERS, respell
from .regex_dialects import read_regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping

    from .._options.patterns import Within

OPTIONS = Spec.OPTIONS
ENTRY_KEYS = ("regex", "within")


@dataclass
class Written:
    """The options of a policy, as read from one source.

    Attributes:
        name: the name of the source, for messages.
        spelling: the syntax of values in the source: ``python``, ``toml``, ``json`` or ``env``.
        label: returns the name of an option, or of its entry with this number, for messages.
        options: the arguments for `Policy`.
        problems: problems of the source itself: unknown keys and unreadable regexes.
        warnings: settings that have no effect, and may belong to other software.
        entries: the entries of ``allow_origins`` as they were listed, unreadable ones included.
        extra: the number of keys and entries that are not in `options`.
    """

    name: str
    spelling: str = "python"
    label: Callable[[str, int | None], str] = lambda option, _: option
    options: dict[str, object] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    entries: list[object] = field(default_factory=list)
    extra: int = 0

    def reject(self, problem: Problem) -> None:
        """Add the problem of a key or an entry that is left out of `options`."""
        self.problems.append(problem)
        self.extra += 1

    def place(self, problem: Problem) -> str:
        """Return the place of a problem in the source: for a file, the file, line and key."""
        return self.label(problem.option, self._index(problem))

    def placed(self, problem: Problem) -> Problem:
        """Return the problem with its place in the source, and a hint in the source's syntax."""
        hint = respell(problem.hint, self.spelling)
        return changed(problem, option=self.place(problem), hint=hint)

    def _index(self, problem: Problem) -> int | None:
        """Return the number of the entry that a problem is about, or ``None`` if unknown."""
        value = problem.value
        listed = self.entries if problem.option == ORIGINS else self.options.get(problem.option)
        if value is None or value is listed or not isinstance(listed, (list, tuple)):
            return None
        if value in listed:
            return listed.index(value)
        # A problem may spell a pattern in another way than the source.
        meanings = map(_meaning, listed)
        return next((i for i, meant in enumerate(meanings) if meant == _meaning(value)), None)


def _meaning(entry: object) -> object:
    return parse_pattern(entry) or entry if isinstance(entry, str) else entry


def read_options(mapping: Mapping[str, object], written: Written) -> Written:
    """Read the options in a mapping into `written`, and return it."""
    for key, value in mapping.items():
        if key in OPTIONS:
            written.options[key] = value
        else:
            is_table = isinstance(value, dict) and written.spelling != "python"
            is_explained = len(written.problems) < MAX_EXPLAINED
            written.reject(_unknown(str(key), is_table, is_explained))
    age = written.options.get("max_age")
    if isinstance(age, str) and age == "none":
        written.options["max_age"] = None
    origins = written.options.get(ORIGINS)
    if isinstance(origins, (list, tuple)):
        read = [_read_entry(entry, written) for entry in origins]
        # JSON's null is kept, so that the policy reports it.
        kept = [e for e, given in zip(read, origins, strict=True) if e is not None or given is None]
        written.options[ORIGINS] = kept
        written.extra += len(read) - len(kept)
    return written


def missing_origins(options: Mapping[str, object], problems: list[Problem]) -> list[Problem]:
    """Return a problem if ``allow_origins`` is missing and no misspelled option was meant as it."""
    meant = (problem.option + (problem.hint or "") for problem in problems)
    if ORIGINS in options or any(ORIGINS in text.lower() for text in meant):
        return []
    return [Problem("missing", ORIGINS, None, "without allow_origins no origin is allowed.")]


def _unknown(key: str, is_table: bool, is_explained: bool) -> Problem:
    option = meant(key, OPTIONS) if is_explained else None
    hint = "{ regex = '...' } as an entry of allow_origins" if "regex" in key else None
    message = f"{key!r} is not a policy option."
    if option is None and key in FOREIGN_OPTIONS:
        message = f"{key!r} is not a policy option: {FOREIGN_OPTIONS[key]}."
    elif option is None and is_table:
        message = f"{key!r} is not a policy option but a table; --table or table= reads a table."
    hint = hint if option == ORIGINS and hint else option
    return Problem("unknown-option", key, None, message, hint=hint)


def _read_entry(entry: object, written: Written) -> object:
    """Read a table as a regex; keep all other entries for the policy to judge."""
    written.entries.append(entry)
    if isinstance(entry, str) and entry.startswith(REGEX_PREFIX):
        message = (
            f"{entry!r} has the notation of environment variables; it is not read as a regex here."
        )
        hint: str | None = WRITERS[written.spelling](entry.removeprefix(REGEX_PREFIX), ())
        problem = Problem("looks-like-regex", ORIGINS, entry, message, hint=hint)
        written.problems.append(problem)
        return None
    if not isinstance(entry, dict):
        return entry
    shown = str(entry.get("regex", json.dumps(entry, default=str)))
    written.entries[-1] = shown  # as problems show it
    unknown = [key for key in entry if key not in ENTRY_KEYS]
    for key in unknown:
        message = f"{key!r} is not a key of a regex; the keys are {' and '.join(ENTRY_KEYS)}."
        hint = meant(str(key), ENTRY_KEYS)
        written.problems.append(Problem("unknown-option", ORIGINS, shown, message, hint=hint))
    pattern = entry.get("regex")
    if not isinstance(pattern, str):
        if not unknown:
            message = "a table in allow_origins must hold a regex as a string."
            hint = WRITERS["toml" if written.spelling == "toml" else "json"]("...", ())
            written.problems.append(Problem("type", ORIGINS, shown, message, hint=hint))
        return None
    try:
        regex = compile_quietly(pattern)
    except RegexSyntaxError as error:
        written.problems.append(_not_a_regex(pattern, error, written))
        return None
    read = _declared(regex, entry["within"], written) if "within" in entry else regex
    if read is not None:
        written.entries[-1] = read
    return read


def _not_a_regex(pattern: str, error: RegexSyntaxError, written: Written) -> Problem:
    hint = None
    try:
        if len(written.problems) < MAX_EXPLAINED:
            hint = WRITERS[written.spelling](read_regex(pattern).regex.pattern, ())
    except RegexSyntaxError:
        pass  # it is not valid in any other dialect either
    message = f"{pattern!r} is not a valid Python regular expression: {error}."
    return Problem("regex-syntax", ORIGINS, pattern, message, hint=hint)


def _declared(regex: re.Pattern[str], domains: object, written: Written) -> Within | None:
    try:
        if not isinstance(domains, (list, tuple)):
            raise TypeError("within holds a list of domains")
        return within(regex, *domains)
    except (TypeError, ValueError) as error:
        problem = Problem("within", ORIGINS, regex.pattern, f"{error}.")
        written.problems.append(problem)
        return None
