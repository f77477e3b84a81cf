"""Whether a request comes from the site that it goes to.

A same-origin request needs no permission of a CORS policy, though browsers send Origin with
its POST and with its WebSocket handshake.

    Origin = "http" [ "s" ] "://" host [ ":" port ]      (already in browsers' one spelling)
    Host   = host [ ":" port ]

They are the same where both hosts and both ports are. An origin without a port means the
default port of its scheme; Host may leave that out, or name 80 or 443. The scheme itself is not
compared: behind a proxy that terminates TLS nobody here knows it.

Place in the flow: left of the detours and of blacksheep.py.
Never: read X-Forwarded-Host or Forwarded: who may be believed is the server's to know.
"""

from __future__ import annotations

_SCHEMES = ("https://", "http://")
_DEFAULT_PORTS = (":80", ":443")


def same_origin(origin: str, host: str | None) -> bool:
    """Whether an Origin value names the host and port of a Host value.

    ``False`` where there is no Host, or several: who cannot be told is a stranger.
    """
    for scheme in _SCHEMES:
        if origin.startswith(scheme):
            own = origin[len(scheme) :]
            break
    else:
        return False
    # Nothing longer can be equal, and only that much is copied.
    if not host or len(host) > len(own) + len(":443"):
        return False
    host = host.lower()
    return host == own or any(host == own + port for port in _DEFAULT_PORTS)
