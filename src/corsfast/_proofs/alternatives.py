r"""Find the alternatives of a regex that match nothing, while others of it do.

    ^(https://a\.example/|http://localhost)$   ->   'https://a\.example/'

A mark that takes no character is put behind each alternative. The expression and the automaton of
all origins are then run side by side; an alternative whose mark is on no way to the end is dead.
"""

from __future__ import annotations

import re
from collections import namedtuple
from functools import cache

from ..errors import Problem
from .automata import Dfa, TooManyStatesError, passed, unite
from .languages import other_origins, regex_of, web_origins, words
from .regex_text import Atom, Branch, Group, is_end, is_start, parse, write
from .regexes import NotRegularError, compile_quietly, nfa_of
from .risks import OPTION, why_dead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NamedTuple

    from .._options.patterns import Within

    class Alternative(NamedTuple):
        """One of several branches.

        ``outer`` is the mark of the branch that holds it, if any; ``whole`` is whether nothing
        but anchors is around it.
        """

        text: str
        outer: int | None
        whole: bool

else:
    Alternative = namedtuple("Alternative", ("text", "outer", "whole"))

# Marks are private characters from here on. A regex that holds one itself is left alone.
FIRST_MARK = 0xF0000
# More alternatives than this are not looked at.
MAX_ALTERNATIVES = 1024


def dead_alternatives(
    entry: re.Pattern[str] | Within, how: str = "fullmatch", *, null: bool = False
) -> Iterator[Problem]:
    """Yield a ``dead-alternative`` problem for each alternative that matches no origin.

    Alternatives inside of a dead one are not reported again. A regex that is dead as a whole
    and one with comments in it (``re.VERBOSE``) are left alone. An alternative to nothing, as
    in ``(/|)``, is optional and may be dead, like that of ``/?``.

    Args:
        how: ``fullmatch``, ``match`` or ``search``.
        null: whether the regex is also asked about ``null``.
    """
    regex = regex_of(entry)
    if "|" not in regex.pattern or regex.flags & re.VERBOSE:
        return
    try:
        branches = parse(regex.pattern)
        alternatives: dict[int, Alternative] = {}
        _mark(branches, None, True, alternatives)
        if not alternatives or max(map(ord, regex.pattern)) >= FIRST_MARK:
            return
        alive = _alive(compile_quietly(write(branches), regex.flags), how, null, alternatives)
    except (ValueError, TooManyStatesError, RecursionError):
        return
    dead = {mark for mark, is_alive in alive.items() if not is_alive}
    if len(dead) == len(alive):
        return
    for mark, (text, outer, whole) in alternatives.items():
        if mark in dead and outer not in dead:
            why = why_dead(text, whole=whole)
            message = (
                f"{regex.pattern!r} has an alternative that matches nothing: {text!r} ({why})."
            )
            yield Problem("dead-alternative", OPTION, entry, message)


def _mark(
    branches: list[Branch], outer: int | None, whole: bool, found: dict[int, Alternative]
) -> None:
    """Put a mark behind each alternative, and note what it is the mark of."""
    optional = any(all(is_start(item) or is_end(item) for item in branch) for branch in branches)
    for branch in branches:
        inside = outer
        text = write([branch])
        if len(branches) > 1 and not optional and len(found) < MAX_ALTERNATIVES:
            inside = FIRST_MARK + len(found)
            found[inside] = Alternative(text, outer, whole)
        held = [item for item in branch if not (is_start(item) or is_end(item))]
        for item in held:
            if isinstance(item, Group):
                _mark(item.branches, inside, whole and len(held) == 1, found)
        if inside != outer and inside is not None:
            branch.append(Atom(chr(inside)))


def _alive(
    regex: re.Pattern[str], how: str, null: bool, alternatives: dict[int, Alternative]
) -> dict[int, bool]:
    """Map each mark to whether some origin passes it; leave out marks in dead parts."""
    marks: dict[int, list[int]] = {mark: [] for mark in alternatives}
    try:
        nfa, start, end = nfa_of(regex, how=how, marks=marks)
    except NotRegularError:
        marks = {mark: [] for mark in alternatives}
        nfa, start, end = nfa_of(regex, how=how, widen=True, marks=marks)
    # See risks.py: without a written `//` no other scheme is meant.
    others = "//" in regex.pattern.replace("\\", "")
    states = passed(nfa, start, end, _sent(others, null))
    return {mark: not states.isdisjoint(places) for mark, places in marks.items() if places}


@cache
def _sent(others: bool, null: bool) -> Dfa:
    """Return all origins that browsers send, as one automaton."""
    return unite(
        [web_origins(), *[other_origins()] * others, *[words("null")] * null],
    )
