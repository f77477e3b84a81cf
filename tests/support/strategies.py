"""Hypothesis strategies for inputs that are nearly right, because those find the bugs.

Raw text alone never gets past the first check. These strategies follow a grammar and then damage
the result a little: the further an input gets, the more branches see it.
"""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

# -- damage ----------------------------------------------------------------------------------

# Characters that are special to some parser on the way, and neighbors of the allowed ranges.
SIGNS = [
    *" \t\r\n\0/:.,;@*-_[]?#%\\`'\"{}!+~^|AZaz09gx\x7f\x80\xa0\xe9\xff",
    *"\u0131\u212a\u3002\u20ac\U0001f600\ud800",
]


@st.composite
def damaged(draw: Any, texts: st.SearchStrategy[str]) -> str:
    """Draw a text with up to two small mistakes in it."""
    text = draw(texts)
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 1, 2]))):
        at = draw(st.integers(0, len(text)))
        kind = draw(st.sampled_from(["insert", "replace", "delete", "double", "upper", "cut"]))
        sign = draw(st.sampled_from(SIGNS))
        if kind == "insert":
            text = text[:at] + sign + text[at:]
        elif kind == "replace":
            text = text[:at] + sign + text[at + 1 :]
        elif kind == "delete":
            text = text[:at] + text[at + 1 :]
        elif kind == "double":
            text = text[:at] + text[at : at + 1] * 2 + text[at + 1 :]
        elif kind == "upper":
            text = text[:at] + text[at:].capitalize()
        else:
            text = text[:at]
    return text


# -- origins ---------------------------------------------------------------------------------

schemes = st.sampled_from(
    ["https"] * 4 + ["http"] * 4 + ["file", "ws", "wss", "ftp", "capacitor", "a+b-c.1", "s" * 64]
)
labels = st.sampled_from(
    ["a", "b", "app", "www", "xn--bcher-kva", "a_b", "0x1", "0", "1", "255", "256", "a" * 63]
)
domains = st.lists(labels, min_size=1, max_size=5).map(".".join)
known_hosts = st.sampled_from(
    ["example.com", "a.example.com", "a.b.example.com", "localhost", "foo.com", "a.foo.com"]
)
octets = st.integers(0, 300).map(str)
ipv4 = st.lists(octets, min_size=4, max_size=4).map(".".join)
pieces = st.sampled_from(["0"] * 6 + ["1", "f", "db8", "ffff", "01", "10000", ""])
ipv6 = st.one_of(
    st.ip_addresses(v=6).map(str),
    st.lists(pieces, min_size=1, max_size=9).map(":".join),
    st.sampled_from(["::1", "::", "1::8", "::ffff:102:304", "::1.2.3.4", "1:0:0:2::3"]),
).map("[{}]".format)
opaque = st.sampled_from([".", "-", "..", "A.b~", "%2f", "a%E2b", "%", "%2", "%2g", "1.2.3.999"])
hosts = st.one_of(known_hosts, domains, ipv4, ipv6, known_hosts.map("{}.".format), opaque)
ports = st.one_of(
    st.just(""),
    st.sampled_from([":1", ":80", ":443", ":3000", ":8443", ":65535", ":65536", ":0", ":080", ":"]),
    st.integers(0, 70000).map(":{}".format),
)
origins = st.builds("{}://{}{}".format, schemes, hosts, ports)
origins_nearly_right: st.SearchStrategy[str] = st.one_of(
    origins,
    damaged(origins),
    damaged(st.sampled_from(["null", "https://app.example.com", "capacitor://localhost"])),
    damaged(st.sampled_from(["app://.", "safari-web-extension://E8A1-b2", "x://a%2Fb:80"])),
    st.builds("{},{}".format, origins, origins),
    st.text(st.sampled_from(SIGNS), max_size=12),
    st.text(max_size=12),
    st.integers(320, 332).map(lambda n: "https://".ljust(n, "a")),
)

# -- the headers of a preflight ----------------------------------------------------------------

methods: st.SearchStrategy[str] = damaged(
    st.sampled_from(
        [
            "GET",
            "HEAD",
            "POST",
            "PUT",
            "PATCH",
            "patch",
            "DELETE",
            "TRACE",
            "CHICKEN",
            "*",
            "",
            "M" * 64,
            "M" * 65,
        ]
    )
)
names = st.sampled_from(
    [
        "x-token",
        "X-Token",
        "x-id",
        "content-type",
        "Accept",
        "range",
        "authorization",
        "x-other",
        "",
        "",
        "",
        "x" * 128,
        "x" * 129,
        "*",
    ]
)
white = st.one_of(
    st.just(""), st.sampled_from([" ", "\t", " " * 8, " " * 15, " " * 16, " " * 17, "\x0b"])
)
elements = st.builds("{}{}{}".format, white, names, white)
header_lists: st.SearchStrategy[str] = st.one_of(
    damaged(st.lists(elements, max_size=6).map(",".join)),
    st.lists(st.sampled_from(["", "x-token", " "]), min_size=14, max_size=20).map(",".join),
    st.integers(8188, 8196).map(lambda n: ("x-token," * 1025)[:n]),
    st.integers(8188, 8196).map(lambda n: "x" * n),
)


def _kinds(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Return a strategy for the texts as str, and as bytes."""
    return st.one_of(texts, texts.map(lambda text: text.encode("latin-1", "replace")))


odd_values = st.sampled_from([None, 1, 1.5, True, object, (), [], {}, bytearray(b"GET"), ["a", 1]])
any_origin = st.one_of(st.none(), _kinds(origins_nearly_right))
any_method = _kinds(methods)
any_header_list = st.one_of(
    st.none(),
    _kinds(header_lists),
    st.lists(_kinds(header_lists), max_size=4),
    st.lists(_kinds(header_lists), max_size=4).map(tuple),
)
request_methods = st.sampled_from(
    ["OPTIONS"] * 6 + [b"OPTIONS"] * 2 + ["GET", b"GET", "options", ""]
)

# -- an application's headers --------------------------------------------------------------------

response_names = st.sampled_from(
    [
        "Vary",
        "vary",
        "VARY",
        "Var",
        "X-Vary",
        "Content-Type",
        "Set-Cookie",
        "Access-Control-Allow-Origin",
        "access-control-allow-origin",
        "Access-Control-Allow-Credentials",
        "Access-Control-Allow-Methods",
        "Access-Control-Allow-Headers",
        "access-control-max-age",
        "Access-Control-Expose-Headers",
    ]
)
vary_elements = st.sampled_from(
    [
        "",
        "Origin",
        "origin",
        "ORIGIN",
        "Origins",
        "Orig",
        "Accept",
        "*",
        "**",
        "Accept-Encoding",
        "Access-Control-Request-Method",
        "access-control-request-headers",
        "\xa0Origin",
        "\tOrigin ",
    ]
)
response_values = st.one_of(
    st.lists(vary_elements, max_size=4).map(", ".join),
    st.lists(vary_elements, max_size=4).map(",".join),
    st.sampled_from(["*", "true", "https://app.example.com", "\xe9"]),
)
response_headers = st.lists(st.tuples(response_names, response_values), max_size=6)

# -- policies --------------------------------------------------------------------------------

TOLERATE = ["any-origin-with-credentials", "null-origin-with-credentials", "insecure-origin"]
POLICIES: list[dict[str, Any]] = [
    {"allow_origins": ()},
    {"allow_origins": "*"},
    {"allow_origins": "*", "allow_methods": "*", "allow_headers": "*", "expose_headers": "*"},
    {"allow_origins": "*", "allow_credentials": True, "dangerously_tolerate": TOLERATE},
    {
        "allow_origins": "*",
        "allow_credentials": True,
        "allow_methods": "*",
        "allow_headers": ["*", "Authorization"],
        "dangerously_tolerate": TOLERATE,
    },
    {
        "allow_origins": ["https://example.com", "https://a.example.com", "http://localhost:3000"],
        "allow_methods": ["PUT", "PATCH", "DELETE"],
        "allow_headers": ["X-Token", "X-Id"],
        "expose_headers": ["X-Id"],
        "allow_credentials": True,
        "max_age": None,
    },
    {
        "allow_origins": ["https://example.com", "null", "capacitor://localhost"],
        "allow_methods": "*",
        "allow_headers": "*",
        "preflight_status": 200,
        "existing": "keep",
    },
    {
        "allow_origins": ["https://*.example.com", "http://localhost:*", "https://*.foo.com:8443"],
        "allow_methods": "*",
        "allow_headers": "*",
        "allow_credentials": True,
        "max_age": 0,
    },
    {
        "allow_origins": ["http://*.example.com:*", "http://[::1]:*", "http://127.0.0.1:*"],
        "allow_methods": ["PUT"],
        "allow_headers": ["X-Token"],
        "existing": "keep",
    },
    {
        "allow_origins": [
            "https://app.example.com",
            "https://*.foo.com",
            re.compile(r"https?://(a|b)\.example\.com(:\d+)?"),
        ],
        "allow_headers": ["X-Token", "Authorization"],
    },
    {"allow_origins": "*", "timing_allow_origin": True},
    {
        "allow_origins": ["https://example.com", "https://*.example.com", "null"],
        "allow_methods": "*",
        "allow_headers": "*",
        "allow_credentials": True,
        "dangerously_tolerate": ["null-origin-with-credentials"],
        "timing_allow_origin": True,
    },
]
option_sets = st.sampled_from(POLICIES)
