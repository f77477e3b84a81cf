"""Translate networks from other notations to patterns.

| written                            | meant                       |
|------------------------------------|-----------------------------|
| `http://192.168.1.5/16:*`          | `http://192.168.0.0/16:*`   |
| `http://192.168.0.0:3000/16`       | `http://192.168.0.0/16:3000`|
| `http://10.0.0.0/255.0.0.0`        | `http://10.0.0.0/8`         |
| `http://192.168.*.*:*`             | `http://192.168.0.0/16:*`   |
| `http://192.168.x.x:3000`          | `http://192.168.0.0/16:3000`|
| `http://10.0.0.0-10.255.255.255`   | `http://10.0.0.0/8`         |
| `http://fd00::/8`                  | `http://[fd00::]/8`         |
| `http://[fe80::*]:3000`            | `http://[fe80::]/64:3000`   |
| `192.168.0.0/16`                   | `http://192.168.0.0/16:*`   |
"""

from __future__ import annotations

import re

from . import fetch
from .networks import Block, block_around, is_public, parse_block, write_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# A range that is not a single network is suggested as at most this many networks.
MAX_NETWORKS = 8

# A star after `::` means any host in a network of this prefix, because all networks of hosts
# have it: RFC 4291, section 2.5.1.
HOST_PREFIX = 64

_IPV4 = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
_IPV6 = r"[0-9a-f:]{2,39}"
_PORTS = r"(?P<ports>(?::[*0-9,\-\[\]]*)?)"
_EARLY = r"(?P<early>(?::(?:[0-9]+|\*))?)"
_PREFIX = r"(?P<prefix>[0-9]{1,3})"
_NETMASK = rf"(?P<prefix>[0-9]{{1,3}}|{_IPV4})"

_CIDR = (
    re.compile(rf"(?P<host>[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{0,3}}){_EARLY}/{_NETMASK}/?{_PORTS}"),
    re.compile(rf"\[(?P<host>{_IPV6})\]{_EARLY}/{_PREFIX}/?{_PORTS}"),
    re.compile(rf"\[?(?P<host>{_IPV6})(?P<early>)/{_PREFIX}\]?{_PORTS}"),
)
_ANY = r"(?:\*+|x{1,3})"  # any number: `192.168.*.*`, `192.168.x.x`
_STARS = re.compile(
    rf"(?P<fixed>(?:[0-9]{{1,3}}\.){{1,3}}){_ANY}(?P<more>(?:\.{_ANY})*)(?:/(?P<prefix>[0-9]+))?{_PORTS}"
)
_STARS_IPV6 = re.compile(rf"\[?(?P<fixed>(?:[0-9a-f]{{1,4}}:){{1,8}}:?)\*+(?::\*+)*\]?{_PORTS}")
_SET = re.compile(r"(?<=[0-9])\.\[([0-9]{1,3})-([0-9]{1,3})\](?=:|$)")
_RANGE = re.compile(
    rf"(?P<first>{_IPV4}) ?- ?(?P<last>[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{0,3}}){_PORTS}"
)


def networks_meant(scheme: str | None, rest: str) -> tuple[str, ...]:
    """Return the patterns for a network in any notation; empty if the text is not a network.

    If the ports are not valid, the returned text is not a pattern either.

    Args:
        scheme: ``None`` if no scheme is written. Then private addresses get http and any port,
            because few hosts in such a network have a certificate.
        rest: the text after the scheme.
    """
    if scheme is not None and scheme not in fetch.WEB_SCHEMES:
        return ()
    blocks, ports = _read(_bare(rest))
    if scheme is None:
        private = not any(map(is_public, blocks))
        scheme = "http" if private else "https"
        ports = ports or (":*" if private else "")
    ports = _ports(ports, scheme)
    return tuple(f"{scheme}://{_written(block)}{ports}" for block in blocks)


def has_wrong_prefix(rest: str) -> bool:
    """Return whether the number after an address is slightly too high for a prefix."""
    for pattern in _CIDR:
        match = pattern.fullmatch(_bare(rest))
        if match and match["prefix"].isdigit():
            prefix = int(match["prefix"])
            if ":" in match["host"]:
                return prefix > 128
            return 32 < prefix <= 128 and block_around(match["host"], 32) is not None
    return False


def _bare(rest: str) -> str:
    """Return the text in lower case, without a path that has no meaning: `/`, `/*`, `/**`.

    A set in place of the last number, `192.168.1.[1-254]`, becomes a range.
    """
    text = rest.lower().rstrip("/")
    if found := _SET.search(text):
        text = f"{text[: found.start()]}.{found[1]}-{found[2]}{text[found.end() :]}"
    return text.rstrip("*").rstrip("/") if text.endswith(("/*", "/**")) else text


def _read(rest: str) -> tuple[list[Block], str]:
    """Return the addresses, and the ports as they are written."""
    for pattern in _CIDR:
        match = pattern.fullmatch(rest)
        if match:
            return _cidr(match)
    if match := _STARS.fullmatch(rest):
        octets = match["fixed"].removesuffix(".").split(".")
        written = len(octets) + 1 + match["more"].count(".")
        prefix = 8 * len(octets)
        block = block_around(_filled(octets), prefix)
        if block and written <= 4 and match["prefix"] in (None, str(prefix)):
            # A star in place of several numbers means any port as well.
            return [block], match["ports"] or (":*" if written < 4 else "")
    elif match := _STARS_IPV6.fullmatch(rest):
        fixed = match["fixed"]
        many = fixed.rstrip(":").count(":") + 1
        prefix = HOST_PREFIX if fixed.endswith("::") else 16 * many
        host = f"[{fixed.rstrip(':')}::]"
        if 16 * many <= prefix < 128 and (block := block_around(host, prefix)):
            return [block], match["ports"]
    elif match := _RANGE.fullmatch(rest):
        first = match["first"].split(".")
        last = match["last"].split(".")
        ends = [".".join(first), ".".join([*first[: 4 - len(last)], *last])]
        bounds = [block_around(end, 32) for end in ends]
        if bounds[0] and bounds[1] and bounds[0].number <= bounds[1].number:
            found = list(_blocks_of(*_hosts(bounds[0].number, bounds[1].number)))
            if len(found) <= MAX_NETWORKS:
                return found, match["ports"]
    return [], ""


def _hosts(first: int, last: int) -> tuple[int, int]:
    """Return the whole network if the range covers only its hosts: `192.168.1.1-254`."""
    whole = first & 255 == 1 and last & 255 >= 254
    return (first - 1, last | 255) if whole else (first, last)


def _cidr(match: re.Match[str]) -> tuple[list[Block], str]:
    octets = match["host"].split(".")
    host = f"[{match['host']}]" if ":" in match["host"] else _filled(octets)
    prefix = _prefix(match["prefix"])
    block = None if prefix is None else block_around(host, prefix)
    if block is None or (match["early"] and match["ports"]):
        return [], ""
    # `http://192.168.1.5:3000/16` is an origin with a path, because it has host bits.
    if match["early"] and parse_block(host, block.prefix) is None:
        return [], ""
    return [block], match["early"] or match["ports"]


def _prefix(text: str) -> int | None:
    if "." not in text:
        return int(text)
    mask = block_around(text, 32)
    prefix = 0 if mask is None else mask.number.bit_count()
    return prefix if mask and mask.number == (1 << 32) - (1 << 32 - prefix) else None


def _filled(octets: list[str]) -> str:
    return ".".join([*octets, *["0"] * (4 - len(octets))])


def _blocks_of(first: int, last: int) -> Iterator[Block]:
    """Yield the IPv4 blocks that hold exactly the addresses from first to last."""
    while first <= last:
        size = min(first & -first or 1 << 32, 1 << (last - first + 1).bit_length() - 1)
        yield Block(32, first, 33 - size.bit_length())
        first += size


def _ports(text: str, scheme: str) -> str:
    """Write ports in pattern syntax: ranges in brackets, and no default port."""
    ports = text.removeprefix(":").strip("[]")
    if ports.isdigit():
        ports = ports.lstrip("0") or "0"
    if ports in ("", str(fetch.DEFAULT_PORTS[scheme])):
        return ""
    return f":{ports}" if ports == "*" or ports.isdigit() else f":[{ports}]"


def _written(block: Block) -> str:
    address = write_address(block)
    return address if block.prefix == block.bits else f"{address}/{block.prefix}"
