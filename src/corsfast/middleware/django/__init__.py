"""CORS for Django: replaces django-cors-headers, with its settings, checks and signal.

    INSTALLED_APPS = [..., "corsfast.middleware.django", ...]
    MIDDLEWARE = ["corsfast.middleware.django.CorsMiddleware", ...]
    CORS_ALLOWED_ORIGINS = ["https://app.example.com"]

The modules have the same names as in django-cors-headers, so every ``corsheaders`` can be replaced
by ``corsfast.middleware.django``.

    CORS_* settings --conf--> CompiledSettings --middleware--> fields on a response
                    \\--checks--> messages of `manage.py check`

Read no setting during the import, because settings modules import `default_headers` from here.
"""

from __future__ import annotations

from .defaults import default_headers, default_methods
from .middleware import CorsMiddleware
from .signals import check_request_enabled

__all__ = ["CorsMiddleware", "check_request_enabled", "default_headers", "default_methods"]
