"""What is compiled of an application's config: made once, and again when the config has changed.

Frameworks let an application's settings change while it is up, which is what tests do. So each
request compares those that count with what they were: some dictionary look-ups.

Place in the flow: between a drop-in's rules and its hooks.
Never: know a framework, an option, or what is made; keep an application alive.
"""

from __future__ import annotations

from typing import Generic, TypeVar
from weakref import WeakKeyDictionary, ref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

Made = TypeVar("Made")


class ByConfig(Generic[Made]):
    """Called with an application, gives what `make` makes of its config.

    Args:
        names: see below.
        make: called with a config; kept until one of these has another value.

    Attributes:
        names: the names in a config that count. Where it holds none of them, the same is made
            each time.
        settled: what is made where no name counts; None else.
    """

    def __init__(self, names: Iterable[str], make: Callable[[Mapping[str, Any]], Made]) -> None:
        self.names = tuple(names)
        self._make = make
        self._by_app: WeakKeyDictionary[Any, _Seen[Made]] = WeakKeyDictionary()
        # The same for the application that was asked about last, which is nearly always one.
        self._last: tuple[Any, _Seen[Made]] | None = None
        self.settled: Made | None = None if self.names else make({})

    def __call__(self, app: Any) -> Made:
        if self.settled is not None:
            return self.settled
        config = app.config
        last = self._last
        if last is not None and last[0]() is app:
            seen = last[1]
            # Most configs hold none of the names, which is told at once.
            if seen.nothing:
                if config.keys().isdisjoint(self.names):
                    return seen.made
            elif seen.values == list(map(config.get, self.names)):
                return seen.made
        return self._look(app, config)

    def _look(self, app: Any, config: Mapping[str, Any]) -> Made:
        values = list(map(config.get, self.names))
        seen = self._by_app.get(app)
        if seen is None or seen.values != values:
            seen = _Seen()
            # Copied, so that a list that is appended to is a change.
            seen.values = [_copied(value) for value in values]
            seen.nothing = config.keys().isdisjoint(self.names)
            seen.made = self._make(config)
            self._by_app[app] = seen
        self._last = ref(app), seen
        return seen.made


class _Seen(Generic[Made]):
    """What was made of a config; `nothing` says that it held none of the names."""

    __slots__ = ("made", "nothing", "values")
    made: Made
    nothing: bool
    values: list[Any]


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, (list, set, dict)) else value
