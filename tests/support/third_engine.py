"""A third implementation of the decisions, plain and slow, for tests that compare engines.

It is written from the texts of the Fetch and URL standards and from docs/options.md. It imports
nothing of corsfast, so a mistake in code that both engines share becomes a difference here.
"""

from __future__ import annotations

import ipaddress
import re
import string
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

LOWER = set(string.ascii_lowercase)
DIGITS = set(string.digits)
HEX = set(string.hexdigits)
# https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2
TOKEN = set(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~")
# https://url.spec.whatwg.org/#special-scheme
SPECIAL = {"ftp": 21, "http": 80, "https": 443, "ws": 80, "wss": 443}


class Tuple(NamedTuple):
    """https://html.spec.whatwg.org/#concept-origin-tuple; the port is None for the default."""

    scheme: str
    host: str
    port: int | None


class Request(NamedTuple):
    """The method and three header values; a header is None if it is absent."""

    method: str
    origin: str | None
    acrm: str | None = None
    acrh: str | None = None


# -- origins ---------------------------------------------------------------------------------


def read_origin(text: str) -> Tuple | None:
    """Return the tuple origin whose serialization is this text."""
    if len(text) > 326 or "://" not in text:
        return None
    scheme, rest = text.split("://", 1)
    if not scheme or scheme[0] not in LOWER or not set(scheme) <= LOWER | DIGITS | set("+-."):
        return None
    if len(scheme) > 64 or scheme == "file":
        return None
    host, port = rest, None
    colon = rest.rfind(":")
    if colon > rest.rfind("]"):
        host, digits = rest[:colon], rest[colon + 1 :]
        if not digits or not set(digits) <= DIGITS or len(digits) > 5:
            return None
        port = int(digits)
        if str(port) != digits or not 0 < port < 65536 or port == SPECIAL.get(scheme):
            return None
    return Tuple(scheme, host, port) if good_host(host, scheme in SPECIAL) else None


def good_host(host: str, special: bool) -> bool:
    if host.startswith("["):
        pieces = read_ipv6(host[1:-1])
        return host.endswith("]") and pieces is not None and write_ipv6(pieces) == host
    if not special:
        return host != "" and opaque(host)
    name = host.removesuffix(".")
    labels = name.split(".")
    last = labels[-1]
    # https://url.spec.whatwg.org/#ends-in-a-number-checker
    if last and (set(last) <= DIGITS or (last[:2] == "0x" and set(last[2:]) <= HEX)):
        numbers = host.split(".")
        return len(numbers) == 4 and all(
            set(n) <= DIGITS and n != "" and len(n) < 4 and str(int(n)) == n and int(n) < 256
            for n in numbers
        )
    return len(name) <= 253 and all(
        0 < len(label) < 64
        and set(label) <= LOWER | DIGITS | {"_", "-"}
        and "-" not in (label[0], label[-1])
        for label in labels
    )


def opaque(host: str) -> bool:
    at = 0
    while at < len(host):
        if host[at] == "%":
            if len(host) < at + 3 or not set(host[at + 1 : at + 3]) <= HEX:
                return False
            at += 3
        elif host[at] in string.ascii_letters + string.digits + "-._~":
            at += 1
        else:
            return False
    return True


def read_ipv6(text: str) -> list[int] | None:
    """Read pieces in hexadecimal; browsers write no other form."""
    halves = text.split("::")
    if len(halves) > 2:
        return None
    read = []
    for half in halves:
        pieces = half.split(":") if half else []
        if any(not 0 < len(piece) < 5 or not set(piece) <= HEX for piece in pieces):
            return None
        read.append([int(piece, 16) for piece in pieces])
    if len(halves) == 1:
        return read[0] if len(read[0]) == 8 else None
    missing = 8 - len(read[0]) - len(read[1])
    return [*read[0], *[0] * missing, *read[1]] if missing > 0 else None


def write_ipv6(pieces: list[int]) -> str:
    """https://url.spec.whatwg.org/#concept-ipv6-serializer"""
    runs = [
        (end - start, -start)
        for start in range(8)
        for end in range(start + 2, 9)
        if not any(pieces[start:end])
    ]
    if not runs:
        return "[" + ":".join(f"{piece:x}" for piece in pieces) + "]"
    length, start = max(runs)
    head = ":".join(f"{piece:x}" for piece in pieces[:-start])
    tail = ":".join(f"{piece:x}" for piece in pieces[length - start :])
    return f"[{head}::{tail}]"


# -- entries of allow_origins ------------------------------------------------------------------

HEX_LOWER = "0123456789abcdef"
EXTENSIONS = {
    "chrome-extension": ([32], "abcdefghijklmnop"),
    "moz-extension": ([8, 4, 4, 4, 12], HEX_LOWER),
    "safari-web-extension": ([8, 4, 4, 4, 12], HEX_LOWER + "ABCDEF"),
}


def matches(entry: Any, text: str, origin: Tuple) -> bool:
    """Return whether one entry matches a serialized origin."""
    if isinstance(entry, re.Pattern):
        return entry.fullmatch(text) is not None
    if entry == text:
        return True
    if not isinstance(entry, str) or "://" not in entry:
        return False
    scheme, rest = entry.split("://")
    if scheme != origin.scheme:
        return False
    if scheme in EXTENSIONS and rest == "*":
        lengths, letters = EXTENSIONS[scheme]
        parts = origin.host.split("-")
        return (
            origin.port is None
            and [len(part) for part in parts] == lengths
            and set("".join(parts)) <= set(letters)
        )
    at = rest.find(":", rest.find("]") if rest.startswith("[") else 0)
    host, ports = (rest, "") if at < 0 else (rest[:at], rest[at + 1 :])
    return same_port(ports, origin) and same_host(host, origin.host)


def same_port(ports: str, origin: Tuple) -> bool:
    if ports == "*":
        return True
    if ports == "":
        return origin.port is None
    for part in ports.strip("[]").split(","):
        first, _, last = part.partition("-")
        if int(first) <= (origin.port or 0) <= int(last or first):
            return True
    return False


def same_host(pattern: str, host: str) -> bool:
    if "/" in pattern:
        try:
            address = ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            return False
        network = ipaddress.ip_network(pattern.replace("[", "").replace("]", ""))
        return address.version == network.version and address in network
    if pattern.startswith("*."):
        # One or more whole labels, and then the rest.
        return any(
            host[at] == "." and at > 0 and fits(pattern[2:], host[at + 1 :])
            for at in range(len(host))
        )
    return fits(pattern, host)


def fits(pattern: str, text: str) -> bool:
    """Compare a text with a pattern, where a star is one or more of a-z 0-9 -."""
    if "*" not in pattern:
        return pattern == text
    head, rest = pattern.split("*", 1)
    if not text.startswith(head):
        return False
    for at in range(len(head), len(text)):
        if text[at] not in LOWER | DIGITS | {"-"}:
            return False
        if fits(rest, text[at + 1 :]):
            return True
    return False


# -- the server's side: what the options permit ------------------------------------------------


def judge(options: Mapping[str, Any], request: Request) -> str:
    """Return "no-origin", "allowed", or the first part that is refused."""
    if request.origin is None:
        return "no-origin"
    if not origin_allowed(options, request.origin):
        return "origin"
    if not is_preflight(request):
        return "allowed"
    if not method_allowed(options, request.acrm or ""):
        return "method"
    return "allowed" if names_allowed(options, request.acrh or "") else "header"


def is_preflight(request: Request) -> bool:
    return request.method == "OPTIONS" and None not in (request.origin, request.acrm)


def listed(options: Mapping[str, Any], name: str) -> list[Any]:
    value = options.get(name, ())
    return [value] if isinstance(value, str) else list(value)


def origin_allowed(options: Mapping[str, Any], text: str) -> bool:
    entries = listed(options, "allow_origins")
    if "*" in entries and not options.get("allow_credentials"):
        return True
    if text == "null":
        return "null" in entries
    origin = read_origin(text)
    if origin is None:
        return False
    if "*" in entries:
        return origin.scheme in ("http", "https")
    return any(matches(entry, text, origin) for entry in entries)


def normalized(method: str) -> str:
    """https://fetch.spec.whatwg.org/#concept-method-normalize"""
    upper = method.upper()
    return upper if upper in ("DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT") else method


def method_allowed(options: Mapping[str, Any], method: str) -> bool:
    if not 0 < len(method) <= 64 or not set(method) <= TOKEN:
        return False
    methods = listed(options, "allow_methods")
    named = {normalized(name) for name in methods if name != "*"}
    if method in named | {"GET", "HEAD", "POST"}:
        return True
    return "*" in methods and method not in ("CONNECT", "TRACE", "TRACK")


def names_allowed(options: Mapping[str, Any], value: str) -> bool:
    """https://www.rfc-editor.org/rfc/rfc9110#section-5.6.1.2, with limits."""
    if len(value) > 8192:
        return False
    allowed = {name.lower() for name in listed(options, "allow_headers")}
    named = allowed | {"accept", "accept-language", "content-language", "content-type", "range"}
    empty = 0
    for element in value.split(","):
        name = element.strip(" \t")
        if len(element) - len(name) > 16 or len(name) > 128 or not set(name) <= TOKEN:
            return False
        if name == "":
            empty += 1
        elif name.lower() not in named - {"*"} and (
            "*" not in allowed or name.lower() == "authorization"
        ):
            return False
    return empty <= 16


# -- the browser's side: what an answer permits --------------------------------------------------


def extract(headers: Iterable[tuple[str, str]], name: str) -> list[str]:
    """https://fetch.spec.whatwg.org/#extract-header-list-values"""
    values = [value for key, value in headers if key.lower() == name]
    return [part.strip(" \t") for value in values for part in value.split(",")]


def cors_check(headers: Iterable[tuple[str, str]], origin: str, include: bool) -> bool:
    """https://fetch.spec.whatwg.org/#concept-cors-check"""
    pairs = list(headers)
    sent = [value for key, value in pairs if key.lower() == "access-control-allow-origin"]
    if len(sent) != 1:
        return False
    if not include and sent[0] == "*":
        return True
    if sent[0] != origin:
        return False
    return not include or ("Access-Control-Allow-Credentials", "true") in pairs


def passes(
    headers: Iterable[tuple[str, str]], request: Request, status: int | None, include: bool
) -> bool:
    """Return whether a browser accepts an answer.

    For a preflight this is https://fetch.spec.whatwg.org/#cors-preflight-fetch-0, step 7.
    """
    pairs = list(headers)
    if not cors_check(pairs, request.origin or "", include):
        return False
    if not is_preflight(request):
        return True
    if status is None or not 200 <= status < 300:
        return False
    methods = extract(pairs, "access-control-allow-methods")
    names = [name.lower() for name in extract(pairs, "access-control-allow-headers")]
    method = request.acrm
    if method not in [*methods, "GET", "HEAD", "POST"] and (include or "*" not in methods):
        return False
    asked = [name.strip(" \t").lower() for name in (request.acrh or "").split(",")]
    for name in filter(None, asked):
        if name not in names and (include or "*" not in names or name == "authorization"):
            return False
    return True
