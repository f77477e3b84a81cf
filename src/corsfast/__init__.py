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
    from ._proofs.changes import PolicyDiff
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
    "PolicyDiff",
    "PolicyError",
    "PolicyHolder",
    "Problem",
    "Stats",
    "__version__",
    "within",
]

__version__ = "0.1.0"


# Importing enum costs more than importing the rest of this package, so these are lazy. `within` is
# for policies with regexes, which need slower imports in any case.
_LAZY = {
    "Explanation": "._explain.explanation",
    "Outcome": ".decision",
    "PolicyDiff": "._proofs.changes",
    "PolicyHolder": "._engine.holder",
    "Stats": ".decision",
    "within": "._options.patterns",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return globals().setdefault(name, getattr(import_module(_LAZY[name], __name__), name))


def __dir__() -> list[str]:
    return sorted(globals().keys() | set(__all__))
