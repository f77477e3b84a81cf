"""Describe in plain sentences what a policy allows, from the proven language of each entry."""

from __future__ import annotations

import re
from itertools import islice

from .._options import fetch
from .._options.patterns import (
    ANY_PORT,
    INSIDE_A_LABEL,
    Glob,
    HostRule,
    Network,
    write_pattern,
)
from .automata import TooManyStatesError
from .families import Family, shortest_origins
from .summaries import ONE_LABEL, AnyName, Label, pieces_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .._options.patterns import Ports
    from .._options.spec import Spec
    from .summaries import Piece

# More exact origins or patterns, ranges of ports, or examples of a regex than this are not written
# out.
SHOWN = 20
RANGES = 4
EXAMPLES = 3

_VARYING = {
    ONE_LABEL: "one label",
    INSIDE_A_LABEL: "letters, digits and hyphens",
    "[a-z0-9]+": "letters and digits",
    "[a-z]+": "letters",
    "[0-9]+": "digits",
}


def describe_spec(spec: Spec, applied: Iterable[tuple[re.Pattern[str], str]] = ()) -> str:
    """Return what a policy allows, one sentence on each line; see ``Policy.describe``.

    Args:
        applied: regexes of other software, with the way to apply them.
    """
    spec.options()  # raises TypeError for the policy of a drop-in
    return "\n".join([*_origins(spec, [*applied]), *_permissions(spec)])


# -- origins ---------------------------------------------------------------------------------


def _origins(spec: Spec, applied: list[tuple[re.Pattern[str], str]]) -> Iterator[str]:
    if spec.any_origin:
        also = "" if spec.credentials else ", with any scheme, also null"
        yield f"Any origin{' of http or https' * spec.credentials}{also}."
        return
    exact = [origin for origin in spec.exact if origin != "null"]
    for origin in exact[:SHOWN]:
        yield f"{origin}, exactly."
    if len(exact) > SHOWN:
        yield f"{len(exact) - SHOWN} more exact origins."
    if "null" in spec.exact:
        yield "null: sandboxed frames, local files and some redirects, of any web site."
    exceptions = {origin.partition("://")[2] for origin in exact}
    exceptions |= {rule.host for rule in spec.rules}
    families = [Family(entry) for entry in (*spec.rules, *spec.globs, *spec.regexes)]
    families += [Family(regex, how) for regex, how in applied]
    for family in families[:SHOWN]:
        yield _of_entry(family, exceptions)
    if len(families) > SHOWN:
        yield f"{len(families) - SHOWN} more patterns."
    if not (spec.exact or families):
        yield "No origin."


def _of_entry(family: Family, exceptions: set[str]) -> str:
    if isinstance(family.entry, (HostRule, Network)):
        return _sentence([family.entry], exceptions)
    if isinstance(family.entry, Glob) and family.entry.scheme in fetch.EXTENSION_IDS:
        return f"Any extension with the scheme {family.entry.scheme}."
    if family.dfa is None:
        return f"What the regex '{family.written}' matches ({family.unsupported}: no automaton)."
    try:
        pieces = pieces_of(family.dfa)
    except TooManyStatesError:
        pieces = None
    if pieces:
        return _sentence(pieces, exceptions)
    kind = "regex" if isinstance(family.entry, re.Pattern | tuple) else "pattern"
    examples = [*islice(shortest_origins(family.dfa), EXAMPLES)]
    if not examples:
        return f"No origin by the {kind} '{family.written}'."
    return f"What the {kind} '{family.written}' matches, for example {_listed(examples)}."


def _sentence(pieces: Iterable[Piece], exceptions: set[str]) -> str:
    """Describe pieces. Those that differ only by their scheme are described once."""
    schemes: dict[Piece, list[str]] = {}
    for piece in pieces:
        if isinstance(piece, str):
            schemes[piece] = []
        else:
            schemes.setdefault(piece._replace(scheme=""), []).append(piece.scheme)
    hosts = {getattr(piece, "host", None) for piece in schemes}
    parts = []
    for piece, used in schemes.items():
        if isinstance(piece, str):
            parts.append(piece)
            continue
        depth = ", any depth" if getattr(piece, "host", "").startswith(".") else ""
        over = " or ".join(sorted(used))
        parts.append(f"{_host(piece)} over {over}{depth}, {_ports(piece.ports)}")
    bare = [host[1:] for host in hosts if host and host.startswith(".")]
    without = [name for name in bare if name not in hosts and name not in exceptions]
    text = "; ".join(parts) + "".join(f"; not {name} itself" for name in without)
    if "://" not in parts[0]:  # an origin keeps its case
        text = text[:1].upper() + text[1:]
    return f"{text}."


def _host(piece: HostRule | Network | Label | AnyName) -> str:
    if isinstance(piece, AnyName):
        return "any domain name"
    if isinstance(piece, Network):
        pattern = write_pattern(piece._replace(scheme="http", ports=((0, 0),)))
        return f"any address in {pattern.removeprefix('http://')}"
    if isinstance(piece, Label):
        name = f"{piece.before}<{_VARYING[piece.characters]}>{piece.after}"
        if piece.characters == ONE_LABEL and not piece.before and piece.after.startswith("."):
            return f"any subdomain of {piece.after[1:]} with one more label"
        return f"any host of the form {name}"
    if piece.host.startswith("."):
        return f"any subdomain of {piece.host[1:]}"
    return f"the host {piece.host}"


def _ports(ports: Ports) -> str:
    if ports == ANY_PORT:
        return "any port"
    if ports == ((0, 0),):
        return "default port"
    written = [(max(first, 1), last) for first, last in ports if last]
    default = "the default port, " if ports[0][0] == 0 else ""
    if len(written) > RANGES:
        return f"{default}{len(written)} ranges of ports"
    texts = [f"{first}" if first == last else f"{first} to {last}" for first, last in written]
    plural = "s" if len(texts) > 1 or " " in texts[0] else ""
    return f"{default}port{plural} {_listed(texts)}"


# -- the other options -----------------------------------------------------------------------


def _permissions(spec: Spec) -> Iterator[str]:
    yield f"Credentials such as cookies are {'allowed' if spec.credentials else 'not allowed'}."
    methods = sorted(fetch.SAFELISTED_METHODS | {*spec.methods})
    yield "Any method." if spec.any_method else f"The methods {_listed(methods)}."
    named = [name for name in spec.headers if name.lower() == fetch.NON_WILDCARD_REQUEST_HEADER]
    if spec.any_header:
        yield f"Any request header, {'also' if named else 'except'} Authorization."
    else:
        more = f", and {_listed(spec.headers)}" if spec.headers else ""
        yield f"The request headers that need no permission{more}."
    if "*" in spec.expose:
        yield "Pages may read any response header."
    else:
        more = f", and {_listed(spec.expose)}" if spec.expose else ""
        yield f"Pages may read the response headers that need no permission{more}."
    if spec.max_age is None:
        yield f"Browsers cache preflights for their default, {fetch.DEFAULT_MAX_AGE} seconds."
    else:
        yield f"Browsers may cache preflights for {spec.max_age} seconds."
    if spec.timing:
        yield "Pages may read the timings of responses."
    if spec.existing == "keep":
        yield "Where the application sends Access-Control-Allow-Origin itself, its value is kept."


def _listed(items: Iterable[str]) -> str:
    *first, last = items
    return f"{', '.join(first)} and {last}" if first else last
