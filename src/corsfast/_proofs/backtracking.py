"""Prove that `re` matches an origin in time that is at most quadratic in its length.

Only for regexes that no automaton can express. An origin has at most 326 characters, so quadratic
is a few milliseconds at worst, cubic is a tenth of a second, and exponential is forever.

The number of ways in which a backtracking matcher can read a word is the ambiguity of its
automaton (Weber and Seidl, "On the degree of ambiguity of finite automata", 1991). It is
exponential if a loop can read one word in two ways: `(a+)+`. It grows by one power for each pair of
loops where a word can be read by the first, by the second, or by both in turn: `.*.*`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from re import _constants as constants  # type: ignore[attr-defined]

from .._options.limits import MAX_BACKTRACKING_POSITIONS, MAX_BACKTRACKING_STEPS
from .automata import Nfa, TooManyStatesError
from .regexes import Builder, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, TypeVar

    Node = TypeVar("Node")

_QUADRATIC = 2
_EXPONENTIAL = 99


@lru_cache(maxsize=64)
def is_slow(regex: re.Pattern[str]) -> bool:
    """Return whether `re` may need more than quadratic time, as far as this can be decided."""
    try:
        tree = parse(regex)
        outside = _power(tree, regex.flags)
        inside = [
            _power(items, regex.flags) + (outside if after_loop else 0)
            for items, after_loop in _assertions(tree, [False])
        ]
    except TooManyStatesError:
        return True
    return max([outside, *inside]) > _QUADRATIC


def _assertions(items: Any, loop: list[bool]) -> Iterator[tuple[Any, bool]]:
    """Yield the part of each look-around, and whether it is tried at more than one place.

    Args:
        loop: one flag, which is set at the first repeat.
    """
    for op, argument in items:
        if op in (constants.ASSERT, constants.ASSERT_NOT):
            yield argument[1], loop[0]
        loop[0] = loop[0] or op in _REPEATS
        for part in _parts(op, argument):
            yield from _assertions(part, loop)


_REPEATS = (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT)


def _parts(op: Any, argument: Any) -> Iterable[Any]:
    if op in _REPEATS:
        return (argument[2],)
    if op is constants.SUBPATTERN:
        return (argument[3],)
    if op is constants.BRANCH:
        return argument[1]  # type: ignore[no-any-return]
    if op in (constants.ASSERT, constants.ASSERT_NOT):
        return (argument[1],)
    if op is constants.ATOMIC_GROUP:
        return (argument,)
    if op is constants.GROUPREF_EXISTS:
        return [part for part in argument[1:] if part is not None]
    return ()


def _power(items: Any, flags: int) -> int:
    """Return the power of the length that limits the time to match: 0 without a loop."""
    nfa = Nfa()
    _Counting(nfa, True, {}).sequence(items, nfa.state(), flags)
    return _Positions(nfa).power()


class _Counting(Builder):
    """A construction that writes out a fixed number of repeats, which divide a text in one way."""

    def repeat(self, least: int, most: Any, items: Any, at: int, flags: int) -> int:
        if least != most:
            if items.getwidth()[1] == 0:
                raise TooManyStatesError  # `re` reads nothing in two ways: `([ab](?!c)?)+`
            return super().repeat(least, most, items, at, flags)
        for _ in range(least):
            before, at = at, self.sequence(items, at, flags)
            if before == at:
                break
        return at


class _Positions:
    """The positions of an expression, each of which reads one character, and what follows each.

    after[p]    the positions that may follow p
    twice       pairs (p, q) where q follows p in several ways
    """

    def __init__(self, nfa: Nfa) -> None:
        edges = [(s, mask, t) for s, out in enumerate(nfa.edges) for mask, t in out]
        if len(edges) > MAX_BACKTRACKING_POSITIONS:
            raise TooManyStatesError
        self.steps = 0
        self.masks = [mask for _, mask, _ in edges]
        free = [[*a, *b, *c] for a, b, c in zip(nfa.free, nfa.at_start, nfa.at_end, strict=True)]
        from_state: list[list[int]] = [[] for _ in nfa.edges]
        for position, (state, _, _) in enumerate(edges):
            from_state[state].append(position)
        self.after: list[list[int]] = []
        self.twice: set[tuple[int, int]] = set()
        for position, (_, _, state) in enumerate(edges):
            ways = {state: 1}
            queue = [state]
            # A state that is reached again passes its positions on again, but only once more.
            for at in queue:
                self.spend()
                for target in free[at]:
                    ways[target] = ways.get(target, 0) + 1
                    if ways[target] <= 2:
                        queue.append(target)
            self.after.append(sorted({p for at in ways for p in from_state[at]}))
            self.twice.update((position, p) for at in ways if ways[at] > 1 for p in from_state[at])
        self.trim()
        self.reached = [self.reach(after, lambda p: self.after[p]) for after in self.after]
        # Each loop is the positions that are reached from each other.
        self.loops = {
            frozenset(q for q in reached if p in self.reached[q])
            for p, reached in enumerate(self.reached)
            if p in reached
        }

    def trim(self) -> None:
        """Remove what follows the last loop, because an expression may have many literals."""
        last = [p for p, after in enumerate(self.after) if not after]
        before: list[list[int]] = [[] for _ in self.after]
        for p, after in enumerate(self.after):
            for q in after:
                before[q].append(p)
        for q in last:
            for p in before[q]:
                self.spend()
                self.after[p].remove(q)
                if not self.after[p]:
                    last.append(p)

    def spend(self) -> None:
        self.steps += 1
        if self.steps > MAX_BACKTRACKING_STEPS:
            raise TooManyStatesError

    def reach(self, start: Iterable[Node], after: Callable[[Node], Iterable[Node]]) -> set[Node]:
        """Return the start and everything that is reached from it."""
        seen = set(start)
        queue = list(seen)
        for node in queue:
            for other in after(node):
                self.spend()
                if other not in seen:
                    seen.add(other)
                    queue.append(other)
        return seen

    def power(self) -> int:
        if not self.loops:
            return 0
        if any(map(self.is_exponential, self.loops)):
            return _EXPONENTIAL
        pairs = [
            (one, other)
            for one in self.loops
            for other in self.loops
            if one is not other and other <= self.reached[min(one)] and self.share(one, other)
        ]
        chained = any(b == c or c <= self.reached[min(b)] for _, b in pairs for c, _ in pairs)
        return 1 + bool(pairs) + chained

    def is_exponential(self, loop: frozenset[int]) -> bool:
        """Return whether a loop can read one word in two ways and come back."""
        if any(p in loop and q in loop for p, q in self.twice):
            return True
        pairs: dict[tuple[int, int], list[tuple[int, int]]] = {}

        def after(pair: tuple[int, int]) -> Iterable[tuple[int, int]]:
            found = [
                (p, q)
                for p in self.after[pair[0]]
                for q in self.after[pair[1]]
                if p in loop and q in loop and self.masks[p] & self.masks[q]
            ]
            for other in found:
                pairs.setdefault(other, []).append(pair)
            return found

        same = [(p, p) for p in loop]
        ahead = self.reach(same, after)
        behind = self.reach(same, lambda pair: pairs.get(pair, ()))
        return any(p != q for p, q in ahead & behind)

    def share(self, one: frozenset[int], other: frozenset[int]) -> bool:
        """Return whether a word leads around each of two loops, and from the first to the other."""

        def after(node: tuple[int, int, int]) -> Iterator[tuple[int, int, int]]:
            for p in one.intersection(self.after[node[0]]):
                for q in other.intersection(self.after[node[2]]):
                    both = self.masks[p] & self.masks[q]
                    if both:
                        for m in self.after[node[1]]:
                            if self.masks[m] & both:
                                yield p, m, q

        return any((p, q, q) in self.reach([(p, p, q)], after) for p in one for q in other)
