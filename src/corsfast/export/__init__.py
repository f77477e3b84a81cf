"""Write a policy as the configuration of a proxy or gateway, which then decides the same.

    corsfast.export.to_nginx(policy)

Each function returns the text of a file, or raises `ExportError` with what its target cannot
express. docs/export.md says how the files are used.
"""

from __future__ import annotations

from ._apache import to_apache
from ._aws_api_gateway import to_aws_api_gateway
from ._caddy import to_caddy
from ._cloudflare_worker import to_cloudflare_worker
from ._envoy import to_envoy
from ._gateway_api import to_gateway_api
from ._haproxy import to_haproxy
from ._lighttpd import to_lighttpd
from ._model import ExportError, Reason
from ._nginx import to_nginx
from ._s3 import to_s3
from ._traefik import to_traefik
from ._varnish import to_varnish

#: The function of each target of ``corsfast export --to``.
TARGETS = {
    "apache": to_apache,
    "aws-api-gateway": to_aws_api_gateway,
    "caddy": to_caddy,
    "cloudflare-worker": to_cloudflare_worker,
    "envoy": to_envoy,
    "gateway-api": to_gateway_api,
    "haproxy": to_haproxy,
    "lighttpd": to_lighttpd,
    "nginx": to_nginx,
    "s3": to_s3,
    "traefik": to_traefik,
    "varnish": to_varnish,
}

__all__ = [
    "TARGETS",
    "ExportError",
    "Reason",
    "to_apache",
    "to_aws_api_gateway",
    "to_caddy",
    "to_cloudflare_worker",
    "to_envoy",
    "to_gateway_api",
    "to_haproxy",
    "to_lighttpd",
    "to_nginx",
    "to_s3",
    "to_traefik",
    "to_varnish",
]
