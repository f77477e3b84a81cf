"""What every middleware is given: a ready policy, or the options of one.

Place in the flow: between the engines and the middlewares. Runs once per middleware.
Never: know a framework; know what an option means (Policy does).
"""

from __future__ import annotations

from .._backend import Policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterable
    from typing import Literal, TypedDict

    from ..patterns import Within

    class PolicyOptions(TypedDict, total=False):
        """The options of :class:`corsfast.Policy`, for type checkers and editors."""

        allow_origins: Iterable[str | re.Pattern[str] | Within]
        allow_methods: Iterable[str]
        allow_headers: Iterable[str]
        expose_headers: Iterable[str]
        allow_credentials: bool
        max_age: int | None
        preflight_status: int
        existing: Literal["replace", "keep"]
        timing_allow_origin: bool
        dangerously_tolerate: Iterable[str]


def policy_from(policy: Policy | None, options: PolicyOptions) -> Policy:
    """The given policy, or a new one made from the options.

    Raises:
        TypeError: for both, neither, or something that is not a policy.
        PolicyError: for wrong or dangerous options.
    """
    if policy is None:
        if not options:
            raise TypeError(
                "CORSMiddleware needs a policy; write CORSMiddleware(app, policy)"
                " or CORSMiddleware(app, allow_origins=[...])"
            )
        return Policy(**options)
    # A policy of either engine will do, and only one of them need be importable.
    if not hasattr(type(policy), "apply_asgi"):
        raise TypeError(
            f"policy must be a corsfast.Policy, not {type(policy).__name__};"
            " write CORSMiddleware(app, policy) or CORSMiddleware(app, allow_origins=[...])"
        )
    if options:
        raise TypeError(
            "CORSMiddleware takes a policy or the options of one, not both; write"
            f" {', '.join(options)} into corsfast.Policy(...)"
        )
    return policy
