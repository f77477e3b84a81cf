"""`block_refused`: rejected origins do not reach the application; the site's own requests do."""

from __future__ import annotations

from typing import Any

import pytest
from support.client import preflight_of

import corsfast

APP = "https://app.example.com"
OTHER = "https://other.example"


@pytest.fixture
def ask(Policy: Any, door: Any) -> Any:
    return door.around(Policy(allow_origins=[APP]), block_refused=True)


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": OTHER},
        {"origin": OTHER, "host": "api.example"},
        {"origin": "null", "host": "api.example"},
        {"origin": "garbage", "host": "api.example"},
        {"origin": "", "host": ""},
        {"origin": "https://api.example:8443", "host": "api.example"},
        {"origin": "https://api.example", "host": "api.example:8443"},
        {
            "origin": "https://other.example",
            "host": "api.example",
            "x_forwarded_host": "other.example",
        },
        {"origin": f"{APP},{APP}", "host": "app.example.com"},
    ],
)
def test_other_origins_are_blocked(ask: Any, method: str, headers: dict[str, str]) -> None:
    reply = ask(method, "/", **headers)
    assert (reply.status, reply.reached, reply.body) == (403, False, b"")
    assert reply.headers == {"vary": ["Origin"], "content-length": ["0"]}


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "api.example"},
        {"origin": APP},
        {"origin": "https://api.example", "host": "api.example"},
        {"origin": "https://api.example", "host": "api.example:443"},
        # A proxy terminates TLS and forwards plain HTTP.
        {"origin": "https://api.example", "host": "api.example:80"},
        {"origin": "http://api.example", "host": "api.example:80"},
        {"origin": "http://localhost:8000", "host": "localhost:8000"},
        {"origin": "http://[::1]", "host": "[::1]"},
        {"origin": "https://api.example", "host": "API.Example"},
    ],
)
def test_the_sites_own_and_the_allowed_are_not(
    ask: Any, method: str, headers: dict[str, str]
) -> None:
    reply = ask(method, "/", **headers)
    assert (reply.status, reply.reached) == (200, True)
    assert reply.origin == (APP if headers.get("origin") == APP else None)
    assert reply.vary == "Origin"


def test_preflights_are_answered_as_ever(ask: Any) -> None:
    assert ask("OPTIONS", **preflight_of(APP)).status == 204
    for origin, host in ((OTHER, "api.example"), ("https://api.example", "api.example")):
        assert ask("OPTIONS", **preflight_of(origin), host=host).status == 403


def test_it_is_off_by_default(Policy: Any, door: Any) -> None:
    assert door.around(Policy(allow_origins=[APP]))("POST", "/", origin=OTHER).reached
    assert door.around(Policy(allow_origins=[APP]), block_refused=False)(
        "POST", "/", origin=OTHER
    ).reached


def test_any_origin_gets_a_star(Policy: Any, door: Any) -> None:
    ask = door.around(Policy(allow_origins="*"), block_refused=True)
    assert ask("POST", "/", origin="garbage").reached


@pytest.mark.parametrize("wrong", ["yes", 1, None, [True]])
def test_only_a_bool_will_do(Policy: Any, door: Any, wrong: Any) -> None:
    with pytest.raises(corsfast.PolicyError) as caught:
        door.around(Policy(allow_origins=[APP]), block_refused=wrong)
    (problem,) = caught.value.problems
    assert (problem.code, problem.option) == ("type", "block_refused")
    assert problem.hint in ("True", "False", "True or False")
