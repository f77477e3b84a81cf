"""Write a policy as the configuration of a proxy or gateway, which then decides the same.

    corsfast.export.to_nginx(policy)

Each function returns the text of a file, or raises `ExportError` with what its target cannot
express. docs/export.md says how the files are used.
"""

from __future__ import annotations

from ._apache import to_apache
from ._caddy import to_caddy
from ._envoy import to_envoy
from ._haproxy import to_haproxy
from ._lighttpd import to_lighttpd
from ._model import ExportError, Reason
from ._nginx import to_nginx
from ._varnish import to_varnish

TARGETS = {
    "apache": to_apache,
    "caddy": to_caddy,
    "envoy": to_envoy,
    "haproxy": to_haproxy,
    "lighttpd": to_lighttpd,
    "nginx": to_nginx,
    "varnish": to_varnish,
}

__all__ = [
    "TARGETS",
    "ExportError",
    "Reason",
    "to_apache",
    "to_caddy",
    "to_envoy",
    "to_haproxy",
    "to_lighttpd",
    "to_nginx",
    "to_varnish",
]
