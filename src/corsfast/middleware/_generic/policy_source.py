"""Sources of policies, which every middleware is given.

    source = Policy | PolicyHolder | a callable that returns one of these

The function that `reader_of` returns runs once per request. Everything else runs once per
middleware.
"""

from __future__ import annotations

from ..._engine.locks import new_lock
from ..._engine.select import Policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeGuard

    from ..._engine.holder import PolicyHolder
    from ..._options.spec import PolicyOptions as PolicyOptions  # noqa: PLC0414 - exported

    Source = Policy | PolicyHolder | Callable[[], Policy | PolicyHolder]


# Policies that come and go in one middleware, because a holder's is swapped or a callable chooses.
# An old one with a million origins takes more than 100 MiB. Exceeding it only costs time.
MAX_POLICIES = 8


def source_from(policy: Source | None, options: PolicyOptions) -> Source:
    """Return the given source, or a new policy made from the options.

    Raises:
        TypeError: for both, neither, or an object that does not give a policy.
        PolicyError: for wrong or dangerous options.
    """
    if policy is None:
        if not options:
            raise TypeError(
                "CORSMiddleware needs a policy; write CORSMiddleware(app, policy)"
                " or CORSMiddleware(app, allow_origins=[...])"
            )
        return Policy(**options)
    check_source(
        "policy",
        policy,
        "write CORSMiddleware(app, policy) or CORSMiddleware(app, allow_origins=[...])",
    )
    if options:
        from ..._options.spec import Spec
        from ..._proofs.ineffective import wrong_options

        unknown = {name: value for name, value in options.items() if name not in Spec.OPTIONS}
        if unknown:
            raise TypeError(wrong_options(unknown))
        raise TypeError(
            "CORSMiddleware takes a policy or the options of one, not both; write"
            f" {', '.join(options)} into corsfast.Policy(...)"
        )
    return policy


def check_application(app: object, interface: str) -> None:
    """Raise TypeError, before the first request, if an object cannot be an application."""
    if callable(app):
        return
    advice = "write CORSMiddleware(app, ...)"
    if is_policy(app) or _is_holder(app):
        advice = "the application comes first; write CORSMiddleware(app, policy)"
    elif isinstance(app, str):
        advice = "write the object that this names, not its name"
    raise TypeError(f"app must be {interface} application, not {type(app).__name__}; {advice}")


def check_source(what: str, source: object, advice: str) -> None:
    """Raise TypeError, which ends with the advice, if an object is not a source."""
    if is_policy(source) or _is_holder(source):
        return
    # A class can be called, but it is a mistake (`Policy` for `policy`).
    if not callable(source) or isinstance(source, type):
        raise TypeError(
            f"{what} must be a corsfast.Policy, a PolicyHolder or a function that returns a"
            f" policy, not {type(source).__name__}; {advice}"
        )
    from inspect import Parameter, iscoroutinefunction, signature

    if iscoroutinefunction(source):
        raise TypeError(
            f"{what} must be a plain function, not a coroutine function; write a function that"
            " returns an existing policy, or use a PolicyHolder"
        )
    try:
        parameters = signature(source).parameters.values()
    except ValueError:  # written in C, without a signature
        return
    named = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    if any(p.default is p.empty and p.kind not in named for p in parameters):
        raise TypeError(f"{what} is called without arguments; write lambda: ... around it")


def is_policy(value: object) -> TypeGuard[Policy]:
    """Return whether an object is a policy of either engine, without importing the other one."""
    return hasattr(type(value), "apply_asgi")


def _is_holder(value: object) -> TypeGuard[PolicyHolder]:
    from ..._engine.holder import PolicyHolder

    return isinstance(value, PolicyHolder)


def reader_of(source: Any) -> Callable[[], Policy]:
    """Return a function that returns the current policy of a source."""
    if is_policy(source):
        return lambda: source
    if _is_holder(source):
        return lambda: source.policy

    def call() -> Policy:
        found = source()
        if is_policy(found):
            return found
        if _is_holder(found):
            return found.policy
        raise TypeError(
            "the callable given as policy must return a corsfast.Policy or a PolicyHolder, not"
            f" {type(found).__name__}"
        )

    return call


class PerPolicy:
    """A cache of objects that are made from policies.

    Policies are compared by identity, because comparing their contents costs more than a
    decision. An entry keeps its policy alive, so only the newest entries are kept.

    Args:
        make: returns the object of a policy.
        most: how many entries are kept.
    """

    def __init__(self, make: Callable[[Policy], Any], most: int = MAX_POLICIES) -> None:
        self._make = make
        self._most = most
        self._made: dict[int, tuple[Policy, Any]] = {}
        self._lock = new_lock()

    def of(self, policy: Policy) -> Any:
        # No other policy can get the id of a policy that an entry keeps alive. Two threads may make
        # the same object twice; the last one is kept.
        entry = self._made.get(id(policy))
        if entry is not None:
            return entry[1]
        made = self._make(policy)
        with self._lock:
            self._made[id(policy)] = policy, made
            oldest = next(iter(self._made)) if len(self._made) > self._most else None
            # Freeing a policy may run any code, so do it after the lock is released.
            old = self._made.pop(oldest) if oldest is not None else None
        del old
        return made
