"""What the author of a regex meant: the domains that are written in it, read strictly.

An expression means the hosts that stand in it letter by letter. A dot that is not escaped and
not repeated means a dot; whatever else may match several characters is a wildcard, however it
is spelt. Reading the written text of each alternative from its right end to the first
wildcard gives the domain:

    https?://(www\\.)?example.com(:\\d+)?   ->  example.com
    https://pr-\\d+\\.preview\\.example\\.com  ->  example.com
    .*\\.vercel\\.app                       ->  nothing: vercel.app belongs to everybody

Place in the flow: left of risks.py; imports public_suffixes.py, regexes.py and to their left.
Never: decide whether an expression keeps to its intent (risks.py does, by automata).
"""

from __future__ import annotations

import re
from collections import namedtuple
from re import _constants  # type: ignore[attr-defined]

from .._options.origin import valid_host
from .public_suffixes import registrable_domain
from .regexes import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple

    class Intent(NamedTuple):
        """Domains that are meant with all their subdomains, and hosts that are meant alone.

        A host stands alone when it is an address, has no registrable domain (``localhost``),
        or is a public suffix itself.
        """

        domains: frozenset[str]
        hosts: frozenset[str]

else:
    Intent = namedtuple("Intent", ("domains", "hosts"))

# Stands for a wildcard in a written text; no expression that matters holds it.
WILD = "\0"

# More alternatives than this are not read; the author can declare the domains (`within`).
MAX_READINGS = 2048

# A set of this many characters at most is read as that many alternatives.
MAX_CHOICES = 4


def intent_of(regex: re.Pattern[str]) -> Intent:
    """The domains and hosts that an expression names."""
    domains, hosts = set(), set()
    for text in readings(regex):
        host, wild = _written_host(text)
        domain = _domain(host) if wild else registrable_domain(host)
        if domain is not None:
            domains.add(domain)
        elif not wild and valid_host(host):
            hosts.add(host)
    return Intent(frozenset(domains), frozenset(hosts))


def readings(regex: re.Pattern[str]) -> list[str]:
    """The written text of each alternative; nothing when there are too many."""
    try:
        return _sequence(parse(regex))
    except OverflowError:
        return []


def _sequence(items: Any) -> list[str]:
    texts = [""]
    for op, argument in items:
        texts = [text + part for text in texts for part in _item(op, argument)]
        if len(texts) > MAX_READINGS:
            raise OverflowError
    return texts


def _item(op: Any, argument: Any) -> list[str]:
    if op is _constants.LITERAL:
        return [chr(argument).lower()]
    if op is _constants.ANY:
        return ["."]
    if op is _constants.IN:
        return _set(argument)
    if op is _constants.SUBPATTERN:
        return _sequence(argument[3])
    if op is _constants.ATOMIC_GROUP:
        return _sequence(argument)
    if op is _constants.BRANCH:
        return _one_of([text for items in argument[1] for text in _sequence(items)])
    if op in (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT):
        return _repeat(*argument)
    if op in (_constants.AT, _constants.ASSERT, _constants.ASSERT_NOT):
        return [""]
    return [WILD]


def _set(argument: Any) -> list[str]:
    characters = [chr(value).lower() for op, value in argument if op is _constants.LITERAL]
    if len(characters) == len(argument) <= MAX_CHOICES:
        return _one_of(characters)
    return [WILD]


def _one_of(texts: list[str]) -> list[str]:
    """Alternatives; a dot or something else in its place is a wildcard, however written."""
    if "." in texts and any(text != "." for text in texts):
        return [WILD]
    return texts


def _repeat(least: int, most: int, items: Any) -> list[str]:
    """`x*`, `.?` and the like are wildcards. An optional group is read with and without it,
    an optional character only with it: `www\\.?example` was not meant as `wwwexample`."""
    if (least, most) == (1, 1):
        return _sequence(items)
    written = all(op is not _constants.ANY for op, _ in items)
    if (least, most) == (0, 1) and written:
        texts = _sequence(items)
        return texts if len(items) == 1 and len(texts[0]) == 1 else ["", *texts]
    return [WILD]


_HOST = re.compile(r"(?P<scheme>(?:[^/]*:)?/[/\0])?(?P<host>\[[^/]*\]|[^/:]*)")


def _written_host(text: str) -> tuple[str, bool]:
    """The host in a written text, as far as it stands right of any wildcard."""
    match = _HOST.match(text.removesuffix("/"))
    assert match is not None  # every part of it is optional
    host = match["host"].removesuffix(".")
    if match["scheme"] is not None and not host.startswith(WILD):
        # `https://example\.com.*`: what goes on behind the host was not meant as another.
        host = host.rstrip(WILD).removesuffix(".")
    wild = WILD in host or host.startswith(".") or match["scheme"] is None
    return host.rpartition(WILD)[2], wild


def _domain(written: str) -> str | None:
    """The registrable domain behind a wildcard. The first label may be half a label."""
    for name in (written.partition(".")[2], written):
        domain = registrable_domain(name) if valid_host(name) else None
        if domain is not None:
            return domain
    return None
