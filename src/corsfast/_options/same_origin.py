"""Recognize same-origin requests.

A same-origin request needs no permission from a CORS policy. Browsers still send Origin with a
same-origin POST or WebSocket handshake.

    Origin = "http" [ "s" ] "://" host [ ":" port ]      (serialized, as browsers send it)
    Host   = host [ ":" port ]

Host and port must be equal. An origin without a port means the default port of its scheme; Host
may omit that port, or name 80 or 443. The scheme is not compared, because it is unknown behind a
proxy that terminates TLS.

Never read X-Forwarded-Host or Forwarded, because only the server knows which proxies to trust.
"""

from __future__ import annotations

from functools import lru_cache

from .fetch import WEB_SCHEMES
from .limits import MAX_ORIGIN
from .origin import parse_origin

_DEFAULT_PORTS = (":80", ":443")

# A site has few origins of its own, and sends one with each of its POST requests.
_parsed = lru_cache(maxsize=64)(parse_origin)


def same_origin(origin: str, host: str | None) -> bool:
    """Return whether an Origin value names the host and port of a Host value.

    Without a Host, or with several, the request counts as cross-origin.
    """
    if len(origin) > MAX_ORIGIN:
        return False
    own = origin.partition("://")[2]
    # A longer Host cannot be equal. This also limits how much is copied.
    if not host or len(host) > len(own) + len(":443") or not host.isascii():
        return False
    named = host.lower()
    port = named[len(own) :]
    if not named.startswith(own) or port not in ("", *_DEFAULT_PORTS):
        return False
    # Only a valid origin counts, so a Host that is equal is valid, too.
    parsed = _parsed(origin)
    return parsed is not None and parsed.scheme in WEB_SCHEMES and not (port and parsed.port)
