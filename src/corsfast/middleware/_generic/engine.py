"""The parts of the selected engine, native or pure, that middlewares use in addition to Policy."""

from __future__ import annotations

from ..._engine.select import IMPLEMENTATION

TYPE_CHECKING = False
if TYPE_CHECKING or IMPLEMENTATION == "pure":
    from ..._options.origin import is_origin
    from ..quart.fast_path import StraightWay
    from .handlers import ASGICall, WSGICall
else:
    from ..._engine.native import ASGICall, StraightWay, WSGICall, is_origin

__all__ = ["ASGICall", "StraightWay", "WSGICall", "is_origin"]
