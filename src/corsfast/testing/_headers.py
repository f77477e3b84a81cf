"""The rules of Fetch for single headers: safelisted request headers, lists, and max-age."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .._options import fetch

_TOKEN = re.compile(f"[{re.escape(fetch.TCHAR)}]+")
# https://mimesniff.spec.whatwg.org/#parsing-a-mime-type, up to the essence
_MEDIA_TYPE = re.compile(
    r"[\t\n\r ]*([{0}]+/[{0}]+)[\t\n\r ]*(?:;.*)?".format(re.escape(fetch.TCHAR)), re.DOTALL
)
_LANGUAGE = re.compile(r"[0-9A-Za-z *,\-.;=]*")
# https://fetch.spec.whatwg.org/#simple-range-header-value, without a suffix (`bytes=-5`)
_RANGE = re.compile(r"bytes=([0-9]+)-([0-9]*)")


def is_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None


def is_forbidden(name: str, value: str) -> bool:
    """Return whether a page cannot set a header.

    https://fetch.spec.whatwg.org/#forbidden-request-header
    """
    name = name.lower()
    if name in {"x-http-method", "x-http-method-override", "x-method-override"}:
        methods = {method.strip(fetch.OWS).upper() for method in value.split(",")}
        return bool(methods & fetch.FORBIDDEN_METHODS)
    return name in fetch.FORBIDDEN_REQUEST_HEADERS or name.startswith(
        fetch.FORBIDDEN_REQUEST_HEADER_PREFIXES
    )


def is_safelisted(name: str, value: str) -> bool:
    """Return whether a request header needs no permission.

    https://fetch.spec.whatwg.org/#cors-safelisted-request-header
    """
    if len(value) > fetch.MAX_SAFELISTED_VALUE:
        return False
    match name.lower():
        case "accept":
            return not fetch.UNSAFE_REQUEST_HEADER_BYTES & set(value)
        case "accept-language" | "content-language":
            return _LANGUAGE.fullmatch(value) is not None
        case "content-type":
            media_type = _MEDIA_TYPE.fullmatch(value)
            return (
                not fetch.UNSAFE_REQUEST_HEADER_BYTES & set(value)
                and media_type is not None
                and media_type[1].lower() in fetch.SAFELISTED_CONTENT_TYPES
            )
        case "range":
            found = _RANGE.fullmatch(value)
            return found is not None and (not found[2] or int(found[1]) <= int(found[2]))
    return False


def unsafe_names(headers: Iterable[tuple[str, str]]) -> list[str]:
    """Return the names that a preflight asks for, in lower case and in the order of the page.

    https://fetch.spec.whatwg.org/#cors-unsafe-request-header-names
    """
    headers = tuple(headers)
    safe = [(name, value) for name, value in headers if is_safelisted(name, value)]
    if sum(len(value) for _, value in safe) > fetch.MAX_SAFELISTED_VALUES:
        safe = []
    return [name.lower() for name, value in headers if (name, value) not in safe]


def list_items(value: str | None) -> list[str]:
    """Return the items of a list header; empty items do not count."""
    items = (value or "").split(",")
    return [item.strip(fetch.OWS) for item in items if item.strip(fetch.OWS)]


def malformed_item(value: str | None) -> str | None:
    """Return the first item of a list that is not a token. It makes the whole list invalid.

    https://fetch.spec.whatwg.org/#extract-header-list-values
    """
    return next((item for item in list_items(value) if not is_token(item)), None)
