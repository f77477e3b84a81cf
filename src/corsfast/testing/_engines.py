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
    """What one browser engine does in its own way.

    Attributes:
        name: ``"chromium"``, ``"firefox"`` or ``"webkit"``.
        max_age_cap: the longest time that a preflight is cached, in seconds.
        malformed_max_age: the seconds for an Access-Control-Max-Age that is not a number.
        steps: the steps of a preflight in the order of the engine. The first that fails is in
            the console.
        star_has_authorization: whether ``Access-Control-Allow-Headers: *`` covers
            Authorization. In the standard it does not.
        replaces: whether a preflight replaces all that was cached for the URL. In the standard
            each method and header name is cached by itself.
        caches_star: whether a cached ``*`` covers a later method or header name.
        shares: whether a preflight with credentials also serves requests without.
    """

    name: str
    max_age_cap: int
    malformed_max_age: int
    steps: tuple[Step, ...]
    star_has_authorization: bool
    replaces: bool
    caches_star: bool
    shares: bool


ENGINES = {
    engine.name: engine
    for engine in (
        Engine(
            "chromium",
            max_age_cap=7200,
            malformed_max_age=5,
            steps=(
                Step.REDIRECT,
                Step.CORS_CHECK,
                Step.STATUS,
                Step.METHODS,
                Step.HEADERS,
                Step.METHOD,
                Step.HEADER,
            ),
            star_has_authorization=False,
            replaces=True,
            caches_star=True,
            shares=True,
        ),
        Engine(
            "firefox",
            max_age_cap=86400,
            malformed_max_age=0,
            steps=(
                Step.REDIRECT,
                Step.CORS_CHECK,
                Step.STATUS,
                Step.METHODS,
                Step.METHOD,
                Step.HEADERS,
                Step.HEADER,
            ),
            star_has_authorization=True,
            replaces=False,
            caches_star=False,
            shares=False,
        ),
        Engine(
            "webkit",
            max_age_cap=600,
            malformed_max_age=5,
            steps=(
                Step.REDIRECT,
                Step.STATUS,
                Step.CORS_CHECK,
                Step.METHODS,
                Step.HEADERS,
                Step.METHOD,
                Step.HEADER,
            ),
            star_has_authorization=True,
            replaces=True,
            caches_star=True,
            shares=True,
        ),
    )
}
