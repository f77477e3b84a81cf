"""Apply decisions to Werkzeug's responses, which Flask and Quart use.

`Headers` stores a plain list of ``(str, str)`` pairs, and `Policy.apply_wsgi` reads and returns
such a list. The public methods of `Headers` would scan all pairs for each field. The list is
private, so it is used only if the class is exactly `Headers`; all others use the public methods.
"""

from __future__ import annotations

from werkzeug.datastructures import Headers

from ..._engine.headers import ALLOW_PRIVATE_NETWORK, OWN_PREFLIGHT_FIELDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..._engine.select import Decision

    Apply = Callable[[Decision, list[tuple[str, str]]], list[tuple[str, str]]]

# The class of headers with their pairs in `_list`, or None if Werkzeug has changed that.
WITH_LIST = Headers if type(getattr(Headers(), "_list", None)) is list else None

# A view's own preflight fields, which could allow a request that the policy rejects.
_PERMISSIONS = frozenset((*OWN_PREFLIGHT_FIELDS, ALLOW_PRIVATE_NETWORK))


def merge_into(
    response: Any, decision: Decision, apply: Apply, more: list[tuple[str, str]] | None = None
) -> None:
    """Apply a decision to the headers of a response.

    Args:
        apply: ``apply_wsgi`` of the decision's policy.
        more: fields for OPTIONS requests, which replace the view's own preflight fields.
    """
    headers = response.headers
    has_list = type(headers) is WITH_LIST
    pairs = headers._list if has_list else list(Headers(headers))
    if more is not None:
        pairs = [pair for pair in pairs if pair[0].lower() not in _PERMISSIONS]
    pairs = apply(decision, pairs)
    if more:
        pairs += more
    if has_list:
        headers._list = pairs
    else:
        _replace(response, pairs)


def fold_vary(response: Any) -> None:
    """Join all Vary lines into one.

    A session that is saved later adds Cookie by `Response.vary`, which keeps only the first line.
    The names in the other lines would be lost.
    """
    lines = response.headers.getlist("Vary")
    if len(lines) > 1:
        response.headers["Vary"] = ", ".join(filter(None, lines))


def _replace(response: Any, pairs: list[tuple[str, str]]) -> None:
    """Replace the headers of a response, which a library may have stored in another container."""
    headers = response.headers
    if isinstance(headers, Headers):
        headers.clear()
        headers.extend(pairs)
    else:
        response.headers = Headers(pairs)
