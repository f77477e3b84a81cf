"""Read a policy for targets that take lists of origins and names, and no rules of their own."""

from __future__ import annotations

import json

from .._options import fetch
from .._options.patterns import HEADERS, METHODS, ORIGINS, HostRule, single_origins, write_pattern
from .._options.records import NamedTuple
from ._model import ExportError, Reason, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .._engine.select import Policy
    from .._options.spec import Spec
    from .._proofs.languages import Entry

    # The texts of an entry in a target, or why it has none.
    Texts = list[str] | str


class Lists(NamedTuple):
    """The lists of a target, as it writes them."""

    origins: list[str]
    methods: list[str]
    headers: list[str]
    exposed: list[str]


def read_lists(
    policy: Policy,
    target: str,
    write: Callable[[Entry | str], Texts],
    reasons: Callable[[Spec], Iterable[Reason]],
) -> Lists:
    """Return the lists of a policy.

    Args:
        write: returns the texts of an entry, or why the target cannot express it.
        reasons: returns further entries that the target cannot express.

    Raises:
        ExportError: if the target cannot express the policy.
        TypeError: for the policy of a drop-in middleware.
    """
    policy.options()  # raises the TypeError
    spec = policy._tables.spec
    found = [*option_reasons(spec), *reasons(spec)]
    origins: dict[str, None] = {"*": None} if spec.any_origin else {}
    for entry in (*spec.exact, *spec.rules, *spec.globs, *spec.regexes):
        written = write(entry)
        if isinstance(written, str):
            found.append(Reason(ORIGINS, entry, written))
        else:
            origins.update(dict.fromkeys(written))
    if not origins and not found:
        found.append(Reason(ORIGINS, (), "it needs an origin"))
    if found:
        raise ExportError(target, found, nearest(policy, found))
    methods = ["*"] if spec.any_method else [*sorted(fetch.SAFELISTED_METHODS), *spec.methods]
    return Lists(
        sorted(origins), list(dict.fromkeys(methods)), header_names(spec), list(spec.expose)
    )


def header_names(spec: Spec) -> list[str]:
    """Return the names of Access-Control-Allow-Headers.

    A safelisted name is listed too, because a browser asks for it if its value is unusual.
    """
    if spec.any_header:
        return ["*", *spec.headers]
    listed = set(map(str.lower, spec.headers))
    safe = sorted(fetch.SAFELISTED_REQUEST_HEADERS)
    return [*spec.headers, *(name for name in safe if name.lower() not in listed)]


def option_reasons(spec: Spec) -> Iterator[Reason]:
    """Yield what no list can express."""
    if spec.existing == "keep":
        yield Reason("existing", "keep", "it replaces the application's own headers")
    if spec.any_header and fetch.NON_WILDCARD_REQUEST_HEADER not in map(str.lower, spec.headers):
        why = "some browsers let '*' cover Authorization, and so does an echo"
        yield Reason(HEADERS, "*", why)
    if spec.timing:
        yield Reason("timing_allow_origin", True, "it sends no Timing-Allow-Origin")


def unknown_methods(spec: Spec, known: Iterable[str]) -> Iterator[Reason]:
    """Yield the methods that a target does not know."""
    for method in spec.methods:
        if method not in known:
            yield Reason(METHODS, method, f"the methods are {', '.join(known)}")


def only_exact(entry: Entry | str) -> Texts:
    """Return the origins of an entry without a wildcard."""
    if isinstance(entry, str):
        return [entry]
    if isinstance(entry, HostRule) and (origins := single_origins(entry)):
        return origins
    return "it takes no pattern of this kind"


def any_subdomain(entry: Entry | str) -> Texts:
    """Return an entry, or a wildcard for the subdomains of one host with one port."""
    if not isinstance(entry, HostRule) or entry.host[0] != ".":
        return only_exact(entry)
    if entry.ports == ((0, 0),):
        return [write_pattern(entry)]
    domains = single_origins(entry._replace(host=entry.host[1:]))
    return [each.replace("://", "://*.") for each in domains] or "it takes no wildcard for a port"


def yaml_lines(value: object, indent: str = "") -> Iterator[str]:
    """Yield the lines of a mapping of mappings, lists of scalars, and scalars as YAML."""
    assert isinstance(value, dict)
    for key, item in value.items():
        if isinstance(item, dict):
            yield f"{indent}{key}:"
            yield from yaml_lines(item, f"{indent}  ")
        elif isinstance(item, list):
            yield f"{indent}{key}:{'' if item else ' []'}"
            yield from (f"{indent}  - {json.dumps(each)}" for each in item)
        else:
            yield f"{indent}{key}: {json.dumps(item)}"
