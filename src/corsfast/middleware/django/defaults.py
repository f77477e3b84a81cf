"""What is allowed where no setting says so; settings modules import these to add to them.

Place in the flow: leftmost of this package.
Never: import Django, which is being set up then.
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
