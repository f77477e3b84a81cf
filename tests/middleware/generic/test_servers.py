"""The main features on real servers: uvicorn, hypercorn, granian, gunicorn, middleware outermost.

Each server is a process of its own, once per engine, and is called over a socket. The applications
are in support/apps/generic.py.
"""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator
from typing import Any

import pytest
from support.servers import APP, OTHER, PREVIEW, Server, ask, preflight, put

pytestmark = pytest.mark.server

# Each is started as its users start it. The command does not name the application's protocol if the
# server can detect it.
UVICORN = "-m uvicorn --port {port} --log-level warning"
COMMANDS = {
    "uvicorn": f"{UVICORN} support.apps.generic:asgi",
    "uvicorn-h11": f"{UVICORN} --http h11 support.apps.generic:asgi",
    "hypercorn": "-m hypercorn --bind 127.0.0.1:{port} support.apps.generic:asgi",
    "granian": "-m granian --interface asgi --port {port} --workers 1 support.apps.generic:asgi",
    "gunicorn": "-m gunicorn --bind 127.0.0.1:{port} support.apps.generic:wsgi",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Yield a function that starts a server on first use; stop all servers at the end."""
    servers: dict[tuple[str, str], Server] = {}
    failures: dict[tuple[str, str], AssertionError] = {}
    logs = tmp_path_factory.mktemp("servers")

    def start(name: str, implementation: str) -> Server:
        key = name, implementation
        if key in failures:
            raise failures[key]
        if key not in servers:
            log = logs / f"{name}-{implementation}.log"
            server = Server(COMMANDS[name], implementation, log)
            try:
                server.wait_until_ready()
            except AssertionError as error:
                failures[key] = error
                raise
            servers[key] = server
        return servers[key]

    yield start
    for server in servers.values():
        server.stop()


@pytest.fixture(params=COMMANDS)
def port(request: pytest.FixtureRequest, engine: Any, running: Any) -> int:
    return int(running(request.param, engine.IMPLEMENTATION).port)


ALLOWED = {
    "access-control-allow-origin": APP,
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": "X-Total",
    "vary": "Origin",
}
REFUSED = {"vary": "Origin"}
MERGED = {"vary": "Accept, Origin"}


def test_the_wanted_engine_is_at_work(port: int, engine: Any) -> None:
    answer = ask(port, "GET", "/implementation")
    assert answer.body.decode() == f"{engine.IMPLEMENTATION} {engine.__name__}"


def test_plain(port: int) -> None:
    answer = ask(port, "GET", "/")
    assert (answer.status, answer.body, answer.cors) == (200, b"hello", MERGED)


@pytest.mark.parametrize("origin", [APP, PREVIEW])
def test_allowed(port: int, origin: str) -> None:
    for _ in range(3):  # headers must not accumulate
        answer = ask(port, "GET", "/", ("Origin", origin))
        assert (answer.status, answer.body) == (200, b"hello")
        assert answer.cors == {**ALLOWED, **MERGED, "access-control-allow-origin": origin}


@pytest.mark.parametrize("origin", [OTHER, "null", APP + ".evil.example", APP + "/"])
def test_refused(port: int, origin: str) -> None:
    answer = ask(port, "GET", "/", ("Origin", origin))
    assert (answer.status, answer.body, answer.cors) == (200, b"hello", MERGED)


def test_preflight(port: int) -> None:
    # The second request proves that the first response was complete.
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as it:
        answer = put(it, "OPTIONS", "/", *preflight("x-token"))
        assert (answer.status, answer.body) == (204, b"")
        assert answer.all("content-length") == []
        assert answer.all("transfer-encoding") == []
        assert answer.cors == {
            "access-control-allow-origin": APP,
            "access-control-allow-credentials": "true",
            "access-control-allow-methods": "PUT",
            "access-control-allow-headers": (
                "X-Token, X-Trace, Accept, Accept-Language, Content-Language, Content-Type, Range"
            ),
            "access-control-max-age": "600",
            "vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
        }
        answer = put(it, "PUT", "/", ("Origin", APP), ("X-Token", "1"), ("Content-Length", "0"))
        assert (answer.status, answer.body) == (200, b"hello")


@pytest.mark.parametrize(
    "lines",
    [
        preflight(origin=OTHER),
        preflight("x-token" + "," * 7000),
    ],
    ids=["origin", "commas"],
)
def test_refused_preflight(port: int, lines: list[tuple[str, str]]) -> None:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as it:
        answer = put(it, "OPTIONS", "/", *lines)
        assert (answer.status, answer.body) == (403, b"")
        assert answer.all("content-length") == ["0"]
        assert answer.all("transfer-encoding") == []
        assert list(answer.cors) == ["vary"]
        assert put(it, "GET", "/").body == b"hello"


@pytest.mark.parametrize(
    "lines", [preflight(method="DELETE"), preflight("x-unknown")], ids=["method", "header"]
)
def test_preflight_that_asks_for_too_much(port: int, lines: list[tuple[str, str]]) -> None:
    answer, other = ask(port, "OPTIONS", "/", *lines), ask(port, "OPTIONS", "/", *preflight())
    for it in (answer, other):
        it.headers.pop("date", None)  # a second may begin between the two
    assert answer == other
    assert (answer.status, answer.body, answer.origin) == (204, b"", APP)


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/nowhere", 404, b"Not Found"),
        ("/broken", 500, b"Internal Server Error"),
        ("/unmodified", 304, b""),
        ("/stream", 200, b"one two three"),
    ],
)
def test_every_answer_has_them(port: int, path: str, status: int, body: bytes) -> None:
    for _ in range(2):
        answer = ask(port, "GET", path, ("Origin", APP))
        assert (answer.status, answer.body, answer.cors) == (status, body, ALLOWED)
    answer = ask(port, "GET", path, ("Origin", OTHER))
    assert (answer.status, answer.body, answer.cors) == (status, body, REFUSED)


@pytest.mark.parametrize("second", [APP, OTHER])
def test_two_origin_lines_are_no_origin(port: int, second: str) -> None:
    answer = ask(port, "GET", "/", ("Origin", APP), ("Origin", second))
    assert (answer.status, answer.cors) == (200, MERGED)
    answer = ask(port, "OPTIONS", "/", *preflight(), ("Origin", second))
    assert (answer.status, list(answer.cors)) == (403, ["vary"])


def test_split_request_headers_are_one_list(port: int) -> None:
    assert ask(port, "OPTIONS", "/", *preflight("x-token", "x-trace")).status == 204
    assert ask(port, "OPTIONS", "/", *preflight("x-token", "x-bad name")).status == 403
    assert ask(port, "OPTIONS", "/", *preflight("x-bad name", "x-token")).status == 403


# -- WebSocket -------------------------------------------------------------------------------

WEBSOCKET_SERVERS = ["uvicorn", "hypercorn", "granian"]


@pytest.mark.parametrize("name", WEBSOCKET_SERVERS)
def test_an_accepted_handshake_works(name: str, engine: Any, running: Any) -> None:
    from websockets.sync.client import connect

    port = running(name, engine.IMPLEMENTATION).port
    with connect(f"ws://127.0.0.1:{port}/echo", additional_headers={"Origin": APP}) as it:
        it.send("hello")
        assert it.recv(timeout=30) == "hello"
        assert it.response is not None
        assert "access-control-allow-origin" not in it.response.headers


@pytest.mark.parametrize("name", WEBSOCKET_SERVERS)
def test_a_refused_handshake_has_them(name: str, engine: Any, running: Any) -> None:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    port = running(name, engine.IMPLEMENTATION).port
    with pytest.raises(InvalidStatus) as caught:
        connect(f"ws://127.0.0.1:{port}/deny", additional_headers={"Origin": APP})
    response = caught.value.response
    assert response.status_code == 401
    assert response.headers.get_all("access-control-allow-origin") == [APP]
    assert response.headers.get_all("vary") == ["Origin"]


@pytest.mark.parametrize("path", ["/echo", "/deny"])
@pytest.mark.parametrize("origin", [OTHER, "null", "https://app.example.com.evil.example"])
@pytest.mark.parametrize("name", WEBSOCKET_SERVERS)
def test_a_handshake_of_another_origin_is_refused(
    name: str, engine: Any, running: Any, origin: str, path: str
) -> None:
    """The application never sees it. It would accept one path and answer 401 to the other."""
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    port = running(name, engine.IMPLEMENTATION).port
    with pytest.raises(InvalidStatus) as caught:
        connect(f"ws://127.0.0.1:{port}{path}", additional_headers={"Origin": origin})
    response = caught.value.response
    assert response.status_code == 403
    assert response.headers.get_all("access-control-allow-origin") == []


@pytest.mark.parametrize("with_origin", [True, False])
@pytest.mark.parametrize("name", WEBSOCKET_SERVERS)
def test_own_handshakes_pass(name: str, engine: Any, running: Any, with_origin: bool) -> None:
    """These are handshakes of the server's own pages, and of clients that are not browsers."""
    from websockets.sync.client import connect

    port = running(name, engine.IMPLEMENTATION).port
    headers = {"Origin": f"http://127.0.0.1:{port}"} if with_origin else {}
    with connect(f"ws://127.0.0.1:{port}/echo", additional_headers=headers) as it:
        it.send("hello")
        assert it.recv(timeout=30) == "hello"
