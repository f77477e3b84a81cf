"""Networks of addresses: each expression is compared with the numbers of the addresses."""

from __future__ import annotations

import ipaddress
import re
import warnings
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from support.surfaces import make_policy

from corsfast._options.networks import (
    DOCUMENTATION_IPV6,
    EMBEDDED_IPV4,
    NOT_PUBLIC_IPV4,
    Block,
    attackers_address,
    block_around,
    blocks,
    expression,
    holds,
    is_public,
    last_number,
    number_choices,
    overlap,
    parse_block,
    write_address,
)
from corsfast._options.origin import parse_origin
from corsfast.errors import RISKS

PIECES = st.sampled_from([0, 0, 0, 1, 0xF, 0x10, 0xFFF, 0x1000, 0xFFFF]) | st.integers(0, 0xFFFF)
OCTETS = st.sampled_from([0, 1, 9, 10, 99, 100, 127, 128, 199, 200, 255]) | st.integers(0, 255)


def joined(numbers: list[int], bits: int) -> int:
    value = 0
    for number in numbers:
        value = value << bits | number
    return value


IPV4 = st.lists(OCTETS, min_size=4, max_size=4).map(lambda octets: joined(octets, 8))
IPV6 = st.lists(PIECES, min_size=8, max_size=8).map(lambda pieces: joined(pieces, 16)) | IPV4.map(
    lambda number: 0xFFFF << 32 | number
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Block, list[int]]:
    """Draw a block, with addresses in it, next to it and anywhere."""
    bits = draw(st.sampled_from([32, 128]))
    addresses = IPV4 if bits == 32 else IPV6
    prefix = draw(st.integers(0, bits))
    number = draw(addresses) >> bits - prefix << bits - prefix
    inside = (1 << bits - prefix) - 1
    last = number | inside
    some = draw(st.lists(addresses, min_size=8, max_size=8))
    flipped = [number ^ 1 << bit for bit in draw(st.lists(st.integers(0, bits - 1), max_size=4))]
    tried = [
        number,
        last,
        number - 1,
        last + 1,
        *flipped,
        *some,
        *(number | a & inside for a in some),
    ]
    return Block(bits, number, prefix), [a for a in tried if 0 <= a < 1 << bits]


def written(number: int, bits: int) -> str:
    host = write_address(Block(bits, number, bits))
    assert parse_origin(f"http://{host}") is not None
    return host


@given(cases())
def test_expression_matches_the_block_and_nothing_else(case: tuple[Block, list[int]]) -> None:
    block, addresses = case
    regex = re.compile(expression(block))
    for address in addresses:
        host = written(address, block.bits)
        expected = block.number <= address <= last_number(block)
        assert (regex.fullmatch(host) is not None) is expected, (block, host)


@settings(max_examples=50)
@given(cases())
def test_policy_allows_the_block_and_nothing_else(
    engine: Any, case: tuple[Block, list[int]]
) -> None:
    block, addresses = case
    entry = f"http://{write_address(block)}/{block.prefix}:3000"
    options = {"allow_origins": [entry], "dangerously_tolerate": RISKS}
    allowed = make_policy(engine, options).allows_origin
    network = ipaddress.ip_network(
        (block.number, block.prefix)
        if block.bits == 32
        else (block.number.to_bytes(16, "big"), block.prefix)
    )
    kind = ipaddress.IPv4Address if block.bits == 32 else ipaddress.IPv6Address
    for address in addresses:
        host = written(address, block.bits)
        assert allowed(f"http://{host}:3000") is (kind(address) in network), (entry, host)
        assert not allowed(f"http://{host}")


def test_expression_with_zeros_anywhere() -> None:
    """Every choice of zero pieces is tried, so that `::` has every place and length."""
    addresses = [joined([mask >> i & 1 for i in range(8)], 16) for mask in range(256)]
    hosts = [(address, written(address, 128)) for address in addresses]
    for prefix in (0, 15, 17, 32, 48, 63, 64, 96, 111, 112, 127, 128):
        numbers = {address >> 128 - prefix << 128 - prefix for address in addresses[::3]}
        for block in [Block(128, number, prefix) for number in numbers]:
            regex = re.compile(expression(block))
            for address, host in hosts:
                expected = block.number <= address <= last_number(block)
                assert (regex.fullmatch(host) is not None) is expected, (block, host)


@given(st.integers(0, 70_000), st.integers(0, 70_000), st.sampled_from([10, 16]))
def test_number_choices(first: int, last: int, base: int) -> None:
    text = "{:x}" if base == 16 else "{}"
    regex = re.compile("|".join(number_choices(first, last, base)) or "(?!)")
    for number in {first - 1, first, (first + last) // 2, last, last + 1, 0, 9, 10, 255, 65535}:
        matched = number >= 0 and regex.fullmatch(text.format(number)) is not None
        assert matched is (0 <= first <= number <= last), number


@given(cases())
def test_blocks_are_read_as_they_are_written(case: tuple[Block, list[int]]) -> None:
    block, addresses = case
    host = write_address(block)
    assert parse_block(host, block.prefix) == block
    for address in addresses:
        inside = block.number <= address <= last_number(block)
        single = Block(block.bits, address, block.bits)
        assert holds(block, single) is inside
        assert overlap(block, single) == overlap(single, block) == (single if inside else None)
        around = block_around(written(address, block.bits), block.prefix)
        assert (around == block) is inside


def test_tables_are_blocks() -> None:
    for table in (NOT_PUBLIC_IPV4, DOCUMENTATION_IPV6, EMBEDDED_IPV4):
        assert len(blocks(table)) == len(table)


@pytest.mark.parametrize(
    ("network", "public", "example"),
    [
        ("10.0.0.0/8", False, None),
        ("127.0.0.0/8", False, None),
        ("224.0.0.0/3", False, None),
        ("9.0.0.0/8", True, "9.0.0.1"),
        ("9.0.0.0/16", True, None),
        ("8.0.0.0/5", True, "8.0.0.1"),
        ("192.168.0.0/15", True, "192.169.0.1"),
        ("192.168.0.0/16", False, None),
        ("[fc00::]/7", False, None),
        ("[fe80::]/10", False, None),
        ("[::1]/128", False, None),
        ("[2001:db8::]/32", False, None),
        ("[2001:db8::]/31", True, "[2001:db9::1]"),
        ("[3fff::]/20", False, None),
        ("[2a00::]/32", True, None),
        ("[2a00::]/12", True, "[2a00::1]"),
        ("[4000::]/2", False, None),
        ("[::ffff:a00:0]/104", False, None),
        ("[::ffff:900:0]/104", True, "[::ffff:900:1]"),
        ("[::ffff:900:0]/112", True, None),
        ("[64:ff9b::a00:0]/104", False, None),
        ("[::]/96", False, None),
        ("[::]/3", True, "[::ffff:100:1]"),
    ],
)
def test_public_networks(network: str, public: bool, example: str | None) -> None:
    (block,) = blocks((network,))
    assert is_public(block) is public
    assert attackers_address(block) == example


@pytest.mark.parametrize(
    ("entry", "hint"),
    [
        ("http://192.168.1.10-11:3000", "'http://192.168.1.10/31:3000'"),
        ("http://192.168.x.x:3000", "'http://192.168.0.0/16:3000'"),
        ("http://192.168.1.xxx", "'http://192.168.1.0/24'"),
        ("http://10.x.x.x:*", "'http://10.0.0.0/8:*'"),
        ("http://192.168.x.x:[3000-3999]", "'http://192.168.0.0/16:[3000-3999]'"),
        ("http://192.168.0.x.example", None),
        ("http://192.168.x:3000", None),
        ("http://a.192.168.1.x", None),
    ],
)
def test_names_that_mean_addresses_are_warned_about(
    engine: Any, entry: str, hint: str | None
) -> None:
    with warnings.catch_warnings(record=True, action="always") as caught:
        engine.Policy(allow_origins=[entry])
    said = [str(warning.message) for warning in caught]
    expected = [f"not a range of addresses. Write {hint} instead. [network]"] if hint else []
    assert [text[-len(end) :] for text, end in zip(said, expected, strict=True)] == expected
