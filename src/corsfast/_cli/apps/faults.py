"""Find what is wrong with CORS in a deployed application, and say how to fix it.

    a preflight that passes the CORS layer alone  --fails in the application-->  something around
                                                                                 it has answered

Every preflight stops at the CORS layer, so no handler sees one.
"""

from __future__ import annotations

import re
import types
from collections import defaultdict
from contextlib import contextmanager
from typing import NamedTuple

from ..._options.fetch import SAFE_METHODS
from ..check.report import Finding
from .model import Layer, Route, Rule
from .preflights import ask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
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
# How to let the CORS layer answer before another one does.
_INSTALL = "corsfast.middleware.starlette.install(app, ...)"
_ADD_LAST = f"app.add_middleware(CORSMiddleware, ...) after all others, or {_INSTALL}"
_REORDERED = {
    "fastapi": _ADD_LAST,
    "starlette": _ADD_LAST,
    "flask": 'if request.method == "OPTIONS": return None  # first in {};'
    " or corsfast.middleware.flask.install(app, ...)",
    "aiohttp": 'if request.method == "OPTIONS": return await handler(request)  # first in {}',
}


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
        self.covered = [found for route in deployment.routes if (found := self._cover(route))]
        outside = [*self._answered_outside()]
        self.problems = [
            *self._two_layers(),
            *(fault for status, fault in outside if status != _FAILED),
            *self._methods(),
            *self._security_schemes(),
            *self._websockets(cookies=True),
            *self._unprotected_cookies(),
        ]
        self.warnings = [
            *(fault for status, fault in outside if status == _FAILED),
            *self._unhandled_errors(),
            *self._unused_methods(),
            *self._websockets(cookies=False),
            *self._unused_credentials(),
            *self._two_checks(),
        ]

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
        rules = [rule for rule in layer.rules or () if rule.origin and rule.is_for(route)]
        for rule in rules:
            for method in dict.fromkeys(("GET", *rule.methods, *sorted(route.methods or ()))):
                found = Covered(route, layer, rule, method)
                if self._passes(found, method):
                    return found
        if layer.app is None and rules:
            # The layer cannot be asked alone, so something around it may have answered.
            return Covered(route, layer, rules[0], (*rules[0].methods, "GET")[0])
        return None

    # -- the order of layers -----------------------------------------------------------------

    def _two_layers(self) -> Iterator[Finding]:
        pairs: dict[tuple[str, str], list[Route]] = defaultdict(list)
        for route in self.deployment.routes:
            if len(route.cors) > 1 and not route.websocket:
                pairs[route.cors[0].name, route.cors[1].name].append(route)
        for (outer, inner), routes in pairs.items():
            yield _fault(
                outer,
                inner,
                "two-cors-layers",
                f"Both write CORS headers for {_some(routes)}. The outer one answers preflights;"
                " a response gets the headers of both, or of one of them.",
                f"only one of them; {outer} is the outer one",
            )

    def _answered_outside(self) -> Iterator[tuple[int, Finding]]:
        """Find layers around CORS that answer preflights, and with which status."""
        found: dict[tuple[str, int, str], list[Route]] = defaultdict(list)
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
            found[self._culprit(covered), answer.status, covered.layer.name].append(covered.route)
        for (name, status, cors), routes in found.items():
            reason = (
                "It may lack what the start of the application prepares, because this check does"
                " not start it."
                if status == _FAILED
                else "Preflights carry no credentials, so every request that needs one fails."
            )
            fault = _fault(
                name,
                f"OPTIONS {routes[0].path}",
                "preflight-answered-outside",
                f"It is around {_short(cors)} and answers preflights with {status}, for"
                f" {_some(routes)}. {reason}",
                self._reordered(name, cors),
            )
            yield status, fault

    def _culprit(self, covered: Covered) -> str:
        """Return the innermost layer around CORS at which a preflight fails."""
        around = covered.route.layers[: covered.route.layers.index(covered.layer)]
        for layer in reversed(around):
            if layer.app is not None and not self._ask(covered, layer.app, covered.method).passed:
                return layer.name
        if self.deployment.framework == "flask":
            with _noted_hooks(covered.layer.thing) as called:
                self._ask(covered, self.deployment.app, covered.method)
            return called[-1] if called else "a before_request function"
        return " or ".join(layer.name for layer in around) or "another layer"

    def _reordered(self, name: str, cors: str) -> str:
        """Return how to let the CORS layer answer before another one does."""
        framework = self.deployment.framework
        if framework == "django" and "." in cors:
            return f'"{cors}" above "{name}" in MIDDLEWARE'
        return _REORDERED.get(framework, "the CORS middleware around {}").format(_short(name))

    def _unhandled_errors(self) -> Iterator[Finding]:
        """Find layers that answer unhandled exceptions around the CORS layer."""
        found = {
            route.cors[0]: None
            for route in self.deployment.routes
            if route.cors
            for layer in route.layers[: route.layers.index(route.cors[0])]
            if layer.name.endswith("ServerErrorMiddleware")
        }
        for layer in found:
            yield _fault(
                layer.name,
                "",
                "error-without-cors",
                "The 500 of an unhandled exception has no CORS headers, so a page sees a CORS"
                " error in its place: Starlette answers it around all middleware that"
                " add_middleware adds.",
                f"{_INSTALL}, or app = CORSMiddleware(app, ...)",
            )

    # -- routes and policy -------------------------------------------------------------------

    def _methods(self) -> Iterator[Finding]:
        """Find methods of routes that no preflight may ask for."""
        refused: dict[tuple[str, str], list[Route]] = defaultdict(list)
        for covered in self.covered:
            if not self._passes(covered, covered.method):
                continue  # a layer around a hook has answered
            methods = covered.route.methods or frozenset()
            for method in sorted(methods - {"HEAD"} if "GET" in methods else methods):
                if not self._passes(covered, method):
                    refused[covered.rule.label("allow_methods"), method].append(covered.route)
        for (option, method), routes in refused.items():
            yield _fault(
                option,
                method,
                "route-method-not-allowed",
                f"No preflight for {method} passes, so no page can use it for {_some(routes)}.",
                f'"{method}" in {option}',
            )

    def _unused_methods(self) -> Iterator[Finding]:
        """Find methods that a policy allows and no route has, if all routes are known."""
        routes = [route for route in self.deployment.routes if not route.websocket]
        if self.deployment.opaque or any(route.methods is None for route in routes):
            return
        used: dict[Rule, set[str]] = defaultdict(lambda: {*_USUAL})
        for covered in self.covered:
            used[covered.rule].update(covered.route.methods or ())
        for rule, methods in used.items():
            for method in rule.methods:
                if method not in methods:
                    yield _fault(
                        rule.label("allow_methods"),
                        method,
                        "method-without-route",
                        "No route that this policy covers has this method.",
                    )

    def _security_schemes(self) -> Iterator[Finding]:
        """Find request headers that the OpenAPI document requires and no preflight may ask for."""
        schema = self.deployment.schema
        schemes = schema.get("components", {}).get("securitySchemes", {})
        refused: dict[tuple[str, str, str], list[Route]] = defaultdict(list)
        for covered in self.covered:
            operations = schema.get("paths", {}).get(_in_openapi(covered.route.path), {})
            needed = {
                scheme: header
                for operation in operations.values()
                if isinstance(operation, dict)
                for alternative in operation.get("security", schema.get("security", ()))
                for scheme in alternative
                if (header := _header_of(schemes.get(scheme, {})))
            }
            for scheme, header in needed.items():
                if not self._passes(covered, covered.method, header):
                    option = covered.rule.label("allow_headers")
                    refused[option, header, scheme].append(covered.route)
        for (option, header, scheme), routes in refused.items():
            yield _fault(
                option,
                header,
                "security-header-not-allowed",
                f"The security scheme {scheme!r} of {_some(routes)} needs this header, and no"
                " preflight with it passes.",
                f'"{header}" in {option}',
            )

    def _websockets(self, *, cookies: bool) -> Iterator[Finding]:
        """Find WebSockets that any site can open, with cookies or without them."""
        for route in self.deployment.routes:
            if not route.websocket or any(layer.checks_websockets for layer in route.layers):
                continue
            if any(_mentions(code, _ORIGIN) for code in route.code):
                continue
            if _uses_credentials(route) is cookies:
                yield _fault(
                    "websocket",
                    route.path,
                    "websocket-without-origin-check",
                    "Any site can open it, because browsers do not apply CORS to WebSockets"
                    + (", and the handshake carries cookies." if cookies else "."),
                    "corsfast.middleware.asgi.CORSMiddleware(app, ...), which checks the Origin of"
                    " handshakes",
                )

    # -- requests that another site forges ---------------------------------------------------

    def _unprotected_cookies(self) -> Iterator[Finding]:
        """Find routes that change something and get cookies of requests from any site."""
        found: dict[str, list[Route]] = defaultdict(list)
        for route in self.deployment.routes:
            if route.websocket or not (route.methods or frozenset()) - SAFE_METHODS:
                continue
            is_exempt = getattr(route.code[0], "csrf_exempt", False)
            if any(
                layer.cross_site != "allow" or (layer.checks_tokens and not is_exempt)
                for layer in route.layers
            ):
                continue
            for layer in route.layers:
                if layer.cookie:
                    found[layer.cookie].append(route)
        for option, routes in found.items():
            yield _fault(
                option,
                "None",
                "cookie-without-cross-site-check",
                f"Browsers send this cookie with requests of any site, and nothing around"
                f" {_some(routes)} refuses those that another site has forged.",
                'cross_site="refuse" on the CORS middleware, or "lax" here',
            )

    def _two_checks(self) -> Iterator[Finding]:
        """Find checks of tokens in applications that refuse forged requests anyway."""
        for name in {
            layer.name: None
            for route in self.deployment.routes
            for layer in route.layers
            if layer.checks_tokens and any(it.cross_site.startswith("refuse") for it in route.cors)
        }:
            yield _fault(
                name,
                "",
                "token-beside-cross-site",
                "It and cross_site refuse the same forged requests. Its tokens are redundant for"
                " browsers that send Sec-Fetch-Site or Origin (99.8 %). Keep them only for others.",
            )

    def _unused_credentials(self) -> Iterator[Finding]:
        """Find policies that allow credentials, if all routes are known and none uses any."""
        found = self.deployment
        schemes = found.schema.get("components", {}).get("securitySchemes")
        if (
            found.opaque
            or found.uses_cookies
            or schemes
            or any(map(_uses_credentials, found.routes))
        ):
            return
        for rule in {covered.rule: None for covered in self.covered if covered.rule.credentials}:
            option = rule.label("allow_credentials")
            yield _fault(
                option,
                "",
                "credentials-without-use",
                "Nothing here uses cookies or HTTP authentication: no session or authentication"
                " middleware, no security scheme, no handler that reads cookies.",
                f"{option} = False",
            )


def _fault(option: str, entry: str, code: str, message: str, write: str | None = None) -> Finding:
    return Finding(option, entry, None, code, message, write=write)


def _uses_credentials(route: Route) -> bool:
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


def _header_of(scheme: dict[str, Any]) -> str | None:
    """Return the request header that a security scheme needs."""
    kind = scheme.get("type")
    if kind == "apiKey":
        return scheme.get("name") if scheme.get("in") == "header" else None
    return "Authorization" if kind in _HEADER_SCHEMES else None


def _in_openapi(path: str) -> str:
    """Return a path as OpenAPI writes it, without converters."""
    return re.sub(r"\{\s*([^}:]*?)\s*(?::[^}]*)?\}", r"{\1}", path)


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


@contextmanager
def _noted_hooks(app: Any) -> Iterator[list[str]]:
    """Note which `before_request` functions are called; the last one ends a request."""
    called = []
    hooks = app.before_request_funcs

    def noted(function: Any) -> Any:
        def call() -> Any:
            called.append(f"{function.__module__}.{function.__qualname__}")
            return app.ensure_sync(function)()

        return call

    app.before_request_funcs = {scope: [*map(noted, listed)] for scope, listed in hooks.items()}
    try:
        yield called
    finally:
        app.before_request_funcs = hooks


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _some(routes: list[Route]) -> str:
    """Name the first routes, and the number of the others."""
    names = list(dict.fromkeys(route.path for route in routes))
    more = len(names) - _SHOWN
    listed = " and ".join(names[:_SHOWN]) if more <= 0 else ", ".join(names[:_SHOWN])
    return listed if more <= 0 else f"{listed} and {more} more"
