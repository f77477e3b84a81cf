"""What middlewares use of the chosen engine beside its policies: compiled, or the reference.

Place in the flow: between the engines and the middlewares.
Never: hold code.
"""

from __future__ import annotations

from .._backend import IMPLEMENTATION

TYPE_CHECKING = False
if TYPE_CHECKING or IMPLEMENTATION == "pure":
    from ..origin import is_origin
    from ._calls import ASGICall, WSGICall
    from ._straight import StraightWay
else:
    from .._native import ASGICall, StraightWay, WSGICall, is_origin

__all__ = ["ASGICall", "StraightWay", "WSGICall", "is_origin"]
