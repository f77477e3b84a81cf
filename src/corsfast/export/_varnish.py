"""Write a policy for Varnish: subroutines that VCL joins with those of the same name.

The headers are set when a response is delivered, so one cached object serves all origins.
"""

from __future__ import annotations

from .._options import fetch
from .._options.fetch import VARY
from ._model import Echo, headed, in_full, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._engine.select import Policy
    from ._model import Model, Test

_USAGE = """\
// Include this file before all subroutines:
//     include "FILE";
"""
_KIND = "req.http.Corsfast-Kind"
_VALUES = {
    Echo.ORIGIN: "req.http.Origin",
    Echo.METHOD: f"req.http.{fetch.REQUEST_METHOD}",
    Echo.NAMES: f"req.http.{fetch.REQUEST_HEADERS}",
}


def to_varnish(policy: Policy) -> str:
    """Return VCL 4.1 for Varnish 7; see docs/export.md."""
    model = read(policy, "varnish", backtracking=True)
    return headed(policy, "varnish", _USAGE + "\n".join(_lines(model)) + "\n", "//")


def _lines(model: Model) -> Iterator[str]:
    origin, method, names = _VALUES.values()
    yield "import std;"
    yield "sub vcl_recv {"
    yield from (f'    std.collect({header}, ",");' for header in _VALUES.values())
    yield f"    unset {_KIND};"
    yield f"    if ({_allowed(model)}) {{"
    yield f'        set {_KIND} = "actual";'
    yield "    }"
    yield f'    if (req.method == "OPTIONS" && {origin} && {method}) {{'
    yield f'        if ({_KIND} == "actual"'
    yield f"            && {_accepts(method, model.method)}"
    yield f"            && (!{names} || {_accepts(names, model.names)})) {{"
    yield f'            set {_KIND} = "preflight";'
    yield f"            return (synth({model.preflight_status}));"
    yield "        }"
    yield f'        set {_KIND} = "refused";'
    yield "        return (synth(403));"
    yield "    }"
    yield "}"
    # Varnish would pipe other methods than the usual ones, and not deliver their responses itself.
    yield "sub vcl_req_method {"
    yield '    if (req.method !~ "^(GET|HEAD|PRI|CONNECT)$") {'
    yield "        return (pass);"
    yield "    }"
    yield "}"
    yield "sub corsfast_headers {"
    # The application's own headers are replaced.
    yield from (f"    unset resp.http.{name};" for name in model.replaced)
    for kind, fields in (("actual", model.actual), ("preflight", model.preflight)):
        yield f'    if ({_KIND} == "{kind}") {{'
        for name, value in fields:
            text = _VALUES[value] if isinstance(value, Echo) else f'{{"{value}"}}'
            yield f"        set resp.http.{name} = {text};"
        yield "    }"
    yield f'    if ({_KIND} == "preflight" || {_KIND} == "refused") {{'
    yield from _vary(model.preflight_vary)
    if model.actual_vary:
        yield "    } else {"
        yield from _vary(model.actual_vary)
    yield "    }"
    yield "}"
    yield "sub vcl_deliver {"
    yield "    call corsfast_headers;"
    yield "}"
    yield "sub vcl_synth {"
    yield "    call corsfast_headers;"
    yield f'    if ({_KIND} == "preflight" || {_KIND} == "refused") {{'
    yield "        return (deliver);"
    yield "    }"
    yield "}"


def _allowed(model: Model) -> str:
    if model.star:
        return "true"
    choices = [f'req.http.Origin == "{origin}"' for origin in model.exact]
    patterns = [f"req.http.Origin ~ {_full(each.regex)}" for each in model.patterns]
    if patterns:
        accepted = _accepts("req.http.Origin", model.origin)
        choices.append(f"({accepted} && ({' || '.join(patterns)}))")
    return "\n        || ".join(choices) or "false"


def _accepts(value: str, test: Test) -> str:
    unless = "".join(f' && {value} !~ {{"{regex}"}}' for regex in test.unless)
    return f"{value} ~ {_full(test.full)}{unless}"


def _full(regex: str) -> str:
    return f'{{"{in_full(regex)}"}}'


def _vary(names: str) -> Iterator[str]:
    yield f"        if (resp.http.{VARY}) {{"
    yield f'            set resp.http.{VARY} = resp.http.{VARY} + ", {names}";'
    yield "        } else {"
    yield f'            set resp.http.{VARY} = "{names}";'
    yield "        }"
