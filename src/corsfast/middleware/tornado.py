"""CORS for Tornado: a mixin for handlers, and a function that adds it to all of them.

    class Main(CORSMixin, tornado.web.RequestHandler):
        cors_policy = corsfast.Policy(allow_origins=["https://app.example.com"])

    app = enable_cors(tornado.web.Application([...]), allow_origins=["https://app.example.com"])
    app = enable_cors(tornado.web.Application([...]), paths={"/api/*": policy, "/public/*": ...})

Tornado has no middleware, and `set_default_headers` is called too early. The handler could replace
Vary after it. A preflight would reach `prepare`, which often checks the user, although preflights
carry no credentials. So there are three steps:

1. The decision is made in the handler's `__init__`.
2. For a preflight, `prepare` is replaced by a method that answers it.
3. The fields are added in `flush`, because every response calls it: errors, redirects, files and
   streams.

    Application.get_handler_delegate --enable_cors--> (CORSMixin, handler class)
    handler.__init__ --> decision --preflight--> prepare answers
                                  \\--all else--> ... flush --> fields

A request costs one `policy.actual` or `policy.decide`, and one check of the response's field names.
"""

from __future__ import annotations

from functools import partial
from types import new_class

from tornado.web import FallbackHandler
from tornado.websocket import WebSocketHandler

from .._engine.holder import PolicyHolder
from .._engine.select import Policy
from .._options import fetch
from ._generic.cross_site import VARY_OF_403, body_for, checked, guard_of
from ._generic.handlers import PLAIN_TEXT
from ._generic.policy_source import PerPolicy, check_source, is_policy, reader_of
from ._generic.preload import preload
from ._generic.refused_log import Refused, RefusedLog
from ._generic.sent import sent_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar, Unpack

    from tornado.httputil import HTTPHeaders

    from .._engine.select import Decision
    from ._generic.arguments import Rules
    from ._generic.cross_site import CrossSite
    from ._generic.policy_source import PolicyOptions, Source

    App = TypeVar("App")

__all__ = ["CORSMixin", "enable_cors"]

preload("corsfast.middleware._generic.arguments", "corsfast.middleware._generic.select")

_SETTING = "cors_policy"
_CROSS_SITE = "cors_cross_site"
_UNSET = object()

# The fields that a policy may send. If a response has none of them, the policy's are just added.
_OURS = (
    fetch.ALLOW_ORIGIN,
    fetch.ALLOW_CREDENTIALS,
    fetch.ALLOW_METHODS,
    fetch.ALLOW_HEADERS,
    fetch.MAX_AGE,
    fetch.EXPOSE_HEADERS,
    fetch.TIMING_ALLOW_ORIGIN,
    fetch.VARY,
)
_IS_OURS = frozenset(_OURS)

_SWITCHING_PROTOCOLS = 101


class CORSMixin:
    """A mixin for handler classes, to be listed before Tornado's class.

    Preflights are answered first, so neither `prepare` nor `options` sees them. Every other
    request reaches the handler, and every response gets the fields of the policy, whatever its
    status. They replace the handler's own Access-Control-Allow-Origin, unless the policy has
    ``existing="keep"``.

    In a subclass of ``tornado.websocket.WebSocketHandler``, `check_origin` also accepts the
    origins that the policy allows, in addition to those that Tornado accepts.

    Attributes:
        cors_policy: the :class:`corsfast.Policy` of this handler class; a
            :class:`corsfast.PolicyHolder`, whose policy may be swapped at any time; or ``None``
            for no CORS headers. Without this attribute, the application's setting of the same
            name is used, which may also be a callable without arguments that returns one of the
            two.
        cors_cross_site: ``"refuse"`` answers requests that another site has forged with 403;
            ``"report"`` only counts and logs them. Without this attribute, the application's
            setting of the same name is used. ``"allow"`` by default.

    Raises:
        TypeError: when a class is created with any other `cors_policy`.
        PolicyError: when a class is created with any other `cors_cross_site`.
    """

    cors_cross_site: CrossSite
    cors_policy: Policy | PolicyHolder | None  # no value, because a later base may have one

    # Set until the headers are written.
    _cors_decision: Decision | None = None
    _cors_policy: Policy | None = None

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        checked(getattr(cls, _CROSS_SITE, "allow"), _CROSS_SITE)
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
        # Several lines are joined by a comma, so that they are not a valid origin.
        origin = ",".join(lines) if lines else None
        if request.method not in fetch.SAFE_METHODS:
            self._check_cross_site(policy, request)
        if origin is None or request.method != "OPTIONS":
            decision = self._cors_decision = policy.actual(origin)
            if origin is not None and not decision.allowed:
                _log_refusal(policy, Refused(origin, decision.outcome), request)
            return
        asked = request.headers.get_list(fetch.REQUEST_METHOD)
        decision = self._cors_decision = policy.decide(
            "OPTIONS",
            origin,
            ",".join(asked) if asked else None,
            request.headers.get_list(fetch.REQUEST_HEADERS),
        )
        if not decision.allowed:
            names = ",".join(request.headers.get_list(fetch.REQUEST_HEADERS))
            refused = Refused(origin, decision.outcome, ",".join(asked), names)
            _log_refusal(policy, refused, request)
        if decision.is_preflight:
            # Instance attributes hide those of the class. Tornado checks SUPPORTED_METHODS before
            # it calls `prepare`.
            self.__dict__["prepare"] = self._answer_preflight
            self.__dict__["SUPPORTED_METHODS"] = ("OPTIONS",)

    def _check_cross_site(self, policy: Policy, request: Any) -> None:
        """Replace `prepare` by a method that answers 403, if another site forged the request."""
        handler: Any = self
        word = getattr(handler, _CROSS_SITE, None)
        word = handler.application.settings.get(_CROSS_SITE, "allow") if word is None else word
        guard = guard_of(policy, _logs.of(policy), checked(word, _CROSS_SITE))
        if guard is None:
            return
        sent = sent_by(request.method, request.path, request.headers.get_list)
        if guard.refuses(sent):
            self.__dict__["prepare"] = partial(self._answer_forged, body_for(sent))
            self.__dict__["SUPPORTED_METHODS"] = (request.method,)

    def _answer_forged(self, body: bytes) -> None:
        del self.__dict__["prepare"]
        handler: Any = self
        handler.set_status(403)
        handler.set_header("Content-Type", PLAIN_TEXT)
        handler.set_header("Vary", VARY_OF_403)
        handler.finish(body)

    def get_cors_policy(self) -> Source | None:
        """Return the policy of this request. Override it to choose one.

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
            handler.require_setting(_SETTING, "CORSMixin")  # raises
        if type(found) is _ByPath:
            return found.choose(handler.request)
        return found  # type: ignore[no-any-return]

    def flush(self, include_footers: bool = False) -> Any:
        """Add the fields before the headers are written."""
        handler: Any = self
        decision = self._cors_decision
        if decision is not None and self._cors_policy is not None:
            self._cors_decision = None
            # No page reads the response to a handshake.
            if handler.get_status() != _SWITCHING_PROTOCOLS:
                _apply(handler, self._cors_policy, decision)
        return super().flush(include_footers)  # type: ignore[misc]

    def check_origin(self, origin: str) -> bool:
        """Return whether to accept a WebSocket handshake from another origin.

        Origins that the policy lists are accepted. "*" has no effect, because it is for responses
        without credentials, and a handshake carries cookies.
        """
        accepted: bool = super().check_origin(origin)  # type: ignore[misc]
        policy = self._cors_policy
        if accepted or policy is None:
            return accepted
        return policy.allows_origin(origin) and not _allows_any_origin(policy)

    def _answer_preflight(self) -> None:
        # Break the reference cycle, so that the handler is freed without a garbage collection.
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
    cross_site: CrossSite | None = None,
    **options: Unpack[PolicyOptions],
) -> App:
    """Make every handler of an application send the fields of a policy.

    This includes handlers of errors (404), redirects and static files, WebSocket handlers, and
    handlers that are added later. Handlers with their own `cors_policy` keep it.
    :class:`CORSMixin` describes the effects. ``FallbackHandler`` is not changed, because it
    writes no response itself: put a middleware around its WSGI application.

    Args:
        app: a ``tornado.web.Application``.
        policy: a :class:`corsfast.Policy`; a :class:`corsfast.PolicyHolder`, whose policy may be
            swapped at any time; or a callable without arguments that returns one of them, which
            is called once per request. Instead of `policy`, its options can be given. Without
            both, the application's setting ``cors_policy`` is used.
        paths: policies by path, instead of one: ``{"/api/*": policy, "/login": {...}}``. Each is
            a policy, a holder, a callable, a dict of options, or ``None``. A path without a rule
            gets no CORS headers. See `paths.py` for the paths that a rule matches.
        cross_site: ``"refuse"`` answers requests that another site has forged with 403;
            ``"report"`` only counts and logs them. By default the application's setting
            ``cors_cross_site``, or else ``"allow"``.
        options: the options of :class:`corsfast.Policy`.

    Returns:
        The application.

    Raises:
        TypeError: for both a policy and options, for neither, for arguments of other types.
        PolicyError: with all problems of the options or the rules together.
        ValueError: if the application has CORS already.
    """
    application: Any = app
    if isinstance(vars(application).get("get_handler_delegate"), _Delegates):
        raise ValueError("this application already has CORS; call enable_cors once")
    if cross_site is not None:
        application.settings[_CROSS_SITE] = checked(cross_site)
    checked(application.settings.get(_CROSS_SITE, "allow"), _CROSS_SITE)
    if policy is not None and options:
        raise TypeError(
            "enable_cors takes a policy or the options of one, not both; write"
            f" {', '.join(options)} into corsfast.Policy(...)"
        )
    if paths is not None:
        from ._generic.arguments import check_alone

        check_alone("enable_cors", policy, options)
        return _enable(app, _ByPath(paths))
    advice = "write enable_cors(app, policy) or enable_cors(app, allow_origins=[...])"
    source: Source | None = Policy(**options) if options else policy
    if source is None:
        source = application.settings.get(_SETTING)
    if source is None:
        raise TypeError(f"enable_cors needs a policy; {advice}")
    check_source("policy", source, advice)
    return _enable(app, source)


def _enable(app: App, source: Source | _ByPath) -> App:
    application: Any = app
    application.settings[_SETTING] = source
    application.get_handler_delegate = _Delegates(application.get_handler_delegate)
    return app


class _ByPath:
    """The value of the application's setting if the path chooses the policy."""

    def __init__(self, paths: Rules) -> None:
        from ._generic.arguments import read_rules
        from ._generic.select import choice
        from .paths import encoded_path

        def path_of(request: Any) -> tuple[str, ...]:
            # Tornado leaves the path encoded, and each of its characters is one byte.
            return encoded_path(request.path.encode("latin-1", "replace"))

        self.choose = choice(read_rules(paths, "paths"), path_of, Policy(allow_origins=()))


class _Delegates:
    """A `get_handler_delegate` that adds the mixin to each handler class."""

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
    # Keep the name, because logs show it.
    names: dict[str, Any] = {
        name: getattr(handler, name) for name in ("__module__", "__qualname__", "__doc__")
    }
    check = getattr(handler, "check_origin", None)
    if check is not None and check is not WebSocketHandler.check_origin:
        names["check_origin"] = check  # keep the application's own
    return new_class(handler.__name__, (CORSMixin, handler), {}, lambda body: body.update(names))


_logs = PerPolicy(RefusedLog)


def _log_refusal(policy: Policy, refused: Refused, request: Any) -> None:
    host = request.headers.get("Host")
    _logs.of(policy).write(refused, host, request.method, request.path)


def _allows_any_origin(policy: Policy) -> bool:
    """Return whether a policy sends `*`, which it also sends without an Origin."""
    return any(name == fetch.ALLOW_ORIGIN for name, _ in policy._tables.responses.no_origin.headers)


def _apply(handler: Any, policy: Policy, decision: Decision) -> None:
    """Write the fields of a decision into the headers of a handler.

    Only a private attribute, seen in Tornado 6.6, gives the fields that a handler itself has set.
    Without it they are replaced, and its Vary gets another line.
    """
    headers: HTTPHeaders | None = getattr(handler, "_headers", None)
    if headers is None:
        for name in _IS_OURS - {fetch.VARY}:
            handler.clear_header(name)
        for name, value in decision.headers:
            (handler.add_header if name == fetch.VARY else handler.set_header)(name, value)
        return
    if _IS_OURS.isdisjoint(headers):
        for name, value in decision.headers:
            headers[name] = value
        return
    own = [(name, value) for name in _OURS for value in headers.get_list(name)]
    for name in _OURS:
        headers.pop(name, None)
    for name, value in policy.apply_wsgi(decision, own):
        headers.add(name, value)
