"""The signal by which an application has a say.

Place in the flow: leftmost of this package.
Never: send anything by itself; the middleware does.
"""

from __future__ import annotations

from django.dispatch import Signal

# Sent with `sender=None` and `request=`, when the path is not covered by CORS_URLS_REGEX, and
# when the settings do not allow the origin. One receiver that returns something true decides.
check_request_enabled = Signal()
