"""Explain whether `cross_site="refuse"` takes a request for one that another site has forged.

The checks are those of `Policy.protects`, in its order. The first that passes lets the request
pass, so they end there. A change is proven like that of a CORS request.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._engine import pure
from .._engine.tables import Tables
from .._options import fetch, limits
from .._options.patterns import ORIGINS
from .._options.same_origin import same_origin
from .explanation import Change, Check, Explanation
from .policy import Asked, change_of, checks_of, compiled

_ADVICE_PROXY = (
    "If a proxy has changed Host, let it pass on the Host of the browser"
    " (nginx: proxy_set_header Host $http_host), or list the site's own origin in allow_origins."
)
_ADVICE_NO_ORIGIN = (
    "Browsers send an Origin with such a request, so something between the browser and this"
    " server has removed it."
)


def explain_cross_site(
    tables: Tables, method: Any, origin: Any, sec_fetch_site: Any, host: Any
) -> Explanation:
    """Explain a request; see `Policy.explain`."""
    method = pure._text("method", method, limits.MAX_METHOD)
    origin, site, host = (
        None if value is None else pure._text(name, value, limits.MAX_ORIGIN, " or None")
        for name, value in (("origin", origin), ("sec_fetch_site", sec_fetch_site), ("host", host))
    )
    policy = pure.Policy._from_tables(tables)
    forged = policy.protects(method, origin, site, host)
    checks = [*_checks(tables, method, origin, site, host)]
    return Explanation(
        method=method,
        origin=origin,
        decision=policy.actual(origin),
        allowed=not forged,
        checks=tuple(checks),
        change=_change(tables, method, origin, site, host) if forged and origin else None,
        notes=tuple(_notes(origin, site)) if forged else (),
        forged=forged,
    )


def _checks(
    tables: Tables, method: str, origin: str | None, site: str | None, host: str | None
) -> Iterator[Check]:
    """Yield the checks up to the first that passes."""

    def check(what: str, value: str | None, passed: bool, kind: str, text: str) -> Check:
        return Check(
            what=what,
            value="(none)" if value is None else value,
            passed=passed,
            kind=kind,
            rule="",
            text=text,
        )

    if method in fetch.SAFE_METHODS:
        yield check("method", method, True, "own", "it must not change anything")
        return
    yield check("method", method, False, "none", "it may change something")
    if site in fetch.OWN_SITES:
        yield check("sec-fetch-site", site, True, "own", "no other site sent the request")
        return
    if site is not None:
        text = "another site sent the request, or another origin of this site"
        if site not in ("cross-site", "same-site"):
            text = "it is not a value that browsers send"
        yield check("sec-fetch-site", site, False, "none", text)
    elif origin is None:
        text = "with neither Sec-Fetch-Site nor Origin no browser sent the request"
        yield check("origin", None, True, "own", text)
        return
    if origin is None:
        yield check("origin", None, False, "none", "it is missing")
    elif tables.takes_any:
        text = "'*' lets every page read, but no other site write"
        yield check("origin", origin, False, "any", text)
    else:
        (by_policy,) = checks_of(tables, Asked("GET", origin, "", False, None))
        yield by_policy
        if by_policy.passed:
            return
    if site is None:
        same = same_origin(origin or "", host)
        text = "it is that of Origin" if same else "Origin names another host or port"
        if not host:
            text = "without it, an own page cannot be recognized"
        yield check("host", host, same, "own" if same else "none", text)


def _change(
    tables: Tables, method: str, origin: str, site: str | None, host: str | None
) -> Change | None:
    """Return a proven change that lets a forged request pass, or ``None``."""
    if origin == "null":  # of any page, so to list it would let every site write
        return None
    asked = Asked("GET", origin, "", False, None)
    change = None
    if tables.takes_any:
        options = {**tables.spec.options(), ORIGINS: [origin]}
        built = compiled(options)
        step = f"Replace '*' in allow_origins by the origins that you trust: {origin!r}."
        change = built and Change(steps=(step,), options=built[1], risks=built[2])
    else:
        change = change_of(tables, asked, checks_of(tables, asked))
    if change is None or change.options is None:
        return None
    built = compiled(dict(change.options))
    if built is None:
        return None
    policy = pure.Policy._from_tables(built[0])
    return None if policy.protects(method, origin, site, host) else change


def _notes(origin: str | None, site: str | None) -> Iterator[str]:
    if origin is None:
        yield _ADVICE_NO_ORIGIN
    elif site is None:
        yield _ADVICE_PROXY
    yield 'cross_site="report" lets such requests pass, and logs and counts them.'
