"""Drop-in middlewares in real applications under uvicorn, over a socket, once per engine."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator
from typing import Any

import pytest
from support.servers import APP, OTHER, Server, ask, preflight, put

pytestmark = pytest.mark.server

# Each drop-in's answer to an allowed preflight, and to a rejected one.
ANSWERS = {
    "litestar": ((204, b""), (400, b"Disallowed CORS method")),
    "starlette": ((200, b"OK"), (400, b"Disallowed CORS method")),
}
VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


@pytest.fixture(scope="module", params=ANSWERS)
def served(
    request: pytest.FixtureRequest, engine: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Server]]:
    log = tmp_path_factory.mktemp("drop-ins") / "log"
    command = f"-m uvicorn --port {{port}} --log-level warning support.apps.{request.param}:app"
    with Server(command, engine.IMPLEMENTATION, log) as server:
        yield request.param, server


def test_the_wanted_engine_is_at_work(served: tuple[str, Server], engine: Any) -> None:
    assert ask(served[1].port, "GET", "/").body.decode() == engine.IMPLEMENTATION


def test_exchanges(served: tuple[str, Server]) -> None:
    name, server = served
    allowed, refused = ANSWERS[name]
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port)) as it:
        # Each further request proves that the response before it was complete.
        answer = put(it, "OPTIONS", "/", *preflight("x-token"))
        assert (answer.status, answer.body) == allowed
        assert answer.cors["access-control-allow-origin"] == APP
        assert answer.cors["access-control-allow-credentials"] == "true"
        assert answer.cors["access-control-allow-methods"] == "PUT"
        assert "x-token" in answer.cors["access-control-allow-headers"].lower()
        assert answer.cors["access-control-max-age"] == "600"
        assert answer.cors["vary"].startswith(VARY)
        answer = put(it, "OPTIONS", "/", *preflight("x-token", method="DELETE"))
        assert (answer.status, answer.body) == refused
        answer = put(it, "OPTIONS", "/", *preflight("x-token", origin=OTHER))
        assert (answer.status, list(answer.cors)) == (400, ["vary"])
        answer = put(it, "GET", "/", ("Origin", APP))
        assert (answer.status, answer.cors["access-control-allow-origin"]) == (200, APP)
        assert answer.cors["vary"] == "Accept, Origin"
        answer = put(it, "GET", "/", ("Origin", OTHER))
        assert (answer.status, answer.cors) == (200, {"vary": "Accept, Origin"})


def test_errors_carry_them_too(served: tuple[str, Server]) -> None:
    for path, status in (("/nowhere", 404), ("/broken", 500)):
        answer = ask(served[1].port, "GET", path, ("Origin", APP))
        assert (answer.status, answer.cors["access-control-allow-origin"]) == (status, APP)


def test_hostile_requests_are_answered(served: tuple[str, Server]) -> None:
    port = served[1].port
    for lines in (
        preflight("," * 60_000),
        preflight("x-token," + " " * 60_000 + ",x-token"),
        preflight(*["x-token"] * 2000),
        preflight(origin="https://" + "a" * 8192),
        [*preflight("x-token"), ("Origin", OTHER)],
    ):
        answer = ask(port, "OPTIONS", "/", *lines)
        assert answer.status == 400
        assert ask(port, "GET", "/").status == 200
