"""Read the policies of an nginx configuration: one for each server and location with headers.

Executed are ``add_header``, ``map``, ``set``, ``if``, ``return`` and ``break``, as nginx does: a
block without an ``add_header`` inherits those of the block around it, and an ``if`` that is true is
such a block. https://nginx.org/en/docs/http/ngx_http_headers_module.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..._proofs.regexes import RegexSyntaxError
from ..check.subject import UnreadableError
from .reading import Reading, as_entry
from .worlds import ACAO, ORIGIN, READ, REQUESTED_HEADERS, REQUESTED_METHOD, UNKNOWN, explore
from .yaml_lines import INSTALL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .worlds import Answer, World

    Block = list[dict[str, Any]]
    # The `map` of a variable; None for one that `set` assigns.
    Maps = dict[str, dict[str, Any] | None]

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_KNOWN = {
    "http_origin": ORIGIN,
    "http_access_control_request_method": REQUESTED_METHOD,
    "http_access_control_request_headers": REQUESTED_HEADERS,
}
# Directives that have been read, or that have no part in an answer.
_READ = re.compile("add_header|if|map|set|[a-z]+_hide_header")


def read_nginx(file: str, text: str) -> Reading:  # noqa: ARG001 - crossplane also reads includes
    """Read each server and location of a configuration, and of the files that it includes."""
    try:
        import crossplane
    except ImportError:
        raise UnreadableError(f"{file}: nginx needs crossplane; {INSTALL}") from None
    payload = crossplane.parse(
        file, combine=True, check_ctx=False, check_args=False, onerror=lambda _error: None
    )
    reading = Reading()
    for error in payload["errors"]:
        place = f"{error['file']}:{error['line']}" if error["line"] else error["file"]
        reading.skip(place, _reason(str(error["error"])) or "it is not a file of nginx")
    top: Block = payload["config"][0]["parsed"]
    maps: Maps = {}
    _collect(top, maps, reading)
    _walk("nginx", [top], maps, reading)
    return reading


def _reason(error: str) -> str:
    """Return the message of an error without the place at its end."""
    return re.sub(r" in \S+:\d+$", "", error)


def _place(directive: dict[str, Any]) -> str:
    return f"{directive['file']}:{directive['line']}"


def _collect(block: Block, maps: Maps, reading: Reading) -> None:
    """Collect the maps by their variable, and skip directives that are not read."""
    for directive in block:
        name, args = directive["directive"], directive["args"]
        if name == "map" and len(args) == 2:
            maps[args[1].removeprefix("$")] = directive
        elif name == "set" and args:
            maps.setdefault(args[0].removeprefix("$"), None)
        elif not _READ.fullmatch(name) and "access-control-" in " ".join(args).lower():
            reading.skip(f"{_place(directive)}: {name}", "it is not read")
        if name != "map":
            _collect(directive.get("block", []), maps, reading)


def _walk(name: str, chain: list[Block], maps: Maps, reading: Reading) -> None:
    """Read a block and the servers and locations in it."""

    def answer(world: World) -> Answer:
        return _Request(world, maps, reading).answer(chain)

    found = explore(name, answer, reading)
    if found is not None:
        reading.policies.append(found)
    for directive in chain[-1]:
        kind, args, block = directive["directive"], directive["args"], directive.get("block", [])
        if kind == "http":
            _walk(name, [*chain, block], maps, reading)
        elif kind == "server":
            names = [each["args"] for each in block if each["directive"] == "server_name"]
            _walk(names[0][0] if names else kind, [*chain, block], maps, reading)
        elif kind == "location":
            _walk(f"{name} {args[-1]}", [*chain, block], maps, reading)


@dataclass
class _Request:
    """One request that is processed."""

    world: World
    maps: Maps
    reading: Reading
    variables: dict[str, str] = field(default_factory=dict)
    refused: bool = False  # with the status of an error

    def answer(self, chain: list[Block]) -> Answer:
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
        for block in reversed(chain):
            if given := [each for each in block if each["directive"] == "add_header"]:
                return self.headers(given)
        return {}

    def execute(self, block: Block) -> tuple[bool, Block | None]:
        """Execute the rewrite directives; return whether one ends it, and the last true `if`."""
        inner = None
        for directive in block:
            name, args = directive["directive"], directive["args"]
            if name == "set" and len(args) == 2:
                self.variables[args[0].removeprefix("$")] = self.value(args[1])
            elif name == "if" and self.condition(args, directive):
                inner = directive["block"]
                stopped, _ = self.execute(inner)
                if stopped:
                    return True, inner
            elif name in ("return", "break"):
                self.refused = name == "return" and re.fullmatch("[45][0-9]+", args[0]) is not None
                return name == "return", inner
        return False, inner

    def headers(self, given: Block) -> Answer:
        found: Answer = {}
        for directive in given:
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
        value = self.value(args[0])
        if len(args) == 1:
            is_true = value.replace(UNKNOWN, "") not in ("", "0")
            if UNKNOWN in value and not is_true:
                self.reading.skip(_place(directive), "the condition depends on what is not read")
            return is_true
        operator, *operand = args[1:]
        text = " ".join(operand)
        if operator in ("=", "!="):
            text = self.value(text)
        matched = self.matches(value, operator.lstrip("!"), text, directive)
        return matched is not None and matched != operator.startswith("!")

    def matches(self, value: str, operator: str, text: str, at: dict[str, Any]) -> bool | None:
        """Return whether a value matches; ``None`` if it is not known."""
        place = _place(at)
        entry: object = text
        if operator != "=":
            try:
                entry = as_entry(text, how="search", ignore_case=operator == "~*")
            except RegexSyntaxError as error:
                self.reading.skip(place, f"{text!r} is not a valid regex: {error}")
                return None
        if value == ORIGIN:
            return self.world.matches(entry, place)
        if UNKNOWN in value or (operator not in ("=", "~", "~*")):
            self.reading.skip(place, "the condition depends on what is not read")
            return None
        if isinstance(entry, re.Pattern):
            regex = re.compile(entry.pattern, re.IGNORECASE if operator == "~*" else 0)
            return regex.fullmatch(value) is not None
        return value == text

    def value(self, text: str) -> str:
        return _VARIABLE.sub(lambda match: self.variable(match[1] or match[2]), text)

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

    def mapped(self, given: dict[str, Any]) -> str:
        """Return the value of a map: exact keys first, then regexes in their order."""
        source = self.value(given["args"][0])
        if UNKNOWN in source and source != ORIGIN:
            return UNKNOWN
        entries = [each for each in given["block"] if each["args"]]
        default = ""
        for regexes in (False, True):
            for each in entries:
                key = each["directive"]
                if key == "default":
                    default = self.value(each["args"][0])
                elif key.startswith("~") == regexes:
                    operator = re.match(r"~\*?|", key)[0] or "="  # type: ignore[index]
                    text = key.removeprefix(operator).removeprefix("\\")
                    if not regexes:  # exact keys compare without regard to case
                        text = text.lower()
                        source = source.lower()
                    if self.matches(source, operator, text, each):
                        return self.value(each["args"][0])
        return default
