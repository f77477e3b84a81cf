"""Find the configured entry that a refused value nearly matches, and the change that allows it.

Logs and explanations use it. It runs only for a refusal that is shown, and takes time linear in
the number of entries.
"""

from __future__ import annotations

import re

from .._options import fetch
from .._options.limits import MAX_HEADER_NAME, MAX_METHOD, MAX_ORIGIN
from .._options.origin import is_development_host, parse_origin
from .._options.patterns import HostRule, covers, follows, write_pattern
from .._options.records import NamedTuple
from .._options.suggestions import a_slip_away, suggest
from .languages import as_written, regex_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from .._options.origin import Origin
    from .._options.spec import Spec
    from .languages import Entry


class NearMiss(NamedTuple):
    """Why a value is refused, and what would allow it.

    After `add` is added to the option, the policy allows `send`, or the value if `send` is
    ``None``. Neither of them => no change allows the value.

    Attributes:
        kind: the difference: ``"scheme"``, ``"port"``, ``"www"``, ... (see docs/refused.md).
        entry: the nearest entry of the option as it is written; ``None`` if none is near.
        why: the difference in words, as the end of a sentence about the value or the entry.
        add: the entry to add; ``None`` if no other entry is needed.
        send: the value that the sender should send instead, or ``None``.
        is_own: whether the owner of `entry` also owns the value. If not, another party may.
    """

    kind: str
    entry: str | None
    why: str
    add: str | None = None
    send: str | None = None
    is_own: bool = False


__all__ = ["NearMiss", "matching_entry", "near_header", "near_method", "near_origins"]

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def near_origins(origin: str, spec: Spec, unmatchable: Iterable[str] = ()) -> list[NearMiss]:
    """Return the near misses of an origin that a policy refuses, the nearest first.

    There is at least one; its kind is ``"none"`` if no entry is near.

    Args:
        origin: the value of the header, in latin-1.
        spec: the options of the policy.
        unmatchable: entries that match nothing, which a drop-in keeps.
    """
    if origin == "null":
        why = (
            "sent by sandboxed frames, local files, data: URLs and redirects between origins, so"
            " any site can send it"
        )
        return [NearMiss("null", None, why, "null")]
    parts = parse_origin(origin)
    if parts is None:
        return [_malformed(origin, spec)]
    why = "which matches nothing as it is written"
    misses = [
        NearMiss("entry", entry, why, origin, is_own=True)
        for entry in unmatchable
        if suggest(entry) == origin
    ]
    for kind, why, variant, is_own in _variants(parts):
        entry = matching_entry(variant, spec)
        if entry is not None:
            misses.append(NearMiss(kind, as_written(entry), why, origin, is_own=is_own))
    misses += _among_entries(origin, parts, spec)
    # `https://*.example.com` covers www.example.com, but the apex is what is missing.
    misses.sort(key=lambda miss: miss.kind not in ("entry", "apex"))
    nearest = {miss.entry: miss for miss in reversed(misses)}  # the first one of each entry
    return [miss for miss in misses if nearest[miss.entry] is miss] or [
        NearMiss("none", None, "unlike every entry", origin)
    ]


def _malformed(origin: str, spec: Spec) -> NearMiss:
    if len(origin) > MAX_ORIGIN:
        return NearMiss("length", None, f"longer than {MAX_ORIGIN} characters")
    if "," in origin or " " in origin:
        return NearMiss("several", None, "more than one origin, so perhaps a proxy has added one")
    meant = suggest(origin)
    if meant is None or parse_origin(meant) is None:
        return NearMiss("malformed", None, "not an origin as browsers write it")
    kind, why = _spelling(origin, meant)
    entry = matching_entry(meant, spec)
    if entry is None:
        return NearMiss(kind, None, why, meant, meant)
    return NearMiss(kind, as_written(entry), why, None, meant, is_own=True)


def _spelling(origin: str, meant: str) -> tuple[str, str]:
    if not origin.isascii():
        return "punycode", "written with letters beyond ASCII, which browsers send as punycode"
    if origin.lower() == meant:
        return "case", "written with upper-case letters, which browsers send in lower case"
    if re.fullmatch(f"{re.escape(meant)}/+", origin.lower()):
        return "slash", "written with a slash at the end, which browsers do not send"
    if origin.lower().startswith((f"{meant}/", f"{meant}?", f"{meant}#")):
        return "path", "written with a path, which browsers do not send"
    if any(origin.lower() == f"{meant}:{port}" for port in fetch.DEFAULT_PORTS.values()):
        return "default-port", "written with the default port, which browsers leave out"
    return "malformed", "not written as browsers write it"


def _variants(origin: Origin) -> Iterator[tuple[str, str, str, bool]]:
    """Yield origins that are easily confused with one: kind, reason, origin, is_own."""
    scheme, host, port = origin
    development = is_development_host(host)

    def written(scheme: str, host: str, port: int) -> str:
        is_default = port in (0, fetch.DEFAULT_PORTS.get(scheme))
        return f"{scheme}://{host}" + ("" if is_default else f":{port}")

    if scheme in fetch.WEB_SCHEMES:
        # Over plain http, anyone in the network can write the page.
        other = "http" if scheme == "https" else "https"
        is_own = development or scheme == "https"
        yield "scheme", f"which is {other}, not {scheme}", written(other, host, port), is_own
    if host in _LOOPBACK:
        for same in _LOOPBACK:
            if same != host:
                why = "which is another origin"
                yield "loopback", why, written(scheme, same, port), True
    if host.startswith("www."):
        why = "which is without 'www.'"
        yield "www", why, written(scheme, host.removeprefix("www."), port), True
    else:
        yield "www", "which begins with 'www.'", written(scheme, f"www.{host}", port), True
    if host.endswith("."):
        why = "which is without the dot at the end"
        yield "dot", why, written(scheme, host.removesuffix("."), port), True
    if port:
        why = f"which is without the port {port}"
        yield "port", why, written(scheme, host, 0), True


def matching_entry(origin: str, spec: Spec) -> Entry | str | None:
    """Return the entry that matches an origin; a str is an exact origin."""
    if origin in spec.exact:
        return origin
    parts = parse_origin(origin)
    if parts is None:
        return None
    for rule in spec.rules:
        if follows(rule, parts):
            return rule
    for entry in (*spec.globs, *spec.regexes):
        if regex_of(entry).fullmatch(origin):
            return entry
    return None


def _among_entries(origin: str, parts: Origin, spec: Spec) -> list[NearMiss]:
    """Compare an origin with each entry: other ports, domains above and below, one edit."""
    found: dict[str, NearMiss] = {}

    def near(kind: str, entry: str, why: str, is_own: bool = True) -> None:
        found.setdefault(kind, NearMiss(kind, entry, why, origin, is_own=is_own))

    for entry, other in _hosts(spec):
        host, base = parts.host, other.host.removeprefix(".")
        has_scheme = other.scheme == parts.scheme
        if covers(other.host, host):
            if has_scheme:
                near("port", entry, "which is for another port")
            else:
                near("scheme-and-port", entry, "which has another scheme and port", False)
        elif host == base:
            near("apex", entry, "which covers the subdomains, but not the domain itself")
        elif other.host[0] != "." and host.endswith(f".{base}") and "." in base:
            near("subdomain", entry, "which does not cover its subdomains")
        elif a_slip_away(origin, entry):
            near("edit", entry, "which differs in one character", False)
    kinds = ("port", "apex", "scheme-and-port", "subdomain", "edit")
    return [found[kind] for kind in kinds if kind in found]


def _hosts(spec: Spec) -> Iterator[tuple[str, HostRule | Origin]]:
    """Yield the entries that have one host, or all subdomains of one."""
    for entry in spec.exact:
        parts = parse_origin(entry)
        if parts is not None:  # it is not "null"
            yield entry, parts
    for rule in spec.rules:
        yield write_pattern(rule), rule


def near_method(method: str, allowed: Collection[str]) -> NearMiss:
    """Return the near miss of a method that is not one of these."""
    if len(method) > MAX_METHOD:
        return NearMiss("length", None, f"longer than {MAX_METHOD} characters")
    upper = method.upper()
    if upper in fetch.FORBIDDEN_METHODS:
        return NearMiss("forbidden", None, "a method that browsers do not send")
    if upper != method:
        is_listed = upper in allowed
        why = "in upper case, and case matters" if is_listed else f"not {upper!r}; case matters"
        if upper not in fetch.NORMALIZED_METHODS:
            why += ", because browsers do not upper-case this method"
        return NearMiss("case", upper * is_listed or None, why, None if is_listed else upper, upper)
    for other in sorted(allowed):
        if other not in fetch.SAFELISTED_METHODS and a_slip_away(method, other):
            return NearMiss("edit", other, "which differs in one character", method)
    return NearMiss("none", None, "not one of the allowed methods", method)


def near_header(name: str, allowed: Collection[str], any_header: bool = False) -> NearMiss:
    """Return the near miss of a header name that is not one of these lower-case names."""
    if len(name) > MAX_HEADER_NAME:
        return NearMiss("length", None, f"longer than {MAX_HEADER_NAME} characters")
    lower = name.lower()
    if any_header and lower == fetch.NON_WILDCARD_REQUEST_HEADER:
        return NearMiss("wildcard", "*", "which does not cover Authorization", "Authorization")
    for other in sorted(allowed):
        if lower.replace("_", "-") == other.replace("_", "-"):
            return NearMiss("hyphen", other, "which differs in '-' and '_'", name)
    for other in sorted(allowed):
        if a_slip_away(lower, other):
            return NearMiss("edit", other, "which differs in one character", name)
    return NearMiss("none", None, "not one of the allowed header names", name)
