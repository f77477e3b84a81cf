"""A log that requests cannot flood.

Log a value from a request only through `shown`, which makes it one short line of ASCII.
"""

from __future__ import annotations

import logging
from time import monotonic

from ..._engine.locks import new_lock

# A few lines are enough to understand a problem that affects every request.
MAX_LINES = 10
WINDOW = 10.0  # seconds

# The maximum number of characters to log of a value from a request.
MAX_SHOWN = 120


class LimitedLog:
    """A logger of at most `MAX_LINES` lines per `WINDOW`, which counts the lines left out."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)
        self._lock = new_lock()
        self._began = float("-inf")
        self._lines = 0

    def write(self, level: int, message: str, *args: object, exc_info: bool = False) -> None:
        """Log a line, unless there were too many in this window."""
        if self.accepts(level):
            self.send(level, message, *args, exc_info=exc_info)

    def accepts(self, level: int) -> bool:
        """Count a line; return whether it may be sent."""
        if not self._logger.isEnabledFor(level):
            return False
        left_out = 0
        now = monotonic()
        with self._lock:
            if now - self._began >= WINDOW:
                left_out = max(self._lines - MAX_LINES, 0)
                self._began, self._lines = now, 0
            self._lines += 1
            if self._lines > MAX_LINES:
                return False
        if left_out:
            self._logger.log(level, "%d more lines were left out", left_out)
        return True

    def send(self, level: int, message: str, *args: object, exc_info: bool = False) -> None:
        """Log a line that was accepted."""
        self._logger.log(level, message, *args, exc_info=exc_info)


def shown(value: object, *, quotes: bool = True) -> str:
    """Return a value from a request, in quotes, on one line, in ASCII, and not too long.

    Otherwise a line break in it could forge lines of the log, as in CVE-2024-1681.
    """
    if not isinstance(value, (str, bytes)):
        return "nothing" if value is None else f"<{type(value).__name__}>"
    text = value.decode("latin-1") if isinstance(value, bytes) else str.__str__(value)
    quoted = ascii(text[:MAX_SHOWN])
    return (quoted if quotes else quoted[1:-1]) + ("..." if len(text) > MAX_SHOWN else "")
