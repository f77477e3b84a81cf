"""What an error proposes to write is accepted by the same options, and names the same host.

The entries are what people write: each is given to a policy, with and without credentials, and
what the problem proposes is put in its place. It has to be accepted without a warning; or it
is no value but words, which say what only the author can decide; or nothing is proposed. The
host is the one that was written: a proposal never trusts somebody else.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

import pytest

from corsfast import (
    CorsfastDeadEntryWarning,
    CorsfastPerformanceWarning,
    CorsfastRedundancyWarning,
    PolicyError,
    within,
)

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
    ("https://*.example.*", None), ("https://*.*", None), ("https://*app*", None),
    ("https://*-app.vercel.app", None), ("http://*.co.uk", None),
    ("*.example.com:443", "example.com"),
    ("*.example.com:*", "example.com"), ("https://[*].example.com", None),
    ("https://?.example.com", None), ("https://[a-z].example.com", "example.com"),
    ("chrome-extension://*", None), ("ws://*.example.com", "example.com"),
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

SEVERAL: list[Any] = [
    "https://app.example.com", "https://App.example.com/", "https://a.example.com, https://b.example.com",
    "https://a.example.com https://b.example.com", "", "none", "*.co.uk", "http://app.example.com",
    "*,https://app.example.com", '["https://app.example.com"]', "('https://app.example.com',)",
    b"https://app.example.com", re.compile("https://app.example.com"), re.compile(".*"),
    ["*", "https://app.example.com"], ["https://app.example.com", re.compile(".*")],
    [".*", "https://app.example.com"], ["null", "*"],
]  # fmt: skip

NAMES: list[tuple[str, Any]] = [
    (option, value)
    for option in ("allow_methods", "allow_headers", "expose_headers")
    for value in (
        ["Content-Type:"], ["X-A: 1"], [" X-A "], ["X-A,X-B"], ["X-A, Cookie, Set-Cookie, TRACE"],
        "X-A", "X-A, X-B", "X-A X-B", "Cookie", "Set-Cookie", "TRACE", "put", "patch", "", b"PUT",
        [b"PUT"], [b"TRACE"], [b"Cookie"], [b"Set-Cookie"], ["'X-A'"], ["X A"], ["Cookie:"],
        ["Set-Cookie:"], ["TRACE:"], ["patch:"], "*, X-A", ["*,X-A"], ["*:"],
    )
]  # fmt: skip
NAMES += [
    ("max_age", value) for value in ("600", " 600 ", "0600", 600.0, "none", "-1", "1e3", "99999999",
                                     True, -1, 86401, "\u0661", float("nan"), 1e300)
]  # fmt: skip
NAMES += [("dangerously_tolerate", value) for value in ("public-suffix", "all", ["public_suffix"])]
NAMES += [("preflight_status", "204"), ("preflight_status", 404), ("existing", "Keep")]


def refused(engine: Any, **options: Any) -> tuple[Any, ...]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            engine.Policy(**options)
    except PolicyError as error:
        return error.problems
    return ()


def proposed(hint: str | None) -> list[Any] | None:
    """The values of a hint; ``None`` for words."""
    try:
        found = eval(f"[{hint}]", {"re": re, "within": within})
    except (SyntaxError, NameError):
        return None
    return found[0] if hint is not None and hint.startswith("[") else found


def same_host(value: Any, host: str) -> bool:
    text = getattr(getattr(value, "regex", value), "pattern", value)
    written = text.replace("\\", "").replace("[0-9]", "")
    if not isinstance(value, str) or "*" in written:
        return host in written
    named = re.sub(r":(\d+|\[[\d,-]+\])$", "", written.partition("://")[2] or written)
    return bool(named == host or named.endswith(f".{host}"))


def shown(entry: Any) -> str:
    return ascii(getattr(entry, "pattern", entry))


@pytest.mark.parametrize("credentials", [False, True], ids=["", "credentials"])
@pytest.mark.parametrize(("entry", "host"), WRONG, ids=shown)
def test_what_is_proposed_is_accepted(
    engine: Any, entry: Any, host: str | None, credentials: bool
) -> None:
    options = {"allow_credentials": credentials}
    for problem in refused(engine, allow_origins=[entry], **options):
        assert f"Write {problem.hint} instead." in str(problem) or problem.hint is None
        values = proposed(problem.hint)
        if problem.hint is None:
            continue
        if values is None or problem.hint.startswith("'*' alone"):
            assert problem.hint.startswith(DECISIONS), problem
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CorsfastPerformanceWarning)  # as it was written
            engine.Policy(allow_origins=values, **options)
        if values != ["*"]:
            assert host is not None, problem
            assert all(same_host(value, host) for value in values), problem


@pytest.mark.parametrize("credentials", [False, True], ids=["", "credentials"])
@pytest.mark.parametrize("origins", SEVERAL, ids=shown)
def test_lists_that_are_proposed_are_accepted(engine: Any, origins: Any, credentials: bool) -> None:
    options = {"allow_credentials": credentials}
    for problem in refused(engine, allow_origins=origins, **options):
        values = proposed(problem.hint)
        if problem.hint is None:
            continue
        if values is None or problem.hint.startswith("'*' alone"):
            assert problem.hint.startswith(DECISIONS), problem
            continue
        whole = values
        if isinstance(origins, list) and problem.value in origins:
            whole = [*(entry for entry in origins if entry != problem.value), *values]
        found = refused(engine, allow_origins=whole, **options)
        assert problem.code not in [other.code for other in found], (problem, whole)


@pytest.mark.parametrize(("option", "value"), NAMES, ids=shown)
def test_names_and_numbers_that_are_proposed_are_accepted(
    engine: Any, option: str, value: Any
) -> None:
    for problem in refused(engine, allow_origins=["https://a.example"], **{option: value}):
        hint = (problem.hint or "").removesuffix(" (do not cache)")
        if not hint or hint.startswith("one of "):
            continue
        values = proposed(hint)
        assert values is not None, problem
        listed = isinstance(value, (list, str, bytes)) and option not in (
            "max_age", "preflight_status", "existing"
        )  # fmt: skip
        given = values if listed else values[0]
        engine.Policy(allow_origins=["https://a.example"], **{option: given})


@pytest.mark.parametrize(
    ("entry", "credentials", "hint"),
    [
        ("https:/app.example.com", False, "'https://app.example.com'"),
        ("http//app.example.com", False, "'http://app.example.com'"),
        ("none", False, None),
        ("^https://app.example.com$", False, "'https://app.example.com'"),
        ("https://.*.example.com", False, "'https://*.example.com'"),
        ("http://localhost:{3000,3001}", False, "'http://localhost:[3000,3001]'"),
        ("*example.com", False, "'https://*.example.com'"),
        ("*.co.uk", False,
         "each name that is yours, as https://NAME.co.uk; or use a domain of your own"),
        ("HTTP://App.Example.com/", False, "'http://app.example.com'"),
        ("HTTP://App.Example.com/", True, "'https://app.example.com'"),
        ("http://LOCALHOST:3000", True, "'http://localhost:3000'"),
        ("NULL", False, "'null'"),
        ("NULL", True, "the page's real origin"),
        ("https://app.example.com:", False, "'https://app.example.com'"),
        ("https:app.example.com", False, "'https://app.example.com'"),
        ("https://app.example.com;", False, "'https://app.example.com'"),
        ("http://127.1:3000", False, "'http://127.0.0.1:3000'"),
        ("wss://app.example.com:80", False, "'https://app.example.com:80'"),
        ("ws://localhost:3000", True, "'http://localhost:3000'"),
        ("ws://app.example.com", True, "'https://app.example.com'"),
        (re.compile("^https://app.example.com"), False, r're.compile(r"^https://app\.example\.com")'),
        ("https://*example.com", False, "'https://*.example.com'"),
        (re.compile("https://app.example.com", re.IGNORECASE), False,
         r're.compile(r"https://app\.example\.com", re.IGNORECASE)'),
    ],
)  # fmt: skip
def test_proposals(engine: Any, entry: Any, credentials: bool, hint: str | None) -> None:
    problems = refused(engine, allow_origins=[entry], allow_credentials=credentials)
    assert [problem.hint for problem in problems] == [hint]


def test_the_safe_way_comes_first(engine: Any) -> None:
    (problem,) = refused(engine, allow_origins=["https://*example.com"])
    safe, dangerous = (
        "Write 'https://*.example.com' instead.",
        "Or accept it: dangerously_tolerate=",
    )
    assert 0 < str(problem).index(safe) < str(problem).index(dangerous)


def test_many_mistakes_cost_few_proofs(engine: Any) -> None:
    """Beyond what anybody mends at a time, what would need a proof is not proposed."""
    globs = [f"https://*x{n}.com" for n in range(40)]
    slashes = [f"https://a{n}.example/" for n in range(40)]
    problems = refused(engine, allow_origins=[*globs, *slashes])
    assert len(problems) == 80
    assert sum(problem.hint is not None for problem in problems if problem.witness) == 16
    assert all(problem.hint for problem in problems if problem.witness is None)


# -- schemes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "meant"),
    [("htps", "https"), ("htpp", "http"), ("hhtp", "http"), ("httpss", "https"), ("ttp", "http"),
     ("htpts", "https"), ("htttps", "https"), ("htttp", "http"), ("hptt", None),
     ("httpd", "https")],
)  # fmt: skip
def test_schemes_that_are_a_slip_away(engine: Any, scheme: str, meant: str | None) -> None:
    origin = f"{scheme}://localhost:3000"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        policy = engine.Policy(allow_origins=[origin])
    assert policy.allows_origin(origin)  # it may be somebody's own
    said = [(w.category, w.filename, f"Write '{meant}://" in str(w.message)) for w in caught]
    assert said == ([(CorsfastDeadEntryWarning, __file__, True)] if meant else [])


@pytest.mark.parametrize(
    "scheme",
    ["chrome-extension", "moz-extension", "safari-web-extension", "capacitor", "tauri", "ionic",
     "app", "app+http", "vscode-webview", "ftp", "obsidian", "android-app"],
)  # fmt: skip
def test_schemes_of_applications(engine: Any, scheme: str) -> None:
    assert engine.Policy(allow_origins=[f"{scheme}://abc"]).allows_origin(f"{scheme}://abc")


# -- duplicates ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "twice"),
    [
        (["https://a.example", "https://a.example"], ["https://a.example"]),
        (["https://*.a.example", "https://b.example"] * 3, ["https://*.a.example", "https://b.example"]),
        (["http://a.example:[1,2]", "http://a.example:[2,1]"], ["http://a.example:[1-2]"]),
        ([re.compile(r"https://[ab]\.a\.example")] * 2, [r"https://[ab]\.a\.example"]),
        (["*", "*"], ["*"]),
        (["https://a.example", "https://b.example"], []),
    ],
)  # fmt: skip
def test_what_is_listed_twice_is_said_once(engine: Any, entries: Any, twice: list[str]) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        engine.Policy(allow_origins=entries)
    assert [str(w.message) for w in caught] == [f"{t!r} is listed more than once." for t in twice]
    assert {w.category for w in caught} <= {CorsfastRedundancyWarning}
