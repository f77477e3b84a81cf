"""Facts of the Fetch standard and of HTTP, each with a link to its source.

Choices of corsfast itself are in limits.py.
"""

from __future__ import annotations

import re

# https://fetch.spec.whatwg.org/#http-new-header-syntax
REQUEST_METHOD = "Access-Control-Request-Method"
REQUEST_HEADERS = "Access-Control-Request-Headers"
ALLOW_ORIGIN = "Access-Control-Allow-Origin"
ALLOW_CREDENTIALS = "Access-Control-Allow-Credentials"
ALLOW_METHODS = "Access-Control-Allow-Methods"
ALLOW_HEADERS = "Access-Control-Allow-Headers"
MAX_AGE = "Access-Control-Max-Age"
EXPOSE_HEADERS = "Access-Control-Expose-Headers"
# https://wicg.github.io/private-network-access/#headers
REQUEST_PRIVATE_NETWORK = "Access-Control-Request-Private-Network"
ALLOW_PRIVATE_NETWORK = "Access-Control-Allow-Private-Network"
# https://w3c.github.io/resource-timing/#sec-timing-allow-origin
TIMING_ALLOW_ORIGIN = "Timing-Allow-Origin"
# https://www.rfc-editor.org/rfc/rfc9110#section-12.5.5
VARY = "Vary"
# https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
SEC_FETCH_SITE = "Sec-Fetch-Site"
# Its values for requests that no other site can cause. "none" is the user's own: an address typed,
# a bookmark.
OWN_SITES = frozenset({"same-origin", "none"})

# The methods that applications must not change anything for:
# https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1, without TRACE, which no page can send.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# https://fetch.spec.whatwg.org/#forbidden-method
FORBIDDEN_METHODS = frozenset({"CONNECT", "TRACE", "TRACK"})

# https://fetch.spec.whatwg.org/#concept-method-normalize
# Browsers upper-case only these: `patch` stays `patch` and is not `PATCH`.
NORMALIZED_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"})

# https://fetch.spec.whatwg.org/#cors-safelisted-method
SAFELISTED_METHODS = frozenset({"GET", "HEAD", "POST"})

# https://fetch.spec.whatwg.org/#cors-safelisted-request-header
# A browser asks for these names if the value is not safelisted (`Content-Type: application/json`).
# Then it requires them in Access-Control-Allow-Headers.
SAFELISTED_REQUEST_HEADERS = (
    "Accept",
    "Accept-Language",
    "Content-Language",
    "Content-Type",
    "Range",
)

# https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name
NON_WILDCARD_REQUEST_HEADER = "authorization"

# https://fetch.spec.whatwg.org/#forbidden-request-header
# A page cannot set them, so listing one in a policy is a mistake.
FORBIDDEN_REQUEST_HEADERS = frozenset(
    {
        "accept-charset",
        "accept-encoding",
        REQUEST_HEADERS.lower(),
        REQUEST_METHOD.lower(),
        REQUEST_PRIVATE_NETWORK.lower(),
        "connection",
        "content-length",
        "cookie",
        "cookie2",
        "date",
        "dnt",
        "expect",
        "host",
        "keep-alive",
        "origin",
        "referer",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    }
)
FORBIDDEN_REQUEST_HEADER_PREFIXES = ("proxy-", "sec-")

# https://fetch.spec.whatwg.org/#forbidden-response-header-name
FORBIDDEN_RESPONSE_HEADERS = frozenset({"set-cookie", "set-cookie2"})

# https://url.spec.whatwg.org/#default-port
# A default port is never serialized, so no browser sends `https://a:443`.
DEFAULT_PORTS = {"ftp": 21, "http": 80, "https": 443, "ws": 80, "wss": 443}

# The schemes of web pages. Wildcards match only these. An origin of any other scheme
# (`capacitor://localhost`) matches by its full name or by a regex.
WEB_SCHEMES = frozenset({"http", "https"})

# The origins of browser extensions, as regular expressions of what follows `://`.
# https://developer.chrome.com/docs/extensions/reference/manifest/key: half a SHA-256 hash of a
# public key, with the letters a to p for its hexadecimal digits.
# https://developer.mozilla.org/docs/Mozilla/Add-ons/WebExtensions/manifest.json/web_accessible_resources:
# a random UUID for each installation. Safari chooses a new one each time the browser starts, and
# writes it in upper case.
EXTENSION_IDS = {
    "chrome-extension": "[a-p]{32}",
    "moz-extension": "[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}",
    "safari-web-extension": "[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}",
}

# https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2
#   token = 1*tchar
#   tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." /
#           "^" / "_" / "`" / "|" / "~" / DIGIT / ALPHA
TCHAR = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TOKEN = re.compile(f"[{re.escape(TCHAR)}]+")

# https://www.rfc-editor.org/rfc/rfc9110#section-5.6.3
#   OWS = *( SP / HTAB )
OWS = " \t"

# https://fetch.spec.whatwg.org/#cors-safelisted-request-header
# The media types of a safelisted Content-Type.
SAFELISTED_CONTENT_TYPES = frozenset(
    {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}
)
# The bytes of a safelisted value, and of all safelisted values together
# (https://fetch.spec.whatwg.org/#cors-unsafe-request-header-names).
MAX_SAFELISTED_VALUE = 128
MAX_SAFELISTED_VALUES = 1024

# https://fetch.spec.whatwg.org/#cors-unsafe-request-header-byte
UNSAFE_REQUEST_HEADER_BYTES = frozenset(map(chr, {*range(0x20), 0x7F} - {0x09})) | frozenset(
    '"():<>?@[\\]{}'
)

# https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name
SAFELISTED_RESPONSE_HEADERS = frozenset(
    {
        "cache-control",
        "content-language",
        "content-length",
        "content-type",
        "expires",
        "last-modified",
        "pragma",
    }
)

# https://fetch.spec.whatwg.org/#request-body-header-name
# A redirect that changes the method to GET removes them.
REQUEST_BODY_HEADERS = frozenset(
    {"content-encoding", "content-language", "content-location", "content-type"}
)

# https://fetch.spec.whatwg.org/#redirect-status
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
# https://fetch.spec.whatwg.org/#null-body-status
NULL_BODY_STATUSES = frozenset({101, 103, 204, 205, 304})
# https://fetch.spec.whatwg.org/#http-redirect-fetch
MAX_REDIRECTS = 20

# https://fetch.spec.whatwg.org/#cors-preflight-fetch
# The seconds for which a preflight is cached if Access-Control-Max-Age is absent.
DEFAULT_MAX_AGE = 5
