"""`Policy.describe`: a sentence for each entry, from its proven language."""

from __future__ import annotations

import importlib
import re
from typing import Any

import pytest
from support.engines import ENGINES

from corsfast._proofs.changes import side_of
from corsfast._proofs.sentences import describe_spec

SUBDOMAINS = (
    "Any subdomain of example.com over https, any depth, default port; not example.com itself."
)


def describe(*origins: Any, **options: Any) -> list[str]:
    return describe_spec(side_of({"allow_origins": [*origins], **options}).spec).splitlines()


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("https://app.example.com", "https://app.example.com, exactly."),
        ("https://*.example.com", SUBDOMAINS),
        (re.compile(r"https://.*\.example\.com"), SUBDOMAINS),
        (
            re.compile(r"https://[^.]+\.example\.com"),
            "Any subdomain of example.com with one more label over https, default port.",
        ),
        (
            re.compile(r"https?://(?:.+\.)?example\.com(?::\d+)?"),
            (
                "The host example.com over http or https, any port;"
                " any subdomain of example.com over http or https, any depth, any port."
            ),
        ),
        (
            re.compile(r"https://pr-\d+\.example\.com"),
            "Any host of the form pr-<digits>.example.com over https, default port.",
        ),
        (
            "http://192.168.0.0/16:[80-90,3000]",
            "Any address in 192.168.0.0/16 over http, ports 80 to 90 and 3000.",
        ),
        ("http://localhost:*", "The host localhost over http, any port."),
        (
            "http://localhost:[1,3,5,7,9]",
            "The host localhost over http, 5 ranges of ports.",
        ),
        (
            re.compile(r"https://(?:a\.example|.+\.b\.example)"),
            (
                "The host a.example over https, default port; any subdomain of b.example over"
                " https, any depth, default port; not b.example itself."
            ),
        ),
        (re.compile("example"), "No origin by the regex 'example'."),
        (
            re.compile(r"capacitor://localhost|https://a\.example"),
            "capacitor://localhost; the host a.example over https, default port.",
        ),
        (re.compile(r"https://A\.example"), r"No origin by the regex 'https://A\.example'."),
        ("moz-extension://*", "Any extension with the scheme moz-extension."),
        (
            re.compile(r"https://(?!x)a\.example"),
            "What the regex 'https://(?!x)a\\.example' matches (look-around: no automaton).",
        ),
        (
            re.compile(r"https://.*\.example\.com.*"),
            (
                "What the regex 'https://.*\\.example\\.com.*' matches, for example"
                " https://e.example.com, https://e.example.come and https://e.example.com.."
            ),
        ),
    ],
)
def test_an_entry_is_a_sentence(entry: Any, sentence: str) -> None:
    assert describe(entry)[0] == sentence


def test_the_bare_domain_is_not_denied_if_it_is_listed() -> None:
    assert describe("https://example.com", "https://*.example.com")[1] == (
        "Any subdomain of example.com over https, any depth, default port."
    )


def test_many_exact_origins_are_counted() -> None:
    exact = [f"https://a{i}.example" for i in range(22)]
    assert describe(*exact)[19:21] == ["https://a19.example, exactly.", "2 more exact origins."]


def test_the_other_options_follow_the_origins() -> None:
    assert describe("null", allow_methods=["PUT"], allow_headers=["*"], max_age=None)[1:] == [
        "Credentials such as cookies are not allowed.",
        "The methods GET, HEAD, POST and PUT.",
        "Any request header, except Authorization.",
        "Pages may read the response headers that need no permission.",
        "Browsers cache preflights for their default, 5 seconds.",
    ]
    more = {"max_age": 60, "timing_allow_origin": True, "existing": "keep"}
    assert describe("null", allow_methods="*", expose_headers=["*"], **more)[2:] == [
        "Any method.",
        "The request headers that need no permission.",
        "Pages may read any response header.",
        "Browsers may cache preflights for 60 seconds.",
        "Pages may read the timings of responses.",
        "Where the application sends Access-Control-Allow-Origin itself, its value is kept.",
    ]
    assert describe()[0] == "No origin."
    assert describe("*")[0] == "Any origin, with any scheme, also null."
    assert describe("*", allow_credentials=True)[0] == "Any origin of http or https."


@pytest.mark.parametrize("name", ENGINES)
def test_each_engine_describes_its_policy(name: str) -> None:
    module = importlib.import_module(f"corsfast._engine.{name}")
    policy = module.Policy(allow_origins=["https://*.example.com"])
    assert policy.describe().splitlines()[0] == SUBDOMAINS


def test_only_the_first_patterns_are_described() -> None:
    many = [f"https://a{i}-*.example.com" for i in range(25)]
    found = describe(*many, "https://*.example.org", re.compile(r"https://pr-\d\.example\.com"))
    assert found[0].startswith("Any subdomain of example.org")
    assert found[20] == "7 more patterns."
    assert found[21].startswith("Credentials")
