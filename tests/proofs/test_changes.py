"""`Policy.diff`: examples are right in both engines, and no origin tells equal policies apart."""

from __future__ import annotations

import importlib
import re
import warnings
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from support.engines import ENGINES
from support.strategies import damaged, origins, origins_nearly_right

import corsfast
from corsfast._options.origin import parse_origin
from corsfast._proofs import changes as comparison
from corsfast._proofs.automata import accepts, limited, steps_left
from corsfast._proofs.changes import PolicyDiff, side_of
from corsfast._proofs.families import Family, ipv6_hosts, shortest_origins, valid_origins
from corsfast._proofs.languages import words
from corsfast.errors import RISKS, PolicyError

MODULES = [importlib.import_module(f"corsfast._engine.{name}") for name in ENGINES]


def compare(old: Any, new: Any, **options: Any) -> PolicyDiff:
    """Compare two lists of origins, or two dictionaries of options."""
    old, new = (
        {"allow_origins": side} if not isinstance(side, dict) else side for side in (old, new)
    )
    return side_of(old | options).compared_with(side_of(new | options))


def added(old: Any, new: Any) -> list[tuple[str, str | None, str | None]]:
    changes = compare(old, new).added
    return [(change.entry, change.example, change.pattern) for change in changes]


# -- properties ------------------------------------------------------------------------------

pieces = st.sampled_from(
    ["a", "b", "[ab]", r"\w", r"\d+", "[a-z]*", ".", ".*", r"\.", "-", "(?:a|b)", "[^.]+", "x?"]
)
names = st.lists(pieces, min_size=1, max_size=4).map("".join)
regexes = st.builds(
    lambda scheme, name, port: re.compile(scheme + name + r"\.example\.com" + port),
    st.sampled_from(["https://", "https?://", "http://", ".*", "(?:app|https)://"]),
    names,
    st.sampled_from(["", r"(?::\d+)?", ":3000", ":300[0-3]", ".*", r"\.?"]),
)
texts = st.sampled_from(
    [
        "https://*.example.com",
        "https://a.example.com",
        "https://b.example.com",
        "https://a*.example.com",
        "http://a.example.com:[3000-3002]",
        "https://a.example.com:*",
        "http://192.168.0.0/16:*",
        "http://[fd00::]/8",
        "null",
    ]
)
entries = st.lists(st.one_of(texts, regexes), min_size=1, max_size=3)


def policies(entries: list[Any]) -> list[Any]:
    options: dict[str, Any] = {"allow_origins": entries, "dangerously_tolerate": RISKS}
    try:
        return [module.Policy(**options) for module in MODULES]
    except PolicyError:  # a regex without a valid origin
        return []


@settings(deadline=None, max_examples=25)
@given(entries, entries, st.lists(st.one_of(origins, origins_nearly_right), max_size=60), st.data())
def test_examples_and_verdicts_are_those_of_engines(
    old: list[Any], new: list[Any], tried: list[str], data: Any
) -> None:
    with warnings.catch_warnings(action="ignore"):
        before, after = policies(old), policies(new)
    if not before or not after:
        return
    found = compare(old, new)
    assert before[0].diff(after[0]).added == found.added
    for changes, inside, outside in ((found.added, after, before), (found.removed, before, after)):
        for change in changes:
            assert change.reason is None
            assert all(policy.actual(change.example).allowed for policy in inside), change
            assert not any(policy.actual(change.example).allowed for policy in outside), change
    examples = [change.example for change in (*found.added, *found.removed) if change.example]
    near = ["https://a.example.com", "http://ab.example.com:3000", *examples]
    tried = tried + data.draw(st.lists(damaged(st.sampled_from(near)), max_size=60))
    for origin in tried:
        first, second = before[0].actual(origin).allowed, after[0].actual(origin).allowed
        assert found.added or first or not second, origin
        assert found.removed or second or not first, origin


@settings(deadline=None, max_examples=20)
@given(entries, entries)
def test_the_pattern_is_exactly_the_difference(old: list[Any], new: list[Any]) -> None:
    for change in compare(old, new).added:
        if change.pattern is None or change.pattern == change.entry:
            continue
        patterns = change.pattern.split(", ")
        assert list(compare(old, [*patterns, *old]).removed) == []
        assert all(c.entry in patterns for c in compare(old, [*old, *patterns]).added)
        entry = next(e for e in new if getattr(e, "pattern", e) == change.entry)
        assert compare([entry, *old], [*patterns, *old]).verdict == "same"


@settings(deadline=None, max_examples=300)
@given(st.one_of(origins, origins_nearly_right))
def test_valid_origins_are_those_of_the_parser(origin: str) -> None:
    if len(origin) < 63:
        assert accepts(valid_origins(), origin) == (parse_origin(origin) is not None)


# -- origins ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ((), ["https://a.example.com"], [("https://a.example.com",) * 3]),
        (["https://*.example.com"], ["https://a.example.com"], []),
        (
            ["https://*.example.com"],
            ["https://*.example.com:[3000,3001]"],
            [("https://*.example.com:[3000-3001]", "https://e.example.com:3000")],
        ),
        (
            ["http://localhost:[3000-3005]"],
            ["http://localhost:[3000-3009]"],
            [
                (
                    "http://localhost:[3000-3009]",
                    "http://localhost:3006",
                    "http://localhost:[3006-3009]",
                )
            ],
        ),
        (
            ["https://pr-*.example.com"],
            [re.compile(r"https://(pr|qa)-[a-z0-9-]+\.example\.com")],
            [
                (
                    r"https://(pr|qa)-[a-z0-9-]+\.example\.com",
                    "https://qa-e.example.com",
                    "https://qa-*.example.com",
                )
            ],
        ),
        (
            ["https://e.example.com"],
            ["https://*.example.com"],
            [("https://*.example.com", "https://a.example.com", None)],
        ),
        ("*", ["https://a.example.com", "null"], []),
    ],
)
def test_origins_are_compared_as_sets(old: Any, new: Any, expected: list[Any]) -> None:
    expected = [(*each, each[0]) if len(each) == 2 else each for each in expected]
    assert added(old, new) == expected


def test_two_entries_together_cover_a_third() -> None:
    old = [re.compile(r"https://[a-m]\.example\.com"), re.compile(r"https://[n-z]\.example\.com")]
    new = [re.compile(r"https://[a-z]\.example\.com")]
    assert compare(old, new).verdict == "same"


def test_hosts_beyond_the_limits_are_no_difference() -> None:
    long = re.compile(r"https://a{64}\.example\.com")
    assert compare((), [long]).verdict == "same"
    assert compare((), [re.compile(r"https://a{63}\.example\.com")]).verdict == "wider"
    assert compare((), [re.compile(r"https://(?:a{50}\.){5}a{4}")]).verdict == "same"


def test_ipv6_addresses_are_canonical() -> None:
    assert compare((), [re.compile(r"https://\[0:0::1\]")]).verdict == "same"
    for host in ("[::]", "[::1]", "[1::]", "[1:0:2::3]", "[1:2:3:4:5:6:7:8]", "[0:1:2:3:4:5:6:7]"):
        assert accepts(ipv6_hosts(), host)
    for host in (
        "[]",
        "[1:::2]",
        "[::0]",
        "[01::]",
        "[1::2:3:4:5:6:7]",
        "[0::1]",
        "[1:0:0:2:3::4]",
    ):
        assert not accepts(ipv6_hosts(), host)


def test_an_entry_left_to_re_is_unknown_unless_equal() -> None:
    lookahead = re.compile(r"https://(?!x)a\.example\.com")
    assert compare((), [lookahead]).verdict == "unknown"
    assert compare([lookahead], [lookahead]).verdict == "same"
    assert compare([lookahead], ()).verdict == "narrower"
    assert compare("*", [lookahead]).verdict == "narrower"
    assert compare([lookahead], ["https://b.example.com"]).verdict == "wider"
    only = re.compile(r"https://a\.example\.com|https://(?!x)y")
    assert compare([only], [re.compile(r"https://a\.example\.com")]).verdict == "unknown"


def test_a_shortest_origin_skips_listed_ones() -> None:
    dfa = words("https://[ab]{1,2}")
    skipped = {"https://a", "https://b"}
    assert next(shortest_origins(dfa, without=skipped)) == "https://aa"
    assert next(shortest_origins(dfa, less=[words("https://.")])) == "https://aa"


def steps_of(text: str, many: int) -> int:
    """Return the steps to compare globs that differ in a few letters."""
    old, new = (
        side_of({"allow_origins": [text.format(f"{end}{i:03}") for i in range(many)]})
        for end in "ab"
    )
    with limited(1 << 40):
        found = old.compared_with(new)
        steps = (1 << 40) - steps_left()
    assert all(change.pattern == change.entry for change in found.added)
    assert len(found.added) == len(found.removed) == many
    return steps


@pytest.mark.parametrize("text", ["https://{}-*.example.com", "https://*-{}.example.com"])
def test_steps_grow_with_the_number_of_changed_globs(text: str) -> None:
    assert steps_of(text, 24) < 5 * steps_of(text, 6)


def test_entries_beyond_the_limit_of_steps_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = ([f"https://{end}{i}-*.example.com" for i in range(9)] for end in "ab")
    monkeypatch.setattr(comparison, "MAX_POLICY_STEPS", 20_000)
    found = compare(old, new)
    reasons = [change.reason for change in (*found.added, *found.removed)]
    assert len(reasons) == 18
    assert reasons[0] is None
    assert reasons[-1] == "comparing all takes more than 20000 steps (MAX_POLICY_STEPS)"
    monkeypatch.setattr(comparison, "MAX_POLICY_STEPS", 0)
    found = compare(old, [*new, "https://a.example.com"])
    assert (found.verdict, len(found.added)) == ("unknown", 10)
    assert compare(old, old).verdict == "same"


def test_the_way_to_apply_a_regex_counts() -> None:
    regex = re.compile(r"https://a\.example\.com")
    assert Family(regex, "match") != Family(regex)
    old, new = side_of({}, [(regex, "fullmatch")]), side_of({}, [(regex, "match")])
    assert old.compared_with(new).added[0].example == "https://a.example.come"


# -- the other options -----------------------------------------------------------------------

ANYONE = {"allow_origins": ["https://a.example.com"]}


@pytest.mark.parametrize(
    ("old", "new", "more", "less"),
    [
        ({}, {"allow_methods": ["GET", "put"]}, ["PUT"], []),
        ({"allow_methods": "*"}, {"allow_methods": ["PUT"]}, [], ["*"]),
        ({"allow_methods": ["PUT"]}, {"allow_methods": "*"}, ["*"], []),
        ({}, {"allow_headers": ["content-type", "X-A"]}, ["X-A"], []),
        ({"allow_headers": ["x-a"]}, {"allow_headers": ["X-A"]}, [], []),
        ({"allow_headers": "*"}, {"allow_headers": ["X-A"]}, [], ["*"]),
        ({"allow_headers": "*"}, {"allow_headers": ["Authorization"]}, ["Authorization"], ["*"]),
        (
            {"allow_headers": ["Authorization"]},
            {"allow_headers": ["*", "Authorization"]},
            ["*"],
            [],
        ),
        ({}, {"expose_headers": ["ETag", "Cache-Control"]}, ["ETag"], []),
        ({"expose_headers": "*"}, {"expose_headers": ["ETag"]}, [], ["*"]),
        ({}, {"allow_credentials": True}, ["true"], []),
        ({"max_age": None}, {"max_age": 5}, [], []),
        ({"max_age": None}, {"max_age": 60}, ["60 seconds instead of 5"], []),
        ({}, {"timing_allow_origin": True}, ["true"], []),
        ({"existing": "keep"}, {}, [], ["keep"]),
        ({"preflight_status": 200}, {}, [], []),
    ],
)
def test_the_other_options_are_compared_by_meaning(
    old: dict[str, Any], new: dict[str, Any], more: list[str], less: list[str]
) -> None:
    found = compare(ANYONE | old, ANYONE | new)
    assert [change.entry for change in found.added] == more
    assert [change.entry for change in found.removed] == less


def test_any_origin_with_credentials_means_web_pages() -> None:
    found = compare({"allow_origins": "*"}, {"allow_origins": "*", "allow_credentials": True})
    assert [change.option for change in found.added] == ["allow_credentials"]
    assert [change.entry for change in found.removed] == ["null", "*"]
    assert [risk.code for risk in found.risks] == ["any-origin-with-credentials"]


def test_only_risks_that_appear_are_listed() -> None:
    loose = re.compile(r"https://.*example\.com")
    assert [risk.code for risk in compare((), [loose]).risks] == ["foreign-origin"]
    assert compare([loose], [loose, "https://a.example.com"]).risks == ()


# -- the method ------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES, ids=ENGINES)
def test_diff_takes_a_policy_of_the_same_engine(module: Any) -> None:
    old = module.Policy(allow_origins=["https://a.example.com"])
    new = module.Policy(allow_origins=["https://*.example.com"])
    found = old.diff(new)
    assert type(found) is corsfast.PolicyDiff
    assert (found.verdict, found.status) == ("wider", 1)
    assert new.diff(old).status == old.diff(old).status == 0
    with pytest.raises(TypeError, match="new must be a Policy, not list"):
        old.diff([])
