"""The browser of corsfast.testing, over applications and recorded responses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from corsfast.middleware.asgi import CORSMiddleware as ASGIMiddleware
from corsfast.middleware.wsgi import CORSMiddleware as WSGIMiddleware
from corsfast.testing import Browser, CORSError, FetchError, RawResponse, Reason, Request

PAGE = "https://app.example.com"
API = "https://api.example.com"
URL = f"{API}/items"
ANY = ("Access-Control-Allow-Origin", "*")


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    body = b""
    while (message := await receive()).get("more_body"):
        body += message["body"]
    body += message["body"]
    headers = [(b"x-id", b"1"), (b"x-method", scope["method"].encode()), (b"x-body", body)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hel", "more_body": True})
    await send({"type": "http.response.body", "body": b"lo"})


def wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
    body = environ["wsgi.input"].read().decode()
    headers = [("X-Id", "1"), ("X-Method", environ["REQUEST_METHOD"]), ("X-Body", body)]
    start_response("200 OK", headers)
    return [b"hel", b"lo"]


OPTIONS: dict[str, Any] = {
    "allow_origins": [PAGE],
    "allow_methods": ["PUT"],
    "allow_headers": ["X-Token"],
    "expose_headers": ["X-Method", "X-Body"],
    "allow_credentials": True,
}


def starlette() -> Any:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.responses import Response
    from starlette.routing import Route

    from corsfast.middleware.starlette import CORSMiddleware

    async def items(request: Any) -> Any:
        body = (await request.body()).decode()
        return Response("hello", headers={"X-Method": request.method, "X-Body": body})

    routes = [Route("/items", items, methods=["GET", "PUT"])]
    return Starlette(routes=routes, middleware=[Middleware(CORSMiddleware, **OPTIONS)])


def flask() -> Any:
    from flask import Flask, Response, request

    from corsfast.middleware.flask import CORS

    app = Flask(__name__)
    CORS(
        app,
        origins=[PAGE],
        methods=["PUT"],
        allow_headers=["X-Token"],
        expose_headers=["X-Method", "X-Body"],
        supports_credentials=True,
    )

    @app.route("/items", methods=["GET", "PUT"])
    def items() -> Any:
        headers = {"X-Method": request.method, "X-Body": request.get_data(as_text=True)}
        return Response("hello", headers=headers)

    return app


APPS: dict[str, Any] = {
    "asgi": lambda: ASGIMiddleware(asgi_app, **OPTIONS),
    "wsgi": lambda: WSGIMiddleware(wsgi_app, **OPTIONS),
    "starlette": starlette,
    "flask": flask,
}


SERVER = [pytest.param(name, marks=pytest.mark.server) for name in ("starlette", "flask")]


@pytest.fixture(params=["asgi", "wsgi", *SERVER])
def app(request: pytest.FixtureRequest) -> Any:
    return APPS[request.param]()


def refused(*answers: RawResponse, page: str = PAGE, **options: Any) -> CORSError:
    method = options.pop("method", "GET")
    with pytest.raises(CORSError) as caught:
        Browser(page).fetch(answers, method, options.pop("url", URL), **options)
    return caught.value


# -- applications ----------------------------------------------------------------------------


def test_reads_an_allowed_response(app: Any) -> None:
    response = Browser(PAGE).fetch(
        app, "put", URL, headers={"X-Token": "1"}, body="text", credentials="include"
    )
    assert (response.type, response.status, response.ok) == ("cors", 200, True)
    assert (response.text, response.url, response.redirected) == ("hello", URL, False)
    assert response.headers["X-Method"] == "PUT"
    assert response.headers["x-body"] == "text"
    assert "x-id" not in response.headers
    (preflight,) = response.preflights
    assert preflight.request.get("access-control-request-headers") == "x-token"
    assert response.exchanges[-1].request.get("content-type") == "text/plain;charset=UTF-8"


def test_refuses_another_origin(app: Any) -> None:
    with pytest.raises(CORSError) as caught:
        Browser("https://evil.example").fetch(app, "GET", URL)
    assert caught.value.reason == "MissingAllowOriginHeader"
    assert str(caught.value) == caught.value.console["chromium"]
    assert "from origin 'https://evil.example' has been blocked" in str(caught.value)


def test_a_same_origin_request_needs_no_cors(app: Any) -> None:
    response = Browser(API).fetch(app, "PUT", "/items", headers={"X-Other": "1"})
    assert (response.type, response.headers["x-method"]) == ("basic", "PUT")
    assert not response.preflights


def test_async_fetch_runs_in_the_loop(app: Any) -> None:
    async def main() -> str:
        return (await Browser(PAGE).afetch(app, "GET", URL)).text

    assert asyncio.run(main()) == "hello"


def test_fetch_works_inside_a_running_loop(app: Any) -> None:
    async def main() -> str:
        return Browser(PAGE).fetch(app, "GET", URL).text

    assert asyncio.run(main()) == "hello"


def test_a_wsgi_application_runs_in_no_loop() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return wsgi_app(environ, start_response)

    assert Browser(API).fetch(app, "GET", URL).text == "hello"


def test_an_exception_of_the_application_is_raised() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError

    async def main() -> None:
        Browser(API).fetch(app, "GET", URL)

    with pytest.raises(ZeroDivisionError):
        Browser(API).fetch(app, "GET", URL)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())


def test_an_application_sees_the_end_of_the_request() -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        waiting = asyncio.create_task(receive())
        await send({"type": "http.response.start", "status": 200, "trailers": True})
        await send({"type": "http.response.body"})
        await send({"type": "http.response.trailers", "headers": []})
        seen.append(await waiting)

    assert Browser(API).fetch(app, "GET", URL).status == 200
    assert seen == [{"type": "http.disconnect"}]


def test_a_function_answers_requests() -> None:
    seen: list[Request] = []

    def answer(request: Request) -> RawResponse:
        seen.append(request)
        return RawResponse(200, (ANY,), b"{}")

    assert Browser(PAGE).fetch(answer, "GET", URL).json() == {}
    assert [(request.method, request.url) for request in seen] == [("GET", URL)]


def test_each_origin_has_its_application() -> None:
    moved = RawResponse(302, (ANY, ("Location", f"{API}/items")))
    apps = {"https://old.example": [moved], API: lambda request: RawResponse(200, (ANY,))}
    response = Browser(PAGE).fetch(apps, "GET", "https://old.example/")
    assert (response.url, response.redirected) == (URL, True)
    with pytest.raises(LookupError, match=r"no application for https://no\.example"):
        Browser(PAGE).fetch(apps, "GET", "https://no.example/")


def test_recorded_responses_run_out() -> None:
    with pytest.raises(LookupError, match="no recorded response is left for GET"):
        Browser(PAGE).fetch([], "GET", URL)


def test_something_else_is_no_application() -> None:
    with pytest.raises(TypeError, match="takes 0 arguments"):
        Browser(PAGE).fetch(lambda: None, "GET", URL)


# -- the page's request ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("TRACE", {}),
        ("a b", {}),
        ("PUT", {"mode": "no-cors"}),
        ("GET", {"body": "x"}),
        ("GET", {"mode": "navigate"}),
        ("GET", {"credentials": True}),
        ("GET", {"redirect": "no"}),
        ("GET", {"headers": {"a b": "1"}}),
        ("GET", {"headers": {"a": "1\n2"}}),
        ("GET", {"url": "https://user:pass@api.example.com/"}),
    ],
)
def test_a_page_cannot_make_the_request(method: str, options: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        Browser(PAGE).fetch([], method, options.pop("url", URL), **options)


@pytest.mark.parametrize("origin", ["https://a.example/", "a.example", "https://A.example", ""])
def test_a_page_has_a_serialized_origin(origin: str) -> None:
    with pytest.raises(ValueError, match="is not an origin"):
        Browser(origin)


def test_an_unknown_engine_is_an_error() -> None:
    with pytest.raises(ValueError, match="chromium, firefox, webkit"):
        Browser(PAGE, engine="trident")


def test_forbidden_headers_are_dropped() -> None:
    headers = [("Cookie", "a=1"), ("Origin", "https://evil.example"), ("Sec-A", "1"), ("Via", "x")]
    headers += [("X-HTTP-Method-Override", "trace"), ("Accept", "a"), ("accept", "b")]
    response = Browser(PAGE).fetch([RawResponse(200, (ANY,))], "GET", URL, headers=headers)
    assert response.exchanges[0].request.headers == (("Accept", "a, b"), ("Origin", PAGE))


@pytest.mark.parametrize(("length", "asked"), [(128, None), (129, "content-language")])
def test_safelisted_values_have_a_length(length: int, asked: str | None) -> None:
    answers = [RawResponse(200, (ANY, ("Access-Control-Allow-Headers", "*")))] * 2
    headers = {"Content-Language": "a" * length}
    response = Browser(PAGE).fetch(answers, "GET", URL, headers=headers)
    preflights = [it.request.get("access-control-request-headers") for it in response.preflights]
    assert preflights == ([asked] if asked else [])


def test_safelisted_values_have_a_total_length(monkeypatch: pytest.MonkeyPatch) -> None:
    # Five safelisted headers of 128 bytes never reach the limit of the standard.
    monkeypatch.setattr("corsfast._options.fetch.MAX_SAFELISTED_VALUES", 200)
    answers = [RawResponse(200, (ANY, ("Access-Control-Allow-Headers", "*")))] * 2
    headers = {"Accept": "a" * 100, "Accept-Language": "a" * 100}
    assert not Browser(PAGE).fetch(answers, "GET", URL, headers=headers).preflights
    headers["Content-Language"] = "a"
    (preflight,) = Browser(PAGE).fetch(answers, "GET", URL, headers=headers).preflights
    asked = preflight.request.get("access-control-request-headers")
    assert asked == "accept,accept-language,content-language"


def test_no_cors_shows_nothing() -> None:
    answer = RawResponse(500, (("X-Id", "1"),), b"secret")
    headers = {"X-Token": "1", "Accept": "a", "Range": "bytes=0-1"}
    response = Browser(PAGE).fetch([answer], "POST", URL, mode="no-cors", headers=headers)
    assert (response.type, response.status, response.body, response.url) == ("opaque", 0, b"", "")
    assert not response.headers
    assert response.exchanges[0].request.headers == (("Accept", "a"), ("Origin", PAGE))


def test_no_cors_must_follow_redirects() -> None:
    with pytest.raises(FetchError, match="needs redirect 'follow'"):
        Browser(PAGE).fetch([redirect("/b")], "GET", URL, mode="no-cors", redirect="manual")


def test_mode_same_origin_sends_nothing() -> None:
    error = refused(mode="same-origin")
    assert (error.reason, error.exchanges) == (Reason.DISALLOWED_BY_MODE, ())


# -- failures as data ------------------------------------------------------------------------


def test_a_failure_shows_the_expected_value() -> None:
    error = refused(RawResponse(200, (("access-control-allow-origin", "https://b.example"),)))
    failure = error.failure
    assert failure.reason is Reason.ALLOW_ORIGIN_MISMATCH
    assert (failure.header, failure.value) == ("Access-Control-Allow-Origin", "https://b.example")
    assert (failure.expected, failure.parameter) == (PAGE, "https://b.example")
    assert failure.exchange is error.exchanges[-1]


def test_all_failures_of_a_preflight_are_there() -> None:
    answer = RawResponse(403, (("access-control-allow-methods", "GET"),))
    error = refused(answer, method="PUT", headers={"X-A": "1", "X-B": "2"})
    assert [(failure.reason, failure.expected) for failure in error.failures] == [
        ("PreflightMissingAllowOriginHeader", PAGE),
        ("PreflightInvalidStatus", "200-299"),
        ("MethodDisallowedByPreflightResponse", "PUT"),
        ("HeaderDisallowedByPreflightResponse", "x-a"),
        ("HeaderDisallowedByPreflightResponse", "x-b"),
    ]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("https://b.example", "AllowOriginMismatch"),
        ("null", "AllowOriginMismatch"),
        ("localhost:3000", "AllowOriginMismatch"),
        ("http://1.2.3", "AllowOriginMismatch"),
        ("http://ex%41mple.com", "AllowOriginMismatch"),
        ("http://[::1]:3000", "AllowOriginMismatch"),
        ("b.example", "InvalidAllowOriginValue"),
        ("http://", "InvalidAllowOriginValue"),
        pytest.param("http://a:" + "9" * 5000, "InvalidAllowOriginValue", id="huge-port"),
        ("http://1.2.3.256", "InvalidAllowOriginValue"),
        ("http://1.2.x.3", "InvalidAllowOriginValue"),
        ("http://[::1", "InvalidAllowOriginValue"),
        ("http://[::g]", "InvalidAllowOriginValue"),
        ("http://a:99999", "InvalidAllowOriginValue"),
        ("http://a:b", "InvalidAllowOriginValue"),
        ("a, b", "MultipleAllowOriginValues"),
        ("a b", "MultipleAllowOriginValues"),
    ],
)
def test_wrong_origins_have_three_reasons(value: str, reason: str) -> None:
    assert refused(RawResponse(200, (("Access-Control-Allow-Origin", value),))).reason == reason


def test_two_values_are_named_by_line_and_comma() -> None:
    name = "Access-Control-Allow-Origin"
    one = refused(RawResponse(200, ((name, "a, b"),))).console
    two = refused(RawResponse(200, ((name, "a"), (name, "b")))).console
    blank = refused(RawResponse(200, ((name, "a b"),))).console
    assert "does not match ‘a, b’" in one["firefox"]
    assert "Multiple CORS header" in two["firefox"]
    assert one["webkit"] == two["webkit"] != blank["webkit"]
    assert "is not allowed by Access-Control-Allow-Origin" in blank["webkit"]


def test_failures_are_in_the_order_of_chromium() -> None:
    error = refused(redirect("/b", 307), method="PUT")
    reasons = [failure.reason for failure in error.failures]
    assert reasons == ["PreflightDisallowedRedirect", "MethodDisallowedByPreflightResponse"]
    error = refused(RawResponse(302, (("Location", "/b"),)), RawResponse(200, (ANY,)), method="PUT")
    assert error.failures[0].reason == "PreflightDisallowedRedirect"
    assert "‘Access-Control-Allow-Origin’ missing" in error.console["firefox"]


def test_a_text_names_the_first_url() -> None:
    error = refused(redirect("/b"), RawResponse(200))
    start = f"Access to fetch at '{API}/b' (redirected from '{URL}') from origin '{PAGE}' has been"
    assert error.console["chromium"].startswith(start)


def test_an_opaque_origin_has_no_origin_of_its_own() -> None:
    assert refused(url="foo://api.example.com/", page="null").reason == "CorsDisabledScheme"
    answers = [RawResponse(200, (("Access-Control-Allow-Origin", "null"),))]
    assert Browser("null").fetch(answers, "GET", URL).type == "cors"


def test_another_scheme_is_refused() -> None:
    error = refused(url="ftp://api.example.com/")
    assert (error.reason, error.exchanges) == ("CorsDisabledScheme", ())
    text = 'Fetch API cannot load ftp://api.example.com/. URL scheme "ftp" is not supported.'
    assert error.console["chromium"] == text


def test_mode_same_origin_has_two_texts() -> None:
    assert "Request mode is" in refused(mode="same-origin").console["chromium"]
    error = refused(RawResponse(302, (("Location", URL),)), url="/", mode="same-origin")
    assert error.console["chromium"].startswith(f"Unsafe attempt to load URL {URL}")


def test_engines_name_their_first_failure() -> None:
    console = refused(RawResponse(403), method="PUT").console
    assert "No 'Access-Control-Allow-Origin' header is present" in console["chromium"]
    assert "‘Access-Control-Allow-Origin’ missing). Status code: 403." in console["firefox"]
    assert console["webkit"].startswith("Preflight response is not successful. Status code: 403")


@pytest.mark.parametrize("engine", ["chromium", "firefox", "webkit"])
def test_star_covers_authorization_with_a_warning(engine: str) -> None:
    preflight = RawResponse(204, (ANY, ("Access-Control-Allow-Headers", "*")))
    headers = {"Authorization": "secret", "X-A": "1"}
    response = Browser(PAGE, engine=engine).fetch(
        [preflight, RawResponse(200, (ANY,))], "GET", URL, headers=headers
    )
    (warning,) = response.warnings
    assert warning.reason is Reason.HEADER_DISALLOWED_BY_PREFLIGHT_RESPONSE
    assert (warning.expected, warning.value) == ("authorization", "*")


# -- redirects -------------------------------------------------------------------------------


def redirect(location: str, status: int = 302, *headers: tuple[str, str]) -> RawResponse:
    return RawResponse(status, (ANY, ("Location", location), *headers))


def test_a_post_becomes_a_get() -> None:
    answers = [redirect("/b"), RawResponse(200, (ANY,))]
    response = Browser(PAGE).fetch(answers, "POST", URL, body="text")
    first, second = (exchange.request for exchange in response.exchanges)
    assert (first.method, first.body, second.method, second.body) == ("POST", b"text", "GET", b"")
    assert (second.url, second.get("content-type")) == (f"{API}/b", None)


def test_the_origin_is_null_after_two_foreign_origins() -> None:
    answers = [redirect("https://c.example/"), RawResponse(200, (ANY,))]
    response = Browser(PAGE).fetch(answers, "GET", URL)
    assert [it.request.get("origin") for it in response.exchanges] == [PAGE, "null"]


def test_authorization_stays_on_its_origin() -> None:
    allow = RawResponse(204, (ANY, ("Access-Control-Allow-Headers", "authorization")))
    headers = {"Authorization": "secret"}
    answers = [
        allow,
        redirect("/b"),
        allow,
        redirect("https://c.example/"),
        RawResponse(200, (ANY,)),
    ]
    response = Browser(PAGE).fetch(answers, "GET", URL, headers=headers)
    sent = [it.request.get("authorization") for it in response.exchanges if not it.is_preflight]
    assert sent == ["secret", "secret", None]


def test_a_redirect_needs_the_headers_too() -> None:
    error = refused(RawResponse(302, (("Location", "/b"),)), RawResponse(200, (ANY,)))
    assert error.reason is Reason.MISSING_ALLOW_ORIGIN_HEADER


def test_a_preflight_is_not_redirected() -> None:
    error = refused(redirect("/b", 307), method="PUT")
    assert error.reason is Reason.PREFLIGHT_DISALLOWED_REDIRECT


def test_a_redirect_with_a_password_is_refused() -> None:
    error = refused(redirect("https://user:pass@api.example.com/"))
    assert error.reason is Reason.REDIRECT_CONTAINS_CREDENTIALS


@pytest.mark.parametrize(("engine", "followed"), [("chromium", False), ("firefox", True)])
def test_a_password_on_the_own_origin(engine: str, followed: bool) -> None:
    answers = [redirect("https://user:pass@app.example.com/"), RawResponse(200)]
    browser = Browser(PAGE, engine=engine)
    if followed:
        assert browser.fetch(answers, "GET", "/").ok
    else:
        with pytest.raises(FetchError):
            browser.fetch(answers, "GET", "/")


@pytest.mark.parametrize(
    ("engine", "page", "preflights"),
    [
        ("chromium", PAGE, 1),
        ("firefox", PAGE, 2),
        ("webkit", PAGE, 2),
        ("chromium", API, 0),
        ("firefox", API, 0),
        ("webkit", API, 0),
    ],
)
def test_a_redirect_to_get_keeps_the_preflight(engine: str, page: str, preflights: int) -> None:
    allow = RawResponse(204, (ANY, ("Access-Control-Allow-Methods", "PUT")))

    def answer(request: Request) -> RawResponse:
        if request.method == "OPTIONS":
            return allow
        return redirect("https://c.example/", 303) if request.method == "PUT" else allow

    response = Browser(page, engine=engine).fetch(answer, "PUT", URL)
    assert len(response.preflights) == preflights


@pytest.mark.parametrize(("engine", "preflights"), [("chromium", 0), ("firefox", 1)])
def test_a_removed_header_keeps_the_preflight(engine: str, preflights: int) -> None:
    answers = [redirect("https://c.example/"), RawResponse(200, (ANY,)), RawResponse(200, (ANY,))]
    response = Browser(API, engine=engine).fetch(
        answers, "GET", "/", headers={"Authorization": "secret"}
    )
    assert len(response.preflights) == preflights
    for preflight in response.preflights:
        assert preflight.request.get("access-control-request-headers") is None


@pytest.mark.parametrize(("engine", "origin"), [("chromium", "null"), ("firefox", PAGE)])
def test_the_origin_of_a_later_preflight(engine: str, origin: str) -> None:
    allow = RawResponse(204, (ANY, ("Access-Control-Allow-Methods", "PUT")))
    answers = [allow, redirect("https://c.example/", 307), allow, RawResponse(200, (ANY,))]
    response = Browser(PAGE, engine=engine).fetch(answers, "PUT", URL)
    assert [it.request.get("origin") for it in response.preflights] == [PAGE, origin]
    assert response.exchanges[-1].request.get("origin") == "null"


def test_redirects_end() -> None:
    with pytest.raises(FetchError, match="too many redirects") as caught:
        Browser(PAGE).fetch(lambda request: redirect("/items"), "GET", URL)
    assert len(caught.value.exchanges) == 21


@pytest.mark.parametrize(
    ("mode", "location"), [("error", "/b"), ("follow", "data:,x"), ("follow", "ftp://a/")]
)
def test_a_redirect_that_is_not_followed(mode: str, location: str) -> None:
    with pytest.raises(FetchError):
        Browser(PAGE).fetch([redirect(location)], "GET", URL, redirect=mode)


def test_a_redirect_without_a_location_is_read() -> None:
    response = Browser(PAGE).fetch([RawResponse(302, (ANY,))], "GET", URL)
    assert (response.type, response.status, response.redirected) == ("cors", 302, False)


def test_a_manual_redirect_is_opaque() -> None:
    response = Browser(PAGE).fetch([redirect("/b")], "GET", URL, redirect="manual")
    assert (response.type, response.status) == ("opaqueredirect", 0)


# -- exposed headers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exposed", "include", "readable"),
    [
        (None, False, {"content-type"}),
        ("X-ID", False, {"content-type", "x-id"}),
        ("*", False, {"content-type", "x-id", "access-control-allow-origin"}),
        ("*", True, {"content-type"}),
        ("X-Id, a b", False, {"content-type"}),
    ],
)
def test_exposed_headers(exposed: str | None, include: bool, readable: set[str]) -> None:
    headers = [("Content-Type", "a/b"), ("X-Id", "1"), ("Set-Cookie", "a=1")]
    headers += [("Access-Control-Allow-Origin", PAGE if include else "*")]
    if include:
        headers.append(("Access-Control-Allow-Credentials", "true"))
    if exposed is not None:
        headers.append(("Access-Control-Expose-Headers", exposed))
    response = Browser(PAGE).fetch(
        [RawResponse(200, tuple(headers))],
        "GET",
        URL,
        credentials="include" if include else "omit",
    )
    assert {*response.headers} - {"access-control-expose-headers"} == readable


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 304), ("GET", 205)])
def test_some_responses_have_no_body(method: str, status: int) -> None:
    answer = RawResponse(status, (ANY,), b"body")
    assert Browser(PAGE).fetch([answer], method, URL).body == b""


def test_an_invalid_response_header_fails() -> None:
    answer = RawResponse(200, (ANY, ("X-Id", "a\0b")))
    with pytest.raises(FetchError, match="not valid") as caught:
        Browser(PAGE).fetch([answer], "GET", URL)
    assert not isinstance(caught.value, CORSError)


# -- credentials -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "credentials", "sent"),
    [
        (PAGE, "include", True),
        (PAGE, "same-origin", False),
        (PAGE, "omit", False),
        (API, "include", True),
        (API, "same-origin", True),
        (API, "omit", False),
    ],
)
def test_cookies_go_with_credentials(page: str, credentials: str, sent: bool) -> None:
    browser = Browser(page)
    browser.cookies.set("api.example.com", "a", "1")
    allowed = (
        ("Access-Control-Allow-Origin", page),
        ("Access-Control-Allow-Credentials", "true"),
        ("Set-Cookie", "b=2; Path=/"),
    )
    answers = [RawResponse(200, allowed)] * 2
    for cookie in ("a=1", "a=1; b=2"):
        response = browser.fetch(answers, "GET", URL, credentials=credentials)
        assert response.exchanges[0].request.get("cookie") == (cookie if sent else None)


def test_a_cookie_is_deleted() -> None:
    browser = Browser(API)
    for header, left in (("a=1", "a=1"), ("a=; Max-Age=0", "")):
        browser.fetch([RawResponse(200, (("Set-Cookie", header),))], "GET", URL)
        assert browser.cookies.of(URL) == left


def test_an_invalid_cookie_is_ignored() -> None:
    browser = Browser(API)
    cookies = (("Set-Cookie", "a/b=1"), ("Set-Cookie", "c=1"))
    browser.fetch([RawResponse(200, cookies)], "GET", URL)
    assert browser.cookies.of(URL) == "c=1"


def test_a_preflight_has_no_cookie_but_asks_for_credentials() -> None:
    browser = Browser(PAGE)
    browser.cookies.set("api.example.com", "a", "1")
    with pytest.raises(CORSError) as caught:
        browser.fetch([RawResponse(204, (ANY,))], "PUT", URL, credentials="include")
    assert caught.value.reason is Reason.PREFLIGHT_WILDCARD_ORIGIN_NOT_ALLOWED
    assert caught.value.exchanges[0].request.get("cookie") is None


# -- cached preflights -----------------------------------------------------------------------


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Server:
    """A server that allows all and counts preflights."""

    def __init__(self, max_age: str | None, methods: str = "PUT") -> None:
        self.preflights = 0
        self.methods = methods
        self.max_age = max_age

    def __call__(self, request: Request) -> RawResponse:
        origin = request.get("origin") or ""
        headers = [
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Allow-Methods", self.methods),
        ]
        self.preflights += request.method == "OPTIONS"
        if self.max_age is not None:
            headers.append(("Access-Control-Max-Age", self.max_age))
        return RawResponse(200, tuple(headers))


@pytest.mark.parametrize(
    ("engine", "max_age", "seconds"),
    [
        ("chromium", None, 5),
        ("chromium", "10", 10),
        ("chromium", "31536000", 7200),
        pytest.param("chromium", "9" * 5000, 7200, id="chromium-huge"),
        pytest.param("chromium", "0" * 5000 + "1", 1, id="chromium-zeros"),
        ("chromium", "x", 5),
        ("chromium", "-1", 0),
        ("firefox", None, 5),
        ("firefox", "31536000", 86400),
        ("firefox", "x", 0),
        ("webkit", None, 5),
        ("webkit", "31536000", 600),
    ],
)
def test_how_long_a_preflight_is_cached(engine: str, max_age: str | None, seconds: int) -> None:
    clock, server = Time(), Server(max_age)
    browser = Browser(PAGE, engine=engine, clock=clock)
    browser.fetch(server, "PUT", URL)
    clock.now = max(seconds - 0.1, 0)
    browser.fetch(server, "PUT", URL)
    assert server.preflights == (1 if seconds else 2)
    clock.now = 2 * seconds
    browser.fetch(server, "PUT", URL)
    assert server.preflights == (2 if seconds else 3)


def test_a_preflight_is_cached_for_its_url_and_origin() -> None:
    server, browser = Server("600"), Browser(PAGE)
    for url in (URL, URL, f"{URL}?page=2"):
        browser.fetch(server, "PUT", url)
    assert server.preflights == 2


@pytest.mark.parametrize(
    ("engine", "order", "preflights"),
    [
        ("chromium", ("same-origin", "include"), 2),
        ("chromium", ("include", "same-origin"), 1),
        ("firefox", ("include", "same-origin"), 2),
    ],
)
def test_a_preflight_with_credentials_serves_more(
    engine: str, order: tuple[str, str], preflights: int
) -> None:
    server, browser = Server("600"), Browser(PAGE, engine=engine)
    for credentials in order:
        browser.fetch(server, "PUT", URL, credentials=credentials)
    assert server.preflights == preflights


@pytest.mark.parametrize(("engine", "preflights"), [("chromium", 3), ("firefox", 2)])
def test_a_preflight_replaces_the_cached_one(engine: str, preflights: int) -> None:
    server, browser = Server("600"), Browser(PAGE, engine=engine)
    for method in ("PUT", "DELETE", "PUT"):
        server.methods = method
        browser.fetch(server, method, URL)
    assert server.preflights == preflights


@pytest.mark.parametrize(("engine", "preflights"), [("chromium", 1), ("firefox", 2)])
def test_a_refused_request_clears_the_cache(engine: str, preflights: int) -> None:
    server, browser = Server("600"), Browser(PAGE, engine=engine)
    browser.fetch(server, "PUT", URL)
    with pytest.raises(CORSError):
        browser.fetch([RawResponse(200)], "PUT", URL)
    browser.fetch(server, "PUT", URL)
    assert server.preflights == preflights


@pytest.mark.parametrize(("engine", "preflights"), [("chromium", 2), ("webkit", 1)])
def test_a_refused_preflight_may_be_cached(engine: str, preflights: int) -> None:
    server, browser = Server("600"), Browser(PAGE, engine=engine)
    with pytest.raises(CORSError):
        browser.fetch(server, "DELETE", URL)
    browser.fetch(server, "PUT", URL)
    assert server.preflights == preflights


@pytest.mark.parametrize(("engine", "preflights"), [("chromium", 1), ("firefox", 2)])
def test_a_cached_star_covers_other_methods(engine: str, preflights: int) -> None:
    server, browser = Server("600", methods="*"), Browser(PAGE, engine=engine)
    for method in ("PUT", "DELETE"):
        browser.fetch(server, method, URL)
    assert server.preflights == preflights


def test_a_forced_preflight_needs_any_entry() -> None:
    server, browser = Server("600"), Browser(PAGE)
    for _ in range(2):
        browser.fetch(server, "POST", URL, use_preflight=True)
    assert server.preflights == 1


def test_a_forced_preflight_is_cached_too() -> None:
    server, browser = Server("600", methods=""), Browser(PAGE)
    for _ in range(2):
        browser.fetch(server, "POST", URL, use_preflight=True)
    assert server.preflights == 1


# -- the fixture -----------------------------------------------------------------------------

pytest_plugins = ["corsfast.testing.plugin"]


@pytest.fixture
def cors_origin() -> str:
    return "https://other.example"


def test_fixture_gives_each_engine(cors_browser: Browser, request: pytest.FixtureRequest) -> None:
    assert cors_browser.origin == "https://other.example"
    assert cors_browser.fetch([RawResponse(200, (ANY,))], "GET", URL).ok
    name = "test_fixture_gives_each_engine[{}]"
    names = [it.name for it in request.session.items if it.path == request.path]
    assert {name.format(it) for it in ("chromium", "firefox", "webkit")} <= {*names}
    assert request.node.name == name.format(cors_browser.engine)
