"""A cache of an object that is compiled from an application's config.

Frameworks allow an application's config to change while it runs, and tests do this. So each
request compares the relevant values with those of the last one, which costs some dictionary
look-ups.

Applications are referenced weakly, so the cache keeps none of them alive.
"""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar
from weakref import WeakKeyDictionary, ref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

Made = TypeVar("Made")


class _Cached(NamedTuple, Generic[Made]):
    """The cached result for a config. `unset` => the config contained none of the names."""

    made: Made
    unset: bool
    values: list[Any]


class ConfigCache(Generic[Made]):
    """A function of an application that returns the cached result of `make` for its config.

    Args:
        names: the names in a config that `make` reads.
        make: a function of a config. Its result is cached until one of the values changes. It
            returns an equal result for all configs without any of the names.

    Attributes:
        constant: the result, if there are no names; otherwise None.
    """

    def __init__(self, names: Iterable[str], make: Callable[[Mapping[str, Any]], Made]) -> None:
        self.names = tuple(names)
        self._make = make
        self._by_app: WeakKeyDictionary[Any, _Cached[Made]] = WeakKeyDictionary()
        # The entry of the last application. Nearly always there is only one.
        self._last: tuple[Any, _Cached[Made]] | None = None
        self.constant: Made | None = None if self.names else make({})

    def __call__(self, app: Any) -> Made:
        if self.constant is not None:
            return self.constant
        config = app.config
        last = self._last
        if last is not None and last[0]() is app:
            seen = last[1]
            # Most configs contain none of the names, and this check is fast.
            if seen.unset:
                if config.keys().isdisjoint(self.names):
                    return seen.made
            elif seen.values == list(map(config.get, self.names)):
                return seen.made
        return self._look(app, config)

    def _look(self, app: Any, config: Mapping[str, Any]) -> Made:
        values = list(map(config.get, self.names))
        seen = self._by_app.get(app)
        if seen is None or seen.values != values:
            # Copied, so that an append to a list is seen as a change.
            values = [v.copy() if isinstance(v, (list, set, dict)) else v for v in values]
            unset = config.keys().isdisjoint(self.names)
            seen = self._by_app[app] = _Cached(self._make(config), unset, values)
        self._last = ref(app), seen
        return seen.made
