"""CORS for Tornado: a mixin for handlers, and the same for every handler of an application.

    class Main(CORSMixin, tornado.web.RequestHandler):
        cors_policy = corsfast.Policy(allow_origins=["https://app.example.com"])

    app = enable_cors(tornado.web.Application([...]), allow_origins=["https://app.example.com"])
    app = enable_cors(tornado.web.Application([...]), paths={"/api/*": policy, "/public/*": ...})

Tornado has no middleware, and `set_default_headers` comes too early: what a handler sets after
it replaces Vary, and preflights would go through `prepare`, which asks who the user is, though
preflights carry no credentials. So the decision is made when a handler is made; a preflight's
`prepare` is one that answers it; and the fields are worked in when the headers are flushed,
which every response comes to: errors, redirects, files, streams.

    Application.get_handler_delegate --enable_cors--> (CORSMixin, handler class)
    handler.__init__ --> decision --preflight--> prepare answers
                                  \\--all else--> ... flush --> fields

Per request: one `policy.actual` or `policy.decide`, and one look at the response's field names.

Place in the flow: Decision -> headers on a response.
Never: block a request (CORS is not access control); take away the application's Vary.
"""

from __future__ import annotations

from types import new_class

from tornado.web import FallbackHandler
from tornado.websocket import WebSocketHandler

from .._engine import tables
from .._engine.holder import PolicyHolder
from .._engine.select import Policy
from ._generic.policy_source import check_source, is_policy, reader_of
from ._generic.preload import preload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar, Unpack

    from tornado.httputil import HTTPHeaders

    from .._engine.select import Decision
    from ._generic.arguments import Rules
    from ._generic.policy_source import PolicyOptions, Source
    from ._generic.select import Choice

    App = TypeVar("App")

__all__ = ["CORSMixin", "enable_cors"]

preload("corsfast.middleware._generic.arguments", "corsfast.middleware._generic.select")

_SETTING = "cors_policy"
_UNSET = object()

# What a policy may send. Where a response has none of it, the fields are just added.
_OURS = (
    tables.ALLOW_ORIGIN,
    tables.ALLOW_CREDENTIALS,
    tables.ALLOW_METHODS,
    tables.ALLOW_HEADERS,
    tables.MAX_AGE,
    tables.EXPOSE_HEADERS,
    tables.TIMING_ALLOW_ORIGIN,
    tables.VARY,
)
_IS_OURS = frozenset(_OURS)

_SWITCHING_PROTOCOLS = 101


class CORSMixin:
    """For classes of handlers, before the class of Tornado.

    Preflights are answered before `prepare`, which does not see them, nor does `options`.
    Every other request reaches the handler, and every response gets the fields of the policy,
    whatever its status. Access-Control-Allow-Origin of the handler's own is replaced, unless
    the policy says ``existing="keep"``.

    Before ``tornado.websocket.WebSocketHandler``, it has `check_origin` accept those that are
    allowed by the policy, beside those that Tornado accepts.

    Attributes:
        cors_policy: the :class:`corsfast.Policy` of this class of handlers, or a
            :class:`corsfast.PolicyHolder`, whose policy may be swapped at any time; or ``None``
            for no CORS at all. Without it, the application's setting of this name, which may
            also be a callable without arguments that returns one of the two.

    Raises:
        TypeError: when a class is made with a `cors_policy` that is something else.
    """

    cors_policy: Policy | PolicyHolder | None  # without a value: one behind it may have one

    # Until the headers are written.
    _cors_decision: Decision | None = None
    _cors_policy: Policy | None = None

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        given: object = getattr(cls, _SETTING, None)
        if given is not None and not is_policy(given) and not isinstance(given, PolicyHolder):
            raise TypeError(
                f"{cls.__name__}.{_SETTING} must be a corsfast.Policy, a PolicyHolder or None, not"
                f" {type(given).__name__}; override get_cors_policy to choose one per request"
            )

    def __init__(self, application: Any, request: Any, **arguments: Any) -> None:
        super().__init__(application, request, **arguments)  # type: ignore[call-arg]
        source = self.get_cors_policy()
        if source is None:
            return
        policy = source if type(source) is Policy else reader_of(source)()
        self._cors_policy = policy
        lines = request.headers.get_list("Origin")
        # Several lines are no origin: a comma is no part of one.
        origin = ",".join(lines) if lines else None
        if origin is None or request.method != "OPTIONS":
            self._cors_decision = policy.actual(origin)
            return
        asked = request.headers.get_list(tables.REQUEST_METHOD)
        decision = self._cors_decision = policy.decide(
            "OPTIONS",
            origin,
            ",".join(asked) if asked else None,
            request.headers.get_list(tables.REQUEST_HEADERS),
        )
        if decision.is_preflight:
            # Found before those of the class. Its own check of methods comes before, too.
            self.__dict__["prepare"] = self._answer_preflight
            self.__dict__["SUPPORTED_METHODS"] = ("OPTIONS",)

    def get_cors_policy(self) -> Source | None:
        """The policy of this request; override it to choose one.

        It is called once, after `initialize` and before `prepare`.

        Returns:
            a policy, a holder, a callable that returns one of them, or ``None`` for no CORS.
        """
        own: Any = getattr(self, _SETTING, _UNSET)
        if own is not _UNSET:
            return own  # type: ignore[no-any-return]
        handler: Any = self
        found: Any = handler.application.settings.get(_SETTING)
        if found is None:
            handler.require_setting(_SETTING, "CORSMixin")  # says so
        if type(found) is _ByPath:
            return found.choose(handler.request)
        return found  # type: ignore[no-any-return]

    def flush(self, include_footers: bool = False) -> Any:
        """Work the fields in, where the headers are written."""
        handler: Any = self
        decision = self._cors_decision
        if decision is not None and self._cors_policy is not None:
            self._cors_decision = None
            # A handshake is read by no page.
            if handler.get_status() != _SWITCHING_PROTOCOLS:
                _work_in(handler._headers, self._cors_policy, decision)
        return super().flush(include_footers)  # type: ignore[misc]

    def check_origin(self, origin: str) -> bool:
        """Whether a WebSocket handshake from another origin is accepted.

        Those are accepted which the policy names. "*" names nobody: it is about answers without
        credentials, and a handshake carries cookies.
        """
        accepted: bool = super().check_origin(origin)  # type: ignore[misc]
        policy = self._cors_policy
        if accepted or policy is None:
            return accepted
        return policy.allows_origin(origin) and not _is_for_everybody(policy)

    def _answer_preflight(self) -> None:
        # A handler that held its own method would stay until the next garbage collection.
        del self.__dict__["prepare"]
        handler: Any = self
        if self._cors_decision is not None:
            handler.set_status(self._cors_decision.status)
        handler.clear_header("Content-Type")
        handler.finish()


def enable_cors(
    app: App,
    policy: Source | None = None,
    *,
    paths: Rules | None = None,
    **options: Unpack[PolicyOptions],
) -> App:
    """Have every handler of an application send the fields of one policy, or of its path's.

    Also handlers of errors (404), redirects and static files, those that are added later, and
    WebSocket handlers. Handlers that have a `cors_policy` of their own keep it; see
    :class:`CORSMixin` for what changes. ``FallbackHandler`` is left alone, as it writes no
    response itself: give the WSGI application in it a middleware of its own.

    Args:
        app: a ``tornado.web.Application``.
        policy: a ready :class:`corsfast.Policy`; a :class:`corsfast.PolicyHolder`, whose policy
            may be swapped at any time; or a callable without arguments that returns one of
            them, called once per request. Or leave it out and write its options here; or leave
            out both, and the application's setting ``cors_policy`` is taken.
        paths: policies by path, in place of one: ``{"/api/*": policy, "/login": {...}}``, each a
            policy, a holder, a callable, a dict of options, or ``None``. A path without a rule
            gets no CORS at all. See `paths.py` for what a rule covers.
        options: those of :class:`corsfast.Policy`.

    Returns:
        The application.

    Raises:
        TypeError: for a policy and options at once, for neither, for arguments of other types.
        PolicyError: with every problem of the options, or of the rules, at once.
        ValueError: if the application has CORS already.
    """
    application: Any = app
    if isinstance(vars(application).get("get_handler_delegate"), _Delegates):
        raise ValueError("this application has CORS already; call enable_cors once")
    if policy is not None and options:
        raise TypeError(
            "enable_cors takes a policy or the options of one, not both; write"
            f" {', '.join(options)} into corsfast.Policy(...)"
        )
    if paths is not None:
        from ._generic.arguments import check_alone

        check_alone("enable_cors", policy, options)
        _enable(application, _by_path(paths))
        return app
    advice = "write enable_cors(app, policy) or enable_cors(app, allow_origins=[...])"
    source: Source | None = Policy(**options) if options else policy
    if source is None:
        source = application.settings.get(_SETTING)
    if source is None:
        raise TypeError(f"enable_cors needs a policy; {advice}")
    check_source("policy", source, advice)
    _enable(application, source)
    return app


def _enable(application: Any, source: Source | _ByPath) -> None:
    application.settings[_SETTING] = source
    application.get_handler_delegate = _Delegates(application.get_handler_delegate)


class _ByPath:
    """An application's setting where the path chooses the policy."""

    __slots__ = ("choose",)

    def __init__(self, choose: Choice) -> None:
        self.choose = choose


def _by_path(paths: Rules) -> _ByPath:
    from ._generic.arguments import read_rules
    from ._generic.select import choice
    from .paths import encoded_path

    def path_of(request: Any) -> tuple[str, ...]:
        # Tornado leaves it encoded, and its characters stand for bytes.
        return encoded_path(request.path.encode("latin-1", "replace"))

    return _ByPath(choice(read_rules(paths, "paths"), path_of, Policy(allow_origins=())))


class _Delegates:
    """An application's `get_handler_delegate`, with handlers that have the mixin."""

    def __init__(self, make: Any) -> None:
        self._make = make
        self._classes: dict[type, type] = {}

    def __call__(self, request: Any, target_class: type, *args: Any, **arguments: Any) -> Any:
        found = self._classes.get(target_class)
        if found is None:
            found = self._classes[target_class] = _with_cors(target_class)
        return self._make(request, found, *args, **arguments)


def _with_cors(handler: type) -> type:
    if issubclass(handler, (CORSMixin, FallbackHandler)):
        return handler
    # It goes by the same name in logs.
    names: dict[str, Any] = {
        name: getattr(handler, name) for name in ("__module__", "__qualname__", "__doc__")
    }
    check = getattr(handler, "check_origin", None)
    if check is not None and check is not WebSocketHandler.check_origin:
        names["check_origin"] = check  # the application knows better
    return new_class(handler.__name__, (CORSMixin, handler), {}, lambda body: body.update(names))


def _is_for_everybody(policy: Policy) -> bool:
    """Whether a policy sends `*`: then also to those who sent no Origin."""
    return any(name == tables.ALLOW_ORIGIN for name, _ in policy.actual(None).headers)


def _work_in(headers: HTTPHeaders, policy: Policy, decision: Decision) -> None:
    if _IS_OURS.isdisjoint(headers):
        for name, value in decision.headers:
            headers[name] = value
        return
    own = [(name, value) for name in _OURS for value in headers.get_list(name)]
    for name in _OURS:
        headers.pop(name, None)
    for name, value in policy.apply_wsgi(decision, own):
        headers.add(name, value)
