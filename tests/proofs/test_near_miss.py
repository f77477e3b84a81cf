"""The entry that a refused value nearly matches. The policy allows it after the change."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from corsfast import Policy
from corsfast._engine.pure import Policy as PurePolicy
from corsfast._proofs.near_miss import (
    NearMiss,
    near_header,
    near_method,
    near_origins,
)
from corsfast.errors import RISKS


def misses(entries: list[Any], origin: str, dead: tuple[str, ...] = ()) -> list[NearMiss]:
    policy = Policy(allow_origins=entries, dangerously_tolerate=RISKS)
    assert not policy.actual(origin).allowed
    return near_origins(origin, spec_of(entries), dead)


def spec_of(entries: list[Any]) -> Any:
    return PurePolicy(allow_origins=entries, dangerously_tolerate=RISKS)._tables.spec


APP = "https://app.example.com"

# kind, entry, origin, whether the owner of the entry owns the origin
NEAR = [
    ("scheme", APP, "http://app.example.com", False),
    ("scheme", "http://localhost:3000", "https://localhost:3000", True),
    ("scheme", "http://app.example.com", APP, True),
    ("scheme", "https://*.example.com", "http://app.example.com", False),
    ("scheme-and-port", "http://localhost:3000", "https://localhost:8443", False),
    ("port", APP, "https://app.example.com:8443", True),
    ("port", "http://localhost:3000", "http://localhost:3001", True),
    ("port", "http://localhost:3000", "http://localhost", True),
    ("port", "http://localhost:[3000-3010]", "http://localhost:3011", True),
    ("port", "https://*.example.com", "https://a.example.com:444", True),
    ("port", "https://pr-*.example.com", "https://pr-1.example.com:444", True),
    ("www", "https://example.com", "https://www.example.com", True),
    ("www", "https://www.example.com", "https://example.com", True),
    ("apex", "https://*.example.com", "https://example.com", True),
    ("subdomain", "https://example.com", "https://api.example.com", True),
    ("loopback", "http://localhost:3000", "http://127.0.0.1:3000", True),
    ("loopback", "http://127.0.0.1:3000", "http://localhost:3000", True),
    ("loopback", "http://localhost:*", "http://[::1]:8000", True),
    ("dot", APP, "https://app.example.com.", True),
    ("edit", APP, "https://app.examp1e.com", False),
]


@pytest.mark.parametrize(("kind", "entry", "origin", "is_own"), NEAR)
def test_origin_near_an_entry(kind: str, entry: str, origin: str, is_own: bool) -> None:
    others = ["https://unlike.test", "https://*.other.test"]
    found = misses([*others, entry], origin)[0]
    assert (found.kind, found.entry, found.is_own) == (kind, entry, is_own)
    assert found.add == origin
    changed = Policy(allow_origins=[entry, found.add], dangerously_tolerate=RISKS)
    assert changed.actual(origin).allowed


def test_origin_near_a_regex() -> None:
    regex = re.compile(r"https://pr-\d+\.example\.com")
    found = misses([regex], "http://pr-7.example.com")[0]
    assert (found.kind, found.entry) == ("scheme", regex.pattern)


# kind, entry, what is sent, what should be sent
SPELLED = [
    ("slash", APP, "https://app.example.com/", APP),
    ("path", APP, "https://app.example.com/login", APP),
    ("case", APP, "https://App.example.com", APP),
    ("default-port", APP, "https://app.example.com:443", APP),
    ("punycode", "https://xn--mnchen-3ya.example", "https://münchen.example", None),
    ("case", "https://*.example.com", "HTTPS://app.example.com", APP),
    ("case", None, "HTTPS://app.example.org", "https://app.example.org"),
]


@pytest.mark.parametrize(("kind", "entry", "origin", "sent"), SPELLED)
def test_origin_not_as_browsers_write_it(
    kind: str, entry: str | None, origin: str, sent: str | None
) -> None:
    entries = [entry or APP]
    found = misses(entries, origin)[0]
    assert (found.kind, found.entry) == (kind, entry)
    assert found.send == sent or entry
    assert found.send is not None
    changed = Policy(allow_origins=[*entries, *filter(None, [found.add])])
    assert changed.actual(found.send).allowed


@pytest.mark.parametrize(
    ("kind", "origin"),
    [
        ("malformed", "app"),
        ("several", f"{APP}, {APP}"),
        ("several", f"{APP} {APP}"),
        ("length", "https://" + "a" * 400),
    ],
)
def test_origin_that_no_change_allows(kind: str, origin: str) -> None:
    (found,) = misses([APP], origin)
    assert (found.kind, found.add, found.send) == (kind, None, None)


def test_null_and_an_unknown_origin() -> None:
    assert misses([APP], "null")[0].kind == "null"
    (found,) = misses([APP], "https://other.test")
    assert (found.kind, found.entry, found.add) == ("none", None, "https://other.test")
    assert not found.is_own


def test_origin_of_an_entry_that_matches_nothing() -> None:
    found = misses(["https://x.test"], APP, dead=("app.example.com", f"{APP}/"))
    assert [(miss.kind, miss.entry) for miss in found] == [
        ("entry", "app.example.com"),
        ("entry", f"{APP}/"),
    ]


def test_near_misses_of_several_entries() -> None:
    found = misses(["http://app.example.com", "https://app.example.com:1"], APP)
    assert [miss.kind for miss in found] == ["scheme", "port"]


METHODS = {"GET", "HEAD", "POST", "PATCH"}


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("patch", ("case", "PATCH", None, "PATCH")),
        ("purge", ("case", None, "PURGE", "PURGE")),
        ("put", ("case", None, "PUT", "PUT")),
        ("PACH", ("edit", "PATCH", "PACH", None)),
        ("DELETE", ("none", None, "DELETE", None)),
        ("TRACE", ("forbidden", None, None, None)),
        ("X" * 65, ("length", None, None, None)),
    ],
)
def test_near_method(method: str, expected: tuple[Any, ...]) -> None:
    found = near_method(method, METHODS)
    assert (found.kind, found.entry, found.add, found.send) == expected
    if found.add or found.send:
        policy = Policy(allow_origins=[APP], allow_methods=["PATCH", *filter(None, [found.add])])
        assert policy.preflight(APP, found.send or method).allowed


@pytest.mark.parametrize(
    ("name", "any_header", "expected"),
    [
        ("authorization", True, ("wildcard", "*", "Authorization")),
        ("authorization", False, ("none", None, "authorization")),
        ("x_api_key", False, ("hyphen", "x-api-key", "x_api_key")),
        ("x-api-keys", False, ("edit", "x-api-key", "x-api-keys")),
        ("x" * 129, False, ("length", None, None)),
    ],
)
def test_near_header(name: str, any_header: bool, expected: tuple[Any, ...]) -> None:
    found = near_header(name, {"accept", "x-api-key"}, any_header)
    assert (found.kind, found.entry, found.add) == expected
    if found.add:
        listed = ["*"] if any_header else []
        policy = Policy(allow_origins=[APP], allow_headers=[*listed, found.add])
        assert policy.preflight(APP, "GET", name).allowed


def test_hostile_origins_raise_nothing() -> None:
    spec = spec_of([APP, "https://*.example.org", "http://localhost:*", "http://10.0.0.0/8"])
    numbers = random.Random(7)
    characters = "".join(map(chr, range(256))) + "://..[]*-,/:0123456789" * 12
    for _ in range(3000):
        junk = "".join(numbers.choices(characters, k=numbers.randrange(60)))
        for origin in (junk, f"https://{junk}", f"{APP}{junk}"):
            assert near_origins(origin, spec)
            assert near_method(origin, METHODS)
            assert near_header(origin, METHODS)
