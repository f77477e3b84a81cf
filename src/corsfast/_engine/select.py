"""Select the engine, once, at import.

CORSFAST_IMPLEMENTATION=auto (default) selects the native engine if it was built and this
interpreter can load it, else the pure one. `native` and `pure` require that engine. Any other value
is an ImportError. With CORSFAST_REQUIRE_NATIVE=1, `auto` means `native`. A broken extension is an
ImportError too, because it must not go unnoticed.
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
    _flag = os.environ.get("CORSFAST_REQUIRE_NATIVE", "")
    _required = _wanted == "native" or _flag not in ("", "0")
    try:
        from .native import IMPLEMENTATION, Decision, Policy
    except ModuleNotFoundError as error:
        # Fall back only if the extension was not built.
        if error.name != "corsfast._engine.native":
            raise
        if _required:
            raise ModuleNotFoundError(
                "the native engine is required (CORSFAST_IMPLEMENTATION=native or"
                " CORSFAST_REQUIRE_NATIVE), but is not built; install corsfast again with a C"
                " compiler",
                name=error.name,
            ) from None
        from .pure import IMPLEMENTATION, Decision, Policy
    except ImportError as error:
        # The errors of CPython and of Cython in a second interpreter differ only in their text.
        if _required or not any(
            text in str(error)
            for text in ("does not support loading in subinterp", "Interpreter change detected")
        ):
            raise
        import warnings

        from ..errors import CorsfastPerformanceWarning
        from .pure import IMPLEMENTATION, Decision, Policy

        warnings.warn(
            "corsfast uses its slower pure-Python engine in this interpreter, because only one"
            " interpreter of a process can load the native engine. Decisions are the same. Under"
            " mod_wsgi, set `WSGIApplicationGroup %{GLOBAL}` and give each application a daemon"
            " process. CORSFAST_IMPLEMENTATION=pure selects the pure engine without this warning.",
            CorsfastPerformanceWarning,
            stacklevel=3,
        )

__all__ = ["IMPLEMENTATION", "Decision", "Policy"]
