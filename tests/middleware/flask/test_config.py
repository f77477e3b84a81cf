"""Where the options come from, and what happens when they change."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from support.client import cors_of, get, preflight
from support.drop_ins.flask import OTHER, A, B, build, call, extended, ours, theirs

from corsfast import PolicyError

pytestmark = pytest.mark.server


def test_settings_of_the_application() -> None:
    config = {
        "CORS_ORIGINS": [A],
        "CORS_METHODS": ["PUT"],
        "CORS_ALLOW_HEADERS": ["x-a"],
        "CORS_EXPOSE_HEADERS": ["X-E"],
        "CORS_SUPPORTS_CREDENTIALS": True,
        "CORS_MAX_AGE": 7,
        "CORS_RESOURCES": {"/api/*": {"origins": [B]}, "/": {}},
        "CORS_ALWAYS_SEND": False,
    }
    apps = []
    for library in (theirs(), ours()):
        apps.append(app := build(config))
        library.CORS(app)
    for request in (
        get(A),
        get(B, "/api/x"),
        get(A, "/api/x"),
        get(A, "/own"),
        get(None),
        preflight("PUT", "x-a,x-b"),
    ):
        their, our = (call(app, request) for app in apps)
        assert cors_of(their) == cors_of(our)
    assert cors_of(call(apps[1], preflight("PUT", "x-a,x-b"))) == {
        "access-control-allow-origin": [A],
        "access-control-allow-credentials": ["true"],
        "access-control-expose-headers": ["X-E"],
        "access-control-allow-headers": ["x-a"],
        "access-control-allow-methods": ["PUT"],
        "access-control-max-age": ["7"],
    }


def test_a_resource_overrides_arguments_which_override_config() -> None:
    app = build({"CORS_ORIGINS": "https://config.example", "CORS_MAX_AGE": 1})
    extension = ours().CORS(origins="https://made.example", max_age=2)
    extension.init_app(app, max_age=3, resources={"/api/*": {"max_age": 4}, "/*": {}})
    made = "https://made.example"
    for path, age in (("/", "3"), ("/api/x", "4")):
        found = call(app, preflight(origin=made, path=path))
        assert found.first("access-control-max-age") == age
        assert found.first("access-control-allow-origin") == made


def test_a_decorated_view_follows_the_config_of_its_application() -> None:
    from flask import Flask

    view = ours().cross_origin(max_age=9)(lambda: "hello")
    apps = [Flask("one"), Flask("two")]
    for app, origin in zip(apps, (A, B), strict=True):
        app.config["CORS_ORIGINS"] = [origin]
        app.add_url_rule("/", "view", view)
    for _ in range(2):
        for app, origin in zip(apps, (A, B), strict=True):
            found = call(app, preflight(origin=origin))
            assert found.first("access-control-allow-origin") == origin
            assert found.first("access-control-max-age") == "9"
            assert not cors_of(call(app, get(OTHER)))
    # Tests change settings, also in place.
    apps[0].config["CORS_ORIGINS"].append(OTHER)
    assert call(apps[0], get(OTHER)).first("access-control-allow-origin") == OTHER
    apps[0].config["CORS_ORIGINS"] = [B]
    assert not cors_of(call(apps[0], get(OTHER)))
    assert call(apps[0], get(B)).first("access-control-allow-origin") == B


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("origin", "origins"),
        ("allow_origins", "origins"),
        ("allow_credentials", "supports_credentials"),
        ("suports_credentials", "supports_credentials"),
        ("paths", "resources"),
        ("logging", None),
    ],
)
@pytest.mark.parametrize("where", ["CORS", "resource", "cross_origin", "cross_origin, by config"])
def test_an_unknown_option_warns_once_and_fails_if_strict(
    name: str, meant: str | None, where: str
) -> None:
    from flask import Flask

    from corsfast import CorsfastSecurityWarning

    def set_up(**more: Any) -> None:
        options: Any = {name: [A], **more}
        if where == "CORS":
            ours().CORS(Flask("app"), **options)
        elif where == "resource":
            ours().CORS(Flask("app"), resources={"/a": options, "/b": options})
        elif where == "cross_origin":
            ours().cross_origin(**options, origins="*")(lambda: "hello")
        else:
            app = Flask("app")
            app.config["CORS_ORIGINS"] = [B]
            app.add_url_rule("/", "view", ours().cross_origin(**options)(lambda: "hello"))
            assert not cors_of(call(app, get(A)))  # and does not warn again

    with pytest.warns(CorsfastSecurityWarning) as caught:
        set_up()
    (said,) = caught
    text = str(said.message)
    assert text.startswith(f"corsfast.middleware.flask: {name}: there is no such option")
    assert text.endswith("[unknown-option]")
    limits = meant in ("origins", "resources")
    assert ("every origin is allowed" in text) == (limits and "config" not in where)
    assert (f"Write {meant} instead." in text) if meant else ("Write" not in text)
    assert said.filename == __file__
    with pytest.raises(PolicyError) as refused:
        set_up(strict=True)
    assert [p.code for p in refused.value.problems] == ["unknown-option"]


@pytest.mark.parametrize("library", [theirs, ours])
def test_a_broken_regex_is_refused_at_once(library: Callable[[], ModuleType]) -> None:
    with pytest.raises(ValueError, match=r"regex|regular expression"):
        extended(library(), {"origins": "https://("})
    with pytest.raises(ValueError, match=r"regex|regular expression"):
        extended(library(), {"resources": "/(("})


@pytest.mark.parametrize("options", [{"methods": "GET\r\nX: y"}, {"expose_headers": ["X\n"]}])
def test_unsendable_values_are_rejected_at_start_up(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        extended(ours(), options)
