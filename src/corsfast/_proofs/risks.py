"""Prove that a policy allows no attacker's origin, or find an example of one.

A pattern is not judged by its text. Its language is an automaton, and the dangerous origins are
another one. A word that both accept is the example; without an example there is no problem. Only
the author's intent (intent.py) and the name of a risk are read from the text. The intent can also
be declared (`within`).

    foreign-origin  an origin of the language has a registrable domain that is not intended
    public-suffix   the same, and anyone can get that name under a suffix that is written out
    ...             the other risks are described at the code that finds them
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import lru_cache
from heapq import heappop, heappush
from itertools import count, groupby, islice

from .._options import fetch
from .._options.limits import MAX_BACKTRACKING, MAX_ORIGIN, MAX_PATTERN_STEPS, MAX_POLICY_STEPS
from .._options.networks import (
    attackers_address,
    is_loopback_block,
    is_private_host,
    is_public,
    private_within,
    write_address,
)
from .._options.origin import is_development_host, is_ipv4_like, parse_origin
from .._options.patterns import (
    ANY_PORT,
    ORIGINS,
    Glob,
    HostRule,
    Network,
    Within,
    block_of,
    write_pattern,
)
from .._options.records import NamedTuple
from .._options.suggestions import web_scheme
from ..errors import Problem
from .automata import (
    DEAD,
    SYMBOL,
    Dfa,
    TooManyStatesError,
    accepts,
    intersect,
    limited,
    reached,
    run,
    shortest_words,
    spend,
    steps_left,
    steps_to,
    subtract,
)
from .intent import Intent, intent_of
from .languages import (
    TOO_LARGE,
    Language,
    alone,
    as_written,
    compressed_ipv6_origins,
    going_on,
    insecure_origins,
    is_small,
    named_origins,
    plain_https_origins,
    private_origins,
    public_addresses,
    public_ipv6_addresses,
    regex_of,
    slow_regex,
    under,
    words,
)
from .public_suffixes import (
    is_public_suffix,
    public_suffix,
    registrable_domain,
    rule_of,
    suffixes_below,
    top_level_domains,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TypeGuard

    from .._options.spec import Spec
    from .languages import Entry


class Branch(NamedTuple):
    """A node in a tree of names: the next letters, the depth, and whether a name ends here."""

    letters: dict[str, Branch]
    depth: int
    ends: bool


# If a language is only known approximately, at most this many of its words are tried.
CANDIDATES = 64

# The ids of each browser's extensions. An entry that matches all of them matches any extension.
# Firefox and Safari use random UUIDs, version 4.
_UUID = "[{0}]{{8}}-[{0}]{{4}}-4[{0}]{{3}}-[{1}][{0}]{{3}}-[{0}]{{12}}"
_SAMPLE = "6f1c3f9e-0d4b-4c57-9a3e-8b2d5e7f1a90"
EXTENSIONS = {
    "chrome-extension": ("Chrome, Edge and Opera", "[a-p]{32}", "abcdefghijklmnop" * 2),
    "moz-extension": ("Firefox", _UUID.format("0-9a-f", "89ab"), _SAMPLE),
    "safari-web-extension": ("Safari", _UUID.format("0-9A-F", "89AB"), _SAMPLE.upper()),
}

# The schemes whose extensions have the same id for all users.
_LASTING = ("chrome-extension",)

_LISTED = "the origins that need credentials, one by one"

# Origins with arbitrary hosts. A pattern that does not match both does not match every origin.
PROBES = ("https://attacker.example", "https://a.b.attacker.example")


def find_risks(
    spec: Spec, languages: Sequence[Language], steps: dict[str, int] | None = None
) -> Iterator[Problem]:
    """Yield every risk of a well-formed spec, tolerated or not.

    Args:
        languages: those of the spec's globs and regexes.
        steps: receives how many steps were spent on each of them, by its text.
    """
    if spec.credentials:
        yield from _named_risks(spec)
    for rule in spec.rules:
        yield from rule_risks(rule, spec.credentials)
    for language in languages:
        before = steps_left()
        yield from language_risks(language, spec.credentials)
        if steps is not None:
            steps[as_written(language.entry)] = before - steps_left()


@contextmanager
def divided(steps: dict[str, int]) -> Iterator[None]:
    """Add the steps of the operations within to those of the entries, in equal parts.

    The search for corrections of an entry gets the rest.
    """
    before = steps_left()
    yield
    for text in steps:
        steps[text] += (before - steps_left()) // len(steps)


# -- exact origins and "*" -------------------------------------------------------------------


def _named_risks(spec: Spec) -> Iterator[Problem]:
    if spec.any_origin:
        message = "'*' with credentials lets every web site act as the user who visits it."
        yield _problem("any-origin-with-credentials", "*", message, _LISTED, PROBES[0])
    if "null" in spec.exact:
        message = (
            "'null' with credentials lets every web site act as the user: any site can send it."
        )
        hint = "the page's real origin"
        yield _problem("null-origin-with-credentials", "null", message, hint, "null")
    for text in spec.exact:
        if text.startswith("http://"):
            origin = parse_origin(text)
            if origin is not None and not is_development_host(origin.host):
                yield _insecure(text, text, None, private=is_private_host(origin.host))


def _insecure(value: object, shown: str, example: str | None, *, private: bool = False) -> Problem:
    """Return the problem that plain http is allowed.

    Args:
        private: whether every host allowed over http has an address within a network.
    """
    secure = None if isinstance(value, (re.Pattern, Within)) else with_https(shown)
    message = (
        f"{shown!r} allows plain http: with credentials, an attacker on the network can act as"
        " the user."
    )
    if private:
        message = (
            f"{shown!r} allows plain http: no attacker on the internet can have such an address,"
            " but with credentials every machine on that network, or on another network with the"
            " same addresses, can act as the user."
        )
    return _problem("insecure-origin", value, message, secure and repr(secure), example)


def _problem(
    code: str, value: object, message: str, hint: str | None = None, example: str | None = None
) -> Problem:
    return Problem(code, ORIGINS, value, message, hint=hint, example=example)


def with_https(shown: str) -> str | None:
    """Return an http entry with https; ``None`` if its host cannot have a certificate.

    Certificates are for names of the public DNS. `.onion` is on the Public Suffix List, but its
    services use plain http. Documentation uses `.example` in place of a public name.
    """
    scheme, _, rest = shown.partition("://")
    host = re.sub(r":(?:\d+|\*|\[[\d,-]+\])$", "", rest).removesuffix(".")
    top = host.rpartition(".")[2]
    if scheme != "http" or "." not in host or top == "onion":
        return None
    return f"https://{rest}" if top == "example" or is_public_suffix(top) else None


# -- whole labels and ports ------------------------------------------------------------------


def rule_risks(rule: HostRule, credentials: bool) -> Iterator[Problem]:
    """Yield the risks of `https://*.example.com` and `http://localhost:*`."""
    shown = write_pattern(rule)
    # The root's dot makes another host, but not another owner.
    host = rule.host.removeprefix(".")
    domain = host.removesuffix(".")
    if credentials and rule.scheme == "http" and not is_development_host(domain):
        yield _insecure(shown, shown, None, private=is_private_host(rule.host))
    if not rule.host.startswith("."):
        return
    open_suffixes = [domain] if is_public_suffix(domain) else suffixes_below(domain)
    if open_suffixes:
        name = open_suffixes[0].replace("*", "a")
        root = host.removeprefix(domain)
        example = f"{rule.scheme}://attacker.{name}{root}{_port(rule)}"
        yield _open_suffix(shown, shown, open_suffixes[0], example)


def _port(rule: HostRule | Network) -> str:
    """Return a port that a rule matches, as an origin writes it."""
    ports = [first or last for first, last in rule.ports if rule.ports != ANY_PORT and last]
    default = fetch.DEFAULT_PORTS[rule.scheme]
    return "".join(f":{port if port != default else port + 1}" for port in ports[:1])


def _open_suffix(value: object, shown: str, suffix: str, example: str) -> Problem:
    message = f"{shown!r} allows names under {suffix}, where anyone can get one."
    return _problem("public-suffix", value, message, "the names that are yours", example)


# -- networks --------------------------------------------------------------------------------


def _network_risks(rule: Network, credentials: bool) -> Iterator[Problem]:
    """Yield the risks of `http://10.0.0.0/8:*`.

    A public network is written out like an exact origin, so its author knows the owner. A network
    that is too wide for a single organization may contain attackers.
    """
    shown = write_pattern(rule)
    block = block_of(rule)
    assert block is not None  # the address has already been parsed
    public = attackers_address(block)
    if public is not None:
        private = [
            write_pattern(rule._replace(host=write_address(within), prefix=within.prefix))
            for within in private_within(block)
        ]
        hint = ", ".join(map(repr, private)) or None
        message = (
            f"{shown!r} covers public addresses, and is too wide to belong to one organization."
        )
        example = f"{rule.scheme}://{public}{_port(rule)}"
        yield _problem("foreign-origin", shown, message, hint, example)
    if credentials and rule.scheme == "http" and not is_loopback_block(block):
        yield _insecure(shown, shown, None, private=not is_public(block))


# -- globs and regexes -----------------------------------------------------------------------


def language_risks(language: Language, credentials: bool) -> list[Problem]:
    """Return the risks of one glob or regex, and a problem if it matches nothing."""
    if isinstance(language.entry, Network):
        return [*_network_risks(language.entry, credentials)]
    if stays_within_a_domain(language.entry, credentials):
        return []
    return risks_by_automata(language, credentials)


def risks_by_automata(language: Language, credentials: bool) -> list[Problem]:
    """Return the same as `language_risks`, but look at no glob's text."""
    found: list[Problem] = []
    try:
        with limited(MAX_PATTERN_STEPS - language.steps):
            found += _language_risks(language, credentials)
    except TooManyStatesError:
        found.append(_too_many_steps(language.entry))
    return found


def stays_within_a_domain(entry: Entry, credentials: bool) -> bool:
    """Return whether a glob has no risk, because of the domain that is written at its end.

    All hosts of `https://*-preview.example.com` end in `.example.com`, which has one owner because
    no public suffix is below it. The automata come to the same result in 8,000 steps.
    """
    if not isinstance(entry, Glob) or not is_small(entry):
        return False
    if credentials and entry.scheme == "http":
        return False
    domain = registrable_domain(entry.host.rpartition("*")[2].partition(".")[2])
    return domain is not None and not suffixes_below(domain)


def _too_many_steps(entry: object) -> Problem:
    shown = as_written(entry)
    message = f"{shown!r} cannot be proven within {MAX_PATTERN_STEPS} steps (MAX_PATTERN_STEPS)."
    return _problem("unproven", entry, message, "it as several entries")


def too_many_steps_together() -> Problem:
    """Return the problem of patterns that cannot be proven within `limited(MAX_POLICY_STEPS)`."""
    message = (
        "the globs, networks and regexes cannot be proven within"
        f" {MAX_POLICY_STEPS} steps (MAX_POLICY_STEPS)."
    )
    hint = "fewer or simpler ones, or look origins up with a resolver"
    return Problem("too-long", ORIGINS, None, message, hint=hint)


def _language_risks(language: Language, credentials: bool) -> Iterator[Problem]:
    entry, dfa, others = language.entry, language.dfa, language.others
    shown = as_written(entry)
    if language.most_steps > MAX_BACKTRACKING:
        yield _too_many_steps(entry) if language.unsupported == TOO_LARGE else slow_regex(entry)
        return
    if dfa is None or others is None:
        yield _too_many_steps(entry)
        return
    # Without a written `//`, a wildcard matches the scheme, and a scheme of the web is meant.
    if not dfa.rows and not (others.rows and "//" in _unescaped(shown)):
        yield _unmatchable(entry, shown)
        return
    if allows_any_origin(dfa) and language.unsupported is None:
        yield _any_origin(entry, shown, credentials)
        return
    try:
        yield from _attacker_risks(language, shown)
    except TooManyStatesError:
        spend(0)  # raises again if it was not the number of states
        yield _unproven(entry, shown, TOO_LARGE)
    if credentials:
        plain = intersect(dfa, insecure_origins())
        insecure, _ = _confirm(language, shortest_words(plain))
        if insecure is None:
            # The shortest words with an IPv6 address are rarely canonical, so look for others.
            short = intersect(plain, compressed_ipv6_origins())
            insecure, _ = _confirm(language, shortest_words(short))
        # With TOO_LARGE no example is confirmed, but the wider automaton has the same schemes.
        if insecure is not None or (language.unsupported == TOO_LARGE and plain.rows):
            private = not subtract(plain, private_origins()).rows
            yield _insecure(entry, shown, insecure, private=private)
        yield from _extension_risk(language, others, shown)


def _extension_risk(language: Language, others: Dfa, shown: str) -> Iterator[Problem]:
    """Yield a problem for each browser of which every extension is allowed."""
    for scheme, (browser, ids, sample) in EXTENSIONS.items():
        origin = f"{scheme}://{sample}"
        if not accepts(others, origin):
            continue
        if language.unsupported != TOO_LARGE and _confirm(language, [origin])[0] is None:
            continue
        if not subtract(words(f"{scheme}://{ids}"), others).rows:
            message = (
                f"{shown!r} allows every extension of {browser}: with credentials, any of them"
                " can act as the user."
            )
            value = shown if isinstance(language.entry, Glob) else language.entry
            hint = "the origins that are yours, one by one" if scheme in _LASTING else None
            yield _problem("any-extension", value, message, hint, origin)
            return


def _attacker_risks(language: Language, shown: str) -> Iterator[Problem]:
    """Yield each public suffix under which an attacker is allowed, then any other attacker.

    A tolerated risk must not hide another one. So the search continues without the names under
    that suffix, and another attacker is reported only after all suffixes.
    """
    dfa, intent = language.dfa, _intent(language.entry)
    while dfa is not None:
        allowed, others = _confirm(language, attacker_origins(dfa, intent))
        if allowed is None:
            if others:
                yield _unproven(language.entry, shown, language.unsupported)
            return
        suffix = _written_suffix(shown, _host(allowed))
        if suffix is None:
            try:
                yield from _hidden_suffixes(language, dfa, intent, shown)
                allowed = _of_another_domain(language, dfa, intent, shown, allowed)
            except TooManyStatesError:
                yield _foreign(language.entry, shown, allowed)
                raise
            yield _foreign(language.entry, shown, allowed)
            return
        yield _open_suffix(language.entry, shown, suffix, allowed)
        dfa = subtract(dfa, _under_name(suffix))


def _hidden_suffixes(language: Language, dfa: Dfa, intent: Intent, shown: str) -> Iterator[Problem]:
    """Yield the written suffixes under which an attacker is allowed, but is not found first.

    An open end matches every suffix after it. That is not a wildcard before a suffix, so it does
    not count here.
    """
    for suffix in dict.fromkeys(_written_suffixes(shown)):
        below = _under_name(suffix)
        open_ends = going_on({suffix, *intent.domains, *intent.hosts})
        allowed, _ = _confirm(
            language, attacker_origins(subtract(intersect(dfa, below), open_ends), intent)
        )
        if allowed is not None:
            yield _open_suffix(language.entry, shown, suffix, allowed)
            dfa = subtract(dfa, below)


def _of_another_domain(
    language: Language, dfa: Dfa, intent: Intent, shown: str, allowed: str
) -> str:
    """Return this attacker origin, or a more convincing one if its domain is written out.

    If a name may continue after the written one, the intent is uncertain, and the shortest
    attacker origin has the written domain itself.
    """
    domain = registrable_domain(_host(allowed))
    if isinstance(language.entry, Within) or not _is_written(domain, shown):
        return allowed
    try:
        others = subtract(dfa, _under_name(domain))
        return _confirm(language, attacker_origins(others, intent))[0] or allowed
    except TooManyStatesError:
        return allowed


def _under_name(name: str) -> Dfa:
    return under(Intent(frozenset({name}), frozenset()))


def _is_written(domain: str | None, shown: str) -> TypeGuard[str]:
    """Return whether a domain is written in an entry, perhaps with escaped dots."""
    return domain is not None and bool(
        re.search(rf"(?<![a-z0-9_-]){re.escape(domain)}", _unescaped(shown))
    )


def _unescaped(shown: str) -> str:
    return shown.replace("\\", "")


def allows_any_origin(dfa: Dfa) -> bool:
    """Return whether every https origin with a domain name and no port is allowed."""
    if not all(accepts(dfa, probe) for probe in PROBES):
        return False
    return not subtract(plain_https_origins(), dfa).rows


def attacker_origins(dfa: Dfa, intent: Intent) -> Iterator[str]:
    """Yield origins that are allowed but not meant: by name, by address, and as tenants."""
    outside = subtract(dfa, under(intent))
    yield from registrable_words(intersect(outside, named_origins()))
    yield from shortest_words(intersect(outside, public_addresses()))
    yield from shortest_words(intersect(outside, public_ipv6_addresses()))
    # Names that anyone can get below an intended domain: up.railway.app, railway.app.
    for domain in sorted(intent.domains):
        if suffixes := suffixes_below(domain):
            yield from tenants(dfa, suffixes)


def _intent(entry: Entry) -> Intent:
    if isinstance(entry, Within):
        # Declaring a public suffix does not make every name under it the author's own.
        shared = frozenset(filter(is_public_suffix, entry.domains))
        return Intent(frozenset(entry.domains) - shared, shared)
    return intent_of(regex_of(entry))


def _host(origin: str) -> str:
    parsed = parse_origin(origin)
    return origin if parsed is None else parsed.host


def _confirm(language: Language, candidates: Iterable[str]) -> tuple[str | None, bool]:
    """Return the first candidate that the entry matches, or whether there were unproven ones."""
    others = False
    for candidate in islice(candidates, CANDIDATES):
        if parse_origin(candidate) is None:  # too long, which no automaton checks
            others = True
            continue
        if language.unsupported is None:
            return candidate, False
        spend(language.most_steps * len(candidate) // (MAX_ORIGIN * 6))
        if language.unsupported != TOO_LARGE and regex_of(language.entry).fullmatch(candidate):
            return candidate, False
        others = True
    return None, others


# -- messages --------------------------------------------------------------------------------


def _any_origin(entry: object, shown: str, credentials: bool) -> Problem:
    if credentials:
        message = (
            f"{shown!r} allows every origin: with credentials, any web site can act as the"
            " user who visits it."
        )
        return _problem("any-origin-with-credentials", entry, message, _LISTED, PROBES[0])
    message = f"{shown!r} allows every origin."
    return _problem("foreign-origin", entry, message, "'*'", PROBES[0])


def _written_suffix(shown: str, host: str) -> str | None:
    """Return the public suffix of an attacker's host if the entry has it after a `.`, `-` or `*`.

    Then the wildcard matches names that anyone can get. Otherwise it reaches other domains.
    """
    suffix = public_suffix(host)
    if suffix is None:
        return None
    suffix = rule_of(suffix).removeprefix("*.")
    before, found, _ = _unescaped(shown).partition(suffix)
    return suffix if found and "." in suffix and before[-1:] in (".", "-", "*") else None


def _written_suffixes(shown: str) -> Iterator[str]:
    """Yield the written public suffixes of several labels, placed as in `_written_suffix`."""
    label = "[a-z0-9-]{1,63}"
    for names in re.finditer(rf"(?<=[.*-])(?=({label}(?:\.{label}){{1,7}}))", _unescaped(shown)):
        labels = names[1].split(".")
        for many in range(2, len(labels) + 1):
            name = ".".join(labels[:many])
            if is_public_suffix(name) or rule_of(f"a.{name}") == f"*.{name}":
                yield name


def _foreign(entry: Entry, shown: str, example: str) -> Problem:
    host = _host(example)
    if is_ipv4_like(host) or host.startswith("["):
        message = f"{shown!r} allows addresses on the public internet."
    elif isinstance(entry, Within):
        declared = ", ".join(entry.domains)
        message = f"{shown!r} also allows {host}, which is not within {declared}."
    elif _is_written(registrable_domain(host), shown):
        message = f"{shown!r} also allows {host}, which does not look intended."
    else:
        message = f"{shown!r} also allows {registrable_domain(host)}, which does not appear in it."
    return _problem("foreign-origin", entry, message, example=example)


def _unproven(entry: object, shown: str, unsupported: str | None) -> Problem:
    message = (
        f"{shown!r} cannot be proven to keep attackers out, because of"
        f" {unsupported or 'the length of what it matches'}."
    )
    hint = "it without that, or as several entries"
    return _problem("foreign-origin", entry, message, hint)


def _unmatchable(entry: object, shown: str) -> Problem:
    message = (
        f"{shown!r} matches no serialized origin that a browser sends ({why_unmatchable(shown)})."
    )
    return _problem("unmatchable-pattern", entry, message)


# Beginnings of a regex that are never sent, without signs that only group, each with a reason.
_NEVER_SENT = (
    (r"wss?\b", "a WebSocket handshake is sent with the http or https origin of its page"),
    (r"file\b", "a page that was opened from a file sends 'null'"),
    (r"ftp\b", "browsers no longer open pages over ftp"),
    (r"null\b", "'null' matches only where it is listed by name"),
)


def why_unmatchable(shown: str, *, whole: bool = True) -> str:
    """Return why a regex matches nothing, or a part of a regex, which need not be `whole`."""
    if "\\\\" in shown:
        return "a backslash is doubled"
    if shown.rstrip("$)?").endswith("/"):
        return "origins do not end in a slash"
    text = re.sub(r"\\[A-Za-z]|\(\?[A-Za-z<=!>:]*", "", shown)
    text = _unescaped(text).lstrip("^(").replace("s?:", "s:")
    for start, reason in _NEVER_SENT:
        if re.match(start, text):
            return reason
    scheme = re.match(r"[a-z]+(?=://|$)", text)
    if scheme and scheme[0] not in fetch.WEB_SCHEMES and web_scheme(scheme[0]):
        return "its scheme is misspelled"
    if not whole and text.startswith("/"):
        return "an origin has no path"
    if whole and "//" not in text and not (re.search(r"[*+?]", text) and ":" in text):
        return "an origin begins with its scheme"
    if re.search("[A-Z]", text):
        return "browsers write scheme and host in lower case"
    if re.search(r":(?:80|443)(?![0-9])|^(?:80|443)$", text):
        return "browsers leave out the default port"
    return "an origin is scheme://host[:port], as a browser writes it"


# -- searching -------------------------------------------------------------------------------


def registrable_words(dfa: Dfa) -> Iterator[str]:
    """Yield words of a language of named origins whose host an attacker can register.

    The host of a shortest word may be a public suffix (``e.run.app``), which hides the longer
    words under it (``e.e.run.app``). Such hosts are removed until none is left.
    """
    rules: set[str] = set()
    while dfa.rows:
        for origin in delegated_words(dfa):
            host = _host(origin)
            if registrable_domain(host) is not None:
                yield origin
            elif parse_origin(origin) is not None:
                rules.add(rule_of(host.removesuffix(".")))
        if not rules:
            return
        dfa = subtract(dfa, alone(sorted(rules)))
        rules.clear()


def tenants(dfa: Dfa, suffixes: Iterable[str]) -> list[str]:
    """Return words with at least one label before one of these suffixes, shortest first."""
    tails = _tails(dfa)
    behind = list(_behind_dots(dfa))
    deeper = None
    found = []
    for suffix in suffixes:
        name = suffix.removeprefix("*.")
        if deeper is None and name != suffix:
            deeper = [
                (prefix + label, state)
                for prefix, above in behind
                for label, state in _behind_dots(dfa, above)
            ]
        for prefix, state in behind if name == suffix else deeper or ():
            spend(1 + len(name) // 4)
            end = run(dfa, name, state)
            if end in tails:
                found.append(prefix + name + tails[end])
    return sorted(found, key=len)


def delegated_words(dfa: Dfa) -> Iterator[str]:
    """Yield words of a language of named origins whose last label is delegated, shortest first.

    The top-level domains form a tree of letters, which is walked in parallel with the automaton
    from each dot on. As an automaton they would have thousands of states. A branch is skipped if
    it is too short to reach a state that may end a host.
    """
    if not dfa.rows:
        return
    tails = _tails(dfa)
    steps = steps_to(dfa, tails)
    # (length, number, word, its state, the branch of the tree or None after a whole name)
    walks: list[tuple[int, int, str, int, Branch | None]] = []
    order = count()  # a tie-breaker, so that equal words are not compared further
    for prefix, state in _behind_dots(dfa):
        heappush(walks, (len(prefix), next(order), prefix, state, _domain_tree()))
    while walks:
        length, _, word, state, branch = heappop(walks)
        spend(4 + (len(branch.letters) if branch else 0) // 2)
        if branch is None:
            yield word
            continue
        if branch.ends and state in tails:
            tail = tails[state]
            heappush(walks, (length + len(tail), next(order), word + tail, state, None))
        row = dfa.rows[state]
        for character, below in branch.letters.items():
            target = row[dfa.classes[SYMBOL[character]]]
            if target != DEAD and steps.get(target, below.depth + 1) <= below.depth:
                heappush(walks, (length + 1, next(order), word + character, target, below))


def _behind_dots(dfa: Dfa, start: int = 0) -> Iterator[tuple[str, int]]:
    """Yield each state that is entered by a dot, with a shortest word that does so."""
    dot = dfa.classes[SYMBOL["."]]
    seen = {DEAD}
    for state, word in reached(dfa, start):
        target = dfa.rows[state][dot]
        if target not in seen:
            seen.add(target)
            yield word + ".", target


def _tails(dfa: Dfa) -> dict[int, str]:
    """Return what may follow the last label: nothing, the root's dot, a shortest port, or both."""
    tails = {state: "" for state, accepting in enumerate(dfa.accepting) if accepting}
    colon, dot = dfa.classes[SYMBOL[":"]], dfa.classes[SYMBOL["."]]
    for state, row in enumerate(dfa.rows):
        if state not in tails and row[colon] != DEAD:
            port = next(shortest_words(dfa, row[colon]), "")
            if port.isdigit():
                tails[state] = f":{port}"
    rooted = {
        state: f".{tails[row[dot]]}" for state, row in enumerate(dfa.rows) if row[dot] in tails
    }
    return rooted | tails


@lru_cache(maxsize=1)
def _domain_tree() -> Branch:
    return _branch(sorted(top_level_domains()), 0)


def _branch(names: list[str], at: int) -> Branch:
    """Return the subtree of names that agree up to `at`."""
    letters = {
        letter: _branch(list(group), at + 1)
        for letter, group in groupby((n for n in names if len(n) > at), key=lambda n: n[at])
    }
    depth = 1 + max((branch.depth for branch in letters.values()), default=-1)
    return Branch(letters, depth, any(len(name) == at for name in names))
