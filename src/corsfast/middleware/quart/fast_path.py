"""The fast path of a response in Quart.

It applies to nearly all responses: the config says nothing about CORS, the request came from a
server, the headers are Werkzeug's own class, and the request is not a preflight. Everything else
takes the slow path in the package, which gives the same result. So the fast path must not change
anything before it is sure to apply. The engine has a compiled version of this class.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..._engine.select import Policy

# Both names are quart-cors's, so that each library respects what the other has done.
EXEMPT = "_quart_cors_exempt"
APPLIED = "_QUART_CORS_APPLIED"


class StraightWay:
    """The fast path for one application's responses.

    Args:
        views: the application's view functions, by endpoint.
        names: config names that must be unset for the policy to apply.
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
        """Set the fields of a response, unless it has them or is exempt.

        The caller reads the attributes that nearly every call needs, because the interpreter
        specializes the caller's code for these attributes.

        Args:
            config: the application's.
            endpoint: of the request's rule, or None.
            scope: the request's.
            response: of Quart.
            headers: the response's.
            pairs: the `_list` of `headers`.

        Returns:
            whether the response is done. If not, nothing was changed.
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
