"""Explain why a string in ``allow_origins`` is not a pattern.

Runs only for strings that patterns.py rejects, so a valid policy pays nothing for it.
"""

from __future__ import annotations

import re

from ..errors import Problem
from . import fetch
from .network_spellings import has_wrong_prefix
from .origin import valid_host, valid_opaque_host, valid_port
from .patterns import ORIGINS, parse_pattern
from .suggestions import suggest, suggest_all, suggest_networks, web_scheme

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Characters of regular expressions that no origin and no pattern contains. "+" is valid in a
# scheme, and "[" in an address or a set of ports, so they count only elsewhere.
REGEX_SIGNS = re.compile(
    r"[\\^$(){}|]|\.\+|://\.\*|(?<!\*)\.\*(?!\.)|://.*\+|^https?\?:"
    r"|(?<!:)\[[^\[\]:*]+\]|\[[^\[\]:]*\][*+?]"
)


# A list in the syntax of Python or JSON, from a variable that was read as one entry.
_LIST = re.compile(r"[\[(]\s*(['\"].*['\"]),?\s*[\])]", re.DOTALL)


def diagnose(entry: str) -> Problem:
    """Return the problem of an entry that is not a pattern; the most specific reason wins."""
    quoted = ", ".join(map(repr, suggest_all(entry))) or None

    def problem(code: str, message: str, hint: str | None = quoted) -> Problem:
        return Problem(code, ORIGINS, entry, message, hint=hint)

    if not entry:
        message = "an empty string is not an origin (an empty environment variable?)."
        return problem("empty", message, None)
    if entry.lower() == "null":
        return problem("upper-case", f"{entry!r} is not {'null'!r}; case matters.")
    if entry.strip("'\"") != entry:
        bare = entry.strip("'\"")
        meant = bare if parse_pattern(bare) else suggest(bare)
        return problem("quotes", f"{entry!r} has quotes around it.", meant and repr(meant))
    literal = _LIST.fullmatch(entry)
    parts = [part.strip("'\"") for part in _parts(literal[1])] if literal else _parts(entry)
    if literal or (len(parts) > 1 and ":[" not in entry):
        meanings = [part if parse_pattern(part) else suggest(part) for part in parts]
        if len({"//" in part for part in parts}) > 1:
            meanings = [None]  # `https://app example.com` may also be a single host
        if None not in meanings or re.search("[.:]", entry.partition(",")[2]):
            listed = None if None in meanings else ", ".join(map(repr, meanings))
            return problem("list-in-string", f"{entry!r} is a list in one string.", listed)
    if re.search(r"[\x00-\x20\x7f]", entry):
        return problem("white-space", f"{entry!r} holds white space or a control character.")
    if REGEX_SIGNS.search(entry) and not suggest_networks(entry):
        return problem(
            "looks-like-regex",
            f"{entry!r} looks like a regular expression; a string is not read as one, only"
            " re.compile(...) is.",
            f"re.compile(r{entry!r})" if "\\" not in entry else f're.compile(r"{entry}")',
        )
    scheme, separator, rest = entry.partition("://")
    if not separator:
        return problem("scheme-missing", _no_scheme(entry))
    if scheme.lower() == "file":
        return problem(
            "file-scheme",
            f"{entry!r} can never match: pages opened from files send 'null'.",
            None,
        )
    return _diagnose_authority(entry, scheme, rest, problem)


# Words that configuration files use for "no origin" and "any origin".
_NOBODY = ("none", "false", "off", "no", "nobody", "disabled", "undefined", "nil", "0", "-")
_EVERYBODY = ("all", "any", "true", "on", "yes", "everyone", "everybody", "anyone", "1")


def _no_scheme(entry: str) -> str:
    word = entry.lower()
    if word in _NOBODY:
        return f"{entry!r} is not an origin; an empty tuple allows no origin."
    if word in _EVERYBODY:
        return f"{entry!r} is not an origin; '*' alone allows any origin, without credentials."
    if re.search("[:;/]", word) and web_scheme(re.split("[:;/]", word)[0]):
        return f"{entry!r} has no '://' after its scheme; an origin is scheme://host[:port]."
    return f"{entry!r} has no scheme; an origin is scheme://host[:port]."


def _parts(entry: str) -> list[str]:
    """Split a list that was written as one string; return one element if it is not a list."""
    braces = r"[^{}()]*(?:[{(][^{}()]*[})][^{}()]*)*"  # the text in braces belongs together
    if not re.search(r"[{(]", entry) or re.fullmatch(braces, entry) is None:
        return [part for part in re.split(r"[,;\s]+", entry) if part]
    return [entry]


def _diagnose_authority(
    entry: str, scheme: str, rest: str, problem: Callable[..., Problem]
) -> Problem:
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    network = _diagnose_network(entry, rest, problem)
    if network is not None:
        return network
    if rest == f"{authority}/" or (rest.endswith("/") and suggest_networks(entry)):
        return problem(
            "trailing-slash", f"{entry!r} ends in a slash; browsers send origins without one."
        )
    if rest != authority and not (suggest_networks(entry) and entry != entry.lower()):
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
    opaque = scheme.lower() not in fetch.DEFAULT_PORTS
    written = scheme if opaque else entry
    if written != written.lower():
        return problem("upper-case", f"{entry!r} has upper case; browsers send lower case.")
    if ":[" in authority:
        return problem(
            "port",
            f"{entry!r} has no valid set of ports; write [3000] or [3000,8000-8099].",
        )
    host, colon, port = authority.rpartition(":")
    if colon and not authority.endswith("]"):
        if valid_port(port) and int(port) == fetch.DEFAULT_PORTS.get(scheme):
            return problem(
                "default-port",
                f"{entry!r} names the default port of {scheme}; browsers leave it out.",
            )
        if not valid_port(port):
            message = f"{entry!r} has no valid port; write 3000, * or [3000,8000-8099]."
            # An invalid port does not show which port was meant.
            known = not port or port.strip("0")
            return problem("port", message) if known else problem("port", message, None)
        authority = host
    if not (valid_opaque_host(authority) if opaque else valid_host(authority)):
        return problem("host", f"{entry!r} has no valid host as browsers write it.")
    return problem("not-an-origin", f"{entry!r} is not an origin as browsers write it.")


def _diagnose_network(entry: str, rest: str, problem: Callable[..., Problem]) -> Problem | None:
    if has_wrong_prefix(rest):
        message = f"{entry!r} has no valid prefix; it is 0 to 32 for IPv4, and 0 to 128 for IPv6."
        return problem("network", message, None)
    networks = suggest_networks(entry)
    host = rest.removesuffix(":*")
    if not networks or "*" in host or host.endswith("/") or entry != entry.lower():
        return None
    if None in map(parse_pattern, networks):
        message = f"{entry!r} has no valid port; write 3000, * or [3000,8000-8099]."
        return problem("port", message, None)
    return problem(
        "network",
        f"{entry!r} is not a valid network; write its first address, '/', the prefix length,"
        " and then the ports.",
        ", ".join(map(repr, networks)),
    )


# The schemes of web views whose pages always have the host localhost.
_ON_LOCALHOST = ("capacitor", "ionic", "tauri")


def _diagnose_wildcard(
    entry: str, scheme: str, authority: str, problem: Callable[..., Problem]
) -> Problem:
    host = authority.removesuffix(":*")
    if scheme.lower() not in fetch.WEB_SCHEMES:
        known = ", ".join(f"{scheme}://*" for scheme in fetch.EXTENSION_IDS)
        message = (
            f"{entry!r}: wildcards are for http and https, and for the ids of extensions"
            f" ({known}); other origins are listed by name."
        )
        if host == "*" and scheme in _ON_LOCALHOST:
            return problem("wildcard-scheme", message, repr(f"{scheme}://localhost"))
        return problem("wildcard-scheme", message)
    if host == "*":
        return problem(
            "wildcard",
            f"{entry!r} would allow every {scheme} origin; list the origins, or write '*' alone"
            " to allow any origin without credentials.",
            None,
        )
    if entry != entry.lower():
        return problem("upper-case", f"{entry!r} has upper case; browsers send lower case.")
    if not authority.isascii():
        return problem(
            "unicode-host", f"{entry!r} has a Unicode host; browsers send its ASCII form."
        )
    if parse_pattern(entry.replace("*", "")) is not None:
        message = f"{entry!r}: '*' next to a host is part of its name; any port is written ':*'."
        return problem("wildcard", message)
    return problem(
        "wildcard",
        f"{entry!r}: '*' can replace whole labels at the left (https://*.example.com), part"
        " of a label (https://pr-*.example.com), or the port (http://localhost:*).",
    )
