"""The middleware in a project: signals, hostile requests, subclasses, real servers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.client import Request
from support.drop_ins.django import (
    OTHER,
    REST,
    A,
    allowed,
    async_view,
    call,
    get,
    having,
    ours,
    preflight,
    theirs,
    view,
)

pytestmark = pytest.mark.server


# -- signal ----------------------------------------------------------------------------------


def test_the_signal_has_the_arguments_of_the_original() -> None:
    seen: dict[str, list[dict[str, Any]]] = {"ours": [], "theirs": []}
    todo = [get(origin=A), get(origin=OTHER), get("/api/x", origin=A), preflight(OTHER)]
    for name, library in (("ours", ours()), ("theirs", theirs())):

        def receive(name: str = name, **arguments: Any) -> bool:
            arguments.pop("signal")
            request = arguments.pop("request")
            seen[name].append({**arguments, "path": request.path, "method": request.method})
            return False

        library.check_request_enabled.connect(receive)
        try:
            with having(CORS_ALLOWED_ORIGINS=[A], CORS_URLS_REGEX="^/$"):
                middleware = library.CorsMiddleware(view)
                for request in todo:
                    call(middleware, request)
        finally:
            library.check_request_enabled.disconnect(receive)
    assert seen["ours"] == seen["theirs"] != []


@pytest.mark.parametrize("kind", ["function", "coroutine function"])
def test_receivers_of_both_kinds_in_both_worlds(kind: str) -> None:
    def receive(request: Any, **_: Any) -> bool:
        return bool(request.path == "/asked")

    async def receive_later(request: Any, **_: Any) -> bool:
        return bool(request.path == "/asked")

    receiver = receive if kind == "function" else receive_later
    signal = ours().check_request_enabled
    signal.connect(receiver)
    try:
        for of_view in (view, async_view):
            middleware = ours().CorsMiddleware(of_view)
            for path, expected in (("/asked", [OTHER]), ("/", [])):
                found = call(middleware, get(path, origin=OTHER)).headers
                assert found.get("access-control-allow-origin", []) == expected
            with having(CORS_URLS_REGEX="^/api"):
                assert call(middleware, preflight(OTHER, "/asked")).first("content-length")
                assert "vary" not in call(middleware, get("/")).headers
    finally:
        signal.disconnect(receiver)


def test_a_receiver_cannot_have_anything_echoed() -> None:
    signal = ours().check_request_enabled

    def receive(**_: Any) -> bool:
        return True

    signal.connect(receive)
    try:
        for of_view in (view, async_view):
            middleware = ours().CorsMiddleware(of_view)
            for origin in ("anything", "https://a.example/path", "https://a.example\x00"):
                found = call(middleware, get(origin=origin))
                assert "access-control-allow-origin" not in found.headers
            for origin in (A, "null", "file://", "chrome-extension://abc"):
                assert allowed(middleware, origin)
    finally:
        signal.disconnect(receive)


# -- hostile requests ------------------------------------------------------------------------


HOSTILE = [
    "https://" + "a" * 8192,
    A + "," * 8192,
    " " * 65536,
    "\xff\xfe",
    f"{A}\u2028",
    f"{A}, {A}",
    f"{A}.attacker.net",
    "https://[::1",
    "moz-extension://" + "a" * 8192,
    "moz-extension://../",
]


@pytest.mark.parametrize("origin", HOSTILE, ids=lambda origin: ascii(origin[:24]))
@pytest.mark.parametrize(
    "options",
    [
        {"CORS_ALLOWED_ORIGINS": [A], "CORS_ALLOWED_ORIGIN_REGEXES": [r"moz-extension://.*"]},
        {"CORS_ALLOW_ALL_ORIGINS": True},
        {"CORS_ALLOWED_ORIGIN_REGEXES": [r"https://.*", r"(?!x).*-extension://.*"]},
    ],
    ids=["listed", "all", "regex"],
)
def test_hostile_requests(options: dict[str, Any], origin: str) -> None:
    lists = ("," * 65536, " " * 65536, "\xff", "x-a," * 20000)
    with having(CORS_ALLOW_CREDENTIALS=True, **options):
        middleware = ours().CorsMiddleware(view)
        for names in lists:
            lines = (
                ("origin", origin),
                ("access-control-request-method", "PUT" * 9999),
                ("access-control-request-headers", names),
            )
            for request in (get(origin=origin), Request("OPTIONS", lines)):
                found = call(middleware, request)
                if origin == f"{A}.attacker.net" and "CORS_ALLOWED_ORIGINS" not in options:
                    assert found.first("access-control-allow-origin") == origin
                else:
                    assert [n for n in found.headers if n.startswith("access-control")] == []
                assert found.status == 200
                assert found.first("vary") == "origin"


def test_other_schemes_by_regex() -> None:
    regex = r"^(https|moz-extension)://[0-9a-f-]+(\.a\.example)?$"
    with having(CORS_ALLOWED_ORIGIN_REGEXES=[regex, r"(?=tauri)tauri://localhost"]):
        middleware = ours().CorsMiddleware(view)
        for origin in ("moz-extension://12ab-3", "https://12ab.a.example", "tauri://localhost"):
            assert allowed(middleware, origin)
        for origin in (
            "moz-extension://xyz",
            "chrome-extension://12ab",
            "null",
            "tauri://localhos",
        ):
            assert not allowed(middleware, origin)


# -- in a project ----------------------------------------------------------------------------


def test_the_app_brings_its_checks() -> None:
    # In a process of its own, because an app stays registered forever.
    program = """
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["corsfast.middleware.django"],
    CORS_ALLOWED_ORIGINS=["a.example"],
    CORS_ALLOWED_ORIGIN_REGEXES=[r"https://.*"],
)
import django
django.setup()
from django.apps import apps
from django.core import checks
print(apps.get_app_config("corsfast").verbose_name)
print(*[m.id for m in checks.run_checks(tags=[checks.Tags.security])])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.split() == ["corsfast", "corsheaders.E013", "corsfast.W003"]


def test_settings_modules_may_import_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "project_settings.py").write_text(
        "from corsfast.middleware.django import default_headers\n"
        "from corsfast.middleware.django.defaults import default_methods\n"
        "CORS_ALLOW_HEADERS = [*default_headers, 'x-custom']\n"
        "MIDDLEWARE = ['corsfast.middleware.django.CorsMiddleware']\n"
        "ROOT_URLCONF = 'project_settings'\n"
        "ALLOWED_HOSTS = ['*']\n"
        "CORS_ALLOWED_ORIGINS = ['https://a.example']\n"
        "urlpatterns = []\n"
    )
    program = """
import django
django.setup()
from django.test import Client
found = Client().options("/", headers={"origin": "https://a.example",
                                       "access-control-request-method": "GET"})
print(found["access-control-allow-headers"])
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(tmp_path), "DJANGO_SETTINGS_MODULE": "project_settings"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.strip().endswith("x-requested-with, x-custom")


@pytest.mark.parametrize("kind", [view, async_view])
def test_without_private_attributes_of_django(
    kind: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen in Django 5.2 and 6.0; without them, public methods give the same answers."""
    from django.conf import settings

    from corsfast.middleware.django import _compat

    assert _compat._HAS_STORE
    assert _compat.settings_object() is settings._wrapped
    todo = [
        *([get(), get("/accept"), get(origin="")]),
        *(get(path, origin=A) for path in ("/", "/accept", "/star", "/own", "/api/x", "/a\nb")),
        *(get(path, origin=OTHER) for path in ("/", "/own")),
        Request("OPTIONS", (("origin", A),)),
        preflight(A),
        Request(
            "OPTIONS",
            (*preflight(A).headers, ("access-control-request-private-network", "true")),
        ),
    ]
    every_path = {"CORS_ALLOWED_ORIGINS": [A], "CORS_ALLOW_CREDENTIALS": True}
    middleware = ours().CorsMiddleware(kind)
    for options in (every_path, {"CORS_ALLOW_ALL_ORIGINS": True}, REST[1], REST[2]):
        with having(**{"CORS_ALLOWED_ORIGINS": [A], **options}), monkeypatch.context() as patch:
            private = [call(middleware, request) for request in todo]
            patch.setattr(_compat, "_HAS_STORE", False)
            assert [call(middleware, request) for request in todo] == private


# -- what MIDDLEWARE may name ----------------------------------------------------------------


@pytest.mark.parametrize("kind", [view, async_view])
def test_the_middleware_has_the_attributes_of_the_original(kind: Callable[..., Any]) -> None:
    from asgiref.sync import iscoroutinefunction

    for middleware in (
        theirs().CorsMiddleware(kind),
        ours().CorsMiddleware(kind),
        ours().CorsMiddleware(get_response=kind),
    ):
        assert middleware.get_response is kind
        assert middleware.async_mode is (kind is async_view)
        assert iscoroutinefunction(middleware) is (kind is async_view)


@pytest.mark.parametrize("kind", [view, async_view])
def test_subclasses(kind: Callable[..., Any]) -> None:
    """Their instances are objects, may replace `get_response`, and respond the same."""
    original = ours().CorsMiddleware

    class Counting(original):  # type: ignore[misc, valid-type]
        def __init__(self, get_response: Any) -> None:
            super().__init__(None)
            self.get_response = get_response
            self.async_mode = kind is async_view
            self.calls = 0

        def __call__(self, request: Any) -> Any:
            self.calls += 1
            return super().__call__(request)

    class Hooked(original):  # type: ignore[misc, valid-type]
        def __init__(self, get_response: Any, *, hook: Callable[..., Any]) -> None:
            super().__init__(get_response)
            self.process_view = hook

    counting, hooked = Counting(kind), Hooked(kind, hook=print)
    assert hooked.process_view is print
    todo = [get(), get(origin=A), get(origin=OTHER), get("/accept", origin=A), preflight(A)]
    with having(CORS_ALLOWED_ORIGINS=[A]):
        expected = [call(original(kind), request) for request in todo]
        assert [call(counting, request) for request in todo] == expected
        assert [call(hooked, request) for request in todo] == expected
    assert counting.calls == len(todo)


def test_overriding_an_unused_method_is_an_error() -> None:
    """Overrides that narrow access would otherwise be silently ignored."""
    inherited = {name for name in vars(theirs().CorsMiddleware) if not name.startswith("__")}
    hooks = {name for name in inherited if callable(getattr(theirs().CorsMiddleware, name))}
    assert hooks >= {"is_enabled", "check_signal", "_url_in_whitelist", "add_response_headers"}
    original = ours().CorsMiddleware
    for hook in sorted(hooks):
        body = {hook: lambda *_: False}
        with pytest.raises(TypeError, match=rf"overrides {hook}, .*CORS_URLS_REGEX.*__acall__"):
            type("Mine", (original,), body)
        with pytest.raises(TypeError, match=rf"Mixed overrides {hook}, which is never called"):
            type("Mixed", (type("Mixin", (), body), original), {})

    class Honoured(original):  # type: ignore[misc, valid-type]
        def process_view(self, *_: Any) -> None: ...

        async def __acall__(self, request: Any) -> Any: ...

        def mine(self) -> None: ...

    class Further(Honoured):
        def __call__(self, request: Any) -> Any: ...

    assert Further(view)(get()) is None


def test_a_call_that_is_replaced_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tools that trace the cost of each middleware do this."""
    original = ours().CorsMiddleware
    seen = []
    whole = original.__call__

    def traced(self: Any, request: Any) -> Any:
        seen.append(request)
        return whole(self, request)

    monkeypatch.setattr(original, "__call__", traced)
    middleware = original(view)
    with having(CORS_ALLOWED_ORIGINS=[A]):
        assert allowed(middleware, A)
    assert len(seen) == 1


# -- under real servers ----------------------------------------------------------------------


SERVERS = {
    "gunicorn": "-m gunicorn --bind 127.0.0.1:{port} support.apps.django:wsgi",
    "uvicorn": "-m uvicorn --port {port} --log-level error --lifespan off support.apps.django:asgi",
}


@pytest.fixture(scope="module", params=SERVERS)
def port(
    request: pytest.FixtureRequest, engine: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    from support.servers import Server

    log = tmp_path_factory.mktemp("django") / "log"
    with Server(SERVERS[request.param], engine.IMPLEMENTATION, log) as server:
        yield server.port


def test_under_real_servers(port: int, engine: ModuleType) -> None:
    from support.servers import ask

    app = ("Origin", "https://app.example.com")
    assert ask(port, "GET", "/engine").body.decode() == engine.IMPLEMENTATION
    allowed = {
        "access-control-allow-origin": "https://app.example.com",
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "X-Total",
    }
    for path, status, body, vary in (
        ("/", 200, b"hello", "Accept, origin"),
        ("/async", 200, b"later", "origin"),
        ("/stream", 200, b"one two", "origin"),
        ("/broken", 500, None, "origin"),
        ("/nowhere", 404, None, "origin"),
    ):
        for lines, expected in (([app], allowed), ([], {}), ([("Origin", OTHER)], {})):
            found = ask(port, "GET", path, *lines)
            assert found.status == status
            assert body is None or found.body == body
            assert found.cors == {**expected, "vary": vary}
    preview = ask(port, "GET", "/", ("Origin", "https://pr-7.preview.example.com"))
    assert preview.all("access-control-allow-origin") == ["https://pr-7.preview.example.com"]
    two = ask(port, "GET", "/", app, ("Origin", OTHER))
    assert two.cors == {"vary": "Accept, origin"}

    asks = ("Access-Control-Request-Method", "PUT")
    found = ask(port, "OPTIONS", "/nowhere", app, asks)
    assert (found.status, found.body) == (200, b"")
    assert found.cors == {
        **allowed,
        "access-control-allow-headers": ", ".join(ours().default_headers),
        "access-control-allow-methods": ", ".join(ours().default_methods),
        "access-control-max-age": "600",
        "vary": "origin",
    }
    assert ask(port, "OPTIONS", "/", ("Origin", OTHER), asks).cors == {"vary": "origin"}
