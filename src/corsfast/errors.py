"""What corsfast says when a policy is wrong or risky.

Place in the flow: imported by everyone, imports nothing.
Never: import another module of the package, or anything that costs start-up time.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "CorsfastDeadEntryWarning",
    "CorsfastPerformanceWarning",
    "CorsfastRedundancyWarning",
    "CorsfastSecurityWarning",
    "PolicyError",
    "Problem",
]

# The codes of the risks that can be accepted by name with `dangerously_tolerate`.
RISKS = (
    "any-origin-with-credentials",
    "null-origin-with-credentials",
    "foreign-origin",
    "public-suffix",
    "insecure-origin",
    "any-extension",
)


class Problem:
    """One thing that is wrong with a policy. Immutable.

    Attributes:
        code: what is wrong, as a stable kebab-case word (``"trailing-slash"``).
        option: the option that holds it (``"allow_origins"``).
        value: the offending value, as it was given.
        message: one sentence for a person.
        hint: the corrected value where there is one that can be written down, else ``None``.
        witness: a concrete origin of a stranger who would be let in, where there is one,
            else ``None``.
    """

    __slots__ = ("code", "hint", "message", "option", "value", "witness")
    code: str
    option: str
    value: object
    message: str
    hint: str | None
    witness: str | None

    def __init__(
        self,
        code: str,
        option: str,
        value: object,
        message: str,
        *,
        hint: str | None = None,
        witness: str | None = None,
    ) -> None:
        for name, field in (
            ("code", code),
            ("option", option),
            ("value", value),
            ("message", message),
            ("hint", hint),
            ("witness", witness),
        ):
            object.__setattr__(self, name, field)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Problem is immutable: {name!r} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"Problem is immutable: {name!r} cannot be deleted")

    def _fields(self) -> tuple[object, ...]:
        return (
            self.code,
            self.option,
            self.value,
            self.message,
            self.hint,
            self.witness,
        )

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Problem):
            return self._fields() == other._fields()
        return NotImplemented

    def __hash__(self) -> int:
        return hash((self.code, self.option, self.message))

    def __repr__(self) -> str:
        return f"Problem({self.code!r}, {self.option!r}, {self.value!r})"

    def __str__(self) -> str:
        return describe(self, acceptable=self.code in RISKS)

    def __reduce__(self) -> tuple[object, ...]:
        return _restore_problem, self._fields()


def with_hint(problem: Problem, hint: str | None) -> Problem:
    """The same problem with another hint."""
    return Problem(
        problem.code,
        problem.option,
        problem.value,
        problem.message,
        hint=hint,
        witness=problem.witness,
    )


def describe(problem: Problem, *, acceptable: bool) -> str:
    """A problem in words; `acceptable` is whether to say how it can be accepted."""
    text = f"{problem.option}: {problem.message}"
    if problem.witness is not None:
        text += f" A stranger who would be let in: {problem.witness!r}."
    if problem.hint is not None:
        text += f" Write {problem.hint} instead."
    if acceptable:
        accept = f"dangerously_tolerate=[{problem.code!r}]"
        if problem.option.endswith("ALLOW_ORIGINS"):  # a variable of the environment
            accept = f"{problem.option[:-13]}DANGEROUSLY_TOLERATE={problem.code}"
        text += f" {'Or' if problem.hint is not None else 'To'} accept it: {accept}."
    return f"{text} [{problem.code}]"


def _restore_problem(
    code: str,
    option: str,
    value: object,
    message: str,
    hint: str | None,
    witness: str | None,
) -> Problem:
    return Problem(code, option, value, message, hint=hint, witness=witness)


class PolicyError(ValueError):
    """A policy was refused. ``problems`` holds every reason at once, in the options' order.

    So are other arguments than a policy's; then `where` says in the message what they belong to.
    """

    problems: tuple[Problem, ...]

    def __init__(self, problems: Iterable[Problem], where: str = "this policy") -> None:
        self.problems = tuple(problems)
        self._where = where
        lines = [f"  {i}. {problem}" for i, problem in enumerate(self.problems, 1)]
        count = len(lines)
        head = "1 problem" if count == 1 else f"{count} problems"
        super().__init__("\n".join([f"{head} in {where}:", *lines]))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.problems, self._where)


class CorsfastSecurityWarning(UserWarning):
    """A risk that was accepted by name (``dangerously_tolerate``), or that a drop-in middleware
    has to accept because the library that it replaces does. Said once, at start-up."""


class CorsfastDeadEntryWarning(UserWarning):
    """An entry that no browser's Origin matches, as far as can be known: one of a drop-in
    middleware's, which may not refuse it, or an origin with a scheme like ``htps``; an alternative
    of a regex that matches nothing; or a variable of the environment that no option reads."""


class CorsfastPerformanceWarning(UserWarning):
    """A regex that cannot be run as an automaton, and why; `re` matches it, backtracking."""


class CorsfastRedundancyWarning(UserWarning):
    """An entry of ``allow_origins`` that another one covers, or that is listed twice."""
