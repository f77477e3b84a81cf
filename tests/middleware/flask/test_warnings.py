"""Insecure and ineffective options are reported once at start-up, or are errors if strict."""

from __future__ import annotations

import re
import warnings
from typing import Any

import pytest
from support.client import get
from support.drop_ins.flask import A, build, call, decorated, extended, ours

from corsfast import PolicyError
from corsfast.errors import CorsfastSecurityWarning, CorsfastUnmatchableWarning

pytestmark = pytest.mark.server


INSECURE: list[tuple[dict[str, Any], type[Warning], str]] = [
    ({"supports_credentials": True}, CorsfastSecurityWarning, "any-origin-with-credentials"),
    (
        {"origins": [A, "null"], "supports_credentials": True},
        CorsfastSecurityWarning,
        "null-origin-with-credentials",
    ),
    (
        {"origins": ["http://a.example"], "supports_credentials": True},
        CorsfastSecurityWarning,
        "insecure-origin",
    ),
    ({"origins": r"https://.*\.?example\.com"}, CorsfastSecurityWarning, "foreign-origin"),
    ({"origins": [A, "localhost:3000"]}, CorsfastUnmatchableWarning, "localhost:3000"),
    ({"origins": [A + "/"]}, CorsfastUnmatchableWarning, "trailing-slash"),
    ({"origins": [A, "http://localhost:*"]}, CorsfastUnmatchableWarning, "glob-as-regex"),
    (
        {"origins": [A, "http://10.0.0.0/8:*"]},
        CorsfastUnmatchableWarning,
        r'Write r"http://10(?:\.',
    ),
]


@pytest.mark.parametrize("how", [extended, decorated])
@pytest.mark.parametrize(("options", "kind", "text"), INSECURE, ids=lambda value: repr(value))
def test_insecure_settings_warn_once(
    how: Any, options: dict[str, Any], kind: type[Warning], text: str
) -> None:
    options = dict(options)
    if how is extended:
        options["resources"] = {"/api/*": {}, "/*": {"max_age": None}}
    with warnings.catch_warnings(record=True, action="always") as caught:
        app = how(ours(), options)
        call(app, get())
        call(app, get())
    found = [w for w in caught if w.category is kind and text in str(w.message)]
    views = 1 if how is extended else len(app.view_functions)
    assert 1 <= len(found) <= views
    assert all("corsfast.middleware.flask: origins" in str(w.message) for w in found)


@pytest.mark.parametrize(("options", "kind", "text"), INSECURE, ids=lambda value: repr(value))
def test_strict_makes_them_errors(options: dict[str, Any], kind: type[Warning], text: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(text)):
        extended(ours(), {**options, "strict": True})
    if "origins" in options:  # otherwise it depends on the application's config
        with pytest.raises(PolicyError, match=re.escape(text)):
            decorated(ours(), {**options, "strict": True})
    app = build({f"CORS_{name.upper()}": value for name, value in options.items()})
    app.config["CORS_STRICT"] = True
    with pytest.raises(PolicyError, match=re.escape(text)):
        ours().CORS(app)


def test_secure_settings_are_silent() -> None:
    with warnings.catch_warnings(action="error"):
        extended(
            ours(),
            {
                "origins": [A, r"https://(www\.)?b\.example", "http://localhost:3000"],
                "supports_credentials": True,
                "strict": True,
            },
        )
