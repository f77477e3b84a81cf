"""Globs are judged by the domain at their end, and united by what they share.

Both are shortcuts, so each is compared with the automaton of every single glob.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from corsfast._options.limits import MAX_POLICY_STEPS
from corsfast._options.patterns import Glob, Network, parse_pattern
from corsfast._proofs import languages
from corsfast._proofs.automata import limited, unite
from corsfast._proofs.backtracking import is_slow
from corsfast._proofs.languages import (
    MAX_STEPS_AT_ONCE,
    _unite_first,
    is_small,
    language_of,
    regex_of,
    run_together,
    unite_parts,
)
from corsfast._proofs.public_suffixes import SHARED_HOSTING, _rules
from corsfast._proofs.risks import language_risks, risks_by_automata, stays_within_a_domain

TESTS = Path(__file__).parents[1]

HEADS = ["*-", "*.", "*", "a*.", "pr-*.", "*-x.", "*.a*.", "*.*.", "*-a.*.", "a.*b*.c.", "*a*-*."]
NAMES = ["", "a.", "app-", "example.", "xn--bcher-kva.", "a.b.", "x_y.", "1."]
ENDS = ["com", "co.uk", "ck", "www.ck", "a.ck", "city.kawasaki.jp", "kawasaki.jp", "run.app"]
ENDS += ["vercel.app", "github.io", "railway.app", "up.railway.app", "amazonaws.com", "localhost"]
ENDS += ["example", "internal", "test", "local", "com.", "onion", "0.1", "1.2.3", "x", "0x1", "ms"]
ENDS += ["xn--55qx5d.cn", "xn--p1ai", "compute.amazonaws.com", "google.com", "appspot.com"]


def globs(texts: list[str]) -> list[Glob]:
    found = map(parse_pattern, texts)
    return [glob for glob in found if isinstance(glob, Glob)]


def generated(many: int) -> list[Glob]:
    chosen = random.Random(1)
    ends = [*ENDS * 8, *SHARED_HOSTING, *chosen.sample(_rules(), 300)]
    ends = [end.lstrip("*.!") for end in ends]
    texts = [
        f"{chosen.choice(['https', 'https', 'http'])}://{chosen.choice(HEADS)}"
        f"{chosen.choice(NAMES)}{chosen.choice(ends)}{chosen.choice(['', '', ':*', ':[80-443]'])}"
        for _ in range(many)
    ]
    return globs(texts)


def written() -> list[Glob]:
    """Return the globs in the corpus and in the tests."""
    files = [*TESTS.glob("**/*.jsonl"), *TESTS.glob("**/test_*.py")]
    texts = "\n".join(file.read_text("utf-8") for file in files)
    return globs(sorted(set(re.findall(r"https?://[a-z0-9_.*-]+(?::[0-9*]+)?", texts))))


@pytest.mark.parametrize("some", [generated(500), written()], ids=["generated", "written"])
def test_a_domain_at_the_end_proves_what_automata_do(some: list[Glob]) -> None:
    proven = 0
    for glob in some:
        language = language_of(glob)
        for credentials in (False, True):
            if stays_within_a_domain(glob, credentials):
                proven += 1
                assert risks_by_automata(language, credentials) == [], glob
    assert len(some) // 4 < proven < 2 * len(some)


@pytest.mark.parametrize(
    "text",
    [
        "https://*-a.co.uk",
        "https://*.a*.com",
        "https://a*.b.ck",
        "https://*-a.vercel.app",
        "https://pr-*.railway.app",
        "https://*example.com",
        "https://*.*.local",
    ],
)
def test_an_end_without_an_owner_proves_nothing(text: str) -> None:
    (glob,) = globs([text])
    assert not stays_within_a_domain(glob, False)
    assert language_risks(language_of(glob), False) == risks_by_automata(language_of(glob), False)


def test_plain_http_is_a_risk_only_with_credentials() -> None:
    (glob,) = globs(["http://*-a.example.com"])
    assert language_risks(language_of(glob), False) == []
    assert [risk.code for risk in language_risks(language_of(glob), True)] == ["insecure-origin"]


def test_globs_that_share_beginnings_match_the_same() -> None:
    chosen = random.Random(2)
    networks = [*map(parse_pattern, ("http://10.0.0.0/8:*", "https://10.1.0.0/16"))]
    networks += [parse_pattern("http://[fd00::]/8:3000"), parse_pattern("moz-extension://*")]
    some = [glob for glob in generated(150) if is_small(glob)]
    assert len(some) > 100
    for _ in range(20):
        few = [*chosen.sample(some, 6), *chosen.sample(networks, 1)]
        alone = [language_of(glob).full_dfa for glob in few]
        assert unite_parts(few) == unite(alone)


FAMILIES = {
    "a label's end": "https://*-preview.{}.com",
    "a label's begin": "https://app-*.{}.com:*",
    "two stars": "https://*-a.*.{}.com",
    "all labels": "https://*.pr-*.{}.com:*",
    "before the star": "https://{}-*.example.com",
    "http": "http://*-preview.{}.co.uk:*",
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_thousand_globs_take_half_the_steps(family: str) -> None:
    chosen = random.Random(3)
    names = ["".join(chosen.choices("abcdefghijklmnopqrstuvwxyz", k=8)) for _ in range(1000)]
    patterns = [parse_pattern(FAMILIES[family].replace("{}", name)) for name in names]
    found = [language_of(pattern) for pattern in patterns]
    with limited(MAX_POLICY_STEPS // 2):
        assert not any(language_risks(language, family != "http") for language in found)
        _, left = run_together(found)
    assert left == []


def letters(many: int, length: int) -> list[str]:
    chosen = random.Random(4)
    return ["".join(chosen.choices("abcdefghijklmnopqrstuvwxyz", k=length)) for _ in range(many)]


def test_a_hundred_globs_with_the_same_end_fit() -> None:
    some = globs([f"https://*-{name}-*.example.com" for name in letters(100, 3)])
    with limited(MAX_POLICY_STEPS // 50):
        automaton, left = run_together([language_of(glob) for glob in some])
    assert automaton is not None
    assert left == []


def test_globs_that_do_not_fit_are_left_to_re() -> None:
    some = globs([f"https://*{name[:2]}*.{name}.com" for name in letters(300, 5)])
    with limited(MAX_POLICY_STEPS // 4):
        _, many = _unite_first([*some], MAX_STEPS_AT_ONCE // len(some))
    assert 2 <= many < 10
    with limited((MAX_POLICY_STEPS - MAX_POLICY_STEPS // 4) // len(some)):
        assert not is_slow(regex_of(some[0]))


@pytest.mark.parametrize("text", ["http://10.{}.{}.0/24:*", "http://[fd00:{:x}:{:x}::]/48:*"])
def test_a_thousand_networks_take_a_fifth_of_the_steps(text: str) -> None:
    patterns = [parse_pattern(text.format(i // 250 + 1, i % 250 + 1)) for i in range(1000)]
    assert all(isinstance(pattern, Network) for pattern in patterns)
    with limited(MAX_POLICY_STEPS // 5):
        _, left = run_together([language_of(pattern) for pattern in patterns])
    assert left == []


def test_no_half_is_united_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def united_two(parts: list[object]) -> object:
        calls.append(id(parts[0]))
        if len(parts) > 1:
            raise languages.TooManyStatesError
        return unite_parts(parts)  # type: ignore[arg-type]

    monkeypatch.setattr(languages, "unite_parts", united_two)
    monkeypatch.setattr(languages, "MAX_GLOBS_AT_ONCE", 1)
    found = [language_of(glob) for glob in globs([f"https://a*.{n}.com" for n in "bcdef"])]
    _, left = run_together(found)
    assert len(left) == 4
    # The first two halves, each alone, and the pair that does not fit.
    assert len(calls) == 3
