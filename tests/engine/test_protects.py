"""`Policy.protects`: which requests another site has forged, the same in both engines."""

from __future__ import annotations

from typing import Any

import pytest
from corpus import Octets, Text, case_id, rows
from hypothesis import given, strategies as st

from corsfast._engine import native, pure

APP = "https://app.example.com"
CASES = [case for case in rows("cross-site.jsonl") if "exempt" not in case]


def sent(case: Any) -> tuple[Any, ...]:
    """Return the arguments, with the lines of each field joined."""
    fields: dict[str, list[str]] = {}
    for name, value in case["headers"]:
        fields.setdefault(name, []).append(value)
    values = (fields.get(name) for name in ("origin", "sec-fetch-site", "host"))
    return case["method"], *(None if lines is None else ",".join(lines) for lines in values)


@pytest.mark.parametrize("case", CASES, ids=case_id)
@pytest.mark.parametrize("kind", [str, Text, bytes, Octets])
def test_the_corpus(Policy: Any, case: Any, kind: Any) -> None:
    def of_kind(text: str | None) -> Any:
        if text is None:
            return None
        return kind(text) if issubclass(kind, str) else kind(text.encode("latin-1"))

    policy = Policy(allow_origins=tuple(case["allow_origins"]))
    assert policy.protects(*map(of_kind, sent(case))) is case["forged"]
    stats = policy.stats(reset=True)
    assert (stats.forged, sum(stats.values())) == (int(case["forged"]), 0)
    assert policy.stats().forged == 0


POLICIES: list[Any] = [
    ["https://*.example.com", "http://localhost:*", APP[:-1]],
    ["null"],
    ["*"],
    (),
]
BOTH = [[engine.Policy(allow_origins=o) for engine in (pure, native)] for o in POLICIES]

HOSTS = st.sampled_from(
    ["app.example.com", "a.example.com", "localhost:3000", "evil.net", "APP.example.com:443", ""]
)
ORIGINS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["https://", "http://", "", "x"]),
    HOSTS,
    st.sampled_from(["", ":80", ":443", "/"]),
)
TEXTS = st.text(max_size=20) | st.text("\x00\x7f\xff,; :", max_size=5)
SITES = st.sampled_from(["same-origin", "none", "cross-site", "same-site", "", "None"]) | TEXTS


def as_any(texts: Any) -> Any:
    return st.none() | texts | texts.map(lambda text: text.encode("utf-8", "surrogatepass"))


@given(
    st.sampled_from(BOTH),
    as_any(st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "get"]) | TEXTS).filter(bool),
    as_any(ORIGINS | st.just("null") | TEXTS),
    as_any(SITES),
    as_any(HOSTS | TEXTS | st.just("x" * 400)),
)
def test_both_engines_decide_the_same(
    policies: Any, method: Any, origin: Any, site: Any, host: Any
) -> None:
    first, second = policies
    expected = first.protects(method, origin, site, host)
    assert second.protects(method, origin, site, host) is expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((None, None, None, None), "method must be str or bytes, not NoneType"),
        (("POST", 1, None, None), "origin must be str or bytes or None, not int"),
        (("POST", None, 1, None), "sec_fetch_site must be str or bytes or None, not int"),
        (("POST", None, None, 1), "host must be str or bytes or None, not int"),
        ((b"POST", [], "none2", None), "origin must be str or bytes or None, not list"),
    ],
)
def test_wrong_types_are_errors(Policy: Any, given: Any, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        Policy(allow_origins=[APP]).protects(*given)
    assert str(caught.value) == message
