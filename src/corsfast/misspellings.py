"""What to say about a string in ``allow_origins`` that is no pattern, and what was meant.

Place in the flow: left of config.py; imports patterns.py and to its left.
Never: run for a policy that is right; accept what patterns.py refuses.
"""

from __future__ import annotations

import re

from . import _fetch
from .errors import Problem
from .origin import canonical_ipv6, valid_host, valid_port
from .patterns import parse_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_OPTION = "allow_origins"

# Characters that no origin and no pattern holds, but regular expressions do. "+" may stand in
# a scheme, "[" in an address or a set of ports, so they count only elsewhere.
_REGEX_SIGNS = re.compile(
    r"[\\^$(){}|]|\.\+|://\.\*|(?<!\*)\.\*(?!\.)|://.*\+|^https?\?:"
    r"|(?<!:)\[[^\]:*]+\]|\[[^\]]*\][*+?]"
)


def diagnose(entry: str) -> Problem:
    """Say what is wrong with an entry that is no pattern; the most telling reason first."""
    hint = suggest(entry)
    quoted = None if hint is None else repr(hint)

    def problem(code: str, message: str, hint: str | None = quoted) -> Problem:
        return Problem(code, _OPTION, entry, message, hint=hint)

    if not entry:
        message = "an empty string is not an origin (an empty environment variable?)."
        return problem("empty", message, None)
    if entry.lower() == "null":
        return problem("upper-case", f"{entry!r} is not {'null'!r}; case matters.")
    if entry.strip("'\"") != entry:
        bare = entry.strip("'\"")
        meant = bare if parse_pattern(bare) else suggest(bare)
        return problem("quotes", f"{entry!r} stands in quotes.", meant and repr(meant))
    if re.search(r",.*[.:]", entry) and ":[" not in entry:
        parts = [part.strip() for part in entry.split(",")]
        listed = ", ".join(map(repr, parts)) if all(map(parse_pattern, parts)) else None
        return problem("list-in-string", f"{entry!r} is a list in one string.", listed)
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
            "path",
            f"{entry!r} holds more than an origin; browsers send no path, query or fragment.",
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
    if ":[" in authority:
        return problem(
            "port",
            f"{entry!r} has no valid set of ports; write [3000] or [3000,8000-8099].",
        )
    host, colon, port = authority.rpartition(":")
    if colon and not authority.endswith("]"):
        if valid_port(port) and int(port) == _fetch.DEFAULT_PORTS.get(scheme):
            return problem(
                "default-port",
                f"{entry!r} names the default port of {scheme}; browsers leave it out.",
            )
        if not valid_port(port):
            message = f"{entry!r} has no valid port; write 3000, * or [3000,8000-8099]."
            ranges = f"{scheme}://{host}:[{port}]"
            meant = ranges if parse_pattern(ranges) else suggest(entry)
            # A port that is none at all says nothing about the one that was meant.
            return problem("port", message, repr(meant) if meant and port.strip("0") else None)
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
        f"{entry!r}: '*' stands for whole labels at the left (https://*.example.com), for part"
        " of a label (https://pr-*.example.com), or for the port (http://localhost:*).",
    )


def suggest(entry: str) -> str | None:
    """The pattern that was most likely meant, if there is one and it is valid."""
    text = entry.strip("\x00\t\n\r\x0b\x0c \x7f")
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
    if host.startswith("."):
        host = f"*{host}"
    if port != "*":
        port = port.lstrip("0")
    if port.isdigit() and int(port) == _fetch.DEFAULT_PORTS.get(scheme):
        port = ""
    text = f"{scheme}://{_canonical_host(host)}" + (f":{port}" if port else "")
    return text if text != entry and parse_pattern(text) is not None else None


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
