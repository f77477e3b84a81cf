"""The common base of the generic middlewares: making, policy, report, copying.

Their other base is ASGICall or WSGICall. Define no `__call__` here, because it would hide the
compiled one.
"""

from __future__ import annotations

from functools import partial

from .policy_source import is_policy, reader_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..._engine.select import Policy
    from .arguments import Features
    from .policy_source import Source
    from .refusals import Refusals
    from .report_only import OutcomeReport
    from .select import PolicySelector

__all__ = ["Featured"]


class Featured:
    """The first base of a middleware that is made by `(app, policy, **features)`.

    _selector  None => every request gets the policy that the middleware was made with
    """

    if TYPE_CHECKING:
        app: Any
        _features: Features
        _selector: PolicySelector | None
        _by_selector: Any

    def _make(self, app: Any, features: Features, refusals: type[Refusals]) -> None:
        """Call the other base's `__init__`."""
        self._features = features
        self._selector = None
        source = features.source
        if is_policy(source) and features.candidate is None:
            given = refusals.handlers(app, source, features)
        else:
            from .select import PolicySelector

            self._selector = PolicySelector(app, features, refusals)
            source, given = None, {"on_all": self._by_selector}
        super().__init__(app, source, **given)  # type: ignore[call-arg]

    @property
    def policy(self) -> Policy | None:
        """The policy in force; ``None`` if it depends on the path. Read-only."""
        return None if self._features.source is None else reader_of(self._features.source)()

    @property
    def report(self) -> OutcomeReport | None:
        """The counts of `report_only`; ``None`` without it."""
        return None if self._selector is None else self._selector.report

    def arguments(self) -> tuple[Source | None, dict[str, Any]]:
        """Return the policy and the named arguments that make the same middleware again."""
        features = self._features
        given = {
            "paths": features.paths and features.paths.rules,
            "websockets": features.websockets,
            "cross_site": features.cross_site,
            "resolver": features.resolver,
            "report_only": getattr(features.candidate, "rules", features.candidate),
        }
        # WSGI has no `websockets`, and the others have this value by default.
        return features.source, {k: value for k, value in given.items() if value is not None}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy with an empty report."""
        policy, given = self.arguments()
        return partial(type(self), **given), (self.app, policy)
