"""A log that requests cannot flood.

Place in the flow: left of what writes to it.
Never: print what a request holds as it is; `shown` makes it one short line of ASCII.
"""

from __future__ import annotations

import logging
import threading
from time import monotonic

# A difference that concerns every request is understood after a few lines.
MAX_LINES = 10
WINDOW = 10.0  # seconds

# Characters of a value that come from a request.
MAX_SHOWN = 120


class LimitedLog:
    """At most `MAX_LINES` lines in each `WINDOW`, then how many were left out."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)
        self._lock = threading.Lock()
        self._began = float("-inf")
        self._lines = 0

    def write(self, level: int, message: str, *args: object, exc_info: bool = False) -> None:
        """Log, unless there was too much of it lately."""
        if not self._logger.isEnabledFor(level):
            return
        left_out = 0
        now = monotonic()
        with self._lock:
            if now - self._began >= WINDOW:
                left_out = max(self._lines - MAX_LINES, 0)
                self._began, self._lines = now, 0
            self._lines += 1
            if self._lines > MAX_LINES:
                return
        if left_out:
            self._logger.log(level, "%d more lines were left out", left_out)
        self._logger.log(level, message, *args, exc_info=exc_info)


def shown(value: object) -> str:
    """What a request holds, quoted, on one line, in ASCII, and not too long.

    CVE-2024-1681: a line break in a logged request forges lines of the log.
    """
    if not isinstance(value, (str, bytes)):
        return "nothing" if value is None else f"<{type(value).__name__}>"
    text = value.decode("latin-1") if isinstance(value, bytes) else str.__str__(value)
    return ascii(text[:MAX_SHOWN]) + ("..." if len(text) > MAX_SHOWN else "")
