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
    from collections.abc import Callable, Iterable, Iterator

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
    parts = _parts(entry)
    if len(parts) > 1 and ":[" not in entry:
        meanings = [part if parse_pattern(part) else suggest(part) for part in parts]
        if len({"//" in part for part in parts}) > 1:
            meanings = [None]  # `https://app example.com` may be one host as well
        if None not in meanings or re.search(r",.*[.:]", entry):
            listed = None if None in meanings else ", ".join(map(repr, meanings))
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
        return problem("scheme-missing", _no_scheme(entry))
    if scheme.lower() == "file":
        return problem(
            "file-scheme",
            f"{entry!r} can never match: pages opened from files send 'null'.",
            None,
        )
    return _diagnose_authority(entry, scheme, rest, problem)


# Words for nobody and for everybody, in configuration files of all kinds.
_NOBODY = ("none", "false", "off", "no", "nobody", "disabled", "undefined", "nil", "0", "-")
_EVERYBODY = ("all", "any", "true", "on", "yes", "everyone", "everybody", "anyone", "1")


def _no_scheme(entry: str) -> str:
    word = entry.lower()
    if word in _NOBODY:
        return f"{entry!r} is no origin; an empty list admits nobody."
    if word in _EVERYBODY:
        return f"{entry!r} is no origin; '*' alone admits any, without credentials."
    if re.search("[:;/]", word) and web_scheme(re.split("[:;/]", word)[0]):
        return f"{entry!r} has no '://' behind its scheme; an origin is scheme://host[:port]."
    return f"{entry!r} has no scheme; an origin is scheme://host[:port]."


def _parts(entry: str) -> list[str]:
    """The elements of a list that stands in one string; one element where there is none."""
    braces = r"[^{}()]*(?:[{(][^{}()]*[})][^{}()]*)*"  # what is in them belongs together
    if not re.search(r"[{(]", entry) or re.fullmatch(braces, entry) is None:
        return [part for part in re.split(r"[,;\s]+", entry) if part]
    return [entry]


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
            known = not port or port.strip("0")
            return problem("port", message, repr(meant) if meant and known else None)
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


# What may have been meant by `://`, behind a scheme.
_SEPARATOR = r"\s*(?:[:;]\s*[/\\]*|[.,]?\s*[/\\]+)\s*"
_WEB_URL = re.compile(rf"(?P<scheme>[a-z]{{1,8}} ?[a-z]{{0,8}}){_SEPARATOR}(?P<rest>.*)", re.DOTALL)
_URL = re.compile(r"(?P<scheme>[a-z*][a-z0-9+.\-*]*):[/\\]+(?P<rest>.*)", re.DOTALL)

# What stands around an entry that was cut out of something else.
_AROUND = "\x00\t\n\r\x0b\x0c \x7f,;'\"<>`"


def suggest(entry: str) -> str | None:
    """The pattern that was most likely meant, if there is one and it is valid."""
    text = entry.strip(_AROUND)
    if text.lower() == "null":
        return "null"
    scheme, rest = _split_scheme(text)
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0].lower()
    user, at, authority = authority.rpartition("@")
    if at and ("." in user.partition(":")[0] or (scheme is None and ":" in user)):
        return None  # which of the two hosts is meant, or what is the scheme, is not known
    host, port = authority, ""
    if not authority.endswith("]") and ":" in authority:
        host, _, port = authority.rpartition(":")
    if scheme is None:
        if "." not in host and not port and not host.startswith("[") and host != "localhost":
            return None  # a word, maybe not a host at all
        scheme = "http" if host.startswith(("localhost", "127.", "[::1]")) else "https"
    if host.startswith("."):
        host = f"*{host}"
    if port != "*":
        port = port.lstrip("0")
    if port.isdigit() and int(port) == _fetch.DEFAULT_PORTS.get(scheme):
        port = ""
    text = f"{scheme}://{_canonical_host(host)}" + (f":{port}" if port else "")
    return text if text != entry and parse_pattern(text) is not None else None


def _split_scheme(text: str) -> tuple[str | None, str]:
    """The scheme that was meant, where one is written, and all that is behind it."""
    scheme = None
    for _ in range(2):  # `https://https://` was pasted behind what was there
        match = _WEB_URL.match(text.lower())
        near = match and web_scheme(match["scheme"].replace(" ", ""))
        if match is None or near is None:
            break
        rest = text[match.start("rest") :]
        if scheme is not None and not re.match(r"[a-z ]+[:;]?[/\\]{2}", text.lower()):
            break  # a host that is called like a scheme
        scheme, text = near, rest
    if scheme is not None:
        return scheme, text
    match = _URL.match(text.lower())
    if match is not None:
        return WEBSOCKETS.get(match["scheme"], match["scheme"]), text[match.start("rest") :]
    return None, re.sub(r"^:?[/\\]+", "", text)


# A page's WebSocket handshake is sent with the origin of the page.
# https://websockets.spec.whatwg.org/#websocket-opening-handshake
WEBSOCKETS = {"ws": "http", "wss": "https"}


def web_scheme(scheme: str) -> str | None:
    """``https`` or ``http``, where a scheme is that or nothing but a slip away from it."""
    for web in ("https", "http"):
        if scheme == web:
            return web
    if not scheme.isalpha():
        return None
    for web in ("https", "http"):
        if _a_slip_away(scheme, web):
            return web
    return None


def _a_slip_away(word: str, meant: str) -> bool:
    """Whether one letter is missing, too many, another, or two have changed places."""
    shorter, longer = sorted((word, meant), key=len)
    if len(longer) - len(shorter) == 1:
        return any(longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer)))
    if len(word) != len(meant):
        return False
    apart = [i for i, (a, b) in enumerate(zip(word, meant, strict=True)) if a != b]
    if len(apart) == 2:
        i, j = apart
        return j == i + 1 and word[i] == meant[j] and word[j] == meant[i]
    return len(apart) == 1


def dead_schemes(origins: Iterable[str]) -> Iterator[Problem]:
    """What to say of serialised origins whose scheme no page has, or hardly any.

    ``dead-scheme`` is certain; ``unlikely-scheme`` may be an application's own after all.
    """
    for origin in origins:
        if origin.startswith(("https://", "http://")) or origin == "null":
            continue
        scheme, _, rest = origin.partition("://")
        dead = scheme in WEBSOCKETS
        meant = WEBSOCKETS.get(scheme) or web_scheme(scheme)
        if meant is None:
            continue
        code = "dead-scheme" if dead else "unlikely-scheme"
        message = (
            f"{origin!r} can never match: a WebSocket handshake is sent with the origin of its"
            f" page, whose scheme is {meant}."
            if dead
            else f"{origin!r} matches no web page: is its scheme {meant!r} misspelt?"
        )
        hint = suggest(f"{meant}://{rest}/")  # which knows the default ports
        yield Problem(code, _OPTION, origin, message, hint=hint and repr(hint))


def _canonical_host(host: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        return f"[{canonical_ipv6(host[1:-1])}]"
    if host.isascii():
        return _canonical_ipv4(host) or host
    wildcard = "*." if host.startswith("*.") else ""
    try:
        return wildcard + host.removeprefix("*.").encode("idna").decode("ascii")
    except UnicodeError:
        return host


def _canonical_ipv4(host: str) -> str | None:
    """An address in the one form that browsers write; ``None`` where it is none.

    https://url.spec.whatwg.org/#concept-ipv4-parser. Leading zeros make a number octal there,
    and hardly ever in what somebody writes: of those nothing is made.
    """
    parts = host.removesuffix(".").split(".")
    if len(parts) > 4 or not all(
        re.fullmatch(r"0|[1-9][0-9]{0,9}|0x[0-9a-f]{1,8}", p) for p in parts
    ):
        return None
    numbers = [int(part, 16 if part.startswith("0x") else 10) for part in parts]
    if any(number > 255 for number in numbers[:-1]) or numbers[-1] >= 256 ** (5 - len(numbers)):
        return None
    value = numbers[-1] + sum(number << (24 - 8 * i) for i, number in enumerate(numbers[:-1]))
    return ".".join(str(octet) for octet in value.to_bytes(4, "big"))
