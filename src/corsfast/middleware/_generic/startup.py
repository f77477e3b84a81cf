"""Have a middleware that cannot be made stop the server's start-up, where it is made too late.

Starlette's `add_middleware` keeps a class and its arguments, and makes the middleware in the
first call of the application: that is the server's `lifespan` call. Servers take an exception
there for an application without `lifespan`, go on, and answer 500 to everything.
https://asgi.readthedocs.io/en/latest/specs/lifespan.html#startup-failed
"""

from __future__ import annotations

import sys
from functools import wraps

from .engine import ASGICall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, ParamSpec

    from .handlers import App, Receive, Scope, Send

    Parameters = ParamSpec("Parameters")

__all__ = ["stops_start_up"]

_COROUTINE = 0x80  # inspect.CO_COROUTINE, which costs an import


def stops_start_up(init: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Decorate the `__init__` of an `ASGICall`: its exceptions are raised at once, or at start-up.

    Within the call of an application the object is made nevertheless. It answers ``lifespan``
    with the exception's text, which ends the server, and raises it for everything else.
    """

    @wraps(init)
    def init_or_fail(*arguments: Parameters.args, **named: Parameters.kwargs) -> None:
        try:
            init(*arguments, **named)
        except Exception as error:
            if not _within_an_application():
                raise
            middleware: Any = arguments[0]
            fail = _failing(error)
            ASGICall.__init__(middleware, fail, None, on_all=fail)

    return init_or_fail


def _within_an_application() -> bool:
    """Return whether the innermost coroutine that runs is an ASGI application's call."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not frame.f_code.co_flags & _COROUTINE:
        frame = frame.f_back
    return frame is not None and frame.f_code.co_name == "__call__"


def _failing(error: Exception) -> App:
    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            message = f"{type(error).__name__}: {error}"
            await send({"type": "lifespan.startup.failed", "message": message})
        raise error.with_traceback(None)

    return fail
