"""The parts of the selected engine, native or pure, that middlewares use in addition to Policy."""

from __future__ import annotations

from ..._engine.select import IMPLEMENTATION

TYPE_CHECKING = False
if TYPE_CHECKING or IMPLEMENTATION == "pure":
    from ..._options.origin import is_origin
    from .handlers import ASGICall, WSGICall
else:
    from ..._engine.native import ASGICall, WSGICall, is_origin

__all__ = ["ASGICall", "WSGICall", "is_origin"]
