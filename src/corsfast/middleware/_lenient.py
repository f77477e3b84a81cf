"""What a drop-in middleware was configured with, read as the library that it replaces reads it.

A drop-in may not refuse what worked there. So an insecure setting is one
`CorsfastSecurityWarning` here, with the origin that gets in and what to write, and an entry
that matches nothing there and here is one `CorsfastDeadEntryWarning`; with ``strict=True`` all
of them are one `PolicyError`.

    entries --read_options--> spec, problems --find_risks--> risks --> warnings | PolicyError
                              spec --build_tables--> tables --answer(tables)--> Policy

Place in the flow: between the engines and the drop-ins. Runs once per policy, never per request.
Never: know a framework; make a pattern of a string that was none there.
"""

from __future__ import annotations

import re

from .._backend import Policy
from .._compile import Tables, block, build_tables, is_origin, warn
from ..config import Spec, read_options
from ..errors import (
    RISKS,
    CorsfastDeadEntryWarning,
    CorsfastPerformanceWarning,
    CorsfastSecurityWarning,
    PolicyError,
    Problem,
)
from ..languages import language_of
from ..misspellings import diagnose
from ..safety import find_risks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Tables", "block", "lenient_policy"]

# What can be wrong with the entries and changes nothing: they are left out, or mean nothing.
_HARMLESS = ("any-origin-beside-others",)


class _DropInProblem(Problem):
    """A problem that cannot be tolerated by an option: there is none here."""

    __slots__ = ()

    def __str__(self) -> str:
        text = f"{self.option}: {self.message}"
        if self.witness is not None:
            text += f" A stranger who is let in: {self.witness!r}."
        if self.hint is not None:
            text += f" Write {self.hint} instead."
        return f"{text} [{self.code}]"


class _DropInSpec(Spec):
    """A spec whose answers are a drop-in's own: no options of Policy make it again."""

    __slots__ = ("name", "said")
    name: str
    said: tuple[object, ...]

    def key(self) -> tuple[object, ...]:
        return (self.name, self.said, *super().key())

    def show(self) -> str:
        return f"<the policy of {self.name}>"

    def options(self) -> dict[str, object]:
        raise TypeError(f"the policy of {self.name} cannot be pickled; pickle its options")


def lenient_policy(
    name: str,
    origins: Mapping[str, Iterable[str | re.Pattern[str]]],
    *,
    credentials: bool,
    strict: bool = False,
    answer: Callable[[Tables], None] | None = None,
) -> Policy:
    """The policy of a drop-in middleware.

    Args:
        name: the drop-in, for messages and ``repr``: ``"corsfast.middleware.starlette"``.
        origins: by the option that holds them, in the drop-in's own words: serialised origins,
            ``"null"``, ``"*"``, and ``re.Pattern`` objects of str, which always have to match
            in full. Any other str matches nothing and is warned about. With ``"*"`` and
            credentials every serialised origin and ``null`` is admitted and echoed.
        credentials: whether credentials are allowed with these origins.
        strict: whether problems are a PolicyError rather than warnings.
        answer: may change the tables before they are compiled: what methods and names are
            allowed (``methods``, ``any_method``, ``header_names``, ``any_header``) and what is
            sent (``no_origin``, ``refused``, ``refused_preflight``, ``actual_tail``,
            ``preflight_tail``, the statuses, ``echo_method``, ``echo_headers``,
            ``actual_vary``, ``preflight_vary``). Blocks are made by `block`; Vary is the last
            field of each that has one, and names what ``actual_vary`` or ``preflight_vary``
            name.

    Raises:
        PolicyError: with ``strict``, holding every problem at once.

    Warns:
        CorsfastSecurityWarning: otherwise, once per risk.
        CorsfastDeadEntryWarning: otherwise, once per entry that matches nothing.
        CorsfastPerformanceWarning: once per regex that no automaton can express.
    """
    problems: list[Problem] = []
    kept: dict[str | re.Pattern[str], str] = {}
    for option, entries in origins.items():
        for entry in entries:
            if not isinstance(entry, str) or entry == "*" or is_origin(entry):
                kept.setdefault(entry, option)
            else:
                problems.append(_never_sent(option, entry))
    any_origin = "*" in kept
    spec, wrong = _read([*kept] if not any_origin else ["*"], credentials)
    languages = [language_of(entry) for entry in spec.regexes]
    default = next(iter(origins), "origins")
    for problem in [*wrong, *find_risks(spec, languages)]:
        problems.append(_in_words_of(kept, default, problem))
    if strict and problems:
        raise PolicyError(problems)
    for problem in problems:
        risky = problem.code in RISKS
        warn(f"{name}: {problem}", CorsfastSecurityWarning if risky else CorsfastDeadEntryWarning)
    spec.name = name
    tables, beyond = build_tables(spec, languages)
    for message in beyond:
        warn(f"{name}: {message}", CorsfastPerformanceWarning)
    if any_origin and credentials:
        tables.any_origin = True
        tables.exact = ("null",)
    if answer is not None:
        answer(tables)
    spec.said = tuple(
        getattr(tables, slot) for slot in sorted(Tables.__slots__) if slot not in _MATCHED
    )
    return Policy(_tables=tables)  # type: ignore[arg-type, call-arg]


# The parts of the tables that the spec stands for, or that cannot be compared.
_MATCHED = ("spec", "automaton", "regexes", "rules", "exact")


def _read(entries: list[object], credentials: bool) -> tuple[_DropInSpec, list[Problem]]:
    plain, problems = read_options(
        is_origin=is_origin,
        allow_origins=entries,
        allow_methods=(),
        allow_headers=(),
        expose_headers=(),
        allow_credentials=credentials,
        max_age=None,
        preflight_status=204,
        existing="replace",
        dangerously_tolerate=(),
    )
    spec = _DropInSpec()
    for field in Spec.__slots__:
        setattr(spec, field, getattr(plain, field))
    return spec, [problem for problem in problems if problem.code not in _HARMLESS]


def _never_sent(option: str, entry: str) -> Problem:
    """An entry that is no origin: it never matched, so somebody means something else."""
    found = diagnose(entry)
    why, hint = found.message, found.hint
    if "*" in entry:
        why, hint = "'*' within an entry stands for itself here.", "a regex"
    return _DropInProblem(
        found.code,
        option,
        entry,
        f"{entry!r} matches nothing: no browser sends it as an Origin. {why}",
        hint=hint,
    )


def _in_words_of(
    kept: Mapping[str | re.Pattern[str], str], default: str, problem: Problem
) -> Problem:
    """The same problem, under the option that holds the entry."""
    entry = problem.value
    option = kept.get(entry, default) if isinstance(entry, (str, re.Pattern)) else default
    return _DropInProblem(
        problem.code, option, entry, problem.message, hint=problem.hint, witness=problem.witness
    )
