"""The counts of decisions of the pure engine, exact with many threads."""

from __future__ import annotations

import sys
from itertools import count

from ..decision import Outcome, stats_of
from .locks import new_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..decision import Stats


class Counter:
    """A counter without a lock on the way of a request.

    With the GIL, `next` of an iterator in C is one step, so no count is lost. The only way to read
    such an iterator also counts, so the reads are subtracted.
    """

    __slots__ = ("_lock", "_subtracted", "add")
    add: Callable[[], int]

    def __init__(self) -> None:
        self._lock = new_lock()
        self._subtracted = 0
        self.add = count().__next__
        # Without the GIL, two threads may take the same number from the iterator (until 3.14). The
        # build is asked, because the GIL may be enabled only while an extension is imported.
        if "free-threading" in sys.version:
            self.add = self._locked(self.add)

    def read(self, reset: bool) -> int:
        """Return the number of calls of `add` since the last reset."""
        with self._lock:
            found = self.add() - self._subtracted
            self._subtracted += found + 1 if reset else 1
            return found

    @staticmethod
    def _locked(step: Callable[[], int]) -> Callable[[], int]:
        lock = new_lock()

        def locked() -> int:
            with lock:
                return step()

        return locked


class Counts:
    """The counters of a policy.

    Attributes:
        add: for actual requests and preflights, in this order: the `add` of each outcome's
            counter, by the outcome's value.
        forged: the counter of the requests that are forged.
    """

    __slots__ = ("_counters", "add", "forged")

    def __init__(self) -> None:
        self._counters = [[Counter() for _ in Outcome] for _kind in range(2)]
        self.forged = Counter()
        values = [outcome.value for outcome in Outcome]
        self.add = [
            dict(zip(values, (counter.add for counter in kind), strict=True))
            for kind in self._counters
        ]

    def read(self, reset: bool) -> Stats:
        """Return the counts, and reset them if asked to."""
        actual, preflight = ([counter.read(reset) for counter in kind] for kind in self._counters)
        return stats_of(actual, preflight, self.forged.read(reset))
