"""CORS for Falcon, WSGI and ASGI: takes the place of ``falcon.CORSMiddleware``.

    app = falcon.App(middleware=CORSMiddleware(allow_origins=["https://app.example.com"]))

The options, and what a browser is answered, are Falcon's own; docs/middleware/falcon.md lists
every difference. Falcon's automatic OPTIONS responder goes on naming the methods of a resource
in ``Allow``, which becomes Access-Control-Allow-Methods here.

Per request: the Origin is read from the dict that the request was made of, one
`policy.allows_origin` (two, where only some origins get credentials), and the fields go into
the dict that the response is made of. Falcon's accessors look up the same, several times
slower.

Place in the flow: Policy -> headers on a response.
Never: block a request (CORS is not access control); take away the application's Vary.
"""

from __future__ import annotations

import falcon

from .._engine.tables import empty_list
from .._proofs.ineffective import wrong_exposed_with, wrong_flags, wrong_names
from ..errors import PolicyError
from ._dropin.messages import DropInProblem, say
from ._dropin.policy import Tables, allow_any_header, lenient_policy
from ._dropin.vary import merged_vary
from ._generic.preload import preload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .._engine.select import Policy
    from ..errors import Problem

__all__ = ["CORSMiddleware"]

preload()

NAME = "corsfast.middleware.falcon"

# As Falcon keeps them in its dict of a response's fields: in lower case.
_ALLOW = "allow"
_ALLOW_ORIGIN = "access-control-allow-origin"
_ALLOW_CREDENTIALS = "access-control-allow-credentials"
_ALLOW_METHODS = "access-control-allow-methods"
_ALLOW_HEADERS = "access-control-allow-headers"
_ALLOW_PRIVATE_NETWORK = "access-control-allow-private-network"
_EXPOSE_HEADERS = "access-control-expose-headers"
_MAX_AGE = "access-control-max-age"
_VARY = "vary"

_REQUEST_METHOD = "Access-Control-Request-Method"
_REQUEST_HEADERS = "Access-Control-Request-Headers"
_REQUEST_PRIVATE_NETWORK = "Access-Control-Request-Private-Network"

# The fields by which a response lets an origin read it, or send another request.
_GRANTS = (
    _ALLOW_ORIGIN,
    _ALLOW_CREDENTIALS,
    _ALLOW_METHODS,
    _ALLOW_HEADERS,
    _ALLOW_PRIVATE_NETWORK,
    _EXPOSE_HEADERS,
    _MAX_AGE,
)


class CORSMiddleware(falcon.CORSMiddleware):  # type: ignore[misc]
    """Falcon's CORS middleware, compiled: for ``falcon.App`` and ``falcon.asgi.App``.

    Args:
        allow_origins: an origin, an iterable of them, or ``"*"`` (the default), which admits
            everybody. Matched exactly.
        expose_headers: names of response headers that pages may read, as one str or an
            iterable. None by default.
        allow_credentials: an origin, an iterable of them, or ``"*"`` for all that are allowed:
            those that may use cookies. None by default.
        allow_private_network: whether a preflight that asks for access to a private network
            is granted it. ``False`` by default.
        strict: whether insecure and dead settings are a PolicyError. ``False`` by default.

    Raises:
        ValueError: if ``"*"`` stands inside an iterable.
        TypeError: if `allow_credentials` is a bool.
        PolicyError: with ``strict``, holding every problem at once.

    Warns:
        CorsfastSecurityWarning: otherwise, once per risk.
        CorsfastDeadEntryWarning: otherwise, once per entry that matches nothing.
    """

    # A subclass, so that Falcon goes on refusing it beside ``cors_enable=True``.

    def __init__(
        self,
        allow_origins: str | Iterable[str] = "*",
        expose_headers: str | Iterable[str] | None = None,
        allow_credentials: str | Iterable[str] | None = None,
        allow_private_network: bool = False,
        *,
        strict: bool = False,
    ) -> None:
        credentials: object = allow_credentials  # whatever its type says
        if isinstance(credentials, bool):
            meant = "'*'" if credentials else "None"
            raise TypeError(
                f"allow_credentials holds origins, not {credentials}; write"
                f" allow_credentials={meant}"
            )
        super().__init__(allow_origins, expose_headers, allow_credentials)
        self.allow_private_network = allow_private_network
        with_credentials, without = _groups(self.allow_origins, self.allow_credentials)
        problems = _dead_credentials(self.allow_origins, self.allow_credentials)
        problems += empty_list("allow_origins", allow_origins)
        exposed = [name.strip() for name in (self.expose_headers or "").split(",")]
        if self.expose_headers is not None and exposed != [""]:
            wrong = wrong_exposed_with(bool(self.allow_credentials))
            problems += wrong_names("expose_headers", exposed, wrong)
        problems += wrong_flags([("allow_private_network", allow_private_network)])
        policies: list[Policy | None] = []
        for group, credentials in ((with_credentials, True), (without, False)):
            policy = None
            try:
                if any(group.values()):
                    policy = lenient_policy(
                        NAME, group, credentials=credentials, strict=strict, answer=_mirror
                    )
            except PolicyError as error:
                problems += error.problems
            policies.append(policy)
        say(NAME, problems, strict=strict)
        self._with_credentials, self._without = policies
        # Bound once: looking a method up per request costs more than calling it.
        trusting, admitting = policies
        self._trusts = None if trusting is None else trusting.allows_origin
        self._admits = None if admitting is None else admitting.allows_origin
        self._star = self.allow_origins == "*" and self.allow_credentials != "*"
        # Where everybody is answered the same, also those are who did not ask: a cache may
        # hand it to somebody who does.
        # https://fetch.spec.whatwg.org/#cors-protocol-and-http-caches
        self._same_for_all = self._star and self._with_credentials is None
        by_origin = () if self._same_for_all else ("Origin",)
        private = (_REQUEST_PRIVATE_NETWORK,) if allow_private_network else ()
        self._preflight_vary = (*by_origin, _REQUEST_METHOD, _REQUEST_HEADERS, *private)

    def process_response(
        self,
        req: Any,
        resp: Any,
        resource: object,
        req_succeeded: bool,
    ) -> None:
        """Work the policy into a response; Falcon calls this for every one."""
        # Requests over ASGI have no `env`. To know the class that has one, which nearly all are,
        # costs less than to ask.
        env = req.env if type(req) is falcon.Request else getattr(req, "env", None)
        if env is not None:
            origin = env.get("HTTP_ORIGIN")
        else:
            origin = req._asgi_headers.get(b"origin")
            if origin is not None:
                origin = origin.decode("latin-1")
        headers = resp._headers
        allowed: Policy | None = None
        if origin is None:
            if self._same_for_all:
                allowed = self._without
        elif self._trusts is not None and self._trusts(origin):
            allowed = self._with_credentials
        elif self._admits is not None and self._admits(origin):
            allowed = self._without
        if allowed is not None:
            # In place of what the application itself grants.
            if allowed is self._with_credentials:
                headers[_ALLOW_CREDENTIALS] = "true"
                headers[_ALLOW_ORIGIN] = origin
            else:
                headers.pop(_ALLOW_CREDENTIALS, None)
                headers[_ALLOW_ORIGIN] = "*" if self._star else origin
            if self.expose_headers:
                headers[_EXPOSE_HEADERS] = self.expose_headers
        elif origin is not None:
            for field in _GRANTS:
                headers.pop(field, None)
        if origin is not None and req.method == "OPTIONS":
            method = req.get_header(_REQUEST_METHOD)
            if method:
                # It is the application's own answer where it has a responder for OPTIONS.
                own = _answers_options(resource)
                if not own and allowed is not None:
                    self._be_willing(req, resp, allowed, origin, method, req_succeeded)
                    return
                if req_succeeded:
                    self._answer_preflight(req, headers, allowed, origin, method)
                    return
        if not self._same_for_all:
            if _VARY in headers:
                headers[_VARY] = merged_vary(headers[_VARY], ("Origin",))
            else:
                headers[_VARY] = "Origin"

    async def process_response_async(
        self, req: Any, resp: Any, resource: object, req_succeeded: bool
    ) -> None:
        """The same for ``falcon.asgi.App``, which wants a coroutine function."""
        self.process_response(req, resp, resource, req_succeeded)

    def _be_willing(
        self, req: Any, resp: Any, allowed: Policy, origin: str, method: str, succeeded: bool
    ) -> None:
        """Answer a preflight where no responder is for OPTIONS, whatever came of the request.

        Browsers take no error and no redirect for an answer. A sink, `on_request` and a request
        that never got to a resource allow the method that is asked for. The request that follows
        gets to the same responder or the same error.
        """
        headers = resp._headers
        names = req.get_header(_REQUEST_HEADERS)
        if allowed.preflight(origin, method, names).allowed:
            if not succeeded or not 200 <= resp.status_code < 300:
                resp.status = falcon.HTTP_200
                resp.text = resp.data = resp.media = resp.stream = None
                headers.pop("content-type", None)
                headers.pop("content-length", None)
                headers.pop("location", None)
            headers.setdefault(_ALLOW, method)
        self._answer_preflight(req, headers, allowed, origin, method)

    def _answer_preflight(
        self, req: Any, headers: dict[str, str], allowed: Policy | None, origin: str, method: str
    ) -> None:
        """Say what the resource allows, which Falcon or the application wrote to Allow."""
        headers[_VARY] = merged_vary(headers.get(_VARY, ""), self._preflight_vary)
        if allowed is None:
            return
        allow = headers.pop(_ALLOW, None)
        names = req.get_header(_REQUEST_HEADERS)
        # The names are sent back as they came, so they have to be a list of names, and short.
        if allow is None or not allowed.preflight(origin, method, names).allowed:
            for field in _GRANTS:
                headers.pop(field, None)
            return
        headers[_ALLOW_METHODS] = allow
        headers[_ALLOW_HEADERS] = "*" if names is None else names
        headers[_MAX_AGE] = "86400"
        headers.pop(_ALLOW_PRIVATE_NETWORK, None)
        if self.allow_private_network and req.get_header(_REQUEST_PRIVATE_NETWORK) == "true":
            headers[_ALLOW_PRIVATE_NETWORK] = "true"


def _answers_options(resource: object) -> bool:
    """Return whether a resource has a responder for OPTIONS, maybe with the suffix of a route."""
    return any(name.startswith("on_options") for name in dir(resource))


def _groups(
    origins: frozenset[str] | str, credentials: frozenset[str] | str
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The origins that get credentials, and the others; by the option that holds them."""
    everybody = ["*"] if isinstance(origins, str) else sorted(origins, key=str)
    if isinstance(credentials, str):
        return {"allow_origins": everybody}, {"allow_origins": []}
    if isinstance(origins, str):
        return {"allow_credentials": sorted(credentials, key=str)}, {"allow_origins": everybody}
    return (
        {"allow_origins": [origin for origin in everybody if origin in credentials]},
        {"allow_origins": [origin for origin in everybody if origin not in credentials]},
    )


def _dead_credentials(
    origins: frozenset[str] | str, credentials: frozenset[str] | str
) -> list[Problem]:
    """The entries of `allow_credentials` that Falcon never gets to: it looks for allowed ones."""
    if isinstance(origins, str) or isinstance(credentials, str):
        return []
    return [
        DropInProblem(
            "origin-not-allowed",
            "allow_credentials",
            entry,
            f"{entry!r} matches nothing: it is not in allow_origins. Add it there, or leave it"
            " out here.",
        )
        for entry in sorted(credentials - origins, key=str)
    ]


def _mirror(tables: Tables) -> None:
    """Any well-formed method and list of names: a browser compares them with the answer."""
    tables.any_method = True
    allow_any_header(tables)
