"""Where the options come from, and what happens when they change."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from support.client import Request, get, preflight
from support.compare import differences, quiet
from support.drop_ins.quart import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    CONFIGS,
    EXPOSE,
    MAX_AGE,
    OTHER,
    A,
    B,
    Options,
    _no_token,
    build,
    cors,
    decorate,
    decorated,
    extended,
    ours,
    run,
    theirs,
)

pytestmark = pytest.mark.server


@pytest.mark.parametrize("how", [extended, decorated])
def test_settings_are_followed_as_they_change(how: Any) -> None:
    app = how(ours(), {"expose_headers": ["X-E"]})
    request = preflight("PUT", "x-a,x-b")
    assert cors(run(app, request)[0]) == {
        ALLOW_ORIGIN: "*",
        EXPOSE: "X-E",
        ALLOW_HEADERS: "x-a, x-b",
        ALLOW_METHODS: "GET, HEAD, POST, OPTIONS, PUT, PATCH, DELETE",
    }
    app.config.update(
        QUART_CORS_ALLOW_ORIGIN=[A],
        QUART_CORS_ALLOW_CREDENTIALS=True,
        QUART_CORS_ALLOW_METHODS=["PUT"],
        QUART_CORS_ALLOW_HEADERS=["x-a"],
        QUART_CORS_EXPOSE_HEADERS=["X-Not"],
        QUART_CORS_MAX_AGE=timedelta(seconds=7),
    )
    assert cors(run(app, request)[0]) == {
        ALLOW_ORIGIN: A,
        ALLOW_CREDENTIALS: "true",
        EXPOSE: "X-E",
        ALLOW_HEADERS: "x-a",
        ALLOW_METHODS: "PUT",
        MAX_AGE: "7",
    }
    assert cors(run(app, get(B))[0]) == {}
    app.config["QUART_CORS_ALLOW_ORIGIN"].append(B)  # in place, too
    assert cors(run(app, get(B))[0])[ALLOW_ORIGIN] == B
    del app.config["QUART_CORS_ALLOW_ORIGIN"], app.config["QUART_CORS_ALLOW_CREDENTIALS"]
    assert cors(run(app, get(B))[0])[ALLOW_ORIGIN] == "*"


def test_one_blueprint_in_two_applications() -> None:
    from quart import Blueprint

    blue = ours().cors(Blueprint("blue", "blue"), max_age=3)
    blue.add_url_rule("/blue", "blue", decorate(lambda: "blue"))
    apps = [build({"QUART_CORS_ALLOW_ORIGIN": origin}) for origin in (A, B)]
    for app in apps:
        app.register_blueprint(blue)
    for _ in range(2):
        for app, origin in zip(apps, (A, B), strict=True):
            found = run(app, preflight(origin=origin, path="/blue"))[0]
            assert (found.first(ALLOW_ORIGIN), found.first(MAX_AGE)) == (origin, "3")
            assert not cors(run(app, get(OTHER, "/blue"))[0])


@pytest.mark.parametrize("how", [extended, decorated])
@pytest.mark.parametrize("config", CONFIGS, ids=repr)
def test_the_config_accepts_the_same_values_as_arguments(how: Any, config: Options) -> None:
    """It means the same, so the responses equal those of quart-cors with arguments."""
    given = {name.removeprefix("QUART_CORS_").lower(): value for name, value in config.items()}
    if not given.get("send_origin_wildcard", True):
        given["send_origin_wildcard"] = None  # there, False means None
    by_config, by_arguments = how(ours(), {}), quiet(lambda: how(ours(), given))
    by_config.config.update(config)
    for app in (by_arguments, their := how(theirs(), given)):
        if "send_origin_wildcard" in given:
            app.config["QUART_CORS_SEND_ORIGIN_WILDCARD"] = False
    asked = [preflight("PUT", "x-custom", origin) for origin in (A, B, OTHER)]
    asked += [get(A), get(OTHER), preflight("PATCH", "x-other")]
    found = quiet(lambda: run(by_config, *asked))
    assert found == run(by_arguments, *asked)
    for request, one, other in zip(asked, run(their, *asked), found, strict=True):
        assert not set(differences(one, other)) - _no_token({}, request, one, other)


def test_warnings_at_start_up() -> None:
    def wrong_at_start(library: ModuleType) -> list[Callable[[], Any]]:
        options = {"allow_credentials": True, "allow_origin": "*"}
        return [lambda: extended(library, options), lambda: decorated(library, options)]

    for make in wrong_at_start(ours()):
        with pytest.raises(ValueError, match="allow_credentials"):
            make()
    for make in wrong_at_start(theirs()):
        assert run(make(), get())[0].status == 500
    # If the origins come from the config, only a request can show the conflict.
    for library in (theirs(), ours()):
        app = extended(library, {"allow_credentials": True})
        assert run(app, get())[0].status == 500
        app.config["QUART_CORS_ALLOW_ORIGIN"] = [A]
        assert cors(run(app, get())[0])[ALLOW_CREDENTIALS] == "true"


def test_read_at_start() -> None:
    for library, expected in ((theirs(), A), (ours(), None)):
        origins = [B]
        app = extended(library, {"allow_origin": origins})
        origins.append(A)
        assert run(app, get(A))[0].first(ALLOW_ORIGIN) == expected


def test_iterators_are_not_used_up() -> None:
    app = extended(ours(), {"allow_origin": iter([A, B]), "allow_headers": iter(["x-a"])})
    for _ in range(2):
        assert cors(run(app, preflight("PUT", "x-a"))[0])[ALLOW_HEADERS] == "x-a"
    app.config["QUART_CORS_MAX_AGE"] = 5
    assert cors(run(app, preflight("PUT", "x-a", B))[0])[MAX_AGE] == "5"


@pytest.mark.parametrize("how", [extended, decorated])
def test_whether_a_wildcard_is_sent_is_left_to_the_config(how: Any) -> None:
    for library in (theirs(), ours()):
        for given in ({}, {"send_origin_wildcard": False}):
            found = []
            for config in ({}, {"QUART_CORS_SEND_ORIGIN_WILDCARD": False}):
                app = how(library, {"allow_origin": ["*"], **given})
                app.config.update(config)
                found.append(run(app, get(A))[0].first(ALLOW_ORIGIN))
            assert found == ["*", A]


@pytest.mark.parametrize("how", [extended, decorated])
def test_whether_cookies_may_be_used_is_left_to_the_config(how: Any) -> None:
    for library in (theirs(), ours()):
        for given in ({}, {"allow_credentials": False}):
            found = []
            for origin in (A, "*"):
                app = how(library, {"allow_origin": [origin], **given})
                app.config["QUART_CORS_ALLOW_CREDENTIALS"] = True
                (got,) = run(app, get(A))
                found.append((got.status, got.first(ALLOW_CREDENTIALS)))
            assert found == [(200, "true"), (500, None)]


def test_lines_of_requested_header_names_are_one_list() -> None:
    lines = (("access-control-request-headers", "x-a"), ("access-control-request-headers", "x-b"))
    found = run(extended(ours(), {}), Request("OPTIONS", (*preflight().headers, *lines)))[0]
    assert cors(found)[ALLOW_HEADERS] == "x-a, x-b"


def test_sets_are_sent_in_an_order_of_their_own() -> None:
    for option, name in (("allow_methods", ALLOW_METHODS), ("expose_headers", EXPOSE)):
        app = extended(ours(), {option: {"PUT", "C", "A", "GET", "B"}})
        assert cors(run(app, preflight())[0])[name] == "A, B, C, GET, PUT"


@pytest.mark.parametrize("library", [ours, theirs])
def test_config_of_each_application(library: Callable[[], ModuleType]) -> None:
    """A view is in two applications: quart-cors keeps the config of the first one."""
    view = library().route_cors()(decorate(lambda: "view"))
    apps = [build({"QUART_CORS_ALLOW_ORIGIN": [origin]}) for origin in (A, B)]
    found = []
    for app, origin in zip(apps, (A, B), strict=True):
        app.add_url_rule("/view", "view", view)
        found.append(run(app, get(origin, "/view"))[0].first(ALLOW_ORIGIN))
    assert found == ([A, B] if library is ours else [A, None])


def test_strict_by_config_counts_where_origins_do() -> None:
    app = extended(ours(), {})
    app.config["QUART_CORS_ALLOW_ORIGIN"] = re.compile(r"https://.*\.?example\.com")
    app.config["QUART_CORS_STRICT"] = True
    assert run(app, get())[0].status == 500
    app.config["QUART_CORS_ALLOW_ORIGIN"] = [A]
    assert cors(run(app, get())[0]) == {ALLOW_ORIGIN: A}
    given = quiet(lambda: extended(ours(), {"allow_origin": [A, "localhost"]}))
    given.config["QUART_CORS_STRICT"] = True  # too late to have an effect
    assert cors(run(given, get())[0]) == {ALLOW_ORIGIN: A}
