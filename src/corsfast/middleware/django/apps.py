"""The app that registers the system checks, for INSTALLED_APPS.

Place in the flow: right of checks.py.
Never: be needed for the middleware to work.
"""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register

from .checks import check_settings


class CorsfastAppConfig(AppConfig):  # type: ignore[misc]
    """``corsfast.middleware.django`` in INSTALLED_APPS."""

    name = "corsfast.middleware.django"
    label = "corsfast"
    verbose_name = "corsfast"

    def ready(self) -> None:
        register(Tags.security)(check_settings)
