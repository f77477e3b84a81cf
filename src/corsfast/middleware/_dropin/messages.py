"""Messages about a drop-in's options, with proposals that use the drop-in's own options.

    Problem of a policy --Mender--> DropInProblem --say--> warning | PolicyError

A drop-in has no option that accepts a risk. It writes a regex, or "any origin", as the library
that it replaces does. `Words` holds these forms.

Import the modules that prove something inside functions only, because they are slow to import
and not needed while nothing is wrong.
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

# The codes of CorsfastSecurityWarning. All others are about entries that match nothing.
_INSECURE = (*RISKS, BARE_STRING, NOT_A_BOOL, UNKNOWN_OPTION)


class DropInProblem(Problem):
    """A problem that no option can tolerate, because a drop-in has no such option."""

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
    """Warn about each problem, or raise all of them together.

    Args:
        name: the drop-in.
        tell: called with each warning.

    Raises:
        PolicyError: with ``strict``, if there is a problem.

    Warns:
        CorsfastSecurityWarning, CorsfastDeadEntryWarning: without ``strict``.
    """
    problems = list(problems)
    if strict and problems:
        raise PolicyError(problems)
    for problem in problems:
        risky = problem.code in _INSECURE
        tell(f"{name}: {problem}", CorsfastSecurityWarning if risky else CorsfastDeadEntryWarning)


# -- proposals -----------------------------------------------------------------------------------


def _none(_text: str) -> None:
    """Make no regex of a string with a star, as most drop-ins do."""


class Words(
    namedtuple(
        "Words",
        ("any_origin", "regex", "flags", "compiled", "made", "exact"),
        defaults=(None, 0, False, _none, repr),
    )
):
    """The forms in which a drop-in's options are written in a proposal.

    Attributes:
        any_origin: the form for any origin: ``'allow_origins=["*"]'``.
        regex: the form of a regex, with ``{}`` for its text as Python source; ``None`` if the
            drop-in has no regexes.
        flags: the flags that the drop-in uses when it compiles such a text.
        compiled: whether a regex is written as ``re.compile(...)``, because the drop-in does not
            compile a text.
        made: returns the regex that the drop-in makes of a string with a star, or None.
        exact: returns the form of a single origin.
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
        """The option for a regex, as the end of a sentence."""
        if self.regex is None:
            return "no option here takes one"
        text = "re.compile(...)" if self.compiled else 'r"..."'
        return f"one is written as {self.regex.format(text)}"

    def entries(self, entries: Iterable[object], option: str = "") -> list[str] | None:
        """Return entries of a policy in the drop-in's form, or ``None`` if it has no such form.

        Several patterns become one regex, because most drop-ins take only one.

        Args:
            option: the option for single origins, if it is not the one with the problem.
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
    """A source of proposals in a drop-in's form. Proofs are slow, so their number is limited."""

    def __init__(self, credentials: bool, words: Words) -> None:
        self.credentials = credentials
        self.words = words
        self.proven = 0

    def hint(self, problem: Problem, option: str = "") -> str | None:
        """Return what to write instead of an entry that is risky or matches nothing.

        Args:
            option: the option for single origins, if it is not the one with the problem.
        """
        from ..._proofs.advice import in_words
        from ..._proofs.suggest import MAX_PROVEN, needs_automata, offer_for

        self.proven += needs_automata(problem)
        if self.proven > MAX_PROVEN:
            return in_words(problem)
        found = offer_for(problem, credentials=self.credentials, tolerated=frozenset())
        return self._written(found, option)

    def hint_for_text(self, text: str) -> str | None:
        """Return what to write instead of a string that is not an origin.

        The string may be a pattern of `Policy`.
        """
        from ..._proofs.suggest import MAX_PROVEN, offer_for_text

        self.proven += 1
        if self.proven > MAX_PROVEN:
            return None
        found = offer_for_text(text, credentials=self.credentials, tolerated=frozenset())
        return self._written(found)

    def hint_for_object(self, value: object) -> str | None:
        """Return what to write instead of an entry of another type."""
        hints = [self.hint_for_text(text) for text in texts_of(value)]
        return ", ".join(filter(None, hints)) if all(hints) and hints else None

    def hint_as_written(self, problem: Problem, text: str) -> str | None:
        """Return what to write instead of a string that `words.made` turns into a regex."""
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
            regexes = [regex for regex in made if isinstance(regex, re.Pattern)]
            # The drop-in's star means any text, so any port needs a regex.
            if (
                made
                and not any(one.endswith((":*", "]")) for one in meant)
                and len(regexes) == len(made)
                and not any(own_risks(regex, self.credentials) for regex in regexes)
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
    """Return the problem of an entry that is not an origin, so that no browser sends it."""
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
    """Return the problem of an entry of another type. Pass `mend` if it should be an origin."""
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
        TypeError: for a value that is not a regex of str.
        re.error: for a text that does not compile, with a proposal.
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
    """Return a problem with the drop-in's own option, and with the entry quoted as written.

    Args:
        kept: the option of each entry.
        written: the text that each regex was made from.
        default: the option of all other entries.
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
