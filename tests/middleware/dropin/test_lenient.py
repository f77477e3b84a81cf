"""Code that drop-ins share: lenient reading of entries, warnings, and lists read as by the engines.

Both engines are built from the same tables here and must agree.
"""

from __future__ import annotations

import pickle
import re
import warnings
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, strategies as st
from support.strategies import damaged, origins as origin_texts
from support.wrong_entries import DECISIONS, WRONG, same_host

import corsfast
from corsfast import PolicyError
from corsfast._engine import pure
from corsfast._engine.headers import merged_vary, requested_names
from corsfast._engine.tables import Tables
from corsfast._options.fetch import TCHAR
from corsfast._options.patterns import Within
from corsfast._options.spec import wrong_header, wrong_method
from corsfast._proofs.dialect import Dialect
from corsfast.errors import (
    CorsfastPerformanceWarning,
    CorsfastSecurityWarning,
    CorsfastUnmatchableWarning,
)
from corsfast.middleware._dropin.policy import (
    allowing,
    echoing_any_origin,
    lenient_tables,
    read_list,
    read_names,
    tokens_of,
)

A = "https://a.example"
NAME = "corsfast.middleware.something"


@pytest.fixture
def lenient(engine: ModuleType) -> Any:
    """Return a function that makes a drop-in's policy, on each engine.

    `origins` may be a list, for the option `origins`. `derive` changes the tables.
    """

    def make(origins: Any, credentials: bool = False, derive: Any = None, **rest: Any) -> Any:
        named = origins if isinstance(origins, dict) else {"origins": origins}
        tables = lenient_tables(NAME, named, credentials=credentials, **rest)
        return engine.Policy._from_tables(derive(tables) if derive else tables)

    return make


def quietly(make: Any, *args: Any, **options: Any) -> Any:
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        return make(*args, **options)


def said(make: Any, *args: Any, **options: Any) -> tuple[Any, list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True, action="always") as caught:
        return make(*args, **options), caught


# -- entries ---------------------------------------------------------------------------------


def test_which_origins_are_allowed(lenient: Any) -> None:
    policy = lenient(
        {
            "allowed": [A, "null", "chrome-extension://abc", "http://localhost:3000"],
            "regexes": [
                re.compile(r"https://[a-z]+\.b\.example"),
                re.compile("https://C.example", re.IGNORECASE),
            ],
        }
    )
    for origin in (
        A,
        "null",
        "chrome-extension://abc",
        "http://localhost:3000",
        "https://x.b.example",
        "https://c.example",
    ):
        assert policy.allows_origin(origin), origin
        assert dict(policy.actual(origin).headers)["Access-Control-Allow-Origin"] == origin
    for origin in (
        "https://x.b.example.evil.net",
        "https://x.y.b.example",
        "http://a.example",
        "chrome-extension://abcd",
        "",
        "https://a.example/",
    ):
        assert not policy.allows_origin(origin), origin


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("https://a.example/", "trailing-slash"),
        ("a.example", "scheme-missing"),
        ("", "empty"),
        ("https://A.example", "upper-case"),
        ("https://a.example:443", "default-port"),
        ("https://*.a.example", "wildcard"),
        ("https://a.example, https://b.example", "list-in-string"),
        (r"https://.*\.a\.example", "looks-like-regex"),
        (1, "type"),
        (None, "type"),
        (b"https://a.example", "type"),
        (["https://a.example"], "type"),
        (re.compile(b"https://a.example"), "type"),
        (re.compile("a.example"), "unmatchable-pattern"),
    ],
    ids=repr,
)
def test_unmatchable_entries_warn_and_are_left_out(lenient: Any, entry: Any, code: str) -> None:
    policy, caught = said(lenient, [entry, "https://ok.example"])
    assert [warning.category for warning in caught] == [CorsfastUnmatchableWarning]
    text = str(caught[0].message)
    assert text.startswith(f"{NAME}: origins: ")
    assert text.endswith(f"[{code}]")
    assert "dangerously_tolerate" not in text
    assert caught[0].filename == __file__
    assert policy.allows_origin("https://ok.example")
    for origin in (A, "https://x.a.example", "https://b.example"):
        assert not policy.allows_origin(origin)
    with pytest.raises(PolicyError) as error:
        lenient([entry, "https://ok.example"], strict=True)
    assert [(p.code, p.option) for p in error.value.problems] == [(code, "origins")]


RISKS: list[tuple[Any, str]] = [
    ("*", "any-origin-with-credentials"),
    ("null", "null-origin-with-credentials"),
    ("http://a.example", "insecure-origin"),
    (re.compile("https://a.example.com"), "foreign-origin"),
    (re.compile("https?://.*"), "any-origin-with-credentials"),
    (re.compile(r"https://.*\.vercel\.app"), "public-suffix"),
]


@pytest.mark.parametrize(("entry", "code"), RISKS, ids=repr)
def test_risks_are_one_warning_each(lenient: Any, entry: Any, code: str) -> None:
    origins = {"first": [A], "second": [entry]}
    policy, caught = said(lenient, origins, credentials=True)
    assert [warning.category for warning in caught] == [CorsfastSecurityWarning]
    text = str(caught[0].message)
    assert text.startswith(f"{NAME}: second: ")
    assert text.endswith(f"[{code}]")
    assert "dangerously_tolerate" not in text
    with pytest.raises(PolicyError) as error:
        lenient(origins, credentials=True, strict=True)
    (problem,) = error.value.problems
    assert (problem.code, problem.option) == (code, "second")
    if problem.example is not None:
        assert repr(problem.example) in text
        assert policy.allows_origin(problem.example)


def test_strict_says_all_at_once(lenient: Any) -> None:
    earlier = read_list("more", "a b")[1]
    with pytest.raises(PolicyError) as error:
        lenient(["", "null", re.compile("https://a.b.com")], True, strict=True, also=earlier)
    codes = [problem.code for problem in error.value.problems]
    assert codes == ["bare-string", "empty", "null-origin-with-credentials", "foreign-origin"]
    lenient([A, re.compile(r"https://x\.a\.example")], True, strict=True)


def test_a_regex_without_an_automaton_warns(lenient: Any) -> None:
    regex = re.compile(r"https://(?!x)[a-z]+\.a\.example")
    policy, caught = said(lenient, [regex])
    assert CorsfastPerformanceWarning in {warning.category for warning in caught}
    assert policy.allows_origin("https://y.a.example")
    assert not policy.allows_origin("https://x.a.example")


# -- proposed fixes --------------------------------------------------------------------------

DIALECT = Dialect(any_origin="origins=['*']", regex="regex={}")


@pytest.mark.parametrize("credentials", [False, True], ids=["", "credentials"])
@pytest.mark.parametrize(
    ("entry", "host"),
    [(entry, host) for entry, host in WRONG if not isinstance(entry, Within)],
    ids=lambda entry: ascii(getattr(entry, "pattern", entry)),
)
def test_suggestions_are_valid(
    lenient: Any, entry: Any, host: str | None, credentials: bool
) -> None:
    """As with a policy's errors, the values proposed in warnings of drop-ins are accepted."""
    try:
        quietly(lenient, [entry], credentials, dialect=DIALECT, strict=True)
    except PolicyError as error:
        problems = error.problems
    else:
        return
    for problem in problems:
        if problem.hint is None or problem.hint.startswith(DECISIONS):
            continue
        if problem.hint == DIALECT.any_origin:
            assert not credentials
            continue
        text = problem.hint.replace("regex=re.compile(", "(re.compile)(")
        text = re.sub("regex=(r?['\"].*)$", r"re.compile(\1)", text)
        for value in eval(f"[{text}]", {"re": re}):
            quietly(lenient, [value], credentials, dialect=DIALECT, strict=True)
            assert host is not None, problem
            assert same_host(value, host), problem


@pytest.mark.parametrize(
    ("dialect", "entry", "hint"),
    [
        (DIALECT, re.compile(".*"), "origins=['*']"),
        (DIALECT, re.compile("https://a.example.com"), r'regex=r"https://a\.example\.com"'),
        (DIALECT, re.compile("https://a.example.com", re.IGNORECASE),
         r'regex=re.compile(r"https://a\.example\.com", re.IGNORECASE)'),
        (replace(DIALECT, flags=re.IGNORECASE), re.compile("https://a.example.com", re.IGNORECASE),
         r'regex=r"https://a\.example\.com"'),
        (replace(DIALECT, compiled=True), re.compile("https://a.example.com"),
         r'regex=re.compile(r"https://a\.example\.com")'),
        (DIALECT, "https://*.a.example.com", r'regex=r"https://(?:[a-z0-9_\-]+\.)+a\.example\.com"'),
        (DIALECT, "*.co.uk",
         "each name that is yours, as https://NAME.co.uk; or use a domain of your own"),
        (replace(DIALECT, regex=None), "https://*.a.example.com",
         "the intended origins, one by one"),
        (DIALECT, "http://192.168.0.0/16:*",
         r'regex=r"http://192\.168(?:\.[0-9]{1,3}){2}(?::[0-9]+)?"'),
        (DIALECT, "http://192.168.1.*", r'regex=r"http://192\.168\.1\.[0-9]{1,3}"'),
        (DIALECT, "https://10.0.0.1/8", r'regex=r"https://10(?:\.[0-9]{1,3}){3}"'),
        (DIALECT, "http://[fd00::]/8:3000", r'regex=r"http://\[fd[0-9a-f][0-9a-f]:[0-9a-f:]+\](?::3000)"'),
        (DIALECT, re.compile("http://192.168.0.0/16:*"),
         r'regex=r"http://192\.168(?:\.[0-9]{1,3}){2}(?::[0-9]+)?"'),
        (DIALECT, "http://10.0.0.0/8,https://a.example,http://192.168.0.0/16:3000",
         ("'https://a.example', regex="
          r'r"http://10(?:\.[0-9]{1,3}){3}|http://192\.168(?:\.[0-9]{1,3}){2}(?::3000)"')),
        (replace(DIALECT, regex="{}"), "http://10.0.0.0/8,http://192.168.0.0/16",
         r'r"http://10(?:\.[0-9]{1,3}){3}|http://192\.168(?:\.[0-9]{1,3}){2}"'),
        (DIALECT, "203.0.114.0/24", "the intended origins, one by one"),
        (replace(DIALECT, regex=None), "http://192.168.0.0/16:*",
         "the intended origins, one by one"),
        (DIALECT, "wss://a.example.com", "'https://a.example.com'"),
        (DIALECT, "htps://a.example.com", "'https://a.example.com'"),
        (DIALECT, "https://A.example.com/", "'https://a.example.com'"),
    ],
    ids=lambda value: "" if isinstance(value, Dialect) else str(value),
)  # fmt: skip
def test_in_a_drop_ins_words(lenient: Any, dialect: Dialect, entry: Any, hint: str) -> None:
    _, caught = said(lenient, [entry], dialect=dialect)
    (warning,) = caught
    assert f" Write {hint} instead. [" in str(warning.message)


# -- "*" -------------------------------------------------------------------------------------


def test_any_origin_without_credentials(lenient: Any) -> None:
    policy, (warning,) = said(lenient, ["*", A, "null"])
    assert "[any-origin-beside-others]" in str(warning.message)
    for origin in (A, "null", "whatever", ""):
        assert policy.actual(origin).headers == (("Access-Control-Allow-Origin", "*"),)


def test_any_origin_with_credentials(lenient: Any) -> None:
    policy = quietly(lenient, ["*", "http://a.example"], credentials=True)
    for origin in (A, "null", "http://b.example", "chrome-extension://abc", "https://[::1]:3000"):
        headers = dict(policy.actual(origin).headers)
        assert headers["Access-Control-Allow-Origin"] == origin
        assert headers["Access-Control-Allow-Credentials"] == "true"
        assert headers["Vary"] == "Origin"
    for origin in ("x", "", "*", "https://a.example/", "https://a.example\r\nX: y", "NULL", "\xe9"):
        assert policy.actual(origin).headers == (("Vary", "Origin"),)


@given(origin=st.one_of(origin_texts, st.text(max_size=12)))
def test_engines_agree_on_any_origin(origin: str) -> None:
    if corsfast.IMPLEMENTATION == "native":
        from corsfast._engine import native

        ours, theirs = (ANY[engine] for engine in (pure, native))
        assert ours.actual(origin).headers == theirs.actual(origin).headers


def _any(engine: Any) -> Any:
    tables = quietly(lenient_tables, NAME, {"origins": ["*"]}, credentials=True)
    return engine.Policy._from_tables(tables)


ANY = {pure: _any(pure)}
if corsfast.IMPLEMENTATION == "native":
    from corsfast._engine import native

    ANY[native] = _any(native)


# -- answers ---------------------------------------------------------------------------------


def own_responses(tables: Tables) -> Tables:
    responses = tables.responses._replace(
        actual_fields=(("X-Said", "yes"),),
        preflight_fields=(("X-Said", "ok"),),
        actual_vary=("Origin", "Accept"),
        preflight_vary=(),
        default_origin=None,
        preflight_status=200,
        refused_preflight_status=400,
        echo_headers=True,
    )
    tables = tables._replace(responses=responses)
    return allowing(tables, ["PUT"], [], any_header=True)


def test_drop_in_states_its_responses(lenient: Any) -> None:
    policy = lenient([A], derive=own_responses)
    vary = ("Vary", "Origin, Accept")
    said_yes = (("Access-Control-Allow-Origin", A), ("X-Said", "yes"), vary)
    assert policy.actual(A).headers == said_yes
    assert policy.actual(A).vary == ("Origin", "Accept")
    assert policy.actual(None).headers == policy.actual("https://b.example").headers == (vary,)
    allowed = policy.preflight(A, "PUT", " Authorization, x-a")
    assert (allowed.status, allowed.headers) == (
        200,
        (
            ("Access-Control-Allow-Origin", A),
            ("Access-Control-Allow-Headers", "Authorization,x-a"),
            ("X-Said", "ok"),
        ),
    )
    # With "*" the names are echoed, but not the origin.
    starred = lenient(["*"], derive=own_responses).preflight(A, "PUT", "x-a")
    assert starred.headers[:2] == (
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Headers", "x-a"),
    )
    # Even GET needs to be allowed, if the drop-in says so.
    for method, names in (("GET", None), ("put", None), ("PUT", "x a")):
        refused = policy.preflight(A, method, names)
        assert (refused.status, refused.headers) == (400, ())


def test_default_origin_is_sent_without_an_origin(lenient: Any) -> None:
    def derive(tables: Tables) -> Tables:
        return tables._replace(responses=tables.responses._replace(default_origin=A))

    headers = lenient([A, "https://b.example"], derive=derive).actual(None).headers
    assert headers == (("Access-Control-Allow-Origin", A), ("Vary", "Origin"))


def test_any_origin_is_echoed_without_credentials(lenient: Any) -> None:
    policy = lenient(["*"], derive=echoing_any_origin)
    for origin in (A, "null"):
        headers = (("Access-Control-Allow-Origin", origin), ("Vary", "Origin"))
        assert policy.actual(origin).headers == headers
        assert policy.preflight(origin, "GET").vary[0] == "Origin"
    for origin in (None, "x"):
        assert policy.actual(origin).headers == (("Vary", "Origin"),)


def test_tables_and_responses_cannot_be_assigned_to() -> None:
    tables = lenient_tables(NAME, {"origins": [A]}, credentials=False)
    for value in (tables, tables.responses):
        for name in (*value._fields, "actual_headers", "new"):
            with pytest.raises(AttributeError):
                setattr(value, name, None)
        assert hash(value)


def test_as_a_value(lenient: Any) -> None:
    same, other = (lenient([A, "null"], derive=own_responses) for _ in range(2))
    assert same == other
    assert hash(same) == hash(other)
    assert same != lenient([A, "null"])
    assert same != lenient([A], derive=own_responses)
    assert repr(same) == f"<the policy of {NAME}>"
    with pytest.raises(TypeError, match="pickle its options"):
        pickle.dumps(same)


def test_derived_tables_leave_the_original_alone(lenient: Any) -> None:
    seen: list[Tables] = []
    policy = lenient([A], derive=lambda tables: seen.append(tables) or tables)
    variant = lenient([A], derive=lambda tables: allowing(tables, [], []))
    assert not variant.preflight(A, "GET").allowed
    assert policy.preflight(A, "GET").allowed
    assert variant.actual(A) == policy.actual(A)
    assert variant != policy


# -- lists -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "entries"),
    [
        (["a", "b"], ["a", "b"]),
        (("a",), ["a"]),
        ({"b", "a", "c"}, ["a", "b", "c"]),
        (frozenset({2, 1}), [1, 2]),
        ({"a": 1}, ["a"]),
        ("*", ["*"]),
        ([], []),
    ],
)
def test_lists_are_read_as_they_are(value: Any, entries: list[object]) -> None:
    assert read_list("option", value) == (entries, [])


@pytest.mark.parametrize(
    ("value", "entries"),
    [
        (A, [A]),
        ("GET,PUT", ["GET", "PUT"]),
        (" GET , PUT ", ["GET", "PUT"]),
        ("", []),
    ],
)
def test_a_bare_string_is_read_as_the_list_that_was_meant(value: str, entries: list[str]) -> None:
    read, (problem,) = read_list("option", value)
    assert read == entries
    assert (problem.code, problem.option, problem.value) == ("bare-string", "option", value)
    assert problem.hint == repr(entries)


def test_names_that_cannot_be_sent_are_left_out() -> None:
    kept, problems = read_names(
        "option",
        ["X-A", "", "*", "X-B, X-C", "X Y", "X\r\nY", "\xe9", 1, b"X", "y" * 128, "z" * 129],
        wrong_header,
    )
    assert kept == ["X-A", "", "*", "X-B, X-C", "y" * 128]
    assert [problem.code for problem in problems] == [
        "not-a-token",
        "list-in-string",
        "not-a-token",
        "not-a-token",
        "not-a-token",
        "type",
        "type",
        "too-long",
    ]
    assert tokens_of(kept) == {"X-A", "*", "y" * 128}
    assert read_names("option", ["m" * 64, "m" * 65], wrong_method)[0] == ["m" * 64]


# -- the same results as the engines -----------------------------------------------------------

tokens = st.one_of(
    st.text(TCHAR, min_size=1, max_size=6),
    st.sampled_from(["x" * 127, "x" * 128, "x" * 129, "authorization", ""]),
)
spaces = st.sampled_from(["", "", "", " ", "\t", " " * 16, " " * 17, " " * 9])
elements = st.tuples(spaces, tokens, spaces).map("".join)
name_lists = st.one_of(
    damaged(st.lists(elements, max_size=8).map(",".join)),
    st.integers(0, 40).map(lambda n: "x" + "," * n),
    st.integers(8100, 8300).map(lambda n: ("x-custom," * 1000)[:n]),
)


@given(value=name_lists)
def test_requested_names_are_those_of_the_engines(value: str) -> None:
    names = requested_names(value)
    for policy in ANY_HEADER.values():
        decision = policy.preflight(A, "GET", value)
        assert decision.allowed is (names is not None), decision.outcome
        echoed = dict(decision.headers).get("Access-Control-Allow-Headers")
        assert echoed == (",".join(names) or None if names else None)


def test_requested_names_as_spelt() -> None:
    assert requested_names("") == []
    assert requested_names(" X-A,x-b\t,,X-A ") == ["X-A", "x-b", "X-A"]
    assert requested_names("," * 15) == []
    assert requested_names("," * 16) is None
    for value in ("x y", "x\r", "\xe9", "x" * 129, " " * 17 + "x", "x," * 4097, "," * 65000):
        assert requested_names(value) is None


ANY_HEADER: dict[Any, Any] = {
    engine: quietly(
        engine.Policy,
        allow_origins=[A],
        allow_headers=["*", "Authorization"],
        allow_credentials=True,
    )
    for engine in ANY
}

varies = st.lists(
    st.sampled_from(
        [
            "Origin",
            "origin",
            "ORIGIN",
            "Accept",
            "*",
            "",
            " ",
            "Origins",
            "Access-Control-Request-Method",
            "access-control-request-headers",
        ]
    ),
    max_size=5,
).map(", ".join)


@given(value=damaged(varies))
def test_vary_is_merged_as_the_engines_do(value: str) -> None:
    for policy in ANY_HEADER.values():
        for decision in (policy.actual(None), policy.preflight(A, "PUT")):
            merged = dict(policy.apply_wsgi(decision, [("Vary", value)]))["Vary"]
            assert merged == merged_vary(value, decision.vary)


@pytest.mark.parametrize(
    ("value", "merged"),
    [
        ("", "Origin, X"),
        ("Accept", "Accept, Origin, X"),
        ("origin", "origin, X"),
        ("x ,\torigin", "x ,\torigin"),
        ("*", "*"),
        ("Accept, *", "Accept, *"),
    ],
)
def test_merged_vary(value: str, merged: str) -> None:
    assert merged_vary(value, ("Origin", "X")) == merged
