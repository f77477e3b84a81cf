"""The C prototype as Python sees it: built, and given a policy's answers.

The prototype decides; what it answers with are the decisions of whom it is compared to, so that
the same fields are sent.

Place in the flow: floor/floor.c -> extension.py -> prototype.py -> floor/measure.py, and
peers/ours.py. Never: measure; stand in for a policy of which it does not know all.
"""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import extension
from corsfast._fetch import SAFELISTED_REQUEST_HEADERS

SOURCE = Path(__file__).parent / "floor" / "floor.c"
STRANGER = "https://app.example.com.attacker.net"

Pairs = tuple[tuple[Any, Any], ...]


class Answer(NamedTuple):
    """What the prototype reads of a decision; corsfast's own have these fields, too."""

    raw_headers: Pairs
    headers: Pairs
    status: int | None


class Answers(NamedTuple):
    """One for each of the prototype's outcomes.

    Where the policy has several origins, or a suffix, the first pair of `allowed` is the origin,
    and is made anew for each request.
    """

    no_origin: Any
    allowed: Any
    refused: Any
    preflight: Any
    refused_preflight: Any


@functools.cache
def load() -> ModuleType:
    """The prototype's module.

    Raises:
        subprocess.CalledProcessError, OSError: there is no C compiler, or it refuses.
    """
    return extension.load(extension.compiled(SOURCE))


def lacking() -> str | None:
    """Why there is no prototype here; None if there is."""
    try:
        load()
    except OSError:
        return "there is no C compiler here"
    except subprocess.CalledProcessError:
        return "the C compiler refuses it"
    return None


def answers_of(policy: Any, origin: str) -> Answers:
    """The decisions of a policy that allows this origin, and a PUT."""
    return Answers(
        policy.actual(None),
        policy.actual(origin),
        policy.actual(STRANGER),
        policy.preflight(origin, "PUT", None),
        policy.preflight(STRANGER, "PUT", None),
    )


def make(
    floor: ModuleType,
    answers: Answers,
    exact: tuple[str, ...],
    *,
    suffixes: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
    strangers: tuple[str, ...] = (),
    lists: tuple[str, ...] = (),
    body: bytes = b"",
) -> Any:
    """A `Floor`: the prototype of one policy, which allows PUT.

    Args:
        exact: the allowed origins.
        suffixes: hosts of which every https subdomain is allowed.
        names: the allowed request headers; the safelisted ones are added.
        strangers: origins that it may suppose to have refused before.
        lists: lists of header names that it may suppose to have read before.
        body: of the answer to a preflight.
    """
    lower = sorted({name.lower() for name in (*names, *SAFELISTED_REQUEST_HEADERS)})
    make: Callable[..., Any] = floor.Floor
    return make(exact, strangers, suffixes, lists, tuple(lower), "PUT", *answers, body)
