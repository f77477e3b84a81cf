"""What is said about a drop-in's options: problems, and what to write instead, in its own words.

    Problem of a policy --Mender--> DropInProblem --say--> warning | PolicyError

A drop-in has no option that accepts a risk, and writes a regex or "everybody" as the library
that it replaces does: `Words` holds how.

Place in the flow: corrections -> _wording -> _lenient, and drop-ins whose options have more to say.
Never: import corrections that prove anything while nothing is wrong; know a framework.
"""

from __future__ import annotations

import re
from collections import namedtuple

from ..._engine.tables import warn
from ..._options.diagnose import diagnose
from ..._options.origin import parse_origin
from ..._options.patterns import Network, parse_pattern, single_origins
from ..._options.suggestions import how_to_write, suggest_all, texts_of
from ..._proofs.ineffective import BARE_STRING, NOT_A_BOOL, UNKNOWN_OPTION
from ..._proofs.python_source import as_regex, compiled, in_python, named
from ...errors import RISKS, CorsfastDeadEntryWarning, CorsfastSecurityWarning, PolicyError, Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from ..._proofs.suggest import Offer

# What is said as a CorsfastSecurityWarning; all else is about entries that match nothing.
_INSECURE = (*RISKS, BARE_STRING, NOT_A_BOOL, UNKNOWN_OPTION)


class DropInProblem(Problem):
    """A problem that cannot be tolerated by an option: there is none here."""

    __slots__ = ()

    def __str__(self) -> str:
        text = f"{self.option}: {self.message}"
        if self.witness is not None:
            text += f" A stranger who is let in: {self.witness!r}."
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
    """Warn of each problem, or raise them all; `name` is the drop-in.

    Args:
        tell: is given each warning.

    Raises:
        PolicyError: with ``strict``, if there is any.

    Warns:
        CorsfastSecurityWarning, CorsfastDeadEntryWarning: without ``strict``.
    """
    problems = list(problems)
    if strict and problems:
        raise PolicyError(problems)
    for problem in problems:
        risky = problem.code in _INSECURE
        tell(f"{name}: {problem}", CorsfastSecurityWarning if risky else CorsfastDeadEntryWarning)


# -- what to write instead -----------------------------------------------------------------------


def _none(_text: str) -> None:
    """What most drop-ins make of a string with a star."""


class Words(
    namedtuple(
        "Words",
        ("any_origin", "regex", "flags", "compiled", "made", "exact"),
        defaults=(None, 0, False, _none, repr),
    )
):
    """How a drop-in's options say what a correction says.

    Attributes:
        any_origin: what admits everybody: ``'allow_origins=["*"]'``.
        regex: how a regex is written, with ``{}`` in the place of its text as Python source;
            ``None`` where there are no regexes.
        flags: the flags with which the drop-in compiles such a text itself.
        compiled: whether it does not, so that a regex is written as ``re.compile(...)``.
        made: the regex that the drop-in makes of a string with a star, if it does.
        exact: writes a single origin.
    """

    __slots__ = ()
    any_origin: str
    regex: str | None
    flags: int
    compiled: bool
    made: Callable[[str], re.Pattern[str] | None]
    exact: Callable[[str], str]

    @property
    def place(self) -> str:
        """Where a regex belongs, as the end of a sentence."""
        if self.regex is None:
            return "no option here takes one"
        text = "re.compile(...)" if self.compiled else 'r"..."'
        return f"one is written as {self.regex.format(text)}"

    def entries(self, entries: Iterable[object], option: str = "") -> list[str] | None:
        """Return entries of a policy as the drop-in has them; ``None`` where it has none like it.

        Several patterns are one regex, because most drop-ins take one only.

        Args:
            option: where single origins belong, if not in the place of what is wrong.
        """
        written: list[str] = []
        regexes: dict[int, list[str]] = {}
        for entry in entries:
            rule = parse_pattern(entry) if isinstance(entry, str) and entry != "*" else None
            if entry == "*":
                written.append(self.any_origin)
            elif isinstance(rule, str):
                written.append(self.exact(rule))
            elif isinstance(entry, re.Pattern):
                regexes.setdefault(entry.flags & ~re.UNICODE, []).append(entry.pattern)
            elif rule is not None and (origins := single_origins(rule)):
                written += map(self.exact, origins)
            elif rule is not None:
                text = as_regex(rule)
                if text is None:
                    return None
                regexes.setdefault(self.flags, []).append(text)
        if regexes and self.regex is None:
            return None
        if written and option and written != [self.any_origin]:
            written[-1] += f" in {option}"
        return written + [self._regex("|".join(texts), f) for f, texts in regexes.items()]

    def _regex(self, text: str, flags: int) -> str:
        assert self.regex is not None
        if self.compiled or named(flags) != named(self.flags):
            return self.regex.format(compiled(text, (), flags))
        return self.regex.format(in_python(text))


NO_REGEXES = Words(any_origin="'*'")


class Mender:
    """Says what to write instead, in a drop-in's words; a proof takes its time, so not for ever."""

    def __init__(self, credentials: bool, words: Words) -> None:
        self.credentials = credentials
        self.words = words
        self.proven = 0

    def hint(self, problem: Problem, option: str = "") -> str | None:
        """Return what to write in place of an entry that is risky, or matches nothing.

        Args:
            option: where single origins belong, if not in that place.
        """
        from ..._proofs.advice import in_words
        from ..._proofs.suggest import MAX_PROVEN, needs_automata, offer_for

        self.proven += needs_automata(problem)
        if self.proven > MAX_PROVEN:
            return in_words(problem)
        found = offer_for(problem, credentials=self.credentials, tolerated=frozenset())
        return self._written(found, option)

    def hint_for_text(self, text: str) -> str | None:
        """What was meant by a string that is no origin; it may be a pattern of `Policy`."""
        from ..._proofs.suggest import MAX_PROVEN, offer_for_text

        self.proven += 1
        if self.proven > MAX_PROVEN:
            return None
        found = offer_for_text(text, credentials=self.credentials, tolerated=frozenset())
        return self._written(found)

    def hint_for_object(self, value: object) -> str | None:
        """Propose text for an entry of another type."""
        hints = [self.hint_for_text(text) for text in texts_of(value)]
        return ", ".join(filter(None, hints)) if all(hints) and hints else None

    def hint_as_written(self, problem: Problem, text: str) -> str | None:
        """The same for a string of which the drop-in has made a regex; it says how."""
        from ..._proofs.advice import advice_for, in_words
        from ..._proofs.regex_fixes import spellings
        from ..._proofs.suggest import MAX_PROVEN
        from ..._proofs.verify import own_risks

        self.proven += 1
        if self.proven > MAX_PROVEN:
            return in_words(problem)
        if problem.hint == "'*'":
            return self.words.any_origin
        several = suggest_all(text)
        for meant in (several, *((one,) for one in spellings(text.rstrip("/")))):
            made = [self.words.made(one) for one in meant if parse_origin(one) is None]
            # The drop-in's star stands for text; a port is left to an expression.
            if (
                made
                and not any(one.endswith((":*", "]")) for one in meant)
                and not any(regex is None or own_risks(regex, self.credentials) for regex in made)
            ):
                return ", ".join(map(repr, meant))
        return self.hint_for_text(text) or advice_for(problem)

    def _written(self, offer: Offer, option: str = "") -> str | None:
        if not offer.entries:
            return offer.advice
        written = self.words.entries(offer.entries, option)
        if written is None:
            from ..._proofs.advice import ONE_BY_ONE

            return ONE_BY_ONE
        return ", ".join(written)


def never_sent(option: str, entry: str, mend: Mender) -> Problem:
    """An entry that is no origin: it never matched, so somebody means something else."""
    found = diagnose(entry)
    why = found.message
    if isinstance(parse_pattern(entry), Network):
        why = "Networks are not read here."
    elif found.code == "looks-like-regex":
        why = f"It looks like a regular expression; {mend.words.place}."
    elif "*" in entry:
        why = "'*' within an entry stands for itself here."
    return DropInProblem(
        found.code,
        option,
        entry,
        f"{entry!r} matches nothing: no browser sends it as an Origin. {why}",
        hint=mend.hint_for_text(entry),
    )


def not_text(option: str, entry: object, mend: Mender | None = None) -> Problem:
    """An entry of another type; without `mend` it is none of the origins."""
    kind = type(entry).__name__
    if mend is None:
        hint = repr(entry.decode("latin-1")) if isinstance(entry, bytes) else None
        message = f"{entry!r} is of type {kind} and matches nothing."
    else:
        hint = mend.hint_for_object(entry)
        message = f"{entry!r} is of type {kind} and matches nothing{how_to_write(entry)}."
    return DropInProblem("type", option, entry, message, hint=hint)


def regex_from(option: str, value: Any, mend: Mender) -> re.Pattern[str]:
    """Compile the regex that an option holds.

    Raises:
        TypeError: for what is not a regex of str.
        re.error: for text that does not compile; with a proposal.
    """
    if not isinstance(getattr(value, "pattern", value), str):
        raise TypeError(
            f'{option} is a str or a re.Pattern of str, not {value!r}; write {option}=r"..."'
        )
    try:
        return re.compile(value)
    except re.error as error:
        hint = mend.hint_for_text(value)
        advice = f"; write {hint} instead" if hint else ""
        raise re.error(f"{option}: {value!r} is not a regex: {error}{advice}") from None


def in_words_of(
    kept: Mapping[str | re.Pattern[str], str],
    written: Mapping[re.Pattern[str], str],
    default: str,
    problem: Problem,
    mend: Mender,
) -> Problem:
    """The same problem, under the option that holds the entry, which is quoted as written.

    Args:
        kept: the option of each entry, and `default` that of all others.
        written: what was written in the place of a regex.
    """
    entry, message = problem.value, problem.message
    option = kept.get(entry, default) if isinstance(entry, (str, re.Pattern)) else default
    if not isinstance(entry, re.Pattern) or entry not in written:
        elsewhere = isinstance(entry, re.Pattern) and option != default
        hint = mend.hint(problem, default if elsewhere else "")
    else:
        hint = mend.hint_as_written(problem, written[entry])
        made, meant = (repr(text)[1:-1] for text in (entry.pattern, written[entry]))
        entry, message = written[entry], message.replace(made, meant)
    return DropInProblem(problem.code, option, entry, message, hint=hint, witness=problem.witness)
