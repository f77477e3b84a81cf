"""CORS for Quart: a replacement for quart-cors with the same names, options and responses.

    from corsfast.middleware.quart import cors      # was: from quart_cors import cors

    app = cors(app, allow_origin="https://app.example.com")

The differences are listed in docs/middleware/quart.md.

`install` is not part of the drop-in. It puts the generic ASGI middleware around an application,
with the options of `corsfast.Policy`, and keeps the application object.

Per request, one function runs after the application's own `after_request` functions. It calls
`policy.asgi`, which finds the Origin in the scope as the server built it, and merges the result
into the response's headers with `policy.apply_wsgi`. Only OPTIONS requests need more work.

No request is blocked, because CORS is not access control, unless `cross_site` is set. The exception
is a WebSocket handshake, which quart-cors rejects as well.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from functools import wraps

from quart import (
    Quart,
    abort,
    after_this_request,
    current_app,
    make_response,
    request,
    request_started,
    websocket,
)
from quart.globals import app_ctx

from ..._options.fetch import ALLOW_METHODS
from .._dropin.config_cache import ConfigCache
from .._dropin.install import claim_drop_in, install_around
from .._dropin.werkzeug import fold_vary, merge_into
from .._dropin.werkzeug_routes import (
    VIEW_RULES,
    Registrations,
    add_options_method,
    endpoint_meant,
    is_innermost_hook,
    rules_of_view,
    wrap_process_response,
)
from .._generic.cross_site import VARY_OF_403, body_for, checked
from .._generic.handlers import PLAIN_TEXT
from .._generic.preload import preload
from .._generic.refused_log import log_rejected_preflight
from .._generic.sent import sent_by
from ..asgi import CORSMiddleware as GenericMiddleware
from .rules import DEFAULTS, Rules, judge_config, left_to_config, merged, read_arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Awaitable, Callable, Iterable
    from datetime import timedelta
    from typing import Any, Literal, TypeVar, Unpack

    from ..._engine.select import Decision
    from .._generic.arguments import Rules as RulesByPath
    from .._generic.cross_site import CrossSite, CrossSiteGuard, GenericCrossSite
    from .._generic.policy_source import PolicyOptions, Source
    from ..resolver import OriginResolver

    Origins = str | re.Pattern[str] | Iterable[str | re.Pattern[str]]
    Application = TypeVar("Application", bound=Quart)
    AppOrBlueprint = TypeVar("AppOrBlueprint")
    View = TypeVar("View", bound=Callable[..., Any])

__all__ = ["cors", "cors_exempt", "install", "route_cors", "websocket_cors"]

# Both names are quart-cors's, so that each library respects what the other has done.
_EXEMPT = "_quart_cors_exempt"
_APPLIED = "_QUART_CORS_APPLIED"

# Set on a blueprint: the rules of its `cors`.
_RULES = "_corsfast_rules_of_blueprint"

# Set on views for which `route_cors` answers OPTIONS requests.
_AUTOMATIC = "_corsfast_automatic_options"

preload()

# Resolve each proxy with one call instead of one call per attribute.
_current_app: Any = current_app._get_current_object
_current_request: Any = request._get_current_object
_current_websocket: Any = websocket._get_current_object
_current_context: Any = app_ctx._get_current_object

# Since Quart 0.23 an application's methods take the context as their first argument.
_CONTEXT_FIRST = "ctx" in inspect.signature(Quart.process_response).parameters


def cors(
    app_or_blueprint: AppOrBlueprint,
    *,
    allow_credentials: bool | None = None,
    allow_headers: Iterable[str] | None = None,
    allow_methods: Iterable[str] | None = None,
    allow_origin: Origins | None = None,
    expose_headers: Iterable[str] | None = None,
    max_age: timedelta | float | str | None = None,
    send_origin_wildcard: bool | None = None,
    strict: bool = False,
    cross_site: CrossSite | None = None,
) -> AppOrBlueprint:
    """Add CORS to all routes and WebSockets of an application or a blueprint.

    Options not given here come from the application's config at the time of a request
    (``QUART_CORS_ALLOW_ORIGIN`` and so on), and otherwise from the defaults.

    Args:
        app_or_blueprint: gets the hooks, and is returned.
        allow_credentials: whether cookies may be used; never with ``"*"``. ``False`` by default;
            ``False`` here leaves it to the config, as in quart-cors.
        allow_headers: names of request headers, or ``"*"``, the default.
        allow_methods: methods that a preflight may ask for, or ``"*"``. The usual seven by default.
        allow_origin: an origin, an ``re.Pattern``, which has to match in full, several of them,
            or ``"*"``, the default.
        expose_headers: names of response headers that pages may read. None by default.
        max_age: seconds that browsers may cache a preflight. Not sent by default.
        send_origin_wildcard: whether ``*`` is sent for ``"*"`` instead of the request's origin.
            ``True`` by default; ``False`` here leaves it to the config, as in quart-cors.
        strict: whether insecure and unmatchable entries are errors instead of warnings.
        cross_site: ``"refuse"`` answers requests that another site has forged with 403;
            ``"report"`` only counts and logs them. ``"allow"`` by default. The config is read
            for it now, and not at the time of a request.

    Raises:
        ValueError: for credentials with the origin ``"*"``.
        PolicyError: with ``strict``, for insecure or unmatchable entries; for a wrong
            `cross_site`.
        RuntimeError: for an application with :func:`install`.

    Warns:
        CorsfastSecurityWarning: without ``strict``, once per risk.
        CorsfastUnmatchableWarning: without ``strict``, once per entry that matches nothing.
    """
    options = read_arguments(locals())
    target: Any = app_or_blueprint
    config = getattr(target, "config", {})  # a blueprint has no config
    whole = merged(config, options)
    judge_config(config, options, bool(whole["strict"]))
    options["cross_site"] = checked(whole["cross_site"])
    claim_drop_in(target, "cors")
    rules_in = _rules_by_config(options)
    if not hasattr(target, "process_response"):  # a blueprint
        setattr(target, _RULES, rules_in)
    if whole["cross_site"] != "allow":
        check = _before_request(rules_in)
        target.before_request_funcs.setdefault(None, []).insert(0, check)
    if is_innermost_hook(target):
        wrap_process_response(target, _followed(target, rules_in))
    else:
        after_request = _after_request(rules_in)
        target.after_request(after_request)
        if not hasattr(target, "process_response"):  # a blueprint
            target.after_app_request(_of_blueprint(Registrations(target), after_request))
    handshake_rules_in = _handshake_rules(options["allow_origin"], strict, silent=True)
    target.before_websocket(_before_websocket(handshake_rules_in))
    return app_or_blueprint


def route_cors(
    *,
    allow_credentials: bool | None = None,
    allow_headers: Iterable[str] | None = None,
    allow_methods: Iterable[str] | None = None,
    allow_origin: Origins | None = None,
    expose_headers: Iterable[str] | None = None,
    max_age: timedelta | float | str | None = None,
    send_origin_wildcard: bool | None = None,
    provide_automatic_options: bool = True,
    strict: bool = False,
    cross_site: CrossSite | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Awaitable[Any]]]:
    """Add CORS to one route; write it below ``@app.route``. It overrides :func:`cors`.

    Errors of the view get the headers too, and so do redirects and errors before the view runs.

    Args:
        provide_automatic_options: whether OPTIONS requests are answered here, and do not reach
            the view. ``True`` by default.

    The other options, errors and warnings are the same as for :func:`cors`.
    """
    options = read_arguments(locals())
    rules_in = _rules_by_config(options)
    request_started.connect(_follow_view)

    def decorator(view: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        @wraps(view)
        async def view_with_cors(*args: Any, **kwargs: Any) -> Any:
            app = _current_app()
            received = _current_request()
            rules = rules_in(app)
            if rules.guard is not None:
                forbidden = _forbidden(app, received, rules.guard, rules)
                if forbidden is not None:
                    return _apply_once(forbidden, received, rules)
            if provide_automatic_options and received.method == "OPTIONS":
                context = (_current_context(),) if _CONTEXT_FIRST else ()
                response = await app.make_default_options_response(*context)
            else:
                response = await make_response(await app.ensure_async(view)(*args, **kwargs))
            return _apply_once(response, received, rules)

        if provide_automatic_options:
            add_options_method(view_with_cors)
            setattr(view_with_cors, _AUTOMATIC, True)
        # With several decorators, the innermost decides, as it does for the view's response.
        vars(view_with_cors).setdefault(VIEW_RULES, rules_in)
        return view_with_cors

    return decorator


def websocket_cors(
    *,
    allow_origin: Origins | None = None,
    send_origin_wildcard: bool | None = None,  # noqa: ARG001
    strict: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Awaitable[Any]]]:
    """Accept only handshakes of allowed origins for one WebSocket; write it below the route.

    Any other handshake, including one without an Origin, is answered with 400.

    Args:
        allow_origin: as for :func:`cors`.
        send_origin_wildcard: accepted for compatibility with quart-cors; it has no effect.
        strict: whether insecure and unmatchable entries are errors instead of warnings.

    Raises:
        PolicyError: with ``strict``, for insecure or unmatchable entries.

    Warns:
        CorsfastSecurityWarning: without ``strict``, once per risk.
        CorsfastUnmatchableWarning: without ``strict``, once per entry that matches nothing.
    """
    rules_in = _handshake_rules(allow_origin, strict)

    def decorator(view: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        @wraps(view)
        async def view_with_cors(*args: Any, **kwargs: Any) -> Any:
            app = _current_app()
            _reject_unless_allowed(_current_websocket(), rules_in(app))
            return await app.ensure_async(view)(*args, **kwargs)

        return view_with_cors

    return decorator


def cors_exempt(view: View) -> View:
    """Exempt a view or a WebSocket from :func:`cors`: add no headers, reject no Origin."""
    setattr(view, _EXEMPT, True)
    return view


def install(
    app: Application,
    policy: Source | None = None,
    *,
    paths: RulesByPath | None = None,
    websockets: Literal["check", "pass"] = "check",
    cross_site: GenericCrossSite = "allow",
    resolver: OriginResolver | None = None,
    report_only: Source | RulesByPath | None = None,
    **options: Unpack[PolicyOptions],
) -> Application:
    """Put the generic ASGI middleware around an application, and keep the application object.

    The middleware is outside of everything that Quart calls. So preflights are answered before
    any `before_request` function, and each response has the headers. Use it instead of
    :func:`cors`, :func:`route_cors` and :func:`websocket_cors`.

    Args:
        app: a Quart application. Its `asgi_app` is replaced.
        policy: as for :class:`corsfast.middleware.asgi.CORSMiddleware`, like all that follow.
        options: the options of :class:`corsfast.Policy`, not those of :func:`cors`.

    Returns:
        The application.

    Raises:
        TypeError: for another kind of application, for a policy together with options, for
            neither of them, for an unknown option.
        PolicyError: with every problem of the options, or of the rules, at once.
        RuntimeError: if the application has CORS already, from `install` or :func:`cors`.
    """
    install_around(
        app,
        "asgi_app",
        ("Quart", "cors"),
        GenericMiddleware,
        policy,
        paths=paths,
        websockets=websockets,
        cross_site=cross_site,
        resolver=resolver,
        report_only=report_only,
        **options,
    )
    return app


def _rules_by_config(
    options: Mapping[str, Any], *, settled: Mapping[str, Any] | None = None, silent: bool = False
) -> ConfigCache[Rules]:
    """Return the rules per application: these options over its config.

    If the origins are known already, the rules are also compiled now, so that problems are
    reported while the application is set up.

    Args:
        settled: options that no config changes.
        silent: whether to give no warnings, because the same entries were warned about before.
    """
    settled = settled or {}

    def rules(config: Mapping[str, Any]) -> Rules:
        whole = {**merged(config, options), **settled}
        if not silent:
            judge_config(config, options, bool(whole["strict"]))
        if early is not None and early[0] == whole:
            return early[1]
        if not silent:
            return Rules(whole)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Rules(whole)

    early: tuple[dict[str, Any], Rules] | None = None
    if options["allow_origin"] is not None:
        early = {**merged({}, options), **settled}, rules({})
    names = [name for option, name in left_to_config(options).items() if option not in settled]
    return ConfigCache(names, rules)


def _handshake_rules(
    allow_origin: Origins | None, strict: bool, silent: bool = False
) -> ConfigCache[Rules]:
    """Return the rules for WebSockets, for which only the origins matter."""
    options = read_arguments({"allow_origin": allow_origin, "strict": strict})
    settled = {option: DEFAULTS[option] for option in DEFAULTS if option not in options}
    return _rules_by_config(options, settled=settled, silent=silent)


# -- hooks ---------------------------------------------------------------------------------------


def _followed(app: Any, rules_in: ConfigCache[Rules]) -> Callable[..., Awaitable[Any]]:
    process_response = app.process_response

    def add_cors(response: Any, received: Any) -> Any:
        # This hook runs last, so it need not set _APPLIED for another one.
        if _is_exempt(app, received) or hasattr(response, _APPLIED):
            return response
        return _apply(response, received, rules_in(app))

    async def process_response_with_cors(response: Any, request_context: Any = None) -> Any:
        response = await process_response(response, request_context)
        # The response to an exception may have no context.
        received = _current_request() if request_context is None else request_context.request
        return add_cors(response, received)

    async def process_response_with_cors_in(ctx: Any, response: Any) -> Any:
        return add_cors(await process_response(ctx, response), ctx.request)

    return process_response_with_cors_in if _CONTEXT_FIRST else process_response_with_cors


def _after_request(rules_in: ConfigCache[Rules]) -> Callable[[Any], Awaitable[Any]]:
    async def after_request(response: Any) -> Any:
        app = _current_app()
        received = _current_request()
        if not _is_exempt(app, received):
            response = _apply_once(response, received, rules_in(app))
        return response

    return after_request


async def _follow_view(*_: Any, **__: Any) -> None:
    """Apply the rules of a request's view to its response, before all other hooks.

    A decorator alone is not enough: it does not know the application, and does not see redirects
    or errors.
    """
    after_this_request(_apply_by_view)


async def _apply_by_view(response: Any) -> Any:
    """Apply the rules of the view that the request is meant for, unless already applied."""
    if hasattr(response, _APPLIED):
        return response
    app, received = _current_app(), _current_request()
    rules_in = rules_of_view(app, received)
    return response if rules_in is None else _apply_once(response, received, rules_in(app))


def _of_blueprint(
    registrations: Registrations, function: Callable[[Any], Awaitable[Any]]
) -> Callable[[Any], Awaitable[Any]]:
    """Return a hook for what no blueprint sees: its redirects, and 404 and 405 below its prefix."""

    async def after_request(response: Any) -> Any:
        received = _current_request()
        if received.routing_exception is not None:
            if registrations.meant(_current_app(), received):
                return await function(response)
        return response

    return after_request


def _before_request(rules_in: ConfigCache[Rules]) -> Callable[[], Awaitable[Any]]:
    """Return a hook that answers 403 to requests that another site has forged."""

    async def before_request() -> Any:
        app, received = _current_app(), _current_request()
        rules = rules_in(app)
        if rules.guard is None or _is_exempt(app, received):
            return None
        of_view = rules_of_view(app, received)
        nearest_in = of_view or _rules_of_blueprint(app, received)
        if nearest_in is None or nearest_in is rules_in:
            return _forbidden(app, received, rules.guard, rules)
        nearest = nearest_in(app)
        if nearest.guard is not None:
            return None  # it checks the request itself
        # The first that is applied to a response decides: that of the view or of the blueprint.
        return _forbidden(app, received, rules.guard, nearest)

    return before_request


def _rules_of_blueprint(app: Any, received: Any) -> ConfigCache[Rules] | None:
    """Return the rules of a request's innermost blueprint that has any."""
    blueprints = (app.blueprints.get(name) for name in received.blueprints)
    return next(filter(None, (getattr(one, _RULES, None) for one in blueprints)), None)


def _forbidden(app: Any, received: Any, guard: CrossSiteGuard, allowing: Rules) -> Any:
    """Return the 403 to a forged request, or ``None`` if it passes.

    Args:
        allowing: the rules whose origins may send requests.
    """
    sent = sent_by(received.method, received.path, received.headers.getlist)
    if not allowing.policy.protects(*sent[:4]):
        return None
    if not guard.refuses_forged(sent):
        return None
    response = app.response_class(body_for(sent), 403, content_type=PLAIN_TEXT)
    response.headers["Vary"] = VARY_OF_403
    return response


def _before_websocket(rules_in: ConfigCache[Rules]) -> Callable[[], Awaitable[None]]:
    async def before_websocket() -> None:
        app = _current_app()
        received = _current_websocket()
        if not _is_exempt(app, received):
            _reject_unless_allowed(received, rules_in(app))

    return before_websocket


def _is_exempt(app: Any, received: Any) -> bool:
    return bool(getattr(app.view_functions.get(received.endpoint), _EXEMPT, False))


def _answers_options(app: Any, received: Any) -> bool:
    """Return whether the view that a preflight is meant for answers OPTIONS itself.

    A view does so if OPTIONS is among its methods, or if it is exempt.
    """
    view = app.view_functions.get(endpoint_meant(app, received))
    rule = received.url_rule
    if rule is None or rule.provide_automatic_options:
        return hasattr(view, _EXEMPT)
    return not hasattr(view, _AUTOMATIC)


def _apply_once(response: Any, received: Any, rules: Rules) -> Any:
    """Apply rules to a response, unless rules were applied before."""
    if not hasattr(response, _APPLIED):
        response = _apply(response, received, rules)
        fold_vary(response)
        setattr(response, _APPLIED, True)
    return response


def _apply(response: Any, received: Any, rules: Rules) -> Any:
    """Set the CORS fields of a response.

    If an allowed preflight would be answered by a redirect or an error, it gets a new response
    instead, because browsers accept nothing else. The request that follows still gets the
    redirect or the error.
    """
    scope = received.scope
    if received.method == "OPTIONS" or not scope.get("headers"):
        decision = _decide(received, rules)
    else:
        decision = rules.decide(scope)
    if not decision.allowed and "Origin" in received.headers:
        rules.log.write_asgi(decision.outcome, scope)
    fields = None
    if received.method == "OPTIONS":
        fields = []
        if decision.allowed:
            asked = received.headers
            fields = rules.preflight_fields(
                asked.get("Access-Control-Request-Method"),
                ",".join(asked.getlist("Access-Control-Request-Headers")),
            )
            permitted = any(name == ALLOW_METHODS for name, _ in fields)
            if permitted and "Origin" in asked and not 200 <= response.status_code < 300:
                app = _current_app()
                if not _answers_options(app, received):
                    response = app.response_class("")
                else:
                    log_rejected_preflight(response.status_code, received.path)
    merge_into(response, decision, rules.apply, fields)
    if received.method == "OPTIONS" and decision.allowed and "Origin" in received.headers:
        rules.log_preflight(received, response.headers)
    return response


def _decide(received: Any, rules: Rules) -> Decision:
    """Return the policy's decision for the Origin of a request or a handshake.

    This is for OPTIONS requests, for handshakes, and for request objects built by hand. The
    policy sees an OPTIONS request as an actual request, because Quart answers it in any case. A
    request object built by hand may have its headers outside of the scope.
    """
    return rules.policy.actual(",".join(received.headers.getlist("Origin")) or None)


def _reject_unless_allowed(received: Any, rules: Rules) -> None:
    if not _decide(received, rules).allowed:
        abort(400)
