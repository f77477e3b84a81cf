"""The call classes of the engine that was chosen: compiled, or the reference.

Place in the flow: between the engines and the generic middlewares.
Never: hold code.
"""

from __future__ import annotations

from .._backend import IMPLEMENTATION

TYPE_CHECKING = False
if TYPE_CHECKING or IMPLEMENTATION == "pure":
    from ._calls import ASGICall, WSGICall
else:
    from .._native import ASGICall, WSGICall

__all__ = ["ASGICall", "WSGICall"]
