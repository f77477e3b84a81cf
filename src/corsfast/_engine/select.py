"""Chooses the engine, once, at import.

CORSFAST_IMPLEMENTATION=auto (default) takes the native engine where it was built, else the
pure one; `native` and `pure` insist. Anything else is an ImportError. Only an extension that
was not built is replaced: a broken one must be seen.

Place in the flow: right of both engines, left of nothing but the package and its commands.
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
        # "not built" is the one reason to fall back.
        required = os.environ.get("CORSFAST_REQUIRE_NATIVE", "") not in ("", "0")
        if error.name != "corsfast._engine.native":
            raise
        if _wanted == "native" or required:
            raise ModuleNotFoundError(
                "the native engine is wanted (CORSFAST_IMPLEMENTATION=native or"
                " CORSFAST_REQUIRE_NATIVE) and was not built; install corsfast again where there"
                " is a C compiler",
                name=error.name,
            ) from None
        from .pure import IMPLEMENTATION, Decision, Policy

__all__ = ["IMPLEMENTATION", "Decision", "Policy"]
