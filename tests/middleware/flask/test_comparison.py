"""The drop-in for flask-cors answers as the original, except for documented deviations."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from support.client import Answer, Request, cors_of, get, preflight
from support.compare import (
    ORIGINS,
    Comparison,
    Deviation,
    documented,
    grid,
    own_grants,
    quiet,
    requests,
    share,
    varies_by,
)
from support.drop_ins.flask import (
    OTHER,
    OTHER_PATHS,
    A,
    B,
    call,
    decorated,
    differ,
    extended,
    ours,
    theirs,
)

pytestmark = pytest.mark.server


def _vary_by_origin(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    return not differ(their, our) and varies_by(our) == varies_by(their) | {"origin"}


def _vary_star(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    return not differ(their, our) and our.headers["vary"] == ["*"] and "*" in varies_by(their)


def _full_match(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    """Cover a regex that matches only the beginning of the origin: flask-cors allowed it."""
    origin = request.origin or ""
    given = options.get("origins", "*")
    entries = given if isinstance(given, list) else [given]
    regexes = [
        entry if isinstance(entry, re.Pattern) else re.compile(entry, re.IGNORECASE)
        for entry in entries
        if entry != "*"
    ]
    return (
        their.first("access-control-allow-origin") == origin
        and not cors_of(our)
        and any(regex.match(origin) for regex in regexes)
        and not any(regex.fullmatch(origin) for regex in regexes)
        and differ(their, our) == {name.removeprefix("access-control-") for name in cors_of(their)}
    )


def _no_origin_value(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    """Cover a value that no browser sends as an Origin: flask-cors echoed it."""
    from corsfast._options.origin import parse_origin

    origin = request.origin or ""
    return (
        origin != "null"
        and parse_origin(origin) is None
        and their.first("access-control-allow-origin") == origin
        and not cors_of(our)
    )


def _told_without_asking(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    """Cover a request without Origin: it got the first entry, even one that no browser sends."""
    name = "access-control-allow-origin"
    return (
        request.origin is None
        and (their.first(name), our.first(name)) in {("localhost", A), ("https://A.example", A)}
        and differ(their, our) == {"allow-origin"}
    )


PREFLIGHT_FIELDS = {"allow-methods", "allow-headers", "max-age"}


def _method_exact(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    """Cover a method in another case, or a part of a method: flask-cors accepted it."""
    asked = dict(request.headers).get("access-control-request-method", "")
    allowed = their.first("access-control-allow-methods") or ""
    return (
        asked.upper() in allowed
        and asked not in allowed.split(", ")
        and "access-control-allow-methods" not in our.headers
        and differ(their, our) <= PREFLIGHT_FIELDS
    )


def _header_full_match(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    """Cover a regex that matches only the beginning of a header name: flask-cors allowed it."""
    extra = _listed(their) - _listed(our)
    return (
        differ(their, our) == {"allow-headers"}
        and _listed(our) <= _listed(their)
        and bool(extra)
        and all(
            re.match(r"x-cust|content-.*", name) and not re.fullmatch(r"x-cust|content-.*", name)
            for name in extra
        )
    )


def _empty_names(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    """Cover empty elements of the list: flask-cors echoed them."""
    return differ(their, our) == {"allow-headers"} and _listed(our) == _listed(their) - {""}


def _bounded_list(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    """Cover a list that no browser sends: flask-cors parsed and echoed it at any length."""
    from corsfast._engine.headers import requested_names

    names = dict(request.headers).get("access-control-request-headers")
    return (
        names is not None
        and requested_names(names) is None
        and differ(their, our) <= PREFLIGHT_FIELDS
        and not {f"access-control-{name}" for name in PREFLIGHT_FIELDS} & our.headers.keys()
    )


def _preflight_answered(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    """Cover an allowed preflight that got an error or a redirect, which browsers reject."""
    return (
        request.is_preflight
        and their.status >= 300
        and our.status == 200
        and cors_of(their) == cors_of(our)
        and "access-control-allow-methods" in our.headers
    )


def _errors_of_views(options: Any, request: Request, their: Answer, our: Answer) -> bool:
    """Cover the error of a decorated view: it had no headers."""
    return (
        their.status == our.status
        and their.status >= 400
        and not cors_of(their)
        and differ(their, our) == {name.removeprefix("access-control-") for name in cors_of(our)}
    )


def _listed(answered: Answer) -> set[str]:
    value = answered.first("access-control-allow-headers")
    return set() if value is None else {name.strip() for name in value.split(",")}


DEVIATIONS = [
    Deviation("vary-by-origin", _vary_by_origin),
    Deviation("vary-star", _vary_star),
    Deviation("full-match", _full_match),
    Deviation("origin-grammar", _no_origin_value),
    Deviation("told-without-asking", _told_without_asking),
    Deviation("method-exact", _method_exact),
    Deviation("header-full-match", _header_full_match),
    Deviation("empty-names", _empty_names),
    Deviation("bounded-list", _bounded_list),
    Deviation("preflight-answered", _preflight_answered),
    Deviation("errors-of-views", _errors_of_views),
    Deviation("own-grants", own_grants),
]
ATTACKERS = (
    "https://sub.a.example.attacker.net",
    "https://a.example:8443",
    "HTTPS://A.EXAMPLE",
    "https://a.example/path",
)
ORIGIN_OPTIONS: dict[str, Any] = {
    "origins": [
        ...,
        "*",
        A,
        [B, "https://A.example", "null"],
        r"https://(.*\.)?a\.example",
        [re.compile(r"https://\w+\.a\.example"), "http://localhost:3000"],
        ["localhost", A, "zzz"],
        ["chrome-extension://abcdefghijklmnop", r"^http://localhost(:\d+)?$"],
    ],
    "supports_credentials": [..., True],
    "send_wildcard": [..., True],
    "always_send": [..., False],
}
PREFLIGHT_OPTIONS: dict[str, Any] = {
    "origins": [[A, B], "*"],
    "methods": [..., ["put", "GET"], "PATCH, DELETE"],
    "allow_headers": [..., ["X-Custom", "content-type"], [re.compile("x-cust"), r"content-.*"]],
    "expose_headers": [..., ["X-B", "X-A"], "X-A"],
    "max_age": [..., timedelta(minutes=10), 0, "5"],
    "allow_private_network": [..., True],
}


def odd_preflights() -> Iterator[Request]:
    for method in ("PU", "ET", ","):
        yield preflight(method)
    for names in ("x-custom,,content-type", ",", "x-custom, x y", "x-custom," + "," * 100, ""):
        yield preflight("PUT", names)
    yield preflight("GET", "x-customary")
    for method, names in (("PUT", "x-custom,x-other"), ("GET", None), ("MKCOL", None), ("get", "")):
        yield preflight(method, names, origin=None)
    private = ("access-control-request-private-network", "true")
    plain = preflight("PUT", "x-custom")
    yield plain._replace(headers=(*plain.headers, private))
    yield plain._replace(headers=(*plain.headers, ("access-control-request-private-network", "1")))


def compare(comparison: Comparison, build_with: Any, options: dict[str, Any], asked: Any) -> None:
    try:
        their_app = build_with(theirs(), options)
    except ValueError:
        with pytest.raises(ValueError, match="credentials"):
            quiet(lambda: build_with(ours(), options))
        return
    our_app = quiet(lambda: build_with(ours(), options))
    for request in asked:
        try:
            their = call(their_app, request)
        except ValueError:  # a decorated view raises it on each request
            with pytest.raises(ValueError, match="credentials"):
                call(our_app, request)
            continue
        with warnings.catch_warnings(action="ignore"):
            comparison.add(options, request, their, call(our_app, request))


def test_side_by_side() -> None:
    comparison = Comparison(DEVIATIONS)
    everything = list(requests(origins=(*ORIGINS, *ATTACKERS)))
    for number, options in enumerate(grid(**ORIGIN_OPTIONS)):
        compare(comparison, extended, options, share(everything, number, one_in=2))
    preflights = [*requests(origins=(None, A, OTHER)), *odd_preflights()]
    for number, options in enumerate(grid(**PREFLIGHT_OPTIONS)):
        compare(comparison, extended, options, share(preflights, number, one_in=4))
    elsewhere = [request for path in OTHER_PATHS for request in requests(path, (None, A, B, OTHER))]
    combinations = grid(
        origins=[..., A, [A, B], r"https://[ab]\.example"],
        supports_credentials=[..., True],
        vary_header=[..., False],
    )
    for number, options in enumerate(combinations):
        compare(comparison, extended, options, share(elsewhere, number, one_in=2))
        compare(comparison, decorated, options, [*share(elsewhere, 1000 + number, 2), *preflights])
    assert {deviation.id for deviation in DEVIATIONS} == documented("flask")
    comparison.judge(at_least=12_000)


PATTERNS: list[Any] = [
    "/api/x",
    "/api/*",
    r"/api/.*",
    r"^/api/x$",
    re.compile(r"/api/[xy]"),
    re.compile(r"/a"),
    "/",
    "*",
    "/nowhere",
]
# Paths from the advisories on path rules, and similar ones.
PATHS = [
    "/",
    "/api/x",
    "/api/x/",
    "/api/xy",
    "/API/x",
    "/api/X",
    "/api/a b",
    "/api/a+b",
    "/api/a%2Bb",
    "/api/a%20b",
    "/api/%78",
    "/api/%2578",
    "/%61pi/x",
    "/api/../api/x",
    "/api/%2e%2e/x",
    "/api//x",
    "//api/x",
    "/api/x\n",
    "/api/\u00e9",
    "/nowhere",
    "/missing",
]
# If no rule covers these, the rule of the path that they are redirected to applies.
REDIRECTED = {"/api//x", "//api/x"}


def test_path_rules_side_by_side() -> None:
    """Each path gets exactly the options that flask-cors gives it."""
    import itertools

    compared = 0
    for chosen in itertools.permutations(PATTERNS, 2):
        # Each pattern is identified by its origin.
        origins = [f"https://{n}.example" for n in range(len(chosen))]
        resources = {p: {"origins": o} for p, o in zip(chosen, origins, strict=True)}
        their, our = extended(theirs(), {"resources": resources}), None
        our = extended(ours(), {"resources": resources})
        for path in set(PATHS) - REDIRECTED:
            # Without an Origin each responds with the first origin that it allows.
            a, b = (
                call(app, get(None, path)).first("access-control-allow-origin")
                for app in (their, our)
            )
            assert a == b, (chosen, path)
            compared += 1
    assert compared > 1_000


@pytest.mark.filterwarnings("ignore:.*no-paths")
@pytest.mark.parametrize(
    "resources",
    ["/api/*", re.compile("/api/"), ["/api/x", re.compile("/accept")], "*", ["/own", "*"], {}, []],
    ids=repr,
)
def test_shapes_of_resources(resources: Any) -> None:
    their, our = (
        extended(m, {"resources": resources, "origins": [A, B]}) for m in (theirs(), ours())
    )
    for path in {*PATHS, "/accept", "/own"} - REDIRECTED:
        request = get(B, path)
        found = call(their, request), call(our, request)
        assert cors_of(found[0]) == cors_of(found[1]) or own_grants({}, request, *found), path


@pytest.mark.parametrize("resources", [7, 1.5, object()])
def test_invalid_resources_are_rejected(resources: Any) -> None:
    for library in (theirs(), ours()):
        with pytest.raises(ValueError, match="resources"):
            extended(library, {"resources": resources})
