"""Read the policies of an nginx configuration: one for each server and location with headers.

Executed are ``add_header``, ``map``, ``set``, ``if``, ``return`` and ``break``, as nginx does: a
block without an ``add_header`` inherits those of the block around it, and an ``if`` that is true is
such a block. https://nginx.org/en/docs/http/ngx_http_headers_module.html
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

from ..._proofs.regexes import compile_quietly
from ..check.subject import UnreadableError
from .reading import CHARACTERS_OF_A_STEP, Reading
from .worlds import (
    ACAO,
    ORIGIN,
    READ,
    REQUESTED_HEADERS,
    REQUESTED_METHOD,
    UNKNOWN,
    Choices,
    explore,
)
from .yaml_lines import INSTALL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .worlds import Answer, World

    Directives = list[dict[str, Any]]
    # The `map` of a variable; None for one that `set` assigns.
    Maps = dict[str, "_Map" | None]

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_KNOWN = {
    "http_origin": ORIGIN,
    "http_access_control_request_method": REQUESTED_METHOD,
    "http_access_control_request_headers": REQUESTED_HEADERS,
}
# Directives that have been read, or that have no part in an answer.
_READ = re.compile("add_header|if|map|set|[a-z]+_hide_header")
# Directives whose arguments are checked.
_CHECKED = re.compile(f"{_READ.pattern}|break|http|include|location|return|server|server_name")
_OPERATORS = ("=", "!=", "~", "!~", "~*", "!~*")


def read_nginx(file: str, text: str) -> Reading:  # noqa: ARG001 - crossplane also reads includes
    """Read each server and location of a configuration, and of the files that it includes."""
    try:
        import crossplane
    except ImportError:
        raise UnreadableError(f"{file}: nginx needs crossplane; {INSTALL}") from None
    # `_error` checks the arguments, because crossplane does so only in a file with `http`.
    payload = crossplane.parse(file, check_ctx=False, check_args=False, onerror=lambda _error: None)
    reading = Reading()
    for error in payload["errors"]:
        place = f"{error['file']}:{error['line']}" if error["line"] else error["file"]
        reading.skip(place, _reason(str(error["error"])) or "it is not a file of nginx")
    files = [_File(each["file"], each["parsed"], reading) for each in payload["config"]]
    top = list(files[0].directives(files[0].parsed, files))
    maps: Maps = {}
    _collect(top, maps, reading)
    _walk("nginx", top, [], maps, reading)
    return reading


def _reason(error: str) -> str:
    """Return the message of an error without the place at its end."""
    return re.sub(r" in \S+:\d+$", "", error)


class _File:
    """A file, as crossplane parsed it, and the directives in it that nginx refuses."""

    def __init__(self, name: str, parsed: Directives, reading: Reading) -> None:
        self.name, self.parsed, self.reading = name, parsed, reading
        self.refused: set[tuple[int, str]] = set()
        self.check()

    def check(self) -> None:
        """Skip each directive that nginx refuses."""
        line, words, blocks = 1, list[str](), [""]
        for token, number, quoted in chain(_tokens(self.name), [("", 0, False)]):
            if token.startswith("#") and not quoted:
                continue
            if quoted or token not in ("{", "}", ";", ""):
                line = line if words else number
                words.append(token)
                continue
            error = _error(words, token, blocks[-1])
            if error:
                self.reading.skip(f"{self.name}:{line if words else number}", error)
                self.refused.add((line, words[0]) if words else (number, token))
            if token == "{":
                blocks.append(words[0] if words else "")
            elif token == "}":
                blocks.pop()
            words = []

    def directives(self, block: Directives, files: list[_File]) -> Iterator[dict[str, Any]]:
        """Yield the directives of a block with their file, and those of the files it includes."""
        for each in block:
            self.reading.step()
            if each["directive"] == "#" or (each["line"], each["directive"]) in self.refused:
                continue
            for index in each.get("includes", ()):
                yield from files[index].directives(files[index].parsed, files)
            if "includes" not in each:
                inner = list(self.directives(each.get("block", []), files))
                yield {**each, "file": self.name, "block": inner}


def _tokens(file: str) -> Iterator[tuple[str, int, bool]]:
    """Yield each token with its line and whether it is quoted, as far as the file is valid."""
    from crossplane import lex
    from crossplane.errors import NgxParserSyntaxError

    with suppress(OSError, NgxParserSyntaxError):  # they are errors of the parser too
        yield from lex(file)


def _error(words: list[str], end: str, block: str) -> str | None:
    """Return why nginx refuses a directive, as far as it matters for those that are read."""
    from crossplane.analyzer import analyze
    from crossplane.errors import NgxParserDirectiveArgumentsError

    if not words:
        return f'unexpected "{end}"' if end in ("{", ";") else None
    name, *args = words
    if end not in ("{", ";"):
        return f'directive "{name}" is not terminated by ";"'
    # In other blocks the words may be values, as in `map`.
    if block not in ("", "http", "server", "location", "if", "limit_except"):
        return None
    # A line without its `;` has the next line as further arguments.
    if end == "{" or any(map(_CHECKED.fullmatch, words)):
        try:
            analyze("", {"directive": name, "args": args, "line": 0}, end, check_ctx=False)
        except NgxParserDirectiveArgumentsError as error:
            return str(error.strerror)
    if name == "add_header" and args[2:] not in ([], ["always"]):
        return f'invalid parameter "{args[2]}"'
    if name == "if" and not (args[0].startswith("(") and args[-1].endswith(")")):
        return f'invalid condition "{args[0]}"'
    return None


def _place(directive: dict[str, Any]) -> str:
    return f"{directive['file']}:{directive['line']}"


def _collect(block: Directives, maps: Maps, reading: Reading) -> None:
    """Collect the maps by their variable, and skip directives that are not read."""
    for directive in block:
        name, args = directive["directive"], directive["args"]
        if name == "map" and len(args) == 2:
            maps[args[1].removeprefix("$")] = _Map(directive, reading)
        elif name == "set" and args:
            maps.setdefault(args[0].removeprefix("$"), None)
        elif not _READ.fullmatch(name) and "access-control-" in " ".join(args).lower():
            reading.skip(f"{_place(directive)}: {name}", "it is not read")
        if name != "map":
            _collect(directive.get("block", []), maps, reading)


class _Map:
    """A ``map``. Its exact keys come first, then its regexes in their order."""

    def __init__(self, directive: dict[str, Any], reading: Reading) -> None:
        self.source: str = directive["args"][0]
        self.reading = reading
        self.default = ""
        self.exact: dict[str, dict[str, Any]] = {}
        self.regexes: list[tuple[str, str, dict[str, Any]]] = []
        for each in directive["block"]:
            key = each["directive"]
            operator = re.match(r"~\*?|", key)[0]  # type: ignore[index]
            text = key.removeprefix(operator or "\\")  # a regex keeps its first `\`
            if key in ("hostnames", "volatile") and not each["args"]:
                continue
            if len(each["args"]) != 1:
                reading.skip(_place(each), "invalid number of the map parameters")
            elif key == "default":
                self.default = each["args"][0]
            elif operator:
                self.regexes.append((operator, text, each))
            else:  # it compares without regard to case
                self.exact.setdefault(text.lower(), each)

    @cached_property
    def choices(self) -> Choices[str]:
        """The value for each origin."""
        found = Choices(self.default)
        for text, each in self.exact.items():
            found.add(text, each["args"][0], _place(each))
        for operator, text, each in self.regexes:
            ignore_case = operator == "~*"
            place = _place(each)
            entry = self.reading.regex(text, place, how="search", ignore_case=ignore_case)
            if entry is not None:
                found.add(entry, each["args"][0], place)
        return found


class _Block:
    """The directives of a block that have a part in an answer, each `if` with its block."""

    def __init__(self, directives: Directives) -> None:
        self.headers = [each for each in directives if each["directive"] == "add_header"]
        self.rewrites = [
            (each, _Block(each.get("block", [])))
            for each in directives
            if each["directive"] in ("set", "if", "return", "break")
        ]


def _walk(
    name: str, directives: Directives, around: list[_Block], maps: Maps, reading: Reading
) -> None:
    """Read a block and the servers and locations in it."""
    chain = [*around, _Block(directives)]

    def answer(world: World) -> Answer:
        return _Request(world, maps, reading).answer(chain)

    found = explore(name, answer, reading)
    if found is not None:
        reading.policies.append(found)
    for directive in directives:
        kind, args, block = directive["directive"], directive["args"], directive.get("block", [])
        if kind == "http":
            _walk(name, block, chain, maps, reading)
        elif kind == "server":
            listed = [each["args"] for each in block if each["directive"] == "server_name"]
            names = next(filter(None, listed), [kind])
            _walk(names[0], block, chain, maps, reading)
        elif kind == "location":
            _walk(" ".join([name, *args[-1:]]), block, chain, maps, reading)


@dataclass
class _Request:
    """One request that is processed."""

    world: World
    maps: Maps
    reading: Reading
    variables: dict[str, str] = field(default_factory=dict)
    refused: bool = False  # with the status of an error

    def answer(self, chain: list[_Block]) -> Answer:
        """Return the headers of the answer in the innermost block."""
        chain = list(chain)
        for depth, block in enumerate(chain):
            stopped, inner = self.execute(block)
            if stopped:
                chain = chain[: depth + 1]
            if inner is not None and (stopped or depth == len(chain) - 1):
                chain.append(inner)
            if stopped:
                break
        if self.refused:
            return {}
        given = next((block.headers for block in reversed(chain) if block.headers), [])
        return self.headers(given)

    def execute(self, block: _Block) -> tuple[bool, _Block | None]:
        """Execute the rewrite directives; return whether one ends it, and the last true `if`."""
        inner = None
        for directive, own in block.rewrites:
            self.reading.step()
            name, args = directive["directive"], directive["args"]
            if name == "set" and len(args) == 2:
                self.variables[args[0].removeprefix("$")] = self.value(args[1])
            elif name == "if" and self.condition(args, directive):
                inner = own
                stopped, _ = self.execute(inner)
                if stopped:
                    return True, inner
            elif name in ("return", "break"):
                self.refused = name == "return" and re.fullmatch("[45][0-9]+", args[0]) is not None
                return name == "return", inner
        return False, inner

    def headers(self, given: Directives) -> Answer:
        found: Answer = {}
        for directive in given:
            self.reading.step()
            name, *rest = directive["args"]
            if name.lower() not in READ or not rest:
                continue
            value = self.value(rest[0])
            if not value:
                continue  # nginx sends no empty header
            place = f"{_place(directive)}: {name}"
            if name.lower() in found and found[name.lower()][0] != value:
                self.reading.skip(place, "the header is doubled; browsers refuse such an answer")
            found[name.lower()] = value, place
            if name.lower() == ACAO and "always" not in rest[1:]:
                self.reading.note(f"{place}: without `always`, error responses lack the header")
        return found

    def condition(self, args: list[str], directive: dict[str, Any]) -> bool:
        value = self.value(args[0]) if args else UNKNOWN
        if len(args) == 1:
            is_true = value.replace(UNKNOWN, "") not in ("", "0")
            if UNKNOWN in value and not is_true:
                self.reading.skip(_place(directive), "the condition depends on what is not read")
            return is_true
        if len(args) != 3 or args[1] not in _OPERATORS:
            self.reading.skip(_place(directive), "the condition depends on what is not read")
            return False
        operator, text = args[1:]
        if operator in ("=", "!="):
            text = self.value(text)
        matched = self.matches(value, operator.lstrip("!"), text, directive)
        return matched is not None and matched != operator.startswith("!")

    def matches(self, value: str, operator: str, text: str, at: dict[str, Any]) -> bool | None:
        """Return whether a value matches; ``None`` if it is not known."""
        self.reading.step()
        place = _place(at)
        ignore_case = operator == "~*"
        entry: object = text
        if operator != "=":
            entry = self.reading.regex(text, place, how="search", ignore_case=ignore_case)
            if entry is None:
                return None
        if value == ORIGIN:
            return self.world.matches(entry, place)
        if UNKNOWN in value:
            self.reading.skip(place, "the condition depends on what is not read")
            return None
        if isinstance(entry, re.Pattern):
            regex = compile_quietly(entry.pattern, re.IGNORECASE if ignore_case else 0)
            return self.reading.matches(regex, value, place)
        return value == text

    def value(self, text: str) -> str:
        value = _VARIABLE.sub(lambda match: self.variable(match[1] or match[2]), text)
        self.reading.step(len(value) // CHARACTERS_OF_A_STEP)
        return value

    def variable(self, name: str) -> str:
        if name in self.variables:
            return self.variables[name]
        if name == "request_method":
            return self.world.method
        if name in self.maps:
            given = self.maps[name]
            if given is None:
                return ""
            self.variables[name] = UNKNOWN  # a map that needs itself
            self.variables[name] = self.mapped(given)
            return self.variables[name]
        return _KNOWN.get(name, UNKNOWN)

    def mapped(self, given: _Map) -> str:
        """Return the value of a map."""
        source = self.value(given.source)
        if source == ORIGIN:
            return self.value(self.world.choose(given.choices))
        if UNKNOWN in source:
            return UNKNOWN
        matching = (it for op, text, it in given.regexes if self.matches(source, op, text, it))
        each = given.exact.get(source.lower()) or next(matching, None)
        return self.value(given.default if each is None else each["args"][0])
