"""CORS for any WSGI application: Flask, Django, Pyramid, Bottle, your own.

    app = CORSMiddleware(app, allow_origins=["https://app.example.com"])

Wrap the whole application. Then preflights are answered before any authentication, as they have
to be, because they carry no credentials. Error pages also get the headers; without them a page
sees a CORS error instead of the status. (For Flask: `app.wsgi_app = CORSMiddleware(app.wsgi_app,
...)`.)

A request costs one `policy.wsgi(environ)`, and one `policy.apply_wsgi` for each call of
`start_response`. The application's iterable is returned to the server unchanged. Optional
features (paths, look-ups, reports) leave this fast path.

Never change a list of the application or the server, because its owner may use it again.
"""

from __future__ import annotations

from ._generic.arguments import Features
from ._generic.base import Featured
from ._generic.engine import WSGICall
from ._generic.policy_source import check_application
from ._generic.refusals import WSGIRefusals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Unpack
    from wsgiref.types import StartResponse, WSGIApplication

    from ._generic.arguments import Rules
    from ._generic.cross_site import GenericCrossSite
    from ._generic.policy_source import PolicyOptions, Source
    from .resolver import OriginResolver

__all__ = ["CORSMiddleware"]


class CORSMiddleware(Featured, WSGICall):
    """A WSGI application that wraps another one and adds the headers of one policy.

    Preflights are answered here, so the application does not see them. Every other request
    reaches the application, and all its responses get the headers, whatever their status.

    Args:
        app: the WSGI application.

    All other arguments are those of :class:`corsfast.middleware.asgi.CORSMiddleware`. There is no
    `websockets`, because WSGI has none.

    Raises:
        TypeError: for both a policy and options, for neither, for an unknown option, for
            arguments of other types.
        PolicyError: with all problems of the options or the rules together.
    """

    def __init__(
        self,
        app: WSGIApplication,
        policy: Source | None = None,
        *,
        paths: Rules | None = None,
        cross_site: GenericCrossSite = "allow",
        resolver: OriginResolver | None = None,
        report_only: Source | Rules | None = None,
        **options: Unpack[PolicyOptions],
    ) -> None:
        check_application(app, "a WSGI")
        features = Features(
            policy,
            options,
            paths=paths,
            cross_site=cross_site,
            resolver=resolver,
            report_only=report_only,
        )
        self._make(app, features, WSGIRefusals)

    def _by_selector(
        self, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        call: WSGIApplication = self.app
        if self._selector is not None:
            call = self._selector.handler_for(environ)
        return call(environ, start_response)
