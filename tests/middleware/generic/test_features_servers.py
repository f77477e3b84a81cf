"""Policies by path, handshakes and look-ups on real servers, because servers decide the path.

http.client sends a path exactly as it is written here, dots included.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from support.servers import Server, ask

pytestmark = pytest.mark.server

APP = "https://app.example.com"
STRICT = "https://strict.example"
TENANT = "https://tenant.example"
UVICORN = "-m uvicorn --port {port} --log-level warning support.apps.generic:asgi_features"
COMMANDS = {
    "uvicorn": UVICORN,
    "uvicorn-h11": f"{UVICORN} --http h11",
    "hypercorn": "-m hypercorn --bind 127.0.0.1:{port} support.apps.generic:asgi_features",
    "granian": "-m granian --interface asgi --port {port} support.apps.generic:asgi_features",
    "gunicorn": "-m gunicorn --bind 127.0.0.1:{port} support.apps.generic:wsgi_features",
}
ASGI = [name for name in COMMANDS if name != "gunicorn"]
PREFLIGHT = ("Access-Control-Request-Method", "GET")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    servers: dict[tuple[str, str], Server] = {}
    logs = tmp_path_factory.mktemp("servers")

    def start(name: str, implementation: str) -> int:
        key = name, implementation
        if key not in servers:
            server = Server(COMMANDS[name], implementation, logs / f"{name}-{implementation}.log")
            server.wait_until_ready()
            servers[key] = server
        return servers[key].port

    yield start
    for server in servers.values():
        server.stop()


@pytest.fixture(params=COMMANDS)
def port(request: pytest.FixtureRequest, engine: Any, running: Any) -> int:
    return int(running(request.param, engine.IMPLEMENTATION))


@pytest.mark.parametrize(
    ("path", "origin", "expected"),
    [
        ("/api", STRICT, STRICT),
        ("/api/x?y=/public/", STRICT, STRICT),
        ("/public/x", APP, "*"),
        ("/public/a%20b+c", APP, "*"),
        ("/public/a%2Fb", APP, "*"),
        ("/caf%C3%A9", APP, APP),
        ("/caf%c3%a9/", APP, APP),
    ],
)
def test_each_path_has_its_policy(port: int, path: str, origin: str, expected: str) -> None:
    answer = ask(port, "GET", path, ("Origin", origin))
    assert answer.status == 200
    assert answer.cors["access-control-allow-origin"] == expected
    assert ask(port, "OPTIONS", path, ("Origin", origin), PREFLIGHT).status == 204


@pytest.mark.parametrize("path", ["/", "/x", "/apix", "/cafe"])
def test_a_path_without_a_rule_is_left_alone(port: int, path: str) -> None:
    answer = ask(port, "GET", path, ("Origin", APP))
    assert (answer.status, answer.cors) == (200, {})
    # The application's own answer to OPTIONS.
    assert ask(port, "OPTIONS", path, ("Origin", APP), PREFLIGHT).status in (200, 405)


@pytest.mark.parametrize(
    "path",
    [
        "/public/../api/x",
        "/public/%2e%2e/api/x",
        "/public/.%2E/api/x",
        "/public/%252e%252e/api/x",
        "/public/..%2fapi/x",
        "/public/..%5capi/x",
        "/Public/x",
        "/PUBLIC/x",
        "//public/x",
        "/public%252Fx",
    ],
)
def test_no_spelling_gets_a_looser_policy(port: int, path: str) -> None:
    """The server may reject or normalize the path. Otherwise the strict policy applies."""
    for method, lines in (("GET", ()), ("OPTIONS", (PREFLIGHT,))):
        answer = ask(port, method, path, ("Origin", APP), *lines)
        assert answer.status in (400, 403, 404)
        assert set(answer.cors) <= {"vary"}


def test_a_rule_blocks_other_origins(port: int) -> None:
    host = f"http://127.0.0.1:{port}"
    assert ask(port, "PUT", "/api/x", ("Origin", APP)).status == 403
    for origin in (STRICT, host, host.replace("http:", "https:")):
        assert ask(port, "PUT", "/api/x", ("Origin", origin)).status == 200
    assert ask(port, "PUT", "/api/x").status == 200
    assert ask(port, "PUT", "/other", ("Origin", APP)).status == 200


@pytest.mark.parametrize("name", ASGI)
def test_a_mounted_application_has_its_own_paths(name: str, engine: Any, running: Any) -> None:
    port = running(name, engine.IMPLEMENTATION)
    answer = ask(port, "GET", "/v1/api/x", ("Origin", STRICT))
    assert answer.cors["access-control-allow-credentials"] == "true"
    for _ in range(2):
        answer = ask(port, "GET", "/v1/x", ("Origin", TENANT))
        assert answer.cors == {"access-control-allow-origin": TENANT, "vary": "Origin"}
        assert ask(port, "GET", "/v1/x", ("Origin", APP)).cors == {"vary": "Origin"}
    assert ask(port, "OPTIONS", "/v1/x", ("Origin", TENANT), PREFLIGHT).status == 204


@pytest.mark.parametrize("name", ASGI)
@pytest.mark.parametrize(
    ("path", "origin", "accepted"),
    [
        ("/api/echo", STRICT, True),
        ("/api/echo", APP, False),
        ("/free/echo", APP, True),
        ("/v1/api/echo", TENANT, True),
        ("/v1/api/echo", APP, False),
        ("/%61pi/echo", APP, False),
        ("//api/echo", APP, False),
    ],
)
def test_handshakes_by_path(
    name: str, engine: Any, running: Any, path: str, origin: str, accepted: bool
) -> None:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    port = running(name, engine.IMPLEMENTATION)

    def shake() -> Any:
        return connect(f"ws://127.0.0.1:{port}{path}", additional_headers={"Origin": origin})

    if accepted:
        with shake() as it:
            it.send("hello")
            assert it.recv(timeout=30) == "hello"
    else:
        with pytest.raises(InvalidStatus) as caught:
            shake()
        assert caught.value.response.status_code == 403


def test_forged_requests_are_refused(port: int) -> None:
    own = f"http://127.0.0.1:{port}"
    for lines, status in (
        ([], 200),
        ([("Origin", STRICT)], 200),
        ([("Origin", own)], 200),
        ([("Sec-Fetch-Site", "same-origin")], 200),
        ([("Origin", APP)], 403),
        ([("Origin", own), ("Sec-Fetch-Site", "cross-site")], 403),
        ([("Sec-Fetch-Site", "cross-site")], 403),
        ([("Sec-Fetch-Site", "")], 403),
        ([("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "same-origin")], 403),
    ):
        assert ask(port, "PUT", "/api/x", *lines).status == status, lines
        assert ask(port, "PUT", "/v1/x", *lines).status == 200


def status_over_http2(port: int, *fields: tuple[str, str]) -> str:
    """Send one PUT over HTTP/2, without TLS, and return the status of its response."""
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.events import ResponseReceived

    connection = H2Connection(H2Configuration(header_encoding="ascii"))
    connection.initiate_connection()
    pseudo = ((":method", "PUT"), (":scheme", "http"), (":path", "/api/x"))
    with socket.create_connection(("127.0.0.1", port), timeout=30) as wire:
        connection.send_headers(1, [*pseudo, (":authority", "api.example"), *fields], True)
        wire.sendall(connection.data_to_send())
        while received := wire.recv(65_536):
            for event in connection.receive_data(received):
                if isinstance(event, ResponseReceived):
                    return str(dict(event.headers)[":status"])
            wire.sendall(connection.data_to_send())
    raise AssertionError("no response")


@pytest.mark.parametrize("name", ["hypercorn", "granian"])
def test_the_authority_of_http2_is_the_host(engine: Any, running: Any, name: str) -> None:
    port = running(name, engine.IMPLEMENTATION)
    assert status_over_http2(port, ("origin", "https://api.example")) == "200"
    assert status_over_http2(port, ("origin", "https://other.example")) == "403"
    assert status_over_http2(port, ("sec-fetch-site", "cross-site")) == "403"
