"""The libraries that corsfast is measured against, one file each, and their shared parts.

A file here builds one application several times: without CORS, with the library of that name, with
corsfast in its place (`drop-in`: the same code with another import), and with corsfast's generic
middleware around the whole application on each engine (`native`, `pure`). All of them have the
same policy and get the same requests. All answers are checked before anything is timed.

A file is imported only if its library is installed. It uses a library as its users do.
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
# distribution is the one that corsfast replaces.
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
# The scenarios of a file, if they are not just one with the file's name.
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
    """The part of a response that is checked before timing."""

    status: int
    allow_origin: str | None


class Way(NamedTuple):
    """One way to build the application.

    ``who`` is "without", "drop-in", "native", "pure" or the library's name.

    Attributes:
        call: one request, given one of the scenario's inputs.
        look: the same, returning what a client sees of it.
        expects: the right answers; a kind of request that is missing here is not measured.
    """

    who: str
    call: Callable[..., Any]
    look: Callable[..., Answer]
    expects: dict[str, Answer]


class Share(NamedTuple):
    """A goal: for these requests, `who` costs at most this share of the original's cost."""

    who: str
    at_most: float
    requests: tuple[str, ...]


class Stand(NamedTuple):
    """A scenario: one application built in several ways, and the requests for it.

    Attributes:
        about: what exactly is timed, for the reader of the table.
        note: what the original leaves out compared with the others, for the same reader.
        original: the `who` of the library that corsfast replaces.
        requests: functions that make inputs, by "no Origin", "allowed", "refused", "preflight".
        ways: the first is the one without CORS.
        run: see measure.Subject.
        times: a factor for the number of rounds. What CORS adds to a whole application is a small
            part of the measured time, so more samples are needed to tell it from noise.
        by_turns: see measure.turns; for applications whose single call fills a block.
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
    """Return the usual right answers, with this status for preflights."""
    return {
        "no Origin": Answer(200, None),
        "allowed": Answer(200, APP),
        "refused": Answer(200, None),
        "preflight": Answer(preflight, APP),
    }


# The kinds of requests.
KINDS = tuple(expected(204))


def expected_without() -> dict[str, Answer]:
    """Return the right answers without CORS; how it answers OPTIONS is not checked."""
    return {name: Answer(200, None) for name in ("no Origin", "allowed", "refused")}


def installed() -> tuple[dict[str, dict[str, str]], dict[str, list[str]]]:
    """Return the installed libraries with versions, and the missing distributions of others."""
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
    """Return the version, or None. A folder with a module's name does not count as installed."""
    try:
        return version(dist) if importlib.util.find_spec(module) else None
    except PackageNotFoundError:
        return None


def stand_names(name: str) -> tuple[str, ...]:
    """Return the names of the scenarios of one file, without importing it."""
    return STANDS.get(name, (name.replace("_", "-"),))


def stands(name: str, engines: dict[str, Engine]) -> Iterator[Stand]:
    """Yield the scenarios of one file. Each is torn down when the next one is requested."""
    module = importlib.import_module(f"{__name__}.{name}")
    yield from module.stands(engines)


def drop_in(name: str) -> ModuleType | None:
    """Return corsfast's module of that name, which replaces the original; None without one."""
    wanted = f"corsfast.middleware.{name}"
    if importlib.util.find_spec(wanted) is None:
        return None
    return importlib.import_module(wanted)
