"""Write a policy for Caddy: a snippet of maps that decide, and of headers.

A header is set twice: at once, so that error pages have it, and again when the response is written,
because then the application's own header is replaced.
"""

from __future__ import annotations

from .._options import fetch
from .._options.fetch import VARY
from ._model import Echo, headed, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .._engine.select import Policy
    from ._model import Model, Test

_USAGE = """\
# Import this file before the sites, and the snippet first in a route of a site:
#     import FILE
#     SITE {
#         route {
#             import corsfast
#             ...
#         }
#     }
"""
_VALUES = {
    Echo.ORIGIN: "{http.request.header.Origin}",
    Echo.METHOD: f"{{http.request.header.{fetch.REQUEST_METHOD}}}",
    Echo.NAMES: f"{{http.request.header.{fetch.REQUEST_HEADERS}}}",
}


def to_caddy(policy: Policy) -> str:
    """Return a snippet for a Caddyfile; see docs/export.md."""
    model = read(policy, "caddy", backtracking=False)
    lines = ["(corsfast) {", *(f"\t{line}" for line in _lines(model)), "}"]
    return headed(policy, "caddy", _USAGE + "\n".join(lines) + "\n")


def _lines(model: Model) -> Iterator[str]:
    origin, method, names = _VALUES.values()
    if model.star:
        yield from _map("corsfast_origin", "{http.request.method}", [], "yes")
    else:
        yield from _map("corsfast_listed", origin, [(each, "yes") for each in model.exact])
        yield from _map("corsfast_well_formed", origin, _tested(model.origin))
        matched = [(_full(each.regex), "yes") for each in model.patterns]
        yield from _map("corsfast_matched", origin, matched)
        values = "{corsfast_listed}{corsfast_well_formed}{corsfast_matched}"
        yield from _map("corsfast_origin", values, [("~^yes|^noyesyes", "yes")])
    yield from _map("corsfast_method", method, _tested(model.method))
    yield from _map("corsfast_names", names, _tested(model.names))
    sent = f"{{http.request.method}}|{origin}|{method}"
    yield from _map("corsfast_asked", sent, [("~^OPTIONS[|][^|].*[|].+", "yes")])
    values = "{corsfast_asked}{corsfast_origin}{corsfast_method}{corsfast_names}"
    kinds = [("yesyesyesyes", "preflight"), ("~^yes", "refused"), ("~^noyes", "actual")]
    yield from _map("corsfast_kind", values, kinds, "none")
    fields = {"actual": model.actual, "preflight": model.preflight, "refused": (), "none": ()}
    for kind, sent_fields in fields.items():
        vary = model.actual_vary if kind in ("actual", "none") else model.preflight_vary
        yield f"@corsfast_{kind} vars {{corsfast_kind}} {kind}"
        yield f"header @corsfast_{kind} {{"
        yield from (f"\t{name} {_value(value)}" for name, value in sent_fields)
        if vary:
            yield f'\t+{VARY} "{vary}"'
        yield "}"
        left = {name for name, _ in sent_fields}
        yield f"header @corsfast_{kind} {{"
        yield from (f"\t>{name} {_value(value)}" for name, value in sent_fields)
        yield from (f"\t-{name}" for name in model.replaced if name not in left)
        yield "}"
    yield f"respond @corsfast_preflight {model.preflight_status}"
    yield "respond @corsfast_refused 403"


def _map(
    name: str, source: str, rows: Iterable[tuple[str, str]], default: str = "no"
) -> Iterator[str]:
    yield f'map "{source}" {{{name}}} {{'
    yield from (f"\t`{key}` {value}" for key, value in rows)
    yield f"\tdefault {default}"
    yield "}"


def _tested(test: Test) -> list[tuple[str, str]]:
    return [*((f"~{each}", "no") for each in test.unless), (_full(test.full), "yes")]


def _full(regex: str) -> str:
    return f"~^(?:{regex})$"


def _value(value: str | Echo) -> str:
    return f'"{_VALUES[value] if isinstance(value, Echo) else value}"'
