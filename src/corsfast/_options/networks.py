"""Blocks of IP addresses: parse them, test who can own an address in one, write them as a regex.

    "10.0.0.0", 8  ->  Block(32, 0x0a000000, 8)  ->  10(?:\\.[0-9]{1,3}){3}

The regex is for serialized origins only, whose addresses are canonical. It may match other text,
for example ``10.999.0.0``, which no browser sends and which the engines reject.
"""

from __future__ import annotations

from functools import cache

from .origin import ipv6_pieces, longest_zeros, valid_ipv4, write_ipv6
from .records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Block(NamedTuple):
    """The addresses of `bits` bits whose first `prefix` bits are those of `number`.

    The other bits of `number` are 0.
    """

    bits: int
    number: int
    prefix: int


# Addresses for use within an organization: RFC 1918 and RFC 4193.
PRIVATE_IPV4 = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
PRIVATE_IPV6 = ("[fc00::]/7",)

# IPv4 addresses that no host on the internet has: the private ones, multicast, and those of
# https://www.iana.org/assignments/iana-ipv4-special-registry.
NOT_PUBLIC_IPV4 = (
    *PRIVATE_IPV4,
    "0.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
)
# All allocated addresses: https://www.iana.org/assignments/ipv6-unicast-address-assignments
GLOBAL_IPV6 = "[2000::]/3"
DOCUMENTATION_IPV6 = ("[2001:db8::]/32", "[3fff::]/20")
# IPv6 addresses that end in an IPv4 address and are routed to it: RFC 4291 and RFC 6052.
EMBEDDED_IPV4 = ("[::ffff:0:0]/96", "[64:ff9b::]/96")

# The widest block that one organization commonly owns: a registry allocates an IPv6 /32 to a
# provider, and an IPv4 /16 was a class B network. Unrelated parties share a wider block.
WIDEST = {32: 16, 128: 32}

# RFC 4291, section 2.5.6.
LINK_LOCAL_IPV6 = "[fe80::]/10"

LOOPBACK = "127.0.0.0/8"


def parse_block(host: str, prefix: int) -> Block | None:
    """Parse a canonical address and a prefix; ``None`` if bits after the prefix are set."""
    block = block_around(host, prefix)
    return block if block is not None and write_address(block) == host else None


def block_around(host: str, prefix: int) -> Block | None:
    """Return the block of this prefix that holds an address, canonical or not."""
    if host.startswith("["):
        pieces = ipv6_pieces(host.removeprefix("[").removesuffix("]"))
    else:
        pieces = [int(octet) for octet in host.split(".")] if valid_ipv4(host) else None
    if pieces is None:
        return None
    bits = 128 if len(pieces) == 8 else 32
    if prefix > bits:
        return None
    number = 0
    for piece in pieces:
        number = number << bits // len(pieces) | piece
    return Block(bits, number >> bits - prefix << bits - prefix, prefix)


def write_address(block: Block) -> str:
    """Return the first address of a block as origins write it."""
    octets = block.number.to_bytes(block.bits // 8, "big")
    if block.bits == 32:
        return ".".join(map(str, octets))
    return f"[{write_ipv6(_pieces(block))}]"


def _pieces(block: Block) -> list[int]:
    return [block.number >> shift & 0xFFFF for shift in range(112, -1, -16)]


def last_number(block: Block) -> int:
    return block.number + (1 << block.bits - block.prefix) - 1


def holds(wide: Block, block: Block) -> bool:
    """Return whether all addresses of a block are in another one."""
    return (
        wide.bits == block.bits
        and wide.prefix <= block.prefix
        and wide.number == block.number >> wide.bits - wide.prefix << wide.bits - wide.prefix
    )


def overlap(a: Block, b: Block) -> Block | None:
    """Return the smaller block if one contains the other; else they share no address."""
    if holds(a, b):
        return b
    return a if holds(b, a) else None


@cache
def blocks(texts: tuple[str, ...]) -> tuple[Block, ...]:
    """Parse the blocks of one of the tables above."""
    read = [parse_block(host, int(prefix)) for host, _, prefix in (t.partition("/") for t in texts)]
    assert None not in read
    return tuple(filter(None, read))


# -- who can own an address ------------------------------------------------------------------


def is_loopback_block(block: Block) -> bool:
    return holds(blocks((LOOPBACK,))[0], block)


def private_within(block: Block) -> list[Block]:
    """Return the private blocks (RFC 1918 and RFC 4193) inside a block."""
    return [private for private in blocks(PRIVATE_IPV4 + PRIVATE_IPV6) if holds(block, private)]


def is_public(block: Block) -> bool:
    """Return whether a host on the internet can have an address of the block."""
    return any(True for _ in _public_parts(block))


def is_private_host(host: str) -> bool:
    """Return whether the host is an address that no host on the internet can have."""
    block = block_around(host, 128 if host.startswith("[") else 32)
    return block is not None and not is_public(block)


def attackers_address(block: Block) -> str | None:
    """Return a public address of a block that is too wide to belong to one organization."""
    for part, address in _public_parts(block):
        if part.prefix < WIDEST[part.bits]:
            return write_address(address)
    return None


def _public_parts(block: Block) -> Iterator[tuple[Block, Block]]:
    """Yield each part of a block that the internet reaches, with one public address of it."""
    if block.bits == 32:
        address = _outside(block, blocks(NOT_PUBLIC_IPV4))
        if address:
            yield block, address
        return
    part = overlap(block, blocks((GLOBAL_IPV6,))[0])
    address = part and _outside(part, blocks(DOCUMENTATION_IPV6))
    if part and address:
        yield part, address
    for embedded in blocks(EMBEDDED_IPV4):
        part = overlap(block, embedded)
        if part:
            inner = Block(32, part.number & 0xFFFFFFFF, part.prefix - embedded.prefix)
            for _, address in _public_parts(inner):
                yield inner, Block(128, embedded.number | address.number, 128)


def _outside(block: Block, holes: tuple[Block, ...]) -> Block | None:
    """Return an address of a block that is in no hole, preferably the second such address."""
    number = block.number
    while number <= last_number(block):
        single = Block(block.bits, number, block.bits)
        hole = next((hole for hole in holes if holds(hole, single)), None)
        if hole is None:
            return single._replace(number=min(number + 1, last_number(block)))
        number = last_number(hole) + 1
    return None


# -- regular expressions ---------------------------------------------------------------------

_PIECE = "[0-9a-f]{1,4}"
_OCTET = "[0-9]{1,3}"


def expression(block: Block) -> str:
    """Return a Python regular expression for the canonical addresses of a block."""
    if block.bits == 32:
        return _ipv4_expression(block)
    return rf"\[{one_of(_ipv6_choices(block))}\]"


def _ipv4_expression(block: Block) -> str:
    octets = block.number.to_bytes(4, "big")
    whole, more = divmod(block.prefix, 8)
    written = [str(octet) for octet in octets[:whole]]
    if more:
        first = octets[whole]
        written.append(one_of(number_choices(first, first + (1 << 8 - more) - 1)))
    rest = 4 - len(written)
    text = r"\.".join(written)
    if not written:
        text, rest = _OCTET, 3
    if rest > 1:
        return rf"{text}(?:\.{_OCTET}){{{rest}}}"
    return rf"{text}\.{_OCTET}" if rest else text


def _ipv6_choices(block: Block) -> Iterator[str]:
    """Yield the spellings of an IPv6 block, by where `::` begins and how many pieces it replaces.

    `::` replaces the first longest run of at least two zeros. Its place decides how many pieces
    of the prefix are written. After a prefix that is written in full, any pieces match. If `::`
    replaces zeros of the prefix, the pieces after it have to be counted.
    """
    whole, more = divmod(block.prefix, 16)
    pieces = _pieces(block)
    bounds = [(piece, piece) for piece in pieces[:whole]]
    if more:
        bounds.append((pieces[whole], pieces[whole] + (1 << 16 - more) - 1))
    many = len(bounds)
    free = 8 - many
    written = [one_of(number_choices(low, high, 16)) for low, high in bounds]
    zeros = [low == 0 for low, _ in bounds]
    nonzero = [high > 0 for _, high in bounds]
    # A later run must be longer than a run in the prefix, and begin after another piece.
    room = free - (many > 0 and not nonzero[-1])
    _, longest = longest_zeros([high for _, high in bounds])
    if longest < max(room, 2):
        yield ":".join([*written, "[0-9a-f:]+"] if free else written)
    for start in range(many):
        if start and not nonzero[start - 1]:
            continue  # `::` would begin earlier
        head = ":".join(written[:start])
        end = start
        while end < many and zeros[end]:
            end += 1
            if end - start >= 2 and end < many and nonzero[end]:
                yield f"{head}::{':'.join([*written[end:], *[_PIECE] * free])}"
        behind = 8 - max(many, start + 2)
        if end == many and behind >= 0:
            more_pieces = f"(?::{_PIECE}){{0,{behind - 1}}}" if behind > 1 else ""
            yield f"{head}::" + (f"(?:{_PIECE}{more_pieces})?" if behind else "")


def one_of(choices: Iterable[str]) -> str:
    """Join alternatives to one regex."""
    first, *others = choices
    return f"(?:{'|'.join([first, *others])})" if others else first


def number_choices(first: int, last: int, base: int = 10) -> Iterator[str]:
    """Yield regexes for the numbers from first to last, in blocks like ``80[0-9]``."""
    if first == 0:
        yield "0"
        first = 1
    while first <= last:
        size, digits = 1, 0
        while first % (size * base) == 0 and first + size * base - 1 <= last:
            size *= base
            digits += 1
        head, digit = divmod(first // size, base)
        many = min(base - digit, (last - first + 1) // size)
        written = "" if head == 0 else f"{head:x}" if base == 16 else f"{head}"
        yield written + _digits(digit, digit + many - 1) + _digits(0, base - 1) * digits
        first += size * many


def _digits(first: int, last: int) -> str:
    """Return a character class of digits, up to `f`."""
    digits = "0123456789abcdef"[first : last + 1]
    if len(digits) == 1:
        return digits
    parts = (digits[: max(0, 10 - first)], digits[max(0, 10 - first) :])
    return f"[{''.join(f'{p[0]}-{p[-1]}' if len(p) > 2 else p for p in parts)}]"
