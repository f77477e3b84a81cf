"""Write the patterns of a policy as regexes that PCRE, RE2 and JavaScript read in the same way.

Proxies match text and don't know what an origin is. So `well_formed` and `MALFORMED` say which
texts are serialized origins: those that match the former in full and the latter nowhere. They need
no look-around, because RE2 has none. A backslash occurs only in `\\t` and `\\x..`, because each
configuration language has its own rules for it.
"""

from __future__ import annotations

import re
from re import _constants  # type: ignore[attr-defined]

from .._options.fetch import FORBIDDEN_METHODS, NON_WILDCARD_REQUEST_HEADER
from .._options.limits import (
    MAX_ELEMENT_OWS,
    MAX_EMPTY_ELEMENTS,
    MAX_HEADER_LIST,
    MAX_HEADER_NAME,
    MAX_METHOD,
    MAX_ORIGIN,
    MAX_SCHEME,
)
from .._options.origin import valid_host
from .._options.patterns import ANY_PORT, Glob, HostRule, Network, expression
from .._options.records import NamedTuple
from .._proofs.automata import ALPHABET, DEAD, EVERYTHING, intersect
from .._proofs.backtracking import is_slow
from .._proofs.languages import PORT, language_of, regex_of, words
from .._proofs.regexes import LETTERS, ONE_CHARACTER, REPEATS, START, matched_by, parse
from .._proofs.summaries import pieces_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._proofs.automata import Dfa
    from .._proofs.languages import Entry

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
# A last label that is not a number, because a domain that ends in a number is an address.
_LAST_LABEL = "(?:[0-9]*[a-wyz_]|[0-9]+-|(?:[1-9][0-9]*|0[0-9]+)?x|0x[0-9a-f]*[g-z_-])[a-z0-9_-]*"
_DOMAIN = f"(?:[a-z0-9_-]+[.])*{_LAST_LABEL}[.]?"
_IPV4 = f"{_OCTET}(?:[.]{_OCTET}){{3}}"
_OPAQUE = "(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})+"
_PORT = f"(?::{PORT})?"

# A host or a label that is too long, a label that begins or ends with a hyphen, a default port.
MALFORMED = (
    "^https?:/(?:/[^:]{253}(?:[^:.]|[.][^:])|.*(?:[/.]-|-(?:[.:]|$)|[^.:/]{64}))"
    f"|^http:.*:80$|^https:.*:443$|^.{{{MAX_ORIGIN + 1}}}"
)

# More addresses or schemes than this are not listed one by one.
_MAX_LISTED = 8
# RE2 refuses nested repeats whose product is larger.
_MAX_REPEATS = 1000

# `tchar` of RFC 9110.
_TCHAR = "[!#-&\\x27*+.0-9A-Z^-z|~-]"
METHOD = f"{_TCHAR}{{1,{MAX_METHOD}}}"
_NAME = f"{_TCHAR}{{1,{MAX_HEADER_NAME}}}"
_ELEMENT = f"[ \\t]{{0,{MAX_ELEMENT_OWS}}}(?:{_NAME}[ \\t]{{0,{MAX_ELEMENT_OWS}}})?"
NAMES = f"{_ELEMENT}(?:,{_ELEMENT})*"
# Too many empty elements, too many characters, and more than half of the allowed blanks on one side
# of a name with blanks on both sides, because a regex cannot add two numbers.
_FILLED = "[ \\t]*[^, \\t][^,]*,"
_BLANKS = f"[ \\t]{{{MAX_ELEMENT_OWS // 2 + 1}}}"
_THOUSANDS, _REST = divmod(MAX_HEADER_LIST, 1000)
BAD_NAMES = (
    f"^(?:(?:{_FILLED})*[ \\t]*,){{{MAX_EMPTY_ELEMENTS}}}(?:{_FILLED})*[ \\t]*(?:,|$)"
    f"|{_BLANKS}[^, \\t]+[ \\t]|[ \\t][^, \\t]+{_BLANKS}"
    f"|^{'.{1000}' * _THOUSANDS}.{{{_REST + 1}}}"
)
# `*` does not cover these.
FORBIDDEN_METHOD = f"^(?:{'|'.join(sorted(FORBIDDEN_METHODS))})$"
_ANY_CASE = "".join(f"[{c.upper()}{c}]" for c in NON_WILDCARD_REQUEST_HEADER)
AUTHORIZATION = f"(?:^|,)[ \\t]*{_ANY_CASE}[ \\t]*(?:,|$)"


class NotExpressibleError(Exception):
    """An error for an entry that cannot be written; the message says why."""


class Pattern(NamedTuple):
    """An entry of ``allow_origins`` as a regex, which has to match the whole origin.

    backtracks => a backtracking matcher, such as PCRE, may take very long
    nested     => RE2 does not compile it, because it multiplies its repeats
    """

    regex: str
    backtracks: bool
    nested: bool


class Hosts(NamedTuple):
    """The hosts that `well_formed` lists one by one: IPv6 addresses, and schemes of no web page."""

    addresses: tuple[str, ...]
    schemes: tuple[str, ...]


def pattern_of(entry: Entry) -> tuple[Pattern, Hosts]:
    """Write an entry as a regex, and return what `well_formed` needs to know about it.

    Raises:
        NotExpressibleError: if it cannot be written.
    """
    found = language_of(entry)
    if found.unsupported is not None or found.dfa is None:
        raise NotExpressibleError(f"it has {found.unsupported}, which is not translated")
    regex = regex_of(entry)
    if isinstance(entry, (HostRule, Glob, Network)) and entry.ports == ANY_PORT:
        # `well_formed` knows which numbers are ports.
        regex = re.compile(f"{expression(entry._replace(ports=((0, 0),)))}(?::[0-9]+)?")
    writer = _Writer()
    text = writer.sequence(parse(regex.pattern, regex.flags), regex.flags, 1)
    slow = is_slow(regex) if not isinstance(entry, (HostRule, Glob, Network)) else False
    hosts = Hosts(_addresses(found.dfa), _schemes(found.others))
    return Pattern(text, slow, writer.repeats > _MAX_REPEATS), hosts


def well_formed(hosts: Hosts) -> str:
    """Return a regex that all serialized origins match in full, except those in `MALFORMED`."""
    choices = [_DOMAIN, _IPV4, *map(_escaped, hosts.addresses)]
    web = f"https?://(?:{'|'.join(choices)}){_PORT}"
    if not hosts.schemes:
        return web
    return f"{web}|(?:{'|'.join(map(_escaped, hosts.schemes))})://{_OPAQUE}{_PORT}"


def _addresses(dfa: Dfa) -> tuple[str, ...]:
    """Return the IPv6 hosts of a language.

    No regex of a reasonable size tells whether an address is written as browsers write it, so
    each address is listed.
    """
    pieces = pieces_of(intersect(dfa, words(r"https?://\[.*")))
    if pieces is None or not all(isinstance(piece, HostRule) for piece in pieces):
        raise NotExpressibleError(
            "it matches many IPv6 addresses, which can be written in many ways"
        )
    hosts = {piece.host for piece in pieces if isinstance(piece, HostRule)}
    return tuple(sorted(filter(valid_host, hosts)))


def _schemes(dfa: Dfa | None) -> tuple[str, ...]:
    """Return the schemes of the origins in a language, which are not http and https."""
    found: list[str] = []
    queue = [(0, "")] if dfa is not None and dfa.rows else []
    for state, scheme in queue:
        assert dfa is not None
        for symbol, character in enumerate(ALPHABET):
            target = dfa.rows[state][dfa.classes[symbol]]
            if target == DEAD:
                continue
            if character == ":":
                found.append(scheme)
            else:
                queue.append((target, scheme + character))
        if len(found) > _MAX_LISTED or len(queue) > _MAX_LISTED * MAX_SCHEME:
            raise NotExpressibleError("it matches many schemes")
    return tuple(sorted(set(found)))


# Brackets are written by number, because JavaScript reads them in its own way inside of brackets.
_BRACKETS = {"[": "\\x5b", "]": "\\x5d"}


def _escaped(text: str) -> str:
    plain = {*"_-:/~%"}
    return "".join(_BRACKETS.get(c) or (c if c.isalnum() or c in plain else f"[{c}]") for c in text)


class _Writer:
    """Write Python's parse tree of a regex; `repeats` is the largest product of nested repeats."""

    repeats = 1

    def sequence(self, items: Any, flags: int, times: int) -> str:
        return "".join(self.item(op, argument, flags, times) for op, argument in items)

    def item(self, op: Any, argument: Any, flags: int, times: int) -> str:
        if op in ONE_CHARACTER:
            return _class(matched_by(op, argument, flags))
        if op in REPEATS:
            least, most, items = argument
            count = int(least if most is _constants.MAXREPEAT else most)
            if (least, most) not in _UNCOUNTED:
                times *= max(count, 1)
                self.repeats = max(self.repeats, times)
            return _repeated(self.sequence(items, flags, times), least, most)
        if op is _constants.SUBPATTERN:
            _, add, remove, items = argument
            if add & LETTERS:
                flags &= ~LETTERS
            return f"(?:{self.sequence(items, (flags | add) & ~remove, times)})"
        if op is _constants.BRANCH:
            return f"(?:{'|'.join(self.sequence(items, flags, times) for items in argument[1])})"
        assert op is _constants.AT  # an automaton can express all others
        return "^" if argument in START else "$"


_UNCOUNTED = {(0, 1): "?", (0, _constants.MAXREPEAT): "*", (1, _constants.MAXREPEAT): "+"}
_SINGLE = re.compile(r"\[[^]]*\]|[^^$]|\\x5[bd]|\(\?:[^()]*\)")


def _repeated(text: str, least: int, most: Any) -> str:
    if not text:
        return ""
    if not _SINGLE.fullmatch(text):
        text = f"(?:{text})"
    if (least, most) in _UNCOUNTED:
        return text + _UNCOUNTED[least, most]
    if least == most:
        return f"{text}{{{least}}}"
    return f"{text}{{{least},{'' if most is _constants.MAXREPEAT else most}}}"


def _class(mask: int) -> str:
    """Return a regex for one character of a set; other characters than ALPHABET do not matter."""
    if mask == EVERYTHING:
        return "."
    if not mask:
        return "!"  # in no origin
    members = [character for i, character in enumerate(ALPHABET) if mask >> i & 1]
    if len(members) == 1:
        return _escaped(*members)
    rest = [character for character in ALPHABET if character not in members]
    return min(f"[{_ranges(members)}]", f"[^{_ranges(rest)}]", key=len)


def _ranges(characters: list[str]) -> str:
    """Write characters for the inside of brackets: runs as ranges, and a hyphen last."""
    runs: list[str] = []
    for c in sorted(characters):
        if runs and c.isalnum() and ord(c) == ord(runs[-1][-1]) + 1:
            runs[-1] += c
        elif c != "-":
            runs.append(_BRACKETS.get(c, c))
    text = "".join(run if len(run) < 3 or "\\" in run else f"{run[0]}-{run[-1]}" for run in runs)
    return text + "-" * ("-" in characters)
