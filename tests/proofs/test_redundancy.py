"""Entries that another entry covers: warned about once each, never rejected, no false warnings."""

from __future__ import annotations

import itertools
import re
import warnings
from typing import Any

import pytest

from corsfast import within
from corsfast._proofs.redundancy import MAX_COMPARED
from corsfast.errors import RISKS, CorsfastRedundancyWarning


def said(engine: Any, *entries: Any) -> list[str]:
    """Return the redundancy warnings of a policy with these entries."""
    with warnings.catch_warnings(record=True, action="always") as caught:
        engine.Policy(allow_origins=list(entries), dangerously_tolerate=RISKS)
    found = [w for w in caught if w.category is CorsfastRedundancyWarning]
    assert all(w.filename == __file__ for w in found)
    return [str(w.message) for w in found]


def sentence(covered: str, wide: str) -> str:
    return f"{covered!r} is covered by {wide!r} and can be left out."


R = re.compile

# covered, wide
COVERED = [
    ("https://a.x.example", "https://*.x.example"),
    ("https://a.b.x.example", "https://*.x.example"),
    ("https://a.x.example:8443", "https://*.x.example:*"),
    ("http://localhost:3000", "http://localhost:*"),
    ("http://localhost", "http://localhost:*"),
    ("http://localhost:3000", "http://localhost:[1-9,3000-3001]"),
    ("http://[::1]:1", "http://[::1]:*"),
    ("https://pr-1.x.example", "https://pr-*.x.example"),
    ("https://a.x.example", R(r"https://[a-c]\.x\.example")),
    ("https://a.x.example", within(R(r"https://.\.x\.example"), "x.example")),
    ("https://*.a.x.example", "https://*.x.example"),
    ("https://*.x.example:8443", "https://*.x.example:*"),
    ("https://*.x.example:[5-7]", "https://*.x.example:[1-9]"),
    ("https://*.x.example:[3-7]", "https://*.x.example:[1-5,6-9]"),
    ("http://localhost:[1,2,8]", "http://localhost:[1-5,8]"),
    ("http://localhost:[1-65535]", "http://localhost:*"),
    ("https://pr-a-*.x.example", "https://pr-*.x.example"),
    ("https://pr-*.x.example", "https://pr-*.x.example:*"),
    ("https://pr-*.x.example", R(r"https://[a-z0-9-]+\.x\.example")),
    (R(r"https://[ab]\.x\.example"), R(r"https://[a-c]\.x\.example")),
    ("http://192.168.1.7:3000", "http://192.168.0.0/16:*"),
    ("http://192.168.1.7:*", "http://192.168.0.0/16:*"),
    ("http://192.168.1.7:[1-9]", "http://192.168.0.0/16:[1-99]"),
    ("http://192.168.1.0/24:3000", "http://192.168.0.0/16:*"),
    ("http://[fd00::1]:3000", "http://[fd00::]/64:*"),
    ("http://[fd00::1]:*", "http://[fd00::]/8:*"),
    ("http://[fd00::]/64:*", "http://[fd00::]/8:*"),
    ("http://10.1.0.0/16", R(r"http://10\.\d+\.\d+\.\d+(:\d+)?")),
    (R(r"http://10\.1\.\d+\.\d+"), "http://10.0.0.0/8"),
    (R(r"https://a{2,3}\.x\.example"), R(r"https://a+\.x\.example(:\d+)?")),
]

APART = [
    ("https://x.example", "https://*.x.example"),
    ("http://a.x.example", "https://*.x.example"),
    ("http://192.169.1.7:3000", "http://192.168.0.0/16:*"),
    ("http://192.168.1.7:*", "http://192.168.0.0/16"),
    ("https://192.168.1.7:*", "http://192.168.0.0/16:*"),
    ("http://192.169.1.7:*", "http://192.168.0.0/16:*"),
    ("http://localhost:*", "http://127.0.0.0/8:*"),
    ("http://192.168.2.0/24:*", "http://192.168.1.0/24:*"),
    ("http://[fd00::]/64:*", "http://[fd00:0:0:1::]/64:*"),
    ("http://[::ffff:a00:1]:*", "http://10.0.0.0/8:*"),
    ("https://ax.example", "https://*.x.example"),
    ("https://a.x.example.", "https://*.x.example"),
    ("https://a.x.example:1", "https://*.x.example"),
    ("http://localhost:4", "http://localhost:[1-3,5]"),
    ("https://localhost", "http://localhost:*"),
    ("http://xlocalhost", "http://localhost:*"),
    ("https://*.x.example", "https://*.xx.example"),
    ("https://*.x.example", "http://*.x.example"),
    ("https://*.x.example:[3-7]", "https://*.x.example:[1-4,6-9]"),
    ("http://localhost:[1-65534]", "http://localhost:[2-65535]"),
    ("http://*.localhost", "http://localhost:*"),
    ("https://pr-*.x.example", "https://*-pr.x.example"),
    ("https://pr.x.example", "https://pr-*.x.example"),
    ("https://pr-*.x.example", R(r"https://[a-z-]+\.x\.example")),
    (R(r"https://a\.x\.example"), R(r"https://(?=a).\.x\.example")),
    (R(r"https://(?=a).\.x\.example"), R(r"https://.\.x\.example")),
    ("null", "https://*.x.example"),
    ("capacitor://localhost", "http://localhost:*"),
]


def text(entry: Any) -> str:
    regex = getattr(entry, "regex", entry)
    return str(getattr(regex, "pattern", regex))


@pytest.mark.parametrize(("covered", "wide"), COVERED, ids=str)
def test_covered(engine: Any, covered: Any, wide: Any) -> None:
    found = said(engine, covered, wide)
    assert found == said(engine, wide, covered)
    (message,) = found
    assert " is covered by " in message
    assert message.endswith(f"{text(wide)!r} and can be left out.") or "[" in text(wide)
    # If the text is already canonical, the message repeats it literally.
    if ":[" not in text(covered) + text(wide):
        assert message == sentence(text(covered), text(wide))


@pytest.mark.parametrize(("one", "other"), APART, ids=str)
def test_apart(engine: Any, one: Any, other: Any) -> None:
    assert said(engine, one, other) == []


def test_covered_entries_can_be_left_out(engine: Any) -> None:
    """The wide entry allows every origin that the narrow one allows, and there are some."""
    for covered, wide in COVERED:
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            narrow, whole = (
                engine.Policy(allow_origins=[e], dangerously_tolerate=RISKS).allows_origin
                for e in (covered, wide)
            )
        hosts = ["x.example", "localhost", "[::1]", "192.168.1.7", "10.1.0.1", "[fd00::1]"]
        names = ["", "a.", "aa.", "aaa.", "b.", "d.", "a.b.", "c.a.", "pr-1.", "pr-a-1.", "pr-."]
        ports = ["", *(f":{n}" for n in range(1, 12)), ":3000", ":3001", ":8443", ":65535"]
        allowed = 0
        for scheme, name, host, port in itertools.product(("http", "https"), names, hosts, ports):
            origin = f"{scheme}://{name}{host}{port}"
            if narrow(origin):
                allowed += 1
                assert whole(origin), (covered, wide, origin)
        assert allowed, covered


def test_equal_languages_keep_one(engine: Any) -> None:
    """Of two equal entries only the later is reported, because removing both would be wrong."""
    first, second = R(r"https://[ab]\.x\.example"), R(r"https://(a|b)\.x\.example")
    assert said(engine, first, second) == [sentence(second.pattern, first.pattern)]
    assert said(engine, second, first) == [sentence(first.pattern, second.pattern)]


def test_each_redundancy_is_reported(engine: Any) -> None:
    found = said(engine, "https://a.x.example", "https://*.a.x.example", "https://*.x.example")
    assert found == [
        sentence("https://a.x.example", "https://*.x.example"),
        sentence("https://*.a.x.example", "https://*.x.example"),
    ]


def test_long_lists_are_not_compared(engine: Any) -> None:
    """The comparison takes quadratic time, so longer lists than people write are left out."""
    hosts = [f"https://*.h{i}.example" for i in range(MAX_COMPARED - 1)]
    assert said(engine, "https://*.a.h1.example", *hosts) != []
    assert said(engine, "https://*.a.h1.example", "https://*.new.example", *hosts) == []
    exact = [f"https://e{i}.example" for i in range(MAX_COMPARED - 1)]
    assert said(engine, "https://a.x.example", "https://*.x.example", *exact) != []
    assert said(engine, "https://a.x.example", "https://more.example", "https://*.x.example",
                *exact) == []  # fmt: skip
