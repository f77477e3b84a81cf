"""Write a policy for nginx: maps that decide, and headers that a server inherits.

A string of a map matches without regard to case, so a second map compares it with the origin.
"""

from __future__ import annotations

from .._options.fetch import VARY, WEB_SCHEMES
from ._model import Echo, by_field, headed, in_full, read, refusing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .._engine.select import Policy
    from ._model import Model, Test

_USAGE = """\
# Include this file in http { }, before any map of yours, and write in each server { }, before its
# locations:
#     if ($corsfast_preflight = allowed) { return STATUS; }
#     if ($corsfast_preflight = refused) { return 403; }
# A location with an add_header of its own inherits none of these, nor one with a *_hide_header.
"""
_UPSTREAMS = ("proxy", "fastcgi", "uwsgi", "scgi", "grpc")
_VALUES = {
    Echo.ORIGIN: "$corsfast_origin",
    Echo.METHOD: "$http_access_control_request_method",
    Echo.NAMES: "$http_access_control_request_headers",
}
# The default of map_hash_bucket_size.
_BUCKET = 64
# nginx finds a hash table with one origin in each bucket for this many origins. For more of them it
# finds one with at most _SHARE origins in a bucket.
_FEW_ORIGINS, _SHARE = 100, 8
# The default of map_hash_max_size suffices for these.
_MANY_ORIGINS = 1000


def to_nginx(policy: Policy) -> str:
    """Return a configuration for nginx; see docs/export.md."""
    model = read(policy, "nginx", backtracking=True)
    text = _USAGE.replace("STATUS", str(model.preflight_status)) + "\n".join(_lines(model)) + "\n"
    return headed(policy, "nginx", text)


def _lines(model: Model) -> Iterator[str]:
    if model.star:
        yield from _map("$request_method", "origin", [("default", '"*"')])
    else:
        yield from _origin(model)
    yield from _map("$http_access_control_request_method", "method", _tested(model.method))
    # A regex of a map is not tried on an empty value.
    yield from _map(
        "$http_access_control_request_headers", "names", [('""', "1"), *_tested(model.names)]
    )
    asked = "$request_method|$http_origin|$http_access_control_request_method"
    yield from _map(asked, "asked", [('"~^OPTIONS[|][^|].*[|].+"', "1"), ("default", "0")])
    yield from _map(
        "$corsfast_asked$corsfast_method$corsfast_names$corsfast_origin",
        "preflight",
        [("~^111.", "allowed"), ("~^1", "refused"), ("default", '""')],
    )
    yield from _map(
        "$corsfast_preflight$corsfast_origin",
        "kind",
        [("~^allowed", "preflight"), ("~^refused", '""'), ("~.", "actual"), ("default", '""')],
    )
    for number, (name, kinds) in enumerate(by_field(model).items()):
        values = [
            (kind, f'"{_VALUES[value] if isinstance(value, Echo) else value}"')
            for kind, value in kinds.items()
        ]
        yield from _map("$corsfast_kind", f"field_{number}", [*values, ("default", '""')])
        yield f"add_header {name} $corsfast_field_{number} always;"
    vary = [('""', f'"{model.actual_vary}"'), ("default", f'"{model.preflight_vary}"')]
    yield from _map("$corsfast_preflight", "vary", vary)
    yield f"add_header {VARY} $corsfast_vary always;"
    yield "# The application's own headers are replaced."
    yield from (f"{kind}_hide_header {name};" for kind in _UPSTREAMS for name in model.replaced)


def _origin(model: Model) -> Iterator[str]:
    longest = max(map(len, model.exact), default=0)
    bucket = (1 << (longest + 23).bit_length()) * (_SHARE if len(model.exact) > _FEW_ORIGINS else 1)
    if bucket > _BUCKET:
        yield f"map_hash_bucket_size {bucket};"
    if len(model.exact) > _MANY_ORIGINS:
        yield f"map_hash_max_size {2 * len(model.exact)};"
    # Only a host of another scheme can differ from another one by case.
    rows = [
        (f'"{each}"', f'"{each}"')
        if each == "null" or _scheme(each) in WEB_SCHEMES
        else (_regex(_literal(each)), "$http_origin")
        for each in model.exact
    ]
    if model.patterns:
        rows += [(f'"~{each}"', '""') for each in refusing(model.origin)]
        rows += [(_regex(each.regex), "$http_origin") for each in model.patterns]
    yield from _map("$http_origin", "candidate", [*rows, ("default", '""')])
    same = ('"~^([^ ]+) \\1\\z"', "$http_origin")
    yield from _map("$http_origin $corsfast_candidate", "origin", [same, ("default", '""')])


def _tested(test: Test) -> list[tuple[str, str]]:
    refused = [(f'"~{each}"', "0") for each in test.unless]
    return [*refused, (_regex(test.full), "1"), ("default", "0")]


def _map(source: str, name: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f'map "{source}" $corsfast_{name} {{'
    yield from (f"    {key} {value};" for key, value in rows)
    yield "}"


def _regex(text: str) -> str:
    return f'"~{in_full(text)}"'


def _scheme(origin: str) -> str:
    return origin.partition("://")[0]


def _literal(text: str) -> str:
    return text.replace(".", "[.]")
