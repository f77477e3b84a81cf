"""`cross_site`: requests that another site has forged do not reach the application."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from corpus import case_id, rows
from support.client import Answer, Request, environ_of, preflight_of, scope_of

import corsfast
from corsfast.middleware._generic import limited_log, refused_log

APP = "https://app.example.com"
OTHER = "https://other.example"
UNSAFE = ["POST", "PUT", "PATCH", "DELETE", "get", ""]
SAFE = ["GET", "HEAD", "OPTIONS"]

# Of another site, whatever the method, if the request has an Origin.
FORGED = [
    {"origin": OTHER},
    {"origin": OTHER, "host": "api.example"},
    {"origin": "null", "host": "api.example"},
    {"origin": "garbage", "host": "api.example"},
    {"origin": "", "host": ""},
    {"origin": "https://api.example:8443", "host": "api.example"},
    {"origin": "https://api.example", "host": "api.example:8443"},
    {"origin": OTHER, "host": "api.example", "x_forwarded_host": "other.example"},
    {"origin": f"{APP},{APP}", "host": "app.example.com"},
    # Sec-Fetch-Site is believed more than Host, because it compares the schemes as well.
    {"origin": "http://api.example", "host": "api.example", "sec_fetch_site": "cross-site"},
    {"origin": "null", "host": "api.example", "sec_fetch_site": "same-site"},
    {"origin": OTHER, "sec_fetch_site": "same-origin,same-origin"},
]
FORGED_WITHOUT_ORIGIN = [
    {"sec_fetch_site": site}
    for site in (
        "cross-site",
        "same-site",
        "",
        "Same-Origin",
        " same-origin",
        "same-origin;x",
        "same-origin,none",
        "none,none",
        "\xff",
        "x" * 9000,
    )
]
OWN = [
    {},
    {"host": "api.example"},
    {"origin": APP},
    {"origin": APP, "sec_fetch_site": "cross-site"},
    {"origin": APP, "sec_fetch_site": "garbage"},
    {"origin": "https://api.example", "host": "api.example"},
    {"origin": "https://api.example", "host": "api.example:443"},
    # A proxy terminates TLS and forwards plain HTTP.
    {"origin": "https://api.example", "host": "api.example:80"},
    {"origin": "http://api.example", "host": "api.example:80"},
    {"origin": "http://localhost:8000", "host": "localhost:8000"},
    {"origin": "http://[::1]", "host": "[::1]"},
    {"origin": "https://api.example", "host": "API.Example"},
    {"sec_fetch_site": "same-origin"},
    {"sec_fetch_site": "none"},
    # A page with `Referrer-Policy: no-referrer`.
    {"origin": "null", "host": "api.example", "sec_fetch_site": "same-origin"},
    # A proxy rewrites Host.
    {"origin": "https://api.example", "host": "10.0.0.7", "sec_fetch_site": "same-origin"},
]


@pytest.fixture
def log(monkeypatch: Any, caplog: Any) -> Any:
    """Return the log of this test, with a limit of its own."""
    caplog.set_level(logging.WARNING, "corsfast.refused")
    monkeypatch.setattr(refused_log, "_log", limited_log.LimitedLog("corsfast.refused"))
    return caplog


@pytest.fixture
def policy(Policy: Any) -> Any:
    return Policy(allow_origins=[APP])


@pytest.fixture
def ask(policy: Any, door: Any) -> Any:
    return door.around(policy, cross_site="refuse")


@pytest.mark.parametrize("word", ["refuse", "refuse_all"])
@pytest.mark.parametrize("headers", [*FORGED, *FORGED_WITHOUT_ORIGIN])
def test_forged_requests_are_answered_403(
    policy: Any, door: Any, word: str, headers: dict[str, str]
) -> None:
    ask = door.around(policy, cross_site=word)
    for method in UNSAFE:
        reply = ask(method, "/", **headers)
        assert (reply.status, reply.reached) == (403, False)
        assert reply.headers == {
            "vary": ["Origin, Sec-Fetch-Site"],
            "content-length": [str(len(reply.body))],
            "content-type": ["text/plain; charset=utf-8"],
        }
        field = b"Sec-Fetch-Site" if "sec_fetch_site" in headers else b"Host"
        assert reply.body.startswith(b"Cross-site request refused: ")
        assert field in reply.body
    assert policy.stats().forged == len(UNSAFE)


@pytest.mark.parametrize("headers", OWN)
def test_own_and_allowed_requests_pass(ask: Any, policy: Any, headers: dict[str, str]) -> None:
    for method in (*UNSAFE, *SAFE):
        reply = ask(method, "/", **headers)
        assert (reply.status, reply.reached) == (200, True)
        assert reply.origin == (APP if headers.get("origin") == APP else None)
        assert reply.vary == "Origin"
    assert policy.stats().forged == 0


def test_safe_methods_pass(ask: Any) -> None:
    for method in SAFE:
        for headers in (*FORGED, *FORGED_WITHOUT_ORIGIN):
            assert ask(method, "/", **headers).reached


@pytest.mark.parametrize("method", SAFE)
def test_refuse_all_refuses_other_origins_with_any_method(
    policy: Any, door: Any, method: str
) -> None:
    ask = door.around(policy, cross_site="refuse_all")
    for headers in FORGED:
        assert ask(method, "/", **headers).status == 403
    for headers in (*OWN, *FORGED_WITHOUT_ORIGIN):
        assert ask(method, "/", **headers).reached


def test_preflights_are_answered_as_before(policy: Any, door: Any) -> None:
    for word in ("refuse", "refuse_all"):
        ask = door.around(policy, cross_site=word)
        for site in ({}, {"sec_fetch_site": "cross-site"}):
            assert ask("OPTIONS", **preflight_of(APP), **site).status == 204
            for origin, host in ((OTHER, "api.example"), ("https://api.example", "api.example")):
                assert ask("OPTIONS", **preflight_of(origin), host=host, **site).status == 403


def test_all_requests_pass_by_default(policy: Any, door: Any) -> None:
    for given in ({}, {"cross_site": "allow"}):
        for headers in (*FORGED, *FORGED_WITHOUT_ORIGIN):
            assert door.around(policy, **given)("POST", "/", **headers).reached
    assert policy.stats().forged == 0


@pytest.mark.parametrize(
    "options",
    [
        {},
        {
            "allow_credentials": True,
            "dangerously_tolerate": ["any-origin-with-credentials"],
        },
    ],
)
@pytest.mark.filterwarnings("ignore::corsfast.CorsfastSecurityWarning")
def test_a_star_lets_no_other_site_write(Policy: Any, door: Any, options: Any) -> None:
    ask = door.around(Policy(allow_origins="*", **options), cross_site="refuse")
    assert ask("GET", origin=OTHER, sec_fetch_site="cross-site").reached
    for headers in (
        {"origin": OTHER, "sec_fetch_site": "cross-site"},
        {"origin": OTHER, "host": "api.example"},
        {"sec_fetch_site": "cross-site"},
    ):
        reply = ask("POST", **headers)
        assert (reply.status, reply.reached) == (403, False)
        assert reply.vary == "Origin, Sec-Fetch-Site"
    for headers in (
        {"origin": OTHER, "sec_fetch_site": "same-origin"},
        {"origin": OTHER, "host": "other.example"},
        {},
    ):
        assert ask("POST", **headers).reached


def test_a_report_counts_and_logs_and_passes(policy: Any, door: Any, log: Any) -> None:
    ask = door.around(policy, cross_site="report")
    for _ in range(2):
        assert ask("POST", "/a", origin=OTHER, sec_fetch_site="cross-site").reached
        assert ask("POST", "/b", sec_fetch_site="same-site").reached
        assert ask("POST", "/c", origin=OTHER, host="api.example").reached
    assert policy.stats(reset=True).forged == 6
    assert policy.stats().forged == 0
    first, second, third = [record.getMessage() for record in log.records]
    assert first.startswith(
        f"POST '/a' from '{OTHER}' is reported as a cross-site request:"
        f" Sec-Fetch-Site is 'cross-site', and the origin '{OTHER}' is unlike every entry."
    )
    assert second == (
        "POST '/b' from nothing is reported as a cross-site request: Sec-Fetch-Site is"
        " 'same-site', and there is no Origin."
        " See docs/refused.md, or pipe this line to: corsfast explain"
    )
    assert "Sec-Fetch-Site is missing, and" in third


def test_each_path_without_a_listable_origin_is_logged(ask: Any, log: Any) -> None:
    for sent in ({}, {"origin": "null"}, {"origin": OTHER}):
        for path in ("/a", "/b", "/a"):
            ask("POST", path, **sent, sec_fetch_site="cross-site")
    lines = [record.getMessage().partition(" is ")[0] for record in log.records]
    assert lines == [
        "POST '/a' from nothing",
        "POST '/b' from nothing",
        "POST '/a' from 'null'",
        "POST '/b' from 'null'",
        f"POST '/a' from '{OTHER}'",
    ]


def test_a_refusal_is_logged_as_one(ask: Any, log: Any) -> None:
    ask("POST", "/\n", sec_fetch_site="\n\x1b")
    (record,) = log.records
    assert "is refused as a cross-site request" in record.getMessage()
    assert record.getMessage().isprintable()


def test_a_resolver_is_asked_first(Policy: Any, door: Any) -> None:
    from corsfast.middleware.resolver import OriginResolver

    resolver = OriginResolver(lambda origin: origin == OTHER, vary=("Origin", "X-Tenant"))
    ask = door.around(Policy(allow_origins=[APP]), cross_site="refuse", resolver=resolver)
    for _ in range(2):
        assert ask("POST", origin=OTHER, sec_fetch_site="cross-site").origin == OTHER
        reply = ask("POST", origin="https://evil.example", sec_fetch_site="cross-site")
        assert (reply.status, reply.vary) == (403, "Origin, X-Tenant, Sec-Fetch-Site")
        assert ask("POST", sec_fetch_site="cross-site").status == 403


def test_a_path_may_be_exempt(Policy: Any, door: Any) -> None:
    rules = {"/*": Policy(allow_origins=[APP]), "/hooks/*": None}
    ask = door.around(paths=rules, cross_site="refuse")
    for headers in ({"sec_fetch_site": "cross-site"}, {"origin": OTHER, "host": "api.example"}):
        assert ask("POST", "/hooks/x", **headers).reached
        for path in ("/x", "/hooks/../x", "/x/../hooks/x", "/hooks/%2e%2e/x", "/Hooks/x"):
            assert ask("POST", path, **headers).status == 403


def test_a_swapped_policy_decides(Policy: Any, door: Any) -> None:
    holder = corsfast.PolicyHolder(Policy(allow_origins=[APP]))
    ask = door.around(holder, cross_site="refuse")
    assert ask("POST", origin=OTHER, sec_fetch_site="cross-site").status == 403
    holder.policy = Policy(allow_origins=[OTHER])
    assert ask("POST", origin=OTHER, sec_fetch_site="cross-site").origin == OTHER
    assert ask("POST", sec_fetch_site="cross-site").status == 403


@pytest.mark.parametrize("wrong", ["yes", "", "refuse-all", 1, None, True, ["refuse"], b"refuse"])
def test_a_wrong_word_is_an_error(Policy: Any, door: Any, wrong: Any) -> None:
    with pytest.raises(corsfast.PolicyError) as caught:
        door.around(Policy(allow_origins=[APP]), cross_site=wrong)
    (problem,) = caught.value.problems
    assert (problem.code, problem.option) == ("choice", "cross_site")
    assert problem.hint == ("'refuse'" if wrong else "'allow'")
    assert "'refuse_all'" in problem.message


def test_the_former_name_is_an_error_with_advice(Policy: Any, door: Any) -> None:
    for given in ({"policy": Policy(allow_origins=[APP])}, {"allow_origins": [APP]}):
        with pytest.raises(TypeError, match="write cross_site='refuse'"):
            door.around(**given, block_refused=True)
    with pytest.raises(TypeError, match="an argument of the middleware"):
        Policy(allow_origins=[APP], cross_site="refuse")


@pytest.mark.parametrize("case", rows("cross-site.jsonl"), ids=case_id)
def test_the_corpus(Policy: Any, door: Any, case: Any) -> None:
    policy = Policy(allow_origins=tuple(case["allow_origins"]))
    paths = {"/*": policy} | dict.fromkeys(case.get("exempt", ()))
    middleware = door.CORSMiddleware(door.application([]), paths=paths, cross_site="refuse")
    headers = tuple((name, value) for name, value in case["headers"])
    request = Request(case["method"], headers, case["path"])
    is_asgi = door.name == "asgi"
    given = scope_of(request, reached=[]) if is_asgi else environ_of(request) | {"reached": []}
    reply: Any = door.ask(middleware, given)
    reply = reply if isinstance(reply, Answer) else asyncio.run(reply)
    assert (reply.status, reply.reached) == ((403, False) if case["forged"] else (200, True))
