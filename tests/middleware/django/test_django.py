"""The drop-in for django-cors-headers: compared with it, and tested for mistakes of either.

The tests are marked `server` because they need Django, which is not available for every wheel
target. For the same reason each test imports it.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.client import Answer, Request, answer
from support.compare import (
    ORIGINS,
    Comparison,
    Deviation,
    differences,
    documented,
    grid,
    own_grants,
    requests,
)

from corsfast import PolicyError
from corsfast.errors import CorsfastDeadEntryWarning, CorsfastSecurityWarning

pytestmark = pytest.mark.server

A = "https://a.example"
B = "https://b.example"
STRANGER = "https://stranger.example"


@pytest.fixture(autouse=True)
def configured() -> None:
    """Configure Django once per process; tests change settings and restore them."""
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, INSTALLED_APPS=[])
        django.setup()


def ours() -> ModuleType:
    from corsfast.middleware import django

    return django


def theirs() -> ModuleType:
    import corsheaders.middleware
    import corsheaders.signals

    corsheaders.middleware.check_request_enabled = corsheaders.signals.check_request_enabled
    return corsheaders.middleware


@contextlib.contextmanager
def having(**options: Any) -> Iterator[None]:
    """Apply these settings, without warnings about them."""
    from django.test.utils import override_settings

    with override_settings(**options), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# -- a view, and one way to call it --------------------------------------------------------------

VARY = {"/accept": "Accept, Cookie", "/vary": "Cookie, Origin", "/star": "*"}


def view(request: Any) -> Any:
    from django.http import HttpResponse

    headers = {}
    if request.path in VARY:
        headers["Vary"] = VARY[request.path]
    if request.path == "/own":
        headers["Access-Control-Allow-Origin"] = "https://own.example"
        headers["Access-Control-Allow-Credentials"] = "true"
    return HttpResponse("hello", status=404 if request.path == "/nowhere" else 200, headers=headers)


async def async_view(request: Any) -> Any:
    return view(request)


def environ(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": request.path,
        "SERVER_NAME": "api.example",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
    }
    for name, value in request.headers:
        found["HTTP_" + name.upper().replace("-", "_")] = value
    return found


def call(middleware: Any, request: Request) -> Answer:
    from django.core.handlers.wsgi import WSGIRequest

    response = middleware(WSGIRequest(environ(request)))
    if asyncio.iscoroutine(response):
        response = asyncio.run(response)
    return answer(response.status_code, response.headers.items(), response.content)


def get(path: str = "/", **headers: str) -> Request:
    lines = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Request("GET", lines, path)


def preflight(origin: str, path: str = "/") -> Request:
    lines = (("origin", origin), ("access-control-request-method", "PUT"))
    return Request("OPTIONS", lines, path)


# -- compared with django-cors-headers -----------------------------------------------------------


def regexes_of(options: dict[str, Any]) -> list[re.Pattern[str]]:
    given = options.get("CORS_ALLOWED_ORIGIN_REGEXES", [])
    return [re.compile(entry) for entry in ([given] if isinstance(given, str) else given)]


def is_bare(ours: Answer) -> bool:
    return ours.first("access-control-allow-origin") is None


def only_by_prefix(options: dict[str, Any], request: Request, theirs: Answer, ours: Answer) -> bool:
    origin = request.origin or ""
    regexes = regexes_of(options)
    return (
        is_bare(ours)
        and any(r.match(origin) for r in regexes)
        and not any(r.fullmatch(origin) for r in regexes)
    )


def null_unlisted(options: dict[str, Any], request: Request, theirs: Answer, ours: Answer) -> bool:
    listed = options.get("CORS_ALLOWED_ORIGINS", [])
    return is_bare(ours) and request.origin in ("null", "file://") and request.origin not in listed


def text_for_a_list(options: dict[str, Any], *_: Any) -> bool:
    return any(
        isinstance(options.get(name), str)
        for name in ("CORS_ALLOWED_ORIGINS", "CORS_ALLOWED_ORIGIN_REGEXES")
    )


def malformed(options: dict[str, Any], request: Request, theirs: Answer, ours: Answer) -> bool:
    from corsfast._options.origin import is_origin

    if request.origin in (None, "file://") or is_origin(request.origin):
        return False
    return is_bare(ours) or ours.first("access-control-allow-origin") == "*"


def own_fields(options: dict[str, Any], request: Request, theirs: Answer, ours: Answer) -> bool:
    """Return whether only the view's own grant differs, or its Allow-Credentials."""
    only = differences(theirs, ours) == ("access-control-allow-credentials",)
    return own_grants(options, request, theirs, ours) or (
        only and request.path == "/own" and not options.get("CORS_ALLOW_CREDENTIALS")
    )


DEVIATIONS = [
    Deviation("full-match", only_by_prefix),
    Deviation("null-by-name", null_unlisted),
    Deviation("bare-str", text_for_a_list),
    Deviation("malformed-origin", malformed),
    Deviation("own-grants", own_fields),
]

SOURCES: list[dict[str, Any]] = [
    {},
    {"CORS_ALLOWED_ORIGINS": [A]},
    {"CORS_ORIGIN_WHITELIST": (A, B, "http://localhost:3000", "null")},
    {"CORS_ALLOWED_ORIGINS": [f"{A}/path?query", "HTTPS://b.example", "a.example", "file://"]},
    {"CORS_ALLOWED_ORIGINS": ["null", "chrome-extension://abcdefghijklmnop", "*"]},
    {
        "CORS_ALLOWED_ORIGIN_REGEXES": [
            r"^https://\w+\.a\.example$",
            re.compile("(?i)HTTPS://B"),
        ]
    },
    {"CORS_ORIGIN_REGEX_WHITELIST": [r"^chrome-extension://[a-p]{16}$", r"(?!x)capacitor://\w+$"]},
    {"CORS_ALLOWED_ORIGIN_REGEXES": [".*"]},
    {"CORS_ALLOWED_ORIGINS": A, "CORS_ALLOWED_ORIGIN_REGEXES": "^https://b.example$"},
    {"CORS_ALLOW_ALL_ORIGINS": True},
    {"CORS_ORIGIN_ALLOW_ALL": True, "CORS_ALLOWED_ORIGINS": [A]},
]
REST: list[dict[str, Any]] = [
    {},
    {"CORS_EXPOSE_HEADERS": ["X-Total", "X-Page"], "CORS_PREFLIGHT_MAX_AGE": 0},
    {"CORS_URLS_REGEX": r"^/api/", "CORS_ALLOW_METHODS": ["GET", "PUT"]},
    {"CORS_URLS_REGEX": re.compile("/API/.*", re.IGNORECASE), "CORS_ALLOW_HEADERS": ["x-custom"]},
    {"CORS_ALLOW_PRIVATE_NETWORK": True, "CORS_PREFLIGHT_MAX_AGE": 5},
]
ODD_ORIGINS = [
    "",
    "file://",
    "capacitor://localhost",
    "https://b.example.attacker.net",
    f"{A}/path",
    "HTTPS://A.EXAMPLE",
    f"{A}, {B}",
    "https://[",
]


def settings_grid() -> Iterator[dict[str, Any]]:
    for chosen in grid(source=SOURCES, credentials=(..., True), rest=REST):
        options = {**chosen["source"], **chosen["rest"]}
        if "credentials" in chosen:
            options["CORS_ALLOW_CREDENTIALS"] = True
        yield options


def all_requests() -> list[Request]:
    found = list(requests())
    for origin in (A, B, *ODD_ORIGINS, *ORIGINS[3:]):
        found.append(get(origin=origin or ""))
        found.append(preflight(origin or ""))
    for path in ("/accept", "/vary", "/star", "/own", "/nowhere", "/api/x", "/asked", "/a\nb"):
        for origin in (None, A, B, STRANGER):
            found.append(get(path, **({"origin": origin} if origin else {})))
            found.append(preflight(origin or "", path))
    asks = ("access-control-request-private-network", "true")
    found += [
        Request("OPTIONS", (("access-control-request-method", "PUT"),)),
        Request("OPTIONS", (("origin", A), asks, ("access-control-request-method", "PUT"))),
        Request("GET", (("origin", A), asks)),
        Request("GET", (("origin", STRANGER), asks)),
    ]
    return found


def as_read(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options under their newer names, for the deviations."""
    older = {
        "CORS_ORIGIN_WHITELIST": "CORS_ALLOWED_ORIGINS",
        "CORS_ORIGIN_REGEX_WHITELIST": "CORS_ALLOWED_ORIGIN_REGEXES",
        "CORS_ORIGIN_ALLOW_ALL": "CORS_ALLOW_ALL_ORIGINS",
    }
    return {older.get(name, name): value for name, value in options.items()}


def asked(sender: object, request: Any, **_: Any) -> bool:
    return bool(request.path == "/asked")


@pytest.fixture
def signalled() -> Iterator[None]:
    signals = [ours().check_request_enabled, theirs().check_request_enabled]
    for signal in signals:
        signal.connect(asked)
    yield
    for signal in signals:
        signal.disconnect(asked)


def test_side_by_side(signalled: None) -> None:
    comparison = Comparison(DEVIATIONS)
    todo = all_requests()
    # Created once, because the test also checks that both follow the settings.
    original, drop_in = theirs().CorsMiddleware(view), ours().CorsMiddleware(view)
    for options in settings_grid():
        with having(**options):
            for request in todo:
                comparison.add(
                    as_read(options), request, call(original, request), call(drop_in, request)
                )
    comparison.judge(at_least=20_000)
    assert {d.id for d in DEVIATIONS} == documented("django")


def test_side_by_side_in_an_event_loop() -> None:
    comparison = Comparison([])
    original, drop_in = theirs().CorsMiddleware(async_view), ours().CorsMiddleware(async_view)
    for options in ({}, {"CORS_ALLOWED_ORIGINS": [A]}, {"CORS_ALLOW_ALL_ORIGINS": True}, REST[2]):
        with having(**options):
            for request in [
                *(get(), get(origin=A), get(origin=STRANGER)),
                *(get(path, origin=A) for path in ("/api/x", "/accept", "/a\nb")),
            ]:
                comparison.add(options, request, call(original, request), call(drop_in, request))
            for path in ("/", "/api/x", "/own"):
                request = preflight(A, path)
                comparison.add(options, request, call(original, request), call(drop_in, request))
    comparison.judge(at_least=36)


def test_the_same_names() -> None:
    import corsheaders.defaults
    import corsheaders.signals

    package = ours()
    assert package.default_headers == corsheaders.defaults.default_headers
    assert package.default_methods == corsheaders.defaults.default_methods
    for name in ("apps", "checks", "conf", "defaults", "middleware", "signals"):
        __import__(f"corsfast.middleware.django.{name}")
    assert package.signals.check_request_enabled is package.check_request_enabled
    assert package.middleware.CorsMiddleware is package.CorsMiddleware
    assert package.CorsMiddleware.sync_capable
    assert package.CorsMiddleware.async_capable


def test_the_defaults_are_those_of_the_original() -> None:
    from corsheaders.conf import conf

    from corsfast.middleware.django.conf import SETTINGS

    for name, (_, default) in SETTINGS.items():
        if name != "CORS_STRICT":
            assert getattr(conf, name) == default


# -- changing settings ---------------------------------------------------------------------------


def allowed(middleware: Any, origin: str) -> bool:
    return call(middleware, get(origin=origin)).first("access-control-allow-origin") == origin


@pytest.fixture(params=["watched", "compared"])
def noticed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return each way to notice a change. The second one is for settings of other kinds."""
    from corsfast.middleware.django import conf

    assert conf._WATCHED
    monkeypatch.setattr(conf, "_WATCHED", request.param == "watched")
    conf.latest.answers = conf.latest.seen = None
    return str(request.param)


@pytest.mark.usefixtures("noticed")
def test_settings_that_are_overridden() -> None:
    from django.test import SimpleTestCase

    middleware = ours().CorsMiddleware(view)
    another = ours().CorsMiddleware(view)
    assert not allowed(middleware, A)
    with having(CORS_ALLOWED_ORIGINS=[A]):
        assert allowed(middleware, A)
        assert allowed(another, A)
        with having(CORS_ALLOWED_ORIGINS=[B]):
            assert allowed(another, B)
            assert not allowed(middleware, A)
        with SimpleTestCase().settings(CORS_ALLOWED_ORIGINS=[A, B]):
            assert allowed(middleware, B)
        assert allowed(middleware, A)
        assert not allowed(middleware, B)
        with having(ALLOWED_HOSTS=["other"]):
            assert allowed(middleware, A)
    assert not allowed(middleware, A)
    assert not allowed(another, A)


@pytest.mark.usefixtures("noticed")
def test_settings_that_are_set_and_deleted() -> None:
    from django.conf import settings

    middleware = ours().CorsMiddleware(view)
    with having():
        assert not allowed(middleware, A)
        settings.CORS_ALLOWED_ORIGINS = [A]
        assert allowed(middleware, A)
        settings.CORS_ALLOWED_ORIGINS = [B]
        assert allowed(middleware, B)
        assert not allowed(middleware, A)
        del settings.CORS_ALLOWED_ORIGINS
        assert not allowed(middleware, B)
        settings.CORS_ORIGIN_WHITELIST = [A]
        assert allowed(middleware, A)
    assert not allowed(middleware, A)
    with having(CORS_ALLOWED_ORIGINS=[A]), having():
        # The value is set only below the override.
        assert allowed(middleware, A)
        del settings.CORS_ALLOWED_ORIGINS
        assert not allowed(middleware, A)
    with having(CORS_ALLOWED_ORIGINS=[A], CORS_ORIGIN_WHITELIST=[B]):
        assert allowed(middleware, A)
        # The number of settings stays the same.
        del settings.CORS_ALLOWED_ORIGINS
        settings.CORS_OTHER = 1
        assert allowed(middleware, B)
        assert not allowed(middleware, A)


def test_settings_without_a_signal(noticed: str) -> None:
    """Fixtures replace the settings object without a signal, so cached answers must not be used."""
    from django.conf import UserSettingsHolder, settings

    from corsfast.middleware.django import conf

    middleware = ours().CorsMiddleware(view)
    with having(CORS_ALLOWED_ORIGINS=[A]):
        assert allowed(middleware, A)
        assert (conf.latest.answers is None) == (noticed == "compared")
        below = settings._wrapped
        holder = UserSettingsHolder(below)
        holder.CORS_ALLOWED_ORIGINS = [B]
        settings._wrapped = holder
        try:
            assert allowed(middleware, B)
            assert not allowed(middleware, A)
        finally:
            settings._wrapped = below
        assert allowed(middleware, A)
        assert not allowed(middleware, B)


def test_settings_that_change_while_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may do this. The answers belong to the settings before the change."""
    from django.conf import settings

    from corsfast.middleware.django import conf

    compiled = conf.compile_answers

    def late() -> Any:
        answers = compiled()
        monkeypatch.undo()
        settings.CORS_ALLOWED_ORIGINS = [B]
        return answers

    middleware = ours().CorsMiddleware(view)
    with having():
        settings.CORS_ALLOWED_ORIGINS = [A]
        monkeypatch.setattr(conf, "compile_answers", late)
        assert allowed(middleware, A)
        assert allowed(middleware, B)
        assert not allowed(middleware, A)


def test_settings_remain_what_they_were() -> None:
    from django.conf import LazySettings, settings

    assert isinstance(settings, LazySettings)
    assert settings.__class__ is type(settings._wrapped)
    assert settings.configured


def test_settings_are_not_read_per_request(monkeypatch: pytest.MonkeyPatch) -> None:
    from corsfast.middleware.django import conf

    with having(CORS_ALLOWED_ORIGINS=[A]):
        middleware = ours().CorsMiddleware(view)
        monkeypatch.setattr(conf, "read", None)
        assert allowed(middleware, A)
        assert not allowed(middleware, STRANGER)


# -- warnings and checks -------------------------------------------------------------------------

RISKS = [
    ({"CORS_ALLOW_ALL_ORIGINS": True, "CORS_ALLOW_CREDENTIALS": True}, "001"),
    ({"CORS_ALLOWED_ORIGINS": ["null"], "CORS_ALLOW_CREDENTIALS": True}, "002"),
    ({"CORS_ALLOWED_ORIGIN_REGEXES": ["https://app.example.com"]}, "003"),
    ({"CORS_ALLOWED_ORIGIN_REGEXES": [r"https://[a-z]+\.co\.uk"]}, "004"),
    ({"CORS_ALLOWED_ORIGINS": ["http://a.example"], "CORS_ALLOW_CREDENTIALS": True}, "005"),
]
DEAD = [
    {"CORS_ALLOWED_ORIGINS": ["a.example"]},
    {"CORS_ALLOWED_ORIGINS": ["*"]},
    {"CORS_ALLOWED_ORIGINS": ["https://A.example"]},
    {"CORS_ALLOWED_ORIGIN_REGEXES": ["null"]},
]


@pytest.mark.parametrize(("options", "number"), RISKS)
def test_a_risk_is_said_once_for_each_middleware(options: dict[str, Any], number: str) -> None:
    from django.test.utils import override_settings

    from corsfast.middleware.django.checks import check_settings

    with override_settings(**options):
        for _ in range(2):
            with pytest.warns(CorsfastSecurityWarning) as caught:
                middleware = ours().CorsMiddleware(view)
            assert len(caught) == 1
            assert next(iter(options)) in str(caught[0].message)
            call(middleware, get(origin=A))  # warns only once
        assert [m.id for m in check_settings()] == [f"corsfast.W{number}"]
        with override_settings(CORS_STRICT=True):
            with pytest.raises(PolicyError):
                ours().CorsMiddleware(view)
            assert [m.id for m in check_settings()] == [f"corsfast.E{number}"]


@pytest.mark.parametrize("options", DEAD)
def test_a_dead_entry_is_said_once(options: dict[str, Any]) -> None:
    from django.test.utils import override_settings

    from corsfast.middleware.django.checks import check_settings

    with override_settings(**options):
        with pytest.warns(CorsfastDeadEntryWarning) as caught:
            ours().CorsMiddleware(view)
        assert len(caught) == 1
        assert [m.id for m in check_settings()] in (["corsfast.W010"], ["corsheaders.E013"])
        with override_settings(CORS_STRICT=True), pytest.raises(PolicyError):
            ours().CorsMiddleware(view)


@pytest.mark.parametrize(
    "setting",
    [
        "CORS_ALLOWED_ORIGINS",
        "CORS_ORIGIN_WHITELIST",
        "CORS_ALLOWED_ORIGIN_REGEXES",
        "CORS_ORIGIN_REGEX_WHITELIST",
    ],
)
def test_text_for_a_list_is_said(setting: str) -> None:
    from django.test.utils import override_settings

    from corsfast.middleware.django.checks import check_settings

    text = r"https://a\.example" if "REGEX" in setting else A
    with override_settings(**{setting: text}):
        with pytest.warns(CorsfastSecurityWarning) as caught:
            middleware = ours().CorsMiddleware(view)
        assert len(caught) == 1
        said = str(caught[0].message)
        assert said.startswith(f"corsfast.middleware.django: {setting}: {text!r} ")
        assert said.endswith(f"Write {[text]!r} instead. [bare-string]")
        assert allowed(middleware, A)
        assert not allowed(middleware, STRANGER)
        assert [m.id[:-1] for m in check_settings()] == ["corsheaders.E00"]
        with override_settings(CORS_STRICT=True):
            with pytest.raises(PolicyError, match=r"\[bare-string\]") as error:
                ours().CorsMiddleware(view)
            assert len(error.value.problems) == 1
            assert [m.id[:-1] for m in check_settings()] == ["corsheaders.E00"]


IDLE: list[tuple[dict[str, Any], str, str | None, str]] = [
    ({"CORS_ALLOW_HEADERS": ("my-auth-origin")}, "bare-string", "['my-auth-origin']", "007"),
    ({"CORS_ALLOW_METHODS": "GET, PUT"}, "bare-string", "['GET', 'PUT']", "007"),
    ({"CORS_EXPOSE_HEADERS": "X-Total"}, "bare-string", "['X-Total']", "007"),
    ({"CORS_ALLOW_METHODS": ["GET, PUT"]}, "list-in-string", "'GET', 'PUT'", "010"),
    ({"CORS_ALLOW_METHODS": ["put"]}, "method-case", "'PUT'", "010"),
    ({"CORS_ALLOW_METHODS": ["patch"]}, "method-case", "'PATCH'", "010"),
    ({"CORS_ALLOW_METHODS": [""]}, "not-a-token", None, "010"),
    ({"CORS_ALLOW_METHODS": [" GET"]}, "not-a-token", "'GET'", "010"),
    ({"CORS_ALLOW_HEADERS": ["X-A,X-B"]}, "list-in-string", "'X-A', 'X-B'", "010"),
    ({"CORS_ALLOW_HEADERS": ["Cookie"]}, "forbidden-header", None, "010"),
    ({"CORS_PREFLIGHT_MAX_AGE": 604800}, "out-of-range", "86400", "010"),
    ({"CORS_URLS_REGEX": r"^api/.*$"}, "dead-path", "'^/api/.*$'", "010"),
    ({"CORS_STRICT": "false"}, "not-a-bool", "False", "010"),
    ({"CORS_ORIGINS": [A]}, "unknown-option", "CORS_ALLOWED_ORIGINS", "006"),
    ({"CORS_ALLOW_ORIGINS": [A]}, "unknown-option", "CORS_ALLOWED_ORIGINS", "006"),
    ({"CORS_ALLOWED_ORIGIN": [A]}, "unknown-option", "CORS_ALLOWED_ORIGINS", "006"),
    (
        {"CORS_ALLOWED_ORIGIN_REGEX": "x"},
        "unknown-option",
        "CORS_ALLOWED_ORIGIN_REGEXES",
        "006",
    ),
    ({"CORS_MAX_AGE": 60}, "unknown-option", "CORS_PREFLIGHT_MAX_AGE", "006"),
    ({"CORS_SUPPORTS_CREDENTIALS": True}, "unknown-option", "CORS_ALLOW_CREDENTIALS", "006"),
    (
        {"CORS_ALLOW_ALL_ORIGINS": True, "CORS_ALLOWED_ORIGINS": [A]},
        "any-origin-beside-others",
        "either CORS_ALLOW_ALL_ORIGINS = False, or no CORS_ALLOWED_ORIGINS",
        "010",
    ),
]
IDLE += [
    ({name: ["*"], "CORS_ALLOW_CREDENTIALS": True}, code, f"the {what}, one by one", "010")
    for name, code, what in (
        ("CORS_ALLOW_HEADERS", "literal-star", "names"),
        ("CORS_ALLOW_METHODS", "literal-star", "methods"),
        ("CORS_EXPOSE_HEADERS", "expose-any-with-credentials", "names"),
    )
]


@pytest.mark.parametrize(("options", "code", "hint", "number"), IDLE, ids=str)
def test_a_setting_that_does_nothing_is_said_and_checked(
    options: dict[str, Any], code: str, hint: str | None, number: str
) -> None:
    from django.test.utils import override_settings

    from corsfast.middleware.django.checks import check_settings

    risky = code in ("bare-string", "not-a-bool", "unknown-option")
    with override_settings(**options), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if "CORS_STRICT" not in options:
            ours().CorsMiddleware(view)
            (said,) = caught
            kind = CorsfastSecurityWarning if risky else CorsfastDeadEntryWarning
            assert said.category is kind
            assert str(said.message).endswith(f"[{code}]")
            assert [m.id for m in check_settings()] == [f"corsfast.W{number}"]
        with override_settings(**{"CORS_STRICT": True, **options}):
            with pytest.raises(PolicyError) as error:
                ours().CorsMiddleware(view)
            assert [(p.code, p.hint) for p in error.value.problems] == [(code, hint)]
            assert [m.id for m in check_settings()] == [f"corsfast.E{number}"]


def test_names_in_one_str_are_read_as_a_list() -> None:
    with having(CORS_ALLOWED_ORIGINS=[A], CORS_ALLOW_HEADERS="x-a, x-b", CORS_ALLOW_METHODS="PUT"):
        fields = call(ours().CorsMiddleware(view), preflight(A)).headers
    assert fields["access-control-allow-headers"] == ["x-a, x-b"]
    assert fields["access-control-allow-methods"] == ["PUT"]


def test_a_change_of_settings_is_said_again() -> None:
    from django.test.utils import override_settings

    with having():
        middleware = ours().CorsMiddleware(view)
    for _ in range(2):
        with override_settings(CORS_ALLOWED_ORIGINS=["a.example"]):
            with pytest.warns(CorsfastDeadEntryWarning) as caught:
                call(middleware, get())
            assert len(caught) == 1
            call(middleware, get())


def test_checks_warn_by_their_messages_alone() -> None:
    from django.test.utils import override_settings

    from corsfast.middleware.django.checks import check_settings

    with override_settings(CORS_ALLOWED_ORIGINS=["null"], CORS_ALLOW_CREDENTIALS=True):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert [m.id for m in check_settings()] == ["corsfast.W002"]
        with pytest.warns(CorsfastSecurityWarning):
            ours().CorsMiddleware(view)


@pytest.mark.parametrize(
    "options",
    [
        {"CORS_ALLOWED_ORIGINS": [A, "http://localhost:3000", "file://", "null"]},
        {"CORS_ALLOWED_ORIGIN_REGEXES": [r"moz-extension://[0-9a-f-]+"]},
        {"CORS_ALLOWED_ORIGIN_REGEXES": [r"^https://\w+\.example\.com(:\d+)?$"]},
        {"CORS_ALLOW_ALL_ORIGINS": True, "CORS_ALLOW_HEADERS": ["*"], "CORS_ALLOW_METHODS": "*"},
        {"CORS_URLS_REGEX": r"^/(api|app)/", "CORS_PREFLIGHT_MAX_AGE": 0, "CORS_ENABLED": True},
        {"CORS_ORIGIN_WHITELIST": [A], "CORS_ALLOW_ORIGINS": [A]},
    ],
)
def test_nothing_is_said_about_sound_settings(options: dict[str, Any]) -> None:
    from django.test.utils import override_settings

    from corsfast.middleware.django.checks import check_settings

    with override_settings(CORS_STRICT=True, **options):
        ours().CorsMiddleware(view)
        assert check_settings() == []


WRONG = [
    {"CORS_ALLOW_HEADERS": None},
    {"CORS_ALLOW_METHODS": [1]},
    {"CORS_ALLOW_CREDENTIALS": "yes"},
    {"CORS_ALLOW_PRIVATE_NETWORK": 1},
    {"CORS_PREFLIGHT_MAX_AGE": -1},
    {"CORS_PREFLIGHT_MAX_AGE": "10"},
    {"CORS_ALLOW_ALL_ORIGINS": "yes"},
    {"CORS_ORIGIN_ALLOW_ALL": 1},
    {"CORS_ALLOWED_ORIGINS": {A}},
    {"CORS_ALLOWED_ORIGINS": [1]},
    {"CORS_ORIGIN_WHITELIST": None},
    {"CORS_ALLOWED_ORIGINS": ["a.example", f"{A}/path?query#fragment", "null", "file://"]},
    {"CORS_ALLOWED_ORIGIN_REGEXES": [object]},
    {"CORS_ORIGIN_REGEX_WHITELIST": {A}},
    {"CORS_EXPOSE_HEADERS": {"X-Total"}},
    {"CORS_URLS_REGEX": None},
    {"CORS_MODEL": "gone"},
    {"CORS_REPLACE_HTTPS_REFERER": True},
]


@pytest.mark.parametrize("options", [{}, *SOURCES, *WRONG], ids=str)
def test_checks_beside_the_original(options: dict[str, Any]) -> None:
    from corsheaders.checks import check_settings as original

    from corsfast.middleware.django.checks import check_settings

    with having(**options):
        said = [(m.id, m.msg) for m in check_settings() if m.id.startswith("corsheaders.")]
        expected = [(m.id, m.msg) for m in original()]
    if text_for_a_list(options):
        assert [number for number, _ in said] == ["corsheaders.E006", "corsheaders.E007"]
        return
    assert [number for number, _ in said] == [number for number, _ in expected]
    for (_, ours_), (_, theirs_) in zip(said, expected, strict=True):
        assert theirs_.startswith(ours_.removesuffix("."))


@pytest.mark.parametrize(
    "options",
    [
        {"CORS_ALLOWED_ORIGIN_REGEXES": ["("]},
        {"CORS_ALLOWED_ORIGIN_REGEXES": [re.compile(b"https://a")]},
        {"CORS_URLS_REGEX": "("},
        {"CORS_ALLOWED_ORIGINS": None},
        {"CORS_ALLOWED_ORIGINS": [1]},
        {"CORS_EXPOSE_HEADERS": ["X\nSet-Cookie: a"]},
        {"CORS_ALLOW_METHODS": [1]},
    ],
    ids=str,
)
def test_settings_that_cannot_be_read(options: dict[str, Any]) -> None:
    from django.core.exceptions import ImproperlyConfigured

    from corsfast.middleware.django.checks import check_settings

    with having(**options):
        with pytest.raises(ImproperlyConfigured, match="CORS_"):
            ours().CorsMiddleware(view)
        assert any(m.id[-4] == "E" for m in check_settings())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("CORS_ALLOWED_ORIGINS", None, "is a list of strings, not NoneType; write CORS_ALLOWED_OR"),
        ("CORS_ORIGIN_WHITELIST", 1, "is a list of strings, not int; write CORS_ORIGIN_WHITELIST"),
        ("CORS_ALLOWED_ORIGINS", [urlsplit(A)], f": an origin is a str, .*; write {A!r}"),
        ("CORS_ALLOWED_ORIGINS", [re.compile(A)], "belongs in CORS_ALLOWED_ORIGIN_REGEXES"),
        ("CORS_ALLOWED_ORIGIN_REGEXES", ["*.a.example"], r": '\*.a.example' is not a regex: noth"),
        ("CORS_ALLOWED_ORIGIN_REGEXES", [None], ": None is not a regex of str"),
    ],
    ids=str,
)
def test_unreadable_setting_is_named(name: str, value: Any, message: str) -> None:
    from django.core.exceptions import ImproperlyConfigured

    with having(**{name: value}), pytest.raises(ImproperlyConfigured, match=message) as caught:
        ours().CorsMiddleware(view)
    assert f"({name}" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"CORS_ALLOWED_ORIGINS": ["https://*.a.example"]}, "CORS_ALLOWED_ORIGIN_REGEXES"),
        ({"CORS_ORIGIN_WHITELIST": ["https://*.a.example"]}, "CORS_ALLOWED_ORIGIN_REGEXES"),
        (
            {
                "CORS_ALLOWED_ORIGINS": ["http://*.test"],
                "CORS_ORIGIN_REGEX_WHITELIST": [r"https://a"],
            },
            "CORS_ORIGIN_REGEX_WHITELIST",
        ),
        ({"CORS_ALLOWED_ORIGINS": ["http://10.0.0.0/8:*"]}, "CORS_ALLOWED_ORIGIN_REGEXES"),
    ],
    ids=str,
)
def test_advice_names_the_newer_setting(options: dict[str, Any], hint: str) -> None:
    from django.test.utils import override_settings

    with override_settings(**options), pytest.warns(CorsfastDeadEntryWarning) as caught:
        ours().CorsMiddleware(view)
    assert any(f" in {hint} instead." in str(warning.message) for warning in caught)


# -- signal --------------------------------------------------------------------------------------


def test_the_signal_has_the_arguments_of_the_original() -> None:
    seen: dict[str, list[dict[str, Any]]] = {"ours": [], "theirs": []}
    todo = [get(origin=A), get(origin=STRANGER), get("/api/x", origin=A), preflight(STRANGER)]
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
            for path, expected in (("/asked", [STRANGER]), ("/", [])):
                found = call(middleware, get(path, origin=STRANGER)).headers
                assert found.get("access-control-allow-origin", []) == expected
            with having(CORS_URLS_REGEX="^/api"):
                assert call(middleware, preflight(STRANGER, "/asked")).first("content-length")
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


# -- hostile requests ----------------------------------------------------------------------------

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


# -- in a project --------------------------------------------------------------------------------


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
def test_responses_that_keep_their_fields_elsewhere(
    kind: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If Django ever stores the fields in another way, its own methods are used."""
    from corsfast.middleware.django import middleware as module

    todo = [
        *([get(), get("/accept"), get(origin="")]),
        *(get(path, origin=A) for path in ("/", "/accept", "/star", "/own", "/api/x", "/a\nb")),
        get(origin=STRANGER),
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
            assert module._STORED
            assert module._allow is module._allow_in_store
            fast = [call(middleware, request) for request in todo]
            patch.setattr(module, "_STORED", False)
            patch.setattr(module, "_allow", module._allow_in_headers)
            patch.setattr(module, "_vary", module._vary_in_headers)
            assert [call(middleware, request) for request in todo] == fast


# -- what MIDDLEWARE may name --------------------------------------------------------------------


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
    todo = [get(), get(origin=A), get(origin=STRANGER), get("/accept", origin=A), preflight(A)]
    with having(CORS_ALLOWED_ORIGINS=[A]):
        expected = [call(original(kind), request) for request in todo]
        assert [call(counting, request) for request in todo] == expected
        assert [call(hooked, request) for request in todo] == expected
    assert counting.calls == len(todo)


def test_overriding_what_nobody_calls_is_refused() -> None:
    """Overrides that narrow access would otherwise be silently ignored."""
    inherited = {name for name in vars(theirs().CorsMiddleware) if not name.startswith("__")}
    hooks = {name for name in inherited if callable(getattr(theirs().CorsMiddleware, name))}
    assert hooks >= {"is_enabled", "check_signal", "_url_in_whitelist", "add_response_headers"}
    original = ours().CorsMiddleware
    for hook in sorted(hooks):
        body = {hook: lambda *_: False}
        with pytest.raises(TypeError, match=rf"overrides {hook}, .*CORS_URLS_REGEX.*__acall__"):
            type("Mine", (original,), body)
        with pytest.raises(TypeError, match=rf"Mixed overrides {hook}, which nobody calls"):
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


# -- under real servers --------------------------------------------------------------------------

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
    server = Server(SERVERS[request.param], engine.IMPLEMENTATION, log)
    server.wait_until_ready()
    yield server.port
    server.stop()


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
        for lines, expected in (([app], allowed), ([], {}), ([("Origin", STRANGER)], {})):
            found = ask(port, "GET", path, *lines)
            assert found.status == status
            assert body is None or found.body == body
            assert found.cors == {**expected, "vary": vary}
    preview = ask(port, "GET", "/", ("Origin", "https://pr-7.preview.example.com"))
    assert preview.all("access-control-allow-origin") == ["https://pr-7.preview.example.com"]
    two = ask(port, "GET", "/", app, ("Origin", STRANGER))
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
    assert ask(port, "OPTIONS", "/", ("Origin", STRANGER), asks).cors == {"vary": "origin"}


urlpatterns: list[Callable[..., Any]] = []
