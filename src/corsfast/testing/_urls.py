"""Parse the URLs of a fetch, as far as CORS needs it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

from .._options import fetch
from .._options.origin import is_ipv4_like, valid_ipv4


def href(url: str) -> str:
    """Return a URL as browsers serialize it, without its fragment."""
    parts = urlsplit(url)
    if parts.scheme not in fetch.DEFAULT_PORTS:
        return url
    userinfo, at, _ = parts.netloc.rpartition("@")
    host = origin_of(url).partition("://")[2]
    return urlunsplit((parts.scheme, userinfo + at + host, parts.path or "/", parts.query, ""))


def origin_of(url: str) -> str:
    """Return the serialized origin of a URL; "null" if the scheme is not that of a web page."""
    parts = urlsplit(url)
    if parts.scheme not in fetch.DEFAULT_PORTS:
        return "null"
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    default = parts.port in (None, fetch.DEFAULT_PORTS[parts.scheme])
    return f"{parts.scheme}://{host}" + ("" if default else f":{parts.port}")


def has_credentials(url: str) -> bool:
    """Return whether a URL includes a user name or a password."""
    return "@" in urlsplit(url).netloc


_ANY_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(.*)", re.DOTALL)
_FORBIDDEN_IN_HOST = frozenset(map(chr, range(0x21))) | frozenset('"#%/:<>?@[\\]^`{|}*\x7f')


def is_url(text: str) -> bool:
    """Return whether Chromium takes a text for a URL. Only its choice of error depends on it."""
    found = _ANY_URL.fullmatch(text)
    if found is None:
        return False
    if found[1].lower() not in fetch.DEFAULT_PORTS:
        return True
    authority = re.split(r"[/\\?#]", found[2].lstrip("/\\"), maxsplit=1)[0].rpartition("@")[2]
    host, colon, port = authority.partition(":") if "[" not in authority else (authority, "", "")
    if colon and port and not (port.isdigit() and int(port) <= 65535):
        return False
    if host.startswith("["):
        return True
    if is_ipv4_like(host.lower()) and not valid_ipv4(host):
        return False
    return bool(host) and not _FORBIDDEN_IN_HOST & set(host)
