"""How a pickled Policy comes back: as the engine that the reading process has chosen.

Place in the flow: imported by both engines. The one place that looks to the right, and only
when a pickle is read: a policy pickled by the native engine must load where there is none.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .select import Policy


def restore_policy(options: dict[str, object]) -> Policy:
    from .select import Policy

    return Policy(**options)  # type: ignore[arg-type]
