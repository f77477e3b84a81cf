"""Attackers that a policy would allow: each kind of misconfiguration, its code, and its example.

A example is always checked by a policy that tolerates the risk. If there is no example, the
language is searched again by brute force.
"""

from __future__ import annotations

import itertools
import re
import string
import warnings
from collections.abc import Iterator
from typing import Any

import publicsuffixlist
import pytest
from publicsuffixlist import PublicSuffixList
from support.processes import run

from corsfast import Policy, within
from corsfast._options.networks import is_private_host
from corsfast._options.origin import is_development_host, parse_origin
from corsfast._proofs import intent
from corsfast._proofs.automata import ALPHABET, accepts, intersect, minimise, shortest_words
from corsfast._proofs.languages import (
    DEVELOPMENT_HOST,
    PRIVATE_ADDRESS,
    language_of,
    named_origins,
    web_origins,
)
from corsfast._proofs.public_suffixes import (
    SHARED_HOSTING,
    is_public_suffix,
    public_suffix,
    registrable_domain,
    rule_of,
    suffixes_below,
    top_level_domains,
)
from corsfast._proofs.risks import delegated_words, language_risks, registrable_words, tenants
from corsfast.errors import RISKS, PolicyError, Problem


def problems(engine: Any, entry: Any, credentials: bool = False) -> list[Problem]:
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            engine.Policy(allow_origins=[entry], allow_credentials=credentials)
    except PolicyError as error:
        return list(error.problems)
    return []


def tolerated(engine: Any, entry: Any, *codes: str, credentials: bool = False) -> Any:
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        return engine.Policy(
            allow_origins=[entry], allow_credentials=credentials, dangerously_tolerate=codes
        )


# -- attackers -------------------------------------------------------------------------------

# pattern, code, example
ATTACKERS = [
    # an unescaped dot
    (r"https://www.example\.com", "foreign-origin", "https://wwweexample.com"),
    (r"https://(a|b).example\.com", "foreign-origin", "https://aeexample.com"),
    (r"https://app.corp.example.com", "foreign-origin", "https://app.corpeexample.com"),
    # `.*` and the like in front of a bare domain
    (r"https://.*example\.com", "foreign-origin", "https://eexample.com"),
    (r"https?://[\w.-]*example\.com", "foreign-origin", "http://eexample.com"),
    (r"https://[^/]+example\.com", "foreign-origin", "https://eexample.com"),
    (r".*example\.com", "foreign-origin", "http://eexample.com"),
    (r"https://(.*)?example\.com", "foreign-origin", "https://eexample.com"),
    # an open end
    (r"https://example\..*", "foreign-origin", "https://example.ac"),
    (r"https://example\.[a-z]+", "foreign-origin", "https://example.ac"),
    (r"https://example\.[a-z]{2,3}", "foreign-origin", "https://example.ac"),
    (r"http://localhost.*", "foreign-origin", "http://localhost.ac"),
    (r"http://localhost[^/]*", "foreign-origin", "http://localhost.ac"),
    (r"https://app\.example\.com(\..+)?", "foreign-origin", "https://app.example.com.ac"),
    # an alternation that matches more than intended
    (r"https://app\.example\.com|.*example\.org", "foreign-origin", "http://eexample.org"),
    (r"https?://localhost|.+", "foreign-origin", "https://attacker.example"),
    # everything, in many spellings
    (r".*", "foreign-origin", "https://attacker.example"),
    (r".+", "foreign-origin", "https://attacker.example"),
    (r"https?://.*", "foreign-origin", "https://attacker.example"),
    (r"https://.*", "foreign-origin", "https://attacker.example"),
    (r"https://[^/]+", "foreign-origin", "https://attacker.example"),
    (r"[\s\S]*", "foreign-origin", "https://attacker.example"),
    (r"\w+://\S*", "foreign-origin", "https://attacker.example"),
    (r"(https://a\.example\.com)?.*", "foreign-origin", "https://attacker.example"),
    (r"https://([a-z0-9_-]+\.)+[a-z0-9_-]+\.?", "foreign-origin", "https://attacker.example"),
    # nearly everything
    (r"https://[abcdef]\.com", "foreign-origin", "https://e.com"),
    (r"https://[a-z]+\.[a-z]+", "foreign-origin", "https://e.ac"),
    (r"https://.*:8443", "foreign-origin", "https://e.ac:8443"),
    (r"https://.*\.com", "foreign-origin", "https://e.com"),
    (r"https://[^.]+\.net", "foreign-origin", "https://e.net"),
    (r"https://.*\.", "foreign-origin", "https://e.ac."),
    (r"https://[a-z]+\.(com|net|co\.uk)", "foreign-origin", "https://e.com"),
    # the root's dot keeps no attacker out
    (r"https://.*\.com\.", "foreign-origin", "https://e.com."),
    (r"https://.*example\.com\.", "foreign-origin", "https://eexample.com."),
    (r"https://.*example\.com\.:8443", "foreign-origin", "https://eexample.com.:8443"),
    (r"https://.*\.vercel\.app\.", "public-suffix", "https://e.vercel.app."),
    # shared hosting, whole labels and parts of one
    (r"https://.*\.vercel\.app", "public-suffix", "https://e.vercel.app"),
    (r"https://app-.*\.vercel\.app", "public-suffix", "https://app-e.vercel.app"),
    (r"https://[a-z0-9-]+-team\.vercel\.app", "public-suffix", "https://e-team.vercel.app"),
    (r"https://[a-z]+--site\.netlify\.app", "public-suffix", "https://e--site.netlify.app"),
    (r"https://.*\.github\.io", "public-suffix", "https://e.github.io"),
    (r"https://[^.]+\.onrender\.com", "public-suffix", "https://e.onrender.com"),
    (r"https://.+\.herokuapp\.com(:\d+)?", "public-suffix", "https://e.herokuapp.com"),
    (r"https://.*\.app\.github\.dev", "public-suffix", "https://e.app.github.dev"),
    (r"https://.*\.co\.uk", "public-suffix", "https://e.co.uk"),
    (r"https://.*\.xn--55qx5d\.cn", "public-suffix", "https://e.xn--55qx5d.cn"),
    # suffixes whose rule has a wildcard: the first label below is a suffix itself
    (r"https://.+\.run\.app", "public-suffix", "https://e.e.run.app"),
    (r"https://(.*\.)?run\.app", "foreign-origin", "https://e.e.run.app"),
    (r"https://[\w.-]+\.replit\.dev", "public-suffix", "https://e.e.replit.dev"),
    (r"https://.+\.kawasaki\.jp", "public-suffix", "https://e.e.kawasaki.jp"),
    (r"https://.+\.run\.app\.", "public-suffix", "https://e.e.run.app."),
    (r"https://[a-z]+\.a\.run\.app", "public-suffix", "https://e.a.run.app"),
    # suffixes below a registered domain
    (r"https://.*\.railway\.app", "foreign-origin", "https://e.up.railway.app"),
    (r"https://.*\.amazonaws\.com", "foreign-origin", "https://e.s3.amazonaws.com"),
    # the end is open: the owner of the written domain would match first, but is no attacker
    (r"https://.*\.example\.com.*", "foreign-origin", "https://e.example.com.ac"),
    (r".*\.example\.com.*", "foreign-origin", "http://e.example.com.ac"),
    (r"https://.*\.example\.com[a]?", "foreign-origin", "https://e.example.com"),
    # addresses on the public internet
    (r"https?://\d+\.\d+\.\d+\.\d+(:\d+)?", "foreign-origin", "http://1.0.0.0"),
    (r"http://[\d.]+", "foreign-origin", "http://1.0.0.0"),
    (r"http://(192\.168|172)\.\d+\.\d+(\.\d+)?:3000", "foreign-origin", "http://172.0.0.0:3000"),
    (r"http://172\.(1|2|3)\d\.\d+\.\d+", "foreign-origin", "http://172.10.0.0"),
    (r"http://1?92\.168\.\d+\.\d+", "foreign-origin", "http://92.168.0.0"),
    (r"http://\[[0-9a-f:]+\]", "foreign-origin", "http://[2eee::e]"),
    # not supported by automata
    (r"https://(?!evil)[a-z]+\.com", "foreign-origin", "https://e.com"),
    (r"https://e\.(?!ac)[a-z]+", "foreign-origin", "https://e.ad"),
]


@pytest.mark.parametrize(("pattern", "code", "example"), ATTACKERS)
def test_attackers(engine: Any, pattern: str, code: str, example: str) -> None:
    regex = re.compile(pattern)
    (problem,) = problems(engine, regex)
    assert (problem.code, problem.option, problem.value) == (code, "allow_origins", regex)
    assert problem.example is not None
    assert len(problem.example) == len(example)
    assert regex.fullmatch(problem.example)
    assert repr(problem.example) in str(problem)
    assert parse_origin(problem.example) is not None
    assert tolerated(engine, regex, code).allows_origin(problem.example)
    # The example in the table is also allowed, whichever was found.
    assert tolerated(engine, regex, code).allows_origin(example)


@pytest.mark.parametrize(
    ("pattern", "under", "beside"),
    [
        (r"https://.*vercel\.app", "https://e.vercel.app", "https://evercel.app"),
        (r"https://[a-z.]*co\.uk", "https://e.co.uk", "https://eco.uk"),
        (
            r"https://(pr-\d+\.web\.app|www.my-example.com)",
            "https://pr-0.web.app",
            "https://wwwemy-example.com",
        ),
        # another origin comes first, by length
        (
            r"https://([a-z]{12,}\.github\.io|a\.github\.io\.[a-z]+)",
            "https://eeeeeeeeeeee.github.io",
            "https://a.github.io.ac",
        ),
        (
            r"https://(.+\.app\.github\.io.*|preview-[a-z0-9]{6,}\.github\.io)",
            "https://e.app.github.io",
            "https://e.app.github.io.ac",
        ),
        (
            r"https://(a\.co\.uk\.?[a-z]*|[a-z]{15,}\.co\.uk)",
            "https://eeeeeeeeeeeeeee.co.uk",
            "https://a.co.uk.ac",
        ),
        (
            r"https://(a\.example\.com\.?[a-z]*|[a-z]{15,}\.[a-z]+\.run\.app)",
            "https://eeeeeeeeeeeeeee.e.run.app",
            "https://a.example.com.ac",
        ),
    ],
)
def test_a_suffix_hides_no_other_risk(engine: Any, pattern: str, under: str, beside: str) -> None:
    """Attackers under a suffix and attackers elsewhere are separate risks."""
    regex = re.compile(pattern)
    first, second = problems(engine, regex)
    assert (first.code, first.example) == ("public-suffix", under)
    assert (second.code, second.example) == ("foreign-origin", beside)
    with pytest.raises(PolicyError, match="foreign-origin"):
        tolerated(engine, regex, "public-suffix")


class Engine:
    """The policy class for tests in which the engine does not matter."""

    Policy = Policy


def test_a_written_domain_is_not_reported_as_unwritten() -> None:
    (problem,) = problems(Engine, re.compile(r"https://.*\.example\.com[a]?"))
    assert problem.code == "foreign-origin"
    assert "also allows e.example.com, which does not look intended" in problem.message
    (problem,) = problems(Engine, within(re.compile(r"https://a\.b\.com"), "c.b.com"))
    assert "a.b.com, which is not within c.b.com" in problem.message


def test_addresses_are_named_as_such() -> None:
    for pattern in (r"http://[\d.]+", r"http://\[[0-9a-f:]+\]"):
        (problem,) = problems(Engine, re.compile(pattern))
        assert "allows addresses on the public internet" in problem.message


def test_any_origin_is_named_in_the_message() -> None:
    for pattern in (r".*", r"https?://.*", r"https://[^/]+", r"\w+://\S*"):
        (problem,) = problems(Engine, re.compile(pattern))
        assert "allows every origin" in problem.message
        assert problem.hint == "'*'"
        (problem,) = problems(Engine, re.compile(pattern), credentials=True)
        assert problem.code == "any-origin-with-credentials"
    (problem,) = problems(Engine, re.compile(r"https://.*:8443"))
    assert "allows every origin" not in problem.message


# -- safe settings ---------------------------------------------------------------------------

SAFE = [
    r"https://app\.example\.com",
    r"https?://(www\.)?example\.com(:\d+)?",
    r"https://.*\.example\.com",
    r"https://([a-z0-9-]+\.)*example\.com",
    r"https://pr-\d+\.preview\.example\.com",
    r"https://[^.]+\.example\.com",
    r"^https://.+\.example\.com$",
    r"https://.+\.example\.com\.?",
    r"https://(a|b|c)\.example\.(com|org|net)",
    r"https://(example|sample)\.com",
    r"https://[abc]\.com",
    r"https://example\.com(\.au)?",
    r"https://example\.co\.uk",
    r"https://.*\.example\.co\.uk",
    r"(?i)https://.*\.EXAMPLE\.COM",
    r"https://my-app\.vercel\.app",
    r"https://.*\.my-app\.vercel\.app",
    r"https://my-app-(prod|dev)\.vercel\.app",
    r"https://.*\.city\.kawasaki\.jp",
    r"https://.*\.www\.ck",
    r"https://vercel\.app",
    # missing anchors are harmless, because the whole origin is always matched
    r"https://example\.com",
    # unescaped dots that an attacker cannot exploit
    r"http://app.localhost:3000|https://my.example.test",
    r"http://127.0.0.1:\d+",
    r"https://example.com",
    r"https://.*\.example.com",
    # addresses in private networks
    r"http://192\.168\.\d+\.\d+(:\d+)?",
    r"http://10\.\d+\.\d+\.\d+",
    r"http://172\.(1[6-9]|2\d|3[01])\.\d+\.\d+",
    r"http://127\.\d+\.\d+\.\d+:\d+",
    r"http://169\.254\.\d+\.\d+",
    r"http://100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.\d+\.\d+",
    r"https://203\.0\.113\.\d+",
    r"http://\[::1\]:\d+",
    r"https://93\.184\.216\.34",  # explicit, so intended
    # names that cannot be registered
    r"https?://localhost(:\d+)?",
    r"http://[a-z]+",
    r"http://[a-z0-9-]+:\d+",
    r"https?://.*\.localhost(:\d+)?",
    r"https?://.*\.test",
    r"https?://.*\.local",
    r"https://.*\.internal",
    r"https://.*\.example",
    r"https://.*\.invalid:\d+",
    # not supported by automata
    r"https://(?=app)[a-z]+\.example\.com",
    r"https://(?>[a-z]+)\.example\.com",
]


@pytest.mark.parametrize("pattern", SAFE)
def test_safe(engine: Any, pattern: str) -> None:
    assert [str(problem) for problem in problems(engine, re.compile(pattern))] == []


# -- wildcards and globs ---------------------------------------------------------------------

WILDCARDS = [
    ("https://*.example.com", None, None),
    ("https://*.example.co.uk", None, None),
    ("https://*.my-app.vercel.app", None, None),
    ("https://*.localhost", None, None),
    ("https://*.test", None, None),
    ("https://*.city.kawasaki.jp", None, None),
    ("https://pr-*.example.com", None, None),
    ("https://*.pr-*.example.com", None, None),
    ("https://*.*.example.com:*", None, None),
    ("http://pr-*.localhost:*", None, None),
    ("https://*.com", "public-suffix", "https://attacker.com"),
    ("https://*.co.uk", "public-suffix", "https://attacker.co.uk"),
    ("https://*.co.uk.", "public-suffix", "https://attacker.co.uk."),
    ("https://*.vercel.app", "public-suffix", "https://attacker.vercel.app"),
    ("https://*.vercel.app.:*", "public-suffix", "https://attacker.vercel.app."),
    ("https://*.vercel.app:8443", "public-suffix", "https://attacker.vercel.app:8443"),
    ("https://*.vercel.app:[443-444]", "public-suffix", "https://attacker.vercel.app:444"),
    ("http://*.vercel.app:[1-9]", "public-suffix", "http://attacker.vercel.app:1"),
    ("https://*.railway.app", "public-suffix", "https://attacker.up.railway.app"),
    ("https://*.railway.app.", "public-suffix", "https://attacker.up.railway.app."),
    ("https://*.kawasaki.jp", "public-suffix", "https://attacker.kawasaki.jp"),
    ("https://*.appspot.com", "public-suffix", "https://attacker.appspot.com"),
    ("https://*.preview.app.github.dev", "public-suffix", None),
    ("https://*.readthedocs.org", "public-suffix", None),
    ("https://app-*.vercel.app", "public-suffix", "https://app-e.vercel.app"),
    ("https://app-*-team.vercel.app", "public-suffix", "https://app-e-team.vercel.app"),
    ("https://pr-*.vercel.app.", "public-suffix", "https://pr-e.vercel.app."),
    ("https://*.pr-*.vercel.app", "public-suffix", "https://e.pr-e.vercel.app"),
    ("https://*example.com", "foreign-origin", "https://eexample.com"),
    ("https://example.*", "foreign-origin", "https://example.ac"),
    ("https://ex*mple.com", "foreign-origin", "https://exemple.com"),
    ("https://*.*.com", "foreign-origin", "https://e.e.com"),
    ("https://a.*", "foreign-origin", "https://a.ac"),
    ("https://*.*", "foreign-origin", None),
    ("https://192.168.0.*", "foreign-origin", "https://192.168.0.ac"),
    # shared hosting that the list lacks
    ("https://*.netlify.com", "public-suffix", "https://attacker.netlify.com"),
    ("https://*.gitpod.io", "public-suffix", "https://attacker.gitpod.io"),
    ("https://*.ws-eu1.gitpod.io", "public-suffix", "https://attacker.ws-eu1.gitpod.io"),
    ("https://3000-*.ws-eu1.gitpod.io", "public-suffix", "https://3000-e.ws-eu1.gitpod.io"),
    ("https://*.use.devtunnels.ms", "public-suffix", "https://attacker.use.devtunnels.ms"),
    ("https://*.pinggy.link", "public-suffix", "https://attacker.a.free.pinggy.link"),
    ("https://*.force.com", "public-suffix", "https://attacker.lightning.force.com"),
    ("https://*.myenv.westeurope.azurecontainerapps.io", None, None),
    ("https://*.app.ws-eu1.gitpod.io", None, None),
    # networks
    ("http://10.0.0.0/8:*", None, None),
    ("http://[fc00::]/7:*", None, None),
    ("http://127.0.0.0/8:*", None, None),
    ("https://203.0.114.0/24", None, None),
    ("https://198.20.0.0/16:*", None, None),
    ("https://[2001:4860::]/32", None, None),
    ("https://198.20.0.0/15", "foreign-origin", "https://198.20.0.1"),
    ("https://192.168.0.0/15:8443", "foreign-origin", "https://192.169.0.1:8443"),
    ("https://100.0.0.0/8:[443-445]", "foreign-origin", "https://100.0.0.1:444"),
    ("http://0.0.0.0/0:*", "foreign-origin", "http://1.0.0.1"),
    ("https://[2000::]/3", "foreign-origin", "https://[2000::1]"),
    ("https://[2001:4860::]/31", "foreign-origin", "https://[2001:4860::1]"),
    ("https://[64:ff9b::]/96", "foreign-origin", "https://[64:ff9b::100:1]"),
    ("https://[64:ff9b::800:0]/111", "foreign-origin", "https://[64:ff9b::800:1]"),
    ("https://[::]/1", "foreign-origin", "https://[2000::1]"),
]


@pytest.mark.parametrize(("pattern", "code", "example"), WILDCARDS)
def test_wildcards(engine: Any, pattern: str, code: str | None, example: str | None) -> None:
    found = problems(engine, pattern)
    assert [problem.code for problem in found] == ([code] if code else [])
    if code is not None:
        assert found[0].value == found[0].value
        assert pattern in found[0].message
        if example is not None:
            assert found[0].example == example
        assert tolerated(engine, pattern, code).allows_origin(found[0].example)


# -- unmatchable patterns --------------------------------------------------------------------

UNMATCHABLE = [
    (r"https://example\\.com", "a backslash is doubled"),
    (r"https://.*\\.example\\.com", "a backslash is doubled"),
    (r"https://example\.com/", "origins do not end in a slash"),
    (r"^https://example\.com/$", "origins do not end in a slash"),
    (r"(https://example\.com/)", "origins do not end in a slash"),
    (r"example\.com", "an origin begins with its scheme"),
    (r"(.*\.)?example\.com$", None),
    (r"localhost:\d+", "an origin is scheme"),
    (r"HTTPS://EXAMPLE\.COM", "lower case"),
    (r"https://Example\.com", "lower case"),
    (r"App://localhost", "lower case"),
    (r"https://example\.com:443", "leave out the default port"),
    (r"http://example\.com:80$", "leave out the default port"),
    (r"https://example\.com /", None),
    (r"https://a$b\.example\.com", "an origin is scheme"),
    (r"wss?://example\.com", "the http or https origin of its page"),
    (r"^(ws|wss)://.*$", "the http or https origin of its page"),
    (r"ftp://example\.com", "no longer open pages over ftp"),
    (r"file://.*", "sends 'null'"),
    (r"^null$", "listed by name"),
    (r"htps://example\.com", None),
    (r"app://a,b", None),
    (r"app://", None),
    (r"(.+\.)?127\.0\.0\.1", "begins with its scheme"),
    (r"https://user@example\.com", "an origin is scheme"),
    (r"https://-x\.example\.com", "an origin is scheme"),
    (r"https://1\.2\.3\.4\.5", "an origin is scheme"),
    (r"https://256\.0\.0\.1", "an origin is scheme"),
    (r"https://a\.example\.com:0\d+", "an origin is scheme"),
    (r"", "an origin begins with its scheme"),
]


@pytest.mark.parametrize(("pattern", "why"), UNMATCHABLE)
def test_unmatchable_patterns(engine: Any, pattern: str, why: str | None) -> None:
    regex = re.compile(pattern)
    if pattern.startswith("(.*"):  # `.*` may match the scheme, so it is alive
        assert [problem.code for problem in problems(engine, regex)] != ["unmatchable-pattern"]
        return
    (problem,) = problems(engine, regex)
    assert (problem.code, problem.example) == ("unmatchable-pattern", None)
    assert why is None or why in problem.message
    with pytest.raises(PolicyError):  # cannot be tolerated, because it is a mistake
        engine.Policy(allow_origins=[regex], dangerously_tolerate=RISKS)


# -- credentials -----------------------------------------------------------------------------

# entry, codes with credentials; without credentials there are no problems
WITH_CREDENTIALS: list[tuple[Any, list[str]]] = [
    ("*", ["any-origin-with-credentials"]),
    ("null", ["null-origin-with-credentials"]),
    ("http://app.example.com", ["insecure-origin"]),
    ("http://192.168.0.1", ["insecure-origin"]),
    ("http://app.test:8100", []),
    ("http://app.test.:8100", []),
    ("http://*.test:*", []),
    ("http://pr-*.app.internal:[1,2]", []),
    ("https://*.internal", []),
    ("http://host.docker.internal:3000", []),
    ("http://printer.local", []),
    ("http://nas.home.arpa", []),
    ("http://0.0.0.0:4200", []),
    ("http://[::]:4200", []),
    ("http://app.home", ["insecure-origin"]),
    ("http://app.lan:3000", ["insecure-origin"]),
    ("http://test.example.com", ["insecure-origin"]),
    ("http://abcdefghijklmnop.onion", ["insecure-origin"]),
    ("http://intranet", ["insecure-origin"]),
    (re.compile(r"http://[a-z0-9-]+\.test(:\d+)?"), []),
    (re.compile(r"https?://(.*\.)?(test|internal|local|home\.arpa)(:\d+)?"), []),
    (re.compile(r"http://0\.0\.0\.0:\d+"), []),
    (re.compile(r"http://[a-z]+test:\d+"), ["insecure-origin"]),
    (re.compile(r"http://[a-z]+\.tes[a-t]:\d+"), ["insecure-origin"]),
    ("http://*.example.com", ["insecure-origin"]),
    ("http://*.example.com:*", ["insecure-origin"]),
    ("http://pr-*.example.com", ["insecure-origin"]),
    ("http://localhost.", []),
    ("http://localhost:3000", []),
    ("http://app.localhost", []),
    ("http://*.localhost:*", []),
    ("http://pr-*.localhost:[1,2]", []),
    ("http://127.0.0.1:*", []),
    ("http://127.9.9.9:*", []),
    ("http://[::1]:*", []),
    ("http://[::2]:*", ["insecure-origin"]),
    ("https://app.example.com", []),
    ("https://*.example.com", []),
    ("capacitor://localhost", []),
    (re.compile(r"https?://app\.example\.com"), ["insecure-origin"]),
    (re.compile(r"https?://.*\.example\.com(:\d+)?"), ["insecure-origin"]),
    (re.compile(r"https://.*\.example\.com(:\d+)?"), []),
    (re.compile(r"http://localhost:\d+"), []),
    (re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"), []),
    (re.compile(r"https?://.*\.localhost"), []),
    (re.compile(r"http://127\.\d+\.\d+\.\d+"), []),
    (re.compile(r"http://192\.168\.\d+\.\d+"), ["insecure-origin"]),
    (re.compile(r"http://[a-z]+:3000"), ["insecure-origin"]),
    (re.compile(r"https?://(?=a)app\.example\.com"), ["insecure-origin"]),
    (re.compile(r"https?://([a-z-]{1,63}\.){1,8}example\.com"), ["insecure-origin"]),
    (re.compile(r"https://([a-z-]{1,63}\.){1,8}example\.com"), []),
    (re.compile(r"https?://(?=s)app\.example\.com|https://b\.example\.com"), []),
]


@pytest.mark.parametrize(("entry", "codes"), WITH_CREDENTIALS)
def test_credentials(engine: Any, entry: Any, codes: list[str]) -> None:
    assert problems(engine, entry) == []
    found = problems(engine, entry, credentials=True)
    assert [problem.code for problem in found] == codes
    for problem in found:
        if problem.example is not None:
            policy = tolerated(engine, entry, *codes, credentials=True)
            assert policy.allows_origin(problem.example)
            if problem.code == "insecure-origin":
                assert problem.example.startswith("http://")


ANY_ORIGIN = [r".*", r".+", r"https?://.*", r"https://.+", r"[\s\S]*", r"(.*)", r".*|x", r"^.*$"]


@pytest.mark.parametrize("pattern", ANY_ORIGIN)
def test_any_origin_with_credentials(engine: Any, pattern: str) -> None:
    regex = re.compile(pattern)
    (problem,) = problems(engine, regex, credentials=True)
    assert problem.code == "any-origin-with-credentials"
    policy = tolerated(engine, regex, problem.code, credentials=True)
    assert policy.allows_origin(problem.example)
    headers = dict(policy.actual(problem.example).headers)
    assert headers["Access-Control-Allow-Origin"] == problem.example


def test_a_regex_of_many_domains_is_proven(engine: Any) -> None:
    letters = string.ascii_lowercase
    regex = "|".join(rf"https?://{(letters * 2)[at : at + 10]}\.com" for at in range(14))
    assert problems(engine, re.compile(regex)) == []


# -- declared domains ------------------------------------------------------------------------

DECLARED = [
    (r"https://.*\.example\.com", ["example.com"], []),
    (r"https://(a|b)\.example\.(com|org)", ["example.com", "example.org"], []),
    (r"https://(a|b)\.example\.(com|org)", ["example.com"], ["foreign-origin"]),
    (r"https://.*example\.com", ["example.com"], ["foreign-origin"]),
    (r"https://.*example\.com", ["example.com", "eexample.com"], ["foreign-origin"]),
    (r"https://[a-z]\.com", [f"{c}.com" for c in "abcdefghijklmnopqrstuvwxyz"], []),
    (r"https://[ab]\.com", ["a.com", "b.com"], []),
    (r"https://app\.example\.com", ["other.com"], ["foreign-origin"]),
    (r"https://app\.example\.com", ["app.example.com"], []),
    (r"https://.*\.example\.com", ["app.example.com"], ["foreign-origin"]),
    (r"https://a\.app\.example\.com", ["app.example.com"], []),
    (r"http://localhost:\d+", ["localhost"], []),
    (r"https://1\.2\.3\.\d", ["1.2.3.4"], ["foreign-origin"]),
    (r"https://1\.2\.3\.4", ["1.2.3.4"], []),
    # a public suffix cannot be declared
    (r"https://.*\.vercel\.app", ["vercel.app"], ["public-suffix"]),
    (r"https://.*\.co\.uk", ["co.uk"], ["public-suffix"]),
    (r"https://.*\.com", ["com"], ["foreign-origin"]),
    (r"https://.*\.run\.app", ["run.app"], ["public-suffix"]),
    (r"https://my-app\.vercel\.app", ["my-app.vercel.app"], []),
    (r"https://vercel\.app", ["vercel.app"], []),
    (r"https://.*\.railway\.app", ["railway.app"], ["foreign-origin"]),
    (r"https://.*\.amazonaws\.com", ["amazonaws.com"], ["foreign-origin"]),
]


@pytest.mark.parametrize(("pattern", "domains", "codes"), DECLARED)
def test_declared(engine: Any, pattern: str, domains: list[str], codes: list[str]) -> None:
    regex = re.compile(pattern)
    found = problems(engine, within(regex, *domains))
    assert [problem.code for problem in found] == codes
    for problem in found:
        assert problem.value == within(regex, *domains)
        assert regex.fullmatch(problem.example or "")
        policy = tolerated(engine, within(regex, *domains), *codes)
        assert policy.allows_origin(problem.example)


def test_declared_where_it_cannot_be_read(engine: Any) -> None:
    """It has more alternatives than the limit, so it is rejected until they are declared."""
    names = "|".join(f"(a{i}|b{i}|c{i}|d{i})" for i in range(4))
    regex = re.compile(rf"https://({names})({names})({names})\.example\.com")
    (problem,) = problems(engine, regex)
    assert problem.code == "foreign-origin"
    assert problems(engine, within(regex, "example.com")) == []


# -- unknown languages -----------------------------------------------------------------------


def test_unproven(engine: Any) -> None:
    """Only a superset is known, and no candidate was allowed: rejected without an example."""
    for pattern in (r"https://(?=app)[a-z]+\.com", r"https://(?=.*\.com$).*"):
        (problem,) = problems(engine, re.compile(pattern))
        assert (problem.code, problem.example) == ("foreign-origin", None)
        assert "cannot be proven" in problem.message
        assert "look-around" in problem.message


@pytest.mark.parametrize("pattern", [r"https://[a-z]{64}\.com", r"https://[a-z.]{70,}\.com"])
def test_too_long_to_be_shown(engine: Any, pattern: str) -> None:
    """The shortest word is too long for an origin, but automata do not count to 63."""
    (problem,) = problems(engine, re.compile(pattern))
    assert (problem.code, problem.example) == ("foreign-origin", None)
    assert "length" in problem.message


# -- the searches, against brute force -------------------------------------------------------

SEARCHED = [
    r"https://[ab]+\.(ac|ad)",
    r"https://[a.]+\.c[ao]",
    r"https://(a\.)?b\.(co|com)",
    r"https://x?\.?a\.(ae|af)\.?",
    r"https://[ac]{1,3}\.a[cd](:8|:9)?",
    r"https://a\.(b\.)*ai",
    r"https://(a\.ac:8888|abc\.ac)",
    r"https://a\.(c|cz)",
]


def every_word(pattern: str) -> Iterator[str]:
    """Yield the words of a small language, shortest first, by trying everything."""
    letters = sorted(set(re.sub(r"[^a-z0-9.:]", "", pattern.removeprefix("https://"))))
    for n in range(1, 8):
        for host in itertools.product(letters, repeat=n):
            word = f"https://{''.join(host)}"
            if re.fullmatch(pattern, word) and parse_origin(word):
                yield word


@pytest.mark.parametrize("pattern", SEARCHED)
def test_shortest_delegated_word(pattern: str) -> None:
    def delegated(word: str) -> bool:
        host = word.removeprefix("https://").partition(":")[0].removesuffix(".")
        return "." in host and host.rpartition(".")[2] in top_level_domains()

    language = language_of(re.compile(pattern))
    assert language.dfa is not None
    found = list(delegated_words(intersect(language.dfa, named_origins())))
    assert [len(word) for word in found] == sorted(map(len, found))
    wanted = next((word for word in every_word(pattern) if delegated(word)), None)
    assert wanted is not None
    assert len(found[0]) == len(wanted)
    for word in found:
        assert re.fullmatch(pattern, word)
        assert delegated(word)


@pytest.mark.parametrize("pattern", [*SEARCHED, r"https://[a.]*(ck|co\.uk)", r"https://(a\.)*np"])
def test_shortest_registrable_word(pattern: str) -> None:
    def registrable(word: str) -> bool:
        origin = parse_origin(word)
        return origin is not None and registrable_domain(origin.host) is not None

    language = language_of(re.compile(pattern))
    assert language.dfa is not None
    found = next(registrable_words(intersect(language.dfa, named_origins())), None)
    wanted = next((word for word in every_word(pattern) if registrable(word)), None)
    assert found is not None
    assert wanted is not None
    assert len(found) == len(wanted)
    assert registrable(found)
    assert re.fullmatch(pattern, found)


def test_no_registrable_word() -> None:
    for pattern in (r"https://(com|co\.uk|vercel\.app|a\.run\.app|b\.run\.app)", r"https://a\.ck",
                    r"https://(com|a\.ck|x\.test|co\.uk\.)"):  # fmt: skip
        language = language_of(re.compile(pattern))
        assert language.dfa is not None
        assert list(registrable_words(intersect(language.dfa, named_origins()))) == []


def test_tenants() -> None:
    """Every public suffix below is found if and only if the language reaches it."""
    suffixes = ["up.example.com", "a.b.example.com", "*.star.example.com"]
    cases = {
        r"https://[a-z.]+\.example\.com": 3,
        r"https://[a-z]+\.up\.example\.com(:8)?": 1,
        r"https://[a-z]+\.star\.example\.com": 0,
        r"https://[a-z]+\.[a-z]+\.star\.example\.com\.": 1,
        r"https://x\.example\.com": 0,
        r"https://up\.example\.com": 0,
        r"https://[a-z.]*b\.example\.com": 1,
    }
    for pattern, count in cases.items():
        language = language_of(re.compile(pattern))
        assert language.dfa is not None
        found = list(tenants(language.dfa, suffixes))
        for word in found:
            assert re.fullmatch(pattern, word), word
            host = word.removeprefix("https://").partition(":")[0].removesuffix(".")
            assert re.search(r".\.(up|a\.b|[a-z]+\.star)\.example\.com$", host), word
        assert len({word.partition(":8")[0].rpartition("example")[0][-5:] for word in found}) >= (
            count > 0
        )
        hit = {s for s in suffixes for w in found if s.removeprefix("*") in w}
        assert len(hit) == count, pattern


# -- assumptions of the proofs ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("0.0.0.0", True), ("1.0.0.0", False), ("9.255.255.255", False), ("10.0.0.0", True),
        ("10.255.255.255", True), ("11.0.0.0", False), ("100.63.255.255", False),
        ("100.64.0.0", True), ("100.127.255.255", True), ("100.128.0.0", False),
        ("126.255.255.255", False), ("127.0.0.1", True), ("128.0.0.0", False),
        ("169.253.0.0", False), ("169.254.1.1", True), ("172.15.255.255", False),
        ("172.16.0.0", True), ("172.31.255.255", True), ("172.32.0.0", False),
        ("192.0.0.8", True), ("192.0.1.0", False), ("192.0.2.1", True), ("192.167.0.0", False),
        ("192.168.0.0", True), ("192.169.0.0", False), ("198.17.0.0", False),
        ("198.18.0.0", True), ("198.19.255.255", True), ("198.20.0.0", False),
        ("198.51.100.7", True), ("198.51.101.7", False), ("203.0.113.9", True),
        ("203.0.114.9", False), ("223.255.255.255", False), ("224.0.0.1", True),
        ("255.255.255.255", True),
    ],
)  # fmt: skip
def test_private_addresses(address: str, private: bool) -> None:
    assert (re.fullmatch(PRIVATE_ADDRESS, address) is not None) is private
    assert is_private_host(address) is private


@pytest.mark.parametrize(
    ("entry", "private"),
    [
        ("http://192.168.1.5", True), ("http://192.168.1.5:*", True), ("http://[fd00::1]", True),
        ("http://10.0.0.0/8:*", True), ("http://[fe80::]/10:*", True), ("http://8.8.8.8", False),
        ("http://[::ffff:c0a8:0]/112", True), ("http://8.8.8.0/24", False),
        ("http://[2001:4860::1]:*", False), ("http://app.example.com", False),
        (re.compile(r"http://192\.168\.\d+\.\d+(:\d+)?"), True),
        (re.compile(r"http://(10\.0\.0\.1|localhost)(:\d+)?"), True),
        (re.compile(r"http://\[fd[0-9a-f]{2}:[0-9a-f:]+\]"), True),
        (re.compile(r"http://(10\.0\.0\.1|8\.8\.8\.8)"), False),
        (re.compile(r"https?://(10\.0\.0\.1|app\.example\.com)"), False),
    ],
)  # fmt: skip
def test_private_networks_get_another_insecure_message(
    engine: Any, entry: Any, private: bool
) -> None:
    (problem,) = problems(engine, entry, credentials=True)
    assert problem.code == "insecure-origin"
    assert ("no attacker on the internet can have" in problem.message) is private
    assert problems(engine, entry) == []


HOSTS = """localhost a.localhost localhost. 127.0.0.1 [::1] [::] 0.0.0.0 xlocalhost localhost.com
128.0.0.1 [::2] a.127.0.0.1 0.0.0.1 a.0.0.0.0 test a.test a.test. xtest test.com a.local
a.b.internal home.arpa a.home.arpa a.homexarpa arpa a.home example a.example a.invalid"""


@pytest.mark.parametrize("host", HOSTS.split())
def test_a_language_agrees_on_development_hosts(host: str) -> None:
    assert (re.fullmatch(DEVELOPMENT_HOST, host) is not None) is is_development_host(host)


def test_suffixes() -> None:
    assert public_suffix("a.b.co.uk") == "co.uk"
    assert public_suffix("x.y.run.app") == "y.run.app"
    assert registrable_domain("x.y.z.run.app") == "y.z.run.app"
    assert registrable_domain("a.vercel.app.") == "a.vercel.app"
    assert registrable_domain("vercel.app") is None
    assert registrable_domain("localhost") is None
    assert public_suffix("nas.home.arpa") is registrable_domain("a.nas.home.arpa") is None
    assert registrable_domain("a.nosuchtld") is None
    assert is_public_suffix("app.github.dev")
    assert not is_public_suffix("localhost")
    assert rule_of("co.uk") == "co.uk"
    assert rule_of("y.run.app") == "*.run.app"
    assert "up.railway.app" in suffixes_below("railway.app")
    assert suffixes_below("example.com") == []
    assert suffixes_below("kawasaki.jp") == []  # the suffix itself, and an exception to it
    assert "*.run.app" not in suffixes_below("run.app")
    assert {"com", "uk", "xn--p1ai"} <= set(top_level_domains())
    assert not any("." in name or name == "*" for name in top_level_domains())


def test_suffixes_equal_those_of_the_whole_parser() -> None:
    """Each rule of the list is tried with names below and above it, in both spellings."""
    with open(publicsuffixlist.PSLFILE, encoding="utf-8") as file:
        lines = file.read().splitlines()
    theirs = PublicSuffixList([*lines, *SHARED_HOSTING], accept_unknown=False)
    rules = [line.split()[0] for line in lines if line and not line.startswith("//")]
    rules.remove("home.arpa")  # reserved: is_development_host
    kinds = dict.fromkeys(("*", "!", "xn--", "plain"), 0)
    for rule in (*rules, *SHARED_HOSTING):
        name = rule.removeprefix("!").replace("*", "star")
        ascii_name = name.encode("idna").decode("ascii")
        kinds["xn--" if name != ascii_name else rule[0] if rule[0] in "*!" else "plain"] += 1
        for base in {name, ascii_name}:
            above = base.partition(".")[2]
            for host in (base, f"a.{base}", f"b.a.{base}.", f"c.b.a.{base}", f"x{base}", above):
                assert public_suffix(host) == theirs.publicsuffix(host), host
                assert registrable_domain(host) == theirs.privatesuffix(host), host
    assert all(kinds.values())
    for host in ("", ".", "a..com", ".com", "a.nosuchtld", "localhost", "127.0.0.1", "A.CO.UK"):
        assert public_suffix(host) == theirs.publicsuffix(host), host
        assert registrable_domain(host) == theirs.privatesuffix(host), host


def test_suffixes_read_no_file_once_loaded() -> None:
    code = """
import corsfast._proofs.public_suffixes as suffixes
suffixes.load()
suffixes.open = None
assert suffixes.public_suffix("a.co.uk") == "co.uk"
assert suffixes.suffixes_below("railway.app")
assert suffixes.rule_of("y.run.app") == "*.run.app"
assert "com" in suffixes.top_level_domains()
"""
    result = run(code)
    assert result.stderr == ""


def test_web_origins_hold_every_origin() -> None:
    """A word that is removed from an entry's language cannot be an origin."""
    words = ["http://a", "https://a.b.", "http://1.2.3.4:65535", "https://[::1]:1", "http://a_b"]
    words += [
        "http://255.255.255.255",
        "https://xn--a.test:80",
        "http://0x.a",
        "https://a.0b",
        "http://[1:2:3:4:5:6:7:8]",
    ]
    for word in words:
        assert parse_origin(word) is not None
        assert accepts(web_origins(), word), word
    for word in ("ws://a", "http://", "http://a:", "http://a:0", "http://a:80", "https://a:443",
                 "http://a:65536", "http://a/", "http://-a", "http://a..b", "http://1.2",
                 "http://256.1.1.1", "http://a.0x1", "null", "http://a:01"):  # fmt: skip
        assert parse_origin(word) is None or word == "ws://a"
        assert not accepts(web_origins(), word), word


def test_example_reads_well() -> None:
    """Free choices prefer letters to digits, and e to a."""
    assert ALPHABET[0] == "e"
    (problem,) = problems(Engine, re.compile(r"https://[a-z0-9_-]+example\.com"))
    assert problem.example == "https://eexample.com"


def test_below_the_engines() -> None:
    """The checker uses these for other software: `how`, and the same risks."""
    regex = re.compile(r"https://example\.com")
    codes = {
        how: [p.code for p in language_risks(language_of(regex, how=how), False)]
        for how in ("fullmatch", "match", "search")
    }
    assert codes == {"fullmatch": [], "match": ["foreign-origin"], "search": ["foreign-origin"]}
    anchored = re.compile(r"^https://example\.com$")
    for how in ("fullmatch", "match", "search"):
        assert list(language_risks(language_of(anchored, how=how), True)) == []
        language = language_of(anchored, how=how)
        assert language.dfa is not None
        assert list(shortest_words(minimise(language.dfa))) == ["https://example.com"]


def test_each_part_of_a_regex_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once for each text before it, of which there may be 2,048."""
    read: list[object] = []
    item = intent._item
    monkeypatch.setattr(intent, "_item", lambda *given: read.append(given[1]) or item(*given))
    texts = intent.readings(re.compile("(?:ab|cd)(?:ab|cd)(?:ab|cd)x"))
    assert len(texts) == 8
    assert read.count(ord("x")) == 1
