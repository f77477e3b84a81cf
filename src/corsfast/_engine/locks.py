"""Locks that are free in a forked process, where the thread that held one does not exist."""

from __future__ import annotations

import os
import threading
from weakref import WeakSet

_made: WeakSet[threading.RLock] = WeakSet()


def new_lock() -> threading.RLock:
    """Return a lock that a fork makes free in the child.

    It is reentrant for two reasons. A signal's handler may use the object whose lock the
    interrupted code holds, for example to forget an origin. And if a handler raises, CPython 3.14
    may leave the lock of a `with` statement locked.
    """
    lock = threading.RLock()
    _made.add(lock)
    return lock


def _free() -> None:
    for lock in _made:
        if hasattr(lock, "_at_fork_reinit"):  # CPython's; `logging` and `queue` use it as well
            lock._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free)
