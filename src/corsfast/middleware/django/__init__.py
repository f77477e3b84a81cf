"""CORS for Django, in place of django-cors-headers: its settings, checks and signal.

    INSTALLED_APPS = [..., "corsfast.middleware.django", ...]
    MIDDLEWARE = ["corsfast.middleware.django.CorsMiddleware", ...]
    CORS_ALLOWED_ORIGINS = ["https://app.example.com"]

The modules have the names that they have there, so that ``corsheaders`` can be replaced by
``corsfast.middleware.django`` wherever it stands.

    CORS_* settings --conf--> Answers --middleware--> fields on a response
                    \\--checks--> messages of `manage.py check`

Place in the flow: Policy -> headers on a response.
Never: read a setting while this is imported (settings modules import `default_headers`).
"""

from __future__ import annotations

from .defaults import default_headers, default_methods
from .middleware import CorsMiddleware
from .signals import check_request_enabled

__all__ = ["CorsMiddleware", "check_request_enabled", "default_headers", "default_methods"]
