"""Parse the URLs of a fetch, as far as CORS needs it."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit, urlunsplit

from .._options import fetch, limits
from .._options.origin import canonical_ipv6, is_ipv4_like


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
_AUTHORITY = re.compile(r"(?:.*@)?(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]*))?", re.DOTALL)
# https://url.spec.whatwg.org/#forbidden-domain-code-point
_FORBIDDEN_IN_HOST = frozenset(map(chr, range(0x21))) | frozenset('"#%/:<>?@[\\]^`{|}\x7f')


def is_url(text: str) -> bool:
    """Return whether Chromium takes a text for a URL. Only its choice of error depends on it."""
    found = _ANY_URL.fullmatch(text)
    if found is None:
        return False
    if found[1].lower() not in fetch.DEFAULT_PORTS:
        return True
    authority = _AUTHORITY.fullmatch(re.split(r"[/\\?#]", found[2].lstrip("/\\"), maxsplit=1)[0])
    if authority is None or int((authority[2] or "").lstrip("0")[:6] or 0) > limits.MAX_PORT:
        return False
    host = unquote(authority[1]).lower()
    if host.startswith("["):
        return canonical_ipv6(host[1:-1]) is not None
    if is_ipv4_like(host):
        return _is_ipv4(host)
    return bool(host) and not _FORBIDDEN_IN_HOST & set(host)


def _is_ipv4(host: str) -> bool:
    """Return whether this is an IPv4 address in any of the ways that browsers read.

    https://url.spec.whatwg.org/#concept-ipv4-parser
    """
    parts = host.removesuffix(".").split(".")
    try:
        numbers = [int(part, 16 if part.startswith("0x") else 10) for part in parts]
    except ValueError:
        return False
    *others, last = numbers
    return len(parts) <= 4 and all(it <= 255 for it in others) and last < 256 ** (5 - len(parts))
