"""`Policy.explain` with `sec_fetch_site` or `host`: why a request counts as forged."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from corpus import case_id, rows

APP = "https://app.example.com"
CASES = [case for case in rows("cross-site.jsonl") if "exempt" not in case]


def sent(case: Any) -> tuple[str, str | None, str | None, str]:
    """Return the arguments of `protects`. Without a Host it is an empty one."""
    fields: dict[str, list[str]] = {}
    for name, value in case["headers"]:
        fields.setdefault(name, []).append(value)
    origin, site = (
        ",".join(fields[name]) if name in fields else None for name in ("origin", "sec-fetch-site")
    )
    return case["method"], origin, site, ",".join(fields.get("host", [""]))


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_checks_agree_with_protects(Policy: Any, case: Any) -> None:
    policy = Policy(allow_origins=tuple(case["allow_origins"]))
    method, origin, site, host = sent(case)
    found = policy.explain(method, origin, sec_fetch_site=site, host=host)
    forged = policy.protects(method, origin, site, host)
    assert (found.forged, found.allowed) == (forged, not forged)
    assert [check.passed for check in found.checks[:-1]] == [False] * (len(found.checks) - 1)
    assert found.checks[-1].passed is not forged
    assert policy.stats().forged == forged  # not twice: to explain a request does not count it
    if found.change is not None:
        with warnings.catch_warnings(action="ignore"):
            changed = Policy(**found.change.options)
        assert not changed.protects(method, origin, site, host)


@pytest.mark.parametrize(
    ("origins", "origin", "site", "expected"),
    [
        ([APP], "https://evil.example", "cross-site", "Add 'https://evil.example' to"),
        ([APP], "http://app.example.com", "cross-site", "Add 'http://app.example.com' to"),
        (["*"], APP, "cross-site", "Replace '*' in allow_origins by the origins that you trust"),
        ([APP], "null", "cross-site", None),
        ([APP], None, "cross-site", None),
        ([APP], f"{APP},{APP}", "cross-site", None),
    ],
)
def test_a_change_is_proposed(
    Policy: Any, origins: list[str], origin: Any, site: str, expected: str | None
) -> None:
    change = Policy(allow_origins=origins).explain("POST", origin, sec_fetch_site=site).change
    if expected is None:
        assert change is None
    else:
        assert change.steps[0].startswith(expected)


def test_the_text_names_what_decides(Policy: Any) -> None:
    policy = Policy(allow_origins=[APP])
    assert str(policy.explain("POST", "null", sec_fetch_site="same-origin")) == (
        "POST from null: not forged\n"
        "  no  method POST: it may change something\n"
        "  ok  sec-fetch-site same-origin: no other site sent the request"
    )
    text = str(policy.explain("POST", "https://www.example.com", host="10.0.0.7:8000"))
    assert text.startswith("POST from https://www.example.com: refused as forged\n")
    assert "no  host 10.0.0.7:8000: Origin names another host or port" in text
    assert "let it pass on the Host of the browser" in text
    text = str(policy.explain("POST", "https://www.example.com", host=""))
    assert "no  host '': without it, an own page cannot be recognized" in text
    text = str(policy.explain("POST", None, sec_fetch_site="cross-site"))
    assert "no  origin (none): it is missing" in text
    assert "something between the browser and this server has removed it" in text


def test_without_both_arguments_cors_is_explained(Policy: Any) -> None:
    found = Policy(allow_origins=[APP]).explain("POST", APP)
    assert found.forged is None
    assert "forged" not in str(found)


def test_wrong_types_are_errors(Policy: Any) -> None:
    with pytest.raises(TypeError, match="host must be str or bytes or None, not int"):
        Policy(allow_origins=[APP]).explain("POST", APP, host=1)
