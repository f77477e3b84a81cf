"""The texts in the consoles of the three engines, as one table.

Chromium: third_party/blink/renderer/platform/loader/cors/cors_error_string.cc
Firefox:  dom/locales/en-US/chrome/security/security.properties
WebKit:   Source/WebCore/loader/CrossOriginAccessControl.cpp, CrossOriginPreflightResultCache.cpp

The texts are facts about the browsers, so they are quoted exactly. Firefox and WebKit log a second
text, which only says that the request failed.
"""

# ruff: noqa: RUF001  (Firefox has typographic quotes)

from __future__ import annotations

from typing import NamedTuple

from ._engines import ENGINES
from ._errors import Failure, Reason, first_of
from ._headers import malformed_item


class Texts(NamedTuple):
    chromium: str
    firefox: str
    webkit: str


# Chromium's text after a redirect from the page's origin in mode "same-origin".
_AFTER_REDIRECT = (
    "Unsafe attempt to load URL {} from frame with URL {}/. "
    "Domains, protocols and ports must match."
)
_VALID = " Have the server send the header with a valid value."
_MATCH = "CORS header ‘Access-Control-Allow-Origin’ does not match ‘{value}’"
_NOT_ALLOWED = (
    "Origin {origin} is not allowed by Access-Control-Allow-Origin. Status code: {status}"
)

# By the reason of an actual request. A preflight has the same text for the same failure.
TABLE = {
    Reason.DISALLOWED_BY_MODE: Texts(
        'Fetch API cannot load {url}. Request mode is "same-origin" but the URL\'s origin is not '
        "same as the request origin {page}.",
        "",
        "Cross origin requests are not allowed when using same-origin fetch mode.",
    ),
    Reason.CORS_DISABLED_SCHEME: Texts(
        'Fetch API cannot load {url}. URL scheme "{scheme}" is not supported.',
        "CORS request not http",
        "Cross origin requests are only supported for HTTP.",
    ),
    Reason.REDIRECT_CONTAINS_CREDENTIALS: Texts(
        "Redirect location '' contains a username and password, which is disallowed for "
        "cross-origin requests.",
        "CORS request did not succeed). Status code: (null).",
        "Cross-origin redirection denied by Cross-Origin Resource Sharing policy: "
        "redirection URL {value} has credentials",
    ),
    Reason.MISSING_ALLOW_ORIGIN_HEADER: Texts(
        "No 'Access-Control-Allow-Origin' header is present on the requested resource.",
        "CORS header ‘Access-Control-Allow-Origin’ missing). Status code: {status}.",
        _NOT_ALLOWED,
    ),
    Reason.WILDCARD_ORIGIN_NOT_ALLOWED: Texts(
        "The value of the 'Access-Control-Allow-Origin' header in the response must not be the "
        "wildcard '*' when the request's credentials mode is 'include'.",
        "Credential is not supported if the CORS header ‘Access-Control-Allow-Origin’ is ‘*’",
        "Cannot use wildcard in Access-Control-Allow-Origin when credentials flag is true.",
    ),
    Reason.MULTIPLE_ALLOW_ORIGIN_VALUES: Texts(
        "The 'Access-Control-Allow-Origin' header contains multiple values '{value}', but only "
        "one is allowed." + _VALID,
        "Multiple CORS header ‘Access-Control-Allow-Origin’ not allowed",
        "Access-Control-Allow-Origin cannot contain more than one origin.",
    ),
    Reason.INVALID_ALLOW_ORIGIN_VALUE: Texts(
        "The 'Access-Control-Allow-Origin' header contains the invalid value '{value}'." + _VALID,
        _MATCH,
        _NOT_ALLOWED,
    ),
    Reason.ALLOW_ORIGIN_MISMATCH: Texts(
        "The 'Access-Control-Allow-Origin' header has a value '{value}' that is not equal to the "
        "supplied origin." + _VALID,
        _MATCH,
        _NOT_ALLOWED,
    ),
    Reason.INVALID_ALLOW_CREDENTIALS: Texts(
        "The value of the 'Access-Control-Allow-Credentials' header in the response is "
        "'{value}' which must be 'true' when the request's credentials mode is 'include'.",
        "expected ‘true’ in CORS header ‘Access-Control-Allow-Credentials’",
        'Credentials flag is true, but Access-Control-Allow-Credentials is not "true".',
    ),
    Reason.PREFLIGHT_INVALID_STATUS: Texts(
        "It does not have HTTP ok status.",
        "CORS preflight response did not succeed). Status code: {status}.",
        "Preflight response is not successful. Status code: {status}",
    ),
    Reason.PREFLIGHT_DISALLOWED_REDIRECT: Texts(
        "Redirect is not allowed for a preflight request.",
        "CORS request external redirect not allowed",
        "Preflight response is not successful. Status code: {status}",
    ),
    Reason.INVALID_ALLOW_METHODS_PREFLIGHT_RESPONSE: Texts(
        "Cannot parse Access-Control-Allow-Methods response header field in preflight response.",
        "invalid token ‘{item}’ in CORS header ‘Access-Control-Allow-Methods’",
        "Header Access-Control-Allow-Methods has an invalid value: {value}",
    ),
    Reason.INVALID_ALLOW_HEADERS_PREFLIGHT_RESPONSE: Texts(
        "Cannot parse Access-Control-Allow-Headers response header field in preflight response.",
        "invalid token ‘{item}’ in CORS header ‘Access-Control-Allow-Headers’",
        "Header Access-Control-Allow-Headers has an invalid value: {value}",
    ),
    Reason.METHOD_DISALLOWED_BY_PREFLIGHT_RESPONSE: Texts(
        "Method {expected} is not allowed by Access-Control-Allow-Methods in preflight response.",
        "Did not find method in CORS header ‘Access-Control-Allow-Methods’",
        "Method {expected} is not allowed by Access-Control-Allow-Methods.",
    ),
    Reason.HEADER_DISALLOWED_BY_PREFLIGHT_RESPONSE: Texts(
        "Request header field {expected} is not allowed by Access-Control-Allow-Headers in "
        "preflight response.",
        "header ‘{expected}’ is not allowed according to header ‘Access-Control-Allow-Headers’ "
        "from CORS preflight response",
        "Request header field {expected} is not allowed by Access-Control-Allow-Headers.",
    ),
}

# By the engine. Only the check of Authorization under `*` is one that engines do not make.
_WARNINGS = {
    "firefox": "Cross-Origin Request Warning: The Same Origin Policy will disallow reading the "
    "remote resource at {url} soon. (Reason: When the `Access-Control-Allow-Headers` is `*`, the "
    "`Authorization` header is not covered. To include the `Authorization` header, it must be "
    "explicitly listed in CORS header `Access-Control-Allow-Headers`).",
}


def _row(failure: Failure) -> Reason:
    reason = failure.reason.without_preflight()
    return reason if reason in TABLE else failure.reason


def _filled(template: str, failure: Failure, page: str = "") -> str:
    sent = failure.exchange
    return template.format(
        page=page,
        scheme=failure.url.partition(":")[0],
        value=failure.value or "",
        expected=failure.expected,
        item=malformed_item(failure.value) or "",
        url=failure.url,
        status=sent.response.status if sent else "",
        origin=sent.request.get("origin") if sent else "",
    )


def chromium(failure: Failure, page: str, started: str) -> str:
    """Return the text for a failure of a page's fetch, which started with some URL."""
    text = _filled(TABLE[_row(failure)].chromium, failure, page)
    if failure.reason is Reason.DISALLOWED_BY_MODE:
        return text if started == failure.url else _AFTER_REDIRECT.format(failure.url, page)
    if failure.reason is Reason.CORS_DISABLED_SCHEME:
        return text
    by_redirect = f"(redirected from '{started}') " if started != failure.url else ""
    preflight = "Response to preflight request doesn't pass access control check: "
    return (
        f"Access to fetch at '{failure.url}' {by_redirect}from origin '{page}' has been blocked "
        f"by CORS policy: {preflight if failure.reason.startswith('Preflight') else ''}{text}"
    )


def firefox(failure: Failure, _page: str, _started: str) -> str:
    reason = _row(failure)
    if reason is Reason.MULTIPLE_ALLOW_ORIGIN_VALUES and failure.exchange:
        # Two values in one line are one value that does not match.
        names = [name.lower() for name, _ in failure.exchange.response.headers]
        if names.count("access-control-allow-origin") == 1:
            reason = Reason.ALLOW_ORIGIN_MISMATCH
    text = _filled(TABLE[reason].firefox, failure)
    if not text:
        return ""
    url = f"‘{failure.url}’" if reason is Reason.WILDCARD_ORIGIN_NOT_ALLOWED else failure.url
    return (
        "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote "
        f"resource at {url}. (Reason: {text}" + ("" if text.endswith(".") else ").")
    )


def webkit(failure: Failure, _page: str, _started: str) -> str:
    reason = _row(failure)
    if reason is Reason.MULTIPLE_ALLOW_ORIGIN_VALUES and "," not in (failure.value or ""):
        reason = Reason.ALLOW_ORIGIN_MISMATCH
    return _filled(TABLE[reason].webkit, failure)


def console(failures: tuple[Failure, ...], page: str, started: str) -> dict[str, str]:
    """Return the text of each engine for a page's fetch, which started with some URL."""
    texts = {"chromium": chromium, "firefox": firefox, "webkit": webkit}
    first = {name: first_of(failures, ENGINES[name]) for name in texts}
    return {
        name: text(failure, page, started) if (failure := first[name]) is not None else ""
        for name, text in texts.items()
    }


def warning(failures: tuple[Failure, ...], engine: str) -> str:
    """Return what an engine logs for failed checks that it does not make, or ""."""
    return _WARNINGS.get(engine, "").format(url=failures[0].url) if failures else ""
