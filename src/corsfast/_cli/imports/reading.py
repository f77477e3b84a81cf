"""The policies in a file of other software, and its regexes as entries of ``allow_origins``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

from ..._loading.regex_dialects import read_regex
from ..._options.limits import MAX_BACKTRACKING_STEPS, MAX_MAX_AGE
from ..._options.patterns import HEADERS
from ..._proofs.automata import TooManyStatesError, limited, steps_left
from ..._proofs.regexes import (
    NotRegularError,
    RegexSyntaxError,
    compile_quietly,
    matches_text,
)
from ..check.subject import UnreadableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMES = re.compile(r"[^\s,]+")
_FLAGS = re.compile(r"\(\?[aimsx]+\)")
# A number of seconds. `int` takes no more than 4,300 digits.
_AGE = re.compile("-?[0-9]{1,20}")
# Escapes, sets and single characters of a regex.
_PARTS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)

# Steps to read a file: rules that are executed in all worlds, their conditions, and nodes of YAML.
# An entry of a map or ACL is one step. Rules that each have a condition on the origin take the
# square of their number, so it is enough for 700 of these. It takes up to ten seconds.
MAX_STEPS = 5_000_000
STEPS_OF_A_POLICY = 20
# An entry of a policy takes memory too, and aliases of YAML may list it again in other policies.
STEPS_OF_AN_ENTRY = 8
# Long values take steps as well, because a variable may double another.
CHARACTERS_OF_A_STEP = 16
# A step of an automaton takes half the time.
STATES_OF_A_STEP = 2


class TooManyError(UnreadableError):
    """An error for a file that needs more steps than the limit."""


@dataclass
class Found:
    """A policy in a file.

    Attributes:
        name: where the policy applies, for example a location or a route.
        options: arguments for `Policy`.
        places: the file, the line and the key of an option and an entry; ``None`` is the option.
        reading: the file, which takes notes.
    """

    name: str
    reading: Reading
    options: dict[str, object] = field(default_factory=dict)
    places: dict[tuple[str, object], str] = field(default_factory=dict)

    def set(self, option: str, value: object, place: str) -> None:
        """Set an option that is no list."""
        self.options[option] = value
        self.places[option, None] = place

    def add(self, option: str, entries: Iterable[object], place: str) -> None:
        """Append entries to a list; an entry that is listed again is left out."""
        listed = self.options.setdefault(option, [])
        assert isinstance(listed, list)
        self.places.setdefault((option, None), place)
        for entry in entries:
            self.reading.step(STEPS_OF_AN_ENTRY)
            if (option, entry) not in self.places:
                self.places[option, entry] = place
                listed.append(entry)

    def add_names(self, option: str, names: Iterable[str], place: str, *, echoes: bool) -> None:
        """Add the names in a response header.

        Args:
            echoes: whether the software answers a lone ``*`` with what the preflight asks for.
        """
        listed = list(names)
        if listed == ["*"] and echoes and option == HEADERS:
            listed.append("Authorization")  # no browser lets `*` cover it, but an echo names it
        self.add(option, listed, place)

    def set_max_age(self, text: object, place: str) -> bool:
        """Set the age if it is a number of seconds; return whether it is."""
        if not _AGE.fullmatch(str(text)):
            return False
        seconds = int(str(text))
        if seconds > MAX_MAX_AGE:
            self.reading.note(
                f"{place}: {seconds} seconds are written as {MAX_MAX_AGE}, because no browser"
                " caches a preflight for longer"
            )
        self.set("max_age", max(0, min(seconds, MAX_MAX_AGE)), place)  # negative: not cached
        return True


@dataclass
class Reading:
    """All policies of a file.

    Attributes:
        unread: the places that could not be read, each with the reason.
        notes: what the proxy does in another way than the policy.
        steps: the steps that the file has needed so far.
    """

    policies: list[Found] = field(default_factory=list)
    unread: dict[str, None] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    steps: int = 0
    _regexes: dict[tuple[str, str, bool], re.Pattern[str] | str] = field(default_factory=dict)
    _matched: dict[tuple[re.Pattern[str], str], bool | None] = field(default_factory=dict)

    def new(self, name: str) -> Found:
        """Return a policy without options, which is not yet one of the file."""
        self.step(STEPS_OF_A_POLICY)
        return Found(name, self)

    def step(self, number: int = 1) -> None:
        """Count steps.

        Raises:
            TooManyError: if the file needs more than the limit.
        """
        self.steps += number
        if self.steps > MAX_STEPS:
            raise TooManyError(f"more than {MAX_STEPS} steps are needed to read it (MAX_STEPS)")

    def note(self, text: str) -> None:
        """Add a note once."""
        self.notes[text] = None

    def skip(self, place: str, reason: str) -> None:
        """Add a place that could not be read."""
        self.unread[f"{place}: {reason}"] = None

    def regex(
        self, text: str, place: str, *, how: str, ignore_case: bool = False
    ) -> re.Pattern[str] | None:
        """Return a regex as an entry, see `as_entry`; skip it if it is not valid."""
        key = text, how, ignore_case
        if key not in self._regexes:
            try:
                self._regexes[key] = as_entry(text, how=how, ignore_case=ignore_case)
            except RegexSyntaxError as error:
                self._regexes[key] = str(error)
        found = self._regexes[key]
        if isinstance(found, str):
            self.skip(place, f"{text!r} is not a valid regex: {found}")
            return None
        return found

    def matches(self, regex: re.Pattern[str], value: str, place: str) -> bool | None:
        """Return whether a regex matches a known value; skip it if that is too much work."""
        key = regex, value
        if key not in self._matched:
            before = steps_left()
            try:
                with limited(MAX_BACKTRACKING_STEPS):
                    self._matched[key] = matches_text(regex, value)
            except (NotRegularError, TooManyStatesError):
                self._matched[key] = None
            self.step((before - steps_left()) // STATES_OF_A_STEP)
        if self._matched[key] is None:
            self.skip(place, f"whether {regex.pattern!r} matches a known value is not read")
        return self._matched[key]


def names_in(text: str) -> list[str]:
    """Return the names in the value of a header."""
    return _NAMES.findall(text)


def containing(text: str, how: str) -> object:
    """Return the entry for origins that are, begin with, end with or contain a text.

    Args:
        how: ``exact``, ``prefix``, ``suffix`` or ``contains``.
    """
    if how == "exact":
        return text
    before = "" if how == "prefix" else ".*"
    after = "" if how == "suffix" else ".*"
    return compiled(before + escaped(text) + after)


def escaped(text: str) -> str:
    """Escape a literal text as people write it, because origins need no escaped ``-`` or ``:``."""
    return re.sub(r"[\\.^$*+?{}\[\]|()]", r"\\\g<0>", text)


def one_label(text: str) -> re.Pattern[str]:
    """Return the entry for an origin in which each ``*`` is a single label."""
    return compiled("[a-z0-9-]+".join(map(escaped, text.split("*"))))


@cache  # `re` keeps 512, and aliases of YAML may list more again and again
def compiled(text: str) -> re.Pattern[str]:
    """Return a regex from its text."""
    return re.compile(text)


def as_entry(text: str, *, how: str, ignore_case: bool = False) -> re.Pattern[str]:
    """Return a regex of other software as one that matches the same origins in full.

    Args:
        how: ``search`` or ``fullmatch``.

    Raises:
        RegexSyntaxError: if it is not valid in any known dialect.
    """
    regex = read_regex(text).regex
    start = _FLAGS.match(regex.pattern)
    flags, body = ("", regex.pattern) if start is None else (start[0], regex.pattern[start.end() :])
    # Origins are in lower case, so the case matters only for letters in upper case.
    if ignore_case and re.search("[A-Z]", re.sub(r"\\.", "", body)):
        flags = f"(?i){flags}"
    if how == "search":
        body = _in_full(body)
    return compile_quietly(flags + body)


def _in_full(body: str) -> str:
    parts = _PARTS.findall(body)
    depth = 0
    for part in parts:
        depth += (part == "(") - (part == ")")
        if part == "|" and depth == 0:
            return f".*(?:{body}).*"
    first, last = parts[:1] in (["^"], [r"\A"]), parts[-1:] in (["$"], [r"\Z"])
    kept = parts[first : len(parts) - last]
    any_text = [".", "*"]
    before = [] if first or kept[:2] == any_text else any_text
    after = [] if last or kept[-2:] == any_text else any_text
    return "".join([*before, *kept, *after])
