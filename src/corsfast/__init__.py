"""corsfast: fast, correct CORS negotiation.

    policy = corsfast.Policy(allow_origins=["https://app.example.com"])
    decision = policy.asgi(scope)

This module imports only what a first decision needs, to keep the import fast.
"""

from __future__ import annotations

from ._engine.select import IMPLEMENTATION, Decision, Policy
from .errors import (
    CorsfastPerformanceWarning,
    CorsfastRedundancyWarning,
    CorsfastSecurityWarning,
    CorsfastUnmatchableWarning,
    PolicyError,
    Problem,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._engine.holder import PolicyHolder
    from ._explain.explanation import Explanation
    from ._options.patterns import within
    from .decision import Outcome, Stats

__all__ = [
    "IMPLEMENTATION",
    "CorsfastPerformanceWarning",
    "CorsfastRedundancyWarning",
    "CorsfastSecurityWarning",
    "CorsfastUnmatchableWarning",
    "Decision",
    "Explanation",
    "Outcome",
    "Policy",
    "PolicyError",
    "PolicyHolder",
    "Problem",
    "Stats",
    "__version__",
    "within",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # Importing enum costs more than importing the rest of this package, so they are lazy.
    # `within` is for policies with regexes, which need slower imports in any case.
    if name in ("Outcome", "Stats"):
        from . import decision

        return globals().setdefault(name, getattr(decision, name))
    if name == "Explanation":
        from ._explain.explanation import Explanation

        globals()["Explanation"] = Explanation
        return Explanation
    if name == "PolicyHolder":
        from ._engine.holder import PolicyHolder

        globals()["PolicyHolder"] = PolicyHolder
        return PolicyHolder
    if name == "within":
        from ._options.patterns import within

        globals()["within"] = within
        return within
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(globals().keys() | set(__all__))
