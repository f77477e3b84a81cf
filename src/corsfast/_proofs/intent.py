"""Read from a regex which domains its author meant.

The author means the hosts that are written out in the regex. An unescaped, unrepeated dot means a
dot. Any other item that may match several characters is a wildcard, in any spelling. Each
alternative is read from its right end to the first wildcard, which gives the domain:

    https?://(www\\.)?example.com(:\\d+)?   ->  example.com
    https://pr-\\d+\\.preview\\.example\\.com  ->  example.com
    .*\\.vercel\\.app                       ->  nothing: anyone can get a name under vercel.app

risks.py decides with automata whether the regex matches only what was meant.
"""

from __future__ import annotations

import re
from re import _constants  # type: ignore[attr-defined]

from .._options.origin import valid_host
from .._options.records import NamedTuple
from .automata import spend
from .public_suffixes import registrable_domain
from .regexes import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Intent(NamedTuple):
    """Domains that are meant with all their subdomains, and hosts that are meant alone.

    A host is meant alone if it is an address, has no registrable domain (``localhost``), or
    is a public suffix.
    """

    domains: frozenset[str]
    hosts: frozenset[str]


# Marks a wildcard in a written text. No relevant regex contains this character.
WILD = "\0"

# A regex with more alternatives is not read. The author can declare the domains (`within`).
MAX_READINGS = 2048

# A set of up to this many characters is read as that many alternatives.
MAX_CHOICES = 4


def intent_of(regex: re.Pattern[str]) -> Intent:
    """Return the domains and hosts that a regex names."""
    domains, hosts = set(), set()
    for text in set(readings(regex)):
        spend(40 + len(text) // 2)
        host, wild = _written_host(text)
        domain = _domain(host) if wild else registrable_domain(host)
        if domain is not None:
            domains.add(domain)
        elif not wild and valid_host(host):
            hosts.add(host)
    return Intent(frozenset(domains), frozenset(hosts))


def readings(regex: re.Pattern[str]) -> list[str]:
    """Return the written text of each alternative; empty if there are too many."""
    try:
        return _sequence(parse(regex.pattern, regex.flags))
    except OverflowError:
        return []


def _sequence(items: Any) -> list[str]:
    texts = [""]
    for op, argument in items:
        parts = _item(op, argument)
        texts = [text + part for text in texts for part in parts]
        if len(texts) > MAX_READINGS:
            raise OverflowError
        spend(len(texts))
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
    """Return the alternatives. A dot as an alternative to other text makes a wildcard."""
    if "." in texts and any(text != "." for text in texts):
        return [WILD]
    return texts


def _repeat(least: int, most: int, items: Any) -> list[str]:
    """Treat `x*`, `.?` and the like as wildcards. Read an optional group with and without it, but
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
    """Return the host after the last wildcard, and whether the rest of it is not written out."""
    match = _HOST.match(text.removesuffix("/"))
    assert match is not None  # every part of it is optional
    host = match["host"].removesuffix(".")
    if match["scheme"] is not None and not host.startswith(WILD):
        # `https://example\.com.*`: text after the host was not meant as another host.
        host = host.rstrip(WILD).removesuffix(".")
    wild = WILD in host or host.startswith(".") or match["scheme"] is None
    return host.rpartition(WILD)[2], wild


def _domain(written: str) -> str | None:
    """Return the registrable domain after a wildcard. The first label may be incomplete."""
    for name in (written.partition(".")[2], written):
        domain = registrable_domain(name) if valid_host(name) else None
        if domain is not None:
            return domain
    return None
