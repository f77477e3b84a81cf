"""Decisions on Werkzeug's responses, which are those of Flask and Quart.

`Headers` keeps a plain list of ``(str, str)`` pairs, which is what `Policy.apply_wsgi` reads
and makes; its own methods look at every pair again for each field. The list is private, so
anything but the very class that has it goes by the public methods.

Place in the flow: Decision -> headers on a response; between the engines and flask.py, quart.py.
Never: know Flask or Quart; decide.
"""

from __future__ import annotations

from werkzeug.datastructures import Headers

from ..._engine.headers import OWN_PREFLIGHT_FIELDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..._engine.select import Decision

    Apply = Callable[[Decision, list[tuple[str, str]]], list[tuple[str, str]]]

# The class of headers that keep their pairs in `_list`; None if Werkzeug's no longer do.
WITH_LIST = Headers if type(getattr(Headers(), "_list", None)) is list else None

# A view's own permissions for preflights, which would allow what the policy refuses.
_PERMISSIONS = frozenset((*OWN_PREFLIGHT_FIELDS, "access-control-allow-private-network"))


def work_in(
    response: Any, decision: Decision, apply: Apply, more: list[tuple[str, str]] | None = None
) -> None:
    """Work a decision into a response's headers.

    Args:
        apply: ``apply_wsgi`` of the decision's policy.
        more: fields for OPTIONS requests, in place of the view's own permissions.
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
    """Put all Vary lines into one.

    For where sessions are saved later: they add Cookie by `Response.vary`, which reads the first
    line and drops the others, and with them what was worked in.
    """
    lines = response.headers.getlist("Vary")
    if len(lines) > 1:
        response.headers["Vary"] = ", ".join(filter(None, lines))


def _replace(response: Any, pairs: list[tuple[str, str]]) -> None:
    """Give a response these headers. Some libraries put another kind of container there."""
    headers = response.headers
    if isinstance(headers, Headers):
        headers.clear()
        headers.extend(pairs)
    else:
        response.headers = Headers(pairs)
