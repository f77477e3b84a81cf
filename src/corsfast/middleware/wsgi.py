"""CORS for any WSGI application: Flask, Django, Pyramid, Bottle, your own.

    app = CORSMiddleware(app, allow_origins=["https://app.example.com"])

Wrap the whole application, from outside. Then preflights, which carry no credentials, are
answered before any authentication, and also error pages carry the headers without which a
page sees a CORS error instead of the status. (For Flask: `app.wsgi_app = CORSMiddleware(
app.wsgi_app, ...)`.)

Per request: one `policy.wsgi(environ)`, and one `policy.apply_wsgi` for each call of
`start_response`. The application's iterable is the server's: it is returned untouched.

Place in the flow: Decision -> headers on a response.
Never: block a request (CORS is not access control); write to a list of others.
"""

from __future__ import annotations

from .._backend import IMPLEMENTATION
from ._policy import policy_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Unpack
    from wsgiref.types import WSGIApplication

    from .._backend import Policy
    from ._calls import WSGICall
    from ._policy import PolicyOptions
elif IMPLEMENTATION == "native":
    from .._native import WSGICall
else:
    from ._calls import WSGICall

__all__ = ["CORSMiddleware"]


class CORSMiddleware(WSGICall):
    """A WSGI application around another one, with the headers of one policy.

    Preflights are answered here: the application does not see them. Every other request
    reaches it, and every response of it gets the headers, whatever its status.

    Args:
        app: the WSGI application.
        policy: a ready :class:`corsfast.Policy`; or leave it out and write its options here:
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

    Raises:
        TypeError: for a policy and options at once, for neither, for an unknown option.
        PolicyError: with every problem of the options at once.
    """

    def __init__(
        self,
        app: WSGIApplication,
        policy: Policy | None = None,
        **options: Unpack[PolicyOptions],
    ) -> None:
        super().__init__(app, policy_from(policy, options))
