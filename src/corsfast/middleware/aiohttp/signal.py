"""A cheaper `on_response_prepare` for applications where CORS is the only receiver.

aiohttp sends a signal in a coroutine, which packs and unpacks the arguments and awaits the
coroutine of each receiver. That costs more than CORS does for most requests. With CORS as the only
receiver, sending the signal can call CORS directly. The replacement must not change which
receivers a signal has, their order or their arguments. So it is made only for a frozen signal.
"""

from __future__ import annotations

from typing import Any

from aiosignal import Signal

from .receiver import receive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from .receiver import Knows


class DirectSignal(Signal[Any]):  # type: ignore[misc]
    """A frozen signal with one receiver, which is its `send` method.

    `send` is a function of the class, because calling an attribute of the signal costs twice as
    much. So the signal has the attributes of the receiver's own object.
    """

    __slots__ = ("answers", "late", "look")

    send = receive

    def __init__(self, of: Knows, owner: object, signal: Signal[Any]) -> None:
        super().__init__(owner)
        self.answers = of.answers
        self.look = of.look
        self.late = of.late
        self.extend(signal)
        self.freeze()


def call_directly(
    app: web.Application, direct: Callable[[object, Signal[Any]], Signal[Any]]
) -> None:
    """Make an application call its only `on_response_prepare` receiver directly.

    Nothing changes while receivers may still be added, if there are several, or if aiohttp stores
    the signal in another place than today.

    Args:
        direct: a function of an owner and the current signal; it returns a signal that calls the
            receiver when it is sent.
    """
    signal = app.on_response_prepare
    if type(signal) is not Signal or not signal.frozen or len(signal) != 1:
        return
    # Not with vars(): an object is slower once its __dict__ has been read (CPython 3.11).
    if hasattr(app, "_on_response_prepare"):
        app._on_response_prepare = direct(app, signal)
