"""What a candidate policy would have decided, beside what was decided.

Place in the flow: right of the decisions; writes to the log "corsfast.report_only".
Never: change an answer, or raise because of a request.
"""

from __future__ import annotations

import logging
import threading

from .limited_log import LimitedLog, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..._engine.select import Decision, Policy
    from ...decision import Outcome

    Pair = tuple[Outcome | None, Outcome | None]


class Report:
    """Counts of outcomes, in pairs. Safe to read and to clear from any thread.

    There are as many pairs as there are outcomes, squared, and no more, whatever is asked for.
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
        self._lock = threading.Lock()
        self._counts: dict[Pair, int] = {}
        self._log = LimitedLog("corsfast.report_only")

    @property
    def counts(self) -> dict[Pair, int]:
        """How many requests had which outcomes: (the enforced one, the candidate's) -> int.

        An outcome is a :class:`corsfast.Outcome`; ``None`` where the path has no rule. Also
        requests without an Origin are counted, and requests with the same outcome twice.
        """
        with self._lock:
            return dict(self._counts)

    @property
    def differences(self) -> dict[Pair, int]:
        """The pairs of `counts` that differ."""
        return {pair: count for pair, count in self.counts.items() if pair[0] is not pair[1]}

    def clear(self) -> None:
        """Start again from nothing."""
        with self._lock:
            self._counts.clear()

    def compare(self, request: Any, decision: Decision | None) -> None:
        """Count one request; log it if the outcomes differ."""
        try:
            policy = self._choose(request)
            candidate = None if policy is None else self._decide(policy, request).outcome
        except Exception:
            # It enforces nothing, so it also breaks nothing.
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
                shown(method),
                shown(path),
                shown(origin),
                _named(enforced),
                _named(candidate),
            )


def _named(outcome: Outcome | None) -> str:
    return "no rule" if outcome is None else outcome.value
