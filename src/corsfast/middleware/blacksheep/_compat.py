"""The private attribute behind `app.cors` of BlackSheep, seen in 2.6."""

from __future__ import annotations

from blacksheep.server.cors import CORSConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def strategy_of(app: Any) -> Any:
    """Return the strategy of an application, or None."""
    try:
        return app.cors
    except TypeError:
        return None


def set_strategy(app: Any, strategy: Any) -> None:
    """Make `app.cors` return a strategy.

    Raises:
        CORSConfigurationError: if this version of BlackSheep has no such attribute. Without it,
            policies that handlers name would be ignored.
    """
    app._cors_strategy = strategy
    if strategy_of(app) is not strategy:
        raise CORSConfigurationError("This version of BlackSheep is not supported.")
