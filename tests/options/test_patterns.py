"""The pattern language: its documented table, its limits, and equivalent forms.

A pattern must allow the same origins as the regular expression that `patterns.expression` returns
for it. If it matches few enough origins, it must also agree with the list of exact origins.
"""

from __future__ import annotations

import pickle
import re
from itertools import product
from random import Random
from typing import Any

import pytest
from support.regex_forms import near_miss
from support.surfaces import make_policy

from corsfast import Policy
from corsfast._options import patterns
from corsfast._options.origin import parse_origin
from corsfast._options.patterns import (
    ANY_PORT,
    Glob,
    HostRule,
    Network,
    expression,
    parse_pattern,
    within,
    write_pattern,
)
from corsfast.errors import RISKS, CorsfastRedundancyWarning, PolicyError

NONE = ((0, 0),)


def allows(engine: Any, *entries: Any) -> Any:
    options = {"allow_origins": list(entries), "dangerously_tolerate": RISKS}
    return make_policy(engine, options).allows_origin


# -- documentation ---------------------------------------------------------------------------


def documented() -> list[tuple[str, str, str]]:
    """Return the rows of the table in the head of patterns.py: pattern, matches, does not match."""
    row = re.compile(r"^\| `(\S+)` +\| `(\S+)` +\| `(\S+)` *\|$", re.MULTILINE)
    return row.findall(patterns.__doc__ or "")


def test_the_table_is_found() -> None:
    lines = (patterns.__doc__ or "").splitlines()
    assert len(documented()) == sum("://" in line and line.startswith("|") for line in lines) >= 5


@pytest.mark.parametrize(("pattern", "match", "differ"), documented())
def test_documented(engine: Any, pattern: str, match: str, differ: str) -> None:
    assert parse_origin(match) is not None
    allowed = allows(engine, pattern)
    assert allowed(match)
    assert not allowed(differ)


# -- parsing of strings ----------------------------------------------------------------------

READ = [
    ("null", "null"),
    ("https://a.example", "https://a.example"),
    ("capacitor://localhost", "capacitor://localhost"),
    ("http://[::1]", "http://[::1]"),
    ("https://*.a.example", HostRule("https", ".a.example", NONE)),
    ("https://*.a.example.", HostRule("https", ".a.example.", NONE)),
    ("https://*.example", HostRule("https", ".example", NONE)),
    ("https://*.a.example:*", HostRule("https", ".a.example", ANY_PORT)),
    ("https://*.a.example:8443", HostRule("https", ".a.example", ((8443, 8443),))),
    ("https://*.a.example:[8443]", HostRule("https", ".a.example", ((8443, 8443),))),
    ("http://localhost:*", HostRule("http", "localhost", ANY_PORT)),
    ("http://127.0.0.1:*", HostRule("http", "127.0.0.1", ANY_PORT)),
    ("http://[::1]:*", HostRule("http", "[::1]", ANY_PORT)),
    ("http://[::1]:[1,2]", HostRule("http", "[::1]", ((1, 2),))),
    ("http://[::1]:[3000,8000-8099]", HostRule("http", "[::1]", ((3000, 3000), (8000, 8099)))),
    # Sets of ports are sorted and merged, and a single port is the exact origin.
    ("http://a.example:[3000,80-89]", HostRule("http", "a.example", ((80, 89), (3000, 3000)))),
    ("http://a.example:[1,1]", "http://a.example:1"),
    ("http://a.example:[5]", "http://a.example:5"),
    ("http://a.example:[5-5]", "http://a.example:5"),
    ("http://[::1]:[5]", "http://[::1]:5"),
    ("http://a.example:[1-5,3-9]", HostRule("http", "a.example", ((1, 9),))),
    ("http://a.example:[1-9,3-5,4]", HostRule("http", "a.example", ((1, 9),))),
    ("http://a.example:[1-2,3-4]", HostRule("http", "a.example", ((1, 4),))),
    ("http://a.example:[1-2,4]", HostRule("http", "a.example", ((1, 2), (4, 4)))),
    ("http://a.example:[1-65535]", HostRule("http", "a.example", ((1, 65535),))),
    # A default port inside a range is harmless, because browsers never write it.
    ("http://a.example:[79-81]", HostRule("http", "a.example", ((79, 81),))),
    ("https://a.example:[80,8080]", HostRule("https", "a.example", ((80, 80), (8080, 8080)))),
    # Globs.
    ("https://pr-*.a.example", Glob("https", "pr-*.a.example", NONE)),
    ("https://*-pr.a.example:*", Glob("https", "*-pr.a.example", ANY_PORT)),
    ("https://*a*b*.example", Glob("https", "*a*b*.example", NONE)),
    ("https://*.*.a.example", Glob("https", "*.*.a.example", NONE)),
    ("https://a.*.example:[1,3]", Glob("https", "a.*.example", ((1, 1), (3, 3)))),
    ("https://a.*", Glob("https", "a.*", NONE)),
    ("https://*.*.com", Glob("https", "*.*.com", NONE)),
    ("https://*.*", Glob("https", "*.*", NONE)),
    ("https://a_*.example", Glob("https", "a_*.example", NONE)),
    ("https://xn--*.example", Glob("https", "xn--*.example", NONE)),
    ("https://192.168.0.*", Glob("https", "192.168.0.*", NONE)),
    # Networks.
    ("http://10.0.0.0/8:*", Network("http", "10.0.0.0", 8, ANY_PORT)),
    ("https://172.16.0.0/12", Network("https", "172.16.0.0", 12, NONE)),
    ("http://192.168.0.0/16:3000", Network("http", "192.168.0.0", 16, ((3000, 3000),))),
    ("http://192.168.0.0/16:[9,1-3]", Network("http", "192.168.0.0", 16, ((1, 3), (9, 9)))),
    ("http://192.168.0.0/16:[3000]", Network("http", "192.168.0.0", 16, ((3000, 3000),))),
    ("http://0.0.0.0/0", Network("http", "0.0.0.0", 0, NONE)),
    ("http://10.0.0.6/31", Network("http", "10.0.0.6", 31, NONE)),
    ("http://[fd00::]/8:*", Network("http", "[fd00::]", 8, ANY_PORT)),
    ("http://[fe80::]/10", Network("http", "[fe80::]", 10, NONE)),
    ("https://[::]/0:[1-2]", Network("https", "[::]", 0, ((1, 2),))),
    ("http://[::ffff:c0a8:0]/112", Network("http", "[::ffff:c0a8:0]", 112, NONE)),
    # A network of one address is that address.
    ("http://10.0.0.1/32", "http://10.0.0.1"),
    ("http://10.0.0.1/32:3000", "http://10.0.0.1:3000"),
    ("http://10.0.0.1/32:*", HostRule("http", "10.0.0.1", ANY_PORT)),
    ("http://[fd00::1]/128", "http://[fd00::1]"),
    ("http://[fd00::1]/128:[1,2]", HostRule("http", "[fd00::1]", ((1, 2),))),
]


@pytest.mark.parametrize(("text", "rule"), READ)
def test_read(text: str, rule: object) -> None:
    assert parse_pattern(text) == rule


@pytest.mark.parametrize(("text", "rule"), READ)
def test_round_trip(text: str, rule: Any) -> None:
    if isinstance(rule, str):
        assert parse_pattern(rule) == rule
    else:
        written = write_pattern(rule)
        assert parse_pattern(written) == rule
        assert write_pattern(rule) == written
        # The text is unchanged, except that sets of ports have one canonical form.
        assert written == text or ":[" in text or text.endswith("/32:*")


def test_equal_sets_are_equal_policies() -> None:
    spellings = ["[3,1-2]", "[1-3]", "[1,2,3]", "[1-3,2]", "[1-2,2-3]"]
    policies = [Policy(allow_origins=[f"http://a.example:{ports}"]) for ports in spellings]
    assert len(set(policies)) == 1
    one = Policy(allow_origins=["http://a.example:[7]"])
    assert one == Policy(allow_origins=["http://a.example:7"])


def test_networks_are_values(engine: Any) -> None:
    entries = ["http://10.0.0.0/8:*", "http://[fd00::]/8:[3,1-2]", "http://192.168.0.1/32:[1,2]"]
    policy = engine.Policy(allow_origins=entries)
    assert "http://10.0.0.0/8:*" in repr(policy)
    assert "http://[fd00::]/8:[1-3]" in repr(policy)
    assert "http://192.168.0.1:[1-2]" in repr(policy)
    assert policy == eval(repr(policy), {"Policy": engine.Policy})
    same = engine.Policy(allow_origins=["http://[fd00::]/8:[1-3]", *entries[::2]])
    other = engine.Policy(allow_origins=["http://[fd00::]/9:[1-3]", *entries[::2]])
    assert policy == same
    assert hash(policy) == hash(same)
    assert policy != other
    assert repr(pickle.loads(pickle.dumps(policy))) == repr(policy)
    with pytest.warns(CorsfastRedundancyWarning, match="is listed more than once"):
        engine.Policy(allow_origins=["http://10.0.0.0/8:[1,2]", "http://10.0.0.0/8:[2,1]"])


# -- rejected strings ------------------------------------------------------------------------

# None of these is a pattern, and each has a problem with this code.
REFUSED = [
    ("", "empty"),
    ("**", "scheme-missing"),
    ("*.example.com", "scheme-missing"),
    ("https://", "host"),
    ("https://*", "wildcard"),
    ("https://*:*", "wildcard"),
    ("http://*:3000", "wildcard"),
    ("https://*.", "wildcard"),
    ("https://**", "wildcard"),
    ("https://**.example.com", "wildcard"),
    ("https://a**b.example.com", "wildcard"),
    ("https://.*.example.com", "looks-like-regex"),
    ("https://-*.example.com", "wildcard"),
    ("https://*-.example.com", "wildcard"),
    ("https://*..example.com", "wildcard"),
    ("https://*.-a.example.com", "wildcard"),
    ("https://*.example.com:443", "wildcard"),
    ("https://*.example.com/", "trailing-slash"),
    ("https://*.example.com/x", "path"),
    ("https://u@*.example.com", "user-info"),
    ("https://*.Example.com", "upper-case"),
    ("https://*.b\u00fccher.example", "unicode-host"),
    ("https://*.1.2.3.4", "wildcard"),
    ("https://1*.2.3.4", "wildcard"),
    ("https://*2.3.4", "wildcard"),
    ("https://[::*]", "wildcard"),
    ("https://[*]:1", "wildcard"),
    ("https://*.[::1]", "wildcard"),
    ("ws://*.example.com", "wildcard-scheme"),
    ("*://example.com", "wildcard-scheme"),
    ("http*://example.com", "wildcard-scheme"),
    ("capacitor://*", "wildcard-scheme"),
    ("https://" + "a" * 63 + "*.example", "wildcard"),
    ("https://" + "a" * 64 + ".example", "host"),
    # ports
    ("https://a.example:443", "default-port"),
    ("https://a.example:[443]", "port"),
    ("https://a.example:[443-443]", "port"),
    ("http://a.example:[80,81]", "port"),
    ("http://a.example:[90-80]", "port"),
    ("http://a.example:[]", "port"),
    ("http://a.example:[1,]", "port"),
    ("http://a.example:[,1]", "port"),
    ("http://a.example:[1,,2]", "port"),
    ("http://a.example:[0]", "port"),
    ("http://a.example:[0-5]", "port"),
    ("http://a.example:[01]", "port"),
    ("http://a.example:[1-65536]", "port"),
    ("http://a.example:[1-]", "port"),
    ("http://a.example:[-5]", "port"),
    ("http://a.example:[1-2-3]", "port"),
    ("http://a.example:[1 ]", "white-space"),
    ("http://a.example:[*]", "wildcard"),
    ("http://a.example:1-2", "port"),
    ("http://a.example:1,2", "port"),
    ("http://a.example:0", "port"),
    ("http://a.example:65536", "port"),
    ("http://a.example:", "port"),
    ("http://a.example:**", "wildcard"),
    ("http://a.example:3*", "wildcard"),
    ("http://a.example:[1]:[2]", "port"),
    ("http://a.example:1:[2,3]", "port"),
    ("http://a.example:1:*", "wildcard"),
    ("ws://a.example:[1,2]", "port"),
    # networks
    ("http://192.168.1.5/16", "network"),
    ("http://10.0.0.1/31", "network"),
    ("http://[fd00::1]/8:*", "network"),
    ("http://[fd00:0::]/8", "network"),
    ("http://192.168.0.0/016", "network"),
    ("http://192.168.0.0/33", "network"),
    ("http://[fd00::]/129", "network"),
    ("http://192.168.0.0:3000/16", "network"),
    ("http://192.168.0.0/255.255.0.0", "network"),
    ("http://192.168/16", "network"),
    ("http://10.0.0.0-10.255.255.255", "network"),
    ("http://fd00::/8", "network"),
    ("http://[fd00::/8]", "network"),
    ("http://10.0.0.0/8:80", "network"),
    ("http://10.0.0.0/8:1-2", "network"),
    ("http://10.0.0.0/8:", "network"),
    ("http://10.0.0.0/8:0", "port"),
    ("http://10.0.0.0/8:65536", "port"),
    ("http://10.0.0.0/8:[9-1]", "port"),
    ("http://10.0.0.0/8:*:*", "path"),
    ("http://10.0.0.0/8:3000:*", "path"),
    ("http://10.0.0.0/8:x:[1-2]", "path"),
    ("http://[fd00::]/8:[1]:[2]", "path"),
    ("http://192.168.0.0/16/", "trailing-slash"),
    ("http://192.168.0.0/16:*/", "trailing-slash"),
    ("HTTP://192.168.0.0/16", "upper-case"),
    ("http://[FD00::]/8", "upper-case"),
    ("http://192.168.0.0/16/x", "path"),
    ("http://192.168.0.0/", "trailing-slash"),
    ("http://192.168.1.5:3000/16", "path"),
    ("http://192.168.1.5/8080", "path"),
    ("http://010.0.0.0/8", "path"),
    ("http://10.0.0.256/8", "path"),
    ("http://example.com/24", "path"),
    ("http://localhost/8", "path"),
    ("http://10.0.0.0/-8", "path"),
    ("http://10.0.0.0/ 8", "white-space"),
    ("capacitor://10.0.0.0/8", "path"),
    ("192.168.0.0/16", "scheme-missing"),
    ("fd00::/8", "scheme-missing"),
]


@pytest.mark.parametrize(("text", "code"), REFUSED)
def test_refused(engine: Any, text: str, code: str) -> None:
    assert parse_pattern(text) is None
    with pytest.raises(PolicyError) as refused:
        engine.Policy(allow_origins=[text, "https://fine.example"], dangerously_tolerate=RISKS)
    (problem,) = refused.value.problems
    assert (problem.code, problem.option, problem.value) == (code, "allow_origins", text)


REGEXES = [
    r"https://.*\.example\.com",
    r"^https://a\.example$",
    "^https://a.example",
    "https://a.example$",
    "https://(a|b).example",
    "https://a.example|https://b.example",
    "https://[a-z]+.example",
    "https://[a-z].example",
    "https://[^.].example",
    r"https://\w.example",
    "https://a{2}.example",
    "https://a+.example",
    "https?://a.example",
    "https://.*.example",
    ".*",
    "https://a.example(:[0-9]+)?",
    r"https://a.example:\d+",
    "https://a.example:[0-9]+",
    "https://a.example:.*",
    "https://*.example.com|",
    "(?i)https://a.example",
]


@pytest.mark.parametrize("text", REGEXES)
def test_strings_are_never_regexes(engine: Any, text: str) -> None:
    """The problem has a hint that is valid."""
    re.compile(text)
    assert parse_pattern(text) is None
    with pytest.raises(PolicyError) as refused:
        engine.Policy(allow_origins=[text], dangerously_tolerate=RISKS)
    (problem,) = refused.value.problems
    assert problem.code == "looks-like-regex"
    assert problem.hint is not None
    assert problem.hint in str(refused.value)
    hinted = eval(problem.hint, {"re": re})
    assert hinted == re.compile(text)


def test_any_origin_must_be_the_only_entry(engine: Any) -> None:
    """`*` is not a pattern, and no other entry may be combined with it."""
    assert parse_pattern("*") is None
    assert allows(engine, "*")("https://anything.example")
    for other in ("https://a.example", "https://*.a.example", "https://pr-*.a.example", "null"):
        with pytest.raises(PolicyError) as refused:
            engine.Policy(allow_origins=["*", other])
        assert [p.code for p in refused.value.problems] == ["any-origin-beside-others"]


def test_duplicates_are_one(engine: Any) -> None:
    with pytest.warns(CorsfastRedundancyWarning, match="is listed more than once"):
        twice = engine.Policy(allow_origins=["https://*.a.example", "https://pr-*.b.example"] * 2)
    once = engine.Policy(allow_origins=["https://pr-*.b.example", "https://*.a.example"])
    assert twice == once
    assert repr(twice).count("*.a.example") == 1


# -- within ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "domain",
    ["", "a b", "https://a.example", "A.example", "*.a.example", ".a.example", "a.example:1",
     "[::1]", "b\u00fccher.example", "a..b", "a.example/", "256.1.1.1"],
)  # fmt: skip
def test_within_wants_hosts(domain: str) -> None:
    with pytest.raises(ValueError, match="is not a host name"):
        within(re.compile("a"), domain)


def test_within_wants_its_types() -> None:
    with pytest.raises(TypeError, match=r"pattern of str, not str; write re[.]compile\(\.\.\.\)$"):
        within("a", "a.example")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be a compiled pattern of str, not Pattern"):
        within(re.compile(b"a"), "a.example")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="domains must be str, not bytes"):
        within(re.compile("a"), b"a.example")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="needs the domains"):
        within(re.compile("a"))
    assert within(re.compile("a"), "a.example", "localhost", "10.0.0.1").domains == (
        "a.example",
        "localhost",
        "10.0.0.1",
    )


# -- equivalent forms ------------------------------------------------------------------------

HOSTS = ["a.example", "*.a.example", "pr-*.a.example", "*-x.a.example", "*.pr-*.a.example",
         "a*b.example", "*.*.a.example", "a.*.example", "localhost", "*.localhost", "a.example.",
         "*.a.example."]  # fmt: skip
ADDRESSES = ["127.0.0.1", "[::1]", "[2001:db8::1]"]
NETWORKS = ["127.0.0.1/32", "10.0.0.6/31", "192.168.0.0/16", "[fd00::]/64"]
PORTS = ["", ":*", ":8443", ":[3000,8000-8099]", ":[1-65535]", ":[79-81,442-444]", ":[9,90-1234]"]
LABELS = ["a", "b", "example", "pr-", "pr-7", "pr-x-x", "pr", "q-x", "-x", "x", "axb", "ab", "a-b",
          "a_b", "1", "xn--a", "localhost"]  # fmt: skip
TRIED_PORTS = ["", ":1", ":8", ":9", ":80", ":81", ":82", ":89", ":90", ":442", ":443", ":444",
               ":999", ":1000", ":1233", ":1234", ":1235", ":2999", ":3000", ":3001", ":7999",
               ":8000", ":8050", ":8099", ":8100", ":8443", ":65535", ":65536", ":0"]  # fmt: skip


def tried(random: Random, scheme: str, host: str) -> list[str]:
    """Return origins near a pattern: its own hosts, other hosts, and every port of interest."""
    made = []
    for _ in range(60):
        name = host
        while "*" in name:
            filling = random.choice([*LABELS, "a.b", "x-", "", "7"])
            name = name.replace("*", filling, 1)
        if random.random() < 0.2:
            name = ".".join(random.choices(LABELS, k=random.randint(1, 4)))
        other = random.choice(["https", "http", scheme, scheme, scheme, "ws"])
        made.append(f"{other}://{name}{random.choice(['', *TRIED_PORTS])}")
    made += [f"{scheme}://{host.replace('*', f)}" for f in ("a", "7-7", "a.b")]
    return made + [near_miss(random, origin) for origin in made]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", [*HOSTS, *ADDRESSES])
def test_the_same_as_a_regex(engine: Any, scheme: str, host: str) -> None:
    random = Random(f"{scheme}{host}")
    for ports in PORTS:
        rule = parse_pattern(f"{scheme}://{host}{ports}")
        if not isinstance(rule, (HostRule, Glob)):
            continue
        by_rule = allows(engine, f"{scheme}://{host}{ports}")
        by_regex = allows(engine, re.compile(expression(rule)))
        both = set()
        for origin in tried(random, scheme, host):
            assert by_rule(origin) is by_regex(origin), (rule, origin)
            both.add(by_rule(origin))
        assert False in both
        if ports in ("", ":*"):
            assert True in both


@pytest.mark.parametrize("host", ["a.example", "127.0.0.1", "[::1]", "localhost"])
def test_the_same_as_exact_origins(engine: Any, host: str) -> None:
    text = f"http://{host}:[79-81,3000,8000-8009]"
    numbers = [79, 81, 3000, *range(8000, 8010)]
    by_rule = allows(engine, text)
    by_name = allows(engine, *(f"http://{host}:{number}" for number in numbers))
    for number in [*range(1, 200), *range(2990, 3010), *range(7990, 8020)]:
        origin = f"http://{host}:{number}"
        assert by_rule(origin) is by_name(origin) is (number in numbers), origin


def test_globs_the_same_as_exact_origins(engine: Any) -> None:
    """A star is compared with all strings of up to three characters, as exact origins."""
    fillings = ["".join(f) for n in range(4) for f in product("a_-.", repeat=n)]
    origins = [f"https://p{filling}q.example" for filling in fillings]
    wanted = {o for o, f in zip(origins, fillings, strict=True) if re.fullmatch("[a-]+", f)}
    by_glob = allows(engine, "https://p*q.example")
    by_name = allows(engine, *sorted(wanted))
    for origin in origins:
        assert by_glob(origin) is by_name(origin) is (origin in wanted), origin


@pytest.mark.parametrize(
    ("first", "last"),
    [(1, 65535), (0, 65535), (1, 9), (9, 10), (99, 101), (80, 89), (8, 1234), (8000, 8099),
     (65530, 65535), (10, 99), (3000, 3000), (7, 7), (80, 88), (1, 8), (8000, 8098),
     (1000, 1999), (999, 2000)],
)  # fmt: skip
def test_port_blocks(first: int, last: int) -> None:
    """The expression for a range of ports has every number in it, and no other."""
    regex = re.compile(expression(HostRule("http", "a", ((first, last),))))
    assert (regex.fullmatch("http://a") is not None) is (first == 0)
    for port in range(1, 65536):
        assert (regex.fullmatch(f"http://a:{port}") is not None) is (first <= port <= last)
    for text in (":", ":0", ":01", ":65536", ":100000", ":1x", ":-1", ":1 "):
        assert not regex.fullmatch(f"http://a{text}")


# -- limits ----------------------------------------------------------------------------------


def test_the_longest_hosts(engine: Any) -> None:
    """A star matches up to the limits of labels and hosts, and not beyond."""
    by_glob = allows(engine, "https://a*b.example", "https://*.long.example")
    for n in range(1, 70):
        assert by_glob(f"https://a{'x' * n}b.example") is (n <= 61), n
    for n in range(1, 70):
        assert by_glob(f"https://{'x' * n}.long.example") is (n <= 63), n
    for n in range(200, 260):
        host = ("x." * 200)[: n - len(".long.example") - 1] + "y.long.example"
        if ".." not in host and len(host) == n:
            assert by_glob(f"https://{host}") is (n <= 253), n


def test_a_thousand_ranges(engine: Any) -> None:
    ports = ",".join(f"{n}-{n + 2}" for n in range(1000, 5000, 4))
    text = f"http://localhost:[{ports}]"
    assert len(text) > 9000
    allowed = allows(engine, text)
    for port in range(990, 5010):
        assert allowed(f"http://localhost:{port}") is (1000 <= port < 4999 and port % 4 != 3)
    policy = engine.Policy(allow_origins=[text])
    assert eval(repr(policy), {"Policy": engine.Policy}) == policy
