"""Every surface makes the same decision for the same request.

Several lines of one header are joined by commas, because ASGI passes lines and WSGI servers join
them. Text and bytes give the same decision, too.
"""

from __future__ import annotations

from typing import Any

import pytest
from corpus import build, case_id, rows
from hypothesis import given, strategies as st
from support.strategies import (
    POLICIES,
    damaged,
    header_lists,
    methods,
    option_sets,
    origins_nearly_right,
)
from support.surfaces import SURFACES, Asked, asgi, decide, make_policy, wsgi

LINES = rows("attack-corpus.jsonl")
ALLOW_MUCH = POLICIES[7]  # echoes methods and names, so answers differ by request


@pytest.mark.parametrize("case", LINES, ids=case_id)
def test_one_decision(engine: Any, case: dict[str, Any]) -> None:
    sent = case["request"]
    request = Asked(*(build(sent[name]) for name in ("method", "origin", "acrm", "acrh")))
    for options in (ALLOW_MUCH, POLICIES[2], POLICIES[4]):
        policy = make_policy(engine, options)
        answers = [surface(policy, request) for surface in SURFACES.values()]
        decisions = [answer.decision for answer in answers if answer.decision is not None]
        assert len(decisions) == 5
        assert all(decision == decisions[0] for decision in decisions)
        assert all(answer[:3] == answers[0][:3] for answer in answers)


def lines(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Return a strategy for a header that is absent, has one line, or several, in latin-1."""
    latin1 = texts.map(lambda text: text.encode("latin-1", "replace").decode("latin-1"))
    return st.one_of(st.none(), latin1, st.lists(latin1, min_size=1, max_size=3))


@given(
    options=option_sets,
    method=st.sampled_from(["OPTIONS", "OPTIONS", "OPTIONS", "GET", "options"]),
    origin=lines(st.one_of(st.just("https://example.com"), origins_nearly_right)),
    acrm=lines(damaged(st.sampled_from(["PUT", "GET"])) | methods),
    acrh=lines(header_lists),
)
def test_one_decision_for_anything(
    engine: Any, options: dict[str, Any], method: str, origin: Any, acrm: Any, acrh: Any
) -> None:
    policy = make_policy(engine, options)
    request = Asked(method, origin, acrm, acrh)
    answers = [surface(policy, request) for surface in SURFACES.values()]
    assert all(answer[:3] == answers[0][:3] for answer in answers)
    assert decide(policy, request).decision == asgi(policy, request).decision
    assert decide(policy, request).decision == wsgi(policy, request).decision


@pytest.mark.parametrize("origin", ["https://a.example", "https://evil.example", "bad", None])
def test_a_handshake_is_an_actual_request(engine: Any, origin: str | None) -> None:
    policy = engine.Policy(allow_origins=["https://a.example"])
    headers = [] if origin is None else [(b"origin", origin.encode())]
    headers += [(b"access-control-request-method", b"PUT"), (b"upgrade", b"websocket")]
    scope = {"type": "websocket", "path": "/", "headers": headers}
    assert policy.asgi(scope) == policy.actual(origin)
    assert policy.asgi(scope).is_preflight is False


def test_requests_without_headers(engine: Any) -> None:
    policy = engine.Policy(allow_origins=["https://a.example"])
    assert policy.asgi({}) == policy.asgi({"headers": []}) == policy.actual(None)
    assert policy.wsgi({}) == policy.actual(None)
    assert (
        policy.decide("GET", None) == policy.decide("OPTIONS", None, "PUT") == policy.actual(None)
    )
    assert (
        policy.preflight(None, "PUT") == policy.preflight(None, "PUT", "x") == policy.actual(None)
    )


def test_header_lists_of_any_kind(engine: Any) -> None:
    policy = make_policy(engine, ALLOW_MUCH)
    fields = [
        (b"access-control-request-headers", b"x-a"),
        (b"origin", b"https://a.example.com"),
        (b"access-control-request-method", b"PUT"),
    ]
    expected = policy.preflight("https://a.example.com", "PUT", "x-a")
    assert expected.allowed
    for kind in (list, tuple, iter, lambda fields: map(list, fields)):
        assert policy.asgi({"method": "OPTIONS", "headers": kind(fields)}) == expected


def test_without_an_origin_nothing_else_is_looked_at(engine: Any) -> None:
    policy = engine.Policy(allow_origins=["https://a.example"])
    assert policy.decide(5, None, 5, 5) == policy.preflight(None, 5, 5) == policy.actual(None)
    assert policy.decide(5, "https://a.example", None, 5) == policy.actual("https://a.example")


def test_environ_and_scope_are_left_alone(engine: Any) -> None:
    policy = engine.Policy(allow_origins=["https://a.example"])
    scope = {"method": "GET", "headers": [(b"origin", b"https://a.example"), [b"a", b"b"]]}
    environ = {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": "https://a.example"}
    before = repr(scope), repr(environ)
    policy.asgi(scope)
    policy.wsgi(environ)
    assert (repr(scope), repr(environ)) == before


def test_names_in_a_scope_are_lower_case(engine: Any) -> None:
    """ASGI requires this, and servers comply."""
    policy = engine.Policy(allow_origins=["https://a.example"])
    assert policy.asgi({"headers": [(b"Origin", b"https://a.example")]}) == policy.actual(None)


# -- accepted arguments, and errors for others ---------------------------------------------------

REFUSALS: list[tuple[str, tuple[Any, ...], str]] = [
    ("actual", (5,), "origin must be str or bytes or None, not int"),
    ("actual", (bytearray(b"x"),), "origin must be str or bytes or None, not bytearray"),
    ("allows_origin", (["x"],), "origin must be str or bytes or None, not list"),
    ("preflight", ("x", None), "request_method must be str or bytes, not NoneType"),
    ("preflight", ("x", 5), "request_method must be str or bytes, not int"),
    ("preflight", (5, "GET"), "origin must be str or bytes or None, not int"),
    (
        "preflight",
        ("x", "GET", 5),
        "request_headers must be str or bytes, None, or a list or tuple of str or bytes, not int",
    ),
    ("preflight", ("x", "GET", ["x", 5]), "each of request_headers must be str or bytes, not int"),
    (
        "preflight",
        ("x", "GET", [None]),
        "each of request_headers must be str or bytes, not NoneType",
    ),
    ("decide", (5, "x", "GET"), "method must be str or bytes, not int"),
    ("decide", (None, "x", "GET"), "method must be str or bytes, not NoneType"),
    ("asgi", ([],), "scope must be a dict, not list"),
    ("asgi", ({"headers": [5]},), "scope['headers'] must hold pairs of bytes"),
    ("asgi", ({"headers": [(b"origin", "x")]},), "scope['headers'] must hold pairs of bytes"),
    ("asgi", ({"headers": [(b"a", b"b", b"c")]},), "scope['headers'] must hold pairs of bytes"),
    (
        "asgi",
        (
            {
                "method": "OPTIONS",
                "headers": [(b"origin", b"x"), (b"access-control-request-headers", "x")],
            },
        ),
        "scope['headers'] must hold pairs of bytes",
    ),
    ("wsgi", (None,), "environ must be a dict, not NoneType"),
    ("wsgi", ({"HTTP_ORIGIN": 5},), "origin must be str or bytes or None, not int"),
    ("apply_asgi", (None, []), "decision must be a Decision, not NoneType"),
    ("apply_wsgi", ("x", []), "decision must be a Decision, not str"),
]


@pytest.mark.parametrize(("method", "args", "said"), REFUSALS)
def test_refusals(engine: Any, method: str, args: tuple[Any, ...], said: str) -> None:
    policy = engine.Policy(allow_origins=["https://a.example"])
    with pytest.raises(TypeError) as caught:
        getattr(policy, method)(*args)
    assert str(caught.value) == said


@pytest.mark.parametrize("pair", [5, None, ("a",), ("a", "b", "c"), (1, "a"), (None, None), ""])
def test_odd_response_headers(engine: Any, pair: Any) -> None:
    """Values that are not header fields are rejected. Other fields are not inspected."""
    policy = engine.Policy(allow_origins="*", existing="keep")
    for apply, kind in ((policy.apply_wsgi, "str"), (policy.apply_asgi, "bytes")):
        with pytest.raises(TypeError) as caught:
            apply(policy.actual(None), [pair])
        assert str(caught.value) == f"headers must hold pairs of {kind}"


@pytest.mark.parametrize(
    ("lengths", "is_seen"),
    [([8192], True), ([8193], False), ([4096, 4095], True), ([4096, 4096], False)],
)
def test_no_more_lines_are_looked_at_than_can_matter(
    engine: Any, lengths: list[int], is_seen: bool
) -> None:
    policy = engine.Policy(allow_origins=["https://a.example"])
    for text in ("x", b"x", "\u20ac"):
        given_lines = [*(text * length for length in lengths), 5]
        if is_seen:
            with pytest.raises(TypeError, match="each of request_headers"):
                policy.preflight("https://a.example", "GET", given_lines)
        else:
            decision = policy.preflight("https://a.example", "GET", given_lines)
            assert decision.outcome.value == "header-list-too-long"
            only = policy.preflight("https://a.example", "GET", given_lines[:-1])
            assert only == decision
