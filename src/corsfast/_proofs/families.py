"""The exact set of valid origins that an entry of ``allow_origins`` matches, for comparisons.

languages.py keeps its automata small, because they are built for every policy: IPv6 addresses need
not be canonical there, and schemes that no page has are left out. Two policies are equal only if
they agree on every origin that an engine parses, so this module is exact.
"""

from __future__ import annotations

from functools import cache, cached_property
from itertools import product

from .._options.fetch import DEFAULT_PORTS, WEB_SCHEMES
from .._options.limits import MAX_HOST, MAX_LABEL, MAX_ORIGIN, MAX_SCHEME
from .._options.origin import OPAQUE, SCHEME, parse_origin, write_ipv6
from .._options.patterns import Glob, HostRule, Within, follows
from .automata import (
    ALPHABET,
    DEAD,
    Nfa,
    TooManyStatesError,
    charged,
    determinise,
    intersect,
    minimise,
    spend,
    subtract,
    unite,
)
from .languages import (
    PORT,
    TOO_LARGE,
    addresses,
    as_written,
    constant,
    named_hosts,
    origins,
    regex_of,
    words,
)
from .regexes import NotRegularError, compile_regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .automata import Dfa
    from .languages import Entry

_SPECIAL = tuple(DEFAULT_PORTS)


@constant
def ipv6_hosts() -> Dfa:
    """Return the IPv6 addresses as browsers write them, in brackets.

    The pieces that are 0 decide where `::` is, so each choice of them has one form.
    """
    forms = {write_ipv6([*pieces]) for pieces in product((0, 1), repeat=8)}
    written = "|".join(sorted(forms)).replace("1", "[1-9a-f][0-9a-f]{0,3}")
    return minimise(words(rf"\[(?:{written})\]"))


@cache
def special_origins(schemes: tuple[str, ...]) -> Dfa:
    """Return the valid origins of schemes with a default port, except for the limits of length."""
    return origins(unite([named_hosts(), addresses(), ipv6_hosts()]), schemes)


@constant
def valid_origins() -> Dfa:
    """Return all valid origins, except for the limits of length."""
    nfa = Nfa()
    start, end = nfa.state(), nfa.state()
    others = subtract(words(f"{SCHEME}://"), words(f"(?:{'|'.join(_SPECIAL)}|file)://"))
    after = nfa.embed(others, start)
    for hosts in (words(OPAQUE), ipv6_hosts()):
        at = nfa.embed(hosts, after)
        nfa.free[at].append(end)
        nfa.free[nfa.embed(words(f":{PORT}"), at)].append(end)
    return unite([special_origins(_SPECIAL), determinise(nfa, start, end)])


class Family:
    """The valid origins that an entry matches, applied as ``regex.<how>``.

    Families are equal if their entries are. The automaton is built when it is first used.
    """

    def __init__(self, entry: Entry | str, how: str = "fullmatch") -> None:
        self.entry = entry
        self.how = how

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Family) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[Entry | str, str]:
        entry = self.entry.regex if isinstance(self.entry, Within) else self.entry
        return entry, self.how

    @property
    def written(self) -> str:
        return as_written(self.entry)

    @cached_property
    def _automaton(self) -> tuple[Dfa | None, str | None]:
        return _automaton(self._key())

    @property
    def dfa(self) -> Dfa | None:
        """The automaton of these origins; ``None`` if no automaton can express them."""
        return self._automaton[0]

    @property
    def unsupported(self) -> str | None:
        """The construct that no automaton can express, if there is one."""
        return self._automaton[1]

    @cached_property
    def ends(self) -> tuple[str, str]:
        """The text that all these origins begin with, and the text that all their hosts end in."""
        entry = self.entry
        if not isinstance(entry, (HostRule, Glob)):
            return "", ""
        host = f"*{entry.host}" if entry.host.startswith(".") else entry.host
        return f"{entry.scheme}://{host.partition('*')[0]}", host.rpartition("*")[2]

    @cached_property
    def _match(self) -> Callable[[str], object]:
        assert not isinstance(self.entry, str)
        match: Callable[[str], object] = getattr(regex_of(self.entry), self.how)
        return match

    def may_match(self, origin: str) -> bool:
        """Return whether the text of a rule or glob does not exclude this valid origin."""
        head, tail = self.ends
        return origin.startswith(head) and tail in origin

    def matches(self, origin: str) -> bool:
        """Return whether this valid origin is in the family."""
        if isinstance(self.entry, str):
            return self.entry == "*" or origin.partition("://")[0] in WEB_SCHEMES
        if not self.may_match(origin):
            return False
        if isinstance(self.entry, HostRule):
            parts = parse_origin(origin)
            return parts is not None and follows(self.entry, parts)
        return self._match(origin) is not None

    def is_apart_from(self, other: Family) -> bool:
        """Return whether the text of two entries shows that they have no origin in common."""
        (head, tail), (first, last) = self.ends, other.ends
        begin = head.startswith(first) or first.startswith(head)
        return not (begin and (tail.endswith(last) or last.endswith(tail)))


# The entries of a policy that allows any origin: every valid one, or those of web pages.
ANY = Family("*")
ANY_WEB = Family("http://*, https://*")


@charged
def _automaton(key: tuple[Entry | str, str]) -> tuple[Dfa | None, str | None]:
    entry, how = key
    if isinstance(entry, str):
        return valid_origins() if entry == "*" else special_origins(("http", "https")), None
    try:
        whole = compile_regex(regex_of(entry), how=how)
        return minimise(intersect(whole, valid_origins())), None
    except NotRegularError as reason:
        return None, str(reason)
    except TooManyStatesError:
        spend(0)  # raises again if it was not the number of states
        return None, TOO_LARGE


# -- words within the limits of length -------------------------------------------------------


def shortest_origins(
    dfa: Dfa, *, less: Iterable[Dfa] = (), without: Iterable[str] = ()
) -> Iterator[str]:
    """Yield origins of a subset of `valid_origins`, shortest first, at least one if there are any.

    It need not yield all of them.

    Args:
        less: automata of origins that are skipped. They are only run as far as needed, because
            the shortest origin is found long before a subtraction is complete.
        without: more origins that are skipped.
    """
    machines, skipped = [dfa, *less], frozenset(without)
    # Most searches end without the limits of length, for which a state is searched again for each
    # length of the last label.
    first = next(_search(machines, skipped, counted=False), None)
    if first is None:
        return
    if parse_origin(first) is not None:
        yield first
    yield from (word for word in _search(machines, skipped, counted=True) if word != first)


def _search(machines: list[Dfa], skipped: frozenset[str], *, counted: bool) -> Iterator[str]:
    """Yield words of the first automaton that no other one accepts, breadth first."""
    if not machines[0].rows:
        return
    beginnings = {origin[:end] for origin in skipped for end in range(len(origin) + 1)}
    columns = [
        (character, columns)
        for character, *columns in zip(ALPHABET, *(dfa.classes for dfa in machines), strict=True)
    ]
    first: dict[tuple[int, ...], str] = {}
    for character, numbers in columns:
        first.setdefault(tuple(numbers), character)
    representatives = [(character, [*numbers]) for numbers, character in first.items()]
    # A word is in one state of each automaton. Those that have no longer word are left out.
    start = tuple((i, 0) for i, dfa in enumerate(machines) if dfa.rows)
    seen: set[object] = set()
    queue = [(start, "")]
    spend(len(machines) * len(ALPHABET) // 4)
    for states, word in queue:
        spend(2 * len(states) + len(representatives) // 2)
        _, *others = states
        accepted = machines[0].accepting[states[0][1]] and word not in skipped
        if accepted and not any(machines[i].accepting[state] for i, state in others):
            yield word
        rows = [(i, machines[i].rows[state]) for i, state in states]
        # Characters of one class differ where only one of them begins a skipped origin.
        for character, numbers in columns if word in beginnings else representatives:
            if rows[0][1][numbers[0]] == DEAD:
                continue
            longer = word + character
            length = _length(longer) if counted else 0
            if length is None:
                continue
            spend(2 + len(rows) // 2)
            target = tuple([(i, row[numbers[i]]) for i, row in rows if row[numbers[i]] != DEAD])
            key = longer if longer in beginnings else (target, length)
            if key not in seen:
                seen.add(key)
                queue.append((target, longer))


def _length(word: str) -> int | None:
    """Return the length of the scheme or label at the end; ``None`` if it exceeds a limit."""
    scheme, separator, rest = word.partition("://")
    if not separator:
        return len(word) if len(scheme.rstrip(":/")) <= MAX_SCHEME else None
    if scheme not in DEFAULT_PORTS or rest.startswith("["):
        return 0 if len(word) <= MAX_ORIGIN else None
    host, colon, _ = rest.partition(":")
    label = len(host.rpartition(".")[2])
    if label > MAX_LABEL or len(host.removesuffix(".")) > MAX_HOST:
        return None
    return 0 if colon else label
