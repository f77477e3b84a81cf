"""A host beyond ASCII is proposed as browsers send it, never as another owner's domain.

The answers are those of Node's URL parser, which implements the URL standard.
"""

from __future__ import annotations

from typing import Any

import pytest
from corpus import rows

from corsfast import Policy, PolicyError
from corsfast._options.unicode_hosts import ascii_host

ROWS = rows("unicode-hosts.jsonl")


def test_no_answer_differs_from_the_url_standard() -> None:
    asked = [(row["host"], row["sent"], ascii_host(row["host"])) for row in ROWS]
    answers = [(host, sent, answer) for host, sent, answer in asked if answer is not None]
    assert [row for row in answers if row[1] != row[2]] == []
    assert len(answers) == 516  # the others are not valid, or cannot be known without more data


@pytest.mark.parametrize(
    ("host", "sent"),
    [
        ("fa\xdf.de", "xn--fa-hia.de"),  # the codec of 2003 says fass.de
        ("\u03b2\u03cc\u03bb\u03bf\u03c2.com", "xn--nxasmm1c.com"),
        ("\u0915\u094d\u200d\u0937.example", "xn--11b2ezcw70k.example"),
        ("b\xfccher.xn--fa-hia.de", "xn--bcher-kva.xn--fa-hia.de"),
        ("*.B\xdcCHER.example", "*.xn--bcher-kva.example"),
        ("a\u3002b", "a.b"),
        ("\u1e9e.de", None),  # ss.de in older browsers
        ("a\u200db.com", None),
        ("pr-*.b\xfc*.example", None),
        ("\uff11\uff12.\uff13", None),  # an address
        ("\u2100.com", None),  # it contains a slash
    ],
)
def test_hosts_beyond_ascii(host: str, sent: str | None) -> None:
    assert ascii_host(host) == sent


def hint(origin: str) -> Any:
    with pytest.raises(PolicyError) as raised:
        Policy(allow_origins=[origin])
    return raised.value.problems[0].hint


def test_a_policy_proposes_what_browsers_send() -> None:
    assert hint("https://fa\xdf.de") == "'https://xn--fa-hia.de'"
    assert hint("https://*.fa\xdf.de:8443") == "'https://*.xn--fa-hia.de:8443'"
    assert hint("https://\u1e9e.de") is None
