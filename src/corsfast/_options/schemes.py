"""Report well-formed origins whose scheme or host no page has: ``wss://app.example.com``.

Runs for every policy, so origins of http and https must be skipped quickly.
"""

from __future__ import annotations

import re

from ..errors import Problem
from .patterns import ORIGINS
from .suggestions import WEBSOCKETS, suggest, suggest_networks, web_scheme

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


# `192.168.1.10-20` and `192.168.x.x` are well-formed host names.
_NUMBER = r"[0-9]{1,3}"
_RANGE = re.compile(
    rf"https?://(?:{_NUMBER}(?:\.{_NUMBER}){{3}}-{_NUMBER}"
    rf"|(?=(?:[^.]+\.){{3}}[^.]+$){_NUMBER}(?:\.{_NUMBER}){{0,2}}(?:\.x{{1,3}}){{1,3}})(?::.*)?"
)


def unmatchable_schemes(origins: Iterable[str]) -> Iterator[Problem]:
    """Yield the problem of each serialized origin with such a scheme.

    ``unmatchable-scheme`` is certain. ``unlikely-scheme`` may be the scheme of an
    application. ``network`` is an address range that is also a well-formed name.
    """
    for origin in origins:
        if origin.startswith(("https://", "http://")) or origin == "null":
            if ("-" in origin or ".x" in origin) and _RANGE.fullmatch(origin):
                yield _range(origin)
            continue
        scheme, _, rest = origin.partition("://")
        unmatchable = scheme in WEBSOCKETS
        meant = WEBSOCKETS.get(scheme) or web_scheme(scheme)
        if meant is None:
            continue
        code = "unmatchable-scheme" if unmatchable else "unlikely-scheme"
        message = (
            f"{origin!r} can never match: a WebSocket handshake is sent with the origin of its"
            f" page, whose scheme is {meant}."
            if unmatchable
            else f"{origin!r} matches no web page: is its scheme {meant!r} misspelled?"
        )
        hint = suggest(f"{meant}://{rest}/")  # `suggest` knows the default ports
        yield Problem(code, ORIGINS, origin, message, hint=hint and repr(hint))


def _range(origin: str) -> Problem:
    networks = suggest_networks(origin)
    return Problem(
        "network",
        ORIGINS,
        origin,
        f"{origin!r} matches no web page: it is a name for browsers, not a range of addresses.",
        hint=", ".join(map(repr, networks)) or None,
    )
