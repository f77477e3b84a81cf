"""Choose the policy of a request, if it is not the same for all: paths, swaps, reports.

    request --_choose--> Policy | None --PerPolicy--> its call, which answers
                     \\--report--> the candidate's decision is compared and counted

The report never changes an answer.
"""

from __future__ import annotations

from ..._engine.select import Policy
from ..paths import CLOSED, PathRules
from .policy_source import MAX_POLICIES, PerPolicy, reader_of
from .report_only import OutcomeReport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..._engine.select import Decision
    from .arguments import Features
    from .policy_source import Source
    from .refusals import PathOf, Refusals

    Choice = Callable[[Any], Policy | None]


class PolicySelector:
    """A chooser of the call that answers a request.

    Args:
        app: the application, which is called directly for a request without a policy.
        features: the features of the middleware.
        refusals: the slow path of the middleware's interface.
    """

    def __init__(self, app: Any, features: Features, refusals: type[Refusals]) -> None:
        self._app = app
        self._decide = refusals.decide
        self._resolver = features.resolver
        path_of = refusals.path_of(app)
        # The policy of an ambiguous path. It is a new object, because calls are cached by
        # identity.
        closed = Policy(allow_origins=())
        self._closed = closed
        self._choose = choice(features.paths or features.source, path_of, closed)
        # Each rule by path has a policy at the same time.
        most = MAX_POLICIES + len(features.paths.rules if features.paths else ())

        def make(policy: Policy) -> Any:
            handlers = refusals.handlers(app, policy, features, policy is not closed, self.note)
            return refusals.call(app, policy, **handlers)

        self._calls = PerPolicy(make, most)
        # Policies that decide for the report, so that each request is counted once.
        self._doubles = PerPolicy(lambda policy: type(policy)._from_tables(policy._tables), most)
        self.report: OutcomeReport | None = None
        if features.candidate is not None:
            choose = choice(features.candidate, path_of, closed)
            self.report = OutcomeReport(choose, refusals.decide, refusals.describe)

    def handler_for(self, request: Any) -> Any:
        """Return the call that answers a request."""
        policy = self._choose(request)
        if self.report is not None:
            self._note(policy, request)
        return self._app if policy is None else self._calls.of(policy)

    def _note(self, policy: Policy | None, request: Any) -> None:
        if policy is None:
            return self.note(request, None)
        decision = self._decide(self._doubles.of(policy), request)
        resolver = self._resolver
        if resolver is not None and policy is not self._closed:
            if resolver.concerns(decision, request) and resolver.can_follow(policy):
                return None  # the slow path calls `note` after the look-up
        return self.note(request, decision)

    def note(self, request: Any, decision: Decision | None) -> None:
        """Compare the enforced decision with the candidate's, if there is a report."""
        if self.report is not None:
            self.report.compare(request, decision)


def choice(target: PathRules | Source | None, path_of: PathOf, closed: Policy) -> Choice:
    """Return a function that chooses the policy of a request; `closed` is for ambiguous paths."""
    if not isinstance(target, PathRules):
        read = reader_of(target)
        return lambda _: read()
    find = target.find
    readers = {id(rule): reader_of(rule) for rule in target.rules.values() if rule is not None}

    def choose(request: Any) -> Policy | None:
        found = find(*path_of(request))
        if found is None:
            return None
        return closed if found is CLOSED else readers[id(found)]()

    return choose
