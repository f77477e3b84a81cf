"""Read and write header fields as lists of pairs, as servers and applications pass them.

The native engine handles lists of exact tuples itself, which nearly all lists are. Both engines
use this module for all other lists, so that they give the same result.
"""

from __future__ import annotations

from functools import lru_cache

from .._options import fetch, limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from typing import Any

    from ..decision import DecisionLike

# Names in lower case, as ASGI and most frameworks store them.
ALLOW_ORIGIN = fetch.ALLOW_ORIGIN.lower()
ALLOW_CREDENTIALS = fetch.ALLOW_CREDENTIALS.lower()
ALLOW_METHODS = fetch.ALLOW_METHODS.lower()
ALLOW_HEADERS = fetch.ALLOW_HEADERS.lower()
MAX_AGE = fetch.MAX_AGE.lower()
ALLOW_PRIVATE_NETWORK = fetch.ALLOW_PRIVATE_NETWORK.lower()
# Dropped if the policy lets the origin read nothing, or sends the same value. Otherwise browsers
# join the values of the application and the policy.
EXPOSE_HEADERS = fetch.EXPOSE_HEADERS.lower()

# Fields of the application that the policy's fields replace. These two apply to an actual
# response. A preflight is answered by the policy alone, so more apply there.
OWN_FIELDS = (ALLOW_ORIGIN, ALLOW_CREDENTIALS)
OWN_PREFLIGHT_FIELDS = (*OWN_FIELDS, ALLOW_METHODS, ALLOW_HEADERS, MAX_AGE)

# All fields by which an application itself lets an origin read its response or send a request.
GRANTS = (*OWN_PREFLIGHT_FIELDS, ALLOW_PRIVATE_NETWORK, EXPOSE_HEADERS)

# A response without any of these gets the policy's fields appended. This is the fast path.
_LOOKED_AT = frozenset({"vary", *OWN_PREFLIGHT_FIELDS, EXPOSE_HEADERS})
_LOOKED_AT_RAW = frozenset(name.encode("ascii") for name in _LOOKED_AT)


def joined_lines(headers: Iterable[Any], name: bytes) -> bytes | None:
    """Return the value of one field of an ASGI request, with several lines joined by commas.

    https://www.rfc-editor.org/rfc/rfc9110#section-5.3

    Raises:
        TypeError: if an item of the list is not a pair, or a value of the field is not bytes.
    """
    lines = []
    try:
        for field, value in headers:  # a comprehension would cost 50 % more
            if field == name:
                lines.append(value)
        return b",".join(lines) if lines else None
    except (TypeError, ValueError):
        raise TypeError("scope['headers'] must hold pairs of bytes") from None


def requested_names(value: str) -> list[str] | None:
    """Return the names in an Access-Control-Request-Headers value, in their original spelling.

    Middlewares that answer with the allowed names use this. ``None`` if an engine would reject
    the form of the list: too long, too sparse, too spaced, or not a list of tokens.
    """
    if len(value) > limits.MAX_HEADER_LIST:
        return None
    found = []
    empty = 0
    for element in value.split(","):
        name = element.strip(fetch.OWS)
        if len(element) - len(name) > limits.MAX_ELEMENT_OWS:
            return None
        if name:
            if len(name) > limits.MAX_HEADER_NAME or not fetch.TOKEN.fullmatch(name):
                return None
            found.append(name)
        else:
            empty += 1
            if empty > limits.MAX_EMPTY_ELEMENTS:
                return None
    return found


# https://fetch.spec.whatwg.org/#cors-preflight-fetch: `*` is an ordinary name with credentials.


def allows_method(listed: Collection[str], method: str, credentials: bool) -> bool:
    """Return whether a browser accepts an answer with these methods to its preflight."""
    return (
        method in listed
        or method in fetch.SAFELISTED_METHODS
        or ("*" in listed and not credentials)
    )


def names_not_allowed(
    listed: Collection[str], names: Iterable[str], credentials: bool
) -> Iterator[str]:
    """Yield the names that an answer with these header names, in lower case, does not allow."""
    any_name = "*" in listed and not credentials
    for name in names:
        lower = name.lower()
        if lower not in listed and not (any_name and lower != fetch.NON_WILDCARD_REQUEST_HEADER):
            yield name


# Enough for all combinations of Vary names that views and middlewares add.
VARY_KEPT = 256


@lru_cache(VARY_KEPT)  # an application merges the same few values repeatedly
def merged_vary(value: str, wanted: tuple[str, ...]) -> str:
    """Return a Vary value that includes the wanted names; unchanged if it does or is ``*``.

    https://www.rfc-editor.org/rfc/rfc9110#section-12.5.5: Vary = #( "*" / field-name )
    """
    missing = _missing_from([value], wanted)
    return ", ".join([*([value] if value else []), *missing]) if missing else value


def _missing_from(values: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Return the wanted names that are in none of the Vary values."""
    present = {name.strip(fetch.OWS).lower() for value in values for name in value.split(",")}
    return [] if "*" in present else [name for name in wanted if name.lower() not in present]


def apply_asgi(decision: DecisionLike, headers: Iterable[Any], keep_existing: bool) -> list[Any]:
    """Apply a decision to an ASGI response's headers: see ``Policy.apply_asgi``."""
    pairs = headers if type(headers) is list else list(headers)
    try:
        for name, _ in pairs:
            if type(name) is not bytes or name.lower() in _LOOKED_AT_RAW:
                break
        else:
            return [*pairs, *decision.raw_headers]
        names = [name.lower().decode("latin-1") for name, _ in pairs]
        return _apply(decision, decision.raw_headers, pairs, names, keep_existing)
    except (TypeError, ValueError, AttributeError):
        raise TypeError("headers must hold pairs of bytes") from None


def apply_wsgi(decision: DecisionLike, headers: Iterable[Any], keep_existing: bool) -> list[Any]:
    """Apply a decision to a WSGI response's headers: see ``Policy.apply_wsgi``."""
    pairs = headers if type(headers) is list else list(headers)
    try:
        for name, _ in pairs:
            if type(name) is not str or name.lower() in _LOOKED_AT:
                break
        else:
            return [*pairs, *decision.headers]
        names = [name.lower() for name, _ in pairs]
        return _apply(decision, decision.headers, pairs, names, keep_existing)
    except (TypeError, ValueError, AttributeError):
        raise TypeError("headers must hold pairs of str") from None


def _apply(
    decision: DecisionLike,
    fields: tuple[tuple[Any, Any], ...],
    pairs: list[Any],
    names: list[str],
    keep_existing: bool,
) -> list[Any]:
    own = OWN_PREFLIGHT_FIELDS if decision.is_preflight else OWN_FIELDS
    ours = {_text(name).lower(): value for name, value in fields}
    if keep_existing and ALLOW_ORIGIN in names:
        fields = fields[-1:] if decision.vary else ()
    else:
        pairs = [
            pair
            for pair, name in zip(pairs, names, strict=True)
            if name not in own
            and (
                name != EXPOSE_HEADERS
                or (ALLOW_ORIGIN in ours and pair[1] != ours.get(EXPOSE_HEADERS))
            )
        ]
    if not decision.vary or "vary" not in names:
        return [*pairs, *fields]
    return [*_merge_vary(pairs, decision.vary), *fields[:-1]]


def _merge_vary(pairs: list[Any], wanted: tuple[str, ...]) -> list[Any]:
    """Add the wanted names that no Vary line has to the last Vary line."""
    lines = [i for i, (name, _) in enumerate(pairs) if _text(name).lower() == "vary"]
    missing = _missing_from((_text(pairs[i][1]) for i in lines), wanted)
    if not missing:
        return pairs
    last = lines[-1]
    name, value = pairs[last]
    text = ", ".join([*([_text(value)] if value else []), *missing])
    merged = (name, text if isinstance(value, str) else text.encode("latin-1"))
    return [*pairs[:last], merged, *pairs[last + 1 :]]


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")
