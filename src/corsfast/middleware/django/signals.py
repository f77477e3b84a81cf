"""The signal by which an application can enable CORS for a request."""

from __future__ import annotations

from django.dispatch import Signal

# Sent with `sender=None` and `request=` if CORS_URLS_REGEX does not match the path, or if the
# settings do not allow the origin. One receiver that returns a true value enables CORS.
check_request_enabled: Signal = Signal()
