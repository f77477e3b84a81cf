"""Read which cross-origin requests a server had, from HAR files and logs.

Attackers write what is read here, because anyone can send any Origin. So a value is kept only if it
has the form that browsers send, and the number of distinct requests is limited.
"""

from __future__ import annotations

import json
import re
from ast import literal_eval
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain

from .._engine.headers import ALLOW_CREDENTIALS, ALLOW_ORIGIN, EXPOSE_HEADERS, requested_names
from .._options import fetch
from .._options.limits import MAX_METHOD
from .._options.origin import is_origin
from .._options.spec import is_token
from .requests import MAX_ENTRIES, MAX_EXPLAINED, MAX_HAR, InputError, Recorded, is_har, read_har

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

# Bytes of a line of a log. A longer one is not read; common servers limit its parts to 8 KiB.
MAX_LINE = 16_384
# Distinct requests that are remembered, of those that were served and of those that were refused.
# Over that, the rarer half is forgotten, so that a flood of random ones cannot use up memory.
MAX_DISTINCT = 10_000
# The first octets of a gzip file. Log rotation writes such files.
_GZIP = b"\x1f\x8b"
# Header names of a preflight in a log. Servers accept 100 headers, so more are not a page's.
MAX_NAMES = 100

# A quoted field. Servers escape quotes in it, and no value that is kept has a backslash.
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
# The combined format, then the Origin and, optionally, what a preflight asks for.
_COMBINED = re.compile(
    rf'[^\s"]+ [^\s"]+ [^"]*\] {_QUOTED} ([0-9]{{3}}) (?:[0-9]+|-) {_QUOTED} {_QUOTED} {_QUOTED}'
    rf"(?: {_QUOTED} {_QUOTED})?(?=\s|$)"
)
# A line of middleware/_generic/refused_log.py, after the prefix of a formatter. `ascii` has quoted
# its values. The prefix may end in a colon, as in "WARNING:corsfast.refused:GET". The search begins
# only where a word begins, because it would take quadratic time within a long word.
_VALUE = r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|nothing)"""
_REFUSED = re.compile(
    rf"(?<![^\s'\":])([^\s'\":]+) {_VALUE}(?:\.\.\.)? from {_VALUE} is (?:refused|reported)"
    rf"(?: as a cross-site request: Sec-Fetch-Site is (?:missing|{_VALUE}), and |: )"
    rf"(?:the (method|header) {_VALUE} )?"
)


@dataclass(frozen=True)
class Asked:
    """A cross-origin request, with what it needs of a policy.

    Attributes:
        names: the header names that need permission.
        exposed: the response headers that the page may have read.
        refused: whether it was refused; ``None`` if the source does not say.
    """

    origin: str
    method: str | None = None
    names: tuple[str, ...] = ()
    cookies: bool = False
    exposed: tuple[str, ...] = ()
    refused: bool | None = None


@dataclass
class Traffic:
    """The distinct requests with their numbers.

    Attributes:
        refuses: returns whether today's policy refuses a request.
        shows_cookies: whether all sources show cookies.
        unread: the lines that are not in a known format, or too long.
        malformed: the values of Origin that no browser sends.
        forgotten: the requests that were forgotten, because there were too many distinct ones.
    """

    refuses: Callable[[Asked], bool] | None = None
    served: Counter[Asked] = field(default_factory=Counter)
    refused: Counter[Asked] = field(default_factory=Counter)
    shows_cookies: bool = True
    unread: int = 0
    malformed: int = 0
    forgotten: int = 0

    @property
    def uncertain(self) -> int:
        """The number of served requests of which no source says whether they were allowed."""
        if self.refuses is not None:
            return 0
        return sum(number for asked, number in self.served.items() if asked.refused is None)

    def add(self, asked: Asked) -> None:
        """Count a request."""
        if asked.origin != "null" and not is_origin(asked.origin):
            self.malformed += 1
            return
        refused = bool(asked.refused)
        if self.refuses is not None:
            refused = refused or self.refuses(asked)
        counts = self.refused if refused else self.served
        counts[asked] += 1
        if len(counts) > MAX_DISTINCT:
            kept = Counter(dict(counts.most_common(MAX_DISTINCT // 2)))
            self.forgotten += counts.total() - kept.total()
            counts.clear()
            counts.update(kept)

    def read(self, file: BinaryIO, name: str) -> None:
        """Read a file; its first line tells HAR from a log.

        Raises:
            InputError: for HAR that cannot be read, and for a compressed file.
        """
        first = file.readline(MAX_LINE)
        if first.startswith(_GZIP):
            raise InputError(f"{name}: the file is compressed: zcat FILE | corsfast learn -")
        if is_har(first.decode("utf-8-sig", "replace")):
            octets = first + file.read(MAX_HAR + 1)
            try:
                text = octets.decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise InputError(f"{name}: the file is not UTF-8: {error.reason}") from None
            for recorded in read_har(text, name, limit=MAX_ENTRIES):
                for asked in _requests_of_har(recorded):
                    self.add(asked)
            return
        self.shows_cookies = False
        for line in chain([first], iter(lambda: file.readline(MAX_LINE), b"")):
            self._read_line(line, file)

    def _read_line(self, line: bytes, file: BinaryIO) -> None:
        if len(line) == MAX_LINE and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):  # the rest of it
                line = file.readline(MAX_LINE)
            self.unread += 1
            return
        text = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
        # Refusals come first: a forged line inside of a path can then only add a refusal.
        refused = _refusal(text)
        combined = None if refused else _COMBINED.match(text)
        if refused is not None:
            self.add(_refused_request(refused))
        elif combined is not None:
            for asked in _requests_of_access_log(combined):
                self.add(asked)
        elif text:
            self.unread += 1


def _requests_of_har(recorded: Recorded) -> Iterator[Asked]:
    """Yield a request, unless CORS does not apply to it, for example because a form was sent."""
    mode = recorded.get("sec-fetch-mode")
    if mode not in (None, "cors", "websocket"):
        return
    origin, response = recorded.origin or "", recorded.response
    header = response.get if response is not None else lambda _name: None
    cookies = recorded.has_credentials
    allowed = (origin,) if cookies else (origin, "*")
    refused = header(ALLOW_ORIGIN) not in allowed
    refused = refused or (cookies and header(ALLOW_CREDENTIALS) != "true")
    if response is not None and response.status == 101:  # a WebSocket has no CORS headers
        refused = False
    if recorded.is_preflight:  # what it asks for is in the request that follows
        yield Asked(origin, refused=refused)
        return
    present = [name.lower() for name, _ in response.headers] if response is not None else []
    listed = {name.strip(fetch.OWS).lower() for name in (header(EXPOSE_HEADERS) or "").split(",")}
    hidden = {*fetch.SAFELISTED_RESPONSE_HEADERS, *fetch.FORBIDDEN_RESPONSE_HEADERS}
    exposed = {
        name
        for name in present
        if name not in hidden
        and not name.startswith("access-control-")
        and (name in listed or ("*" in listed and not cookies))
    }
    names = tuple(dict.fromkeys(recorded.asked_names))
    yield Asked(origin, recorded.method, names, cookies, tuple(sorted(exposed)), refused)


def _requests_of_access_log(line: re.Match[str]) -> Iterator[Asked]:
    """Yield the request of a line with an Origin."""
    request, status, _, _, origin, wanted, names = line.groups()
    method = request.partition(" ")[0]
    if origin in ("", "-") or not is_token(method, MAX_METHOD):
        return
    refused = True if status == "403" else None
    if method != "OPTIONS":
        yield Asked(origin, method, refused=refused)
        return
    # A preflight. Its answer may have lacked what it asks for, so the status is not enough.
    refused = None if status.startswith("2") else True
    asked = requested_names("" if names in (None, "-") else names)
    if wanted in (None, "-"):
        yield Asked(origin, refused=refused)
    elif is_token(wanted, MAX_METHOD) and asked is not None and len(asked) <= MAX_NAMES:
        unsafe = tuple(dict.fromkeys(map(str.lower, asked)))
        yield Asked(origin, wanted, unsafe, refused=refused)


def _refusal(line: str) -> re.Match[str] | None:
    """Find a refusal in a line of a log. In an object of JSON, it is in one of the strings."""
    prefix, brace, rest = line.partition("{")
    if brace:
        with suppress(ValueError, RecursionError):
            values = json.loads(brace + rest).values()
            line = "\n".join([prefix, *(it for it in values if isinstance(it, str))])
    return _REFUSED.search(line)


def _refused_request(line: re.Match[str]) -> Asked:
    """Return the refused request of a line of the logger "corsfast.refused"."""
    _, _, origin, _, what, value = (part and _unquoted(part) for part in line.groups())
    method = value if what == "method" and value and is_token(value, MAX_METHOD) else None
    names = requested_names(value or "") if what == "header" else []
    return Asked(origin or "", method, tuple(names or ()), refused=True)


def read_refusals(text: str, source: str) -> list[Recorded]:
    """Read the distinct requests in lines of the logger "corsfast.refused", if there are any.

    A request that was refused as a cross-site request has the value of Sec-Fetch-Site.

    Raises:
        InputError: for more than `MAX_EXPLAINED`, with the line.
    """
    found: dict[tuple[object, ...], Recorded] = {}
    for number, whole in enumerate(text.split("\n"), 1):
        line = _refusal(whole[:MAX_LINE])
        if line is None:
            continue
        place = f"{source}:{number}"
        recorded = _recorded(line, place)
        found.setdefault((recorded.method, recorded.fields), recorded)
        if len(found) > MAX_EXPLAINED:
            message = f"there are more than {MAX_EXPLAINED} distinct requests; give fewer lines"
            raise InputError(f"{place}: {message}")
    return list(found.values())


def _recorded(line: re.Match[str], place: str) -> Recorded:
    _, _, origin, site, what, value = (part and _unquoted(part) for part in line.groups())
    names_method = line[1] != "OPTIONS" or what == "method"
    fields = {"Origin": None if line[3] == "nothing" else origin, fetch.SEC_FETCH_SITE: site}
    if line[1] == "OPTIONS":
        fields[fetch.REQUEST_METHOD] = value if names_method else "GET"  # which is never refused
        fields[fetch.REQUEST_HEADERS] = value if what == "header" else None
    given = tuple((name, it) for name, it in fields.items() if it is not None)
    # The quoted path and origin before this are an attacker's.
    forged = line.string.startswith((" is refused as a ", " is reported as a "), line.end(3))
    return Recorded(line[1], "", given, place, cross_site=forged, names_method=names_method)


def _unquoted(text: str) -> str:
    try:
        return str(literal_eval(text)) if text[0] in "'\"" else text
    except (SyntaxError, ValueError):
        return ""
