"""Both engines agree with a third one, which was written from the standards alone.

`python tests/engine/test_third_engine.py SECONDS` looks for new differences for that long.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from corpus import build, case_id, rows
from support import strategies, third_engine
from support.surfaces import Asked, asgi, decide, joined, make_policy, methods_bytes, wsgi
from support.third_engine import Request, is_preflight, judge, passes

from corsfast.errors import RISKS, PolicyError

SEEN: Counter[str] = Counter()

# -- random policies, and requests that they nearly allow or nearly refuse ----------------------

HOSTS = ["example.com", "a.foo.com", "localhost", "127.0.0.1", "[::1]", "pr-7.a.test", "foo.com."]
HOST_PATTERNS = [
    *("*.example.com", "pr-*.example.com", "*.pr-*.foo.com", "a*b.foo.com", "*.a-*-b.example.com"),
    *("192.168.0.0/16", "10.1.2.0/29", "[fd00::]/8", "[fd00:1:2::]/57"),
]
PORT_PATTERNS = ["", "", "", ":*", ":3000", ":[3000,8000-8099]", ":[1-65535]"]
OTHER_ENTRIES = [
    *("null", "app://.", "capacitor://localhost", "chrome-extension://*", "moz-extension://*"),
    *("safari-web-extension://*", re.compile(r"https://(a|b)\.example\.com(:\d+)?")),
    *(re.compile(r"https?://[a-z0-9-]+\.foo\.com"), re.compile(r"app://.|https://\w+\.a\.test")),
    re.compile(r"https://(?!www\.)[a-z]+\.foo\.com"),
]
FILLS = [
    "a",
    "b",
    "x-1",
    "7",
    "a.b",
    "-",
    "",
    "a_b",
    "p" * 32,
    "01234567-89ab-cdef-0123-456789abcdef",
]
PORTS = ["", "", "", ":80", ":443", ":2999", ":3000", ":8000", ":8099", ":8100", ":65535", ":0"]
ADDRESSES = ["192.168.3.4", "192.169.0.0", "10.1.2.7", "10.1.2.8", "[fd12::1]", "[fe00::]"]
ADDRESSES += ["[fd00:1:2:7f::1]", "[fd00:1:2:80::]", "[::ffff:c0a8:1]", "[fd00:1:2:0:0:0:0:1]"]
METHODS = ["PUT", "PATCH", "DELETE", "GET", "OPTIONS", "CHICKEN", "TRACE", "patch", "put", "*"]
METHODS += ["", "M" * 64, "M" * 65, "PU T", "PUT,GET"]
NAMES = ["X-Token", "x-id", "Authorization", "content-type", "x-other", "x" * 128, "x" * 129, "*"]
WHITE = ["", "", "", "", " ", "\t", " " * 16, " " * 17]


def some(rng: Random, values: Sequence[Any], most: int = 3) -> list[Any]:
    return [rng.choice(values) for _ in range(rng.randint(0, most))]


def random_entry(rng: Random) -> Any:
    if rng.random() < 0.3:
        return rng.choice(OTHER_ENTRIES)
    host = rng.choice(HOST_PATTERNS if rng.random() < 0.6 else HOSTS)
    return f"{rng.choice(['https', 'http'])}://{host}{rng.choice(PORT_PATTERNS)}"


def random_options(rng: Random) -> dict[str, Any]:
    names = some(rng, NAMES[:5]) + ["*"] * rng.randint(0, 1)
    return {
        "allow_origins": "*" if rng.random() < 0.1 else [random_entry(rng) for _ in range(3)],
        "allow_methods": "*" if rng.random() < 0.3 else some(rng, METHODS[:6]),
        "allow_headers": "*" if rng.random() < 0.2 else names,
        "allow_credentials": rng.random() < 0.5,
        "dangerously_tolerate": RISKS,
    }


def random_origin(rng: Random, entries: Any) -> str | None:
    """Return an origin that an entry matches or nearly matches."""
    text = rng.choice(entries)
    if rng.random() < 0.1:
        return rng.choice([None, "null", "https://example.com" + "a" * 320, ""])
    if not isinstance(text, str) or text == "*":
        text = rng.choice(
            ["https://a.example.com", "http://b.foo.com", "https://x.a.test", "app://a"]
        )
    text, ports, _ = re.split(r"(?::(\*|\[[\d,-]+\]|\d+))?$", text, maxsplit=1)
    port = rng.choice(PORTS if rng.random() < 0.4 else [":3000" if ports else ""])
    if re.search(r"/\d+$", text):
        text = text[:8].rstrip("[1f") + rng.choice(ADDRESSES)
    fills = FILLS[-2:] if "extension" in text else FILLS
    while "*" in text:
        text = text.replace("*", rng.choice(fills), 1)
    return damage(rng, text + port)


def damage(rng: Random, text: str) -> str:
    """Make a small mistake, in one of three texts."""
    at = rng.randint(0, len(text))
    sign = rng.choice(strategies.SIGNS)
    edits = [text[:at] + sign + text[at:], text[:at] + sign + text[at + 1 :]]
    edits += [text[:at] + text[at + 1 :], text[:at] + text[at:].capitalize(), "x." + text]
    return rng.choice([text] * 30 + edits)


def random_requests(rng: Random, entries: Any) -> Iterator[Request]:
    origins = [random_origin(rng, entries) for _ in range(12)]
    for _ in range(8):
        method = rng.choice(["OPTIONS"] * 4 + ["GET", "options"])
        acrm = rng.choice([*METHODS, *METHODS[:4] * 3, None])
        names = [f"{rng.choice(WHITE)}{name}{rng.choice(WHITE)}" for name in some(rng, NAMES, 2)]
        names += [""] * rng.choice([0] * 9 + [15, 16, 17])
        acrh = damage(rng, ",".join(names)) if rng.random() < 0.9 else None
        for origin in origins:
            yield Request(method, origin, acrm, acrh)


# -- the comparison ----------------------------------------------------------------------------


def compare(engines: Any, seed: int) -> None:
    rng = Random(seed)
    chosen = random_options(rng)
    policies = []
    for engine in engines:
        try:
            policies.append(make_policy(engine, chosen))
        except PolicyError as error:
            policies.append(str(error))
    SEEN["policies"] += 1
    if isinstance(policies[0], str):
        SEEN["refused policies"] += 1
        assert policies == policies[:1] * len(policies)
        return
    for request in random_requests(rng, chosen["allow_origins"]):
        for policy in policies:
            check(policy, chosen, request)


def check(policy: Any, chosen: dict[str, Any], request: Request) -> None:
    """Compare all answers to one request with the third engine's."""
    asked = Asked(*request)
    surfaces = [decide, decide, wsgi, *[methods_bytes, asgi] * asked.is_latin1()]
    first, *others = [surface(policy, asked).decision for surface in surfaces]
    for other in others:
        assert (repr(other), other.headers) == (repr(first), first.headers)
    verdict = judge(chosen, request)
    SEEN[verdict] += 1
    assert first.allowed is (verdict == "allowed")
    assert first.is_preflight is is_preflight(request)
    outcome = first.outcome.value
    assert outcome.startswith(verdict), (outcome, verdict)
    vary = dict(first.headers).get("Vary", "")
    if request.origin is None:
        return
    # A browser has to judge the answer in the same way, without and with credentials.
    for include in (False, True):
        may = verdict == "allowed" and (chosen.get("allow_credentials", False) or not include)
        assert passes(first.headers, request, first.status, include) is may
    if "*" not in third_engine.listed(chosen, "allow_origins") or chosen.get("allow_credentials"):
        assert "Origin" in vary.split(", ")


@pytest.mark.parametrize("seed", range(150))
def test_random_policies_and_requests(both: Any, seed: int) -> None:
    compare(both, seed)


@functools.cache
def _policy(engine: Any, text: str) -> Any:
    return make_policy(engine, build(eval(text)))


DECISIONS = [case for name in ("decisions", "requests") for case in rows(f"{name}.jsonl")]


@pytest.mark.parametrize("case", DECISIONS, ids=case_id)
def test_the_third_engine_decides_the_corpus(engine: Any, case: dict[str, Any]) -> None:
    asked = Asked(**build(case["request"]))
    request = Request(asked.method, *map(joined, asked[1:]))
    check(_policy(engine, repr(case["policy"])), build(case["policy"]), request)


PATTERNS = rows("patterns.jsonl")


@pytest.mark.parametrize("case", PATTERNS, ids=case_id)
def test_the_third_engine_matches_patterns(case: dict[str, Any]) -> None:
    chosen = {"allow_origins": build(case["patterns"])}
    for wanted, texts in ((True, case["match"]), (False, case["differ"])):
        for text in build(texts):
            assert third_engine.origin_allowed(chosen, text) is wanted, text


@pytest.mark.parametrize("case", rows("origins.jsonl"), ids=case_id)
def test_the_third_engine_reads_origins(case: dict[str, Any]) -> None:
    assert (third_engine.read_origin(build(case["origin"])) is not None) is case["valid"]


def test_the_third_engine_shares_no_code() -> None:
    tree = ast.parse(Path(third_engine.__file__).read_text())
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in ([ast.alias(node.module or "")] if hasattr(node, "module") else node.names)
    }
    assert imported <= sys.stdlib_module_names


def hunt(seconds: float, engines: Any) -> None:
    end = time.monotonic() + seconds
    first = seed = time.time_ns()
    while time.monotonic() < end:
        try:
            compare(engines, seed)
        except BaseException as error:
            error.add_note(f"compare(engines, {seed})")
            raise
        seed += 1
    print(f"seeds from {first}:", dict(sorted(SEEN.items())))


if __name__ == "__main__":
    from corsfast._engine import native, pure

    hunt(float(sys.argv[1]), (pure, native))
