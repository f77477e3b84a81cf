"""A policy that can be replaced while requests are served.

    holder = corsfast.PolicyHolder(policy)
    app = CORSMiddleware(app, holder)
    holder.policy = other        # from any thread; the next request uses it

The middlewares read the policy once per request.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .select import Policy

__all__ = ["PolicyHolder"]


class PolicyHolder:
    """A holder of one :class:`corsfast.Policy` that can be replaced at any time.

    Reading and setting `policy` are atomic, with and without the GIL: each request uses a single
    policy, either the old or the new one. The new policy is compiled first, so an error in it is
    raised there and the old policy stays.

    Args:
        policy: the first policy.

    Raises:
        TypeError: if the value is not a policy, here and when `policy` is set.
    """

    __slots__ = ("__weakref__", "_policy")
    _policy: Policy

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    @property
    def policy(self) -> Policy:
        """The current policy. Set it to replace the policy."""
        return self._policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        # A policy of either engine is valid, and only one engine may be importable.
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
