"""The routes that were added, and the handling of requests and preflights for them.

    cors.add(route, {...})     the options of a route
    cors.add(resource, {...})  the options of all its routes
    setup(app, defaults={...}) the options of everything that is added

For each origin, the options closest to the route win. A listed origin wins over ``"*"``, wherever
the two are written. Options are compiled once per route, not per request.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import NamedTuple

from aiohttp import hdrs, web

from ..._options.fetch import SAFE_METHODS
from ...decision import Outcome
from .._generic.cross_site import VARY_OF_403, body_for, checked
from .._generic.preload import preload
from .._generic.refused_log import Listed, Refused
from .._generic.sent import sent_by
from ._compat import parts, replace
from .answers import ResponseFields
from .options import Judge, parse_config
from .preflight import answer_preflight
from .unrouted import route_meant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar, TypeVar

    from .._generic.cross_site import CrossSite
    from .options import Config, Written

    Entity = TypeVar("Entity")

preload()

# Marks a route that is new, or that takes several methods.
_SEVERAL = ResponseFields({})


def setup(
    app: web.Application,
    *,
    defaults: Written | None = None,
    strict: bool = False,
    cross_site: CrossSite = "allow",
) -> CorsConfig:
    """Prepare an application, including the routes of its subapplications.

    Args:
        app: the application; the result is also stored in it under ``APP_CONFIG_KEY``.
        defaults: options by origin, or by ``"*"``, for all routes that will be added.
        strict: whether insecure and unmatchable origins are a PolicyError instead of warnings.
        cross_site: ``"refuse"`` answers requests that another site has forged with 403, also on
            routes that are not added; ``"report"`` only counts and logs them. ``"allow"`` by
            default.

    Raises:
        ValueError: for options that are not valid.
        PolicyError: with `strict`, for origins that are insecure or match nothing; for a wrong
            `cross_site`.

    Warns:
        CorsfastSecurityWarning: without `strict`, once per risk.
        CorsfastUnmatchableWarning: without `strict`, once per origin that no browser sends.
    """
    cors = CorsConfig(app, defaults=defaults, strict=strict, cross_site=cross_site)
    app[APP_CONFIG_KEY] = cors
    return cors


class _Added(NamedTuple):
    """The options that were given for a resource and its methods."""

    config: Config
    by_method: dict[str, Config]


class CorsConfig:
    """The routes of an application that allow cross-origin requests. Made by `setup`.

    Attributes:
        defaults: the options that were given to `setup`.
    """

    def __init__(
        self,
        app: web.Application,
        *,
        defaults: Written | None = None,
        strict: bool = False,
        cross_site: CrossSite = "allow",
    ) -> None:
        self._judge = Judge(strict)
        self.defaults: Config = self._read(defaults)
        self._added: dict[Any, _Added] = {}
        self._preflight_routes: set[Any] = set()
        self._preflight_resources: set[Any] = set()
        # Compiled at first use, because routes may be added to a resource at any time before
        # the application starts. The key is a resource, route or view, and a method.
        self._compiled: dict[tuple[Any, str], ResponseFields] = {}
        # By route, if it takes one method. ``None`` leaves its responses alone.
        self._by_route: dict[Any, ResponseFields | None] = {}
        self._cross_site = checked(cross_site)
        self._nowhere = ResponseFields({})  # for routes that are not added
        if cross_site != "allow":
            app.middlewares.insert(0, self._refusing_forged())
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
                "webview has no effect: views are recognized", DeprecationWarning, stacklevel=2
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
        self._compiled.clear()
        self._by_route.clear()
        return routing_entity

    def _read(self, written: Written | None) -> Config:
        config = parse_config(written)
        self._judge.judge(config)
        return config

    def _add_resource(self, resource: Any, config: Config) -> None:
        if resource in self._added:
            raise ValueError(f"CORS is already configured for {resource!r} resource.")
        self._added[resource] = _Added(config, {})

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
            if not _is_cors_view(view):
                if isinstance(view, type) and issubclass(view, web.View):
                    raise ValueError(f"web view {view!r} should be derived from CorsViewMixin")
                raise ValueError(f"{resource!r} already has a '*' handler for all methods")
            added = route
        self._preflight_routes.add(added)
        self._preflight_resources.add(resource)

    def _judge_views_of(self, resource: Any) -> None:
        for route in resource:
            if _is_cors_view(route.handler):
                for method in hdrs.METH_ALL:
                    for config in _written_for(route.handler, method):
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
        if _is_cors_view(route.handler):
            return (_config_of(request) or self).answer_view_preflight(request, route.handler)
        return answer_preflight(
            request, partial(self._answers_to_preflight, request, route.resource)
        )

    def _answers_to_preflight(
        self, request: web.Request, resource: Any, origin: str, method: str
    ) -> ResponseFields | None:
        """Return the answers for a method that has an added route or is in `allow_methods`."""
        answers = self._answers_of(resource, method)
        added = self._added[resource].by_method
        if method not in added:
            options = answers.options_for(origin)
            if options is None:
                return None
            if not options.is_method_allowed(method):
                refused = Refused(origin, Outcome.METHOD_NOT_ALLOWED, method)
                listed = Listed("allow_methods", {*added, *(options.allow_methods or ())})
                answers.log_refusal(request, origin, refused, listed)
                return None
        return answers

    def answer_view_preflight(self, request: web.Request, view: type[Any]) -> web.Response:
        """Answer a preflight for a view. Its methods are compared case-insensitively."""

        def answers_for(_origin: str, method: str) -> ResponseFields | None:
            known = method.upper()
            if known not in hdrs.METH_ALL or not hasattr(view, known.lower()):
                return None
            answers = self._compiled.get((view, known))
            if answers is None:
                answers = self._compile(view, known, self._view_config(view, known))
            return answers

        return answer_preflight(request, answers_for)

    # -- all other requests ------------------------------------------------------------------

    def _refusing_forged(self) -> Any:
        """Return a middleware that answers 403 to requests that another site has forged."""

        @web.middleware  # type: ignore[untyped-decorator]
        async def refuse_forged(request: web.Request, handler: Any) -> Any:
            if request.method not in SAFE_METHODS:
                route = request.match_info.route
                answers = self._answers_for(request, route)
                if answers is None:
                    apps = reversed(request.match_info.apps)
                    nearest = next(
                        (app[APP_CONFIG_KEY] for app in apps if APP_CONFIG_KEY in app), self
                    )
                    if nearest is not self and nearest._cross_site != "allow":
                        return await handler(request)  # the nested application checks it
                    answers = nearest._answers_for(request, route) or self._nowhere
                lines = request.headers.getall
                sent = sent_by(request.method, request.path, lambda name: lines(name, ()))
                if answers.guard(self._cross_site).refuses(sent):
                    text, headers = body_for(sent).decode(), {hdrs.VARY: VARY_OF_403}
                    return web.Response(status=403, text=text, headers=headers)
            return await handler(request)

        return refuse_forged

    async def _on_response_prepare(
        self, request: web.Request, response: web.StreamResponse
    ) -> None:
        route, asked, headers = parts(request, response)
        answers = self._by_route.get(route, _SEVERAL)
        if answers is _SEVERAL:
            answers = self._answers_for(request, route)
        if answers is not None:
            answers.write(asked, headers, request)
        elif response.status >= 300 and (route.resource is None or route in self._preflight_routes):
            await self._answer_late(request, response, route)

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
                answers.write(asked, response.headers, request)
            return
        try:
            replace(response, self._answer_preflight(request, route))
        except web.HTTPForbidden:
            return  # keep the error

    def _answers_for(self, request: web.Request, route: Any) -> ResponseFields | None:
        """Return the answers for the responses of a route, and cache them."""
        resource, method = route.resource, request.method
        if resource is None:
            return None  # a route made for one 404 or 405, so it is not cached
        added = self._added.get(resource)
        view = _is_cors_view(route.handler)
        if added is None or (route in self._preflight_routes and not view):
            self._by_route[route] = None
            return None
        if not view and route.method != hdrs.METH_ANY:
            self._by_route[route] = self._answers_of(resource, route.method) or None
            return self._by_route[route]
        if not view:
            return self._answers_of(resource, method) or None
        if method == hdrs.METH_OPTIONS:
            return None
        if method not in hdrs.METH_ALL:
            method = ""  # an attacker chooses the method, so unknown ones are cached as one
        answers = self._compiled.get((route, method))
        if answers is None:
            of_view = (_config_of(request) or self)._view_config(route.handler, method)
            answers = self._compile(route, method, {**added.config, **of_view})
        return answers or None

    # -- compiling ---------------------------------------------------------------------------

    def _answers_of(self, resource: Any, method: str) -> ResponseFields:
        """Return the answers of an added resource for a method."""
        added = self._added[resource]
        if method not in added.by_method:
            method = ""
        answers = self._compiled.get((resource, method))
        if answers is None:
            of_method = added.by_method.get(method, {})
            answers = self._compile(resource, method, {**added.config, **of_method})
        return answers

    def _compile(self, key: Any, method: str, config: Config) -> ResponseFields:
        answers = self._compiled[key, method] = ResponseFields({**self.defaults, **config})
        return answers

    def _view_config(self, view: type[Any], method: str) -> Config:
        of_view, of_method = _written_for(view, method)
        return {**self.defaults, **of_view, **of_method}


def _route_for_options(resource: Any) -> Any:
    """Return the route of a resource that takes OPTIONS, if there is one."""
    return next((r for r in resource if r.method in (hdrs.METH_OPTIONS, hdrs.METH_ANY)), None)


# -- class-based views ----------------------------------------------------------------------------

# The key of the CorsConfig in an application.
APP_CONFIG_KEY: web.AppKey[CorsConfig] = web.AppKey("corsfast.middleware.aiohttp")


def custom_cors(config: Written) -> Callable[[Any], Any]:
    """Set options for one view method: ``@custom_cors({...})`` above ``async def get(self)``."""

    def wrapper(function: Any) -> Any:
        setattr(function, f"{function.__name__}_cors_config", config)
        return function

    return wrapper


class CorsViewMixin:
    """A mixin for views with CORS; name it before ``aiohttp.web.View`` in the bases.

    It answers OPTIONS requests. All other requests are left to the view.

    Attributes:
        cors_config: the options of all methods of this view. They take precedence over the
            defaults of `setup`, and `custom_cors` takes precedence over them.
    """

    cors_config: ClassVar[Written | None] = None

    if TYPE_CHECKING:
        request: web.Request

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if hasattr(cls, "get_request_config"):
            raise TypeError(
                f"{cls.__qualname__}.get_request_config would never be called: options are read"
                " once, when the application starts; write them into cors_config or custom_cors"
            )

    async def options(self) -> web.StreamResponse:
        """Answer a preflight."""
        cors = _config_of(self.request)
        if cors is None:
            raise ValueError("CORS is not configured; call setup(app) first")
        return cors.answer_view_preflight(self.request, type(self))


def _is_cors_view(handler: object) -> bool:
    """Return whether a handler is a view that answers preflights itself."""
    return isinstance(handler, type) and issubclass(handler, CorsViewMixin)


def _written_for(view: type[Any], method: str) -> tuple[Config, Config]:
    """Return the options written for a view, and for one of its methods."""
    handler = getattr(view, method.lower(), None) if method in hdrs.METH_ALL else None
    return (
        parse_config(view.cors_config or None),
        parse_config(getattr(handler, f"{method.lower()}_cors_config", None)),
    )


def _config_of(request: web.Request) -> CorsConfig | None:
    """Return the CorsConfig of a request's application, or of the nearest parent application."""
    return request.config_dict.get(APP_CONFIG_KEY)  # type: ignore[no-any-return]
