"""Check that a browser may send an Origin value, for drop-ins that decide without a policy."""

from __future__ import annotations

from .._generic.engine import is_origin

# Older Chrome on Android sent this for pages opened from files. It is not a serialized origin.
FILE = "file://"


def may_be_sent(origin: str) -> bool:
    """Return whether a browser may send this Origin, because no other value may be echoed."""
    return is_origin(origin) or origin == FILE
