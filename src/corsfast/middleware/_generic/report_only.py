"""Compare the decisions of a candidate policy with the enforced ones, without an effect on them.

Differences are logged to "corsfast.report_only".
"""

from __future__ import annotations

import logging

from ..._engine.locks import new_lock
from .limited_log import LimitedLog, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..._engine.select import Decision, Policy
    from ...decision import Outcome

    Pair = tuple[Outcome | None, Outcome | None]


class OutcomeReport:
    """Counts of pairs of outcomes. Any thread may read and clear them.

    Their number is bounded by the square of the number of outcomes, so requests cannot use up
    memory.
    """

    def __init__(
        self,
        choose: Callable[[Any], Policy | None],
        decide: Callable[[Policy, Any], Decision],
        describe: Callable[[Any], tuple[object, object, object]],
    ) -> None:
        self._choose = choose
        self._decide = decide
        self._describe = describe
        self._lock = new_lock()
        self._counts: dict[Pair, int] = {}
        self._log = LimitedLog("corsfast.report_only")

    @property
    def counts(self) -> dict[Pair, int]:
        """The number of requests by their outcomes: (the enforced one, the candidate's) -> int.

        An outcome is a :class:`corsfast.Outcome`, or ``None`` if the path has no rule. Requests
        without an Origin, and requests with two equal outcomes, are counted, too.
        """
        with self._lock:
            return dict(self._counts)

    @property
    def differences(self) -> dict[Pair, int]:
        """The pairs of `counts` that differ."""
        return {pair: count for pair, count in self.counts.items() if pair[0] is not pair[1]}

    def clear(self) -> None:
        """Reset all counts."""
        with self._lock:
            self._counts.clear()

    def compare(self, request: Any, decision: Decision | None) -> None:
        """Count one request; log it if the outcomes differ."""
        try:
            policy = self._choose(request)
            candidate = None if policy is None else self._decide(policy, request).outcome
        except Exception:
            # The candidate enforces nothing, so its failure must not break the request.
            self._log.write(logging.ERROR, "the candidate policy failed", exc_info=True)
            return
        enforced = None if decision is None else decision.outcome
        with self._lock:
            pair = enforced, candidate
            self._counts[pair] = self._counts.get(pair, 0) + 1
        if enforced is not candidate:
            method, path, origin = self._describe(request)
            self._log.write(
                logging.WARNING,
                "%s %s from %s: enforced %s, candidate %s",
                shown(method, quotes=False),
                shown(path),
                shown(origin),
                _named(enforced),
                _named(candidate),
            )


def _named(outcome: Outcome | None) -> str:
    return "no rule" if outcome is None else outcome.value
