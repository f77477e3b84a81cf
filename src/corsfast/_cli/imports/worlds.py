"""Derive a policy from rules that a proxy executes for each request.

The rules are executed once for each *world*: a method, and one entry that the origin matches, or
none. The value `ORIGIN` is in place of the origin. If it comes back in
``Access-Control-Allow-Origin``, the origins of this entry are allowed. Entries are found while the
rules are executed. So conditions, negations and maps need no rules of their own here; only a
condition on two entries together is never true.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ..._options.fetch import ALLOW_CREDENTIALS, ALLOW_ORIGIN
from ..._options.patterns import EXPOSED, HEADERS, METHODS, ORIGINS
from .reading import Found, TooManyError, names_in

T = TypeVar("T")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .reading import Reading

    # The value of each CORS header, by its name in lower case, with its place.
    Answer = dict[str, tuple[str, str]]

# Values that are known only when a request comes.
ORIGIN, REQUESTED_METHOD, REQUESTED_HEADERS, UNKNOWN = "\0origin", "\0method", "\0headers", "\0"
# A regex with one of these texts, or parts of it, matches every origin.
_ANY = re.compile(r"\^?(?:\.|\.\*|\.\+|)\$?")

ACAO = "access-control-allow-origin"
LISTS = {
    "access-control-allow-methods": METHODS,
    "access-control-allow-headers": HEADERS,
    "access-control-expose-headers": EXPOSED,
}
CREDENTIALS, MAX_AGE = "access-control-allow-credentials", "access-control-max-age"
READ = (ACAO, *LISTS, CREDENTIALS, MAX_AGE)


class Choices(Generic[T]):
    """The value for each of many entries. The first entry that an origin matches counts.

    Attributes:
        default: the value for an origin that matches no entry.
    """

    def __init__(self, default: T) -> None:
        self.default = default
        self.values: dict[object, T] = {}
        self.places: dict[object, str] = {}
        self._is_complete = False  # by an entry that matches every origin

    def add(self, entry: object, value: T, place: str) -> None:
        """Add an entry, unless it comes too late to match."""
        if self._is_complete or entry == "" or entry in self.values:
            return
        if isinstance(entry, re.Pattern) and _ANY.fullmatch(entry.pattern):
            self.default, self._is_complete = value, True
        else:
            self.values[entry], self.places[entry] = value, place


@dataclass
class Entries:
    """The entries of all worlds that were found for the same rules.

    Attributes:
        places: the place of each; ``None`` is an origin that matches no entry.
        chosen: the choices that each is part of, with its values there. Entries for which this is
            equal have the same answers.
        choices: all choices that the rules have shown.
        single: the choices with one entry.
    """

    places: dict[object, str] = field(default_factory=lambda: {None: ""})
    chosen: dict[object, list[object]] = field(default_factory=lambda: defaultdict(list))
    choices: set[Choices[Any]] = field(default_factory=set)
    single: dict[object, Choices[bool]] = field(default_factory=dict)

    def find(self, choices: Choices[Any]) -> None:
        """Add the entries of choices."""
        self.choices.add(choices)
        for entry, value in choices.values.items():
            self.places.setdefault(entry, choices.places[entry])
            self.chosen[entry].append((choices, value))


@dataclass
class World:
    """A request: its method, and the entry that its origin matches."""

    method: str
    entry: object
    entries: Entries
    reading: Reading

    def choose(self, choices: Choices[T]) -> T:
        """Return the value for the origin."""
        if choices not in self.entries.choices:
            self.reading.step(len(choices.values))
            self.entries.find(choices)
        return choices.values.get(self.entry, choices.default)

    def matches(self, entry: object, place: str) -> bool:
        """Return whether the origin matches an entry."""
        single = self.entries.single
        if entry not in single:
            single[entry] = Choices(default=False)
            single[entry].add(entry, True, place)
        return self.choose(single[entry])


def explore(name: str, answer: Callable[[World], Answer], reading: Reading) -> Found | None:
    """Return the policy of rules, or ``None`` if they allow no origin."""
    entries = Entries()
    known = entries.places
    answers: dict[object, tuple[Answer, Answer]] = {}
    alike: dict[object, tuple[Answer, Answer]] = {}
    try:
        while waiting := [entry for entry in known if entry not in answers]:
            for entry in waiting:
                chosen = tuple(entries.chosen[entry])
                if chosen in alike:
                    answers[entry] = alike[chosen]
                    continue
                preflight, actual = (
                    answer(World(method, entry, entries, reading)) for method in ("OPTIONS", "GET")
                )
                # The rules may have shown more choices that the entry is part of.
                alike[tuple(entries.chosen[entry])] = answers[entry] = preflight, actual
    except TooManyError as error:
        reading.skip(name, str(error))
        return None
    found = reading.new(name)
    found.add(ORIGINS, (), name)
    counted: list[tuple[Answer, Answer]] = []
    for entry, both in answers.items():
        preflight, actual = both
        value, place = actual.get(ACAO) or preflight.get(ACAO) or ("", "")
        if value == ORIGIN:
            allowed = "*" if entry is None else entry
        elif UNKNOWN in value:
            reading.skip(place, "the origin depends on what is not read")
            continue
        elif value and (value == "*" or entry is None or value == entry):
            allowed = value
        else:
            continue
        if ACAO not in actual:
            reading.skip(place, "only preflights have the header, so no page may read an answer")
            continue
        if entry is not None or allowed not in known:  # its own world counts
            _compare(preflight, actual, allowed, reading)
        found.add(ORIGINS, [allowed], known[entry] if allowed == entry and entry else place)
        counted.append(both)
    if not counted:
        return None
    if "*" in found.options[ORIGINS]:  # type: ignore[operator]
        found.options[ORIGINS] = ["*"]
    _read_headers(counted, found, reading)
    return found


def _compare(preflight: Answer, actual: Answer, allowed: object, reading: Reading) -> None:
    """Note where browsers decide otherwise than with the policy, because preflights differ."""
    unset = ("", "")
    (origin, at), (credentials, _) = preflight.get(ACAO, unset), preflight.get(CREDENTIALS, unset)
    refuse = "so browsers refuse preflighted requests"
    unread = [
        preflight[header][1]
        for header, value in ((ACAO, origin), (CREDENTIALS, credentials))
        if UNKNOWN in value and value != ORIGIN
    ]
    if unread:
        reading.skip(unread[0], "the header of preflights depends on what is not read")
    elif origin not in (ORIGIN, "*", allowed):
        what = "have another" if origin else "lack"
        place = at or actual[ACAO][1]
        reading.note(
            f"{place}: preflights {what} {ALLOW_ORIGIN}, {refuse} there; this policy allows them"
        )
    elif actual.get(CREDENTIALS, unset)[0] == "true":
        place = actual[CREDENTIALS][1]
        why = ""
        if credentials != "true":
            why = f"lack {ALLOW_CREDENTIALS}"
        elif origin == "*" != actual[ACAO][0]:
            why = f"have {ALLOW_ORIGIN}: *"
        if why:
            reading.note(
                f"{place}: preflights {why}, {refuse} with credentials there; this policy allows"
                " them"
            )
    elif credentials == "true":
        reading.note(
            f"{preflight[CREDENTIALS][1]}: only preflights have {ALLOW_CREDENTIALS}, so no page may"
            " read an answer with credentials; this policy refuses their preflights"
        )


def _read_headers(counted: list[tuple[Answer, Answer]], found: Found, reading: Reading) -> None:
    """Read the headers that browsers read from preflights, and those of actual responses."""
    found.options["max_age"] = None
    for side, headers in enumerate(
        (
            ("access-control-allow-methods", "access-control-allow-headers", MAX_AGE),
            ("access-control-expose-headers", CREDENTIALS),
        )
    ):
        for header in headers:
            given = [both[side].get(header) for both in counted]
            first = next((each for each in given if each is not None), None)
            if first is None:
                continue
            if any(each is None or each[0] != first[0] for each in given):
                reading.skip(first[1], "the header differs between origins; this value is taken")
            _read_header(header, *first, found, reading)


def _read_header(header: str, value: str, place: str, found: Found, reading: Reading) -> None:
    if header in LISTS and value in (REQUESTED_METHOD, REQUESTED_HEADERS):
        found.add_names(LISTS[header], ["*"], place, echoes=True)
    elif UNKNOWN in value:
        reading.skip(place, f"{header} depends on what is not read")
    elif header in LISTS:
        found.add_names(LISTS[header], names_in(value), place, echoes=False)
    elif header == CREDENTIALS:
        found.set("allow_credentials", value == "true", place)
    elif not found.set_max_age(value, place):
        reading.skip(place, f"{value!r} is not a number of seconds")
