"""Every error that a server can cause: it is provoked, explained, and the change is applied.

ROWS has a real exchange for each of the 19 members of Chromium's `CorsError` that a server can
cause, the 16 texts of Firefox (15 of them have a page on MDN), and the texts of WebKit.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from corsfast._explain.server import (
    Finding,
    NoAnswerError,
    PageFetch,
    Report,
    examine,
    patched,
    with_page,
)
from corsfast.testing import Browser, CORSError, Exchange, RawResponse, Request

PAGE = "https://app.example.com"
URL = "https://api.example.com/items"
ACAO, ACAC = "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"
ACAM, ACAH = "Access-Control-Allow-Methods", "Access-Control-Allow-Headers"
VARY = ("Vary", "Origin")
GOOD = RawResponse(200, ((ACAO, PAGE), VARY))
OK = RawResponse(200, ((ACAO, PAGE), (ACAC, "true"), VARY))
PREFLIGHT = RawResponse(204, ((ACAO, PAGE), (ACAC, "true"), (ACAM, "PUT"), (ACAH, "x-a"), VARY))


class Row(NamedTuple):
    """An exchange that browsers refuse; `advice` is in the advice of the first finding."""

    reason: str
    firefox: str
    webkit: str
    advice: str
    actual: RawResponse
    preflight: RawResponse | None = None
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    credentials: bool = False


def answer(*headers: tuple[str, str], status: int = 200) -> RawResponse:
    return RawResponse(status, headers)


def at_preflight(row: Row) -> Row:
    """Return the row for the same answer to a preflight."""
    methods = ((ACAM, "PUT"), *row.actual.headers)
    return row._replace(
        reason=f"Preflight{row.reason}",
        actual=OK,
        preflight=RawResponse(204, methods),
        method="PUT",
    )


CHECK = [
    Row(
        "MissingAllowOriginHeader",
        "CORSMissingAllowOrigin2",
        "not allowed",
        f"Allow '{PAGE}'",
        answer(),
    ),
    Row(
        "WildcardOriginNotAllowed",
        "CORSNotSupportingCredentials",
        "wildcard",
        "instead of *",
        answer((ACAO, "*")),
        credentials=True,
    ),
    Row(
        "MultipleAllowOriginValues",
        "CORSMultipleAllowOriginNotAllowed",
        "more than one",
        "Two components add the header",
        answer((ACAO, PAGE), (ACAO, PAGE), VARY),
    ),
    Row(
        "InvalidAllowOriginValue",
        "CORSAllowOriginNotMatchingOrigin",
        "not allowed",
        "has no scheme",
        answer((ACAO, "app.example.com")),
    ),
    Row(
        "AllowOriginMismatch",
        "CORSAllowOriginNotMatchingOrigin",
        "not allowed",
        "which is http, not https",
        answer((ACAO, "http://app.example.com")),
    ),
    Row(
        "InvalidAllowCredentials",
        "CORSMissingAllowCredentials",
        "credentials",
        "in lower case",
        answer((ACAO, PAGE), (ACAC, "True"), VARY),
        credentials=True,
    ),
]
LISTS = [
    Row(
        "PreflightInvalidStatus",
        "CORSPreflightDidNotSucceed3",
        "preflight",
        "before authentication",
        OK,
        PREFLIGHT._replace(status=401),
        "PUT",
    ),
    Row(
        "PreflightDisallowedRedirect",
        "CORSExternalRedirectNotAllowed",
        "preflight",
        "with the slash at its end",
        OK,
        RawResponse(307, (*PREFLIGHT.headers, ("Location", "/items/"))),
        "PUT",
    ),
    Row(
        "InvalidAllowMethodsPreflightResponse",
        "CORSInvalidAllowMethod",
        "list of methods",
        "a list of names",
        OK,
        answer((ACAO, PAGE), (ACAM, "GET; PUT"), VARY),
        "PUT",
    ),
    Row(
        "InvalidAllowHeadersPreflightResponse",
        "CORSInvalidAllowHeader",
        "list of headers",
        "a list of names",
        OK,
        answer((ACAO, PAGE), (ACAH, "x-a x-b"), VARY),
        "GET",
        (("x-a", "1"),),
    ),
    Row(
        "MethodDisallowedByPreflightResponse",
        "CORSMethodNotFound",
        "method",
        f"Add PUT to {ACAM}",
        OK,
        answer((ACAO, PAGE), VARY),
        "PUT",
    ),
    Row(
        "HeaderDisallowedByPreflightResponse",
        "CORSMissingAllowHeaderFromPreflight2",
        "header",
        f"Add x-b to {ACAH}",
        OK,
        PREFLIGHT,
        "PUT",
        (("x-a", "1"), ("x-b", "1")),
    ),
    Row(
        "RedirectContainsCredentials",
        "CORSDidNotSucceed2",
        "password",
        "without them",
        answer((ACAO, PAGE), VARY, ("Location", "https://user:x@api.example.com/b"), status=302),
    ),
]
ROWS = [*CHECK, *map(at_preflight, CHECK), *LISTS]

# The texts of Firefox, by their names in security.properties.
FIREFOX = {
    "CORSDidNotSucceed2": "CORS request did not succeed",
    "CORSExternalRedirectNotAllowed": "CORS request external redirect not allowed",
    "CORSRequestNotHttp": "CORS request not http",
    "CORSMissingAllowOrigin2": "CORS header ‘Access-Control-Allow-Origin’ missing",
    "CORSMultipleAllowOriginNotAllowed": "Multiple CORS header ‘Access-Control-Allow-Origin’",
    "CORSAllowOriginNotMatchingOrigin": "‘Access-Control-Allow-Origin’ does not match",
    "CORSNotSupportingCredentials": "Credential is not supported if the CORS header",
    "CORSMethodNotFound": "Did not find method in CORS header ‘Access-Control-Allow-Methods’",
    "CORSMissingAllowCredentials": "expected ‘true’ in CORS header",
    "CORSPreflightDidNotSucceed3": "CORS preflight response did not succeed",
    "CORSInvalidAllowMethod": "in CORS header ‘Access-Control-Allow-Methods’",
    "CORSInvalidAllowHeader": "in CORS header ‘Access-Control-Allow-Headers’",
    "CORSMissingAllowHeaderFromPreflight2": "according to header ‘Access-Control-Allow-Headers’",
}
# No server causes these: a setting of the browser, and an error inside of it.
NOT_CAUSED = {
    "CORSDisabled": "CORS disabled",
    "CORSOriginHeaderNotAdded": "CORS header ‘Origin’ cannot be added",
}
# Firefox still allows the request, and only warns.
WARNED = {
    "CORSAllowHeaderFromPreflightDeprecation": (
        "Cross-Origin Request Warning: The Same Origin Policy will disallow reading the remote "
        f"resource at {URL} soon. (Reason: When the `Access-Control-Allow-Headers` is `*`, the "
        "`Authorization` header is not covered. To include the `Authorization` header, it must be "
        "explicitly listed in CORS header `Access-Control-Allow-Headers`)."
    ),
}
WEBKIT = {
    "wildcard": "Cannot use wildcard in Access-Control-Allow-Origin when credentials flag is true.",
    "more than one": "Access-Control-Allow-Origin cannot contain more than one origin.",
    "not allowed": "is not allowed by Access-Control-Allow-Origin",
    "credentials": 'Credentials flag is true, but Access-Control-Allow-Credentials is not "true".',
    "preflight": "Preflight response is not successful. Status code: ",
    "list of methods": "Header Access-Control-Allow-Methods has an invalid value: GET; PUT",
    "list of headers": "Header Access-Control-Allow-Headers has an invalid value: x-a x-b",
    "method": "Method PUT is not allowed by Access-Control-Allow-Methods.",
    "header": "Request header field x-b is not allowed by Access-Control-Allow-Headers.",
    "password": "redirection URL https://user:x@api.example.com/b has credentials",
}


def served(row: Row) -> Any:
    """Return a server with the answers of a row. A second server has no more errors."""

    def send(request: Request) -> RawResponse:
        if Exchange(request, OK).is_preflight:
            assert row.preflight is not None
            return row.preflight
        return row.actual if request.url == URL else OK

    return send


def asked(row: Row) -> PageFetch:
    return PageFetch(row.method, URL, PAGE, row.headers, row.credentials)


def report_of(row: Row) -> Report:
    return examine(asked(row), served(row))


def blocking(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.blocks]


def allows(page: PageFetch, send: Any, engine: str) -> bool:
    credentials = "include" if page.credentials else "same-origin"
    try:
        Browser(page.origin, engine=engine).fetch(
            send, page.method, page.url, headers=page.headers, credentials=credentials
        )
    except CORSError:
        return False
    return True


ids = [row.reason for row in ROWS]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_names_the_error_of_each_browser(row: Row) -> None:
    report = report_of(row)
    assert not report.allowed
    assert blocking(report)[0].code == row.reason
    assert FIREFOX[row.firefox] in report.console["firefox"]
    assert WEBKIT[row.webkit] in report.console["webkit"]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_the_advice_is_about_this_error(row: Row) -> None:
    report = report_of(row)
    assert row.advice in report.findings[0].advice
    assert "{answer}" not in str(report.lines())


@pytest.mark.parametrize("engine", ["chromium", "firefox", "webkit"])
@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_the_change_makes_each_browser_allow_it(row: Row, engine: str) -> None:
    report = report_of(row)
    fixes = [finding.fix for finding in blocking(report)]
    assert None not in fixes
    page = asked(row)
    assert not allows(page, served(row), engine)
    for fix in fixes:
        page = with_page(page, fix)
    assert allows(page, lambda it: patched(it, served(row)(it), fixes), engine)
    assert report.proven


def test_rows_cover_what_a_server_can_cause() -> None:
    assert len(ROWS) == len(set(ids)) == 19
    assert len({*FIREFOX, *NOT_CAUSED, *WARNED}) == 16
    # The page's URL causes the other one.
    assert {row.firefox for row in ROWS} == FIREFOX.keys() - {"CORSRequestNotHttp"}
    assert {row.webkit for row in ROWS} == WEBKIT.keys()


# -- the pages of MDN about Firefox's reasons ------------------------------------------------
# https://developer.mozilla.org/docs/Web/HTTP/Guides/CORS/Errors. Each page has an exchange: the
# first row with its reason, or one of these, which are closer to the text of the page.
DESCRIBED = [
    # A preflight that is redirected to another origin.
    LISTS[1]._replace(
        preflight=RawResponse(301, (*PREFLIGHT.headers, ("Location", "https://b.example.com/c"))),
        advice="Do not redirect preflights",
    ),
    # A method that the list leaves out, and a header that the list leaves out.
    LISTS[4]._replace(preflight=answer((ACAO, PAGE), (ACAM, "GET, HEAD, POST"), VARY)),
    LISTS[5]._replace(preflight=answer((ACAO, PAGE), (ACAM, "PUT"), (ACAH, "x-a, x-c"), VARY)),
    # The origin of another site, which has nothing in common with the page's.
    CHECK[4]._replace(actual=answer((ACAO, "https://b.example.net"), VARY), advice=f"Send {ACAO}"),
    # No Access-Control-Allow-Credentials at all.
    CHECK[5]._replace(actual=answer((ACAO, PAGE), VARY)),
]
MDN = {row.firefox.rstrip("23"): row for row in [*reversed(ROWS), *DESCRIBED]}
# No answer of a server leads to the other pages, for these reasons.
NO_ANSWER_CAUSES = {
    "CORSDisabled": "a setting of the browser: content.cors.disable",
    "CORSOriginHeaderNotAdded": "an error in the browser or an extension, before it sends anything",
    "CORSRequestNotHttp": "the page requests a file: or data: URL, so there is no server",
}


def test_mdn_has_15_pages() -> None:
    assert len(MDN | NO_ANSWER_CAUSES) == len(MDN) + len(NO_ANSWER_CAUSES) == 15
    names = {*FIREFOX, *NOT_CAUSED}
    assert {*MDN, *NO_ANSWER_CAUSES} == {name.rstrip("23") for name in names}


@pytest.mark.parametrize("page", MDN)
def test_a_page_of_mdn_leads_to_the_change(page: str) -> None:
    row = MDN[page]
    report = report_of(row)
    assert FIREFOX[row.firefox] in report.console["firefox"]
    assert row.advice in report.findings[0].advice
    fixes = [finding.fix for finding in blocking(report)]
    assert None not in fixes
    for engine in ("chromium", "firefox", "webkit"):
        assert not allows(asked(row), served(row), engine)
        assert allows(asked(row), lambda it: patched(it, served(row)(it), fixes), engine)


@pytest.mark.parametrize("page", NO_ANSWER_CAUSES)
def test_no_answer_leads_to_the_other_pages(page: str) -> None:
    text = (FIREFOX | NOT_CAUSED)[page]
    assert not [row.reason for row in ROWS if text in report_of(row).console["firefox"]]


def test_a_file_cannot_be_fixed_by_a_server() -> None:
    report = examine(PageFetch("GET", "file:///tmp/x", PAGE), served(CHECK[0]))
    (finding,) = report.findings
    assert (finding.code, finding.fix, report.proven) == ("CorsDisabledScheme", None, False)
    assert FIREFOX["CORSRequestNotHttp"] in report.console["firefox"]


def test_no_answer_is_not_cors() -> None:
    def send(request: Request) -> RawResponse:
        raise NoAnswerError("connection refused")

    report = examine(PageFetch("GET", URL, PAGE), send)
    assert [it.code for it in report.findings] == ["no-answer"]
    assert not report.allowed
    assert "connection refused" in str(report.lines())


@pytest.mark.parametrize(
    ("actual", "preflight", "page", "said"),
    [
        (answer(), None, "null", "so any site can"),
        (answer(status=401), None, PAGE, "by a proxy or by authentication"),
        (answer(status=503), None, PAGE, "read the server's log"),
        (answer(("Location", f"{URL}/"), status=307), None, PAGE, "(with the slash at"),
        (
            answer(("Location", "/"), status=307),
            None,
            PAGE,
            "the final URL directly, or allow",
        ),
        (OK, PREFLIGHT._replace(status=300), PAGE, "with a status from 200 to 299"),
        (OK, PREFLIGHT._replace(status=404), PAGE, "No route answers OPTIONS here"),
        (OK, PREFLIGHT._replace(status=502), PAGE, "The server fails at OPTIONS"),
        (
            OK,
            answer((ACAO, PAGE), (ACAC, "true"), (ACAM, "*"), VARY),
            PAGE,
            "is only the name",
        ),
    ],
)
def test_the_advice_depends_on_the_answer(
    actual: RawResponse, preflight: RawResponse | None, page: str, said: str
) -> None:
    row = Row("", "", "", "", actual, preflight)
    method = "GET" if preflight is None else "PUT"
    fetched = PageFetch(method, URL, page, credentials=preflight is not None)
    report = examine(fetched, served(row))
    assert said in report.findings[0].advice
    assert report.proven


@pytest.mark.parametrize(
    ("page", "first", "then", "said"),
    [
        (PAGE, URL, "https://other.example.com/items", "directly, or allow"),
        ("http://app.example.com", URL.replace("https", "http"), URL, "directly (with https), or"),
    ],
)
def test_a_redirect_has_a_fix_for_each_answer(page: str, first: str, then: str, said: str) -> None:
    """The second answer is for the origin null, because the redirect is to another origin."""

    def send(request: Request) -> RawResponse:
        return answer() if request.url == then else answer(("Location", then), status=302)

    report = examine(PageFetch("GET", first, page), send)
    fixes = [finding.fix for finding in report.findings]
    assert [dict(fix.headers)[ACAO] for fix in fixes if fix is not None] == [page, "null"]
    assert said in report.findings[0].advice
    assert report.proven


def test_a_loop_of_redirects_is_not_cors() -> None:
    report = examine(
        PageFetch("GET", URL, PAGE), lambda _: answer((ACAO, "*"), ("Location", URL), status=302)
    )
    assert [it.code for it in report.findings] == ["network"]
    assert "too many redirects" in report.findings[0].text
    assert not report.proven


def test_authorization_under_star_is_a_warning() -> None:
    preflight = answer((ACAO, "*"), (ACAH, "*"))
    row = Row("", "", "", "", answer((ACAO, "*")), preflight, "GET", (("authorization", "x"),))
    report = report_of(row)
    assert report.allowed
    (finding,) = report.findings
    assert (finding.code, finding.blocks) == ("HeaderDisallowedByPreflightResponse", False)
    assert "plan not to" in finding.advice
    (text,) = WARNED.values()
    assert report.console == {"chromium": "", "firefox": text, "webkit": ""}
    assert any(text in line for line, _ in report.lines())


def test_authorization_by_its_name_is_no_warning() -> None:
    preflight = answer((ACAO, "*"), (ACAH, "*, Authorization"))
    row = Row("", "", "", "", answer((ACAO, "*")), preflight, "GET", (("authorization", "x"),))
    report = report_of(row)
    assert (report.allowed, report.findings) == (True, ())
    assert not any(report.console.values())


def test_patch_in_lower_case_is_changed_in_the_page() -> None:
    preflight = answer((ACAO, PAGE), (ACAM, "PATCH"), VARY)
    report = report_of(Row("", "", "", "", OK, preflight, "patch"))
    (finding,) = report.findings
    assert finding.fix is not None
    assert finding.fix.method == "PATCH"
    assert report.proven


def test_several_errors_are_found_one_after_another() -> None:
    preflight = answer(status=405)
    row = Row("", "", "", "", answer(status=500), preflight, "PUT", (("x-a", "1"), ("x-b", "2")))
    report = report_of(row)
    assert [finding.code for finding in blocking(report)] == [
        "PreflightMissingAllowOriginHeader",
        "MethodDisallowedByPreflightResponse",
        "HeaderDisallowedByPreflightResponse",
        "MissingAllowOriginHeader",
    ]
    assert "the server's log" in blocking(report)[-1].advice
    assert report.proven


def test_each_request_is_sent_once() -> None:
    sent: list[Request] = []

    def send(request: Request) -> RawResponse:
        sent.append(request)
        return served(LISTS[0])(request)

    examine(asked(LISTS[0])._replace(method="PUT"), send)
    assert [request.method for request in sent] == ["OPTIONS", "PUT"]


def test_a_row_of_json() -> None:
    data = json.loads(json.dumps(report_of(LISTS[0]).as_dict()))
    assert data["allowed"] is False
    assert data["findings"][0]["fix"]["status"] == 204
    assert data["exchanges"][0]["status"] == 401


@pytest.mark.parametrize("name", [ACAO, ACAC, ACAM, ACAH, "Vary", "Location"])
def test_hostile_answers_are_escaped_and_cut(name: str) -> None:
    row = LISTS[5]._replace(credentials=True)
    for value in ("https://" + "\x1b[31m" * 20_000, ",a b" * 20_000):
        headers = ((ACAO, PAGE), (ACAC, "true"), (ACAM, "PUT"), (ACAH, "x-a"))
        changed = (*(it for it in headers if it[0] != name), (name, value))
        preflight = RawResponse(204, changed)
        report = report_of(row._replace(preflight=preflight, actual=RawResponse(200, changed)))
        for text, _ in report.lines():
            assert "\x1b" not in text
            assert len(text) < 6000


# -- findings that no browser reports --------------------------------------------------------


def codes(send: Any, **changes: Any) -> list[str]:
    page = PageFetch("GET", URL, PAGE)._replace(**changes)
    return [finding.code for finding in examine(page, send).findings]


def echo(request: Request, *more: tuple[str, str]) -> RawResponse:
    return answer((ACAO, request.get("origin") or ""), *more)


def test_vary_is_missing_where_the_origin_is_echoed() -> None:
    assert codes(echo) == ["missing-vary"]
    assert codes(lambda it: echo(it, ("Vary", "Cookie, origin"))) == []


def test_vary_is_not_missing_where_the_origin_is_fixed() -> None:
    assert codes(lambda it: answer((ACAO, PAGE))) == []


def test_any_origin_with_credentials_is_found() -> None:
    assert codes(lambda it: echo(it, (ACAC, "true"), VARY)) == ["any-origin-with-credentials"]


def test_a_local_server_asks_the_user() -> None:
    url = "http://192.168.1.7/"
    assert codes(lambda it: answer((ACAO, "*")), url=url) == ["local-network"]
    assert codes(lambda it: answer((ACAO, "*")), url=url, origin="http://localhost:3000") == []


def test_an_insecure_server_is_mixed_content() -> None:
    url = "http://api.example.com/"
    assert codes(lambda it: answer((ACAO, "*")), url=url) == ["mixed-content"]


# -- docs/refused.md -------------------------------------------------------------------------

PREFIXES = (
    "has been blocked by CORS policy: ",
    "Response to preflight request doesn't pass access control check: ",
)


def quoted(text: str) -> str:
    """Return a text of a console as the page shows it: without what all texts begin with."""
    for prefix in PREFIXES:
        text = text.rpartition(prefix)[2]
    begin = text.find("(Reason: ")
    return text[max(begin, 0) :]


@pytest.mark.parametrize("row", [*CHECK, *LISTS], ids=[row.reason for row in [*CHECK, *LISTS]])
def test_the_page_about_refusals_quotes_each_browser(row: Row) -> None:
    page = Path(__file__).parents[2] / "docs" / "refused.md"
    text = " ".join(page.read_text("utf-8").replace("\n>", "\n").split())
    assert f"`{row.reason}`" in text
    for shown in report_of(row).console.values():
        assert quoted(shown) in text
