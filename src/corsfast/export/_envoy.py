"""Write a policy for Envoy: the cors filter, and the filters around it.

The matchers of the cors filter are alternatives, so it cannot tell malformed origins from others. A
matcher around the filter skips it for them, and for preflights that it would answer too widely.
"""

from __future__ import annotations

import json
import re

from .._options import fetch
from .._options.fetch import VARY
from ._model import Echo, Reason, headed, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .._engine.select import Policy
    from ._model import Model, Test

_USAGE = """\
# Merge these fields into the HttpConnectionManager; the filters come before the router's.
# Envoy answers allowed preflights with the status 200.
"""
_TYPES = "type.googleapis.com/envoy.extensions"
_CORS = "envoy.filters.http.cors"
_KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})


def to_envoy(policy: Policy) -> str:
    """Return fields for an HttpConnectionManager of Envoy; see docs/export.md."""
    reasons = []
    if policy.options()["timing_allow_origin"]:
        reasons = [Reason("timing_allow_origin", "true", "the cors filter does not send it")]
    model = read(policy, "envoy", backtracking=False, reasons=reasons)
    fields = _fields(model)
    spec = policy._tables.spec
    if spec.any_method or not _KNOWN_METHODS.issuperset(spec.methods):
        # Otherwise Envoy answers 400 to methods that it does not know.
        fields["http_protocol_options"] = {"allow_custom_methods": True}
    return headed(policy, "envoy", f"{_USAGE}{json.dumps(fields, indent=2)}\n")


def _fields(model: Model) -> dict[str, Any]:
    # The answer repeats the origin, also where the policy sends `*`.
    vary = f"Origin, {model.preflight_vary.removeprefix('Origin, ')}"
    field = {"header": {"key": VARY, "value": vary}, "append_action": "APPEND_IF_EXISTS_OR_ADD"}
    mutation = {"mutations": {"response_mutations": [{"append": field}]}}
    asked = [
        {"header": {"name": ":method", "string_match": {"exact": "OPTIONS"}}},
        {"header": {"name": "origin", "present_match": True}},
        {"header": {"name": fetch.REQUEST_METHOD.lower(), "present_match": True}},
    ]
    rule = {"permissions": [{"and_rules": {"rules": asked}}], "principals": [{"any": True}]}
    return {
        "http_filters": [
            _filter("corsfast.vary", "filters.http.header_mutation.v3.HeaderMutation", mutation),
            _filter(_CORS, "common.matching.v3.ExtensionWithMatcher", _matched(model)),
            _filter(
                "corsfast.refused_preflights",
                "filters.http.rbac.v3.RBAC",
                {"rules": {"action": "DENY", "policies": {"preflight": rule}}},
            ),
        ],
        "route_config": {
            "response_headers_to_remove": list(model.replaced),
            "typed_per_filter_config": {_CORS: _cors(model)},
        },
    }


def _filter(name: str, kind: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "typed_config": {"@type": f"{_TYPES}.{kind}", **config}}


def _cors(model: Model) -> dict[str, Any]:
    preflight, actual = dict(model.preflight), dict(model.actual)
    origins: list[dict[str, Any]] = [{"exact": origin} for origin in model.exact]
    origins += [{"safe_regex": {"regex": pattern.regex}} for pattern in model.patterns]
    policy = {
        "@type": f"{_TYPES}.filters.http.cors.v3.CorsPolicy",
        "allow_origin_string_match": [{"safe_regex": {"regex": ".*"}}] if model.star else origins,
        "allow_methods": _repeated(preflight.get(fetch.ALLOW_METHODS)),
        "allow_headers": _repeated(preflight.get(fetch.ALLOW_HEADERS)),
        "expose_headers": actual.get(fetch.EXPOSE_HEADERS),
        "max_age": preflight.get(fetch.MAX_AGE),
        "allow_credentials": model.credentials,
    }
    return {key: value for key, value in policy.items() if value is not None}


def _repeated(value: str | Echo | None) -> str | None:
    """Return a value of the cors filter; for `*` it repeats what is asked."""
    return "*" if isinstance(value, Echo) else value


def _matched(model: Model) -> dict[str, Any]:
    """Return the cors filter with a matcher that skips it."""
    kind = "filters.common.matcher.action.v3.SkipFilter"
    skip = {"name": "skip", "typed_config": {"@type": f"{_TYPES}.{kind}"}}
    skipped = [_not(fetch.REQUEST_METHOD, model.method), _not(fetch.REQUEST_HEADERS, model.names)]
    if model.patterns:
        full, unless = re.compile(model.origin.full), re.compile("|".join(model.origin.unless))
        odd = [it for it in model.exact if not full.fullmatch(it) or unless.search(it)]
        skipped.append(_not("Origin", model.origin, odd))
    matcher = {"predicate": _any(skipped), "on_match": {"action": skip}}
    return {
        "extension_config": _filter(_CORS, "filters.http.cors.v3.Cors", {}),
        "xds_matcher": {"matcher_list": {"matchers": [matcher]}},
    }


def _any(predicates: list[dict[str, Any]]) -> dict[str, Any]:
    return {"or_matcher": {"predicate": predicates}} if len(predicates) > 1 else predicates[0]


def _not(header: str, test: Test, listed: Iterable[str] = ()) -> dict[str, Any]:
    """Return a predicate that holds if a header is present and a test does not accept it.

    Args:
        listed: values that are accepted without the test.
    """
    unless = [_single(header, _regex(f".*(?:{each}).*")) for each in test.unless]
    wrong = _any([{"not_matcher": _single(header, _regex(test.full))}, *unless])
    others = [{"not_matcher": _single(header, {"exact": value})} for value in listed]
    return {"and_matcher": {"predicate": [_single(header, _regex(".*")), *others, wrong]}}


def _regex(text: str) -> dict[str, Any]:
    return {"safe_regex": {"google_re2": {}, "regex": text}}


def _single(header: str, value: dict[str, Any]) -> dict[str, Any]:
    kind = "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
    config = {"@type": kind, "header_name": header.lower()}
    source = {"name": header, "typed_config": config}
    return {"single_predicate": {"input": source, "value_match": value}}
