"""What every middleware is given: a ready policy, where to get one, or the options of one.

    source = Policy | PolicyHolder | a callable that returns one of these

Place in the flow: between the engines and the middlewares. What `reader_of` returns runs once per
request, where a source may change; everything else once per middleware.
Never: know a framework; know what an option means (Policy does).
"""

from __future__ import annotations

from ..._engine.select import Policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeGuard

    from ..._engine.holder import PolicyHolder
    from ..._options.spec import PolicyOptions as PolicyOptions  # noqa: PLC0414 - exported

    Source = Policy | PolicyHolder | Callable[[], Policy | PolicyHolder]


# Policies that one middleware has at once, by far; one more only costs time.
MAX_POLICIES = 256


def source_from(policy: Source | None, options: PolicyOptions) -> Source:
    """What was given, or a new policy made from the options.

    Raises:
        TypeError: for both, neither, or something that gives no policy.
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
    """Refuse what cannot be an application before the first request meets it.

    Raises:
        TypeError: with what to write instead.
    """
    if callable(app):
        return
    advice = "write CORSMiddleware(app, ...)"
    if is_policy(app) or _is_holder(app):
        advice = "the application comes first; write CORSMiddleware(app, policy)"
    elif isinstance(app, str):
        advice = "write the object that this names, not its name"
    raise TypeError(f"app must be {interface} application, not {type(app).__name__}; {advice}")


def check_source(what: str, source: object, advice: str) -> None:
    """Let only sources pass.

    Raises:
        TypeError: with the advice.
    """
    if is_policy(source) or _is_holder(source):
        return
    # A class is a slip of the pen (`Policy` for `policy`), though it can be called.
    if not callable(source) or isinstance(source, type):
        raise TypeError(
            f"{what} must be a corsfast.Policy, not {type(source).__name__}; a PolicyHolder or"
            f" a function that returns a policy will do, too; {advice}"
        )
    from inspect import Parameter, iscoroutinefunction, signature

    if iscoroutinefunction(source):
        raise TypeError(
            f"{what} must be a plain function, not a coroutine function; write a function that"
            " returns a policy which is there already, or use a PolicyHolder"
        )
    try:
        parameters = signature(source).parameters.values()
    except ValueError:  # written in C, and does not say
        return
    named = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    if any(p.default is p.empty and p.kind not in named for p in parameters):
        raise TypeError(f"{what} is called without arguments; write lambda: ... around it")


def is_policy(value: object) -> TypeGuard[Policy]:
    """Whether this is a policy; one of either engine, of which only one need be importable."""
    return hasattr(type(value), "apply_asgi")


def _is_holder(value: object) -> TypeGuard[PolicyHolder]:
    from ..._engine.holder import PolicyHolder

    return isinstance(value, PolicyHolder)


def reader_of(source: Any) -> Callable[[], Policy]:
    """What reads a source, once per request: a function that returns its policy, now.

    It raises TypeError if a callable returns neither a policy nor a holder.
    """
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
    """Something that is made once for each policy, and found again while that one is in use.

    Policies are told apart by identity: comparing them costs more than a decision. A callable
    that makes a new policy for each request keeps no more than `MAX_POLICIES` of them alive.
    """

    __slots__ = ("_make", "_made")

    def __init__(self, make: Callable[[Policy], Any]) -> None:
        self._make = make
        self._made: dict[int, tuple[Policy, Any]] = {}

    def of(self, policy: Policy) -> Any:
        # An entry holds its policy, so that no other has its id. Each step is atomic; two
        # threads may make the same thing twice, and the last one stays.
        entry = self._made.get(id(policy))
        if entry is not None:
            return entry[1]
        made = self._make(policy)
        if len(self._made) >= MAX_POLICIES:
            self._made = {}
        self._made[id(policy)] = policy, made
        return made
