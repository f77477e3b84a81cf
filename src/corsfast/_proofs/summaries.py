"""Write the language of an automaton as a few patterns, if it is that simple.

    automaton of valid origins  ->  hosts for each scheme and set of ports  ->  pieces

A piece is guessed from a shortest word of what is left, proven to lie within it, and removed. So
the pieces are exactly the language.
"""

from __future__ import annotations

import re
from functools import lru_cache

from .._options.fetch import DEFAULT_PORTS
from .._options.networks import PRIVATE_IPV4, blocks, expression, holds, parse_block, write_address
from .._options.origin import valid_ipv4
from .._options.patterns import (
    ANY_PORT,
    INSIDE_A_LABEL,
    Glob,
    HostRule,
    Network,
    merged,
    write_pattern,
)
from .._options.records import NamedTuple
from .automata import (
    ALPHABET,
    DEAD,
    SYMBOL,
    Dfa,
    accepts,
    intersect,
    minimise,
    run,
    shortest_words,
    subtract,
)
from .languages import addresses, named_hosts, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._options.patterns import Ports


class Label(NamedTuple):
    """A family of hosts with one label that varies: ``before`` CHARACTERS ``after``."""

    scheme: str
    before: str
    characters: str
    after: str
    ports: Ports


class AnyName(NamedTuple):
    """Every domain name."""

    scheme: str
    ports: Ports


Piece = HostRule | Network | Label | AnyName | str

# More pieces than this are not simple.
MAX_PIECES = 8
# An automaton with more states than this has no simple pieces.
MAX_STATES = 160

# The characters of a label that varies, from many to few, with some words of each. The words reject
# most guesses without an automaton.
ONE_LABEL = r"[a-z0-9_\-]+"
CHARACTERS = {
    ONE_LABEL: ("a_0", "01"),
    INSIDE_A_LABEL: ("a-0", "01"),
    "[a-z0-9]+": ("a0", "01"),
    "[a-z]+": ("ab",),
    "[0-9]+": ("01",),
}

_NO_PORT = ((0, 0),)


def patterns_of(dfa: Dfa) -> list[str] | None:
    """Return patterns for exactly these origins, or ``None`` if there are no simple ones."""
    patterns = []
    for piece in pieces_of(dfa) or ():
        if isinstance(piece, Label):
            # A star is a part of a label, or means many labels.
            inside = piece.characters == INSIDE_A_LABEL
            if not inside or not (piece.before or not piece.after.startswith(".")):
                return None
            host = f"{piece.before}*{piece.after}"
            patterns += _written(Glob(piece.scheme, host, piece.ports))
        elif isinstance(piece, AnyName):
            return None
        else:
            patterns += [piece] if isinstance(piece, str) else _written(piece)
    return patterns or None


def _written(rule: HostRule | Glob | Network) -> list[str]:
    """Return one pattern, or two: a set of ports cannot hold the origins without a port."""
    (first, last), *others = rule.ports
    if first or rule.ports in (ANY_PORT, _NO_PORT):
        return [write_pattern(rule)]
    ports = merged([(1, last), *others] if last else others)
    return [write_pattern(rule._replace(ports=part)) for part in (_NO_PORT, ports)]


def pieces_of(dfa: Dfa) -> list[Piece] | None:
    """Return pieces for exactly these origins, or ``None`` if there are no simple ones.

    Args:
        dfa: a subset of `valid_origins`.
    """
    dfa = minimise(dfa)
    if not dfa.rows:
        return []
    if len(dfa.rows) > MAX_STATES:
        return None
    # One column for each character, because a colon may share one with other characters.
    dfa = Dfa(
        tuple(range(len(ALPHABET))),
        [tuple([row[column] for column in dfa.classes]) for row in dfa.rows],
        dfa.accepting,
    )
    found: list[Piece] = []
    others = subtract(dfa, words("https?://.*"))
    while others.rows:
        word = next(shortest_words(others))
        others = subtract(others, words(re.escape(word)))
        if len(found) == MAX_PIECES or len(others.rows) > MAX_STATES:
            return None
        found.append(word)
    for scheme in ("https", "http"):
        start = run(dfa, f"{scheme}://")
        for ports, hosts in _hosts_by_ports(dfa, start, scheme) if start != DEAD else ():
            pieces = _host_pieces(hosts, scheme, ports, MAX_PIECES - len(found))
            if pieces is None:
                return None
            found += pieces
    return found


def _hosts_by_ports(dfa: Dfa, start: int, scheme: str) -> Iterator[tuple[Ports, Dfa]]:
    """Yield the hosts after a scheme, grouped by the ports that may follow them."""
    colon, opening, closing = (SYMBOL[character] for character in ":[]")
    index = {(start, False): 0}
    queue = list(index)
    rows = []
    for state, inside in queue:
        row = []
        for symbol, target in enumerate(dfa.rows[state]):
            if target == DEAD or (symbol == colon and not inside):
                row.append(DEAD)
                continue
            node = (target, (inside or symbol == opening) and symbol != closing)
            if node not in index:
                index[node] = len(index)
                queue.append(node)
            row.append(index[node])
        rows.append(tuple(row))
    # The automaton is minimal, so equal sets of ports have the same state.
    ends = [
        None if inside else (dfa.accepting[state], dfa.rows[state][colon])
        for state, inside in queue
    ]
    for end in dict.fromkeys(ends):
        if end is not None and end != (False, DEAD):
            accepting, target = end
            ports = [(0, 0)] * accepting + _ports(dfa, target, DEFAULT_PORTS[scheme])
            yield merged(ports), minimise(Dfa(dfa.classes, rows, [e == end for e in ends]))


def _ports(dfa: Dfa, start: int, default: int) -> list[tuple[int, int]]:
    """Return the ports that are accepted from a state."""
    if start == DEAD:
        return []
    index = {start: 0}
    rows = []
    queue = [start]
    for state in queue:
        targets = [dfa.rows[state][SYMBOL[str(digit)]] for digit in range(10)]
        for target in targets:
            if target != DEAD and target not in index:
                index[target] = len(index)
                queue.append(target)
        rows.append((dfa.accepting[state], *(index.get(target, DEAD) for target in targets)))
    return _numbers(tuple(rows), default)


@lru_cache(maxsize=64)
def _numbers(rows: tuple[tuple[int, ...], ...], default: int) -> list[tuple[int, int]]:
    """Return the numbers that a table of digits accepts, as ranges.

    The default port is never written, so a range may hold it.
    """
    numbers: list[int] = []
    stack = [(0, 0)]
    while stack:
        state, number = stack.pop()
        accepting, *targets = rows[state]
        if accepting:
            numbers.append(number)
        stack += [(to, number * 10 + digit) for digit, to in enumerate(targets) if to != DEAD]
    if {default - 1, default + 1} <= {*numbers}:
        numbers.append(default)
    return [*merged((number, number) for number in numbers)]


def _host_pieces(hosts: Dfa, scheme: str, ports: Ports, limit: int) -> list[Piece] | None:
    found: list[Piece] = []
    while hosts.rows:
        if len(found) >= limit:
            return None
        piece, guess = _widest(next(shortest_words(hosts)), hosts, scheme, ports)
        found.append(piece)
        hosts = minimise(subtract(hosts, guess))
    return found


def _widest(word: str, hosts: Dfa, scheme: str, ports: Ports) -> tuple[Piece, Dfa]:
    """Return a family of these hosts that holds a word, with its automaton."""
    for piece, samples, text in _guesses(word, scheme, ports):
        if all(accepts(hosts, sample) for sample in samples):
            guess = _host_language(text)
            if accepts(guess, word) and not subtract(guess, hosts).rows:
                return piece, guess
    return HostRule(scheme, word, ports), words(re.escape(word))


def _guesses(word: str, scheme: str, ports: Ports) -> Iterator[tuple[Piece, tuple[str, ...], str]]:
    """Yield families that may hold a host, the widest first: samples, and a regex of the hosts."""
    if valid_ipv4(word):
        single = parse_block(word, 32)
        assert single is not None
        for block in blocks((*PRIVATE_IPV4, "127.0.0.0/8")):
            if holds(block, single):
                network = Network(scheme, write_address(block), block.prefix, ports)
                yield network, (), expression(block)
        return
    if not word[0].isalnum() or not word[-1].isalnum():
        return
    yield AnyName(scheme, ports), ("a", "b.0.c-d.", "com"), r"[a-z0-9_\-.]+"
    labels = word.split(".")
    for at in range(len(labels) - 1, 0, -1):
        suffix = "." + ".".join(labels[at:])
        samples = (f"a{suffix}", f"0_.b-c{suffix}")
        yield HostRule(scheme, suffix, ports), samples, rf"[a-z0-9_\-.]+{re.escape(suffix)}"
    for at, character in enumerate(word):
        before, after = word[:at], word[at + 1 :]
        for characters, middles in CHARACTERS.items() if character != "." else ():
            tried = tuple(f"{before}{middle}{after}" for middle in middles)
            text = f"{re.escape(before)}{characters}{re.escape(after)}"
            yield Label(scheme, before, characters, after, ports), tried, text


@lru_cache(maxsize=256)
def _host_language(text: str) -> Dfa:
    hosts = addresses() if text[0].isdigit() or text.startswith("(?:") else named_hosts()
    return minimise(intersect(words(text), hosts))
