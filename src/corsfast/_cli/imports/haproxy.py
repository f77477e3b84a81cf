"""Read the policies of an HAProxy configuration: one for each section with CORS headers.

Executed are ``acl``, ``set-var``, ``capture``, ``return`` and the rules that set, add or delete a
response header, in their order. https://docs.haproxy.org/3.2/configuration.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..._proofs.regexes import RegexSyntaxError
from .reading import Reading, as_entry, containing
from .worlds import ORIGIN, READ, REQUESTED_HEADERS, REQUESTED_METHOD, UNKNOWN, explore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .worlds import Answer, World

SECTIONS = ("defaults", "frontend", "backend", "listen")
RESPONSES = ("http-response", "http-after-response")
ACTIONS = ("set-header", "add-header", "del-header")

# A word: escaped characters, quoted parts, and others up to a space or a comment.
_WORD = re.compile(r"""(?:\\.|"(?:\\.|[^"\\])*"|'[^']*'|[^\s#\\"']|\\$)+|#.*""")
_PART = re.compile(r"""\\(?P<escaped>[ #\\"'])|"(?P<weak>(?:\\.|[^"\\])*)"|'(?P<strong>[^']*)'|.""")
_EXPRESSION = re.compile(r"%\[([^\]]*)\]|%%")
_FETCH = re.compile(r"(?P<name>[\w.]+)(?:\((?P<argument>[^)]*)\))?(?P<converters>(?:,[^,]+)*)")
_HEADERS = {
    "origin": ORIGIN,
    "access-control-request-method": REQUESTED_METHOD,
    "access-control-request-headers": REQUESTED_HEADERS,
}
# How the patterns of an ACL match, by -m and by the end of the name of a fetch.
_HOW = {"str": "exact", "beg": "prefix", "end": "suffix", "sub": "contains", "reg": "regex"}

Line = tuple[int, list[str]]


def read_haproxy(file: str, text: str) -> Reading:
    """Read each section of a configuration."""
    reading = Reading()
    name, lines = "", list[Line]()
    sections = [(name, lines)]
    for number, line in enumerate(text.split("\n"), 1):
        words = split_words(line)
        if words and words[0] in (*SECTIONS, "global", "resolvers", "peers", "userlist"):
            lines = []
            sections.append((" ".join(words[:2]), lines))
        elif words:
            lines.append((number, words))
    for name, lines in sections:
        _read_section(file, name, lines, reading)
    return reading


def split_words(line: str) -> list[str]:
    """Return the words of a line without its comment."""
    return [_unquoted(word) for word in _WORD.findall(line) if word[0] != "#"]


def _unquoted(word: str) -> str:
    def part(match: re.Match[str]) -> str:
        weak = match["weak"]
        if weak is not None:
            return re.sub(r"\\([\\\"$])", r"\1", weak)
        return next((given for given in match.groups() if given is not None), match[0])

    return _PART.sub(part, word)


def _read_section(file: str, name: str, lines: list[Line], reading: Reading) -> None:
    for number, words in lines:
        known = words[0] in (*RESPONSES, "http-request", "acl", "capture")
        if not known and "access-control-allow-" in " ".join(words).lower():
            reading.skip(f"{file}:{number}: {words[0]}", "it is not read")

    def answer(world: World) -> Answer:
        return _Request(file, world, reading).answer(lines)

    found = explore(name, answer, reading)
    if found is not None:
        reading.policies.append(found)


@dataclass
class _Request:
    """One request that is processed."""

    file: str
    world: World
    reading: Reading
    acls: dict[str, list[Line]] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    captured: list[str] = field(default_factory=list)

    def answer(self, lines: list[Line]) -> Answer:
        """Return the headers of the answer."""
        headers: Answer = {}
        for number, words in lines:
            if words[0] == "acl":
                self.acls.setdefault(words[1], []).append((number, words[2:]))
            elif words[:2] == ["capture", "request"] and words[2:3] == ["header"]:
                self.captured.append(_HEADERS.get(words[3].lower(), UNKNOWN))
        for number, words in lines:
            action = words[1] if len(words) > 2 else ""
            if words[0] == "http-request" and self.request(number, words, headers):
                return headers
            if words[0] in RESPONSES and action in ACTIONS and words[2].lower() in READ:
                if self.holds(number, words):
                    self.change(number, words, headers)
        return headers

    def request(self, number: int, words: list[str], headers: Answer) -> bool:
        """Execute a rule for the request; return whether it answers."""
        action = words[1] if len(words) > 2 else ""
        if action.startswith("set-var(") and self.holds(number, words):
            self.variables[action[8:-1]] = self.sample(words[2])
        elif action == "capture":
            self.captured.append(self.sample(words[2]))
        elif action == "return" and self.holds(number, words):
            headers.clear()
            for at, word in enumerate(words[:-2]):
                if word == "hdr" and words[at + 1].lower() in READ:
                    value = self.formatted(words[at + 2])
                    headers[words[at + 1].lower()] = value, self.place(number, words[at + 1])
            return True
        return False

    def change(self, number: int, words: list[str], headers: Answer) -> None:
        _, action, name, *rest = words
        key, place = name.lower(), self.place(number, name)
        if action == "del-header":
            headers.pop(key, None)
        elif rest:
            value = self.formatted(rest[0])
            if action == "add-header" and key in headers:
                self.reading.skip(place, "the header is doubled; browsers refuse such an answer")
            headers[key] = value, place

    def place(self, number: int, what: str) -> str:
        return f"{self.file}:{number}: {what}"

    # -- values ------------------------------------------------------------------------------

    def formatted(self, text: str) -> str:
        return _EXPRESSION.sub(
            lambda match: "%" if match[1] is None else self.sample(match[1]), text
        )

    def sample(self, expression: str) -> str:
        """Return the value of an expression."""
        match = _FETCH.fullmatch(expression)
        if match is None or set(match["converters"].split(",")) - {"", "lower"}:
            return UNKNOWN
        name, argument = match["name"], match["argument"] or ""
        if name in ("hdr", "req.hdr", "req.fhdr"):
            return _HEADERS.get(argument.partition(",")[0].lower(), UNKNOWN)
        if name == "capture.req.hdr" and argument.isdecimal():
            return self.captured[int(argument)] if int(argument) < len(self.captured) else ""
        if name == "var":
            return self.variables.get(argument, "")
        if name == "str":
            return argument
        return self.world.method if name == "method" else UNKNOWN

    # -- conditions --------------------------------------------------------------------------

    def holds(self, number: int, words: list[str]) -> bool:
        """Return whether the condition at the end of a rule is true, as far as it is known."""
        at = next((i for i, word in enumerate(words) if word in ("if", "unless")), None)
        if at is None:
            return True
        found = any(self.all_of(number, terms) for terms in _split(words[at + 1 :], ("or", "||")))
        return found == (words[at] == "if")

    def all_of(self, number: int, terms: list[str]) -> bool:
        while terms:
            word, terms = terms[0], terms[1:]
            negated = word.startswith("!")
            word = word.removeprefix("!") or (terms.pop(0) if terms else "")
            if word == "{" and "}" in terms:
                end = terms.index("}")
                held = self.matches(number, terms[:end])
                terms = terms[end + 1 :]
            else:
                held = self.named(number, word)
            if held is None or held == negated:
                return False
        return True

    def named(self, number: int, name: str) -> bool | None:
        """Return whether an ACL matches; it does if one of its lines does."""
        if name.startswith("METH_"):
            return self.world.method == name.removeprefix("METH_")
        if name in ("TRUE", "FALSE"):
            return name == "TRUE"
        found = [self.matches(line, words) for line, words in self.acls.get(name, [])]
        if not found:
            self.reading.skip(self.place(number, name), "there is no such ACL in this section")
            return None
        return True if True in found else None if None in found else False

    def matches(self, number: int, words: list[str]) -> bool | None:
        """Return whether an expression matches one of the patterns; ``None`` if not known."""
        expression, *rest = words or [""]
        place = self.place(number, expression)
        end = expression.partition("(")[0].rpartition("_")[2]
        how = "exact"
        if end in _HOW:  # hdr_beg(origin)
            how, expression = _HOW[end], expression.replace(f"_{end}", "", 1)
        value, ignore_case = self.sample(expression), False
        while rest and rest[0].startswith("-"):
            flag, *rest = rest
            if flag == "-i":
                ignore_case = True
            elif flag == "-m" and rest:
                if rest[0] == "found":
                    return value != "" if value == ORIGIN or UNKNOWN not in value else None
                how, *rest = _HOW.get(rest[0], ""), *rest[1:]
            elif flag == "--":
                break
            else:
                how = ""
        if how == "" or (UNKNOWN in value and value != ORIGIN):
            self.reading.skip(place, "the condition is not read")
            return None
        found = [self.pattern(text, value, how, ignore_case, place) for text in rest]
        return True if True in found else None if None in found else False

    def pattern(
        self, text: str, value: str, how: str, ignore_case: bool, place: str
    ) -> bool | None:
        entry: object
        try:
            if how == "regex":
                entry = as_entry(text, how="search", ignore_case=ignore_case)
            else:
                entry = containing(text.lower() if ignore_case else text, how)
        except RegexSyntaxError as error:
            self.reading.skip(place, f"{text!r} is not a valid regex: {error}")
            return None
        if value == ORIGIN:
            return self.world.matches(entry, place)
        if isinstance(entry, re.Pattern):
            return entry.fullmatch(value) is not None
        return value.lower() == text.lower() if ignore_case else value == text


def _split(words: list[str], separators: tuple[str, ...]) -> list[list[str]]:
    """Return the parts of a list between separators."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word in separators:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts
