"""Parse the strings in ``allow_origins``. The grammar of patterns:

    pattern      = "*" / "null" / origin / host-pattern / network / any-extension
        origin       = serialized-origin                    ; see origin.py: matched exactly
    host-pattern = web-scheme "://" host [ ":" ports ]
    network      = web-scheme "://" address "/" prefix [ ":" ports ]
    web-scheme   = "http" / "https"
    host         = IPv4 / "[" IPv6 "]" / [ "*." ] glob *( "." glob )
    address      = IPv4 / "[" IPv6 "]"                  ; the first one of the network
    prefix       = 1*3DIGIT                             ; 0-32 or 0-128, no leading zero
    glob         = 1*( ldu / "-" / "*" )                ; ldu as in origin.py
    ports        = port / "*" / "[" range *( "," range ) "]"
    range        = port [ "-" port ]
    any-extension = "chrome-extension://*" / "moz-extension://*" / "safari-web-extension://*"

| `*`                              | matches                                           |
|----------------------------------|---------------------------------------------------|
| `*.` at the very left            | one or more whole labels                          |
| inside a label, or as a label    | one or more of `a-z 0-9 -`, never a dot           |
| as the port                      | any port, or none                                 |
| after an extension's scheme      | an id as that browser writes it                   |

Ports in brackets are a set: their order has no meaning, and they may overlap. A network of one
address (a prefix of 32 or 128) means that address.

A star at the end of a whole host (``localhost*``) is not a pattern, because its author means a
port.

| pattern                          | matches                      | does not match           |
|----------------------------------|------------------------------|--------------------------|
| `https://*.example.com`          | `https://a.b.example.com`    | `https://example.com`    |
| `https://pr-*.example.com`       | `https://pr-7.example.com`   | `https://pr-.example.com`|
| `https://*.pr-*.example.com`     | `https://a.pr-7.example.com` | `https://pr-7.example.com`|
| `http://localhost:*`             | `http://localhost`           | `https://localhost`      |
| `http://127.0.0.1:[3000,80-89]`  | `http://127.0.0.1:81`        | `http://127.0.0.1`       |
| `http://192.168.0.0/16:*`        | `http://192.168.1.7:3000`    | `http://192.169.0.1:3000`|
| `https://10.1.0.0/16`            | `https://10.1.2.3`           | `https://10.1.2.3:8443`  |
| `http://[fd00::]/8:3000`         | `http://[fd12::1]:3000`      | `http://[fd12::1]`       |

A string is never interpreted as a regular expression. diagnose.py explains what is wrong with a
string that is not a pattern.
"""

from __future__ import annotations

import re

from . import fetch, limits
from .networks import Block, expression as block_expression, number_choices, parse_block
from .origin import is_development_host, is_ipv4_like, parse_origin, valid_ipv4, valid_port
from .records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .origin import Origin

    Ports = tuple[tuple[int, int], ...]


class HostRule(NamedTuple):
    """A family of origins: one scheme, one host or all its subdomains, a set of ports.

    ``host`` begins with a dot if it means subdomains (one or more labels). ``ports`` are
    inclusive ranges in ascending order; port 0 means that no port is written.
    """

    scheme: str
    host: str
    ports: Ports


class Glob(NamedTuple):
    """A family of origins whose host has ``*`` inside its labels. ``host`` is as written.

    For any extension of a browser, ``host`` is ``*`` alone.
    """

    scheme: str
    host: str
    ports: Ports


class Network(NamedTuple):
    """A family of origins whose host is an address in a block; `host` is the first one."""

    scheme: str
    host: str
    prefix: int
    ports: Ports


class Within(NamedTuple):
    """A regex with the domains that its author declares for it."""

    regex: re.Pattern[str]
    domains: tuple[str, ...]


# The option that this module reads, as problems name it.
ORIGINS = "allow_origins"
# The options that are lists of names.
METHODS, HEADERS, EXPOSED = "allow_methods", "allow_headers", "expose_headers"

ANY_PORT = ((0, limits.MAX_PORT),)

# The meanings of `*`, as Python regular expressions.
ONE_LABEL_OR_MORE = r"(?:[a-z0-9_\-]+\.)+"
INSIDE_A_LABEL = r"[a-z0-9\-]+"

_NETWORK = re.compile(
    r"(?P<host>[0-9.]+|\[[0-9a-f:]+\])/(?P<prefix>0|[1-9][0-9]{0,2})(?P<ports>(?::.+)?)"
)


def within(regex: re.Pattern[str], *domains: str) -> Within:
    """Declare the domains that a regex of ``allow_origins`` is meant to match.

    corsfast reads the intended domains from the regex. Declare them where that is not possible
    or not right. The declaration is checked: a `foreign-origin` problem shows an origin that the
    regex matches outside these domains and their subdomains. For example::

        corsfast.within(re.compile(r"https://(dev|app)[.]example[.]com"), "example.com")

    Raises:
        TypeError: if `regex` is not a compiled pattern of str, or a domain is not a str.
        ValueError: if there are no domains, or one is not a host name as browsers write it.
    """
    if not isinstance(getattr(regex, "pattern", None), str):
        kind = type(regex).__name__
        advice = "; write re.compile(...)" if kind == "str" else ""
        raise TypeError(f"regex must be a compiled pattern of str, not {kind}{advice}")
    if not domains:
        raise ValueError("within() needs the domains that the regex may match")
    for domain in domains:
        if not isinstance(domain, str):
            raise TypeError(f"domains must be str, not {type(domain).__name__}")
        parsed = parse_origin(f"https://{domain}")
        if parsed is None or parsed.host != domain or domain.startswith("["):
            raise ValueError(f"{domain!r} is not a host name as browsers write it")
    return Within(regex, domains)


def parse_pattern(entry: str) -> str | HostRule | Glob | Network | None:
    """Parse one string of ``allow_origins``; the caller handles ``"*"``.

    Returns:
        an exact origin (``str``, also ``"null"``), a :class:`HostRule`, a :class:`Glob`, a
        :class:`Network`, or ``None`` for any other string.
    """
    if entry == "null" or parse_origin(entry) is not None:
        return entry
    scheme, separator, rest = entry.partition("://")
    if rest == "*" and scheme in fetch.EXTENSION_IDS:
        return Glob(scheme, rest, ((0, 0),))
    if not separator or scheme not in fetch.WEB_SCHEMES:
        return None
    if "/" in rest:
        return _parse_network(scheme, rest)
    host, ports = _split_ports(rest, scheme)
    if ports is None or host == "*" or "**" in host:
        return None
    wildcard = host.startswith("*.")
    domain = host.removeprefix("*.")
    # A name in place of each star has to give a valid host; an address cannot have stars.
    sample = parse_origin(f"{scheme}://{domain.replace('*', 'a')}")
    if sample is None or sample.port:
        return None
    if "*" in host and (sample.host.startswith("[") or is_ipv4_like(sample.host)):
        return None
    if _means_any_port(host):
        return None
    if "*" in domain:
        return Glob(scheme, host, ports)
    rule = HostRule(scheme, f".{domain}" if wildcard else domain, ports)
    origin = write_pattern(rule)
    return rule if parse_origin(origin) is None else origin  # a set of one port


def _parse_network(scheme: str, rest: str) -> str | HostRule | Glob | Network | None:
    match = _NETWORK.fullmatch(rest)
    if match is None:
        return None
    host, prefix = match["host"], int(match["prefix"])
    block = parse_block(host, prefix)
    before, ports = _split_ports(f"a{match['ports']}", scheme)
    if block is None or ports is None or before != "a":
        return None
    if prefix == block.bits:
        return parse_pattern(f"{scheme}://{host}{match['ports']}")
    return Network(scheme, host, prefix, ports)


def block_of(rule: HostRule | Network) -> Block | None:
    """Return the addresses of a rule; ``None`` if its host is a name."""
    if isinstance(rule, Network):
        return parse_block(rule.host, rule.prefix)
    return parse_block(rule.host, 128 if rule.host.startswith("[") else 32)


def covers(wide: str, host: str) -> bool:
    """Return whether the host of a rule covers a host, or another rule's host."""
    return host == wide or (wide[0] == "." and host.endswith(wide))


def follows(rule: HostRule, origin: Origin) -> bool:
    """Return whether an origin matches a rule."""
    return (
        rule.scheme == origin.scheme
        and covers(rule.host, origin.host)
        and any(first <= origin.port <= last for first, last in rule.ports)
    )


def _means_any_port(host: str) -> bool:
    """Return whether a star follows a whole host; ``localhost*`` would match ``localhostx``."""
    name = host.replace("*", "")
    last = host.rpartition(".")[2]
    if is_ipv4_like(name):
        return valid_ipv4(name) and "*" in (host[0], host[-1])
    return "*" in last and is_development_host(name) and (name == "localhost" or "." in name)


def _split_ports(rest: str, scheme: str) -> tuple[str, Ports | None]:
    """Split host from ports; the ports are ``None`` if they are not valid."""
    if rest.endswith("]") and ":[" in rest:
        host, _, ranges = rest.removesuffix("]").rpartition(":[")
        return host, _parse_ranges(ranges, scheme)
    if rest.endswith("]") or ":" not in rest:
        return rest, ((0, 0),)
    host, _, port = rest.rpartition(":")
    if port == "*":
        return host, ANY_PORT
    return host, _parse_ranges(port, scheme) if "-" not in port and "," not in port else None


def _parse_ranges(text: str, scheme: str) -> Ports | None:
    ranges = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        last = last if dash else first
        if not (valid_port(first) and valid_port(last)) or int(first) > int(last):
            return None
        if first == last and int(first) == fetch.DEFAULT_PORTS[scheme]:
            return None
        ranges.append((int(first), int(last)))
    return merged(ranges)


def merged(ranges: Iterable[tuple[int, int]]) -> Ports:
    """Return the same ports in as few ranges as possible, so that equal sets are equal."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if not found or first > found[-1][1] + 1:
            found.append((first, last))
        else:
            found[-1] = (found[-1][0], max(found[-1][1], last))
    return tuple(found)


def write_pattern(rule: HostRule | Glob | Network) -> str:
    """Return the string that `parse_pattern` reads as this rule."""
    if isinstance(rule, Network):
        return f"{rule.scheme}://{rule.host}/{rule.prefix}{_write_ports(rule.ports)}"
    host = f"*{rule.host}" if rule.host.startswith(".") else rule.host
    return f"{rule.scheme}://{host}{_write_ports(rule.ports)}"


def _write_ports(ports: Ports) -> str:
    if ports == ((0, 0),):
        return ""
    if ports == ANY_PORT:
        return ":*"
    parts = [f"{first}" if first == last else f"{first}-{last}" for first, last in ports]
    return f":{parts[0]}" if parts == [f"{ports[0][0]}"] else f":[{','.join(parts)}]"


# More origins than this are better written as a pattern.
_MAX_SINGLE = 16


def single_origins(rule: HostRule | Glob | Network) -> list[str]:
    """Return the origins of a rule one by one; empty if they are unknown or too many."""
    count = sum(last - first + 1 for first, last in rule.ports)
    if not isinstance(rule, HostRule) or rule.host.startswith(".") or count > _MAX_SINGLE:
        return []
    ports = (port for first, last in rule.ports for port in range(first, last + 1))
    default = fetch.DEFAULT_PORTS[rule.scheme]
    return [f"{rule.scheme}://{rule.host}:{port}" for port in ports if port != default]


def expression(rule: HostRule | Glob | Network) -> str:
    """Return a Python regular expression for the same origins."""
    return "".join(expressions(rule))


def expressions(rule: HostRule | Glob | Network) -> tuple[str, str]:
    """Return regular expressions for the scheme with the host, and for the port."""
    if rule.scheme in fetch.EXTENSION_IDS:
        return f"{rule.scheme}://{fetch.EXTENSION_IDS[rule.scheme]}", ""
    choices = [choice for ports in rule.ports for choice in _port_choices(*ports)]
    return f"{rule.scheme}://{_host_expression(rule)}", f"(?:{'|'.join(choices)})"


def _host_expression(rule: HostRule | Glob | Network) -> str:
    if isinstance(rule, Network):
        block = block_of(rule)
        assert block is not None  # the address has already been parsed
        return block_expression(block)
    host = f"*{rule.host}" if rule.host.startswith(".") else rule.host
    text = ONE_LABEL_OR_MORE if host.startswith("*.") else ""
    for character in host.removeprefix("*."):
        escaped = character if character.isalnum() else f"\\{character}"
        text += INSIDE_A_LABEL if character == "*" else escaped
    return text


def _port_choices(first: int, last: int) -> Iterator[str]:
    """Yield regexes for the ports from first to last; port 0 means that no port is written."""
    if first == 0:
        yield ""
    yield from (f":{choice}" for choice in number_choices(max(first, 1), last))
