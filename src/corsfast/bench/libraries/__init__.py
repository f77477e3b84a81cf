"""The libraries that corsfast is measured against, one file each.

A file is imported only if its library is installed. It uses a library as its users do.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from ..engines import Engine
from ..scenario import Scenario, UnableError

# Scenarios without a library: no error is expected in them.
OWN = ("asgi", "wsgi")
# Each other file of this folder, with the distributions (and their modules) that it needs. The
# first distribution is the one that corsfast replaces.
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
SCENARIOS: dict[str, tuple[str, ...]] = {"django": ("django middleware", "django")}


def installed() -> tuple[dict[str, dict[str, str]], dict[str, list[str]]]:
    """Return the installed libraries with versions, and the missing distributions of others."""
    here: dict[str, dict[str, str]] = {}
    missing: dict[str, list[str]] = {}
    for name, needs in NEEDS.items():
        found = {dist: installed_version(dist, module) for dist, module in needs.items()}
        if absent := [dist for dist, which in found.items() if which is None]:
            missing[name] = absent
        else:
            here[name] = {dist: which for dist, which in found.items() if which is not None}
    return here, missing


def installed_version(dist: str, module: str) -> str | None:
    """Return the version, or None. A folder with a module's name does not count as installed."""
    try:
        return version(dist) if importlib.util.find_spec(module) else None
    except PackageNotFoundError:
        return None


def scenario_names(name: str) -> tuple[str, ...]:
    """Return the names of the scenarios of one file, without importing it."""
    return SCENARIOS.get(name, (name.replace("_", "-"),))


def scenarios(name: str, engines: dict[str, Engine]) -> Iterator[Scenario]:
    """Yield the scenarios of one file. Each is torn down when the next one is requested.

    Raises:
        UnableError: if the file cannot be imported, or cannot set up a scenario.
    """
    try:
        yield from importlib.import_module(f"{__name__}.{name}").scenarios(engines)
    except Exception as error:  # an old or broken library may raise anything
        if name in OWN:
            raise
        text = " ".join(f"{type(error).__name__}: {error}".split())
        # The library's folder may name its owner.
        path = getattr(error, "path", None)
        raise UnableError(text.replace(f" ({path})", "") if path else text) from error
