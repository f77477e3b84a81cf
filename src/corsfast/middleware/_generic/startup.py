"""Stop the server's start-up if a middleware cannot be made.

Starlette's `add_middleware` stores a class and its arguments. The middleware is made in the first
call of the application, which is the server's `lifespan` call. If that raises, servers assume an
application without `lifespan` support. They start anyway, and answer 500 to every request.
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

_COROUTINE = 0x80  # inspect.CO_COROUTINE, without the import


def stops_start_up(init: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Decorate the `__init__` of an `ASGICall`, so that its exceptions stop the start-up.

    Outside of an application's call they are raised at once. Inside, the object is made anyway.
    It answers ``lifespan`` with the text of the exception, which stops the server, and raises the
    exception for everything else.
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
    """Return whether the innermost running coroutine is the call of an ASGI application."""
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
