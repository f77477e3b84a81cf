"""`corsfast explain`: why a request is refused, by a policy or by a running server."""

from __future__ import annotations

import json
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from .. import Policy
from .._explain.policy import SERVER
from .._explain.requests import (
    MAX_HAR,
    InputError,
    Recorded,
    is_har,
    read_curl,
    read_har,
    read_raw,
)
from .._explain.server import NoAnswerError, PageFetch, Report, examine
from .._explain.traffic import read_refusals
from .._loading import make_policy
from .._loading.files import TABLE, has_table
from .._options.fetch import REQUEST_HEADERS, REQUEST_METHOD, SEC_FETCH_SITE
from .._options.origin import is_origin
from ..errors import PolicyError
from ..testing._urls import origin_of
from .check.arguments import (
    PROJECT_FILE,
    add_policy_arguments,
    policy_options,
    read_policy_arguments,
)
from .check.subject import UnreadableError
from .command import add_format, new_parser, read_text, run
from .terminal import BOLD, DIM, GREEN, RED, YELLOW, Style

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterator

    from .._explain.explanation import Explanation
    from ..testing import RawResponse, Request

DESCRIPTION = """\
Find out why a browser refuses a request, and what would allow it.

The policy is read from one of
  FILE                 a TOML or JSON file; --table names a table
  --env [PREFIX]       the variables of the environment
  --allow-origins ...  options given here; with FILE they replace the file's
  (nothing)            [tool.corsfast] of ./pyproject.toml

The request is read from one of
  --origin ...         with --method, --request-headers and --credentials
  --curl COMMAND       as developer tools copy it, for bash or cmd
  --har FILE           all cross-origin requests of a recording
  (standard input)     a raw HTTP request, a curl command, HAR, or lines of the log
                       corsfast.refused

Without a policy, the answers of the server are explained instead:
  --url URL            send the request with --origin to a running server
  --curl ... --send    send the request of the command
  --har FILE           the answers that were recorded
"""
EPILOG = "Exit status: 0 allowed, 1 refused, 2 nothing that could be explained."

SECONDS = 10.0
MAX_SECONDS = 600.0

COLORS = {
    "allowed": (BOLD, GREEN),
    "refused": (BOLD, RED),
    "ok": (GREEN,),
    "no": (RED,),
    "near": (YELLOW,),
    "risk": (YELLOW,),
    "advice": (GREEN,),
    "change": (GREEN,),
    "head": (BOLD,),
    "console": (DIM,),
}


def main(argv: list[str], program: str) -> int:
    """Run the command with its arguments; return the exit status."""
    parser = new_parser(program, DESCRIPTION, EPILOG)
    add_arguments(parser)
    return run(parser, argv, _explained, InputError, PolicyError)


def add_arguments(parser: ArgumentParser) -> None:
    """Add all arguments of the command."""
    add_policy_arguments(parser)
    add_format(parser)
    request = parser.add_argument_group("the request")
    request.add_argument("--method", metavar="METHOD", help="of the page's request (default: GET)")
    request.add_argument("--origin", metavar="ORIGIN", help="of the page")
    request.add_argument(
        "--request-method", metavar="METHOD", help="what a preflight asks for; for --method OPTIONS"
    )
    request.add_argument("--request-headers", metavar="NAME", nargs="+", help="that the page sets")
    request.add_argument(
        "--credentials", action="store_true", default=None, help="the page sends cookies"
    )
    request.add_argument(
        "--cross-site", action="store_true", help='ask whether cross_site="refuse" refuses it'
    )
    request.add_argument("--sec-fetch-site", metavar="VALUE", help="implies --cross-site")
    request.add_argument("--host", metavar="HOST", help="the value of Host; implies --cross-site")
    request.add_argument("--curl", metavar="COMMAND", help="- reads standard input")
    request.add_argument("--har", metavar="FILE", help="- reads standard input")
    request.add_argument("--match", metavar="TEXT", default="", help="only URLs of HAR with it")
    server = parser.add_argument_group("a running server")
    server.add_argument("--url", metavar="URL")
    server.add_argument("--send", action="store_true", help="send the request of --curl")
    server.add_argument(
        "--timeout", metavar="SECONDS", type=float, default=SECONDS, help=f"default: {SECONDS:.0f}"
    )


def _explained(given: Namespace) -> tuple[str, int]:
    """Return the explanations and the status: 0 if all requests are allowed, 1 if not."""
    results = list(_explain(given))
    if not results:
        raise UnreadableError("there are only preflights; give the page's request, or a policy")
    allowed = all(result.allowed for result in results)
    if given.format == "json":
        data = {"allowed": allowed, "requests": [result.as_dict() for result in results]}
        return json.dumps(data, indent=2), 0 if allowed else 1
    style = Style.of(sys.stdout)
    blocks = (
        "\n".join(_painted(line, kind, style) for line, kind in result.lines())
        for result in results
    )
    return "\n\n".join(blocks), 0 if allowed else 1


def _painted(line: str, kind: str, style: Style) -> str:
    """Return a line as the terminal shows it. Sentences are wrapped, texts of browsers are not."""
    if kind in ("advice", "near", "note", "risk"):
        text = line.lstrip()
        line = style.sentence(text, line[: len(line) - len(text)])
    return style.paint(line, *COLORS.get(kind, ()))


def _explain(given: Namespace) -> Iterator[Explanation | Report]:
    """Yield an explanation of each request.

    Raises:
        UnreadableError, InputError: for arguments and input that cannot be read.
        PolicyError: for a policy that is not valid.
    """
    if given.url is not None or given.send:
        if _asks_cross_site(given):
            raise UnreadableError("--cross-site is about a policy, not a server")
        yield from _explain_server(given)
        return
    requests = _requests(given)
    if given.har is not None and not _names_policy(given):
        for recorded in requests:
            if not recorded.is_preflight:
                yield _examined(recorded, given, _recorded_answers(recorded, requests))
        return
    policy = _read_policy(given)
    for recorded in requests:
        if recorded.cross_site or _asks_cross_site(given):
            yield _explain_cross_site(policy, recorded, given)
        else:
            yield _explain_recorded(policy, recorded, given)


# -- the policy ------------------------------------------------------------------------------


def _names_policy(given: Namespace) -> bool:
    words = (given.file, given.table, given.env)
    return any(word is not None for word in words) or bool(policy_options(given))


def _read_policy(given: Namespace) -> Policy:
    if not _names_policy(given) and not has_table(Path(PROJECT_FILE), TABLE):
        raise UnreadableError(
            "there is no policy: name a file, --allow-origins or --env; or name a server by"
            " --url (see --help)"
        )
    with warnings.catch_warnings(action="ignore"):
        subject = read_policy_arguments(given)
        options = subject.options or {}
        if subject.written is not None:
            policy: Policy = make_policy(Policy, replace(subject.written, options=options))
            return policy
        if "allow_origins" not in options:
            raise UnreadableError("--allow-origins is missing")
        return Policy(**options)  # type: ignore[arg-type]


# -- the request -----------------------------------------------------------------------------


def _requests(given: Namespace) -> list[Recorded]:
    if given.curl is not None and given.har is not None:
        raise UnreadableError("--curl and --har are two sources of a request; give one")
    if given.har is not None:
        name, text = read_text(given.har, MAX_HAR)
        return _chosen(read_har(text, name, given.match), name)
    if given.curl is not None:
        name, text = "--curl", given.curl
        if text == "-":
            name, text = read_text("-", MAX_HAR)
        return [read_curl(text, name)]
    if given.origin is not None or given.sec_fetch_site is not None:
        return [_of_flags(given)]
    nothing = sys.stdin is None or sys.stdin.isatty()
    # A log may have names and paths in any encoding; the lines of corsfast are ASCII.
    name, text = ("<stdin>", "") if nothing else read_text("-", MAX_HAR, lambda it: not is_har(it))
    start = text.lstrip()[:5]
    if not start:
        raise UnreadableError(
            "there is no request: give --origin, --curl, --har or standard input (see --help)"
        )
    if is_har(text):
        given.har = "-"
        return _chosen(read_har(text, name, given.match), name)
    if refused := read_refusals(text, name):
        return refused
    return [read_curl(text, name) if start.startswith("curl") else read_raw(text)]


def _of_flags(given: Namespace) -> Recorded:
    """Return the request of the flags. Its URL is unknown, so it is empty."""
    fields = [("Origin", given.origin)] if given.origin is not None else []
    method = given.method or "GET"
    if given.request_method is not None:
        if method != "OPTIONS":
            raise UnreadableError("--request-method goes with --method OPTIONS")
        fields.append((REQUEST_METHOD, given.request_method))
    if given.request_headers:
        fields.append((REQUEST_HEADERS, ",".join(given.request_headers)))
    return Recorded(method, "", tuple(fields), "the command line")


def _chosen(found: list[Recorded], name: str) -> list[Recorded]:
    if not found:
        raise UnreadableError(f"{name}: there is no cross-origin request in it")
    return found


def _origin(recorded: Recorded, given: Namespace) -> str:
    origin: str | None = given.origin or recorded.origin
    if origin is None:
        raise InputError(
            f"{recorded.place}: the request has no Origin, so it is not cross-origin; --origin"
            " gives it one"
        )
    return origin


def _explain_recorded(policy: Policy, recorded: Recorded, given: Namespace) -> Explanation:
    origin = _origin(recorded, given)
    method = given.method or recorded.method
    # A recording shows whether there were cookies; flags do not.
    credentials = given.credentials
    if recorded.url and not recorded.is_preflight and credentials is None:
        credentials = recorded.has_credentials
    names = given.request_headers or recorded.asked_names
    wanted = None
    if recorded.is_preflight:
        wanted = given.request_method or recorded.get(REQUEST_METHOD)
        names = given.request_headers or [recorded.get(REQUEST_HEADERS) or ""]
    explanation = policy.explain(method, origin, wanted, list(names), credentials)
    if not (recorded.names_method or given.method or given.request_method):
        checks = (check for check in explanation.checks if check.what != "method")
        explanation = replace(explanation, method="OPTIONS", checks=tuple(checks))
    if not recorded.url:
        return explanation
    if origin_of(recorded.url) == origin:
        raise InputError(f"{recorded.place}: the page and the server have one origin: no CORS")
    console = {name: it.replace(SERVER, recorded.url) for name, it in explanation.console.items()}
    return replace(explanation, console=console)


def _asks_cross_site(given: Namespace) -> bool:
    return given.cross_site or given.sec_fetch_site is not None or given.host is not None


def _explain_cross_site(policy: Policy, recorded: Recorded, given: Namespace) -> Explanation:
    return policy.explain(
        given.method or recorded.method,
        given.origin or recorded.origin,
        sec_fetch_site=given.sec_fetch_site or recorded.get(SEC_FETCH_SITE),
        host=given.host or recorded.get("host") or urlsplit(recorded.url).netloc,
    )


# -- the server ------------------------------------------------------------------------------


def _page_fetch(recorded: Recorded, given: Namespace) -> PageFetch:
    origin = _origin(recorded, given)
    if not is_origin(origin):
        raise UnreadableError(f"{origin!r} is not an origin as browsers write it")
    credentials = recorded.has_credentials if given.credentials is None else given.credentials
    method = given.method or recorded.method
    headers = (*recorded.page_headers, *((name, "1") for name in given.request_headers or ()))
    return PageFetch(method, recorded.url, origin, headers, credentials)


def _examined(
    recorded: Recorded, given: Namespace, send: Callable[[Request], RawResponse]
) -> Report:
    try:
        return examine(_page_fetch(recorded, given), send)
    except ValueError as error:  # a request that no page can send
        raise UnreadableError(str(error)) from None


def _recorded_answers(
    recorded: Recorded, requests: list[Recorded]
) -> Callable[[Request], RawResponse]:
    """Return a function that gives the recorded answer to a request."""

    def send(request: Request) -> RawResponse:
        preflight = request.method == "OPTIONS" and request.get(REQUEST_METHOD) is not None
        found = recorded
        if preflight or request.url != recorded.url:
            for other in requests:
                if other.is_preflight is preflight and other.url == request.url:
                    found = other
        if found.is_preflight is not preflight or found.url != request.url:
            kind = "preflight" if preflight else "request"
            raise NoAnswerError(f"the recording has no {kind} of {request.url}")
        if found.response is None:
            raise NoAnswerError(f"{found.place} has no answer, because the browser blocked it")
        return found.response

    return send


def _explain_server(given: Namespace) -> Iterator[Report]:
    if _names_policy(given):
        raise UnreadableError("--url and --send ask a server, so there is no policy to name")
    if given.url is not None and (given.curl is not None or given.har is not None):
        raise UnreadableError("--url names a request, and so does --curl or --har; give one")
    if given.url is not None:
        if given.origin is None:
            raise UnreadableError("--url needs --origin, the origin of the page")
        if given.request_method is not None:
            raise UnreadableError("--request-method is for a policy; --url needs --method")
        if not given.url.lower().startswith(("http://", "https://")):
            raise UnreadableError(f"--url is {given.url!r}; it has to begin with http or https")
        requests = [Recorded(given.method or "GET", given.url, (), "--url")]
    else:
        requests = _requests(given)
    if not 0 < given.timeout <= MAX_SECONDS:
        raise UnreadableError(f"--timeout is {given.timeout}; it has to be 1 to {MAX_SECONDS:.0f}")
    try:
        from .send import Sender
    except ImportError:
        message = "httpx is not installed: pip install 'corsfast[explain]'"
        raise UnreadableError(message) from None
    with Sender(given.timeout) as send:
        for recorded in requests:
            if recorded.is_preflight:
                continue
            yield _examined(recorded, given, send)
