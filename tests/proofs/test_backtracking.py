"""Which regexes `re` may be slow for: those are refused if no automaton can run them."""

from __future__ import annotations

import re
import warnings
from typing import Any

import pytest

import corsfast
from corsfast import CorsfastPerformanceWarning, PolicyError
from corsfast._options import limits
from corsfast._proofs import automata, backtracking, languages
from corsfast._proofs.backtracking import is_slow

FAST = [
    r"https://(?=a)[a-z]+\.example",
    r"https://([ab])\1\.example",
    r"https://(?=.).*\.example",
    r"(?!moz)[a-z-]+-extension://.*",
    r"([a-z]+)://\1",
    r"https://(?!.*\.\.)([a-z0-9-]+\.)*example\.com",
    r"https://(?!-)([a-z0-9-]{1,63}(?<!-)\.)+example\.com",
    r"https://(?!evil).*\.a\..*\.com",
    r"https?://(?!www\.)[a-z]+\.[a-z]+\.[a-z]+(:\d+)?",
    r"https://(?!x)[a-z]+(-[a-z]+)*\.example\.com",
    r"https://(?=.*a)(?=.*b)[a-z.]+\.example\.com",
    r"https://(?!x)(\w|\d)+\.example",
    r"https://(?!x)(?:a{59})*\.example",
    r"https://(?!x).*\..*\.example\.com",
    r"https://(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+a\.com(?<!b\.a\.com)",
    r"https://(?!x)(?:\w+\.){0,3}example\.com",
    r"https?://(?!.*evil)(?:.+\.)?example\.com(?::\d+)?",
]
SLOW = [
    r"(?=h)https://(a+)+b",
    r"(?=h)https://([a-z]+)*\.com",
    r"(?=h)https://(a|a)*b",
    r"(?=h)https://(a*)*b",
    r"(?=h)https://(a|ab|b)*\.com",
    r"https://(?!x)([a-z]+\.?)*example",
    r"(?=h)https://([a-z0-9]+-?[a-z0-9]*)+\.a",
    r"https://(?=(a+)+b).*",
    r"https://(?!(a+)+b).*",
    r"(?=h)https://.*.*.*x",
    r"https://[a-z]*(?=.*.*x)y",
    r"https://(.*)\1x.*y.*z",
    r"https://(?!x)(?:[a-z]{1,63}){1,63}\.example",
    r"https://([ab]{2}(?!c)+)+x",
    r"https://([ab](?!c)?)+x",
    r"https://(?!x)(?:a{0,4}){12}b",
    r"https://(?!x)(?:a?){25}a{25}",
    r"https://(?!x)(?:ab|a.){20}b",
    r"https://(?!x)(?:|(?:)){30}a",
    r"https://(?:(?!a)(?:(?<=-)[^a])?){20}:x",
    r"https://(?:(?=[a-z]*b)[a-z]?){9}x",
    r"https://(x)?(?(1)(a+)+b|c)",
    r"https://(?i:(?=(?:a|Ab?)+x)a)",
]


@pytest.mark.parametrize("text", FAST)
def test_usual_regexes_are_fast(text: str) -> None:
    assert not is_slow(re.compile(text))


@pytest.mark.parametrize("text", SLOW)
def test_repeats_that_divide_a_text_in_many_ways_are_slow(text: str) -> None:
    assert is_slow(re.compile(text))


def test_long_lists_of_names_are_decided() -> None:
    names = "|".join(f"name-{i}" for i in range(100))
    assert not is_slow(re.compile(rf"https://(?!x)(?:{names})\.[a-z]+\.example\.com"))


@pytest.mark.parametrize("limit", ["MAX_BACKTRACKING", "MAX_BACKTRACKING_STEPS"])
def test_beyond_its_limits_a_regex_is_slow(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hasattr(limits, limit)
    regex = re.compile(rf"https://(?=a)[a-z]+\.{limit}")
    monkeypatch.setattr(backtracking, limit, 10)
    assert is_slow(regex)


@pytest.mark.parametrize("text", SLOW)
def test_a_policy_refuses_a_slow_regex(Policy: Any, text: str) -> None:
    with pytest.raises(PolicyError) as caught:
        Policy(allow_origins=[re.compile(text)], dangerously_tolerate=["foreign-origin"])
    assert [problem.code for problem in caught.value.problems] == ["slow-regex"]


def test_an_automaton_runs_nested_repeats(Policy: Any) -> None:
    policy = Policy(allow_origins=[re.compile(r"https://(a+)+\.example\.com")])
    assert policy.allows_origin("https://aaa.example.com")


def test_a_drop_in_does_not_run_a_slow_regex() -> None:
    starlette = pytest.importorskip("corsfast.middleware.starlette")
    text = r"(?=h)https://(a+)+\.example\.com"
    with pytest.warns(corsfast.CorsfastUnmatchableWarning, match="slow-regex"):
        middleware = starlette.CORSMiddleware(print, allow_origin_regex=text)
    assert not middleware.policy.allows_origin("https://aa.example.com")


def test_a_slow_regex_is_not_put_aside(Policy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All patterns together may be too large for one automaton. Then `re` runs the others."""
    regexes = [re.compile(r"https://(a+)+\.example\.com"), re.compile(r"https://b\.example\.com")]
    unite_parts = languages.unite_parts

    def united_one(parts: list[Any]) -> Any:
        if len(parts) > 1:
            raise languages.TooManyStatesError
        return unite_parts(parts)

    monkeypatch.setattr(languages, "unite_parts", united_one)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CorsfastPerformanceWarning)
        with pytest.raises(PolicyError, match="slow-regex"):
            Policy(allow_origins=[*regexes, "https://*-b.example.com"])
        assert Policy(allow_origins=regexes[1:] * 1 + ["https://b-*.example.com"])


def test_a_look_around_is_proven_only_to_its_end() -> None:
    """No text goes on after the look-around, so there is nothing to count for longer ones."""
    steps = []
    for text in (r"https://(?!x)a", r"https://(?!x[a-z]*)a"):
        before = automata.steps_left()
        assert not is_slow(re.compile(text))
        steps.append(before - automata.steps_left())
    assert steps[0] * 2 < steps[1]


def test_the_steps_of_this_proof_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of 326 characters costs some, even if only a few states follow each other."""
    monkeypatch.setattr(backtracking, "MAX_BACKTRACKING_STEPS", 2 * 326 * 4)
    assert is_slow(re.compile(r"https://(?!x)[a-z]+a"))
