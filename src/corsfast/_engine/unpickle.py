"""Restore a pickled Policy with the engine of the reading process.

A policy pickled by the native engine must load where only the pure engine is available. So both
engines import this module, which imports the selected engine only when a pickle is read.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .select import Policy


def restore_policy(options: dict[str, object]) -> Policy:
    from .select import Policy

    return Policy(**options)  # type: ignore[arg-type]
