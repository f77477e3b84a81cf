"""Select the engine, once, at import.

CORSFAST_IMPLEMENTATION=auto (default) selects the native engine if it was built, else the pure
one. `native` and `pure` require that engine. Any other value is an ImportError. The fallback
applies only to an extension that was not built, because a broken one must not go unnoticed.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False

_wanted = os.environ.get("CORSFAST_IMPLEMENTATION", "auto")
if _wanted not in ("auto", "native", "pure"):
    raise ImportError(
        f"CORSFAST_IMPLEMENTATION is {_wanted!r}; it may be 'auto', 'native' or 'pure'"
    )

if TYPE_CHECKING:
    from typing import Literal

    from .native import Decision, Policy

    IMPLEMENTATION: Literal["native", "pure"]
elif _wanted == "pure":
    from .pure import IMPLEMENTATION, Decision, Policy
else:
    try:
        from .native import IMPLEMENTATION, Decision, Policy
    except ModuleNotFoundError as error:
        # Fall back only if the extension was not built.
        required = os.environ.get("CORSFAST_REQUIRE_NATIVE", "") not in ("", "0")
        if error.name != "corsfast._engine.native":
            raise
        if _wanted == "native" or required:
            raise ModuleNotFoundError(
                "the native engine is required (CORSFAST_IMPLEMENTATION=native or"
                " CORSFAST_REQUIRE_NATIVE), but is not built; install corsfast again with a C"
                " compiler",
                name=error.name,
            ) from None
        from .pure import IMPLEMENTATION, Decision, Policy

__all__ = ["IMPLEMENTATION", "Decision", "Policy"]
