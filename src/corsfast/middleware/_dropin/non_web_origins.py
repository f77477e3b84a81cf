"""Which values of an Origin header a browser sends, for drop-ins that decide by themselves."""

from __future__ import annotations

from .._generic.engine import is_origin

# What Chrome on Android once sent for pages opened from files. It is no serialised origin.
FILE = "file://"


def may_be_sent(origin: str) -> bool:
    """Whether a browser sends this as an Origin: nothing else is ever echoed."""
    return is_origin(origin) or origin == FILE
