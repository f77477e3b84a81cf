"""Default values of settings, which settings modules import to extend them.

Do not import Django here, because it is not yet set up when a settings module imports this.
"""

from __future__ import annotations

default_headers: tuple[str, ...] = (
    "accept",
    "authorization",
    "content-type",
    "user-agent",
    "x-csrftoken",
    "x-requested-with",
)

default_methods: tuple[str, ...] = ("DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT")
