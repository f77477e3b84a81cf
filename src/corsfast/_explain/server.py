"""Explain the real answers of a server: what each browser would do, and what to change.

Every change is proven: it is applied to the recorded answers, the browser runs again, and in the
end all browsers have to allow the request.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit, urlunsplit

from .._engine.headers import merged_vary
from .._options import fetch
from .._options.diagnose import diagnose
from .._options.limits import MAX_ORIGIN
from .._options.origin import is_development_host, is_origin
from .._proofs.near_miss import near_origins
from .._proofs.verify import read_policy
from ..testing import (
    Browser,
    CORSError,
    Exchange,
    Failure,
    FetchError,
    RawResponse,
    Reason,
    Request,
    Step,
)
from ..testing._console import warning
from ..testing._headers import is_token, list_items, malformed_item
from .explanation import NAMES, as_shown, shown

# An origin that no server trusts, to find out whether it allows any.
PROBE = "https://probe.invalid"
# Each round applies a change. A fetch with several redirects fails in less than this many ways.
_MAX_ROUNDS = 16


class NoAnswerError(Exception):
    """The server sent no answer. The text says why."""


class PageFetch(NamedTuple):
    """A request as a page makes it."""

    method: str
    url: str
    origin: str
    headers: tuple[tuple[str, str], ...] = ()
    credentials: bool = False
    body: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Fix:
    """A change of the server's answers, or of the page.

    Attributes:
        answers: the URL whose answers change.
        preflight: whether the answer to the preflight changes, or that to the request.
        status: the new status, or ``None``.
        headers: the headers to set, or to remove if the value is ``None``.
        method: the method that the page has to use, or ``None``.
        url: the URL that the page has to use, or ``None``.
    """

    answers: str = ""
    preflight: bool = False
    status: int | None = None
    headers: tuple[tuple[str, str | None], ...] = ()
    method: str | None = None
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is wrong with the answers of a server.

    Attributes:
        code: the member of Chromium's `CorsError`, or a word such as ``"missing-vary"``.
        blocks: whether a browser refuses the request because of it.
        text: what is wrong, one sentence.
        advice: what to do.
        fix: the change, or ``None`` if the server cannot change it.
    """

    code: str
    blocks: bool = True
    text: str
    advice: str
    fix: Fix | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """The verdict of browsers on the answers of a server.

    Attributes:
        allowed: whether all browsers allow the request.
        findings: what is wrong, in the order in which a browser finds it.
        proven: whether all browsers allow the request with all fixes.
        console: what each browser logs, or "". Firefox also logs a warning about a request that
            it allows: `Authorization` under ``*``.
        exchanges: the requests that were sent, and the real answers.
    """

    asked: PageFetch
    allowed: bool
    findings: tuple[Finding, ...]
    proven: bool
    console: dict[str, str]
    exchanges: tuple[Exchange, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the report as lists, dicts and texts, for JSON."""
        return {
            "allowed": self.allowed,
            "method": self.asked.method,
            "url": self.asked.url,
            "origin": self.asked.origin,
            "credentials": self.asked.credentials,
            "findings": [asdict(finding) for finding in self.findings],
            "proven": self.proven,
            "console": self.console,
            "exchanges": [
                {
                    "method": exchange.request.method,
                    "url": exchange.request.url,
                    "preflight": exchange.is_preflight,
                    "status": exchange.response.status,
                    "headers": [list(it) for it in _relevant(exchange.response)],
                }
                for exchange in self.exchanges
            ],
        }

    def lines(self) -> list[tuple[str, str]]:
        """Return the lines of the text, each with a kind by which a terminal colors it."""
        asked, verdict = self.asked, "allowed" if self.allowed else "refused"
        head = f"{shown(asked.method)} {shown(asked.url)} from {shown(asked.origin)}: {verdict}"
        lines = [(head, verdict)]
        for request, response in self.exchanges:
            lines.append((f"  {request.method} {shown(request.url)} -> {response.status}", "head"))
            lines += [
                (f"    {name}: {shown(value)}", "field") for name, value in _relevant(response)
            ]
        for finding in self.findings:
            kind = "no" if finding.blocks else "risk"
            lines.append((f"  {'no' if finding.blocks else '!!'}  {finding.text}", kind))
            lines.append((f"        {finding.advice}", "advice"))
        if self.proven and not self.allowed:
            lines.append(("  With these changes all browsers allow it.", "ok"))
        lines += [
            (f"  {NAMES[name]}: {text}", "console") for name, text in self.console.items() if text
        ]
        return as_shown(lines)


def _relevant(response: RawResponse) -> list[tuple[str, str]]:
    names = ("vary", "location", "timing-allow-origin")
    return [
        (name, value)
        for name, value in response.headers
        if name.lower().startswith("access-control-") or name.lower() in names
    ]


def examine(asked: PageFetch, send: Callable[[Request], RawResponse]) -> Report:
    """Send the requests of a page's fetch, and explain the answers.

    Args:
        send: sends one request, without following redirects; raises NoAnswerError.

    Raises:
        ValueError: if no page can send the request.
    """
    answers: dict[Request, RawResponse] = {}

    def real(request: Request) -> RawResponse:
        if request not in answers:
            answers[request] = send(request)
        return answers[request]

    console: dict[str, str] = {}
    runs: dict[str, Any] = {}
    try:
        runs = {name: _run(asked, real, name) for name in NAMES}
    except NoAnswerError as error:
        text = f"The server sent no answer: {error}."
        advice = "This is not CORS. Start the server, or check its address and certificate."
        findings, proven = [Finding(code="no-answer", text=text, advice=advice)], False
    else:
        console = {name: text or warning(failed, name) for name, (text, failed, _) in runs.items()}
        findings, proven = _find(asked, real)
        findings += _find_silent(asked, answers, real)
    refused = any(text for text, _, _ in runs.values())
    return Report(
        asked=asked,
        allowed=not refused and not any(finding.blocks for finding in findings),
        findings=tuple(findings),
        proven=proven,
        console=console,
        exchanges=tuple(Exchange(*it) for it in answers.items() if it[0].get("origin") != PROBE),
    )


def _run(
    asked: PageFetch, send: Callable[[Request], RawResponse], engine: str = "chromium"
) -> tuple[str, tuple[Failure, ...], FetchError | None]:
    """Run one browser; return its text, the failed checks, and another failure."""
    try:
        response = Browser(asked.origin, engine=engine).fetch(
            send,
            asked.method,
            asked.url,
            headers=asked.headers,
            body=asked.body,
            credentials="include" if asked.credentials else "same-origin",
        )
    except CORSError as error:
        return str(error), error.failures, None
    except FetchError as error:
        return str(error), (), error
    return "", response.warnings, None


def _find(asked: PageFetch, real: Callable[[Request], RawResponse]) -> tuple[list[Finding], bool]:
    """Return what browsers find, and whether they allow the request once all of it is fixed."""
    findings: list[Finding] = []
    fixes: list[Fix] = []
    page = asked

    def send(request: Request) -> RawResponse:
        return patched(request, real(request), fixes)

    for _ in range(_MAX_ROUNDS):
        try:
            text, failures, other = _run(page, send)
        except NoAnswerError as error:
            advice = "The recording has no answer to it."
            findings.append(Finding(code="no-answer", text=f"{error}.", advice=advice))
            return findings, False
        if other is not None:
            advice = "This is not CORS: JavaScript sees the same without another origin."
            findings.append(Finding(code="network", text=f"{text}.", advice=advice))
            return findings, False
        if not failures:
            break
        finding = explain_failure(_first(failures), page, blocks=bool(text))
        findings.append(finding)
        if finding.fix is None:
            return findings, False
        fixes.append(finding.fix)
        page = with_page(page, finding.fix)
    proven = not any(_run(page, send, name)[0] for name in NAMES)
    return findings, proven


def _first(failures: tuple[Failure, ...]) -> Failure:
    """Return the first failed check; all header names that are missing are one."""
    first = failures[0]
    names = [failure.expected for failure in failures if failure.step is Step.HEADER]
    return replace(first, expected=", ".join(names)) if first.step is Step.HEADER else first


def with_page(page: PageFetch, fix: Fix) -> PageFetch:
    """Return a page's request after a change of the page."""
    return page._replace(method=fix.method or page.method, url=fix.url or page.url)


def patched(request: Request, response: RawResponse, fixes: Iterable[Fix]) -> RawResponse:
    """Return an answer with changes applied."""
    preflight = Exchange(request, response).is_preflight
    status, headers = response.status, list(response.headers)
    for fix in fixes:
        if (fix.answers, fix.preflight) != (request.url, preflight):
            continue
        status = fix.status or status
        for name, value in fix.headers:
            headers = [it for it in headers if it[0].lower() != name.lower()]
            if value is not None:
                headers.append((name, value))
    return RawResponse(status, tuple(headers), response.body)


# -- failures --------------------------------------------------------------------------------


def explain_failure(failure: Failure, asked: PageFetch, *, blocks: bool = True) -> Finding:
    """Return what a failed check means and what to change."""
    text, advice, fix = _EXPLAIN[failure.reason.without_preflight()](failure, asked)
    if fix is not None:
        fix = replace(fix, answers=failure.url, preflight=failure.is_preflight)
    place = "The answer to the preflight" if failure.is_preflight else "The answer"
    return Finding(
        code=failure.reason.value,
        blocks=blocks,
        text=text.replace("{answer}", place),
        advice=advice,
        fix=fix,
    )


Explained = tuple[str, str, Fix | None]


def _answer_of(failure: Failure) -> RawResponse:
    return failure.exchange.response if failure.exchange else RawResponse(0)


def _origin_sent(failure: Failure, asked: PageFetch) -> str:
    sent = failure.exchange.request.get("origin") if failure.exchange else None
    return sent or asked.origin


def _allow(failure: Failure, asked: PageFetch) -> Fix:
    """Allow the origin of a request, and credentials if it has them."""
    headers: list[tuple[str, str | None]] = [
        (fetch.ALLOW_ORIGIN, _origin_sent(failure, asked)),
        (fetch.VARY, _with_origin(_answer_of(failure))),
    ]
    if asked.credentials:
        headers.append((fetch.ALLOW_CREDENTIALS, "true"))
    return Fix(headers=tuple(headers))


def _with_origin(response: RawResponse) -> str:
    return merged_vary(response.get("vary") or "", ("Origin",))


def _missing(failure: Failure, asked: PageFetch) -> Explained:
    status, origin = _answer_of(failure).status, _origin_sent(failure, asked)
    text = f"{{answer}} ({status}) has no {fetch.ALLOW_ORIGIN}."
    advice = f"Allow {origin!r}: send {fetch.ALLOW_ORIGIN}: {shown(origin)}."
    fix = _allow(failure, asked)
    if origin == "null":
        advice += (
            " Sandboxed frames, local files, data: URLs and redirects between origins send"
            " 'null', so any site can. Serve the page from an address of its own instead."
        )
    if failure.is_preflight:
        if not 200 <= status <= 299:
            fix = replace(fix, status=204)
            advice = f"{_why_status(failure)} {advice}"
    elif status >= 500:
        advice = (
            "The error is answered outside of the CORS middleware, so this hides the real error:"
            " read the server's log. Install the middleware outside of everything else."
        )
    elif status in fetch.REDIRECT_STATUSES:
        advice = (
            "The redirect is sent without CORS headers. Request the final URL directly"
            f"{_slash(failure)}, or {advice[0].lower()}{advice[1:]}"
        )
    elif status >= 400:
        advice = (
            "The error is answered before or outside of the CORS middleware, for example by a"
            " proxy or by authentication. Install the middleware outside of everything else."
        )
    return text, advice, fix


def _slash(failure: Failure) -> str:
    """Return a hint if a redirect only adds a slash or https."""
    location = urljoin(failure.url, _answer_of(failure).get("location") or "")
    if location == failure.url + "/":
        return " (with the slash at its end)"
    if location.removeprefix("https") == failure.url.removeprefix("http"):
        return " (with https)"
    return ""


def _why_status(failure: Failure) -> str:
    status = _answer_of(failure).status
    if status in fetch.REDIRECT_STATUSES:
        return f"Do not redirect preflights. Request the final URL directly{_slash(failure)}."
    if status in (401, 403, 407):
        return (
            "Preflights have no credentials, so answer them before authentication: install the"
            " CORS middleware outside of it. Or the CORS policy does not allow the request."
        )
    if status in (404, 405, 501):
        return (
            "No route answers OPTIONS here, so the request does not reach a CORS middleware:"
            " install it outside of the routing."
        )
    if status >= 500:
        return "The server fails at OPTIONS: read its log."
    return "Answer preflights with a status from 200 to 299, such as 204."


def _wildcard(failure: Failure, asked: PageFetch) -> Explained:
    return (
        f"{{answer}} has {fetch.ALLOW_ORIGIN}: *, and the request has credentials.",
        (
            "Send the page's origin instead of *, with Vary: Origin and"
            f" {fetch.ALLOW_CREDENTIALS}: true. Or do not send credentials from the page."
        ),
        _allow(failure, asked),
    )


def _multiple(failure: Failure, asked: PageFetch) -> Explained:
    values = (failure.value or "").split(",")
    advice = "Send one value: the origin of the request, if it is one of those that are allowed."
    names = [name.lower() for name, _ in _answer_of(failure).headers]
    if names.count(fetch.ALLOW_ORIGIN.lower()) > 1:
        advice = (
            "Two components add the header, often the application and a proxy. Let only one of"
            " them do it (nginx: proxy_hide_header Access-Control-Allow-Origin)."
        )
    text = f"{{answer}} has {len(values)} values in {fetch.ALLOW_ORIGIN}: {shown(failure.value)}."
    return text, advice, _allow(failure, asked)


def _mismatch(failure: Failure, asked: PageFetch) -> Explained:
    value, origin = failure.value or "", _origin_sent(failure, asked)
    text = f"{{answer}} allows {shown(value)}, and the page is {shown(origin)}."
    advice = f"Send {fetch.ALLOW_ORIGIN}: {shown(origin)}."
    if value != "null" and is_origin(value):
        miss = near_origins(origin, read_policy({"allow_origins": [value]})[0])[0]
        if miss.why.startswith("which"):
            advice = f"The server has {value!r}, {miss.why}. {advice}"
    elif value not in ("", "null") and len(value) <= MAX_ORIGIN:
        advice = f"{diagnose(value).message} {advice}"
    return text, advice, _allow(failure, asked)


def _credentials(failure: Failure, _asked: PageFetch) -> Explained:
    value = failure.value
    has = "no" if value is None else f"the value {shown(value)} in"
    return (
        f"{{answer}} has {has} {fetch.ALLOW_CREDENTIALS}, and the request has credentials.",
        f"Send {fetch.ALLOW_CREDENTIALS}: true, in lower case. Or do not send credentials.",
        Fix(headers=((fetch.ALLOW_CREDENTIALS, "true"),)),
    )


def _status(failure: Failure, _asked: PageFetch) -> Explained:
    text = f"{{answer}} has the status {failure.value}, and browsers want 200 to 299."
    return text, _why_status(failure), Fix(status=204, headers=(("Location", None),))


def _unparsable(failure: Failure, asked: PageFetch) -> Explained:
    valid = [it for it in list_items(failure.value) if is_token(it)]
    wrong = malformed_item(failure.value) or ""
    if failure.header == fetch.ALLOW_METHODS:
        valid.append(asked.method)
    else:
        wanted = failure.exchange and failure.exchange.request.get(fetch.REQUEST_HEADERS)
        valid += list_items(wanted)
    return (
        f"{{answer}} has an invalid {failure.header}: {wrong!r} is not a name.",
        "Send a list of names with commas between them.",
        Fix(headers=((failure.header, ", ".join(dict.fromkeys(valid))),)),
    )


def _added(failure: Failure) -> Fix:
    items = [*list_items(failure.value), failure.expected]
    return Fix(headers=((failure.header, ", ".join(items)),))


def _method(failure: Failure, _asked: PageFetch) -> Explained:
    method, upper = failure.expected, failure.expected.upper()
    listed = list_items(failure.value)
    text = f"{{answer}} does not allow the method {method!r}."
    if method != upper and upper in listed:
        return (
            text,
            f"In the page, use {upper!r}: case matters, and browsers do not upper-case it.",
            Fix(method=upper),
        )
    advice = f"Add {method} to {fetch.ALLOW_METHODS}."
    if "*" in listed:
        advice += " With credentials, '*' is only the name of a method."
    return text, advice, _added(failure)


def _header(failure: Failure, _asked: PageFetch) -> Explained:
    names = failure.expected
    advice = f"Add {names} to {fetch.ALLOW_HEADERS}."
    if "*" in list_items(failure.value):
        advice += (
            " '*' does not cover Authorization. Browsers still accept it, but plan not to."
            if failure.ignored_by
            else " With credentials, '*' is only the name of a header."
        )
    kind = "headers" if "," in names else "header"
    return f"{{answer}} does not allow the {kind} {names}.", advice, _added(failure)


def _password(failure: Failure, _asked: PageFetch) -> Explained:
    parts = urlsplit(failure.value or "")
    netloc = parts.netloc.rpartition("@")[2]
    return (
        "{answer} redirects to a URL with a user name or password.",
        "Redirect to the URL without them.",
        Fix(headers=(("Location", urlunsplit(parts._replace(netloc=netloc))),)),
    )


def _scheme(failure: Failure, _asked: PageFetch) -> Explained:
    return (
        f"CORS is only for http and https, not for {failure.url!r}.",
        "Serve the file with a web server, and request that URL.",
        None,
    )


# All reasons of `cors` requests. The page of `_run` sends no others.
_EXPLAIN: dict[Reason, Callable[[Failure, PageFetch], Explained]] = {
    Reason.CORS_DISABLED_SCHEME: _scheme,
    Reason.REDIRECT_CONTAINS_CREDENTIALS: _password,
    Reason.MISSING_ALLOW_ORIGIN_HEADER: _missing,
    Reason.WILDCARD_ORIGIN_NOT_ALLOWED: _wildcard,
    Reason.MULTIPLE_ALLOW_ORIGIN_VALUES: _multiple,
    Reason.INVALID_ALLOW_ORIGIN_VALUE: _mismatch,
    Reason.ALLOW_ORIGIN_MISMATCH: _mismatch,
    Reason.INVALID_ALLOW_CREDENTIALS: _credentials,
    Reason.PREFLIGHT_INVALID_STATUS: _status,
    Reason.PREFLIGHT_DISALLOWED_REDIRECT: _status,
    Reason.INVALID_ALLOW_METHODS_PREFLIGHT_RESPONSE: _unparsable,
    Reason.INVALID_ALLOW_HEADERS_PREFLIGHT_RESPONSE: _unparsable,
    Reason.METHOD_DISALLOWED_BY_PREFLIGHT_RESPONSE: _method,
    Reason.HEADER_DISALLOWED_BY_PREFLIGHT_RESPONSE: _header,
}


# -- what no browser reports -----------------------------------------------------------------


def _find_silent(
    asked: PageFetch,
    answers: dict[Request, RawResponse],
    real: Callable[[Request], RawResponse],
) -> Iterator[Finding]:
    """Yield what is wrong although no browser reports it."""
    actual = [it for it in answers.items() if not Exchange(*it).is_preflight]
    if actual:
        yield from _find_shared(*actual[0], real)
    page, server = urlsplit(asked.origin), urlsplit(asked.url)
    is_private = is_local(server.hostname or "")
    if is_private and not is_local(page.hostname or ""):
        text = "The server is in a local network, and the page is not."
        advice = (
            "Chromium asks the user for permission (Local Network Access). No header of a server"
            " changes that, so a denial is not yours to fix. The page has to be https."
        )
        yield Finding(code="local-network", blocks=False, text=text, advice=advice)
    elif page.scheme == "https" and server.scheme == "http" and not is_private:
        text = "The page is https and the server is http."
        advice = "Browsers block this before CORS (mixed content). Serve the URL by https."
        yield Finding(code="mixed-content", blocks=False, text=text, advice=advice)


def _find_shared(
    request: Request,
    response: RawResponse,
    real: Callable[[Request], RawResponse],
) -> Iterator[Finding]:
    """Find answers that a cache may give to another origin, and servers that allow any origin."""
    allowed = response.get(fetch.ALLOW_ORIGIN)
    if allowed != request.get("origin") or allowed is None:
        return
    probed = None
    if request.method in ("GET", "HEAD"):  # another method may change something
        headers = [it for it in request.headers if it[0].lower() not in ("origin", "cookie")]
        with suppress(NoAnswerError):
            probed = real(request._replace(headers=(*headers, ("Origin", PROBE))))
    other = probed and probed.get(fetch.ALLOW_ORIGIN)
    vary = _with_origin(response)
    if other != allowed and vary != response.get("vary"):
        text = f"The answer depends on the origin, but has no {fetch.VARY}: Origin."
        advice = (
            f"Send {fetch.VARY}: Origin, also to requests without an Origin. Otherwise a cache"
            " gives the answer for one origin to another, which then is refused."
        )
        fix = Fix(headers=((fetch.VARY, vary),))
        yield Finding(code="missing-vary", blocks=False, text=text, advice=advice, fix=fix)
    if probed and other == PROBE and probed.get(fetch.ALLOW_CREDENTIALS) == "true":
        text = f"The server allows any origin with credentials: it also allowed {PROBE}."
        advice = "Every site can read what the user can. List the origins that you trust."
        code = "any-origin-with-credentials"
        yield Finding(code=code, blocks=False, text=text, advice=advice)


def is_local(host: str) -> bool:
    """Return whether a host is this machine or in a private network."""
    if is_development_host(f"[{host}]" if ":" in host else host):
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False
