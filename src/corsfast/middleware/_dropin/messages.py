"""Messages about a drop-in's options.

A drop-in has no option that accepts a risk, and its own forms of a regex and of "any origin".
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..._engine.tables import warn
from ..._options.diagnose import diagnose
from ..._options.patterns import Network, parse_pattern
from ..._options.suggestions import how_to_write
from ..._proofs.dialect import Dialect
from ..._proofs.ineffective import BARE_STRING, NOT_A_BOOL, UNKNOWN_OPTION
from ...errors import (
    RISKS,
    CorsfastSecurityWarning,
    CorsfastUnmatchableWarning,
    PolicyError,
    Problem,
    changed,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, NoReturn

# The codes of CorsfastSecurityWarning. All others are about entries that match nothing.
_INSECURE = (*RISKS, "unproven", BARE_STRING, NOT_A_BOOL, UNKNOWN_OPTION)


class DropInProblem(Problem):
    """A problem that no option can tolerate, because a drop-in has no such option."""

    __slots__ = ()

    def __str__(self) -> str:
        text = f"{self.option}: {self.message}"
        if self.example is not None:
            text += f" An attacker can use: {self.example!r}."
        if self.hint is not None:
            text += f" Write {self.hint} instead."
        return f"{text} [{self.code}]"


def say(
    name: str,
    problems: Iterable[Problem],
    *,
    strict: bool,
    tell: Callable[[str, type[Warning]], None] = warn,
) -> None:
    """Call `tell` with a warning about each problem, or raise a PolicyError with all of them."""
    problems = list(problems)
    if strict and problems:
        raise PolicyError(problems)
    for problem in problems:
        kind = CorsfastSecurityWarning if problem.code in _INSECURE else CorsfastUnmatchableWarning
        tell(f"{name}: {problem}", kind)


# The dialect of a drop-in without regexes.
NO_REGEXES = Dialect("'*'")


def wrong_entry(option: str, entry: object, dialect: Dialect) -> Problem:
    """Return the problem of an entry that is not an origin, so that no browser sends it."""
    if not isinstance(entry, str):
        kind = type(entry).__name__
        message = f"{entry!r} is of type {kind} and matches nothing{how_to_write(entry)}."
        return DropInProblem("type", option, entry, message)
    found = diagnose(entry)
    why = found.message
    if isinstance(parse_pattern(entry), Network):
        why = "Networks are not supported here."
    elif found.code == "looks-like-regex":
        why = f"It looks like a regular expression; {dialect.place}."
    elif "*" in entry:
        why = "'*' inside an entry is not a wildcard here."
    message = f"{entry!r} matches nothing: no browser sends it as an Origin. {why}"
    return DropInProblem(found.code, option, entry, message)


def in_option(problem: Problem, option: str) -> Problem:
    """Return the problem of a policy as one of the drop-in's own option."""
    code, entry, message, hint = problem.code, problem.value, problem.message, problem.hint
    return DropInProblem(code, option, entry, message, hint=hint, example=problem.example)


def as_written(problem: Problem, dialect: Dialect) -> Problem:
    """Return a problem with the string that a regex was made of, if it was made of one."""
    regex = problem.value
    if not isinstance(regex, re.Pattern) or regex not in dialect.written:
        return problem
    text = dialect.written[regex]
    made, meant = (repr(shown)[1:-1] for shown in (regex.pattern, text))
    return changed(problem, value=text, message=problem.message.replace(made, meant))


class Unreadable(NamedTuple):
    """An entry that its library reads as a regex, and that does not compile."""

    text: str
    error: Exception

    def fail(self, dialect: Dialect) -> NoReturn:
        """Raise the error, with a suggestion if there is one."""
        from ..._proofs.suggest import suggest_for_text

        hint = suggest_for_text(self.text, dialect)
        advice = f"; write {hint} instead" if hint else ""
        raise type(self.error)(f"{self.error}{advice}") from None


def regex_from(option: str, value: Any) -> re.Pattern[str] | Unreadable:
    """Compile the regex that an option holds.

    Raises:
        TypeError: for a value that is not a regex of str.
    """
    if not isinstance(getattr(value, "pattern", value), str):
        raise TypeError(
            f'{option} is a str or a re.Pattern of str, not {value!r}; write {option}=r"..."'
        )
    try:
        return re.compile(value)
    except re.error as error:
        return Unreadable(value, re.error(f"{option}: {value!r} is not a regex: {error}"))
