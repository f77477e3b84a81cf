"""Origins and option values that are risky, or have no or another effect, in each drop-in.

Each is a warning when the drop-in is set up, or an error if it is strict. The same option must
accept the proposed value. The tests are marked `server` because they need the frameworks.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import corsfast
from corsfast import PolicyError, Problem
from corsfast.errors import RISKS, CorsfastSecurityWarning, CorsfastUnmatchableWarning

pytestmark = pytest.mark.server

A = "https://a.example"
B = "https://b.example"
SECURITY = (*RISKS, "bare-string", "not-a-bool", "unknown-option")


async def _app(scope: Any, receive: Any, send: Any) -> None:
    pass


# -- the drop-ins: each takes options, with a default for `origins` -------------------------------


def starlette(strict: bool, options: dict[str, Any]) -> None:
    from corsfast.middleware.starlette import CORSMiddleware

    CORSMiddleware(_app, **{"allow_origins": [A], **options}, strict=strict)


def litestar(strict: bool, options: dict[str, Any]) -> None:
    from corsfast.middleware.litestar import CORSConfig, CORSMiddleware

    CORSMiddleware(_app, CORSConfig(**{"allow_origins": [A], **options}), strict=strict)


def blacksheep(strict: bool, options: dict[str, Any]) -> None:
    from blacksheep import Application

    from corsfast.middleware.blacksheep import use_cors

    use_cors(Application(), **{"allow_origins": [A], **options}, strict=strict)


def falcon(strict: bool, options: dict[str, Any]) -> None:
    from corsfast.middleware.falcon import CORSMiddleware

    CORSMiddleware(**{"allow_origins": [A], **options}, strict=strict)


def aiohttp(strict: bool, options: dict[str, Any]) -> None:
    from aiohttp import web

    from corsfast.middleware.aiohttp import setup

    setup(web.Application(), defaults={A: options}, strict=strict)


def flask(strict: bool, options: dict[str, Any]) -> None:
    from flask import Flask

    from corsfast.middleware.flask import CORS

    CORS(Flask("app"), **{"origins": [A], **options}, strict=strict)


def flask_view(strict: bool, options: dict[str, Any]) -> None:
    from corsfast.middleware.flask import cross_origin

    cross_origin(**{"origins": [A], **options}, strict=strict)(lambda: "")


def flask_resource(strict: bool, options: dict[str, Any]) -> None:
    from flask import Flask

    from corsfast.middleware.flask import CORS

    CORS(Flask("app"), resources={"/api/*": {"origins": [A], **options}}, strict=strict)


def flask_config(strict: bool, options: dict[str, Any]) -> None:
    from flask import Flask

    from corsfast.middleware.flask import CORS

    app = Flask("app")
    app.config.update(options)
    CORS(app, strict=strict)


def quart(strict: bool, options: dict[str, Any]) -> None:
    from quart import Quart

    from corsfast.middleware.quart import cors

    cors(Quart("app"), **{"allow_origin": [A], **options}, strict=strict)


def quart_view(strict: bool, options: dict[str, Any]) -> None:
    from corsfast.middleware.quart import route_cors

    route_cors(**{"allow_origin": [A], **options}, strict=strict)


def quart_socket(strict: bool, options: dict[str, Any]) -> None:
    from corsfast.middleware.quart import websocket_cors

    websocket_cors(**{"allow_origin": [A], **options}, strict=strict)


def quart_config(strict: bool, options: dict[str, Any]) -> None:
    from quart import Quart

    from corsfast.middleware.quart import cors

    app = Quart("app")
    app.config.update(options)
    cors(app, strict=strict)


def flask_strict_config(strict: bool, options: dict[str, Any]) -> None:
    from flask import Flask

    from corsfast.middleware.flask import CORS

    app = Flask("app")
    app.config.update({f"CORS_{name.upper()}": value for name, value in options.items()})
    app.config["CORS_STRICT"] = strict
    CORS(app)


def sanic(strict: bool, options: dict[str, Any]) -> None:
    from sanic import Sanic

    from corsfast.middleware.sanic import add_cors

    Sanic.test_mode = True
    app: Any = Sanic("app")
    app.config.update({"CORS_ORIGINS": [A], **options})
    add_cors(app, strict=strict)


LISTS: list[tuple[str, Any, str, str | None]] = [
    ("methods", ["GET, POST"], "list-in-string", "'GET', 'POST'"),
    ("methods", ["GET|POST"], "list-in-string", "'GET', 'POST'"),
    ("methods", ["P*"], "looks-like-glob", None),
    ("methods", ["patch"], "method-case", "'PATCH'"),
    ("methods", ["put"], "method-case", "'PUT'"),
    ("methods", [""], "not-a-token", None),
    ("methods", [" GET"], "not-a-token", "'GET'"),
    ("methods", ["TRACE"], "forbidden-method", None),
    ("methods", ["POST:"], "not-a-token", "'POST'"),
    ("methods", [1], "type", None),
    ("methods", [b"GET"], "type", "'GET'"),
    ("methods", "PUT", "bare-string", "['PUT']"),
    ("methods", "GET, PUT", "bare-string", "['GET', 'PUT']"),
    ("methods", b"PUT", "bare-string", "['PUT']"),
    ("methods", "GET TRACE", "bare-string", "['GET']"),
    ("headers", ["Authorization,X-Token"], "list-in-string", "'Authorization', 'X-Token'"),
    ("headers", ["X-Token: 1"], "not-a-token", "'X-Token'"),
    ("headers", ["Cookie: a=1"], "not-a-token", None),
    ("headers", ["Cookie"], "forbidden-header", None),
    ("headers", ["Sec-Fetch-Mode"], "forbidden-header", None),
    ("headers", [""], "not-a-token", None),
    ("headers", [None], "type", None),
    ("headers", "my-auth-origin", "bare-string", "['my-auth-origin']"),
    ("headers", b"X-A,X-B", "bare-string", "['X-A', 'X-B']"),
    ("headers", ["Any"], "looks-like-glob", "'*'"),
    ("expose", ["X-*"], "looks-like-glob", None),
    ("expose", ["X-A,X-B"], "list-in-string", "'X-A', 'X-B'"),
    ("expose", ["Set-Cookie"], "forbidden-header", None),
    ("expose", [" X-A"], "not-a-token", "'X-A'"),
    ("expose", "X-Total", "bare-string", "['X-Total']"),
]
NAMES = {"methods": "allow_methods", "headers": "allow_headers", "expose": "expose_headers"}


def listed(but: Callable[[str, Any, str], bool]) -> list[tuple[dict[str, Any], str, str | None]]:
    """Return the cases about lists that a drop-in neither rejects nor reads as intended."""
    return [
        ({NAMES[kind]: value}, code, hint)
        for kind, value, code, hint in LISTS
        if not but(kind, value, code)
    ]


def _typed(value: Any) -> bool:
    return isinstance(value, (str, bytes)) or not isinstance(value[0], str)


def _sanic_reads(_: str, value: Any, code: str) -> bool:
    """Return whether Sanic rejects a value or reads it as intended."""
    return _typed(value) or code == "method-case" or value in ([" GET"], [" X-A"])


SANIC: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "allow_methods": lambda options: {"CORS_METHODS": options["allow_methods"]},
    "allow_headers": lambda options: {"CORS_ALLOW_HEADERS": options["allow_headers"]},
    "expose_headers": lambda options: {"CORS_EXPOSE_HEADERS": options["expose_headers"]},
}

STAR_EXPOSED: tuple[dict[str, Any], str, str | None] = (
    {"expose_headers": ["*"], "allow_credentials": True},
    "expose-any-with-credentials",
    "the names, one by one",
)
FLAGS: list[tuple[dict[str, Any], str, str | None]] = [
    ({"allow_credentials": "false"}, "not-a-bool", "False"),
    ({"allow_credentials": "True"}, "not-a-bool", "True"),
    ({"allow_credentials": [A]}, "not-a-bool", "True or False"),
]
AGES: list[tuple[dict[str, Any], str, str | None]] = [
    ({"max_age": 604800}, "out-of-range", "86400"),
]
ANY_AGES: list[tuple[dict[str, Any], str, str | None]] = [
    *AGES,
    ({"max_age": -1}, "out-of-range", "0 (do not cache)"),
    ({"max_age": timedelta(hours=1)}, "type", "3600"),
    ({"max_age": 600.0}, "type", "600"),
    ({"max_age": "1h"}, "type", "3600"),
    ({"max_age": None}, "type", "5 (what browsers assume without one)"),
]

FLASK: list[tuple[dict[str, Any], str, str | None]] = [
    ({"origin": [A]}, "unknown-option", "origins"),
    ({"allow_headers": "Authorization, X-Token"}, "list-in-string", "['Authorization', 'X-Token']"),
    ({"methods": "*"}, "literal-star", "the methods, one by one"),
    ({"supports_credentials": "false"}, "not-a-bool", "False"),
    ({"allow_headers": ["Authorization,X-Token"]}, "list-in-string", "'Authorization', 'X-Token'"),
    ({"allow_headers": ["X-Token: 1"]}, "not-a-token", "'X-Token'"),
    ({"allow_headers": ["X-*"]}, "looks-like-glob", "'X-.*'"),
    ({"allow_headers": ["Cookie"]}, "forbidden-header", None),
    ({"allow_headers": b"X-A"}, "bare-string", "['X-A']"),
    ({"methods": ["*"]}, "literal-star", "the methods, one by one"),
    ({"methods": ["GET", "TRACE"]}, "forbidden-method", None),
    ({"methods": [""]}, "not-a-token", None),
    ({"methods": b"GET, PUT"}, "bare-string", "['GET', 'PUT']"),
    ({"expose_headers": "Set-Cookie"}, "forbidden-header", None),
    (
        {"expose_headers": "*", "supports_credentials": True},
        "expose-any-with-credentials",
        "the names, one by one",
    ),
    ({"origins": []}, "empty", None),
    ({"origins": None}, "empty", None),
    ({"allow_headers": ["X-A", None]}, "type", None),
    ({"methods": [None]}, "type", None),
    (
        {"origins": ["*", A]},
        "any-origin-beside-others",
        "either '*' alone or the list without it",
    ),
    ({"send_wildcard": True}, "idle-option", "False"),
    ({"send_wildcard": "no"}, "not-a-bool", "False"),
    ({"vary_header": "false"}, "not-a-bool", "False"),
    ({"max_age": 0}, "not-sent", "'0'"),
    ({"max_age": -1}, "out-of-range", "'0' (do not cache)"),
    ({"max_age": timedelta(days=7)}, "out-of-range", "86400"),
    ({"max_age": "1h"}, "type", "3600"),
    ({"max_age": 600.0}, "type", "600"),
]

Case = tuple[Callable[[bool, dict[str, Any]], None], dict[str, Any], str, str | None]
CASES: list[Case] = [
    (drop_in, *case)
    for drop_in, cases in (
        (
            starlette,
            [
                *listed(lambda *_: False),
                STAR_EXPOSED,
                *FLAGS,
                *ANY_AGES,
                ({"allow_private_network": "no"}, "not-a-bool", "False"),
                ({"allow_origins": []}, "empty", None),
                (
                    {"allow_origins": ["*", A]},
                    "any-origin-beside-others",
                    "either '*' alone or the list without it",
                ),
                (
                    {"allow_origins": ["*"], "allow_origin_regex": r"https://b\.example"},
                    "any-origin-beside-others",
                    "either '*' alone or the list without it",
                ),
            ],
        ),
        (
            litestar,
            [
                # Litestar itself calls `lower` on each name.
                *listed(lambda kind, value, _: kind == "headers" and value in ([None], b"X-A,X-B")),
                STAR_EXPOSED,
                *FLAGS,
                *ANY_AGES,
                ({"allow_origins": []}, "empty", None),
            ],
        ),
        (
            blacksheep,
            [
                *listed(lambda _, value, code: _typed(value) or code == "method-case"),
                STAR_EXPOSED,
                *FLAGS,
                *AGES,
            ],
        ),
        (
            falcon,
            [
                ({"expose_headers": ["Set-Cookie"]}, "forbidden-header", None),
                ({"expose_headers": "X-Token: 1"}, "not-a-token", "'X-Token'"),
                (
                    {"expose_headers": "*", "allow_credentials": "*"},
                    "expose-any-with-credentials",
                    "the names, one by one",
                ),
                ({"allow_private_network": "false"}, "not-a-bool", "False"),
                ({"allow_origins": []}, "empty", None),
            ],
        ),
        (
            aiohttp,
            [
                *listed(lambda _, v, code: _typed(v) or code == "method-case" or v == ["Any"]),
                ({"allow_headers": ["Any"]}, "looks-like-glob", None),
                ({"expose_headers": ["*"]}, "literal-star", "the str '*' alone"),
                ({"allow_headers": ["*"]}, "literal-star", "the str '*' alone"),
                ({"allow_methods": ["*"]}, "literal-star", "the str '*' alone"),
                *AGES,
            ],
        ),
        (flask, FLASK),
        (flask_view, FLASK[:4]),
        (flask_resource, FLASK[:4]),
        (
            flask,
            [
                ({"resources": {"api/*": {}}}, "unmatchable-path", "'/api/*'"),
                ({"resources": [r"^api/\d+", "/b"]}, "unmatchable-path", r'r"^/api/\d+"'),
                ({"resources": "(api|app)/.*"}, "unmatchable-path", None),
                ({"resources": {}}, "no-paths", "'/*'"),
                ({"intercept_exceptions": "no"}, "not-a-bool", "False"),
            ],
        ),
        (
            quart,
            [
                *listed(lambda _, value, __: isinstance(value, (str, bytes))),
                ({"allow_headers": b"X-A"}, "bare-string", "'X-A'"),
                ({"allow_methods": "GET, PUT"}, "list-in-string", "'GET', 'PUT'"),
                STAR_EXPOSED,
                ({"allow_credentials": "true"}, "not-a-bool", "True"),
                ({"send_origin_wildcard": "no"}, "not-a-bool", "False"),
                ({"max_age": timedelta(days=7)}, "out-of-range", "86400"),
                ({"max_age": -1}, "out-of-range", "0 (do not cache)"),
                ({"allow_origin": []}, "empty", None),
                (
                    {"allow_origin": ["*", A]},
                    "any-origin-beside-others",
                    "either '*' alone or the list without it",
                ),
            ],
        ),
        (
            quart_config,
            [
                ({"CORS_ALLOW_ORIGIN": [A]}, "unknown-option", "QUART_CORS_ALLOW_ORIGIN"),
                ({"QUART_CORS_ALLOW_ORIGINS": [A]}, "unknown-option", "QUART_CORS_ALLOW_ORIGIN"),
                ({"QUART_CORS_ORIGIN": [A]}, "unknown-option", "QUART_CORS_ALLOW_ORIGIN"),
                ({"CORS_ORIGINS": [A]}, "unknown-option", "QUART_CORS_ALLOW_ORIGIN"),
            ],
        ),
        (
            sanic,
            [
                *((SANIC[next(iter(o))](o), c, h) for o, c, h in listed(_sanic_reads)),
                (
                    {"CORS_EXPOSE_HEADERS": "*", "CORS_SUPPORTS_CREDENTIALS": True},
                    STAR_EXPOSED[1],
                    STAR_EXPOSED[2],
                ),
                ({"CORS_SUPPORTS_CREDENTIALS": "false"}, "not-a-bool", "False"),
                ({"CORS_ALWAYS_SEND": "no"}, "not-a-bool", "False"),
                ({"CORS_MAX_AGE": 0}, "not-sent", "'0'"),
                ({"CORS_MAX_AGE": 604800}, "out-of-range", "86400"),
                ({"CORS_ORIGINS": {A}}, "type", None),
                ({"CORS_ORIGINS": None, "CORS_ORIGIN": A}, "unknown-option", "CORS_ORIGINS"),
                ({"CORS_ALLOW_METHODS": ["PUT"]}, "unknown-option", "CORS_METHODS"),
                ({"CORS_HEADERS": ["X-A"]}, "unknown-option", "CORS_ALLOW_HEADERS"),
            ],
        ),
        (
            flask_config,
            [
                ({"CORS_ORIGIN": [A]}, "unknown-option", "CORS_ORIGINS"),
                ({"CORS_ALLOWED_ORIGINS": [A]}, "unknown-option", "CORS_ORIGINS"),
                ({"CORS_ALLOW_ORIGIN_REGEX": "x"}, "unknown-option", "CORS_ORIGINS"),
                ({"CORS_ORGINS": [A]}, "unknown-option", "CORS_ORIGINS"),
                ({"cors_origins": [A]}, "unknown-option", "CORS_ORIGINS"),
                ({"FLASK_CORS_ORIGINS": [A]}, "unknown-option", "CORS_ORIGINS"),
                ({"CORS_HEADERS": "Content-Type"}, "unknown-option", "CORS_ALLOW_HEADERS"),
                ({"CORS_ALLOW_METHODS": ["PUT"]}, "unknown-option", "CORS_METHODS"),
                ({"CORS_ALLOW_CREDENTIALS": 1}, "unknown-option", "CORS_SUPPORTS_CREDENTIALS"),
                ({"CORS_PREFLIGHT_MAX_AGE": 1}, "unknown-option", "CORS_MAX_AGE"),
                ({"CORS_SUPPORTS_CREDENTIALS": "false"}, "not-a-bool", "False"),
            ],
        ),
    )
    for case in cases
]


def problems(drop_in: Any, options: dict[str, Any]) -> tuple[Problem, ...]:
    try:
        with warnings.catch_warnings(action="error"):
            drop_in(True, options)
    except PolicyError as error:
        return error.problems
    return ()


def shown(value: Any) -> str:
    return getattr(value, "__name__", None) or ascii(value)


@pytest.mark.parametrize(("drop_in", "options", "code", "hint"), CASES, ids=shown)
def test_an_idle_value_warns_or_is_an_error_if_strict(
    drop_in: Any, options: dict[str, Any], code: str, hint: str | None
) -> None:
    found = [problem for problem in problems(drop_in, options) if problem.code == code]
    hints = [problem.hint for problem in found]
    assert [text and text.lower() for text in hints] == [hint and hint.lower()]
    with warnings.catch_warnings(record=True, action="always") as caught:
        drop_in(False, options)
    said = [warning for warning in caught if str(warning.message).endswith(f"[{code}]")]
    kind = CorsfastSecurityWarning if code in SECURITY else CorsfastUnmatchableWarning
    assert [warning.category for warning in said] == [kind]
    assert said[0].filename == __file__
    if hints[0] is not None:
        assert f"Write {hints[0]} instead." in str(said[0].message)


@pytest.mark.parametrize(("drop_in", "options", "code", "hint"), CASES, ids=shown)
def test_suggestions_for_idle_values_are_valid(
    drop_in: Any, options: dict[str, Any], code: str, hint: str | None
) -> None:
    for problem in problems(drop_in, options):
        text = (problem.hint or "").partition(" (")[0]
        try:
            meant = ast.literal_eval(text)
        except (SyntaxError, ValueError):
            continue  # a hint in prose
        given = options.get(problem.option)
        if isinstance(given, (list, tuple)) and not isinstance(meant, list):
            meant = list(meant) if isinstance(meant, tuple) else [meant]
        if problem.code == "not-a-bool":
            assert meant in (True, False)
        key = f"CORS_{problem.option.upper()}"  # the name in the config
        more = {key: meant, "CORS_ORIGINS": [A]} if key in options else {problem.option: meant}
        assert problems(drop_in, {**options, **more}) == ()


@pytest.mark.parametrize(
    ("drop_in", "options"),
    [
        (starlette, {"allow_methods": ["*"], "allow_headers": "*", "allow_credentials": True}),
        (starlette, {"allow_methods": ["GET", "PURGE"], "expose_headers": ["*"], "max_age": 0}),
        (starlette, {"allow_credentials": 1, "max_age": "600"}),
        (
            starlette,
            {
                "allow_origin_regex": r"https://[a-z]+\.a\.example",
                "allow_methods": ["*"],
                "allow_headers": ["*"],
                "allow_credentials": True,
            },
        ),
        (litestar, {"allow_methods": ["PATCH"], "allow_headers": ["Content-Type"]}),
        (blacksheep, {"allow_methods": "get, post", "allow_headers": "X-A  X-B"}),
        (blacksheep, {"allow_methods": "*", "allow_headers": "*", "allow_credentials": True}),
        (falcon, {"expose_headers": "X-A, X-B", "allow_credentials": None}),
        (falcon, {"allow_origins": "*"}),
        (falcon, {"allow_origins": [A, B], "allow_credentials": [A], "expose_headers": ["X-One"]}),
        (falcon, {"allow_origins": ()}),
        (falcon, {"allow_credentials": A, "allow_private_network": True}),
        (
            flask,
            {
                "origins": [A, r"https://(www\.)?b\.example", "http://localhost:3000"],
                "supports_credentials": True,
            },
        ),
        (flask, {"methods": ["get, put", " PATCH"], "allow_headers": [r"X-.*", "x-a"]}),
        (flask, {"expose_headers": ["X-A, X-B"], "max_age": "600", "resources": r"^/api/.*"}),
        (flask, {"max_age": timedelta(0), "resources": "(/a|/b)", "methods": "GET,"}),
        (flask_config, {"CORS_ORIGIN": [A], "CORS_ORIGINS": [A]}),
        (flask_config, {"CORS_ENABLED": True, "MY_CORS_ORIGIN": [A], "CORS_ORIGINS": [A]}),
        (quart, {"allow_methods": "*", "allow_headers": "*", "max_age": "600"}),
        (quart, {"allow_methods": "GET", "max_age": 0, "expose_headers": [""]}),
        (quart, {"allow_origin": [A, re.compile(r"https://(www\.)?b\.example")]}),
        (quart_config, {"QUART_CORS_ALLOW_ORIGIN": [A], "CORS_ORIGINS": [A]}),
        (sanic, {"CORS_METHODS": "get, put,", "CORS_EXPOSE_HEADERS": "X-A,X-B"}),
        (sanic, {"CORS_ALLOW_HEADERS": "*", "CORS_SUPPORTS_CREDENTIALS": True}),
        (aiohttp, {"expose_headers": "*", "allow_headers": ["X-A"], "allow_methods": ["get"]}),
    ],
    ids=shown,
)
def test_correct_values_emit_no_warning(drop_in: Any, options: dict[str, Any]) -> None:
    assert problems(drop_in, options) == ()


@pytest.mark.parametrize(
    ("drop_in", "options", "instead"),
    [
        (starlette, {"allow_methods": None}, r"write allow_methods=\[...\]"),
        (falcon, {"allow_credentials": True}, r"write allow_credentials='\*'"),
        (falcon, {"allow_credentials": False}, "write allow_credentials=None"),
        (aiohttp, {"allow_headers": [b"X-A"]}, "must hold strings"),
    ],
    ids=shown,
)
def test_unreadable_values_get_a_suggestion(
    drop_in: Any, options: dict[str, Any], instead: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=instead):
        drop_in(False, options)


@pytest.mark.parametrize(
    ("options", "code", "hint"),
    [
        ({"max_age": timedelta(hours=1)}, "type", "3600"),
        ({"max_age": timedelta(days=7)}, "type", None),
        ({"allow_headers": [", ".join(["X-" + "a" * 60] * 3)]}, "list-in-string", None),
        ({"allow_methods": [""]}, "not-a-token", None),
    ],
    ids=shown,
)
def test_a_policy_refuses_them(options: dict[str, Any], code: str, hint: str | None) -> None:
    with pytest.raises(PolicyError) as error:
        corsfast.Policy(**{"allow_origins": [A], **options})
    (problem,) = error.value.problems
    assert problem.code == code
    if code == "list-in-string":
        hint = ", ".join(map(repr, options["allow_headers"][0].split(", ")))
    assert problem.hint == hint


# By drop-in: options, then the option and the code of each problem. The codes of one row are all
# risks, or all about entries that match nothing.
ANY, NULL = "any-origin-with-credentials", "null-origin-with-credentials"
REGEX = r"https://.*\.?example\.com"
OF_ASGI: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"allow_origins": ["*"], "allow_credentials": True}, "allow_origins", [ANY]),
    ({"allow_origins": ["null"], "allow_credentials": True}, "allow_origins", [NULL]),
    ({"allow_origins": "https://a.example"}, "allow_origins", ["bare-string"]),
    ({"allow_origins": [f"{A}/"]}, "allow_origins", ["trailing-slash"]),
    ({"allow_origin_regex": "https://a.example.com"}, "allow_origin_regex", ["foreign-origin"]),
    ({"allow_origin_regex": r"https://.*\.co\.uk"}, "allow_origin_regex", ["public-suffix"]),
    ({"allow_origin_regex": "a.example"}, "allow_origin_regex", ["unmatchable-pattern"]),
    ({"allow_methods": "GET,PUT"}, "allow_methods", ["bare-string"]),
    ({"allow_methods": ["P" * 65]}, "allow_methods", ["too-long"]),
    ({"allow_headers": ["X Y"]}, "allow_headers", ["not-a-token"]),
    ({"expose_headers": ["X\r\n"]}, "expose_headers", ["not-a-token"]),
]
OF_FLASK: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"origins": "*", "supports_credentials": True}, "origins", [ANY]),
    ({"origins": [A, "null"], "supports_credentials": True}, "origins", [NULL]),
    (
        {"origins": ["http://a.example"], "supports_credentials": True},
        "origins",
        ["insecure-origin"],
    ),
    ({"origins": REGEX}, "origins", ["foreign-origin"]),
    ({"origins": [A, "localhost:3000"]}, "origins", ["scheme-missing"]),
    ({"origins": [f"{A}/"]}, "origins", ["trailing-slash"]),
    ({"origins": [A, "http://localhost:*"]}, "origins", ["glob-as-regex"]),
]
OF_QUART: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"allow_origin": re.compile(REGEX)}, "allow_origin", ["foreign-origin"]),
    ({"allow_origin": [A, "localhost:3000"]}, "allow_origin", ["scheme-missing"]),
    ({"allow_origin": "https://*.a.example"}, "allow_origin", ["wildcard"]),
]
OF_QUART_WITH_CREDENTIALS: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"allow_origin": [A, "null"], "allow_credentials": True}, "allow_origin", [NULL]),
    (
        {"allow_origin": "http://a.example", "allow_credentials": True},
        "allow_origin",
        ["insecure-origin"],
    ),
]
ORIGINS: list[tuple[Any, dict[str, Any], str, list[str]]] = [
    (drop_in, *row)
    for drop_ins, rows in (
        ((starlette, litestar), OF_ASGI),
        ((flask, flask_view, flask_resource, flask_strict_config), OF_FLASK),
        ((quart, quart_view, quart_socket), OF_QUART),
        ((quart, quart_view), OF_QUART_WITH_CREDENTIALS),
        (
            (starlette,),
            [
                (
                    {"allow_origins": ["http://a.example"], "allow_credentials": True},
                    "allow_origins",
                    ["insecure-origin"],
                ),
                (
                    {"allow_origins": ["a.example", ""]},
                    "allow_origins",
                    ["scheme-missing", "empty"],
                ),
                ({"allow_origins": ["https://*.a.example"]}, "allow_origins", ["wildcard"]),
                (
                    {"allow_origins": [re.compile("https://.*"), b"https://a.example", 1]},
                    "allow_origins",
                    ["type"] * 3,
                ),
            ],
        ),
        (
            (litestar,),
            [
                (
                    {"allow_origins": ["http://*.a.example"], "allow_credentials": True},
                    "allow_origins",
                    ["insecure-origin"],
                ),
                ({"allow_origins": ["https://*shop.com"]}, "allow_origins", ["foreign-origin"]),
                ({"allow_origins": ["https://*.co.uk"]}, "allow_origins", ["public-suffix"]),
                (
                    {"allow_origins": ["a.example", "*.a.example/"]},
                    "allow_origins",
                    ["scheme-missing", "unmatchable-pattern"],
                ),
                ({"allow_origins": [1]}, "allow_origins", ["type"]),
            ],
        ),
        (
            (sanic,),
            [
                (
                    {"CORS_ORIGINS": "null", "CORS_SUPPORTS_CREDENTIALS": True},
                    "CORS_ORIGINS",
                    [NULL],
                ),
                (
                    {"CORS_ORIGINS": re.compile(r"https://.*a\.com")},
                    "CORS_ORIGINS",
                    ["foreign-origin"],
                ),
                ({"CORS_ORIGINS": "a.example"}, "CORS_ORIGINS", ["scheme-missing"]),
                ({"CORS_ORIGINS": [A, "*"]}, "CORS_ORIGINS", ["scheme-missing"]),
                ({"CORS_ORIGINS": f"{A}, *"}, "CORS_ORIGINS", ["scheme-missing"]),
                ({"CORS_ORIGINS": (A,)}, "CORS_ORIGINS", ["type"]),
            ],
        ),
        (
            (blacksheep,),
            [
                ({"allow_origins": "*", "allow_credentials": True}, "allow_origins", [ANY]),
                ({"allow_origins": ["null"], "allow_credentials": True}, "allow_origins", [NULL]),
                ({"allow_origins": "a.example"}, "allow_origins", ["scheme-missing"]),
                ({"allow_methods": ["GET", "P T"]}, "allow_methods", ["not-a-token"]),
                ({"allow_methods": ["P" * 65]}, "allow_methods", ["too-long"]),
                ({"allow_headers": ["x\r\ny"]}, "allow_headers", ["not-a-token"]),
                ({"expose_headers": ["x-\xe4"]}, "expose_headers", ["not-a-token"]),
                ({"allow_origins": [f"{A}/"]}, "allow_origins", ["trailing-slash"]),
            ],
        ),
        (
            (falcon,),
            [
                ({"allow_origins": "*", "allow_credentials": "*"}, "allow_origins", [ANY]),
                (
                    {"allow_origins": ["null", A], "allow_credentials": ["null"]},
                    "allow_origins",
                    [NULL],
                ),
                (
                    {"allow_origins": "*", "allow_credentials": "http://a.example"},
                    "allow_credentials",
                    ["insecure-origin"],
                ),
                ({"allow_origins": "example.com"}, "allow_origins", ["scheme-missing"]),
                ({"allow_origins": [f"{A}/"]}, "allow_origins", ["trailing-slash"]),
                ({"allow_origins": ["https://*.a.example"]}, "allow_origins", ["wildcard"]),
                ({"allow_credentials": [A, B]}, "allow_credentials", ["origin-not-allowed"]),
                (
                    {"allow_origins": ["localhost", "a.example"]},
                    "allow_origins",
                    ["scheme-missing"] * 2,
                ),
            ],
        ),
    )
    for row in rows
    for drop_in in drop_ins
]


@pytest.mark.parametrize(("drop_in", "options", "option", "codes"), ORIGINS, ids=shown)
def test_each_risk_or_unmatchable_entry_warns_once(
    drop_in: Any, options: dict[str, Any], option: str, codes: list[str]
) -> None:
    found = [(problem.option, problem.code) for problem in problems(drop_in, options)]
    assert found == [(option, code) for code in codes]
    with warnings.catch_warnings(record=True, action="always") as caught:
        drop_in(False, options)
    kind = CorsfastSecurityWarning if codes[0] in SECURITY else CorsfastUnmatchableWarning
    assert {(warning.category, warning.filename) for warning in caught} == {(kind, __file__)}
    module = drop_in.__name__.partition("_")[0]
    said = [re.findall(r"^(.*?): (.*?): .*\[([a-z-]+)\]$", str(w.message)) for w in caught]
    assert said == [[(f"corsfast.middleware.{module}", option, code)] for code in codes]
