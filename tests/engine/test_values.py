"""Policies and decisions as values: equal, hashable, printable, copied, pickled, immutable."""

from __future__ import annotations

import contextlib
import copy
import gc
import importlib
import itertools
import pickle
import re
import sys
import warnings
from typing import Any

import pytest
from hypothesis import given
from support.engines import PURE_ONLY
from support.strategies import POLICIES, any_origin, option_sets
from support.surfaces import make_policy

import corsfast
from corsfast import CorsfastRedundancyWarning, Outcome, within
from corsfast._options.spec import Spec
from corsfast.middleware._dropin.policy import lenient_tables

# One option is changed at a time; no two of these policies are equal.
BASE: dict[str, Any] = {"allow_origins": ["https://a.example"]}
VARIANTS: list[dict[str, Any]] = [
    BASE,
    {"allow_origins": ()},
    {"allow_origins": "*"},
    {"allow_origins": ["https://b.example"]},
    {"allow_origins": ["https://*.a.example"]},
    {"allow_origins": ["https://a.example:*"]},
    {"allow_origins": [re.compile("https://a")]},
    {"allow_origins": [re.compile("https://a", re.ASCII)]},
    {**BASE, "allow_methods": ["PUT"]},
    {**BASE, "allow_methods": "*"},
    {**BASE, "allow_headers": ["X-A"]},
    {**BASE, "allow_headers": "*"},
    {**BASE, "expose_headers": ["X-A"]},
    {**BASE, "expose_headers": "*"},
    {**BASE, "allow_credentials": True},
    {**BASE, "max_age": 5},
    {**BASE, "max_age": None},
    {**BASE, "max_age": 0},
    {**BASE, "preflight_status": 200},
    {**BASE, "existing": "keep"},
    {**BASE, "timing_allow_origin": True},
    {**BASE, "dangerously_tolerate": ["insecure-origin"]},
]
POLICY_OPTIONS = [*VARIANTS, *POLICIES[3:]]


def decisions(policy: Any) -> list[Any]:
    return [
        policy.actual(None),
        policy.actual("https://a.example"),
        policy.actual("https://evil.example"),
        policy.actual("bad"),
        policy.preflight("https://a.example", "GET", None),
        policy.preflight("https://a.example", "PUT", "x-a"),
        policy.preflight("https://evil.example", "GET", None),
    ]


# -- equality --------------------------------------------------------------------------------


def test_equality(engine: Any) -> None:
    one = [make_policy(engine, options) for options in VARIANTS]
    two = [make_policy(engine, options) for options in VARIANTS]
    for (i, a), (j, b) in itertools.product(enumerate(one), enumerate(two)):
        assert (a == b) is (i == j)
        assert (a != b) is (i != j)
    assert len(set(one) | set(two)) == len(VARIANTS)
    assert one[0] != "https://a.example"
    assert one[0] != object()


def test_the_order_of_origins_does_not_count(engine: Any) -> None:
    origins = ["https://a.example", "https://*.b.example", re.compile("https://c"), "null"]
    assert len({engine.Policy(allow_origins=o) for o in itertools.permutations(origins)}) == 1
    with pytest.warns(CorsfastRedundancyWarning, match="more than once"):
        twice = engine.Policy(allow_origins=origins * 2)
    assert engine.Policy(allow_origins=origins) == twice


def test_the_order_of_names_counts(engine: Any) -> None:
    """The order is visible in the headers."""
    one, two = (engine.Policy(**BASE, allow_methods=m) for m in (["A", "B"], ["B", "A"]))
    assert one != two


def test_equality_of_decisions(engine: Any) -> None:
    one, two = make_policy(engine, BASE), make_policy(engine, BASE)
    for a, b in zip(decisions(one), decisions(two), strict=True):
        assert a == b
        assert hash(a) == hash(b)
    assert len(set(decisions(one))) == len(decisions(one))
    assert one.actual(None) != None  # noqa: E711
    assert one.actual(None) != Outcome.NO_ORIGIN
    # Each differs in exactly one field.
    other = engine.Policy(**BASE, preflight_status=200)
    assert one.preflight("https://a.example", "GET") != other.preflight("https://a.example", "GET")
    assert one.preflight("bad", "GET") == other.preflight("bad", "GET")


@given(options=option_sets, origin=any_origin)
def test_decisions_are_equal_however_they_were_asked_for(
    engine: Any, options: dict[str, Any], origin: Any
) -> None:
    policy, again = make_policy(engine, options), make_policy(engine, options)
    other = origin.encode("latin-1", "replace") if isinstance(origin, str) else origin
    assert policy.actual(origin) == again.actual(other)
    assert hash(policy.actual(origin)) == hash(again.actual(other))


# -- repr, copy, pickle ----------------------------------------------------------------------


@pytest.mark.parametrize("options", POLICY_OPTIONS, ids=range(len(POLICY_OPTIONS)))
def test_repr_is_the_call_that_makes_it(engine: Any, options: dict[str, Any]) -> None:
    policy = make_policy(engine, options)
    with warnings.catch_warnings(action="ignore"):
        again = eval(repr(policy), {"Policy": engine.Policy, "re": re})
    assert again == policy
    assert repr(again) == repr(policy)


def test_repr_of_decisions(engine: Any) -> None:
    policy = engine.Policy(allow_origins=["https://a.example"])
    assert repr(policy.actual("https://a.example")) == (
        "<Decision allowed {'Access-Control-Allow-Origin': 'https://a.example', 'Vary': 'Origin'}>"
    )
    assert repr(policy.actual(None)) == "<Decision no-origin {'Vary': 'Origin'}>"
    refused = repr(policy.preflight("bad", "GET"))
    assert refused.startswith("<Decision origin-malformed preflight {'Vary': 'Origin, Access-")


@pytest.mark.parametrize("options", POLICY_OPTIONS, ids=range(len(POLICY_OPTIONS)))
def test_options_make_an_equal_policy(engine: Any, options: dict[str, Any]) -> None:
    policy = make_policy(engine, options)
    given = policy.options()
    assert set(given) == set(Spec.OPTIONS)
    with warnings.catch_warnings(action="ignore"):
        again = engine.Policy(**given)
        pickled = pickle.loads(pickle.dumps(policy))
    assert again == policy
    assert again.options() == given == pickled.options()
    # The lists are new each time.
    for value in given.values():
        if isinstance(value, list):
            value.append("changed")
    assert again.options() == policy.options() != given


MIXED = [
    "https://*.b.example.com",
    "https://b.example",
    re.compile(r"https://c\.example\.com"),
    "https://a.example",
    "http://localhost:*",
    within(re.compile(r"https://(d|e)[.]example[.]com"), "example.com"),
    "http://127.0.0.1:[81-89,3000]",
    "https://pr-*.example.org",
    "null",
]


@pytest.mark.parametrize("origins", [*itertools.permutations(MIXED[:4]), MIXED, MIXED[::-1]])
def test_options_keep_the_order_of_the_origins(engine: Any, origins: Any) -> None:
    policy = engine.Policy(allow_origins=origins)
    assert policy.options()["allow_origins"] == list(origins)
    assert pickle.loads(pickle.dumps(policy)).options() == policy.options()


def test_options_list_duplicates_once(engine: Any) -> None:
    origins = ["https://a.example", *MIXED, *MIXED, "http://c.example:[8080]"]
    with pytest.warns(CorsfastRedundancyWarning):
        policy = engine.Policy(allow_origins=origins)
    listed = policy.options()["allow_origins"]
    meant = [*MIXED[:3], *MIXED[4:], "http://c.example:8080"]
    assert listed == ["https://a.example", *meant]


def test_options_of_a_drop_in_are_its_own() -> None:
    with warnings.catch_warnings(action="ignore"):
        tables = lenient_tables(
            "a drop-in", {"allow_origins": ["https://a.example"]}, credentials=False
        )
    policy = corsfast.Policy._from_tables(tables)
    for ask in (policy.options, lambda: pickle.dumps(policy)):
        with pytest.raises(TypeError, match="not made from options of"):
            ask()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("options", POLICY_OPTIONS, ids=range(len(POLICY_OPTIONS)))
def test_pickle(engine: Any, options: dict[str, Any], protocol: int) -> None:
    """Unpickling creates a policy of the current engine, whichever engine pickled it."""
    policy = make_policy(engine, options)
    data = pickle.dumps(policy, protocol)
    assert b"native" not in data
    assert b"pure" not in data
    with warnings.catch_warnings(action="ignore"):
        again = pickle.loads(data)
    assert type(again) is corsfast.Policy
    assert repr(again) == repr(policy)
    assert again == make_policy(corsfast, options)


def test_copies_are_the_same_object(engine: Any) -> None:
    policy = engine.Policy(**BASE)
    for value in (policy, *decisions(policy)):
        assert copy.copy(value) is value
        assert copy.deepcopy(value) is value
        assert copy.deepcopy([value])[0] is value


def test_decisions_are_not_pickled(engine: Any) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="a Decision cannot be pickled; pickle the Policy"):
            pickle.dumps(engine.Policy(**BASE).actual(None), protocol)


# -- immutable, final ------------------------------------------------------------------------


def test_immutable(engine: Any) -> None:
    policy = engine.Policy(**BASE)
    for value, kind in ((policy, "Policy"), (policy.actual(None), "Decision")):
        for name in ("headers", "outcome", "actual", "tables", "_tables", "__class__", "new"):
            message = f"{kind} is immutable: '{name}' cannot be"
            with pytest.raises(AttributeError, match=message):
                setattr(value, name, None)
            with pytest.raises(AttributeError, match=message):
                delattr(value, name)
        assert not hasattr(value, "__dict__")


def test_answers_are_immutable(engine: Any) -> None:
    for options in POLICY_OPTIONS:
        for decision in decisions(make_policy(engine, options)):
            for answer in (decision.headers, decision.raw_headers, decision.vary):
                assert type(answer) is tuple
                assert all(type(pair) in (tuple, str) for pair in answer)
            for name, value in decision.headers:
                assert type(name) is type(value) is str
            for raw_name, raw_value in decision.raw_headers:
                assert type(raw_name) is type(raw_value) is bytes


def test_echoed_values_are_plain_text(engine: Any) -> None:
    """A subclass that a framework passes in must not be returned."""

    class Text(str):
        pass

    class Octets(bytes):
        pass

    policy = engine.Policy(
        allow_origins=["https://*.a.example"],
        allow_methods="*",
        allow_headers="*",
        allow_credentials=True,
    )
    for kind in (Text, lambda text: Octets(text.encode())):
        decision = policy.preflight(kind("https://x.a.example"), kind("PUT"), kind("x-a"))
        assert decision.allowed
        for field in decision.headers:
            assert [type(part) for part in field] == [str, str]
        for field in decision.raw_headers:
            assert [type(part) for part in field] == [bytes, bytes]


def test_final(engine: Any) -> None:
    for kind in (engine.Policy, engine.Decision):
        with pytest.raises(TypeError):
            type("Sub", (kind,), {})


def test_decisions_are_made_by_policies(engine: Any) -> None:
    for make in (engine.Decision, lambda: engine.Decision.__new__(engine.Decision)):
        with pytest.raises(TypeError, match="a Decision is made by a Policy"):
            make()
    # Bypassing this gives an error or an empty object, but no crash.
    with pytest.raises((TypeError, AttributeError)):
        repr(object.__new__(engine.Decision))
    with pytest.raises(TypeError):
        engine.Policy.__new__(engine.Policy)


def test_init_again_changes_nothing(engine: Any) -> None:
    policy = engine.Policy(**BASE)
    before = repr(policy)
    with contextlib.suppress(TypeError):
        policy.__init__(allow_origins="*")
    assert repr(policy) == before
    assert not policy.allows_origin("https://b.example")


# -- lifetime --------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(sys, "getrefcount"), reason="counting is CPython's affair")
def test_arguments_are_given_back(engine: Any) -> None:
    policy = engine.Policy(**BASE, allow_headers="*", allow_methods="*", allow_credentials=True)
    origin, method, names = ("".join(["https://", "a.example"]), "".join(["PU", "T"]), ["x-" + "a"])
    bad = "".join(["b", "ad"])
    counted: list[Any] = [origin, method, names, names[0], bad]
    before = [sys.getrefcount(value) for value in counted]
    for _ in range(50):
        policy.actual(origin)
        policy.actual(bad)
        policy.preflight(origin, method, names)
        policy.decide("OPTIONS", bad, method, names)
        policy.wsgi({"REQUEST_METHOD": method, "HTTP_ORIGIN": origin})
    assert [sys.getrefcount(value) for value in counted] == before


def test_a_kept_decision_does_not_change(engine: Any) -> None:
    policy = engine.Policy(allow_origins=["https://*.a.example"])
    origins = [f"https://x{i}.a.example" for i in range(5)]
    kept = []
    for origin in origins:
        policy.actual(origin)
        kept.append(policy.actual(origin))
        policy.actual("https://other.a.example")
    sent = [dict(decision.headers)["Access-Control-Allow-Origin"] for decision in kept]
    assert sent == origins


@pytest.mark.skipif(not hasattr(sys, "getrefcount"), reason="counting is CPython's affair")
def test_a_decision_outlives_its_policy(engine: Any) -> None:
    policy = engine.Policy(
        allow_origins=["https://*.a.example"], allow_headers="*", allow_credentials=True
    )
    decision = policy.preflight(b"https://x.a.example", "GET", b" x-a ,")
    del policy
    gc.collect()
    assert dict(decision.headers)["Access-Control-Allow-Headers"] == "x-a"
    assert dict(decision.raw_headers)[b"access-control-allow-origin"] == b"https://x.a.example"


def test_engines_do_not_mix() -> None:
    """Policies of different engines are not equal, but their pickles load as the same policy."""
    names = ["pure"] if PURE_ONLY else ["pure", "native"]
    engines = [importlib.import_module(f"corsfast._engine.{name}") for name in names]
    policies = [make_policy(engine, BASE) for engine in engines]
    for one, two in itertools.permutations(policies, 2):
        assert one != two
    assert len({pickle.loads(pickle.dumps(policy)) for policy in policies}) == 1
