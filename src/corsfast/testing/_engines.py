"""The differences between browser engines, in one table. All else is the Fetch standard."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Step(StrEnum):
    """A step of a fetch at which it can fail, named as in the Fetch standard."""

    MODE = "main fetch: mode"
    SCHEME = "main fetch: scheme"
    LOCATION = "HTTP-redirect fetch"
    CORS_CHECK = "CORS check"
    # The steps of the CORS-preflight fetch. The CORS check is one of them.
    REDIRECT = "redirect of a preflight"
    STATUS = "ok status"
    METHODS = "extract Access-Control-Allow-Methods"
    HEADERS = "extract Access-Control-Allow-Headers"
    METHOD = "method"
    HEADER = "header names"


@dataclass(frozen=True)
class Engine:
    """The behavior in which one browser engine differs from others.

    Attributes:
        name: ``"chromium"``, ``"firefox"`` or ``"webkit"``.
        max_age_cap: the longest time that a preflight is cached, in seconds.
        malformed_max_age: the seconds for an Access-Control-Max-Age that is not a number.
        steps: the steps of a preflight in the order of the engine. The first that fails is in
            the console.
        star_has_authorization: whether ``Access-Control-Allow-Headers: *`` covers
            Authorization. In the standard it does not, but no engine follows it yet.
        replaces: whether a preflight replaces all that was cached for the URL. In the standard
            each method and header name is cached by itself.
        caches_star: whether a cached ``*`` covers a later method or header name.
        shares: whether a preflight with credentials also serves requests without.
        forgets: whether the preflights of a URL are forgotten once a request fails.
        caches_refused: whether a preflight that does not allow the method or a header is cached
            for later requests.
        keeps_preflights: the reasons for a preflight after a redirect that no longer needs one,
            because its method is GET now: ``"cors"``, because the request before had one, and
            ``"headers"``, because the page has set a header that is not safelisted.
        taints_preflights: whether the Origin of a preflight is "null" after a redirect from one
            foreign origin to another, as that of the request is.
        blocks_passwords: whether a redirect to the page's own origin fails if the URL has a
            password. In the standard it does not.
    """

    name: str
    max_age_cap: int = 7200
    malformed_max_age: int = 5
    steps: tuple[Step, ...] = (
        Step.REDIRECT,
        Step.CORS_CHECK,
        Step.STATUS,
        Step.METHODS,
        Step.HEADERS,
        Step.METHOD,
        Step.HEADER,
    )
    star_has_authorization: bool = True
    replaces: bool = True
    caches_star: bool = True
    shares: bool = True
    forgets: bool = False
    caches_refused: bool = False
    keeps_preflights: frozenset[str] = frozenset()
    taints_preflights: bool = True
    blocks_passwords: bool = False


CHROMIUM = Engine("chromium", blocks_passwords=True)
FIREFOX = Engine(
    "firefox",
    max_age_cap=86400,
    malformed_max_age=0,
    steps=(
        Step.CORS_CHECK,
        Step.REDIRECT,
        Step.STATUS,
        Step.METHODS,
        Step.METHOD,
        Step.HEADERS,
        Step.HEADER,
    ),
    replaces=False,
    caches_star=False,
    shares=False,
    forgets=True,
    keeps_preflights=frozenset({"cors", "headers"}),
    taints_preflights=False,
)
WEBKIT = Engine(
    "webkit",
    max_age_cap=600,
    steps=(
        Step.REDIRECT,
        Step.STATUS,
        Step.CORS_CHECK,
        Step.METHODS,
        Step.HEADERS,
        Step.METHOD,
        Step.HEADER,
    ),
    caches_refused=True,
    keeps_preflights=frozenset({"cors"}),
)
ENGINES = {engine.name: engine for engine in (CHROMIUM, FIREFOX, WEBKIT)}
