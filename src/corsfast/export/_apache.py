"""Write a policy for Apache httpd: environment variables that decide, and headers."""

from __future__ import annotations

from .._options import fetch
from .._options.fetch import VARY
from ._model import Echo, Reason, headed, in_full, read, refusing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._engine.select import Policy
    from ._model import Model, Test

_USAGE = """\
# Include this file first in a <VirtualHost>. It needs the modules setenvif, headers and rewrite:
#     Include FILE
"""
# The statuses from 200 to 299 that it knows; it does not start with others.
_STATUSES = (*range(200, 209), 226)
_VALUES = {
    Echo.ORIGIN: "expr=%{HTTP:Origin}",
    Echo.METHOD: f"expr=%{{HTTP:{fetch.REQUEST_METHOD}}}",
    Echo.NAMES: f"expr=%{{HTTP:{fetch.REQUEST_HEADERS}}}",
}


def to_apache(policy: Policy) -> str:
    """Return a configuration for Apache httpd 2.4; see docs/export.md."""
    status = policy.options()["preflight_status"]
    reasons = []
    if status not in _STATUSES:
        reasons = [Reason("preflight_status", status, "it does not know this status")]
    model = read(policy, "apache", backtracking=True, reasons=reasons)
    return headed(policy, "apache", _USAGE + "\n".join(_lines(model)) + "\n")


def _lines(model: Model) -> Iterator[str]:
    yield from _origin(model)
    sent = [f"-n %{{HTTP:{name}}}" for name in ("Origin", fetch.REQUEST_METHOD)]
    yield _set("ASKED", "%{REQUEST_METHOD} == 'OPTIONS'", *sent)
    yield _set("PREFLIGHT", _is("ASKED"), _is("ORIGIN"))
    yield from _unset("PREFLIGHT", fetch.REQUEST_METHOD, model.method)
    yield from _unset("PREFLIGHT", fetch.REQUEST_HEADERS, model.names)
    yield _set("REFUSED", _is("ASKED"), f"! {_is('PREFLIGHT')}")
    yield _set("ACTUAL", _is("ORIGIN"), f"! {_is('ASKED')}")
    yield _set("OTHER", f"! {_is('ASKED')}")
    yield "RewriteEngine On"
    for name, status in (("PREFLIGHT", model.preflight_status), ("REFUSED", 403)):
        yield f"RewriteCond %{{ENV:CORSFAST_{name}}} ."
        yield f"RewriteRule ^ - [R={status},L]"
    yield "# The application's own headers are replaced."
    for name in model.replaced:
        yield from (f"Header {table} unset {name}" for table in ("onsuccess", "always"))
    for kind, fields in (("ACTUAL", model.actual), ("PREFLIGHT", model.preflight)):
        for name, value in fields:
            text = _VALUES[value] if isinstance(value, Echo) else value.replace("%", "%%")
            yield f'Header always set {name} "{text}" env=CORSFAST_{kind}'
    if model.actual_vary:
        yield f'Header always merge {VARY} "{model.actual_vary}" env=CORSFAST_OTHER'
    yield f'Header always merge {VARY} "{model.preflight_vary}" env=CORSFAST_ASKED'


def _origin(model: Model) -> Iterator[str]:
    if model.star:
        yield _set("ORIGIN", "true")
        return
    for pattern in model.patterns:
        yield f'SetEnvIf Origin "{in_full(pattern.regex)}" CORSFAST_ORIGIN'
    if model.patterns:
        yield from _unset("ORIGIN", "Origin", model.origin)
    for origin in model.exact:
        yield _set("ORIGIN", f"%{{HTTP:Origin}} == '{origin}'")


def _set(name: str, *conditions: str) -> str:
    return f'SetEnvIfExpr "{" && ".join(conditions)}" CORSFAST_{name}'


def _unset(name: str, header: str, test: Test) -> Iterator[str]:
    for regex in refusing(test):
        yield f'SetEnvIf {header} "{regex}" !CORSFAST_{name}'


def _is(name: str) -> str:
    return f"-n reqenv('CORSFAST_{name}')"
