"""Write a policy for HAProxy: a named section of defaults, whose rules run in each frontend."""

from __future__ import annotations

from .._options import fetch
from .._options.fetch import VARY
from ._model import Echo, by_field, headed, in_full, read, refusing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._engine.select import Policy
    from ._model import Model

_USAGE = """\
# Load this file before the one with the frontends (haproxy -f cors.cfg -f haproxy.cfg), and write:
#     frontend NAME from corsfast
# The frontend has no other defaults, so it needs a `timeout client` of its own.
"""
_VALUES = {
    Echo.ORIGIN: "%[var(txn.corsfast_origin)]",
    Echo.METHOD: "%[var(txn.corsfast_method)]",
    Echo.NAMES: "%[var(txn.corsfast_names)]",
}
_ORIGIN = "req.fhdr(origin)"
_METHOD = f"req.fhdr({fetch.REQUEST_METHOD.lower()})"
_NAMES = f"req.fhdr({fetch.REQUEST_HEADERS.lower()})"
_ALLOWED = "{ var(txn.corsfast_origin) -m found }"
_ASKED = "{ var(txn.corsfast_asked) -m found }"


def to_haproxy(policy: Policy) -> str:
    """Return a configuration for HAProxy 2.6 or newer; see docs/export.md."""
    model = read(policy, "haproxy", backtracking=True)
    lines = ["defaults corsfast", *(f"    {line}" for line in _lines(model))]
    lines += ["# What follows does not inherit these rules.", "defaults"]
    return headed(policy, "haproxy", _USAGE + "\n".join(lines) + "\n")


def _lines(model: Model) -> Iterator[str]:
    yield "mode http"
    if model.star:
        yield "http-request set-var(txn.corsfast_origin) str(*)"
    else:
        yield from _origin(model)
    yield f"acl corsfast_asks {_count(_METHOD)} gt 0"
    yield f"acl corsfast_sent {_count(_ORIGIN)} gt 0"
    asked = "METH_OPTIONS corsfast_sent corsfast_asks"
    yield f"http-request set-var(txn.corsfast_asked) int(1) if {asked}"
    yield f"acl corsfast_one_method {_count(_METHOD)} eq 1"
    yield _match("method", _METHOD, in_full(model.method.full))
    yield from (_match("bad_method", _METHOD, each) for each in model.method.unless)
    # Each line of the list has to be well-formed.
    yield from (_match("bad_names", _NAMES, each) for each in refusing(model.names))
    yield f"http-request set-var(txn.corsfast_method) {_METHOD}"
    yield f"http-request set-var(txn.corsfast_names) {_NAMES}"
    yield f"http-request set-var(txn.corsfast_kind) str(actual) if {_ALLOWED}"
    yield f"http-request set-var(txn.corsfast_kind) str(refused) if {_ASKED}"
    unless = " !corsfast_bad_method" if model.method.unless else ""
    accepted = f"{_ALLOWED} corsfast_one_method corsfast_method{unless} !corsfast_bad_names"
    yield f"http-request set-var(txn.corsfast_kind) str(preflight) if {_ASKED} {accepted}"
    yield f"http-request return status {model.preflight_status} if {_is('preflight')}"
    yield f"http-request return status 403 if {_is('refused')}"
    yield "# The application's own headers are replaced."
    yield from (f"http-after-response del-header {name}" for name in model.replaced)
    for name, kinds in by_field(model).items():
        for kind, value in kinds.items():
            text = _VALUES[value] if isinstance(value, Echo) else value.replace("%", "%%")
            yield f"http-after-response set-header {name} {_quoted(text)} if {_is(kind)}"
    if model.actual_vary:
        yield f"http-after-response add-header {VARY} {_quoted(model.actual_vary)} unless {_ASKED}"
    yield f"http-after-response add-header {VARY} {_quoted(model.preflight_vary)} if {_ASKED}"


def _origin(model: Model) -> Iterator[str]:
    # Each line of a header is matched by itself.
    yield f"acl corsfast_one {_count(_ORIGIN)} eq 1"
    yield from (f"acl corsfast_listed {_ORIGIN} -m str -- {_quoted(it)}" for it in model.exact)
    choices = ["corsfast_one corsfast_listed"] if model.exact else []
    if model.patterns:
        yield _match("well_formed", _ORIGIN, in_full(model.origin.full))
        yield from (_match("malformed", _ORIGIN, each) for each in model.origin.unless)
        yield from (_match("matched", _ORIGIN, in_full(each.regex)) for each in model.patterns)
        choices.append("corsfast_one corsfast_matched corsfast_well_formed !corsfast_malformed")
    if choices:
        condition = " or ".join(choices)
        yield f"http-request set-var(txn.corsfast_origin) {_ORIGIN} if {condition}"


def _match(name: str, sample: str, regex: str) -> str:
    return f"acl corsfast_{name} {sample} -m reg -- {_quoted(regex)}"


def _is(kind: str) -> str:
    return f"{{ var(txn.corsfast_kind) -m str {kind} }}"


def _count(sample: str) -> str:
    return sample.replace("req.fhdr", "req.fhdr_cnt")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
