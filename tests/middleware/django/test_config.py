"""Where the options come from, and what happens when they change."""

from __future__ import annotations

from typing import Any

import pytest
from support.drop_ins.django import OTHER, A, B, allowed, having, ours, view

pytestmark = pytest.mark.server


def test_overridden_settings_are_noticed() -> None:
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


def test_setting_deleted_under_an_override_is_noticed() -> None:
    """Django's documentation recommends this for tests; nothing sends a signal."""
    from django.conf import settings

    middleware = ours().CorsMiddleware(view)
    with having(CORS_ALLOWED_ORIGINS=[A]):
        assert allowed(middleware, A)
        with having():
            del settings.CORS_ALLOWED_ORIGINS
            assert not allowed(middleware, A)
        assert allowed(middleware, A)


def test_settings_assigned_at_run_time_need_the_signal() -> None:
    """Django's documentation forbids to assign them."""
    from django.conf import settings
    from django.core.signals import setting_changed

    middleware = ours().CorsMiddleware(view)
    with having():
        assert not allowed(middleware, A)
        settings.CORS_ALLOWED_ORIGINS = [A]
        assert not allowed(middleware, A)
        setting_changed.send(sender=None, setting="CORS_ALLOWED_ORIGINS", value=[A], enter=True)
        assert allowed(middleware, A)


def test_settings_changed_while_they_are_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may do this. The result belongs to the settings before the change."""
    from django.conf import settings
    from django.core.signals import setting_changed

    from corsfast.middleware.django import conf

    compiled = conf.compile_settings

    def late() -> Any:
        result = compiled()
        monkeypatch.undo()
        settings.CORS_ALLOWED_ORIGINS = [B]
        setting_changed.send(sender=None, setting="CORS_ALLOWED_ORIGINS", value=[B], enter=True)
        return result

    middleware = ours().CorsMiddleware(view)
    with having(CORS_ALLOWED_ORIGINS=[A]):
        monkeypatch.setattr(conf, "compile_settings", late)
        assert allowed(middleware, A)
        assert allowed(middleware, B)
        assert not allowed(middleware, A)


def test_settings_without_their_private_attribute(monkeypatch: pytest.MonkeyPatch) -> None:
    from corsfast.middleware.django import _compat

    monkeypatch.setattr(_compat, "_ATTRIBUTES", {})
    test_overridden_settings_are_noticed()


def test_settings_are_not_read_per_request(monkeypatch: pytest.MonkeyPatch) -> None:
    from corsfast.middleware.django import conf

    with having(CORS_ALLOWED_ORIGINS=[A]):
        middleware = ours().CorsMiddleware(view)
        monkeypatch.setattr(conf, "read", None)
        assert allowed(middleware, A)
        assert not allowed(middleware, OTHER)
