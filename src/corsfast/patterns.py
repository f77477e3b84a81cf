"""What may stand in ``allow_origins``: the pattern grammar, and what to say when it is broken.

    pattern      = "*" / "null" / origin / host-pattern
    origin       = serialized-origin                    ; see origin.py: matched to the letter
    host-pattern = web-scheme "://" ( host / "*." domain ) [ ":" ( port / "*" ) ]
    web-scheme   = "http" / "https"

`*.` stands for one or more whole labels, never for none: `https://*.example.com` does not
match `https://example.com`. `:*` stands for any port, or none. Strings are never taken for
regular expressions.

Place in the flow: options -> patterns -> spec. Imports origin.py, the facts and the errors.
Never: run per request.
"""

from __future__ import annotations

import re
from collections import namedtuple

from . import _fetch, limits
from .errors import Problem
from .origin import canonical_ipv6, parse_origin, valid_host, valid_port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NamedTuple

    class HostRule(NamedTuple):
        """A family of origins: one scheme, one host or its subdomains, a set of ports.

        ``host`` begins with a dot where it stands for subdomains (one or more labels).
        ``ports`` are inclusive ranges; port 0 stands for "no port written".
        """

        scheme: str
        host: str
        ports: tuple[tuple[int, int], ...]

else:
    HostRule = namedtuple("HostRule", ("scheme", "host", "ports"))

OPTION = "allow_origins"
NO_PORT = ((0, 0),)
ANY_PORT = ((0, limits.MAX_PORT),)

# Characters that no origin and no pattern holds, but regular expressions do. "+" may stand in
# a scheme and "[" in an address, so they count only elsewhere.
_REGEX_SIGNS = re.compile(r"[\\^$(){}|]|\.\*|://.*\+|\[[^\]:]*-[^\]]*\]")


def parse_pattern(entry: str) -> str | HostRule | Problem:
    """Read one string of ``allow_origins``.

    Returns:
        an exact origin (``str``, also ``"null"``), a :class:`HostRule`, or the
        :class:`~corsfast.errors.Problem` that it has. ``"*"`` is the caller's business.
    """
    if entry == "null" or parse_origin(entry) is not None:
        return entry
    return _parse_host_pattern(entry) or _diagnose(entry)


def _parse_host_pattern(entry: str) -> HostRule | None:
    scheme, separator, rest = entry.partition("://")
    if not separator or scheme not in _fetch.WEB_SCHEMES:
        return None
    any_port = rest.endswith(":*")
    rest = rest.removesuffix(":*")
    wildcard = rest.startswith("*.")
    rest = rest.removeprefix("*.")
    if not (any_port or wildcard):
        return None
    # What remains has to be an origin by itself; `*.` in front of an address is nonsense.
    origin = parse_origin(f"{scheme}://{rest}")
    if origin is None or (any_port and origin.port):
        return None
    if wildcard and (origin.host.startswith("[") or _is_ipv4(origin.host)):
        return None
    host = f".{origin.host}" if wildcard else origin.host
    ports = ANY_PORT if any_port else ((origin.port, origin.port),)
    return HostRule(scheme, host, ports)


def _is_ipv4(host: str) -> bool:
    return host.rpartition(".")[2].isdigit()


def _diagnose(entry: str) -> Problem:
    """Say what is wrong with an entry that is no pattern; the most telling reason first."""
    hint = suggest(entry)
    quoted = None if hint is None else repr(hint)

    def problem(code: str, message: str, hint: str | None = quoted) -> Problem:
        return Problem(code, OPTION, entry, message, hint=hint)

    if not entry:
        return problem("empty", "an empty string is not an origin.", None)
    if entry.lower() == "null":
        return problem("upper-case", f"{entry!r} is not {'null'!r}; case matters.")
    if re.search(r"[\x00-\x20\x7f]", entry):
        return problem("white-space", f"{entry!r} holds white space or a control character.")
    if _REGEX_SIGNS.search(entry):
        return problem(
            "looks-like-regex",
            f"{entry!r} looks like a regular expression; a string is never taken for one.",
            f"re.compile(r{entry!r})" if "\\" not in entry else f're.compile(r"{entry}")',
        )
    scheme, separator, rest = entry.partition("://")
    if not separator:
        return problem(
            "scheme-missing", f"{entry!r} has no scheme; an origin is scheme://host[:port]."
        )
    if scheme.lower() == "file":
        return problem(
            "file-scheme",
            f"{entry!r} can never match: pages opened from files send 'null'.",
            None,
        )
    return _diagnose_authority(entry, scheme, rest, problem)


def _diagnose_authority(
    entry: str, scheme: str, rest: str, problem: Callable[..., Problem]
) -> Problem:
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if rest == f"{authority}/":
        return problem(
            "trailing-slash", f"{entry!r} ends in a slash; browsers send origins without one."
        )
    if rest != authority:
        return problem(
            "path", f"{entry!r} holds more than an origin; browsers send no path, query or fragment."
        )
    if "@" in authority:
        return problem("user-info", f"{entry!r} holds user info; browsers never send it.")
    if "*" in entry:
        return _diagnose_wildcard(entry, scheme, authority, problem)
    if not authority.isascii():
        return problem(
            "unicode-host", f"{entry!r} has a Unicode host; browsers send its ASCII form."
        )
    if entry != entry.lower():
        return problem("upper-case", f"{entry!r} has upper case; browsers send lower case.")
    host, colon, port = authority.rpartition(":")
    if colon and not authority.endswith("]"):
        if valid_port(port) and int(port) == _fetch.DEFAULT_PORTS.get(scheme):
            return problem(
                "default-port",
                f"{entry!r} names the default port of {scheme}; browsers leave it out.",
            )
        if not valid_port(port):
            return problem("port", f"{entry!r} has no valid port; ports are 1 to 65535, or '*'.")
        authority = host
    if not valid_host(authority):
        return problem("host", f"{entry!r} has no valid host as browsers write it.")
    return problem("not-an-origin", f"{entry!r} is not an origin as browsers write it.")


def _diagnose_wildcard(
    entry: str, scheme: str, authority: str, problem: Callable[..., Problem]
) -> Problem:
    host = authority.removesuffix(":*")
    if scheme.lower() not in _fetch.WEB_SCHEMES:
        return problem(
            "wildcard-scheme",
            f"{entry!r}: wildcards are for http and https; other origins are listed by name.",
        )
    if host == "*":
        return problem(
            "wildcard",
            f"{entry!r} would admit every {scheme} origin; list the origins, or write '*' alone"
            " to admit any origin without credentials.",
            None,
        )
    if entry != entry.lower():
        return problem("upper-case", f"{entry!r} has upper case; browsers send lower case.")
    if not authority.isascii():
        return problem(
            "unicode-host", f"{entry!r} has a Unicode host; browsers send its ASCII form."
        )
    return problem(
        "wildcard",
        f"{entry!r}: '*' stands for whole labels at the left (https://*.example.com) or for"
        " the port (http://localhost:*), and nowhere else.",
    )


def suggest(entry: str) -> str | None:
    """The pattern that was most likely meant, if there is one and it is valid."""
    text = re.sub(r"[\x00-\x20\x7f]", "", entry)
    if text.lower() == "null":
        return "null"
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "https", text.removeprefix("//")
        if rest.startswith(("localhost", "127.", "[::1]")):
            scheme = "http"
    scheme = scheme.lower()
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0].rpartition("@")[2].lower()
    host, port = authority, ""
    if not authority.endswith("]") and ":" in authority:
        host, _, port = authority.rpartition(":")
    if port != "*":
        port = port.lstrip("0")
    if port.isdigit() and int(port) == _fetch.DEFAULT_PORTS.get(scheme):
        port = ""
    text = f"{scheme}://{_canonical_host(host)}" + (f":{port}" if port else "")
    if text == entry or (
        parse_origin(text) is None and _parse_host_pattern(text) is None
    ):
        return None
    return text


def _canonical_host(host: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        return f"[{canonical_ipv6(host[1:-1])}]"
    if host.isascii():
        return host
    wildcard = "*." if host.startswith("*.") else ""
    try:
        return wildcard + host.removeprefix("*.").encode("idna").decode("ascii")
    except UnicodeError:
        return host
