"""The exception, the warnings and the problems that corsfast reports.

Every module imports this one, so it imports nothing that would slow down start-up.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

__all__ = [
    "CorsfastPerformanceWarning",
    "CorsfastRedundancyWarning",
    "CorsfastSecurityWarning",
    "CorsfastUnmatchableWarning",
    "PolicyError",
    "Problem",
]

# The codes of the risks that `dangerously_tolerate` accepts.
RISKS = (
    "any-origin-with-credentials",
    "null-origin-with-credentials",
    "foreign-origin",
    "public-suffix",
    "insecure-origin",
    "any-extension",
)


class Problem:
    """A problem of a policy. Immutable.

    Attributes:
        code: the kind of problem, as a stable kebab-case word (``"trailing-slash"``).
        option: the option that has the problem (``"allow_origins"``).
        value: the offending value, as it was given.
        message: one sentence that describes the problem.
        hint: the corrected value, or ``None`` if corsfast has no suggestion.
        example: an example of an attacker's origin that would be allowed, or ``None``.
    """

    __slots__ = ("code", "hint", "message", "option", "value", "example")
    code: str
    option: str
    value: object
    message: str
    hint: str | None
    example: str | None

    def __init__(
        self,
        code: str,
        option: str,
        value: object,
        message: str,
        *,
        hint: str | None = None,
        example: str | None = None,
    ) -> None:
        given = (code, option, value, message, hint, example)
        for name, field in zip(_FIELDS, given, strict=True):
            object.__setattr__(self, name, field)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Problem is immutable: {name!r} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"Problem is immutable: {name!r} cannot be deleted")

    def _fields(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in _FIELDS)

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


_FIELDS = ("code", "option", "value", "message", "hint", "example")


def changed(problem: Problem, **changes: object) -> Problem:
    """Return a copy of a problem with other values of some attributes."""
    fields: dict[str, Any] = dict(zip(_FIELDS, problem._fields(), strict=True))
    return type(problem)(**(fields | changes))


def describe(problem: Problem, *, acceptable: bool) -> str:
    """Return the text of a problem; with `acceptable` it also says how to accept the risk."""
    text = f"{problem.option}: {problem.message}"
    if problem.example is not None:
        text += f" An attacker could use: {problem.example!r}."
    if problem.hint is not None:
        text += f" Write {problem.hint} instead."
    if acceptable:
        accept = f"dangerously_tolerate=[{problem.code!r}]"
        if problem.option.endswith("ALLOW_ORIGINS"):  # a variable of the environment
            accept = f"{problem.option[:-13]}DANGEROUSLY_TOLERATE={problem.code}"
        text += f" {'Or' if problem.hint is not None else 'To'} accept it: {accept}."
    return f"{text} [{problem.code}]"


def _restore_problem(*fields: object) -> Problem:
    given: dict[str, Any] = dict(zip(_FIELDS, fields, strict=True))
    return Problem(**given)


class PolicyError(ValueError):
    """An error for a policy that is not valid. ``problems`` holds all problems, in option order.

    Also raised for invalid arguments of a middleware; then `where` names the middleware.
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
    """A risk that ``dangerously_tolerate`` accepts, or that a drop-in middleware accepts because
    the library that it replaces does. Emitted once, at start-up."""


class CorsfastUnmatchableWarning(UserWarning):
    """Configuration that has no effect: an origin that no browser sends (for example with the
    scheme ``htps``, or in a drop-in middleware, which may not reject it), an alternative of a
    regex that never matches, or an environment variable that no option reads."""


class CorsfastPerformanceWarning(UserWarning):
    """A regex that is too complex for an automaton. `re` matches it instead, by backtracking."""


class CorsfastRedundancyWarning(UserWarning):
    """An entry of ``allow_origins`` that is listed twice, or that another entry covers."""
