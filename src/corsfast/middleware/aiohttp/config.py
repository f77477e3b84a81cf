"""The routes that were added, and the handling of requests and preflights for them.

    cors.add(route, {...})     the options of a route
    cors.add(resource, {...})  the options of all its routes
    setup(app, defaults={...}) the options of everything that is added

For each origin, the options closest to the route win. A listed origin wins over ``"*"``, wherever
the two are written.

    request --match_info.route--> Answers --receive--> fields

Options are compiled once per route, not per request. Routes that were not added are left alone.
"""

from __future__ import annotations

import warnings
from functools import partial

from aiohttp import hdrs, web

from .._generic.preload import preload
from .answers import Answers
from .options import Judge, parse_config
from .preflight import answer_preflight
from .receiver import OVER, SEVERAL, receive, write
from .signal import DirectSignal, call_directly
from .unrouted import replace, route_meant
from .view import APP_CONFIG_KEY, ViewAnswers, config_of, is_cors_view

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Any, TypeVar

    from .options import Config, Written

    Entity = TypeVar("Entity")

preload()


def setup(
    app: web.Application, *, defaults: Written | None = None, strict: bool = False
) -> CorsConfig:
    """Prepare an application, including the routes of its subapplications.

    Args:
        app: the application; the result is also stored in it under ``APP_CONFIG_KEY``.
        defaults: options by origin, or by ``"*"``, for all routes that will be added.
        strict: whether insecure and dead origins are a PolicyError instead of warnings.

    Raises:
        ValueError: for options that are not valid.
        PolicyError: with `strict`, for origins that are insecure or match nothing.

    Warns:
        CorsfastSecurityWarning: without `strict`, once per risk.
        CorsfastDeadEntryWarning: without `strict`, once per origin that no browser sends.
    """
    cors = CorsConfig(app, defaults=defaults, strict=strict)
    app[APP_CONFIG_KEY] = cors
    return cors


class _Added:
    """The options that were given for a resource and its methods."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.by_method: dict[str, Config] = {}


class _Preflights:
    """The compiled answers to preflights for a resource."""

    def __init__(self, defaults: Config, added: _Added) -> None:
        self._answers = Answers({**defaults, **added.config})
        self._by_method = {
            method: Answers({**defaults, **added.config, **config})
            for method, config in added.by_method.items()
        }

    def answers_for(self, origin: str, method: str) -> Answers | None:
        """Return the answers for a method that has an added route or is in `allow_methods`."""
        options = self._answers.options_for(origin)
        if options is not None and options.is_method_allowed(method):
            return self._by_method.get(method, self._answers)
        return self._by_method.get(method)


class CorsConfig:
    """The routes of an application that allow cross-origin requests. Made by `setup`.

    Attributes:
        defaults: the options that were given to `setup`.
    """

    def __init__(
        self, app: web.Application, *, defaults: Written | None = None, strict: bool = False
    ) -> None:
        self._judge = Judge(strict)
        self.defaults: Config = self._read(defaults)
        self._added: dict[Any, _Added] = {}
        self._preflight_routes: set[Any] = set()
        self._preflight_resources: set[Any] = set()
        # Compiled at first use, because routes may be added to a resource at any time before
        # the application starts. Keyed by route, and also by method if a route takes several.
        self.answers: dict[Any, Answers | None] = {}  # for `receive`
        self._by_method: dict[Any, dict[str, Answers]] = {}
        self._preflights: dict[Any, _Preflights] = {}
        self._views: dict[tuple[type[Any], str], Answers] = {}
        self._app = app
        app.on_response_prepare.append(self._on_response_prepare)
        app.on_startup.append(self._on_startup)

    def add(
        self, routing_entity: Entity, config: Written | None = None, webview: bool = False
    ) -> Entity:
        """Allow cross-origin requests for a route, or for all routes of a resource.

        Args:
            routing_entity: a route, a resource, a static resource, or a route to a view derived
                from `CorsViewMixin`. It belongs to this application or to a subapplication.
            config: options by origin, or by ``"*"``; they take precedence over the defaults.
            webview: has no effect any more.

        Returns:
            the routing entity.

        Raises:
            ValueError: for options that are not valid; for an object that is not a routing
                entity, was added before, or answers OPTIONS itself.
            PolicyError: with `strict`.
        """
        if webview:
            warnings.warn(
                "webview means nothing: views are recognised", DeprecationWarning, stacklevel=2
            )
        parsed = self._read(config)
        entity: Any = routing_entity
        if isinstance(entity, web.ResourceRoute):
            self._answer_preflights_of(entity.resource)
            self._add_route(entity, parsed)
        elif isinstance(entity, (web.Resource, web.StaticResource)):
            self._answer_preflights_of(entity)
            self._add_resource(entity, parsed)
        else:
            raise ValueError(f"Resource or ResourceRoute expected, got {routing_entity!r}")
        for compiled in (self.answers, self._by_method, self._preflights):
            compiled.clear()
        return routing_entity

    def _read(self, written: Written | None) -> Config:
        """Parse options and check them."""
        config = parse_config(written)
        self._judge.judge(config)
        return config

    def _add_resource(self, resource: Any, config: Config) -> None:
        if resource in self._added:
            raise ValueError(f"CORS is already configured for {resource!r} resource.")
        self._added[resource] = _Added(config)

    def _add_route(self, route: Any, config: Config) -> None:
        # The first route's options are also those of its resource, because options written for
        # GET count for HEAD.
        if route.resource not in self._added:
            self._add_resource(route.resource, config)
        by_method = self._added[route.resource].by_method
        if route.method in by_method:
            raise ValueError(
                f"Can't setup CORS for {route!r} route: CORS already configured on resource"
                f" {route.resource!r} for {route.method} method"
            )
        by_method[route.method] = config

    def _answer_preflights_of(self, resource: Any) -> None:
        """Add a route for OPTIONS to a resource, once. A `CorsViewMixin` view has its own.

        Raises:
            ValueError: if OPTIONS is answered there already.
        """
        if resource in self._preflight_resources:
            return
        self._judge_views_of(resource)
        if isinstance(resource, web.StaticResource):
            resource.set_options_route(self._preflight)
            added = next(route for route in resource if route.method == hdrs.METH_OPTIONS)
        elif (route := _route_for_options(resource)) is None:
            added = resource.add_route(hdrs.METH_OPTIONS, self._preflight)
        else:
            view = route.handler
            if route.method == hdrs.METH_OPTIONS:
                raise ValueError(f"{resource!r} already has OPTIONS handler {view!r}")
            if not is_cors_view(view):
                if isinstance(view, type) and issubclass(view, web.View):
                    raise ValueError(f"web view {view!r} should be derived from CorsViewMixin")
                raise ValueError(f"{resource!r} already has a '*' handler for all methods")
            added = route
        self._preflight_routes.add(added)
        self._preflight_resources.add(resource)

    def _judge_views_of(self, resource: Any) -> None:
        for route in resource:
            if is_cors_view(route.handler):
                for config in ViewAnswers(route.handler, self).written():
                    self._judge.judge(config)

    async def _on_startup(self, _app: web.Application) -> None:
        """Check the views that were added to resources after `add`."""
        for resource in self._preflight_resources:
            self._judge_views_of(resource)

    # -- preflights --------------------------------------------------------------------------

    async def _preflight(self, request: web.Request) -> web.StreamResponse:
        return self._answer_preflight(request, request.match_info.route)

    def _answer_preflight(self, request: web.Request, route: Any) -> web.Response:
        """Answer a preflight for the resource of an added route, or for a view."""
        if is_cors_view(route.handler):
            nearest = config_of(request) or self
            return answer_preflight(request, ViewAnswers(route.handler, nearest).preflight)
        preflights = self._preflights.get(route.resource)
        if preflights is None:
            preflights = _Preflights(self.defaults, self._added[route.resource])
            self._preflights[route.resource] = preflights
        return answer_preflight(request, preflights.answers_for)

    def view_answers(self, view: type[Any], method: str) -> Answers:
        """Return the answers to preflights for a method of a view; the method is in METH_ALL."""
        answers = self._views.get((view, method))
        if answers is None:
            answers = self._views[view, method] = Answers(ViewAnswers(view, self).config(method))
        return answers

    # -- all other requests ------------------------------------------------------------------

    _on_response_prepare = receive

    def look(self, request: web.Request, route: Any) -> Answers | None:
        """Return the answers for `receive` if `answers` does not have them."""
        call_directly(self._app, partial(DirectSignal, self))  # from the next response on
        return self._answers_for(request, route)

    def late(
        self, request: web.Request, response: web.StreamResponse, route: Any
    ) -> Awaitable[None]:
        """Return the awaitable for a route that `receive` writes nothing for."""
        if response.status >= 300 and (route.resource is None or route in self._preflight_routes):
            return self._answer_late(request, response, route)
        return OVER

    async def _answer_late(
        self, request: web.Request, response: web.StreamResponse, route: Any
    ) -> None:
        """Answer a redirect or an error by the options of the resource that it is about.

        An allowed preflight gets a new response instead, because browsers accept nothing else.
        The request that follows still gets the redirect or the error.
        """
        asked = request.headers
        is_preflight = request.method == hdrs.METH_OPTIONS and hdrs.ORIGIN in asked
        method = request.method
        if is_preflight:
            method = asked.get(hdrs.ACCESS_CONTROL_REQUEST_METHOD, method)
        if route.resource is None:
            route = await route_meant(request, response, method)
        if route is None or route.resource not in self._added:
            return
        if not is_preflight:
            answers = self._answers_for(request, route)
            if answers is not None:
                write(answers, asked, response.headers)
            return
        try:
            replace(response, self._answer_preflight(request, route))
        except web.HTTPForbidden:
            return  # keep the error

    def _answers_for(self, request: web.Request, route: Any) -> Answers | None:
        """Return the answers for a route that is new, or that takes several methods."""
        by_method = self._by_method.get(route)
        if by_method is not None and request.method in by_method:
            return by_method[request.method] or None
        resource = route.resource
        if resource is None:
            return None  # a route made for one 404 or 405, so it is not cached
        added = self._added.get(resource)
        view = is_cors_view(route.handler)
        if view and request.method == hdrs.METH_OPTIONS:
            return None
        if added is None or (route in self._preflight_routes and not view):
            self.answers[route] = None
            return None
        if not view and route.method != hdrs.METH_ANY:
            config = {**self.defaults, **added.config, **added.by_method.get(route.method, {})}
            self.answers[route] = Answers(config) or None
            return self.answers[route]
        # Cache only known methods, because an attacker chooses the method of a request.
        method = request.method
        if method not in hdrs.METH_ALL and method not in added.by_method:
            method = ""
        self.answers[route] = SEVERAL
        by_method = self._by_method.setdefault(route, {})
        if method not in by_method:
            config = {**self.defaults, **added.config}
            if view:
                nearest = config_of(request) or self
                config |= ViewAnswers(route.handler, nearest).config(method)
            else:
                config |= added.by_method.get(method, {})
            by_method[method] = Answers(config)
        return by_method[method] or None


def _route_for_options(resource: Any) -> Any:
    """Return the route of a resource that takes OPTIONS, if there is one."""
    return next((r for r in resource if r.method in (hdrs.METH_OPTIONS, hdrs.METH_ANY)), None)
