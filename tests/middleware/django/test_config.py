"""Where the options come from, and what happens when they change."""

from __future__ import annotations

from typing import Any

import pytest
from support.drop_ins.django import STRANGER, A, B, allowed, having, ours, view

pytestmark = pytest.mark.server


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
