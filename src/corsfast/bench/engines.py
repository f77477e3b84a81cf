"""Find the available engines, and the generic middleware of each."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

from .._engine.select import IMPLEMENTATION


class Engine(NamedTuple):
    """An engine, and its middlewares as (application, policy) -> application."""

    name: str
    policy: Callable[..., Any]
    asgi: Callable[[Any, Any], Any]
    wsgi: Callable[[Any, Any], Any]


def installed_engines() -> dict[str, Engine]:
    """Return the native engine, if it was built, and the pure one."""
    engines = {}
    for name in ("native", "pure"):
        try:
            module = importlib.import_module(f"corsfast._engine.{name}")
        except ModuleNotFoundError as error:
            if error.name != "corsfast._engine.native":
                raise
            continue
        if name == IMPLEMENTATION:
            asgi = importlib.import_module("corsfast.middleware.asgi").CORSMiddleware
            wsgi = importlib.import_module("corsfast.middleware.wsgi").CORSMiddleware
        else:
            # The middleware classes choose an engine at import. This is what they call per request.
            calls = module if name == "native" else importlib.import_module(CALLS)
            asgi, wsgi = calls.ASGICall, calls.WSGICall
        engines[name] = Engine(name, module.Policy, asgi, wsgi)
    return engines


CALLS = "corsfast.middleware._generic.handlers"
