"""Default values of settings, which settings modules import to extend them.

Do not import Django here, because it is not yet set up when a settings module imports this.
"""

from __future__ import annotations

default_headers = (
    "accept",
    "authorization",
    "content-type",
    "user-agent",
    "x-csrftoken",
    "x-requested-with",
)

default_methods = ("DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT")
