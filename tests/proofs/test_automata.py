"""Automata against brute force: every word up to a length, over a small part of the alphabet."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from corsfast._options.limits import MAX_AUTOMATON_STATES
from corsfast._proofs import automata
from corsfast._proofs.automata import (
    ACCEPTING_COLUMN,
    ALPHABET,
    DEAD,
    DEAD_COLUMN,
    EVERYTHING,
    FIRST_COLUMN,
    NOT_IN_WEB_ORIGINS,
    NOTHING,
    SYMBOL,
    Automaton,
    Dfa,
    Nfa,
    OutOfStepsError,
    TooManyStatesError,
    accepts,
    charged,
    determinise,
    first_characters,
    intersect,
    limited,
    mask_of,
    minimise,
    run,
    shortest_words,
    spend,
    steps_left,
    subtract,
    tabulate,
    unite,
)
from corsfast._proofs.regexes import compile_regex

LETTERS = "ab."
WORDS = ["".join(word) for n in range(8) for word in itertools.product(LETTERS, repeat=n)]

EXPRESSIONS = [
    "",
    "a",
    "a*",
    "(a|b)*",
    "[ab.]*",
    "a(a|b)*b",
    "(ab|ba)+",
    "(a|b)*abb",
    r"(a+\.)+b?",
    r"a?b?\.?a?b?\.?",
    "a{2,4}",
    "(aa)*|(bbb)*",
    r"[^a]*a[^a]*",
    r"((a|b){3})*\.",
    "a$|b",
    "$^",
    "(?:$^)?a",
    "x",
    "a(x|y)b|ab",
    r"(a*b*)*\.(a|b\.)*",
    "(a|b)*a(a|b){2}",
]


def dfa_of(expression: str) -> Dfa:
    return compile_regex(re.compile(expression))


def words_of(dfa: Dfa) -> list[str]:
    return [word for word in WORDS if accepts(dfa, word)]


def check(dfa: Dfa) -> None:
    """Check what the head of automata.py promises of every Dfa."""
    assert len(dfa.classes) == len(ALPHABET)
    assert len(dfa.rows) == len(dfa.accepting)
    if not dfa.rows:
        assert dfa == NOTHING
        return
    width = max(dfa.classes) + 1
    assert set(dfa.classes) == set(range(width))
    reached = {0}
    queue = [0]
    for state in queue:
        assert len(dfa.rows[state]) == width
        for target in dfa.rows[state]:
            assert target == DEAD or 0 <= target < len(dfa.rows)
            if target != DEAD and target not in reached:
                reached.add(target)
                queue.append(target)
    assert queue == list(range(len(dfa.rows)))  # all states, numbered breadth first
    live = {state for state in queue if dfa.accepting[state]}
    for _ in queue:
        live |= {state for state in queue if live & set(dfa.rows[state])}
    assert live == reached  # no state is dead


def check_minimal(dfa: Dfa) -> None:
    """Check that a word distinguishes any two states and any two columns (Moore's algorithm)."""
    check(dfa)
    if not dfa.rows:
        return
    part: list[object] = list(dfa.accepting)
    for _ in dfa.rows:
        seen: dict[object, int] = {}
        step = [
            (part[state], *(DEAD if target == DEAD else part[target] for target in row))
            for state, row in enumerate(dfa.rows)
        ]
        part = [seen.setdefault(key, len(seen)) for key in step]
    assert len(set(part)) == len(dfa.rows)
    columns = list(zip(*dfa.rows, strict=True))
    assert len(set(columns)) == len(columns)


# -- languages -------------------------------------------------------------------------------


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_compiled(expression: str) -> None:
    dfa = dfa_of(expression)
    check(dfa)
    assert words_of(dfa) == [word for word in WORDS if re.fullmatch(expression, word)]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_minimal(expression: str) -> None:
    dfa = dfa_of(expression)
    small = minimise(dfa)
    check_minimal(small)
    assert words_of(small) == words_of(dfa)
    assert minimise(small) == small


@pytest.mark.parametrize(
    ("one", "other"),
    [("(ab)*", "(?:(?:a)(?:b))*"), ("a|b", "[ab]"), ("aa*", "a+"), ("(a*b*)*", "(a|b)*")],
)
def test_equal_languages_are_equal_automata(one: str, other: str) -> None:
    assert minimise(dfa_of(one)) == minimise(dfa_of(other))


@pytest.mark.parametrize(
    ("operation", "both"),
    [
        (intersect, lambda in_a, in_b: in_a and in_b),
        (subtract, lambda in_a, in_b: in_a and not in_b),
        (lambda a, b: unite([a, b]), lambda in_a, in_b: in_a or in_b),
    ],
    ids=["intersect", "subtract", "unite"],
)
@pytest.mark.parametrize("minimal", [False, True])
def test_combined(
    operation: Callable[[Dfa, Dfa], Dfa], both: Callable[[bool, bool], bool], minimal: bool
) -> None:
    dfas = [minimise(dfa) if minimal else dfa for dfa in map(dfa_of, EXPRESSIONS)]
    sets = [set(words_of(dfa)) for dfa in dfas]
    for (a, in_a), (b, in_b) in itertools.product(zip(dfas, sets, strict=True), repeat=2):
        combined = operation(a, b)
        check(combined)
        assert words_of(combined) == [w for w in WORDS if both(w in in_a, w in in_b)]


def test_unite_is_minimal() -> None:
    together = unite(map(dfa_of, EXPRESSIONS))
    check_minimal(together)
    assert words_of(together) == [
        word for word in WORDS if any(re.fullmatch(e, word) for e in EXPRESSIONS)
    ]
    assert unite([]) == NOTHING
    assert unite([NOTHING, NOTHING]) == NOTHING
    assert unite([dfa_of("a+"), NOTHING]) == minimise(dfa_of("a+"))


def test_random_automata() -> None:
    """Random tables, which no expression would give, keep their language when combined."""
    random = Random(11)
    classes = [3] * len(ALPHABET)
    for i, letter in enumerate(LETTERS):
        classes[SYMBOL[letter]] = i
    made = []
    for _ in range(120):
        n = random.randint(1, 9)
        rows = [(*(random.randint(-1, n - 1) for _ in LETTERS), DEAD) for _ in range(n)]
        raw = Dfa(tuple(classes), rows, [random.random() < 0.4 for _ in range(n)])
        small = minimise(raw)
        check_minimal(small)
        assert words_of(small) == words_of(raw)
        made.append(small)
    for a, b in itertools.pairwise(made):
        in_a, in_b = set(words_of(a)), set(words_of(b))
        assert set(words_of(subtract(a, b))) == in_a - in_b
        assert set(words_of(intersect(a, b))) == in_a & in_b
        assert set(words_of(unite([a, b]))) == in_a | in_b


# -- words -----------------------------------------------------------------------------------


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_shortest_words(expression: str) -> None:
    """There is one word for each accepting state, the shortest, and they are sorted by length."""
    dfa = minimise(dfa_of(expression))
    found = list(shortest_words(dfa))
    assert [len(word) for word in found] == sorted(map(len, found))
    assert [run(dfa, word) for word in found] == list(
        dict.fromkeys(run(dfa, word) for word in found)
    )
    if dfa.rows:
        assert {run(dfa, word) for word in found} == {
            state for state, accepting in enumerate(dfa.accepting) if accepting
        }
    for word in found:
        state = run(dfa, word)
        assert not [w for w in WORDS if len(w) < len(word) and run(dfa, w) == state]


def test_shortest_words_from_within() -> None:
    dfa = minimise(dfa_of(r"ab(c|de)\.?"))
    assert list(shortest_words(dfa, run(dfa, "ab"))) == ["c", "c."]
    assert list(shortest_words(NOTHING)) == []


def test_run() -> None:
    dfa = minimise(dfa_of("ab+"))
    assert run(dfa, "") == 0
    assert run(dfa, "b") == DEAD
    assert run(dfa, "A") == DEAD
    assert run(dfa, "ab\n") == DEAD
    assert run(dfa, "b" * 9, run(dfa, "a")) == run(dfa, "ab")
    assert run(NOTHING, "") == DEAD
    assert accepts(dfa, "ab" + "b" * 200_000)
    assert not accepts(dfa, "a")
    assert not accepts(NOTHING, "")


def test_alphabet() -> None:
    assert len(set(ALPHABET)) == len(ALPHABET) == 72
    web = "abcdefghijklmnopqrstuvwxyz0123456789-_.:/[]"
    assert set(ALPHABET) == set(web + "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + "+~%")
    assert set(ALPHABET) - set(NOT_IN_WEB_ORIGINS) == set(web)
    assert mask_of(ALPHABET) == EVERYTHING
    assert mask_of("") == mask_of("!@\x00\u017f") == 0
    assert mask_of("b") | mask_of("a") == mask_of("ab")


def test_first_characters() -> None:
    dfa = minimise(dfa_of("[a-e]x|[0-9]y"))
    assert [c for c, _ in first_characters(dfa)] == ["e", "f", "x", "y", "0"]
    assert [column for _, column in first_characters(dfa)] == sorted(set(dfa.classes))


# -- nondeterministic automata ---------------------------------------------------------------


def test_conditions_hold_where_they_say() -> None:
    """`^` holds only before the first character and `$` only after the last, in any order."""
    nfa = Nfa()
    start, middle, end = nfa.state(), nfa.state(), nfa.state()
    nfa.edges[start].append((mask_of("a"), start))
    nfa.at_start[start].append(middle)
    nfa.edges[middle].append((mask_of("b"), middle))
    nfa.at_end[middle].append(end)
    assert words_of(determinise(nfa, start, end)) == [w for w in WORDS if set(w) <= {"b"}]


def test_the_start_is_a_separate_state() -> None:
    """The set of states at the start is another state when reached later: `^` has passed."""
    assert words_of(dfa_of("(?:^b|a)*")) == [w for w in WORDS if re.fullmatch("(?:^b|a)*", w)]


def test_embed() -> None:
    nfa = Nfa()
    start = nfa.state()
    end = nfa.embed(dfa_of("(ab)+"), nfa.embed(dfa_of("a*"), start))
    dfa = determinise(nfa, start, end)
    assert words_of(dfa) == [w for w in WORDS if re.fullmatch("a*(ab)+", w)]
    nfa = Nfa()
    start = nfa.state()
    assert determinise(nfa, start, nfa.embed(NOTHING, start)) == NOTHING


# -- limits ----------------------------------------------------------------------------------


def test_too_many_states() -> None:
    with pytest.raises(TooManyStatesError):
        dfa_of("(a|b)*a(a|b){12}")
    with pytest.raises(TooManyStatesError):
        dfa_of("a{20000}")
    one, other, third = (minimise(dfa_of(f"(?:a{{{n}}})*")) for n in (61, 59, 53))
    both = intersect(one, other)
    assert len(both.rows) == 61 * 59 <= MAX_AUTOMATON_STATES
    with pytest.raises(TooManyStatesError):
        intersect(both, third)
    with pytest.raises(TooManyStatesError):
        subtract(both, third)
    with pytest.raises(TooManyStatesError):
        unite([one, other, third])


@pytest.mark.parametrize("limit", [4, 5, 6, 7])
def test_limit_of_products(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """The product of the automata for multiples of two and of three has six states."""
    two, three = (minimise(dfa_of(f"(?:a{{{n}}})*")) for n in (2, 3))
    monkeypatch.setattr(automata, "MAX_AUTOMATON_STATES", limit)
    if limit >= 6:
        assert len(intersect(two, three).rows) == 6
    else:
        with pytest.raises(TooManyStatesError):
            intersect(two, three)


@pytest.mark.parametrize("limit", [5, 6, 7, 8])
def test_limit_is_exact(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """`a{6}` has seven states."""
    monkeypatch.setattr(automata, "MAX_AUTOMATON_STATES", limit)
    if limit >= 7:
        assert len(dfa_of("a{6}").rows) == 7
    else:
        with pytest.raises(TooManyStatesError):
            dfa_of("a{6}")


# -- the table -------------------------------------------------------------------------------


def run_table(automaton: Automaton, scheme: str, rest: str) -> bool:
    state = getattr(automaton, scheme)
    for character in rest:
        state = automaton.table[state + automaton.class_of[ord(character)]]
    return automaton.table[state + ACCEPTING_COLUMN] == 1


@pytest.mark.parametrize(
    "expression",
    ["https://[ab.]+", "http://a*", "https?://(ab)+", ".*", "http://a|https://b", "ftp://a"],
)
def test_table(expression: str) -> None:
    automaton = tabulate(minimise(dfa_of(expression)))
    width, table = automaton.width, automaton.table
    # The rules for the table in corsfast.h.
    assert len(table) % width == 0
    assert set(table[:width]) == {0}
    assert len(automaton.class_of) == 256
    for place, entry in enumerate(table):
        if place % width == DEAD_COLUMN:
            assert entry == 0
        elif place % width == ACCEPTING_COLUMN:
            assert entry in (0, 1)
        else:
            assert entry % width == 0
            assert entry < len(table)
    for byte, column in enumerate(automaton.class_of):
        if chr(byte) in ALPHABET:
            assert FIRST_COLUMN <= column < width
        else:
            assert column == DEAD_COLUMN
    for scheme, prefix in (("http", "http://"), ("https", "https://"), ("start", "")):
        for word in [*WORDS, "ab\n", "A", "a\xff", "a/", "a:", "ftp://a"]:
            wanted = set(word) <= set(ALPHABET) and re.fullmatch(expression, prefix + word)
            assert run_table(automaton, scheme, word) is bool(wanted)


@pytest.mark.parametrize("columns", [b"", bytes(255), bytes(257), bytearray(256), None])
def test_native_engine_checks_the_length_of_class_of(both: Any, columns: Any) -> None:
    pure, native = both
    tables = pure.Policy(allow_origins=["https://a*.example.com"])._tables
    assert native.Policy._from_tables(tables).allows_origin("https://ab.example.com")
    tables = tables._replace(automaton=tables.automaton._replace(class_of=columns))
    with pytest.raises((AssertionError, TypeError), match=r"class_of has|[Bb]ytes|NoneType"):
        native.Policy._from_tables(tables)


def test_steps_count_towards_the_limits_around_them() -> None:
    with limited(10):
        with contextlib.suppress(TooManyStatesError), limited(3):
            spend(4)
        assert steps_left() == 6
        with pytest.raises(TooManyStatesError):
            spend(7)


def test_the_end_of_an_outer_limit_is_not_taken_for_an_inner_one() -> None:
    with limited(3), pytest.raises(OutOfStepsError), limited(10):
        spend(4)
    with pytest.raises(TooManyStatesError), limited(3), limited(10):
        spend(4)


def test_a_known_result_costs_as_much_as_a_new_one() -> None:
    made: list[str] = []

    @charged
    def make(text: str) -> str:
        spend(3)
        made.append(text)
        return text

    with limited(8):
        assert (make("a"), make("a")) == ("a", "a")
        assert (made, steps_left()) == (["a"], 2)
        with pytest.raises(TooManyStatesError):
            make("a")
