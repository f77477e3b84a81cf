"""The libraries that corsfast is measured against, one file each, and what they all give.

A file here builds one application several times over: without CORS, with the library of that
name, with corsfast in its place (`drop-in`: the same code with another import), and with
corsfast's generic middleware around the whole application on each engine (`native`, `pure`).
All of them have the same policy, get the same requests, and have to answer them rightly before
anything is timed.

Place in the flow: beside cases.py, left of what is measured.
Never: be imported for a library that is not installed; use more of a library than its users do.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Coroutine, Iterator
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any, NamedTuple

from ..cases import APP, Inputs
from ..engines import Engine

# Each file of this folder, with the distributions (and their modules) that it needs. The first
# is the one that corsfast stands in for.
NEEDS: dict[str, dict[str, str]] = {
    "starlette": {"starlette": "starlette"},
    "asgi_cors": {"asgi-cors": "asgi_cors"},
    "litestar": {"litestar": "litestar"},
    "quart": {"quart-cors": "quart_cors", "quart": "quart"},
    "flask": {"flask-cors": "flask_cors", "flask": "flask"},
    "django": {"django-cors-headers": "corsheaders", "django": "django"},
    "falcon": {"falcon": "falcon"},
    "aiohttp": {"aiohttp-cors": "aiohttp_cors", "aiohttp": "aiohttp"},
}
# The stands of a file that has others than one of its own name.
STANDS: dict[str, tuple[str, ...]] = {"django": ("django middleware", "django")}
ORIGINS = [APP, "https://admin.example.com"]
METHODS = ["GET", "PUT", "DELETE"]
HEADERS = ["Authorization", "Content-Type", "X-Token"]
EXPOSED = ["X-Total"]
POLICY: dict[str, Any] = {
    "allow_origins": ORIGINS,
    "allow_methods": METHODS,
    "allow_headers": HEADERS,
    "expose_headers": EXPOSED,
    "allow_credentials": True,
    "max_age": 600,
}
WITHOUT = "without"


class Answer(NamedTuple):
    """What is looked at before timing."""

    status: int
    allow_origin: str | None


class Way(NamedTuple):
    """One way to build the application.

    Attributes:
        who: "without", "drop-in", "native", "pure" or the library's name.
        call: one request, given one of the stand's inputs.
        look: the same, returning what a client sees of it.
        expects: the right answers; a kind of request that is not named is not measured.
    """

    who: str
    call: Callable[..., Any]
    look: Callable[..., Answer]
    expects: dict[str, Answer]


class Share(NamedTuple):
    """A goal: `who` costs at most this share of what the original costs, for these requests."""

    who: str
    at_most: float
    requests: tuple[str, ...]


class Stand(NamedTuple):
    """One application in all its ways, and the requests that it is given.

    Attributes:
        about: what exactly is timed, for the reader of the table.
        note: what the original does not do of all that the others do, for the same reader.
        original: who of the ways is the library that corsfast stands in for.
        requests: for "no Origin", "allowed", "refused" and "preflight" what makes inputs.
        ways: the first is the one without CORS.
        run: see measure.Subject.
        times: how many times the usual rounds. What is added to a whole application is a small
            part of what is timed, and takes more samples to tell from its noise.
        by_turns: see measure.turns; for applications that fill a block alone.
    """

    name: str
    about: str
    original: str | None
    requests: dict[str, Callable[[int], Inputs]]
    ways: list[Way]
    shares: tuple[Share, ...] = ()
    run: Callable[[Coroutine[Any, Any, None]], object] | None = None
    times: int = 1
    by_turns: bool = False
    note: str = ""


WHOLE = 4  # `times` of whole applications


def expected(preflight: int) -> dict[str, Answer]:
    """The usual right answers, of something that answers preflights with that status."""
    return {
        "no Origin": Answer(200, None),
        "allowed": Answer(200, APP),
        "refused": Answer(200, None),
        "preflight": Answer(preflight, APP),
    }


# The kinds of requests.
KINDS = tuple(expected(204))


def expected_without() -> dict[str, Answer]:
    """Those of an application without CORS; its answer to an OPTIONS is its own affair."""
    return {name: Answer(200, None) for name in ("no Origin", "allowed", "refused")}


def installed() -> tuple[dict[str, dict[str, str]], dict[str, list[str]]]:
    """Peers whose libraries are here, with versions; and what the others lack."""
    here: dict[str, dict[str, str]] = {}
    lacking: dict[str, list[str]] = {}
    for name, needs in NEEDS.items():
        found = {dist: installed_version(dist, module) for dist, module in needs.items()}
        if lacks := [dist for dist, which in found.items() if which is None]:
            lacking[name] = lacks
        else:
            here[name] = {dist: which for dist, which in found.items() if which is not None}
    return here, lacking


def installed_version(dist: str, module: str) -> str | None:
    """Its version; None if it is not here. A folder that has a module's name is no library."""
    try:
        return version(dist) if importlib.util.find_spec(module) else None
    except PackageNotFoundError:
        return None


def stand_names(name: str) -> tuple[str, ...]:
    """What the stands of one file are called; it is not imported."""
    return STANDS.get(name, (name.replace("_", "-"),))


def stands(name: str, engines: dict[str, Engine]) -> Iterator[Stand]:
    """The stands of one file. Each is torn down when the next one is asked for."""
    module = importlib.import_module(f"{__name__}.{name}")
    yield from module.stands(engines)


def drop_in(name: str) -> ModuleType | None:
    """corsfast's module of that name, which is used as the original is; None if there is none."""
    wanted = f"corsfast.middleware.{name}"
    if importlib.util.find_spec(wanted) is None:
        return None
    return importlib.import_module(wanted)
