"""Litestar's CORS, with the same `CORSConfig` and the same answers.

    from corsfast.middleware.litestar import CORSConfig, CORSPlugin

    app = Litestar(handlers, plugins=[CORSPlugin(CORSConfig(allow_origins=["https://a.example"]))])

The policy is compiled when the application is made. At start-up this middleware replaces
Litestar's own, in the same place: around the router and its error handler. Until then, requests
with an Origin are errors, so that Litestar's own does not decide instead.
docs/middleware/litestar.md lists every difference from the original, with the reason.

Use no other internals of Litestar than `asgi_handler`, because they may change.
"""

from __future__ import annotations

import re
from dataclasses import fields, replace
from types import SimpleNamespace

from litestar.config.cors import CORSConfig

from .._engine.tables import readable
from .._options.fetch import ALLOW_HEADERS, ALLOW_METHODS, MAX_AGE
from .._proofs.dialect import Dialect
from ._dropin.asgi_base import (
    SAFELISTED_HEADERS,
    ASGIDropIn,
    CommonOptions,
    Preflights,
    asked,
    plain_text,
    respond,
)
from ._dropin.overrides import refuse_overrides
from ._dropin.policy import allowing, read_list
from ._generic.policy_source import check_application
from ._generic.preload import preload

try:
    from litestar.plugins import InitPlugin
except ImportError as _error:
    _error.add_note("corsfast needs litestar>=2.15")
    raise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Any, NoReturn

    from litestar import Litestar
    from litestar.config.app import AppConfig

    from .._engine.select import Decision
    from ._generic.cross_site import CrossSite
    from ._generic.handlers import App, Scope, Send

__all__ = ["CORSConfig", "CORSMiddleware", "CORSPlugin", "install"]

preload()

NAME = "corsfast.middleware.litestar"

# The methods that a preflight's answer lists for "*" in `allow_methods`.
ALL_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")

# Attributes of the installed version's CORSConfig that a subclass may override to change its
# decisions. They are never used here.
_FIELDS = fields(CORSConfig)
_HOOKS = frozenset(name for name in vars(CORSConfig) if not name.startswith("__")) - frozenset(
    field.name for field in _FIELDS
)
# The same for the middleware.
_MIDDLEWARE_HOOKS = ("_create_preflight_response", "send_wrapper")
_INSTEAD = (
    "a policy is compiled from the options; use allow_origins,"
    " allow_origin_regex, allow_methods, allow_headers or expose_headers"
)

_ALLOW_HEADERS = ALLOW_HEADERS.lower().encode()


class CORSMiddleware(ASGIDropIn):
    """An ASGI application that wraps another one and answers as Litestar does.

    Args:
        app: the ASGI application.
        config: a `CORSConfig`, or any object with its fields.
        strict: whether insecure settings and entries that match nothing are errors.
        cross_site: ``"refuse"`` answers requests that another site has forged with 403;
            ``"report"`` only counts and logs them. ``"allow"`` by default.

    Raises:
        PolicyError: with ``strict``, with all problems together; for a wrong `cross_site`.
        re.error: for an `allow_origin_regex` that is not valid.
        TypeError: for a `config` whose class overrides other attributes than the fields of
            `CORSConfig`, and for a subclass of this class that overrides a method that the
            original would call.

    Warns:
        CorsfastSecurityWarning: once for each insecure setting.
        CorsfastUnmatchableWarning: once for each entry that matches nothing.
        CorsfastPerformanceWarning: for a regex that no automaton can express.
    """

    def __init__(
        self,
        app: App,
        config: CORSConfig,
        *,
        strict: bool = False,
        cross_site: CrossSite = "allow",
    ) -> None:
        check_application(app, "an ASGI")
        super().__init__(app, _Preflights(config, strict, cross_site))

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        refuse_overrides(cls, _MIDDLEWARE_HOOKS, of=CORSMiddleware, instead=_INSTEAD)

    def __reduce__(self) -> tuple[Any, ...]:
        return _around, (self.app, self._preflights)


class CORSPlugin(InitPlugin):  # type: ignore[misc]
    """A plugin that replaces Litestar's own CORS middleware by this one.

    Args:
        config: a `CORSConfig`; by default the application's ``cors_config``.
        strict, cross_site: see :class:`CORSMiddleware`.

    Errors are raised when the application is made.

    Raises:
        ValueError: for two different configurations, and without any.
        PolicyError, re.error, TypeError: see :class:`CORSMiddleware`, also for the warnings.
    """

    def __init__(
        self,
        config: CORSConfig | None = None,
        *,
        strict: bool = False,
        cross_site: CrossSite = "allow",
    ) -> None:
        self.config = config
        self.strict = strict
        self.cross_site = cross_site

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Compile the policy, and add a start-up hook that installs it.

        Requests with an Origin before that are errors.
        """
        given = [c for c in (self.config, app_config.cors_config) if c is not None]
        if not given:
            raise ValueError("CORSPlugin needs a CORSConfig, its own or the application's")
        if given[0] != given[-1]:
            raise ValueError("CORSPlugin and the application have different CORSConfigs")
        config = given[0]
        preflights = _Preflights(config, self.strict, self.cross_site)

        def start(app: Litestar) -> None:
            _put_into(app, preflights)
            app.cors_config = config

        app_config.cors_config = _not_started(config)
        app_config.on_startup.insert(0, start)
        return app_config


class _NotStarted(CORSConfig):  # type: ignore[misc]
    """The config of Litestar's own middleware until the application is started."""

    def _fail(self) -> NoReturn:
        raise RuntimeError(
            "CORSPlugin takes effect when the application starts, and it was not started; turn on"
            f" the server's lifespan, or write {NAME}.install(app) in place of the plugin"
        )

    # Litestar's middleware reads the first for preflights, and the second for other requests.
    is_allow_all_methods = simple_headers = property(_fail)


def _not_started(config: CORSConfig) -> _NotStarted:
    found = _NotStarted()
    for item in _FIELDS:
        setattr(found, item.name, getattr(config, item.name))
    return found


def install(
    app: Litestar,
    config: CORSConfig | None = None,
    *,
    strict: bool = False,
    cross_site: CrossSite = "allow",
) -> Litestar:
    """Install the middleware at once, in an application that already exists.

    Args:
        app: the application. It is changed.
        config: as for :class:`CORSPlugin`.
        strict, cross_site: see :class:`CORSMiddleware`.

    Returns:
        the application.

    Raises:
        ValueError: if neither `config` nor the application gives a `CORSConfig`.
        PolicyError, re.error, TypeError: see :class:`CORSMiddleware`, also for the warnings.
    """
    config = app.cors_config if config is None else config
    if config is None:
        raise ValueError("install needs a CORSConfig, given or the application's")
    _put_into(app, _Preflights(config, strict, cross_site))
    return app


def _put_into(app: Litestar, preflights: _Preflights) -> None:
    """Replace the application's own middleware; if it has none, wrap all other middleware."""
    above = None
    handler = app.asgi_handler
    while handler is not None:
        if isinstance(handler, CORSMiddleware):
            return  # the application was started before
        if app.cors_config is not None and getattr(handler, "config", None) is app.cors_config:
            break
        above, handler = handler, getattr(handler, "app", None)
    if handler is None:
        app.asgi_handler = _around(app.asgi_handler, preflights)
    elif above is None:
        app.asgi_handler = _around(handler.app, preflights)
    else:
        above.app = _around(handler.app, preflights)


def _around(app: App, preflights: _Preflights) -> CORSMiddleware:
    middleware = CORSMiddleware.__new__(CORSMiddleware)
    ASGIDropIn.__init__(middleware, app, preflights)
    return middleware


class _Preflights(Preflights):
    """A policy made from a CORSConfig, and the answers to its preflights."""

    def __init__(self, config: CORSConfig, strict: bool, cross_site: CrossSite) -> None:
        refuse_overrides(type(config), _HOOKS, of=CORSConfig, instead=_INSTEAD)
        origins, problems = read_list("allow_origins", config.allow_origins)
        patterns = [*map(_pattern, origins)]
        written = {
            made: entry
            for entry, made in zip(origins, patterns, strict=True)
            if isinstance(entry, str) and isinstance(made, re.Pattern)
        }
        given = SimpleNamespace(**{item.name: getattr(config, item.name) for item in _FIELDS})
        given.allow_headers = _put_together(config.allow_headers)
        given.allow_origin_regex = config.allow_origin_regex or None
        options = CommonOptions(
            NAME,
            given,
            patterns,
            problems,
            flags=("allow_credentials",),
            strict=strict,
            dialect=replace(_DIALECT, written=written),
        )
        tables, credentials = options.tables, options.credentials
        methods = sorted(set(options.methods))
        names = sorted({name.lower() for name in options.names})
        any_method, any_header = "*" in methods, "*" in names
        listed_names = sorted({*names, *SAFELISTED_HEADERS})
        listed_methods = ALL_METHODS if any_method else methods
        responses = tables.responses._replace(
            actual_fields=(
                *readable(credentials, sorted(set(options.exposed))),
                # These two have no effect on an actual response, but the original sends them.
                (ALLOW_HEADERS, ", ".join(names)),
                (ALLOW_METHODS, ", ".join(methods)),
            ),
            preflight_fields=(
                *readable(credentials),
                *(() if any_header else ((ALLOW_HEADERS, ", ".join(listed_names)),)),
                *(((ALLOW_METHODS, ", ".join(listed_methods)),) if listed_methods else ()),
                (MAX_AGE, options.max_age),
            ),
            preflight_status=204,
            refused_preflight_status=400,
        )
        tables = allowing(
            tables, methods, listed_names, any_method=any_method, any_header=any_header
        )
        super().__init__(
            tables._replace(responses=responses), every=any_header, cross_site=cross_site
        )

    def allow(self, decision: Decision, scope: Scope, send: Send) -> Awaitable[None]:
        """Send the policy's answer with the requested names."""
        headers = [*decision.raw_headers]
        names = asked(scope).names
        if names:
            listed = ", ".join(sorted({*names, *SAFELISTED_HEADERS}))
            headers.append((_ALLOW_HEADERS, listed.encode("ascii")))
        return respond(send, 204, headers, b"")

    def refuse(self, decision: Decision, scope: Scope, send: Send) -> Awaitable[None]:
        """Answer with every reason for the rejection, and nothing about the policy."""
        failures = self.rejected(decision, asked(scope), ("method", "Origin", "headers"))
        body = f"Disallowed CORS {', '.join(failures or ['method'])}".encode("ascii")
        return respond(send, 400, [*decision.raw_headers, *plain_text(400, body)], body)


def _put_together(names: Any) -> Any:
    """Join a str that `CORSConfig` has split into its letters; return other names as they are."""
    if len(names) > 1 and all(isinstance(name, str) and len(name) == 1 for name in names):
        return "".join(names)
    return names


def _pattern(entry: Any) -> Any:
    """Return the regular expression for an origin that contains `*`, and others as they are."""
    if not isinstance(entry, str) or entry == "*" or "*" not in entry:
        return entry
    return re.compile(".*".join(map(re.escape, entry.split("*"))))


_DIALECT = Dialect('allow_origins=["*"]', "allow_origin_regex={}", made=_pattern)
