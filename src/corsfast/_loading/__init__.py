"""Read a policy from a mapping, a TOML file or the environment, for `Policy.from_toml` and its
siblings. `check` reads its files with the same modules.

    mapping, file, environment  ->  Written  ->  Policy, or one PolicyError with every problem
"""

from __future__ import annotations

import warnings
from contextlib import nullcontext

from .._engine.tables import warn
from .._options.patterns import ORIGINS
from ..errors import CorsfastUnmatchableWarning, PolicyError
from .environment import read_environment
from .files import read_toml
from .written import Written, missing_origins, read_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from os import PathLike
    from typing import Any

# Replaces origins that are missing or unreadable, so that they cause no further problem.
_PLACEHOLDER = ["https://placeholder.example"]


def from_mapping(kind: Callable[..., Any], mapping: Mapping[str, object]) -> Any:
    """Make a policy of the class `kind`; see ``Policy.from_mapping``."""
    if not hasattr(mapping, "items"):
        raise TypeError(f"mapping must be a mapping, not {type(mapping).__name__}")
    return make_policy(kind, read_options(mapping, Written("this policy")))


def from_toml(kind: Callable[..., Any], path: str | PathLike[str], table: str | None) -> Any:
    """Make a policy of the class `kind`; see ``Policy.from_toml``."""
    return make_policy(kind, read_toml(path, table))


def from_env(kind: Callable[..., Any], prefix: str, environ: Mapping[str, str] | None) -> Any:
    """Make a policy of the class `kind`; see ``Policy.from_env``."""
    return make_policy(kind, read_environment(prefix, environ))


def make_policy(kind: Callable[..., Any], written: Written) -> Any:
    """Make a policy of the class `kind` from options that were read."""
    problems = [*written.problems, *missing_origins(written.options, written.problems)]
    options = written.options
    if not options.get(ORIGINS, written.entries):
        if problems and (written.entries or ORIGINS not in options):
            options = {**options, ORIGINS: _PLACEHOLDER}
    try:
        # A policy that is rejected in any case need not warn as well.
        with warnings.catch_warnings(action="ignore") if problems else nullcontext():
            policy = kind(**options)
    except PolicyError as error:
        problems += error.problems
    if problems:
        raise PolicyError(map(written.placed, problems), written.name)
    for problem in written.warnings:
        warn(str(problem), CorsfastUnmatchableWarning)
    return policy
