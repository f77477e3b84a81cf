"""The outcomes and fields of a decision, and how decisions are shown and compared.

Each engine has its own Decision class, because attribute access must be free. This module holds
the parts that both classes share.
"""

from __future__ import annotations

import enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    class DecisionLike(Protocol):
        """The attributes that the Decision classes of both engines have."""

        @property
        def outcome(self) -> Outcome: ...
        @property
        def is_preflight(self) -> bool: ...
        @property
        def status(self) -> int | None: ...
        @property
        def headers(self) -> tuple[tuple[str, str], ...]: ...
        @property
        def raw_headers(self) -> tuple[tuple[bytes, bytes], ...]: ...
        @property
        def vary(self) -> tuple[str, ...]: ...


class Outcome(enum.Enum):
    """The reason for a decision.

    The order of the members is the order of ``cf_outcome`` in csrc/corsfast.h.
    """

    NO_ORIGIN = "no-origin"
    """There is no Origin header, so this is not a CORS request."""
    ALLOWED = "allowed"
    ORIGIN_TOO_LONG = "origin-too-long"
    ORIGIN_MALFORMED = "origin-malformed"
    """The value is not a single serialized origin. Two Origin lines are malformed as well."""
    ORIGIN_NOT_ALLOWED = "origin-not-allowed"
    METHOD_TOO_LONG = "method-too-long"
    METHOD_MALFORMED = "method-malformed"
    """The value is not a single token. Two Access-Control-Request-Method lines are not either."""
    METHOD_NOT_ALLOWED = "method-not-allowed"
    """The answer shows what is allowed, so that the browser refuses and names the method."""
    HEADER_LIST_TOO_LONG = "header-list-too-long"
    HEADER_LIST_TOO_SPARSE = "header-list-too-sparse"
    """Too many empty elements."""
    HEADER_LIST_TOO_SPACED = "header-list-too-spaced"
    """Too much white space around one element."""
    HEADER_TOO_LONG = "header-too-long"
    """One name in the list is too long."""
    HEADER_MALFORMED = "header-malformed"
    """One name in the list is not a token."""
    HEADER_NOT_ALLOWED = "header-not-allowed"
    """The answer shows what is allowed, so that the browser refuses and names the header."""


class Stats(dict[Outcome, int]):
    """The number of decisions of a policy by outcome; each outcome has a count.

    Attributes:
        actual: the counts of actual requests alone, by the outcomes that they can have.
        preflight: the same for preflights.
        forged: the number of requests that `Policy.protects` found to be forged by another site.
            `cross_site` refuses or reports them.
    """

    __slots__ = ("actual", "forged", "preflight")
    actual: dict[Outcome, int]
    preflight: dict[Outcome, int]
    forged: int


def stats_of(actual: Iterable[int], preflight: Iterable[int], forged: int) -> Stats:
    """Return the counts of both kinds, which are given in the order of the outcomes."""
    outcomes = [*Outcome]
    of_actual = dict(zip(outcomes, actual, strict=True))
    of_preflight = dict(zip(outcomes, preflight, strict=True))
    stats = Stats((outcome, of_actual[outcome] + of_preflight[outcome]) for outcome in outcomes)
    first_of_preflights = outcomes.index(Outcome.METHOD_TOO_LONG)
    stats.actual = {outcome: of_actual[outcome] for outcome in outcomes[:first_of_preflights]}
    stats.preflight = {outcome: of_preflight[outcome] for outcome in outcomes[1:]}
    stats.forged = forged
    return stats


def decision_key(decision: DecisionLike) -> tuple[object, ...]:
    """Return the fields that make two decisions equal."""
    return (
        decision.outcome,
        decision.is_preflight,
        decision.status,
        decision.headers,
        decision.raw_headers,
        decision.vary,
    )


def decision_repr(decision: DecisionLike) -> str:
    """Return the text that both engines show for a decision."""
    kind = " preflight" if decision.is_preflight else ""
    return f"<Decision {decision.outcome.value}{kind} {dict(decision.headers)!r}>"
