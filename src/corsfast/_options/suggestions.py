"""Guess which pattern was meant by a string in ``allow_origins`` that is not a pattern.

    "App.Example.com:443/path"   ->   "https://app.example.com"

A host that is not written is never guessed.
"""

from __future__ import annotations

import re

from . import fetch
from .network_spellings import networks_meant
from .origin import SCHEME, canonical_ipv6, is_development_host, is_ipv4_like
from .patterns import merged, parse_pattern
from .unicode_hosts import ascii_host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# Text after a scheme that may be meant as `://`.
_SEPARATOR = r"\s*(?:[:;]\s*[/\\]*|[.,]?\s*[/\\]+)\s*"
_WEB_URL = re.compile(rf"(?P<scheme>[a-z]{{1,8}} ?[a-z]{{0,8}}){_SEPARATOR}(?P<rest>.*)", re.DOTALL)
_URL = re.compile(r"(?P<scheme>[a-z*][a-z0-9+.\-*]*):[/\\]+(?P<rest>.*)", re.DOTALL)

# Characters around an entry that was cut out of other text. The last three are a byte-order mark
# and two spaces that web pages and documents contain.
_AROUND = "\x00\t\n\r\x0b\x0c \x7f,;'\"<>`\ufeff\u200b\xa0"


# `chrome-extension:*`, `moz-extension://*/*`: a star is required.
_EXTENSION = re.compile(rf"({'|'.join(fetch.EXTENSION_IDS)}):/*\*[*/]*")


# Ports of development servers, which speak plain http: create-react-app, Rails, Angular, Vite,
# Astro, Ionic, Storybook, Live Server, Django, Tomcat, Jupyter and others.
_DEVELOPMENT_PORTS = frozenset(
    {*range(3000, 3011), 1234, 4000, 4173, 4200, 4321, 5000, 5173, 5174, 5500, 6006}
    | {8000, 8001, 8080, 8081, 8100, 8888, 9000, 19006}
)


def suggest(entry: str) -> str | None:
    """Return the pattern that was most likely meant, or ``None`` if there is no valid one."""
    # In `:300?` the mark means a digit, because no query follows a port directly.
    text = re.sub(r"(?<=\d)\?+$", "*", entry.strip(_AROUND))
    if text.lower() == "null":
        return "null"
    extension = _EXTENSION.fullmatch(text.lower())
    if extension is not None:
        text = f"{extension[1]}://*"
        return text if text != entry else None
    scheme, rest = _split_scheme(text)
    networks = networks_meant(scheme, rest)
    if networks:
        return networks[0] if len(networks) == 1 and _is_another(networks[0], entry) else None
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    if scheme is not None and scheme not in fetch.DEFAULT_PORTS:
        text = f"{scheme}://{authority}"  # an opaque host keeps its case and has no other form
        return text if _is_another(text, entry) else None
    if authority.isascii():  # otherwise `ascii_host` maps the letters
        authority = authority.lower()
    user, at, authority = authority.rpartition("@")
    if at and ("." in user.partition(":")[0] or (scheme is None and ":" in user)):
        return None  # it is not clear which host is meant, or what the scheme is
    host, colon, port = _split_port(authority)
    if scheme is None:
        if "." not in host and not port and not host.startswith("[") and host != "localhost":
            return None  # a word, perhaps not a host
        scheme = _usual_scheme(host, port)
    if host.startswith("."):
        host = f"*{host}"
    host = _canonical_host(host)
    if not port and colon and is_development_host(host):
        port = "*"  # `http://localhost:` is incomplete
    port = _ports(port)
    if port.isdecimal() and int(port) == fetch.DEFAULT_PORTS.get(scheme):
        port = ""
    text = f"{scheme}://{host}" + (f":{port}" if port else "")
    return text if _is_another(text, entry) else None


def suggest_networks(entry: str) -> tuple[str, ...]:
    """Return the patterns for an address range or network; empty if the entry is neither."""
    return networks_meant(*_split_scheme(entry.strip(_AROUND)))


def _is_another(text: str, entry: str) -> bool:
    return text != entry and parse_pattern(text) is not None


def suggest_all(entry: str) -> tuple[str, ...]:
    """Return the patterns that together were most likely meant, for example by a misplaced star.

    ``localhost*`` means any port, ``*example.com`` means the host and its subdomains, and
    ``*://`` means both schemes of the web. A network with any port is already a pattern with a
    star.
    """
    networks = suggest_networks(entry)
    if networks:
        whole = networks != (entry,) and None not in map(parse_pattern, networks)
        return networks * whole
    meant = suggest(entry)
    if meant is not None:
        return (suggest_all(meant) if "*" in meant else ()) or (meant,)
    scheme, separator, rest = entry.strip(_AROUND).lower().rpartition("://")
    host, _, port = _split_port(rest.partition("/")[0])
    if "*" not in entry:
        # A set cannot contain the default port, because browsers omit it.
        ports = _ports(port).strip("[]").split(",")
        default = str(fetch.DEFAULT_PORTS.get(scheme))
        if len(ports) == 1 or default not in ports:
            return ()
        others = ",".join(other for other in ports if other != default)
        found = (f"{scheme}://{host}", f"{scheme}://{host}:{_ports(others)}")
        return tuple(filter(None, (text if parse_pattern(text) else None for text in found)))
    if separator and not re.fullmatch(r"\*|https?\*?", scheme):
        return ()
    name = re.sub(r"^\*+(?=[^*.])|(?<=[^*.])\*+$", "", host)
    name = re.sub(r"^\*{2,}\.", "*.", name)
    hosts = [name]
    if not port and host.endswith("*") and (is_development_host(name) or is_ipv4_like(name)):
        port = "*"
    if re.match(r"\*+[^*.]", host) and not is_ipv4_like(name):
        hosts.append(f"*.{name}")
    schemes = ["https", "http"] if re.fullmatch(r"\*|https?\*", scheme) else [scheme]
    if not separator:
        schemes = [_usual_scheme(name, port)]
    suffix = f":{_ports(port)}" if port else ""
    meanings = tuple(f"{scheme}://{host}{suffix}" for scheme in schemes for host in hosts)
    if meanings == (entry,) or any(parse_pattern(pattern) is None for pattern in meanings):
        return ()
    return meanings


def meanings(entry: str) -> tuple[str, ...]:
    """Return the patterns that an entry means: itself, or the suggested ones."""
    return (entry,) if parse_pattern(entry) is not None else suggest_all(entry)


def texts_of(value: object) -> tuple[str, ...]:
    """Return the text of an object of another type; several texts for a list of str.

    URL objects of pydantic, yarl, httpx and urllib, members of an enum, addresses, lazy strings
    and bytes have a text. A number or ``None`` has none.
    """
    if isinstance(value, (bytes, bytearray)):
        return (value.decode("latin-1"),)
    if hasattr(value, "geturl"):  # a result of urllib, which is a tuple
        url = value.geturl()
        return (url,) if isinstance(url, str) else texts_of(url) * isinstance(url, bytes)
    if isinstance(value, (list, tuple, set, frozenset)):
        whole = all(isinstance(item, str) for item in value)
        return tuple(sorted(value) if isinstance(value, (set, frozenset)) else value) * whole
    from enum import Enum

    if isinstance(value, Enum):
        return (value.value,) if isinstance(value.value, str) else texts_of(value.value)
    if type(value).__str__ is object.__str__:
        return ()
    try:
        text = str(value)
    except Exception:  # the object is from the user's code
        return ()
    if hasattr(value, "packed") or hasattr(value, "prefixlen"):  # an object of ipaddress
        return (f"[{text}]" if ":" in text else text,)
    return (text,) if re.fullmatch(rf"{SCHEME}:/[^\s,'\"<>()]+", text) else ()


def suggestions_for(value: object) -> tuple[str, ...]:
    """Return the patterns that an object of another type most likely means."""
    return tuple(one for text in texts_of(value) for one in meanings(text))


def how_to_write(value: object) -> str:
    """Return advice, as the end of a sentence, on code that converts an object to an origin."""
    texts = () if isinstance(value, (bytes, bytearray)) else texts_of(value)
    if len(texts) != 1 or parse_pattern(texts[0].rstrip("/")) is None:
        return ""
    if hasattr(value, "geturl"):
        return "; use its .geturl()"
    if getattr(value, "value", None) == texts[0]:
        return "; use its .value"
    return "; use str(url).rstrip('/')" if str(value) == texts[0] else ""


def _usual_scheme(host: str, port: str) -> str:
    """Return the scheme that an entry without one most likely means.

    It is http for this machine, reserved names, names without a dot, addresses, `.onion`, and the
    usual ports of development servers. It is https for all others.
    """
    if is_development_host(host) or is_ipv4_like(host) or host.startswith("["):
        return "http"
    if "." not in host or host.removesuffix(".").endswith(".onion"):
        return "http"
    return "http" if port.isdecimal() and int(port) in _DEVELOPMENT_PORTS else "https"


def _split_port(authority: str) -> tuple[str, str, str]:
    """Split host from port, which may be a set in brackets."""
    match = re.fullmatch(r"(\[[^\]]*\]|[^\[]*?):(\[.*\]|[^:]*)", authority, re.DOTALL)
    return (match[1], ":", match[2]) if match else (authority, "", "")


# More ranges than this were not meant.
_MAX_RANGES = 16


def _ports(text: str) -> str:
    """Return a port or set of ports in pattern syntax, or the text itself if it is not readable.

    ``3000..3010``, ``{3000-3010}`` and ``(3000|3001)`` are sets. ``30*`` means the ports of four
    digits that begin with 30.
    """
    bare = re.sub(r"\.{2,}|:", "-", text.strip("[](){} "))
    bare = re.sub(r"[|;,\s]+", ",", bare)
    if bare and not bare.strip("*"):
        return "*"
    if re.fullmatch(r"[0-9*x]*[0-9][0-9*x]*", bare) and not bare.isdigit():
        shape = re.compile(re.sub(r"[*x]+", "[0-9]*", bare))
        ports = [port for port in range(1000, 10_000) if shape.fullmatch(str(port))]
        ranges = merged((port, port) for port in ports)
        if len(ranges) > _MAX_RANGES:
            return "*"
        bare = ",".join(f"{a}-{b}" if a < b else f"{a}" for a, b in ranges)
    if re.fullmatch(r"[0-9]+(?:-[0-9]+)?(?:,[0-9]+(?:-[0-9]+)?)*", bare) and not bare.isdigit():
        return f"[{bare}]"
    return bare.lstrip("0") if bare.isdigit() else text


def _split_scheme(text: str) -> tuple[str | None, str]:
    """Split a text into its intended scheme, or ``None`` without one, and the rest."""
    scheme = None
    for _ in range(2):  # `https://https://` was pasted after a scheme
        match = _WEB_URL.match(text.lower())
        near = match and web_scheme(match["scheme"].replace(" ", ""))
        if match is None or near is None:
            break
        rest = text[match.start("rest") :]
        if scheme is not None and not re.match(r"[a-z ]+[:;]?[/\\]{2}", text.lower()):
            break  # a host that has the name of a scheme
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
    """Return ``https`` or ``http`` if the scheme is that or at most a slip away from it."""
    if scheme in fetch.WEB_SCHEMES:
        return scheme
    if not scheme.isalpha():
        return None
    return next((web for web in ("https", "http") if a_slip_away(scheme, web)), None)


def slips(word: str) -> Iterator[str]:
    """Yield regexes for the texts that are one letter away from a word; see `web_scheme`."""
    for i in range(len(word) + 1):
        head, tail = word[:i], word[i:]
        yield f"{head}[a-z]{tail}"
        if tail:
            yield f"{head}[a-z]?{tail[1:]}"
        if len(tail) > 1:
            yield f"{head}{tail[1]}{tail[0]}{tail[2:]}"


def a_slip_away(word: str, meant: str) -> bool:
    """Return whether one letter is missing, added or changed, or two letters are swapped."""
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


def _canonical_host(host: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        return f"[{canonical_ipv6(host[1:-1])}]"
    if host.isascii():
        return _canonical_ipv4(host) or host
    return ascii_host(host) or host


def _canonical_ipv4(host: str) -> str | None:
    """Return an address as browsers write it, or ``None`` if it is not an address.

    https://url.spec.whatwg.org/#concept-ipv4-parser. That parser reads a number with leading
    zeros as octal, which its author hardly ever means, so such an address gives ``None``.
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
