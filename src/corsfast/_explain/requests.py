"""Read a page's request as developer tools write it: raw HTTP, curl (bash and cmd), and HAR.

The input may come from anywhere, so it is bounded, and every error names the file and the place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlsplit

from .._options import fetch
from ..testing import RawResponse
from ..testing._headers import is_forbidden, unsafe_names
from ..testing._urls import origin_of
from .server import is_local

# The size of a HAR file in bytes. A recording of a large page has some ten MiB.
MAX_HAR = 64 * 2**20
# The size of a raw request or a curl command. Servers accept 8 to 64 KiB of headers.
MAX_REQUEST = 2**20
# Header fields of one request. Servers accept 100 or a little more.
MAX_FIELDS = 500
# Entries of a HAR file that are read, and cross-origin requests that are explained.
MAX_ENTRIES = 20_000
MAX_EXPLAINED = 200

# Headers that a browser sets by itself although a page could: no preflight asks for them.
BROWSERS_OWN = frozenset(
    {
        "cache-control",
        "if-modified-since",
        "if-none-match",
        "pragma",
        "priority",
        "purpose",
        "upgrade-insecure-requests",
        "user-agent",
        "x-client-data",
    }
)


class InputError(ValueError):
    """Input that cannot be read. The text begins with the place: file, and line or entry."""


@dataclass(frozen=True)
class Recorded:
    """A request that was recorded, with its response if that was recorded as well.

    Attributes:
        fields: all of its headers.
        place: where it is in the input.
        cross_site: whether a log names it as a request that another site has forged.
        names_method: whether the source of a preflight has the method that it asks for. A log has
            it only if that was refused.
    """

    method: str
    url: str
    fields: tuple[tuple[str, str], ...]
    place: str
    response: RawResponse | None = field(default=None, repr=False)
    cross_site: bool = False
    names_method: bool = True

    def get(self, name: str) -> str | None:
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    @property
    def origin(self) -> str | None:
        return self.get("origin")

    @property
    def is_preflight(self) -> bool:
        return self.method == "OPTIONS" and self.get(fetch.REQUEST_METHOD) is not None

    @property
    def has_credentials(self) -> bool:
        """Whether the request has cookies, so the page's fetch includes credentials."""
        return self.get("cookie") is not None

    @property
    def page_headers(self) -> tuple[tuple[str, str], ...]:
        """The headers that the page has set."""
        return tuple(
            (name, value)
            for name, value in self.fields
            if not is_forbidden(name, value) and name.lower() not in BROWSERS_OWN
        )

    @property
    def asked_names(self) -> list[str]:
        """The header names that a preflight asks for."""
        return unsafe_names(self.page_headers)


def _fail(place: str, message: str) -> NoReturn:
    raise InputError(f"{place}: {message}")


def _checked(method: str, url: str, place: str) -> None:
    if not fetch.TOKEN.fullmatch(method):
        _fail(place, f"{method[:40]!r} is not a method")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        _fail(place, f"{url[:80]!r} is not a URL: {error}")
    if not parts.scheme or (parts.scheme in fetch.WEB_SCHEMES and not parts.hostname):
        _fail(place, f"{url[:80]!r} is not an absolute URL")


def _field(line: str, place: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not fetch.TOKEN.fullmatch(name):
        _fail(place, f"{line[:60]!r} is not a header; write Name: value")
    value = value.strip(fetch.OWS)
    if any(character in value for character in "\0\r\n"):
        _fail(place, f"the value of {name} has a line break")
    return name, value


# -- raw HTTP --------------------------------------------------------------------------------


# The version may be missing. Then the target has to be one, because logs have lines of two words.
_REQUEST_LINE = re.compile(r"\s*\S+\s+(?:\S+\s+HTTP/\S*|/\S*|[^\s:]+://\S*)\s*")


def read_raw(text: str, name: str = "<stdin>") -> Recorded:
    """Read a request as it is on the wire in HTTP/1.1.

    Raises:
        InputError: with the line.
    """
    if len(text) > MAX_REQUEST:
        _fail(name, f"the request has more than {MAX_REQUEST} characters")
    lines = text.lstrip("\r\n").replace("\r\n", "\n").split("\n")
    skipped = text[: len(text) - len(text.lstrip("\r\n"))].count("\n")
    if not _REQUEST_LINE.fullmatch(lines[0]):
        message = (
            "there is no refusal of corsfast in it, and it is no curl command, HAR or raw request,"
            f" which begins with METHOD /path HTTP/1.1 and not with {lines[0][:60]!r}"
        )
        _fail(name, message)
    fields: list[tuple[str, str]] = []
    for number, line in enumerate(lines[1:], skipped + 2):
        if not line.strip():
            break
        if len(fields) == MAX_FIELDS:
            _fail(f"{name}:{number}", f"there are more than {MAX_FIELDS} headers")
        fields.append(_field(line, f"{name}:{number}"))
    method, url = lines[0].split()[:2]
    place = f"{name}:{skipped + 1}"
    if url.startswith("/"):
        host = next((value for key, value in fields if key.lower() == "host"), None)
        if host is None:
            _fail(place, "there is no Host header")
        scheme = "http" if is_local(host.rpartition(":")[0] or host) else "https"
        url = f"{scheme}://{host}{url}"
    _checked(method, url, place)
    return Recorded(method, url, tuple(fields), place)


# -- curl ------------------------------------------------------------------------------------

# Each alternative begins with another character, so nothing is read twice.
_PIECE = re.compile(
    r"""
    (?P<space>\s+)
    | \$'(?P<ansi>(?:[^'\\]|\\.)*)'
    | '(?P<single>[^']*)'
    | "(?P<double>(?:[^"\\]|\\.)*)"
    | \\(?P<escaped>.)
    | (?P<plain>[^\s'"\\$]+|\$)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{1,4}|U[0-9A-Fa-f]{1,8}|x[0-9A-Fa-f]{1,2}|.)", re.DOTALL)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f"}


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) > 1:
        number = int(code[1:], 16)
        return chr(number) if number < 0x110000 else "\ufffd"
    return _LETTERS.get(code, code)


def split_command(text: str, name: str = "--curl") -> list[str]:
    """Split a command line into words, as bash does, or as cmd does if it is written for cmd.

    Raises:
        InputError: with the line.
    """
    if re.search(r'\^"|\^\r?\n', text):
        # A caret quotes the next character, and before the end of a line it joins two lines.
        text = re.sub(r"\^(\r?\n|.|$)", lambda it: it[1].strip("\r\n"), text)
    words: list[str] = []
    word: list[str] | None = None
    at = 0
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece is None:
            line = text.count("\n", 0, at) + 1
            _fail(f"{name}:{line}", f"a quote is not closed: {text[at : at + 30]!r}")
        at = piece.end()
        if piece["space"] is not None:
            if word is not None:
                words.append("".join(word))
            word = None
            continue
        if piece["escaped"] is not None:
            part = piece["escaped"].replace("\n", "")
            if not part:
                continue
        elif piece["ansi"] is not None:
            part = _ESCAPE.sub(_unescape, piece["ansi"])
        elif piece["double"] is not None:
            part = re.sub(r'\\([\\"$`\n])', lambda it: it[1].strip("\n"), piece["double"])
        else:
            part = piece["single"] if piece["single"] is not None else piece["plain"]
        word = word or []
        word.append(part)
    return words if word is None else [*words, "".join(word)]


# The options of curl that take a value: those that matter, and those that are skipped.
_SHORT = {
    "X": "request",
    "H": "header",
    "b": "cookie",
    "d": "data",
    "F": "form",
    "u": "user",
    "A": "user-agent",
    "e": "referer",
}
# The Content-Type that an option with data implies. The method is POST then.
_FORM = "application/x-www-form-urlencoded"
_IMPLIED = dict.fromkeys(("data", "data-raw", "data-binary", "data-ascii", "data-urlencode"), _FORM)
_IMPLIED |= {"json": "application/json", "form": "multipart/form-data"}
_WITH_VALUE = frozenset({*_SHORT.values(), *_IMPLIED, "url"})
_SKIPPED_SHORT = frozenset("cCDEKmoPQrtTUwxyYz")
_SKIPPED = frozenset(
    {
        "cacert",
        "cert",
        "ciphers",
        "connect-timeout",
        "connect-to",
        "cookie-jar",
        "dump-header",
        "interface",
        "key",
        "max-time",
        "max-redirs",
        "noproxy",
        "output",
        "proxy",
        "proxy-header",
        "range",
        "resolve",
        "retry",
        "stderr",
        "trace",
        "trace-ascii",
        "unix-socket",
        "write-out",
    }
)


def read_curl(text: str, name: str = "--curl") -> Recorded:
    """Read a curl command, as developer tools copy it ("Copy as cURL", bash or cmd).

    Raises:
        InputError: with what is wrong.
    """
    if len(text) > MAX_REQUEST:
        _fail(name, f"the command has more than {MAX_REQUEST} characters")
    words = split_command(text.strip(), name)
    if not words or words[0].rpartition("/")[2].lower() not in ("curl", "curl.exe"):
        _fail(name, "this is not a curl command: it does not begin with curl")
    method: str | None = None
    default, url, as_query = "GET", "", False
    fields: list[tuple[str, str]] = []
    implied: dict[str, str] = {}
    for option, value in _curl_options(words[1:], name):
        if option == "url":
            if url:
                _fail(name, f"there are two URLs: {url[:60]!r} and {value[:60]!r}")
            url = value if "://" in value else f"http://{value}"
        elif option == "request":
            method = value
        elif option == "header":
            if value.startswith("@"):
                _fail(name, "headers of a file (-H @file) are not read")
            if value.endswith(";") and ":" not in value:  # how curl writes an empty value
                fields.append(_field(f"{value[:-1]}:", name))
            elif value.count(":") != 1 or not value.rstrip().endswith(":"):  # `Name:` removes it
                fields.append(_field(value, name))
        elif option == "cookie":
            fields.append(("Cookie", value))
        elif option in _IMPLIED:
            default = "POST"
            implied["Content-Type"] = _IMPLIED[option]
        elif option == "head":
            default = "HEAD"
        elif option == "get":
            as_query = True
        elif option == "user":
            implied["Authorization"] = "Basic"
        if len(fields) > MAX_FIELDS:
            _fail(name, f"there are more than {MAX_FIELDS} headers")
    if not url:
        _fail(name, "the command has no URL")
    if as_query:  # the data is in the URL
        default = "GET"
        implied.pop("Content-Type", None)
    method = method or default
    _checked(method, url, name)
    # A header that is given replaces the one that an option such as -d implies.
    names = {key.lower() for key, _ in fields}
    fields += [(key, value) for key, value in implied.items() if key.lower() not in names]
    return Recorded(method, url, tuple(fields), name)


def _curl_options(words: list[str], name: str) -> Iterator[tuple[str, str]]:
    """Yield the options of a command with their values, and each URL as the option `url`."""
    left = iter(words)

    def value_of(option: str) -> str:
        value = next(left, None)
        if value is None:
            _fail(name, f"{option} has no value")
        return value

    for word in left:
        if word.startswith("--") and len(word) > 2:
            option, equals, value = word[2:].partition("=")
            if option in _WITH_VALUE:
                yield option, value if equals else value_of(word)
            elif option in _SKIPPED:
                if not equals:
                    value_of(word)
            else:
                yield option, ""
        elif word.startswith("-") and len(word) > 1:
            for place, letter in enumerate(word[1:], 2):
                if letter in _SHORT:
                    yield _SHORT[letter], word[place:] or value_of(word)
                    break
                if letter in _SKIPPED_SHORT:
                    if not word[place:]:
                        value_of(word)
                    break
                yield {"I": "head", "G": "get"}.get(letter, letter), ""
        else:
            yield "url", word


# -- HAR -------------------------------------------------------------------------------------


# Docker writes lines of JSON that begin with "log", too, but it is a string there.
_HAR = re.compile(r'\{\s*"log"\s*:\s*[^\s"]')


def is_har(text: str) -> bool:
    """Return whether a text begins as a HAR file does, and not as a log with an object per line."""
    first = text.lstrip().partition("\n")[0].rstrip()
    return first.startswith("{") and (not first.endswith("}") or _HAR.match(first) is not None)


def read_har(
    text: str, name: str = "<stdin>", match: str = "", limit: int = MAX_EXPLAINED
) -> list[Recorded]:
    """Read the cross-origin requests of a HAR file (http://www.softwareishard.com/blog/har-12-spec/).

    Args:
        match: only requests with this text in their URL are read.
        limit: the maximum number of cross-origin requests.

    Raises:
        InputError: with the line or the entry.
    """
    if len(text) > MAX_HAR:
        _fail(name, f"the file has more than {MAX_HAR} characters")
    try:
        tree = json.loads(text)
    except json.JSONDecodeError as error:
        _fail(f"{name}:{error.lineno}", f"not JSON: {error.msg}")
    except RecursionError:
        _fail(name, "not HAR: it is nested too deeply")
    except ValueError:
        _fail(name, "not HAR: a number has too many digits")
    log = tree.get("log") if isinstance(tree, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        _fail(name, "not HAR: there is no list log.entries")
    if len(entries) > MAX_ENTRIES:
        _fail(name, f"there are more than {MAX_ENTRIES} entries")
    found: list[Recorded] = []
    others = 0
    for number, entry in enumerate(entries):
        place = f"{name}: log.entries[{number}]"
        recorded = _har_entry(entry, place)
        if recorded.origin in (None, origin_of(recorded.url)):
            continue
        if match not in recorded.url:
            others += 1
            continue
        if len(found) == limit:
            _fail(place, f"there are more than {limit} cross-origin requests; give --match")
        found.append(recorded)
    if others and not found:
        _fail(name, f"none of its cross-origin requests ({others}) has {match!r} in its URL")
    return found


def _har_entry(entry: Any, place: str) -> Recorded:
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict):
        _fail(place, "there is no request")
    method, url = request.get("method"), request.get("url")
    if not isinstance(method, str) or not isinstance(url, str):
        _fail(place, "the request has no method or no url")
    _checked(method, url, place)
    response = entry.get("response")
    answer = None
    if isinstance(response, dict):
        status = response.get("status")
        if type(status) is int and 100 <= status <= 999:
            answer = RawResponse(status, _har_headers(response, f"{place}.response"))
    return Recorded(method, url, _har_headers(request, f"{place}.request"), place, answer)


def _har_headers(message: dict[str, Any], place: str) -> tuple[tuple[str, str], ...]:
    headers = message.get("headers")
    if not isinstance(headers, list):
        _fail(place, "there is no list of headers")
    if len(headers) > MAX_FIELDS:
        _fail(place, f"there are more than {MAX_FIELDS} headers")
    fields = []
    for header in headers:
        name = header.get("name") if isinstance(header, dict) else None
        value = header.get("value") if isinstance(header, dict) else None
        if not isinstance(name, str) or not isinstance(value, str):
            _fail(place, "a header has no name or no value")
        if not name.startswith(":"):  # a pseudo-header of HTTP/2
            # Chromium writes several lines of one header as one value with line breaks.
            fields += [_field(f"{name}:{line}", place) for line in value.split("\n")]
    return tuple(fields)
