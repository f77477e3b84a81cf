"""Reject subclasses that override methods which the drop-in never calls.

In the original library such a method may restrict access. If the drop-in ignored it, access would
silently be open, so it is an error.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_MISSING = object()


def refuse_overrides(cls: type[Any], hooks: Iterable[str], *, of: type[Any], instead: str) -> None:
    """Check that a class does not override certain attributes, also not by inheritance.

    Args:
        hooks: the names of attributes that the drop-in never uses.
        of: the class with their original values; an attribute may be missing.
        instead: the end of the message: the reason, and what to write instead.

    Raises:
        TypeError: if some are overridden; the message names them.
    """
    overridden = [
        hook
        for hook in sorted(hooks)
        if getattr(cls, hook, _MISSING) not in (_MISSING, getattr(of, hook, _MISSING))
    ]
    if overridden:
        raise TypeError(
            f"{cls.__qualname__} overrides {', '.join(overridden)}, which is never called here:"
            f" {instead}"
        )
