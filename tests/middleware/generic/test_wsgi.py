"""The WSGI middleware, in process: its responses, the headers it adds, and what it does not change.

The applications are plain, and everything also passes through the standard library's protocol
checker. test_servers.py starts gunicorn. Decisions of the policy itself are tested elsewhere.
"""

from __future__ import annotations

import sys
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

import corsfast
from corsfast.middleware.wsgi import CORSMiddleware

APP = "https://app.example.com"
OTHER = "https://other.example"
OPTIONS: dict[str, Any] = {
    "allow_origins": [APP],
    "allow_methods": ["PUT"],
    "expose_headers": ["X-Total"],
    "allow_credentials": True,
}
ALLOWED = {
    "access-control-allow-origin": APP,
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": "X-Total",
    "vary": "Origin",
}
REFUSED = {"vary": "Origin"}


def environ(method: str = "GET", **headers: str) -> dict[str, Any]:
    fields: dict[str, Any] = {f"HTTP_{k.upper()}": v for k, v in headers.items()}
    fields |= {"REQUEST_METHOD": method, "QUERY_STRING": ""}
    setup_testing_defaults(fields)
    return fields


def preflight(origin: str = APP, method: str = "PUT") -> dict[str, Any]:
    return environ("OPTIONS", origin=origin, access_control_request_method=method)


class Server:
    """A server's side of a call, which records the arguments of start_response."""

    def __init__(self) -> None:
        self.starts: list[tuple[Any, ...]] = []
        self.written: list[bytes] = []

    def start_response(self, *args: Any) -> Any:
        self.starts.append(args)
        return self.written.append

    def call(self, app: Any, fields: dict[str, Any]) -> bytes:
        iterable = app(fields, self.start_response)
        try:
            return b"".join(iterable)
        finally:
            if hasattr(iterable, "close"):
                iterable.close()

    @property
    def status(self) -> str:
        return str(self.starts[-1][0])

    @property
    def headers(self) -> list[tuple[str, str]]:
        return list(self.starts[-1][1])

    @property
    def cors(self) -> dict[str, str]:
        """Return the fields that a policy may have written; fail if one of them is repeated."""
        names = [name.lower() for name, _ in self.headers]
        fields = {
            name.lower(): value
            for name, value in self.headers
            if name.lower().startswith("access-control-") or name.lower() == "vary"
        }
        assert all(names.count(name) == 1 for name in fields), self.headers
        return fields


class Plain:
    """An application with one response, which records its calls."""

    def __init__(self, status: str = "200 OK", headers: Any = (), body: Any = (b"hello",)) -> None:
        self.status, self.headers, self.body = status, headers, body
        self.calls: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.calls.append(environ)
        start_response(self.status, self.headers)
        return self.body


@pytest.fixture
def server() -> Server:
    return Server()


# -- construction ----------------------------------------------------------------------------


def test_takes_a_policy(Policy: Any) -> None:
    policy = Policy(**OPTIONS)
    assert CORSMiddleware(Plain(), policy).policy is policy
    assert CORSMiddleware(Plain(), policy=policy).policy is policy


def test_takes_options() -> None:
    assert CORSMiddleware(Plain(), **OPTIONS).policy == corsfast.Policy(**OPTIONS)


def test_policy_is_read_only(Policy: Any) -> None:
    middleware = CORSMiddleware(Plain(), Policy(**OPTIONS))
    with pytest.raises(AttributeError):
        middleware.policy = Policy(allow_origins="*")  # type: ignore[misc]


def test_a_policy_or_its_options_are_required(Policy: Any) -> None:
    with pytest.raises(TypeError, match=r"not both; write max_age into corsfast\.Policy"):
        CORSMiddleware(Plain(), Policy(**OPTIONS), max_age=5)
    with pytest.raises(TypeError, match=r"write CORSMiddleware\(app, policy\) or"):
        CORSMiddleware(Plain())
    with pytest.raises(TypeError, match=r"must be a corsfast\.Policy, .* not list"):
        CORSMiddleware(Plain(), [APP])  # type: ignore[arg-type]


# -- preflights ------------------------------------------------------------------------------


def test_answers_a_preflight_itself(Policy: Any, server: Server) -> None:
    policy, app = Policy(**OPTIONS), Plain()
    fields = preflight()
    assert server.call(CORSMiddleware(app, policy), fields) == b""
    assert server.starts == [("204 No Content", list(policy.wsgi(fields).headers))]
    assert app.calls == []


@pytest.mark.parametrize("status", [200, 201, 299])
def test_only_204_has_no_content_length(Policy: Any, server: Server, status: int) -> None:
    policy = Policy(**OPTIONS, preflight_status=status)
    assert server.call(CORSMiddleware(Plain(), policy), preflight()) == b""
    assert server.status == f"{status} OK"
    assert server.headers[-1] == ("Content-Length", "0")


@pytest.mark.parametrize("fields", [preflight(origin=OTHER), preflight(method="D LETE")])
def test_refuses_a_preflight(Policy: Any, server: Server, fields: dict[str, Any]) -> None:
    app = Plain()
    assert server.call(CORSMiddleware(app, Policy(**OPTIONS)), fields) == b""
    assert server.status == "403 Forbidden"
    assert ("Content-Length", "0") in server.headers
    assert list(server.cors) == ["vary"]
    assert app.calls == []


def test_shows_an_allowed_origin_what_is_allowed(Policy: Any, server: Server) -> None:
    app = CORSMiddleware(Plain(), Policy(**OPTIONS, preflight_status=200))
    assert server.call(app, preflight(method="DELETE")) == b""
    assert (server.status, server.headers[-1]) == ("200 OK", ("Content-Length", "0"))
    assert server.cors["access-control-allow-origin"] == APP
    assert server.cors["access-control-allow-methods"] == "PUT"


def test_callers_may_change_a_preflights_headers(Policy: Any, server: Server) -> None:
    app = CORSMiddleware(Plain(), Policy(**OPTIONS))
    server.call(app, preflight())
    expected = server.headers
    server.starts[-1][1].append(("X-Server", "added"))
    server.call(app, preflight())
    assert server.headers == expected


@pytest.mark.parametrize(
    "fields",
    [
        environ("OPTIONS"),
        environ("OPTIONS", origin=APP),
        environ("OPTIONS", access_control_request_method="PUT"),
        environ("PUT", origin=APP, access_control_request_method="PUT"),
    ],
)
def test_other_options_requests_reach_the_application(
    Policy: Any, server: Server, fields: dict[str, Any]
) -> None:
    app = Plain("418 I'm a teapot")
    server.call(CORSMiddleware(app, Policy(**OPTIONS)), fields)
    assert server.status == "418 I'm a teapot"
    assert app.calls == [fields]


# -- all other requests ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expected"),
    [(environ(), REFUSED), (environ(origin=APP), ALLOWED), (environ(origin=OTHER), REFUSED)],
    ids=["plain", "allowed", "refused"],
)
def test_passes_on_and_adds(
    Policy: Any, server: Server, fields: dict[str, Any], expected: dict[str, str]
) -> None:
    app, before = Plain(headers=[("X-Own", "1")]), dict(fields)
    assert server.call(CORSMiddleware(app, Policy(**OPTIONS)), fields) == b"hello"
    assert server.cors == expected
    assert server.headers[0] == ("X-Own", "1")
    assert app.calls[0] is fields
    assert fields == before


@pytest.mark.parametrize(
    "status", ["304 Not Modified", "404 Not Found", "500 Internal Server Error"]
)
def test_every_status_gets_them(Policy: Any, server: Server, status: str) -> None:
    server.call(CORSMiddleware(Plain(status), Policy(**OPTIONS)), environ(origin=APP))
    assert (server.status, server.cors) == (status, ALLOWED)


def test_changes_no_list_and_collects_nothing(Policy: Any, server: Server) -> None:
    headers = [("Vary", "Accept"), ("Access-Control-Allow-Origin", "https://own.example")]
    before = list(headers)
    app = CORSMiddleware(Plain(headers=headers), Policy(**OPTIONS))
    for _ in range(3):
        server.call(app, environ(origin=APP))
    assert headers == before
    assert server.cors == {**ALLOWED, "vary": "Accept, Origin"}
    assert server.starts[0] == server.starts[2]


def test_keeps_the_applications_own_where_asked(Policy: Any, server: Server) -> None:
    headers = [("Access-Control-Allow-Origin", "https://own.example")]
    policy = Policy(**OPTIONS, existing="keep")
    server.call(CORSMiddleware(Plain(headers=headers), policy), environ(origin=APP))
    assert server.cors["access-control-allow-origin"] == "https://own.example"


def test_the_applications_iterable_is_the_servers(Policy: Any, server: Server) -> None:
    class Body(list[bytes]):
        closed = 0

        def close(self) -> None:
            self.closed += 1

    body = Body([b"one ", b"two"])
    app = CORSMiddleware(Plain(body=body), Policy(**OPTIONS))
    assert app(environ(origin=APP), server.start_response) is body
    assert body.closed == 0


def test_starting_late_as_generators_do(Policy: Any, server: Server) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        yield b"one "
        yield b"two"

    wrapped = CORSMiddleware(app, Policy(**OPTIONS))
    assert server.call(wrapped, environ(origin=APP)) == b"one two"
    assert server.cors == ALLOWED


def test_the_servers_write_is_the_applications(Policy: Any, server: Server) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])(b"written")
        return []

    server.call(CORSMiddleware(app, Policy(**OPTIONS)), environ())
    assert server.written == [b"written"]


@pytest.mark.parametrize("by_name", [False, True])
def test_exc_info_reaches_the_server(Policy: Any, server: Server, by_name: bool) -> None:
    given = []

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("X-Half", "done")])
        try:
            raise RuntimeError("bug")
        except RuntimeError:
            given.append(sys.exc_info())
        status = "500 Internal Server Error"
        if by_name:
            start_response(status, [], exc_info=given[0])
        else:
            start_response(status, [], given[0])
        return [b"sorry"]

    assert server.call(CORSMiddleware(app, Policy(**OPTIONS)), environ(origin=APP)) == b"sorry"
    first, second = server.starts
    assert len(first) == 2
    assert second[2] is given[0]
    assert (server.status, server.cors) == ("500 Internal Server Error", ALLOWED)


@pytest.mark.parametrize("fields", [environ(origin=APP), environ(origin=OTHER), preflight()])
def test_keeps_to_the_protocol(Policy: Any, server: Server, fields: dict[str, Any]) -> None:
    inner = validator(Plain(headers=[("Content-Type", "text/plain")], body=[b"hello"]))
    server.call(validator(CORSMiddleware(inner, Policy(**OPTIONS))), fields)
    assert "vary" in server.cors


# -- cost ------------------------------------------------------------------------------------


class Spy:
    """A policy that counts its calls. (The real one is final and immutable.)"""

    apply_asgi = None  # identifies a policy

    def __init__(self, policy: Any) -> None:
        self._policy = policy
        self.calls: list[str] = []

    def wsgi(self, environ: Any) -> Any:
        self.calls.append("wsgi")
        return self._policy.wsgi(environ)

    def apply_wsgi(self, decision: Any, headers: Any) -> Any:
        self.calls.append("apply_wsgi")
        return self._policy.apply_wsgi(decision, headers)


@pytest.mark.parametrize(
    ("fields", "calls"),
    [
        (environ(), ["wsgi", "apply_wsgi"]),
        (environ(origin=APP), ["wsgi", "apply_wsgi"]),
        (preflight(), ["wsgi"]),
    ],
    ids=["plain", "allowed", "preflight"],
)
def test_asks_the_policy_once(
    Policy: Any, server: Server, fields: dict[str, Any], calls: list[str]
) -> None:
    spy = Spy(Policy(**OPTIONS))
    server.call(CORSMiddleware(Plain(), spy), fields)  # type: ignore[arg-type]
    assert spy.calls == calls


# -- hostile and wrong input -----------------------------------------------------------------


@pytest.mark.parametrize("origin", [f"{APP},{APP}", f"{APP}\r\nX-Evil: 1", APP + "/", ""])
def test_hostile_origins_get_nothing(Policy: Any, server: Server, origin: str) -> None:
    server.call(CORSMiddleware(Plain(), Policy(**OPTIONS)), environ(origin=origin))
    assert server.cors == REFUSED


@pytest.mark.parametrize(
    "fields", [[], None, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": 5}], ids=repr
)
def test_a_wrong_environ_fails_as_in_a_policy(Policy: Any, server: Server, fields: Any) -> None:
    policy = Policy(**OPTIONS)
    with pytest.raises((TypeError, KeyError)) as expected:
        policy.wsgi(fields)
    with pytest.raises((TypeError, KeyError)) as got:
        CORSMiddleware(Plain(), policy)(fields, server.start_response)
    assert (got.type, str(got.value)) == (expected.type, str(expected.value))
