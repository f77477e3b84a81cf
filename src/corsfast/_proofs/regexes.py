"""Compile a Python regular expression to the automaton of the same words.

`re` parses the expression, so its syntax and flags have exactly Python's meaning. The characters
that a single item matches (a literal under IGNORECASE, a set, `\\w`, `.`) are found by trying
each character of the alphabet with `re`.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from re import _compiler, _constants, _parser  # type: ignore[attr-defined]
from types import MappingProxyType

from .automata import ALPHABET, Dfa, Nfa, determinise, leads_to, mask_of, spend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

START = (_constants.AT_BEGINNING, _constants.AT_BEGINNING_STRING)
END = (_constants.AT_END, _constants.AT_END_STRING)
REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)
ONE_CHARACTER = (_constants.LITERAL, _constants.NOT_LITERAL, _constants.ANY, _constants.IN)

# The flags that choose the alphabet of \w and IGNORECASE.
LETTERS = re.ASCII | re.UNICODE

# An int, because `&` with a flag takes a microsecond.
IGNORECASE = re.IGNORECASE.value

# When the automaton may accept more, counting beyond this is not worth the states.
WIDE_REPEAT = 4

# Constructs that these automata cannot express, in the words of the `re` documentation.
_UNSUPPORTED = {
    _constants.ASSERT: "look-around",
    _constants.ASSERT_NOT: "look-around",
    _constants.GROUPREF: "a back-reference",
    _constants.GROUPREF_EXISTS: "a conditional group",
    _constants.ATOMIC_GROUP: "an atomic group",
    _constants.POSSESSIVE_REPEAT: "a possessive quantifier",
    _constants.AT: "a word boundary",
}


class NotRegularError(Exception):
    """An error for a construct that automata cannot express; the message names it."""


class RegexSyntaxError(ValueError):
    """An error for a regex that cannot be parsed, with its text and the position of the error."""

    def __init__(self, reason: str, text: str, position: int | None) -> None:
        self.reason, self.text, self.position = reason, text, position
        where = "" if position is None else f" at position {position}"
        super().__init__(f"{reason}{where}")

    def pointed(self) -> str:
        """Return the text with a mark below the position."""
        if self.position is None or not self.text.isprintable():
            return self.text
        return f"{self.text}\n{' ' * self.position}^"


def compile_quietly(text: str, flags: int = 0) -> re.Pattern[str]:
    """Compile a regex; raise one kind of error, and suppress warnings about style."""
    spend(8 * len(text))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(text, flags)
    except re.error as error:
        raise RegexSyntaxError(error.msg, text, error.pos) from None
    except (OverflowError, RecursionError) as error:
        raise RegexSyntaxError(str(error), text, None) from None


def parse(text: str, flags: int = 0) -> Any:
    """Return Python's own parse tree of a regex that is valid."""
    spend(4 * len(text))
    return _parsed(text, flags)


@lru_cache(maxsize=2)  # each proof parses its regex several times
def _parsed(text: str, flags: int) -> Any:
    # Warnings and DEBUG output are suppressed, because the first compilation already showed them.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _parser.parse(text, flags & ~re.DEBUG)


def compile_regex(regex: re.Pattern[str], *, how: str = "fullmatch", widen: bool = False) -> Dfa:
    """Return the automaton of the words that ``regex.<how>(word)`` matches; not minimal.

    Args:
        how: ``fullmatch``, ``match`` or ``search``.
        widen: accept more if a construct cannot be expressed, instead of raising.

    Raises:
        NotRegularError: if a construct cannot be expressed; the message names it.
        TooManyStatesError: if the automaton would exceed its limit.
    """
    return determinise(*nfa_of(regex.pattern, regex.flags, how=how, widen=widen))


def nfa_of(
    text: str,
    flags: int,
    *,
    how: str = "fullmatch",
    widen: bool = False,
    marks: Mapping[int, list[int]] = MappingProxyType({}),
) -> tuple[Nfa, int, int]:
    """Return the nondeterministic automaton of `compile_regex`, with its start and its end.

    Args:
        marks: code points that consume no character in the expression. Each list receives the
            states of its mark.

    Raises:
        NotRegularError, TooManyStatesError: see `compile_regex`.
    """
    nfa = Nfa()
    start, end = nfa.state(), nfa.state()
    builder = Builder(nfa, widen, marks)
    at = builder.anything(start) if how == "search" else start
    at = builder.sequence(parse(text, flags), at, flags)
    if how != "fullmatch":
        at = builder.anything(at)
    nfa.free[at].append(end)
    return nfa, start, end


class Builder:
    """Thompson's construction: each part is appended to a state and returns its end state."""

    def __init__(self, nfa: Nfa, widen: bool, marks: Mapping[int, list[int]]) -> None:
        self.nfa = nfa
        self.widen = widen
        self.marks = marks

    def sequence(self, items: Any, at: int, flags: int) -> int:
        for op, argument in items:
            at = self.item(op, argument, at, flags)
        return at

    def item(self, op: Any, argument: Any, at: int, flags: int) -> int:
        if op is _constants.LITERAL and argument in self.marks:
            end = self.nfa.state()
            self.nfa.free[at].append(end)
            self.marks[argument].append(end)
            return end
        if op in ONE_CHARACTER:
            return self.one_of(matched_by(op, argument, flags), at)
        if op in REPEATS:
            least, most, items = argument
            return self.repeat(least, most, items, at, flags)
        if op is _constants.SUBPATTERN:
            _, add, remove, items = argument
            if add & LETTERS:  # (?a:...) overrides an outer (?u)
                flags &= ~LETTERS
            return self.sequence(items, at, (flags | add) & ~remove)
        if op is _constants.BRANCH:
            return self.either(argument[1], at, flags)
        if op is _constants.AT and argument in START:
            return self.condition(self.nfa.at_start, at)
        if op is _constants.AT and argument in END:
            return self.condition(self.nfa.at_end, at)
        return self.unsupported(op, argument, at, flags)

    def one_of(self, mask: int, at: int) -> int:
        end = self.nfa.state()
        if mask:
            self.nfa.edges[at].append((mask, end))
        return end

    def anything(self, at: int) -> int:
        loop = self.nfa.state()
        self.nfa.free[at].append(loop)
        self.nfa.edges[loop].append((mask_of(ALPHABET), loop))
        return loop

    def condition(self, kind: list[list[int]], at: int) -> int:
        end = self.nfa.state()
        kind[at].append(end)
        return end

    def either(self, choices: Any, at: int, flags: int) -> int:
        end = self.nfa.state()
        for items in choices:
            first = self.nfa.state()
            self.nfa.free[at].append(first)
            self.nfa.free[self.sequence(items, first, flags)].append(end)
        return end

    def repeat(self, least: int, most: Any, items: Any, at: int, flags: int) -> int:
        if self.widen and most > WIDE_REPEAT:
            least, most = min(least, 1), _constants.MAXREPEAT
        for _ in range(least):
            before, at = at, self.sequence(items, at, flags)
            if before == at:  # the part consumes nothing, so repeating it changes nothing
                return at
        end = self.nfa.state()
        if most is _constants.MAXREPEAT:
            loop = self.nfa.state()
            self.nfa.free[at].append(loop)
            self.nfa.free[self.sequence(items, loop, flags)].append(loop)
            self.nfa.free[loop].append(end)
            return end
        self.nfa.free[at].append(end)
        for _ in range(most - least):
            self.nfa.spend(1)
            at = self.sequence(items, at, flags)
            self.nfa.free[at].append(end)
        return end

    def unsupported(self, op: Any, argument: Any, at: int, flags: int) -> int:
        """Raise for a construct that cannot be expressed, or accept all that it might match."""
        if not self.widen:
            raise NotRegularError(_UNSUPPORTED.get(op, str(op)))
        if op is _constants.ATOMIC_GROUP:
            return self.sequence(argument, at, flags)
        if op is _constants.POSSESSIVE_REPEAT:
            least, most, items = argument
            return self.repeat(least, most, items, at, flags)
        if op in (_constants.ASSERT, _constants.ASSERT_NOT, _constants.AT):
            return at  # it consumes nothing, and may hold anywhere
        return self.anything(at)


def matched_by(op: Any, argument: Any, flags: int) -> int:
    """Return the characters of the alphabet that one item of an expression matches."""
    if op is _constants.LITERAL and not flags & IGNORECASE:
        return mask_of(chr(argument))
    spend(100 if op is _constants.IN else 20)
    key = (repr((op, argument)), flags)
    if key not in _matched:
        if len(_matched) >= 1024:
            _matched.clear()
        _matched[key] = mask_of(_found_by(op, argument, flags, ALPHABET))
    return _matched[key]


_matched: dict[tuple[str, int], int] = {}


def _found_by(op: Any, argument: Any, flags: int, text: str) -> list[str]:
    """Return the characters of a text that one item of an expression matches."""
    tree = _parser.SubPattern(_parser.State(), [(op, argument)])
    tree.state.flags = flags
    tree.state.str = ""
    found: list[str] = _compiler.compile(tree, flags & ~(re.VERBOSE | re.DEBUG)).findall(text)
    return found


def matches_text(regex: re.Pattern[str], text: str) -> bool:
    """Return whether a regex matches a whole text, which may have any characters.

    Its steps are at most the product of both sizes. `re` may need exponentially many.

    Raises:
        NotRegularError, TooManyStatesError: see `compile_regex`.
    """
    builder = _OfText(Nfa(), text)
    start = builder.nfa.state()
    end = builder.sequence(parse(regex.pattern, regex.flags), start, regex.flags)
    return leads_to(builder.nfa, start, end, [builder.symbols[each] for each in text])


class _OfText(Builder):
    """A construction over the characters of a text, each with its set, in place of the alphabet."""

    def __init__(self, nfa: Nfa, text: str) -> None:
        super().__init__(nfa, False, {})
        self.symbols = {each: 1 << i for i, each in enumerate(dict.fromkeys(text))}

    def item(self, op: Any, argument: Any, at: int, flags: int) -> int:
        if op not in ONE_CHARACTER:
            return super().item(op, argument, at, flags)
        if op is _constants.LITERAL and not flags & IGNORECASE:
            return self.one_of(self.symbols.get(chr(argument), 0), at)
        spend(400 + len(self.symbols))
        found = _found_by(op, argument, flags, "".join(self.symbols))
        return self.one_of(sum(self.symbols[each] for each in found), at)
