"""Read the policies of an HAProxy configuration: one for each section with CORS headers.

Executed are ``acl``, ``set-var``, ``capture``, ``return`` and the rules that set, add or delete a
response header, in their order. https://docs.haproxy.org/3.2/configuration.html
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile

from .reading import CHARACTERS_OF_A_STEP, Reading, containing
from .worlds import ORIGIN, READ, REQUESTED_HEADERS, REQUESTED_METHOD, UNKNOWN, Choices, explore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .worlds import Answer, World

SECTIONS = ("defaults", "frontend", "backend", "listen")
RESPONSES = ("http-response", "http-after-response")
ACTIONS = ("set-header", "add-header", "del-header")

# A word: escaped characters, quoted parts, and others up to a space or a comment.
_WORD = re.compile(r"""(?:\\.|"(?:\\.|[^"\\])*"|'[^']*'|[^\s#\\"']|\\$)+|#.*""")
_PART = re.compile(r"""\\(?P<escaped>[ #\\"'])|"(?P<weak>(?:\\.|[^"\\])*)"|'(?P<strong>[^']*)'|.""")
_EXPRESSION = re.compile(r"%\[([^\]]*)(\])?|%%")
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
    section = _Section(file, reading)
    for number, words in lines:
        section.add(number, words)
    kinds = ("http-request", *RESPONSES)
    section.rules.sort(key=lambda rule: kinds.index(rule.words[0]))  # as HAProxy executes them

    def answer(world: World) -> Answer:
        return _Request(section, world, list(section.captured)).answer()

    found = explore(name, answer, reading)
    if found is not None:
        reading.policies.append(found)


@dataclass
class _Test:
    """An expression, and the patterns that it is compared with.

    Attributes:
        how: a value of `_HOW`, ``found`` for any value, or ``""`` for what is not read.
        patterns: each with its place.
    """

    place: str
    expression: str
    how: str
    ignore_case: bool
    patterns: list[tuple[str, str]]
    reading: Reading

    @cached_property
    def entries(self) -> list[tuple[object, str]]:
        """The patterns as entries, with ``None`` for one that is not valid."""
        return [(self._entry(text, place), place) for text, place in self.patterns]

    def _entry(self, text: str, place: str) -> object:
        if self.how == "regex":
            return self.reading.regex(text, place, how="search", ignore_case=self.ignore_case)
        return containing(text.lower() if self.ignore_case else text, self.how)

    @cached_property
    def otherwise(self) -> bool | None:
        """The result for a value that no valid pattern matches."""
        return None if any(entry is None for entry, _ in self.entries) else False

    @cached_property
    def choices(self) -> Choices[bool | None]:
        """Whether an origin matches."""
        found = Choices(self.otherwise)
        for entry, place in self.entries:
            if entry is not None:
                found.add(entry, True, place)
        return found


@dataclass
class _Rule:
    """A rule with its condition: lists of tests and names of ACLs, of which one has to hold."""

    number: int
    words: list[str]
    is_unless: bool
    condition: list[list[tuple[bool, str | _Test]]]


@dataclass
class _Section:
    """The lines of a section that have a part in an answer."""

    file: str
    reading: Reading
    acls: dict[str, dict[object, _Test]] = field(default_factory=lambda: defaultdict(dict))
    captured: list[str] = field(default_factory=list)
    rules: list[_Rule] = field(default_factory=list)

    def add(self, number: int, words: list[str]) -> None:
        """Add a line."""
        kind, action, name = (*words, "", "")[:3]
        if kind == "acl":
            test = self.test(number, words[2:])
            # Lines with the same name and expression are one test, because any of them may match.
            same = test.expression, test.how, test.ignore_case
            known = self.acls[action].setdefault(same, test)
            if known is not test:
                known.patterns += test.patterns
        elif words[:3] == ["capture", "request", "header"]:
            self.captured.append(_HEADERS.get("".join(words[3:4]).lower(), UNKNOWN))
        elif kind in RESPONSES:
            if action in ACTIONS and name.lower() in READ:
                self.rules.append(self.rule(number, words))
        elif kind == "http-request":
            if name and (action.startswith("set-var(") or action in ("capture", "return")):
                self.rules.append(self.rule(number, words))
        elif kind != "capture" and "access-control-allow-" in " ".join(words).lower():
            self.reading.skip(self.place(number, kind), "it is not read")

    def rule(self, number: int, words: list[str]) -> _Rule:
        """Read the condition at the end of a rule."""
        at = next((i for i, word in enumerate(words) if word in ("if", "unless")), None)
        if at is None:
            return _Rule(number, words, is_unless=False, condition=[[]])
        condition = [
            list(self.terms(number, terms)) for terms in _split(words[at + 1 :], ("or", "||"))
        ]
        return _Rule(number, words, words[at] == "unless", condition)

    def terms(self, number: int, words: list[str]) -> Iterator[tuple[bool, str | _Test]]:
        """Yield each test and name, with whether it is negated."""
        rest, ends = iter(words), words.count("}")
        for word in rest:
            is_negated = word.startswith("!")
            term = word.removeprefix("!") or next(rest, "")
            if term == "{" and ends:
                yield is_negated, self.test(number, list(takewhile("}".__ne__, rest)))
                ends -= 1
            else:
                yield is_negated, term
                ends -= term == "}"

    def test(self, number: int, words: list[str]) -> _Test:
        """Read an expression with its flags and patterns."""
        written = expression = words[0] if words else ""
        end = expression.partition("(")[0].rpartition("_")[2]
        how, ignore_case = "exact", False
        if end in _HOW:  # hdr_beg(origin)
            how, expression = _HOW[end], expression.replace(f"_{end}", "", 1)
        rest = iter(words[1:])
        patterns = []
        for word in rest:
            if not word.startswith("-"):
                patterns.append(word)
                break
            if word == "--":
                break
            if word == "-i":
                ignore_case = True
            else:
                method = next(rest, "") if word == "-m" else ""
                how = "found" if method == "found" else _HOW.get(method, "")
                if how == "found":
                    break
        place = self.place(number, written)
        listed = [(text, place) for text in (*patterns, *rest)]
        return _Test(place, expression, how, ignore_case, listed, self.reading)

    def place(self, number: int, what: str) -> str:
        return f"{self.file}:{number}: {what}"


@dataclass
class _Request:
    """One request that is processed."""

    section: _Section
    world: World
    captured: list[str]
    variables: dict[str, str] = field(default_factory=dict)

    def answer(self) -> Answer:
        """Return the headers of the answer."""
        headers: Answer = {}
        is_returned = False
        for rule in self.section.rules:
            self.section.reading.step()
            kind = rule.words[0]
            if is_returned and kind != "http-after-response":
                continue
            if kind == "http-request":
                is_returned = self.request(rule, headers)
            elif self.holds(rule):
                self.change(rule.number, rule.words, headers)
        return headers

    def request(self, rule: _Rule, headers: Answer) -> bool:
        """Execute a rule for the request; return whether it answers."""
        number, words = rule.number, rule.words
        action = words[1]
        if action == "capture":
            self.captured.append(self.sample(words[2]))
        elif not self.holds(rule):
            return False
        elif action != "return":
            self.variables[action[8:-1]] = self.sample(words[2])
        else:
            headers.clear()
            for at, word in enumerate(words[:-2]):
                if word == "hdr" and words[at + 1].lower() in READ:
                    value = self.formatted(words[at + 2])
                    place = self.section.place(number, words[at + 1])
                    headers[words[at + 1].lower()] = value, place
            return True
        return False

    def change(self, number: int, words: list[str], headers: Answer) -> None:
        _, action, name, *rest = words
        key, place = name.lower(), self.section.place(number, name)
        if action == "del-header":
            headers.pop(key, None)
        elif rest:
            value = self.formatted(rest[0])
            if action == "add-header" and key in headers:
                message = "the header is doubled; browsers refuse such an answer"
                self.section.reading.skip(place, message)
            headers[key] = value, place

    # -- values ------------------------------------------------------------------------------

    def formatted(self, text: str) -> str:
        self.section.reading.step(len(text) // CHARACTERS_OF_A_STEP)

        def value(match: re.Match[str]) -> str:
            if match[1] is None:
                return "%"
            return match[0] if match[2] is None else self.sample(match[1])

        return _EXPRESSION.sub(value, text)

    def sample(self, expression: str) -> str:
        """Return the value of an expression."""
        match = _FETCH.fullmatch(expression)
        if match is None or set(match["converters"].split(",")) - {"", "lower"}:
            return UNKNOWN
        name, argument = match["name"], match["argument"] or ""
        if name in ("hdr", "req.hdr", "req.fhdr"):
            return _HEADERS.get(argument.partition(",")[0].lower(), UNKNOWN)
        if name == "capture.req.hdr" and argument.isdecimal():
            known = len(argument) < 10 and int(argument) < len(self.captured)
            return self.captured[int(argument)] if known else ""
        if name == "var":
            return self.variables.get(argument, "")
        if name == "str":
            return argument
        return self.world.method if name == "method" else UNKNOWN

    # -- conditions --------------------------------------------------------------------------

    def holds(self, rule: _Rule) -> bool:
        """Return whether the condition of a rule is true, as far as it is known."""
        return any(self.all_of(rule, terms) for terms in rule.condition) != rule.is_unless

    def all_of(self, rule: _Rule, terms: list[tuple[bool, str | _Test]]) -> bool:
        for is_negated, term in terms:
            self.section.reading.step()
            held = self.matches(term) if isinstance(term, _Test) else self.named(rule, term)
            if held is None or held == is_negated:
                return False
        return True

    def named(self, rule: _Rule, name: str) -> bool | None:
        """Return whether an ACL matches; it does if one of its lines does."""
        if name.startswith("METH_"):
            return self.world.method == name.removeprefix("METH_")
        if name in ("TRUE", "FALSE"):
            return name == "TRUE"
        tests = self.section.acls.get(name)
        if tests is None:
            place = self.section.place(rule.number, name)
            self.section.reading.skip(place, "there is no such ACL in this section")
            return None
        found = [self.matches(test) for test in tests.values()]
        return True if True in found else None if None in found else False

    def matches(self, test: _Test) -> bool | None:
        """Return whether an expression matches one of the patterns; ``None`` if not known."""
        value = self.sample(test.expression)
        if test.how and value == ORIGIN:
            return test.how == "found" or self.world.choose(test.choices)
        self.section.reading.step(1 + len(test.patterns))
        if test.how == "found":
            return None if UNKNOWN in value else value != ""
        if not test.how or UNKNOWN in value:
            for place in (test.place, *(place for _, place in test.patterns)):
                self.section.reading.skip(place, "the condition is not read")
            return None
        folded = value.lower() if test.ignore_case else value
        result = test.otherwise
        for entry, place in test.entries:
            held: bool | None = entry == folded
            if isinstance(entry, re.Pattern):
                held = self.section.reading.matches(entry, folded, place)
            if held:
                return True
            if held is None:
                result = None
        return result


def _split(words: list[str], separators: tuple[str, ...]) -> list[list[str]]:
    """Return the parts of a list between separators."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word in separators:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts
