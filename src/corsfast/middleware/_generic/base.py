"""What a generic middleware says of itself: its policy, its report, and how it is copied.

Place in the flow: beside the call of an interface (ASGICall, WSGICall), as the other base of
asgi.py's and wsgi.py's middleware.
Never: run per request, or have a `__call__`: that of the call is compiled.
"""

from __future__ import annotations

from .policy_source import reader_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..._engine.select import Policy
    from .arguments import Features
    from .policy_source import Source
    from .report_only import Report
    from .select import Flow

__all__ = ["Featured"]


class Featured:
    """The first base of a middleware that is made of `(app, policy, **features)`.

    _flow  None => every request meets the policy that the middleware was made with
    """

    __slots__ = ()
    if TYPE_CHECKING:
        app: Any
        _features: Features
        _flow: Flow | None

    @property
    def policy(self) -> Policy | None:
        """The policy in force; ``None`` where it depends on the path. Read-only."""
        return None if self._features.source is None else reader_of(self._features.source)()

    @property
    def report(self) -> Report | None:
        """What `report_only` has counted; ``None`` without it."""
        return None if self._flow is None else self._flow.report

    def arguments(self) -> tuple[Source | None, dict[str, Any]]:
        """Return the policy and the named arguments that make the same middleware again."""
        return self._features.arguments()

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.app, *self.arguments())


def _restore(kind: Any, app: Any, policy: Source | None, features: dict[str, Any]) -> Any:
    """How a copied or pickled middleware comes back; with its report at nothing."""
    return kind(app, policy, **features)
