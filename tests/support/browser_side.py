"""The browser's side of a preflight: whether an answer covers what was asked.

https://fetch.spec.whatwg.org/#cors-preflight-fetch, steps 7.6 to 7.9, but lenient: `*` covers
everything, with credentials and for Authorization too, as in the most lenient browser.
"""

from __future__ import annotations

from collections.abc import Iterable

from corsfast._options.fetch import SAFELISTED_METHODS

Lines = str | Iterable[str] | None


def covers(headers: Iterable[tuple[str, str]], method: str, names: Lines) -> bool:
    """Return whether an answer with these headers, names in lower case, allows the request.

    Args:
        method: the value of Access-Control-Request-Method.
        names: the values of Access-Control-Request-Headers.
    """
    sent = dict(headers)
    if "access-control-allow-origin" not in sent:
        return False
    methods = _elements(sent.get("access-control-allow-methods"))
    if not {"*", method} & {*methods, *(SAFELISTED_METHODS & {method})}:
        return False
    allowed = {name.lower() for name in _elements(sent.get("access-control-allow-headers"))}
    return "*" in allowed or {name.lower() for name in _elements(names)} <= allowed


def _elements(lines: Lines) -> list[str]:
    text = lines if isinstance(lines, str) else ",".join(lines or ())
    return [name for part in text.split(",") if (name := part.strip(" \t"))]
