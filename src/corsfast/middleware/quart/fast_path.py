"""The straight way of a response in Quart: what the hook does, if nothing is out of the ordinary.

That is nearly always: the config says nothing about CORS, the request came from a server, the
headers are Werkzeug's own, and it is no preflight. Everything else goes the long way, which is in
quart.py and would do the same here.

Place in the flow: Decision -> headers on a response; _native_straight.pxi is its twin, compiled.
Never: change anything before it is sure that this is its way; know Quart.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..._engine.select import Policy

# Both names are quart-cors's, so that either library heeds what the other one has done.
EXEMPT = "_quart_cors_exempt"
APPLIED = "_QUART_CORS_APPLIED"


class StraightWay:
    """One application's responses.

    Args:
        views: those of the application, by endpoint.
        names: what its config holds none of while the policies are these.
        kind: the class of headers that keep their pairs in `_list`.
        policy: the policy.
    """

    __slots__ = ("_kind", "_names", "_policy", "_views")

    def __init__(
        self,
        views: dict[str, Any],
        names: tuple[str, ...],
        kind: type[Any],
        policy: Policy,
        /,
    ) -> None:
        self._views = views
        self._names = names
        self._kind = kind
        self._policy = policy

    def go(
        self, config: Any, endpoint: Any, scope: Any, response: Any, headers: Any, pairs: Any, /
    ) -> bool:
        """Give a response its fields, unless it has them or is exempt.

        What nearly every call needs of these objects is read by who calls it, whose code the
        interpreter has specialised for just these attributes.

        Args:
            config: the application's.
            endpoint: of the request's rule, or None.
            scope: the request's.
            response: of Quart.
            headers: those of the response.
            pairs: `_list` of these.

        Returns:
            whether that is done; if not, nothing is.
        """
        if not config.keys().isdisjoint(self._names):
            return False
        if getattr(self._views.get(endpoint), EXEMPT, False) or hasattr(response, APPLIED):
            return True
        if type(headers) is not self._kind or not scope.get("headers"):
            return False
        decision = self._policy.asgi(scope)
        if decision.is_preflight:
            return False
        headers._list = self._policy.apply_wsgi(decision, pairs)
        return True
