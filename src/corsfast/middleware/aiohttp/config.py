"""Which routes are meant, and what happens when they are asked for.

    cors.add(route, {...})     a route's own options
    cors.add(resource, {...})  those of all its routes
    setup(app, defaults={...}) those of everything that is added

What stands nearer to the route wins, origin by origin; a listed origin wins over ``"*"``
wherever the two stand.

    request --match_info.route--> Answers --receive--> fields

Place in the flow: rightmost of this package.
Never: compile options per request; touch a route that was not added.
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
    """Prepare an application, also for the routes of applications within it.

    Args:
        app: the application; it is kept under ``APP_CONFIG_KEY`` there.
        defaults: options by origin, or by ``"*"``, for all routes that will be added.
        strict: whether insecure and dead origins are a PolicyError rather than warnings.

    Raises:
        ValueError: for options that are none.
        PolicyError: with `strict`, for origins that are insecure or match nothing.

    Warns:
        CorsfastSecurityWarning: otherwise, once per risk.
        CorsfastDeadEntryWarning: otherwise, once per origin that no browser sends.
    """
    cors = CorsConfig(app, defaults=defaults, strict=strict)
    app[APP_CONFIG_KEY] = cors
    return cors


class _Added:
    """What was written about a resource."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.by_method: dict[str, Config] = {}


class _Preflights:
    """What is asked when a preflight for a resource comes."""

    def __init__(self, defaults: Config, added: _Added) -> None:
        self._answers = Answers({**defaults, **added.config})
        self._by_method = {
            method: Answers({**defaults, **added.config, **config})
            for method, config in added.by_method.items()
        }

    def answers_for(self, origin: str, method: str) -> Answers | None:
        """A method needs a route that was added, or `allow_methods` of what is further off."""
        options = self._answers.options_for(origin)
        if options is not None and options.is_method_allowed(method):
            return self._by_method.get(method, self._answers)
        return self._by_method.get(method)


class CorsConfig:
    """The routes of an application that other origins may ask for. Made by `setup`.

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
        # the application starts. By route; by route and method where a route takes several.
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
        """Let other origins ask for a route, or for all routes of a resource.

        Args:
            routing_entity: a route, a resource, a static resource; or a route to a view that
                is derived from `CorsViewMixin`. Of this application, or one within it.
            config: options by origin, or by ``"*"``; nearer than the defaults.
            webview: means nothing any more.

        Returns:
            the routing entity.

        Raises:
            ValueError: for options that are none; for something that is no routing entity, was
                added before, or answers OPTIONS itself.
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
        """Options as they are kept, once they are judged."""
        config = parse_config(written)
        self._judge.judge(config)
        return config

    def _add_resource(self, resource: Any, config: Config) -> None:
        if resource in self._added:
            raise ValueError(f"CORS is already configured for {resource!r} resource.")
        self._added[resource] = _Added(config)

    def _add_route(self, route: Any, config: Config) -> None:
        # The first route's options are those of its resource, too: what was written there for
        # GET counts for HEAD.
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
        """Give a resource a route for OPTIONS, once; a view of ours has its own.

        Raises:
            ValueError: if something else answers OPTIONS there.
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
        """Judge what resources were given since they were added."""
        for resource in self._preflight_resources:
            self._judge_views_of(resource)

    # -- preflights --------------------------------------------------------------------------

    async def _preflight(self, request: web.Request) -> web.StreamResponse:
        return self._answer_preflight(request, request.match_info.route)

    def _answer_preflight(self, request: web.Request, route: Any) -> web.Response:
        """Answer a preflight for the resource of a route, which was added, or for a view."""
        if is_cors_view(route.handler):
            nearest = config_of(request) or self
            return answer_preflight(request, ViewAnswers(route.handler, nearest).preflight)
        preflights = self._preflights.get(route.resource)
        if preflights is None:
            preflights = _Preflights(self.defaults, self._added[route.resource])
            self._preflights[route.resource] = preflights
        return answer_preflight(request, preflights.answers_for)

    def view_answers(self, view: type[Any], method: str) -> Answers:
        """The answers to preflights for a method of a view, one of METH_ALL."""
        answers = self._views.get((view, method))
        if answers is None:
            answers = self._views[view, method] = Answers(ViewAnswers(view, self).config(method))
        return answers

    # -- all other requests ------------------------------------------------------------------

    _on_response_prepare = receive

    def look(self, request: web.Request, route: Any) -> Answers | None:
        """What `receive` asks for where `answers` does not say."""
        call_directly(self._app, partial(DirectSignal, self))  # from the next response on
        return self._answers_for(request, route)

    def late(
        self, request: web.Request, response: web.StreamResponse, route: Any
    ) -> Awaitable[None]:
        """Return what to await for a route that `receive` writes nothing for."""
        if response.status >= 300 and (route.resource is None or route in self._preflight_routes):
            return self._answer_late(request, response, route)
        return OVER

    async def _answer_late(
        self, request: web.Request, response: web.StreamResponse, route: Any
    ) -> None:
        """Answer a redirect or an error by the options of the resource that it is about.

        A preflight that is allowed gets its own answer in place of it. Browsers take no other,
        and the request that follows still meets the redirect or the error.
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
            return  # the error stays

    def _answers_for(self, request: web.Request, route: Any) -> Answers | None:
        """The answers for a route that is unseen, or takes several methods."""
        by_method = self._by_method.get(route)
        if by_method is not None and request.method in by_method:
            return by_method[request.method] or None
        resource = route.resource
        if resource is None:
            return None  # a route made for one 404 or 405, not to be kept
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
        # The methods of a request are any stranger's choice; those that are kept are not.
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
    """The route of a resource that takes OPTIONS, if there is one."""
    return next((r for r in resource if r.method in (hdrs.METH_OPTIONS, hdrs.METH_ANY)), None)
