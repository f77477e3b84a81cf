"""CORS for any WSGI application: Flask, Django, Pyramid, Bottle, your own.

    app = CORSMiddleware(app, allow_origins=["https://app.example.com"])

Wrap the whole application, from outside. Then preflights, which carry no credentials, are
answered before any authentication, and also error pages carry the headers without which a
page sees a CORS error instead of the status. (For Flask: `app.wsgi_app = CORSMiddleware(
app.wsgi_app, ...)`.)

Per request: one `policy.wsgi(environ)`, and one `policy.apply_wsgi` for each call of
`start_response`. The application's iterable is the server's: it is returned untouched. What else
can be asked for (paths, look-ups, reports) is a detour from that way.

Place in the flow: Decision -> headers on a response.
Never: block a request unasked (CORS is not access control); write to a list of others.
"""

from __future__ import annotations

from ._generic.arguments import Features
from ._generic.base import Featured
from ._generic.engine import WSGICall
from ._generic.policy_source import check_application, is_policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Unpack
    from wsgiref.types import StartResponse, WSGIApplication

    from ._generic.arguments import Rules
    from ._generic.policy_source import PolicyOptions, Source
    from .resolver import OriginResolver

__all__ = ["CORSMiddleware"]


class CORSMiddleware(Featured, WSGICall):
    """A WSGI application around another one, with the headers of one policy.

    Preflights are answered here: the application does not see them. Every other request
    reaches it, and every response of it gets the headers, whatever its status.

    Args:
        app: the WSGI application.
        policy: a ready :class:`corsfast.Policy`; a :class:`corsfast.PolicyHolder`, whose policy
            may be swapped at any time; or a callable without arguments that returns one of
            them, called once per request (also when `policy` is read). Or leave it out and
            write its options here:
        allow_origins: origins, patterns and ``re.Pattern`` objects, or ``"*"``. Required.
        allow_methods: methods beyond GET, HEAD and POST, or ``"*"``. None by default.
        allow_headers: request-header names, or ``"*"``. The safelisted ones by default.
        expose_headers: response-header names that pages may read. None by default.
        allow_credentials: whether cookies may be used. ``False`` by default.
        max_age: how many seconds a preflight is remembered, or ``None``. 600 by default.
        preflight_status: the status of an allowed preflight. 204 by default.
        existing: ``"replace"`` (default) or ``"keep"`` the application's own
            Access-Control-Allow-Origin.
        timing_allow_origin: whether allowed requests also get Timing-Allow-Origin, with the
            same value. ``False`` by default.
        dangerously_tolerate: names of risks to accept. None by default.
        paths: policies by path, in place of one: ``{"/api/*": policy, "/login": {...}}``, each a
            policy, a holder, a callable, a dict of options, or ``None``. A path without a rule
            gets no CORS at all. See `paths.py` for what a rule covers.
        block_refused: ``True`` answers 403, in place of the application, to requests from
            origins that are not allowed; never to same-origin requests, and never to
            requests without an Origin. ``False`` by default.
        resolver: an :class:`~corsfast.middleware.resolver.OriginResolver`, which looks up
            origins that the policy does not list.
        report_only: a candidate for `policy` or `paths`, given in the same way, which enforces
            nothing: where its outcomes differ is counted in `report` and logged
            ("corsfast.report_only").

    Raises:
        TypeError: for a policy and options at once, for neither, for an unknown option, for
            arguments of other types.
        PolicyError: with every problem of the options, or of the rules, at once.
    """

    def __init__(
        self,
        app: WSGIApplication,
        policy: Source | None = None,
        *,
        paths: Rules | None = None,
        block_refused: bool = False,
        resolver: OriginResolver | None = None,
        report_only: Source | Rules | None = None,
        **options: Unpack[PolicyOptions],
    ) -> None:
        check_application(app, "a WSGI")
        features = Features(
            policy,
            options,
            paths=paths,
            block_refused=block_refused,
            resolver=resolver,
            report_only=report_only,
        )
        from ._generic.wsgi_refusals import detours, flow_of

        self._features = features
        self._flow = None
        if is_policy(features.source) and features.candidate is None:
            super().__init__(app, features.source, **detours(app, features.source, features))
        else:
            self._flow = flow_of(app, features)
            super().__init__(app, None, on_all=self._by_flow)

    def _by_flow(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        call: WSGIApplication = self.app
        if self._flow is not None:
            call = self._flow.call_of(environ)
        return call(environ, start_response)
