"""CORS for Sanic: a replacement for the CORS of sanic-ext with its settings and decorator.

    app.config.CORS_ORIGINS = "https://app.example.com"
    add_cors(app)

    @app.get("/public")
    @cors(origin="*")
    async def public(request): ...

sanic-ext is optional. If it is installed, its own CORS is switched off and the rest of it stays.

Per request, there is one lookup of the Origin, one call of `policy.allows_origin`, and one `update`
of the response's headers with fields compiled at start-up. The middleware is not a coroutine
function. No request is blocked, because CORS is not access control, unless ``CORS_CROSS_SITE`` is
"refuse": then requests that another site has forged are answered 403. "report" only counts and logs
them.
"""

from __future__ import annotations

from functools import partial

from sanic.exceptions import SanicException
from sanic.response import empty, text

from ..._engine.headers import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    GRANTS,
    MAX_AGE,
    merged_vary,
    requested_names,
)
from ..._options.fetch import REQUEST_HEADERS, REQUEST_METHOD
from ...decision import Outcome
from .._generic.cross_site import VARY_OF_403, body_for
from .._generic.preload import preload
from .._generic.refused_log import Listed, Refused, listed_in, log_rejected_preflight
from .._generic.sent import sent_by
from .settings import (
    CompiledSettings,
    Settings,
    compile_settings,
    idle_in_route,
    idle_settings,
    settings_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable
    from datetime import timedelta
    from typing import Any, TypeVar

    from ...errors import Problem

    Handler = TypeVar("Handler", bound=Callable[..., Any])

__all__ = ["add_cors", "cors"]

preload()

_VARY = "vary"
_BY_ORIGIN = ("Origin",)
_BY_PREFLIGHT = (REQUEST_METHOD, REQUEST_HEADERS)

# Runs after sanic-ext's listener (-1000), which adds OPTIONS and HEAD handlers of its own.
_PRIORITY = -2_000

_NOT_GIVEN: Any = object()


def cors(
    *,
    origin: str | re.Pattern[str] | list[str | re.Pattern[str]] = _NOT_GIVEN,
    expose_headers: str | Iterable[str] = _NOT_GIVEN,
    allow_headers: str | Iterable[str] = _NOT_GIVEN,
    allow_methods: str | Iterable[str] = _NOT_GIVEN,
    supports_credentials: bool = _NOT_GIVEN,
    max_age: str | int | timedelta = _NOT_GIVEN,
) -> Callable[[Handler], Handler]:
    """Override the application's settings for the path of one handler.

    Settings that are left out come from the application. All handlers of a path share the
    settings of the last one that has any, as in sanic-ext, because a preflight is for all of them.
    """
    own = {name: value for name, value in locals().items() if value is not _NOT_GIVEN}

    def decorator(handler: Handler) -> Handler:
        handler.__corsfast__ = own  # type: ignore[attr-defined]
        return handler

    return decorator


def add_cors(app: Any, *, strict: bool = False) -> None:
    """Answer every request to a Sanic application according to its CORS_* settings.

    Call it once, after the settings are set and before sanic-ext is loaded (``app.extend``,
    ``Extend(app)``). Otherwise Sanic itself loads sanic-ext when the server starts.

    Args:
        app: the ``sanic.Sanic`` application.
        strict: whether insecure and unmatchable settings are a PolicyError. ``False`` by default.
            The settings of a route are checked when the server starts.

    Raises:
        SanicException: for ``CORS_ORIGINS="*"`` with CORS_SUPPORTS_CREDENTIALS, like sanic-ext.
        RuntimeError: if the application has CORS already.
        PolicyError: with ``strict``, holding every problem at once; for a wrong CORS_CROSS_SITE.

    Warns:
        CorsfastSecurityWarning: without ``strict``, once per risk.
        CorsfastUnmatchableWarning: without ``strict``, once per entry that matches nothing.
    """
    if hasattr(app.ctx, "cors"):
        raise RuntimeError(
            "this application already has CORS; call add_cors once, before sanic-ext is loaded,"
            " or load that with CORS=False"
        )
    config = app.config
    if config.get("CORS_ORIGINS") == "*" and config.get("CORS_SUPPORTS_CREDENTIALS"):
        raise SanicException(
            "CORS_ORIGINS='*' and CORS_SUPPORTS_CREDENTIALS let every site act as the user;"
            " list the origins"
        )
    config.CORS = False
    app.ctx.cors = _Middleware(app, strict)


class _Middleware:
    """The CORS of one application: ``app.ctx.cors``."""

    def __init__(self, app: Any, strict: bool) -> None:
        self._strict = strict
        self._made: dict[tuple[Settings, type], CompiledSettings] = {}
        wrong = idle_settings(app.config)
        self._answers = self._compiled(settings_of(app.config, {}), "CORS_ORIGINS", wrong)
        self._options = bool(app.config.get("CORS_AUTOMATIC_OPTIONS", True))
        # For a path without a route, where all methods are allowed.
        self._nowhere = self._answers, self._answers.allow_methods(())
        if self._answers.guard is not None:
            app.on_request(self._refuse_forged)
        app.on_response(self._apply)
        app.before_server_start(self._assign, priority=_PRIORITY)

    def _compiled(self, settings: Settings, option: str, wrong: list[Problem]) -> CompiledSettings:
        """Compile settings; equal settings are compiled, and warned about, only once."""
        origins = settings.origins
        key = settings, type(origins)
        if isinstance(origins, (list, set)):
            key = settings._replace(origins=tuple(origins)), type(origins)
        if key not in self._made:
            self._made[key] = compile_settings(settings, option, self._strict, wrong)
        return self._made[key]

    def _assign(self, app: Any) -> None:
        """Assign answers to every route, and an OPTIONS handler to those without one."""
        if self._options:
            _add_options(app)
        for group in app.router.groups.values():
            answers = self._answers
            for route in group:
                own = getattr(route.handler, "__corsfast__", None)
                if own is not None:
                    settings = settings_of(app.config, own)
                    wrong = idle_in_route(own, app.config, route.name)
                    answers = self._compiled(settings, f"origin of {route.name}", wrong)
            found = answers, answers.allow_methods(group.methods)
            for route in group:
                route.ctx.corsfast = found

    def _answers_of(self, route: Any) -> tuple[CompiledSettings, str]:
        """Return the answers of a route, which may be ``None``, and its methods."""
        return self._nowhere if route is None else getattr(route.ctx, "corsfast", self._nowhere)

    def _refuse_forged(self, request: Any) -> Any:
        """Answer 403 to a request that another site has forged."""
        answers, _ = self._answers_of(request.route)
        lines = request.headers.getall
        sent = sent_by(request.method, request.path, lambda name: lines(name.lower(), None))
        if answers.guard is None or not answers.guard.refuses(sent):
            return None
        return text(body_for(sent).decode(), 403, {_VARY: VARY_OF_403})

    def _apply(self, request: Any, response: Any) -> None:
        answers, methods = self._answers_of(request.route)
        if answers.allows is None:
            return
        headers = response.headers
        lines = request.headers.getall("origin", None)
        # With two Origin lines the origin is ambiguous, so it counts as missing.
        origin: Any = lines[0] if lines is not None and len(lines) == 1 else None
        allowed = origin is not None and answers.allows(origin)
        if origin is not None and not allowed and answers.log is not None:
            refused = Refused(origin, Outcome.ORIGIN_NOT_ALLOWED)
            answers.log.write(refused, request.headers.get("host"), request.method, request.path)
        is_options = self._options and request.method == "OPTIONS"
        if headers and lines is not None:
            # The other fields are replaced.
            for name in (ALLOW_CREDENTIALS,) if allowed and not is_options else GRANTS:
                if name in headers:
                    del headers[name]
        if is_options:
            known = answers.no_origin if lines is None else {}
            if allowed:
                known = {ALLOW_ORIGIN: "*" if answers.star else origin, **answers.actual}
            self._answer_options(request, response, answers, methods, known, origin)
            return
        if allowed:
            headers[ALLOW_ORIGIN] = "*" if answers.star else origin
            headers.update(answers.actual)
        elif lines is None:
            headers.update(answers.no_origin)
        if answers.varies:
            if _VARY in headers:
                _merge(headers, _BY_ORIGIN)
            else:
                headers[_VARY] = "Origin"

    def _answer_options(
        self,
        request: Any,
        response: Any,
        answers: CompiledSettings,
        methods: str,
        known: dict[str, str],
        origin: str | None,
    ) -> None:
        """Answer a preflight; any other OPTIONS gets no CORS headers, as in sanic-ext.

        Args:
            known: the fields that any request of this origin gets; without an Origin, the fields
                that are always sent; empty for a refused origin.
        """
        headers = response.headers
        _merge(headers, (*(_BY_ORIGIN if answers.varies else ()), *_BY_PREFLIGHT))
        method = request.headers.get(REQUEST_METHOD)
        if not known or not method:
            return
        lines = request.headers.getall(REQUEST_HEADERS, None)
        asked = None if lines is None else ",".join(lines)
        names = answers.allow_headers(asked)
        if names is None:
            return
        if origin is not None:
            methods = _be_willing(request, response, answers, methods, method)
        headers.update(known)
        for field, value in (
            (MAX_AGE, answers.max_age),
            (ALLOW_HEADERS, names),
            (ALLOW_METHODS, methods),
        ):
            if value:
                headers[field] = value
        if origin is not None:
            wanted = Refused(origin, Outcome.ALLOWED, method, asked)
            self._log_preflight(request, wanted, headers, answers)

    def _log_preflight(
        self, request: Any, wanted: Refused, sent: Any, answers: CompiledSettings
    ) -> None:
        if answers.log is None:
            return
        methods = Listed("the route", listed_in(sent.get(ALLOW_METHODS)))
        own = self._answers
        if answers.methods and not {wanted.method, "*"} & {*answers.methods}:
            option = "CORS_METHODS" if answers.methods == own.methods else "allow_methods"
            methods = Listed(option, answers.methods)
        is_own = answers.header_names == own.header_names
        names = Listed("CORS_ALLOW_HEADERS" if is_own else "allow_headers", answers.header_names)
        host = request.headers.get("host")
        answers.log.write_preflight(wanted, host, request.path, sent, methods, names)


def _be_willing(
    request: Any, response: Any, answers: CompiledSettings, methods: str, method: str
) -> str:
    """Answer an allowed preflight with 204 if it would be answered by an error or a redirect.

    Browsers accept neither, and the request that follows gets the same error or redirect. A handler
    for OPTIONS that the application wrote is left alone.

    Returns:
        The methods to allow: those of the route, or without a route the requested method.
    """
    if 200 <= response.status < 300 or requested_names(method) != [method]:
        return methods
    route = request.route
    if route is None:
        methods = answers.allow_methods((method,))
    elif not getattr(route.handler, "__auto_handler__", False) and "OPTIONS" in route.methods:
        log_rejected_preflight(response.status, request.path)
        return methods
    response.status, response.body = 204, None
    return methods


def _merge(headers: Any, names: tuple[str, ...]) -> None:
    headers[_VARY] = merged_vary(",".join(headers.getall(_VARY, ())), names)


def _add_options(app: Any) -> None:
    """Add an OPTIONS handler to each path that has none, as sanic-ext does if it is installed."""
    bare = [group for group in app.router.groups.values() if "OPTIONS" not in group.methods]
    if not bare:
        return
    app.router.reset()
    for group in bare:
        hosts = {requirements.get("host") for requirements in group.requirements if requirements}
        handler = partial(_options, methods=group.methods)
        handler.__auto_handler__ = True  # type: ignore[attr-defined] # not for sanic-ext's OpenAPI
        app.add_route(
            handler=handler,
            uri=group.uri,
            methods=["OPTIONS"],
            strict_slashes=group.strict,
            name=f"{group[0].name}_options",
            host=hosts or None,
            unquote=group.unquote,
        )
    app.finalize()


async def _options(
    request: Any,  # noqa: ARG001
    *,
    methods: Iterable[str],
    **path: Any,  # noqa: ARG001
) -> Any:
    response = empty()
    response.headers["allow"] = ",".join([*methods, "OPTIONS"])
    return response
