"""What subclasses override of the library that a drop-in replaces, and nobody would call here.

A method that narrows access there would open it here, without a word; so it is an error.

Place in the flow: leftmost of the drop-ins; when a class or a middleware is made.
Never: refuse what is honoured; know a framework.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_MISSING = object()


def refuse_overrides(cls: type[Any], hooks: Iterable[str], *, of: type[Any], instead: str) -> None:
    """See to it that a class leaves some attributes as they are, wherever it may have them from.

    Args:
        hooks: names that nobody asks for.
        of: the class that has them as they should be, or not at all.
        instead: what is so here, and what to write.

    Raises:
        TypeError: naming those that are overridden.
    """
    overridden = [
        hook
        for hook in sorted(hooks)
        if getattr(cls, hook, _MISSING) not in (_MISSING, getattr(of, hook, _MISSING))
    ]
    if overridden:
        raise TypeError(
            f"{cls.__qualname__} overrides {', '.join(overridden)}, which nobody calls here:"
            f" {instead}"
        )
