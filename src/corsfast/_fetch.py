"""Facts of the Fetch standard and of HTTP, each with the place where it is written.

Place in the flow: imported by everyone, imports nothing.
Never: hold a decision of ours (see limits.py for those), or code.
"""

from __future__ import annotations

# https://fetch.spec.whatwg.org/#forbidden-method
FORBIDDEN_METHODS = frozenset({"CONNECT", "TRACE", "TRACK"})

# https://fetch.spec.whatwg.org/#concept-method-normalize
# Only these are upper-cased by browsers: `patch` stays `patch` and is not `PATCH`.
NORMALIZED_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"})

# https://fetch.spec.whatwg.org/#cors-safelisted-method
SAFELISTED_METHODS = frozenset({"GET", "HEAD", "POST"})

# https://fetch.spec.whatwg.org/#cors-safelisted-request-header
# A browser asks for these when their value is not on the safe side (`Content-Type:
# application/json`), and then wants to see them in Access-Control-Allow-Headers.
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
# A page cannot set them, so listing one in a policy is a misunderstanding.
FORBIDDEN_REQUEST_HEADERS = frozenset(
    {
        "accept-charset",
        "accept-encoding",
        "access-control-request-headers",
        "access-control-request-method",
        "access-control-request-private-network",
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
# A default port is never serialised: `https://a:443` does not come from a browser.
DEFAULT_PORTS = {"ftp": 21, "http": 80, "https": 443, "ws": 80, "wss": 443}

# The schemes of web pages. Patterns and regexes match these alone; an origin of any other
# scheme (`chrome-extension://…`, `capacitor://localhost`) matches only by its full name.
WEB_SCHEMES = frozenset({"http", "https"})

# https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2
#   token = 1*tchar
#   tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." /
#           "^" / "_" / "`" / "|" / "~" / DIGIT / ALPHA
TCHAR = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

# https://www.rfc-editor.org/rfc/rfc9110#section-5.6.3
#   OWS = *( SP / HTAB )
OWS = " \t"
