"""The limits in limits.py and csrc/corsfast.h are equal, and so is the order of outcomes."""

from __future__ import annotations

import contextlib
import random
import re
import string
import warnings
from pathlib import Path
from typing import Any

import pytest

import corsfast
from corsfast import Outcome
from corsfast._cli.check import judge
from corsfast._cli.check.subject import Subject
from corsfast._engine import tables
from corsfast._loading import written
from corsfast._options import limits, spec
from corsfast._options.patterns import parse_pattern
from corsfast._proofs import automata, regex_text, regexes, risks, suggest
from corsfast._proofs.alternatives import unmatchable_alternatives
from corsfast._proofs.languages import language_of, run_together
from corsfast._proofs.verify import read_policy
from corsfast.middleware._dropin import policy

ROOT = Path(__file__).parents[2]
HEADER = ROOT / "csrc" / "corsfast.h"

# Limits that C does not need, because they apply while a policy is built.
PYTHON_ONLY = {
    "MAX_MAX_AGE",
    "MAX_PREBUILT_ORIGINS",
    "MAX_AUTOMATON_STATES",
    "MAX_AUTOMATON_STEPS",
    "MAX_POLICY_FILE",
    "MAX_KEY_PARTS",
    "MAX_BACKTRACKING",
    "MAX_BACKTRACKING_STEPS",
    "MAX_EXPLAINED",
    "MAX_DIAGNOSIS_STEPS",
    "MAX_PATTERNS",
    "MAX_PATTERN",
    "MAX_REGEX",
    "MAX_PATTERN_STEPS",
    "MAX_POLICY_STEPS",
    "MAX_ENCODED_PATH",
    "MAX_RESOLVER_THREADS",
}


@pytest.fixture(scope="module")
def header() -> str:
    if not (ROOT / "src").exists() and not HEADER.exists():
        pytest.skip("a wheel is tested outside its tree; the tree was tested with its header")
    return HEADER.read_text("ascii")


def test_same_limits(header: str) -> None:
    in_c = {name: int(n) for name, n in re.findall(r"\bCF_(MAX_\w+)\s*=\s*(\d+)\b", header)}
    in_python = {name: value for name, value in vars(limits).items() if name.startswith("MAX_")}
    assert in_python.keys() >= PYTHON_ONLY
    assert in_c == {name: n for name, n in in_python.items() if name not in PYTHON_ONLY}
    assert len(in_c) >= 10


def test_same_outcomes(header: str) -> None:
    match = re.search(r"typedef enum cf_outcome \{(.*?)CF_OUTCOMES", header, re.DOTALL)
    assert match is not None
    text = re.sub(r"/\*.*?\*/", "", match[1], flags=re.DOTALL)
    assert re.findall(r"CF_(\w+)", text) == [outcome.name for outcome in Outcome]


def test_the_longest_origin_is_the_sum_of_its_parts() -> None:
    parts = limits.MAX_SCHEME + len("://") + limits.MAX_HOST + len(":65535")
    assert parts == limits.MAX_ORIGIN == 326


def test_a_long_entry_is_refused_by_name() -> None:
    regex = re.compile("x" * (limits.MAX_REGEX + 1))
    for entry, message in (
        ("x" * (limits.MAX_PATTERN + 1), r"16385 .* 16384 \(MAX_PATTERN\)"),
        ("x" * (limits.MAX_REGEX + 1), r"3073 .* 3072 \(MAX_REGEX\)"),
        (regex, r"3073 .* 3072 \(MAX_REGEX\)"),
        (corsfast.within(regex, "example.com"), r"3073 .* 3072 \(MAX_REGEX\)"),
    ):
        with pytest.raises(corsfast.PolicyError, match=message) as caught:
            corsfast.Policy(allow_origins=[entry])
        assert [problem.code for problem in caught.value.problems] == ["too-long"]
    with pytest.raises(corsfast.PolicyError) as caught:
        corsfast.Policy(allow_origins=["https://example.com/".ljust(limits.MAX_REGEX, "x")])
    assert [problem.code for problem in caught.value.problems] == ["path"]


@pytest.mark.parametrize(
    "entry", [re.compile("https://app.example.com"), r"https://\w+.example.com"]
)
def test_a_problem_without_steps_left_has_no_correction(
    entry: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = []
    for steps in (limits.MAX_DIAGNOSIS_STEPS, 100):
        monkeypatch.setattr(suggest, "MAX_DIAGNOSIS_STEPS", steps)
        with pytest.raises(corsfast.PolicyError) as caught:
            corsfast.Policy(allow_origins=[entry])
        codes.append([problem.code for problem in caught.value.problems])
        hint = caught.value.problems[0].hint or ""
        assert hint.startswith("re.compile(") is (steps > 100)
    assert codes[0] == codes[1]


def test_a_list_of_180_random_names_is_proven() -> None:
    chosen = random.Random(1)
    names = ["".join(chosen.choices(string.ascii_lowercase, k=13)) for _ in range(180)]
    regex = re.compile(rf"https://(?:{'|'.join(names)})\.example\.com")
    assert corsfast.Policy(allow_origins=[regex], allow_credentials=True)


@pytest.mark.parametrize(
    "text", [r".*\.example\.org.*", r"^(https?:\/\/)?(\w+\.)?(.*)?example\.space\/?$"]
)
def test_a_correction_is_kept_if_the_steps_end_after_it(text: str) -> None:
    with pytest.raises(corsfast.PolicyError) as caught:
        corsfast.Policy(allow_origins=[re.compile(text)])
    assert (caught.value.problems[0].hint or "").startswith("re.compile(")


def test_advice_takes_no_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggest, "MAX_DIAGNOSIS_STEPS", 100)
    with pytest.raises(corsfast.PolicyError, match="Write the intended origins, one by one"):
        corsfast.Policy(allow_origins=[re.compile(r".*\.example\.org.*")])


def test_a_correction_does_not_depend_on_earlier_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    def corrects(steps: int) -> bool:
        monkeypatch.setattr(suggest, "MAX_DIAGNOSIS_STEPS", steps)
        with pytest.raises(corsfast.PolicyError) as caught:
            corsfast.Policy(allow_origins=[re.compile("https://app.example.com")])
        return (caught.value.problems[0].hint or "").startswith("re.compile(")

    few = next(steps for steps in range(5_000, 300_000, 5_000) if corrects(steps))
    assert corrects(limits.MAX_DIAGNOSIS_STEPS)
    assert not corrects(few - 5_000)


def test_a_proof_without_steps_left_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(risks, "MAX_PATTERN_STEPS", 2_000)
    with pytest.raises(corsfast.PolicyError, match=r"within 2000 steps .* \[unproven\]"):
        corsfast.Policy(
            allow_origins=[re.compile(r"https://[a-z]+\.example\.com")],
            dangerously_tolerate=["foreign-origin"],
        )


@pytest.mark.parametrize("module", [tables, judge, policy])
def test_the_work_for_all_patterns_is_bounded(
    module: Any, monkeypatch: pytest.MonkeyPatch, spent: list[float]
) -> None:
    monkeypatch.setattr(module, "MAX_POLICY_STEPS", 100_000)
    regexes = [re.compile(rf"https://[a-z]+-a{i}\.example\.com") for i in range(40)]
    spent.clear()
    if module is tables:
        with pytest.raises(corsfast.PolicyError) as caught:
            corsfast.Policy(allow_origins=["https://example.com/", *regexes])
        found = [str(problem) for problem in caught.value.problems]
        assert "trailing-slash" in found[0]
    elif module is judge:
        report = judge.judge(Subject("a policy", {"allow_origins": regexes}))
        found = [problem.message for problem in report.problems]
    else:
        found = []
        made = policy.lenient_tables(
            "x", {"origins": regexes}, credentials=False, tell=lambda text, _: found.append(text)
        )
        assert (made.automaton, made.regexes) == (None, ())
    assert "MAX_POLICY_STEPS" in found[-1]
    assert sum(spent) < 100_000 + limits.MAX_PATTERN_STEPS


@pytest.mark.parametrize("module", [tables, policy])
def test_corrections_take_no_steps_of_the_policy(
    module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    regexes = [re.compile(rf"https://.*example{i}\.com") for i in range(4)]
    before = automata.steps_left()
    languages = [language_of(regex) for regex in regexes]
    found = [risks.language_risks(language, credentials=False) for language in languages]
    assert all(found)
    run_together(languages)
    monkeypatch.setattr(module, "MAX_POLICY_STEPS", (before - automata.steps_left()) * 5 // 4)
    if module is tables:
        with pytest.warns(corsfast.CorsfastSecurityWarning, match="tolerated"):
            corsfast.Policy(allow_origins=regexes, dangerously_tolerate=["foreign-origin"])
    else:
        made = policy.lenient_tables(
            "x", {"origins": regexes}, credentials=False, tell=lambda *_: None
        )
        assert made.automaton is not None


def test_without_patterns_no_step_is_needed() -> None:
    with automata.limited(0):
        assert run_together([]) == (None, [])


def test_many_alike_patterns_are_united_in_linear_work(spent: list[float]) -> None:
    work = []
    for n in (50, 100, 200):
        found = [language_of(parse_pattern(f"https://*-a{i}.example.com")) for i in range(n)]
        spent.clear()
        automaton, left = run_together(found)
        assert automaton is not None
        assert not left
        work.append(sum(spent))
    assert work[2] < 2.4 * work[1] < 2.4 * 2.4 * work[0]


def test_a_regex_may_list_two_hundred_names() -> None:
    text = "accounts admin billing customers eu-west gateway internal live news payments preview"
    words = f"{text} reports search shop staging status".split()
    chosen = random.Random(1).sample([f"{a}-{b}" for a in words for b in words], 200)
    assert sum(map(len, chosen)) > 13 * 200
    regex = re.compile(rf"https://({'|'.join(chosen)})\.example\.com")
    assert corsfast.Policy(allow_origins=[regex]).allows_origin(f"https://{chosen[7]}.example.com")


@pytest.mark.parametrize("entry", ["word", 7, re.compile(b"x"), "x" * (limits.MAX_PATTERN + 1)])
def test_the_explained_entries_are_bounded(entry: object, monkeypatch: pytest.MonkeyPatch) -> None:
    explained: list[object] = []
    for name in ("diagnose", "_wrong_type", "_too_long_pattern"):
        explain = getattr(spec, name)
        monkeypatch.setattr(
            spec, name, lambda *given, explain=explain: explained.append(1) or explain(*given)
        )
    for extra in (0, 3):
        explained.clear()
        _, problems = read_policy({"allow_origins": [entry] * (limits.MAX_EXPLAINED + extra)})
        assert len(explained) == limits.MAX_EXPLAINED
        more = [problem for problem in problems if problem.value is None]
        assert len(problems) == limits.MAX_EXPLAINED + len(more)
        assert [problem.code for problem in more] == ["too-long"] * bool(extra)
    assert more[0].message.startswith("3 more entries are not valid either, for example ")
    assert len(more[0].message) < 200


@pytest.mark.parametrize("raised", [True, False])
def test_the_corrected_risks_are_bounded(raised: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    corrected: list[object] = []
    suggest_one = suggest.suggest
    monkeypatch.setattr(
        suggest, "suggest", lambda *given: corrected.append(1) or suggest_one(*given)
    )
    origins = [f"http://a{i}.example.com" for i in range(limits.MAX_EXPLAINED + 7)]
    origins += ["https://*.vercel.app"]
    options: dict[str, Any] = {"allow_origins": origins, "allow_credentials": True}
    if raised:
        with pytest.raises(corsfast.PolicyError) as caught:
            corsfast.Policy(**options)
        messages = [str(problem) for problem in caught.value.problems]
    else:
        options["dangerously_tolerate"] = ["insecure-origin", "public-suffix"]
        with pytest.warns(corsfast.CorsfastSecurityWarning) as warned:
            corsfast.Policy(**options)
        messages = [str(warning.message) for warning in warned]
    assert len(corrected) == limits.MAX_EXPLAINED + 1
    assert len(messages) == limits.MAX_EXPLAINED + 2
    assert "*.vercel.app" in messages[-2]
    assert "7 more with the same problem; the limit of explanations is 100" in messages[-1]


@pytest.mark.parametrize("more", [1, 7])
def test_a_check_corrects_a_bounded_number(monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    corrected: list[object] = []
    suggest_one = judge.suggest
    monkeypatch.setattr(judge, "suggest", lambda *given: corrected.append(1) or suggest_one(*given))
    origins = [f"http://a{i}.example.com" for i in range(limits.MAX_EXPLAINED + more)]
    options: dict[str, object] = {"allow_origins": origins, "allow_credentials": True}
    report = judge.judge(Subject("a policy", options))
    # A note takes as much room as the last one itself.
    assert len(corrected) == limits.MAX_EXPLAINED + (more == 1)
    assert len(report.problems) == limits.MAX_EXPLAINED + 1
    assert report.problems[0].message.startswith("7 more are not shown") is (more == 7)


def test_a_file_translates_a_bounded_number_of_regexes(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    read = written.read_regex
    monkeypatch.setattr(written, "read_regex", lambda text: tried.append(text) or read(text))
    regexes = [{"regex": f"({i}"} for i in range(limits.MAX_EXPLAINED + 7)]
    found = written.read_options({"allow_origins": regexes}, written.Written("a file"))
    assert len(found.problems) == len(regexes)
    assert len(tried) == limits.MAX_EXPLAINED


def test_a_file_corrects_a_bounded_number_of_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    meant = written.meant
    monkeypatch.setattr(written, "meant", lambda *given: compared.append(given[0]) or meant(*given))
    keys = {f"key{i}": 1 for i in range(limits.MAX_EXPLAINED + 7)}
    found = written.read_options(keys, written.Written("a file"))
    assert len(found.problems) == len(keys)
    assert len(compared) == limits.MAX_EXPLAINED


@pytest.mark.parametrize("extra", [0, 1])
def test_the_number_of_patterns_is_bounded(extra: int, monkeypatch: pytest.MonkeyPatch) -> None:
    regex = re.compile(r"https://a\.example\.com")
    globs = [f"https://a{i}-*.example.com" for i in range(limits.MAX_PATTERNS - 1 + extra)]
    judged: list[object] = []
    monkeypatch.setattr(tables, "language_of", lambda entry: judged.append(entry) or 1 / 0)
    origins = [*globs, regex, "https://b.example.com", "https://*.c.example.com"]
    if not extra:
        with pytest.raises(ZeroDivisionError):
            corsfast.Policy(allow_origins=origins)
        return
    with pytest.raises(
        corsfast.PolicyError, match=r"1001 .* limit is 1000 \(MAX_PATTERNS"
    ) as caught:
        corsfast.Policy(allow_origins=origins)
    assert [problem.code for problem in caught.value.problems] == ["too-long"]
    assert judged == []


@pytest.fixture
def spent(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a list to which the steps of all automata are appended."""
    steps: list[float] = []
    spend = automata._Work.spend

    def counted(work: Any, more: int) -> None:
        steps.append(more)
        spend(work, more)

    monkeypatch.setattr(automata._Work, "spend", counted)
    language_of(re.compile("https://a"))  # makes the constants
    return steps


def dense(n: int) -> re.Pattern[str]:
    """Return a short regex whose automaton has more than 2 ** n states."""
    return re.compile(rf"https://[a-z]*a[a-z]{{{n}}}\.example\.com")


def nested(n: int) -> re.Pattern[str]:
    return re.compile(rf"https://(?:(?:[a-z]{{0,{n}}}\.){{0,{n}}}x){{0,{n}}}example\.com")


@pytest.mark.parametrize(
    "entry",
    [
        re.compile("https://" + "a" * 2000),
        re.compile("https://" + "[a-z]?" * 600),
        re.compile("https://" + "[a-z]*a" * 500),
        re.compile("https://(?:" + "|".join(f"name-{i}" for i in range(400)) + r")\.example\.com"),
        dense(12),
        nested(100),
        re.compile(r"https://" + r"abc\." * 400 + r"example\.com"),
        re.compile("https://" + "abc." * 100 + "example.com"),
        re.compile("https://" + "(?:a|b)" * 11 + "a" * 400 + r"\.example\.com"),
        re.compile("|".join(f"https?://a{i}.example.com" for i in range(20))),
        re.compile("|".join(rf"https://.*\.d{i}\.com" for i in range(40))),
        re.compile("https://(?:" + "|".join(f"(?!x)a{i}b?" for i in range(100)) + ")"),
        r"https://[a-z]+\." * 80,
        re.compile(r"https://(?:" + "|".join(f"[a-z]{{{i}}}x[a-z]*" for i in range(60)) + ")"),
        "https://*." + ".".join(["a*b" * 10] * 6) + ".example.com",
        re.compile("(?i)https://(?:-0|" + "|".join(f"name-{i}" for i in range(60)) + r")\.a\.com"),
    ],
)
@pytest.mark.parametrize("tolerated", [False, True])
def test_the_work_for_an_entry_is_bounded(entry: Any, tolerated: bool, spent: list[float]) -> None:
    options: dict[str, Any] = {"allow_credentials": True}
    if tolerated:
        options["dangerously_tolerate"] = list(corsfast.errors.RISKS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for origins in ([re.compile(r"https?://.*|a|.*-extension://.*")], [entry]):
            spent.clear()
            with contextlib.suppress(corsfast.PolicyError):
                corsfast.Policy(allow_origins=origins, **options)
    assert sum(spent) < limits.MAX_DIAGNOSIS_STEPS + limits.MAX_PATTERN_STEPS // 2
    spent.clear()
    judge.judge(Subject("a policy", {"allow_origins": [entry], "allow_credentials": True}))
    assert sum(spent) < limits.MAX_DIAGNOSIS_STEPS + limits.MAX_PATTERN_STEPS // 2


def test_no_correction_of_an_unproven_entry_is_searched(spent: list[float]) -> None:
    entry = re.compile("|".join(rf"https://.*\.d{i}\.com|/" for i in range(40)))
    report = judge.judge(Subject("a policy", {"allow_origins": [entry]}))
    assert [problem.code for problem in report.problems] == ["unproven"]
    assert sum(spent) < limits.MAX_PATTERN_STEPS + 1000


@pytest.mark.parametrize("use", [regexes.compile_quietly, regex_text.parse])
def test_the_work_on_a_text_is_counted(use: Any, spent: list[float]) -> None:
    spent.clear()
    use("a" * 1000)
    assert sum(spent) >= 5000


def test_the_search_for_alternatives_is_bounded(spent: list[float]) -> None:
    names = "|".join(f"name-{i}" for i in range(200))
    spent.clear()
    assert not [*unmatchable_alternatives(re.compile(rf"https://(?:{names}|-)\.example\.com"))]
    assert sum(spent) < limits.MAX_PATTERN_STEPS // 5 + 20_000


def test_the_work_grows_as_the_entry_does(spent: list[float]) -> None:
    work = []
    for n in (250, 500, 1000):
        spent.clear()
        assert language_of(re.compile("https://" + "a" * n)).unsupported is None
        work.append(sum(spent))
    assert work[2] < 2.2 * work[1] < 2.2 * 2.2 * work[0]
