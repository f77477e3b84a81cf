"""The common parts of the `install` functions.

They put a generic middleware around an application, which stays the same object.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    Middleware = TypeVar("Middleware")

# The key in `extensions` of Flask and Quart applications.
_EXTENSION = "corsfast"
_INSTALL = "install"


def install_around(
    app: Any,
    attribute: str,
    names: tuple[str, str],
    kind: Callable[..., Any],
    *policy: Any,
    **arguments: Any,
) -> None:
    """Put a generic middleware around the `wsgi_app` of Flask, or the `asgi_app` of Quart.

    Args:
        attribute: the name of that attribute.
        names: the framework, and its drop-in for blueprints.

    Raises:
        RuntimeError: if the application has CORS already, from `install` or from the drop-in.
    """
    framework, drop_in = names
    instead = f"for a blueprint, use paths= or {drop_in}(blueprint)"
    check_kind(app, attribute, f"a {framework} application", instead)
    middleware = middleware_by_install(kind, getattr(app, attribute), *policy, **arguments)
    found = app.extensions.get(_EXTENSION)
    if found is not None:
        raise RuntimeError(f"this application already has CORS, from {found}; call install once")
    app.extensions[_EXTENSION] = _INSTALL
    setattr(app, attribute, middleware)


def middleware_by_install(
    kind: Callable[..., Middleware], app: Any, *policy: Any, **arguments: Any
) -> Middleware:
    """Make a generic middleware whose errors name `install`, which the caller has used."""
    try:
        return kind(app, *policy, **arguments)
    except TypeError as error:
        raise TypeError(str(error).replace("CORSMiddleware", _INSTALL)) from None


# The attribute that identifies an application of each framework, and the module of its
# `install`.
_KINDS = {"build_middleware_stack": "starlette", "wsgi_app": "flask", "asgi_app": "quart"}


def check_kind(app: object, attribute: str, what: str, instead: str) -> None:
    """Check that an application is of the kind that `install` takes.

    Raises:
        TypeError: if it is not. The message names the `install` of its framework, or ends with
            `instead`.
    """
    if isinstance(app, type):
        raise TypeError(f"install takes {what}, not the class {app.__name__}")
    if hasattr(app, attribute):
        return
    for other, module in _KINDS.items():
        if hasattr(app, other):
            instead = f"write corsfast.middleware.{module}.install(app, ...)"
    raise TypeError(f"install takes {what}, not {type(app).__name__}; {instead}")


def claim_drop_in(app: Any, name: str) -> None:
    """Record that an application has its CORS from a drop-in, which may be called repeatedly.

    Args:
        app: an application, or a blueprint, which has no `extensions`.
        name: the function or class of the drop-in.

    Raises:
        RuntimeError: if it has CORS from `install`.
    """
    extensions = getattr(app, "extensions", {})
    if extensions.setdefault(_EXTENSION, name) == _INSTALL:
        raise RuntimeError(
            f"this application already has CORS, from install, which answers first; call install"
            f" or {name}, not both"
        )
