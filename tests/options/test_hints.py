"""A proposed value is accepted by the same options, and names the same host.

The entries are typical mistakes. Each is given to a policy, with and without credentials, and then
replaced by the proposed value. The value must be accepted without a warning. A hint may also be
prose, if only the author can decide, or there may be no proposal. The host must be the one in the
entry, because a proposal must never trust another host.
"""

from __future__ import annotations

import re
import warnings
from ipaddress import ip_network
from typing import Any

import pytest
from support.wrong_entries import DECISIONS, MEANT, MEANT_WITHOUT_CREDENTIALS, WRONG, same_host

from corsfast import (
    CorsfastPerformanceWarning,
    CorsfastRedundancyWarning,
    CorsfastUnmatchableWarning,
    PolicyError,
    within,
)

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
                                     True, -1, 86401, "\u0661", float("nan"), 1e300, "10m")
]  # fmt: skip
NAMES += [("dangerously_tolerate", value) for value in ("public-suffix", "all", ["public_suffix"])]
NAMES += [("preflight_status", "204"), ("preflight_status", 404), ("existing", "Keep")]


def refused(engine: Any, **options: Any) -> tuple[Any, ...]:
    try:
        with warnings.catch_warnings(action="ignore"):
            engine.Policy(**options)
    except PolicyError as error:
        return error.problems
    return ()


def proposed(hint: str | None) -> list[Any] | None:
    """Return the values of a hint, or ``None`` if it is prose."""
    try:
        found = eval(f"[{hint}]", {"re": re, "within": within})
    except (SyntaxError, NameError):
        return None
    return found[0] if hint is not None and hint.startswith("[") else found


def to_be_accepted(problem: Any) -> list[Any] | None:
    """Return the proposed values, or ``None`` if the hint is prose or there is no proposal."""
    values = proposed(problem.hint)
    if problem.hint is None:
        return None
    if values is None or problem.hint.startswith("'*' alone"):
        assert problem.hint.startswith(DECISIONS), problem
        return None
    return values


def shown(entry: Any) -> str:
    return ascii(getattr(entry, "pattern", entry))


@pytest.mark.parametrize("credentials", [False, True], ids=["", "credentials"])
@pytest.mark.parametrize(("entry", "host"), WRONG, ids=shown)
def test_suggestions_are_valid(
    engine: Any, entry: Any, host: str | None, credentials: bool
) -> None:
    options = {"allow_credentials": credentials}
    for problem in refused(engine, allow_origins=[entry], **options):
        assert f"Write {problem.hint} instead." in str(problem) or problem.hint is None
        values = to_be_accepted(problem)
        if values is None:
            continue
        # Entries may be slow.
        with warnings.catch_warnings(action="ignore", category=CorsfastPerformanceWarning):
            engine.Policy(allow_origins=values, **options)
        if values != ["*"]:
            assert host is not None, problem
            assert all(same_host(value, host) for value in values), problem


@pytest.mark.parametrize("credentials", [False, True], ids=["", "credentials"])
@pytest.mark.parametrize(("entry", "origins"), [*MEANT, *MEANT_WITHOUT_CREDENTIALS], ids=shown)
def test_a_suggestion_matches_the_intended_origins(
    engine: Any, entry: str, origins: list[str], credentials: bool
) -> None:
    problems = refused(engine, allow_origins=[entry], allow_credentials=credentials)
    assert problems
    for problem in problems:
        if credentials and (entry, origins) in MEANT_WITHOUT_CREDENTIALS:
            assert problem.hint is None
            continue
        values = proposed(problem.hint)
        assert values is not None, problem
        with warnings.catch_warnings(action="error"):
            policy = engine.Policy(allow_origins=values, allow_credentials=credentials)
        assert [origin for origin in origins if not policy.allows_origin(origin)] == []


@pytest.mark.parametrize("credentials", [False, True], ids=["", "credentials"])
@pytest.mark.parametrize("origins", SEVERAL, ids=shown)
def test_lists_that_are_proposed_are_accepted(engine: Any, origins: Any, credentials: bool) -> None:
    options = {"allow_credentials": credentials}
    for problem in refused(engine, allow_origins=origins, **options):
        values = to_be_accepted(problem)
        if values is None:
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


IN_FULL = "each name that is yours, in full; or use a domain of your own"


@pytest.mark.parametrize(
    ("entry", "credentials", "hint"),
    [
        ("https:/app.example.com", False, "'https://app.example.com'"),
        ("http//app.example.com", False, "'http://app.example.com'"),
        ("none", False, None),
        ("^https://app.example.com$", False, "'https://app.example.com'"),
        ("https://.*.example.com", False, "'https://*.example.com'"),
        ("http://localhost:{3000,3001}", False, "'http://localhost:[3000,3001]'"),
        ("https://*.elb.amazonaws.com", False, IN_FULL),
        ("https://*.compute.amazonaws.com", True, IN_FULL),
        ("*.elb.amazonaws.com", False, IN_FULL),
        ("https://*.amazonaws.com", False, IN_FULL),
        ("https://*.ck", False, IN_FULL),
        ("https://*.kawasaki.jp", False, IN_FULL),
        ("https://*.run.app", False, IN_FULL),
        (re.compile(r"https://.*\.elb\.amazonaws\.com"), False, IN_FULL),
        (re.compile(r"https://[a-z]+\.[a-z]+\.run\.app"), False, IN_FULL),
        ("https://*.us-east-1.elb.amazonaws.com", False,
         IN_FULL.replace("in full", "as https://NAME.us-east-1.elb.amazonaws.com")),
        (re.compile(r"https://shop-.*\.us-east-1\.elb\.amazonaws\.com"), False,
         IN_FULL.replace("in full", "as https://NAME.us-east-1.elb.amazonaws.com")),
        ("*example.com", False, "'https://example.com', 'https://*.example.com'"),
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
        ("https://*example.com", False, "'https://example.com', 'https://*.example.com'"),
        ("http://192.168.*.*:*", False, "'http://192.168.0.0/16:*'"),
        ("http://10.*:*", False, "'http://10.0.0.0/8:*'"),
        ("http://10.*", False, "'http://10.0.0.0/8:*'"),
        ("http://192.168.1.*:3000", False, "'http://192.168.1.0/24:3000'"),
        ("https://192.168.0.*", False, "'https://192.168.0.0/24'"),
        ("http://192.168.1.10-192.168.1.20", False,
         ("'http://192.168.1.10/31', 'http://192.168.1.12/30', 'http://192.168.1.16/30',"
          " 'http://192.168.1.20'")),
        ('["https://a.example.com"]', False, "'https://a.example.com'"),
        ("['https://a.example.com', 'http://localhost:3000']", False,
         "'https://a.example.com', 'http://localhost:3000'"),
        ("\ufeffhttps://a.example.com", False, "'https://a.example.com'"),
        ("chrome-extension:*", False, "'chrome-extension://*'"),
        ("safari-web-extension:*", False, "'safari-web-extension://*'"),
        (re.compile("^null$"), False, "'null'"),
        (re.compile("^null$"), True, None),
        (re.compile("http://192.168.*"), False, "'http://192.168.0.0/16:*'"),
        (re.compile(r"http://192\.168\..*"), False, "'http://192.168.0.0/16:*'"),
        (re.compile(r"https://10\..*:3000"), False, "'https://10.0.0.0/8:3000'"),
        ("http://192.168.1.[0-9]+:3000", False, "'http://192.168.1.0/24:3000'"),
        (ip_network("10.0.0.0/8"), False, "'http://10.0.0.0/8:*'"),
        (ip_network("fd00::/8"), False, "'http://[fd00::]/8:*'"),
        ("http://*.onion", False, "each name that is yours, in full; or use a domain of your own"),
        ("http://192.168.1.1-192.168.1.254", False, "'http://192.168.1.0/24'"),
        ("http://192.168.1.[1-254]:3000", False, "'http://192.168.1.0/24:3000'"),
        ("http://192.168.0.[0-255]", False, "'http://192.168.0.0/24'"),
        ("http://192.168.0.0/16/:3000", False, "'http://192.168.0.0/16:3000'"),
        ("http://192.168.0.0:*/16", False, "'http://192.168.0.0/16:*'"),
        ("http://[fd00::]:*/8", False, "'http://[fd00::]/8:*'"),
        ("http://192.168.0.0/16:*/", False, "'http://192.168.0.0/16:*'"),
        ("192.168.x.x", False, "'http://192.168.0.0/16:*'"),
        ("192.168.1.x:3000", False, "'http://192.168.1.0/24:3000'"),
        (re.compile("https://app.example.com", re.IGNORECASE), False,
         r're.compile(r"https://app\.example\.com", re.IGNORECASE)'),
        ("http://app.example.com:3000", True, "'https://app.example.com:3000'"),
        ("http://*.example.co.uk:*", True, "'https://*.example.co.uk:*'"),
        ("http://abcdefghijklmnop.onion", True, None),
        ("http://*.abcdefghijklmnop.onion", True, None),
        ("HTTP://abcdefghijklmnop.onion/", True, None),
        ("http://192.168.1.5:3000", True, None),
        ("http://8.8.8.8", True, None),
        ("http://[2001:4860::8888]", True, None),
        ("http://intranet", True, None),
        ("http://pr-*.intranet.lan", True, None),
        (re.compile(r"http://abcdefghijklmnop\.onion"), True,
         "https alone, and http for localhost only"),
        (re.compile(r"https?://(app\.test|app\.example\.com)"), True,
         r're.compile(r"https?://app\.test|https://app\.example\.com")'),
    ],
)  # fmt: skip
def test_proposals(engine: Any, entry: Any, credentials: bool, hint: str | None) -> None:
    problems = refused(engine, allow_origins=[entry], allow_credentials=credentials)
    assert [problem.hint for problem in problems] == [hint]


def test_a_risk_without_a_proposal_can_be_accepted(engine: Any) -> None:
    (problem,) = refused(engine, allow_origins=["http://10.0.0.0/8:*"], allow_credentials=True)
    assert str(problem).count("accept it: ") == str(problem).count(". To accept it: ") == 1
    assert "Write" not in str(problem)


def test_the_safe_way_comes_first(engine: Any) -> None:
    (problem,) = refused(engine, allow_origins=["https://*example.com"])
    safe, dangerous = (
        "Write 'https://example.com', 'https://*.example.com' instead.",
        "Or accept it: dangerously_tolerate=",
    )
    assert 0 < str(problem).index(safe) < str(problem).index(dangerous)


def test_many_mistakes_cost_few_proofs(engine: Any) -> None:
    """After more problems than anyone fixes at once, no fix that needs a proof is proposed."""
    globs = [f"https://*x{n}.com" for n in range(40)]
    slashes = [f"https://a{n}.example/" for n in range(40)]
    problems = refused(engine, allow_origins=[*globs, *slashes])
    assert len(problems) == 80
    assert sum(problem.hint is not None for problem in problems if problem.example) == 16
    assert all(problem.hint for problem in problems if problem.example is None)


# -- schemes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "meant"),
    [("htps", "https"), ("htpp", "http"), ("hhtp", "http"), ("httpss", "https"), ("ttp", "http"),
     ("htpts", "https"), ("htttps", "https"), ("htttp", "http"), ("hptt", None),
     ("httpd", "https")],
)  # fmt: skip
def test_schemes_that_are_a_slip_away(engine: Any, scheme: str, meant: str | None) -> None:
    origin = f"{scheme}://localhost:3000"
    with warnings.catch_warnings(record=True, action="always") as caught:
        policy = engine.Policy(allow_origins=[origin])
    assert policy.allows_origin(origin)  # it may be a real custom scheme
    said = [(w.category, w.filename, f"Write '{meant}://" in str(w.message)) for w in caught]
    assert said == ([(CorsfastUnmatchableWarning, __file__, True)] if meant else [])


@pytest.mark.parametrize(
    "scheme",
    ["chrome-extension", "moz-extension", "safari-web-extension", "capacitor", "tauri", "ionic",
     "app", "app+http", "vscode-webview", "ftp", "obsidian", "android-app"],
)  # fmt: skip
def test_schemes_of_applications(engine: Any, scheme: str) -> None:
    assert engine.Policy(allow_origins=[f"{scheme}://abc"]).allows_origin(f"{scheme}://abc")


def test_a_range_of_addresses_that_is_a_name(engine: Any) -> None:
    """`192.168.1.0-255` is a well-formed host that no page can have."""
    with warnings.catch_warnings(record=True, action="always") as caught:
        engine.Policy(allow_origins=["http://192.168.1.0-255:3000", "http://1-2.example.com"])
    assert [w.category for w in caught] == [CorsfastUnmatchableWarning]
    assert "Write 'http://192.168.1.0/24:3000' instead." in str(caught[0].message)
    with pytest.warns(CorsfastUnmatchableWarning, match=r"Write 'http://192\.168\.0\.0/16:3000'"):
        engine.Policy(allow_origins=["http://192.168.x.x:3000", "http://1.xxx"])


def test_a_network_is_one_entry(engine: Any) -> None:
    """The network's sixteen million addresses are not enumerated."""
    with pytest.raises(PolicyError, match="not list of strings"):
        engine.Policy(allow_origins=ip_network("10.0.0.0/8"))


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
def test_a_duplicate_is_reported_once(engine: Any, entries: Any, twice: list[str]) -> None:
    with warnings.catch_warnings(record=True, action="always") as caught:
        engine.Policy(allow_origins=entries)
    assert [str(w.message) for w in caught] == [f"{t!r} is listed more than once." for t in twice]
    assert {w.category for w in caught} <= {CorsfastRedundancyWarning}


@pytest.mark.parametrize(("value", "hint"), [("10m", "600"), ("2 hours", "7200"), ("600ms", None)])
def test_a_duration_is_written_in_seconds(engine: Any, value: str, hint: str | None) -> None:
    (problem,) = refused(engine, allow_origins=["https://a.example"], max_age=value)
    assert problem.hint == hint
