"""Parse the text of a regex into a tree that can be edited and written back exactly.

    ^https?://(a|b\\.)+$   ->   one branch: ^ h t t p s? : / / ( [a] | [b \\.] )+ $

Python's own parse tree does not keep the text, so corrections use this one. The meaning of a
corrected text is always taken from Python's parser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .automata import spend

_QUANTIFIER = re.compile(r"(?:[*+?]|\{\d*,?\d*\})[?+]?")
_ATOM = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?P=\w+\)|\(\?#[^)]*\)|\(\?[aiLmsux]+\)|[^()|]", re.DOTALL
)
_OPENING = re.compile(r"\((?:\?(?:P<\w+>|[aiLmsux-]*:|<?[=!]|>|\(\w+\)))?")

STARTS = ("^", r"\A")
ENDS = ("$", r"\Z", r"\z")


@dataclass
class Atom:
    """One character, escape, set or anchor. ``raw`` text is kept without looking inside."""

    text: str
    quantifier: str = ""

    def __str__(self) -> str:
        return self.text + self.quantifier


@dataclass
class Group:
    """Branches in parentheses."""

    opening: str
    branches: list[Branch]
    quantifier: str = ""

    def __str__(self) -> str:
        return f"{self.opening}{write(self.branches)}){self.quantifier}"


Item = Atom | Group
Branch = list[Item]


def write(branches: list[Branch]) -> str:
    return "|".join("".join(map(str, branch)) for branch in branches)


def parse(text: str) -> list[Branch]:
    """Return the branches of a regex that `re` has accepted.

    Raises:
        ValueError: for a construct that this parser does not know.
    """
    spend(6 * len(text))
    branches, end = _branches(text, 0)
    if end != len(text) or write(branches) != text:
        raise ValueError(f"cannot take {text!r} apart")
    return branches


def _branches(text: str, at: int) -> tuple[list[Branch], int]:
    branches: list[Branch] = [[]]
    while at < len(text) and text[at] != ")":
        if text[at] == "|":
            branches.append([])
            at += 1
            continue
        item, at = _item(text, at)
        if match := _QUANTIFIER.match(text, at):
            item.quantifier = match[0]
            at = match.end()
        branches[-1].append(item)
    return branches, at


def _item(text: str, at: int) -> tuple[Item, int]:
    if match := _ATOM.match(text, at):
        return Atom(match[0]), match.end()
    match = _OPENING.match(text, at)
    if match is None:
        raise ValueError(f"cannot take {text!r} apart")
    inner, at = _branches(text, match.end())
    if not text.startswith(")", at):
        raise ValueError(f"cannot take {text!r} apart")
    return Group(match[0], inner), at + 1


# -- tests of an item ------------------------------------------------------------------------


def is_letter(item: Item) -> bool:
    """Return whether the item begins with a letter or digit that is written out."""
    if isinstance(item, Group):
        return not item.quantifier and all(b and is_letter(b[0]) for b in item.branches)
    return item.quantifier in ("", "?") and item.text.isalnum()


def is_wild(item: Item) -> bool:
    """Return whether the item matches text of any length: ``.*``, ``[a-z]+``, ``(.*)?``."""
    if isinstance(item, Group):
        return (
            len(item.branches) == 1
            and bool(item.branches[0])
            and all(map(is_wild, item.branches[0]))
        )
    many = item.quantifier[:1] in ("*", "+") or "," in item.quantifier
    return many and (item.text in (".", r"\w", r"\S") or item.text[0] == "[")


def is_slash(item: Item) -> bool:
    return isinstance(item, Atom) and item.text in ("/", r"\/")


def is_dot(item: Item) -> bool:
    return isinstance(item, Atom) and item.text in (".", r"\.", "[.]")


def is_start(item: Item) -> bool:
    return isinstance(item, Atom) and item.text in STARTS


def is_end(item: Item) -> bool:
    return isinstance(item, Atom) and item.text in ENDS


def unescaped(text: object) -> str:
    """Return the text without its backslashes, which is enough to search for a name in it."""
    return str(text).replace("\\", "")
