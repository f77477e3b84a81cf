"""Write a policy as the configuration of a proxy or gateway, which then decides the same.

    corsfast.export.to_nginx(policy)

Each function returns the text of a file, or raises `ExportError` with what its target cannot
express. docs/export.md says how the files are used.
"""

from __future__ import annotations

from ._cloudflare_worker import to_cloudflare_worker
from ._model import ExportError, Reason
from ._nginx import to_nginx

TARGETS = {"nginx": to_nginx, "cloudflare-worker": to_cloudflare_worker}

__all__ = ["TARGETS", "ExportError", "Reason", "to_cloudflare_worker", "to_nginx"]
