"""Regexes in the automaton against `re` itself, on a few hundred expressions and many words.

An origin is allowed if and only if it is a serialized origin and ``regex.fullmatch`` matches it.
The expressions are those of corpus/regexes.jsonl and support/regex_forms.py, alone in a policy and
many together. The words are made from the expressions, from the automaton, and by damaging both.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice, product
from random import Random
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

import pytest
from corpus import case_id, rows
from support.clock import now
from support.regex_forms import ORIGINS, SIGNS, forms, near_miss
from support.surfaces import make_policy

import corsfast
from corsfast._engine import pure
from corsfast._options.limits import MAX_AUTOMATON_STATES
from corsfast._options.origin import parse_origin
from corsfast._proofs.automata import (
    ALPHABET,
    DEAD,
    SYMBOL,
    Dfa,
    TooManyStatesError,
    accepts,
    shortest_words,
    tabulate,
)
from corsfast._proofs.languages import language_of
from corsfast._proofs.regexes import NotRegularError, compile_regex, matches_text
from corsfast._proofs.risks import language_risks
from corsfast.errors import RISKS, CorsfastPerformanceWarning, PolicyError

CASES = rows("regexes.jsonl")
GENERATED = 240
ALONE = 40  # this many generated regexes each get their own policy
TOO_LARGE_TOGETHER = 8

LETTERS = {
    "a": re.ASCII,
    "i": re.IGNORECASE,
    "m": re.MULTILINE,
    "s": re.DOTALL,
    "u": re.UNICODE,
    "x": re.VERBOSE,
}


def compiled(case: dict[str, Any]) -> re.Pattern[str]:
    flags = 0
    for letter in case.get("flags", ""):
        flags |= LETTERS[letter]
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        return re.compile(case["pattern"], flags)


def expected(regexes: Iterable[re.Pattern[str]], word: str) -> bool:
    if parse_origin(word) is None:
        return False
    return any(regex.fullmatch(word) for regex in regexes)


def allowed_by(engine: Any, *regexes: re.Pattern[str]) -> Any:
    options = {"allow_origins": list(regexes), "dangerously_tolerate": RISKS}
    return make_policy(engine, options).allows_origin


# -- cases -----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_cases(engine: Any, case: dict[str, Any]) -> None:
    regex = compiled(case)
    if case.get("unmatchable"):
        with pytest.raises(PolicyError) as refused:
            engine.Policy(allow_origins=[regex], dangerously_tolerate=RISKS)
        assert [problem.code for problem in refused.value.problems] == ["unmatchable-pattern"]
        assert not any(expected([regex], word) for word in [*ORIGINS, *case["differ"]])
        return
    with warnings.catch_warnings(record=True, action="always") as caught:
        policy = engine.Policy(allow_origins=[regex], dangerously_tolerate=RISKS)
    slow = [w for w in caught if w.category is CorsfastPerformanceWarning]
    assert [case["beyond"] in str(w.message) for w in slow] == [True] * ("beyond" in case)
    for word in case["match"]:
        assert policy.allows_origin(word), word
        assert expected([regex], word), word
    for word in case["differ"]:
        assert not policy.allows_origin(word), word
        assert not expected([regex], word), word


# -- words -----------------------------------------------------------------------------------


def walks(random: Random, dfa: Dfa, count: int) -> Iterator[str]:
    """Yield random words along the automaton's transitions."""
    symbols: list[list[str]] = [[] for _ in range(max(dfa.classes) + 1)]
    for character in ALPHABET:
        symbols[dfa.classes[SYMBOL[character]]].append(character)
    for _ in range(count):
        word, state = "", 0
        for _ in range(90):
            if dfa.accepting[state] and random.random() < 0.2:
                break
            row = dfa.rows[state]
            column = random.choice([c for c, target in enumerate(row) if target != DEAD] or [-1])
            if column == -1:
                break
            word += random.choice(symbols[column])
            state = row[column]
        yield word


def run(regex: re.Pattern[str]) -> Dfa:
    """Return the automaton that is used for an expression that has one."""
    language = language_of(regex)
    assert language.unsupported is None, regex
    assert language.full_dfa is not None
    return language.full_dfa


class Subject:
    """An expression with its automaton and with words to try."""

    def __init__(self, regex: re.Pattern[str], made: Iterable[str], random: Random) -> None:
        self.regex = regex
        self.dfa = run(regex)
        words = list(made)
        if self.dfa.rows:
            words += islice(shortest_words(self.dfa), 40)
            words += walks(random, self.dfa, 40)
        words += [near_miss(random, word) for word in words for _ in range(3)]
        self.words = list(dict.fromkeys(words))


@cache
def subjects() -> list[Subject]:
    random = Random(3)
    made = []
    for form in forms(random, GENERATED):
        made.append(Subject(form.regex, [form.words(random) for _ in range(80)], random))
    for case in CASES:
        if "beyond" not in case:
            words = case["match"] + case["differ"]
            made.append(Subject(compiled(case), words, random))
    return made


@cache
def live() -> list[Subject]:
    return [subject for subject in subjects() if _is_live(subject.regex)]


def _is_live(regex: re.Pattern[str]) -> bool:
    return all(
        risk.code != "unmatchable-pattern" for risk in language_risks(language_of(regex), False)
    )


def attacker_origins(random: Random, count: int) -> list[str]:
    """Return words that were made for other expressions."""
    return [random.choice(random.choice(subjects()).words) for _ in range(count)]


# -- the comparison --------------------------------------------------------------------------


def test_automata_agree_with_re() -> None:
    """Every expression is tried alone, without the engines. The counts show that words matched."""
    random = Random(4)
    tried = matched = 0
    for subject in subjects():
        for word in subject.words + attacker_origins(random, 400):
            want = expected([subject.regex], word)
            # The automaton leaves lengths and addresses to the grammar.
            got = accepts(subject.dfa, word) and parse_origin(word) is not None
            assert got is want, (subject.regex, word)
            tried += 1
            matched += want
    assert tried > 150_000
    assert tried / 40 < matched < tried / 2


def test_few_regexes_are_unmatchable() -> None:
    assert len(live()) > 0.8 * len(subjects())


def test_alone(engine: Any) -> None:
    random = Random(5)
    for subject in random.sample(live(), ALONE):
        allows = allowed_by(engine, subject.regex)
        for word in subject.words + attacker_origins(random, 200):
            assert allows(word) is expected([subject.regex], word), (subject.regex, word)


def test_together(engine: Any) -> None:
    random = Random(6)
    chosen = random.sample(live(), 20 * TOO_LARGE_TOGETHER)
    for at in range(0, len(chosen), TOO_LARGE_TOGETHER):
        group = chosen[at : at + TOO_LARGE_TOGETHER]
        allows = allowed_by(engine, *(subject.regex for subject in group))
        regexes = [subject.regex for subject in group]
        for subject in group:
            for word in subject.words:
                assert allows(word) is expected(regexes, word), (regexes, word)


@pytest.mark.parametrize("how", ["match", "search"])
def test_other_ways_to_apply(how: str) -> None:
    """Automata for `re.match` and `re.search` are used to check the settings of other software."""
    random = Random(7)
    for subject in subjects()[::3]:
        dfa = compile_regex(subject.regex, how=how)
        # If the word may end early, more text may follow.
        ends = [word + random.choice(["", ".evil.example", "x"]) for word in subject.words]
        for word in [*ends, *("x" + word for word in ends[::3])]:
            if set(word) <= set(ALPHABET):
                want = getattr(subject.regex, how)(word) is not None
                assert accepts(dfa, word) is want, (subject.regex, word)


def test_signs_on_their_own() -> None:
    """Each flag is tried on each kind of item: no character is misread or folded wrongly."""
    items = ["k", "s", "i", "[k-s]", "[^k]", ".", r"\w", r"\W", r"\d", r"\D", r"\s", r"\S", "K"]
    items += ["\u212a", "\u017f", "\u0131", "[\u212a-\u2130]", "[^\u017f]", "\u0130"]
    for item in items:
        for flags in (
            0,
            re.IGNORECASE,
            re.ASCII,
            re.IGNORECASE | re.ASCII,
            re.DOTALL,
            re.MULTILINE,
        ):
            for scoped in ("{}", "(?i:{})", "(?a:{})", "(?u:{})", "(?ai:{})", "(?ui:{})"):
                if scoped != "{}" and flags not in (0, re.IGNORECASE, re.ASCII):
                    continue
                regex = re.compile(f"{scoped.format(item)}", flags)
                dfa = compile_regex(regex)
                for sign in [*ALPHABET, *SIGNS]:
                    want = regex.fullmatch(sign) is not None and sign in ALPHABET
                    assert accepts(dfa, sign) is want, (regex, sign)


# -- coverage of the generated expressions ---------------------------------------------------


def constructs(tree: Any) -> Iterator[Any]:
    """Yield every kind of node in a parse tree."""
    if isinstance(tree, (_parser.SubPattern, list, tuple)):
        for item in tree:
            yield from constructs(item)
    elif isinstance(tree, _constants._NamedIntConstant):
        yield tree


def test_pool_holds_every_construct() -> None:
    seen = set()
    flags = 0
    for subject in subjects():
        regex = subject.regex
        with warnings.catch_warnings(action="ignore", category=FutureWarning):
            seen.update(constructs(_parser.parse(regex.pattern, regex.flags)))
        flags |= regex.flags
    wanted = (
        "LITERAL NOT_LITERAL ANY IN NEGATE RANGE CATEGORY BRANCH SUBPATTERN MAX_REPEAT"
        " MIN_REPEAT AT AT_BEGINNING AT_BEGINNING_STRING AT_END AT_END_STRING"
        " CATEGORY_DIGIT CATEGORY_NOT_DIGIT CATEGORY_SPACE CATEGORY_NOT_SPACE CATEGORY_WORD"
        " CATEGORY_NOT_WORD MAXREPEAT"
    )
    assert {getattr(_constants, name) for name in wanted.split()} <= seen
    assert flags == re.ASCII | re.IGNORECASE | re.MULTILINE | re.DOTALL | re.UNICODE | re.VERBOSE


# -- beyond automata -------------------------------------------------------------------------

UNSUPPORTED = [
    (r"https://(?=app)[a-z]+\.example\.com", "look-around"),
    (r"https://(?!evil)[a-z]+\.example\.com", "look-around"),
    (r"https://[a-z]+(?<=p)\.example\.com", "look-around"),
    (r"https://[a-z]+(?<!l)\.example\.com", "look-around"),
    (r"https://([a-z]+)\.\1\.example\.com", "a back-reference"),
    (r"https://(?P<n>[a-z]+)\.(?P=n)\.example\.com", "a back-reference"),
    (r"https://(app)?\.?(?(1)example|a)\.example\.com", "a conditional group"),
    (r"https://(?>[a-z]+)\.example\.com", "an atomic group"),
    (r"https://(?>[a-z]+)p\.example\.com|https://app\.example\.com", "an atomic group"),
    (r"https://[a-z]++\.example\.com", "a possessive quantifier"),
    (r"https://[a-z]*+app\.example\.com|https://a\.example\.com", "a possessive quantifier"),
    (r"https://\bapp\b\.example\.com", "a word boundary"),
    (r"https://a\Bpp\.example\.com", "a word boundary"),
    (r"https://.*a.{12}\.example\.com", "its size"),
]
NAMES = ["app", "evil", "a", "b", "ap", "appp", "app.app", "a.b", "app.example", "a.a"]
NAMES += ["a" * 13, "b" * 13, "ab" * 6 + "a"]


@pytest.mark.parametrize(("pattern", "construct"), UNSUPPORTED)
def test_beyond(engine: Any, pattern: str, construct: str) -> None:
    """Such a regex is matched by `re`, with a warning that names the construct."""
    regex = re.compile(pattern)
    with pytest.warns(CorsfastPerformanceWarning) as caught:
        policy = engine.Policy(allow_origins=[regex], dangerously_tolerate=["foreign-origin"])
    slow = [w for w in caught if w.category is CorsfastPerformanceWarning]
    assert len(slow) == 1
    assert repr(pattern) in str(slow[0].message)
    assert construct in str(slow[0].message)
    assert slow[0].filename == __file__
    random = Random(8)
    words = [f"https://{name}.example.com" for name in NAMES]
    words += [f"https://{name}.example.com.evil.com" for name in NAMES]
    words += [near_miss(random, word) for word in words for _ in range(20)]
    assert any(expected([regex], word) for word in words)
    for word in words:
        assert policy.allows_origin(word) is expected([regex], word), word


def test_unsupported_regexes_with_others(engine: Any) -> None:
    """A regex that is matched by `re` does not change the results of other entries."""
    regexes = [re.compile(pattern) for pattern, _ in UNSUPPORTED[:6]]
    regexes += [re.compile(r"https://b\.example\.com"), re.compile(r"http://localhost:\d+")]
    allows = allowed_by(engine, *regexes)
    random = Random(9)
    words = [f"https://{name}.example.com" for name in NAMES] + ["http://localhost:1"]
    for word in [*words, *(near_miss(random, word) for word in words * 20)]:
        assert allows(word) is expected(regexes, word), word


@pytest.mark.parametrize(("pattern", "construct"), UNSUPPORTED)
def test_wider_is_wider(pattern: str, construct: str) -> None:
    """The language that proofs use for such a regex contains everything that the regex matches."""
    language = language_of(re.compile(pattern))
    assert language.unsupported == construct
    assert language.dfa is not None
    found = 0
    for name in NAMES:
        word = f"https://{name}.example.com"
        if re.fullmatch(pattern, word):
            found += 1
            assert accepts(language.dfa, word), word
    assert found
    if construct == "its size":
        with pytest.raises(TooManyStatesError):
            compile_regex(re.compile(pattern))
    else:
        with pytest.raises(NotRegularError, match=construct):
            compile_regex(re.compile(pattern))


def test_too_many_together(engine: Any) -> None:
    """Each regex is small, but all together are not. Some are left to `re`, and none is lost."""
    lengths = [61, 59, 53, 47]
    regexes = [re.compile(rf"https://x(?:a{{{n}}})*\.example\.com") for n in lengths]
    sizes = [len(language.dfa.rows) for language in map(language_of, regexes) if language.dfa]
    assert len(sizes) == 4
    assert max(sizes) < 100 < MAX_AUTOMATON_STATES < 61 * 59 * 53
    with pytest.warns(CorsfastPerformanceWarning, match="the size of all patterns together"):
        policy = engine.Policy(allow_origins=regexes)
    for n in range(63):
        word = f"https://x{'a' * n}.example.com"
        assert policy.allows_origin(word) is expected(regexes, word), word


def test_warns_once_per_regex(engine: Any) -> None:
    regexes = [re.compile(pattern) for pattern, _ in UNSUPPORTED[:3]]
    regexes.append(re.compile(r"https://fine\.example\.com"))
    with pytest.warns(CorsfastPerformanceWarning) as caught:
        engine.Policy(allow_origins=regexes, dangerously_tolerate=RISKS)
    assert [w.category for w in caught].count(CorsfastPerformanceWarning) == 3


def test_a_linear_regex_emits_no_warning(engine: Any) -> None:
    """A warning would fail this test, because the suite turns warnings into errors."""
    engine.Policy(allow_origins=[re.compile(r"https://[a-z]+\.example\.com(:\d+)?")])


def test_warnings_of_python_are_not_repeated(engine: Any, capsys: Any) -> None:
    re.purge()
    with pytest.warns(FutureWarning):
        regex = re.compile(r"https://[[a]\.example\.com")
    debug = re.compile(r"https://[bc]\.example\.com", re.DEBUG)
    capsys.readouterr()
    with warnings.catch_warnings(record=True, action="always") as caught:
        policy = engine.Policy(allow_origins=[regex, debug])
    assert caught == []
    assert policy.allows_origin("https://a.example.com")
    assert policy.allows_origin("https://b.example.com")
    assert capsys.readouterr().out == ""


# -- time ------------------------------------------------------------------------------------

# For these `re` takes time that grows without bounds with the length of the word.
EXPLOSIVE = [
    (r"https://(a+)+\.example\.com", "a"),
    (r"https://(a|a)*\.example\.com", "a"),
    (r"https://(a|aa)+\.example\.com", "a"),
    (r"https://(a*)*b\.example\.com", "a"),
    (r"https://([a-z]+\.?)+\.example\.com", "ab."),
    (r"https://(.*)*\.example\.com", "x"),
    (r"https://(.*.*.*)*x\.example\.com", "x"),
    (r"https://(?:a?){60}a{60}\.example\.com", "a"),
    (r"https://([a-z0-9]+(-[a-z0-9]+)*)+\.example\.com", "a-"),
]
EXPLOSIVE += [
    (pattern, "a")
    for case in rows("attack-corpus.jsonl")
    if case["category"] == "regex-dos"
    for pattern in case["policy"]["regex"]
]


class Counted(tuple):  # type: ignore[type-arg]
    """A table that counts its look-ups."""

    asked = 0

    def __getitem__(self, index: Any) -> Any:
        Counted.asked += 1
        return super().__getitem__(index)


@pytest.mark.parametrize(("pattern", "letters"), EXPLOSIVE)
def test_one_step_a_character(pattern: str, letters: str) -> None:
    language = language_of(re.compile(pattern))
    assert language.unsupported is None
    assert language.dfa is not None
    automaton = tabulate(language.dfa)
    automaton = automaton._replace(table=Counted(automaton.table))
    for length in (10, 100, 1000, 100_000):
        host = (letters * length)[:length]
        for end in ("!", ".example.org", ".example.com"):
            Counted.asked = 0
            pure._accepted(automaton, "https", f"https://{host}{end}".replace("!", "-"))
            assert Counted.asked == len(host + end) + 1


@pytest.mark.parametrize(("pattern", "letters"), EXPLOSIVE)
def test_time_grows_with_length(engine: Any, pattern: str, letters: str) -> None:
    """An origin of eight times the length takes no more than about eight times the time."""
    allows = allowed_by(engine, re.compile(pattern))
    label = (letters * 57)[:57].strip("-.")
    short = f"https://{label[:14]}.example.org"
    long = f"https://{f'{label}.' * 4}example.org"
    assert parse_origin(long) is not None

    def seconds(word: str, turn: int) -> float:
        words = [f"{word}-{turn}-{i}" for i in range(100)]  # different, so that none is cached
        start = now()
        for each in words:
            allows(each)
        return now() - start

    assert len(long) > 7 * len(short)
    turns = [(seconds(long, turn), seconds(short, turn)) for turn in range(15)]
    assert min(took for took, _ in turns) < 24 * min(took for _, took in turns)


def test_nothing_repeated_is_nothing() -> None:
    """Repeating an empty expression costs nothing."""
    regex = re.compile(r"https://a(?:){4000000000}(?:(?:)){2,3000000000}\.example")
    assert accepts(compile_regex(regex), "https://a.example")


def test_within_is_the_same_expression(engine: Any) -> None:
    regex = re.compile(r"https://(dev|app)[.]example[.]com")
    policy = engine.Policy(allow_origins=[corsfast.within(regex, "example.com")])
    for name in ("dev", "app", "devapp", "dev.app", ""):
        word = f"https://{name}.example.com"
        assert policy.allows_origin(word) is expected([regex], word)


@pytest.mark.parametrize(
    "regex",
    [
        r"(?i)(?:a|[b*])*\W?",
        r"[^/]*",
        r"^.{2}$|\*\Z",
        r"(?:a?){2}(?i:b) ?",
        r"(?s:.)\s|",
        r"a{0}(?:^a)+$",
    ],
)
def test_a_text_is_matched_as_re_does(regex: str) -> None:
    compiled = re.compile(regex)
    for length in range(4):
        for characters in product("aB* \u00e9", repeat=length):
            text = "".join(characters)
            assert matches_text(compiled, text) == (compiled.fullmatch(text) is not None), text
