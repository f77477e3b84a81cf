"""`Policy.explain`: its checks agree with the decision, and its changes are proven."""

from __future__ import annotations

import json
import random
import re
import warnings
from typing import Any

import pytest
from corpus import build, case_id, rows
from support.surfaces import Asked, joined, make_policy

import corsfast
from corsfast.decision import Outcome

APP = "https://app.example.com"
CASES = [*rows("decisions.jsonl"), *rows("requests.jsonl")]
# Of another request, `explain` also explains the preflight, and `decide` does not decide it.
PREFLIGHTS = [case for case in CASES if {"method", "acrm"} <= case["request"].keys()]
PREFLIGHTS = [case for case in PREFLIGHTS if case["request"]["method"] == "OPTIONS"]


def explained(case: dict[str, Any], engine: Any) -> Any:
    policy = make_policy(engine, build(case["policy"]))
    asked = Asked(**build(case["request"]))
    return policy.explain(asked.method, *map(joined, asked[1:]))


@pytest.mark.parametrize("case", PREFLIGHTS, ids=case_id)
def test_checks_agree_with_the_outcome(case: dict[str, Any], engine: Any) -> None:
    explanation = explained(case, engine)
    assert explanation.outcome.value == case["outcome"]
    failed = [check for check in explanation.checks if not check.passed]
    if case["outcome"] == "no-origin":
        assert explanation.checks == ()
    elif explanation.allowed:
        assert case["outcome"] == "allowed"
        assert not failed
        assert explanation.change is None
    else:
        assert case["outcome"].startswith(failed[0].what)
        assert all(check.kind != "entry" for check in explanation.checks)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_a_proposed_change_allows_the_request(case: dict[str, Any], engine: Any) -> None:
    change = explained(case, engine).change
    if change is None or change.options is None:
        return
    with warnings.catch_warnings(action="ignore"):
        policy = engine.Policy(**change.options)
    asked = Asked(**build(case["request"]))
    again = policy.explain(asked.method, *map(joined, asked[1:]))
    failed = [check for check in again.checks if not check.passed]
    # Only what the page has to change is left.
    assert len(failed) == sum("In the page" in it or "Send the" in it for it in change.steps)


RULES = [
    ("*", APP, "any", ""),
    ([APP], APP, "exact entry", repr(APP)),
    (["https://*.example.com"], APP, "subdomain pattern", "'https://*.example.com'"),
    (["https://app.example.com:*"], f"{APP}:8443", "host pattern", f"'{APP}:*'"),
    (["https://ap*.example.com"], APP, "glob", "'https://ap*.example.com'"),
    (["http://10.0.0.0/8"], "http://10.1.2.3", "network", "'http://10.0.0.0/8'"),
    ([re.compile(r"https://app\.example\.com")], APP, "regex", None),
]


@pytest.mark.parametrize(("entries", "origin", "kind", "rule"), RULES)
def test_names_the_entry_that_matched(
    entries: Any, origin: str, kind: str, rule: str | None, engine: Any
) -> None:
    (check,) = engine.Policy(allow_origins=entries).explain("GET", origin).checks
    assert (check.passed, check.kind) == (True, kind)
    if rule is None:
        assert "app" in check.rule
    else:
        assert check.rule == rule


NEAR = [
    ("scheme", [APP], "http://app.example.com"),
    ("port", [APP], f"{APP}:8443"),
    ("slash", [APP], f"{APP}/"),
    ("www", ["https://www.example.com"], "https://example.com"),
    ("case", [APP], "https://App.Example.com"),
    ("apex", ["https://*.example.com"], "https://example.com"),
    ("loopback", ["http://localhost:3000"], "http://127.0.0.1:3000"),
    ("punycode", ["https://xn--mnchen-3ya.example"], "https://m\xfcnchen.example"),
    ("edit", [APP], "https://app.exmple.com"),
    ("null", [APP], "null"),
]


@pytest.mark.parametrize(("kind", "entries", "origin"), NEAR)
def test_near_miss_of_an_origin(kind: str, entries: list[str], origin: str, engine: Any) -> None:
    explanation = engine.Policy(allow_origins=entries).explain("GET", origin)
    assert not explanation.allowed
    assert explanation.near_misses[0].kind == kind
    assert explanation.change is not None
    assert explanation.checks[0].hints[0] in str(explanation)


def test_authorization_under_star(engine: Any) -> None:
    policy = engine.Policy(allow_origins=[APP], allow_headers="*")
    explanation = policy.explain("GET", APP, None, "authorization,x-a")
    assert explanation.outcome is Outcome.HEADER_NOT_ALLOWED
    assert explanation.near_misses[0].kind == "wildcard"
    assert explanation.change.options["allow_headers"] == ["*", "Authorization"]
    assert "field authorization is not allowed" in explanation.console["chromium"]


def test_patch_in_lower_case_is_changed_in_the_page(engine: Any) -> None:
    policy = engine.Policy(allow_origins=[APP], allow_methods=["PATCH"])
    explanation = policy.explain("patch", APP)
    assert explanation.change.options is None
    assert explanation.change.steps == ("In the page, use 'PATCH' instead of 'patch'.",)


def test_all_that_is_missing_is_one_change(engine: Any) -> None:
    policy = engine.Policy(allow_origins=["http://localhost:3000"])
    origin = "http://127.0.0.1:3000"
    explanation = policy.explain("PUT", origin, None, ["x-a", "x-b"], credentials=True)
    options = explanation.change.options
    assert options["allow_origins"] == ["http://localhost:3000", origin]
    assert options["allow_methods"] == ["PUT"]
    assert options["allow_headers"] == ["x-a", "x-b"]
    assert options["allow_credentials"] is True
    assert engine.Policy(**options).explain("PUT", origin, None, "x-a,x-b", True).allowed


def test_credentials_under_star_list_the_origin(engine: Any) -> None:
    policy = engine.Policy(allow_origins="*", expose_headers="*")
    explanation = policy.explain("GET", APP, credentials=True)
    assert explanation.outcome is Outcome.ALLOWED  # the policy would answer
    assert not explanation.allowed  # but no browser would accept the answer
    assert "wildcard '*'" in explanation.console["chromium"]
    assert explanation.change.options["allow_origins"] == [APP]
    assert explanation.change.risks == ()


def test_an_unsafe_change_says_why(engine: Any) -> None:
    policy = engine.Policy(allow_origins=[APP], allow_credentials=True)
    change = policy.explain("GET", "http://app.example.com").change
    assert [risk.code for risk in change.risks] == ["insecure-origin"]
    assert change.options["dangerously_tolerate"] == ["insecure-origin"]
    assert "insecure-origin" in str(policy.explain("GET", "http://app.example.com"))


NO_CHANGE = [
    ("TRACE", APP, None, None),
    ("GET", "not an origin", None, None),
    ("OPTIONS", APP, "put", None),
    ("OPTIONS", APP, "GET", "cookie"),
]


@pytest.mark.parametrize("request_", NO_CHANGE, ids=["method", "origin", "case", "header"])
def test_no_browser_sends_it(request_: Any, engine: Any) -> None:
    explanation = engine.Policy(allow_origins=[APP]).explain(*request_)
    assert not explanation.allowed
    assert explanation.console == {}
    assert explanation.change is None or explanation.change.steps[0].startswith("In the page")


def test_browsers_change_what_a_page_asks_for(engine: Any) -> None:
    policy = engine.Policy(allow_origins=[APP], allow_methods=["PUT"])
    explanation = policy.explain("put", APP, None, "Cookie")
    assert explanation.allowed
    assert explanation.method == "PUT"
    assert explanation.notes[0].startswith("No page can set the header Cookie")


def test_console_has_the_texts_of_all_browsers(engine: Any) -> None:
    explanation = engine.Policy(allow_origins=[APP]).explain("GET", "https://evil.example")
    assert explanation.console["chromium"].startswith("Access to fetch at")
    assert "CORS header ‘Access-Control-Allow-Origin’ missing" in explanation.console["firefox"]
    assert "is not allowed by Access-Control-Allow-Origin" in explanation.console["webkit"]


def test_an_explanation_is_immutable(engine: Any) -> None:
    explanation = engine.Policy(allow_origins=[APP]).explain("PUT", "https://evil.example")
    assert isinstance(explanation, corsfast.Explanation)
    with pytest.raises(AttributeError):
        explanation.allowed = True
    with pytest.raises(TypeError):
        explanation.change.options["allow_origins"] = []
    with pytest.raises(TypeError):
        explanation.console["chromium"] = ""


def test_an_explanation_can_be_json(engine: Any) -> None:
    regex = re.compile(r"https://app\.example\.com", re.IGNORECASE)
    within = corsfast.within(re.compile(r"https://(a|b)[.]example[.]com"), "example.com")
    policy = engine.Policy(allow_origins=[regex, within])
    explanation = policy.explain("PUT", "https://evil.example", credentials=True)
    data = json.loads(json.dumps(explanation.as_dict()))
    assert data["outcome"] == "origin-not-allowed"
    options = data["change"]["options"]
    assert options["allow_methods"] == ["PUT"]
    assert options["allow_origins"] == [
        {"regex": r"(?i)https://app\.example\.com"},
        {"regex": "https://(a|b)[.]example[.]com", "within": ["example.com"]},
        "https://evil.example",
    ]
    assert corsfast.Policy.from_mapping(options).allows_origin("https://evil.example")


def test_hostile_values_are_escaped_and_cut(engine: Any) -> None:
    policy = engine.Policy(allow_origins=[APP])
    text = str(policy.explain("G\x1b[31m", "https://\x1b]0;x\x07", None, "x" * 100_000))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert len(text) < 4000


def test_wrong_types_are_those_of_decide(engine: Any) -> None:
    policy = engine.Policy(allow_origins=[APP])
    with pytest.raises(TypeError, match="origin must be str or bytes or None, not int"):
        policy.explain("GET", 1)
    with pytest.raises(TypeError, match="request_headers must be"):
        policy.explain("GET", APP, None, 1)


def test_a_drop_in_policy_is_explained() -> None:
    from corsfast.middleware.starlette import CORSMiddleware

    middleware = CORSMiddleware(lambda scope, receive, send: None, allow_origins=[APP])
    explanation = middleware.policy.explain("PUT", "https://app.example.org")
    assert not explanation.allowed
    assert explanation.change is None  # no options of Policy make this policy


def test_no_change_that_a_browser_refuses(engine: Any, monkeypatch: Any) -> None:
    refused = {"chromium": "", "firefox": "blocked", "webkit": ""}
    monkeypatch.setattr("corsfast._explain.policy._console", lambda policy, asked: refused)
    explanation = engine.Policy(allow_origins=[APP]).explain("PUT", APP)
    assert explanation.change is None


def test_explaining_is_not_counted(engine: Any) -> None:
    policy = engine.Policy(allow_origins=[APP])
    policy.explain("PUT", APP)
    assert sum(policy.stats().values()) == 0


def test_the_decision_is_one_of_the_own_engine() -> None:
    policy = corsfast.Policy(allow_origins=[APP])
    assert type(policy.explain("GET", APP).decision) is corsfast.Decision


ENTRIES = [
    APP,
    "https://*.example.com",
    "http://localhost:*",
    "https://pr-*.example.org",
    "http://10.0.0.0/8:*",
    "null",
]
ORIGINS = [APP, "http://localhost:3000", "https://pr-7.example.org", "http://10.2.3.4:81", "null"]
ORIGINS += ["https://example.com", "https://evil.example", "https://a.b.example.com"]
METHODS = ["GET", "PUT", "put", "patch", "PATCH", "DELETE", "OPTIONS"]
NAMES = [None, "x-a", "authorization,x-b", "content-type", "cookie"]
TOLERATED = ["any-origin-with-credentials", "null-origin-with-credentials", "insecure-origin"]


def test_the_verdict_is_that_of_every_browser() -> None:
    rng = random.Random(17)
    verdicts = []
    for _ in range(100):
        with warnings.catch_warnings(action="ignore"):
            policy = corsfast.Policy(
                allow_origins=rng.choice([["*"], rng.sample(ENTRIES, 3)]),
                allow_methods=rng.choice([[], ["PUT", "PATCH"], ["*"]]),
                allow_headers=rng.choice([["x-a"], ["*"], ["*", "authorization"]]),
                allow_credentials=rng.random() < 0.5,
                dangerously_tolerate=TOLERATED,
            )
        request = rng.choice(METHODS), rng.choice(ORIGINS), None, rng.choice(NAMES)
        explanation = policy.explain(*request, credentials=rng.random() < 0.5)
        assert explanation.allowed is not any(explanation.console.values()), request
        verdicts.append(explanation.allowed)
    assert 10 < sum(verdicts) < 90


def test_a_request_without_an_origin_is_not_refused(engine: Any) -> None:
    text = str(engine.Policy(allow_origins=[APP]).explain("GET", None))
    assert text.startswith("GET without an Origin: not a CORS request\n")
    assert "refused" not in text
