"""Options that are rejected at start-up, and the errors: config.jsonl, and properties of hints.

Codes, options, values, hints and their order are the contract. Messages are for people, so the
tests only check that they name the option and the value.
"""

from __future__ import annotations

import ast
import copy
import pickle
import re
import warnings
from typing import Any

import pytest
from corpus import build, case_id, rows
from hypothesis import assume, given, strategies as st
from support.strategies import damaged, origins, origins_nearly_right

import corsfast
from corsfast import (
    CorsfastRedundancyWarning,
    CorsfastSecurityWarning,
    CorsfastUnmatchableWarning,
    PolicyError,
    Problem,
)
from corsfast.errors import RISKS

CASES = rows("config.jsonl")
REFUSED = [case for case in CASES if case["problems"]]
ACCEPTED = [case for case in CASES if not case["problems"]]


def refuse(engine: Any, options: dict[str, Any]) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        engine.Policy(**options)
    return caught.value


def same(given: Any, expected: Any) -> bool:
    """Return whether two values are equal and of the same type: 1 is not True here."""
    return type(given) is type(expected) and given == expected


# -- problems --------------------------------------------------------------------------------


@pytest.mark.parametrize("case", REFUSED, ids=case_id)
def test_refused(engine: Any, case: dict[str, Any]) -> None:
    with warnings.catch_warnings(action="error"):  # a rejected policy does not warn
        error = refuse(engine, build(case["options"]))
    assert [(problem.code, problem.option) for problem in error.problems] == [
        (expected["code"], expected["option"]) for expected in case["problems"]
    ]
    for problem, expected in zip(error.problems, case["problems"], strict=True):
        assert same(problem.value, build(expected["value"]))
        assert problem.hint == expected["hint"]
        assert problem.example == expected.get("example")


@pytest.mark.parametrize("case", REFUSED, ids=case_id)
def test_said(engine: Any, case: dict[str, Any]) -> None:
    error = refuse(engine, build(case["options"]))
    assert isinstance(error, ValueError)
    text = str(error)
    count = len(error.problems)
    assert text.startswith("1 problem " if count == 1 else f"{count} problems ")
    for number, problem in enumerate(error.problems, 1):
        assert f"\n  {number}. {problem}" in text
        said = str(problem)
        assert said.startswith(f"{problem.option}: ")
        assert said.endswith(f" [{problem.code}]")
        assert problem.message in said
        assert problem.message.endswith(".")
        assert (f"Write {problem.hint} instead." in said) is (problem.hint is not None)
        example = f"An attacker could use: {problem.example!r}."
        assert (example in said) is (problem.example is not None)
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", problem.code)


@pytest.mark.parametrize("case", ACCEPTED, ids=case_id)
def test_accepted(engine: Any, case: dict[str, Any]) -> None:
    with warnings.catch_warnings(action="error"):
        warnings.simplefilter("ignore", CorsfastRedundancyWarning)
        engine.Policy(**build(case["options"]))


def test_unknown_and_missing_options(engine: Any) -> None:
    with pytest.raises(TypeError, match="allow_origin"):
        engine.Policy()
    with pytest.raises(TypeError, match="allow_origin"):
        engine.Policy(allow_origins=[], allow_origin=[])
    for positional in ([["https://a.example"]], [None], ["*"], [["*"], True], [{}]):
        for options in ({}, {"allow_origins": ["https://a.example"]}, {"color": "red"}):
            with pytest.raises(TypeError) as error:
                engine.Policy(*positional, **options)
            assert str(error.value) == (
                "Policy() takes keyword arguments only; write Policy(allow_origins=[...])"
            )
    with pytest.raises(TypeError) as error:  # all at once, like problems
        engine.Policy(allow_origin=[], supports_credentials=True, color="red")
    assert str(error.value) == (
        "Policy() has no such options:\n"
        "  1. 'allow_origin'; write allow_origins\n"
        "  2. 'supports_credentials'; write allow_credentials\n"
        "  3. 'color'"
    )


@pytest.mark.parametrize("empty", [[], set(), frozenset()], ids=repr)
def test_an_empty_list_is_a_warning(engine: Any, empty: Any) -> None:
    with pytest.warns(CorsfastUnmatchableWarning, match="allows no origin") as caught:
        policy = engine.Policy(allow_origins=empty)
    assert [warning.filename for warning in caught] == [__file__]
    assert not policy.allows_origin("https://a.example")
    with warnings.catch_warnings(action="error"):
        assert policy == engine.Policy(allow_origins=())
        pickle.loads(pickle.dumps(policy))


def test_problems_are_values() -> None:
    one = Problem("code", "option", [1], "message.", hint="hint", example="example")
    assert one == copy.deepcopy(one) == pickle.loads(pickle.dumps(one))
    assert hash(one) == hash(copy.copy(one))
    assert repr(one) == "Problem('code', 'option', [1])"
    assert str(one) == (
        "option: message. An attacker could use: 'example'. Write hint instead. [code]"
    )
    assert str(Problem("code", "option", 1, "message.")) == "option: message. [code]"
    fields = ("code", "option", [1], "message.", "hint", "example")
    for i in range(len(fields)):
        other = [*fields[:i], "other", *fields[i + 1 :]]
        assert one != Problem(*other[:4], hint=other[4], example=other[5])
    assert one != "option: message."
    with pytest.raises(AttributeError, match="immutable"):
        one.code = "other"
    with pytest.raises(AttributeError, match="immutable"):
        del one.code


def test_errors_are_picklable(engine: Any) -> None:
    error = refuse(engine, {"allow_origins": ["https://a.example/"], "max_age": -1})
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is PolicyError
    assert again.problems == error.problems
    assert str(again) == str(error)


# -- hints -----------------------------------------------------------------------------------


def hints_of(engine: Any, entry: str) -> list[str]:
    """Return the origins that are suggested for an entry, or an empty list if it is accepted."""
    try:
        with warnings.catch_warnings(action="ignore", category=CorsfastUnmatchableWarning):
            engine.Policy(allow_origins=[entry])
    except PolicyError as error:
        hints = [problem.hint for problem in error.problems if problem.hint]
        return [
            str(origin)
            for hint in hints
            if hint[0] in "'\""
            for origin in ast.literal_eval(f"[{hint}]")
        ]
    return []


@pytest.mark.parametrize("case", REFUSED, ids=case_id)
def test_hints_work(engine: Any, case: dict[str, Any]) -> None:
    """Following a hint solves the problem."""
    for problem in case["problems"]:
        if problem["option"] == "allow_origins" and (problem["hint"] or "").startswith("'http"):
            engine.Policy(
                allow_origins=ast.literal_eval(f"[{problem['hint']}]"),
                allow_credentials=case["options"].get("allow_credentials") is True,
            )


entries = st.one_of(
    origins_nearly_right,
    damaged(st.sampled_from(["https://*.example.com", "http://localhost:*", "http://[::1]:*"])),
    st.builds("{}{}".format, origins, st.sampled_from(["/", "/x", "?y", "#", " ", "\\", ":443"])),
    st.builds("{}{}".format, st.sampled_from(["", "//", "u@", "HTTP://", "https://u:p@"]), origins),
    origins.map(str.upper),
    origins.map(lambda origin: origin.partition("://")[2]),
)


@given(entry=entries)
def test_any_hint_works(engine: Any, entry: str) -> None:
    """Any text either works or raises PolicyError, and every suggested origin is an origin."""
    assume(entry != "*")
    for hint in hints_of(engine, entry):
        assert hint != entry
        engine.Policy(allow_origins=[hint])


# -- tolerated risks -------------------------------------------------------------------------

RISKY: list[tuple[str, dict[str, Any]]] = [
    ("any-origin-with-credentials", {"allow_origins": "*"}),
    ("null-origin-with-credentials", {"allow_origins": ["null"]}),
    ("insecure-origin", {"allow_origins": ["http://a.example"]}),
    ("insecure-origin", {"allow_origins": ["http://*.a.example:*"]}),
    ("foreign-origin", {"allow_origins": [re.compile(r"https://.*example\.com")]}),
    ("public-suffix", {"allow_origins": ["https://*.vercel.app"]}),
]


@pytest.mark.parametrize(("code", "options"), RISKY)
def test_tolerated(engine: Any, code: str, options: dict[str, Any]) -> None:
    risky = {**options, "allow_credentials": True}
    (problem,) = refuse(engine, risky).problems
    assert problem.code == code
    with pytest.warns(CorsfastSecurityWarning) as caught:
        engine.Policy(**risky, dangerously_tolerate=[code])
    (warning,) = caught
    start = "To" if problem.hint is None else "Or"  # "Or" if there is also a hint
    accept = f" {start} accept it: dangerously_tolerate=[{code!r}]."
    assert accept in str(problem)  # the option is set already
    assert str(warning.message) == f"tolerated: {problem}".replace(accept, "")
    assert warning.filename == __file__
    others = set(RISKS) - {code}
    assert refuse(engine, {**risky, "dangerously_tolerate": others}).problems[0].code == code
    if code not in ("foreign-origin", "public-suffix"):  # the others need credentials
        with warnings.catch_warnings(action="error"):
            engine.Policy(**options, dangerously_tolerate=[code])


def test_one_warning_a_risk(engine: Any) -> None:
    with pytest.warns(CorsfastSecurityWarning) as caught:
        engine.Policy(
            allow_origins=["null", "http://a.example", "http://b.example"],
            allow_credentials=True,
            dangerously_tolerate=["null-origin-with-credentials", "insecure-origin"],
        )
    assert len(caught) == 3
    assert all(warning.filename == __file__ for warning in caught)


def test_a_warning_may_be_an_error(engine: Any) -> None:
    raised = pytest.raises(CorsfastSecurityWarning, match="tolerated: allow_origins")
    with warnings.catch_warnings(action="error", category=CorsfastSecurityWarning), raised:
        engine.Policy(
            allow_origins="*",
            allow_credentials=True,
            dangerously_tolerate=["any-origin-with-credentials"],
        )


def test_warnings_point_at_the_caller_of_a_middleware() -> None:
    from corsfast.middleware.asgi import CORSMiddleware

    with pytest.warns(CorsfastSecurityWarning) as caught:
        CORSMiddleware(
            print,
            allow_origins=["null"],
            allow_credentials=True,
            dangerously_tolerate=["null-origin-with-credentials"],
        )
    assert [warning.filename for warning in caught] == [__file__]


# -- the parsed options ----------------------------------------------------------------------


def test_sets_give_the_same_headers_each_time(engine: Any) -> None:
    names = {f"X-{letter}" for letter in "abcdefgh"}
    policy = engine.Policy(allow_origins="*", allow_headers=names, expose_headers=names)
    assert policy == engine.Policy(
        allow_origins="*", allow_headers=sorted(names), expose_headers=sorted(names)
    )
    (exposed,) = [v for n, v in policy.actual(None).headers if n.endswith("Expose-Headers")]
    assert exposed == ", ".join(sorted(names))


def test_the_package_exports_the_errors_of_a_policy() -> None:
    assert issubclass(corsfast.PolicyError, ValueError)
    assert issubclass(corsfast.CorsfastSecurityWarning, UserWarning)
