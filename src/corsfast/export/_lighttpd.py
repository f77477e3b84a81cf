"""Write a policy for lighttpd: conditions around lists of headers.

The last list whose conditions hold replaces all others, so each list is complete.
"""

from __future__ import annotations

from .._options import fetch
from .._options.fetch import VARY
from .._options.patterns import HEADERS, METHODS, ORIGINS
from ._model import Echo, Reason, headed, in_full, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .._engine.select import Policy
    from ._model import Model, Test

_USAGE = """\
# Include this file last in the configuration. It needs mod_setenv, mod_redirect and mod_access:
#     include "FILE"
"""
_WHY = "lighttpd does not repeat a value of the request"


def to_lighttpd(policy: Policy) -> str:
    """Return a configuration for lighttpd 1.4; see docs/export.md."""
    options, spec = policy.options(), policy._tables.spec
    reasons = [Reason(ORIGINS, it, _WHY) for it in (*spec.rules, *spec.globs, *spec.regexes)]
    if options["allow_credentials"]:
        wild = {METHODS: spec.any_method, HEADERS: spec.any_header}
        reasons += [Reason(option, "*", _WHY) for option in wild if wild[option]]
    model = read(policy, "lighttpd", backtracking=True, reasons=reasons)
    return headed(policy, "lighttpd", _USAGE + "\n".join(_lines(model)) + "\n")


def _lines(model: Model) -> Iterator[str]:
    origin, method, names = (
        f'$REQUEST_HEADER["{name}"]'
        for name in ("Origin", fetch.REQUEST_METHOD, fetch.REQUEST_HEADERS)
    )
    yield from _set(model, model.actual if model.star else (), "")
    if model.actual_vary:
        yield f'setenv.add-response-header = ("{VARY}" => "{model.actual_vary}")'
    for each in model.exact:
        yield from _block([f'{origin} == "{each}"'], _set(model, model.actual, each))
    asked = ['$HTTP["request-method"] == "OPTIONS"', f'{origin} =~ "."', f'{method} =~ "."']
    refused = [
        f'setenv.add-response-header = ("{VARY}" => "{model.preflight_vary}")',
        *_set(model, (), ""),
        'url.access-deny = ("")',
    ]
    yield from _block(asked, refused)
    tests = [*_tested(method, model.method), *_tested(names, model.names)]
    for each in ("",) if model.star else model.exact:
        allowed = [*asked, *([f'{origin} == "{each}"'] if each else ()), *tests]
        answer = [
            "url.access-deny = ()",
            # The redirect of mod_redirect is the only answer with a status of choice.
            f"url.redirect-code = {model.preflight_status}",
            'url.redirect = ("" => "/")',
            *_set(model, model.preflight, each, "Location"),
        ]
        yield from _block(allowed, answer)


def _set(
    model: Model, fields: Iterable[tuple[str, str | Echo]], origin: str, *removed: str
) -> Iterator[str]:
    values = dict.fromkeys((*model.replaced, *removed), "")
    values |= {name: origin if isinstance(value, Echo) else value for name, value in fields}
    yield "setenv.set-response-header = ("
    yield from (f'    "{name}" => "{value}",' for name, value in values.items())
    yield ")"


def _block(conditions: Iterable[str], lines: Iterable[str]) -> list[str]:
    """Return lines within nested conditions."""
    found = list(lines)
    for condition in reversed(list(conditions)):
        found = [f"{condition} {{", *(f"    {line}" for line in found), "}"]
    return found


def _tested(header: str, test: Test) -> Iterator[str]:
    yield f'{header} =~ "{in_full(test.full)}"'
    yield from (f'{header} !~ "{regex}"' for regex in test.unless)
