"""Every target decides like the policy: the attack corpus, random requests, and error pages.

Without QUICK in the environment, each target runs 2000 random requests.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from corpus import rows
from engine.test_attacks import options_of
from export.compared import (
    TEXTS,
    browser_pairs,
    corpus_by_policy,
    differences,
    is_sent,
    policy_of,
    random_options,
    raw_request,
    reference,
    request_of,
    seen_by_browser,
)
from export.proxies import PROXIES, running, send_to, upstream, usage
from support.servers import free_port

from corsfast.export import TARGETS, ExportError

PAGE = Path(__file__).parents[2] / "docs" / "export.md"
QUICK = "QUICK" in os.environ
POLICIES, PAIRS = (3, 20) if QUICK else (80, 25)


@pytest.fixture(scope="module")
def behind() -> Iterator[int]:
    with upstream() as port:
        yield port


@pytest.mark.parametrize("target", PROXIES)
def test_attack_corpus(target: str, behind: int, tmp_path: Path) -> None:
    equal, left, unsent, wrong = 0, 0, 0, []
    for number, (written, cases) in enumerate(corpus_by_policy().items()):
        if QUICK and len(cases) < 12:
            continue
        policy = policy_of(options_of(json.loads(written)))
        try:
            text = TARGETS[target](policy) if policy is not None else None
        except ExportError:
            text = None
        if text is None:
            left += len(cases)
            continue
        with running(target, text, tmp_path / str(number), behind) as port:
            for row in cases:
                request = request_of(row)
                found = differences(target, policy, request, send_to(port)(request))
                if found and target in TEXTS and not is_sent(policy, request):
                    unsent += 1
                    continue
                wrong += [f"{row['id']}: {each}" for each in found]
                equal += not found
    print(f"{target}: {equal} rows equal, {left} cannot be expressed, {unsent} no browser sends")
    assert not wrong, "\n".join(wrong)
    assert QUICK or equal + left + unsent == len(rows("attack-corpus.jsonl"))


@pytest.mark.parametrize("number", range(POLICIES))
@pytest.mark.parametrize("target", PROXIES)
def test_random_requests(target: str, number: int, behind: int, tmp_path: Path) -> None:
    random = Random(f"{target}/{number}")
    text, policy = None, None
    while text is None:
        policy = policy_of(random_options(random))
        try:
            text = TARGETS[target](policy) if policy is not None else None
        except ExportError:
            continue
    wrong = []
    with running(target, text, tmp_path / "proxy", behind) as port:
        send = send_to(port)
        for _ in range(PAIRS // 2):
            request = raw_request(random, policy)
            found = differences(target, policy, request, send(request))
            if target in TEXTS and not is_sent(policy, request):
                continue
            wrong += [f"{request}: {each}" for each in found]
        for origin, engine, fetched in browser_pairs(random, policy, PAIRS - PAIRS // 2):
            wanted = seen_by_browser(reference(policy), origin, engine, fetched)
            got = seen_by_browser(send, origin, engine, fetched)
            if got != wanted:
                wrong.append(f"{origin} {engine} {fetched}: {got} instead of {wanted}")
    assert not wrong, "\n".join([repr(policy), *wrong])


@pytest.mark.parametrize("target", PROXIES)
def test_error_page_of_the_proxy(target: str, tmp_path: Path) -> None:
    """No application listens, so the proxy itself answers, and a page may read that."""
    policy = policy_of({"allow_origins": ["https://app.example.com"], "allow_methods": ["PUT"]})
    with running(target, TARGETS[target](policy), tmp_path / "proxy", free_port()) as port:
        fetched = ("PUT", "https://api.example/items", {})
        seen = seen_by_browser(send_to(port), "https://app.example.com", "chromium", fetched)
        refused = seen_by_browser(send_to(port), "https://evil.example", "chromium", fetched)
    assert seen[0] in (502, 503)
    assert refused == ("refused",)


@pytest.mark.parametrize("count", [1, 100, 101, 1000, 1001, 10_000])
def test_nginx_needs_no_other_sizes(count: int, tmp_path: Path) -> None:
    """If they are too small, nginx warns, and ignores the size or does not start."""
    policy = policy_of({"allow_origins": [f"https://{i:a>28}.xyz" for i in range(count)]})
    command = PROXIES["nginx"](tmp_path, TARGETS["nginx"](policy), free_port(), free_port())
    done = subprocess.run([*command, "-t"], capture_output=True, text=True)
    assert "test is successful" in done.stderr
    assert "map_hash" not in done.stderr


@pytest.mark.parametrize(
    ("target", "title", "file"),
    [
        ("nginx", "nginx", "cors.conf"),
        ("haproxy", "HAProxy", "cors.cfg"),
        ("caddy", "Caddy", "cors.caddy"),
        ("apache", "Apache httpd", "cors.conf"),
        ("varnish", "Varnish", "cors.vcl"),
        ("lighttpd", "lighttpd", "cors.conf"),
    ],
)
def test_the_page_shows_the_lines_of_the_file(target: str, title: str, file: str) -> None:
    """The tests above write the same lines around the file."""
    text = TARGETS[target](policy_of({"allow_origins": ["https://a.example"]}))
    lines = usage(text, "//" if target == "varnish" else "#")
    for word, here in [("FILE", file), ("NAME", "api"), ("SITE", "api.example.com")]:
        lines = lines.replace(word, here)
    block = re.search(rf"(?ms)^### {title}\n\n```\w+\n(.*?)^```", PAGE.read_text("utf-8"))
    assert block is not None
    shown = [line.strip() for line in block[1].splitlines()]
    wanted = [line.strip() for line in lines.splitlines() if line.strip() != "..."]
    assert wanted
    assert [line for line in wanted if line not in shown] == []
