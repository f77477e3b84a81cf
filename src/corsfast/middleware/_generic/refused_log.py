"""Log each distinct refusal once, to "corsfast.refused": what is refused, and what would allow it.

A known refusal costs one look-up in a dict. The near misses are searched only for a line that is
written, so requests cannot cause more searches than lines.
"""

from __future__ import annotations

import logging
from collections import namedtuple

from ..._options.limits import MAX_ORIGIN
from ...decision import Outcome
from .limited_log import LimitedLog, shown
from .same_origin import same_origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from ..._engine.select import Policy
    from ..._proofs.near_miss import NearMiss

    class Refused(NamedTuple):
        """The parts of a refused request, as the framework gives them.

        ``method`` and ``names`` are those that a preflight asks for.
        """

        origin: str
        outcome: Outcome
        method: str | None = None
        names: str | None = None

    class Words(NamedTuple):
        """The options of a drop-in for origins, methods and header names."""

        origins: str
        methods: str
        headers: str

else:
    Refused = namedtuple("Refused", ("origin", "outcome", "method", "names"), defaults=(None, None))
    Words = namedtuple("Words", ("origins", "methods", "headers"))

PAGE = "docs/refused.md"

# The distinct refusals that are remembered of each policy. After that, the oldest is forgotten,
# so that a flood of others cannot keep a real one from being logged.
MAX_KNOWN = 256

# The characters of a list of header names by which refusals are told apart.
_MAX_NAMES = 512

WORDS = Words("allow_origins", "allow_methods", "allow_headers")

# One limit for all policies of the process.
_log = LimitedLog("corsfast.refused")


class RefusedLog:
    """The log of the refusals of one policy.

    Args:
        policy: the policy; its tables are read only for a line.
        words: the names of the options.
    """

    __slots__ = ("_known", "_policy", "_words")

    def __init__(self, policy: Policy, words: Words = WORDS) -> None:
        self._policy = policy
        self._words = words
        self._known: dict[Refused, None] = {}

    def write(self, refused: Refused, host: str | None, method: object, path: object) -> None:
        """Log a refusal, unless it is known or same-origin.

        Browsers send Origin with a same-origin POST, and such a request needs no permission.

        Args:
            host: the value of Host.
        """
        key = Refused(
            refused.origin[: MAX_ORIGIN + 1],
            refused.outcome,
            refused.method and refused.method[:MAX_ORIGIN],
            refused.names and refused.names[:_MAX_NAMES],
        )
        known = self._known
        if key in known or same_origin(refused.origin, host) or not _log.admits(logging.WARNING):
            return
        if len(known) >= MAX_KNOWN:
            known.pop(next(iter(known), key), None)
        known[key] = None
        _log.send(
            logging.WARNING,
            "%s %s from %s is refused: %s See %s",
            shown(method)[1:-1],
            shown(path),
            shown(refused.origin),
            self._reason(refused),
            PAGE,
        )

    def _reason(self, refused: Refused) -> str:
        """Return what is refused, and what would allow it, as one or two sentences."""
        from ..._proofs.near_miss import near_header, near_method, near_origins, refused_header

        tables, words = self._policy._tables, self._words
        outcome = refused.outcome
        if outcome.value.startswith("origin"):
            miss = near_origins(refused.origin, tables.spec, getattr(tables.spec, "dead", ()))[0]
            return _sentences("the origin", refused.origin, miss, words.origins)
        if outcome is Outcome.METHOD_NOT_ALLOWED and refused.method is not None:
            miss = near_method(refused.method, tables.methods)
            return _sentences("the method", refused.method, miss, words.methods)
        if outcome is Outcome.HEADER_NOT_ALLOWED and refused.names is not None:
            name = refused_header(refused.names, tables.header_names, tables.any_header)
            if name is not None:
                miss = near_header(name, tables.header_names, tables.any_header)
                return _sentences("the header", name, miss, words.headers)
        return f"no browser sends such a preflight ({outcome.value})."


def _sentences(what: str, value: str, miss: NearMiss, option: str) -> str:
    if miss.entry is None:
        text = f"{what} {shown(value)} is {miss.why}."
    else:
        text = (
            f"{what} {shown(value)} is not allowed; {option} has {shown(miss.entry)}, {miss.why}."
        )
    if miss.kind == "null":
        return f"{text} Load the page from a server with an origin."
    if miss.send is not None:
        text += f" Send {shown(miss.send)}"
        return f"{text}, and add it to {option}." if miss.add is not None else f"{text}."
    if miss.add is None:
        return text
    if miss.is_own or what != "the origin":
        return f"{text} To allow it, add {shown(miss.add)} to {option}."
    return f"{text} If it is yours, add {shown(miss.add)} to {option}."
