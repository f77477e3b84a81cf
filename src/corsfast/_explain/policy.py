"""Explain the decision of a policy about one request.

The checks are those of the reference engine, all of them, also after the first that fails. A
change is proven: the changed policy is compiled, and has to allow the request.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from .._engine import pure
from .._engine.tables import Tables, compile_options
from .._options import fetch, limits
from .._options.origin import is_origin
from .._options.patterns import ORIGINS, Glob, HostRule, Network
from .._options.spec import unique
from .._proofs.languages import as_written
from .._proofs.near_miss import (
    NearMiss,
    matching_entry,
    near_header,
    near_method,
    near_origins,
)
from ..decision import Outcome
from ..errors import RISKS, PolicyError, Problem
from ..testing import Browser, CORSError, FetchError, RawResponse, Request
from ..testing._headers import is_forbidden, list_items
from .explanation import NAMES, Change, Check, Explanation, shown

# The server of the request, because a policy does not know its URL.
SERVER = "https://server.example/"
# A value that is not safelisted for any header, so a browser asks for the header's name.
_UNSAFE_VALUE = '"'


@dataclass(frozen=True)
class Asked:
    """A request to explain. `method` is that of the page, also if a preflight is explained."""

    method: str
    origin: str | None
    names: str
    preflight: bool
    credentials: bool | None
    forbidden: tuple[str, ...] = ()  # names that no page can set


def explain(
    policy: Any,
    tables: Tables,
    method: str | bytes,
    origin: str | bytes | None,
    request_method: str | bytes | None,
    request_headers: Any,
    credentials: bool | None,
) -> Explanation:
    """Explain a request; see `Policy.explain`."""
    seen = None if origin is None else pure._text("origin", origin, limits.MAX_ORIGIN, " or None")
    wanted = pure._text("method", method, limits.MAX_METHOD)
    names = pure._header_list(request_headers)
    forbidden = tuple(name for name in list_items(names) if is_forbidden(name, ""))
    preflight = wanted == "OPTIONS" and request_method is not None
    if preflight:
        wanted = pure._text("request_method", request_method, limits.MAX_METHOD)
    else:
        # A page's request. Browsers change it as follows.
        if wanted.upper() in fetch.NORMALIZED_METHODS:
            wanted = wanted.upper()
        if forbidden and len(names) <= limits.MAX_HEADER_LIST:
            names = ",".join(name for name in list_items(names) if name not in forbidden)
        preflight = wanted not in fetch.SAFELISTED_METHODS or bool(names)
    asked = Asked(wanted, seen, names, preflight, credentials, forbidden)
    # A copy, so that explaining a request does not count as deciding one.
    policy = type(policy)._from_tables(tables)
    checks = checks_of(tables, asked)
    explanation = Explanation(
        method=asked.method,
        origin=asked.origin,
        decision=_decide(policy, asked),
        allowed=asked.origin is not None and all(check.passed for check in checks),
        checks=tuple(checks),
        notes=tuple(_notes(tables, asked)),
        console=MappingProxyType(_console(policy, asked)),
    )
    if explanation.allowed or asked.origin is None:
        return explanation
    return replace(explanation, change=change_of(tables, asked, checks))


def _decide(policy: Any, asked: Asked) -> Any:
    if asked.preflight:
        return policy.preflight(asked.origin, asked.method, asked.names)
    return policy.actual(asked.origin)


# -- checks ----------------------------------------------------------------------------------


def checks_of(tables: Tables, asked: Asked) -> list[Check]:
    """Return all checks of a request, in the order of the engine."""
    if asked.origin is None:
        return []
    engine = pure.Policy._from_tables(tables)
    found = [("origin", asked.origin, _check_origin(engine, tables, asked.origin))]
    if asked.preflight:
        found.append(("method", asked.method, _check_method(engine, tables, asked.method)))
        found += (("header", *it) for it in _check_headers(engine, tables, asked.names).items())
    if asked.credentials:
        allowed = tables.spec.credentials
        rule, text = f"allow_credentials={allowed}", f"allow_credentials is {allowed}"
        found.append(("credentials", "include", (allowed, "option", rule, text)))
    checks = [
        Check(what=what, value=value, passed=passed, kind=kind, rule=rule, text=text)
        for what, value, (passed, kind, rule, text) in found
    ]
    return [
        check if check.passed else replace(check, near_misses=_near(check, tables))
        for check in checks
    ]


# Whether a value passed, and the kind, rule and text of its `Check`.
Verdict = tuple[bool, str, str, str]


def _near(check: Check, tables: Tables) -> tuple[NearMiss, ...]:
    """Return the near misses of a check that failed, except those that say nothing."""
    misses = (miss for miss in _miss(check, tables) if miss.kind not in ("none", "forbidden"))
    return tuple(misses)


# The sentence and the kind of rule for each outcome that does not depend on the policy.
_FAULTS = {
    Outcome.ORIGIN_TOO_LONG: ("limit", "it is longer than any origin"),
    Outcome.ORIGIN_MALFORMED: ("grammar", "it is not one origin as browsers write it"),
    Outcome.METHOD_TOO_LONG: ("limit", "it is longer than any method"),
    Outcome.METHOD_MALFORMED: ("grammar", "it is not one method"),
    Outcome.HEADER_LIST_TOO_LONG: ("limit", "the list of header names is too long"),
    Outcome.HEADER_LIST_TOO_SPARSE: ("limit", "the list has too many empty elements"),
    Outcome.HEADER_LIST_TOO_SPACED: ("limit", "the list has too much white space"),
    Outcome.HEADER_TOO_LONG: ("limit", "a header name in the list is too long"),
    Outcome.HEADER_MALFORMED: ("grammar", "it is not a list of header names"),
}


def _fault(outcome: Outcome) -> Verdict:
    kind, text = _FAULTS[outcome]
    return False, kind, "", text


def _check_origin(engine: pure.Policy, tables: Tables, origin: str) -> Verdict:
    outcome = engine._match_origin(origin)
    if outcome in _FAULTS:
        return _fault(outcome)
    if outcome is Outcome.ORIGIN_NOT_ALLOWED:
        return False, "none", "", "no entry of allow_origins matches"
    kind, rule = _matching_entry(tables, origin)
    return True, kind, rule, f"the {kind} {rule} matches" if rule else "every origin is allowed"


def _matching_entry(tables: Tables, origin: str) -> tuple[str, str]:
    """Return the kind of the entry that matches an allowed origin, and the entry as written."""
    if tables.star or tables.any_origin or tables.any_web_origin:
        return "any", ""
    match matching_entry(origin, tables.spec):
        case None:
            return "entry", ""
        case str():
            return "exact entry", repr(origin)
        case HostRule() as entry:
            kind = "subdomain pattern" if entry.host.startswith(".") else "host pattern"
        case Network() as entry:
            kind = "network"
        case Glob() as entry:
            kind = "glob"
        case entry:
            return "regex", as_written(entry)
    return kind, repr(as_written(entry))


def _check_method(engine: pure.Policy, tables: Tables, method: str) -> Verdict:
    outcome = engine._match_method(method)
    if outcome in _FAULTS:
        return _fault(outcome)
    if outcome is Outcome.ALLOWED:
        if method in fetch.SAFELISTED_METHODS:
            return True, "safelist", method, "the Fetch standard always allows it"
        rule = repr(method if method in tables.methods else "*")
        return True, "option", rule, f"allow_methods has {rule}"
    if method.upper() in fetch.FORBIDDEN_METHODS:
        return False, "forbidden", method, "no page can use it"
    return False, "none", "", "allow_methods does not have it"


_SAFELISTED = frozenset(name.lower() for name in fetch.SAFELISTED_REQUEST_HEADERS)


def _check_headers(engine: pure.Policy, tables: Tables, names: str) -> dict[str, Verdict]:
    outcome = engine._match_headers(names)
    if outcome in _FAULTS:
        return {names: _fault(outcome)}
    return {name: _check_header(tables, name) for name in unique(list_items(names))}


def _check_header(tables: Tables, name: str) -> Verdict:
    lower = name.lower()
    if tables.allows_header(lower):
        if lower in _SAFELISTED:
            return True, "safelist", name, "it is safelisted, so every policy allows it"
        listed = [it for it in tables.spec.headers if it.lower() == lower]
        rule = repr(listed[0] if listed else name if lower in tables.header_names else "*")
        return True, "option", rule, f"allow_headers has {rule}"
    if tables.any_header:
        return False, "none", "'*'", "'*' in allow_headers does not cover Authorization"
    return False, "none", "", "allow_headers does not have it"


def _miss(check: Check, tables: Tables) -> list[NearMiss]:
    if check.what == "origin":
        return near_origins(check.value, tables.spec)
    if check.what == "method":
        return [near_method(check.value, tables.methods)]
    if check.what == "header" and check.kind == "none":
        return [near_header(check.value, tables.header_names, tables.any_header)]
    return []


# -- changes ---------------------------------------------------------------------------------


def change_of(tables: Tables, asked: Asked, checks: list[Check]) -> Change | None:
    """Return a proven change that lets a refused request pass these checks, or ``None``."""
    try:
        options: dict[str, Any] | None = dict(tables.spec.options())
    except TypeError:  # the policy of a drop-in has other options
        options = None
    steps: list[str] = []
    changed = asked
    edited = dict(options or {})
    for check in checks:
        if check.passed:
            continue
        if check.what == "credentials":
            steps += _allow_credentials(edited, asked.origin or "")
            continue
        misses = _miss(check, tables)
        if not misses or (misses[0].add is None and misses[0].send is None):
            return None
        miss = misses[0]
        if miss.send is not None:
            if check.what == "origin":
                steps.append(f"Send the Origin {miss.send!r}, as browsers do.")
                changed = replace(changed, origin=miss.send)
            else:
                steps.append(f"In the page, use {miss.send!r} instead of {check.value!r}.")
                changed = replace(changed, method=miss.send)
        if miss.add is not None:
            option = ORIGINS if check.what == "origin" else f"allow_{check.what}s"
            steps.append(f"Add {miss.add!r} to {option}.")
            edited[option] = [*edited.get(option, ()), miss.add]
            if miss.kind == "null":
                steps[-1] += " Any site can send it, so do this only for data that is public."
            elif option == ORIGINS and not miss.is_own:
                steps[-1] += " Do this only if that site is yours."
    if options is None:
        return None if edited else _proven(tables, changed, tuple(steps), None, ())
    if edited == options:
        return _proven(tables, changed, tuple(steps), None, ())
    built = compiled(edited)
    if built is None:
        return None
    return _proven(built[0], changed, tuple(steps), built[1], built[2])


def _allow_credentials(options: dict[str, Any], origin: str) -> list[str]:
    """Change options so that they allow credentials; return the steps."""
    steps = ["Set allow_credentials=True."]
    options["allow_credentials"] = True
    if "*" in options.get(ORIGINS, ()):
        options[ORIGINS] = [origin]
        steps.append(f"Replace '*' in allow_origins by the origins that you trust: {origin!r}.")
    if "*" in options.get("expose_headers", ()):
        options["expose_headers"] = []
        steps.append("Replace '*' in expose_headers by names, because it needs no credentials.")
    return steps


def compiled(options: dict[str, Any]) -> tuple[Tables, dict[str, Any], tuple[Problem, ...]] | None:
    """Compile changed options; tolerate risks, and return them as problems."""
    risks: tuple[Problem, ...] = ()
    with warnings.catch_warnings(action="ignore"):
        try:
            return compile_options(**options), options, risks
        except PolicyError as error:
            risks = error.problems
        if any(problem.code not in RISKS for problem in risks):
            return None
        tolerated = {*options["dangerously_tolerate"], *(problem.code for problem in risks)}
        options = {**options, "dangerously_tolerate": sorted(tolerated)}
        try:
            return compile_options(**options), options, risks
        except PolicyError:
            return None


def _proven(
    tables: Tables,
    asked: Asked,
    steps: tuple[str, ...],
    options: Mapping[str, Any] | None,
    risks: tuple[Problem, ...],
) -> Change | None:
    """Return the change if the request then is allowed, by the engine and by each browser."""
    policy = pure.Policy._from_tables(tables)
    if not _decide(policy, asked).allowed:
        return None
    if not all(check.passed for check in checks_of(tables, asked)):
        return None
    if any(_console(policy, asked).values()):
        return None
    frozen = None if options is None else MappingProxyType(dict(options))
    return Change(steps=steps, options=frozen, risks=risks)


# -- browsers --------------------------------------------------------------------------------


def _console(policy: Any, asked: Asked) -> dict[str, str]:
    """Return what each browser logs, with the policy's own answers; {} if none sends this."""

    def answer(request: Request) -> RawResponse:
        wanted = request.get("access-control-request-method")
        names = request.get("access-control-request-headers")
        decision = policy.decide(request.method, request.get("origin"), wanted, names)
        status = decision.status or 200
        headers = policy.apply_wsgi(decision, ())
        return RawResponse(status, tuple(headers))

    method, names = asked.method, list_items(asked.names)
    if asked.origin is None or not is_origin(asked.origin):
        return {}
    if method.upper() in fetch.NORMALIZED_METHODS - {method} or {*names} & {*asked.forbidden}:
        return {}
    console = {}
    for engine in NAMES:
        try:
            Browser(asked.origin, engine=engine).fetch(
                answer,
                asked.method,
                SERVER,
                headers=dict.fromkeys(names, _UNSAFE_VALUE),
                credentials="include" if asked.credentials else "same-origin",
                use_preflight=asked.preflight,
            )
        except CORSError as error:
            console[engine] = str(error)
        except (FetchError, ValueError):
            return {}
        else:
            console[engine] = ""
    return console


def _notes(tables: Tables, asked: Asked) -> Iterable[str]:
    if asked.origin is None:
        yield "A request without an Origin is not a CORS request, so no policy applies to it."
    for name in asked.forbidden:
        yield f"No page can set the header {shown(name)}, so browsers do not ask for it."
    if asked.method == "OPTIONS":
        yield "This is a page that uses OPTIONS itself. Preflights need no permission for it."
    if asked.credentials is None and not tables.spec.credentials and asked.origin is not None:
        yield "With credentials (cookies) it would be refused: allow_credentials is False."
