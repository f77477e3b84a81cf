"""A policy that can be swapped while requests are served.

    holder = corsfast.PolicyHolder(policy)
    app = CORSMiddleware(app, holder)
    holder.policy = other        # from any thread; the next request meets it

Place in the flow: right of the engines; the middlewares read it once per request.
Never: change a policy (they are immutable), or hold anything else.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .select import Policy

__all__ = ["PolicyHolder"]


class PolicyHolder:
    """Holds one :class:`corsfast.Policy`, which may be replaced at any time.

    Reading and setting `policy` are atomic, with and without the GIL: a request is decided and
    answered by the one policy that it met, before or after the swap. The new policy is made
    first, so a wrong one raises where it is made and the old one stays.

    Args:
        policy: the first policy.

    Raises:
        TypeError: for anything that is not a policy, here and when `policy` is set.
    """

    __slots__ = ("__weakref__", "_policy")
    _policy: Policy

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    @property
    def policy(self) -> Policy:
        """The policy in force; set it to swap."""
        return self._policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        # A policy of either engine will do, and only one of them need be importable.
        if not hasattr(type(policy), "apply_asgi"):
            raise TypeError(
                f"a PolicyHolder holds a corsfast.Policy, not {type(policy).__name__};"
                " write PolicyHolder(corsfast.Policy(allow_origins=[...]))"
            )
        self._policy = policy

    def __repr__(self) -> str:
        return f"PolicyHolder({self._policy!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self._policy,)
