"""The drop-in for quart-cors answers as the original, except for documented deviations."""

from __future__ import annotations

import asyncio
import re
import warnings
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from support.client import Answer, Request, ask_asgi, get
from support.compare import (
    ORIGINS,
    Comparison,
    Deviation,
    differences,
    documented,
    grid,
    own_grants,
    quiet,
    requests,
    share,
    varies_by,
)
from support.drop_ins.quart import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    CONFIGS,
    EXPOSE,
    MANY,
    OTHER,
    OTHER_PATHS,
    PREFLIGHT,
    A,
    B,
    Options,
    _no_token,
    _preflight_answered,
    cors,
    decorated,
    extended,
    odd_preflights,
    ours,
    theirs,
)

pytestmark = pytest.mark.server


ACTUAL = {ALLOW_ORIGIN, ALLOW_CREDENTIALS, EXPOSE}


def config_of(options: Options) -> dict[str, Any]:
    config: dict[str, Any] = options.get("config", {})
    return config


def _vary_merged(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    whole = {"/star": {"*"}, "/twice": {"accept", "cookie", "origin"}}
    return {"vary"} if varies_by(our) == whole.get(request.path) else set()


def _star_for_all(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    told = our.first(ALLOW_ORIGIN) == "*" and ALLOW_ORIGIN not in their.headers
    if request.origin is None and (told or request.path == "/own"):
        return {"vary", ALLOW_ORIGIN, EXPOSE} if "origin" in varies_by(their) else set()
    return set()


def _full_match(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    entry = options.get("allow_origin")
    origin = request.origin or ""
    if isinstance(entry, re.Pattern) and entry.match(origin) and not entry.fullmatch(origin):
        return {*ACTUAL, *PREFLIGHT} if not cors(our) else set()
    return set()


def _origin_grammar(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    from corsfast._options.origin import parse_origin

    origin = request.origin
    if origin in (None, "null") or parse_origin(origin) is not None:
        return set()
    return {*ACTUAL, *PREFLIGHT} if their.first(ALLOW_ORIGIN) == origin and not cors(our) else set()


def _own_expose(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    lines = our.headers.get(EXPOSE, [])
    theirs_lost_it = "X-Own" not in their.headers.get(EXPOSE, [])
    return {EXPOSE} if request.path == "/own" and "X-Own" in lines and theirs_lost_it else set()


def _own_grants(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    granted = own_grants(options, request, their, our)
    return {ALLOW_ORIGIN, ALLOW_CREDENTIALS, EXPOSE} if granted else set()


def _method_exact(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    asked = dict(request.headers).get("access-control-request-method", "")
    allowed = (their.first(ALLOW_METHODS) or "").split(", ")
    if asked.upper() in allowed and asked not in allowed and ALLOW_METHODS not in our.headers:
        return PREFLIGHT
    return set()


def _method_spelt(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    asked = dict(request.headers).get("access-control-request-method")
    if their.first(ALLOW_METHODS) == "*" and our.first(ALLOW_CREDENTIALS) == "true":
        return {ALLOW_METHODS} if our.first(ALLOW_METHODS) == asked else set()
    return set()


def _header_order(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    a, b = ((answered.first(ALLOW_HEADERS) or "").split(", ") for answered in (their, our))
    return {ALLOW_HEADERS} if a != b and sorted(a) == sorted(b) else set()


def _bounded_list(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    from corsfast._engine.headers import requested_names

    names = dict(request.headers).get("access-control-request-headers")
    hostile = names is not None and requested_names(names) is None
    return PREFLIGHT if hostile and not PREFLIGHT & our.headers.keys() else set()


def _config_as_arguments(
    options: Options, request: Request, their: Answer, our: Answer
) -> set[str]:
    """Cover strings, patterns and periods in the config, as in arguments; see the test below."""
    from datetime import timedelta as period

    odd = any(isinstance(value, (str, re.Pattern, period)) for value in config_of(options).values())
    if not odd:
        return set()
    broken = {"status", "body", "allow", "content-length", "vary"} if their.status == 500 else set()
    return {*ACTUAL, *PREFLIGHT, *broken}


def _errors_of_views(options: Options, request: Request, their: Answer, our: Answer) -> set[str]:
    """Cover the error of a decorated view: it had no headers."""
    left = their.status == our.status >= 400 and not cors(their)
    return {*cors(our), "vary"} if left else set()


EXPLANATIONS = {
    "preflight-answered": _preflight_answered,
    "errors-of-views": _errors_of_views,
    "vary-merged": _vary_merged,
    "star-for-all": _star_for_all,
    "full-match": _full_match,
    "origin-grammar": _origin_grammar,
    "no-token": _no_token,
    "own-expose-headers": _own_expose,
    "own-grants": _own_grants,
    "method-exact": _method_exact,
    "method-spelt-out": _method_spelt,
    "header-order": _header_order,
    "bounded-list": _bounded_list,
    "config-as-arguments": _config_as_arguments,
}
# Deviations that are not about one response to one request. Each has a test of that name.
ELSEWHERE = {"told-at-start", "read-at-start", "config-of-each-application"}


def deviation(name: str) -> Deviation:
    def covers(options: Options, request: Request, their: Answer, our: Answer) -> bool:
        given = (options, request, their, our)
        left = set(differences(their, our))
        mine = EXPLANATIONS[name](*given) & left
        return bool(mine) and left <= set().union(*(f(*given) for f in EXPLANATIONS.values()))

    return Deviation(name, covers)


DEVIATIONS = [deviation(name) for name in EXPLANATIONS]
ORIGIN_OPTIONS: dict[str, Any] = {
    "allow_origin": [
        ...,
        A,
        [B, A, "null", "localhost"],
        re.compile(r"https://(.*\.)?a\.example"),
        [re.compile(r"^http://localhost(:\d+)?$"), "chrome-extension://abcdefghijklmnop"],
    ],
    "allow_credentials": [..., True],
    "expose_headers": [..., ["X-B", "X-A", "x-a"], "X-A, X-B"],
    "config": [{}, {"QUART_CORS_SEND_ORIGIN_WILDCARD": False}],
}
PREFLIGHT_OPTIONS: dict[str, Any] = {
    "allow_origin": [..., [A, B]],
    "allow_credentials": [..., True],
    "allow_methods": [..., ["PUT", "GET"], ["*"], "PATCH"],
    "allow_headers": [..., ["X-Custom", "content-type", "Authorization", *MANY], "x-other"],
    "max_age": [..., timedelta(minutes=10), "5"],
}
ATTACKERS = ("https://sub.a.example.attacker.net", "HTTPS://A.EXAMPLE", "https://a.example/path")


async def compare(
    comparison: Comparison, how: Any, options: Options, asked: Iterable[Request]
) -> None:
    config = config_of(options)
    arguments = {name: value for name, value in options.items() if name != "config"}
    their_app = how(theirs(), arguments)
    try:
        our_app = quiet(lambda: how(ours(), arguments))
    except ValueError:
        assert (await ask_asgi(their_app, get())).status == 500
        return
    their_app.config.update(config)
    our_app.config.update(config)
    for request in asked:
        their = await ask_asgi(their_app, request)
        with warnings.catch_warnings(action="ignore"):
            our = await ask_asgi(our_app, request)
        if options.get("allow_credentials") and options.get("allow_origin") is None:
            # This never works: both fail on each request.
            assert (their.status, our.status) == (500, 500)
            return
        comparison.add(options, request, their, our)


def test_side_by_side() -> None:
    async def all_of_it() -> Comparison:
        comparison = Comparison(DEVIATIONS)
        everything = [
            request
            for request in requests(origins=(*ORIGINS, *ATTACKERS))
            if request.method == "GET" or (request.is_preflight and len(request.headers) == 3)
        ]
        for number, options in enumerate(grid(**ORIGIN_OPTIONS)):
            await compare(comparison, extended, options, share(everything, number, one_in=2))
        preflights = [*requests(origins=(None, A, OTHER)), *odd_preflights()]
        for number, options in enumerate(grid(**PREFLIGHT_OPTIONS)):
            await compare(comparison, extended, options, share(preflights, number, one_in=2))
        for options in grid(config=CONFIGS):
            await compare(comparison, extended, options, preflights)
            await compare(comparison, decorated, options, preflights)
        elsewhere = [r for path in OTHER_PATHS for r in requests(path, (None, A, OTHER))]
        for options in grid(
            allow_origin=[..., A, [A, B]],
            allow_credentials=[..., True],
            expose_headers=[..., ["X-A"]],
        ):
            await compare(comparison, extended, options, elsewhere)
            await compare(comparison, decorated, options, [*elsewhere, *preflights])
        return comparison

    comparison = asyncio.run(all_of_it())
    assert {deviation.id for deviation in DEVIATIONS} | ELSEWHERE == documented("quart")
    comparison.judge(at_least=7_000)
