r"""Find alternatives of a regex that never match, although the regex as a whole does.

    ^(https://a\.example/|http://localhost)$   ->   'https://a\.example/'

A mark that consumes no character is put after each alternative. The automaton of the regex then
runs in parallel with the automaton of all origins. An alternative is unmatchable if no accepted
origin passes its mark.
"""

from __future__ import annotations

import re
from functools import cache

from .._options.limits import MAX_PATTERN_STEPS
from .._options.patterns import ORIGINS
from .._options.records import NamedTuple
from ..errors import Problem
from .automata import Dfa, TooManyStatesError, limited, passed, spend, unite, unlimited
from .languages import other_origins, regex_of, web_origins, words
from .regex_text import Atom, Branch, Group, is_end, is_start, parse, write
from .regexes import NotRegularError, nfa_of
from .risks import why_unmatchable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._options.patterns import Within


class Alternative(NamedTuple):
    """One of several branches.

    ``outer`` is the mark of the branch that contains it, if any. ``whole`` tells whether only
    anchors are around it.
    """

    text: str
    outer: int | None
    whole: bool


# Marks are private characters from here on. A regex that contains one is skipped.
FIRST_MARK = 0xF0000
# Further alternatives are not checked.
MAX_ALTERNATIVES = 1024


def unmatchable_alternatives(
    entry: re.Pattern[str] | Within, how: str = "fullmatch", *, null: bool = False
) -> Iterator[Problem]:
    """Yield an ``unmatchable-alternative`` problem for each alternative that matches no origin.

    Alternatives inside an unmatchable one are not reported again. A regex that never matches and a
    regex with comments (``re.VERBOSE``) are skipped. If one alternative is empty, as in
    ``(/|)``, the others are optional like ``/?`` and are not reported.

    Args:
        how: ``fullmatch``, ``match`` or ``search``.
        null: whether the regex is also matched against ``null``.
    """
    regex = regex_of(entry)
    if "|" not in regex.pattern or regex.flags & re.VERBOSE:
        return
    try:
        with limited(MAX_PATTERN_STEPS // 5):  # beyond it, no alternative is reported
            branches = parse(regex.pattern)
            alternatives: dict[int, Alternative] = {}
            _mark(branches, None, True, alternatives)
            if not alternatives or max(map(ord, regex.pattern)) >= FIRST_MARK:
                return
            alive = _alive(write(branches), regex.flags, how, null, alternatives)
    except (ValueError, TooManyStatesError, RecursionError):
        return
    unmatchable = {mark for mark, is_alive in alive.items() if not is_alive}
    if len(unmatchable) == len(alive):
        return
    for mark, (text, outer, whole) in alternatives.items():
        if mark in unmatchable and outer not in unmatchable:
            why = why_unmatchable(text, whole=whole)
            message = (
                f"{regex.pattern!r} has an alternative that matches nothing: {text!r} ({why})."
            )
            yield Problem("unmatchable-alternative", ORIGINS, entry, message)


def _mark(
    branches: list[Branch], outer: int | None, whole: bool, found: dict[int, Alternative]
) -> None:
    """Put a mark after each alternative, and record which alternative it marks."""
    optional = any(all(is_start(item) or is_end(item) for item in branch) for branch in branches)
    for branch in branches:
        inside = outer
        text = write([branch])
        spend(2 + len(text))
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
    text: str, flags: int, how: str, null: bool, alternatives: dict[int, Alternative]
) -> dict[int, bool]:
    """Map each mark to whether an origin passes it; omit marks in parts that are unreachable."""
    marks: dict[int, list[int]] = {mark: [] for mark in alternatives}
    try:
        nfa, start, end = nfa_of(text, flags, how=how, marks=marks)
    except NotRegularError:
        marks = {mark: [] for mark in alternatives}
        nfa, start, end = nfa_of(text, flags, how=how, widen=True, marks=marks)
    # As in risks.py: without a written `//` no other scheme is meant.
    others = "//" in text.replace("\\", "")
    states = passed(nfa, start, end, _sent(others, null))
    return {mark: not states.isdisjoint(places) for mark, places in marks.items() if places}


@cache
def _sent(others: bool, null: bool) -> Dfa:
    with unlimited():
        return unite([web_origins(), *[other_origins()] * others, *[words("null")] * null])
