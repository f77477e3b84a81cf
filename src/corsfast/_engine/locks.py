"""Locks that are free in a forked process, where the thread that held one does not exist."""

from __future__ import annotations

import os
import threading
from weakref import WeakSet

_made: WeakSet[threading.Lock] = WeakSet()


def new_lock() -> threading.Lock:
    """Return a lock that a fork makes free in the child."""
    lock = threading.Lock()
    _made.add(lock)
    return lock


def _free() -> None:
    for lock in _made:
        if hasattr(lock, "_at_fork_reinit"):  # CPython's; `logging` and `queue` use it as well
            lock._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free)
