"""Walk from the outermost layer of an application to its routes, and write down what is there.

A layer holds the next one in an attribute, or in a variable of the function around it. Handlers
are never called. Private attributes are read of FastAPI (seen in 0.165), Flask (3.1), Django
(5.2), Litestar (2.25) and aiohttp (3.14).
"""

from __future__ import annotations

import sys

from ..check.subject import UnreadableError
from .load import held, is_a, start
from .model import Deployment, Layer, Route
from .policies import aiohttp_layer, flask_layer, read_layer
from .preflights import server_of, server_of_aiohttp, without_application

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    Layers = tuple[Layer, ...]
    Scope = dict[str, Any]

# Where layers keep the next one: ASGI and WSGI middlewares, Django's, and the adapters of asgiref.
# `functools.wraps` copies attributes, so the function that it wraps comes first.
_NEXT = (
    *("__wrapped__", "app", "_app", "application", "wsgi_app", "get_response"),
    *("func", "awaitable", "inner", "handler"),
)
# The routes of frameworks themselves are documentation and static files.
_FRAMEWORKS = ("fastapi", "starlette", "litestar", "flask", "django", "aiohttp")
_METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


def collect(app: Any) -> Deployment:
    """Return the layers and routes of an application."""
    found = Deployment(app)
    _follow(found, app, "", (), {})
    return found


def _follow(found: Deployment, app: Any, prefix: str, layers: Layers, scope: Scope) -> None:
    """Follow the layers of an application, and read the routes at their end.

    Args:
        prefix: the path at which the application is mounted.
        scope: what the frameworks around it add to the scope of each request.
    """
    seen = set()
    while app is not None and id(app) not in seen:
        seen.add(id(app))
        bound = getattr(app, "__self__", None)
        if is_a(app, "starlette", "Starlette"):
            _name(found, "fastapi" if is_a(app, "fastapi", "FastAPI") else "starlette", app)
            scope = {**scope, "app": app}
            if app.middleware_stack is None:  # as its first request would do
                app.middleware_stack = app.build_middleware_stack()
            app = app.middleware_stack
        elif is_a(app, "litestar", "Litestar"):
            if is_a(app.cors_config, "corsfast", "_NotStarted"):
                start(app)
            _name(found, "litestar", app)
            scope = {**scope, "litestar_app": app}
            app = app.asgi_handler
        elif is_a(app, "django", "BaseHandler"):
            app = app._middleware_chain
        elif is_a(app, "flask", "Flask") and "wsgi_app" in vars(app):
            app = app.wsgi_app
        elif is_a(app, "starlette", "Router"):
            return _starlette(found, app.routes, prefix, layers, scope)
        elif is_a(app, "litestar", "ASGIRouter"):
            return _litestar(found, prefix, layers, scope)
        elif is_a(bound, "flask", "Flask") or is_a(app, "flask", "Flask"):
            return _flask(found, bound or app, prefix, layers)
        elif is_a(bound, "django", "BaseHandler"):
            return _django(found, layers)
        elif is_a(app, "aiohttp", "Application"):
            return _aiohttp(found, app, layers)
        else:
            if not _is_transparent(app):
                layers = (*layers, _layer(found, app, scope))
            app = _inside(app)
    found.opaque = True
    return None


def _name(found: Deployment, framework: str, app: Any) -> None:
    """Fill in the outermost framework, and its OpenAPI document."""
    if found.framework:
        return
    found.framework = framework
    try:
        if framework == "fastapi":
            found.schema = app.openapi()
        elif framework == "litestar" and app.openapi_config is not None:
            found.schema = app.openapi_schema.to_schema()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise UnreadableError(f"the OpenAPI document cannot be made ({reason})") from error


def _is_transparent(app: Any) -> bool:
    """Return whether an object only passes calls on: a wrapped function, or an adapter."""
    adapters = ("partial", "SyncToAsync", "AsyncToSync")
    return hasattr(app, "__wrapped__") or type(app).__name__ in adapters


def _inside(app: Any) -> Any:
    """Return the application that a layer wraps, or ``None``."""
    variables = held(app)
    found = (getattr(app, name, None) or variables.get(name) for name in _NEXT)
    return next(filter(callable, found), None)


def _layer(found: Deployment, thing: Any, scope: Scope) -> Layer:
    layer = Layer(_name_of(thing), thing)
    read_layer(layer, scope)
    layer.app = server_of(thing if layer.rules is None else without_application(thing), scope)
    hosts = [host for host in getattr(thing, "allowed_hosts", ()) if host != "*"]
    if hosts and found.host == "localhost":
        found.host = hosts[0].replace("*", "www")
    layer.checks_websockets |= "OriginValidator" in layer.name
    if is_a(thing, "django", "SessionMiddleware"):
        if _is_none(sys.modules["django.conf"].settings.SESSION_COOKIE_SAMESITE):
            layer.cookie = "SESSION_COOKIE_SAMESITE"
    elif "samesite=none" in str(getattr(thing, "security_flags", "")).lower():  # of Starlette
        layer.cookie = "same_site"
    return layer


def _is_none(same_site: Any) -> bool:
    """Return whether a setting is the text "None". Without a value, browsers choose."""
    return isinstance(same_site, str) and same_site.lower() == "none"


def _name_of(thing: Any) -> str:
    function = getattr(thing, "dispatch_func", None)  # of Starlette's BaseHTTPMiddleware
    if function is not None and not hasattr(function, "__self__"):
        thing = function
    named = thing if hasattr(thing, "__code__") else type(thing)
    return f"{named.__module__}.{named.__qualname__}".partition(".<locals>")[0]


# -- routes ----------------------------------------------------------------------------------


def _add(
    found: Deployment,
    path: str,
    methods: Iterable[str] | None,
    code: tuple[Any, ...],
    layers: Layers,
    **more: Any,
) -> None:
    """Add a route, unless its handler is one of the framework."""
    module = getattr(code[0], "__module__", None) or ""
    if module.partition(".")[0] not in _FRAMEWORKS:
        given = None if methods is None else frozenset(methods)
        known = None if given is None else given - {"OPTIONS"}
        more["takes_options"] = (given is None or given != known) and not more.get("websocket")
        found.routes.append(Route(path, known, code, layers, **more))


def _starlette(
    found: Deployment, routes: Iterable[Any], prefix: str, layers: Layers, scope: Scope
) -> None:
    for given in routes:
        if hasattr(given, "effective_candidates"):  # an included router of FastAPI
            _starlette(found, given.effective_candidates(), prefix, layers, scope)
            continue
        route = getattr(given, "starlette_route", None) or given
        path = prefix + getattr(route, "path", "")
        endpoint, inner = getattr(route, "endpoint", None), getattr(route, "app", None)
        if endpoint is None:
            if inner is not None and not is_a(inner, "starlette", "StaticFiles"):
                _follow(found, inner, path, layers, scope)
            continue
        around = layers  # and the route's own middleware
        while inner is not None and not hasattr(inner, "__code__") and inner is not endpoint:
            around = (*around, _layer(found, inner, scope))
            inner = _inside(inner)
        methods = getattr(route, "methods", None)
        websocket = "WebSocket" in type(route).__name__
        if methods is None and isinstance(endpoint, type):
            methods = [name.upper() for name in _METHODS if hasattr(endpoint, name)]
        dependant = [*_dependants(getattr(route, "dependant", None))]
        cookies = any(it.cookie_params for it in dependant)
        code = (endpoint, *(it.call for it in dependant if it.call is not endpoint))
        _add(found, path, methods, code, around, websocket=websocket, cookies=cookies)


def _dependants(dependant: Any) -> Iterator[Any]:
    """Yield what FastAPI knows about the parameters of a handler and its dependencies."""
    if dependant is not None:
        yield dependant
        for inner in dependant.dependencies:
            yield from _dependants(inner)


def _litestar(found: Deployment, prefix: str, layers: Layers, scope: Scope) -> None:
    for route in scope["litestar_app"].routes:
        handlers = getattr(route, "route_handlers", None) or [route.route_handler]
        websocket = type(route).__name__ == "WebSocketRoute"
        if not websocket and not hasattr(route, "route_handlers"):
            found.opaque = True  # an ASGI application
            continue
        code = tuple(it.fn for it in handlers if "OPTIONS" not in getattr(it, "http_methods", ()))
        methods = getattr(route, "methods", ())
        if code:
            _add(found, prefix + route.path, methods, code, layers, websocket=websocket)


def _flask(found: Deployment, app: Any, prefix: str, layers: Layers) -> None:
    found.framework = found.framework or "flask"
    found.uses_cookies |= bool(app.secret_key)
    found.host = (app.config.get("SERVER_NAME") or found.host).partition(":")[0]
    inside = [flask_layer(app)]
    # Their hooks are not layers.
    if "csrf" in app.extensions:
        inside.append(Layer("flask_wtf.csrf.CSRFProtect", app.extensions["csrf"]))
    if app.secret_key and _is_none(app.config["SESSION_COOKIE_SAMESITE"]):
        interface = app.session_interface
        inside.append(Layer(_name_of(interface), interface, cookie="SESSION_COOKIE_SAMESITE"))
    layers = (*layers, *filter(None, inside))
    adapter = app.url_map.bind(found.host)
    for rule in app.url_map.iter_rules():
        url = Route(rule.rule, None, (), ()).url
        try:
            reached, _ = adapter.match(url, "OPTIONS", return_rule=True)
        except Exception:
            reached = None  # a converter of the application, or a host
        # Flask answers OPTIONS itself, unless the view does.
        safe = getattr(reached, "provide_automatic_options", False)
        code = (app.view_functions.get(rule.endpoint),)
        _add(found, prefix + rule.rule, rule.methods, code, layers, safe=safe)


def _django(found: Deployment, layers: Layers) -> None:
    found.framework = found.framework or "django"
    settings = sys.modules["django.conf"].settings
    hosts = [host for host in settings.ALLOWED_HOSTS if host != "*"]
    if hosts:
        found.host = hosts[0].lstrip(".")
    for path, view in _views(sys.modules["django.urls"].get_resolver(), "/"):
        _add(found, path, _methods_of(view), (view,), layers)


def _views(resolver: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from _views(pattern, path)
        else:
            yield path, pattern.callback


def _methods_of(view: Any) -> Iterable[str] | None:
    """Return the methods of a view; ``None`` for a function without `require_http_methods`."""
    # The latter two are of a view set and a view of Django REST framework.
    kind = getattr(view, "view_class", None) or getattr(view, "cls", None)
    if actions := getattr(view, "actions", None):
        return [name.upper() for name in actions]
    if kind is not None:
        return [name.upper() for name in kind.http_method_names if hasattr(kind, name)]
    while view is not None:
        if listed := held(view).get("request_method_list"):
            return [*listed]
        view = getattr(view, "__wrapped__", None)
    return None


def _aiohttp(found: Deployment, app: Any, layers: Layers) -> None:
    found.framework, found.app = "aiohttp", server_of_aiohttp(app)
    layers += tuple(Layer(_name_of(it), it) for it in app.middlewares)
    if (cors := aiohttp_layer(app)) is not None:
        layers = (*layers, cors)
    for resource in app.router.resources():
        handlers = {route.method: route.handler for route in resource}
        preflights = handlers.pop("OPTIONS", None)
        methods = None if "*" in handlers else handlers
        safe = "Cors" in type(getattr(preflights, "__self__", None)).__name__
        if handlers:
            code = tuple(handlers.values())
            _add(found, resource.canonical, methods, code, layers, safe=safe)
