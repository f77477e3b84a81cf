"""Origins and patterns: three versions of the grammar agree, and patterns match as documented.

The package has the grammar in Python and in C. This file has a third version, with one regular
expression and the standard library. If the three agree, a misreading of the standard would have had
to happen three times.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import struct
from typing import Any

import pytest
from corpus import build, case_id, rows
from hypothesis import example, given
from support.strategies import origins_nearly_right
from support.surfaces import SURFACES, Asked, make_policy

from corsfast._options.origin import Origin, canonical_ipv6, is_development_host, parse_origin
from corsfast.errors import RISKS

GRAMMAR = rows("origins.jsonl")
PATTERNS = rows("patterns.jsonl")

# -- the third version -----------------------------------------------------------------------

SHAPE = re.compile(
    r"""
    (?!file:)  (?: (?P<special> (?= (https? | wss? | ftp) : ) ) | (?! (https? | wss? | ftp) : ) )
    (?P<scheme> [a-z] [a-z0-9+.-]{0,63} )
    ://
    (?P<host>
        \[ (?P<six> [0-9a-f:]+ ) \]
      | (?(special) (?!) | (?: [\w.~-] | % [0-9a-fA-F]{2} )+ )
      | (?(special) | (?!) )
        (?= [^:]{1,253} \.? (?: : | \Z ) )
        (?: (?![-]) [a-z0-9_-]{1,63} (?<![-]) \. )*
        (?P<last> (?![-]) [a-z0-9_-]{1,63} (?<![-]) )
        (?P<root> \.? )
    )
    (?: : (?P<port> [1-9][0-9]{0,4} ) )?
    """,
    re.VERBOSE | re.ASCII,
)
DEFAULTS = {("http", "80"), ("ws", "80"), ("https", "443"), ("wss", "443"), ("ftp", "21")}


def is_origin(text: str) -> bool:
    shape = SHAPE.fullmatch(text)
    if len(text) > 326 or shape is None:
        return False
    if (shape["scheme"], shape["port"]) in DEFAULTS:
        return False
    if int(shape["port"] or 1) >= 1 << 16:
        return False
    try:
        if shape["six"] is not None:
            return shape["six"] == compressed(ipaddress.IPv6Address(shape["six"]))
        if shape["last"] and re.fullmatch(r"\d+|0x[0-9a-f]*", shape["last"], re.ASCII):
            return str(ipaddress.IPv4Address(shape["host"])) == shape["host"]
    except ValueError:
        return False
    return True


def compressed(address: ipaddress.IPv6Address) -> str:
    """Return the URL Standard's form, without the leftmost longest run of two or more zeros."""
    # `exploded` ends with a dotted address if it maps one, since 3.13.
    pieces = [f"{piece:x}" for piece in struct.unpack(">8H", address.packed)]
    for length in range(8, 1, -1):
        for start in range(9 - length):
            if pieces[start : start + length] == ["0"] * length:
                head, tail = pieces[:start], pieces[start + length :]
                return ":".join(head) + "::" + ":".join(tail)
    return ":".join(pieces)


# -- the grammar -----------------------------------------------------------------------------


@functools.cache
def any_web_origin(engine: Any) -> Any:
    options = {"allow_origins": "*", "allow_credentials": True, "dangerously_tolerate": RISKS}
    return make_policy(engine, options)


def verdict(engine: Any, text: str | bytes) -> str:
    """Return how an engine classifies a text, with a policy that allows every web origin."""
    return str(any_web_origin(engine).actual(text).outcome.value)


def expected_verdict(text: str, valid: bool) -> str:
    if len(text) > 326:
        return "origin-too-long"
    if valid and text.startswith(("http://", "https://")):
        return "allowed"
    return "origin-not-allowed" if valid or text == "null" else "origin-malformed"


@pytest.mark.parametrize("case", GRAMMAR, ids=case_id)
def test_grammar(engine: Any, case: dict[str, Any]) -> None:
    text, valid = case["origin"], case["valid"]
    assert is_origin(text) is valid
    assert (parse_origin(text) is not None) is valid
    assert verdict(engine, text) == expected_verdict(text, valid)
    if all(ord(character) < 256 for character in text):
        assert verdict(engine, text.encode("latin-1")) == expected_verdict(text, valid)


@given(text=origins_nearly_right)
@example(text="https://[1::0:0:2]")
@example(text="s" * 64 + "://" + ".".join(["a" * 63] * 3 + ["a" * 61]) + ":65535")
def test_three_formulations_agree(engine: Any, text: str) -> None:
    valid = is_origin(text)
    assert (parse_origin(text) is not None) is valid
    assert verdict(engine, text) == expected_verdict(text, valid)


def test_every_shape_of_an_address(engine: Any) -> None:
    """Each pattern of zero groups is tried, in full and with each run of groups left out."""
    accepted = set()
    for bits in range(256):
        groups = [str(bits >> i & 1) for i in range(8)]
        spellings = {":".join(groups)}
        for start in range(9):
            for end in range(start, 9):
                spellings.add(":".join(groups[:start]) + "::" + ":".join(groups[end:]))
        for text in spellings:
            origin = f"https://[{text}]"
            assert verdict(engine, origin) == expected_verdict(origin, is_origin(origin)), text
            if is_origin(origin):
                accepted.add(text)
    assert len(accepted) == 256  # one form for each address


@pytest.mark.parametrize("case", [c for c in GRAMMAR if c["valid"]], ids=case_id)
def test_parts(case: dict[str, Any]) -> None:
    origin = parse_origin(case["origin"])
    assert origin is not None
    port = f":{origin.port}" if origin.port else ""
    assert f"{origin.scheme}://{origin.host}{port}" == case["origin"]


def test_parts_of_one() -> None:
    assert parse_origin("https://[::1]:8443") == Origin("https", "[::1]", 8443)
    assert parse_origin("https://a.example") == Origin("https", "a.example", 0)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0:0:0:0:0:0:0:1", "::1"),
        ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
        ("1:0:0:2:3:0:0:4", "1::2:3:0:0:4"),
        ("2001:0db8::0001", "2001:db8::1"),
        ("::", "::"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("g::", None),
        ("", None),
        ("::1%1", None),
    ],
)
def test_canonical_ipv6(text: str, canonical: str | None) -> None:
    assert canonical_ipv6(text) == canonical


@pytest.mark.parametrize(
    ("host", "development"),
    [
        ("localhost", True),
        ("localhost.", True),
        ("a.localhost", True),
        ("a.localhost.", True),
        ("127.0.0.1", True),
        ("127.255.0.3", True),
        ("[::1]", True),
        ("alocalhost", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("127.example", False),
        ("128.0.0.1", False),
        ("[::2]", False),
        ("0.0.0.0", True),
        ("0.0.0.1", False),
        ("[::]", True),
        ("test", True),
        ("app.test", True),
        ("app.test.", True),
        ("host.docker.internal", True),
        ("printer.local", True),
        ("nas.home.arpa", True),
        ("home.arpa", True),
        ("arpa", False),
        ("nas.home", False),
        ("atest", False),
        ("test.example", False),
        ("app.example", False),
        ("app.invalid", False),
        ("app.lan", False),
        ("intranet", False),
        ("192.168.0.1", False),
    ],
)
def test_is_development_host(host: str, development: bool) -> None:
    assert is_development_host(host) is development


# -- patterns --------------------------------------------------------------------------------


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("case", PATTERNS, ids=case_id)
def test_patterns(engine: Any, case: dict[str, Any], surface: str) -> None:
    # `https://*.com` is allowed here. options/test_config.py tests that it is a risk.
    options = {"allow_origins": build(case["patterns"]), "dangerously_tolerate": RISKS}
    policy = make_policy(engine, options)
    for origin in case["match"]:
        answer = SURFACES[surface](policy, Asked("GET", origin))
        assert answer.get("access-control-allow-origin") == [origin]
    for origin in case["differ"]:
        answer = SURFACES[surface](policy, Asked("GET", origin))
        assert answer.headers == [("vary", "Origin")], origin
