"""CORS for Falcon, WSGI and ASGI: replaces ``falcon.CORSMiddleware``.

    app = falcon.App(middleware=CORSMiddleware(allow_origins=["https://app.example.com"]))

The options and the answers are Falcon's own; docs/middleware/falcon.md lists every difference.
Falcon's automatic OPTIONS responder still names the methods of a resource in ``Allow``, which
becomes Access-Control-Allow-Methods here.

A request costs one `policy.allows_origin`, or two if only some origins get credentials.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from functools import lru_cache

import falcon

from .._engine.headers import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    ALLOW_PRIVATE_NETWORK,
    EXPOSE_HEADERS,
    GRANTS,
    MAX_AGE,
    merged_vary,
)
from .._engine.select import Policy
from .._engine.tables import empty_list
from .._options import fetch
from .._proofs.ineffective import wrong_exposed_with, wrong_flags, wrong_names
from ..decision import Outcome
from ..errors import PolicyError
from ._dropin.messages import DropInProblem, say
from ._dropin.policy import allowing, lenient_tables
from ._generic.cross_site import VARY_OF_403, CrossSiteGuard, body_for, checked
from ._generic.preload import preload
from ._generic.refused_log import (
    Listed,
    Refused,
    RefusedLog,
    listed_in,
    log_rejected_preflight,
)
from ._generic.sent import Sent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ..errors import Problem
    from ._generic.cross_site import CrossSite

    _Original = falcon.CORSMiddleware[Any, Any]
else:
    _Original = falcon.CORSMiddleware

__all__ = ["CORSMiddleware"]

preload()

NAME = "corsfast.middleware.falcon"

# In lower case, as in Falcon's dict of a response's fields.
_ALLOW = "allow"
_VARY = "vary"


class CORSMiddleware(_Original):  # type: ignore[misc, valid-type]
    """Falcon's CORS middleware, compiled, for ``falcon.App`` and ``falcon.asgi.App``.

    Args:
        allow_origins: an origin, an iterable of origins, or ``"*"`` (the default) for any.
            Origins are matched exactly.
        expose_headers: names of response headers that pages may read, as one str or an
            iterable. None by default.
        allow_credentials: the origins that may use cookies: an origin, an iterable of origins,
            or ``"*"`` for all that are allowed. None by default.
        allow_private_network: whether a preflight may ask for a private network. ``False`` by
            default.
        strict: whether insecure settings and entries that match nothing are errors. ``False``
            by default.
        cross_site: ``"refuse"`` answers requests that another site has forged with 403;
            ``"report"`` only counts and logs them. ``"allow"`` by default.

    Raises:
        ValueError: if an iterable contains ``"*"``.
        TypeError: if `allow_credentials` is a bool.
        PolicyError: with ``strict``, with all problems together; for a wrong `cross_site`.

    Warns:
        CorsfastSecurityWarning: otherwise, once per risk.
        CorsfastUnmatchableWarning: otherwise, once per entry that matches nothing.
    """

    # A subclass of Falcon's, because Falcon rejects that class together with ``cors_enable=True``.

    def __init__(
        self,
        allow_origins: str | Iterable[str] = "*",
        expose_headers: str | Iterable[str] | None = None,
        allow_credentials: str | Iterable[str] | None = None,
        allow_private_network: bool = False,
        *,
        strict: bool = False,
        cross_site: CrossSite = "allow",
    ) -> None:
        credentials: object = allow_credentials  # callers may pass another type
        if isinstance(credentials, bool):
            meant = "'*'" if credentials else "None"
            raise TypeError(
                f"allow_credentials holds origins, not {credentials}; write"
                f" allow_credentials={meant}"
            )
        super().__init__(allow_origins, expose_headers, allow_credentials)
        self.allow_private_network = allow_private_network
        with_credentials, without = _groups(self.allow_origins, self.allow_credentials)
        problems = _unused_credentials(self.allow_origins, self.allow_credentials)
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
                    tables = lenient_tables(NAME, group, credentials=credentials, strict=strict)
                    # Allow any valid method and names, because the browser compares the answer.
                    tables = allowing(tables, (), (), any_method=True, any_header=True)
                    policy = Policy._from_tables(tables)
            except PolicyError as error:
                problems += error.problems
            policies.append(policy)
        say(NAME, problems, strict=strict)
        self._with_credentials, self._without = policies
        # Bound once: looking a method up per request costs more than calling it.
        trusting, others = policies
        # A near miss is in the option that lists the origins without credentials, or in the other.
        listed = others or trusting
        self._log = None if listed is None else RefusedLog(listed)
        if checked(cross_site) != "allow":
            self._guard = self._make_guard(cross_site)
            # Falcon calls these only if they exist, so other applications do not pay for them.
            self.process_request: Any = self._refuse_forged
            self.process_request_async: Any = self._refuse_forged_async
        self._trusts = None if trusting is None else trusting.allows_origin
        self._allows = None if others is None else others.allows_origin
        self._star = self.allow_origins == "*" and self.allow_credentials != "*"
        # If every origin gets the same fields, a response to a request without an Origin gets
        # them, too, because a cache may reuse it for a request with one.
        # https://fetch.spec.whatwg.org/#cors-protocol-and-http-caches
        self._same_for_all = self._star and self._with_credentials is None
        by_origin = () if self._same_for_all else ("Origin",)
        private = (fetch.REQUEST_PRIVATE_NETWORK,) if allow_private_network else ()
        self._preflight_vary = (*by_origin, fetch.REQUEST_METHOD, fetch.REQUEST_HEADERS, *private)

    def _make_guard(self, cross_site: CrossSite) -> CrossSiteGuard:
        """Return the guard for all listed origins, with and without credentials."""
        options = {"allow_origins": self.allow_origins, "allow_credentials": self.allow_credentials}
        listed = {
            option: [] if isinstance(value, str) else sorted(value, key=str)
            for option, value in options.items()
        }
        tables = lenient_tables(NAME, listed, credentials=False, tell=lambda *_: None)
        policy = Policy._from_tables(tables)
        if self._log is None or any(listed.values()):
            self._log = RefusedLog(policy)  # a near miss may be in either option
        return CrossSiteGuard(policy, self._log, cross_site)

    def _refuse_forged(self, req: Any, _resp: Any) -> None:
        """Answer 403 to a request that another site has forged, as Falcon answers errors."""
        sent = Sent(
            req.method,
            req.get_header("Origin"),
            req.get_header(fetch.SEC_FETCH_SITE),
            req.get_header("Host"),
            req.path,
        )
        if self._guard.refuses(sent):
            reason = body_for(sent).decode().strip()
            headers = {"Vary": VARY_OF_403}
            raise falcon.HTTPForbidden(
                title="Cross-site request", description=reason, headers=headers
            )

    async def _refuse_forged_async(self, req: Any, resp: Any) -> None:
        self._refuse_forged(req, resp)

    def process_response(self, req: Any, resp: Any, resource: object, req_succeeded: bool) -> None:
        """Add the policy's fields to a response; Falcon calls this for each one."""
        # Nearly all requests are of this class, whose `get_header` costs more than all the rest.
        if type(req) is falcon.Request:
            origin = req.env.get("HTTP_ORIGIN")
        else:
            origin = req.get_header("Origin")
        headers = _headers_of(resp)
        allowed: Policy | None = None
        if origin is None:
            if self._same_for_all:
                allowed = self._without
        elif self._trusts is not None and self._trusts(origin):
            allowed = self._with_credentials
        elif self._allows is not None and self._allows(origin):
            allowed = self._without
        if allowed is not None:
            # Replace the fields that the application itself has set.
            if allowed is self._with_credentials:
                headers[ALLOW_CREDENTIALS] = "true"
                headers[ALLOW_ORIGIN] = origin
            else:
                headers.pop(ALLOW_CREDENTIALS, None)
                headers[ALLOW_ORIGIN] = "*" if self._star else origin
            if self.expose_headers:
                headers[EXPOSE_HEADERS] = self.expose_headers
        elif origin is not None:
            if self._log is not None:
                refused = Refused(origin, Outcome.ORIGIN_NOT_ALLOWED)
                self._log.write(refused, req.get_header("Host"), req.method, req.path)
            for field in GRANTS:
                headers.pop(field, None)
        if origin is not None and req.method == "OPTIONS":
            method = req.get_header(fetch.REQUEST_METHOD)
            if method:
                # If the resource has a responder for OPTIONS, the answer is the application's own.
                own = _answers_options(resource)
                if not own and allowed is not None:
                    self._be_willing(req, resp, allowed, origin, method, req_succeeded)
                    return
                if own and allowed is not None:
                    log_rejected_preflight(resp.status_code, req.path)
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
        """Do the same for ``falcon.asgi.App``, which needs a coroutine function."""
        self.process_response(req, resp, resource, req_succeeded)

    def _be_willing(
        self, req: Any, resp: Any, allowed: Policy, origin: str, method: str, succeeded: bool
    ) -> None:
        """Answer a preflight if no responder handles OPTIONS, whatever the response so far.

        Browsers reject an error or a redirect as an answer to a preflight. If the response came
        from a sink or `on_request`, or if the request reached no resource, the requested method
        is allowed. The request that follows gets the same responder or the same error.
        """
        headers = _headers_of(resp)
        names = req.get_header(fetch.REQUEST_HEADERS)
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
        self,
        req: Any,
        headers: MutableMapping[str, str],
        allowed: Policy | None,
        origin: str,
        method: str,
    ) -> None:
        """Send the methods of the resource, which Falcon or the application wrote to Allow."""
        headers[_VARY] = merged_vary(headers.get(_VARY, ""), self._preflight_vary)
        if allowed is None:
            return
        allow = headers.pop(_ALLOW, None)
        names = req.get_header(fetch.REQUEST_HEADERS)
        # The names are echoed, so they must be a valid and short list of names.
        if allow is None or not allowed.preflight(origin, method, names).allowed:
            for field in GRANTS:
                headers.pop(field, None)
            return
        headers[ALLOW_METHODS] = allow
        headers[ALLOW_HEADERS] = "*" if names is None else names
        headers[MAX_AGE] = "86400"
        headers.pop(ALLOW_PRIVATE_NETWORK, None)
        if self.allow_private_network and req.get_header(fetch.REQUEST_PRIVATE_NETWORK) == "true":
            headers[ALLOW_PRIVATE_NETWORK] = "true"
        if self._log is not None:
            asked = Refused(origin, Outcome.ALLOWED, method, names)
            # The names are echoed, and the methods are those of the resource.
            listed = Listed("the resource", listed_in(allow))
            host = req.get_header("Host")
            self._log.write_preflight(asked, host, req.path, headers, listed, Listed("", ()))


class _Headers(MutableMapping[str, str]):
    """The headers of a response by Falcon's public methods."""

    def __init__(self, resp: Any) -> None:
        self._resp = resp

    def __getitem__(self, name: str) -> str:
        value: str | None = self._resp.get_header(name)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: str) -> None:
        self._resp.set_header(name, value)

    def __delitem__(self, name: str) -> None:
        self._resp.delete_header(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._resp.headers)

    def __len__(self) -> int:
        return len(self._resp.headers)


def _headers_of(resp: Any) -> MutableMapping[str, str]:
    """Return the headers of a response, by names in lower case.

    They are in a private attribute, seen in Falcon 4.4. By the public methods alone, a request
    without an Origin would cost more than with Falcon's own class.
    """
    try:
        return resp._headers  # type: ignore[no-any-return]
    except AttributeError:
        return _Headers(resp)


def _answers_options(resource: Any) -> bool:
    """Return whether a resource has a responder for OPTIONS, with or without a route's suffix."""
    own = getattr(resource, "__dict__", ())
    return _class_answers_options(type(resource)) or _names_options(own)  # type: ignore[arg-type]


@lru_cache(maxsize=1024)
def _class_answers_options(cls: type) -> bool:
    # Falcon looks for responders when a route is added, so a class that changes later is the same.
    return _names_options(dir(cls))


def _names_options(names: Iterable[str]) -> bool:
    return any(name.startswith("on_options") for name in names)


def _groups(
    origins: frozenset[str] | str, credentials: frozenset[str] | str
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return the origins that get credentials, and the others, each under their option."""
    every_origin = ["*"] if isinstance(origins, str) else sorted(origins, key=str)
    if isinstance(credentials, str):
        return {"allow_origins": every_origin}, {"allow_origins": []}
    if isinstance(origins, str):
        return {"allow_credentials": sorted(credentials, key=str)}, {"allow_origins": every_origin}
    return (
        {"allow_origins": [origin for origin in every_origin if origin in credentials]},
        {"allow_origins": [origin for origin in every_origin if origin not in credentials]},
    )


def _unused_credentials(
    origins: frozenset[str] | str, credentials: frozenset[str] | str
) -> list[Problem]:
    """Return a problem for each entry of `allow_credentials` that `allow_origins` lacks.

    Such an entry never matches, because Falcon gives credentials to allowed origins only.
    """
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
