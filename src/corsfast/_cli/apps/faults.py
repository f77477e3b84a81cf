"""Find what is wrong with CORS in a deployed application, and say how to fix it.

    a preflight that passes the CORS layer alone  --fails in the application-->  something around
                                                                                 it has answered

Every preflight stops at the CORS layer, so no handler sees one.
"""

from __future__ import annotations

import re
import types
from collections import defaultdict
from typing import NamedTuple

from ..check.report import Finding
from .model import Layer, Route, Rule
from .probe import ask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .model import Deployment

# A page may use these without a preflight, and frameworks add HEAD.
_USUAL = frozenset({"GET", "HEAD", "OPTIONS"})
# These say nothing about preflights: the route is of another host, or too many were sent.
_NOT_FOUND = 404
_TOO_MANY_REQUESTS = 429
_FAILED = 500
_SHOWN = 2
# Names and texts in code that show that cookies or HTTP authentication are used, and that the
# origin of a handshake is read.
_CREDENTIALS = re.compile(r"(?i:cookie|authorization|csrf|login)|^session$")
_ORIGIN = re.compile(r"(?<![a-z])origins?(?![a-z])", re.IGNORECASE)
_LAYERS_WITH_CREDENTIALS = re.compile("session|auth|cookie|csrf", re.IGNORECASE)
# Layers that a framework adds to every application.
_EVERYWHERE = (
    "AsyncExitStackMiddleware",
    "ExceptionHandlerMiddleware",
    "ExceptionMiddleware",
    "RequestBodyLimitMiddleware",
    "ServerErrorMiddleware",
)
_HEADER_SCHEMES = ("http", "oauth2", "openIdConnect")


class Covered(NamedTuple):
    """A route that a CORS layer covers, and a method that this layer allows."""

    route: Route
    layer: Layer
    rule: Rule
    method: str


class Examination:
    """The findings about an application.

    Attributes:
        problems: faults that break requests, or open a hole.
        warnings: what may be intended.
    """

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.problems: list[Finding] = []
        self.warnings: list[Finding] = []
        self.covered = [found for route in deployment.routes if (found := self._cover(route))]
        self._two_layers()
        self._answered_outside()
        self._unhandled_errors()
        self._methods()
        self._security_schemes()
        self._websockets()
        self._credentials()

    def _ask(self, covered: Covered, app: Any, method: str, *names: str) -> Any:
        rule, url = covered.rule, covered.route.url
        assert rule.origin is not None
        return ask(self.deployment, app, url, rule.origin, method, names, rule.credentials)

    def _passes(self, covered: Covered, method: str, *names: str) -> bool:
        app = covered.layer.app or self.deployment.app
        return bool(self._ask(covered, app, method, *names).passed)

    def _cover(self, route: Route) -> Covered | None:
        """Return the rule of a route, with a method that it allows."""
        if not route.cors or route.websocket:
            return None
        layer = route.cors[0]
        if layer.app is None and not route.safe:
            return None
        rules = [rule for rule in layer.rules or () if _is_for(rule, route)]
        for rule in rules:
            for method in dict.fromkeys(("GET", *rule.methods, *sorted(route.methods or ()))):
                found = Covered(route, layer, rule, method)
                if rule.origin is not None and self._passes(found, method):
                    return found
        if layer.app is None and rules and rules[0].origin is not None:
            # The layer cannot be asked alone, so something around it may have answered.
            return Covered(route, layer, rules[0], (*rules[0].methods, "GET")[0])
        return None

    def _add(
        self, option: str, entry: str, code: str, message: str, write: str | None, *, warn: bool
    ) -> None:
        listed = self.warnings if warn else self.problems
        listed.append(Finding(option, entry, None, code, message, write=write))

    # -- the order of layers -----------------------------------------------------------------

    def _two_layers(self) -> None:
        pairs: dict[tuple[Layer, Layer], list[Route]] = defaultdict(list)
        for route in self.deployment.routes:
            if len(route.cors) > 1 and not route.websocket:
                pairs[route.cors[0], route.cors[1]].append(route)
        for (outer, inner), routes in pairs.items():
            self._add(
                outer.name,
                inner.name,
                "two-cors-layers",
                f"Both write CORS headers for {_some(routes)}. The outer one answers preflights;"
                " a response gets the headers of both, or of one of them.",
                f"only one of them; {outer.name} is the outer one",
                warn=False,
            )

    def _answered_outside(self) -> None:
        """Find layers around CORS that answer preflights, or spoil their answers."""
        found: dict[tuple[str, int], list[Covered]] = defaultdict(list)
        for covered in self.covered:
            if covered.route.layers[0] is covered.layer and covered.layer.app is not None:
                continue
            if any(
                route.takes_options and covered.layer not in route.layers
                for route in self.deployment.routes
            ):
                continue  # the preflight might reach that route, and call its handler
            answer = self._ask(covered, self.deployment.app, covered.method)
            if answer.passed or answer.status in (_NOT_FOUND, _TOO_MANY_REQUESTS):
                continue
            if covered.layer.app is None and answer.status in (*range(200, 300), 405):
                continue  # a path without CORS
            found[self._culprit(covered), answer.status].append(covered)
        for (name, status), routes in found.items():
            first = routes[0]
            reason = (
                "Preflights carry no credentials, so every request that needs one fails."
                if status != _FAILED
                else "It may lack what the start of the application prepares, because this check"
                " does not start it."
            )
            self._add(
                name,
                f"OPTIONS {first.route.path}",
                "preflight-answered-outside",
                f"It is around {_short(first.layer.name)} and answers preflights with {status},"
                f" for {_some([covered.route for covered in routes])}. {reason}",
                self._reordered(name, first.layer),
                warn=status == _FAILED,
            )

    def _culprit(self, covered: Covered) -> str:
        """Return the innermost layer around CORS at which a preflight fails."""
        layers = covered.route.layers
        place = layers.index(covered.layer)
        for layer in reversed(layers[:place]):
            if layer.app is not None and not self._ask(covered, layer.app, covered.method).passed:
                return layer.name
        if self.deployment.framework == "flask":
            called = _last_hook(
                covered.layer.thing, lambda: self._ask(covered, self.deployment.app, covered.method)
            )
            return called or "a before_request function"
        names = [layer.name for layer in layers[:place]]
        return names[-1] if len(names) == 1 else " or ".join(names) or "another layer"

    def _reordered(self, name: str, cors: Layer) -> str:
        framework = self.deployment.framework
        if framework == "django" and "." in cors.name:
            return f'"{cors.name}" above "{name}" in MIDDLEWARE'
        if framework in ("fastapi", "starlette"):
            return (
                "app.add_middleware(CORSMiddleware, ...) after all others, or"
                " corsfast.middleware.starlette.install(app, ...)"
            )
        if framework == "flask":
            return (
                f'if request.method == "OPTIONS": return None  # first in {_short(name)};'
                " or corsfast.middleware.flask.install(app, ...)"
            )
        if framework == "aiohttp":
            return (
                'if request.method == "OPTIONS": return await handler(request)  # first in'
                f" {_short(name)}"
            )
        return f"the CORS middleware around {_short(name)}"

    def _unhandled_errors(self) -> None:
        """Find layers that answer unhandled exceptions around the CORS layer."""
        found: dict[Layer, list[Route]] = defaultdict(list)
        for route in self.deployment.routes:
            if route.cors:
                around = route.layers[: route.layers.index(route.cors[0])]
                if any(layer.name.endswith("ServerErrorMiddleware") for layer in around):
                    found[route.cors[0]].append(route)
        for layer in found:
            self._add(
                layer.name,
                "",
                "error-without-cors",
                "The 500 of an unhandled exception has no CORS headers, so a page sees a CORS"
                " error in its place: Starlette answers it around all middleware that"
                " add_middleware adds.",
                "corsfast.middleware.starlette.install(app, ...), or app ="
                " CORSMiddleware(app, ...)",
                warn=True,
            )

    # -- routes and policy -------------------------------------------------------------------

    def _methods(self) -> None:
        refused: dict[tuple[str, str], list[Route]] = defaultdict(list)
        for covered in self.covered:
            methods = {*(covered.route.methods or ())}
            hidden = not self._passes(covered, covered.method)  # by a layer around a hook
            for method in sorted(methods - {"HEAD"} if "GET" in methods else methods):
                if not hidden and not self._passes(covered, method):
                    refused[covered.rule.label("allow_methods"), method].append(covered.route)
        for (option, method), routes in refused.items():
            self._add(
                option,
                method,
                "route-method-not-allowed",
                f"No preflight for {method} passes, so no page can use it for {_some(routes)}.",
                f'"{method}" in {option}',
                warn=False,
            )
        if self.deployment.opaque or any(
            r.methods is None for r in self.deployment.routes if not r.websocket
        ):
            return
        used: dict[Rule, set[str]] = defaultdict(set)
        for covered in self.covered:
            used[covered.rule].update(covered.route.methods or ())
        for rule, methods in used.items():
            for method in rule.methods if rule.chosen else ():
                if method not in methods | _USUAL:
                    self._add(
                        rule.label("allow_methods"),
                        method,
                        "method-without-route",
                        "No route that this policy covers has this method.",
                        None,
                        warn=True,
                    )

    def _security_schemes(self) -> None:
        """Find request headers that the OpenAPI document requires and no preflight may ask for."""
        schema = self.deployment.schema
        schemes = schema.get("components", {}).get("securitySchemes", {})
        refused: dict[tuple[str, str, str], list[Route]] = defaultdict(list)
        for covered in self.covered:
            operations = schema.get("paths", {}).get(_in_openapi(covered.route.path), {})
            for operation in operations.values():
                if not isinstance(operation, dict):
                    continue
                for needed in operation.get("security", schema.get("security", ())):
                    for scheme in needed:
                        header = _header_of(schemes.get(scheme, {}))
                        if header and not self._passes(covered, covered.method, header):
                            option = covered.rule.label("allow_headers")
                            routes = refused[option, header, scheme]
                            if covered.route not in routes:
                                routes.append(covered.route)
        for (option, header, scheme), routes in refused.items():
            self._add(
                option,
                header,
                "security-header-not-allowed",
                f"The security scheme {scheme!r} of {_some(routes)} needs this header, and no"
                " preflight with it passes.",
                f'"{header}" in {option}',
                warn=False,
            )

    def _websockets(self) -> None:
        for route in self.deployment.routes:
            if not route.websocket or any(layer.checks_websockets for layer in route.layers):
                continue
            if any(_mentions(code, _ORIGIN) for code in route.code):
                continue
            cookies = route.cookies or self._uses_credentials(route)
            self._add(
                "websocket",
                route.path,
                "websocket-without-origin-check",
                "Any site can open it, because browsers do not apply CORS to WebSockets"
                + (", and the handshake carries cookies." if cookies else "."),
                "corsfast.middleware.asgi.CORSMiddleware(app, ...), which checks the Origin of"
                " handshakes",
                warn=not cookies,
            )

    def _credentials(self) -> None:
        if self.deployment.opaque or self.deployment.uses_cookies:
            return
        if self.deployment.schema.get("components", {}).get("securitySchemes"):
            return
        allowing = {covered.rule: covered for covered in self.covered if covered.rule.credentials}
        if any(self._uses_credentials(route) for route in self.deployment.routes):
            return
        for rule in allowing:
            self._add(
                rule.label("allow_credentials"),
                "",
                "credentials-without-use",
                "Nothing here uses cookies or HTTP authentication: no session or authentication"
                " middleware, no security scheme, no handler that reads cookies.",
                f"{rule.label('allow_credentials')} = False",
                warn=True,
            )

    def _uses_credentials(self, route: Route) -> bool:
        """Return whether something on the way to a handler uses cookies, as far as can be seen."""
        return (
            route.cookies
            or any(_mentions(code, _CREDENTIALS) for code in route.code)
            or any(
                _LAYERS_WITH_CREDENTIALS.search(layer.name) or _mentions(layer.thing, _CREDENTIALS)
                for layer in route.layers
                if layer.rules is None and _short(layer.name) not in _EVERYWHERE
            )
        )


def _is_for(rule: Rule, route: Route) -> bool:
    return rule.paths is None or rule.paths.match(route.url) is not None


def _header_of(scheme: dict[str, Any]) -> str | None:
    """Return the request header that a security scheme needs."""
    kind = scheme.get("type")
    if kind == "apiKey":
        return scheme.get("name") if scheme.get("in") == "header" else None
    return "Authorization" if kind in _HEADER_SCHEMES else None


def _in_openapi(path: str) -> str:
    """Return a path as OpenAPI writes it, without converters."""
    pieces = path.split("{")
    plain = [piece.partition("}") for piece in pieces[1:]]
    return pieces[0] + "".join(
        "{" + name.partition(":")[0].strip() + "}" + rest for name, _, rest in plain
    )


def _mentions(thing: Any, words: re.Pattern[str]) -> bool:
    """Return whether code uses such a name or text; ``True`` for code that is not Python."""
    function = getattr(getattr(thing, "__wrapped__", thing), "__func__", thing)
    if hasattr(function, "__code__"):
        return _code_mentions(function.__code__, words)
    kind = thing if isinstance(thing, type) else type(thing)
    functions = [it for it in vars(kind).values() if hasattr(it, "__code__")]
    return not functions or any(_code_mentions(it.__code__, words) for it in functions)


def _code_mentions(code: types.CodeType, words: re.Pattern[str]) -> bool:
    texts = (*code.co_names, *(it for it in code.co_consts if isinstance(it, str)))
    return any(map(words.search, texts)) or any(
        _code_mentions(it, words) for it in code.co_consts if isinstance(it, types.CodeType)
    )


def _last_hook(app: Any, send: Any) -> str | None:
    """Return the `before_request` function that ends a request, which is the last one called."""
    hooks = app.before_request_funcs
    called = []

    def noted(function: Any) -> Any:
        def call() -> Any:
            called.append(f"{function.__module__}.{function.__qualname__}")
            return app.ensure_sync(function)()

        return call

    kept = {scope: [*functions] for scope, functions in hooks.items()}
    try:
        for scope, functions in kept.items():
            hooks[scope] = [noted(function) for function in functions]
        send()
    finally:
        hooks.update(kept)
    return called[-1] if called else None


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _some(routes: list[Route]) -> str:
    """Name the first routes, and the number of the others."""
    names = list(dict.fromkeys(route.path for route in routes))
    more = len(names) - _SHOWN
    listed = " and ".join(names[:_SHOWN]) if more <= 0 else ", ".join(names[:_SHOWN])
    return listed if more <= 0 else f"{listed} and {more} more"
