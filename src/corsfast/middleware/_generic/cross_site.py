"""Refuse requests that another site has forged: the `cross_site` option of all middlewares.

`Policy.protects` decides and counts. This module checks the option, and logs and answers.
"""

from __future__ import annotations

from ..._options.fetch import SEC_FETCH_SITE, VARY
from ...errors import PolicyError, Problem
from .handlers import content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from ..._engine.select import Decision, Policy
    from .handlers import Message
    from .refused_log import RefusedLog
    from .sent import Sent

    CrossSite = Literal["allow", "report", "refuse"]
    GenericCrossSite = Literal["allow", "report", "refuse", "refuse_all"]

WORDS = ("allow", "report", "refuse")
# Only the generic middlewares refuse safe methods, because the originals of the drop-ins don't.
GENERIC_WORDS = (*WORDS, "refuse_all")

# The Vary of the 403: the check depends on both, whatever the policy.
VARY_OF_403 = f"Origin, {SEC_FETCH_SITE}"

_BY_SITE = (
    b"Cross-site request refused: Sec-Fetch-Site and Origin show that another site sent it.\n"
)
_BY_HOST = b"Cross-site request refused: its Origin does not match its Host.\n"


def wrong_words(
    value: object, option: str = "cross_site", words: tuple[str, ...] = WORDS
) -> Iterator[Problem]:
    """Yield the problem of a value that is not one of the words."""
    if not isinstance(value, str) or value not in words:
        *others, last = map(repr, words)
        message = f"{value!r} is not {', '.join(others)} or {last}."
        hint = "'refuse'" if value else "'allow'"  # a slip must not switch it off
        yield Problem("choice", option, value, message, hint=hint)


class CrossSiteGuard:
    """The check of one policy for forged requests, and what follows.

    Args:
        policy: the policy whose origins may send requests from other sites.
        log: the log of the policy's refusals.
        word: the option's value.
    """

    __slots__ = ("_all", "_log", "_policy", "_refuses")

    def __init__(self, policy: Policy, log: RefusedLog, word: str) -> None:
        self._policy = policy
        self._log = log
        self._refuses = word != "report"
        self._all = word == "refuse_all"

    def is_forged(self, sent: Sent) -> bool:
        """Return whether a request is forged; count it if it is."""
        method = "POST" if self._all and sent.origin is not None else sent.method
        return self._policy.protects(method, sent.origin, sent.site, sent.host)

    def refuses_forged(self, sent: Sent) -> bool:
        """Log a request that is forged, and return whether it is answered 403."""
        self._log.write_forged(sent, self._refuses)
        return self._refuses

    def refuses(self, sent: Sent) -> bool:
        """Return whether a request is answered 403; log it if it is forged."""
        return self.is_forged(sent) and self.refuses_forged(sent)


def guard_of(policy: Policy, log: RefusedLog, word: str) -> CrossSiteGuard | None:
    """Return the guard of a policy, or ``None`` if all requests pass."""
    return None if word == "allow" else CrossSiteGuard(policy, log, word)


def checked(word: object, option: str = "cross_site") -> CrossSite:
    """Return the value of a drop-in's option.

    Raises:
        PolicyError: if it is not one of the words.
    """
    problems = [*wrong_words(word, option)]
    if problems:
        raise PolicyError(problems, "these options")
    return word  # type: ignore[return-value]


def body_for(sent: Sent) -> bytes:
    """Return the body of the 403, which says nothing about the policy."""
    return _BY_HOST if sent.site is None else _BY_SITE


def fields_of_403(decision: Decision, body: bytes) -> list[tuple[str, str]]:
    """Return all fields of the 403."""
    vary = dict.fromkeys((*decision.vary, "Origin", SEC_FETCH_SITE))
    return [
        *(field for field in decision.headers if field[0] != VARY),
        (VARY, ", ".join(vary)),
        *content(403, body),
    ]


def messages_of_403(decision: Decision, body: bytes) -> tuple[Message, Message]:
    """Return the two messages of an ASGI 403."""
    fields = [(k.lower().encode(), v.encode("latin-1")) for k, v in fields_of_403(decision, body)]
    return (
        {"type": "http.response.start", "status": 403, "headers": fields},
        {"type": "http.response.body", "body": body},
    )
