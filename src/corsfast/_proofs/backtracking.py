"""Prove that `re` matches every origin in a bounded number of steps.

Only for regexes that no automaton can express. An origin has at most 326 characters, so a number of
steps that grows with the square of its length takes milliseconds, with the cube a tenth of a
second, and exponentially forever: `(a+)+`. A fixed number of choices can be as bad: `(a?){30}`.

A backtracking matcher tries, one after the other, all ways in which the begin of a text can be
read. So its steps are the paths through the automaton of the regex that read the same text.
"""

from __future__ import annotations

import re
from functools import cache
from re import _constants as constants  # type: ignore[attr-defined]

from .._options.limits import MAX_BACKTRACKING, MAX_BACKTRACKING_STEPS, MAX_ORIGIN
from .automata import Nfa, TooManyStatesError, charged, indistinct, limited
from .regexes import Builder, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    # For each state that may follow: from which states, and in how many ways from each.
    Sources = list[tuple[int, int]]
    Ways = dict[int, Sources]


def is_slow(regex: re.Pattern[str]) -> bool:
    """Return whether `re` may take more than `MAX_BACKTRACKING` steps, or this is not provable."""
    return most_steps(regex) > MAX_BACKTRACKING


@charged
def most_steps(regex: re.Pattern[str]) -> int:
    """Return a bound of the steps of `re` for one origin, or one beyond `MAX_BACKTRACKING`."""
    for merging in (False, True):
        try:
            with limited(MAX_BACKTRACKING_STEPS // 2):
                return _steps(parse(regex.pattern, regex.flags), regex.flags, merging)
        except TooManyStatesError:
            pass
    return MAX_BACKTRACKING + 1


class _Counting(Builder):
    """A construction in which a text can be read in as many ways as `re` tries."""

    def __init__(self, nfa: Nfa, merging: bool) -> None:
        super().__init__(nfa, True, {})
        self.merging = merging
        self.cost: dict[int, int] = {}  # the steps of a look-around, by the state after it
        self.known: dict[int, int] = {}  # the same by its place in the regex

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

    def unsupported(self, op: Any, argument: Any, at: int, flags: int) -> int:
        if op is constants.GROUPREF_EXISTS:
            return self.either([part or () for part in argument[1:]], at, flags)
        if op in (constants.ASSERT, constants.ASSERT_NOT):
            end = self.nfa.state()
            self.nfa.free[at].append(end)
            if id(argument) not in self.known:
                self.known[id(argument)] = _steps(argument[1], flags, self.merging)
            self.cost[end] = self.known[id(argument)]
            return end
        return super().unsupported(op, argument, at, flags)


def _steps(items: Any, flags: int, merging: bool) -> int:
    """Return a bound of the steps to match a part of a regex, or one beyond the limit.

    Args:
        merging: whether all sets of states are one, because `.*a.{12}` has 4,096 of them. The bound
            is then higher.
    """
    nfa = Nfa()
    start = nfa.state()
    builder = _Counting(nfa, merging)
    builder.sequence(items, start, flags)
    free = [[*a, *b, *c] for a, b, c in zip(nfa.free, nfa.at_start, nfa.at_end, strict=True)]
    characters = indistinct(mask for edges in nfa.edges for mask, _ in edges)

    @cache
    def after(state: int) -> tuple[int, dict[tuple[int, int], int]]:
        """Return the number of steps before the next character, and the ways to read it."""
        ways: dict[tuple[int, int], int] = {}
        queue = [state]
        for at in queue:  # a state is in it once for each way, and forever for `(a*)*`
            nfa.spend(2 + len(free[at]) + len(nfa.edges[at]))
            queue += free[at]
            for edge in nfa.edges[at]:
                ways[edge] = ways.get(edge, 0) + 1
        return len(queue) + sum(builder.cost.get(at, 0) for at in queue), ways

    @cache
    def read(
        states: frozenset[int],
    ) -> tuple[int, dict[int, int], list[tuple[frozenset[int], list[tuple[int, Sources]]]]]:
        """Return the states that may follow, for each character with the most of them.

        The number is how many steps of this proof it takes to count the ways to them. The dict has
        the steps of `re` in each of these states.
        """
        found: dict[frozenset[int], Ways] = {}
        for character in characters:
            into: Ways = {}
            for state in states:
                _, edges = after(state)
                nfa.spend(1 + len(edges))
                for (mask, target), ways in edges.items():
                    if mask & character:
                        into.setdefault(target, []).append((state, ways))
            nfa.spend(3 + len(into))
            if into:
                found[frozenset(into)] = into
        if merging:
            into = {target: sources for each in found.values() for target, sources in each.items()}
            largest = [(frozenset(into), into)] if into else []
        else:
            nfa.spend(len(found) * len(found))
            largest = [item for item in found.items() if not any(item[0] < s for s in found)]
        size = len(states) + sum(2 * len(into) for _, into in largest)
        size += sum(len(sources) for _, into in largest for sources in into.values())
        costs = {state: after(state)[0] for state in states}
        return 3 + size // 7, costs, [(following, [*into.items()]) for following, into in largest]

    # All sets of states in which a text of this length may end, and how many ways lead to each.
    ends = {frozenset([start]): {start: 1}}
    steps = 0
    for _ in range(MAX_ORIGIN + 1):
        if not ends:
            break
        most_here = 0
        longer: dict[frozenset[int], dict[int, int]] = {}
        for states, ways in ends.items():
            work, costs, largest = read(states)
            nfa.spend(work)
            here = 0
            for state, n in ways.items():
                here += n * costs[state]
            most_here = max(most_here, here)
            for following, into in largest:
                most = longer.setdefault(following, {})
                for target, sources in into:
                    n = 0
                    for state, each in sources:
                        n += ways[state] * each
                    if n > most.get(target, 0):
                        most[target] = n
        steps += most_here
        if steps > MAX_BACKTRACKING:
            break
        ends = longer
    return steps
