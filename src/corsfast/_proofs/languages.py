"""Sets of origins as automata, for the proofs.

The length of an origin is checked by origin.py, because an automaton that counts to 253 would be
too large.
"""

from __future__ import annotations

import re
from functools import cache, cached_property, wraps

from .._options.fetch import DEFAULT_PORTS, WEB_SCHEMES
from .._options.limits import MAX_BACKTRACKING, MAX_PATTERN_STEPS
from .._options.networks import (
    LINK_LOCAL_IPV6,
    NOT_PUBLIC_IPV4,
    PRIVATE_IPV6,
    blocks,
    expression as block_expression,
    one_of,
)
from .._options.origin import DEVELOPMENT_DOMAINS, LABEL, NUMBER, OPAQUE, SCHEME
from .._options.patterns import (
    ORIGINS,
    Glob,
    HostRule,
    Network,
    Within,
    expression,
    expressions,
    write_pattern,
)
from .._options.suggestions import slips
from ..errors import PolicyError, Problem
from .automata import (
    DEAD,
    NOT_IN_WEB_ORIGINS,
    NOTHING,
    SYMBOL,
    Dfa,
    Nfa,
    TooManyStatesError,
    charged,
    determinise,
    intersect,
    limited,
    minimise,
    smallest,
    spend,
    steps_left,
    subtract,
    tabulate,
    unite,
    unlimited,
)
from .backtracking import is_slow, most_steps
from .regexes import Builder, NotRegularError, compile_regex, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, TypeGuard

    from .automata import Automaton
    from .intent import Intent

    Entry = HostRule | Glob | Network | Within | re.Pattern[str]


class Language:
    """The origins that an entry of ``allow_origins`` matches.

    The automata are built when one of them is first read, because many globs need none of their
    own.

    ``dfa`` accepts the web origins among them. ``others`` accepts the origins of other schemes,
    as far as a browser sends them.

    ``unsupported`` names the construct that an automaton cannot express, if there is one. Then
    ``dfa`` accepts more than the entry, or is ``None`` if even that is too large, and the regex
    decides.

    ``full_dfa`` is the automaton that the engines run. It is smaller, because it is not limited
    to origins. The engines validate an origin before they run it.

    ``steps`` tells how many steps that took.
    """

    dfa: Dfa | None
    unsupported: str | None
    full_dfa: Dfa | None
    others: Dfa | None
    steps: int

    def __init__(self, entry: Entry, how: str) -> None:
        self.entry = entry
        self.how = how

    if not TYPE_CHECKING:  # so that mypy finds a wrong name

        def __getattr__(self, name: str) -> object:
            """Build the automata, because one of their attributes is read for the first time."""
            before = steps_left()
            automata = _automata_of(self.entry, self.how)
            self.dfa, self.unsupported, self.full_dfa, self.others = automata
            self.steps = before - steps_left()
            return object.__getattribute__(self, name)

    @cached_property
    def most_steps(self) -> int:
        """The steps that `re` may take for one origin; 0 if it is not needed."""
        return 0 if self.unsupported is None else most_steps(regex_of(self.entry))


# The automaton is too large, although it can express the regex. `re` may be too slow as well.
TOO_LARGE = "its size"

TOO_LARGE_TOGETHER = "the size of all patterns together"

# Languages that are united at once; globs share beginnings and ends. More are united in halves.
MAX_AT_ONCE = 16
MAX_GLOBS_AT_ONCE = 512
# Steps to unite that many globs, and in proportion for fewer of them: 500 that differ in a name
# take up to a million.
MAX_STEPS_AT_ONCE = 3_000_000

# Any labels before a name.
SUBDOMAINS = r"(?:[a-z0-9_\-.]*\.)?"
OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
PORT = r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"

# The IPv4 addresses that no host on the internet has.
PRIVATE_ADDRESS = one_of(map(block_expression, blocks(NOT_PUBLIC_IPV4)))
# The same hosts as `is_development_host`.
DEVELOPMENT_HOST = (
    rf"(?:{SUBDOMAINS}(?:{'|'.join(map(re.escape, DEVELOPMENT_DOMAINS))})\.?"
    r"|127\.[0-9.]+|0\.0\.0\.0|\[::1?\])"
)


def constant(make: Callable[[], Dfa]) -> Callable[[], Dfa]:
    """Decorate a function whose result is computed once, at no pattern's expense."""

    @cache
    @wraps(make)
    def made() -> Dfa:
        with unlimited():
            return make()

    return made


def words(text: str) -> Dfa:
    """Return the language of a regular expression of this package."""
    spend(4 * len(text))
    return compile_regex(re.compile(text))


@constant
def named_hosts() -> Dfa:
    """Return the domain names, without addresses and names that look like one."""
    return minimise(
        subtract(words(rf"{LABEL}(?:\.{LABEL})*\.?"), words(rf"{SUBDOMAINS}{NUMBER}\.?"))
    )


@constant
def addresses() -> Dfa:
    return words(rf"{OCTET}(?:\.{OCTET}){{3}}")


@constant
def web_origins() -> Dfa:
    """Return every http and https origin."""
    return origins(unite([named_hosts(), addresses(), words(r"\[[0-9a-f:]+\]")]))


@constant
def other_origins() -> Dfa:
    """Return every origin of another scheme, except schemes that no page has.

    The exceptions are ws, wss, ftp, file, and schemes that are a slip away from http and https.
    """
    some = words(rf"{SCHEME}://(?:{OPAQUE}|\[[0-9a-f:]+\])(?::{PORT})?")
    unsent = ["https?", "wss?", "ftp", "file", *slips("http"), *slips("https")]
    return minimise(subtract(some, words(f"(?:{'|'.join(unsent)})://.*")))


@constant
def misspelled_web_origins() -> Dfa:
    """Return the words that begin like a web origin and have a character that none contains."""
    return minimise(words(f"https?://.*[{NOT_IN_WEB_ORIGINS}].*"))


@constant
def named_origins() -> Dfa:
    """Return the origins of domain names with at least two labels that are not reserved."""
    public = subtract(named_hosts(), words(DEVELOPMENT_HOST))
    return origins(intersect(public, words(r"[a-z0-9_\-]+\.[a-z0-9_\-.]*[a-z0-9_\-.]")))


@constant
def words_with_web_schemes() -> Dfa:
    return words("https?://.*")


@constant
def plain_https_origins() -> Dfa:
    """Return the named origins with https and no port.

    A pattern that matches all of these matches any origin.
    """
    return intersect(named_origins(), words(r"https://[^:]*"))


@constant
def public_addresses() -> Dfa:
    """Return the origins whose host is an address on the public internet."""
    v4 = subtract(addresses(), words(PRIVATE_ADDRESS))
    return origins(unite([v4, words(r"\[2[0-9a-f]{3}::[1-9a-f]\]")]))


@constant
def public_ipv6_addresses() -> Dfa:
    """Return the origins whose host may be a public IPv6 address, canonical or not."""
    return origins(words(r"\[(?:[23][0-9a-f]{3}:[0-9a-f:]+|::ffff:[0-9a-f:]+)\]"))


@constant
def compressed_ipv6_origins() -> Dfa:
    """Return origins with surely canonical IPv6 addresses, because no piece is written as 0."""
    piece = "[1-9a-f][0-9a-f]{0,3}"
    return origins(words(rf"\[{piece}(?::{piece}){{0,4}}::(?:{piece})?\]"))


@constant
def private_origins() -> Dfa:
    """Return the origins whose host is an address that exists only within a network."""
    v6 = one_of(map(block_expression, blocks((*PRIVATE_IPV6, LINK_LOCAL_IPV6))))
    return origins(unite([words(PRIVATE_ADDRESS), words(v6)]))


@constant
def insecure_origins() -> Dfa:
    """Return the plain http origins, except those of development hosts."""
    return subtract(
        intersect(web_origins(), words(r"http://.*")), words(rf"http://{DEVELOPMENT_HOST}(?::.*)?")
    )


@charged
def under(intent: Intent) -> Dfa:
    """Return the origins of some domains with all their subdomains, and of some single hosts."""
    choices = [rf"{SUBDOMAINS}{re.escape(domain)}" for domain in intent.domains]
    choices += map(re.escape, intent.hosts)
    if not choices:
        return NOTHING
    return words(rf"https?://(?:{'|'.join(sorted(choices))})\.?(?::[0-9]+)?")


def going_on(names: Iterable[str]) -> Dfa:
    """Return the origins whose hosts contain one of these names and continue after it."""
    choices = "|".join(map(re.escape, sorted(names)))
    return words(rf"https?://{SUBDOMAINS}(?:{choices})\.?[a-z0-9_\-].*")


def alone(rules: Iterable[str]) -> Dfa:
    """Return the origins whose hosts are public suffixes by one of these rules."""
    choices = [re.escape(rule).replace(r"\*", r"[a-z0-9_\-]+") for rule in rules]
    return words(rf"https?://(?:{'|'.join(choices)})\.?(?::[0-9]+)?")


def origins(hosts: Dfa, schemes: Iterable[str] = ("http", "https")) -> Dfa:
    """Return the web origins with these hosts, or the origins of other special schemes."""
    nfa = Nfa()
    start, end = nfa.state(), nfa.state()
    for scheme, default in ((scheme, DEFAULT_PORTS[scheme]) for scheme in schemes):
        at = nfa.embed(hosts, nfa.embed(words(f"{scheme}://"), start))
        ports = subtract(words(f":{PORT}"), words(f":{default}"))
        nfa.free[at].append(end)
        nfa.free[nfa.embed(ports, at)].append(end)
    return minimise(determinise(nfa, start, end))


def language_of(entry: Entry, *, how: str = "fullmatch") -> Language:
    """Return the language of an entry, applied as ``regex.<how>``."""
    return Language(entry, how)


def _automata_of(entry: Entry, how: str) -> tuple[Dfa | None, str | None, Dfa | None, Dfa | None]:
    regex, before = regex_of(entry), steps_left()
    # A glob or network of the web has no letter in upper case, and no other scheme.
    is_web = isinstance(entry, (Glob, Network)) and entry.scheme in WEB_SCHEMES
    try:
        # The proof needs the rest. A list of 180 random names takes 116,000 steps here.
        with limited(MAX_PATTERN_STEPS // 2):
            whole = compile_regex(regex, how=how)
            # With IGNORECASE each letter of a host would have two edges, and no text could be a
            # run.
            run = subtract(whole, misspelled_web_origins()) if _has_others(whole) else whole
            others = NOTHING if is_web else _with_other_schemes(whole)
            return intersect(whole, web_origins()), None, run, others
    except NotRegularError as reason:
        unsupported = str(reason)
    except TooManyStatesError:
        unsupported = TOO_LARGE
    try:
        # A larger automaton leaves too few steps for the proof of its wider language.
        with limited(MAX_PATTERN_STEPS * 2 // 3 - (before - steps_left())):
            wider = compile_regex(regex, how=how, widen=True)
            others = _with_other_schemes(wider)
            return intersect(wider, web_origins()), unsupported, None, others
    except TooManyStatesError:
        return None, unsupported, None, None


def _has_others(dfa: Dfa) -> bool:
    """Return whether a word has a character that no web origin contains."""
    columns = {dfa.classes[SYMBOL[character]] for character in NOT_IN_WEB_ORIGINS}
    return any(row[column] != DEAD for row in dfa.rows for column in columns)


def _with_other_schemes(dfa: Dfa) -> Dfa:
    """Return the origins of other schemes. Fast for most entries, because they have none."""
    rest = subtract(dfa, words_with_web_schemes())
    return intersect(rest, other_origins()) if rest.rows else NOTHING


def slow_regex(entry: Entry) -> Problem:
    """Return the problem of a regex for which `re` may be slow."""
    message = (
        f"{as_written(entry)!r} cannot be run as an automaton, and with `re` a request could make"
        " it take seconds: its repeats can divide one text in many ways."
    )
    hint = "it without look-around and back-references, or as several entries"
    return Problem("slow-regex", ORIGINS, entry, message, hint=hint)


def regex_of(entry: Entry) -> re.Pattern[str]:
    """Return an entry as a regular expression."""
    if isinstance(entry, re.Pattern):
        return entry
    return entry.regex if isinstance(entry, Within) else re.compile(expression(entry))


def as_written(entry: object) -> str:
    """Return the text of an entry of ``allow_origins``, or of a value in place of an entry."""
    if isinstance(entry, (HostRule, Glob, Network)):
        return write_pattern(entry)
    if isinstance(entry, (re.Pattern, Within)):
        return str(regex_of(entry).pattern)
    return str(entry)


def is_small(entry: object) -> TypeGuard[Glob | Network]:
    """Return whether an entry is a glob or network that is well within the limits.

    One with three stars and 128 characters takes up to 80,000 steps to prove.
    """
    return (
        isinstance(entry, (Glob, Network))
        and entry.host.count("*") <= 3
        and len(write_pattern(entry)) <= 128
    )


def run_together(
    languages: Sequence[Language],
) -> tuple[Automaton | None, list[tuple[re.Pattern[str], str]]]:
    """Return one automaton for all languages, and the entries left to `re` with the reason.

    Together the languages may have more states than the limit although each alone has fewer. Then
    the first ones are united as long as they fit: globs, then the smallest regexes. A regex for
    which `re` may be slow is left out; it has a problem already.

    Raises:
        PolicyError: for such a regex that does not fit.
    """
    small = sorted(filter(is_small, (item.entry for item in languages)), key=write_pattern)
    others = [item for item in languages if not is_small(item.entry)]
    left = [
        (regex_of(item.entry), item.unsupported)
        for item in others
        if item.unsupported is not None and item.most_steps <= MAX_BACKTRACKING
    ]
    fitting = [
        (item.entry, item.full_dfa) for item in others if item.full_dfa and item.full_dfa.rows
    ]
    fitting.sort(key=lambda item: len(item[1].rows))
    parts = [*small, *(dfa for _, dfa in fitting)]
    if not parts:
        return None, left
    share = MAX_STEPS_AT_ONCE // min(len(parts), MAX_GLOBS_AT_ONCE)
    united, many = _unite_first(parts, share)
    for entry in [*small, *(entry for entry, _ in fitting)][many:]:
        regex = regex_of(entry)
        if is_slow(regex):
            raise PolicyError([slow_regex(entry)])
        left.append((regex, TOO_LARGE_TOGETHER))
    return tabulate(united), left


def _unite_first(parts: list[Glob | Network | Dfa], share: int) -> tuple[Dfa, int]:
    """Return the automaton of the first languages, as many as fit, and their number.

    Many are united in halves, because all at once may be in as many states at the same time.

    Args:
        share: the steps for each glob of an attempt, so that a failed one is cheap.
    """
    half = len(parts) // 2
    if not half and isinstance(parts[0], Dfa):
        return minimise(parts[0]), 1
    has_dfas = isinstance(parts[-1], Dfa)
    most = share * len(parts) if half and not has_dfas else steps_left()
    if len(parts) <= (MAX_AT_ONCE if has_dfas else MAX_GLOBS_AT_ONCE):
        try:
            with limited(most):
                return unite_parts(parts), len(parts)
        except TooManyStatesError:
            if not half:
                raise
    first, many = _unite_first(parts[:half], share)
    if many < half:
        return first, many
    second, more = _unite_first(parts[half:], share)
    try:
        with limited(most):
            return unite_parts([first, second]), half + more
    except TooManyStatesError:
        return first, half


def unite_parts(parts: Iterable[Glob | Network | Dfa]) -> Dfa:
    """Return the automaton of these languages.

    Globs share the states of equal beginnings and of equal ends. So few states are reached at the
    same time, for example in `https://*-a-*.example.com` and `https://*-b-*.example.com`.
    """
    nfa = Nfa()
    start, end = nfa.state(), nfa.state()
    builder = Builder(nfa, widen=False, marks={})
    items: dict[str, Any] = {}
    tree: dict[str, Any] = {}
    for part in parts:
        if isinstance(part, Dfa):
            nfa.free[nfa.embed(part, start)].append(end)
            continue
        host, port = expressions(part)
        node = tree
        for item in parse(host):
            name = repr(item)
            items[name] = [item]
            node = node.setdefault(name, {})
        if port not in items:
            items[port] = parse(port)
        node[port] = {}

    numbers: dict[tuple[tuple[str, int], ...], int] = {(): 0}

    def number(node: dict[str, Any]) -> int:
        """Return the same number for nodes with the same continuations."""
        spend(2 + 2 * len(node))
        after = tuple([(name, number(child)) for name, child in node.items()])
        return numbers.setdefault(after, len(numbers))

    root = number(tree)
    continuations = list(numbers)
    states = {0: end}

    def build(node: int, at: int) -> None:
        if node in states:
            nfa.free[at].append(states[node])
            return
        states[node] = at
        for name, after in continuations[node]:
            build(after, builder.sequence(items[name], at, 0))

    if tree:
        build(root, start)
    return smallest(nfa, start, end)
