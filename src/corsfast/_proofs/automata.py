"""Finite automata over the bytes of an origin: construction, set operations, minimization, search.

    Nfa --subset construction--> Dfa --intersect, subtract, unite--> Dfa --tabulate--> Automaton

The alphabet is the 72 characters that an origin can contain. Sets of characters are bit masks
(int) over it. A Dfa has one column for each class of characters that it does not distinguish.

    rows[state][class] is the next state, or DEAD, from which nothing is ever accepted
    classes[symbol] is the class of ALPHABET[symbol];  state 0 is the start

Requests do not run this code: the engines run the table of an Automaton.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import lru_cache, wraps
from threading import local

from .._options.limits import MAX_AUTOMATON_STATES, MAX_AUTOMATON_STEPS
from .._options.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
    from typing import TypeVar

    State = TypeVar("State", bound=Hashable)
    Given = TypeVar("Given", bound=Hashable)
    Made = TypeVar("Made")


class Dfa(NamedTuple):
    """A DFA without dead states. Without rows it accepts nothing."""

    classes: tuple[int, ...]
    rows: list[tuple[int, ...]]
    accepting: list[bool]


class Automaton(NamedTuple):
    """A Dfa in the form that the engines run.

    ``class_of[byte]`` is a column. A state is the offset of its row in ``table``. The next
    state is ``table[state + class_of[byte]]``; 0 is dead. ``table[state + 1]`` is 1 if the
    state accepts. ``http`` and ``https`` are the states after ``http://`` and ``https://``;
    the engine runs the host and port from there. It runs an origin of another scheme as a
    whole, from ``start``.
    """

    class_of: bytes
    table: tuple[int, ...]
    width: int
    start: int
    http: int
    https: int


# The order in which shortest words are searched. Letters come first because they make readable
# examples. The characters at the end occur only in origins of schemes other than http and https.
NOT_IN_WEB_ORIGINS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ+~%"
ALPHABET = "eabcdfghijklmnopqrstuvwxyz0123456789-_.:/[]" + NOT_IN_WEB_ORIGINS
SYMBOL = {character: i for i, character in enumerate(ALPHABET)}
EVERYTHING = (1 << len(ALPHABET)) - 1
DEAD = -1

# The columns of a table that are not classes.
DEAD_COLUMN = 0
ACCEPTING_COLUMN = 1
FIRST_COLUMN = 2


class TooManyStatesError(Exception):
    """An error for an automaton that would exceed a limit on states or steps."""


class OutOfStepsError(Exception):
    """An error for operations that end because of a limit around their own one."""


class _Work(local):
    """The work that this thread may still do within `limited`, in steps."""

    UNLIMITED = 1 << 62
    left = UNLIMITED

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise TooManyStatesError


_work = _Work()


def spend(steps: int) -> None:
    """Count steps of another module, and raise TooManyStatesError at the limit."""
    _work.spend(steps)


def steps_left() -> int:
    """Return the steps that this thread may still take."""
    return _work.left


@contextmanager
def limited(steps: int) -> Iterator[None]:
    """Raise TooManyStatesError if the operations within take more steps than this.

    A step takes about a quarter of a microsecond: an entry of a row, or a state of a set. Steps
    count towards the limits around this one as well.

    Raises:
        OutOfStepsError: at a limit around this one, so that no result is taken for that of the
            operations within.
    """
    before = _work.left
    given = _work.left = min(steps, before)
    try:
        yield
    except OutOfStepsError:  # the limit around the inner operations is this one
        raise TooManyStatesError from None
    finally:
        _work.left += before - given
        if _work.left < 0:
            raise OutOfStepsError


@contextmanager
def unlimited() -> Iterator[None]:
    """Count no steps of the operations within."""
    before, _work.left = _work.left, _Work.UNLIMITED
    try:
        yield
    finally:
        _work.left = before


def charged(make: Callable[[Given], Made]) -> Callable[[Given], Made]:
    """Decorate a function with a cache. Each call costs the steps that the first one took.

    So whether a limit is reached does not depend on earlier calls.
    """

    @lru_cache(maxsize=64)
    def counted(given: Given) -> tuple[Made, int]:
        before = _work.left
        return make(given), before - _work.left

    @wraps(make)
    def called(given: Given) -> Made:
        before = _work.left
        made, steps = counted(given)
        _work.left = before
        _work.spend(steps)
        return made

    return called


def mask_of(characters: Iterable[str]) -> int:
    """Return the set of those characters that are in the alphabet."""
    mask = 0
    for character in characters:
        if character in SYMBOL:
            mask |= 1 << SYMBOL[character]
    return mask


# -- NFA -------------------------------------------------------------------------------------


class Nfa:
    """A nondeterministic automaton under construction.

    ``edges[state]`` holds pairs (set of characters, next state). ``free[state]`` holds the states
    that are reached without a character. ``at_start`` and ``at_end`` hold the states that are
    reached without a character only at the start or the end of the word (``^`` and ``$``).
    """

    def __init__(self) -> None:
        self.edges: list[list[tuple[int, int]]] = []
        self.free: list[list[int]] = []
        self.at_start: list[list[int]] = []
        self.at_end: list[list[int]] = []
        self.steps = 0

    def spend(self, steps: int, work: int = 0) -> None:
        """Count steps, because the number of states alone does not limit the time."""
        self.steps += steps
        _work.spend(work or steps)
        if self.steps > MAX_AUTOMATON_STEPS:
            raise TooManyStatesError

    def state(self) -> int:
        if len(self.edges) >= MAX_AUTOMATON_STATES * 4:
            raise TooManyStatesError
        for lists in (self.edges, self.free, self.at_start, self.at_end):
            lists.append([])
        _work.spend(7)
        return len(self.edges) - 1

    def embed(self, dfa: Dfa, start: int) -> int:
        """Append a Dfa after a state; return the state that follows its accepted words."""
        end = self.state()
        states = [self.state() for _ in dfa.rows]
        members = _members(dfa.classes)
        for state, row, accepting in zip(states, dfa.rows, dfa.accepting, strict=True):
            _work.spend(len(row) // 2)
            for column, target in enumerate(row):
                if target != DEAD:
                    self.edges[state].append((members[column], states[target]))
            if accepting:
                self.free[state].append(end)
        if states:
            self.free[start].append(states[0])
        return end


def _members(classes: Sequence[int]) -> list[int]:
    members = [0] * (max(classes) + 1)
    for symbol, column in enumerate(classes):
        members[column] |= 1 << symbol
    return members


def determinise(nfa: Nfa, start: int, end: int, *, slack: int = 1) -> Dfa:
    """Return the Dfa for the words that lead from start to end; it is not minimal.

    Raises:
        TooManyStatesError: if the Dfa would exceed the limit.
    """
    masks = {mask for edges in nfa.edges for mask, _ in edges}
    classes = _classes(masks)
    members = _members(classes)
    _work.spend(len(masks) * len(members) // 4)
    columns = {
        mask: [column for column, member in enumerate(members) if mask & member] for mask in masks
    }
    moves = [
        [(column, target) for mask, target in edges for column in columns[mask]]
        for edges in nfa.edges
    ]
    _work.spend(len(moves) + sum(map(len, moves)) // 4)
    closures: dict[int, frozenset[int]] = {}

    def step(key: tuple[frozenset[int], bool]) -> Iterator[tuple[int, tuple[frozenset[int], bool]]]:
        states, _ = key
        reached: dict[int, set[int]] = {}
        size, work = len(states), len(states)
        for state in states:
            for column, target in moves[state]:
                if target not in closures:
                    alone = frozenset((target,))
                    closures[target] = _closure(nfa, alone) if nfa.free[target] else alone
                size += len(closures[target])
                work += 1 + (len(closures[target]) >> 4)
                reached.setdefault(column, set()).update(closures[target])
        nfa.spend(size, work)
        return ((column, (frozenset(reached[column]), False)) for column in sorted(reached))

    has_ends = any(nfa.at_end)

    def accepts(key: tuple[frozenset[int], bool]) -> bool:
        states, at_start = key
        if has_ends:
            states = _closure(nfa, states, nfa.at_end, *[nfa.at_start] * at_start)
        return end in states

    # The start differs from an equal set of states later on, because `^` holds only at the start.
    first = (_closure(nfa, [start], nfa.at_start), True)
    return _trim(_explore(classes, first, step, accepts, MAX_AUTOMATON_STATES * slack))


def _explore(
    classes: tuple[int, ...],
    start: State,
    step: Callable[[State], Iterable[tuple[int, State]]],
    accepts: Callable[[State], bool],
    limit: int,
) -> Dfa:
    """Return the Dfa of the states that are reached from a start, numbered breadth first.

    Args:
        step: returns the classes that do not lead to the dead state, each with the next state.

    Raises:
        TooManyStatesError: if there are more states than the limit.
    """
    index = {start: 0}
    queue = [start]
    rows, accepting = [], []
    dead = [DEAD] * (max(classes) + 1)
    for state in queue:
        row = dead.copy()
        for column, target in step(state):
            if target not in index:
                if len(index) >= limit:
                    raise TooManyStatesError
                index[target] = len(index)
                queue.append(target)
            row[column] = index[target]
        rows.append(tuple(row))
        accepting.append(accepts(state))
        _work.spend(4 + len(row) // 8 + len(row) - row.count(DEAD))
    return Dfa(classes, rows, accepting)


def _closure(nfa: Nfa, states: Iterable[int], *more: list[list[int]]) -> frozenset[int]:
    """Return all states that are reached without a character."""
    seen = set(states)
    stack = list(seen)
    while stack:
        state = stack.pop()
        for kind in (nfa.free, *more):
            for target in kind[state]:
                if target not in seen:
                    seen.add(target)
                    stack.append(target)
    nfa.spend(len(seen), 1 + 2 * len(seen))
    return frozenset(seen)


def leads_to(nfa: Nfa, start: int, end: int, word: Sequence[int]) -> bool:
    """Return whether a word, each character as a set, leads from start to end."""
    states = _closure(nfa, [start], nfa.at_start)
    for character in word:
        targets = [each for at in states for mask, each in nfa.edges[at] if mask & character]
        states = _closure(nfa, targets)
    return end in _closure(nfa, states, nfa.at_end, *[nfa.at_start] * (not word))


def indistinct(masks: Iterable[int]) -> list[int]:
    """Return the largest sets of characters that no mask distinguishes."""
    parts = [EVERYTHING]
    for mask in set(masks):
        _work.spend(len(parts) // 2)
        parts = [part for old in parts for part in (old & mask, old & ~mask) if part]
    return sorted(parts, key=lambda part: part & -part)


def _classes(masks: Iterable[int]) -> tuple[int, ...]:
    """Give characters the same class if no mask distinguishes them."""
    classes = [0] * len(ALPHABET)
    for column, part in enumerate(indistinct(masks)):
        for symbol in range(len(ALPHABET)):
            if part >> symbol & 1:
                classes[symbol] = column
    return tuple(classes)


# -- DFA -------------------------------------------------------------------------------------

NOTHING = Dfa((0,) * len(ALPHABET), [], [])


def minimise(dfa: Dfa) -> Dfa:
    """Return the smallest Dfa for the same words; its states are numbered breadth first."""
    dfa = _trim(dfa)
    if not dfa.rows:
        return NOTHING
    return _merge_columns(_renumber(dfa, _equal_states(dfa)))


def _equal_states(dfa: Dfa) -> list[int]:
    """Return a number for each state, the same for states that no word distinguishes.

    Hopcroft, "An n log n algorithm for minimizing states in a finite automaton" (1971): split
    blocks of states by whether they step into a given block, the smaller half first. Steps to DEAD
    are left out, as in Valmari and Lehtinen, "Efficient minimization of DFAs with partial
    transition functions" (2008).
    """
    _work.spend(3 * len(dfa.rows))
    sources: list[dict[int, list[int]]] = [{} for _ in dfa.rows]
    for state, row in enumerate(dfa.rows):
        for column, target in _live(row):
            sources[target].setdefault(column, []).append(state)
    accepting = {state for state, accepts in enumerate(dfa.accepting) if accepts}
    blocks = [accepting, set(range(len(dfa.rows))) - accepting]
    block_of = [0 if accepts else 1 for accepts in dfa.accepting]
    waiting = {0, 1}
    while waiting:
        into: dict[int, list[int]] = {}
        for target in blocks[waiting.pop()]:
            for column, states in sources[target].items():
                into.setdefault(column, []).extend(states)
        for states in into.values():
            _work.spend(2 + len(states))
            touched: dict[int, set[int]] = {}
            for state in states:
                touched.setdefault(block_of[state], set()).add(state)
            for block, part in touched.items():
                rest = len(blocks[block]) - len(part)
                if not rest:
                    continue
                blocks[block] -= part
                blocks.append(part)
                new = len(blocks) - 1
                for state in part:
                    block_of[state] = new
                if block in waiting or len(part) <= rest:
                    waiting.add(new)
                else:
                    waiting.add(block)
    return block_of


def _trim(dfa: Dfa) -> Dfa:
    """Return the Dfa without the states from which no accepting state is reached.

    The other states keep their order, so they stay numbered breadth first.
    """
    live = steps_to(dfa, [state for state, accepts in enumerate(dfa.accepting) if accepts])
    if 0 not in live:
        return NOTHING
    if len(live) == len(dfa.rows):
        return dfa
    number = [DEAD] * (len(dfa.rows) + 1)  # row DEAD is -1, the last one
    for new, state in enumerate(sorted(live)):
        number[state] = new
    rows = [tuple([number[target] for target in dfa.rows[state]]) for state in sorted(live)]
    return Dfa(dfa.classes, rows, [dfa.accepting[state] for state in sorted(live)])


def _live(row: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return the columns of a row that do not lead to DEAD, each with the next state."""
    return [(column, target) for column, target in enumerate(row) if target != DEAD]


def steps_to(dfa: Dfa, goals: Iterable[int]) -> dict[int, int]:
    """Return how many characters it takes to the nearest goal, for each state that leads to one."""
    sources: dict[int, list[int]] = {}
    for state, row in enumerate(dfa.rows):
        _work.spend(4 + len(row) // 8)
        for target in set(row):
            sources.setdefault(target, []).append(state)
    steps = dict.fromkeys(goals, 0)
    queue = list(steps)
    for state in queue:
        for source in sources.get(state, ()):
            if source not in steps:
                steps[source] = steps[state] + 1
                queue.append(source)
    return steps


def _renumber(dfa: Dfa, part: list[int]) -> Dfa:
    """Return a Dfa with one state for each part that the start reaches, breadth first."""
    member = {number: state for state, number in enumerate(part)}
    return _explore(
        dfa.classes,
        part[0],
        lambda number: [
            (column, part[target]) for column, target in _live(dfa.rows[member[number]])
        ],
        lambda number: dfa.accepting[member[number]],
        len(part),
    )


def _merge_columns(dfa: Dfa) -> Dfa:
    """Merge the classes that no state distinguishes into one column."""
    if not dfa.rows:
        return NOTHING
    _work.spend(len(dfa.rows) * len(dfa.rows[0]) // 32)
    columns: dict[tuple[int, ...], int] = {}
    renamed = [columns.setdefault(column, len(columns)) for column in zip(*dfa.rows, strict=True)]
    rows = list(zip(*columns, strict=True))
    return Dfa(tuple(renamed[column] for column in dfa.classes), rows, dfa.accepting)


def unite(dfas: Iterable[Dfa]) -> Dfa:
    """Return the minimal Dfa for the words that any Dfa accepts. Raises TooManyStatesError."""
    nfa = Nfa()
    start, end = nfa.state(), nfa.state()
    for dfa in dfas:
        nfa.free[nfa.embed(dfa, start)].append(end)
    return smallest(nfa, start, end)


def smallest(nfa: Nfa, start: int, end: int) -> Dfa:
    """Return the minimal Dfa for the words of patterns that were united.

    Raises:
        TooManyStatesError: if the Dfa would exceed the limit.
    """
    # Patterns have much in common, so most states are equal.
    dfa = minimise(determinise(nfa, start, end, slack=4))
    if len(dfa.rows) > MAX_AUTOMATON_STATES:
        raise TooManyStatesError
    return dfa


def intersect(a: Dfa, b: Dfa) -> Dfa:
    """Return the words that both accept; not minimal. Raises TooManyStatesError."""
    return _combine(a, b, within=True)


def subtract(a: Dfa, b: Dfa) -> Dfa:
    """Return the words that a accepts and b does not; not minimal. Raises TooManyStatesError."""
    return _combine(a, b, within=False)


def _combine(a: Dfa, b: Dfa, *, within: bool) -> Dfa:
    """Run both at once. A word is accepted if a accepts it and b does (`within`) or does not."""
    signatures = list(zip(a.classes, b.classes, strict=True))
    columns = {signature: i for i, signature in enumerate(dict.fromkeys(signatures))}
    # For each column of a: the new columns that it is split into, each with the column of b.
    split: dict[int, list[tuple[int, int]]] = {}
    for (column_a, column_b), column in columns.items():
        split.setdefault(column_a, []).append((column, column_b))
    if not a.rows or (within and not b.rows):
        return NOTHING
    # The row of DEAD (-1) is the last one and leads nowhere.
    rows_b = [*b.rows, (DEAD,) * (max(b.classes) + 1)]
    accepting_b = [*b.accepting, False]
    # In these states of b, the result accepts no more words: b accepts none (`within`), or all.
    ends = {DEAD}
    if not within:
        ends = {i for i, row in enumerate(b.rows) if {*row} == {i} and b.accepting[i]}

    def step(states: tuple[int, int]) -> list[tuple[int, tuple[int, int]]]:
        row_b = rows_b[states[1]]
        return sorted(
            (column, (target, row_b[column_b]))
            for column_a, target in _live(a.rows[states[0]])
            for column, column_b in split[column_a]
            if row_b[column_b] not in ends
        )

    def accepts(states: tuple[int, int]) -> bool:
        return a.accepting[states[0]] and accepting_b[states[1]] is within

    classes = tuple(columns[signature] for signature in signatures)
    start = (0, 0 if b.rows else DEAD)
    # The classes of both Dfas differ in more than the words do.
    return _merge_columns(_trim(_explore(classes, start, step, accepts, MAX_AUTOMATON_STATES)))


def passed(nfa: Nfa, start: int, end: int, dfa: Dfa) -> set[int]:
    """Return the states of an Nfa that words of a Dfa pass on the way from start to end.

    The Dfa must have no word that leads back to its start. Raises TooManyStatesError.
    """
    members = _members(dfa.classes)
    steps = [
        [(members[column], target) for column, target in enumerate(row) if target != DEAD]
        for row in dfa.rows
    ]
    # (state of the Nfa, state of the Dfa, whether the word must end here)
    before: dict[tuple[int, int, bool], list[tuple[int, int, bool]]] = {(start, 0, False): []}
    queue = list(before)
    for node in queue:
        state, at, ended = node
        after = [(target, at, ended) for target in nfa.free[state]]
        after += [(target, at, ended) for target in nfa.at_start[state] if at == 0]
        after += [(target, at, True) for target in nfa.at_end[state]]
        edges = [] if ended else nfa.edges[state]
        for mask, target in edges:
            after += [(target, to, False) for member, to in steps[at] if mask & member]
        nfa.spend(4 + 3 * len(after) + len(edges) * (2 + len(steps[at]) // 4))
        for other in after:
            if other not in before:
                before[other] = []
                queue.append(other)
            before[other].append(node)
    queue = [node for node in before if node[0] == end and dfa.accepting[node[1]]]
    seen = set(queue)
    for node in queue:
        for other in before[node]:
            if other not in seen:
                seen.add(other)
                queue.append(other)
    return {state for state, _, _ in seen}


# -- queries ---------------------------------------------------------------------------------


def run(dfa: Dfa, word: str, state: int = 0) -> int:
    """Return the state after a word, or DEAD."""
    if not dfa.rows:
        return DEAD
    for character in word:
        if state == DEAD or character not in SYMBOL:
            return DEAD
        state = dfa.rows[state][dfa.classes[SYMBOL[character]]]
    return state


def accepts(dfa: Dfa, word: str) -> bool:
    state = run(dfa, word)
    return state != DEAD and dfa.accepting[state]


def shortest_words(dfa: Dfa, start: int = 0) -> Iterator[str]:
    """Yield for each accepting state a shortest word that leads there, shortest first."""
    return (word for state, word in reached(dfa, start) if dfa.accepting[state])


def reached(dfa: Dfa, start: int = 0) -> Iterator[tuple[int, str]]:
    """Yield each state that is reached with a shortest word that leads there, shortest first."""
    if not dfa.rows:
        return
    words = {start: ""}
    queue = [start]
    representatives = first_characters(dfa)
    for state in queue:
        yield state, words[state]
        _work.spend(len(representatives) // 2)
        for character, column in representatives:
            target = dfa.rows[state][column]
            if target != DEAD and target not in words:
                words[target] = words[state] + character
                queue.append(target)


def first_characters(dfa: Dfa) -> list[tuple[str, int]]:
    """Return the first character of each class with its column, in the order of the alphabet."""
    first: dict[int, str] = {}
    for character, column in zip(ALPHABET, dfa.classes, strict=True):
        first.setdefault(column, character)
    return [(character, column) for column, character in first.items()]


def tabulate(dfa: Dfa) -> Automaton:
    """Write a Dfa as one table, in the form that the engines run. Row 0 is the dead state."""
    width = FIRST_COLUMN + len(dfa.rows[0])
    class_of = bytearray([DEAD_COLUMN]) * 256
    for character, column in zip(ALPHABET, dfa.classes, strict=True):
        class_of[ord(character)] = FIRST_COLUMN + column
    table = [0] * width
    for row, accepting in zip(dfa.rows, dfa.accepting, strict=True):
        table += [0, int(accepting), *[(target + 1) * width for target in row]]
    start, http, https = ((run(dfa, text) + 1) * width for text in ("", "http://", "https://"))
    return Automaton(bytes(class_of), tuple(table), width, start, http, https)
