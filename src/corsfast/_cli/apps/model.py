"""A deployed application as data: its routes, and the layers around each of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..check.subject import Subject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# `{id:int}`, `<int:id>`, and a group of a regex of Django with at most one group in it.
_PARAMETER = re.compile(r"\{[^}]*\}|<[^>]*>|\((?:[^()]|\([^()]*\))*\)")
_SAMPLES = (("uuid", "00000000-0000-4000-8000-000000000000"), ("float", "1.0"))


@dataclass(eq=False)
class Rule:
    """One policy of a CORS layer; several if it has policies by path.

    Attributes:
        origin: an origin that it allows; ``None`` if no origin is known.
        methods: the methods that it lists; none if it allows any, or all by default.
        paths: matches the beginning of the paths that it is for; ``None`` for all paths.
    """

    subject: Subject
    origin: str | None
    methods: tuple[str, ...]
    credentials: bool
    paths: re.Pattern[str] | None = None

    def label(self, option: str) -> str:
        return self.subject.labels.get(option, option)

    def is_for(self, route: Route) -> bool:
        return self.paths is None or self.paths.match(route.url) is not None


@dataclass(eq=False)
class Layer:
    """A middleware, or a hook of a framework, that sees requests before a route.

    Attributes:
        name: the dotted name of its class or function.
        thing: the object.
        app: what a browser can ask in its place. A CORS layer is asked without the application in
            it. ``None`` for a hook, which cannot be asked alone.
        rules: the policies of a CORS layer; ``None`` for every other layer.
        checks_websockets: whether it refuses handshakes by their Origin.
        cross_site: the value of `cross_site`, which refuses or reports forged requests.
        cookie: the option by which it sets cookies with SameSite=None, or "".
    """

    name: str
    thing: Any
    app: Any = None
    rules: list[Rule] | None = None
    checks_websockets: bool = False
    cross_site: str = "allow"
    cookie: str = ""

    @property
    def checks_tokens(self) -> bool:
        """Whether it compares a token with a cookie, which its name shows."""
        return "csrf" in self.name.lower()


@dataclass(eq=False)
class Route:
    """A route of an application.

    Attributes:
        path: the path as the framework writes it.
        methods: its methods; ``None`` if only the handler knows them.
        code: the handler and its dependencies.
        layers: from the outermost to the innermost.
        safe: whether no handler sees a preflight that every layer passes on.
        takes_options: whether the handler may be called with OPTIONS.
        cookies: whether its parameters are read from cookies.
    """

    path: str
    methods: frozenset[str] | None
    code: tuple[Any, ...]
    layers: tuple[Layer, ...]
    websocket: bool = False
    safe: bool = True
    takes_options: bool = False
    cookies: bool = False

    @property
    def cors(self) -> list[Layer]:
        return [layer for layer in self.layers if layer.rules is not None]

    @property
    def url(self) -> str:
        """Return an example of a path that the route matches."""
        return _PARAMETER.sub(_sample, self.path).replace("^", "").rstrip("$") or "/"


def _sample(parameter: re.Match[str]) -> str:
    found = (value for word, value in _SAMPLES if word in parameter[0].lower())
    return next(found, "1")


@dataclass(eq=False)
class Deployment:
    """An application and all that was found in it.

    Attributes:
        app: what a browser can ask.
        framework: the outermost framework that was found.
        opaque: whether there may be routes that cannot be seen.
        schema: the OpenAPI document, or an empty one.
        host: a host that the application accepts.
        uses_cookies: whether the framework is set up for cookies.
    """

    app: Any
    framework: str = ""
    routes: list[Route] = field(default_factory=list)
    opaque: bool = False
    schema: dict[str, Any] = field(default_factory=dict)
    host: str = "localhost"
    uses_cookies: bool = False
