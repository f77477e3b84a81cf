"""How a response reaches CORS: `on_response_prepare` of an application, sent with less ado.

aiohttp sends a signal by a coroutine of its own, which packs and unpacks what is sent and awaits
the coroutine of each receiver. That costs more than what CORS does with most requests. Where CORS
is the only receiver, sending the signal may as well be calling it.

Place in the flow: receiver -> this -> config.
Never: change who receives a signal, in what order, or with what; touch one that may still change.
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
    """A frozen signal with one receiver, which is what `send` is.

    A function of the class, not an attribute of the signal: that is called for half as much. So
    the signal has what the receiver's own object has.
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
    """Have an application's only `on_response_prepare` receiver called without a detour.

    Changes nothing while others may still be added, where there are several, and where aiohttp
    keeps the signal in another place than it does today.

    Args:
        direct: what makes a signal that calls the receiver when it is sent, of an owner and of
            the signal as it is.
    """
    signal = app.on_response_prepare
    if type(signal) is not Signal or not signal.frozen or len(signal) != 1:
        return
    # Not by vars(): an object whose __dict__ has been seen is slower from then on (CPython 3.11).
    if hasattr(app, "_on_response_prepare"):
        app._on_response_prepare = direct(app, signal)
