"""Requests as developer tools write them: raw HTTP, curl for bash and for cmd, and HAR."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from corsfast._explain import requests
from corsfast._explain.requests import InputError, read_curl, read_har, read_raw, split_command
from corsfast.testing import RawResponse

PAGE = "https://app.example.com"
# As Chromium and Firefox copy it for bash.
BASH = r"""curl 'https://api.example.com/items?a=1&b=2' \
  -X 'PATCH' \
  -H 'accept: */*' \
  -H 'content-type: application/json' \
  -b 'session=1; other=2' \
  -H 'origin: https://app.example.com' \
  -H 'sec-fetch-mode: cors' \
  -H 'user-agent: Mozilla/5.0' \
  -H $'x-note: it\'s \u0021' \
  --data-raw $'{"a":"b\'c"}' \
  --compressed"""
# The same, as Chromium and Firefox copy it for cmd.
CMD = (
    'curl ^"https://api.example.com/items?a=1^&b=2^" ^\r\n'
    '  -X ^"PATCH^" ^\r\n'
    '  -H ^"accept: */*^" ^\r\n'
    '  -H ^"content-type: application/json^" ^\r\n'
    '  -b ^"session=1; other=2^" ^\r\n'
    '  -H ^"origin: https://app.example.com^" ^\r\n'
    '  -H ^"sec-fetch-mode: cors^" ^\r\n'
    '  -H ^"user-agent: Mozilla/5.0^" ^\r\n'
    '  -H ^"x-note: it\'s ^!^" ^\r\n'
    '  --data-raw ^"^{^\\^"a^\\^":^\\^"b\'c^\\^"^}^" ^\r\n'
    "  --compressed"
)


@pytest.mark.parametrize("command", [BASH, CMD], ids=["bash", "cmd"])
def test_reads_a_copied_curl_command(command: str) -> None:
    request = read_curl(command)
    assert request.method == "PATCH"
    assert request.url == "https://api.example.com/items?a=1&b=2"
    assert request.origin == PAGE
    assert request.has_credentials
    assert request.get("x-note") == "it's !"
    assert request.asked_names == ["content-type", "x-note"]


CURL = [
    ("curl example.com", "GET", "http://example.com", []),
    ("curl -sSI https://a.example/", "HEAD", "https://a.example/", []),
    ("curl -d a=1 https://a.example/", "POST", "https://a.example/", []),
    ("curl --json '{}' https://a.example/", "POST", "https://a.example/", ["content-type"]),
    ("curl -d a -H 'Content-Type: text/x' https://a.example/", "POST", None, ["content-type"]),
    ("curl -XPUT -o out -H'X-A: 1' --url https://a.example/", "PUT", None, ["x-a"]),
    ("curl -G -d q=1 https://a.example/", "GET", None, []),
    ("curl -u me:secret https://a.example/", "GET", None, ["authorization"]),
    ("curl -m5 -m 5 https://a.example/", "GET", None, []),
    ("curl --max-time 5 --retry=3 https://a.example/ -H 'X-B;'", "GET", None, ["x-b"]),
    ("curl https://a.example/ -H 'Accept:'", "GET", None, []),
    ('curl "https://a.example/" -H "X-C: a\\"b"', "GET", None, ["x-c"]),
    ("/usr/bin/curl https://a.example/", "GET", None, []),
]


@pytest.mark.parametrize(("command", "method", "url", "names"), CURL)
def test_reads_the_options_of_curl(
    command: str, method: str, url: str | None, names: list[str]
) -> None:
    request = read_curl(command)
    assert request.method == method
    assert request.url == (url or "https://a.example/")
    assert request.asked_names == names


WRONG_CURL = [
    ("wget https://a.example/", "does not begin with curl"),
    ("curl -X PUT", "has no URL"),
    ("curl https://a.example/ -H", "-H has no value"),
    ("curl https://a.example/ https://b.example/", "two URLs"),
    ("curl \\\n 'https://a.example/", ":2: a quote is not closed"),
    ("curl https://a.example/ -H 'no header'", "'no header' is not a header"),
    ("curl https://a.example/ -H @file", "not read"),
    ("curl https://a.example/ -X 'A B'", "'A B' is not a method"),
    ("curl https://a.example:port/", "is not a URL"),
    ("curl https://a.example/ -H $'x: a\\r\\nEvil: 1'", "line break"),
    ("curl https://a.example/" + " -H 'A: 1'" * 501, "there are more than 500 headers"),
    ("x" * (requests.MAX_REQUEST + 1), "the command has more than"),
]


@pytest.mark.parametrize(("command", "message"), WRONG_CURL, ids=[row[1] for row in WRONG_CURL])
def test_rejects_a_command_with_a_reason(command: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_curl(command)
    assert message in str(caught.value)
    assert str(caught.value).startswith("--curl")


def test_splits_words_as_bash_does() -> None:
    assert split_command(r"""a 'b c' "d\"e\$" f\ g h'i'"j" $'\x41\u42\n' $HOME ''""") == [
        "a",
        "b c",
        'd"e$',
        "f g",
        "hij",
        "AB\n",
        "$HOME",
        "",
    ]


RAW = (
    "PUT /items HTTP/1.1\r\nHost: api.example.com\r\nOrigin: https://app.example.com\r\nX-A: 1\r\n"
)


def test_reads_a_raw_request() -> None:
    request = read_raw(f"\r\n{RAW}\r\nbody: no header")
    assert (request.method, request.url) == ("PUT", "https://api.example.com/items")
    assert (request.origin, request.asked_names) == (PAGE, ["x-a"])


def test_a_raw_request_to_this_machine_is_http() -> None:
    for end in ("", "\n\n"):
        request = read_raw(f"GET / HTTP/1.1\nHost: localhost:8000{end}")
        assert request.url == "http://localhost:8000/"


WRONG_RAW = [
    ("GET\n", "<stdin>: there is no refusal of corsfast in it"),
    ("Starting up\n", "<stdin>: there is no refusal of corsfast in it"),
    ("GET /\n", "<stdin>:1: there is no Host header"),
    ("\nGET / HTTP/1.1\nHost: a\nbad\n", "<stdin>:4: 'bad' is not a header"),
    ("GET / HTTP/1.1\nOrigin: https://a.example\n", "<stdin>:1: there is no Host header"),
    ("G@T / HTTP/1.1\nHost: a\n", "<stdin>:1: 'G@T' is not a method"),
    ("GET x HTTP/1.1\nHost: a\n", "<stdin>:1: 'x' is not an absolute URL"),
    ("GET / HTTP/1.1\n" + "A: 1\n" * 501, "<stdin>:502: there are more than 500 headers"),
    ("x" * (requests.MAX_REQUEST + 1), "<stdin>: the request has more than"),
]


@pytest.mark.parametrize(("text", "message"), WRONG_RAW)
def test_rejects_a_raw_request_with_its_line(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_raw(text)
    assert str(caught.value).startswith(message)


def har(*entries: Any) -> str:
    return json.dumps({"log": {"version": "1.2", "entries": entries}})


def entry(url: str = "https://api.example.com/", **changes: Any) -> dict[str, Any]:
    headers = [{"name": ":method", "value": "GET"}, {"name": "Origin", "value": PAGE}]
    request = {"method": "GET", "url": url, "headers": headers} | changes
    answer = {"status": 200, "headers": [{"name": "Vary", "value": "A\nB"}]}
    return {"request": request, "response": answer}


def test_reads_the_cross_origin_requests_of_a_har() -> None:
    blocked = entry() | {"response": {"status": 0, "headers": []}}
    same, none = entry(f"{PAGE}/x"), entry(headers=[])
    unanswered = entry() | {"response": None}
    first, second, third = read_har(har(same, entry(), none, blocked, unanswered), "a.har")
    assert first.place == "a.har: log.entries[1]"
    assert first.response == RawResponse(200, (("Vary", "A"), ("Vary", "B")))
    assert second.response is third.response is None
    assert read_har(har(entry(), entry("https://b.example/")), "a.har", "b.exa")[0].url[8] == "b"


WRONG_HAR = [
    ("{\n]", "a.har:2: not JSON"),
    ("[" * 100_000, "a.har: not HAR: it is nested too deeply"),
    ("9" * 5000, "a.har: not HAR: a number has too many digits"),
    ("[]", "a.har: not HAR: there is no list log.entries"),
    (har(1), "a.har: log.entries[0]: there is no request"),
    (har({"request": {"method": 1}}), "a.har: log.entries[0]: the request has no method"),
    (har(entry(headers=None)), "a.har: log.entries[0].request: there is no list of headers"),
    (har(entry(headers=[{"name": "a"}])), "a.har: log.entries[0].request: a header has no"),
    (har(entry(headers=[{"name": "a b", "value": ""}])), "a.har: log.entries[0].request: 'a b:'"),
    (
        har(entry(headers=[{"name": "a", "value": ""}] * 501)),
        "a.har: log.entries[0].request: there are more than 500 headers",
    ),
    (" " * (requests.MAX_HAR + 1), "a.har: the file has more than"),
    (har(entry("relative")), "a.har: log.entries[0]: 'relative' is not an absolute URL"),
    (har(*[1] * 20_001), "a.har: there are more than 20000 entries"),
    (har(*[entry()] * 201), "a.har: log.entries[200]: there are more than 200 cross-origin"),
]


@pytest.mark.parametrize(("text", "message"), WRONG_HAR, ids=[row[1] for row in WRONG_HAR])
def test_rejects_a_har_with_the_place(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_har(text, "a.har")
    assert str(caught.value).startswith(message)


HOSTILE = ["'", '"', "$'", "\\", '^"', "$", "a'b' ", '"\\"', "-H ", "^\n"]


# A quadratic reading would take minutes.
@pytest.mark.parametrize("part", HOSTILE)
def test_a_long_hostile_command_is_read_or_rejected(part: str) -> None:
    with contextlib.suppress(InputError):
        read_curl("curl " + part * (200_000 // len(part)))
