"""Starlette's and FastAPI's CORSMiddleware, with the same options and the same answers.

    from corsfast.middleware.starlette import CORSMiddleware

    app.add_middleware(CORSMiddleware, allow_origins=["https://app.example.com"])

The policy is compiled when the middleware is made. Requests and most preflights take the compiled
fast path of asgi.py. These preflights take the slow path:

- rejected ones, because their answers list every reason;
- ones that ask for a private network, because policies ignore that header;
- all of them, if any header name is allowed and "*" is sent as the allowed origin, because no
  policy echoes header names together with "*".

docs/middleware/starlette.md lists every difference from the original, with the reason.

`install` is not a drop-in. It puts the middleware of asgi.py around an application and takes the
options of `corsfast.Policy`. The application stays the same object.
"""

from __future__ import annotations

import re
import warnings
from functools import partial
from types import SimpleNamespace

from .._engine.tables import readable
from .._options.fetch import (
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    ALLOW_PRIVATE_NETWORK,
    MAX_AGE,
    REQUEST_HEADERS,
    REQUEST_METHOD,
    REQUEST_PRIVATE_NETWORK,
)
from .._proofs.dialect import Dialect
from .._proofs.ineffective import meant
from ..errors import CorsfastRedundancyWarning
from ._dropin.asgi_base import (
    SAFELISTED_HEADERS,
    ASGIDropIn,
    CommonOptions,
    Preflights,
    asked,
    plain_text,
    respond,
)
from ._dropin.install import check_kind, middleware_by_install
from ._dropin.messages import DropInProblem
from ._dropin.overrides import refuse_overrides
from ._dropin.policy import allowing, read_list
from ._generic.handlers import asks_private_network
from ._generic.policy_source import check_application
from ._generic.preload import preload
from ._generic.startup import stops_start_up
from .asgi import CORSMiddleware as GenericMiddleware

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection
    from typing import Any, Literal, Never, TypeVar, Unpack

    from starlette.applications import Starlette

    from .._engine.select import Decision
    from ._generic.arguments import Rules
    from ._generic.cross_site import CrossSite, GenericCrossSite
    from ._generic.handlers import App, Scope, Send
    from ._generic.policy_source import PolicyOptions, Source
    from .resolver import OriginResolver

    Application = TypeVar("Application", bound=Starlette)

__all__ = ["CORSMiddleware", "install"]

preload()

NAME = "corsfast.middleware.starlette"

_DIALECT = Dialect(any_origin='allow_origins=["*"]', regex="allow_origin_regex={}")

_OPTIONS = (
    "allow_origins",
    "allow_methods",
    "allow_headers",
    "allow_credentials",
    "allow_origin_regex",
    "allow_private_network",
    "expose_headers",
    "max_age",
    "strict",
    "cross_site",
)

# The methods that "*" means in `allow_methods`.
ALL_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY")

PREFLIGHT_VARY = ("Origin", REQUEST_METHOD, REQUEST_HEADERS, REQUEST_PRIVATE_NETWORK)
_ALLOW_ORIGIN = ALLOW_ORIGIN.lower().encode()
_ALLOW_HEADERS = ALLOW_HEADERS.lower().encode()
_ALLOW_PRIVATE = (ALLOW_PRIVATE_NETWORK.lower().encode(), b"true")
_OK = b"OK"

# Methods that a subclass of the original may override to change its decisions. They are never
# called here.
_HOOKS = frozenset(
    ("allow_explicit_origin", "is_allowed_origin", "preflight_response", "send", "simple_response")
)


class CORSMiddleware(ASGIDropIn):
    """An ASGI application that wraps another one and has the options of Starlette's.

    Args:
        app: the ASGI application.
        allow_origins: serialized origins, ``"null"``, or ``"*"`` for any. None by default.
        allow_methods: methods that a preflight may ask for, case-sensitive; ``"*"`` for the
            eight that Starlette knows. Only ``GET`` by default.
        allow_headers: header names that a preflight may ask for in addition to Accept,
            Accept-Language, Content-Language and Content-Type, case-insensitive; ``"*"`` for any.
        allow_credentials: whether cookies may be used. With ``"*"`` in `allow_origins`, every
            origin is then allowed, and echoed instead of ``*``.
        allow_origin_regex: a regular expression as str or compiled. It must match the whole
            origin.
        allow_private_network: whether a preflight may ask for the private network. Browsers have
            withdrawn this feature.
        expose_headers: response-header names that pages may read.
        max_age: how many seconds a browser may cache a preflight.
        strict: whether insecure settings and entries that match nothing are errors.
        cross_site: ``"refuse"`` answers requests that another site has forged with 403;
            ``"report"`` only counts and logs them. ``"allow"`` by default.

    Raises:
        PolicyError: with ``strict``, with all problems together; for a wrong `cross_site`.
        re.error: for an `allow_origin_regex` that is not valid.
        TypeError: for a subclass that overrides a method that the original would call, and for
            an unknown option. After `add_middleware`, each of these errors makes the server's
            start-up fail.

    Warns:
        CorsfastSecurityWarning: once for each insecure setting.
        CorsfastUnmatchableWarning: once for each entry that matches nothing.
        CorsfastPerformanceWarning: for a regex that no automaton can express.
    """

    @stops_start_up
    def __init__(
        self,
        app: App,
        allow_origins: Collection[str] = (),
        allow_methods: Collection[str] = ("GET",),
        allow_headers: Collection[str] = (),
        allow_credentials: bool = False,
        allow_origin_regex: str | re.Pattern[str] | None = None,
        allow_private_network: bool = False,
        expose_headers: Collection[str] = (),
        max_age: int = 600,
        *,
        strict: bool = False,
        cross_site: CrossSite = "allow",
        **unknown: Never,
    ) -> None:
        given = locals()
        if unknown:
            names = ", ".join(
                repr(name) + (f" (write {known})" if (known := meant(name, _OPTIONS)) else "")
                for name in unknown
            )
            raise TypeError(f"CORSMiddleware has no option {names}")
        check_application(app, "an ASGI")
        self._options: dict[str, Any] = {name: given[name] for name in _OPTIONS}
        preflights = _Preflights(SimpleNamespace(**self._options))
        super().__init__(app, preflights, body=_OK, private_network=True)

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        refuse_overrides(
            cls,
            _HOOKS,
            of=CORSMiddleware,
            instead="origins are matched by a compiled policy; write them as options",
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), **self._options), (self.app,)


class _Preflights(Preflights):
    """A policy made from Starlette's options, and the answers to its preflights."""

    def __init__(self, given: Any) -> None:
        origins, problems = read_list("allow_origins", given.allow_origins)
        entries = []
        for origin in origins:
            if isinstance(origin, re.Pattern):
                message = f"{origin.pattern!r} is compiled and matches nothing here."
                hint = "it into allow_origin_regex"
                problems.append(DropInProblem("type", "allow_origins", origin, message, hint=hint))
            else:
                entries.append(origin)
        options = CommonOptions(
            NAME,
            given,
            entries,
            problems,
            flags=("allow_credentials", "allow_private_network"),
            strict=given.strict,
            dialect=_DIALECT,
        )
        tables, credentials = options.tables, options.credentials
        methods = [*ALL_METHODS] if "*" in options.methods else options.methods
        any_header = "*" in options.names
        names = sorted({*SAFELISTED_HEADERS, *options.names})
        listed = () if any_header else ((ALLOW_HEADERS, ", ".join(names)),)
        sent = ((ALLOW_METHODS, ", ".join(methods)), *listed, (MAX_AGE, options.max_age))
        responses = tables.responses._replace(
            actual_fields=readable(credentials, options.exposed),
            preflight_fields=(*readable(credentials), *sent),
            actual_vary=("Origin",),
            preflight_vary=PREFLIGHT_VARY,
            default_origin=None,
            preflight_status=200,
            refused_preflight_status=400,
            # A policy echoes nothing together with "*", so `allow` adds the names.
            echo_headers=any_header and not tables.star,
        )
        tables = allowing(tables, methods, names, any_header=any_header)
        super().__init__(
            tables._replace(responses=responses),
            every=tables.star and any_header,
            cross_site=given.cross_site,
        )
        self._private_network = bool(given.allow_private_network)
        self._content = plain_text(200, _OK)
        self._preflight = responses.preflight_headers.raw_headers

    def allow(self, decision: Decision, scope: Scope, send: Send) -> Awaitable[None]:
        """Send the policy's answer with additional fields."""
        private = asks_private_network(scope)
        if private and not self._private_network:
            return self.refuse(decision, scope, send)
        fields = _mirrored(asked(scope).names) if self.every else []
        if private:
            fields.append(_ALLOW_PRIVATE)
        return respond(send, 200, [*decision.raw_headers, *self._content, *fields], _OK)

    def refuse(self, decision: Decision, scope: Scope, send: Send) -> Awaitable[None]:
        """Answer with every reason for the rejection; only an allowed origin gets its fields."""
        request = asked(scope)
        private = asks_private_network(scope)
        failures = self.rejected(decision, request, ("origin", "method", "headers"))
        known = "origin" not in failures
        headers = [*decision.raw_headers]
        if known:
            origin = b"*" if self.tables.star else request.origin
            headers = [(_ALLOW_ORIGIN, origin), *self._preflight]
            if self.tables.any_header:
                headers += _mirrored(request.names)
        if private and not self._private_network:
            failures.append("private-network")
        elif private and known:
            headers.append(_ALLOW_PRIVATE)
        body = f"Disallowed CORS {', '.join(failures)}".encode("ascii")
        return respond(send, 400, [*headers, *plain_text(400, body)], body)


def _mirrored(names: list[str] | None) -> list[tuple[bytes, bytes]]:
    return [(_ALLOW_HEADERS, ",".join(names).encode("ascii"))] if names else []


# -- install -------------------------------------------------------------------------------------


def install(
    app: Application,
    policy: Source | None = None,
    *,
    paths: Rules | None = None,
    websockets: Literal["check", "pass"] = "check",
    cross_site: GenericCrossSite = "allow",
    resolver: OriginResolver | None = None,
    report_only: Source | Rules | None = None,
    **options: Unpack[PolicyOptions],
) -> Application:
    """Put the generic ASGI middleware around an application, which stays the same object.

    The middleware wraps all others, also those that are added later, and Starlette's error
    handler. So preflights are answered before any authentication, and the 500 of an unhandled
    exception has the headers.

    Args:
        app: a Starlette or FastAPI application that has not started. It is changed.
        policy: this and the following arguments are those of
            :class:`corsfast.middleware.asgi.CORSMiddleware`.
        options: the options of :class:`corsfast.Policy`, not those of the drop-in.

    Returns:
        The application.

    Raises:
        TypeError: for another kind of application, for both a policy and options, for neither,
            for an unknown option.
        PolicyError: with all problems of the options or the rules together.
        RuntimeError: if `install` was called before, or the application has started.

    Warns:
        CorsfastRedundancyWarning: at the start, if another CORS middleware was added.
    """
    target: Any = app
    instead = "write app = corsfast.middleware.asgi.CORSMiddleware(app, ...)"
    check_kind(app, "build_middleware_stack", "a Starlette or FastAPI application", instead)
    if getattr(target, _INSTALLED, False):
        raise RuntimeError("this application already has CORS, from install; call install once")
    if target.middleware_stack is not None:
        raise RuntimeError("this application has started; call install before")
    middleware = middleware_by_install(
        GenericMiddleware,
        app,
        policy,
        paths=paths,
        websockets=websockets,
        cross_site=cross_site,
        resolver=resolver,
        report_only=report_only,
        **options,
    )
    target.build_middleware_stack = _Outermost(
        target.build_middleware_stack, *middleware.arguments()
    )
    setattr(target, _INSTALLED, True)
    return app


# An attribute of the application, and not the type of its `build_middleware_stack`, because a
# tracing library may have replaced that method by one that calls ours.
_INSTALLED = "_corsfast_installed"


class _Outermost:
    """The `build_middleware_stack` of one application, with CORS around the result.

    Starlette calls this method once, at the first scope, and keeps the result (seen in 0.37 to
    1.10). This is a class and not a closure, so that the application can be copied deeply and
    pickled.
    """

    def __init__(self, build: Callable[[], App], policy: Any, features: dict[str, Any]) -> None:
        self._build = build
        self._policy = policy
        self._features = features

    def __call__(self) -> GenericMiddleware:
        app: Any = getattr(self._build, "__self__", None)
        for added in getattr(app, "user_middleware", ()):
            kinds = getattr(added.cls, "__mro__", ())
            if any(kind.__name__ == "CORSMiddleware" for kind in kinds):
                warnings.warn(
                    f"{NAME}: {added.cls.__module__}.{added.cls.__qualname__} was added to an"
                    " application with install, whose policy decides; remove add_middleware",
                    CorsfastRedundancyWarning,
                    stacklevel=2,
                )
        return GenericMiddleware(self._build(), self._policy, **self._features)
