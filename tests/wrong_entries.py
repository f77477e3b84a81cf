"""What people write into a list of origins and should not, with the host that they meant."""

from __future__ import annotations

import re
from typing import Any

from corsfast import within

APP = "app.example.com"
LOCAL = "localhost"
# What words may begin with where no value can be proposed.
DECISIONS = (
    "each name that is yours",
    "the origins that",
    "the page's real origin",
    "https alone, and http for localhost only",
    "a list of origins",
    "it without that, or as several entries",
    "'*' alone, as the only entry",
    "the list without it",
    "either '*' alone or the list without it",
)

# entry, the host that it names; None where nothing may be proposed
WRONG: list[tuple[Any, str | None]] = [
    # schemes
    ("app.example.com", APP), ("//app.example.com", APP), ("://app.example.com", APP),
    ("/app.example.com", APP), (":app.example.com", None), ("https:/app.example.com", APP),
    ("https:app.example.com", APP), ("https:///app.example.com", APP),
    ("https:////app.example.com", APP), ("https//app.example.com", APP),
    ("http//app.example.com", APP), ("https/app.example.com", APP),
    ("https;//app.example.com", APP), ("https.//app.example.com", APP),
    ("https: //app.example.com", APP), ("https :// app.example.com", APP),
    ("https:\\\\app.example.com", APP), ("https:/\\app.example.com", APP),
    ("http s://app.example.com", APP), ("htps:/app.example.com", APP),
    ("htp:app.example.com", APP), ("htps://app.example.com/", APP), ("HTPS://app.example.com", APP),
    ("httpss//app.example.com", APP), ("https://https://app.example.com", APP),
    ("http://https://app.example.com", APP), ("https://http://app.example.com", APP),
    ("https:https://app.example.com", APP), ("HTTPS://app.example.com", APP),
    ("Https://App.Example.Com", APP), ("HTTP://App.Example.com/", APP),
    ("wss://app.example.com", APP), ("ws://app.example.com", APP), ("ws://localhost:3000", LOCAL),
    ("wss://app.example.com:8443", APP), ("wss://app.example.com:80", APP),
    ("ws://app.example.com/socket", APP), ("wss:app.example.com", APP),
    ("http://app.example.com", APP), ("http+s://app.example.com/", APP),
    ("http*://app.example.com", None), ("*://app.example.com", None), ("https://", None),
    ("https:", None), ("http", None), ("https", None), ("://", None), ("//", None), (":", None),
    ("file:///home/me/index.html", None), ("file://", None), ("about:blank", None),
    ("data:text/html,x", None), ("javascript:alert(1)", None),
    ("chrome-extension:abcdef", None), ("chrome-extension://abc/", "abc"),
    ("capacitor:/localhost", LOCAL), ("capacitor://localhost/", LOCAL),
    ("mailto:me@app.example.com", None), ("ftp:/app.example.com", APP),
    # words
    ("none", None), ("None", None), ("NONE", None), ("null ", "null"), ("NULL", "null"),
    ("Null", "null"), ("false", None), ("true", None), ("all", None), ("any", None), ("0", None),
    ("1", None), ("-", None), ("undefined", None), ("self", None), ("'self'", None), ("", None),
    (" ", None), ("example", None), ("myhost", None), ("myhost:3000", "myhost"), (".", None),
    ("..", None), ("com", None), ("$ORIGIN", None), ("${ORIGIN}", None), ("<origin>", None),
    ("%(origin)s", None), ("{{ origin }}", None), ("self.example.com", "self.example.com"),
    # what is behind
    ("https://app.example.com/", APP), ("https://app.example.com//", APP),
    ("https://app.example.com/path", APP), ("https://app.example.com/*", APP),
    ("https://app.example.com?x=1", APP), ("https://app.example.com#", APP),
    ("https://app.example.com;", APP), ("https://app.example.com,", APP),
    ("https://app.example.com, ", APP), ("https://app.example.com:", APP),
    ("https://app.example.com:/", APP), ("https://app.example.com\\", APP),
    ("https://app.example.com\\n", None), ("https://app.example.com\n", APP),
    ("https://app.example.com\r\n", APP), ("https://app.example.com\0", APP),
    ("https://app.example.com)", None), ("https://app.example.com]", None),
    ("https://app.example.com'", APP), ('"https://app.example.com"', APP),
    ("'https://app.example.com/'", APP), ("`https://app.example.com`", APP),
    ("<https://app.example.com>", APP), ("[https://app.example.com]", None),
    ("https://app.example.com..", None), ("https://app.example.com!", None),
    ("\ufeffhttps://app.example.com", APP), ("\u201chttps://app.example.com\u201d", APP),
    ("https://app.example.com\u00a0", APP), ("https://app.example.com\u200b", APP),
    # hosts
    ("https://App.example.com", APP), ("https://app..example.com", None),
    ("https://.app.example.com", APP), (".app.example.com", APP),
    ("https://-app.example.com", None), ("https://app_.example.com-", None),
    ("https://app example.com", None), ("https://app,example.com", None),
    ("https://app\u3002example\u3002com", APP), ("https://app\uff0eexample\uff0ecom", APP),
    ("https://\uff41pp.example.com", APP), ("https://b\u00fccher.example", "xn--bcher-kva.example"),
    ("b\u00fccher.example", "xn--bcher-kva.example"),
    ("https://*.b\u00fccher.example", "xn--bcher-kva.example"),
    ("https://\u0430pp.example.com", "xn--pp-6kc.example.com"),
    ("https://app.example.com%2f", None), ("https://%61pp.example.com", None),
    ("https://user@app.example.com", APP), ("https://user:word@app.example.com", APP),
    ("https://user:p@ss@app.example.com", APP), ("user@app.example.com", APP),
    ("https://app.example.com@evil.example", None),
    ("https://app.example.com:80@evil.example", None),
    ("https://app.example.com\\@evil.example", APP), ("https://app.example.com/@evil.example", APP),
    ("https://app.example.com#@evil.example", APP), ("https://@app.example.com", APP),
    # ports
    ("https://app.example.com:443", APP), ("http://app.example.com:80", APP),
    ("app.example.com:443", APP), ("app.example.com:3000", APP), ("localhost:3000", LOCAL),
    ("localhost", LOCAL), ("https://app.example.com:08443", APP),
    ("https://app.example.com:0", None),
    ("https://app.example.com:00", None), ("https://app.example.com:65536", None),
    ("https://app.example.com:port", None), ("https://app.example.com:-1", None),
    ("https://app.example.com:3000:3001", None), ("http://localhost:3000,3001", LOCAL),
    ("http://localhost:3000-3010", LOCAL), ("http://localhost:{3000,3001}", LOCAL),
    ("http://localhost:(3000|3001)", LOCAL), ("http://localhost:[3000-]", None),
    ("http://localhost:[3000 3001]", None), ("http://localhost:[]", None),
    ("http://localhost:3000*", None), ("http://localhost:30*", None),
    ("http://localhost::3000", None),
    ("http://localhost: 3000", None), ("http://localhost:3000/", LOCAL),
    # addresses
    ("http://127.1:3000", "127.0.0.1"), ("http://127.1", "127.0.0.1"),
    ("http://2130706433", "127.0.0.1"), ("http://0x7f.1", "127.0.0.1"),
    ("http://127.0.0.1.", "127.0.0.1"), ("http://127.0.0.01", None), ("http://010.0.0.1", None),
    ("http://127.0.0.256", None), ("http://127.0.0.0.1", None), ("127.0.0.1:8000", "127.0.0.1"),
    ("http://127.0.0.*", None), ("http://*.0.0.1", None), ("http://192.168.*.*:3000", None),
    ("http://[0:0:0:0:0:0:0:1]:3000", "[::1]"), ("http://[::0001]", "[::1]"),
    ("http://::1:3000", None), ("http://[::1", None), ("[::1]:3000", "[::1]"), ("::1", None),
    ("http://[::1]:80", "[::1]"), ("http://[::ffff:127.0.0.1]", None),
    ("http://[fe80::1%25eth0]", None),
    # globs
    ("*.example.com", "example.com"), ("*example.com", "example.com"),
    ("https://*example.com", "example.com"), ("http://*.example.com", "example.com"),
    ("https://*.example.com/", "example.com"), ("https://*.Example.com", "example.com"),
    ("https://**.example.com", None), ("https://*", None), ("http://*:*", None), ("*:*", None),
    ("**", None), ("https://*.com", None), ("*.com", None), ("*.co.uk", None),
    ("https://*.co.uk", None), ("*.vercel.app", None), ("https://*.vercel.app", None),
    ("https://my-*.vercel.app", None), ("*.github.io", None), ("https://app.example.*", None),
    ("https://*.example.*", None), ("https://*.*", None), ("https://*app*", "app"),
    ("https://*-app.vercel.app", None), ("http://*.co.uk", None),
    ("*.example.com:443", "example.com"),
    ("*.example.com:*", "example.com"), ("https://[*].example.com", None),
    ("https://?.example.com", None), ("https://[a-z].example.com", "example.com"),
    ("chrome-extension://a*", None), ("ws://*.example.com", "example.com"),
    ("https://{app,admin}.example.com", "example.com"), ("https://%.example.com", None),
    # texts of regexes
    ("^https://app.example.com$", APP), (r"^https://app\.example\.com$", APP),
    ("https://.*.example.com", "example.com"), (r"https://.*\.example\.com", "example.com"),
    ("https://.*example.com", "example.com"), (r"https?://app\.example\.com", APP),
    ("https?://app.example.com", APP), ("^https?://localhost(:[0-9]+)?$", LOCAL),
    (r"http://localhost:\d+", LOCAL), ("http://localhost:[0-9]+/", LOCAL),
    ("http://localhost.*", LOCAL), (".*", None), (".+", None), ("https://.*", None),
    (r".*\.example\.com$", "example.com"), (r"^.*\.vercel\.app$", None), ("(", None), ("[", None),
    ("https://(app|admin).example.com", "example.com"), ("/app.example.com/", APP),
    (r"/^https:\/\/app\.example\.com$/", None), (r'r"https://app\.example\.com"', None),
    ("https://app.example.com|https://admin.example.com", "example.com"),
    ("https://(?!evil).*", None), (r"(?i)^https://app\.example\.com$", APP),
    (r"https:\/\/app\.example\.com", APP), ("\\Ahttps://app.example.com\\Z", APP),
    ("https://app.example.com+", None), ("https://[^.]+.example.com", "example.com"),
    # several in one
    ("https://app.example.com,https://admin.example.com", "example.com"),
    ("https://app.example.com https://admin.example.com", "example.com"),
    ("https://app.example.com; https://admin.example.com/", "example.com"),
    ("https://app.example.com, *.co.uk", None),
    ("app.example.com,admin.example.com", "example.com"),
    ('["https://app.example.com"]', None), ("https://app.example.com,", APP),
    # other types
    (b"https://app.example.com", APP), (b"https://App.example.com/", APP), (b"none", None),
    (b"\xff", None), (None, None), (5, None), (["https://app.example.com"], None),
    (re.compile(b"https://app.example.com"), APP), (re.compile(b"https://["[:-1]), None),
    # regexes
    (re.compile("^https://app.example.com"), APP),
    (re.compile("https://app.example.com", re.IGNORECASE), APP),
    (re.compile("https?://app.example.com"), APP), (re.compile(".*"), None),
    (re.compile(r"https://.*\.vercel\.app"), None), (re.compile("app.example.com"), APP),
    (re.compile("https://.*example.com"), "example.com"),
    (re.compile(r"https://app\.example\.com/"), APP),
    (re.compile(r"https://(?=a).*\.example\.com.*"), "example.com"),
    (within(re.compile("https://.*example.com"), "example.com"), "example.com"),
]  # fmt: skip


def same_host(value: Any, host: str) -> bool:
    text = getattr(getattr(value, "regex", value), "pattern", value)
    written = text.replace("\\", "").replace("[0-9]", "")
    if not isinstance(value, str) or "*" in written:
        return host in written
    named = re.sub(r":(\d+|\[[\d,-]+\])$", "", written.partition("://")[2] or written)
    return bool(named == host or named.endswith(f".{host}"))
