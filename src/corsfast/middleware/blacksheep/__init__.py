"""CORS for BlackSheep: replaces its `use_cors`, `add_cors_policy` and middleware.

    use_cors(app, allow_origins="https://app.example.com", allow_methods="GET POST")
    add_cors_policy(app, "public", allow_origins="*", allow_methods="GET")

    @app.cors("public")
    @app.router.get("/public")
    async def public(): ...

The policies and the strategy are BlackSheep's own classes, and ``app.cors`` still binds a policy to
a handler. Only the middleware is replaced.

Per request, there is one call of `policy.asgi(scope)`, and fields compiled at start-up. If some
handler may have its own policy, the middleware looks up the route and asks its policy as well. For
a preflight it always looks up the route. Same-origin requests are never rejected.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from blacksheep.contents import Content
from blacksheep.messages import Request, Response
from blacksheep.server.application import ApplicationAlreadyStartedCORSError
from blacksheep.server.cors import CORSConfigurationError, CORSPolicy, CORSStrategy
from blacksheep.server.responses import not_found, status_code
from blacksheep.server.websocket import WebSocket

from ..._engine.headers import ALLOW_CREDENTIALS, ALLOW_ORIGIN, EXPOSE_HEADERS, merged_vary
from ..._options.fetch import REQUEST_HEADERS, REQUEST_METHOD, SAFE_METHODS
from ..._options.same_origin import same_origin
from ..._proofs.ineffective import wrong_flags
from ...decision import Outcome
from .._generic.cross_site import VARY_OF_403, body_for, checked, guard_of
from .._generic.handlers import PLAIN_TEXT
from .._generic.preload import preload
from .._generic.sent import sent_asgi
from ._compat import set_strategy, strategy_of
from .answers import BAD_METHOD, BAD_ORIGIN, CompiledPolicy, options_of

try:
    from blacksheep.middlewares import MiddlewareCategory
except ImportError as _error:
    _error.add_note("corsfast needs blacksheep>=2.5")
    raise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from ..._engine.select import Decision
    from .._generic.cross_site import CrossSite
    from .._generic.sent import Sent

    Names = str | Iterable[str] | None

__all__ = ["CORSPolicy", "CORSStrategy", "add_cors_policy", "get_cors_middleware", "use_cors"]

preload()

_REQUEST_METHOD = REQUEST_METHOD.lower().encode()
_REQUEST_HEADERS = REQUEST_HEADERS.lower().encode()
_VARY = b"vary"
_ALLOW_CREDENTIALS = ALLOW_CREDENTIALS.encode()
# Fields by which a handler itself lets an origin read its response.
_GRANTS = (ALLOW_ORIGIN.encode(), _ALLOW_CREDENTIALS, EXPOSE_HEADERS.encode())
_VARY_ALONE = ((_VARY, b"Origin"),)
_BY_ORIGIN = ("Origin",)
_BY_PREFLIGHT = ("Origin", REQUEST_METHOD, REQUEST_HEADERS)


def use_cors(
    app: Any,
    *,
    allow_methods: Names = None,
    allow_headers: Names = None,
    allow_origins: Names = None,
    allow_credentials: bool = False,
    max_age: int = 5,
    expose_headers: Names = None,
    strict: bool = False,
    cross_site: CrossSite = "allow",
) -> Any:
    """Enable CORS for an application; use it instead of ``app.use_cors``.

    Args:
        app: the ``blacksheep.Application``, not started.
        allow_methods: methods, or ``"*"``; a str is split at spaces, commas, semicolons. None
            by default.
        allow_headers: names of request headers, or ``"*"``. None by default.
        allow_origins: origins, or ``"*"``. None by default.
        allow_credentials: whether cookies may be used. ``False`` by default.
        max_age: seconds that browsers may cache a preflight. 5 by default.
        expose_headers: names of response headers that pages may read. BlackSheep's seven by
            default.
        strict: whether insecure and unmatchable settings are a PolicyError. This includes the
            settings of other policies of this application. ``False`` by default.
        cross_site: ``"refuse"`` answers requests that another site has forged with 403;
            ``"report"`` only counts and logs them. ``"allow"`` by default.

    Returns:
        The ``CORSStrategy``, which is also ``app.cors``.

    Raises:
        ApplicationAlreadyStartedCORSError: if the application has started.
        CORSConfigurationError: if it has CORS already.
        PolicyError: with ``strict``, holding every problem at once; for a wrong `cross_site`.

    Warns:
        CorsfastSecurityWarning: without ``strict``, once per risk.
        CorsfastUnmatchableWarning: without ``strict``, once per entry that no browser sends.
    """
    if app.started:
        raise ApplicationAlreadyStartedCORSError()
    if strategy_of(app) is not None:
        raise CORSConfigurationError("This application already has CORS.")
    compiled = _Compiled(strict)
    policy = compiled.policy(
        allow_methods=allow_methods,
        allow_headers=allow_headers,
        allow_origins=allow_origins,
        allow_credentials=allow_credentials,
        max_age=max_age,
        expose_headers=expose_headers,
    )
    strategy = _Strategy(policy, app.router)
    strategy.compiled = compiled
    set_strategy(app, strategy)

    # BlackSheep calls middleware for OPTIONS only if there is a route, so this adds one.
    # Preflights do not reach its handler. BlackSheep reads the annotations.
    async def options_handler(request: Request) -> Response:  # noqa: ARG001
        return Response(404)

    # Policies that changed before the start are checked before the first request.
    async def judge(_: Any) -> None:
        compiled.judge(strategy)

    app.router.options("*")(options_handler)
    app.on_start += judge
    middleware = _middleware(app, strategy, compiled, checked(cross_site))
    app.middlewares.append(middleware, MiddlewareCategory.INIT)
    return strategy


def add_cors_policy(
    app: Any,
    policy_name: str,
    *,
    allow_methods: Names = None,
    allow_headers: Names = None,
    allow_origins: Names = None,
    allow_credentials: bool = False,
    max_age: int = 5,
    expose_headers: Names = None,
) -> None:
    """Add a policy for handlers that name it; use it instead of ``app.add_cors_policy``.

    Its options, errors and warnings are those of `use_cors`. If `use_cors` was not called, this
    calls it without options.
    """
    if app.started:
        raise ApplicationAlreadyStartedCORSError()
    strategy = strategy_of(app) or use_cors(app)
    if not isinstance(strategy, _Strategy):
        raise CORSConfigurationError("This application uses CORS of BlackSheep itself.")
    policy = strategy.compiled.policy(
        allow_methods=allow_methods,
        allow_headers=allow_headers,
        allow_origins=allow_origins,
        allow_credentials=allow_credentials,
        max_age=max_age,
        expose_headers=expose_headers,
    )
    strategy.add_policy(policy_name, policy)


def get_cors_middleware(
    app: Any, strategy: Any, *, strict: bool = False, cross_site: CrossSite = "allow"
) -> Callable[[Any, Callable[..., Any]], Awaitable[Any]]:
    """Return only the middleware, for a strategy that the caller made.

    The policies of the strategy are compiled now. Policies added or changed later are compiled when
    the application has started. They may not be changed after that.

    Args:
        app: the ``blacksheep.Application``.
        strategy: a ``CORSStrategy`` over its router.
        strict: whether insecure and unmatchable settings are a PolicyError, here or at the start.
            ``False`` by default.
        cross_site: as for :func:`use_cors`.

    Returns:
        a middleware, for ``app.middlewares``.

    Raises:
        PolicyError: with ``strict``, holding every problem of a policy at once; for a wrong
            `cross_site`.

    Warns:
        CorsfastSecurityWarning: without ``strict``, once per risk.
        CorsfastUnmatchableWarning: without ``strict``, once per entry that no browser sends.
    """
    compiled = _Compiled(strict)
    compiled.judge(strategy)

    # Not `on_start`, because start handlers may still change policies.
    async def judge(_: Any) -> None:
        compiled.judge(strategy)

    app.after_start += judge
    return _middleware(app, strategy, compiled, checked(cross_site))


def _middleware(
    app: Any, strategy: Any, compiled: _Compiled, cross_site: CrossSite
) -> Callable[[Any, Callable[..., Any]], Awaitable[Any]]:
    router = strategy.router

    def answers_of(route: Any) -> CompiledPolicy:
        if route is None:
            return compiled.of(strategy.default_policy)
        return compiled.of(strategy.get_policy_by_route_or_default(route))

    def preflight(request: Any, scope: Any) -> Any:
        method = b",".join(request.get_headers(_REQUEST_METHOD))
        # Ask only for known methods, because the router would store each method it is asked for.
        route = None
        if method in router.routes:
            route = router.get_matching_route(method, request.url.path)
        # Without a route, allow the preflight by the default policy. Otherwise the page would not
        # see the 404, because a browser sends the request only after an allowed preflight.
        answers = answers_of(route)
        decision = answers.decide(scope)
        names = request.get_headers(_REQUEST_HEADERS)
        if decision.allowed:
            return Response(200, answers.preflight_fields(decision, names))
        answers.log.write_asgi(decision.outcome, scope, is_preflight=True)
        if route is None:
            return not_found()
        return _refusal(answers.reason(decision, names), _BY_PREFLIGHT)

    # BlackSheep evaluates these annotations too, and uses the parameter names.
    async def cors_middleware(request: Request, handler: Callable[..., Any]) -> Any:
        if isinstance(request, WebSocket):
            return await handler(request)
        scope: Any = request.scope
        if scope is None or "asgi" not in scope:
            scope = _scope_of(request)
        answers = compiled.of(strategy.default_policy)
        decision = answers.decide(scope)
        if decision.is_preflight:
            return preflight(request, scope)
        if cross_site != "allow" and request.method not in SAFE_METHODS:
            if strategy.policies:
                answers = answers_of(router.get_matching_route(request.method, request.url.path))
            guard = guard_of(answers.made, answers.log, cross_site)
            sent = sent_asgi(scope)
            if guard is not None and guard.refuses(sent):
                return _forbidden(sent, answers.decide(scope))
        asks = decision.outcome is not Outcome.NO_ORIGIN
        fields = decision.raw_headers
        if strategy.policies:
            fields = _VARY_ALONE
            if asks:
                answers = answers_of(router.get_matching_route(request.method, request.url.path))
                decision = answers.decide(scope)
                fields = decision.raw_headers + (_VARY_ALONE if answers.star else ())
        if asks:
            method_too = answers.any_method or request.method in answers.methods
            if not (decision.allowed and method_too):
                if not _own(request, decision):
                    if not decision.allowed:
                        answers.log.write_asgi(decision.outcome, scope)
                    reason = BAD_METHOD if decision.allowed else BAD_ORIGIN
                    return _refusal(reason, _BY_ORIGIN)
                fields = _VARY_ALONE
        # The response to an exception needs the fields as well.
        try:
            response = await handler(request)
        except Exception as error:
            response = await app.handle_request_handler_exception(request, error)
        if asks:
            # The other fields are replaced.
            for name in (_ALLOW_CREDENTIALS,) if fields is not _VARY_ALONE else _GRANTS:
                if response.has_header(name):
                    response.remove_header(name)
        for name, value in fields:
            if name == _VARY and response.has_header(_VARY):
                _merge_vary(response)
            else:
                response.set_header(name, value)
        return response

    return cors_middleware


class _Compiled:
    """The answers of each policy, compiled at first use and again after a change."""

    def __init__(self, strict: bool) -> None:
        self._strict = strict
        self._answers: dict[Any, CompiledPolicy] = {}

    def judge(self, strategy: Any) -> None:
        """Compile the policies of a strategy that are new or have changed."""
        for policy in (strategy.default_policy, *strategy.policies.values()):
            if self.of(policy).options != options_of(policy):
                del self._answers[policy]
                self.of(policy)

    def policy(self, **options: Any) -> Any:
        policy = _Policy(**options)
        policy.on_change = lambda: self._answers.pop(policy, None)
        # The policy stores the flag as a bool, so check it before that is lost.
        wrong = wrong_flags([("allow_credentials", options["allow_credentials"])])
        self._answers[policy] = CompiledPolicy(policy, self._strict, wrong)
        return policy

    def of(self, policy: Any) -> CompiledPolicy:
        found = self._answers.get(policy)
        if found is None:
            found = self._answers[policy] = CompiledPolicy(policy, self._strict)
        return found


class _Strategy(CORSStrategy):  # type: ignore[misc]
    """BlackSheep's strategy with what `add_cors_policy` needs."""

    compiled: _Compiled


class _Policy(CORSPolicy):  # type: ignore[misc]
    """BlackSheep's policy with a callback for changes."""

    on_change: Callable[[], object] | None = None

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if self.on_change is not None:
            self.on_change()


def _scope_of(request: Any) -> dict[str, Any]:
    """Return the scope that a policy reads, for a request that no server made.

    BlackSheep's test client builds a scope without the versions that every server sets, and keeps
    header names as the test spells them.
    https://asgi.readthedocs.io/en/latest/specs/www.html#http-connection-scope
    """
    headers = [(name.lower(), value) for name, value in request.headers]
    return {"type": "http", "method": request.method, "headers": headers}


def _own(request: Any, decision: Decision) -> bool:
    """Return whether a request is same-origin. A page cannot choose the Host or Origin it sends."""
    if not decision.allowed and decision.outcome is not Outcome.ORIGIN_NOT_ALLOWED:
        return False  # not a serialized origin, or several Origin lines
    origin, host = request.get_first_header(b"origin"), request.get_first_header(b"host")
    return host is not None and same_origin(origin.decode("latin-1"), host.decode("latin-1"))


def _merge_vary(response: Any) -> None:
    value = b",".join(response.get_headers(_VARY)).decode("latin-1")
    response.set_header(_VARY, merged_vary(value, _BY_ORIGIN).encode("latin-1"))


def _forbidden(sent: Sent, decision: Decision) -> Any:
    body = body_for(sent)
    response = Response(403, content=Content(PLAIN_TEXT.encode(), body))
    for name, value in decision.raw_headers:
        if name != _VARY:
            response.add_header(name, value)
    response.add_header(_VARY, VARY_OF_403.encode())
    return response


def _refusal(reason: bytes, vary: tuple[str, ...]) -> Any:
    response = status_code(400)
    response.add_header(b"CORS-Error", reason)
    response.add_header(_VARY, ", ".join(vary).encode())
    return response
