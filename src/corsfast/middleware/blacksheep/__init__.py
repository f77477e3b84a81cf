"""CORS for BlackSheep: takes the place of its `use_cors`, `add_cors_policy` and middleware.

    use_cors(app, allow_origins="https://app.example.com", allow_methods="GET POST")
    add_cors_policy(app, "public", allow_origins="*", allow_methods="GET")

    @app.cors("public")
    @app.router.get("/public")
    async def public(): ...

The policies and the strategy are BlackSheep's own classes; ``app.cors`` goes on binding a policy
to a handler. Only the middleware is another one.

Per request: one `policy.asgi(scope)`, and fields that were spelt out at start-up. Where some
handler may have a policy of its own, the route is looked for, and its policy asked as well; the
route of a preflight always is.

Place in the flow: Policy -> headers on a response.
Never: refuse a request of the same origin; take away the application's Vary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from blacksheep.messages import Request, Response
from blacksheep.middlewares import MiddlewareCategory
from blacksheep.server.application import ApplicationAlreadyStartedCORSError
from blacksheep.server.cors import CORSConfigurationError, CORSPolicy, CORSStrategy
from blacksheep.server.responses import not_found, status_code
from blacksheep.server.websocket import WebSocket

from ..._engine.tables import REQUEST_HEADERS, REQUEST_METHOD
from ..._proofs.ineffective import wrong_flags
from ...decision import Outcome
from .._dropin.vary import merged_vary
from .._generic.preload import preload
from .._generic.same_origin import same_origin
from .answers import BAD_METHOD, BAD_ORIGIN, Answers, options_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from ..._engine.select import Decision

    Names = str | Iterable[str] | None

__all__ = ["CORSPolicy", "CORSStrategy", "add_cors_policy", "get_cors_middleware", "use_cors"]

preload()

_REQUEST_METHOD = b"access-control-request-method"
_REQUEST_HEADERS = b"access-control-request-headers"
_VARY = b"vary"
_ALLOW_CREDENTIALS = b"access-control-allow-credentials"
# The fields by which a handler itself lets an origin read its response.
_GRANTS = (
    b"access-control-allow-origin",
    _ALLOW_CREDENTIALS,
    b"access-control-expose-headers",
)
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
) -> Any:
    """Enable CORS for an application; in place of ``app.use_cors``.

    Args:
        app: the ``blacksheep.Application``, not started.
        allow_methods: methods, or ``"*"``; a str is split at spaces, commas, semicolons. None
            by default.
        allow_headers: names of request headers, or ``"*"``. None by default.
        allow_origins: origins, or ``"*"``. None by default.
        allow_credentials: whether cookies may be used. ``False`` by default.
        max_age: how many seconds a preflight is remembered. 5 by default.
        expose_headers: names of response headers that pages may read. BlackSheep's seven by
            default.
        strict: whether insecure and dead settings, also those of other policies of this
            application, are a PolicyError. ``False`` by default.

    Returns:
        The ``CORSStrategy``, which is also ``app.cors``.

    Raises:
        ApplicationAlreadyStartedCORSError: if the application has started.
        CORSConfigurationError: if it has CORS already.
        PolicyError: with ``strict``, holding every problem at once.

    Warns:
        CorsfastSecurityWarning: otherwise, once per risk.
        CorsfastDeadEntryWarning: otherwise, once per entry that no browser sends.
    """
    if app.started:
        raise ApplicationAlreadyStartedCORSError()
    if app._cors_strategy is not None:
        raise CORSConfigurationError("This application has CORS already.")
    compiled = _Compiled(strict)
    policy = compiled.policy(
        allow_methods=allow_methods,
        allow_headers=allow_headers,
        allow_origins=allow_origins,
        allow_credentials=allow_credentials,
        max_age=max_age,
        expose_headers=expose_headers,
    )
    strategy = CORSStrategy(policy, app.router)
    strategy._corsfast = compiled  # for add_cors_policy
    app._cors_strategy = strategy

    # BlackSheep calls no middleware for OPTIONS unless there is a route; this one is not reached
    # by preflights. It looks at the annotations.
    async def options_handler(request: Request) -> Response:  # noqa: ARG001
        return Response(404)

    # What has changed until then is judged before the first request.
    async def judge(_: Any) -> None:
        compiled.judge(strategy)

    app.router.options("*")(options_handler)
    app.on_start += judge
    app.middlewares.append(_middleware(app, strategy, compiled), MiddlewareCategory.INIT)
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
    """Add a policy for handlers that name it; in place of ``app.add_cors_policy``.

    Its options, and what it raises and warns about, are those of `use_cors`, which is called
    without any where it has not been.
    """
    if app.started:
        raise ApplicationAlreadyStartedCORSError()
    strategy = app._cors_strategy or use_cors(app)
    if not hasattr(strategy, "_corsfast"):
        raise CORSConfigurationError("This application uses CORS of BlackSheep itself.")
    policy = strategy._corsfast.policy(
        allow_methods=allow_methods,
        allow_headers=allow_headers,
        allow_origins=allow_origins,
        allow_credentials=allow_credentials,
        max_age=max_age,
        expose_headers=expose_headers,
    )
    strategy.add_policy(policy_name, policy)


def get_cors_middleware(
    app: Any, strategy: Any, *, strict: bool = False
) -> Callable[[Any, Callable[..., Any]], Awaitable[Any]]:
    """The middleware alone, for a strategy of one's own.

    Its policies are compiled now, and those that are added or changed until then when the
    application has started. They may not be changed after that.

    Args:
        app: the ``blacksheep.Application``.
        strategy: a ``CORSStrategy`` over its router.
        strict: whether insecure and dead settings are a PolicyError, here or at the start.
            ``False`` by default.

    Returns:
        a middleware, for ``app.middlewares``.

    Raises:
        PolicyError: with ``strict``, holding every problem of a policy at once.

    Warns:
        CorsfastSecurityWarning: otherwise, once per risk.
        CorsfastDeadEntryWarning: otherwise, once per entry that no browser sends.
    """
    compiled = _Compiled(strict)
    compiled.judge(strategy)

    # What starts an application may still change policies, so this is not `on_start`.
    async def judge(_: Any) -> None:
        compiled.judge(strategy)

    app.after_start += judge
    return _middleware(app, strategy, compiled)


def _middleware(
    app: Any, strategy: Any, compiled: _Compiled
) -> Callable[[Any, Callable[..., Any]], Awaitable[Any]]:
    router = strategy.router

    def answers_for(request: Any) -> Answers:
        route = router.get_matching_route(request.method, request.url.path)
        if route is None:
            return compiled.of(strategy.default_policy)
        return compiled.of(strategy.get_policy_by_route_or_default(route))

    def preflight(request: Any, scope: Any) -> Any:
        method = b",".join(request.get_headers(_REQUEST_METHOD))
        # The router would remember every method that it is asked for.
        route = None
        if method in router.routes:
            route = router.get_matching_route(method, request.url.path)
        # Without a route the answer is for the 404 of the request that follows: a browser sends
        # that only if the preflight is allowed.
        policy = strategy.default_policy
        if route is not None:
            policy = strategy.get_policy_by_route_or_default(route)
        answers = compiled.of(policy)
        decision = answers.decide(scope)
        names = request.get_headers(_REQUEST_HEADERS)
        if not decision.allowed and route is None:
            return not_found()
        if not decision.allowed:
            return _refusal(answers.reason(decision, names), _BY_PREFLIGHT)
        return Response(200, answers.preflight_fields(decision, names))

    # BlackSheep evaluates these annotations, too, and goes by the names.
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
        asks = decision.outcome is not Outcome.NO_ORIGIN
        fields = decision.raw_headers
        if strategy.policies:
            fields = _VARY_ALONE
            if asks:
                answers = answers_for(request)
                decision = answers.decide(scope)
                fields = decision.raw_headers + (_VARY_ALONE if answers.star else ())
        if asks:
            method_too = answers.any_method or request.method in answers.methods
            if not (decision.allowed and method_too):
                if not _own(request, decision):
                    reason = BAD_METHOD if decision.allowed else BAD_ORIGIN
                    return _refusal(reason, _BY_ORIGIN)
                fields = _VARY_ALONE
        # Also the answer that an exception stands for has to have the fields.
        try:
            response = await handler(request)
        except Exception as error:
            response = await app.handle_request_handler_exception(request, error)
        if asks:
            # The others are replaced.
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
    """The answers of each policy; made at first use, and again where it has changed."""

    def __init__(self, strict: bool) -> None:
        self._strict = strict
        self._answers: dict[Any, Answers] = {}

    def judge(self, strategy: Any) -> None:
        """Compile the policies of a strategy that are not, or have changed since they were."""
        for policy in (strategy.default_policy, *strategy.policies.values()):
            if self.of(policy).options != options_of(policy):
                del self._answers[policy]
                self.of(policy)

    def policy(self, **options: Any) -> Any:
        policy = _Policy(**options)
        policy.on_change = lambda: self._answers.pop(policy, None)
        # The policy keeps it as a bool.
        wrong = wrong_flags([("allow_credentials", options["allow_credentials"])])
        self._answers[policy] = Answers(policy, self._strict, wrong)
        return policy

    def of(self, policy: Any) -> Answers:
        found = self._answers.get(policy)
        if found is None:
            found = self._answers[policy] = Answers(policy, self._strict)
        return found


class _Policy(CORSPolicy):  # type: ignore[misc]
    """BlackSheep's policy, which says when it has changed."""

    on_change: Callable[[], object] | None = None

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if self.on_change is not None:
            self.on_change()


def _scope_of(request: Any) -> dict[str, Any]:
    """What a policy reads, of a request that no server has made.

    BlackSheep's test client makes a scope without the versions that every server gives, and
    leaves header names as the test spells them.
    https://asgi.readthedocs.io/en/latest/specs/www.html#http-connection-scope
    """
    headers = [(name.lower(), value) for name, value in request.headers]
    return {"type": "http", "method": request.method, "headers": headers}


def _own(request: Any, decision: Decision) -> bool:
    """Whether this is the host's own page: a page cannot choose its requests' Host or Origin."""
    if not decision.allowed and decision.outcome is not Outcome.ORIGIN_NOT_ALLOWED:
        return False  # nobody's origin; several lines are malformed, too
    origin, host = request.get_first_header(b"origin"), request.get_first_header(b"host")
    return host is not None and same_origin(origin.decode("latin-1"), host.decode("latin-1"))


def _merge_vary(response: Any) -> None:
    value = b",".join(response.get_headers(_VARY)).decode("latin-1")
    response.set_header(_VARY, merged_vary(value, _BY_ORIGIN).encode("latin-1"))


def _refusal(reason: bytes, vary: tuple[str, ...]) -> Any:
    response = status_code(400)
    response.add_header(b"CORS-Error", reason)
    response.add_header(_VARY, ", ".join(vary).encode())
    return response
