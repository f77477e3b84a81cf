"""The drop-in for django-cors-headers answers as the original, except for documented deviations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from support.client import Answer, Request
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
from support.drop_ins.django import (
    OTHER,
    REST,
    SOURCES,
    A,
    B,
    async_view,
    call,
    get,
    having,
    ours,
    preflight,
    text_for_a_list,
    theirs,
    view,
)

pytestmark = pytest.mark.server


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
        for origin in (None, A, B, OTHER):
            found.append(get(path, **({"origin": origin} if origin else {})))
            found.append(preflight(origin or "", path))
    asks = ("access-control-request-private-network", "true")
    found += [
        Request("OPTIONS", (("access-control-request-method", "PUT"),)),
        Request("OPTIONS", (("origin", A), asks, ("access-control-request-method", "PUT"))),
        Request("GET", (("origin", A), asks)),
        Request("GET", (("origin", OTHER), asks)),
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
                *(get(), get(origin=A), get(origin=OTHER)),
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

    from corsfast.middleware.django.conf import DEFAULTS

    for name, default in DEFAULTS.items():
        if name not in ("CORS_CROSS_SITE", "CORS_STRICT"):
            assert getattr(conf, name) == default
