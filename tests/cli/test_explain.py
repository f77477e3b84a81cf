"""`corsfast explain`: its sources of a policy and of a request, its output and exit status."""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from corsfast.__main__ import main
from corsfast._explain.requests import MAX_EXPLAINED

PAGE = "https://app.example.com"
POLICY = ("--allow-origins", PAGE, "--allow-methods", "PUT", "--allow-headers", "x-a")
CURL = f"curl 'https://api.example.com/x' -X PUT -H 'origin: {PAGE}' -H 'x-b: 1'"
RAW = f"PUT /x HTTP/1.1\r\nHost: api.example.com\r\nOrigin: {PAGE}\r\nX-B: 1\r\n\r\n"


@pytest.fixture
def explain(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Run the command in an empty folder; return its status and what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, stdin: str | bytes = "") -> tuple[int, str, str]:
        octets = stdin if isinstance(stdin, bytes) else stdin.encode()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(octets)))
        try:
            status = main(["explain", *arguments])
        except SystemExit as error:  # argparse
            status = int(str(error.code))
        out, err = capsys.readouterr()
        return status, out, err

    return run


def test_status_is_0_for_an_allowed_request(explain: Any) -> None:
    status, out, _ = explain(*POLICY, "--origin", PAGE, "--method", "PUT")
    assert status == 0
    assert out.startswith(f"PUT from {PAGE}: allowed\n")


def test_status_is_1_for_a_refused_request(explain: Any) -> None:
    status, out, _ = explain(*POLICY, "--origin", PAGE, "--request-headers", "x-a", "x-b")
    assert status == 1
    assert "- Add 'x-b' to allow_headers." in out


def test_credentials_are_checked(explain: Any) -> None:
    assert explain(*POLICY, "--origin", PAGE)[0] == 0
    status, out, _ = explain(*POLICY, "--origin", PAGE, "--credentials")
    assert status == 1
    assert "Set allow_credentials=True." in out


def test_a_preflight_by_flags(explain: Any) -> None:
    arguments = ("--origin", PAGE, "--method", "OPTIONS", "--request-method", "DELETE")
    status, out, _ = explain(*POLICY, *arguments)
    assert status == 1
    assert out.startswith("DELETE from")


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [(("--curl", CURL), ""), (("--curl", "-"), CURL), ((), CURL), ((), RAW)],
    ids=["curl", "curl on stdin", "detected curl", "raw"],
)
def test_reads_a_request(explain: Any, arguments: tuple[str, ...], stdin: str) -> None:
    status, out, _ = explain(*POLICY, *arguments, stdin=stdin)
    assert status == 1
    assert "no  header x-b" in out
    assert "https://api.example.com/x" in out  # in the texts of the consoles
    assert "server.example" not in out


def test_cookies_of_a_command_are_credentials(explain: Any) -> None:
    out = explain(*POLICY, "--curl", CURL + " -b 'a=b'")[1]
    assert "no  credentials include" in out


def test_reads_policies_of_files(explain: Any, tmp_path: Path) -> None:
    Path("a.toml").write_text(f'allow_origins = ["{PAGE}"]\n')
    Path("a.json").write_text(json.dumps({"cors": {"allow_origins": [PAGE]}}))
    Path("pyproject.toml").write_text(f'[tool.corsfast]\nallow_origins = ["{PAGE}"]\n')
    assert explain("a.toml", "--origin", PAGE)[0] == 0
    assert explain("a.json", "--table", "cors", "--origin", PAGE)[0] == 0
    assert explain("--origin", PAGE)[0] == 0
    assert explain("a.toml", "--origin", PAGE, "--method", "PUT")[0] == 1
    assert explain("a.toml", "--allow-methods", "PUT", "--origin", PAGE, "--method", "PUT")[0] == 0


def test_reads_a_policy_of_the_environment(explain: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("CORS_ALLOW_ORIGINS", PAGE)
    assert explain("--env", "--origin", PAGE)[0] == 0


def test_tolerates_a_risk(explain: Any) -> None:
    arguments = ("--allow-origins", "*", "--allow-credentials", "--origin", PAGE, "--credentials")
    status, _, err = explain(*arguments)
    assert status == 2
    assert "any-origin-with-credentials" in err
    assert explain(*arguments, "--tolerate", "any-origin-with-credentials")[0] == 0


FORGED = ("--method", "POST", "--origin", "https://evil.example", "--sec-fetch-site", "cross-site")
POST = (
    "POST /pay HTTP/1.1\r\nHost: api.example.com\r\n"
    "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n\r\n"
)
LOGGED = (
    "WARNING:corsfast.refused:POST '/pay' from 'https://evil.example' is refused as a cross-site"
    " request: Sec-Fetch-Site is 'cross-site', and the origin 'https://evil.example' is unlike"
    " every entry. See docs/refused.md, or pipe this line to: corsfast explain"
)


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (FORGED, ""),
        ((), LOGGED),
        (("--cross-site",), POST),
        (("--host", "other.example"), POST),
        (("--curl", "curl https://a.example -X POST -H 'origin: null'", "--cross-site"), ""),
        (("--method", "POST", "--origin", "https://www.example", "--host", "10.0.0.7"), ""),
        (("--method", "POST", "--sec-fetch-site", "same-site"), ""),
    ],
    ids=["flags", "log", "raw", "raw and host", "curl", "host", "no origin"],
)
def test_a_forged_request_is_refused(explain: Any, arguments: Any, stdin: str) -> None:
    status, out, err = explain(*POLICY, *arguments, stdin=stdin)
    assert (status, err) == (1, "")
    assert "refused as forged" in out


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (("--sec-fetch-site", "same-origin"), POST),
        (("--cross-site", "--origin", PAGE), POST),
        (("--cross-site", "--method", "GET"), POST),
        (
            (
                "--curl",
                "curl https://a.example -X POST -H 'origin: https://a.example'",
                "--host",
                "a.example",
            ),
            "",
        ),
        (("--curl", "curl https://a.example -d x", "--cross-site"), ""),
    ],
    ids=["own", "listed", "safe", "curl", "no browser"],
)
def test_other_requests_are_not_forged(explain: Any, arguments: Any, stdin: str) -> None:
    status, out, err = explain(*POLICY, *arguments, stdin=stdin)
    assert (status, err) == (0, "")
    assert "not forged" in out


@pytest.mark.parametrize(
    "written",
    [
        "%s",
        "2026-11-30 12:00 corsfast.refused %s",
        "WARNING:corsfast.refused:%s",
        "app.log:12:%s",
        "web | %s",
        '{"level": "warning", "message": "%s"}\n',
        '{"log":"%s\\n","stream":"stderr"}',
    ],
    ids=["plain", "formatter", "basicConfig", "grep", "compose", "JSON", "docker"],
)
def test_reads_a_line_of_the_log(explain: Any, written: str) -> None:
    line = written % (
        f"OPTIONS '/x' from '{PAGE}' is refused: the header 'x-b' is not allowed."
        " See docs/refused.md, or pipe this line to: corsfast explain"
    )
    status, out, _ = explain(*POLICY, stdin=line)
    assert status == 1
    assert "no  header x-b" in out
    status, out, _ = explain(*POLICY, stdin=line.replace("header 'x-b'", "method 'PATCH'"))
    assert "no  method PATCH" in out


def test_reads_several_lines_of_the_log(explain: Any) -> None:
    cors = f"corsfast.refused OPTIONS '/x' from '{PAGE}' is refused: the header 'x-b' is not"
    status, out, _ = explain(*POLICY, stdin="\n".join([cors, LOGGED, "another log", cors]))
    assert status == 1
    assert out.count("no  header x-b") == 1
    assert out.count("POST from https://evil.example: refused as forged") == 1


@pytest.mark.parametrize("other", ["caf\xe9", '{"user": "caf\xe9"}'], ids=["text", "JSON"])
def test_a_log_that_is_not_utf_8_is_read(explain: Any, other: str) -> None:
    status, out, err = explain(*POLICY, stdin=f"{other}\n{LOGGED}\n".encode("latin-1"))
    assert (status, err) == (1, "")
    assert "POST from https://evil.example: refused as forged" in out


def test_a_har_that_is_not_utf_8_is_rejected(explain: Any) -> None:
    text = json.dumps({"log": {"entries": [], "comment": "caf\xe9"}}, ensure_ascii=False)
    for arguments in ((), ("--har", "-")):
        status, out, err = explain(*POLICY, *arguments, stdin=text.encode("latin-1"))
        assert (status, out) == (2, "")
        assert "<stdin>:1: the file is not UTF-8" in err


@pytest.mark.parametrize(
    "log",
    [
        "INFO:     Started server process [12]\nINFO:     Waiting\n",
        '{"message": "Started"}\n{"message": "Waiting"}\n',
        '127.0.0.1 - - [x] "GET /x HTTP/1.1" 200 1\n',
    ],
    ids=["text", "JSON", "access log"],
)
def test_a_log_without_refusals_is_named_as_such(explain: Any, log: str) -> None:
    status, out, err = explain(*POLICY, stdin=log)
    assert (status, out) == (2, "")
    assert "<stdin>: there is no refusal of corsfast in it, and it is no curl command" in err


def test_no_method_is_invented_for_a_logged_preflight(explain: Any) -> None:
    evil = "from 'https://evil.example' is refused: the origin"
    log = f"OPTIONS '/items' {evil}\nGET '/items' {evil}\n"
    out = explain(*POLICY, stdin=log)[1]
    preflight, request = out.split("\n\n")
    assert preflight.startswith("OPTIONS from https://evil.example: refused\n  no  origin https")
    assert "method" not in preflight
    assert request.startswith("GET from https://evil.example: refused\n")
    assert preflight.split("\n")[1:4] == request.split("\n")[1:4]
    for option in ("--method", "--request-method"):
        out = explain(*POLICY, option, "PATCH", stdin=log.partition("\n")[0])[1]
        assert out.startswith("PATCH from https://evil.example: refused\n")
        assert "no  method PATCH" in out


def test_a_path_in_the_log_that_looks_like_forgery(explain: Any) -> None:
    path = "/ as a cross-site request: "
    line = f"corsfast.refused GET '{path}' from 'https://evil.example' is refused: the origin"
    status, out, _ = explain(*POLICY, stdin=line)
    assert status == 1
    assert "no  origin https://evil.example" in out


def test_more_lines_of_the_log_than_are_explained(explain: Any) -> None:
    line = "corsfast.refused GET '/' from 'https://e{}.example' is refused: the origin"
    lines = [line.format(number) for number in range(MAX_EXPLAINED + 1)]
    status, out, err = explain(*POLICY, stdin="\n".join(lines))
    assert (status, out) == (2, "")
    assert f"<stdin>:{len(lines)}: there are more than {MAX_EXPLAINED} distinct requests" in err
    assert explain(*POLICY, stdin="\n".join([*lines[1:], *lines[1:]]))[0] == 1


UNABLE = [
    (("--url", "http://a.example/", "--cross-site"), "about a policy, not a server"),
    (("--origin", PAGE), "there is no policy"),
    (POLICY, "there is no request"),
    ((*POLICY, "--curl", "curl https://a.example/"), "the request has no Origin"),
    ((*POLICY, "--curl", CURL.replace(PAGE, "https://api.example.com")), "one origin"),
    ((*POLICY, "--curl", "curl 'x"), "--curl:1: a quote is not closed"),
    ((*POLICY, "--har", "none.har"), "none.har: No such file"),
    ((*POLICY, "--har", "-"), "<stdin>:1: not JSON"),
    ((*POLICY, "--har", "x", "--curl", "y"), "two sources of a request"),
    ((*POLICY, "--env", "--origin", PAGE), "--env is a policy"),
    (("--table", "a", "--origin", PAGE), "--table needs FILE"),
    (("none.toml", "--origin", PAGE), "none.toml: No such file"),
    (("--allow-origins", f"{PAGE}/", "--origin", PAGE), "ends in a slash"),
    (("--allow-methods", "PUT", "--origin", PAGE), "--allow-origins is missing"),
    ((*POLICY, "--origin", PAGE, "--request-method", "PUT"), "goes with --method OPTIONS"),
    (("--url", "http://a.example/"), "--url needs --origin"),
    (("--url", "a.example", "--origin", PAGE), "begin with http"),
    (("--url", "http://a.example/", "--origin", f"{PAGE}/"), "is not an origin"),
    (("--url", "http://a.example/", "--curl", "curl a"), "names a request"),
    (("--url", "http://a.example/", *POLICY), "no policy to name"),
    (("--url", "http://a.example/", "--origin", PAGE, "--timeout", "nan"), "--timeout is nan"),
    (("--url", "http://a.example/", "--origin", PAGE, "--method", "TRACE"), "cannot use"),
    (("--url", "http://a.example/", "--origin", PAGE, "--request-method", "PUT"), "needs --method"),
    (("--no-such-option",), "unrecognized arguments"),
]


@pytest.mark.parametrize(("arguments", "message"), UNABLE, ids=[row[1] for row in UNABLE])
def test_status_is_2_with_a_reason(explain: Any, arguments: Any, message: str) -> None:
    status, out, err = explain(*arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_json_has_every_request(explain: Any) -> None:
    status, out, _ = explain(*POLICY, "--origin", PAGE, "--method", "PATCH", "--json")
    data = json.loads(out)
    assert (status, data["allowed"]) == (1, False)
    assert data["requests"][0]["outcome"] == "method-not-allowed"
    assert data["requests"][0]["change"]["options"]["allow_methods"] == ["PUT", "PATCH"]


def test_colors_only_on_a_terminal(explain: Any, monkeypatch: Any) -> None:
    assert "\x1b" not in explain(*POLICY, "--origin", PAGE)[1]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[1;32m" in explain(*POLICY, "--origin", PAGE)[1]


# -- recordings ------------------------------------------------------------------------------


def entry(method: str, status: int, *answer: tuple[str, str], **request: str) -> dict[str, Any]:
    def listed(fields: Any) -> list[dict[str, str]]:
        return [{"name": name.replace("_", "-"), "value": value} for name, value in fields]

    headers = listed([("Origin", PAGE), *request.items()])
    return {
        "request": {"method": method, "url": "https://api.example.com/x", "headers": headers},
        "response": {"status": status, "headers": listed(answer)},
    }


def recording(*entries: dict[str, Any]) -> str:
    return json.dumps({"log": {"entries": list(entries)}})


ALLOW = ("Access-Control-Allow-Origin", PAGE)
PREFLIGHT = entry("OPTIONS", 401, access_control_request_method="PUT")


def test_a_har_with_a_policy(explain: Any) -> None:
    status, out, _ = explain(*POLICY, "--har", "-", stdin=recording(PREFLIGHT, entry("PUT", 200)))
    assert status == 0
    assert out.count("PUT from") == 2


def test_a_har_without_a_policy_explains_the_answers(explain: Any) -> None:
    text = recording(PREFLIGHT, entry("PUT", 200, ALLOW, ("Vary", "Origin")))
    Path("a.har").write_text(text)
    status, out, _ = explain("--har", "a.har")
    assert status == 1
    assert "has no Access-Control-Allow-Origin" in out
    assert "With these changes all browsers allow it." in out
    assert explain(stdin=text)[1] == out


def test_cookies_of_a_recording_are_credentials(explain: Any) -> None:
    star = ("Access-Control-Allow-Origin", "*")
    assert explain("--har", "-", stdin=recording(entry("GET", 200, star)))[0] == 0
    status, out, _ = explain("--har", "-", stdin=recording(entry("GET", 200, star, cookie="a=b")))
    assert status == 1
    assert "the request has credentials" in out


def test_a_har_without_the_answer_says_so(explain: Any) -> None:
    status, out, _ = explain("--har", "-", stdin=recording(entry("PUT", 200, ALLOW)))
    assert status == 1
    assert "the recording has no preflight of https://api.example.com/x" in out
    out = explain("--har", "-", stdin=recording(entry("GET", 0)))[1]
    assert "log.entries[0] has no answer, because the browser blocked it" in out


def test_a_har_of_a_blocked_request_lacks_its_answer(explain: Any) -> None:
    text = recording(PREFLIGHT, entry("PUT", 0))
    status, out, _ = explain("--har", "-", "--json", stdin=text)
    found = [finding["code"] for finding in json.loads(out)["requests"][0]["findings"]]
    assert status == 1
    assert found == [
        "PreflightMissingAllowOriginHeader",
        "MethodDisallowedByPreflightResponse",
        "no-answer",
    ]


def test_a_har_without_cross_origin_requests(explain: Any) -> None:
    status, _, err = explain("--har", "-", stdin=recording())
    assert status == 2
    assert "<stdin>: there is no cross-origin request in it" in err


def test_a_har_without_the_text_of_match(explain: Any) -> None:
    text = recording(PREFLIGHT, entry("PUT", 200))
    for arguments in ((), ("--har", "-")):
        status, out, err = explain(*arguments, "--match", "nothing", stdin=text)
        assert (status, out) == (2, "")
        assert "<stdin>: none of its cross-origin requests (2) has 'nothing' in its URL" in err


def test_only_preflights_are_status_2(explain: Any) -> None:
    method = "Access-Control-Request-Method: PUT"
    command = f"curl -X OPTIONS {LOCAL} -H 'Origin: {PAGE}' -H '{method}'"
    for arguments in (("--har", "-"), ("--curl", command, "--send")):
        status, out, err = explain(*arguments, stdin=recording(PREFLIGHT))
        assert (status, out) == (2, "")
        assert "there are only preflights" in err


def test_a_har_with_a_request_that_no_page_sends(explain: Any) -> None:
    status, _, err = explain("--har", "-", stdin=recording(entry("TRACE", 200, ALLOW)))
    assert status == 2
    assert "a page cannot use the method 'TRACE'" in err


# -- a running server ------------------------------------------------------------------------

Answer = tuple[int, list[tuple[str, str]]]


@contextmanager
def serving(answer: Callable[[str, Any], Answer]) -> Iterator[tuple[str, list[str]]]:
    """Run a server; yield its URL and the list of methods that it has received."""
    received: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            received.append(self.command)
            status, headers = answer(self.command, self.headers)
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_PUT = do_OPTIONS = respond

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/x", received
        finally:
            server.shutdown()
            thread.join()


def unwrapped(out: str) -> str:
    return " ".join(out.split())


LOCAL = "http://localhost:3000"
FINE = [("Access-Control-Allow-Origin", LOCAL), ("Vary", "Origin")]
WRONG = [
    ([("Access-Control-Allow-Origin", "*")], "*, and the request has credentials"),
    ([*FINE, *FINE], "Two components add the header"),
    ([], "has no Access-Control-Allow-Origin"),
]


@pytest.mark.parametrize(("headers", "text"), WRONG, ids=["star", "twice", "missing"])
def test_explains_the_answers_of_a_server(explain: Any, headers: Any, text: str) -> None:
    with serving(lambda method, sent: (200, headers)) as (url, _):
        status, out, _ = explain("--url", url, "--origin", LOCAL, "--credentials")
    assert status == 1
    assert text in unwrapped(out)
    assert "With these changes all browsers allow it." in out


def test_a_server_that_echoes_needs_vary(explain: Any) -> None:
    def echo(_method: str, sent: Any) -> Answer:
        return 200, [("Access-Control-Allow-Origin", sent["Origin"])]

    with serving(echo) as (url, _):
        status, out, _ = explain("--url", url, "--origin", LOCAL)
    assert status == 0
    assert "has no Vary: Origin" in out


def test_an_answer_that_never_ends_is_timed_out(explain: Any) -> None:
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            while not ended.wait(0.05):
                self.wfile.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request).start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/"
            status, out, _ = explain("--url", url, "--origin", LOCAL, "--timeout", "0.3")
        finally:
            ended.set()
    assert status == 1
    assert "timed out" in out


@pytest.mark.parametrize(
    ("status", "headers", "advice"),
    [
        (401, [], "before authentication"),
        (405, [], "No route answers OPTIONS"),
        (307, [("Location", "/x/")], "with the slash at its end"),
        (500, [], "fails at OPTIONS"),
    ],
)
def test_explains_a_preflight_that_fails(
    explain: Any, status: int, headers: list[tuple[str, str]], advice: str
) -> None:
    def answer(method: str, _sent: Any) -> Answer:
        return (status, [*FINE, *headers]) if method == "OPTIONS" else (200, FINE)

    with serving(answer) as (url, received):
        code, out, _ = explain("--url", url, "--origin", LOCAL, "--method", "PUT")
    assert code == 1
    assert advice in unwrapped(out)
    assert received == ["OPTIONS", "PUT"]


def test_a_500_without_headers_hides_the_error(explain: Any) -> None:
    with serving(lambda method, sent: (500, [])) as (url, _):
        out = explain("--url", url, "--origin", LOCAL)[1]
    assert "outside of the CORS middleware, so this hides the real error" in unwrapped(out)
    sentences = [line for line in out.split("\n") if line.startswith(" " * 8)]
    assert len(sentences) > 1
    assert max(map(len, sentences)) <= 100


def test_a_public_page_and_a_local_server(explain: Any) -> None:
    fine = [("Access-Control-Allow-Origin", PAGE)]
    with serving(lambda method, sent: (200, fine)) as (url, _):
        status, out, _ = explain("--url", url, "--origin", PAGE)
    assert status == 0
    assert "not yours to fix" in out


def test_sends_a_curl_command(explain: Any) -> None:
    fine = [*FINE, ("Access-Control-Allow-Methods", "PUT")]
    with serving(lambda method, sent: (200, fine)) as (url, received):
        command = f"curl {url} -X PUT -H 'Origin: {LOCAL}'"
        status, out, _ = explain("--curl", command, "--send", "--json")
    assert status == 0
    assert received == ["OPTIONS", "PUT"]
    assert json.loads(out)["requests"][0]["exchanges"][0]["preflight"] is True


def test_a_server_that_is_down(explain: Any) -> None:
    with serving(lambda method, sent: (200, [])) as (url, _):
        pass
    status, out, _ = explain("--url", url, "--origin", LOCAL)
    assert status == 1
    assert "The server sent no answer" in out
    assert "This is not CORS." in out


def test_without_httpx_it_says_what_to_install(explain: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "corsfast._cli.send", None)
    status, _, err = explain("--url", "http://localhost/", "--origin", LOCAL)
    assert status == 2
    assert "pip install 'corsfast[explain]'" in err
