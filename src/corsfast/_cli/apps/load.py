"""Import the application that ``module:app`` or ``module:factory()`` names, and start it."""

from __future__ import annotations

import asyncio
import re
from difflib import get_close_matches

from ..check.django_settings import import_from_here
from ..check.subject import UnreadableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TARGET = re.compile(
    r"(?P<module>[^\W\d]\w*(?:\.\w+)*):(?P<name>[^\W\d]\w*(?:\.\w+)*)(?P<call>\(\))?"
)

# Long enough for an application that connects to something; without an end the check would hang.
SECONDS = 30


def names_application(text: str) -> bool:
    """Return whether an argument is ``module:app``, and not ``REV:FILE`` or a file."""
    return bool(_TARGET.fullmatch(text)) and not text.lower().endswith((".toml", ".json"))


def is_a(thing: object, package: str, *names: str) -> bool:
    """Return whether an object is of a class of a package, without importing the package."""
    return any(
        kind.__name__ in names and kind.__module__.partition(".")[0] == package
        for kind in type(thing).__mro__
    )


def held(function: Any) -> dict[str, Any]:
    """Return the variables that a function holds from the function around it."""
    code = getattr(function, "__code__", None)
    cells = getattr(function, "__closure__", None)
    found = {}
    for name, cell in zip(code.co_freevars if code else (), cells or (), strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not set yet
            continue
    return found


def load(target: str) -> Any:
    """Import an application; call it first if it is written as ``module:factory()``.

    Raises:
        UnreadableError: if it cannot be imported or made, or is not an application.
    """
    match = _TARGET.fullmatch(target)
    assert match is not None
    module, name, call = match.groups()
    app: Any = _attribute(import_from_here(module), module, name)
    if call:
        try:
            app = app()
        except (Exception, SystemExit) as error:
            reason = f"{type(error).__name__}: {error}"
            raise UnreadableError(f"{target} failed ({reason})") from error
    if is_a(app, "aiohttp", "Application"):
        return app
    if not callable(app) or isinstance(app, type):
        what = f"the class {app.__name__}" if isinstance(app, type) else type(app).__name__
        raise UnreadableError(f"{target} is {what}, not an ASGI or WSGI application")
    code = getattr(app, "__code__", None)
    if code is not None and not call and code.co_argcount == 0:
        raise UnreadableError(f"{target} takes no arguments; write {target}() to call it")
    return app


def _attribute(names: dict[str, object], module: str, name: str) -> object:
    first, *rest = name.split(".")
    if first not in names:
        public = [known for known in names if not known.startswith("_")]
        close = get_close_matches(first, public, 1)
        advice = f"; did you mean {module}:{close[0]}?" if close else ""
        raise UnreadableError(f"{module} has no {first!r}{advice}")
    found = names[first]
    for part in rest:
        try:
            found = getattr(found, part)
        except AttributeError:
            raise UnreadableError(f"{module}:{name}: there is no {part!r}") from None
    return found


def start(app: Any) -> None:
    """Run the start and the end of an ASGI application's lifespan.

    Raises:
        UnreadableError: if the application says that one of them failed.
    """
    steps = iter(("startup", "shutdown"))

    async def receive() -> dict[str, Any]:
        return {"type": f"lifespan.{next(steps)}"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"].endswith(".failed"):
            raise UnreadableError(f"the application did not start: {message.get('message', '')}")

    async def run() -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        await asyncio.wait_for(app(scope, receive, send), SECONDS)

    try:
        asyncio.run(run())
    except TimeoutError:
        raise UnreadableError(f"the application did not start in {SECONDS} seconds") from None
