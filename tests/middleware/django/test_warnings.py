"""Insecure and ineffective options are reported once at start-up, or are errors if strict."""

from __future__ import annotations

import re
import warnings
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.drop_ins.django import (
    OTHER,
    SOURCES,
    A,
    allowed,
    call,
    get,
    having,
    ours,
    preflight,
    text_for_a_list,
    view,
)

from corsfast import PolicyError
from corsfast.errors import CorsfastSecurityWarning, CorsfastUnmatchableWarning

pytestmark = pytest.mark.server


RISKS = [
    ({"CORS_ALLOW_ALL_ORIGINS": True, "CORS_ALLOW_CREDENTIALS": True}, "001"),
    ({"CORS_ALLOWED_ORIGINS": ["null"], "CORS_ALLOW_CREDENTIALS": True}, "002"),
    ({"CORS_ALLOWED_ORIGIN_REGEXES": ["https://app.example.com"]}, "003"),
    ({"CORS_ALLOWED_ORIGIN_REGEXES": [r"https://[a-z]+\.co\.uk"]}, "004"),
    ({"CORS_ALLOWED_ORIGINS": ["http://a.example"], "CORS_ALLOW_CREDENTIALS": True}, "005"),
]
UNMATCHABLE = [
    {"CORS_ALLOWED_ORIGINS": ["a.example"]},
    {"CORS_ALLOWED_ORIGINS": ["*"]},
    {"CORS_ALLOWED_ORIGINS": ["https://A.example"]},
    {"CORS_ALLOWED_ORIGIN_REGEXES": ["null"]},
]


@pytest.mark.parametrize(("options", "number"), RISKS)
def test_a_risk_warns_once_per_middleware(options: dict[str, Any], number: str) -> None:
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


@pytest.mark.parametrize("options", UNMATCHABLE)
def test_an_unmatchable_entry_warns_once(options: dict[str, Any]) -> None:
    from django.test.utils import override_settings

    from corsfast.middleware.django.checks import check_settings

    with override_settings(**options):
        with pytest.warns(CorsfastUnmatchableWarning) as caught:
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
def test_a_string_for_a_list_warns(setting: str) -> None:
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
        assert not allowed(middleware, OTHER)
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
    ({"CORS_URLS_REGEX": r"^api/.*$"}, "unmatchable-path", "'^/api/.*$'", "010"),
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
def test_a_setting_without_effect_warns_and_is_checked(
    options: dict[str, Any], code: str, hint: str | None, number: str
) -> None:
    from django.test.utils import override_settings

    from corsfast.middleware.django.checks import check_settings

    risky = code in ("bare-string", "not-a-bool", "unknown-option")
    recorded = warnings.catch_warnings(record=True, action="always")
    with override_settings(**options), recorded as caught:
        if "CORS_STRICT" not in options:
            ours().CorsMiddleware(view)
            (said,) = caught
            kind = CorsfastSecurityWarning if risky else CorsfastUnmatchableWarning
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


def test_changed_settings_warn_again() -> None:
    from django.test.utils import override_settings

    with having():
        middleware = ours().CorsMiddleware(view)
    for _ in range(2):
        with override_settings(CORS_ALLOWED_ORIGINS=["a.example"]):
            with pytest.warns(CorsfastUnmatchableWarning) as caught:
                call(middleware, get())
            assert len(caught) == 1
            call(middleware, get())


def test_checks_warn_by_their_messages_alone() -> None:
    from django.test.utils import override_settings

    from corsfast.middleware.django.checks import check_settings

    with override_settings(CORS_ALLOWED_ORIGINS=["null"], CORS_ALLOW_CREDENTIALS=True):
        with warnings.catch_warnings(action="error"):
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
def test_sound_settings_emit_no_warning(options: dict[str, Any]) -> None:
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
def test_checks_match_the_original(options: dict[str, Any]) -> None:
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

    with override_settings(**options), pytest.warns(CorsfastUnmatchableWarning) as caught:
        ours().CorsMiddleware(view)
    assert any(f" in {hint} instead." in str(warning.message) for warning in caught)
