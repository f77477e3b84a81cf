"""Read and check the arguments of the generic middlewares, once for each middleware."""

from __future__ import annotations

from ...errors import PolicyError, Problem, changed
from .cross_site import GENERIC_WORDS, wrong_words
from .policy_source import check_source, is_policy, source_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal

    from ..paths import PathRules
    from ..resolver import OriginResolver
    from .cross_site import GenericCrossSite
    from .policy_source import PolicyOptions, Source

    Rules = Mapping[str, "Source | PolicyOptions | None"]


class Features:
    """The checked arguments of a middleware.

    source      None => `paths` decides
    paths       None => every path has the policy of `source`
    cross_site  one of GENERIC_WORDS
    candidate   the value of `report_only`: a source, rules, or None
    websockets  None => WSGI, which has no WebSockets
    """

    __slots__ = ("candidate", "cross_site", "paths", "resolver", "source", "websockets")
    source: Source | None
    paths: PathRules | None
    websockets: Literal["check", "pass"] | None
    cross_site: GenericCrossSite
    resolver: OriginResolver | None
    candidate: Source | PathRules | None

    def __init__(
        self,
        policy: Source | None,
        options: PolicyOptions,
        *,
        paths: Rules | None = None,
        websockets: Any = None,
        cross_site: Any = "allow",
        resolver: Any = None,
        report_only: Source | Rules | None = None,
        is_async: bool = False,
    ) -> None:
        if paths is None:
            self.source, self.paths = source_from(policy, options), None
        else:
            check_alone("CORSMiddleware", policy, options)
            self.source, self.paths = None, read_rules(paths, "paths")
        problems = []
        if is_async and websockets not in ("check", "pass"):
            message = f"{websockets!r} is neither 'check' nor 'pass'."
            problems.append(Problem("choice", "websockets", websockets, message, hint="'check'"))
        problems += wrong_words(cross_site, words=GENERIC_WORDS)
        if problems:
            raise PolicyError(problems, "the arguments")
        self.websockets = websockets
        self.cross_site = cross_site
        self.resolver = _read_resolver(resolver, self, is_async)
        self.candidate = _read_candidate(report_only)


def check_alone(who: str, policy: object, options: object) -> None:
    """Raise TypeError if a policy or options are given together with `paths`."""
    if policy is not None or options:
        raise TypeError(
            f"{who} takes paths or a policy, not both; write the policy of all other paths as"
            ' paths={..., "/*": policy}'
        )


def read_rules(given: Mapping[str, Any], option: str) -> PathRules:
    """Compile rules by path, and make the policies of those that hold options.

    Raises:
        TypeError: for a target that does not give a policy.
        PolicyError: with all problems of the rules and of their options together.
    """
    from ..paths import PathRules

    rules: dict[Any, Any] = {}
    problems: list[Problem] = []
    if not hasattr(given, "items"):
        return PathRules(given, option)  # raises
    for path, target in given.items():
        rules[path] = target
        if isinstance(target, dict):
            try:
                rules[path] = source_from(None, target)  # type: ignore[arg-type]
            except PolicyError as error:
                where = f"{option}[{path!r}]"
                problems += [changed(p, option=f"{where}.{p.option}") for p in error.problems]
            except TypeError as error:
                raise TypeError(f"{option}[{path!r}]: {error}") from None
        elif target is not None:
            advice = "write a dict of options, or None for no CORS at all"
            check_source(f"{option}[{path!r}]", target, advice)
    try:
        compiled = PathRules(rules, option)
    except PolicyError as error:
        raise PolicyError([*error.problems, *problems]) from None
    if problems:
        raise PolicyError(problems)
    return compiled


def _read_resolver(resolver: Any, features: Features, is_async: bool) -> OriginResolver | None:
    if resolver is None:
        return None
    from ..resolver import OriginResolver

    if not isinstance(resolver, OriginResolver):
        raise TypeError(
            f"resolver must be an OriginResolver, not {type(resolver).__name__}; write"
            " resolver=OriginResolver(resolve)"
        )
    if resolver.is_async and not is_async:
        raise TypeError(
            "a WSGI application cannot wait for a coroutine; give OriginResolver a plain function"
        )
    targets = [features.source] if features.paths is None else features.paths.rules.values()
    for target in targets:
        if is_policy(target):
            resolver.check_template(target)
    return resolver


def _read_candidate(given: Any) -> Source | PathRules | None:
    if given is None:
        return None
    if hasattr(given, "items"):
        from ..._options.spec import Spec

        if any(name in Spec.OPTIONS for name in given):
            raise TypeError(
                "report_only takes a policy or rules by path, not the options of a policy; write"
                f" report_only=corsfast.Policy({', '.join(f'{name}=...' for name in given)})"
            )
        return read_rules(given, "report_only")
    check_source("report_only", given, "write report_only=corsfast.Policy(allow_origins=[...])")
    return given  # type: ignore[no-any-return]
