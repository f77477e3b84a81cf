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

from ._policy import policy_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Unpack
    from wsgiref.types import StartResponse, WSGIApplication

    from .._backend import Decision, Policy
    from ._policy import PolicyOptions

__all__ = ["CORSMiddleware"]

# WSGI wants a phrase after the status and no client reads it; these two are the usual ones.
_PHRASES = {204: "No Content", 403: "Forbidden"}


class CORSMiddleware:
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
        self.app = app
        self._policy = policy = policy_from(policy, options)
        # Bound once: looking a method up per request costs more than calling it.
        self._decide = policy.wsgi
        self._apply = policy.apply_wsgi

    @property
    def policy(self) -> Policy:
        """The policy in force. Read-only."""
        return self._policy

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        decision = self._decide(environ)
        if decision.is_preflight:
            return _answer(decision, start_response)
        apply = self._apply

        def start_with_cors(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Any:
            headers = apply(decision, headers)
            # The server gets as many arguments as the application gave.
            if exc_info is None:
                return start_response(status, headers)
            return start_response(status, headers, exc_info)

        return self.app(environ, start_with_cors)


def _answer(decision: Decision, start_response: StartResponse) -> Iterable[bytes]:
    """Give the whole answer to a preflight."""
    headers = list(decision.headers)
    # https://www.rfc-editor.org/rfc/rfc9110#section-8.6: none with 204; with any other status
    # its absence would make servers send a chunked body or close the connection.
    if decision.status != 204:
        headers.append(("Content-Length", "0"))
    phrase = _PHRASES.get(decision.status or 0, "OK")
    start_response(f"{decision.status} {phrase}", headers)
    return []
