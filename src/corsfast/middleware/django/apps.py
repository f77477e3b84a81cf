"""The app for INSTALLED_APPS, which registers the system checks.

The middleware must also work without the app.
"""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register

from .checks import check_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    _AppConfig = object  # Django has no types, so its class would be unknown
else:
    _AppConfig = AppConfig


class CorsfastAppConfig(_AppConfig):
    """The configuration of ``corsfast.middleware.django`` in INSTALLED_APPS."""

    name = "corsfast.middleware.django"
    label = "corsfast"
    verbose_name = "corsfast"

    def ready(self) -> None:
        register(Tags.security)(check_settings)
