"""CORS for Flask: a replacement for flask-cors with the same names, options and responses.

    from corsfast.middleware.flask import CORS      # was: from flask_cors import CORS

    CORS(app, resources={r"/api/*": {"origins": "https://app.example.com"}})

The differences are listed in docs/middleware/flask.md.

`install` is not part of the drop-in. It puts the generic WSGI middleware around an application,
with the options of `corsfast.Policy`, and keeps the application object.

Per request, one function runs after the application's own `after_request` functions. It looks up
the path, calls `policy.actual`, and merges the result into the response's headers with
`policy.apply_wsgi`. Only OPTIONS requests need more work; Flask itself answers them. No request
is blocked, because CORS is not access control, unless `cross_site` is set.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import update_wrapper
from inspect import iscoroutinefunction

from flask import after_this_request, current_app, request, request_started

from ..._options.fetch import ALLOW_METHODS, ALLOW_ORIGIN
from .._dropin.config_cache import ConfigCache
from .._dropin.install import claim_drop_in, install_around
from .._dropin.werkzeug import fold_vary, merge_into
from .._dropin.werkzeug_routes import (
    VIEW_RULES,
    Registrations,
    add_options_method,
    is_innermost_hook,
    redirected_path,
    rules_of_view,
    wrap_process_response,
)
from .._generic.cross_site import VARY_OF_403, body_for
from .._generic.handlers import PLAIN_TEXT
from .._generic.refused_log import log_rejected_preflight
from .._generic.sent import sent_wsgi
from ..wsgi import CORSMiddleware as GenericMiddleware
from .paths import Paths, read_resources
from .rules import CONFIG_NAMES, Rules, judge_config, judge_paths, merged, only_known

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar, Unpack

    from flask import Blueprint, Flask, Response

    from .._generic.arguments import Rules as RulesByPath
    from .._generic.cross_site import CrossSiteGuard, GenericCrossSite
    from .._generic.policy_source import PolicyOptions, Source
    from ..resolver import OriginResolver
    from .rules import AppOptions, ViewOptions

    Application = TypeVar("Application", bound=Flask)
    View = TypeVar("View", bound=Callable[..., Any])

__all__ = ["CORS", "cross_origin", "install"]

# Set on a response by the decorator, and by the first `CORS` that applies. The name is
# flask-cors's, so both libraries work together while an application moves from one to the other.
_EVALUATED = "_FLASK_CORS_EVALUATED"

# Set on a blueprint: the rules of its `CORS`.
_PATHS = "_corsfast_paths"

# Resolve each proxy with one call instead of one call per attribute.
_current_request: Any = request._get_current_object
_current_app: Any = current_app._get_current_object


class CORS:
    """CORS for an application or a blueprint, by request path.

    Settings take precedence in this order: the options of a resource, the arguments here, the
    application's config (``CORS_ORIGINS`` and so on, as it is now), the defaults.

    Args:
        app: the application or blueprint; or leave it out and call :meth:`init_app`.
        resources: paths: a pattern, a list of patterns, or a mapping of patterns to options.
            A pattern without any of ``* \\ ] ? $ ^ [ ( )`` is a whole path. Any other pattern is
            a regex that has to match the beginning of a path. All paths by default.
        origins: origins, regexes (a str with one of those characters, or an ``re.Pattern``;
            each has to match in full), or ``"*"``, the default.
        methods: methods that a preflight may ask for. The usual seven by default.
        allow_headers: names or regexes of request headers, or ``"*"``, the default.
        expose_headers: names of response headers that pages may read. None by default.
        supports_credentials: whether cookies may be used. ``False`` by default.
        max_age: seconds that browsers may cache a preflight; int, str or timedelta. Not sent
            by default, nor if it is the number 0.
        send_wildcard: whether ``*`` is sent for the origin ``"*"`` instead of the request's
            origin. ``False`` by default.
        vary_header: whether ``Vary: Origin`` may be sent. ``True`` by default.
        always_send: whether responses to requests without an Origin get the headers as well,
            for ``*`` or the first listed origin. ``True`` by default.
        automatic_options: for `cross_origin`.
        intercept_exceptions: whether the response of an error handler gets the headers before
            any other code sees it. ``True`` by default.
        allow_private_network: the answer to Access-Control-Request-Private-Network.
        strict: whether insecure and unmatchable entries are errors instead of warnings.
        cross_site: ``"refuse"`` answers requests that another site has forged with 403;
            ``"report"`` only counts and logs them. ``"allow"`` by default.

    Raises:
        ValueError: for a regex that does not compile, for credentials with ``send_wildcard``
            and the origin ``"*"``, for `resources` of a wrong type.
        PolicyError: with ``strict``, for unknown options, insecure or unmatchable entries; for a
            wrong `cross_site`.
        RuntimeError: for an application with :func:`install`.

    Warns:
        CorsfastSecurityWarning: without ``strict``, once per risk and per unknown option.
        CorsfastUnmatchableWarning: without ``strict``, once per entry that matches nothing.
    """

    def __init__(self, app: Flask | Blueprint | None = None, **options: Unpack[AppOptions]) -> None:
        self._options = options
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask | Blueprint, **options: Unpack[AppOptions]) -> None:
        """Set up an application or blueprint; options given here take precedence."""
        claim_drop_in(app, "CORS")
        config = getattr(app, "config", {})  # a blueprint has no config
        whole = merged(config, self._options, options)
        strict = bool(whole["strict"])
        made = _RulesCache()
        resources = read_resources(whole["resources"])
        judge_paths((path for path, _ in resources), whole["intercept_exceptions"], strict)
        given = {*self._options, *options}.union(*(own for _, own in resources))
        judge_config(config, given, strict)
        compiled = [
            (pattern, made.rules(merged(config, self._options, options, resource)))
            for pattern, resource in resources
        ]
        paths = Paths(compiled)
        if not hasattr(app, "process_response"):  # a blueprint
            setattr(app, _PATHS, paths)
        if any(rules.guard is not None for _, rules in compiled):
            _check_first(app, _before_request(paths))
        if is_innermost_hook(app):
            wrap_process_response(app, _followed(app, _after_request(paths, is_last=True)))
        else:
            function = _before_sessions(_after_request(paths))
            app.after_request(function)
            if not hasattr(app, "process_response"):  # a blueprint
                app.after_app_request(_of_blueprint(Registrations(app), function))
        if whole["intercept_exceptions"] and hasattr(app, "handle_exception"):
            for name in ("handle_exception", "handle_user_exception"):
                handle = _intercepted(app, getattr(app, name), _after_request(paths))
                setattr(app, name, handle)


def cross_origin(*_: Any, **options: Unpack[ViewOptions]) -> Callable[[View], View]:
    """Add CORS to one view function; write it below the ``@app.route``.

    Errors of the view get the headers too, and so do redirects and errors before the view runs.

    Args:
        options: the options of :class:`CORS`, except `resources` and `intercept_exceptions`.
        automatic_options: whether OPTIONS requests are answered here, and do not reach the
            view. ``True`` by default.

    Raises:
        ValueError: like :class:`CORS`; on each request only if the config is at fault.
        PolicyError: with ``strict``, in the same way.

    Warns:
        CorsfastSecurityWarning, CorsfastUnmatchableWarning: like :class:`CORS`.
    """
    rules_in = _rules_by_config(options)
    request_started.connect(_follow_view)

    def decorator(view: View) -> View:
        is_async = iscoroutinefunction(view)

        def view_with_cors(*args: Any, **kwargs: Any) -> Response:
            app = _current_app()
            rules = rules_in(app)
            received = _current_request()
            if rules.guard is not None:
                forbidden = _forbidden(app, received, rules.guard, [rules])
                if forbidden is not None:
                    return _answer_once(forbidden, received, rules)
            if rules.automatic_options and received.environ["REQUEST_METHOD"] == "OPTIONS":
                response: Response = app.make_default_options_response()
            else:
                call = app.ensure_sync(view) if is_async else view
                response = app.make_response(call(*args, **kwargs))
            return _answer_once(response, received, rules)

        decorated: Any = update_wrapper(view_with_cors, view)
        if options.get("automatic_options", True):
            add_options_method(decorated)
        # With several decorators, the innermost decides, as it does for the view's response.
        vars(decorated).setdefault(VIEW_RULES, rules_in)
        return decorated  # type: ignore[no-any-return]

    return decorator


def _follow_view(*_: Any, **__: Any) -> None:
    """Apply the rules of a request's view to its response, before all other hooks.

    A decorator alone is not enough: it does not know the application, and does not see redirects
    or errors.
    """
    after_this_request(_answer_by_view)


def install(
    app: Application,
    policy: Source | None = None,
    *,
    paths: RulesByPath | None = None,
    cross_site: GenericCrossSite = "allow",
    resolver: OriginResolver | None = None,
    report_only: Source | RulesByPath | None = None,
    **options: Unpack[PolicyOptions],
) -> Application:
    """Put the generic WSGI middleware around an application, and keep the application object.

    The middleware is outside of everything that Flask calls. So preflights are answered before
    any `before_request` function, and each response has the headers. Use it instead of
    :class:`CORS` and :func:`cross_origin`.

    Args:
        app: a Flask application. Its `wsgi_app` is replaced.
        policy: as for :class:`corsfast.middleware.wsgi.CORSMiddleware`, like all that follow.
        options: the options of :class:`corsfast.Policy`, not those of :class:`CORS`.

    Returns:
        The application.

    Raises:
        TypeError: for another kind of application, for a policy together with options, for
            neither of them, for an unknown option.
        PolicyError: with every problem of the options, or of the rules, at once.
        RuntimeError: if the application has CORS already, from `install` or :class:`CORS`.
    """
    install_around(
        app,
        "wsgi_app",
        ("Flask", "CORS"),
        GenericMiddleware,
        policy,
        paths=paths,
        cross_site=cross_site,
        resolver=resolver,
        report_only=report_only,
        **options,
    )
    return app


def _check_first(app: Any, check: Callable[[], Response | None]) -> None:
    """Register a `before_request` function of an application or blueprint before all others."""
    app.before_request_funcs.setdefault(None, []).insert(0, check)


def _before_request(paths: Paths) -> Callable[[], Response | None]:
    """Return a hook that answers 403 to requests that another site has forged."""

    def before_request() -> Response | None:
        app, received = _current_app(), _current_request()
        rules = paths.everywhere or paths.rules_for(received.path)
        if rules is None or rules.guard is None:
            return None
        nearest = _nearest_rules(app, received)
        if nearest is None or nearest is rules:
            return _forbidden(app, received, rules.guard, [rules])
        if nearest.guard is not None:
            return None  # it checks the request itself
        # The origins of a view decide alone; those of a blueprint are allowed in addition.
        of_view = rules_of_view(app, received) is not None
        return _forbidden(app, received, rules.guard, [nearest] if of_view else [nearest, rules])

    return before_request


def _nearest_rules(app: Any, received: Any) -> Rules | None:
    """Return the rules of a request's view, or of its blueprint."""
    rules_in = rules_of_view(app, received)
    if rules_in is not None:
        return rules_in(app)  # type: ignore[no-any-return]
    for name in received.blueprints:
        paths: Paths | None = getattr(app.blueprints.get(name), _PATHS, None)
        rules = None if paths is None else paths.rules_for(received.path)
        if rules is not None:
            return rules
    return None


def _forbidden(
    app: Any, received: Any, guard: CrossSiteGuard, allowing: list[Rules]
) -> Response | None:
    """Return the 403 to a forged request, or ``None`` if it passes.

    Args:
        allowing: the rules whose origins may send requests.
    """
    sent = sent_wsgi(received.environ)
    if not all(rules.policy.protects(*sent[:4]) for rules in allowing):
        return None
    if not guard.refuses_forged(sent):
        return None
    response: Response = app.response_class(body_for(sent), 403, content_type=PLAIN_TEXT)
    response.headers["Vary"] = VARY_OF_403
    return response


def _after_request(paths: Paths, is_last: bool = False) -> Callable[[Response], Response]:
    everywhere = paths.everywhere
    rules_for = paths.rules_for

    # A plain function, because Flask checks on every request whether each hook is a coroutine
    # function, and the check is fastest for plain functions.
    def after_request(response: Response) -> Response:
        if not hasattr(response, _EVALUATED):
            received = _current_request()
            rules = everywhere or rules_for(received.path)
            if rules is None and received.routing_exception is not None:
                rules = rules_for(redirected_path(received) or "")
            if rules is not None:
                environ = received.environ
                if environ["REQUEST_METHOD"] == "OPTIONS":
                    response = _answer(response, received, rules)
                else:
                    decision = rules.decide(environ.get("HTTP_ORIGIN") or None)
                    if not decision.allowed and "HTTP_ORIGIN" in environ:
                        rules.log.write_wsgi(decision.outcome, environ)
                    merge_into(response, decision, rules.apply)
                if not is_last and ALLOW_ORIGIN in (response.headers or ()):
                    setattr(response, _EVALUATED, True)
        return response

    return after_request


def _of_blueprint(
    registrations: Registrations, function: Callable[[Response], Response]
) -> Callable[[Response], Response]:
    """Return a hook for what no blueprint sees: its redirects, and 404 and 405 below its prefix."""

    def after_request(response: Response) -> Response:
        received = _current_request()
        if received.routing_exception is not None:
            if registrations.meant(_current_app(), received):
                return function(response)
        return response

    return after_request


def _answer_by_view(response: Response) -> Response:
    """Apply the rules of the view that the request is meant for, unless already applied."""
    if hasattr(response, _EVALUATED):
        return response
    app, received = _current_app(), _current_request()
    rules_in = rules_of_view(app, received)
    return response if rules_in is None else _answer_once(response, received, rules_in(app))


def _answer_once(response: Response, received: Any, rules: Rules) -> Response:
    """Apply the rules of a view, unless rules were applied before."""
    if not hasattr(response, _EVALUATED):
        response = _answer(response, received, rules)
        fold_vary(response)
        setattr(response, _EVALUATED, True)
    return response


def _answer(response: Response, received: Any, rules: Rules) -> Response:
    """Set the CORS fields of a response, replacing any that it has.

    If an allowed preflight would be answered by a redirect or an error, it gets a new response
    instead, because browsers accept nothing else. The request that follows still gets the
    redirect or the error.
    """
    environ = received.environ
    decision = rules.decide(environ.get("HTTP_ORIGIN") or None)
    if not decision.allowed and "HTTP_ORIGIN" in environ:
        rules.log.write_wsgi(decision.outcome, environ)
    fields = None
    if environ["REQUEST_METHOD"] == "OPTIONS":
        fields = rules.preflight_fields(decision, environ)
        permitted = decision.allowed and any(name == ALLOW_METHODS for name, _ in fields)
        if permitted and not 200 <= response.status_code < 300:
            app = _current_app()
            if "HTTP_ORIGIN" in environ and not _answers_options(app, received.url_rule):
                response = app.make_default_options_response()
            elif "HTTP_ORIGIN" in environ:
                log_rejected_preflight(response.status_code, received.path)
    merge_into(response, decision, rules.apply, fields)
    if fields is not None and decision.allowed and "HTTP_ORIGIN" in environ:
        rules.log_preflight(environ, response.headers)
    return response


def _answers_options(app: Any, rule: Any) -> bool:
    """Return whether a view answers OPTIONS itself, because OPTIONS is among its methods."""
    if rule is None or rule.provide_automatic_options:
        return False
    rules_in = getattr(app.view_functions.get(rule.endpoint), VIEW_RULES, None)
    return rules_in is None or not rules_in(app).automatic_options


def _followed(app: Any, function: Callable[[Response], Response]) -> Callable[..., Response]:
    process_response = app.process_response

    def process_response_with_cors(*args: Any) -> Response:
        return function(process_response(*args))

    return process_response_with_cors


def _before_sessions(function: Callable[[Response], Response]) -> Callable[[Response], Response]:
    def after_request(response: Response) -> Response:
        response = function(response)
        fold_vary(response)
        return response

    return after_request


def _intercepted(
    app: Any, handle: Callable[..., Any], function: Callable[[Response], Response]
) -> Callable[..., Response]:
    def handle_with_cors(*args: Any, **kwargs: Any) -> Response:
        return function(_answer_by_view(app.make_response(handle(*args, **kwargs))))

    return handle_with_cors


class _RulesCache:
    """A cache of rules by options, so that equal rules are compiled, and warn, only once."""

    def __init__(self, before: _RulesCache | None = None) -> None:
        self._made: list[tuple[dict[str, Any], Rules]] = [*before._made] if before else []

    def rules(self, options: dict[str, Any]) -> Rules:
        # Rules do not depend on the paths that they apply to.
        options.pop("resources")
        options.pop("intercept_exceptions")
        for known, rules in self._made:
            if known == options:
                return rules
        rules = Rules(options)
        self._made.append((options, rules))
        return rules


def _rules_by_config(options: Mapping[str, Any]) -> ConfigCache[Rules]:
    """Return the rules of a decorated view per application: these options over its config.

    If the origins are known already, the rules are also compiled now, so that problems are
    reported while the application is set up.
    """
    early = _RulesCache()
    if "origins" in options:
        early.rules(merged({}, options))
    else:
        options = only_known(options)
    names = [name for option, name in CONFIG_NAMES.items() if option not in options]

    def rules(config: Mapping[str, Any]) -> Rules:
        whole = merged(config, options)
        judge_config(config, options, bool(whole["strict"]))
        return _RulesCache(early).rules(whole)

    return ConfigCache(names, rules)
