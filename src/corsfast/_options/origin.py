"""Parse a serialized origin. Only serialized origins are matched or echoed.

The grammar of https://fetch.spec.whatwg.org/#origin-header and the URL Standard's serializers:

    serialized-origin = scheme "://" host [ ":" port ]
    scheme            = lower-alpha *( lower-alpha / DIGIT / "+" / "-" / "." )
    host              = "[" IPv6 "]" / IPv4 / domain  ; schemes http, https, ws, wss, ftp
                      / "[" IPv6 "]" / opaque         ; all other schemes
    domain            = label *( "." label ) [ "." ]
    label             = ldu [ *( ldu / "-" ) ldu ]           ; at most 63
    ldu               = lower-alpha / DIGIT / "_"
    opaque            = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "%" 2HEXDIG )
    port              = 1*5DIGIT                             ; 1-65535, no leading zero,
                                                             ; not the scheme's default

A domain whose last label is a number is an IPv4 address or nothing. Addresses are canonical:
dotted decimal, and IPv6 in the one compressed form that browsers write. `file` never occurs.

The host of any other scheme is opaque (https://url.spec.whatwg.org/#opaque-host): its case is
kept, and it need not be a domain (`app://.`, `safari-web-extension://E8A1B2C3-...`). That
standard also permits each of ``!"$&'()*+,;=`{}`` in it. They are malformed here, because no known
web view or extension uses them and each has a meaning for some parser: a comma joins header lines,
a `*` is a wildcard, a quote ends a string.

csrc/cf_origin.c implements the same grammar in C.
"""

from __future__ import annotations

import re

from . import fetch, limits
from .records import NamedTuple


class Origin(NamedTuple):
    """A serialized origin in its three parts. ``port`` is 0 if none is written."""

    scheme: str
    host: str
    port: int


# The grammar, as regular expressions.
SCHEME = r"[a-z][a-z0-9+.\-]*"
LABEL = r"[a-z0-9_](?:[a-z0-9_\-]*[a-z0-9_])?"
OPAQUE = r"(?:[A-Za-z0-9\-._~]|%[0-9A-Fa-f]{2})+"
# https://url.spec.whatwg.org/#ends-in-a-number-checker
NUMBER = r"(?:[0-9]+|0x[0-9a-f]*)"

_SCHEME, _LABEL, _OPAQUE, _NUMBER = map(re.compile, (SCHEME, LABEL, OPAQUE, NUMBER))
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_IPV4 = re.compile(r"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})")
_IPV6 = re.compile(r"[0-9a-f:]{2,39}")


def parse_origin(text: str) -> Origin | None:
    """Parse a serialized origin; return ``None`` if the text is not one.

    ``"null"`` is not a tuple origin, so it gives ``None`` as well.
    """
    if len(text) > limits.MAX_ORIGIN:
        return None
    scheme, separator, rest = text.partition("://")
    if not separator or not valid_scheme(scheme):
        return None
    host, port = _split_port(rest)
    # The special schemes of the URL Standard are `file` and the schemes with a default port.
    special = scheme in fetch.DEFAULT_PORTS
    if not (valid_host(host) if special else valid_opaque_host(host)):
        return None
    if port is None:
        return Origin(scheme, host, 0)
    if not valid_port(port) or int(port) == fetch.DEFAULT_PORTS.get(scheme):
        return None
    return Origin(scheme, host, int(port))


def is_origin(text: str) -> bool:
    """Return whether a text is a serialized origin or "null". An engine may have a faster one."""
    return text == "null" or parse_origin(text) is not None


def _split_port(rest: str) -> tuple[str, str | None]:
    """Split host from port; a colon inside brackets belongs to the host."""
    head, bracket, tail = rest.rpartition("]")
    host, colon, port = tail.partition(":")
    return head + bracket + host, port if colon else None


def valid_scheme(scheme: str) -> bool:
    return (
        len(scheme) <= limits.MAX_SCHEME
        and _SCHEME.fullmatch(scheme) is not None
        and scheme != "file"
    )


def valid_port(port: str) -> bool:
    return _PORT.fullmatch(port) is not None and int(port) <= limits.MAX_PORT


def valid_host(host: str) -> bool:
    """Return whether this is a host of a web origin as browsers write it."""
    if host.startswith("["):
        return host.endswith("]") and canonical_ipv6(host[1:-1]) == host[1:-1]
    domain = host.removesuffix(".")
    if len(domain) > limits.MAX_HOST:
        return False
    if is_ipv4_like(domain):
        return valid_ipv4(host)
    return all(
        len(label) <= limits.MAX_LABEL and _LABEL.fullmatch(label) for label in domain.split(".")
    )


def valid_opaque_host(host: str) -> bool:
    """Return whether browsers write this host after a scheme that is not special."""
    return valid_host(host) if host.startswith("[") else _OPAQUE.fullmatch(host) is not None


def is_ipv4_like(host: str) -> bool:
    """Return whether the last label is a number; then the host is an IPv4 address or invalid."""
    return _NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]) is not None


def valid_ipv4(host: str) -> bool:
    return _IPV4.fullmatch(host) is not None and all(int(octet) <= 255 for octet in host.split("."))


def canonical_ipv6(text: str) -> str | None:
    """Return an IPv6 address as browsers serialize it; ``None`` if it is not valid."""
    pieces = ipv6_pieces(text)
    return None if pieces is None else write_ipv6(pieces)


def ipv6_pieces(text: str) -> list[int] | None:
    """Parse an IPv6 address of hexadecimal pieces, canonical or not.

    The standard library writes mapped addresses differently in different Python versions, so
    only its parser is used.
    """
    if not _IPV6.fullmatch(text):
        return None
    import ipaddress  # only for addresses, because it costs more than importing this package

    try:
        packed = ipaddress.IPv6Address(text).packed
    except ValueError:
        return None
    return [int.from_bytes(packed[i : i + 2], "big") for i in range(0, 16, 2)]


def write_ipv6(pieces: list[int]) -> str:
    """Serialize an IPv6 address. https://url.spec.whatwg.org/#concept-ipv6-serializer"""
    start, length = longest_zeros(pieces)
    if length < 2:
        return ":".join(f"{piece:x}" for piece in pieces)
    head = ":".join(f"{piece:x}" for piece in pieces[:start])
    tail = ":".join(f"{piece:x}" for piece in pieces[start + length :])
    return f"{head}::{tail}"


def longest_zeros(pieces: list[int]) -> tuple[int, int]:
    """Return the start and length of the first longest run of zero pieces."""
    best = (0, 0)
    start = 0
    for i, piece in enumerate(pieces):
        if piece:
            start = i + 1
        elif i + 1 - start > best[1]:
            best = (start, i + 1 - start)
    return best


# Names that cannot be registered, so no attacker can own one on the internet: RFC 6761 (localhost,
# test), RFC 6762 (local), RFC 8375 (home.arpa), and ICANN's reservation of 2024 (internal).
# `example` and `invalid` are reserved as well, but hosts with these names serve no pages.
DEVELOPMENT_DOMAINS = ("localhost", "test", "local", "home.arpa", "internal")


def is_development_host(host: str) -> bool:
    """Return whether a host is this machine or has a reserved name, so plain http is no risk.

    For loopback see https://w3c.github.io/webappsec-secure-contexts/#is-origin-trustworthy.
    Browsers send `0.0.0.0` and `[::]` as they are written, and connect to this machine.
    """
    name = host.removesuffix(".")
    return (
        name in DEVELOPMENT_DOMAINS
        or name.endswith(tuple(f".{domain}" for domain in DEVELOPMENT_DOMAINS))
        or host in ("[::1]", "[::]", "0.0.0.0")
        or (host.startswith("127.") and valid_ipv4(host))
    )
