"""The regexes of exported files match the same origins as the policy."""

from __future__ import annotations

import re

import pytest

from corsfast._options.origin import parse_origin
from corsfast._options.patterns import parse_pattern
from corsfast._proofs.automata import minimise, subtract, unite
from corsfast._proofs.languages import addresses, language_of, named_hosts, origins, words
from corsfast._proofs.regexes import compile_regex
from corsfast.export._regex import (
    BAD_NAMES,
    MALFORMED,
    METHOD,
    NAMES,
    Hosts,
    NotExpressibleError,
    pattern_of,
    well_formed,
)

LOOPBACK = "[::1]"
GRAMMAR = well_formed(Hosts((LOOPBACK,), ("tauri",)))


def is_accepted(text: str) -> bool:
    return bool(re.fullmatch(GRAMMAR, text)) and not re.search(MALFORMED, text)


def test_well_formed_texts_are_the_web_origins() -> None:
    """All but the two limits on lengths, which no automaton of a reasonable size can count."""
    unlimited = MALFORMED
    for limit in ("/[^:]{253}(?:[^:.]|[.][^:])|", "|[^.:/]{64}", "|^.{327}"):
        assert limit in unlimited
        unlimited = unlimited.replace(limit, "")
    malformed = compile_regex(re.compile(unlimited), how="search")
    found = minimise(subtract(words(well_formed(Hosts((LOOPBACK,), ()))), malformed))
    wanted = origins(unite([named_hosts(), addresses(), words(re.escape(LOOPBACK))]))
    assert not subtract(found, wanted).rows
    assert not subtract(wanted, found).rows


@pytest.mark.parametrize("port", ["", ":65535"])
@pytest.mark.parametrize("dot", ["", "."])
@pytest.mark.parametrize("length", [252, 253, 254, 255])
def test_length_of_a_host(length: int, dot: str, port: str) -> None:
    labels = ".".join(["a" * 49] * 5) + "."
    origin = f"https://{labels}{'b' * (length - len(labels))}{dot}{port}"
    assert is_accepted(origin) is (parse_origin(origin) is not None)


@pytest.mark.parametrize("length", [63, 64])
def test_length_of_a_label(length: int) -> None:
    for text in ("a" * length, f"b.{'a' * length}", f"{'a' * length}.b"):
        assert is_accepted(f"https://{text}") is (length == 63)


@pytest.mark.parametrize("length", [326, 327])
def test_length_of_an_origin(length: int) -> None:
    assert is_accepted("tauri://".ljust(length, "A")) is (length == 326)


ENTRIES = [
    *map(
        parse_pattern,
        [
            "https://*.example.com",
            "https://pr-*.example.com:*",
            "http://localhost:[3000-3999]",
            "http://192.168.0.0/16:*",
            "https://*.pr-*.example.com",
        ],
    ),
    *map(
        re.compile,
        [
            r"https?://localhost(:\d+)?",
            r"(?i)https://[a-z]{2,3}\.example\.com",
            r"^https://a\.example\.com$|^https://b\.example\.com\Z",
            r"https://[^/]+\.example\.com",
            r"https://\[::1\](:\d+)?",
            r"https://(?:(?:x-)*y)??\w+?-\.example\.com",
            r"https://[\w.-]{3,}\.example\.com.?",
            r"https://(é|a|)b\.example\.com",
            r"(app|tauri)://[^[\]]*",
            r"https://(?a:\w)(?i:K)(?:){2}[.]example",
        ],
    ),
]


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_written_entry_has_the_same_language(entry: re.Pattern[str]) -> None:
    pattern, hosts = pattern_of(entry)
    assert not {*pattern.regex} & {*"'\"`#{}"} - {*"{}"}
    assert re.sub(r"\\x5[bd]", "", pattern.regex).count("\\") == 0
    grammar = words(well_formed(hosts))
    wanted = language_of(entry)
    found = words(pattern.regex)
    assert wanted.dfa is not None
    # Only origins count, and `well_formed` accepts exactly those.
    found_origins = subtract(found, subtract(found, grammar))
    for more, less in ((wanted.dfa, found), (found_origins, wanted.dfa)):
        left = minimise(subtract(more, less))
        assert all(
            re.search(MALFORMED, text) or text.startswith(("app:", "tauri:"))
            for text in _some(left)
        )


def _some(dfa: object) -> list[str]:
    from itertools import islice

    from corsfast._proofs.automata import shortest_words

    return list(islice(shortest_words(dfa), 50))


@pytest.mark.parametrize(
    ("regex", "why"),
    [
        (r"https://(?!evil)[a-z]+\.example\.com", "look-around"),
        (r"https://\[[0-9a-f:]+\]", "many IPv6 addresses"),
        (r"[a-z]+://localhost", "many schemes"),
    ],
)
def test_entry_that_cannot_be_written(regex: str, why: str) -> None:
    with pytest.raises(NotExpressibleError, match=why):
        pattern_of(re.compile(regex))


@pytest.mark.parametrize(
    ("names", "accepted"),
    [
        ("", True),
        ("x-token", True),
        ("x-token, y", True),
        ("," * 15, True),
        ("," * 16, False),
        (" " * 16 + "x", True),
        ("x" + " " * 16, True),
        (" " * 17 + "x", False),
        (" x" + " " * 16, False),
        ("x" * 128, True),
        ("x" * 129, False),
        ("x y", False),
        ("x;y", False),
        (",".join(["x"] * 4096), True),
        (",".join(["x"] * 4096) + ",y", False),
    ],
)
def test_list_of_header_names(names: str, accepted: bool) -> None:
    assert bool(re.fullmatch(NAMES, names) and not re.search(BAD_NAMES, names)) is accepted


def test_method() -> None:
    assert re.fullmatch(METHOD, "!#$%&'*+-.^_`|~09AZaz")
    assert not any(re.fullmatch(METHOD, text) for text in ("", "A B", 'A"', "A(", "A" * 65))
