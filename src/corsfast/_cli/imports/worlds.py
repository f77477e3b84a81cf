"""Derive a policy from rules that a proxy executes for each request.

The rules are executed once for each *world*: a method, and one entry that the origin matches, or
none. The value `ORIGIN` is in place of the origin. If it comes back in
``Access-Control-Allow-Origin``, the origins of this entry are allowed. Entries are found while the
rules are executed. So conditions, negations and maps need no rules of their own here; only a
condition on two entries together is never true.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..._options.patterns import EXPOSED, HEADERS, METHODS, ORIGINS
from .reading import Found, names_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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

# Comparisons of an origin with an entry, in all worlds of one section: the square of the number of
# entries. It is enough for 700 entries, and takes up to half a minute.
MAX_COMPARED = 1_000_000


class TooManyError(Exception):
    """An error for rules that have too many entries. Its text is the place of one."""


@dataclass
class World:
    """A request: its method, and the entry that its origin matches.

    Attributes:
        known: the entries of all worlds that were found, with their places.
        comparisons: those that all worlds may still make.
    """

    method: str
    entry: object
    known: dict[object, str]
    comparisons: Iterator[int]

    def matches(self, entry: object, place: str) -> bool:
        """Return whether the origin matches an entry."""
        if next(self.comparisons, None) is None:
            raise TooManyError(place)
        if isinstance(entry, re.Pattern) and _ANY.fullmatch(entry.pattern):
            return True
        if entry == "":
            return False
        self.known.setdefault(entry, place)
        return self.entry == entry


def explore(name: str, answer: Callable[[World], Answer], reading: Reading) -> Found | None:
    """Return the policy of rules, or ``None`` if they allow no origin."""
    known: dict[object, str] = {None: ""}
    answers: dict[object, tuple[Answer, Answer]] = {}
    comparisons = iter(range(MAX_COMPARED))
    try:
        while waiting := [entry for entry in known if entry not in answers]:
            for entry in waiting:
                preflight, actual = (
                    answer(World(method, entry, known, comparisons))
                    for method in ("OPTIONS", "GET")
                )
                answers[entry] = preflight, actual
    except TooManyError as error:
        message = f"more than {MAX_COMPARED} comparisons of origins are needed (MAX_COMPARED)"
        reading.skip(str(error), message)
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
        if ACAO not in preflight:
            reading.note(f"{place}: preflights don't have the header")
        found.add(ORIGINS, [allowed], known[entry] if allowed == entry and entry else place)
        counted.append(both)
    if not counted:
        return None
    if "*" in found.options[ORIGINS]:  # type: ignore[operator]
        found.options[ORIGINS] = ["*"]
    _read_headers(counted, found, reading)
    return found


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
